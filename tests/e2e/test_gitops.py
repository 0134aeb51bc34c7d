"""What Kubernetes' own tools make of a deployment's life, and how they write beside us.

That no state of any life is taken for finished which is not, and that the documented health checks say of
each what kstatus says, `System` asserts in every test.
"""

from __future__ import annotations

from typing import Any

import pytest

from airunway.api import names
from airunway.clients.kubernetes import DEPLOYMENTS, Object
from tests.e2e.system import System
from tests.gitops.documented import disagreements_of
from tests.gitops.kstatus import Status, compute


def conditions(obj: Object) -> dict[str, Any]:
    return {entry["type"]: entry for entry in (obj.get("status") or {}).get("conditions") or []}


async def test_a_deployment_just_applied_is_not_finished(system: System) -> None:
    await system.stop("watcher")

    await system.deploy("chat")

    await system.until(lambda: bool(system.deployment("chat")), "seen")
    assert system.status("chat") == {"observedGeneration": -1}
    assert compute(system.deployment("chat")) is Status.IN_PROGRESS
    system.start_watcher()
    await system.serve("chat")
    await system.until_phase("chat", "Running")


async def test_a_rollout_is_reconciling_until_it_serves(system: System) -> None:
    await system.deploy("chat")
    await system.until_phase("chat", "Deploying")
    assert conditions(system.deployment("chat"))["Reconciling"]["status"] == "True"

    await system.serve("chat")

    await system.until_phase("chat", "Running")
    assert not {"Reconciling", "Stalled"} & conditions(system.deployment("chat")).keys()
    assert compute(system.deployment("chat")) is Status.CURRENT


async def test_a_refused_edit_is_stalled_with_its_reason_while_the_old_spec_serves(system: System) -> None:
    await system.running("chat")

    await system.edit("chat", {"spec": {"engine": {"contextLength": -1}}})

    await system.until(lambda: "Stalled" in conditions(system.deployment("chat")), "stalled")
    stalled = conditions(system.deployment("chat"))["Stalled"]
    assert (stalled["status"], stalled["reason"]) == ("True", "ValidationFailed")
    assert "spec.engine.contextLength" in stalled["message"]
    assert system.status("chat")["observedGeneration"] == 2
    assert compute(system.deployment("chat")) is Status.FAILED
    ready = conditions(system.deployment("chat"))["Ready"]
    assert (ready["status"], ready["observedGeneration"]) == ("True", 1)
    await system.edit("chat", {"spec": {"engine": {"contextLength": None}}})
    await system.until(lambda: compute(system.deployment("chat")) is Status.CURRENT, "current again")


async def test_a_final_failure_is_stalled(system: System) -> None:
    await system.deploy("chat", model={"id": "cannot/render"})
    await system.until_phase("chat", "Failed")

    assert conditions(system.deployment("chat"))["Stalled"]["reason"] == "TransformFailed"
    assert compute(system.deployment("chat")) is Status.FAILED


@pytest.mark.parametrize(
    ("refused", "corrected"),
    [
        pytest.param({"engine": {"contextLength": -1}}, {"engine": {"contextLength": None}}, id="by us"),
        pytest.param({"model": {"id": "cannot/render"}}, {"model": {"id": "org/model"}}, id="by a provider"),
    ],
)
async def test_what_failed_is_failed_to_tools_until_it_is_corrected(
    system: System, refused: Object, corrected: Object
) -> None:
    engine = {"type": "vllm", **refused.get("engine", {})}
    await system.deploy("chat", **{**refused, "engine": engine})
    await system.until_phase("chat", "Failed")
    assert compute(system.deployment("chat")) is Status.FAILED

    await system.edit("chat", {"spec": corrected})
    await system.serve("chat")

    await system.until(lambda: compute(system.deployment("chat")) is Status.CURRENT, "current")
    of_new = [state for state in system.states if state["metadata"]["generation"] == 2]
    # A tool that waits for the correction must not be told of the failure before.
    assert not [state for state in of_new if compute(state) is Status.FAILED]


async def test_the_documented_health_checks_agree_with_kstatus_in_a_whole_life(system: System) -> None:
    await system.running("chat")
    await system.edit("chat", {"spec": {"scaling": {"replicas": 2}}})
    await system.until(lambda: system.server("chat")["spec"]["replicas"] == 2, "asked for two")
    await system.serve("chat")
    await system.until(lambda: compute(system.deployment("chat")) is Status.CURRENT, "two replicas")
    await system.edit("chat", {"spec": {"engine": {"contextLength": -1}}})
    await system.until(lambda: compute(system.deployment("chat")) is Status.FAILED, "refused")
    await system.deploy("bad", model={"id": "cannot/render"})
    await system.until_phase("bad", "Failed")
    await system.delete("chat")
    await system.until(lambda: not system.deployment("chat"), "deployment gone")

    assert {compute(state) for state in system.states} == set(Status)
    assert not [said for state in system.states for said in disagreements_of(state)]


async def test_a_manifest_applied_again_by_a_gitops_tool_changes_nothing(system: System) -> None:
    manifest = {
        "apiVersion": names.API_VERSION,
        "kind": names.DEPLOYMENT_KIND,
        "metadata": {"name": "chat", "namespace": system.namespace, "labels": {"team": "a"}},
        "spec": {
            "model": {"id": "org/model"},
            "engine": {"type": "vllm"},
            "scaling": {"replicas": 1},
            "resources": {"gpu": {"count": 1}},
        },
    }
    await system.cluster.apply(DEPLOYMENTS, manifest, field_manager="argocd-controller")
    await system.serve("chat")
    await system.until_phase("chat", "Running")
    before = await system.cluster.get(DEPLOYMENTS, "chat", namespace=system.namespace)

    after = await system.cluster.apply(DEPLOYMENTS, manifest, field_manager="argocd-controller")

    assert after == before
    fields = {
        (entry["manager"], entry.get("subresource", "")): entry["fieldsV1"]
        for entry in after["metadata"]["managedFields"]
    }
    assert set(fields.pop(("argocd-controller", ""))) == {"f:metadata", "f:spec"}
    assert all(set(owned) <= {"f:metadata", "f:status"} for owned in fields.values())
    ours = [owned["f:metadata"] for owned in fields.values() if "f:metadata" in owned]
    assert all(set(owned) == {"f:finalizers"} for owned in ours)
