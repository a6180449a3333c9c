"""Checks a bill of materials of an image: bill.py FILE. Each problem is a line on stderr; exit code 1 if there is one."""
import json
import sys

import jsonschema

TEXT = {"type": "string", "minLength": 1}


def closed(**properties):
    """An object with these keys, all of them, and no others."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


# The part of CycloneDX 1.5's schema that images/sbom.awk writes; what CycloneDX has besides is refused here.
SCHEMA = closed(
    bomFormat={"const": "CycloneDX"},
    specVersion={"const": "1.5"},
    version={"type": "integer", "minimum": 1},
    metadata=closed(
        timestamp={"type": "string", "pattern": r"^\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\dZ$"},
        component=closed(**{"type": {"const": "container"}, "name": TEXT, "bom-ref": TEXT}),
    ),
    components={
        "type": "array",
        "minItems": 20,
        "uniqueItems": True,
        "items": closed(
            **{
                "type": {"const": "library"},
                "bom-ref": TEXT,
                "supplier": closed(name=TEXT),
                "name": {"type": "string", "pattern": r"^[a-z0-9][a-z0-9+.-]+$"},
                "version": {"type": "string", "pattern": r"^[A-Za-z0-9.+~:-]+$"},
                "purl": {"type": "string", "pattern": r"^pkg:deb/debian/[^@ +:]+@[^@ +:]+\?arch=[a-z0-9]+&distro=debian-12$"},
            }
        ),
    },
)


def main(path):
    with open(path) as file:
        bill = json.load(file)
    problems = [f"{'.'.join(map(str, error.path))}: {error.message}" for error in jsonschema.Draft7Validator(SCHEMA).iter_errors(bill)]
    parts = bill.get("components", [])
    references = [part.get("bom-ref") for part in parts]
    problems += [f"{one} stands twice" for one in sorted(set(one for one in references if references.count(one) > 1))]
    # One that is linked, and one of which there are headers alone.
    for name in ("libzstd1", "libtomlplusplus-dev"):
        if name not in (part.get("name") for part in parts):
            problems.append(f"{name} is not there")
    for line in problems:
        print(line, file=sys.stderr)
    return 1 if problems else 0


sys.exit(main(sys.argv[1]))
