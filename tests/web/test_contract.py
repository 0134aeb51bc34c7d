"""Every endpoint that AI Runway's frontend or its Headlamp plugin calls answers in the shape they read.

Written from the contract: method, path, body, status, and the fields of the answer that clients depend on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from airunway.provider.registry import installed_providers
from tests.web.documents import check_answer
from tests.web.place import WebPlace, web_place

DEMO = "?namespace=default"
BODY = {"name": "other", "modelId": "acme/tiny", "namespace": "default", "engine": "vllm"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WebPlace]:
    """A cluster with a deployment on a provider and a node with GPUs, for all cases."""
    folder: Path = tmp_path_factory.mktemp("contract")
    async with web_place(folder) as made:
        for name, provider in installed_providers().items():
            said = provider.registration()
            await made.config(
                name, annotations=said.annotations, spec=dict(said.spec), status={"ready": True}
            )
        await made.deployment(
            "demo",
            phase="Running",
            provider={"name": "vllm"},
            engine={"type": "vllm"},
            endpoint={"service": "demo", "port": 8000},
            conditions=[
                {
                    "type": "Ready",
                    "status": "True",
                    "reason": "Ready",
                    "message": "",
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                }
            ],
        )
        await made.deployment("short")
        await made.until(lambda: made.state.fleet.deployment("default", "demo") is not None)
        await made.until(lambda: len(made.state.fleet.configs.objects) == len(installed_providers()))
        yield made


@dataclass(frozen=True)
class Call:
    """A client's method and what its pages read of the answer."""

    method: str
    path: str
    keys: str
    """Fields of the answer, or of its `error`."""
    status: int = 200
    body: Any = None
    within: tuple[str | int, ...] = field(default=())
    """Where the fields are, if not at the top."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


PROVIDER = "id name description defaultNamespace warnings installable requiresCRD capabilities"
STATUS = "installed crdFound operatorRunning requiresCRD message installable"
CALLS = [
    Call("GET", "/api/health", "status timestamp"),
    Call("GET", "/api/health/version", "version buildTime gitCommit"),
    Call("GET", "/api/cluster/status", "connected namespace providerInstallation"),
    Call("GET", "/api/cluster/nodes", "nodes"),
    Call("GET", "/api/settings", "config providers auth"),
    Call("GET", "/api/settings", PROVIDER, within=("providers", 0)),
    Call("PUT", "/api/settings", "message config", body={"defaultNamespace": "default"}),
    Call("GET", "/api/settings/providers", "providers"),
    Call("GET", "/api/providers/kaito", f"{PROVIDER} crdConfig helmRepos helmCharts installationSteps"),
    Call("GET", "/api/providers/nobody", "message statusCode", 404, within=("error",)),
    Call("GET", "/api/runtimes/status", f"{PROVIDER} healthy {STATUS}", within=("runtimes", 0)),
    Call("GET", "/api/installation/runtimes/status", "runtimes"),
    Call("GET", "/api/deployments", "deployments pagination"),
    Call(
        "GET",
        f"/api/deployments/demo{DEMO}",
        "name namespace modelId mode phase provider replicas pods createdAt frontendService conditions links",
    ),
    Call("POST", "/api/deployments", "message name namespace", 201, BODY),
    Call("POST", "/api/deployments", "success error", 400, {"name": "x"}),
    Call("POST", "/api/deployments/preview", "resources primaryResource", body=BODY),
    Call("GET", f"/api/deployments/demo/manifest{DEMO}", "resources primaryResource"),
    Call("GET", f"/api/deployments/demo/pods{DEMO}", "pods"),
    Call("GET", f"/api/deployments/demo/pending-reasons{DEMO}", "reasons"),
    Call("GET", f"/api/deployments/demo/logs{DEMO}", "logs podName message"),
    Call("GET", f"/api/deployments/demo/metrics{DEMO}", "available timestamp metrics error"),
    Call("GET", "/api/deployments/-/pvcs?namespace=default", "pvcs"),
    Call("GET", "/api/deployments/-/pvcs", "success error", 400),
    Call("GET", f"/api/deployments/nobody{DEMO}", "message statusCode", 404, within=("error",)),
    Call("DELETE", f"/api/deployments/short{DEMO}", "message"),
    Call("DELETE", f"/api/deployments/nobody{DEMO}", "message statusCode", 404, within=("error",)),
    Call("POST", f"/api/deployments/demo/chat{DEMO}", "success error", 400, {"messages": []}),
    Call("GET", "/api/installation/helm/status", "available error"),
    Call(
        "GET",
        "/api/installation/providers/kaito/status",
        f"providerId providerName {STATUS} installationSteps helmCommands",
    ),
    Call("GET", "/api/installation/providers/kaito/commands", "providerId providerName commands steps"),
    Call("POST", "/api/installation/providers/vllm/install", "message statusCode", 400, within=("error",)),
    Call("POST", "/api/installation/providers/nobody/install", "message statusCode", 404, within=("error",)),
    Call("POST", "/api/installation/providers/kaito/install", "message statusCode", 503, within=("error",)),
    Call("POST", "/api/installation/providers/vllm/uninstall", "message", 400, within=("error",)),
    Call("POST", "/api/installation/providers/kaito/uninstall", "message", 503, within=("error",)),
    Call("POST", "/api/installation/gpu-operator/install", "message statusCode", 503, within=("error",)),
    Call("POST", "/api/installation/gateway/install-crds", "message statusCode", 503, within=("error",)),
    Call(
        "GET",
        "/api/installation/gpu-operator/status",
        "installed crdFound operatorRunning gpusAvailable totalGPUs gpuNodes message helmCommands",
    ),
    Call("GET", "/api/installation/gateway/status", "gatewayApiInstalled inferenceExtInstalled"),
    Call("GET", "/api/installation/gateway/status", "pinnedVersion message installCommands"),
    Call(
        "GET",
        "/api/installation/gpu-capacity",
        "totalGpus allocatedGpus availableGpus maxContiguousAvailable maxNodeGpuCapacity gpuNodeCount nodes",
    ),
    Call("GET", "/api/installation/gpu-capacity/detailed", "totalGpus nodePools"),
    Call("GET", "/api/installation/gpu-throughput?modelId=a/b-8B", "message", 404, within=("error",)),
    Call("GET", "/api/gateway/status", "available"),
    Call("GET", "/api/gateway/models", "models"),
    Call("GET", "/api/autoscaler/detection", "type detected healthy message"),
    Call("GET", "/api/autoscaler/status", "message statusCode", 404, within=("error",)),
    Call("GET", "/api/models", "id name description size task supportedEngines", within=("models", 17)),
    Call("GET", "/api/models/Qwen/Qwen3-0.6B", "id contextLength minGpuMemory minGpus supportedEngines"),
    Call("GET", "/api/models/Qwen%2FQwen3-0.6B", "id"),
    Call("GET", "/api/models/nobody/nothing", "message", 404, within=("error",)),
    Call("GET", "/api/models/search?q=x", "success error", 400),
    Call("GET", "/api/models/a/b/c/gguf-files", "message", 400, within=("error",)),
    Call("GET", "/api/aikit/models", "models total"),
    Call("GET", "/api/aikit/models/phi4:14b", "id name size image modelName license computeType"),
    Call(
        "POST",
        "/api/aikit/build",
        "success imageRef buildTime wasPremade message",
        body={"modelSource": "premade", "premadeModel": "phi4:14b"},
    ),
    Call("POST", "/api/aikit/build", "message", 400, {"modelSource": "huggingface"}, within=("error",)),
    Call(
        "POST",
        "/api/aikit/build/preview",
        "imageRef wasPremade requiresBuild registryUrl",
        body={"modelSource": "huggingface", "modelId": "a/b", "ggufFile": "b.Q4_K_M.gguf"},
    ),
    Call("GET", "/api/aikit/infrastructure/status", "ready registry builder error"),
    Call("GET", "/api/vllm/recipes", "recipes total source"),
    Call("POST", "/api/vllm/recipes/resolve", "message", 502, {"modelId": "a/b"}, within=("error",)),
    Call("POST", "/api/secrets/huggingface", "success error", 400, {}),
    Call("POST", "/api/oauth/huggingface/token", "success error", 400, {"code": "c"}),
    Call("GET", "/api/secrets/huggingface/status", "configured namespaces"),
    Call("DELETE", "/api/secrets/huggingface", "success message results"),
    Call("GET", "/api/oauth/huggingface/config", "clientId authorizeUrl scopes"),
    Call(
        "POST",
        "/api/oauth/huggingface/start",
        "authorizationUrl state",
        body={"redirectUri": "http://localhost/oauth"},
    ),
    Call(
        "POST",
        "/api/oauth/huggingface/token-with-state",
        "message",
        404,
        {"code": "c", "state": "00000000-0000-4000-8000-000000000000"},
        within=("error",),
    ),
    Call("GET", "/api/oauth/huggingface/verifier/x", "message", 410, within=("error",)),
    Call("GET", "/api/aiconfigurator/status", "available error"),
    Call(
        "POST",
        "/api/aiconfigurator/analyze",
        "success config mode replicas error",
        body={"modelId": "a/b", "gpuType": "A100", "gpuCount": 1},
    ),
    Call("POST", "/api/aiconfigurator/analyze", "message errors statusCode", 400, {}, within=("error",)),
    Call("POST", "/api/aiconfigurator/normalize-gpu", "gpuProduct normalized", body={"gpuProduct": "T4"}),
    Call("GET", "/api/costs/node-pools?gpuCount=1", "success nodePoolCosts pricingSource cacheStats"),
    Call(
        "POST",
        "/api/costs/estimate",
        "success breakdown",
        body={"gpuType": "A100", "gpuCount": 1, "replicas": 2},
    ),
    Call("GET", "/api/costs/instance-price?instanceType=x", "success error", 404),
    Call("GET", "/api/costs/gpu-models", "success models note"),
    Call("GET", "/api/costs/normalize-gpu?label=NVIDIA-A100", "originalLabel normalizedModel gpuInfo"),
]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("call", CALLS, ids=str)
async def test_a_clients_call(place: WebPlace, call: Call) -> None:
    answer = await place.call(call.method, call.path, body=call.body)

    assert answer.status == call.status, answer.body
    found = answer.body
    for part in call.within:
        found = found[part]
    assert set(call.keys.split()) <= set(found)
    assert None not in found.values() or call.path.startswith("/api/cluster/status")
    check_answer((await place.get("/api/openapi.json")).body, call.method, call.path, answer)
