#!/bin/sh
# Makes the mistakes of mutants.txt one at a time and requires that each is found by the test named with it. A mistake that
# nobody finds is a finding: the test is to be improved.
# Only a copy of the one file is changed and compiled (not optimised, without warnings), as the file is that a unity build
# includes it from; what comes of it is linked into a copy of the test, before the libraries of the build tree: the first
# definition counts. Of a header the test's own objects are compiled anew: what is inline there comes before the
# libraries' too. Neither the source nor the build tree is touched.
# usage: run.sh SOURCE_DIR BUILD_DIR [WORD]...    only mutants whose name, file or test holds one of the words
set -u
source=$(cd "$1" && pwd) build=$(cd "$2" && pwd)
shift 2
table=$source/tests/mutants/mutants.txt
. "$source/tests/house/check.sh"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

die() {
  echo "mutants: $*" >&2
  exit 1
}

ninja -C "$build" -t commands all >"$work/commands" 2>&1 || die "$build is no build tree of ninja"

# One line for each mutant: test, file, name, from, to; parted by tabs.
awk -v words="$*" '
  function value(line) { sub(/^[a-z]+: */, "", line); return line }
  /^mutant:/ { name = value($0) }
  /^in:/ { file = value($0) }
  /^from:/ { from = value($0) }
  /^to:/ { to = value($0) }
  /^test:/ {
    test = value($0)
    wanted = words == ""
    n = split(words, word, " ")
    for (i = 1; i <= n; i++) wanted = wanted || index(name " " file " " test, word[i])
    if (wanted) print test "\t" file "\t" name "\t" from "\t" (to == "" ? "/**/" : to)
  }' "$table" >"$work/list"
[ -s "$work/list" ] || die "no such mutant in $table"
tab=$(printf '\t')

# replace FILE FROM TO: prints it; fails unless FROM is there exactly once.
replace() {
  FROM=$2 TO=$3 awk '
    {
      at = index($0, ENVIRON["FROM"])
      if (at == 0) { print; next }
      ++count
      print substr($0, 1, at - 1) ENVIRON["TO"] substr($0, at + length(ENVIRON["FROM"]))
    }
    END { exit count != 1 }' "$1"
}

# The command of the build tree that holds these words.
command_of() { grep -F -e "$1" "$work/commands" | head -n 1; }

# compiled DIR SOURCE OBJECT COMMAND: the command that makes OBJECT of SOURCE, with the headers in DIR before all others.
compiled() {
  printf '%s' "$4" | sed -e 's/^\(.* \)\{0,1\}[^ ]*ccache //' -e 's/ -O[0-9]//g' -e 's/ -D_FORTIFY_SOURCE=[0-9]//' \
    -e 's/ -MD -MT [^ ]* -MF [^ ]*//' -e "s| -o [^ ]* -c [^ ]*| -O0 -w -iquote $1 -o $3 -c $2|"
}

# try PROGRAM WHAT: WHAT is a test of GoogleTest, or a number that a program of another kind takes.
try() {
  case $2 in
    *.*) set -- "$1" --gtest_filter="$2" ;;
  esac
  (cd "$source" && timeout 60 "$@") </dev/null
}

# mutant DIR TEST WHAT FILE FROM TO: prints what became of it.
mutant() {
  rm -rf "$1"
  mkdir -p "$1/${4%/*}"
  replace "$source/$4" "$5" "$6" >"$1/$4" || { echo "does not apply"; return; }
  link=$(command_of " -o bin/$2 ")
  compile=
  case $4 in
    *.h)
      for object in $(printf '%s' "$link" | grep -o " [^ ]*/$2\.dir/[^ ]*"); do
        command=$(command_of " -o $object -c ")
        compile="$compile$(compiled "$1" "${command##* }" "$1/${object##*/}" "$command") && "
        link=$(printf '%s' "$link" | sed "s| $object | $1/${object##*/} |")
      done
      ;;
    *)
      unity=$(grep -l -F "\"$source/$4\"" "$build"/CMakeFiles/*/Unity/*.cxx "$build"/cmd/CMakeFiles/*/Unity/*.cxx 2>/dev/null)
      command=$(command_of " -c ${unity:-$source/$4}")
      compile="$(compiled "$1" "$1/$4" "$1/mutant.o" "$command") && "
      link=$(printf '%s' "$link" | sed "s| -o bin/$2 | $1/mutant.o -Wl,--allow-multiple-definition&|")
      ;;
  esac
  if [ -z "$command" ] || [ -z "$link" ]; then
    echo "not built here"
    return
  fi
  link=$(printf '%s' "$link" | sed "s| -o bin/$2 | -o $1/test |")
  (cd "$build" && eval "$compile $link") >"$1/log" 2>&1 || { echo "does not build"; return; }
  if try "$1/test" "$3" >"$1/log" 2>&1; then echo SURVIVES; else echo caught; fi
}

# Without a mistake each test passes, and has what is named.
cut -f 1 "$work/list" | sort -u >"$work/tests"
while read -r test what; do
  try "$build/bin/$test" "$what" >"$work/log" 2>&1 ||
    { tail -n 20 "$work/log"; die "$test $what fails without a mistake"; }
  ! grep -q 'Running 0 tests' "$work/log" || die "$test has no test $what"
done <"$work/tests"

# Every second mutant, from the first or the second on.
share() {
  n=0
  while IFS=$tab read -r tests file name from to; do
    n=$((n + 1))
    [ $((n % 2)) = "$1" ] || continue
    begin=$(date +%s)
    dir=$work/$1
    found=$(mutant "$dir" "${tests%% *}" "${tests#* }" "$file" "$from" "$to" </dev/null)
    printf '%-14s %2d s  %-22s %s\n' "$found" $(($(date +%s) - begin)) "${tests%% *}" "$file: $name" | tee -a "$work/results"
    [ "$found" != "does not build" ] || tail -n 20 "$dir/log"
  done <"$work/list"
}
share 0 &
share 1
wait
caught=$(grep -c '^caught' "$work/results")
all=$(wc -l <"$work/list")
echo "$caught of $all mutants are caught"
row mutants "seeded mistakes that their test does not find" "$all" "$((all - caught))"
[ "$caught" = "$all" ]
