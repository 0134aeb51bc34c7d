"""No override brings a forbidden field into a pod, unless an administrator allows that very field."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.provider.contract import RenderContext
from airunway.provider.policy import OverridesPolicy
from tests.providers.guarding import (
    OPEN,
    PROVIDERS,
    WITH_PODS,
    container,
    pod_of,
    refusal,
    volume,
)

FORBIDDEN = {
    "the node's network": ({"hostNetwork": True}, "hostNetwork"),
    "the node's processes": ({"hostPID": True}, "hostPID"),
    "the node's memory": ({"hostIPC": True}, "hostIPC"),
    "a node by name": ({"nodeName": "n1"}, "nodeName"),
    "an account": ({"serviceAccountName": "admin"}, "serviceAccountName"),
    "an account by its old name": ({"serviceAccount": "admin"}, "serviceAccount"),
    "the account's token": ({"automountServiceAccountToken": True}, "automountServiceAccountToken"),
    "a priority class": ({"priorityClassName": "system-node-critical"}, "priorityClassName"),
    "a priority": ({"priority": 2_000_000_000}, "priority"),
    "a runtime class": ({"runtimeClassName": "runc"}, "runtimeClassName"),
    "devices": ({"resourceClaims": [{"name": "gpu"}]}, "resourceClaims"),
    "an init container": ({"initContainers": [{"name": "i", "image": "x"}]}, "initContainers"),
    "an ephemeral container": ({"ephemeralContainers": [{"name": "i"}]}, "ephemeralContainers"),
    "kernel parameters": ({"securityContext": {"sysctls": [{"name": "kernel.msgmax"}]}}, "sysctls"),
    "no seccomp": ({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}, "seccompProfile"),
    "the node's files": (volume(hostPath={"path": "/"}), "hostPath"),
    "a projected token": (volume(projected={"sources": [{"serviceAccountToken": {}}]}), "projected"),
    "a CSI volume": (volume(csi={"driver": "secrets-store.csi.k8s.io"}), "csi"),
    "a claim of its own": (
        volume(ephemeral={"volumeClaimTemplate": {"spec": {"resources": {"requests": {"storage": "9Ti"}}}}}),
        "ephemeral",
    ),
    "a network file system": (volume(nfs={"server": "10.0.0.1", "path": "/"}), "nfs"),
    "an image as a volume": (volume(image={"reference": "x"}), "image"),
    "a field of a later Kubernetes": ({"hostKernel": True}, "hostKernel"),
    "privileges": (container(securityContext={"privileged": True}), "privileged"),
    "capabilities": (container(securityContext={"capabilities": {"add": ["SYS_ADMIN"]}}), "capabilities"),
    "escalation": (
        container(securityContext={"allowPrivilegeEscalation": True}),
        "allowPrivilegeEscalation",
    ),
    "a port of the node": (container(ports=[{"containerPort": 80, "hostPort": 80}]), "hostPort"),
    "an address of the node": (container(ports=[{"containerPort": 80, "hostIP": "::1"}]), "hostIP"),
    "a block device": (container(volumeDevices=[{"name": "v", "devicePath": "/dev/x"}]), "volumeDevices"),
    "shared mounts": (
        container(
            volumeMounts=[{"name": "v", "mountPath": "/v", "mountPropagation": "Bidirectional"}],
        ),
        "mountPropagation",
    ),
    "a probe of another address": (
        container(readinessProbe={"httpGet": {"host": "169.254.169.254", "port": 80}}),
        "host",
    ),
    "a hook to another address": (
        container(lifecycle={"preStop": {"httpGet": {"host": "10.0.0.1", "port": 80}}}),
        "host",
    ),
    "a claim of a device": (container(resources={"claims": [{"name": "gpu"}]}), "claims"),
}


CORRECTED = {
    "the account's token": ("automountServiceAccountToken", True),
    "no seccomp": ("type", "Unconfined"),
    "capabilities": ("add", ["SYS_ADMIN"]),
    "escalation": ("allowPrivilegeEscalation", True),
}
"""What isolation, which is laid over the overrides, may have put right already."""


def holds(value: Any, key: str, item: Any) -> bool:
    """Whether an object has such a field at any depth."""
    if isinstance(value, dict):
        return value.get(key) == item or any(holds(entry, key, item) for entry in value.values())
    return isinstance(value, list) and any(holds(entry, key, item) for entry in value)


@pytest.mark.parametrize("provider", WITH_PODS)
@pytest.mark.parametrize("case", FORBIDDEN)
def test_no_override_brings_a_forbidden_field_into_a_pod(case: str, provider: str) -> None:
    pod, field = FORBIDDEN[case]
    given = pod_of(provider, pod)

    listed, anything = refusal(provider, given), refusal(provider, given, policy=OPEN)

    assert "AIRUNWAY_OVERRIDES_ALLOWED" in listed
    assert field in listed or ".securityContext:" in listed or ".resources:" in listed
    if case in CORRECTED and not anything:
        objects = PROVIDERS[provider].render(given, RenderContext(policy=OPEN))
        assert not any(holds(obj, *CORRECTED[case]) for obj in objects)
    else:
        assert field in anything
        assert "AIRUNWAY_OVERRIDES_ALLOWED" in anything


@pytest.mark.parametrize("provider", WITH_PODS)
def test_an_administrator_lets_a_field_in_by_its_path(provider: str) -> None:
    at = {
        "dynamo": "spec.services.*.extraPodSpec",
        "kaito": "inference.template.spec",
        "kuberay": "spec.rayClusterConfig.headGroupSpec.template.spec",
        "vllm": "spec.template.spec",
    }[provider]
    given = pod_of(provider, {"priorityClassName": "models"})
    allowed = {provider: [f"{at}.priorityClassName"]}

    assert refusal(provider, given, policy=OverridesPolicy(allowed=allowed)) == ""
    for other in ({}, {provider: [f"{at}.*"]}, {provider: ["spec"]}, {"other": [f"{at}.priorityClassName"]}):
        assert "priorityClassName" in refusal(provider, given, policy=OverridesPolicy(allowed=other))
