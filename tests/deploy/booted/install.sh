#!/bin/sh
# Installs what is built, and the units, into the root of a system: install_tools.sh SOURCE_DIR BUILD_DIR ROOT
set -eu
for tool in smt smtcore smtdoctor smtlogger smtrelay_client smtrelay_keygen smtrelay_proxy smtrelay_pub smtrelay_sub smtreplay \
  smtsinewave smttop smttopic; do
  install -s -m 755 "$2/bin/$tool" "$3/usr/bin/$tool"
done
for unit in "$1"/deploy/systemd/*.service "$1"/deploy/systemd/*.mount; do
  install -D -m 644 "$unit" "$3/usr/lib/systemd/system/$(basename "$unit")"
done
install -D -m 644 "$1/deploy/systemd/smtrelay.sysusers" "$3/usr/lib/sysusers.d/smtrelay.conf"
install -D -m 644 "$1/deploy/systemd/smtrelay.tmpfiles" "$3/usr/share/smtrelay/domain.conf"
