"""`python3 dev.py sbom`: what the images hold, by one command, from the lock files and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.deploy.test_dockerfile import LOCKS, ROOT, pins
from tools import sbom

COMPONENT = {
    "type": "object",
    "required": ["type", "name", "version", "purl", "bom-ref", "licenses"],
    "properties": {
        "type": {"enum": ["library", "application"]},
        "purl": {"pattern": r"^pkg:pypi/[a-z0-9-]+@\S+$"},
        "licenses": {
            "type": "array",
            "minItems": 1,
            "items": {
                "oneOf": [
                    {
                        "required": ["expression"],
                        "additionalProperties": False,
                        "properties": {"expression": {}},
                    },
                    {
                        "required": ["license"],
                        "properties": {"license": {"required": ["name"], "properties": {"name": {}}}},
                    },
                ]
            },
        },
        "properties": {"items": {"required": ["name", "value"]}},
    },
}
SCHEMA = {
    "type": "object",
    "required": ["bomFormat", "specVersion", "version", "serialNumber", "components", "dependencies"],
    "properties": {
        "bomFormat": {"const": "CycloneDX"},
        "specVersion": {"const": "1.6"},
        "serialNumber": {"pattern": r"^urn:uuid:[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$"},
        "metadata": {"properties": {"component": COMPONENT}},
        "components": {"items": COMPONENT},
        "dependencies": {"items": {"required": ["ref", "dependsOn"]}},
    },
}
"""The part of CycloneDX 1.6 that is used."""


def bill(lock: str, folder: Path) -> dict[str, Any]:
    written = sbom.write(ROOT / lock, folder)
    return dict(json.loads(written["bill"].read_text()))


@pytest.mark.parametrize("lock", LOCKS[1:])
def test_every_package_of_an_image_is_listed_with_its_licence(lock: str, tmp_path: Path) -> None:
    found = bill(lock, tmp_path)

    jsonschema.validate(found, SCHEMA)
    here = {name: version for name, version, _ in sbom.pins_in((ROOT / lock).read_text())}
    assert {entry["name"]: entry["version"] for entry in found["components"]} == here
    assert here.items() <= pins(lock).items()
    assert "helm-python-sdk" in here or lock != "requirements-installer.txt"
    refs = {entry["bom-ref"] for entry in (*found["components"], found["metadata"]["component"])}
    assert {entry["ref"] for entry in found["dependencies"]} == refs
    assert all(set(entry["dependsOn"]) <= refs for entry in found["dependencies"])
    assert all(entry["properties"] for entry in found["components"]), "each has the hashes of the lock file"


@pytest.mark.parametrize("lock", LOCKS[1:])
def test_no_licence_is_unknown_and_none_asks_for_our_source(lock: str, tmp_path: Path) -> None:
    text = sbom.write(ROOT / lock, tmp_path)["licences"].read_text()

    assert text.startswith("airunway-temporal ")
    assert "aiohttp " in text and "Apache-2.0" in text
    assert sbom.UNKNOWN not in text
    assert not re.search(r"\b(A?GPL|SSPL|BUSL)", text)


def test_the_same_input_gives_the_same_files(tmp_path: Path) -> None:
    lock = ROOT / "requirements-runtime.txt"
    first = {path.name: path.read_bytes() for path in sbom.write(lock, tmp_path / "a").values()}
    second = {path.name: path.read_bytes() for path in sbom.write(lock, tmp_path / "b").values()}

    assert first == second
    assert b"://" not in b"".join(first.values()).replace(b"urn:uuid", b"")


def test_what_is_not_installed_here_is_told(tmp_path: Path) -> None:
    lock = tmp_path / "requirements-x.txt"
    lock.write_text("no-such-package==1.0 \\\n    --hash=sha256:" + "0" * 64 + "\n")
    with pytest.raises(sbom.NotListable, match=r"no-such-package 1\.0 is not installed here"):
        sbom.write(lock, tmp_path)

    lock.write_text("yarl==0.0.1\n")
    with pytest.raises(sbom.NotListable, match=r"not 0\.0\.1"):
        sbom.write(lock, tmp_path)


def test_packages_of_other_platforms_are_left_out() -> None:
    lock = (
        "a==1 ; sys_platform == 'no-such' \\\n    --hash=sha256:0\nb==2 ; python_full_version >= '3'\nc==3\n"
    )

    assert [name for name, _, _ in sbom.pins_in(lock)] == ["b", "c"]
