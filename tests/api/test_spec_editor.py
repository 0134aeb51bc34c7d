"""Who wrote a spec last is read from what the API server noted of field managers."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.api.spec_editor import MAX_NAME, spec_editor

NOON, LATER = "2026-05-01T12:00:00Z", "2026-05-01T12:00:05Z"


def entry(manager: str, time: str, *, owns: str = "f:spec", **more: str) -> dict[str, Any]:
    told = {"manager": manager, "time": time, "operation": "Update", "fieldsV1": {owns: {"f:model": {}}}}
    return {**told, **more}


@pytest.mark.parametrize(
    ("entries", "editor"),
    [
        ([entry("kubectl-create", NOON)], f"kubectl-create at {NOON}"),
        ([entry("kubectl-edit", LATER), entry("argocd", NOON)], f"kubectl-edit at {LATER}"),
        ([entry("argocd", NOON, operation="Apply")], f"argocd (server-side apply) at {NOON}"),
        ([entry("b", NOON), entry("a", NOON)], f"a, b at {NOON}"),
        ([entry(name, NOON) for name in "edcba"], f"a, b, c and 2 more at {NOON}"),
        (
            [entry("kubectl", NOON), entry("airunway", LATER, owns="f:status", subresource="status")],
            f"kubectl at {NOON}",
        ),
        ([entry("kubectl", NOON), entry("airunway", LATER, owns="f:metadata")], f"kubectl at {NOON}"),
        ([entry("kubectl", NOON), entry("scaler", LATER, subresource="scale")], f"kubectl at {NOON}"),
        ([{"manager": "old"}], ""),
        ([entry("", NOON)], f"somebody at {NOON}"),
        ([entry("x" * 10_000, NOON)], f"{'x' * MAX_NAME} at {NOON}"),
        ([entry("\x1b[2Ja\nb", NOON)], f"\N{REPLACEMENT CHARACTER}[2Ja b at {NOON}"),
        ([], ""),
    ],
    ids=[
        "who created it",
        "the latest of several",
        "a server-side apply is told apart",
        "all who wrote in the same second",
        "but only a few of them",
        "a status is nobody's spec",
        "labels are no spec",
        "a subresource is left out",
        "an entry without fields or time",
        "a manager without a name",
        "a name of any length",
        "a name that would steer a terminal",
        "nobody noted",
    ],
)
def test_the_last_manager_of_the_spec_is_named(entries: list[dict[str, Any]], editor: str) -> None:
    assert spec_editor({"metadata": {"managedFields": entries}}) == editor


def test_an_object_without_notes_of_managers_has_no_editor() -> None:
    assert spec_editor({"metadata": {}}) == ""
