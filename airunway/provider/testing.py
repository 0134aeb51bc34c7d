"""Contract tests of a provider: what AI Runway counts on, tried with sample deployments.

    from airunway.provider.testing import ProviderContract, deployment

    class TestAcme(ProviderContract):
        provider = PROVIDER
        deployments = (deployment(), deployment(scaling={"replicas": 0}))

pytest finds the tests in the class; nothing here needs pytest. Every rule is also a function that answers
what is wrong in plain words, and nothing when all is well.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from airunway.api import names, structural
from airunway.api.crd import provider_config_crd
from airunway.api.model_deployment import ModelDeployment
from airunway.api.status import Phase
from airunway.provider.contract import (
    Manifest,
    Provider,
    RenderContext,
    RenderError,
    UpstreamFacts,
)

UID = "0d2f6c3e-0000-4000-8000-000000000001"
MAX_LABEL_LENGTH = 63
MAX_NAME_LENGTH = 253
LONG_NAMES = ("a" * 63, "a" * MAX_NAME_LENGTH, "chat.v2", "1chat")
"""Names that the API server takes for a ModelDeployment, and many other kinds do not."""

_LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_WRITTEN_BY_SERVER = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")
_JUNK: tuple[Any, ...] = (None, True, 0, -1, 1.5, "", "text", [], [None], ["text"], [{}], {}, {"a": None})


def deployment(
    *,
    name: str = "chat",
    gpus: int = 1,
    status: dict[str, Any] | None = None,
    annotations: dict[str, str] | None = None,
    **spec: Any,
) -> ModelDeployment:
    """A vLLM deployment of `acme/chat-9b`; keyword arguments are fields of its spec, maps are merged."""
    given: dict[str, Any] = {
        "model": {"id": "acme/chat-9b", "source": "huggingface"},
        "engine": {"type": "vllm"},
        "resources": {"gpu": {"count": gpus}},
    }
    for key, value in spec.items():
        merged = isinstance(given.get(key), dict) and isinstance(value, dict)
        given[key] = {**given[key], **value} if merged else value
    return ModelDeployment.model_validate(
        {
            "metadata": {"name": name, "namespace": "team-a", "uid": UID, "annotations": annotations or {}},
            "spec": given,
            "status": status,
        }
    )


def everything(provider: Provider, given: ModelDeployment, context: RenderContext) -> list[Manifest]:
    """What the core creates if it is allowed: the objects, after what the stages want. Raises RenderError."""
    first = [
        dict(manifest)
        for stage in provider.stages(given, context)
        for manifest in stage.judge([None] * len(stage.reads)).create
    ]
    return [*first, *provider.objects(given, context)]


# -- rules ------------------------------------------------------------------------------------------------


def registration_problems(provider: Provider) -> Iterator[str]:
    """Its InferenceProviderConfig is one that the API server stores whole."""
    registration = provider.registration()
    if json.dumps(registration.spec) != json.dumps(provider.registration().spec):
        yield "registration(): differs from call to call"
    config = {
        "apiVersion": names.API_VERSION,
        "kind": names.CONFIG_KIND,
        "metadata": {"name": provider.name, "annotations": dict(registration.annotations)},
        "spec": copy.deepcopy(dict(registration.spec)),
    }
    schema = provider_config_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    yield from (f"registration(): {error}" for error in structural.validate(config, schema))
    yield from (f"registration(): unknown field {path}" for path in structural.prune(config, schema))
    if not registration.spec.get("capabilities", {}).get("engines"):
        yield "registration(): no engine in spec.capabilities, so it is never chosen"
    for key, value in registration.annotations.items():
        if not isinstance(value, str) or "/" not in key:
            yield f"registration(): annotation {key} must have a prefix and a text"
    mirrored = registration.annotations.get(names.ANNOTATION_CAPABILITIES)
    if mirrored is not None and json.loads(mirrored) != registration.spec["capabilities"]:
        yield f"registration(): {names.ANNOTATION_CAPABILITIES} says something else than spec.capabilities"
    if not _NAME.fullmatch(provider.name) or "." in provider.name:
        yield f"name: {provider.name!r} cannot name an InferenceProviderConfig and a finalizer"
    if len(provider.finalizer.partition("/")[2]) > MAX_LABEL_LENGTH:
        yield f"name: {provider.name!r} is too long for a finalizer"


def health_problems(provider: Provider) -> Iterator[str]:
    """Its health check answers for every cluster, always under the same condition."""
    away = provider.health(UpstreamFacts())
    here = provider.health(UpstreamFacts(kinds=provider.kinds))
    if away.condition != here.condition:
        yield f"health(): the condition is called {away.condition!r} and {here.condition!r}"
    for found in (away, here):
        if not found.ready and not (found.reason and found.message):
            yield "health(): an unready answer needs a reason and a message"


def answer_problems(provider: Provider, given: ModelDeployment) -> Iterator[str]:
    """What it says of a deployment names the fields it is about."""
    problem = provider.check(given)
    if problem is not None and not problem.startswith(("spec.", "metadata.")):
        yield f"check(): {problem!r} does not begin with the field's path"
    ignored = provider.ignored_fields(given)
    if len(set(ignored)) < len(ignored):
        yield f"ignored_fields(): some stand twice: {ignored}"
    paths = ("spec.", "metadata.annotations[")
    yield from (f"ignored_fields(): {path!r} is no path" for path in ignored if not path.startswith(paths))
    if not _LABEL_KEY.fullmatch(provider.pod_label):
        yield f"pod_label: {provider.pod_label!r} is no key of a label"


def rendering_problems(provider: Provider, given: ModelDeployment, context: RenderContext) -> Iterator[str]:
    """Rendering is pure: the same each time, and nothing that it was given is changed.

    Refusing is no problem, if it is done by RenderError and says what it is about.
    """
    before = given.model_dump_json()
    try:
        first = everything(provider, given, context)
        text = json.dumps(first)
        second = everything(provider, ModelDeployment.model_validate_json(before), copy.deepcopy(context))
    except RenderError as err:
        if not str(err).startswith(("spec.", "metadata.", *context.env)):
            yield f"render(): {str(err)!r} does not begin with the field's path"
        return
    if given.model_dump_json() != before:
        yield "render(): changes the deployment"
    if json.dumps(second) != text:
        yield "render(): gives something else the second time"
    if _parts(first) & _parts(second):
        yield "render(): objects of two renderings share a map or a list; who changes one changes the other"


def object_problems(provider: Provider, given: ModelDeployment, objects: Sequence[Manifest]) -> Iterator[str]:
    """The objects are of declared kinds, the deployment's own, and found by their label."""
    seen: set[tuple[str, str]] = set()
    for obj in objects:
        kind, meta = str(obj.get("kind")), obj.get("metadata") or {}
        what = f"{kind} {meta.get('name')}"
        if provider.kind_of(obj) is None:
            yield f"{what}: its kind is not in `kinds`, so nobody watches it"
        if (kind, meta.get("name")) in seen:
            yield f"{what}: rendered twice"
        seen.add((kind, str(meta.get("name"))))
        yield from (f"{what}: {problem}" for problem in _metadata_problems(given, meta))
        if "status" in obj:
            yield f"{what}: has a status, which is its operator's"
        if provider.replacement_reason(obj, obj):
            yield f"{what}: would be replaced by itself"


