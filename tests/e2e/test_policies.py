"""What a Namespace allows is kept to, by the whole control plane, and its change is enough to go on."""

from __future__ import annotations

from airunway.clients.kubernetes import MERGE_PATCH, NAMESPACES
from tests.e2e.system import System


async def allow(system: System, models: str | None) -> None:
    patch = {"metadata": {"annotations": {"airunway.ai/allowed-models": models}}}
    await system.cluster.patch(NAMESPACES, system.namespace, patch, content_type=MERGE_PATCH)


async def test_a_model_that_a_namespace_does_not_allow_waits_for_it(system: System) -> None:
    await allow(system, "microsoft/*")
    await system.deploy("chat")

    status = await system.until_phase("chat", "Failed")
    assert (
        "the model 'org/model' is not allowed by the annotation airunway.ai/allowed-models of the"
        in (status["message"])
    )
    assert system.condition("chat", "Ready")["reason"] == "ModelNotAllowed"
    assert system.server("chat") == {}

    await allow(system, "microsoft/*, org/*")

    await system.serve("chat")
    await system.until_phase("chat", "Running")
    await system.delete("chat")
    await allow(system, None)
