"""Deployments over the API: list, create, look, delete."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.clients.kubernetes import DEPLOYMENTS
from airunway.web.derive.statuses import deployment_status
from tests.web.place import WebPlace

MINIMAL = {"name": "demo", "modelId": "acme/tiny", "namespace": "default"}


async def test_a_deployment_is_created_seen_and_deleted(place: WebPlace) -> None:
    made = await place.post("/api/deployments", {**MINIMAL, "engine": "vllm"})
    assert (made.status, made.body["name"], made.body["namespace"]) == (201, "demo", "default")

    listed = await place.until_answer("/api/deployments", lambda answer: bool(answer.body["deployments"]))
    shown = listed.body["deployments"][0]
    assert (shown["name"], shown["engine"], shown["phase"]) == ("demo", "vllm", "Pending")
    assert listed.body["pagination"] == {"total": 1, "limit": 1, "offset": 0, "hasMore": False}
    assert (await place.get("/api/deployments/demo?namespace=default")).body["modelId"] == "acme/tiny"

    gone = await place.call("DELETE", "/api/deployments/demo?namespace=default")
    assert gone.status == 200
    assert (await place.get("/api/deployments/demo?namespace=default")).status == 404


async def test_engine_and_provider_may_be_left_to_the_control_plane(place: WebPlace) -> None:
    assert (await place.post("/api/deployments", MINIMAL)).status == 201

    spec = (await place.cluster.get(DEPLOYMENTS, "demo", namespace="default"))["spec"]
    assert "type" not in spec["engine"] and "provider" not in spec


async def test_a_second_of_that_name_is_a_conflict_with_its_message(place: WebPlace) -> None:
    await place.post("/api/deployments", MINIMAL)

    answer = await place.post("/api/deployments", MINIMAL)

    assert answer.status == 409
    assert "already exists" in answer.message


async def test_a_namespace_that_is_not_there_is_named(place: WebPlace) -> None:
    answer = await place.post("/api/deployments", {**MINIMAL, "namespace": "nowhere"})

    assert answer.status == 404
    assert "nowhere" in answer.message


async def test_an_unknown_provider_is_not_found(place: WebPlace) -> None:
    answer = await place.post("/api/deployments", {**MINIMAL, "provider": "acme"})

    assert answer.status == 404
    assert "acme" in answer.message


async def test_what_a_provider_does_not_offer_is_refused_with_what_it_does(place: WebPlace) -> None:
    spec = {
        "capabilities": {"engines": [{"name": "vllm", "servingModes": ["aggregated"], "gpuSupport": True}]}
    }
    await place.config("acme", spec=spec)
    await place.until(lambda: place.state.fleet.config("acme") is not None)

    answer = await place.post("/api/deployments", {**MINIMAL, "provider": "acme", "engine": "sglang"})

    assert answer.status == 422
    assert "vllm" in answer.message


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "Not_A_Name"}, "name"),
        ({"modelId": None}, "modelId"),
        ({"engine": "gpt"}, "engine"),
        ({"replicas": -1}, "replicas"),
        ({"replicas": "2"}, "replicas"),
        ({"replicas": 10**30}, "replicas"),
        ({"env": {"A": 1}}, "env"),
        ({"storage": {"volumes": [{"name": "data"}]}}, "storage"),
    ],
)
async def test_a_body_that_does_not_fit_is_refused_as_clients_know_it(
    place: WebPlace, change: dict[str, Any], field: str
) -> None:
    answer = await place.post("/api/deployments", {**MINIMAL, **change})

    assert answer.status == 400
    assert answer.body["success"] is False
    assert answer.body["error"]["name"] == "ZodError"
    assert field in answer.body["error"]["message"]


async def test_json_that_is_none_is_refused_in_the_usual_shape(place: WebPlace) -> None:
    headers = {"Content-Type": "application/json"}
    async with place.session.post(f"{place.url}/api/deployments", data=b"{", headers=headers) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["statusCode"] == 400


async def test_a_preview_creates_nothing(place: WebPlace) -> None:
    volume = {"name": "cache", "purpose": "modelCache", "size": "10Gi"}
    answer = await place.post("/api/deployments/preview", {**MINIMAL, "storage": {"volumes": [volume]}})

    resource = answer.body["resources"][0]
    stored = resource["manifest"]["spec"]["model"]["storage"]["volumes"][0]
    assert (stored["mountPath"], stored["claimName"]) == ("/model-cache", "demo-cache")
    assert answer.body["primaryResource"]["kind"] == "ModelDeployment"
    assert await place.cluster.find(DEPLOYMENTS, "demo", namespace="default") is None


async def test_pods_decide_the_phase_and_their_trouble_is_shown(place: WebPlace) -> None:
    await place.deployment(
        "demo", phase="Running", message="all is well", replicas={"desired": 1, "ready": 0}
    )
    waiting = {"name": "main", "ready": False, "restartCount": 3, "image": "i", "imageID": ""}
    crash = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
    await place.pod(
        "demo-0",
        labels={"airunway.ai/deployment": "demo"},
        phase="Running",
        containerStatuses=[{**waiting, "state": crash}],
    )
    await place.until(lambda: bool(place.state.fleet.pods_of("default", "demo")))

    shown = (await place.get("/api/deployments/demo?namespace=default")).body
    assert shown["phase"] == "Failed"
    assert shown["message"] == "all is well"
    assert shown["pods"][0]["reason"] == "CrashLoopBackOff"
    assert shown["pods"][0]["restarts"] == 3
    assert (await place.get("/api/deployments/demo/pods?namespace=default")).body["pods"] == shown["pods"]


@pytest.mark.parametrize(
    ("conditions", "step"),
    [
        ({"Validated": "True", "FieldsHonoured": "False", "Ready": "False"}, "Ready"),
        ({"ImageVerified": "Unknown", "Ready": "False"}, "Ready"),
        ({"FieldsContested": "False", "ModelImageReady": "False", "Ready": "False"}, "ModelImageReady"),
        ({"ProviderInstalled": "False", "Ready": "Unknown"}, "ProviderInstalled"),
        ({"ImageVerified": "Unknown"}, "ImageVerified"),
        ({"GatewayReady": "False", "Ready": "True"}, None),
        ({}, None),
    ],
)
def test_the_step_is_what_keeps_it_from_serving(conditions: dict[str, str], step: str | None) -> None:
    found = [{"type": kind, "status": status, "reason": f"of {kind}"} for kind, status in conditions.items()]

    shown = deployment_status({"metadata": {"name": "a"}, "status": {"conditions": found}}, [], links={})

    assert (shown.get("step"), shown.get("reason")) == (step, step and f"of {step}")


async def test_the_manifest_is_without_status_and_managers(place: WebPlace) -> None:
    await place.deployment("demo", phase="Running")

    resource = (await place.get("/api/deployments/demo/manifest?namespace=default")).body["resources"][0]

    assert resource["name"] == "demo"
    assert "status" not in resource["manifest"]
    assert "managedFields" not in resource["manifest"]["metadata"]


async def test_pages_of_the_list(place: WebPlace) -> None:
    for number in range(5):
        await place.deployment(f"demo-{number}")
    await place.until(lambda: len(place.state.fleet.deployments.objects) == 5)

    page = (await place.get("/api/deployments?limit=2&offset=2")).body

    assert [entry["name"] for entry in page["deployments"]] == ["demo-2", "demo-3"]
    assert page["pagination"] == {"total": 5, "limit": 2, "offset": 2, "hasMore": True}
    assert (await place.get("/api/deployments?limit=101")).status == 400
    assert (await place.get("/api/deployments?namespace=Bad_Name")).status == 400
