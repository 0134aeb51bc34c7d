"""Validate, select the engine, evaluate the rules: one computation, each step with its part of the story."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airunway.api.decision import Outcome
from airunway.clients.kubernetes import CONFIGS, DEPLOYMENTS, Object
from airunway.messages.decision import Recorded, SelectionRequest, ValidateRequest
from tests.activities.deployment_site import ENGINE, REF, VALIDATE_IT, DeploymentSite, selection_request

FREE = {"provider": None, "engine": None}
"""A spec that leaves the choice."""


async def test_a_valid_deployment_is_reported_as_it_is(place: DeploymentSite) -> None:
    made = await place.deploy()
    meta = made["metadata"]

    seen = await place.worker(attributes=("AirunwayPhase",)).core.validate(VALIDATE_IT)

    assert (seen.found, seen.uid, seen.generation) == (True, meta["uid"], 1)
    assert seen.resource_version == meta["resourceVersion"]
    assert (seen.model, seen.refused, seen.status) == ("o/m", None, None)
    assert seen.search_attributes == ["AirunwayPhase"]


async def test_who_wrote_the_spec_last_is_reported(place: DeploymentSite) -> None:
    meta = (await place.deploy())["metadata"]

    seen = await place.worker().core.validate(VALIDATE_IT)

    (writer,) = [entry for entry in meta["managedFields"] if "f:spec" in entry["fieldsV1"]]
    assert seen.edited_by == f"{writer['manager']} at {writer['time']}"


async def test_what_people_ask_by_annotation_is_reported_in_few_words(place: DeploymentSite) -> None:
    await place.deploy()
    long = "x" * 10_000
    values = {"airunway.ai/retry": "monday", "airunway.ai/cancel-build": long}
    await place.change({"metadata": {"annotations": values}})

    seen = await place.worker().core.validate(VALIDATE_IT)

    assert seen.retry == "monday"
    assert seen.cancel_build.startswith("xxx")
    assert len(seen.cancel_build) < 300


async def test_validate_refuses_what_is_not_valid(place: DeploymentSite) -> None:
    await place.deploy(image="a/b:1", engine={"type": "vllm", "image": "a/c:1"})

    seen = await place.worker().core.validate(VALIDATE_IT)

    assert seen.refused is not None
    assert seen.refused.outcome is Outcome.IMAGE_CONFLICT


async def test_an_engine_that_nobody_offers_is_refused_by_its_step(place: DeploymentSite) -> None:
    await place.register(capabilities={"engines": [{**ENGINE, "cpuSupport": False}]})
    made = await place.deploy(**FREE)
    worker = place.worker()

    seen = await worker.core.validate(VALIDATE_IT)
    chosen = await worker.core.select_engine(selection_request(made))

    assert seen.refused is None
    assert chosen.refused is not None
    assert chosen.refused.outcome is Outcome.ENGINE_FAILED
    reasons = {entry.engine: entry.why_not for entry in chosen.candidates}
    assert reasons["vllm"] == "acme: engine vllm requires GPU"
    assert reasons["sglang"] == "no provider that can be used offers it"


async def test_a_selection_names_what_was_considered_and_the_rule_that_won(place: DeploymentSite) -> None:
    rules = [{"condition": "spec.engine.type == 'vllm'", "priority": 10}]
    engines = [ENGINE, {**ENGINE, "name": "sglang"}]
    await place.register(capabilities={"engines": engines}, selectionRules=rules)
    await place.register("other", selectionRules=[{"condition": "true", "priority": 5}])
    made = await place.deploy(**FREE)
    worker = place.worker()
    await worker.core.validate(VALIDATE_IT)

    engine = await worker.core.select_engine(selection_request(made))
    provider = await worker.core.evaluate_provider_rules(selection_request(made))

    assert (engine.engine, engine.reason) == ("vllm", "auto-selected from provider acme capabilities")
    offered = {entry.engine: (entry.providers, entry.why_not) for entry in engine.candidates}
    assert offered["vllm"] == (["acme", "other"], "")
    assert offered["sglang"] == (["acme"], "vllm is preferred")
    assert provider.decision is not None
    assert provider.rule == "spec.engine.type == 'vllm'"
    scores = [(entry.provider, entry.score, entry.why_not) for entry in provider.decision.candidates]
    assert scores == [("acme", 10, ""), ("other", 5, "score 5 is below 10 of acme")]
    assert provider.provider is not None
    assert provider.provider.ready
    assert provider.configs_digest


async def test_three_steps_of_one_process_read_once(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker, calls = place.worker(), place.calls()

    await worker.core.validate(VALIDATE_IT)
    await worker.core.select_engine(selection_request(made))
    await worker.core.evaluate_provider_rules(selection_request(made))

    assert sorted(calls.take()) == [
        "GET /apis/airunway.ai/v1alpha1/inferenceproviderconfigs",
        "GET /apis/airunway.ai/v1alpha1/namespaces/default/modeldeployments/chat",
    ]


async def test_another_process_reads_again_and_decides_the_same(place: DeploymentSite) -> None:
    await place.register()
    made = await place.deploy()
    first = place.worker()
    await first.core.validate(VALIDATE_IT)

    here = await first.core.evaluate_provider_rules(selection_request(made))
    there = await place.worker().core.evaluate_provider_rules(selection_request(made))

    assert there == here


async def test_a_step_for_another_version_answers_superseded(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = place.worker()
    await worker.core.validate(VALIDATE_IT)
    await place.change({"spec": {"scaling": {"replicas": 2}}})
    stranger = place.worker()

    engine = await stranger.core.select_engine(selection_request(made))
    provider = await stranger.core.evaluate_provider_rules(selection_request(made))

    assert engine.superseded
    assert provider.superseded
    assert provider.decision is None


async def test_a_selection_that_was_not_written_yet_stands(place: DeploymentSite) -> None:
    made = await place.deploy(**FREE)
    recorded = Recorded(uid=made["metadata"]["uid"], provider="acme", engine="vllm")
    worker = place.worker()

    await worker.core.validate(ValidateRequest(ref=REF, recorded=recorded))
    asked = SelectionRequest(**selection_request(made).model_dump() | {"recorded": recorded})
    chosen = await worker.core.evaluate_provider_rules(asked)

    assert chosen.decision is not None
    assert chosen.decision.outcome is Outcome.OK
    assert chosen.decision.provider is not None
    assert chosen.decision.provider.name == "acme"


async def test_a_selection_made_for_another_object_of_the_name_does_not_stand(place: DeploymentSite) -> None:
    made = await place.deploy(**FREE)
    await place.cluster.patch(
        DEPLOYMENTS, REF.name, {"status": {"phase": "Failed"}}, namespace=REF.namespace, subresource="status"
    )
    recorded = Recorded(uid="earlier", provider="acme", engine="vllm")
    worker = place.worker()

    seen = await worker.core.validate(ValidateRequest(ref=REF, recorded=recorded))

    assert seen.uid == made["metadata"]["uid"]
    assert seen.status is not None  # the workflow starts over from it
    chosen = await worker.core.select_engine(selection_request(await place.deployment()))
    assert chosen.refused is not None


@pytest.mark.parametrize(
    ("finalizers", "external"),
    [
        (["airunway.ai/acme-provider"], False),
        (["airunway.ai/shim-provider"], True),
        (["airunway.ai/shim-provider", "airunway.ai/acme-provider"], False),
        (["airunway.ai/unknown-provider"], False),
    ],
)
async def test_a_deletion_says_whose_finalizer_holds_it(
    place: DeploymentSite, finalizers: list[str], external: bool
) -> None:
    for name, marks in {"acme": {"airunway.ai/task-queue": "q"}, "shim": {}}.items():
        await place.register(name)
        await place.cluster.patch(CONFIGS, name, {"metadata": {"annotations": marks}})
    await place.deploy()
    await place.change({"metadata": {"finalizers": finalizers}})
    await place.cluster.delete(DEPLOYMENTS, REF.name, namespace=REF.namespace)

    seen = await place.worker().core.validate(VALIDATE_IT)

    assert seen.deleted_at is not None
    assert seen.holder is not None
    assert seen.holder.externally_managed is external


@pytest.mark.parametrize(("limit", "ready"), [(timedelta(minutes=30), True), (timedelta(minutes=10), False)])
async def test_a_reconcile_gives_a_worker_as_long_as_the_setting_says(
    place: DeploymentSite, limit: timedelta, ready: bool
) -> None:
    beat = (datetime.now(UTC) - timedelta(minutes=20)).isoformat()
    await place.register(beat=beat)
    made = await place.deploy()

    chosen = await place.worker(heartbeat_limit=limit).core.evaluate_provider_rules(selection_request(made))

    assert chosen.provider is not None
    assert chosen.provider.ready is ready


@pytest.mark.parametrize("is_routed", [True, False])
async def test_who_renders_is_told_whether_requests_will_come_by_a_gateway(
    place: DeploymentSite, *, is_routed: bool
) -> None:
    engine = {**ENGINE, "gateway": {"managesInferencePool": True}}
    await place.register(capabilities={"engines": [engine]})
    made = await place.deploy()

    async def routes(owner: Object) -> bool:
        assert owner["metadata"]["uid"] == made["metadata"]["uid"]
        return is_routed

    chosen = await place.worker(routes=routes).core.evaluate_provider_rules(selection_request(made))

    assert chosen.provider is not None
    assert chosen.provider.routed_by_gateway is is_routed


async def test_gateways_are_not_looked_at_for_a_provider_that_makes_no_pool(place: DeploymentSite) -> None:
    await place.register(capabilities={"engines": [{**ENGINE, "gateway": {"ignoresServedName": True}}]})
    made = await place.deploy()

    async def routes(owner: Object) -> bool:
        raise AssertionError("nothing of it depends on a Gateway")

    chosen = await place.worker(routes=routes).core.evaluate_provider_rules(selection_request(made))

    assert chosen.provider is not None
    assert not chosen.provider.routed_by_gateway
