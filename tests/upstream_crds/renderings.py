"""What the providers make of the inputs, for the cluster that has the definitions of one folder."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field, replace
from typing import Any

from airunway.activities.upstream.activities import ProviderActivities
from airunway.api.model_deployment import ModelDeployment
from airunway.api.names import API_VERSION, DEPLOYMENT_KIND
from airunway.api.overrides import OverridesMode
from airunway.clients.errors import AlreadyExists
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster
from airunway.messages.refs import DeploymentRef
from airunway.messages.upstream import RenderRequest
from airunway.provider import Manifest, Provider, RenderContext, RenderError
from airunway.provider.policy import OverridesPolicy
from tests.upstream_crds.inputs import Input, inputs

MODEL_IMAGE = f"registry.example.com/models/chat@sha256:{'0' * 64}"
NAMESPACE = "matrix"
EVERYTHING = OverridesPolicy(mode=OverridesMode.ANYTHING)
"""Where an administrator lets every path be overridden."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """Who rendered an object, and of what; `plain`: the same of the deployment without its overrides."""

    provider: str
    input: Input
    obj: Manifest
    plain: Manifest | None = None

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.provider} {self.input.name}: {self.obj['kind']} {self.obj['metadata']['name']}"


def key_of(obj: Manifest) -> str:
    """What two renderings of the same have in common."""
    return json.dumps(obj, sort_keys=True)


@dataclass
class Renderings:
    """The objects of one cluster, each once, with all who render it."""

    cases: dict[str, list[Case]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def take(self, case: Case) -> None:
        """Remember a rendering."""
        self.counts[f"{case.provider} objects"] += 1
        self.cases.setdefault(key_of(case.obj), []).append(case)

    def objects(self) -> dict[str, Manifest]:
        """Each object once."""
        return {key: cases[0].obj for key, cases in self.cases.items()}


async def context_of(cluster: Cluster, provider: Provider) -> RenderContext:
    """What the cluster's rendering depends on, found out as the provider's worker finds it out."""
    taken: list[RenderContext] = []

    def note(deployment: ModelDeployment, context: RenderContext) -> list[Manifest]:
        taken.append(context)
        raise RenderError("spec: only its context was wanted")

    probe: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": DEPLOYMENT_KIND,
        "metadata": {"name": f"probe-{provider.name}", "namespace": NAMESPACE},
        "spec": {"model": {"id": "acme/chat-9b"}, "engine": {"type": "vllm"}},
    }
    try:
        made = await cluster.create(DEPLOYMENTS, probe, namespace=NAMESPACE)
    except AlreadyExists:
        made = await cluster.get(DEPLOYMENTS, probe["metadata"]["name"], namespace=NAMESPACE)
    noting = replace(
        provider,
        check=lambda _: None,
        objects=note,
        stages=lambda *_: [],
        serving_image_to_resolve=lambda _: None,
    )
    request = RenderRequest(
        ref=DeploymentRef(cluster="here", namespace=NAMESPACE, name=made["metadata"]["name"]),
        uid=made["metadata"]["uid"],
        generation=made["metadata"]["generation"],
        provider=provider.name,
        engine="vllm",
    )
    activities = ProviderActivities(cluster, {provider.name: noting}, env={})
    await activities.render(request)
    while not taken:  # a definition that was just made has its schema a moment later
        await asyncio.sleep(0.1)
        await activities.render(request)
    (found,) = taken
    return found


def rendered(provider: Provider, given: ModelDeployment, context: RenderContext) -> list[Manifest]:
    """What is created: what the stages want first, then the objects. Raises RenderError."""
    if provider.model_image(given) is not None:
        context = replace(context, model_image=MODEL_IMAGE, model_image_pull_secret="airunway-pull")
    staged = [obj for stage in provider.stages(given, context) for obj in stage.creates]
    return json.loads(json.dumps([*staged, *provider.render(given, context)]))  # type: ignore[no-any-return]


def add(into: Renderings, provider: Provider, context: RenderContext, *, groups: Set[str]) -> None:
    """Render every input of a provider, and keep what is of these API groups."""
    for entry in inputs():
        if provider.name in entry.providers:
            for case in _cases(into.counts, provider, entry, context):
                if case.obj["apiVersion"].rpartition("/")[0] in groups:
                    into.take(case)


def _cases(counts: Counter[str], provider: Provider, entry: Input, context: RenderContext) -> Iterator[Case]:
    given, plain = entry.of(provider.name), entry.of(provider.name, overrides=False)
    if provider.check(given) is not None:
        counts[f"{provider.name} incompatible"] += 1
        return
    context = replace(context, env=entry.env)
    bare = _by_identity(_rendered_or_none(counts, provider, plain, context))
    yield from (_case(provider, entry, obj) for obj in bare.values())
    if not (given.spec.provider and given.spec.provider.overrides):
        return
    allowed = _rendered_or_none(counts, provider, given, context)
    if allowed is None:
        allowed = _rendered_or_none(counts, provider, given, replace(context, policy=EVERYTHING))
    for identity, obj in _by_identity(allowed).items():
        yield _case(provider, entry, obj, plain=bare.get(identity))


def _rendered_or_none(
    counts: Counter[str], provider: Provider, given: ModelDeployment, context: RenderContext
) -> list[Manifest] | None:
    try:
        found = rendered(provider, given, context)
    except RenderError:
        counts[f"{provider.name} refused"] += 1
        return None
    counts[f"{provider.name} rendered"] += 1
    return found


def _case(provider: Provider, entry: Input, obj: Manifest, plain: Manifest | None = None) -> Case:
    return Case(provider=provider.name, input=entry, obj=placed(obj), plain=plain and placed(plain))


def placed(obj: Manifest) -> Manifest:
    """The object in the namespace of this test. Its owner is no part of what upstream projects judge."""
    kept = {key: value for key, value in obj["metadata"].items() if key != "ownerReferences"}
    return {**obj, "metadata": {**kept, "namespace": NAMESPACE}}


def _by_identity(objects: Iterable[Manifest] | None) -> dict[tuple[str, str], Manifest]:
    return {(obj["kind"], obj["metadata"]["name"]): obj for obj in objects or ()}
