"""How overrides change an object of the KubeRay provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.conformance.departures import _given as ask
from tests.conformance.departures._given import Answer, Given, on_objects
from tests.conformance.departures._kuberay_given import head, workers


@on_objects
def with_overrides(given: Given, answer: Answer) -> Answer:
    answer["objects"][0] = laid_over(answer["objects"][0], ask.overrides(given))
    fixed = {"airunway.ai/model-deployment": ask.name(given)}
    for template in (head(answer), *workers(answer)):
        template["metadata"]["labels"] |= fixed
    return answer


def laid_over(base: Any, given: Any, key: str = "") -> Any:
    merged_by = {"workerGroupSpecs": "groupName", "containers": "name", "initContainers": "name"}
    replaced_by = {"env": "name", "volumes": "name", "volumeMounts": "mountPath", "ports": "containerPort"}
    if given is None:
        return base
    if isinstance(given, Mapping):
        base = base if isinstance(base, Mapping) else {}
        merged = {**base, **{name: laid_over(base.get(name), item, name) for name, item in given.items()}}
        return {name: item for name, item in merged.items() if item is not None}
    if isinstance(given, list) and key in merged_by | replaced_by:
        by = (merged_by | replaced_by)[key]
        entries = {entry[by]: entry for entry in base or []}
        for entry in given:
            kept = entries.get(entry[by], {}) if key in merged_by else {}
            entries[entry[by]] = laid_over(kept, entry)
        return list(entries.values())
    return [laid_over(None, item) for item in given] if isinstance(given, list) else given
