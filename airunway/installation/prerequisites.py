"""Shared prerequisites: what several providers need of a cluster, and who publishes models. Pure data.

A prerequisite is no provider. Nothing registers it, no deployment names it, and its name is reserved: an
InferenceProviderConfig, or a provider's package, that is called so has no say in what is installed. An
administrator's file has, as for providers. Source: install.md §A14, weak spots 11 and 27.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from airunway.api.gateway_versions import GATEWAY_API_VERSION, INFERENCE_EXTENSION_VERSION
from airunway.installation.chart_policy import trusted_config
from airunway.installation.fields import Json
from airunway.installation.metadata import ProviderMetadata, read_metadata

GPU_OPERATOR_VERSION = "v25.10.1"
_GATEWAY_API = "https://github.com/kubernetes-sigs/gateway-api/releases/download"
_EXTENSION = "https://github.com/kubernetes-sigs/gateway-api-inference-extension/releases/download"


@dataclass(frozen=True, kw_only=True)
class Prerequisite:
    """What is known of it here.

    `installation` and `health` are in the form of the annotations of these names.
    """

    id: str
    name: str
    description: str
    documentation: str
    why_no_uninstall: str
    installation: Json
    health: Json


GPU_OPERATOR = Prerequisite(
    id="gpu-operator",
    name="NVIDIA GPU operator",
    description="Drivers, the device plugin and labels of nodes, so that pods can ask for NVIDIA's GPUs.",
    documentation="https://docs.nvidia.com/datacenter/cloud-native/gpu-operator/latest/",
    why_no_uninstall="whatever runs on a GPU of this cluster would lose it",
    installation={
        "helmRepos": [{"name": "nvidia", "url": "https://helm.ngc.nvidia.com/nvidia"}],
        "helmCharts": [
            {
                "name": "gpu-operator",
                "chart": "nvidia/gpu-operator",
                "version": GPU_OPERATOR_VERSION,
                "namespace": "gpu-operator",
                "createNamespace": True,
            }
        ],
    },
    health={
        "crds": [{"name": "clusterpolicies.nvidia.com", "displayName": "ClusterPolicy CRD"}],
        # Some distributions have it in a namespace of their own: two of them would fight for the nodes.
        "operatorPods": [
            {"namespace": "gpu-operator", "selectors": ["app=gpu-operator"]},
            {"selectors": ["app=gpu-operator"]},
        ],
    },
)
GATEWAY_CRDS = Prerequisite(
    id="gateway-crds",
    name="Gateway API CRDs",
    description="The kinds by which models are published: Gateway API, and its Inference Extension.",
    documentation="https://gateway-api.sigs.k8s.io/",
    why_no_uninstall="every Gateway, route and pool of this cluster would be deleted with them",
    installation={
        "crdFiles": [
            {
                "name": "gateway-api-crds",
                "url": f"{_GATEWAY_API}/{GATEWAY_API_VERSION}/standard-install.yaml",
                "version": GATEWAY_API_VERSION,
                "versionAnnotation": "gateway.networking.k8s.io/bundle-version",
                "crds": ["gateways.gateway.networking.k8s.io", "httproutes.gateway.networking.k8s.io"],
            },
            {
                "name": "inference-extension-crds",
                "url": f"{_EXTENSION}/{INFERENCE_EXTENSION_VERSION}/manifests.yaml",
                "version": INFERENCE_EXTENSION_VERSION,
                "versionAnnotation": "inference.networking.k8s.io/bundle-version",
                "crds": ["inferencepools.inference.networking.k8s.io"],
            },
        ]
    },
    health={
        "crds": [
            "gateways.gateway.networking.k8s.io",
            "httproutes.gateway.networking.k8s.io",
            "inferencepools.inference.networking.k8s.io",
        ]
    },
)
PREREQUISITES: Mapping[str, Prerequisite] = {entry.id: entry for entry in (GPU_OPERATOR, GATEWAY_CRDS)}
"""By their reserved names."""


def prerequisite_metadata(prerequisite: Prerequisite, *, given: Json | None = None) -> ProviderMetadata:
    """What is installed for it. `given`: what an administrator wants, as for `trusted_config`."""
    said = {"health": prerequisite.health, **(prerequisite.installation if given is None else given)}
    config = trusted_config(prerequisite.id, given=said, annotations=None, spec=None) or {}
    return replace(
        read_metadata(config),
        name=prerequisite.name,
        description=prerequisite.description,
        documentation_url=prerequisite.documentation,
        is_shared=True,
    )
