#!/bin/sh
# header_names.sh OUT SOURCE_DIR COMPILER [FLAG...]: writes the lists of header_names.h as the source OUT, and into
# OUT.d which headers they come from. COMPILER, g++ or clang++, preprocesses header_names_probe.h as C and as C++. Nothing
# that it builds is run, so it may be one for another machine.
set -eu
export LC_ALL=C
out=$1
source_dir=$2
shift 2
probe=$source_dir/cmd/api/header_names_probe.h

# preprocess LANGUAGE STANDARD COMPILER [FLAG...]
preprocess() {
  language=$1 standard=$2
  shift 2
  set -- "$@" -x "$language" -std="$standard" -D_GNU_SOURCE -I"$source_dir" -E "$probe"
  "$@" -dM >"$out.macros.$language"
  "$@" -MD -MF "$out.d" -MT "$out" >"$out.text.$language"
}
preprocess c gnu17 "$@"
preprocess c++ gnu++20 "$@"
awk '$1 == "#define" { sub(/\(.*/, "", $2); print $2 }' "$out.macros.c" "$out.macros.c++" >"$out.macros"
awk -f "$source_dir/cmd/api/header_names.awk" "$out.text.c" "$out.text.c++" >"$out.declarations"

# array NAME FILE: no description can have names that begin or end with '_', or hold "__".
array() {
  echo "constexpr std::string_view $1[] = {"
  grep -Ev '^_|__|_$' "$2" | sort -u | sed 's/.*/    "&",/'
  echo '};'
}
{
  echo '// Made by cmd/api/header_names.sh.'
  echo '#include "cmd/api/header_names.h"'
  echo 'namespace smt::cmd::api {'
  echo 'namespace {'
  array kMacros "$out.macros"
  array kDeclarations "$out.declarations"
  echo '}'
  echo 'const std::span<const std::string_view> kHeaderMacros = kMacros;'
  echo 'const std::span<const std::string_view> kHeaderDeclarations = kDeclarations;'
  echo '}'
} >"$out.new"
mv "$out.new" "$out"
rm -f "$out".macros* "$out".text.* "$out.declarations"
