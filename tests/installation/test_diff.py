"""What is shown before an upgrade."""

from __future__ import annotations

from typing import Any

from airunway.clients.helm import masked
from airunway.installation.diff import MAX_LINES, manifest_diff, values_diff


def obj(kind: str, name: str, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, "namespace": "n"}, **fields}


def test_objects_that_come_go_and_change_are_reported() -> None:
    before = [
        obj("ConfigMap", "same", data={"a": "1"}),
        obj("Service", "old"),
        obj("Deployment", "d", replicas=1),
    ]
    after = [
        obj("ConfigMap", "same", data={"a": "1"}),
        obj("Service", "new"),
        obj("Deployment", "d", replicas=2),
    ]

    lines = manifest_diff(before, after, mask=masked)

    assert lines == [
        "~ Deployment n/d",
        "     namespace: n",
        "  -replicas: 1",
        "  +replicas: 2",
        "+ Service n/new",
        "- Service n/old",
    ]


def test_a_secret_that_changes_is_shown_without_its_content() -> None:
    before, after = obj("Secret", "s", data={"k": "b2xk"}), obj("Secret", "s", data={"k": "bmV3"})

    lines = manifest_diff([before], [after], mask=masked)

    assert lines[0] == "~ Secret n/s"
    assert len(lines) == 2
    assert not any("b2xk" in line or "bmV3" in line for line in lines)


def test_values_are_masked() -> None:
    lines = values_diff({}, {"apiToken": "hush-hush", "a": 1}, mask=masked)

    assert any("a: 1" in line for line in lines)
    assert not any("hush" in line for line in lines)


def test_a_huge_change_is_cut() -> None:
    after = [obj("ConfigMap", f"c{number:05}") for number in range(MAX_LINES + 7)]

    lines = manifest_diff([], after, mask=masked)

    assert len(lines) == MAX_LINES + 1
    assert lines[-1] == "… 7 more lines"
