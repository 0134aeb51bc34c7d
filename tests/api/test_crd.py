"""What kubectl reads in our definitions: a text for every field, names, columns, fields to select by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from airunway.api.crd import model_deployment_crd, provider_config_crd

DEFINITIONS = [model_deployment_crd(), provider_config_crd()]


def version_of(definition: dict[str, Any]) -> dict[str, Any]:
    return dict(definition["spec"]["versions"][0])


def silent(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Fields of which `kubectl explain` would say nothing."""
    for name, field in (schema.get("properties") or {}).items():
        where = f"{path}.{name}"
        if not field.get("description") and where != ".metadata":
            yield where
        yield from silent(field, where)
    if isinstance(schema.get("items"), dict):
        yield from silent(schema["items"], f"{path}[]")


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda entry: entry["metadata"]["name"])
def test_kubectl_explain_has_a_text_for_every_field(definition: dict[str, Any]) -> None:
    schema = version_of(definition)["schema"]["openAPIV3Schema"]

    assert schema["description"]
    assert list(silent(schema)) == []


def test_both_kinds_have_short_names_and_one_category() -> None:
    given = [entry["spec"]["names"] for entry in DEFINITIONS]

    assert [names["shortNames"] for names in given] == [["md"], ["ipc"]]
    assert [names["categories"] for names in given] == [["airunway"], ["airunway"]]


def test_the_columns_of_a_deployment_say_how_it_is_at_a_glance() -> None:
    columns = version_of(model_deployment_crd())["additionalPrinterColumns"]

    shown = [column["name"] for column in columns if not column.get("priority")]
    wide = [column["name"] for column in columns if column.get("priority") == 1]

    assert shown == ["Phase", "Ready", "Provider", "Engine", "Age"]
    assert wide == ["Model", "Message"]


def test_a_status_that_nobody_has_written_is_of_no_generation() -> None:
    status = version_of(model_deployment_crd())["schema"]["openAPIV3Schema"]["properties"]["status"]

    assert status["default"] == {}
    assert status["properties"]["observedGeneration"]["default"] == -1
