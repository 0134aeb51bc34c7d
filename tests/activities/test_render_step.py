"""Rendering says object by object what is to be done, and does nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.engines.grammars import NEWEST_VLLM, vllm_serve
from airunway.messages.upstream import RenderRequest, WriteAction
from airunway.provider import ArgumentRules, RenderContext, Stage
from tests.activities.acme_variants import CONFIG_MAP, STAGED, TWO_OBJECTS
from tests.activities.deployment_site import REF, VALIDATE_IT, DeploymentSite, render_request
from tests.e2e.acme import ACME, SERVER


async def test_a_new_object_is_planned_without_a_single_call(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = place.worker()
    await worker.core.validate(VALIDATE_IT)
    await worker.provider.render(render_request(made))  # learns what the cluster serves
    await worker.core.validate(VALIDATE_IT)
    calls = place.calls()

    answer = await worker.provider.render(render_request(made))

    assert calls.take() == []
    assert [str(entry) for entry in answer.planned] == ["create Server chat"]
    assert answer.planned[0].digest
    assert answer.finalizer == "airunway.ai/acme-provider"
    assert answer.status is None
    assert await place.server() is None


async def test_an_edit_is_planned_with_the_paths_that_change(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = place.worker()
    _, done = await worker.apply(render_request(made))
    edited = await place.change({"spec": {"scaling": {"replicas": 3}}})

    answer = await worker.provider.render(render_request(edited, applied=done.objects))

    (planned,) = answer.planned
    assert (planned.action, planned.kind, planned.name) == (WriteAction.APPLY, "Server", "chat")
    assert planned.changed == ["spec.replicas"]
    assert planned.uid == done.objects[0].uid
    assert (planned.why, answer.finalizer) == ("", "")


async def test_what_somebody_changed_is_planned_as_that(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = place.worker()
    _, done = await worker.apply(render_request(made))
    await place.cluster.patch(SERVER, REF.name, {"spec": {"replicas": 9}}, namespace=REF.namespace)

    answer = await worker.provider.render(render_request(made, applied=done.objects))

    assert [(entry.changed, entry.why) for entry in answer.planned] == [
        (["spec.replicas"], "somebody changed it (airunway)")
    ]


async def test_with_nothing_to_write_the_state_is_answered(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = place.worker()
    _, done = await worker.apply(render_request(made))

    answer = await worker.provider.render(render_request(made, applied=done.objects))

    assert not answer.writes
    assert [entry.action for entry in answer.objects] == ["unchanged"]
    assert answer.status is not None
    assert answer.status.resource_name == "chat"


async def test_an_object_that_is_not_rendered_any_more_is_planned_to_go(place: DeploymentSite) -> None:
    made = await place.deploy()
    _, done = await place.worker(providers=(TWO_OBJECTS,)).apply(render_request(made))
    only_main = place.worker(providers=(replace(ACME, kinds=TWO_OBJECTS.kinds),))
    edited = await place.change({"metadata": {"annotations": {"airunway.ai/rollout": "Recreate"}}})

    answer = await only_main.provider.render(render_request(edited, applied=done.objects))

    assert [(str(entry), entry.why) for entry in answer.planned] == [
        ("delete ConfigMap chat-settings", "not wanted any more")
    ]


async def test_a_replacement_is_planned_as_a_deletion_with_its_reason(place: DeploymentSite) -> None:
    made = await place.deploy()
    _, done = await place.worker().apply(render_request(made))
    edited = await place.change({"spec": {"scaling": {"replicas": 2}}})
    fixed = replace(ACME, replacement_reason=lambda live, desired: "its model is immutable")

    answer = await place.worker(providers=(fixed,)).provider.render(
        render_request(edited, applied=done.objects)
    )

    assert answer.replacing == "its model is immutable"
    assert [(str(entry), entry.why) for entry in answer.planned] == [
        ("delete Server chat", "replaced: its model is immutable")
    ]
    assert answer.objects == done.objects


async def test_what_a_stage_wants_is_planned_and_not_done(place: DeploymentSite) -> None:
    made = await place.deploy()

    answer = await place.worker(providers=(STAGED,)).provider.render(render_request(made))

    assert [str(entry) for entry in answer.planned] == ["create ConfigMap chat-claim"]
    assert (answer.waiting, answer.retry_seconds) == ("the claim is not bound", 5)
    assert answer.finalizer
    assert await place.cluster.find(CONFIG_MAP, "chat-claim", namespace=REF.namespace) is None


@pytest.mark.parametrize("change", ["edited", "paused"])
async def test_an_older_version_is_not_rendered(place: DeploymentSite, change: str) -> None:
    made = await place.deploy()
    if change == "paused":
        await place.pause()
    else:
        await place.change({"spec": {"scaling": {"replicas": 2}}})

    answer = await place.worker().provider.render(render_request(made))

    assert answer.superseded


async def test_another_object_of_the_name_is_not_rendered(place: DeploymentSite) -> None:
    made = await place.deploy()
    request = RenderRequest(**render_request(made).model_dump() | {"uid": "earlier"})

    answer = await place.worker().provider.render(request)

    assert answer.gone


async def test_what_cannot_be_rendered_is_a_failure_and_takes_no_finalizer(place: DeploymentSite) -> None:
    made = await place.deploy(model={"id": "cannot/render"})

    answer = await place.worker().provider.render(render_request(made))

    assert answer.failure is not None
    assert answer.failure.reason == "TransformFailed"
    assert not answer.writes


async def test_what_a_deployment_may_not_have_is_a_failure_that_names_the_setting(
    place: DeploymentSite,
) -> None:
    made = await place.deploy(provider={"name": "acme", "overrides": {"spec": {"replicas": 9}}})

    answer = await place.worker().provider.render(render_request(made))

    assert answer.failure is not None
    assert answer.failure.reason == "TransformFailed"
    assert "spec.provider.overrides.spec: not allowed" in answer.failure.message
    assert "AIRUNWAY_OVERRIDES_ALLOWED" in answer.failure.message
    assert not answer.writes


async def test_ceilings_hold_for_what_passed_admission_without_webhooks(place: DeploymentSite) -> None:
    made = await place.deploy(scaling={"replicas": 33})

    answer = await place.worker().provider.render(render_request(made))

    assert answer.failure is not None
    assert "33 replicas of one kind are demanded in all, at most 32" in answer.failure.message
    assert await place.server() is None


async def test_a_stage_that_wants_what_it_did_not_announce_is_a_failure(place: DeploymentSite) -> None:
    def silent(deployment: ModelDeployment, context: RenderContext) -> list[Stage]:
        return [replace(stage, creates=()) for stage in STAGED.stages(deployment, context)]

    made = await place.deploy()

    answer = await place.worker(providers=(replace(STAGED, stages=silent),)).provider.render(
        render_request(made)
    )

    assert answer.failure is not None
    assert "unannounced" in answer.failure.message
    assert not answer.writes


async def test_odd_arguments_are_a_condition_that_goes_when_they_are_right(place: DeploymentSite) -> None:
    rules = ArgumentRules(grammar=vllm_serve(NEWEST_VLLM))
    worker = place.worker(providers=(replace(ACME, argument_rules=lambda _: rules),))
    made = await place.deploy(engine={"type": "vllm", "args": {"seeds": "1"}})

    odd = await worker.provider.render(render_request(made))
    mended = await place.change({"spec": {"engine": {"args": {"seeds": None, "seed": "1"}}}})
    right = await worker.provider.render(render_request(mended))

    (told,) = [entry for entry in odd.conditions if entry.type == "ArgumentsRecognized"]
    assert (told.status, told.reason) == ("False", "SuspiciousArguments")
    assert "spec.engine.args.seeds" in told.message and "did you mean seed?" in told.message
    assert odd.failure is None and odd.planned and "ArgumentsRecognized" not in odd.cleared
    assert "ArgumentsRecognized" in right.cleared
    assert "ArgumentsRecognized" not in {entry.type for entry in right.conditions}


async def test_a_finalizer_that_somebody_took_off_is_all_there_is_to_do(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = place.worker()
    _, first = await worker.apply(render_request(made))
    bare = await place.change({"metadata": {"finalizers": None}})

    rendered, done = await worker.apply(render_request(bare, applied=first.objects))

    assert (rendered.planned, rendered.finalizer) == ([], ACME.finalizer)
    assert done.finalizer_added
    assert [entry.action for entry in done.objects] == ["unchanged"]
    assert done.status is not None
