"""The life of a deployment on a cluster: created, served, changed, paused, deleted."""

from __future__ import annotations

import contextlib

from airunway.clients.errors import NotFound
from airunway.clients.kubernetes import DEPLOYMENTS
from tests.e2e.acme import SERVER
from tests.e2e.system import System


async def test_a_deployment_runs_and_says_so(system: System) -> None:
    status = await system.running("chat")

    assert status["provider"]["name"] == "acme"
    assert status["engine"]["type"] == "vllm"
    assert status["replicas"] == {"desired": 1, "ready": 1, "available": 1}
    assert system.condition("chat", "Ready")["status"] == "True"
    assert system.deployment("chat")["metadata"]["finalizers"] == ["airunway.ai/acme-provider"]
    owner = system.server("chat")["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["name"]) == ("ModelDeployment", "chat")
    await system.until_events("chat", {"DeploymentReady"})


async def test_a_change_reaches_the_upstream_and_ready_means_the_new_generation(system: System) -> None:
    await system.running("chat")

    await system.edit("chat", {"spec": {"scaling": {"replicas": 3}}})

    await system.until(lambda: system.server("chat")["spec"]["replicas"] == 3, "three replicas")
    await system.until_phase("chat", "Deploying")
    assert system.condition("chat", "Ready")["status"] == "False"
    await system.serve("chat")
    status = await system.until_phase("chat", "Running")
    assert (status["observedGeneration"], status["replicas"]["ready"]) == (2, 3)


async def test_in_an_edit_storm_with_reverts_the_last_edit_wins(system: System) -> None:
    await system.running("chat")

    for number in range(50):
        await system.edit("chat", {"spec": {"scaling": {"replicas": number % 3 + 1}}})
    await system.edit("chat", {"spec": {"scaling": {"replicas": 7}}})

    await system.until(lambda: system.server("chat")["spec"]["replicas"] == 7, "seven replicas")
    await system.serve("chat")
    generation = system.deployment("chat")["metadata"]["generation"]
    await system.until(
        lambda: (
            system.status("chat").get("observedGeneration") == generation
            and system.status("chat")["phase"] == "Running"
        ),
        "running at the last generation",
    )
    assert system.server("chat")["spec"]["replicas"] == 7
    assert system.status("chat")["replicas"]["desired"] == 7


async def test_pausing_holds_changes_back(system: System) -> None:
    await system.running("chat")
    await system.edit("chat", {"metadata": {"annotations": {"airunway.ai/reconcile-paused": "true"}}})

    await system.edit("chat", {"spec": {"scaling": {"replicas": 2}}})
    await system.running("other")  # something else goes on meanwhile
    assert system.server("chat")["spec"]["replicas"] == 1

    await system.edit("chat", {"metadata": {"annotations": {"airunway.ai/reconcile-paused": None}}})
    await system.until(lambda: system.server("chat")["spec"]["replicas"] == 2, "two replicas")


async def test_deleting_takes_the_upstream_object_first(system: System) -> None:
    await system.running("chat")

    await system.delete("chat")

    await system.until(lambda: not system.deployment("chat"), "deployment gone")
    assert await system.cluster.find(SERVER, "chat", namespace=system.namespace) is None


async def test_a_name_can_be_used_again_at_once(system: System) -> None:
    await system.running("chat")
    first = system.deployment("chat")["metadata"]["uid"]
    await system.delete("chat")
    await system.until(lambda: not system.deployment("chat"), "deployment gone")

    await system.deploy("chat")
    await system.until(
        lambda: bool(system.server("chat")) and system.deployment("chat")["metadata"]["uid"] != first, "again"
    )

    await system.serve("chat")
    await system.until_phase("chat", "Running")


async def test_a_deployment_can_vanish_without_its_finalizer(system: System) -> None:
    await system.running("chat")

    await system.edit("chat", {"metadata": {"finalizers": None}})
    with contextlib.suppress(NotFound):
        await system.cluster.delete(DEPLOYMENTS, "chat", namespace=system.namespace)

    await system.until(lambda: not system.deployment("chat"), "deployment gone")
    await system.running("other")
