"""Each method of AI Runway's clients that a page of theirs calls, by name (web-api.md §3: F and H).

A name says what the client wants; where it is only refused here, the reason stands beside it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from airunway.web.app import PRIVATE, PUBLIC
from tests.web.test_contract import CALLS

INSTALLER_NEEDED = "done by a workflow; tests/web/test_prerequisites.py has it"
HUB_NEEDED = "answered by the hub; tests/web/test_images_and_models.py has one"
RUNNING = (
    "answered by a model server or a workflow; tests/web/test_serving.py and test_installing.py have them"
)


@dataclass(frozen=True)
class ClientMethod:
    """A method, and where it goes."""

    name: str
    method: str
    path: str
    elsewhere: str = ""
    """Why no success of it is among the contract's calls."""

    def __str__(self) -> str:
        return self.name


METHODS = [
    ClientMethod("health", "GET", "/api/health"),
    ClientMethod("cluster status", "GET", "/api/cluster/status"),
    ClientMethod("settings", "GET", "/api/settings"),
    ClientMethod("runtimes", "GET", "/api/runtimes/status"),
    ClientMethod("list deployments", "GET", "/api/deployments"),
    ClientMethod("create deployment", "POST", "/api/deployments"),
    ClientMethod("preview deployment", "POST", "/api/deployments/preview"),
    ClientMethod("get deployment", "GET", "/api/deployments/{name}"),
    ClientMethod("delete deployment", "DELETE", "/api/deployments/{name}"),
    ClientMethod("manifest", "GET", "/api/deployments/{name}/manifest"),
    ClientMethod("pods", "GET", "/api/deployments/{name}/pods"),
    ClientMethod("pending reasons", "GET", "/api/deployments/{name}/pending-reasons"),
    ClientMethod("logs", "GET", "/api/deployments/{name}/logs"),
    ClientMethod("metrics", "GET", "/api/deployments/{name}/metrics"),
    ClientMethod("claims", "GET", "/api/deployments/-/pvcs"),
    ClientMethod("chat", "POST", "/api/deployments/{name}/chat", RUNNING),
    ClientMethod("helm status", "GET", "/api/installation/helm/status"),
    ClientMethod("provider status", "GET", "/api/installation/providers/{name}/status"),
    ClientMethod("install provider", "POST", "/api/installation/providers/{name}/install", RUNNING),
    ClientMethod("uninstall provider", "POST", "/api/installation/providers/{name}/uninstall", RUNNING),
    ClientMethod("GPU operator status", "GET", "/api/installation/gpu-operator/status"),
    ClientMethod("install GPU operator", "POST", "/api/installation/gpu-operator/install", INSTALLER_NEEDED),
    ClientMethod("gateway CRDs", "GET", "/api/installation/gateway/status"),
    ClientMethod("install gateway CRDs", "POST", "/api/installation/gateway/install-crds", INSTALLER_NEEDED),
    ClientMethod("GPU capacity", "GET", "/api/installation/gpu-capacity"),
    ClientMethod("GPU capacity by pool", "GET", "/api/installation/gpu-capacity/detailed"),
    ClientMethod(
        "GPU throughput", "GET", "/api/installation/gpu-throughput", "the cluster of these calls has no GPUs"
    ),
    ClientMethod("gateway status", "GET", "/api/gateway/status"),
    ClientMethod("gateway models", "GET", "/api/gateway/models"),
    ClientMethod("autoscaler", "GET", "/api/autoscaler/detection"),
    ClientMethod("catalogue", "GET", "/api/models"),
    ClientMethod("model", "GET", "/api/models/{model}"),
    ClientMethod("search models", "GET", "/api/models/search", HUB_NEEDED),
    ClientMethod("GGUF files", "GET", "/api/models/{model}/gguf-files", HUB_NEEDED),
    ClientMethod("premade images", "GET", "/api/aikit/models"),
    ClientMethod("build image", "POST", "/api/aikit/build"),
    ClientMethod("builder status", "GET", "/api/aikit/infrastructure/status"),
    ClientMethod("recipes", "GET", "/api/vllm/recipes"),
    ClientMethod("resolve recipe", "POST", "/api/vllm/recipes/resolve", "there are no recipes"),
    ClientMethod("token status", "GET", "/api/secrets/huggingface/status"),
    ClientMethod("save token", "POST", "/api/secrets/huggingface", HUB_NEEDED),
    ClientMethod("delete token", "DELETE", "/api/secrets/huggingface"),
    ClientMethod("OAuth config", "GET", "/api/oauth/huggingface/config"),
    ClientMethod("start OAuth", "POST", "/api/oauth/huggingface/start"),
    ClientMethod("token with state", "POST", "/api/oauth/huggingface/token-with-state", HUB_NEEDED),
    ClientMethod("token", "POST", "/api/oauth/huggingface/token", HUB_NEEDED),
    ClientMethod("advice status", "GET", "/api/aiconfigurator/status"),
    ClientMethod("advice", "POST", "/api/aiconfigurator/analyze"),
    ClientMethod("costs", "GET", "/api/costs/node-pools"),
]


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_it_is_served_and_called(method: ClientMethod) -> None:
    served = {
        (verb, re.sub(r"\{[^}]*\}|:path", "", route.path))  # type: ignore[attr-defined]
        for router in (*PUBLIC, *PRIVATE)
        for route in router.routes
        for verb in getattr(route, "methods", ())
    }
    pattern = re.sub(r"\{[^}]*\}", "[^?]+", method.path)

    statuses = {
        call.status
        for call in CALLS
        if call.method == method.method and re.fullmatch(pattern, call.path.partition("?")[0])
    }

    assert (method.method, re.sub(r"\{[^}]*\}", "", method.path)) in served
    assert statuses, "no call of the contract's test is this one"
    assert bool(statuses & {200, 201}) is not bool(method.elsewhere), statuses
