"""What goes wrong in a cluster: drift, objects of others, bad specs, and one that must not delay another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from airunway.clients.kubernetes import DEPLOYMENTS
from tests.e2e.acme import SERVER
from tests.e2e.system import System


async def test_an_upstream_object_deleted_by_hand_comes_back(system: System) -> None:
    await system.running("chat")
    uid = system.server("chat")["metadata"]["uid"]

    await system.cluster.delete(SERVER, "chat", namespace=system.namespace)

    await system.until(
        lambda: bool(system.server("chat")) and system.server("chat")["metadata"]["uid"] != uid,
        "a new server",
    )
    await system.serve("chat")
    await system.until_phase("chat", "Running")


async def test_an_upstream_object_changed_by_hand_is_repaired(system: System) -> None:
    await system.running("chat")

    await system.change_server("chat", [{"op": "replace", "path": "/spec/replicas", "value": 9}])

    await system.until(
        lambda: (
            system.server("chat")["metadata"]["generation"] >= 3
            and system.server("chat")["spec"]["replicas"] == 1
        ),
        "one replica again",
    )
    await system.until_events("chat", {"DriftRepaired"})


async def test_a_reconcile_without_changes_writes_nothing(system: System) -> None:
    await system.running("chat")
    before = system.server("chat")["metadata"]["resourceVersion"]
    status = unpublished(system.status("chat"))

    await system.edit("chat", {"metadata": {"annotations": {"note": "look"}}})
    await system.running("other")

    assert system.server("chat")["metadata"]["resourceVersion"] == before
    assert unpublished(system.status("chat")) == status


def unpublished(status: Mapping[str, Any]) -> dict[str, Any]:
    """Without what comes after it runs, where a cluster that other tests use too has a Gateway."""
    conditions = [entry for entry in status["conditions"] if entry["type"] != "GatewayReady"]
    return {**status, "conditions": conditions, "gateway": None}


async def test_an_object_of_somebody_else_is_left_alone(system: System) -> None:
    of_others = {
        "apiVersion": "acme.dev/v1",
        "kind": "Server",
        "metadata": {"name": "chat", "namespace": system.namespace},
        "spec": {"model": "mine", "replicas": 5},
    }
    await system.cluster.create(SERVER, of_others, namespace=system.namespace)

    await system.deploy("chat")

    await system.until_phase("chat", "Failed")
    assert system.condition("chat", "ResourceCreated")["reason"] == "ResourceConflict"
    assert system.server("chat")["spec"] == {"model": "mine", "replicas": 5}
    await system.cluster.delete(SERVER, "chat", namespace=system.namespace)


async def test_a_spec_that_cannot_be_rendered_says_so_and_is_corrected_by_an_edit(system: System) -> None:
    await system.deploy("chat", model={"id": "cannot/render"})
    status = await system.until_phase("chat", "Failed")
    assert system.condition("chat", "ResourceCreated")["reason"] == "TransformFailed"
    assert "spec.model.id" in status["message"]

    await system.edit("chat", {"spec": {"model": {"id": "org/other"}}})

    await system.serve("chat")
    await system.until_phase("chat", "Running")


async def test_an_invalid_deployment_does_not_hold_up_another(system: System) -> None:
    await system.deploy("bad", model={})
    await system.running("good")

    status = await system.until_phase("bad", "Failed")
    assert "model.id is required" in status["message"]


async def test_a_megabyte_of_environment_is_carried(system: System) -> None:
    await system.deploy("big", env=[{"name": f"V{number}", "value": "x" * 1000} for number in range(900)])
    await system.serve("big")

    await system.until_phase("big", "Running")


async def test_what_admission_would_refuse_is_refused_without_webhooks(system: System) -> None:
    await system.deploy("bad", provider={"name": "acme", "overrides": {"spec": {"hostNetwork": True}}})

    status = await system.until_phase("bad", "Failed")

    assert "spec.provider.overrides.spec: not allowed" in status["message"]
    assert not system.server("bad")


async def test_an_object_of_the_former_controller_is_taken_over_with_its_fields(system: System) -> None:
    """AI Runway's controller made it by create; what it set and we do not render must go with a change."""
    await system.running("chat")
    await system.stop("watcher")
    await system.cluster.delete(SERVER, "chat", namespace=system.namespace)
    await system.until(lambda: not system.server("chat"), "server gone")
    former = {
        "apiVersion": "acme.dev/v1",
        "kind": "Server",
        "metadata": {
            "name": "chat",
            "namespace": system.namespace,
            "labels": {"airunway.ai/managed-by": "airunway", "former": "yes"},
            "ownerReferences": [
                {
                    "apiVersion": "airunway.ai/v1alpha1",
                    "kind": "ModelDeployment",
                    "name": "chat",
                    "uid": system.deployment("chat")["metadata"]["uid"],
                    "controller": True,
                }
            ],
        },
        "spec": {"model": "org/other", "replicas": 1},
    }
    await system.cluster.create(SERVER, former, namespace=system.namespace, field_manager="provider")

    system.start_watcher()

    await system.until(lambda: system.server("chat").get("spec", {}).get("model") == "org/model", "our spec")
    assert "former" not in system.server("chat")["metadata"]["labels"]
    managers = {entry["manager"] for entry in system.server("chat")["metadata"]["managedFields"]}
    assert "provider" not in managers


async def test_a_status_changed_by_hand_is_put_right(system: System) -> None:
    await system.running("chat")

    lie = {"status": {"phase": "Failed", "provider": {"name": None}}}
    await system.cluster.patch(
        DEPLOYMENTS, "chat", lie, namespace=system.namespace, subresource="status", field_manager="hand"
    )

    await system.until_phase("chat", "Failed")
    status = await system.until_phase("chat", "Running")
    assert status["provider"]["name"] == "acme"
    system.states.clear()  # one of them is the lie, which contradicts itself


LEFT_BEHIND = (
    'Internal error occurred: failed calling webhook "validation.servers.acme.dev": failed to call webhook: '
    'Post "https://acme-operator.acme-system.svc:443/validate": service "acme-operator" not found'
)


@pytest.mark.parametrize("system", ["sandbox"], indirect=True)  # which calls no webhooks itself
async def test_a_webhook_without_a_server_is_named_while_what_serves_goes_on(system: System) -> None:
    await system.running("chat")
    left_behind = True
    assert system.emulated is not None
    system.emulated.faults.fail_next(
        1000,
        message=LEFT_BEHIND,
        when=lambda method, path: left_behind and method == "PATCH" and "/servers/chat?" in path,
    )

    await system.edit("chat", {"spec": {"scaling": {"replicas": 2}}})

    await system.until(
        lambda: "validation.servers.acme.dev" in system.status("chat").get("message", ""), "its name"
    )
    said = system.condition("chat", "ResourceCreated")
    assert (said["status"], said["reason"]) == ("False", "WebhookRefused")
    assert "delete the webhook configuration that names it" in said["message"]
    assert system.status("chat")["phase"] == "Running"
    await system.until_events("chat", {"WebhookRefused"})

    left_behind = False
    await system.edit("chat", {"spec": {"scaling": {"replicas": 3}}})

    await system.until(lambda: system.server("chat")["spec"]["replicas"] == 3, "three replicas")
    await system.until(lambda: system.condition("chat", "ResourceCreated")["status"] == "True", "that it is")
