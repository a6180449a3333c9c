# Sourced by the scripts that run in a booted system. One line for each thing that is shown: "ok" or "FAIL", and what.
check() {
  local what=$1 out
  shift
  if out=$("$@" 2>&1); then
    echo "ok   $what"
  else
    echo "FAIL $what: $*"
    sed 's/^/     /' <<<"$out"
  fi
}
not() { ! "$@"; }
now_ms() { date +%s%3N; }
# within MS COMMAND...: the command succeeds in so many milliseconds.
within() {
  local end=$(($(now_ms) + $1))
  shift
  until "$@" 2>/dev/null; do
    [ "$(now_ms)" -lt "$end" ] || { echo "not within the time"; return 1; }
    sleep 0.01
  done
}
property() { systemctl show -P "$2" "$1"; }
fresh() { smttopic --root /run/smt info "$@" | grep -q fresh; }

# configure_relays: the files of a pub `robot`, a proxy `gateway` and a sub `base` on this machine, and the domain of the sub.
configure_relays() {
  cat >/etc/smt/robot.toml <<'END'
version = 1
name = "robot"
[[peer]]
bind = "tcp://127.0.0.1:7400"
[[send]]
topic = "**"
END
  cat >/etc/smt/base.toml <<'END'
version = 1
name = "base"
domain = "base"
[[peer]]
connect = "tcp://127.0.0.1:7401"
[[receive]]
topic = "**"
END
  cat >/etc/smt/gateway.toml <<'END'
version = 1
name = "gateway"
[[peer]]
bind = "tcp://127.0.0.1:7401"
[[peer]]
connect = "tcp://127.0.0.1:7400"
END
  install -d -m 3770 -g smt /run/smt/base
}

# nspawn puts another boot id into /proc, which ProtectProc and ProtectKernelTunables would show to services alone.
while umount /proc/sys/kernel/random/boot_id 2>/dev/null; do :; done
