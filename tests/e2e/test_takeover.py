"""Deployments that AI Runway's own controllers serve are taken over, and nobody notices; nor the way back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest_asyncio
from temporalio.client import Client

from airunway.api import names
from airunway.api.model_deployment import ModelDeployment
from airunway.clients.errors import ApiError, NotFound
from airunway.clients.kubernetes import DEPLOYMENTS, LEASES, Cluster, Object
from airunway.messages.commands import RESUME
from airunway.messages.refs import DeploymentRef
from airunway.provider import RenderContext
from tests.e2e.acme import ACME, SERVER
from tests.e2e.system import System

OURS = "acme.dev/ours"
LEASE = "airunway-acme-provider"


def _with_addition(deployment: ModelDeployment, context: RenderContext) -> list[Object]:
    """What this system renders has a label more than what the other controller made."""
    server, *rest = ACME.objects(deployment, context)
    meta = {**server["metadata"], "labels": {**server["metadata"]["labels"], OURS: "yes"}}
    return [{**server, "metadata": meta}, *rest]


def entry(kind: str, reason: str) -> Object:
    return {
        "type": kind,
        "status": "True",
        "reason": reason,
        "message": "as the reference says it",
        "observedGeneration": 1,
        "lastTransitionTime": "2026-01-05T09:00:00Z",
    }


class Reference:
    """AI Runway's core and a provider's controller, as they write (core.md §9, crds.md §8.1)."""

    def __init__(self, cluster: Cluster, namespace: str, name: str = "chat") -> None:
        self._cluster, self._namespace, self.name = cluster, namespace, name
        self.rewrites = 0

    async def say(self, status: Object, manager: str) -> None:
        await self._cluster.patch(
            DEPLOYMENTS,
            self.name,
            {"status": status},
            namespace=self._namespace,
            subresource="status",
            field_manager=manager,
        )

    async def serve(self) -> None:
        """A deployment of its own, up and running, with a third party's condition and a Gateway."""
        made = await self._cluster.create(DEPLOYMENTS, self._deployment(), namespace=self._namespace)
        await self._cluster.create(
            SERVER, self.server(made), namespace=self._namespace, field_manager="provider"
        )
        await self._cluster.patch(
            SERVER,
            self.name,
            {"status": {"ready": True, "observedGeneration": 1}},
            namespace=self._namespace,
            subresource="status",
            field_manager="acme-operator",
        )
        core = [entry("Validated", "ValidationPassed"), entry("GatewayReady", "GatewayConfigured")]
        await self.say(
            {
                "observedGeneration": 1,
                "engine": {"type": "vllm", "selectedReason": "explicit engine selection"},
                "provider": {"name": "acme", "selectedReason": "explicit provider selection"},
                "gateway": {"endpoint": "http://10.0.0.1/v1", "modelName": "m"},
                "conditions": core,
            },
            "manager",
        )
        shim = [*core, entry("ResourceCreated", "ResourceCreated"), entry("Ready", "DeploymentReady")]
        await self.report(conditions=shim)
        await self.say({"conditions": [*shim, entry("Audited", "Passed")]}, "auditor")

    def _deployment(self) -> Object:
        return {
            "apiVersion": names.API_VERSION,
            "kind": names.DEPLOYMENT_KIND,
            "metadata": {
                "name": self.name,
                "namespace": self._namespace,
                "finalizers": [names.finalizer_for("acme")],
            },
            "spec": {
                "model": {"id": "org/model"},
                "engine": {"type": "vllm"},
                "provider": {"name": "acme"},
                "resources": {"gpu": {"count": 1}},
            },
        }

    def server(self, owner: Object, *, model: str = "org/model") -> Object:
        return {
            "apiVersion": SERVER.api_version,
            "kind": SERVER.kind,
            "metadata": {
                "name": self.name,
                "namespace": self._namespace,
                "labels": {names.LABEL_MANAGED_BY: names.MANAGED_BY},
                "ownerReferences": [
                    {
                        "apiVersion": names.API_VERSION,
                        "kind": names.DEPLOYMENT_KIND,
                        "name": self.name,
                        "uid": owner["metadata"]["uid"],
                        "controller": True,
                        "blockOwnerDeletion": True,
                    }
                ],
            },
            "spec": {"model": model, "replicas": 1},
        }

    async def report(self, **more: object) -> None:
        """What the provider's controller says at the end of each pass."""
        status: Object = {
            "phase": "Running",
            "message": "all replicas are serving",
            "replicas": {"desired": 1, "ready": 1, "available": 1},
            "endpoint": {"service": self.name, "port": 80},
            **more,
        }
        status["provider"] = {"resourceName": self.name, "resourceKind": "Server"}
        await self.say(status, "provider")

    async def insist(self, *, model: str) -> None:
        """Passes without end: put the Server into its own form, and report."""
        while True:
            with contextlib.suppress(ApiError):
                await self._hold_lease()
                live = await self._cluster.get(SERVER, self.name, namespace=self._namespace)
                if live["spec"]["model"] != model:
                    self.rewrites += 1
                    await self._cluster.patch(
                        SERVER,
                        self.name,
                        {"spec": {"model": model}},
                        namespace=self._namespace,
                        field_manager="provider",
                    )
                await self.report(message=f"pass of {datetime.now(UTC)}")
            await asyncio.sleep(0.05)

    async def _hold_lease(self) -> None:
        await hold_lease(self._cluster, LEASE)


