"""What a plan would change in a cluster, and when: the worker's own rendering, which writes nothing."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from typing import Any

from temporalio.exceptions import ApplicationError

from airunway.activities.upstream.changed_fields import changed_fields
from airunway.activities.upstream.image_resolution import ServingImageStep
from airunway.activities.upstream.render_context import Surroundings
from airunway.activities.upstream.rendering import RenderedObjects, UpstreamRendering
from airunway.activities.upstream.served_api import ServedApis
from airunway.activities.upstream.write_plan import Method, ObjectWrite
from airunway.api.adoption import is_status_of_others, recorded_adoption
from airunway.api.cluster_features import recorded_features
from airunway.api.conditions import conditions_of
from airunway.api.model_deployment import ModelDeployment
from airunway.api.names import API_VERSION, DEPLOYMENT_KIND
from airunway.cli.dry_run import rehearse
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster, Object
from airunway.clients.registry.client import RegistryClient
from airunway.console.documents import Document
from airunway.console.plan import PlannedChange, PlannedDeployment
from airunway.messages.refs import DeploymentRef
from airunway.messages.upstream import PlannedWrite, RenderRequest, WriteAction
from airunway.provider import Provider
from airunway.provider.policy import OverridesPolicy
from airunway.selection.defaulting import with_defaults
from airunway.workers.settings import Settings

NOW, NEXT_SPEC = "now", "with the next change of the spec"
KEEP = "keep"
_GIVEN = ("name", "namespace", "labels", "annotations")
"""Of metadata, what a person gives."""


async def deployments_in(settings: Settings) -> list[Document]:
    """All deployments of a cluster, as if they were manifests. Raises ApiError."""
    async with await Cluster.connect(settings.kubeconfig, context=settings.context) as cluster:
        listing = await cluster.listing(DEPLOYMENTS)
    return [Document(source="in the cluster", body=_as_manifest(obj)) for obj in listing.items]


def _as_manifest(obj: Object) -> Object:
    meta = {key: obj["metadata"][key] for key in _GIVEN if key in obj["metadata"]}
    spec, recorded = obj.get("spec") or {}, _recorded(obj)
    if recorded:  # what runs stays where it is
        spec = {**spec, "provider": {**(spec.get("provider") or {}), "name": recorded}}
    return {"apiVersion": API_VERSION, "kind": DEPLOYMENT_KIND, "metadata": meta, "spec": spec}


async def add_changes(
    planned: Sequence[PlannedDeployment],
    settings: Settings,
    providers: Mapping[str, Provider],
    *,
    rehearsed: bool = False,
) -> None:
    """Say of every plan what it changes in the cluster. Raises ApiError.

    `rehearsed`: also what the API server says of what would be written now, by a dry run of each write.
    """
    async with await Cluster.connect(settings.kubeconfig, context=settings.context) as cluster:
        changes = ClusterChanges(
            cluster,
            providers,
            name=settings.cluster or "here",
            policy=settings.overrides_policy,
            rehearsed=rehearsed,
        )
        for entry in planned:
            if entry.provider is not None and entry.ok:
                entry.changes = await changes.of(entry)


class ClusterChanges:
    """Plans against one cluster, which it reads only."""

    def __init__(
        self,
        cluster: Cluster,
        providers: Mapping[str, Provider],
        *,
        name: str,
        policy: OverridesPolicy,
        rehearsed: bool,
    ) -> None:
        self._cluster, self._providers, self._name = cluster, providers, name
        self._rehearsed = rehearsed
        self._given = Surroundings(
            env=os.environ,
            serving_images=ServingImageStep(RegistryClient(), env=os.environ),
            served_api=ServedApis(cluster).of,
            policy=policy,
        )

    async def of(self, planned: PlannedDeployment) -> list[PlannedChange] | None:
        """What becomes of the objects; None where there is no such deployment yet, or its provider is not
        installed here. Raises ApiError.
        """
        namespace, name = planned.namespace, planned.name
        live = await self._cluster.find(DEPLOYMENTS, name, namespace=namespace)
        chosen = planned.provider.name if planned.provider else ""
        plugin = self._providers.get(_recorded(live) or chosen)
        if live is None or plugin is None:
            return None
        owner = with_spec(live, planned.spec)
        request = RenderRequest(
            ref=DeploymentRef(cluster=self._name, namespace=namespace, name=name),
            uid=owner["metadata"]["uid"],
            generation=owner["metadata"]["generation"],
            provider=plugin.name,
            engine=planned.engine.name if planned.engine else "",
            cluster_features=recorded_features(conditions_of(live)),
            adoption=0 if is_status_of_others(live) else recorded_adoption(conditions_of(live)),
        )
        try:
            rendered = await UpstreamRendering(
                self._cluster, plugin, request, owner, surroundings=self._given, inspect_all=True
            ).run()
        except ApplicationError as err:
            return [PlannedChange(when=NOW, action="keep", what="nothing", why=err.message)]
        if self._rehearsed:
            written = [write for write in rendered.plan.writes if write.method is not Method.KEEP]
            deployment = ModelDeployment.model_validate(owner)
            opinion = await rehearse(
                self._cluster, plugin, deployment, [write.target.desired for write in written]
            )
            planned.errors += opinion.errors
            planned.warnings += opinion.warnings
        return changes_in(rendered, field_manager=plugin.field_manager)


def with_spec(live: Object, spec: Mapping[str, Any]) -> Object:
    """The deployment as it would be with another spec: of another generation, if it is another one.

    `spec`: with the defaults of admission, which a cluster without webhooks does not fill in.
    """
    wanted = _without_choice(live, spec)
    if wanted in (live.get("spec"), with_defaults(copy.deepcopy(live)).get("spec")):
        return live
    meta = {**live["metadata"], "generation": live["metadata"].get("generation", 0) + 1}
    return {**live, "metadata": meta, "spec": dict(spec)}


def _without_choice(live: Object, spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """The spec without the provider, where the deployment leaves that open and it only says who serves it."""
    if "provider" in (live.get("spec") or {}) or (spec.get("provider") or {}) != {"name": _recorded(live)}:
        return spec
    return {key: value for key, value in spec.items() if key != "provider"}


def changes_in(rendered: RenderedObjects, *, field_manager: str) -> list[PlannedChange]:
    """What a rendering would do, in its order, what it leaves for later, and what stays as it is."""
    answer = rendered.answer
    kept = {
        (write.target.kind.kind, write.target.name)
        for write in rendered.plan.writes
        if write.method is Method.APPLY and _is_as_made(write, field_manager)
    }
    found = [_of_write(entry, is_kept=(entry.kind, entry.name) in kept) for entry in answer.planned]
    found += [_later(words) for words in rendered.left]
    found += [
        PlannedChange(when=NOW, action=KEEP, what=f"{write.target.kind.kind} {write.target.name}")
        for write in rendered.plan.writes
        if write.method is Method.KEEP and not write.target.is_left
    ]
    reasons = [
        answer.failure.message if answer.failure is not None else "",
        "the image of its model is built first" if answer.wanted_model_image is not None else "",
        answer.waiting,
    ]
    return [*found, *(_nothing(why) for why in reasons if why)]


def _is_as_made(write: ObjectWrite, field_manager: str) -> bool:
    """Whether an object says what is wanted, and what else we own of it came with our own create.

    That is what the API server filled in; only the worker knows what it wrote, and leaves such an object.
    """
    live = write.target.live
    if live is None or write.takeover_from:
        return False
    entries = live["metadata"].get("managedFields") or ()
    later = [entry for entry in entries if not _is_create(entry, field_manager)]
    seen = {**live, "metadata": {**live["metadata"], "managedFields": later}}
    return not changed_fields(seen, write.target.desired, field_manager=field_manager)


def _is_create(entry: Mapping[str, Any], field_manager: str) -> bool:
    return entry.get("manager") == field_manager and entry.get("operation") == "Update"


def _of_write(entry: PlannedWrite, *, is_kept: bool) -> PlannedChange:
    # An apply that changes no field takes over who owns them.
    same = entry.action is WriteAction.APPLY and not entry.changed
    return PlannedChange(
        when=NOW,
        action=KEEP if same or is_kept else entry.action.value,
        what=f"{entry.kind} {entry.name}",
        changed=[] if is_kept else entry.changed,
        why=entry.why,
    )


def _later(words: str) -> PlannedChange:
    what, _, changed = words.partition(": ")
    return PlannedChange(when=NEXT_SPEC, action=WriteAction.APPLY.value, what=what, why=changed)


def _nothing(why: str) -> PlannedChange:
    return PlannedChange(when=NOW, action=KEEP, what="nothing", why=why)


def _recorded(live: Object | None) -> str:
    status = (live or {}).get("status") or {}
    return str((status.get("provider") or {}).get("name") or "")
