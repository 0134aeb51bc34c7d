"""What plan and admission say of a pod's parts is what the API server says: neither more nor less is refused.

Each drawn spec is judged by the rules and, as a pod that is created as a rehearsal, by a real API server.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from airunway.api.model_deployment import DeploymentSpec
from airunway.selection.server_rules import server_findings
from kube_emulator.testing import Api

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

Spec = dict[str, Any]
DRAWN = 60
"""Specs for each part, besides the listed ones."""

KEYS = [
    *(
        "a",
        "A.b_c-1",
        "example.com/a",
        "a/b/c",
        "/a",
        "a/",
        "Example.com/a",
        "-a",
        "a-",
        "é",
        "a b",
        "",
        "a" * 63,
    ),
    *("a" * 64, "e" * 253 + "/a", "e" * 254 + "/a", "a\n", "nvidia.com/gpu", "a..b", "ex..com/a", "a=b"),
]
VALUES = ["", "a", "a.b_c-1", "-a", "a-", "a/b", "a b", "é", "a" * 63, "a" * 64, "a\n", "true", "1", ".", "A"]
NAMES = ["", "a", "A_B", "1A", "a.b-c", "a=b", "a b", "é", "\t", "a\n", "!$%", "_", "a/b"]
OBJECTS = ["", "a", "hf-token", "a.b", "A", "a_b", "-a", "a" * 253, "a" * 254, "a.-b", "a\n"]
CONFIG_KEYS = ["", "a", "HF_TOKEN", "a.b-c", "a/b", ".", "..", "..a", ".a", "a b", "a" * 253, "a" * 254]
FIELDS = [
    *(
        "metadata.name",
        "metadata.labels",
        "metadata.labels['a']",
        "metadata.annotations['A/b']",
        "spec.nodeName",
    ),
    *("status.podIPs", "spec.containers", "", "metadata.labels['-']", "metadata.labels['']", "status.hostIP"),
    *("metadata.annotations['a b']", "metadata.labels['a", 'metadata.labels["a"]', "metadata.uid['a']"),
]
RESOURCES = [
    *(
        "limits.cpu",
        "requests.memory",
        "limits.gpu",
        "cpu",
        "",
        "limits.hugepages-2Mi",
        "requests.ephemeral-storage",
    ),
    *("limits.nvidia.com/gpu", "limits.hugepages-"),
]
DIVISORS = ["0", "1", "1m", "1000m", "1k", "1000", "1Ki", "1024", "1Mi", "1Ei", "3", "2m"]
DEVICES = [
    *(
        "nvidia.com/gpu",
        "amd.com/gpu",
        "nvidia.com/mig-1g.5gb",
        "gpu",
        "nvidia.com/",
        "/gpu",
        "Nvidia.com/gpu",
    ),
    *("requests.nvidia.com/gpu", "kubernetes.io/x", "gpu.intel.com/i915", "a b", "example.com/" + "a" * 63),
]
IMAGES = ["acme/a:1", " acme/a:1", "acme/a:1 ", "acme/a:1\n", "a b", "@"]


def one(draw: random.Random, words: list[str]) -> str:
    """A listed word, or one with a character of its own put in."""
    word = draw.choice(words)
    if draw.random() < 0.3:
        at = draw.randrange(len(word) + 1)
        word = word[:at] + draw.choice("aZ0-_./='é \t") + word[at:]
    return word


def mapping(draw: random.Random) -> dict[str, str]:
    return {one(draw, KEYS): one(draw, VALUES) for _ in range(draw.randint(1, 2))}


def toleration(draw: random.Random) -> Spec:
    drawn = {
        "key": one(draw, KEYS),
        "operator": draw.choice(["", "Exists", "Equal", "exists", "Lt", "NotIn"]),
        "value": one(draw, VALUES),
        "effect": draw.choice(["", "NoSchedule", "NoExecute", "PreferNoSchedule", "noSchedule"]),
        "tolerationSeconds": draw.choice([0, 5, -1]),
    }
    return {key: value for key, value in drawn.items() if draw.random() < 0.6}


def source(draw: random.Random) -> Spec:
    key_ref = lambda: {"name": one(draw, OBJECTS), "key": one(draw, CONFIG_KEYS)}  # noqa: E731 (drawn each time)
    drawn = {
        "configMapKeyRef": key_ref(),
        "secretKeyRef": key_ref(),
        "fieldRef": {"fieldPath": one(draw, FIELDS)},
        "resourceFieldRef": {"resource": one(draw, RESOURCES)},
    }
    names = draw.sample(list(drawn), draw.choice([0, 1, 1, 1, 1, 2]))
    return {name: drawn[name] for name in names}


def variable(draw: random.Random) -> Spec:
    if draw.random() < 0.4:
        return {"name": one(draw, NAMES), "value": one(draw, VALUES)}
    both = {"value": "x"} if draw.random() < 0.1 else {}
    return {"name": draw.choice(["A", "B"]), "valueFrom": source(draw), **both}


def overriding(spec: Spec) -> Spec:
    """The same parts of a pod, as overrides of a Deployment."""
    pod = {key: spec[key] for key in ("nodeSelector", "tolerations") if key in spec}
    if "env" in spec:
        pod["containers"] = [{"name": "main", "env": spec["env"]}]
    template = {**(spec.get("podTemplate") or {}), "spec": pod}
    return {"provider": {"name": "vllm", "overrides": {"spec": {"template": template}}}}


PARTS: dict[str, Callable[[random.Random], Spec]] = {
    "labels": lambda draw: {"podTemplate": {"metadata": {"labels": mapping(draw)}}},
    "annotations": lambda draw: {"podTemplate": {"metadata": {"annotations": mapping(draw)}}},
    "node selector": lambda draw: {"nodeSelector": mapping(draw)},
    "tolerations": lambda draw: {"tolerations": [toleration(draw)]},
    "environment": lambda draw: {"env": [variable(draw)]},
    "devices": lambda draw: {"resources": {"gpu": {"count": 1, "type": one(draw, DEVICES)}}},
    "images": lambda draw: {"image": one(draw, IMAGES)},
    "overrides": lambda draw: overriding(PARTS[draw.choice(OVERRIDDEN)](draw)),
}
OVERRIDDEN = ("labels", "annotations", "node selector", "tolerations", "environment")
LISTED: dict[str, list[Spec]] = {
    "labels": [{"podTemplate": {"metadata": {"labels": {key: "v"}}}} for key in KEYS],
    "annotations": [
        {"podTemplate": {"metadata": {"annotations": {"a": "x" * (256 * 1024 + more)}}}} for more in (-1, 0)
    ],
    "node selector": [{"nodeSelector": {"a": value}} for value in VALUES],
    "tolerations": [{"tolerations": [{"operator": "Exists"}, {}]}, {"tolerations": [{"operator": "Exists"}]}],
    "environment": [
        *({"env": [{"name": name}]} for name in NAMES),
        *({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": path}}}]} for path in FIELDS),
        *(
            {"env": [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": name}}}]}
            for name in RESOURCES
        ),
        *(
            {
                "env": [
                    {"name": "A", "valueFrom": {"resourceFieldRef": {"resource": name, "divisor": divisor}}}
                ]
            }
            for name in ("limits.cpu", "limits.memory", "limits.hugepages-2Mi")
            for divisor in DIVISORS
        ),
        *(
            {
                "env": [
                    {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name", "apiVersion": of}}}
                ]
            }
            for of in ("", "v1", "v2", "apps/v1")
        ),
        {"env": [{"name": "A", "valueFrom": {"fileKeyRef": {"key": "k", "path": "f", "volumeName": "v"}}}]},
        *(
            {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": name, "key": "k"}}}]}
            for name in OBJECTS
        ),
        *(
            {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": key}}}]}
            for key in CONFIG_KEYS
        ),
    ],
    "devices": [{"resources": {"gpu": {"count": 1, "type": name}}} for name in DEVICES],
    "images": [{"image": image} for image in IMAGES],
}
LISTED["overrides"] = [overriding(spec) for part in OVERRIDDEN for spec in LISTED[part]]


def pod_of(spec: Spec) -> Spec:
    """A pod with the parts of a deployment that are drawn here."""
    if "provider" in spec:
        overridden = spec["provider"]["overrides"]["spec"]["template"]
        containers = overridden["spec"].get("containers", [{}])
        return pod_of({**overridden["spec"], "podTemplate": overridden, "env": containers[0].get("env")})
    template = (spec.get("podTemplate") or {}).get("metadata") or {}
    gpu = (spec.get("resources") or {}).get("gpu")
    container = {"name": "main", "image": spec.get("image", "acme/a:1"), "env": spec.get("env") or []}
    if gpu:
        container["resources"] = {"limits": {gpu["type"]: gpu["count"]}}
    rest = {key: spec[key] for key in ("nodeSelector", "tolerations") if key in spec}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", **template},
        "spec": {"containers": [container], **rest},
    }


@pytest_asyncio.fixture
async def server(real_kubeconfig: Path) -> AsyncIterator[Callable[[Spec], Any]]:
    """Answers why the API server refuses a pod; empty when it takes it."""
    name = f"rules-{uuid.uuid4().hex[:8]}"
    async with Api(real_kubeconfig) as api:
        (await api.create("/api/v1/namespaces", {"metadata": {"name": name}})).ok()

        async def refusal(spec: Spec) -> str:
            answer = await api.create(
                f"/api/v1/namespaces/{name}/pods", pod_of(spec), query={"dryRun": "All"}
            )
            assert answer.code in (201, 422), answer.body
            return "" if answer.code == 201 else str(answer.message)

        yield refusal
        await api.delete(f"/api/v1/namespaces/{name}")


@pytest.mark.parametrize("part", PARTS)
async def test_what_the_rules_refuse_the_api_server_refuses_and_nothing_else(
    server: Callable[[Spec], Any], part: str
) -> None:
    draw = random.Random(part)
    specs = [*LISTED[part], *(PARTS[part](draw) for _ in range(DRAWN))]

    differing = []
    refused = 0
    for spec in specs:
        ours = server_findings(DeploymentSpec.model_validate({"model": {"id": "o/m"}, **spec}))
        theirs = await server(spec)
        refused += bool(theirs)
        if bool(ours) != bool(theirs):
            differing.append((spec, [error.line for error in ours], theirs))

    assert not differing, differing[:5]
    assert 0 < refused < len(specs)
