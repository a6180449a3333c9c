#!/bin/sh
# emulated.sh COMMAND...: runs a command where programs for arm64 run as others do, in containers too: binfmt_misc of a user
# namespace of its own names qemu-user for them. All users are there as they are here. It has its own /run, and no network.
set -eu
pipe=$(mktemp -u "$TMP/told-XXXXXX")
mkfifo "$pipe"
# The head of an ELF file for arm64, executable or shared. F: the interpreter is opened when it is named, so that no container
# needs to have it. P: a program is told the name that it was called by.
head='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
export RULE=":arm64:M::$head:$mask:$(command -v qemu-aarch64-static):FP"
# It is root once its users have been told, and has root's rights from the next program on.
unshare -U -m -n --propagation private sh -c 'read -r told <"$0" && exec "$@"' "$pipe" sh -c '
  folder=/proc/sys/fs/binfmt_misc
  mount -t binfmt_misc binfmt_misc "$folder" || {
    echo "binfmt_misc of a user namespace needs Linux 6.7"
    exit 1
  }
  mount -t tmpfs tmpfs /run
  ip link set lo up
  printf %s "$RULE" >"$folder/register"
  exec "$@"' sh "$@" &
while [ "$(readlink /proc/$!/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
sed s/4294967295/4294967294/ /proc/self/uid_map >/proc/$!/uid_map
sed s/4294967295/4294967294/ /proc/self/gid_map >/proc/$!/gid_map
echo told >"$pipe"
wait $!
