#!/bin/sh
# Makes the mistakes of mutants.txt one at a time and requires that each is found by the test named with it. A mistake that
# nobody finds is a finding: the test is to be improved.
# Only a copy of the one file is changed and compiled (not optimised, without warnings), with the flags of the target that
# holds it; what comes of it is linked into a copy of the test, before the libraries of the build tree: the first definition
# counts. Of a header the object that holds the test is compiled anew (all objects of a program without named tests): what is
# inline there comes before all others' too. Neither the source nor the build tree is touched.
# SMT_SCALE=ci makes a part of them: those in files that the last 50 commits changed (32 at most, newest change first), and a
# quarter of all others, which the hash of the tree's contents chooses, so that it is another quarter after each commit. A
# commit that changes more than 60 files (a renaming, a formatting) does not count as a change, nor does a pure move. If there
# is no history of 50 commits, all mutants are made.
# usage: run.sh SOURCE_DIR BUILD_DIR [TEXT]...    only mutants whose name, file or test holds one of the texts
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
# From each source of a unity build to what is compiled in its place.
find "$build" -path '*/Unity/*.cxx' -exec grep -H '^#include "' {} + |
  sed 's/^\([^:]*\):#include "\(.*\)"$/\2 \1/' >"$work/unities"

# One line for each mutant: test, file, name, from, to; parted by tabs.
WORDS=$(printf '%s\n' "$@") awk '
  function value(line) { sub(/^[a-z]+: */, "", line); return line }
  /^mutant:/ { name = value($0) }
  /^in:/ { file = value($0) }
  /^from:/ { from = value($0) }
  /^to:/ { to = value($0) }
  /^test:/ {
    test = value($0)
    wanted = ENVIRON["WORDS"] == ""
    n = split(ENVIRON["WORDS"], word, "\n")
    for (i = 1; i <= n; i++) wanted = wanted || index(name " " file " " test, word[i])
    if (wanted) print test "\t" file "\t" name "\t" from "\t" (to == "" ? "/**/" : to)
  }' "$table" >"$work/list"
[ -s "$work/list" ] || die "no such mutant in $table"
tab=$(printf '\t')

# Prints the files that the last 50 commits changed, by their present names, newest change first.
changed_files() {
  git -C "$source" log -50 -M --no-merges --format=format:commit --name-status | awk -F '\t' '
    # Commits come newest first, so that each older name of a file is known when it comes.
    function now(path) { return path in later ? later[path] : path }
    function told(   i) {
      if (files <= 60) for (i = 1; i <= count; ++i) if (!(changed[i] in seen)) { seen[changed[i]]; print changed[i] }
      files = count = 0
    }
    $1 == "commit" { told(); next }
    NF < 2 { next }
    {
      ++files
      path = now($NF)
      if ($1 ~ /^R/) later[$2] = path
      if ($1 != "R100" && $1 != "D") changed[++count] = path
    }
    END { told() }'
}

