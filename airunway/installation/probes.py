"""Where to look for a provider's operator: its own probes, or built-in ones. Source: install.md §A9.3."""

from __future__ import annotations

from collections.abc import Mapping

from airunway.installation.metadata import CrdProbe, Health, PodProbe, ProviderMetadata


def _built_in(crd: CrdProbe, namespace: str, near: tuple[str, ...], far: tuple[str, ...]) -> Health:
    pods = (PodProbe(namespace=namespace, selectors=near), PodProbe(selectors=far))
    return Health(crds=(crd,), operator_pods=pods)


_DYNAMO = "app.kubernetes.io/name=dynamo-operator"
_KUBERAY = "app.kubernetes.io/name=kuberay-operator"
_KAITO = "app.kubernetes.io/name=workspace"

BUILT_IN: Mapping[str, Health] = {
    "kaito": _built_in(
        CrdProbe(name="workspaces.kaito.sh", display_name="KAITO workspace CRD"),
        "kaito-workspace",
        (f"{_KAITO},app.kubernetes.io/instance=kaito-workspace", _KAITO),
        (_KAITO, "app=ai-toolchain-operator"),
    ),
    "dynamo": _built_in(
        CrdProbe(name="dynamographdeployments.nvidia.com", display_name="Dynamo CRD"),
        "dynamo-system",
        (
            f"control-plane=controller-manager,{_DYNAMO},app.kubernetes.io/instance=dynamo-platform",
            _DYNAMO,
            "control-plane=controller-manager",
        ),
        (_DYNAMO,),
    ),
    "kuberay": _built_in(
        CrdProbe(name="rayservices.ray.io", display_name="KubeRay CRD"),
        "ray-system",
        (f"{_KUBERAY},app.kubernetes.io/instance=kuberay-operator", _KUBERAY),
        (_KUBERAY,),
    ),
}
"""For configs that say nothing about health."""


def probes_of(metadata: ProviderMetadata) -> Health:
    """The probes to use; the config's own win."""
    health = metadata.health
    if not metadata.requires_crd or health.crds or health.operator_pods:
        return health
    built_in = BUILT_IN.get(metadata.id)
    if built_in is None:
        return health
    return Health(
        crds=built_in.crds,
        operator_pods=built_in.operator_pods,
        ready_path=health.ready_path,
        conditions=health.conditions,
    )
