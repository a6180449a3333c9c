# Sourced by the lanes that boot a Debian with systemd, as process 1 of a container, after tests/house/check.sh.

# boots ROOT SCRIPT SECONDS [FLAG...]: boots ROOT, in which SCRIPT runs as root with checks.sh beside it, and powers it off
# once the script has ended, or after SECONDS. FLAGs are systemd-nspawn's. The results are ROOT/var/test/results.
boots() {
  system=$1 script=$2 seconds=$3
  shift 3
  units=$system/etc/systemd/system
  mkdir -p "$system/var/test" "$units/timers.target.wants"
  install -m 644 "$source_dir/tests/deploy/booted/checks.sh" "$system/var/test/checks.sh"
  install -m 755 "$script" "$system/var/test/inside"
  cat >"$units/inside.service" <<'END'
[Service]
Type=oneshot
ExecStart=/var/test/inside
StandardOutput=file:/var/test/results
StandardError=inherit
ExecStopPost=systemctl poweroff --force
END
  cat >"$units/inside.timer" <<'END'
[Timer]
OnBootSec=0
END
  ln -s ../inside.timer "$units/timers.target.wants"
  # systemd wants one tree of control groups: the mount goes with its namespace.
  unshare -m --propagation slave sh -c '
    if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified && mount -t cgroup2 none /sys/fs/cgroup; fi
    SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 exec timeout -k 5 "$@"' sh "$seconds" systemd-nspawn --register=no --keep-unit -q \
    -D "$system" --console=pipe --link-journal=no "$@" -b </dev/null >"$system/var/test/console" 2>&1 || :
}

# boot_told ROOT: prints the results, and counts what failed there.
boot_told() {
  cat "$1/var/test/results" || tail -n 40 "$1/var/test/console"
  failures=$((failures + $(grep -c '^FAIL' "$1/var/test/results" || :)))
  check "the script inside has come to its end" grep -qx 'done' "$1/var/test/results"
}
