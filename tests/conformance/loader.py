"""Read recorded vectors: from `CONFORMANCE_VECTORS` when it is set, else from the folder beside this file.

Layout: `<group>/<file>.json`, each a list of `{"name", "input", "expect"}`, and
`fixtures/provider_configs.json` (provider name to InferenceProviderConfig spec), or else our own. Groups and
files may be absent; then there is nothing to compare.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ENVIRONMENT_VARIABLE = "CONFORMANCE_VECTORS"


@dataclass(frozen=True, kw_only=True)
class Vector:
    """One input and the recorded answer."""

    group: str
    file: str
    name: str
    input: dict[str, Any]
    expect: dict[str, Any]


OWN = Path(__file__).resolve().parent / "vectors"


def folder() -> Path:
    given = os.environ.get(ENVIRONMENT_VARIABLE)
    return Path(given) if given else OWN


def load(group: str, file: str | None = None) -> tuple[Vector, ...]:
    """The vectors of one group, or of one of its files (named without `.json`)."""
    return load_from(folder(), group, file)


@cache
def load_from(place: Path, group: str, file: str | None = None) -> tuple[Vector, ...]:
    """The same from a given folder."""
    paths = sorted((place / group).glob(f"{file or '*'}.json"))
    return tuple(
        Vector(group=group, file=path.stem, name=case["name"], input=case["input"], expect=case["expect"])
        for path in paths
        for case in json.loads(path.read_text())
    )


def cases(group: str, files: Iterable[str] | None = None) -> list[Any]:
    """Vectors as pytest parameters whose ids are the vectors' names."""
    names = [None] if files is None else list(files)
    return [pytest.param(vector, id=vector.name) for name in names for vector in load(group, name)]


@cache
def _fixture_specs() -> dict[str, Any]:
    places = [place / "fixtures" / "provider_configs.json" for place in (folder(), OWN)]
    specs: dict[str, Any] = json.loads(next(path for path in places if path.exists()).read_text())
    return specs


def provider_configs(entries: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The InferenceProviderConfig objects that a vector's `provider_configs` stands for, in name order."""
    objects = [
        {
            "apiVersion": "airunway.ai/v1alpha1",
            "kind": "InferenceProviderConfig",
            "metadata": {"name": entry.get("name") or entry["use"]},
            "spec": _fixture_specs()[entry["use"]] if "use" in entry else entry.get("spec"),
            "status": {"ready": bool(entry.get("ready"))},
        }
        for entry in entries
    ]
    return sorted(objects, key=lambda config: config["metadata"]["name"])
