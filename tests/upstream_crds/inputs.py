"""ModelDeployments that are rendered: AI Runway's samples, recorded inputs, field cases, generated ones."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from pydantic import ValidationError

from airunway.activities.deployment.reading import parsed
from airunway.api.model_deployment import ModelDeployment
from airunway.api.provider_config import InferenceProviderConfig
from airunway.provider.registry import installed_providers
from airunway.selection.admission import admit, whole_numbers
from airunway.selection.admission_recheck import recheck_admission
from airunway.selection.decide import decide
from airunway.selection.provider_lookup import lookup_in
from tests.conformance import loader
from tests.deploy.manifests import ROOT
from tests.providers.specs import likely_deployments
from tests.selection.build import ALIVE_SINCE

GENERATED, SEED = 300, 13
SHARED = ROOT.parent / "shared"
SAMPLES = Path(os.environ.get("AIRUNWAY_SAMPLES", SHARED / "airunway-samples"))
CASES = SHARED / "cases"

Object = dict[str, Any]
PROVIDERS = installed_providers()
CONFIGS = [
    InferenceProviderConfig.model_validate(
        {"metadata": {"name": name}, "spec": provider.registration().spec, "status": {"ready": True}}
    )
    for name, provider in PROVIDERS.items()
]


@dataclass(frozen=True, kw_only=True)
class Input:
    """A deployment that one provider or each renders. `overrides_for`: whose objects its overrides are of."""

    name: str
    deployment: Object
    providers: frozenset[str]
    overrides_for: str = ""
    env: Mapping[str, str] = field(default_factory=dict)

    def of(self, provider: str, *, overrides: bool = True) -> ModelDeployment:
        """The deployment as that provider gets it."""
        found = copy.deepcopy(self.deployment)
        given = found["spec"].get("provider") or {}
        if not overrides or self.overrides_for not in ("", provider):
            found["spec"]["provider"] = {key: value for key, value in given.items() if key != "overrides"}
        return parsed(found)


def stored(obj: Object) -> Object | None:
    """The object as the API server stores it, with the engine that is chosen; None: it is refused."""
    admission = admit(obj, lookup=lookup_in(CONFIGS))
    if admission.stored is None or admission.deployment is None:
        return None
    if not recheck_admission(admission.deployment).allowed:
        return None
    decision = decide(admission.deployment, CONFIGS, alive_since=ALIVE_SINCE)
    if decision.engine is None:
        return None
    kept: Object = whole_numbers(admission.stored)
    return {**kept, "status": {"engine": {"type": decision.engine.type}}}


def _input(name: str, obj: Object, overrides_for: str = "") -> Iterator[Input]:
    found = stored(obj)
    if found is None:
        return
    pinned = (found["spec"].get("provider") or {}).get("name")
    providers = frozenset([pinned] if pinned in PROVIDERS else PROVIDERS)
    yield Input(name=name, deployment=found, providers=providers, overrides_for=overrides_for)


def _documents(folder: Path) -> Iterator[tuple[str, Object]]:
    for file in sorted(folder.rglob("*.yaml")):
        for number, obj in enumerate(yaml.safe_load_all(file.read_text())):
            if isinstance(obj, dict) and obj.get("kind") == "ModelDeployment":
                yield f"{folder.name}/{file.relative_to(folder)}#{number}", obj


def _recorded() -> Iterator[Input]:
    for vector in loader.load("transform"):
        obj = vector.input["model_deployment"]
        try:
            ModelDeployment.model_validate(obj)
        except ValidationError:
            continue  # what the schema refuses is never stored
        yield Input(
            name=f"transform/{vector.name}",
            deployment=obj,
            providers=frozenset([vector.file]),
            env=vector.input.get("process_env") or {},
        )
    for group in ("select", "validate"):
        for vector in loader.load(group):
            for key in ("model_deployment", "object", "old", "new"):
                if isinstance(vector.input.get(key), dict):
                    yield from _input(f"{group}/{vector.name}/{key}", vector.input[key])


def _generated() -> list[Input]:
    found: list[Input] = []

    @seed(SEED)
    @settings(
        max_examples=GENERATED,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    @given(likely_deployments())
    def collect(drawn: tuple[str, Object]) -> None:
        inputs = list(_input(f"generated/{len(found)}", drawn[1], overrides_for=drawn[0]))
        assume(inputs)
        found.extend(inputs)

    collect()
    return found


@cache
def inputs() -> tuple[Input, ...]:
    """All of them, always the same."""
    documents = [*_documents(SAMPLES), *_documents(CASES)]
    read = [entry for name, obj in documents for entry in _input(name, obj)]
    return (*read, *_recorded(), *_generated())
