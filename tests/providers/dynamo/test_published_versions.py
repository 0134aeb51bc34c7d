"""The versions of the API that the operator publishes are those that graphs are written in."""

from __future__ import annotations

from typing import Any

import yaml

from airunway.providers.dynamo import PROVIDER
from airunway.providers.dynamo.config import ALPHA
from airunway.providers.dynamo.runtime_version import RUNTIME_FIELD
from tests.upstream_crds.folders import FOLDER, version

FILE = "nvidia.com_dynamographdeployments.yaml"


def published(folder: str) -> list[dict[str, Any]]:
    """The served versions of a folder; skips where it is not there."""
    version(folder)
    versions = yaml.safe_load((FOLDER / folder / FILE).read_text())["spec"]["versions"]
    return [entry for entry in versions if entry["served"]]


def test_the_newest_stores_what_we_write_first_and_serves_nothing_else_that_is_new() -> None:
    served = published("dynamo-main")

    known = [kind.version for kind in PROVIDER.kinds[0].versions]
    assert [entry["name"] for entry in served if entry["storage"]] == known[:1]
    assert {entry["name"] for entry in served} == set(known)


def test_an_operator_of_1_1_serves_the_oldest_that_we_know() -> None:
    (served,) = published("dynamo-1.1.0-rc3")

    assert f"nvidia.com/{served['name']}" == ALPHA
    assert RUNTIME_FIELD not in str(served["schema"])
