"""Roll-out strategies as an API server takes them: also where it has filled in another one before."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from itertools import permutations
from pathlib import Path

import pytest
import pytest_asyncio

from airunway.activities.upstream.inspection import Inspection, Target
from airunway.activities.upstream.tenant_account import tenant_writes
from airunway.activities.upstream.write_plan import plan_writes
from airunway.activities.upstream.writes import Writer
from airunway.api import names
from airunway.api.model_deployment import ModelDeployment
from airunway.clients.errors import Conflict
from airunway.clients.kubernetes import NAMESPACES, Cluster, Object
from airunway.messages.refs import DeploymentRef
from airunway.messages.upstream import RenderRequest
from airunway.provider import Manifest, RenderContext
from airunway.provider.testing import UID, deployment
from airunway.providers.vllm import PROVIDER
from tests.clusters import emulated_cluster

pytestmark = pytest.mark.timeout(300)

WORKLOADS = PROVIDER.kinds[0]
ONE = deployment()
MANY = deployment(scaling={"replicas": 3})
SURGING = deployment(annotations={names.ANNOTATION_ROLLOUT: "Surge"})
AT_ONCE = deployment(scaling={"replicas": 3}, annotations={names.ANNOTATION_ROLLOUT: "Recreate"})
ROLLING_BY_DEFAULT = deployment(
    scaling={"replicas": 3}, provider={"overrides": {"spec": {"strategy": {"type": "RollingUpdate"}}}}
)
GIVEN = {"one": ONE, "many": MANY, "surging": SURGING, "at once": AT_ONCE, "rolling": ROLLING_BY_DEFAULT}


@pytest_asyncio.fixture(params=["emulated", pytest.param("real", marks=pytest.mark.real)])
async def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Cluster]:
    if request.param == "emulated":
        async with emulated_cluster(tmp_path) as emulated:
            yield emulated
        return
    async with await Cluster.connect(request.getfixturevalue("real_kubeconfig")) as real:
        yield real


@pytest_asyncio.fixture
async def namespace(cluster: Cluster) -> AsyncIterator[str]:
    name = f"rollout-{uuid.uuid4().hex[:8]}"
    await cluster.create(NAMESPACES, {"metadata": {"name": name}})
    yield name
    await cluster.delete(NAMESPACES, name)


def workload(given: ModelDeployment, namespace: str) -> Manifest:
    rendered = PROVIDER.render(given, RenderContext())[0]
    return {**rendered, "metadata": {**rendered["metadata"], "namespace": namespace}}


async def written(cluster: Cluster, desired: Manifest) -> Object:
    """The object as the step that writes leaves it, if need be after the controller's own write."""
    while True:
        try:
            return await written_once(cluster, desired)
        except Conflict:
            await asyncio.sleep(0.05)


async def written_once(cluster: Cluster, desired: Manifest) -> Object:
    name, namespace = desired["metadata"]["name"], desired["metadata"]["namespace"]
    found = await cluster.find(WORKLOADS, name, namespace=namespace)
    target = Target(kind=WORKLOADS, desired=desired, live=found)
    ref = DeploymentRef(cluster="c", namespace=namespace, name=name)
    request = RenderRequest(ref=ref, uid=UID, generation=1, provider="vllm", engine="vllm")
    plan = plan_writes(Inspection(targets=[target], stale=[]), PROVIDER, request)
    assert (plan.conflict, plan.replacing) == ("", "")
    writer = Writer(
        tenant_writes(cluster, namespace, impersonate=""), PROVIDER, namespace=namespace, generation=1
    )
    await writer.carry_out([], plan)
    (live,) = writer.done.live
    assert live["spec"]["template"]["spec"]["containers"][0]["name"] == "vllm"
    return live


def assert_says(live: Object, desired: Manifest) -> None:
    wanted = {key: value for key, value in desired["spec"]["strategy"].items() if value is not None}
    assert live["spec"]["strategy"] == wanted


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
async def test_one_takes_the_place_of_what_the_server_filled_in(
    cluster: Cluster, namespace: str, given: ModelDeployment
) -> None:
    wanted = workload(given, namespace)
    bare = {key: value for key, value in wanted["spec"].items() if key != "strategy"}
    filled_in = await written(cluster, {**wanted, "spec": bare})
    assert filled_in["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": "25%"}

    assert_says(await written(cluster, wanted), wanted)


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
async def test_one_takes_the_place_of_what_somebody_else_wrote(
    cluster: Cluster, namespace: str, given: ModelDeployment
) -> None:
    wanted = workload(given, namespace)
    await written(cluster, workload(MANY, namespace))
    theirs = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 5, "maxUnavailable": "40%"}}
    await cluster.patch(
        WORKLOADS, "chat", {"spec": {"strategy": theirs}}, namespace=namespace, field_manager="kubectl-edit"
    )

    assert_says(await written(cluster, wanted), wanted)


@pytest.mark.parametrize(("first", "second"), list(permutations(GIVEN, 2)))
async def test_each_takes_the_place_of_each_other(
    cluster: Cluster, namespace: str, first: str, second: str
) -> None:
    await written(cluster, workload(GIVEN[first], namespace))

    wanted = workload(GIVEN[second], namespace)
    live = await written(cluster, wanted)
    again = await written(cluster, wanted)

    assert_says(live, wanted)
    assert again["metadata"]["generation"] == live["metadata"]["generation"]
