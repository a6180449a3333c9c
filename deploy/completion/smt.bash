# Completion of the smt tools in bash: each tool says itself what may follow. One line a word; topics are quoted.
_smt() {
  local word
  COMPREPLY=()
  while IFS= read -r word; do
    COMPREPLY+=("$(printf %q "$word")")
  done < <("$1" --complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _smt smt smttopic smtcore smtdoctor smttop smtlogger smtsinewave smtreplay smtrelay_pub smtrelay_sub \
  smtrelay_proxy smtrelay_client smtrelay_keygen smtrelay_health smt-api-builder smt-register-builder
