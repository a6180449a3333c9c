#!/bin/sh
# Runs a command with $TMP, a new folder in memory that is removed at the end.
set -eu
TMP=$(mktemp -d /dev/shm/smt-house-XXXXXX)
export TMP
trap 'rm -rf "$TMP"' EXIT
trap 'exit 1' INT TERM
"$@"
