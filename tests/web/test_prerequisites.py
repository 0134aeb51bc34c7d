"""What the dashboard asks about before providers: the GPU operator, and the definitions of Gateway API."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.clients.kubernetes import CRDS
from airunway.web.derive.gateway import EXTENSION_CRD, GATEWAY_CRD, gateway_crd_status
from tests.web.place import WebPlace

GPU_OPERATOR = "/api/installation/gpu-operator"
GATEWAY = "/api/installation/gateway"


async def define(place: WebPlace, name: str, kind: str) -> None:
    plural, _, group = name.partition(".")
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object"}},
    }
    spec: dict[str, Any] = {
        "group": group,
        "scope": "Cluster",
        "names": {"plural": plural, "kind": kind, "singular": kind.lower(), "listKind": f"{kind}List"},
        "versions": [version],
    }
    meta = {"name": name, "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"}}
    await place.cluster.create(CRDS, {"metadata": meta, "spec": spec})


async def test_definitions_alone_are_no_gpu_operator(place: WebPlace) -> None:
    nothing = (await place.get(f"{GPU_OPERATOR}/status")).body
    await define(place, "clusterpolicies.nvidia.com", "ClusterPolicy")

    defined = (await place.get(f"{GPU_OPERATOR}/status")).body
    refused = await place.post(f"{GPU_OPERATOR}/install")

    assert nothing["message"] == "neither the GPU operator nor GPUs were found"
    assert (defined["crdFound"], defined["installed"], defined["operatorRunning"]) == (True, False, False)
    assert defined["message"] == "the definitions of the GPU operator are there, and no pod of it runs"
    assert (refused.status, "helm upgrade gpu-operator" in refused.message) == (400, True)


async def test_a_gpu_operator_that_runs_is_not_installed_again(place: WebPlace) -> None:
    await define(place, "clusterpolicies.nvidia.com", "ClusterPolicy")
    await place.pod("gpu-operator-0", labels={"app": "gpu-operator"}, node="n", phase="Running")
    await place.until(lambda: bool(place.state.fleet.pods.pods))

    answer = await place.post(f"{GPU_OPERATOR}/install")

    assert (answer.status, answer.body["success"], answer.body["alreadyInstalled"]) == (200, True, True)
    assert answer.body["status"]["installed"] is True


async def test_definitions_of_gateways_are_installed_once(place: WebPlace) -> None:
    refused = await place.post(f"{GATEWAY}/install-crds")
    await define(place, GATEWAY_CRD, "Gateway")
    await define(place, EXTENSION_CRD, "InferencePool")

    done = await place.post(f"{GATEWAY}/install-crds")

    assert (refused.status, refused.message.count("kubectl apply -f https://")) == (403, 2)
    assert (done.status, done.body["success"]) == (200, True)
    assert [entry["step"] for entry in done.body["results"]] == [
        "gateway-api-crds",
        "inference-extension-crds",
    ]


@pytest.mark.parametrize(
    ("annotations", "version"),
    [
        ({"gateway.networking.k8s.io/bundle-version": "v1.5.1", "app.kubernetes.io/version": "v9"}, "v1.5.1"),
        ({"gateway.networking.k8s.io/bundle-version": "", "app.kubernetes.io/version": "v1.4.0"}, "v1.4.0"),
        ({}, None),
    ],
)
def test_the_version_of_definitions_is_what_they_say_first(
    annotations: dict[str, str], version: str | None
) -> None:
    status = gateway_crd_status({GATEWAY_CRD: {"metadata": {"annotations": annotations}}}, {})

    assert status.get("gatewayApiVersion") == version
