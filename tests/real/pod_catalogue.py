"""Every pod that this project makes or has made, and the level of Pod Security that the documents name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from airunway.api.model_deployment import ModelDeployment
from airunway.modelimage.builder_objects import builder_objects
from airunway.modelimage.cluster_options import ClusterOptions
from airunway.modelimage.registry_objects import registry_objects
from airunway.provider import RenderContext
from airunway.provider.pod_security import level_variable
from airunway.provider.registry import installed_providers
from airunway.provider.testing import deployment
from tests.deploy.manifests import ALL_IN_ONE, CORE, INSTALLER, ROOT, objects
from tests.providers.build import runner
from tests.providers.pods import PodSpec, pods_of, rendered_with_stages

VERIFY = ROOT / "deploy" / "verify"
DOCUMENT = ROOT / "docs" / "security.md"
LEVELS = ("restricted", "baseline", "privileged")
"""From the strictest on."""
GROUP = {"gpu": {"count": 2, "type": "nvidia.com/gpu"}, "replicas": 1, "memory": "64Gi"}
SPLIT: dict[str, Any] = {
    "serving": {"mode": "disaggregated"},
    "scaling": {"prefill": GROUP, "decode": GROUP},
    "resources": {},
}
STORED: dict[str, Any] = {
    "model": {
        "id": "acme/chat-9b",
        "source": "huggingface",
        "storage": {"volumes": [{"name": "weights", "purpose": "modelCache", "size": "20Gi"}]},
    },
    "secrets": {"huggingFaceToken": "hf-token-secret"},
    "resources": {"gpu": {"count": 2, "type": "nvidia.com/gpu"}},
}

Pods = list[tuple[str, PodSpec]]


def documented_levels() -> dict[str, str]:
    """Pods to level, from the table of the documentation."""
    section = DOCUMENT.read_text().partition("## Tenants\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `([a-z-]+)` \|[^|]*\| `([a-z]+)` \|", section, re.MULTILINE))


def catalogue() -> dict[str, Pods]:
    """Pods by the name that the documentation's table has for them."""
    options = ClusterOptions(registry_readers=["10.0.0.0/8"])
    rootless = ClusterOptions(rootless=True)
    return {
        "control-plane": [
            *(pod for folder in (CORE, ALL_IN_ONE, VERIFY) for pod in pods_of(objects(folder))),
            *(pod for folder in provider_folders() for pod in pods_of(objects(folder))),
        ],
        "installer": list(pods_of(objects(INSTALLER))),
        "registry": list(pods_of(registry_objects(options, image="registry:2", lineage="first"))),
        "builder": list(pods_of(builder_objects(options, image="b", certificate="c"))),
        "builder-rootless": list(pods_of(builder_objects(rootless, image="b", certificate="c"))),
        **{name: list(rendered_pods(name, {})) for name in sorted(installed_providers())},
        "kuberay-own-image": list(
            pods_of(
                installed_providers()["kuberay"].render(
                    deployment(image="registry.example.com/serve:1"), RenderContext()
                )
            )
        ),
    }


def provider_folders() -> Iterator[Any]:
    for name in installed_providers():
        yield ROOT / "providers" / name / "deploy"


def given_of(provider: str) -> Iterator[ModelDeployment]:
    """Deployments that show every kind of pod of a provider."""
    if provider == "kaito":
        yield runner()
        yield runner(**{**STORED, "gpus": 2})
        return
    yield deployment()
    yield deployment(**STORED)
    if provider != "vllm":
        yield deployment(**SPLIT)


def rendered_pods(provider: str, env: dict[str, str], **context: Any) -> Iterator[tuple[str, PodSpec]]:
    """The pods of a shipped provider."""
    plugin = installed_providers()[provider]
    for wanted in given_of(provider):
        yield from pods_of(rendered_with_stages(plugin, wanted, RenderContext(env=env, **context)))


def restricted_pods(provider: str) -> Pods:
    """The same where the setting asks for the strictest level. Dynamo's sidecar is its operator's own."""
    env = {level_variable(provider): "restricted"}
    return list(rendered_pods(provider, env, routed_by_gateway=False))
