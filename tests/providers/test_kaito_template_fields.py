"""A misspelt field in a Workspace's template, which the API server takes whatever is in it, is reported."""

from __future__ import annotations

import re
from typing import Any

import pytest
from kubernetes.aio import client

from airunway.api.overrides import FIELD
from airunway.provider.testing import deployment
from airunway.providers.kaito import PROVIDER
from airunway.providers.kaito.template_fields import CONTAINER, POD, VOLUME, unknown_overrides

SPEC = f"{FIELD}.inference.template.spec"


def overridden(**spec: Any) -> Any:
    given = {"inference": {"template": {"spec": spec}}}
    engine = {"type": "llamacpp", "image": "ghcr.io/kaito-project/aikit/llama3.2:1b"}
    return deployment(gpus=0, engine=engine, provider={"name": "kaito", "overrides": given})


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"tolerations": [{"key": "gpu", "efect": "NoSchedule"}]}, "tolerations[0].efect"),
        ({"affinity": {"nodeAffinty": {}}}, "affinity.nodeAffinty"),
        (
            {"containers": [{"name": "model", "env": [{"name": "A", "valu": "b"}]}]},
            "containers[0].env[0].valu",
        ),
        (
            {"containers": [{"name": "model", "readinessProbe": {"exec": {"comand": ["x"]}}}]},
            "containers[0].readinessProbe.exec.comand",
        ),
        ({"volumes": [{"name": "v", "secret": {"name": "s"}}]}, "volumes[0].secret.name"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_typing_error_is_among_the_fields_that_are_not_honoured(spec: dict[str, Any], path: str) -> None:
    assert f"{SPEC}.{path}" in PROVIDER.ignored_fields(overridden(**spec))


def test_what_a_pod_has_fields_for_is_no_error() -> None:
    term = {"matchExpressions": [{"key": "pool", "operator": "In", "values": ["a"]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    secret = {"secretKeyRef": {"name": "s", "key": "k"}}
    container = {
        "name": "model",
        "env": [{"name": "A", "valueFrom": secret}],
        "readinessProbe": {"httpGet": {"path": "/", "port": 5000}, "periodSeconds": 1},
        "lifecycle": {"stopSignal": "SIGINT", "preStop": {"tcpSocket": {"port": 1}, "sleep": {"seconds": 1}}},
        "resources": {"limits": {"example.com/fpga": "1"}},
    }

    given = overridden(
        affinity={"nodeAffinity": required},
        nodeSelector={"whatever": "there is"},
        tolerations=[{"operator": "Exists"}],
        containers=[container],
    )

    assert unknown_overrides(given) == []


@pytest.mark.parametrize("given", [None, 7, {"inference": []}, {"inference": {"template": {"spec": 3}}}])
def test_overrides_of_another_shape_are_left_to_who_refuses_them(given: Any) -> None:
    assert unknown_overrides(deployment(provider={"name": "kaito", "overrides": given})) == []


@pytest.mark.parametrize(
    ("tree", "kind"), [(POD, "V1PodSpec"), (CONTAINER, "V1Container"), (VOLUME, "V1Volume")]
)
def test_the_table_has_every_field_that_kubernetes_has(tree: Any, kind: str) -> None:
    for key, below in tree.items():
        model = getattr(client, kind)
        attribute = next(name for name, field in model.attribute_map.items() if field == key)
        assert missing(below, model.openapi_types[attribute], key) == []


def missing(tree: Any, kind: str, at: str) -> list[str]:
    """Fields of Kubernetes below a part of the table that the table lacks, and the other way round."""
    plain = re.sub(r"^list\[(.*)\]$", r"\1", kind)
    model = getattr(client, plain, None)
    if tree is None or model is None:
        return []
    types = {field: model.openapi_types[name] for name, field in model.attribute_map.items()}
    shaped = ("V1Container", "V1Volume", "V1Probe", "V1LifecycleHandler", "V1HTTPGetAction", "V1Lifecycle")
    found = [] if plain in shaped else [f"{at}.{key}" for key in types.keys() ^ tree.keys()]
    for key, below in tree.items():
        found += missing(below, types[key], f"{at}.{key}") if key in types else [f"{at}.{key}"]
    return found
