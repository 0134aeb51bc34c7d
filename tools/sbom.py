"""Say what an image holds of Python packages: a bill of materials (CycloneDX 1.6, JSON) and a list of
licences.

    python -m tools.sbom requirements-runtime.txt

Names, versions and hashes come from the lock file that the image installs, the rest from the metadata of the
packages as they are installed here. The same input gives the same files: build/sbom/<lock file>.cdx.json and
.licences.txt. The packages of the base image's operating system are not among them.
"""

from __future__ import annotations

import json
import re
import sys
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "build" / "sbom"
PROJECT = "airunway-temporal"
UNKNOWN = "unknown"

_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)(?:\s*;\s*(?P<marker>[^\\]+?))?\s*\\?$")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
_NAMES = {
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache-2.0": "Apache-2.0",
    "bsd-3-clause": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "mit": "MIT",
    "mit license": "MIT",
}
_TEXTS = {"Apache License Version 2.0": "Apache-2.0", "MIT License": "MIT"}


class NotListable(Exception):
    """The environment does not have what the lock file names."""


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package as an image has it. `licence`: an SPDX expression where one is known, else the package's own
    words."""

    name: str
    version: str
    licence: str
    is_expression: bool
    summary: str = ""
    hashes: tuple[str, ...] = ()
    needs: frozenset[str] = field(default_factory=frozenset)

    @property
    def purl(self) -> str:
        """Its name for every tool (package URL)."""
        return f"pkg:pypi/{self.name}@{self.version}"


def pins_in(lock: str) -> list[tuple[str, str, tuple[str, ...]]]:
    """Name, version and hashes of what a lock file installs on this platform."""
    found = []
    for entry in re.split(r"\n(?=[A-Za-z0-9])", lock):
        match = _PIN.match(entry.splitlines()[0]) if entry else None
        if match and (not match["marker"] or Marker(match["marker"].strip()).evaluate()):
            found.append(
                (str(canonicalize_name(match["name"])), match["version"], tuple(_HASH.findall(entry)))
            )
    return sorted(found)


def package_of(name: str, version: str, hashes: tuple[str, ...]) -> Package:
    """A pinned package. Raises NotListable when another version of it is installed here, or none."""
    try:
        there = distribution(name)
    except PackageNotFoundError:
        raise NotListable(f"{name} {version} is not installed here; run: python3 dev.py setup") from None
    if there.version != version:
        raise NotListable(
            f"{name} {there.version} is installed here, not {version}; run: python3 dev.py setup"
        )
    licence, is_expression = licence_of(there)
    return Package(
        name=name,
        version=version,
        licence=licence,
        is_expression=is_expression,
        summary=there.metadata.get("Summary") or "",
        hashes=hashes,
        needs=_needs(there),
    )


def licence_of(there: Distribution) -> tuple[str, bool]:
    """What a package says of its licence, and whether that is an SPDX expression."""
    meta = there.metadata
    if expression := meta.get("License-Expression"):
        return expression, True
    said = (meta.get("License") or "").strip()
    if spdx := _NAMES.get(said.lower()):
        return spdx, True
    classifiers = [
        entry.rpartition(" :: ")[2]
        for entry in meta.get_all("Classifier") or ()
        if entry.startswith("License :: ") and entry != "License :: OSI Approved"
    ]
    if classifiers and all(entry in _CLASSIFIERS for entry in classifiers):
        return " OR ".join(sorted(_CLASSIFIERS[entry] for entry in classifiers)), True
    if classifiers:
        return ", ".join(sorted(classifiers)), False
    if said and len(said) < 100 and "\n" not in said:
        return said, False
    return _licence_of_file(there)


def _licence_of_file(there: Distribution) -> tuple[str, bool]:
    """For a package that says nothing: what the file that it brings begins with."""
    for file in there.files or ():
        if re.match(r"(LICEN[CS]E|COPYING)", file.name) and ".dist-info" in str(file):
            text = " ".join(file.read_text(encoding="utf-8")[:500].split())
            for begin, spdx in _TEXTS.items():
                if begin in text:
                    return spdx, True
    return UNKNOWN, False


def _needs(there: Distribution) -> frozenset[str]:
    wanted = [Requirement(text) for text in there.requires or ()]
    return frozenset(
        str(canonicalize_name(entry.name))
        for entry in wanted
        if entry.marker is None or entry.marker.evaluate({"extra": ""})
    )


def bill_of(project: Package, packages: Iterable[Package], *, lock: str) -> dict[str, Any]:
    """The bill of materials."""
    held = list(packages)
    refs = {package.name: package.purl for package in (*held, project)}
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": _component(project) | {"type": "application"},
            "properties": [{"name": "airunway:lock", "value": lock}],
        },
        "components": [_component(package) for package in held],
        "dependencies": [
            {
                "ref": package.purl,
                "dependsOn": sorted(refs[name] for name in package.needs if name in refs),
            }
            for package in (project, *held)
        ],
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(bill, sort_keys=True))
    return bill | {"serialNumber": f"urn:uuid:{serial}"}


def _component(package: Package) -> dict[str, Any]:
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
        "licenses": [
            {"expression": package.licence}
            if package.is_expression
            else {"license": {"name": package.licence}}
        ],
    }
    if package.summary:
        component["description"] = package.summary
    if package.hashes:  # of every file that the lock file takes for it: one for each platform
        values = [{"name": "airunway:lock:sha256", "value": value} for value in package.hashes]
        component["properties"] = values
    return component


def licences_of(packages: Iterable[Package]) -> str:
    """The list of licences, as text."""
    rows = [(f"{package.name} {package.version}", package.licence) for package in packages]
    width = max(len(name) for name, _ in rows)
    return "".join(f"{name:{width}}  {licence}\n" for name, licence in rows)


def write(lock_file: Path, target: Path = TARGET) -> Mapping[str, Path]:
    """Both files for a lock file."""
    packages = [package_of(*pin) for pin in pins_in(lock_file.read_text(encoding="utf-8"))]
    project = package_of(PROJECT, distribution(PROJECT).version, ())
    target.mkdir(parents=True, exist_ok=True)
    written = {
        "bill": target / f"{lock_file.stem}.cdx.json",
        "licences": target / f"{lock_file.stem}.licences.txt",
    }
    bill = bill_of(project, packages, lock=lock_file.name)
    written["bill"].write_text(json.dumps(bill, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    written["licences"].write_text(licences_of([project, *packages]), encoding="utf-8")
    return written


def main() -> int:
    """Write the files of the lock file that is named."""
    (name,) = sys.argv[1:]
    try:
        for path in write(ROOT / name).values():
            print(path.relative_to(ROOT))
    except NotListable as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
