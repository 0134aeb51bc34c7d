"""Warnings beside an answer: of versions that are deprecated, and of how many there may be."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from kube_emulator.testing import Api

from .objects import CRD_PATH, Space, crd, model

ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


async def widgets(served_kind: Any, **version: Any) -> tuple[str, dict[str, Any]]:
    """A deprecated version is served: the path of its objects, and one of them."""
    path, api_version = await served_kind(ANYTHING, deprecated=True, subresources={"status": {}}, **version)
    return path, {"apiVersion": api_version, "kind": "Widget", "metadata": {"name": "w"}, "spec": {}}


async def test_each_request_of_a_deprecated_version_is_warned_of(api: Api, served_kind: Any):
    path, widget = await widgets(served_kind)
    version = widget["apiVersion"]
    told = (f'299 - "{version} Widget is deprecated"',)

    answers = {
        "create": await api.create(path, widget),
        "get": await api.get(f"{path}/w"),
        "list": await api.get(path),
        "apply": await api.apply(f"{path}/w", widget, manager="one", force=True),
        "patch": await api.patch(f"{path}/w", {"spec": {"a": 1}}),
        "status": await api.patch(f"{path}/w/status", {"status": {"a": 1}}),
        "dry run": await api.apply(f"{path}/w", widget, manager="one", force=True, query={"dryRun": "All"}),
        "refused": await api.create(path, widget),
        "unknown": await api.get(f"{path}/nobody"),
        "delete": await api.call("DELETE", f"{path}/w"),
    }

    assert {name: answer.warnings for name, answer in answers.items()} == dict.fromkeys(answers, told)


async def test_a_definition_may_say_it_in_its_own_words(api: Api, served_kind: Any):
    path, widget = await widgets(served_kind, deprecationWarning='use "v2" \\ of it')

    answer = await api.create(path, widget)

    answer.ok()
    assert answer.warnings == ('299 - "use \\"v2\\" \\\\ of it"',)


async def test_what_applies_again_an_unknown_field_is_refused_and_not_warned(api: Api, custom: Space):
    await api.create(custom.models, model("m"))

    answer = await api.apply(f"{custom.models}/m", model("m", nope=1), manager="one", force=True)

    assert answer.code == 500
    assert answer.warnings == ()


async def test_the_newest_version_is_named_that_is_not_deprecated(api: Api, space: Space):
    group = f"g{uuid.uuid4().hex[:8]}.example.com"
    definition = crd(group, ANYTHING)
    spec = definition["spec"]
    (served,) = spec["versions"]
    spec["versions"] = [
        {**served, "name": name, "storage": name == "v1beta2", "deprecated": name in ("v1alpha1", "v2alpha1")}
        for name in ("v1alpha1", "v1beta1", "v1beta2", "v2alpha1")
    ]
    (await api.create(CRD_PATH, definition)).ok()
    try:
        told = {}
        for version in ("v1alpha1", "v1beta1", "v2alpha1"):
            listing = await api.until(f"/apis/{group}/{version}/widgets", lambda answer: answer.code == 200)
            told[version] = listing.warnings
    finally:
        await api.delete(f"{CRD_PATH}/widgets.{group}")

    better = f"use {group}/v1beta2 Widget"
    assert told == {
        "v1alpha1": (f'299 - "{group}/v1alpha1 Widget is deprecated; {better}"',),
        "v1beta1": (),
        "v2alpha1": (f'299 - "{group}/v2alpha1 Widget is deprecated; {better}"',),
    }


@pytest.mark.parametrize(
    ("count", "length", "told", "longest"),
    [
        pytest.param(3, 300, 3, 322, id="few long ones are whole"),
        pytest.param(60, 40, 60, 63, id="many that fit are whole"),
        pytest.param(60, 300, 16, 256, id="many long ones are cut off, and the last left out"),
        pytest.param(400, 1, 165, 25, id="very many short ones are more than most clients take"),
    ],
)
async def test_warnings_are_cut_off_where_there_are_many(
    api: Api, custom: Space, count: int, length: int, told: int, longest: int
):
    body = model("m", **{f"{'x' * length}{number}": 1 for number in range(count)})

    answer = await api.create(custom.models, body)

    answer.ok()
    texts = [warning.removeprefix('299 - "')[:-1].replace('\\"', '"') for warning in answer.warnings]
    assert (len(texts), max(map(len, texts))) == (told, longest)
