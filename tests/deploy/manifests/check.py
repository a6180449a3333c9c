"""Checks a file of Kubernetes or Compose against its schema, and lists what is to be checked further.

check.py kubernetes FILE     each object against the models of the official client: unknown keys, missing ones, wrong types
check.py compose FILE        against the Compose specification, and that what is mounted is defined
check.py page FILE           the commands of docker, kubectl and the relays on a page name what is there
check.py list KIND FILE DIR  writes the inline configurations into DIR; prints a line for each container that runs a program:
                             name, user, whether the root is read-only, and its command, parted by tabs
Each problem is a line on stderr; exit code 1 if there is one.
"""
import os
import re
import shlex
import sys

import yaml

problems = []


def problem(where, what):
    problems.append(f"{where}: {what}")


class StrictLoader(yaml.SafeLoader):
    """A key that stands twice is a mistake, and YAML takes the later one."""


def mapping(loader, node):
    keys = [loader.construct_object(key) for key, _ in node.value]
    for key in set(key for key in keys if keys.count(key) > 1):
        problem(f"line {node.start_mark.line + 1}", f"{key} stands twice")
    return loader.construct_mapping(node, deep=True)


StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)


def documents(path):
    with open(path) as file:
        return [document for document in yaml.load_all(file, StrictLoader) if document is not None]


SCALARS = {"str": str, "int": int, "bool": bool, "float": (int, float)}
# What the models say by a program and not by a type.
QUANTITY = r"[0-9.]+([KMGTPE]i|[numkMGTPE])?"


def walk(value, of, where):
    """`of`: as in openapi_types of the client's models."""
    from kubernetes.client import models

    if of == "object":
        return
    if of.startswith("list["):
        if not isinstance(value, list):
            return problem(where, f"is no list: {value!r}")
        for i, item in enumerate(value):
            walk(item, of[5:-1], f"{where}[{i}]")
    elif of.startswith("dict("):
        if not isinstance(value, dict):
            return problem(where, f"is no mapping: {value!r}")
        for key, item in value.items():
            walk(item, of[5:-1].split(", ", 1)[1], f"{where}.{key}")
            if where.endswith((".limits", ".requests")) and not re.fullmatch(QUANTITY, str(item)):
                problem(f"{where}.{key}", f"is no quantity: {item!r}")
    elif of in SCALARS:
        if not isinstance(value, SCALARS[of]) or (isinstance(value, bool) and of != "bool"):
            problem(where, f"is no {of}: {value!r}")
    elif of != "datetime":
        walk_model(value, getattr(models, of), where)


def walk_model(value, model, where):
    if not isinstance(value, dict):
        return problem(where, f"is no mapping: {value!r}")
    names = {name: attribute for attribute, name in model.attribute_map.items()}
    known = {}
    for key, item in value.items():
        if key not in names:
            problem(f"{where}.{key}", "is not known")
            continue
        known[names[key]] = item
        if item is not None:
            walk(item, model.openapi_types[names[key]], f"{where}.{key}")
    try:  # what is missing, and what else the model checks
        model(**known)
    except (ValueError, TypeError) as error:
        problem(where, str(error))


KINDS = {
    ("v1", "ConfigMap"): "V1ConfigMap",
    ("v1", "Service"): "V1Service",
    ("apps/v1", "Deployment"): "V1Deployment",
    ("networking.k8s.io/v1", "NetworkPolicy"): "V1NetworkPolicy",
}


def kubernetes(path):
    for i, document in enumerate(documents(path)):
        kind = (document.get("apiVersion"), document.get("kind"))
        if kind not in KINDS:
            problem(f"{path}[{i}]", f"is of kind {kind}")
            continue
        where = f"{path}: {kind[1]} {document.get('metadata', {}).get('name')}"
        walk(document, KINDS[kind], where)
        if kind[1] == "Deployment":
            pod(document["spec"]["template"], document["spec"]["selector"], where)


def pod(template, selector, where):
    if not selector["matchLabels"].items() <= template["metadata"]["labels"].items():
        problem(where, "its selector does not select its pods")
    spec = template["spec"]
    for key in ("hostIPC", "hostPID", "hostNetwork"):
        if spec.get(key):
            problem(where, f"{key} is not needed")
    volumes = {volume["name"] for volume in spec["volumes"]}
    for container in spec["containers"]:
        for mount in container["volumeMounts"]:
            if mount["name"] not in volumes:
                problem(where, f"{container['name']} mounts {mount['name']}, which is no volume")