# CI leaves a part out.
if [ "${SMT_SCALE-}" = ci ] && [ $# -eq 0 ] && tree=$(git -C "$source" rev-parse -q --verify 'HEAD^{tree}') &&
  git -C "$source" rev-parse -q --verify HEAD~50 >/dev/null; then
  mv "$work/list" "$work/all"
  changed_files >"$work/changed"
  # The order is that of the last change to the file; a hash of the tree and the mutant decides within a file.
  while IFS= read -r line; do
    printf '%s\t%s\n' "$(printf '%s' "$tree$line" | cksum | cut -d ' ' -f 1)" "$line"
  done <"$work/all" | awk -F '\t' -v OFS='\t' -v changed="$work/changed" '
    BEGIN { while ((getline path < changed) > 0) age[path] = ++ages }
    { print ($3 in age ? age[$3] : 100000), $0 }' | sort -n -k 1,1 -k 2,2 >"$work/order"
  awk -F '\t' -v OFS='\t' -v list="$work/list" -v tree="$tree" '
    $1 < 100000 && newest < 32 { ++newest; take = 1 }
    !take { ++others; if ($2 % 4 == 0) { ++some; take = 1 } }
    take { print $3, $4, $5, $6, $7 >list; take = 0 }
    END {
      printf "%d mutants of files changed of late, and %d of the %d others (tree %.9s)\n", newest, some, others, tree
    }' "$work/order"
fi

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

# compiled DIR SOURCE OBJECT COMMAND [FLAG]...: the command that makes OBJECT of SOURCE, with the headers in DIR before all
# others.
compiled() {
  dir=$1 from=$2 object=$3 command=$4
  shift 4
  printf '%s' "$command" | sed -e 's/^\(.* \)\{0,1\}[^ ]*ccache //' -e 's/ -O[0-9]//g' -e 's/ -g[0-9]*//g' \
    -e 's/ -D_FORTIFY_SOURCE=[0-9]//' -e 's/ -MD -MT [^ ]* -MF [^ ]*//' \
    -e "s| -o [^ ]* -c [^ ]*| -O0 -w $* -iquote $dir -o $object -c $from|"
}

# The headers of the standard library take most of the time of a compilation: they are compiled ahead. The compiler reads the
# text where the flags of a target differ.
common=$work/standard.h
find "$source/shm" "$source/relay" "$source/proto" "$source/cmd" -name '*.h' -exec grep -h '^#include <[a-z_]*>' {} + |
  sort -u >"$common"
first=$(cut -f 2 "$work/list" | grep -m 1 '\.cc$')
if [ -n "$first" ]; then
  unity=$(awk -v path="$source/$first" '$1 == path { print $2; exit }' "$work/unities")
  (cd "$build" && eval "$(compiled "$work" "$common" "$common.gch" "$(command_of " -c ${unity:-$source/$first}")" -x c++-header)") \
    >"$work/log" 2>&1 || rm -f "$common.gch"
fi

# lld links several times as fast as the default linker.
linker=
if command -v ld.lld >/dev/null; then linker=-fuse-ld=lld; fi

# try SECONDS PROGRAM [TEST]: runs a test of a GoogleTest program, or a program of another kind at its quick size.
try() {
  seconds=$1 program=$2
  shift 2
  [ $# -eq 0 ] || set -- --gtest_filter="$1"
  (cd "$source" && unset SMT_SCALE && timeout "$seconds" "$program" "$@") </dev/null
}

# holders TEST OBJECT...: prints the objects that the test is defined in, or all if that cannot be told.
holders() {
  test="($(printf '%s' "$1" | sed 's/\./, /'))" named=${1:+yes}
  shift
  for object in ${named:+"$@"}; do
    command=$(command_of " -o $object -c ")
    sources=$(awk -v unity="${command##* }" '$2 == unity { print $1 }' "$work/unities")
    # shellcheck disable=SC2086  # one word per source
    if grep -q -s -F -e "$test" ${sources:-"${command##* }"}; then
      echo "$object"
      return
    fi
  done
  printf '%s\n' "$@"
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
      objects=$(printf '%s' "$link" | grep -o " [^ ]*/$2\.dir/[^ ]*")
      # shellcheck disable=SC2086  # one word per object
      for object in $(holders "$3" $objects); do
        command=$(command_of " -o $object -c ")
        compile="$compile$(compiled "$1" "${command##* }" "$1/${object##*/}" "$command") && "
        # Its definitions of what is inline come before those of all other objects.
        link=$(printf '%s' "$link" | sed -e "s| $object | |" -e "s| -o bin/$2 | $1/${object##*/}&|")
      done
      ;;
    *)
      unity=$(awk -v path="$source/$4" '$1 == path { print $2; exit }' "$work/unities")
      command=$(command_of " -c ${unity:-$source/$4}")
      compile="$(compiled "$1" "$1/$4" "$1/mutant.o" "$command" -include "$common") && "
      link=$(printf '%s' "$link" | sed "s| -o bin/$2 | $1/mutant.o -Wl,--allow-multiple-definition&|")
      ;;
  esac
  if [ -z "$command" ] || [ -z "$link" ]; then
    echo "not built here"
    return
  fi
  link=$(printf '%s' "$link" | sed "s| -o bin/$2 | $linker -o $1/test |")
  (cd "$build" && eval "$compile $link") >"$1/log" 2>&1 || { echo "does not build"; return; }
  # Without the mistake the test must exist and pass. With it, a test that waits for ever takes a few times as long.
  took=$(grep -F -e "$tab$2 $3$tab" "$work/passed" | cut -f 1 | head -n 1)
  if [ -z "$took" ]; then
    from_s=$(date +%s)
    try 60 "$build/bin/$2" ${3:+"$3"} >"$1/log" 2>&1 || { echo "fails anyway"; return; }
    ! grep -q 'Running 0 tests' "$1/log" || { echo "no such test"; return; }
    took=$(($(date +%s) - from_s))
    printf '%d\t%s\t\n' "$took" "$2 $3" >>"$work/passed"
  fi
  # Whether a race is met depends on the processors: a mistake has gone unseen once it has three times.
  for _ in 1 2 3; do
    try $((15 + 5 * took)) "$1/test" ${3:+"$3"} >"$1/log" 2>&1 || { echo caught; return; }
  done
  echo SURVIVES
}

# Every second mutant, from the first or the second on.
share() {
  n=0
  while IFS=$tab read -r tests file name from to; do
    n=$((n + 1))
    [ $((n % 2)) = "$1" ] || continue
    begin=$(date +%s)
    dir=$work/$1
    what=${tests#"${tests%% *}"}
    found=$(mutant "$dir" "${tests%% *}" "${what# }" "$file" "$from" "$to" </dev/null)
    printf '%-14s %2d s  %-22s %s\n' "$found" $(($(date +%s) - begin)) "${tests%% *}" "$file: $name" | tee -a "$work/results"
    case $found in "does not build" | "fails anyway") tail -n 20 "$dir/log" ;; esac
  done <"$work/list"
}
touch "$work/passed"
share 0 &
share 1
wait
caught=$(grep -c '^caught' "$work/results")
all=$(wc -l <"$work/list")
echo "$caught of $all mutants are caught"
row mutants "seeded mistakes that their test does not find" "$all" "$((all - caught))" "${SMT_SCALE:-full}"
[ "$caught" = "$all" ]
