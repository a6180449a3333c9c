#!/bin/sh
# Two writers of one topic and two readers, each process 1 of a container of its own, share a domain; one of the writers is
# killed 100 times.
# lane: full 180
set -eu
if [ "$(id -u)" != 0 ] || ! unshare --mount --pid --ipc --net --fork true 2>/dev/null; then
  echo "only root makes PID, mount, IPC and network namespaces"
  exit 77
fi
exec /usr/bin/python3 "$1/tests/deploy/writers/kills.py" "$2/bin" "$TMP" 100