def compose(path):
    import json

    import jsonschema

    schema = "/usr/lib/python3/dist-packages/compose/config/compose_spec.json"
    with open(schema) as file:
        validator = jsonschema.Draft7Validator(json.load(file))
    (document,) = documents(path)
    for error in validator.iter_errors(document):
        problem(f"{path}: {'.'.join(str(part) for part in error.path)}", error.message)
    for name, service in document["services"].items():
        where = f"{path}: {name}"
        for key in ("ipc", "pid", "privileged", "network_mode"):
            if key in service:
                problem(where, f"{key} is not needed")
        for kind, used in (
            ("networks", service.get("networks", [])),
            ("secrets", [secret["source"] for secret in service.get("secrets", [])]),
            ("volumes", [v["source"] for v in service.get("volumes", []) if v["type"] == "volume"]),
        ):
            for one in used:
                if one not in document.get(kind, {}):
                    problem(where, f"uses {one}, which is not in {kind}")
        for volume in service.get("volumes", []):
            if volume["type"] == "bind" and volume["source"].endswith(".toml"):
                if not os.path.exists(os.path.join(os.path.dirname(path), volume["source"])):
                    problem(where, f"mounts {volume['source']}, which is not there")


def print_container(name, user, read_only, command):
    print("\t".join([name, str(user), str(read_only), *command]))


def list_kubernetes(path, folder):
    for document in documents(path):
        if document["kind"] == "ConfigMap":
            for name, text in document["data"].items():
                with open(os.path.join(folder, name), "w") as file:
                    file.write(text)
        if document["kind"] != "Deployment":
            continue
        spec = document["spec"]["template"]["spec"]
        for container in spec["containers"]:
            context = container["securityContext"]
            user = f"{spec['securityContext']['runAsUser']}:{spec['securityContext']['runAsGroup']}"
            hardened = context == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
            print_container(container["name"], user, hardened, container["command"])
            for probe in ("startupProbe", "livenessProbe"):
                if probe in container:
                    print_container(f"{container['name']}/{probe}", user, hardened, container[probe]["exec"]["command"])


def list_compose(path, folder):
    (document,) = documents(path)
    for name, service in document["services"].items():
        hardened = service["read_only"] and service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"]
        print_container(name, service["user"], hardened, service["command"])


def page_commands(path):
    """The words of each command in the shell blocks of a page."""
    with open(path) as file:
        blocks = re.findall(r"^```sh\n(.*?)^```", file.read(), re.S | re.M)
    for block in blocks:
        for line in block.replace("\\\n", " ").splitlines():
            # A comment begins at a word of its own: `#NAME` in an endpoint is none.
            words = shlex.split(re.sub(r"(^|\s)#.*", "", line))
            if words:
                yield words


def page(path):
    with open("Dockerfile") as file:
        stages = re.findall(r"^FROM .* AS (\S+)", file.read(), re.M)
    found = 0
    for words in page_commands(path):
        where = f"{path}: {' '.join(words[:2])}"
        if words[:2] == ["docker", "build"]:
            found += 1
            if words[words.index("--target") + 1] not in stages or words[words.index("-f") + 1] != "deploy/Dockerfile":
                problem(where, "builds no stage of the Dockerfile")
        elif words[:2] == ["docker", "compose"] or words[:2] == ["kubectl", "apply"]:
            found += 1
            name = words[words.index("-f") + 1]
            if not os.path.exists(os.path.join("compose" if words[0] == "docker" else "..", name)):
                problem(where, f"there is no {name}")
    if not found:
        problem(path, "has no command that is known here")


def list_page(path, _):
    for words in page_commands(path):
        if words[0].startswith("smtrelay_") and "--keys" in words:
            print_container(words[0], "65532:65532", True, words)


def main(arguments):
    what, *rest = arguments
    if what == "list":
        {"kubernetes": list_kubernetes, "compose": list_compose, "page": list_page}[rest[0]](rest[1], rest[2])
    else:
        {"kubernetes": kubernetes, "compose": compose, "page": page}[what](rest[0])
    for line in problems:
        print(line, file=sys.stderr)
    return 1 if problems else 0


sys.exit(main(sys.argv[1:]))
