"""What a reconcile decides to write: from what is rendered and what is there, without a cluster."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from airunway.activities.upstream.inspection import Inspection, Target
from airunway.activities.upstream.ownership import digest_of, version_of
from airunway.activities.upstream.write_plan import Method, WritePlan, applied, in_words, plan_writes
from airunway.clients.kubernetes import Object
from airunway.messages.deployment import AppliedObject
from airunway.messages.refs import DeploymentRef
from airunway.messages.upstream import RenderRequest
from airunway.provider import RenderContext
from airunway.provider.testing import UID, deployment
from tests.e2e.acme import ACME, SERVER

DESIRED = ACME.render(deployment(), RenderContext())[0]
REQUEST = RenderRequest(
    ref=DeploymentRef(cluster="here", namespace="team-a", name="chat"),
    uid=UID,
    generation=1,
    provider="acme",
    engine="vllm",
)


def live(generation: int = 1, **changes: Any) -> Object:
    """The object as the API server has it; changes are laid over its metadata."""
    obj = copy.deepcopy(DESIRED)
    obj["metadata"] |= {"uid": "u", "generation": generation, "resourceVersion": "7", **changes}
    return obj


def last(obj: Object, **changes: Any) -> AppliedObject:
    """As the reconcile before left it."""
    return AppliedObject(
        api_version=SERVER.api_version,
        kind=SERVER.kind,
        plural=SERVER.plural,
        name="chat",
        uid="u",
        digest=digest_of(DESIRED),
        version=version_of(obj),
    ).model_copy(update=changes)


def target(obj: Object | None = None, before: AppliedObject | None = None) -> Target:
    return Target(kind=SERVER, desired=DESIRED, live=obj, last=before)


def plan(*targets: Target, stale: list[Object] | None = None, provider: Any = ACME) -> WritePlan:
    inspection = Inspection(targets=targets, stale=[(SERVER, obj) for obj in stale or ()])
    return plan_writes(inspection, provider, REQUEST)


@dataclass(frozen=True)
class Case:
    reason: str
    target: Target
    method: Method
    action: str
    result: Object = field(default_factory=live)


RESPECIFIED = live(2) | {"spec": {"model": "other", "replicas": 1}}
CASES = [
    Case("an object that is not there is created", target(), Method.CREATE, "created"),
    Case("one that is gone is made again", target(None, last(live())), Method.CREATE, "recreated"),
    Case("one as it was left is kept", target(live(), last(live())), Method.KEEP, "unchanged"),
    Case("a create whose answer was lost is kept", target(live()), Method.KEEP, "created"),
    Case("but not when it was changed since", target(live(2)), Method.APPLY, "configured"),
    Case(
        "what somebody changed is repaired",
        target(RESPECIFIED, last(live())),
        Method.APPLY,
        "repaired",
        live(3),
    ),
    Case(
        "another rendering is configured",
        target(RESPECIFIED, last(RESPECIFIED, digest="old")),
        Method.APPLY,
        "configured",
        live(3),
    ),
    Case(
        "a write that changes nothing is reported as none",
        target(live(), last(live(), digest="old")),
        Method.APPLY,
        "unchanged",
        live(resourceVersion="8"),
    ),
    Case(
        "a lost label is put back",
        target(live(labels={}), last(live(labels={}))),
        Method.APPLY,
        "repaired",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_one_object(case: Case) -> None:
    planned = plan(case.target)

    (write,) = planned.writes
    assert write.method is case.method
    assert (planned.deletes, planned.replacing, planned.conflict) == ([], "", "")
    left = applied(write, case.result, field_manager=ACME.field_manager, generation=1)
    assert (left.action, left.digest) == (case.action, digest_of(DESIRED))


def test_fields_of_a_former_controller_are_taken_over_first() -> None:
    former = [{"manager": "provider", "operation": "Update", "fieldsV1": {"f:spec": {}}}]

    planned = plan(target(live(2, managedFields=former)))

    (write,) = planned.writes
    assert write.first is not None
    paths = [step["path"] for step in write.first]
    assert paths == ["/metadata/managedFields", "/metadata/resourceVersion"]
    assert [entry.why for entry in in_words(planned)] == ["takes over the fields of provider"]


def test_nothing_is_written_beside_an_object_of_somebody_else() -> None:
    of_others = live(ownerReferences=[{"kind": "Deployment", "name": "web", "uid": "other"}])

    planned = plan(target(), target(of_others), stale=[live(name="old")])

    assert planned.conflict == (
        "Server team-a/chat exists and belongs to Deployment/web (uid other); delete or rename one of the two"
    )
    assert not planned.writes and not planned.deletes


def test_what_is_not_rendered_any_more_goes_if_it_is_ours() -> None:
    rendered = [{"manager": ACME.field_manager, "operation": "Apply"}]
    ours = live(name="old", managedFields=rendered)
    others = live(name="theirs", ownerReferences=[], managedFields=rendered)
    of_a_stage = live(name="claim")

    planned = plan(target(live(), last(live())), stale=[ours, others, of_a_stage])

    assert [entry.live["metadata"]["name"] for entry in planned.deletes] == ["old"]


def test_an_object_that_must_be_replaced_is_deleted_before_anything_is_written() -> None:
    replacing = replace(ACME, replacement_reason=lambda live, desired: "its model is immutable")

    planned = plan(target(live()), target(), provider=replacing)

    assert planned.replacing == "its model is immutable"
    assert [entry.live["metadata"]["uid"] for entry in planned.deletes] == ["u"]
    assert not planned.writes


def test_an_object_that_is_going_is_waited_for() -> None:
    planned = plan(target(live(deletionTimestamp="2026-01-31T08:00:00Z")))

    assert planned.replacing == "Server chat is being deleted"
    assert not planned.writes and not planned.deletes


def test_a_kept_object_that_was_made_again_is_known_by_its_new_uid() -> None:
    again = live(uid="another")

    (write,) = plan(target(again, last(live()))).writes

    left = applied(write, again, field_manager=ACME.field_manager, generation=1)
    assert (left.uid, left.version, left.action) == ("another", version_of(again), "unchanged")


def test_an_applied_object_says_under_whose_name_and_at_which_version() -> None:
    (write,) = plan(target(RESPECIFIED, last(live(), digest="old"))).writes

    left = applied(write, live(3, resourceVersion="9"), field_manager="acme-provider", generation=1)

    assert (left.field_manager, left.resource_version, left.generation) == ("acme-provider", "9", 3)
    assert left.changed == ["spec.model"]
