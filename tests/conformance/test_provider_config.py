"""What a provider registers about itself, against the recorded InferenceProviderConfigs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from airunway.provider.contract import Provider, UpstreamFacts, UpstreamKind
from airunway.provider.registry import installed_providers
from tests.conformance.compare import conditions, differences
from tests.conformance.departures import adjusted, unexcused
from tests.conformance.loader import Vector, cases

GROUP = "provider_config"


def config_object(provider: Provider) -> dict[str, Any]:
    """The object as it is compared: annotations that hold JSON are parsed."""
    registration = provider.registration()
    return {
        "apiVersion": "airunway.ai/v1alpha1",
        "kind": "InferenceProviderConfig",
        "metadata": {"name": provider.name, "annotations": parsed(registration.annotations)},
        "spec": dict(registration.spec),
    }


def parsed(annotations: Mapping[str, str]) -> dict[str, Any]:
    return {
        key: json.loads(value) if value.lstrip().startswith("{") else value
        for key, value in annotations.items()
    }


def facts_of(state: Mapping[str, Any], provider: Provider) -> UpstreamFacts:
    """What the core would find in a cluster in that state."""
    kinds = [
        UpstreamKind(
            api_version=f"{kind['group']}/{kind['version']}" if kind.get("group") else kind["version"],
            kind=kind["kind"],
            plural=kind["kind"].lower() + "s",
        )
        for kind in state.get("kinds") or ()
    ]
    deployments = [as_deployment(entry) for entry in state.get("deployments") or ()]
    return UpstreamFacts(
        kinds=[kind for kind in kinds if kind.kind in {own.kind for own in provider.kinds}],
        deployments=[entry for entry in deployments if selected(entry, provider.operator_selector)],
    )


def as_deployment(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A Deployment, from a whole object or from its name, namespace, labels and ready replicas."""
    if "metadata" in entry:
        return dict(entry)
    ready = (entry.get(key) for key in ("readyReplicas", "ready_replicas", "ready"))
    return {
        "metadata": {key: entry.get(key) for key in ("name", "namespace", "labels")},
        "status": {"readyReplicas": int(next((count for count in ready if count is not None), 0))},
    }


def selected(obj: Mapping[str, Any], selector: str) -> bool:
    """Whether `key in (a, b)` or `key=value` selects the object."""
    labels = obj["metadata"].get("labels") or {}
    among = re.fullmatch(r"(\S+) in \((.*)\)", selector)
    if among:
        return labels.get(among[1]) in {value.strip() for value in among[2].split(",")}
    key, _, value = selector.partition("=")
    return bool(key) and labels.get(key) == value


def status_of(provider: Provider, state: Mapping[str, Any]) -> dict[str, Any]:
    health = provider.health(facts_of(state, provider))
    reported = {
        "type": health.condition,
        "status": "True" if health.ready else "False",
        "reason": health.reason,
        "message": health.message,
    }
    return {
        "ready": health.ready,
        "upstreamCRDVersion": health.crd_version or provider.crd_version,
        "conditions": [reported] if health.condition else [],
    }


@pytest.mark.parametrize("vector", cases(GROUP, installed_providers()))
def test_provider_registers_as_recorded(vector: Vector) -> None:
    provider = installed_providers()[vector.input["provider"]]
    recorded = {**vector.expect, "object": {**vector.expect["object"]}}
    metadata = recorded["object"]["metadata"]
    recorded["object"]["metadata"] = {**metadata, "annotations": parsed(metadata.get("annotations") or {})}
    want, _ = adjusted(recorded, group=GROUP, file=vector.file, given=vector.input)

    found = differences(want["object"], config_object(provider), "object")
    for state in vector.input.get("upstream_states") or ():
        here = f"status_by_upstream_state.{state['name']}"
        wanted = want["status_by_upstream_state"][state["name"]]
        got = status_of(provider, state["upstream"])
        found += conditions(wanted.get("conditions") or (), got.pop("conditions"), f"{here}.conditions")
        found += differences({key: value for key, value in wanted.items() if key != "conditions"}, got, here)

    left, _ = unexcused(found, group=GROUP, file=vector.file, given=vector.input)
    assert left == []
