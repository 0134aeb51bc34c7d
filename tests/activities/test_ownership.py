"""Who owns an object and its fields."""

from __future__ import annotations

import pytest

from airunway.activities.upstream.ownership import (
    contains,
    is_owned_by,
    is_settled,
    owners_of,
    takeover_patch,
    version_of,
)


def test_an_object_is_owned_by_the_uid_in_any_reference() -> None:
    obj = {"metadata": {"ownerReferences": [{"kind": "A", "name": "a", "uid": "1"}, {"uid": "2"}]}}

    assert is_owned_by(obj, "2")
    assert not is_owned_by(obj, "3")
    assert owners_of(obj).startswith("A/a (uid 1)")
    assert owners_of({"metadata": {}}) == "no owner"


@pytest.mark.parametrize(
    ("live", "desired", "holds"),
    [
        pytest.param({"a": 1, "b": 2}, {"a": 1}, True, id="other keys do not matter"),
        pytest.param({"a": {"b": [1]}}, {"a": {"b": [1, 2]}}, False, id="lists compare whole"),
        pytest.param(None, {}, True, id="nothing wanted of nothing"),
        pytest.param(None, {"a": 1}, False, id="something wanted of nothing"),
        pytest.param({"a": "1"}, {"a": 1}, False, id="types differ"),
    ],
)
def test_containment(live: object, desired: object, holds: bool) -> None:
    assert contains(live, desired) is holds


METADATA = {"name": "chat", "labels": {"a": "1"}}


@pytest.mark.parametrize(
    ("live", "desired", "holds"),
    [
        pytest.param([{"a": 1, "resources": {}}], [{"a": 1}], True, id="an empty value is added"),
        pytest.param([{"a": 1}], [{"a": 1, "key": "", "b": {}, "c": None}], True, id="or left out"),
        pytest.param({"limits": {"m": "1Gi"}}, {"limits": {"m": "1024Mi"}}, True, id="a canonical quantity"),
        pytest.param({"divisor": "1"}, {"divisor": 1}, True, id="a quantity as a number"),
        pytest.param({"limits": {"m": "2Gi"}}, {"limits": {"m": "1Gi"}}, False, id="another quantity"),
        pytest.param({"limits": {"m": "x"}}, {"limits": {"m": "y"}}, False, id="no quantity"),
        pytest.param({"value": "1k"}, {"value": "1000"}, False, id="a text that reads as a quantity"),
        pytest.param([1], [1, 2], False, id="a shorter list"),
        pytest.param({}, {"replicas": 0}, False, id="a number that is left out"),
        pytest.param({"on": 1}, {"on": True}, False, id="a number for a truth"),
        pytest.param({"a": ["x"]}, {"a": []}, False, id="an entry that was added"),
    ],
)
def test_an_operators_own_form_of_what_is_desired(live: object, desired: object, holds: bool) -> None:
    extra = {"generation": 3, "annotations": {"operator": "x"}}

    settled = is_settled(
        {"metadata": METADATA | extra, "spec": live}, {"metadata": METADATA, "spec": desired}
    )

    assert settled is holds


def test_an_object_that_lost_a_label_is_not_settled() -> None:
    assert not is_settled({"metadata": {"name": "chat"}}, {"metadata": METADATA})


def managed(*entries: dict[str, object]) -> dict[str, object]:
    return {"metadata": {"resourceVersion": "7", "managedFields": list(entries)}}


def test_fields_of_the_former_controller_become_ours() -> None:
    former = {
        "manager": "provider",
        "operation": "Update",
        "apiVersion": "v1",
        "fieldsV1": {"f:spec": {"f:a": {}}},
    }
    status = {**former, "subresource": "status"}

    patch = takeover_patch(managed(former, status), field_manager="kaito-provider")

    assert patch is not None
    fields, version = patch
    assert version == {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}
    assert fields["value"] == [status, {**former, "manager": "kaito-provider", "operation": "Apply"}]


def test_what_is_ours_already_is_merged() -> None:
    former = {"manager": "provider", "operation": "Update", "fieldsV1": {"f:spec": {"f:a": {}}}}
    ours = {"manager": "kaito-provider", "operation": "Apply", "fieldsV1": {"f:spec": {"f:b": {}}}}

    patch = takeover_patch(managed(former, ours), field_manager="kaito-provider")

    assert patch is not None
    assert patch[0]["value"] == [{**ours, "fieldsV1": {"f:spec": {"f:a": {}, "f:b": {}}}}]


def test_what_was_written_in_another_version_is_given_up() -> None:
    older = {
        "manager": "dynamo-provider",
        "operation": "Apply",
        "apiVersion": "nvidia.com/v1alpha1",
        "fieldsV1": {"f:spec": {"f:services": {}}},
    }
    operator = {"manager": "operator", "operation": "Update", "apiVersion": "nvidia.com/v1beta1"}
    here = {"apiVersion": "nvidia.com/v1beta1"}

    alone = takeover_patch({**managed(older), **here}, field_manager="dynamo-provider")
    beside = takeover_patch({**managed(older, operator), **here}, field_manager="dynamo-provider")
    same = takeover_patch(
        {**managed(older), "apiVersion": "nvidia.com/v1alpha1"}, field_manager="dynamo-provider"
    )

    assert alone is not None and alone[0]["value"] == [{}]
    assert beside is not None and beside[0]["value"] == [operator]
    assert same is None


def test_nothing_to_take_over() -> None:
    assert takeover_patch(managed(), field_manager="kaito-provider") is None


def test_a_version_changes_with_content_and_labels_and_not_with_status() -> None:
    obj = {"metadata": {"uid": "u", "generation": 3, "resourceVersion": "9", "labels": {"a": "b"}}}
    status = {"metadata": {**obj["metadata"], "resourceVersion": "10"}, "status": {"x": 1}}
    label = {"metadata": {**obj["metadata"], "labels": {}}}
    plain = {"metadata": {"uid": "u", "resourceVersion": "9"}, "data": {"a": "1"}}  # without generation
    bound = {"metadata": {"uid": "u", "resourceVersion": "10"}, "data": {"a": "1"}, "status": {"x": 1}}
    changed = {"metadata": {"uid": "u", "resourceVersion": "10"}, "data": {"a": "2"}}

    assert version_of(obj) == version_of(status)
    assert version_of(obj) != version_of(label)
    assert version_of(plain) == version_of(bound)
    assert version_of(plain) != version_of(changed)
