#!/bin/sh
# The pages tell the truth: commands, programs, links and paths that they name exist; nothing names one machine.
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

for program in $(cat $pages | grep -oE '\bbuild/release/bin/[a-z_]+' | sort -u | xargs -r -n1 basename); do
  check "$program is built" test -x "$build_dir/bin/$program"
done
for verb in $(cat README.md docs/*.md | grep -oE '\bsmttopic [a-z]+ ' | sort -u | cut -d' ' -f2); do
  check "smttopic $verb is a verb" "$build_dir/bin/smttopic" "$verb" --help
done

# ctest -N would know them too, but it would take the log from the ctest that runs this test.
find "$build_dir" -name CTestTestfile.cmake -exec sed -n 's/^add_test(\[*=*\[*\([A-Za-z0-9_]*\).*/\1/p' {} + >"$TMP/tests"
for test in $(cat $pages | grep -oE '`[a-z0-9_]+_test`|`(storm|crash)_[a-z_]+`' | tr -d '`' | sort -u); do
  check "$test is a test" grep -qxE "$test|${test%_test}" "$TMP/tests"
done
for fuzzer in $(cat $pages | grep -oE '`[a-z]+_fuzz`' | tr -d '`' | sort -u); do
  check "$fuzzer is a fuzzer" test -e "tests/fuzz/$fuzzer.cc"
done

for page in $pages; do
  for link in $(grep -oE '\]\([^)#:]+\)' "$page" | sed 's/^](//; s/)$//'); do
    check "$page points at $link" test -e "$(dirname "$page")/$link"
  done
  # In backticks, with an extension or a '/' at the end; X is any name.
  for path in $(grep -oE '`(shm|proto|relay|cmd|tests|bench|docs|deploy|examples)/[A-Za-z0-9_./*-]*(\.[a-z0-9]+|/)`' "$page" |
                tr -d '`' | grep -vE 'X[./]' | sort -u); do
    check "$page names $path" sh -c "ls -d $path"
  done
  check "$page names no machine's paths" not grep -nE '(^|[^A-Za-z.])/(home|root|work|tmp)/' "$page"
done

check "docs/architecture.md has the rooms and arrows of arrows.txt" python3 tests/house/page_of_rooms.py .

for drawing in $(find docs -name '*.svg'); do
  for path in $(grep -oE '\b(shm|proto|relay|cmd)/[a-z0-9_/]+\.(h|cc)\b' "$drawing" | sort -u); do
    check "$drawing names $path" test -e "$path"
  done
  check "$drawing is drawn for dark pages too" grep -q 'prefers-color-scheme:dark' "$drawing"
done

for list in deploy/apt-*.txt; do
  check "$list is sorted and names nothing twice" sh -c "grep -v '^#' $list | LC_ALL=C sort -c -u"
done
finish
