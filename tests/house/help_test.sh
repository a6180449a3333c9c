#!/bin/sh
# --help of each tool and of each of its verbs is that of tests/vectors/help, so that a change of the command line is
# seen in review. After one that is meant: SMT_RENEW=1 ctest -R help_test
set -eu
source_dir=$1
build_dir=$2
. "$source_dir/tests/house/check.sh"
kept=$source_dir/tests/vectors/help

# told FILE PROGRAM [VERB]
told() {
  file=$1
  shift
  "$@" --help | sed 's/\[SMT_NAME or [^]]*\]/[SMT_NAME or HOST]/; s/\[SMT_ROOT or [^]]*\]/[SMT_ROOT or ROOT]/' >"$TMP/$file"
  if [ -n "${SMT_RENEW:-}" ]; then cp "$TMP/$file" "$kept/$file"; fi
  check "$file" diff -u "$kept/$file" "$TMP/$file"
}
for tool in smt smttopic smtcore smtdoctor smttop smtlogger smtsinewave smtreplay smtrelay_pub smtrelay_sub \
  smtrelay_proxy smtrelay_client smtrelay_keygen smtrelay_health smt-api-builder smt-register-builder; do
  program=$build_dir/bin/$tool
  told "$tool.txt" "$program"
  [ "$tool" = smt ] && continue  # its words are tools
  for verb in $(SMT_ROOT=$TMP/none "$program" --complete ''); do
    told "$tool.$verb.txt" "$program" "$verb"
  done
done
for file in "$kept"/*.txt; do
  check "$(basename "$file") is of a tool or verb that there is" test -e "$TMP/$(basename "$file")"
done
finish
