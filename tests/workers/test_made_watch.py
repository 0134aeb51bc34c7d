"""What an operator makes of our objects is followed by owner references, and signals the deployment."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from itertools import count
from typing import Any

from airunway.api import names
from airunway.clients.crds import apply_crd
from airunway.clients.kubernetes import Cluster, Object, Resource
from airunway.messages.deployment_workflow import ChangeHint
from airunway.provider import OperatorObjects, Provider, UpstreamKind
from airunway.workers.upstream_kinds import announced_made_kinds, kinds_annotation
from tests.activities.test_cluster_features import ANYTHING, definition
from tests.e2e.acme import ACME, CRD, SERVER
from tests.workers.test_watcher import SentHints, deploy, serve, watching

MAPS = Resource("v1", "configmaps")
ENGINE = UpstreamKind(api_version="acme.dev/v1", kind="Engine", plural="engines")
MADE = OperatorObjects(
    kind=ENGINE,
    names=lambda main: [],
    fields=lambda main, made: [],
    with_states=lambda main, made: main,
)
WITH_ENGINES: Provider = replace(ACME, operator_objects=MADE)


async def begin(cluster: Cluster, *names: str) -> list[Object]:
    """Deployments that are served; their operator's kinds are installed. Answers the Servers."""
    await apply_crd(cluster, CRD, field_manager="test")
    await apply_crd(cluster, definition("acme.dev", "v1", "Engine", ANYTHING), field_manager="test")
    for name in names:
        await serve(cluster, await deploy(cluster, name))
    return [await cluster.get(SERVER, name, namespace="default") for name in names]


def owner(server: Object, **more: Any) -> Object:
    meta = {"name": server["metadata"]["name"], "uid": server["metadata"]["uid"]}
    return {"apiVersion": SERVER.api_version, "kind": SERVER.kind, "controller": True, **meta, **more}


async def engine(cluster: Cluster, name: str, *owners: Object) -> None:
    """As an operator makes it: no label of ours."""
    meta = {"name": name, "namespace": "default", "ownerReferences": list(owners)}
    body = {"apiVersion": ENGINE.api_version, "kind": ENGINE.kind, "metadata": meta, "spec": {"workers": 1}}
    await cluster.create(ENGINE, body, namespace="default")


async def say(cluster: Cluster, name: str, **status: Any) -> None:
    await cluster.patch(ENGINE, name, {"status": status}, namespace="default", subresource="status")


async def until_noticed(cluster: Cluster, sent: SentHints, name: str) -> ChangeHint:
    """Change an Engine until that is noticed: the first list, whenever it is read, brings no news."""
    for workers in count(100):
        await say(cluster, name, workers=workers)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                return await sent.until(lambda hint: hint.cause == f"Engine {name} changed")
    raise AssertionError("never")


async def test_each_change_that_matters_signals_the_deployment_at_once(cluster: Cluster) -> None:
    (server,) = await begin(cluster, "chat")
    async with watching(cluster, WITH_ENGINES) as sent:
        await engine(cluster, "mine", owner(server))

        assert (await until_noticed(cluster, sent, "mine")).upstream_only

        await cluster.delete(ENGINE, "mine", namespace="default")
        await sent.until(lambda hint: hint.cause == "Engine mine was deleted")
        assert {name for name, hint in sent.hints if hint.cause.startswith("Engine")} == {"chat"}


async def test_a_new_time_is_no_change_and_what_is_of_others_signals_nobody(cluster: Cluster) -> None:
    server, other = await begin(cluster, "chat", "other")
    await engine(cluster, "mine", owner(server))
    await engine(cluster, "marker", owner(other))
    foreign = await cluster.create(MAPS, {"metadata": {"name": "chat"}}, namespace="default")
    await engine(
        cluster, "foreign", owner(server, uid=foreign["metadata"]["uid"], kind="ConfigMap", apiVersion="v1")
    )
    await engine(cluster, "nobodys")
    await say(cluster, "mine", workers=1, lastUpdateTime="2026-01-01T00:00:00Z")
    async with watching(cluster, WITH_ENGINES) as sent:
        await until_noticed(cluster, sent, "marker")

        await say(cluster, "mine", workers=1, lastUpdateTime="2026-01-01T00:00:09Z")
        for name in ("foreign", "nobodys"):
            await say(cluster, name, workers=3)
        await cluster.delete(ENGINE, "marker", namespace="default")  # the last of all, of the same kind
        await sent.until(lambda hint: hint.cause == "Engine marker was deleted")

    assert {name for name, hint in sent.hints if hint.cause.startswith("Engine")} == {"other"}


async def test_a_provider_that_is_not_installed_here_announces_its_kinds(cluster: Cluster) -> None:
    config = {
        "metadata": {"name": "acme", "annotations": {names.ANNOTATION_MADE_KINDS: kinds_annotation([ENGINE])}}
    }

    assert announced_made_kinds(config) == [ENGINE]
    assert announced_made_kinds({"metadata": {"name": "acme"}}) == []
