#!/bin/sh
# clang-tidy finds no name that breaks the rule of .clang-tidy in shm, proto and relay, and finds planted ones. (cmd takes
# four times as long and is read by names_test alone.) The tree is configured without precompiled headers, which
# clang-tidy does not read, and by the sources of its unity build. SMT_SCALE=ci takes a quarter of them, which the hash of the
# commit chooses, so that it is another quarter after each commit.
set -eu
source_dir=$1
. "$source_dir/tests/house/check.sh"

if ! command -v clang-tidy >/dev/null; then
  echo "no clang-tidy: apt-get install clang-tidy"
  exit 77
fi
cmake -S "$source_dir" -B "$TMP/tree" -G Ninja -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=Debug -DCMAKE_UNITY_BUILD=ON \
  -DCMAKE_UNITY_BUILD_BATCH_SIZE=10 -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON -DCMAKE_CXX_COMPILER_LAUNCHER= \
  -DBUILD_TESTING=OFF >"$TMP/configure.log" 2>&1 || { cat "$TMP/configure.log"; exit 1; }
ninja -C "$TMP/tree" generated/proto/smtrelay.pb.h >"$TMP/generate.log"

# What it finds in one source and the headers of the tree. Names without a place, or with __, are the compiler's own.
cat >"$TMP/tidy" <<END
#!/bin/sh
clang-tidy --quiet -p "$TMP/tree" --config-file="$source_dir/.clang-tidy" --extra-arg=-w \
  --header-filter='^$source_dir/(shm|proto|relay)/' "\$1" 2>&1 | grep -E '^[^ ]+:[0-9]+:[0-9]+: (error|warning):' || :
END
chmod +x "$TMP/tidy"

sed -n 's/^ *"file": "\(.*\)",*$/\1/p' "$TMP/tree/compile_commands.json" | sort -u |
  grep -E "^$source_dir/(shm|proto|relay)/|^$TMP/tree/(shm/|proto/|relay/[a-z/]*)?CMakeFiles/smt(_proto|_relay[a-z_]*|_link_zmq)?\.dir/" \
    >"$TMP/files"
check "there are sources of shm, proto and relay to read" test "$(wc -l <"$TMP/files")" -ge 5
if [ "${SMT_SCALE-}" = ci ] && commit=$(git -C "$source_dir" rev-parse -q --verify HEAD); then
  first=$((0x$(printf '%.7s' "$commit") % 4))
  awk -v first=$first 'NR % 4 == first' "$TMP/files" >"$TMP/quarter"
  mv "$TMP/quarter" "$TMP/files"
fi
xargs -P "$(nproc)" -n 1 "$TMP/tidy" <"$TMP/files" | sed "s:$source_dir/::" | grep -v "'__" | sort -u >"$TMP/found"
check "no name in shm, proto and relay breaks the rule" not grep . "$TMP/found"

cat >"$TMP/planted.cc" <<'END'
namespace smt {
class Planted {
 public:
  int read_value() const { return count_ + kMax; }

 private:
  void Flush();
  static constexpr int kMax = 1;
  int count_ = 0;
  int size = 0;
};
void Planted::Flush() { const int BadLocal = size; (void)BadLocal; }
constexpr int limit = 1;
struct bad_type {};
}
END
clang-tidy --quiet --config-file="$source_dir/.clang-tidy" "$TMP/planted.cc" -- -std=c++20 >"$TMP/planted" 2>/dev/null || :
for name in Flush size BadLocal limit bad_type; do
  check "finds the planted $name" grep -q "'$name' \[readability-identifier-naming" "$TMP/planted"
done
check "and nothing else" test "$(grep -cE 'error:' "$TMP/planted")" -eq 5
finish
