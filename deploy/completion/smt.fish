# Completion of the smt tools in fish: each tool says itself what may follow.
function __smt_complete
    set -l words (commandline -opc)
    $words[1] --complete $words[2..-1] (commandline -ct) 2>/dev/null
end
for tool in smt smttopic smtcore smtdoctor smttop smtlogger smtsinewave smtreplay smtrelay_pub smtrelay_sub \
        smtrelay_proxy smtrelay_client smtrelay_keygen smtrelay_health smt-api-builder smt-register-builder
    complete -c $tool -a '(__smt_complete)'
end
