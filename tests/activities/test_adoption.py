"""What AI Runway's own controllers made of a spec is left as it serves, until the spec changes."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import pytest

from airunway.activities.upstream.adoption import Adoption, adopted
from airunway.activities.upstream.inspection import Inspection, Target
from airunway.activities.upstream.write_plan import Method, WritePlan, applied, plan_writes
from airunway.api.adoption import is_status_of_others, left_as_found, recorded_adoption, taking_over
from airunway.api.conditions import condition
from airunway.api.core_types import Condition
from airunway.api.model_deployment import ModelDeployment
from airunway.clients.kubernetes import Object
from airunway.messages.deployment import AppliedObject
from airunway.messages.refs import DeploymentRef
from airunway.messages.upstream import RenderRequest
from airunway.provider import RenderContext, RenderError
from airunway.provider.registry import installed_providers
from tests.activities.reference_objects import UID, WRITTEN, as_written, served
from tests.conformance.loader import Vector


def request(provider: str, **fields: Any) -> RenderRequest:
    ref = DeploymentRef(cluster="here", namespace="default", name="chat")
    given = {"generation": 3, "engine": "vllm", "adoption": 0} | fields
    return RenderRequest(ref=ref, uid=UID, provider=provider, **given)


def owner(*, generation: int = 3, created: str = "True") -> Object:
    entry = condition("ResourceCreated", created, "ResourceCreated").dump()  # type: ignore[arg-type]
    return {"status": {"conditions": [{**entry, "observedGeneration": generation}]}}


def rendered(vector: Vector) -> list[Object]:
    """Ours for a recorded deployment; none where we refuse it."""
    given = copy.deepcopy(vector.input["model_deployment"])
    given["metadata"]["uid"] = UID
    plugin = installed_providers()[vector.file]
    try:
        deployment = ModelDeployment.model_validate(given)
        if plugin.check(deployment):
            return []
        return plugin.render(deployment, RenderContext(env=vector.input.get("process_env") or {}))
    except (RenderError, ValueError):
        return []


def found(
    vector: Vector, ours: Sequence[Object], *, operation: str = "", last: Sequence[AppliedObject] = ()
) -> tuple[Inspection, dict[tuple[str, str], Object]]:
    live = {
        (obj["kind"], obj["metadata"]["name"]): as_written(obj, vector.file, operation=operation)
        for obj in vector.expect["objects"]
    }
    kinds = {
        (version.api_version, version.kind): version
        for kind in installed_providers()[vector.file].kinds
        for version in kind.versions
    }
    applied_before = {(entry.kind, entry.name): entry for entry in last}
    targets = []
    for desired in ours:
        key = (desired["kind"], desired["metadata"]["name"])
        kind = kinds[desired["apiVersion"], desired["kind"]]
        targets.append(Target(kind=kind, desired=desired, live=live.get(key), last=applied_before.get(key)))
    return Inspection(targets=targets), live


def planned(adoption: Adoption, provider: str, asked: RenderRequest) -> WritePlan:
    return plan_writes(adoption.inspection, installed_providers()[provider], asked)


@pytest.mark.parametrize(("provider", "operation"), WRITTEN)
def test_nothing_that_was_found_is_rewritten_or_made_anew(provider: str, operation: str) -> None:
    judged = 0
    for vector in served(provider):
        ours = rendered(vector)
        inspection, _live = found(vector, ours, operation=operation)
        if not any(target.live for target in inspection.targets):
            continue
        judged += 1

        plan = planned(
            adopted(inspection, installed_providers()[provider], request(provider), owner()),
            provider,
            request(provider),
        )

        assert (plan.replacing, list(plan.deletes)) == ("", []), vector.name
        for write in plan.writes:
            if write.target.live is not None:
                assert write.method is Method.KEEP or not write.changed, (vector.name, write.changed)
    assert judged > 5


@pytest.mark.parametrize(("provider", "operation"), WRITTEN)
def test_it_stays_so_in_the_reconciles_that_follow_and_goes_with_the_next_spec(
    provider: str, operation: str
) -> None:
    plugin = installed_providers()[provider]
    left = 0
    for vector in served(provider):
        ours = rendered(vector)
        inspection, _ = found(vector, ours, operation=operation)
        first = planned(adopted(inspection, plugin, request(provider), owner()), provider, request(provider))
        kept = [
            applied(write, write.target.live, field_manager=plugin.field_manager, generation=3)
            for write in first.writes
            if write.target.is_left and write.target.live is not None
        ]
        left += len(kept)
        assert {entry.action for entry in kept} <= {"adopted"}
        again = request(provider, adoption=3, applied=kept)

        inspection, _ = found(vector, ours, operation=operation, last=kept)
        second = planned(adopted(inspection, plugin, again, owner(generation=0)), provider, again)
        spec_changed = plan_writes(inspection, plugin, request(provider, generation=4))

        names = {(entry.kind, entry.name) for entry in kept}
        for write in second.writes:
            if (write.target.kind.kind, write.target.name) in names:
                assert write.method is Method.KEEP
        if names and not spec_changed.replacing:
            methods = {
                write.method
                for write in spec_changed.writes
                if (write.target.kind.kind, write.target.name) in names
            }
            assert methods == {Method.APPLY}, vector.name
    assert left > 0


# -- one deployment of vllm -----------------------------------------------------------------------------


@pytest.fixture
def plain() -> tuple[Vector, list[Object]]:
    vector = served("vllm")[0]
    return vector, rendered(vector)


def adopt(
    plain: tuple[Vector, list[Object]], change: Any = None, *, by: Object | None = None, **asked: Any
) -> Adoption:
    vector, ours = plain
    inspection, _ = found(vector, ours)
    if change is not None:
        change(inspection.targets[0].live)
    return adopted(inspection, installed_providers()["vllm"], request("vllm", **asked), by or owner())


def test_what_comes_with_the_next_change_is_said(plain: tuple[Vector, list[Object]]) -> None:
    adoption = adopt(plain)

    words = left_as_found(adoption.differences).message or ""
    assert "left as it serves; the next change of the spec brings: Deployment " in words
    assert "spec.template.metadata.labels[airunway.ai/model-deployment]" in words


@pytest.mark.parametrize(
    ("by", "generation", "is_left"),
    [
        (owner(), 3, True),
        (owner(generation=2), 3, False),
        (owner(created="False"), 3, False),
        (owner(generation=0), 1, True),
        ({"status": {"observedGeneration": 3}}, 3, True),
        ({"status": {}}, 3, False),
    ],
    ids=["this spec", "an older spec", "not created", "the first spec", "the core saw it", "nobody says"],
)
def test_only_what_was_made_of_the_present_spec_is_left(
    plain: tuple[Vector, list[Object]], by: Object, generation: int, is_left: bool
) -> None:
    assert adopt(plain, by=by, generation=generation).main_is_left is is_left


def test_what_failed_and_serves_nothing_is_written_as_rendered(plain: tuple[Vector, list[Object]]) -> None:
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "late"}

    def failed(live: Object) -> None:
        live["status"] = {"conditions": [late], "observedGeneration": 1, "replicas": 1}

    assert not adopt(plain, failed).main_is_left


def test_what_somebody_else_changed_is_put_right_and_nothing_besides(
    plain: tuple[Vector, list[Object]],
) -> None:
    def scaled(live: Object) -> None:
        live["spec"]["replicas"] = 7
        live["metadata"]["managedFields"].append(
            {
                "manager": "kubectl",
                "operation": "Update",
                "subresource": "scale",
                "fieldsV1": {"f:spec": {"f:replicas": {}}},
            }
        )

    adoption = adopt(plain, scaled)

    plan = planned(adoption, "vllm", request("vllm"))
    write = plan.writes[0]
    assert (write.method, list(write.changed)) == (Method.APPLY, ["spec.replicas"])
    live = write.target.live or {}
    assert write.target.desired["spec"]["template"] == live["spec"]["template"]
    assert "managedFields" not in write.target.desired["metadata"]


def test_an_object_of_another_owner_is_not_taken_over(plain: tuple[Vector, list[Object]]) -> None:
    def other(live: Object) -> None:
        live["metadata"]["ownerReferences"] = [{"kind": "Other", "name": "x", "uid": "another"}]

    plan = planned(adopt(plain, other), "vllm", request("vllm"))

    assert "belongs to Other/x" in plan.conflict


# -- what the status records ------------------------------------------------------------------------------


def recorded(entry: Condition, generation: int = 3) -> int | None:
    return recorded_adoption([entry.model_copy(update={"observed_generation": generation})])


def test_the_record_is_read_back() -> None:
    assert recorded_adoption([]) is None
    assert recorded(taking_over()) == 0
    assert recorded(left_as_found(["Deployment chat: spec.replicas"])) == 3


def status_by(*managers: tuple[str, str], phase: str = "Running") -> Object:
    entries = [
        {
            "manager": manager,
            "operation": "Update",
            "subresource": "status",
            "fieldsV1": {"f:status": {f"f:{field}": {}}},
        }
        for manager, field in managers
    ]
    return {"metadata": {"managedFields": entries}, "status": {"phase": phase}}


@pytest.mark.parametrize(
    ("obj", "others"),
    [
        (status_by(("manager", "phase"), ("provider", "phase")), True),
        (status_by(("manager", "phase"), ("airunway", "phase")), False),
        (status_by(("airunway", "provider"), ("provider", "phase")), True),
        (status_by(phase=""), False),
    ],
    ids=["AI Runway's", "ours too", "handed over to another controller", "none yet"],
)
def test_whose_status_it_is(obj: Object, others: bool) -> None:
    assert is_status_of_others(obj) is others
