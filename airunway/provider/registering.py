"""What a provider says of itself in its InferenceProviderConfig, and what its health check reads. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from airunway.api import names
from airunway.provider.contract import UpstreamFacts, UpstreamKind
from airunway.provider.reading import count_at, name_of, text_at
from airunway.provider.rendering import without_empty

_DEVICE_PLUGIN = (
    "https://raw.githubusercontent.com/NVIDIA/k8s-device-plugin/v0.17.0"
    "/deployments/static/nvidia-device-plugin.yml"
)


def config_annotations(
    *,
    display_name: str,
    description: str,
    documentation: str,
    capabilities: Mapping[str, Any],
    health: Mapping[str, Any],
    installation: Mapping[str, Any],
    default_namespace: str = "",
    documentation_url: str = "",
) -> dict[str, str]:
    """The annotations that AI Runway's clients read. `capabilities` are those of the spec (crds.md §7.1).

    `default_namespace`: where a client puts deployments unless told otherwise; empty: says nothing.
    """
    return without_empty(
        **{
            names.ANNOTATION_DISPLAY_NAME: display_name,
            names.ANNOTATION_DESCRIPTION: description,
            names.ANNOTATION_DEFAULT_NAMESPACE: default_namespace,
            names.ANNOTATION_DOCUMENTATION_URL: documentation_url,
            names.ANNOTATION_DOCUMENTATION: documentation,
            names.ANNOTATION_CAPABILITIES: json.dumps(capabilities, separators=(",", ":")),
            names.ANNOTATION_HEALTH: json.dumps(health, separators=(",", ":")),
            names.ANNOTATION_INSTALLATION: json.dumps(installation, separators=(",", ":")),
        }
    )


def installation_without_operator(description: str, *, token_secret: str) -> dict[str, Any]:
    """`installation` of a provider that needs nodes with GPUs, a token for gated models, and nothing else."""
    return {
        "description": description,
        "steps": [
            {
                "title": "Install NVIDIA GPU Device Plugin",
                "command": f"kubectl apply -f {_DEVICE_PLUGIN}",
                "description": "Let the nodes offer their GPUs; skip it where the GPU operator runs.",
            },
            {
                "title": "Create HuggingFace Token Secret",
                "command": (
                    f"kubectl create secret generic {token_secret} "
                    "--from-literal=HF_TOKEN=<your-token> -n <model-namespace>"
                ),
                "description": "Only for gated models: the token that downloads them.",
            },
        ],
    }


def versions_served(facts: UpstreamFacts, kind: UpstreamKind) -> list[str]:
    """Versions in which the cluster serves a kind, sorted; empty when it does not."""
    same = (found for found in facts.kinds if (found.group, found.kind) == (kind.group, kind.kind))
    return sorted(found.version for found in same)


def operator_in(deployments: Sequence[Mapping[str, Any]]) -> tuple[str, bool]:
    """Namespace/name of the operator, and whether it is ready: of several Deployments the first that is.

    Raises IndexError without a Deployment.
    """
    ready = [operator for operator in deployments if count_at(operator, "status", "readyReplicas") > 0]
    chosen = (ready or deployments)[0]
    return f"{text_at(chosen, 'metadata', 'namespace')}/{name_of(chosen)}", bool(ready)
