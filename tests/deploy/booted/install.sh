#!/bin/sh
# Installs what is built, and the units, into the root of a system: install.sh SOURCE_DIR BUILD_DIR ROOT
set -eu
DESTDIR=$3 cmake --install "$2" --prefix /usr --strip >/dev/null
for unit in "$1"/deploy/systemd/*.service "$1"/deploy/systemd/*.mount; do
  install -D -m 644 "$unit" "$3/usr/lib/systemd/system/$(basename "$unit")"
done
install -D -m 644 "$1/deploy/systemd/smtrelay.sysusers" "$3/usr/lib/sysusers.d/smtrelay.conf"
install -D -m 644 "$1/deploy/systemd/smtrelay.tmpfiles" "$3/usr/lib/tmpfiles.d/smtrelay.conf"
