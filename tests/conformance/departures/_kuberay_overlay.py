"""How overrides change an object of the KubeRay provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.conformance.departures import _given as ask
from tests.conformance.departures._given import Answer, Given, on_objects
from tests.conformance.departures._kuberay_given import KEYED, MERGED_BY, head, workers


@on_objects
def with_overrides(given: Given, answer: Answer) -> Answer:
    answer["objects"][0] = laid_over(answer["objects"][0], ask.overrides(given))
    fixed = {"airunway.ai/model-deployment": ask.name(given)}
    for template in (head(answer), *workers(answer)):
        template["metadata"]["labels"] |= fixed
    return answer


def laid_over(base: Any, given: Any, key: str = "") -> Any:
    if given is None:
        return base
    if isinstance(given, list) and key in KEYED:
        entries = {entry[KEYED[key]]: entry for entry in base or []}
        for entry in given:
            kept = entries.get(entry[KEYED[key]], {}) if key in MERGED_BY else None
            entries[entry[KEYED[key]]] = laid_over(kept, entry)
        return list(entries.values())
    if isinstance(given, Mapping) and isinstance(base, Mapping):
        merged = {**base, **{name: laid_over(base.get(name), item, name) for name, item in given.items()}}
        return {name: item for name, item in merged.items() if item is not None}
    return without_nulls(given)


def without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value if item is not None] if isinstance(value, list) else value
