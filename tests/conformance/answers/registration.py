"""`provider_config`: what does a provider register about itself?"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from airunway.provider.contract import Provider, UpstreamFacts, UpstreamKind
from airunway.provider.registry import installed_providers
from tests.conformance.answers.question import Question
from tests.conformance.compare import conditions
from tests.conformance.diff import Document
from tests.conformance.loader import Vector


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


def recorded(want: Mapping[str, Any]) -> Document:
    metadata = want["object"]["metadata"]
    annotations = parsed(metadata.get("annotations") or {})
    return {
        "object": {**want["object"], "metadata": {**metadata, "annotations": annotations}},
        "status_by_upstream_state": want.get("status_by_upstream_state"),
    }


def with_keyed_conditions(statuses: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {
        name: {**status, "conditions": conditions(status.get("conditions"))}
        for name, status in statuses.items()
    }


def answers(vector: Vector) -> tuple[Document, Document]:
    provider = installed_providers()[vector.input["provider"]]
    states = {entry["name"]: entry["upstream"] for entry in vector.input.get("upstream_states") or ()}
    want = recorded(vector.expect)
    asked = {name: want["status_by_upstream_state"][name] for name in states}
    got = {name: status_of(provider, state) for name, state in states.items()}
    return (
        {**want, "status_by_upstream_state": with_keyed_conditions(asked)},
        {"object": config_object(provider), "status_by_upstream_state": with_keyed_conditions(got)},
    )


REGISTRATION = Question(
    name="provider_config", group="provider_config", files=tuple(installed_providers()), answers=answers
)
