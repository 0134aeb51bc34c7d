"""Random deployments that admission lets pass, rendered by every provider: 200, or as many as asked for.

    AIRUNWAY_EXAMPLES=10000 python3 dev.py test tests/providers/test_all_providers_random.py -s

Each rendering is valid by its schema and the same twice, and applying it again changes nothing.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from kubernetes.aio.client import Configuration

from airunway.api.model_deployment import ModelDeployment
from airunway.api.provider_config import InferenceProviderConfig
from airunway.clients.crds import apply_crd
from airunway.clients.kubernetes import NAMESPACES, Cluster
from airunway.clients.kubernetes.transport import USER_AGENT
from airunway.provider.contract import Manifest, Provider, RenderContext, RenderError, UpstreamKind
from airunway.provider.registry import installed_providers
from airunway.selection.admission import admit
from airunway.selection.decide import decide
from airunway.selection.provider_lookup import lookup_in
from kube_emulator import EmulatedCluster
from tests.providers.specs import contexts, likely_deployments
from tests.providers.worker_life import open_crd
from tests.schemas import problems
from tests.selection.build import ALIVE_SINCE
from tests.servers.cluster import Cluster as RealCluster

PROVIDERS = installed_providers()
EXAMPLES = int(os.environ.get("AIRUNWAY_EXAMPLES", "200"))
APPLIED = 100  # of each run; the API is slower than rendering
NAMESPACE = "team-a"

CONFIGS = [
    InferenceProviderConfig.model_validate(
        {"metadata": {"name": name}, "spec": provider.registration().spec, "status": {"ready": True}}
    )
    for name, provider in PROVIDERS.items()
]
Check = Callable[[Provider, ModelDeployment, RenderContext], None]


@dataclass
class Tally:
    """How often each thing happened, and rendered objects spread over the whole run."""

    counts: Counter[str] = field(default_factory=Counter)
    samples: list[tuple[Provider, list[Manifest]]] = field(default_factory=list)

    def take(self, provider: Provider, objects: list[Manifest]) -> None:
        """Count a rendering, and keep one now and then."""
        self.counts[f"{provider.name} rendered"] += 1
        every = max(1, EXAMPLES * 2 // APPLIED)
        if self.counts[f"{provider.name} rendered"] % every == 0:
            self.samples.append((provider, objects))

    def __str__(self) -> str:
        return ", ".join(f"{name}: {count}" for name, count in sorted(self.counts.items()))


def for_all(examples: int, check: Check, tally: Tally) -> None:
    """Let every provider see that many deployments which admission lets pass, with the engine selected."""

    @settings(
        max_examples=examples,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    @given(likely_deployments(), contexts)
    def run(drawn: tuple[str, dict[str, Any]], context: RenderContext) -> None:
        origin, given = drawn
        admission = admit(given, lookup=lookup_in(CONFIGS))
        assume(admission.deployment is not None)
        assert admission.stored is not None and admission.deployment is not None
        decision = decide(admission.deployment, CONFIGS, alive_since=ALIVE_SINCE)
        assume(decision.engine is not None)
        assert decision.engine is not None
        tally.counts["specs"] += 1
        stored = {**admission.stored, "status": {"engine": {"type": decision.engine.type}}}
        plain = {**stored, "spec": {**stored["spec"], "provider": {}}}
        for name, provider in PROVIDERS.items():
            # Overrides are written for one provider's objects; the others get the spec without them.
            check(provider, ModelDeployment.model_validate(stored if name == origin else plain), context)

    run()


def rendered(provider: Provider, deployment: ModelDeployment, context: RenderContext) -> list[Manifest]:
    """What the core would create: what the stages want first, then the objects. Raises RenderError."""
    made = [
        manifest
        for stage in provider.stages(deployment, context)
        for manifest in stage.judge([None] * len(stage.reads)).create
    ]
    return [*made, *provider.render(deployment, context)]


def repeated(value: Any) -> list[str]:
    """Entries with the same key in lists that the API server merges by it, and so refuses to apply."""
    if isinstance(value, list):
        return [found for entry in value for found in repeated(entry)]
    if not isinstance(value, dict):
        return []
    keys = {"env": "name", "containers": "name", "volumes": "name", "volumeMounts": "mountPath"}
    found = [name for entry in value.values() for name in repeated(entry)]
    for field_name, key in keys.items():
        entries = value.get(field_name)
        given = [entry[key] for entry in entries if key in entry] if isinstance(entries, list) else []
        if len(set(given)) < len(given):
            found.append(field_name)
    return found


async def test_every_rendering_is_valid_repeatable_and_stays_as_it_is(tmp_path: Path) -> None:
    tally = Tally()

    def check(provider: Provider, deployment: ModelDeployment, context: RenderContext) -> None:
        before = deployment.model_dump_json()
        problem = provider.check(deployment)
        try:
            objects = rendered(provider, deployment, context)
        except RenderError as err:
            assert str(err).startswith(("spec", "metadata.", "AIRUNWAY_"))
            tally.counts[f"{provider.name} refused"] += 1
            return
        again = rendered(provider, ModelDeployment.model_validate_json(before), copy.deepcopy(context))
        assert json.dumps(objects) == json.dumps(again)
        assert deployment.model_dump_json() == before
        if problem is not None:  # the core does not render these
            tally.counts[f"{provider.name} incompatible"] += 1
            return
        assert [found for obj in objects for found in problems(obj)] == []
        assert [found for obj in objects for found in repeated(obj)] == [] or provider.name == "kaito"
        tally.take(provider, objects)

    for_all(EXAMPLES, check, tally)

    unchanged = await applied_twice(tally.samples, tmp_path)
    print(f"\n{tally}; applied twice without a change: {unchanged}")
    assert tally.counts["specs"] >= EXAMPLES
    assert all(tally.counts[f"{name} rendered"] for name in PROVIDERS)


async def applied_twice(samples: list[tuple[Provider, list[Manifest]]], folder: Path) -> int:
    """Apply each object, apply it again, and see that nothing happened; answers how many."""
    count = 0
    async with (
        EmulatedCluster() as emulated,
        await Cluster.connect(emulated.kubeconfig(folder / "config")) as cluster,
    ):
        await cluster.create(NAMESPACES, {"metadata": {"name": NAMESPACE}})
        oldest = {kind.versions[-1] for provider in PROVIDERS.values() for kind in provider.kinds}
        for kind in {kind for kind in oldest if not kind.builtin}:
            await apply_crd(cluster, open_crd(kind), field_manager="test")
        for provider, objects in samples:
            for obj in objects:
                kind = provider.kind_of(obj)
                assert kind is not None
                del obj["metadata"]["ownerReferences"]  # there is no owner here, so it would be collected
                first, second = [
                    await cluster.apply(kind, obj, field_manager=provider.field_manager, strict=kind.builtin)
                    for _ in range(2)
                ]
                assert second == first
                count += 1
                await cluster.delete(kind, obj["metadata"]["name"], namespace=NAMESPACE)
    return count


class DryRun(Cluster):
    """Asks for everything, and changes nothing."""

    def __init__(self, configuration: Configuration, *, user_agent: str = USER_AGENT) -> None:
        super().__init__(configuration, user_agent=user_agent)
        send = self._transport.send

        async def dry(method: str, path: str, **options: Any) -> Any:
            return await send(method, path, **{**options, "query": {**options["query"], "dryRun": "All"}})

        setattr(self._transport, "send", dry)  # noqa: B010  (typed as a method)


@pytest.mark.real
async def test_the_real_api_server_takes_what_is_rendered_of_built_in_kinds(
    real_cluster: RealCluster, real_namespace: str
) -> None:
    tally = Tally()
    wanted: dict[str, tuple[UpstreamKind, Manifest]] = {}

    def check(provider: Provider, deployment: ModelDeployment, context: RenderContext) -> None:
        if provider.check(deployment) is not None:
            return
        with contextlib.suppress(RenderError):
            kinds = {(kind.api_version, kind.kind): kind for kind in provider.kinds if kind.builtin}
            for obj in rendered(provider, deployment, context):
                kind = kinds.get((obj["apiVersion"], obj["kind"]))
                if kind is not None:
                    obj["metadata"]["namespace"] = real_namespace
                    wanted[json.dumps(obj)] = kind, obj

    for_all(min(EXAMPLES, 1000), check, tally)

    async with await DryRun.connect(real_cluster.kubeconfig) as cluster:
        for kind, obj in wanted.values():
            await cluster.apply(kind, obj, field_manager="test", strict=True)
            tally.counts[kind.kind] += 1
    print(f"\n{tally}")
    assert {"Deployment", "Service", "PersistentVolumeClaim", "Job"} <= set(tally.counts)


if EXAMPLES > 1000:
    pytestmark = pytest.mark.timeout(0)
