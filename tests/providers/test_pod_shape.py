"""The tables of safe fields against Kubernetes' own types: each field is either safe or has a reason."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from kubernetes.aio import client

from airunway.provider.object_shape import SERVICE_SPEC
from airunway.provider.pod_shape import (
    CONTAINER_FIELDS,
    FORBIDDEN_POD_FIELDS,
    POD,
    POD_FIELDS,
    SAFE_POD_FIELDS,
    SAFE_VOLUMES,
    VOLUME,
)
from airunway.provider.shapes import UNKNOWN, Shape

SECURITY = Path(__file__).resolve().parents[2] / "docs" / "security.md"


def fields_of(kind: Any) -> set[str]:
    return set(kind.attribute_map.values())


def test_every_field_of_a_pod_was_looked_at() -> None:
    assert fields_of(client.V1PodSpec) - POD_FIELDS.keys() == set()


def test_every_field_of_a_container_was_looked_at() -> None:
    assert fields_of(client.V1Container) - CONTAINER_FIELDS.keys() == set()


def test_safe_fields_are_fields() -> None:
    known = fields_of(client.V1PodSpec)

    assert set(SAFE_POD_FIELDS) <= known
    assert set(SAFE_VOLUMES) <= fields_of(client.V1Volume)


@pytest.mark.parametrize("source", sorted(fields_of(client.V1Volume) - {"name", *SAFE_VOLUMES}))
def test_every_other_volume_is_refused(source: str) -> None:
    assert [found.path for found in VOLUME({"name": "v", source: {}}, ())] == [(source,)]


def test_a_service_is_not_opened_to_outside() -> None:
    opening = {
        field
        for field in fields_of(client.V1ServiceSpec)
        if re.search("external|loadBalancer|LoadB|health", field)
    }

    assert {found.path[0] for found in SERVICE_SPEC(dict.fromkeys(opening, "x"), ())} == opening


@pytest.mark.parametrize("shape", [POD, VOLUME, SERVICE_SPEC])
def test_a_field_of_a_later_kubernetes_is_refused(shape: Shape) -> None:
    (found,) = shape({"fromTheFuture": 1}, ("spec",))

    assert (found.path, found.why) == (("spec", "fromTheFuture"), UNKNOWN)


def test_the_forbidden_fields_are_in_the_documentation() -> None:
    text = SECURITY.read_text()

    assert [field for field in FORBIDDEN_POD_FIELDS if f"`{field}`" not in text] == []
