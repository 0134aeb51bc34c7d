"""What a deployment's steps ask of the API server, from create to Running: as little as it takes."""

from __future__ import annotations

from airunway.messages.deployment import EventSpec, StatusRequest
from tests.activities.deployment_site import (
    REF,
    VALIDATE_IT,
    DeploymentSite,
    asked,
    readiness_request,
    render_request,
    selection_request,
)
from tests.e2e.acme import SERVER

DEPLOYMENT = "/apis/airunway.ai/v1alpha1/namespaces/default/modeldeployments/chat"
CONFIGS = "/apis/airunway.ai/v1alpha1/inferenceproviderconfigs"
SERVERS = "/apis/acme.dev/v1/namespaces/default/servers"
EVENTS = "/api/v1/namespaces/default/events"
PODS = "/api/v1/namespaces/default/pods"


async def test_from_create_to_running_there_are_six_writes_and_four_reads(place: DeploymentSite) -> None:
    await place.register()
    worker = place.worker()
    await worker.provider.render(render_request(await place.deploy()))  # learns once what the cluster serves
    made, calls = await place.deployment(), place.calls()

    await worker.core.validate(VALIDATE_IT)
    await worker.core.select_engine(selection_request(made))
    await worker.core.evaluate_provider_rules(selection_request(made))
    deciding = sorted(calls.take())
    rendered = await worker.provider.render(render_request(made))
    done = await worker.provider.apply_upstream(asked(render_request(made), rendered))
    creating = calls.take()
    begun = [EventSpec(reason=reason, message=reason) for reason in ("ProviderSelected", "ResourceCreated")]
    uid, of_acme = made["metadata"]["uid"], {"provider": {"name": "acme"}, "observedGeneration": 1}
    await worker.core.write_status(
        StatusRequest(ref=REF, uid=uid, status={"phase": "Deploying", **of_acme}, events=begun)
    )
    telling = sorted(calls.take())
    state = {"status": {"ready": True, "observedGeneration": 1}}
    await place.cluster.patch(SERVER, REF.name, state, namespace=REF.namespace, subresource="status")
    calls.take()
    await worker.provider.read_readiness(readiness_request(made, done.objects))
    ready = [EventSpec(reason="DeploymentReady", message="c")]
    await worker.core.write_status(
        StatusRequest(ref=REF, uid=uid, status={"phase": "Running", **of_acme}, events=ready)
    )
    ending = calls.take()

    assert deciding == [f"GET {CONFIGS}", f"GET {DEPLOYMENT}"]
    assert creating == [f"PATCH {DEPLOYMENT}", f"POST {SERVERS}"]
    assert telling == [f"PATCH {DEPLOYMENT}/status", f"POST {EVENTS}"]
    assert (ending[:2], sorted(ending[2:])) == ([f"GET {SERVERS}/chat", f"GET {PODS}"], telling)


async def test_an_edit_reads_the_deployment_twice_and_its_object_once(place: DeploymentSite) -> None:
    worker = place.worker()
    _, first = await worker.apply(render_request(await place.deploy()))
    edited = await place.change({"spec": {"scaling": {"replicas": 2}}})
    # The first apply also turns what we own by our create into what we own by applying.
    _, first = await worker.apply(render_request(edited, applied=first.objects))
    edited = await place.change({"spec": {"scaling": {"replicas": 3}}})
    calls = place.calls()

    await worker.core.validate(VALIDATE_IT)
    rendered = await worker.provider.render(render_request(edited, applied=first.objects))
    await worker.provider.apply_upstream(asked(render_request(edited, applied=first.objects), rendered))

    deciding, acting = calls.seen[:2], calls.seen[2:]
    assert sorted(deciding) == [f"GET {CONFIGS}", f"GET {DEPLOYMENT}"]
    assert acting == [f"GET {SERVERS}/chat", f"GET {DEPLOYMENT}", f"PATCH {SERVERS}/chat"]
