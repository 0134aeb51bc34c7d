"""Who sets the replicas: `kubectl scale` and autoscalers through the Scale, or somebody else altogether."""

from __future__ import annotations

from airunway.api import names
from airunway.clients.kubernetes import DEPLOYMENTS, Object
from kube_emulator.testing import Api
from tests.e2e.acme import SERVER
from tests.e2e.system import System


async def scale(system: System, name: str, replicas: int) -> Object:
    """As `kubectl scale` does it."""
    return await system.cluster.patch(
        DEPLOYMENTS,
        name,
        {"spec": {"replicas": replicas}},
        namespace=system.namespace,
        subresource="scale",
        field_manager="kubectl",
    )


async def served(system: System, name: str, replicas: int) -> None:
    await system.until(lambda: system.server(name)["spec"]["replicas"] == replicas, f"{replicas} asked for")
    await system.serve(name)
    await system.until(
        lambda: (
            system.status(name).get("phase") == "Running"
            and system.status(name)["replicas"]["ready"] == replicas
        ),
        f"{replicas} ready",
    )


async def test_a_scale_goes_to_the_upstream_object_to_zero_and_back(system: System) -> None:
    await system.running("chat", scaling={"replicas": 1})

    for replicas in (3, 0, 2):
        await scale(system, "chat", replicas)

        await served(system, "chat", replicas)
        assert system.deployment("chat")["spec"]["scaling"]["replicas"] == replicas
        assert system.status("chat")["readiness"] == f"{replicas}/{replicas}"


async def test_a_scale_tells_autoscalers_what_is_there(system: System) -> None:
    await system.running("chat", scaling={"replicas": 2})

    read = await scale(system, "chat", 2)  # changes nothing, and answers how it is

    assert read["spec"]["replicas"] == 2
    assert read["status"]["replicas"] == 2
    assert read["status"]["selector"] == "airunway.ai/deployment=chat"


async def test_replicas_that_are_left_to_somebody_else_are_counted_and_not_repaired(system: System) -> None:
    await system.running("chat", scaling={"replicas": 1})
    await system.edit("chat", {"metadata": {"annotations": {names.ANNOTATION_EXTERNAL_REPLICAS: "true"}}})

    for replicas in (5, 0, 7):
        await system.change_server("chat", [{"op": "replace", "path": "/spec/replicas", "value": replicas}])

        await served(system, "chat", replicas)
        assert system.status("chat")["replicas"]["desired"] == replicas
    await system.edit("chat", {"spec": {"engine": {"enforceEager": True}}})
    await system.until(
        lambda: (
            system.status("chat")["observedGeneration"] == system.deployment("chat")["metadata"]["generation"]
        ),
        "the edit was seen",
    )
    assert system.server("chat")["spec"]["replicas"] == 7
    assert "DriftRepaired" not in await system.events("chat")


async def test_replicas_that_are_taken_back_are_those_of_the_spec(system: System) -> None:
    await system.running("chat", scaling={"replicas": 1})
    await system.edit("chat", {"metadata": {"annotations": {names.ANNOTATION_EXTERNAL_REPLICAS: "true"}}})
    await system.change_server("chat", [{"op": "replace", "path": "/spec/replicas", "value": 4}])
    await served(system, "chat", 4)

    await system.edit("chat", {"metadata": {"annotations": {names.ANNOTATION_EXTERNAL_REPLICAS: None}}})

    await served(system, "chat", 1)


async def test_a_field_fought_over_is_reported_with_who_and_left_for_a_while(system: System) -> None:
    await system.running("chat", scaling={"replicas": 1})

    async def tug() -> None:
        """As a controller that insists."""
        await system.cluster.patch(
            SERVER,
            "chat",
            {"spec": {"replicas": 9}},
            namespace=system.namespace,
            field_manager="horizontal-autoscaler",
        )

    while not system.condition("chat", "FieldsContested"):
        await tug()
        await system.until(
            lambda: (
                system.server("chat")["spec"]["replicas"] == 1
                or bool(system.condition("chat", "FieldsContested"))
            ),
            "repaired, or given up",
        )

    condition = system.condition("chat", "FieldsContested")
    assert (condition["status"], condition["reason"]) == ("True", "ChangedByAnotherManager")
    assert "Server chat: spec.replicas by horizontal-autoscaler" in condition["message"]
    await system.until_events("chat", {"FieldsContested"})
    await tug()
    await system.serve("chat")
    await system.until(
        lambda: (system.status("chat").get("replicas") or {}).get("desired") == 9, "what is there is counted"
    )
    assert system.server("chat")["spec"]["replicas"] == 9
    # A change of the spec is not held back.
    await system.edit("chat", {"spec": {"scaling": {"replicas": 2}}})
    await system.until(lambda: system.server("chat")["spec"]["replicas"] == 2, "two asked for")
    await system.until(lambda: not system.condition("chat", "FieldsContested"), "said no more")


async def test_an_autoscaler_that_reads_and_puts_the_scale_goes_to_zero_and_back(system: System) -> None:
    """As the HorizontalPodAutoscaler and KEDA do it: what was read is sent back whole."""
    await system.running("chat", scaling={"replicas": 1})
    path = f"/apis/{names.API_VERSION}/namespaces/{system.namespace}/{names.DEPLOYMENT_PLURAL}/chat/scale"
    async with Api(system.kubeconfig) as api:
        for replicas in (0, 3, 0, 1):
            while True:
                read = (await api.get(path)).ok()
                answer = await api.call("PUT", path, {**read, "spec": {"replicas": replicas}})
                if answer.reason != "Conflict":  # the status was written in between
                    break

            assert answer.ok()["spec"].get("replicas", 0) == replicas
            await served(system, "chat", replicas)
            counted = (await api.get(path)).ok()["status"]
            assert (counted["replicas"], counted["selector"]) == (replicas, "airunway.ai/deployment=chat")
    assert system.deployment("chat")["spec"]["scaling"]["replicas"] == 1
