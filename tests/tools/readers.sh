# Other people's readers of recordings, for the tests that compare with them. Sourced; needs $TMP.
skip() {
  echo "skipped: $1"
  exit 77
}
# python3-h5py and hdf5-tools of Debian. Sets $python.
need_h5py() {
  python=/usr/bin/python3
  "$python" -c 'import h5py' 2>/dev/null || skip "needs python3-h5py"
  command -v h5dump >/dev/null || skip "needs hdf5-tools"
}
# need_mcap_core SOURCE_DIR: @mcap/core of npm in $TMP, with the scripts that use it.
need_mcap_core() {
  command -v node >/dev/null && command -v npm >/dev/null || skip "needs node and npm"
  cp "$1"/tests/tools/mcap_*.mjs "$TMP"
  (cd "$TMP" && timeout 60 npm install --no-audit --no-fund @mcap/core@2 fzstd@0.1 >npm.log 2>&1) ||
    skip "npm cannot install @mcap/core: $(tail -n 1 "$TMP/npm.log")"
}