def _metadata_problems(given: ModelDeployment, meta: Mapping[str, Any]) -> Iterator[str]:
    name, labels = str(meta.get("name") or ""), meta.get("labels") or {}
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME_LENGTH:
        yield "is no name that the API server takes"
    if meta.get("namespace") != given.namespace:
        yield f"is not in the deployment's namespace {given.namespace}"
    owners = [owner for owner in meta.get("ownerReferences") or [] if owner.get("controller")]
    if [owner.get("uid") for owner in owners] != [given.metadata.uid]:
        yield "must have the deployment as its one controlling owner"
    if labels.get(names.LABEL_MANAGED_BY) != names.MANAGED_BY:
        yield f"needs the label {names.LABEL_MANAGED_BY}={names.MANAGED_BY}: it is found by it when deleted"
    for key, value in labels.items():
        if not isinstance(value, str) or len(value) > MAX_LABEL_LENGTH or not _LABEL_VALUE.fullmatch(value):
            yield f"label {key} has a value that the API server refuses: {value!r}"
    for key in _WRITTEN_BY_SERVER:
        if key in meta:
            yield f"metadata.{key} is the API server's"


def name_problems(provider: Provider, given: ModelDeployment, context: RenderContext) -> Iterator[str]:
    """A deployment whose name does not fit the objects is refused by `check`, not by the API server."""
    for name in LONG_NAMES:
        renamed = given.model_copy(update={"metadata": given.metadata.model_copy(update={"name": name})})
        if provider.check(renamed) is None:
            try:
                objects = everything(provider, renamed, context)
            except RenderError:
                continue
            yield from object_problems(provider, renamed, objects)


