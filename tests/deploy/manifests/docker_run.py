"""Compares the `docker run` commands of a page with the services of the Compose files.

docker_run.py PAGE COMPOSE_DIR   for each `docker run --name ROLE` of PAGE: it takes its flags, and gives the container the image,
                                 command, user, rights, mounts, keys, ports and environment that the service with that command
                                 has in COMPOSE_DIR/ROLE.yaml; and `docker volume create` gives the volume its options. Prints a
                                 line for each container: name and command, parted by tabs.
Each problem is a line on stderr; exit code 1 if there is one, or if a role has no command.
"""
import argparse
import os
import re
import shlex
import sys

import yaml

problems = []


def problem(where, what):
    problems.append(f"{where}: {what}")


def equal(where, what, here, there):
    if here != there:
        problem(where, f"{what} is {here!r}, and {there!r} in Compose")


def parser():
    """The flags of `docker run` that the page may use; another one is refused."""
    flags = argparse.ArgumentParser(allow_abbrev=False, exit_on_error=False, add_help=False)
    flags.add_argument("-d", action="store_true", required=True)
    flags.add_argument("--name", required=True)
    flags.add_argument("--restart")
    flags.add_argument("--read-only", action="store_true")
    flags.add_argument("--pids-limit", type=int)
    flags.add_argument("--user")
    for name in ("--cap-drop", "--security-opt", "--group-add"):
        flags.add_argument(name, action="append", default=[])
    for name, dest in (("-e", "environment"), ("-p", "ports"), ("-v", "mounts")):
        flags.add_argument(name, dest=dest, action="append", default=[])
    flags.add_argument("image")
    flags.add_argument("command", nargs=argparse.REMAINDER)
    return flags


def commands(path):
    """The words of each `docker` command in the blocks of a page."""
    with open(path) as file:
        blocks = re.findall(r"^```sh\n(.*?)^```", file.read(), re.MULTILINE | re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines if line.startswith("docker ")]


def image_user():
    with open(os.path.join(os.path.dirname(__file__), "../../../deploy/Dockerfile")) as file:
        (user,) = set(re.findall(r"^USER (.*)$", file.read(), re.MULTILINE))
    return user


def mounts_of_run(values):
    found = []
    for value in values:
        source, target, *options = value.split(":")
        found.append((source, target, sorted(",".join(options).split(","))))
    return found


def mounts_of_service(service, secrets):
    found = [(secrets[secret["source"]]["file"], secret["target"], ["ro"]) for secret in service.get("secrets", [])]
    for volume in service.get("volumes", []):
        options = ["ro"] * volume.get("read_only", False) + ["nocopy"] * volume.get("volume", {}).get("nocopy", False)
        found.append((volume["source"], volume["target"], sorted(options)))
    return found


def compare_mounts(where, run, service):
    """A folder that the command mounts may stand for files of it that Compose mounts one by one."""
    used = set()
    for source, target, options in service:
        for i, (from_here, to_here, options_here) in enumerate(run):
            rest = target[len(to_here) :]
            if source == from_here + rest and target == to_here + rest and options == options_here:
                used.add(i)
                break
        else:
            problem(where, f"nothing mounts {source} at {target} with {options}, as Compose does")
    for i, one in enumerate(run):
        if i not in used:
            problem(where, f"Compose does not mount {one}")


def compare(run, document):
    where = f"docker run --name {run.name}"
    services = [service for service in document["services"].values() if service["command"] == run.command]
    if len(services) != 1:
        return problem(where, f"no service of Compose has its command {run.command}")
    (service,) = services
    equal(where, "its image", run.image, service["image"])
    equal(where, "its user", run.user or image_user(), service["user"])
    equal(where, "whether its root is read-only", run.read_only, service["read_only"])
    equal(where, "its list of dropped capabilities", run.cap_drop, service["cap_drop"])
    equal(where, "its list of groups", run.group_add, service.get("group_add", []))
    options = [option + ":true" * (option == "no-new-privileges") for option in run.security_opt]
    equal(where, "its list of security options", options, service["security_opt"])
    equal(where, "its environment", dict(pair.split("=", 1) for pair in run.environment), service.get("environment", {}))
    equal(where, "its list of ports", run.ports, service.get("ports", []))
    equal(where, "its limit of processes", run.pids_limit, service["pids_limit"])
    equal(where, "when it is started again", run.restart, service["restart"])
    compare_mounts(where, mounts_of_run(run.mounts), mounts_of_service(service, document.get("secrets", {})))


def compare_volume(words, volumes):
    flags = argparse.ArgumentParser(allow_abbrev=False, exit_on_error=False, add_help=False)
    flags.add_argument("--opt", action="append", default=[])
    flags.add_argument("name")
    made = flags.parse_args(words)
    options = dict(pair.split("=", 1) for pair in made.opt)
    equal("docker volume create", f"the list of options of {made.name}", options, volumes[made.name]["driver_opts"])


def main(page, folder):
    documents = {}
    for role in ("robot", "gateway", "base"):
        with open(os.path.join(folder, role + ".yaml")) as file:
            documents[role] = yaml.safe_load(file)
    seen = []
    for words in commands(page):
        try:
            if words[1:3] == ["volume", "create"]:
                for role in ("robot", "base"):
                    compare_volume(words[3:], documents[role]["volumes"])
            elif words[1] == "run":
                run, unknown = parser().parse_known_args(words[2:])
                if unknown:
                    problem(" ".join(words[:5]), f"takes no {unknown}")
                compare(run, documents[run.name])
                seen.append(run.name)
                print("\t".join([run.name, *run.command]))
        except (argparse.ArgumentError, KeyError, ValueError) as error:
            problem(" ".join(words), repr(error))
    equal(page, "the list of roles", sorted(seen), sorted(documents))
    for line in problems:
        print(line, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
