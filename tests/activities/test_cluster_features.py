"""What is installed in a cluster later does not change what runs: rendering keeps to what it was made for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airunway.api.cluster_features import ROUTED_BY_GATEWAY, recorded_features
from airunway.api.conditions import find_condition
from airunway.clients.crds import apply_crd
from airunway.clients.kubernetes import Object
from airunway.messages.deployment import AppliedObject
from airunway.messages.upstream import RenderRequest
from airunway.provider import Provider
from airunway.provider.registry import installed_providers
from tests.activities.deployment_site import REF, DeploymentSite, Worker, asked, render_request

DYNAMO, KUBERAY = installed_providers()["dynamo"], installed_providers()["kuberay"]
SPEC = {"model": {"id": "Qwen/Qwen3-0.6B"}, "engine": {"type": "vllm"}, "resources": {"gpu": {"count": 1}}}
ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def definition(group: str, version: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    singular = kind.lower()
    schema = {"type": "object", "properties": {"spec": spec, "status": ANYTHING}}
    served = {"name": version, "served": True, "storage": True, "subresources": {"status": {}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{singular}s.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": f"{singular}s",
                "singular": singular,
            },
            "versions": [{**served, "schema": {"openAPIV3Schema": schema}}],
        },
    }


GRAPHS = definition("nvidia.com", "v1alpha1", "DynamoGraphDeployment", ANYTHING)


def with_beta(definition: dict[str, Any]) -> dict[str, Any]:
    """The same with a newer version, in which it is stored."""
    (alpha,) = definition["spec"]["versions"]
    both = [{**alpha, "name": "v1beta1"}, {**alpha, "storage": False}]
    return {**definition, "spec": {**definition["spec"], "versions": both}}


def ray_services(**cluster: Any) -> dict[str, Any]:
    """A KubeRay whose clusters have these fields beside those that each has."""
    known = ("rayVersion", "headGroupSpec", "workerGroupSpecs", "enableInTreeAutoscaling")
    fields = {"type": "object", "properties": {**dict.fromkeys(known), **cluster}}
    fields["properties"] = {
        name: entry or {"x-kubernetes-preserve-unknown-fields": True}
        for name, entry in fields["properties"].items()
    }
    spec = {"type": "object", "properties": {"rayClusterConfig": fields, "serveConfigV2": {"type": "string"}}}
    return definition("ray.io", "v1", "RayService", spec)


AUTH = {"type": "object", "properties": {"mode": {"type": "string"}}}


def request(owner: Object, provider: Provider, applied: list[AppliedObject], **fields: Any) -> RenderRequest:
    base = render_request(owner, applied=applied)
    return base.model_copy(update={"provider": provider.name, **fields})


Made = tuple[list[AppliedObject], list[str] | None, str]
"""What was applied, what is recorded of the cluster, and the rendered spec."""


def worker_of(place: DeploymentSite, provider: Provider) -> Worker:
    return Worker(place.cluster, providers=(provider,))


async def made(place: DeploymentSite, provider: Provider, *, is_routed: bool = False) -> Made:
    """Deploy for a provider."""
    await place.deploy(provider={"name": provider.name}, **SPEC)
    worker = worker_of(place, provider)
    first = request(await place.deployment(), provider, [], routed_by_gateway=is_routed)
    rendered = await worker.provider.render(first)
    done = await worker.provider.apply_upstream(asked(first, rendered))
    assert done.failure is None, done.failure
    live = await main(place, provider)
    return done.objects, recorded_features(rendered.conditions), json.dumps(live["spec"], sort_keys=True)


async def main(place: DeploymentSite, provider: Provider, *, api_version: str = "") -> Object:
    """The main object, as it is in the oldest version of its kind."""
    versions = provider.kinds[0].versions
    kind = next((kind for kind in versions if kind.api_version == api_version), versions[-1])
    return await place.cluster.get(kind, REF.name, namespace=REF.namespace)


async def install(place: DeploymentSite, provider: Provider) -> None:
    """What a cluster gets later that rendering for this provider looks at."""
    later = with_beta(GRAPHS) if provider is DYNAMO else ray_services(authOptions=AUTH)
    await apply_crd(place.cluster, later, field_manager="test")


BOTH = pytest.mark.parametrize("provider", [DYNAMO, KUBERAY], ids=lambda entry: entry.name)


async def begin(place: DeploymentSite, provider: Provider) -> None:
    await apply_crd(place.cluster, GRAPHS if provider is DYNAMO else ray_services(), field_manager="test")


@BOTH
@pytest.mark.parametrize("is_recorded", [True, False], ids=["recorded", "the record was lost"])
async def test_what_is_installed_later_rewrites_nothing(
    place: DeploymentSite, provider: Provider, is_recorded: bool
) -> None:
    await begin(place, provider)
    applied, recorded, spec = await made(place, provider)
    assert recorded == []

    await install(place, provider)
    owner = await place.deployment()
    known = recorded if is_recorded else None
    again = request(owner, provider, applied, cluster_features=known)
    rendered = await worker_of(place, provider).provider.render(again)

    assert rendered.failure is None
    assert not rendered.planned
    live = await main(place, provider)
    assert json.dumps(live["spec"], sort_keys=True) == spec
    record = find_condition(rendered.conditions, "RenderedForCluster")
    assert record is not None
    assert record.reason == "ClusterChanged"
    assert "by now it has" in (record.message or "")
    assert recorded_features(rendered.conditions) == []


@BOTH
async def test_a_change_of_the_spec_keeps_to_the_record_too(
    place: DeploymentSite, provider: Provider
) -> None:
    await begin(place, provider)
    applied, recorded, _ = await made(place, provider)
    await install(place, provider)

    owner = await place.change({"spec": {"scaling": {"replicas": 2}}})
    edited = request(owner, provider, applied, cluster_features=recorded)
    rendered = await worker_of(place, provider).provider.render(edited)

    assert rendered.failure is None
    assert not rendered.replacing
    changed = [path for entry in rendered.planned for path in entry.changed]
    assert changed
    assert not [path for path in changed if "components" in path or "authOptions" in path]


@BOTH
async def test_what_is_made_anew_is_made_for_the_cluster_as_it_is(
    place: DeploymentSite, provider: Provider
) -> None:
    await begin(place, provider)
    applied, recorded, spec = await made(place, provider)
    await install(place, provider)
    oldest = provider.kinds[0].versions[-1]
    await place.cluster.delete(oldest, REF.name, namespace=REF.namespace)

    again = request(await place.deployment(), provider, applied, cluster_features=recorded)
    worker = Worker(place.cluster, providers=(provider,))
    rendered = await worker.provider.render(again)
    await worker.provider.apply_upstream(asked(again, rendered))

    live = await main(place, provider)
    assert json.dumps(live["spec"], sort_keys=True) != spec
    assert recorded_features(rendered.conditions) == (
        ["nvidia.com/v1beta1"] if provider is DYNAMO else ["spec.rayClusterConfig.authOptions"]
    )


async def test_a_change_that_dynamo_takes_no_other_way_is_a_replacement_that_is_announced(
    place: DeploymentSite,
) -> None:
    await begin(place, DYNAMO)
    applied, recorded, _ = await made(place, DYNAMO, is_routed=True)
    assert recorded == [ROUTED_BY_GATEWAY]

    owner = await place.change({"spec": {"gateway": {"enabled": False}}})
    edited = request(owner, DYNAMO, applied, cluster_features=recorded, routed_by_gateway=True)
    rendered = await worker_of(place, DYNAMO).provider.render(edited)

    assert rendered.replacing.endswith("this change would add Frontend and remove Epp")
    assert [str(entry) for entry in rendered.planned] == ["delete DynamoGraphDeployment chat"]


@pytest.mark.parametrize("is_recorded", [True, False], ids=["recorded", "the record was lost"])
@pytest.mark.parametrize("is_routed", [True, False], ids=["made for a gateway", "made without one"])
async def test_a_gateway_that_comes_or_goes_replaces_nothing(
    place: DeploymentSite, *, is_routed: bool, is_recorded: bool
) -> None:
    await begin(place, DYNAMO)
    applied, recorded, spec = await made(place, DYNAMO, is_routed=is_routed)
    assert ("epp" in spec) is is_routed

    known = recorded if is_recorded else None
    deployment, routed = await place.deployment(), not is_routed
    again = request(deployment, DYNAMO, applied, cluster_features=known, routed_by_gateway=routed)
    rendered = await worker_of(place, DYNAMO).provider.render(again)

    assert (rendered.planned, rendered.replacing) == ([], "")
    assert recorded_features(rendered.conditions) == recorded


async def test_a_graph_goes_on_in_its_version_while_that_is_served(place: DeploymentSite) -> None:
    await apply_crd(place.cluster, with_beta(GRAPHS), field_manager="test")
    applied, recorded, _ = await made(place, DYNAMO)

    live = await main(place, DYNAMO, api_version="nvidia.com/v1beta1")

    assert recorded == ["nvidia.com/v1beta1"]
    assert [entry.api_version for entry in applied] == ["nvidia.com/v1beta1"]
    assert [entry["name"] for entry in live["spec"]["components"]] == ["Frontend", "VllmWorker"]
    lost = request(await place.deployment(), DYNAMO, applied, cluster_features=None)
    rendered = await worker_of(place, DYNAMO).provider.render(lost)
    assert (rendered.planned, recorded_features(rendered.conditions)) == ([], recorded)


async def test_a_graph_whose_version_is_gone_is_written_in_the_one_that_is_served(
    place: DeploymentSite,
) -> None:
    await begin(place, DYNAMO)
    applied, recorded, _ = await made(place, DYNAMO)
    uid = (await main(place, DYNAMO))["metadata"]["uid"]
    await apply_crd(place.cluster, with_beta(GRAPHS), field_manager="test")
    only_beta = with_beta(GRAPHS)
    only_beta["spec"]["versions"][1]["served"] = False
    await apply_crd(place.cluster, only_beta, field_manager="test")

    again = request(await place.deployment(), DYNAMO, applied, cluster_features=recorded)
    worker = worker_of(place, DYNAMO)
    rendered, done = await worker.apply(again)

    assert (rendered.failure, done.failure, rendered.replacing) == (None, None, "")
    live = await main(place, DYNAMO, api_version="nvidia.com/v1beta1")
    assert live["metadata"]["uid"] == uid
    assert [entry["name"] for entry in live["spec"]["components"]] == ["Frontend", "VllmWorker"]
    assert recorded_features(rendered.conditions) == ["nvidia.com/v1beta1"]


async def test_a_provider_that_takes_nothing_of_the_cluster_records_nothing(place: DeploymentSite) -> None:
    worker = place.worker()

    rendered = await worker.provider.render(render_request(await place.deploy()))

    assert recorded_features(rendered.conditions) is None
    assert "RenderedForCluster" in rendered.cleared


async def test_a_graph_that_was_written_in_an_older_version_is_taken_over_in_that(
    place: DeploymentSite,
) -> None:
    """The cluster serves a newer one by then, and stores in it."""
    await begin(place, DYNAMO)
    await place.deploy(provider={"name": "dynamo"}, **SPEC)
    worker = worker_of(place, DYNAMO)
    owner = await place.deployment()
    rendered = await worker.provider.render(request(owner, DYNAMO, []))
    await worker.provider.apply_upstream(asked(request(owner, DYNAMO, []), rendered))
    ours = await main(place, DYNAMO)
    await place.cluster.delete(DYNAMO.kinds[0].versions[-1], REF.name, namespace=REF.namespace)
    meta = {key: ours["metadata"][key] for key in ("name", "namespace", "labels", "ownerReferences")}
    meta["labels"] = {key: value for key, value in meta["labels"].items() if "model-id" not in key}
    alpha = DYNAMO.kinds[0].versions[-1]
    theirs = {"apiVersion": alpha.api_version, "kind": alpha.kind, "metadata": meta, "spec": ours["spec"]}
    await place.cluster.create(alpha, theirs, namespace=REF.namespace, field_manager="provider")
    await install(place, DYNAMO)
    before = await main(place, DYNAMO)

    taking_over = request(await place.deployment(), DYNAMO, [], adoption=0)
    answer = await worker_of(place, DYNAMO).provider.render(taking_over)

    assert (answer.failure, answer.planned, answer.replacing) == (None, [], "")
    assert [entry.api_version for entry in answer.objects] == [alpha.api_version]
    assert await main(place, DYNAMO) == before
    assert find_condition(answer.conditions, "Adopted") is not None
    recorded = recorded_features(answer.conditions)
    assert recorded == []

    edited = await place.change({"spec": {"scaling": {"replicas": 2}}})
    changed, done = await worker_of(place, DYNAMO).apply(
        request(edited, DYNAMO, answer.objects, adoption=taking_over.generation, cluster_features=recorded)
    )

    assert (changed.replacing, done.failure) == ("", None)
    after = await main(place, DYNAMO)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["spec"]["services"]["VllmWorker"]["replicas"] == 2