async def hold_lease(cluster: Cluster, name: str) -> None:
    """A controller of the reference leads, and goes on leading."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    body = {
        "apiVersion": LEASES.api_version,
        "kind": "Lease",
        "metadata": {"name": name, "namespace": names.SYSTEM_NAMESPACE},
        "spec": {"holderIdentity": "acme-7d9f", "leaseDurationSeconds": 3600, "renewTime": now},
    }
    await cluster.apply(LEASES, body, field_manager="provider")


@pytest_asyncio.fixture
async def reference(system: System) -> AsyncIterator[Reference]:
    """A deployment that the reference serves; this system is not there yet."""
    await system.stop("worker")
    await system.stop("watcher")
    system.providers = {ACME.name: replace(ACME, objects=_with_addition)}
    found = Reference(system.cluster, system.namespace)
    await found.serve()
    await system.until(lambda: system.status("chat").get("phase") == "Running", "served by the reference")
    await system.until(lambda: bool(system.condition("chat", "Audited")), "audited")
    system.states.clear()
    yield found
    with contextlib.suppress(NotFound):
        await system.cluster.delete(LEASES, LEASE, namespace=names.SYSTEM_NAMESPACE)


def start(system: System) -> None:
    system.start_worker()
    system.start_watcher()


def writers(system: System) -> set[str]:
    fields = system.deployment("chat")["metadata"]["managedFields"]
    return {owner["manager"] for owner in fields if owner.get("subresource") == "status"}


async def test_what_serves_is_taken_over_and_nobody_notices(system: System, reference: Reference) -> None:
    before = system.server("chat")

    start(system)
    await system.until(
        lambda: system.condition("chat", "Adopted").get("reason") == "LeftAsFound", "taken over"
    )
    await system.until_events("chat", {"Adopted"})

    now = await system.cluster.get(SERVER, "chat", namespace=system.namespace)
    assert now["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    assert {state["status"]["phase"] for state in system.states} == {"Running"}
    assert f"metadata.labels[{OURS}]" in system.condition("chat", "Adopted")["message"]
    # What the other core said of its Gateway is not true any more; what a third party says stays.
    assert not system.condition("chat", "GatewayReady")
    assert "gateway" not in system.status("chat")
    assert system.condition("chat", "Audited")
    assert writers(system) == {names.STATUS_FIELD_MANAGER, "auditor"}


async def test_what_is_added_comes_with_the_next_spec(system: System, reference: Reference) -> None:
    start(system)
    await system.until(lambda: bool(system.condition("chat", "Adopted")), "taken over")

    await system.edit("chat", {"spec": {"scaling": {"replicas": 2}}})

    await system.until(lambda: system.server("chat")["spec"]["replicas"] == 2, "two")
    assert system.server("chat")["metadata"]["labels"][OURS] == "yes"
    owners = {owner["manager"] for owner in system.server("chat")["metadata"]["managedFields"]}
    assert "provider" not in owners
    await system.serve("chat")
    await system.until(lambda: not system.condition("chat", "Adopted"), "nothing is left as it was found")
    await system.until_phase("chat", "Running")


async def test_the_way_back_changes_nothing_either(system: System, reference: Reference) -> None:
    start(system)
    await system.until(
        lambda: system.condition("chat", "Adopted").get("reason") == "LeftAsFound", "taken over"
    )
    await system.stop("watcher")
    await system.stop("worker")
    before = await system.cluster.get(SERVER, "chat", namespace=system.namespace)

    again = reference.server(system.deployment("chat"))
    await system.cluster.patch(
        SERVER,
        "chat",
        {"metadata": {"labels": again["metadata"]["labels"]}, "spec": again["spec"]},
        namespace=system.namespace,
        field_manager="provider",
    )
    await reference.report()

    after = await system.cluster.get(SERVER, "chat", namespace=system.namespace)
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert {state["status"]["phase"] for state in system.states} == {"Running"}
    start(system)  # who deletes it in the end


async def test_both_running_come_to_a_standstill_that_names_the_other(
    system: System, reference: Reference
) -> None:
    start(system)
    await system.until(lambda: bool(system.condition("chat", "Adopted")), "taken over")
    await system.edit("chat", {"spec": {"model": {"id": "org/next"}}})
    await system.until(lambda: system.server("chat")["spec"]["model"] == "org/next", "our spec")

    other = asyncio.create_task(reference.insist(model="org/model"))
    try:
        await system.until(
            lambda: (
                "acme-7d9f holds its Lease" in system.condition("chat", "FieldsContested").get("message", "")
            ),
            "said who fights",
        )
        assert reference.rewrites <= 4  # what was there, and three repairs
        for number in range(10):  # reasons to reconcile
            await system.edit("chat", {"metadata": {"annotations": {"note": str(number)}}})
        await system.running("other")  # by then those were acted on
        assert reference.rewrites <= 4
    finally:
        other.cancel()

    client = await Client.connect(system.settings.temporal_address)
    ref = DeploymentRef(cluster="test", namespace=system.namespace, name="chat")
    await client.get_workflow_handle(ref.workflow_id).execute_update(RESUME, {"by": "ada"})

    await system.until(lambda: system.server("chat")["spec"]["model"] == "org/next", "our spec again")
    await system.until(lambda: not system.condition("chat", "FieldsContested"), "said no more")


async def test_where_its_core_may_choose_too_the_choice_is_there_before_anything_else(system: System) -> None:
    await hold_lease(system.cluster, names.FORMER_CORE_LEASE)
    try:
        await system.running("fresh")
    finally:
        await system.cluster.delete(LEASES, names.FORMER_CORE_LEASE, namespace=names.SYSTEM_NAMESPACE)

    states = [state for state in system.states if state["metadata"]["name"] == "fresh"]
    chosen = next(state for state in states if "provider" in (state.get("status") or {}))
    assert chosen["status"]["provider"]["name"] == "acme"
    assert not chosen["metadata"].get("finalizers")


async def test_a_provider_that_another_core_writes_over_ours_is_written_back(system: System) -> None:
    await system.running("late")
    before = system.server("late")["metadata"]["resourceVersion"]
    reference = Reference(system.cluster, system.namespace, "late")

    await reference.say({"provider": {"name": "other", "selectedReason": "matched capabilities"}}, "manager")

    await system.until(lambda: system.status("late")["provider"]["name"] == "other", "written over")
    await system.until(lambda: system.status("late")["provider"]["name"] == "acme", "written back")
    assert system.status("late")["provider"]["selectedReason"] != "matched capabilities"
    assert system.server("late")["metadata"]["resourceVersion"] == before
