#!/bin/sh
# The pages tell the truth: commands, programs and links that they name exist; nothing names one machine.
#
# Fails when: `./run bench` is renamed, a page that README.md points at is moved, or a path below /home is pasted.
set -eu
source_dir=$1
build_dir=$2
. "$source_dir/tests/house/check.sh"
cd "$source_dir"
pages=$(find . -name '*.md' -not -path './build/*' -not -path './.*')

"$source_dir/run" help >"$TMP/help"
for command in $(cat $pages | grep -oE '\./run [a-z]+' | sort -u | cut -d' ' -f2); do
  check "./run $command is in its help" grep -q "^\./run $command" "$TMP/help"
done
check "./run refuses what it does not know" not "$source_dir/run" dance
check "./run test refuses what it does not know" not "$source_dir/run" test --fast

for program in $(cat $pages | grep -oE '\bbuild/release/bin/[a-z_]+' | sort -u | xargs -n1 basename); do
  check "$program is built" test -x "$build_dir/bin/$program"
done
for verb in $(cat README.md docs/*.md | grep -oE '\bsmttopic [a-z]+ ' | sort -u | cut -d' ' -f2); do
  check "smttopic $verb is a verb" "$build_dir/bin/smttopic" "$verb" --help
done

for page in $pages; do
  for link in $(grep -oE '\]\([^)#:]+\)' "$page" | sed 's/^](//; s/)$//'); do
    check "$page points at $link" test -e "$(dirname "$page")/$link"
  done
  check "$page names no machine's paths" not grep -nE '(^|[^A-Za-z.])/(home|root|work|tmp)/' "$page"
done

for list in deploy/apt-*.txt; do
  check "$list is sorted and names nothing twice" sh -c "grep -v '^#' $list | LC_ALL=C sort -c -u"
done
finish
