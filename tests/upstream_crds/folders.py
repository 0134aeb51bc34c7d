"""The published definitions, a folder for each version of an upstream project."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from airunway.provider.registry import installed_providers
from tests.deploy.manifests import ROOT

VARIABLE = "AIRUNWAY_UPSTREAM_CRDS"
FOLDER = Path(os.environ.get(VARIABLE, ROOT.parent / "shared" / "upstream-crds"))

Object = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Version:
    """One folder. `paths`: of the collections that it serves, `{namespace}` open, by apiVersion and kind."""

    name: str
    groups: Set[str]
    definitions: Sequence[Object] = ()
    paths: Mapping[tuple[str, str], str] = field(default_factory=dict)


def folder_names() -> list[str]:
    """Names of the folders that are there."""
    return sorted(entry.name for entry in FOLDER.iterdir() if entry.is_dir()) if FOLDER.is_dir() else []


@cache
def version(name: str) -> Version:
    """A folder by its name; of an operator that a provider renders for, the kinds that it renders.

    Skips the test where it is not there.
    """
    files = sorted((FOLDER / name).glob("*.yaml"))
    if not files:
        pytest.skip(f"{FOLDER / name} is not there; set {VARIABLE} to the folder of published definitions")
    read = [yaml.load(file.read_text(), Loader=yaml.CSafeLoader)["spec"] for file in files]
    wanted = {(kind.group, kind.kind) for each in installed_providers().values() for kind in each.kinds}
    named = [spec for spec in read if (spec["group"], spec["names"]["kind"]) in wanted]
    definitions = [_definition(spec) for spec in named or read]
    return Version(
        name=name,
        groups={spec["group"] for spec in read},
        definitions=definitions,
        paths={key: path for definition in definitions for key, path in _paths(definition).items()},
    )


def _definition(spec: Object) -> Object:
    """It without the webhook that converts, which is the operator's; there is none here."""
    plain = {key: value for key, value in spec.items() if key != "conversion"}
    name = f"{spec['names']['plural']}.{spec['group']}"
    approved = {"api-approved.kubernetes.io": "https://github.com/kubernetes/enhancements/pull/1111"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name, "annotations": approved if spec["group"].endswith("k8s.io") else {}},
        "spec": plain,
    }


def _paths(definition: Object) -> dict[tuple[str, str], str]:
    spec = definition["spec"]
    scope = "/namespaces/{namespace}" if spec["scope"] == "Namespaced" else ""
    served = [f"{spec['group']}/{entry['name']}" for entry in spec["versions"] if entry["served"]]
    names = spec["names"]
    return {(api, names["kind"]): f"/apis/{api}{scope}/{names['plural']}" for api in served}
