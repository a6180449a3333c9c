"""Writes the bundle of a container for crun: its own process, IPC, host name and mount namespaces, the network namespace that is
named, no capability, the default seccomp filter, a root that cannot be written.

bundle.py FOLDER ROOT NETNS UID:GID[:GROUP...] [MOUNT...] -- COMMAND...
MOUNT is SOURCE:TARGET[:ro]; a domain (/run/smt) is nosuid, nodev, noexec.  NAME=VALUE before COMMAND is its environment.
"""
import json
import os
import sys

folder, root, netns, user = sys.argv[1:5]
at = sys.argv.index("--")
mounts, command = sys.argv[5:at], sys.argv[at + 1 :]
uid, gid, *groups = [int(part) for part in user.split(":")]

# The filter as engines have it for a process without capabilities on this machine.
with open("/usr/share/containers/seccomp.json") as file:
    profile = json.load(file)
foreign = {"arm", "arm64", "s390", "s390x", "ppc64le", "riscv64", "mips", "mips64"}
rules = []
for rule in profile["syscalls"]:
    includes = rule.pop("includes", {}) or {}
    rule.pop("excludes", None)
    rule.pop("comment", None)
    arches = set(includes.get("arches") or [])
    if includes.get("caps") or (arches and not arches & {"amd64", "x86"}):
        continue
    rule.pop("errno", None)
    if not rule.get("args"):
        rule.pop("args", None)
    rules.append({key: value for key, value in rule.items() if value is not None})
seccomp = {
    "defaultAction": "SCMP_ACT_ERRNO",
    "defaultErrnoRet": 38,
    "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    "syscalls": rules,
}


def bind(mount):
    source, target, *flags = mount.split(":")
    options = ["rbind", "ro" if "ro" in flags else "rw", "nosuid", "nodev"]
    return {"type": "bind", "source": source, "destination": target, "options": options + (["noexec"] if target == "/run/smt" else [])}


environment = ["PATH=/usr/bin"]
while "=" in command[0]:
    environment.append(command.pop(0))
config = {
    "ociVersion": "1.0.2",
    "process": {
        "user": {"uid": uid, "gid": gid, "additionalGids": groups},
        "args": command,
        "env": environment,
        "cwd": "/",
        "capabilities": {kind: [] for kind in ("bounding", "effective", "permitted", "inheritable", "ambient")},
        "noNewPrivileges": True,
    },
    "root": {"path": root, "readonly": True},
    "hostname": os.path.basename(folder),
    "mounts": [
        {"type": "proc", "source": "proc", "destination": "/proc"},
        {"type": "tmpfs", "source": "tmpfs", "destination": "/dev", "options": ["nosuid", "mode=755", "size=64k"]},
        {"type": "tmpfs", "source": "shm", "destination": "/dev/shm", "options": ["nosuid", "nodev", "noexec", "mode=1777", "size=64m"]},
        *[bind(mount) for mount in mounts],
    ],
    "linux": {
        "namespaces": [
            *[{"type": kind} for kind in ("pid", "ipc", "uts", "mount")],
            {"type": "network", "path": f"/run/netns/{netns}"},
        ],
        "seccomp": seccomp,
        "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
        "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    },
}
os.makedirs(folder, exist_ok=True)
with open(os.path.join(folder, "config.json"), "w") as file:
    json.dump(config, file)
