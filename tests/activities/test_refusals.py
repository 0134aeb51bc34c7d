"""What a provider makes of a refusal: another try the other way, waiting, or words that help."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airunway.api.cluster_features import recorded_features, with_learned
from airunway.api.conditions import find_condition
from airunway.clients.crds import apply_crd
from airunway.clients.kubernetes import Object
from airunway.messages.deployment import AppliedObject
from airunway.messages.upstream import ApplyAnswer, RenderAnswer, RenderRequest
from airunway.provider import RefusalVerdict
from airunway.provider.registry import installed_providers
from tests.activities.deployment_site import REF, DeploymentSite, Worker, asked, render_request
from tests.activities.test_cluster_features import ANYTHING, definition
from tests.e2e.acme import ACME

KAITO = installed_providers()["kaito"]
WORKSPACES = "/workspaces"
DENIED = 'admission webhook "validation.workspace.kaito.sh" denied the request: validation failed: '
NO_TOKEN = DENIED + "This preset does not require a modelAccessSecret with HF_TOKEN key under presetOptions"
TOKEN = DENIED + (
    "This preset requires authentication and needs a modelAccessSecret with HF_TOKEN key under presetOptions"
)
WITHOUT_TOKEN = "PresetWithoutToken for acme/own"
NO_NODES = DENIED + "No nodes found matching the label selector"
SPEC: dict[str, Any] = {
    "provider": {"name": "kaito"},
    "engine": {"type": "vllm"},
    "model": {"id": "acme/own"},
    "resources": {"gpu": {"count": 1}},
}
SECRET = {"secrets": {"huggingFaceToken": "hub"}}


@pytest.fixture
async def site(place: DeploymentSite) -> DeploymentSite:
    crd = definition("kaito.sh", "v1beta1", "Workspace", ANYTHING)
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"] |= {"resource": ANYTHING, "inference": ANYTHING}
    await apply_crd(place.cluster, crd, field_manager="test")
    return place


def refuse(site: DeploymentSite, *words: str, code: int = 400) -> None:
    """The webhook says these, one after the other."""
    for said in words:
        site.emulated.faults.fail_next(
            code=code,
            reason="BadRequest" if code == 400 else "Forbidden",
            message=said,
            when=lambda method, path: method == "POST" and WORKSPACES in path,
        )


async def tried(
    site: DeploymentSite,
    *,
    features: list[str] | None = None,
    applied: list[AppliedObject] | None = None,
) -> tuple[RenderAnswer, ApplyAnswer]:
    """One pass with what is recorded, as the workflow has it done."""
    request = render_request(await site.deployment(), applied=applied)
    given: RenderRequest = request.model_copy(update={"provider": "kaito", "cluster_features": features})
    worker = Worker(site.cluster, providers=(KAITO,))
    rendered = await worker.provider.render(given)
    if not rendered.writes:
        return rendered, ApplyAnswer()
    return rendered, await worker.provider.apply_upstream(asked(given, rendered))


def learned_features(rendered: RenderAnswer, done: ApplyAnswer) -> list[str]:
    """What the workflow records after it."""
    assert done.failure is not None
    found = recorded_features([with_learned(rendered.conditions, done.failure.learned)])
    assert found is not None
    return found


async def workspace(site: DeploymentSite) -> Object:
    return await site.cluster.get(KAITO.kinds[0], REF.name, namespace=REF.namespace)


def preset_options(live: Object) -> dict[str, Any]:
    found: dict[str, Any] = live["inference"]["preset"].get("presetOptions", {})
    return found


@pytest.mark.parametrize("code", [400, 403])
async def test_a_token_too_many_is_left_out_in_a_second_try(site: DeploymentSite, code: int) -> None:
    await site.deploy(**SPEC | SECRET)
    refuse(site, NO_TOKEN, code=code)

    rendered, first = await tried(site)
    recorded = learned_features(rendered, first)
    _, second = await tried(site, features=recorded)

    assert recorded == [WITHOUT_TOKEN]
    assert first.failure is not None
    assert not first.failure.final
    assert second.failure is None
    assert preset_options(await workspace(site)) == {}


async def test_a_token_that_the_table_leaves_out_is_given_in_a_second_try(site: DeploymentSite) -> None:
    await site.deploy(**SPEC | SECRET | {"model": {"id": "phi-4"}})
    refuse(site, TOKEN)

    rendered, first = await tried(site)
    _, second = await tried(site, features=learned_features(rendered, first))

    assert second.failure is None
    assert preset_options(await workspace(site)) == {"modelAccessSecret": "hub"}


async def test_the_next_pass_does_not_flip_back(site: DeploymentSite) -> None:
    await site.deploy(**SPEC | SECRET)
    refuse(site, NO_TOKEN)
    rendered, first = await tried(site)
    recorded = learned_features(rendered, first)
    rendered, second = await tried(site, features=recorded)
    assert recorded_features(rendered.conditions) == recorded

    again, _ = await tried(site, features=recorded, applied=second.objects)

    assert not again.planned
    assert not again.replacing
    assert recorded_features(again.conditions) == recorded
    assert again.ignored_fields is not None
    assert "spec.secrets.huggingFaceToken" in again.ignored_fields


async def test_it_is_made_anew_as_it_was_learned(site: DeploymentSite) -> None:
    await site.deploy(**SPEC | SECRET)
    refuse(site, NO_TOKEN)
    rendered, first = await tried(site)
    recorded = learned_features(rendered, first)
    _, second = await tried(site, features=recorded)
    await site.cluster.delete(KAITO.kinds[0], REF.name, namespace=REF.namespace)

    _, done = await tried(site, features=recorded, applied=second.objects)

    assert done.failure is None
    assert preset_options(await workspace(site)) == {}


async def test_what_was_learned_of_one_model_says_nothing_of_another(site: DeploymentSite) -> None:
    await site.deploy(**SPEC | SECRET)
    refuse(site, NO_TOKEN)
    rendered, first = await tried(site)
    recorded = learned_features(rendered, first)
    _, second = await tried(site, features=recorded)
    await site.change({"spec": {"model": {"id": "acme/other"}}})

    replaced, third = await tried(site, features=recorded, applied=second.objects)
    rendered, fourth = await tried(site, features=recorded, applied=third.objects)

    assert replaced.replacing
    assert fourth.failure is None
    assert (await workspace(site))["inference"]["preset"]["name"] == "acme/other"
    assert preset_options(await workspace(site)) == {"modelAccessSecret": "hub"}
    assert recorded_features(rendered.conditions) == recorded == [WITHOUT_TOKEN]


async def test_another_model_has_a_second_try_of_its_own(site: DeploymentSite) -> None:
    await site.deploy(**SPEC | SECRET | {"model": {"id": "phi-4"}})
    refuse(site, TOKEN)

    rendered, first = await tried(site, features=[WITHOUT_TOKEN])
    recorded = learned_features(rendered, first)
    _, second = await tried(site, features=recorded)

    assert set(recorded) == {WITHOUT_TOKEN, "PresetWithToken for phi-4"}
    assert second.failure is None
    assert preset_options(await workspace(site)) == {"modelAccessSecret": "hub"}


@pytest.mark.parametrize(
    ("edit", "anew"),
    [
        pytest.param({"podTemplate": {"metadata": {"labels": {"team": "a"}}}}, False, id="in place"),
        pytest.param({"nodeSelector": {"pool": "b"}}, True, id="made anew"),
    ],
)
async def test_an_edit_of_other_fields_keeps_what_was_learned(
    site: DeploymentSite, edit: dict[str, Any], anew: bool
) -> None:
    await site.deploy(**SPEC | SECRET)
    refuse(site, NO_TOKEN)
    rendered, first = await tried(site)
    recorded = learned_features(rendered, first)
    _, second = await tried(site, features=recorded)
    await site.change({"spec": edit})

    rendered, third = await tried(site, features=recorded, applied=second.objects)
    replaced = bool(rendered.replacing)
    if replaced:
        rendered, third = await tried(site, features=recorded, applied=third.objects)

    assert replaced is anew
    assert third.failure is None
    assert preset_options(await workspace(site)) == {}
    assert recorded_features(rendered.conditions) == recorded


async def test_lessons_without_end_are_forgotten(site: DeploymentSite) -> None:
    await site.deploy(**SPEC | SECRET)
    many = [f"PresetWithoutToken for acme/{number}" for number in range(50)]

    rendered, done = await tried(site, features=[*many, WITHOUT_TOKEN])

    assert recorded_features(rendered.conditions) == []
    assert done.failure is None


async def test_what_was_learned_of_another_operator_counts_no_more(site: DeploymentSite) -> None:
    await site.deploy(**SPEC | SECRET)

    rendered, done = await tried(site, features=[WITHOUT_TOKEN, "resource.partition"])

    assert recorded_features(rendered.conditions) == []
    assert done.failure is None
    assert preset_options(await workspace(site)) == {"modelAccessSecret": "hub"}


async def test_refused_both_ways_there_is_no_third_try(site: DeploymentSite) -> None:
    await site.deploy(**SPEC | SECRET)
    refuse(site, NO_TOKEN, TOKEN)
    rendered, first = await tried(site)

    _, second = await tried(site, features=learned_features(rendered, first))

    assert second.failure is not None
    assert not second.failure.learned
    assert second.failure.final
    assert second.failure.reason == "CreateFailed"
    assert "the other way was refused before" in second.failure.message


async def test_without_a_token_to_give_the_user_is_told_where_to_name_one(site: DeploymentSite) -> None:
    await site.deploy(**SPEC)
    refuse(site, TOKEN)

    _, done = await tried(site)

    assert done.failure is not None
    assert not done.failure.learned
    assert "spec.secrets.huggingFaceToken" in done.failure.message


async def test_nodes_that_are_not_there_yet_are_waited_for(site: DeploymentSite) -> None:
    await site.deploy(**SPEC)
    refuse(site, NO_NODES)

    _, waits = await tried(site)
    _, done = await tried(site)

    assert waits.failure is not None
    assert not waits.failure.final
    assert waits.failure.retry_seconds > 0
    assert "waiting for a node" in waits.failure.message
    said = find_condition(waits.failure.conditions, "ResourceCreated")
    assert said is not None
    assert said.reason == "WaitingForCluster"
    assert done.failure is None


async def test_a_provider_that_asks_nothing_of_the_cluster_learns_once_too(place: DeploymentSite) -> None:
    learner = replace(
        ACME, learnable=("Small",), judge_refusal=lambda deployment, said: RefusalVerdict(learned="Small")
    )
    worker = Worker(place.cluster, providers=(learner,))
    request = render_request(await place.deploy())
    place.emulated.faults.fail_next(
        2, code=400, reason="BadRequest", when=lambda method, path: method == "POST" and "/servers" in path
    )

    rendered, first = await worker.apply(request)
    recorded = learned_features(rendered, first)
    rendered, second = await worker.apply(request.model_copy(update={"cluster_features": recorded}))

    assert recorded == recorded_features(rendered.conditions) == ["Small"]
    assert second.failure is not None
    assert (second.failure.learned, second.failure.final) == ("", True)


async def test_any_other_refusal_stays_what_it_is(site: DeploymentSite) -> None:
    await site.deploy(**SPEC | SECRET)
    refuse(site, DENIED + "Unsupported inference preset name")

    _, done = await tried(site)

    assert done.failure is not None
    assert (done.failure.reason, done.failure.final, done.failure.learned) == ("CreateFailed", True, "")