def status_problems(
    provider: Provider, main: Manifest, statuses: Sequence[Mapping[str, Any]], *, rounds: int = 300
) -> Iterator[str]:
    """Any upstream state is read, or refused by ValueError; a new object is not taken for a running one."""
    live = {**main, "metadata": {**main["metadata"], "generation": 2, "uid": UID}}
    samples = [live, *({**live, "status": status} for status in (*statuses, *_JUNK))]
    rng = random.Random(0)  # the same damage in every run
    for sample in samples:
        for obj in [sample, *(_damaged(sample, rng) for _ in range(rounds // len(samples)))]:
            try:
                provider.read_status(obj).model_dump_json()
            except ValueError:
                continue
            except Exception as err:
                yield f"read_status(): {type(err).__name__}: {err}, for {json.dumps(obj)[:300]}"
                return
    fresh = provider.read_status(main)
    if fresh.phase is Phase.RUNNING:
        yield "read_status(): an object without a status counts as running"
    if (fresh.resource_name, fresh.resource_kind) != (main["metadata"]["name"], main["kind"]):
        yield "read_status(): resource_name and resource_kind are not the object's"


def _damaged(obj: Mapping[str, Any], rng: random.Random) -> dict[str, Any]:
    """A copy in which one value, anywhere, is another or is missing."""
    damaged: dict[str, Any] = copy.deepcopy(dict(obj))
    places: list[tuple[Any, Any]] = []
    pending: list[Any] = [damaged]
    while pending:
        value = pending.pop()
        keys = list(value) if isinstance(value, dict) else range(len(value))
        places += [(value, key) for key in keys]
        pending += [value[key] for key in keys if isinstance(value[key], dict | list)]
    parent, key = rng.choice(places)
    if isinstance(parent, dict) and rng.random() < 0.2:
        del parent[key]
    else:
        parent[key] = copy.deepcopy(rng.choice(_JUNK))
    return damaged


def _parts(value: Any) -> set[int]:
    """Identities of all maps and lists in a value."""
    items = value.values() if isinstance(value, dict) else value
    inner = [_parts(item) for item in items if isinstance(item, dict | list)]
    return {id(value)}.union(*inner)


# -- the tests --------------------------------------------------------------------------------------------


class ProviderContract:
    """Tests for pytest; subclass it as `Test…` and say what to try.

    `deployments` must show every kind that the provider declares. `contexts`: what rendering is given with
    each of them. `statuses`: states of the main object, for a start of what its operator may write.
    """

    provider: ClassVar[Provider]
    deployments: ClassVar[Sequence[ModelDeployment]] = (deployment(),)
    contexts: ClassVar[Sequence[RenderContext]] = (RenderContext(),)
    statuses: ClassVar[Sequence[Mapping[str, Any]]] = ()

    def test_registration(self) -> None:
        """Its config is whole, and its names fit."""
        _expect_none(registration_problems(self.provider))

    def test_health(self) -> None:
        """Its health check answers for every cluster."""
        _expect_none(health_problems(self.provider))

    def test_answers_name_their_fields(self) -> None:
        """So does what it says of a deployment."""
        for given in self.deployments:
            _expect_none(answer_problems(self.provider, given))

    def test_rendering_is_pure(self) -> None:
        """The same each time, and nothing else is changed."""
        for given, context in self._cases():
            _expect_none(rendering_problems(self.provider, given, context))

    def test_objects_are_the_deployments_own(self) -> None:
        """Owner, namespace, label, names."""
        for given, context in self._cases():
            objects = everything(self.provider, given, context)
            _expect_none(object_problems(self.provider, given, objects))

    def test_objects_are_allowed(self) -> None:
        """Their fields are in the provider's shapes, and what they demand can be counted."""
        for given, context in self._cases():
            self.provider.render(given, context)

    def test_names_fit_or_are_refused(self) -> None:
        """Long names and such with dots."""
        for given, context in self._cases():
            _expect_none(name_problems(self.provider, given, context))

    def test_kinds_declared_are_kinds_rendered(self) -> None:
        """The first kind is the main object's."""
        rendered = [everything(self.provider, *case) for case in self._cases()]
        found = {(obj["apiVersion"], obj["kind"]) for objects in rendered for obj in objects}
        versions = [version for kind in self.provider.kinds for version in kind.versions]
        assert found == {(version.api_version, version.kind) for version in versions}
        for given, context in self._cases():
            assert self.provider.render(given, context)[0]["kind"] == self.provider.kinds[0].kind

    def test_any_state_is_read_or_refused(self) -> None:
        """By ValueError."""
        for given, context in self._cases():
            main = self.provider.render(given, context)[0]
            _expect_none(status_problems(self.provider, main, self.statuses))

    def _cases(self) -> Iterator[tuple[ModelDeployment, RenderContext]]:
        for given in self.deployments:
            for context in self.contexts:
                yield given, context


def _expect_none(problems: Iterator[str]) -> None:
    found = list(problems)
    assert not found, "\n".join(found)
