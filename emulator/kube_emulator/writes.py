"""Create, update and patch: from a request's body to the stored object.

The steps and their order are those of a real API server (k8s.io/apiserver/pkg/endpoints/handlers and
pkg/registry/rest): decode, default, track owners, restore what the client may not set, validate, store.
"""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from . import (
    builtin_rules,
    conversion,
    creation,
    decoding,
    last_applied,
    managed_fields,
    metadata,
    options,
    patches,
    strategies,
    validation,
)
from .errors import (
    Cause,
    StatusError,
    already_exists,
    bad_request,
    conflict,
    forbidden,
    invalid,
    not_found,
    unsupported_patch,
)
from .kinds import Kind
from .managed_fields import Managers, Write
from .requests import APPLY_PATCH, PATCH_TYPES, NotJSON, Request, parse
from .store import Store, Version

Obj = dict[str, Any]
Hook = Callable[[Kind, Obj], None]
_NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # as apimachinery's util/rand: no vowels, nothing alike


@dataclass(slots=True)
class Outcome:
    """What a write leaves: the object, and the stored version unless it was a rehearsal."""

    obj: Obj
    version: Version | None = None
    created: bool = False

    @property
    def code(self) -> int:
        """The HTTP code of success."""
        return 201 if self.created else 200


class Writer:
    """Applies writes to the store."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self.store = store
        self.now = now
        self.before_store: list[Hook] = []
        self.after_store: list[Hook] = []
        self.removed: list[Hook] = []  # an update that took the last finalizer off removes the object

    def timestamp(self) -> str:
        """The current time as metadata writes it."""
        return self.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    # --- the verbs ------------------------------------------------------------------------------------------

    def create(self, request: Request) -> Outcome:
        """POST."""
        options.check(request, "CreateOptions")
        return self._create(request, decoding.body(request), None)

    def update(self, request: Request) -> Outcome:
        """PUT."""
        options.check(request, "UpdateOptions")
        obj = decoding.body(request)
        strategies.check_place(request, obj["metadata"])
        live = self._live(request)
        if live is not None:
            return self._update(request, live, obj, None)
        if request.kind.put_creates and not request.subresource:
            return self._create(request, obj, None)
        raise not_found(request.kind.plural, request.kind.group, request.name)

    def patch(self, request: Request) -> Outcome:
        """PATCH in any of its four formats."""
        if request.media_type not in PATCH_TYPES:
            raise unsupported_patch()
        options.check(request, "PatchOptions")
        live = self._live(request)
        if request.media_type == APPLY_PATCH:
            return self._apply(request, live)
        if live is None:
            raise not_found(request.kind.plural, request.kind.group, request.name)
        patch = patches.read(request)
        current = conversion.outward(request.kind, json.loads(live.body))
        obj = patches.patched(current, patch, request)
        return self._update(request, live, decoding.patched(request, obj, patch), None)

    def _apply(self, request: Request, live: Version | None) -> Outcome:
        """Server-side apply."""
        kind = request.kind
        config = self._configuration(request)
        if live is None and request.subresource:
            raise not_found(kind.plural, kind.group, request.name)
        if live is None and (uid := config["metadata"].get("uid")):
            why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            raise conflict(kind.plural, kind.group, request.name, why)
        before = conversion.outward(kind, live.obj) if live else None
        force = request.flag("force")
        obj, managers = managed_fields.apply(before, config, self._write(request), force=force)
        if request.manager == last_applied.MANAGER:
            obj = last_applied.followed(obj, config)
        obj = decoding.applied(kind, managed_fields.bare(obj), before or {})
        if live is None:
            strategies.check_place(request, obj["metadata"])
            return self._create(request, obj, managers)
        return self._update(request, live, obj, managers)

    def _configuration(self, request: Request) -> Obj:
        """The object an apply patch has."""
        try:
            config = parse(request.body, yaml_allowed=True)
        except NotJSON as error:
            raise bad_request(f"error decoding YAML: {error}") from error
        if not isinstance(config, dict):
            raise bad_request("error decoding patch: error unmarshaling JSON: the patch is not an object")
        version, name = config.get("apiVersion", ""), config.get("kind", "")
        if (version, name) != (request.kind.api_version, request.kind.kind):
            shown = version if "/" in version else f"/{version}"
            raise bad_request(f"invalid object type: {shown}, Kind={name}")
        if not isinstance(config.setdefault("metadata", {}), dict):
            raise bad_request("error decoding patch: the metadata is not an object")
        return config

    def replace(self, request: Request, version: Version, obj: Obj) -> Outcome:
        """An update whose body is already at hand."""
        return self._update(request, version, decoding.fit(request.kind, obj, []), None)

    def put(self, kind: Kind, obj: Obj) -> Version:
        """Stores an object the server itself changed."""
        version = self.store.put(kind.storage, obj)
        for hook in self.after_store:
            hook(kind, version.obj)
        return version

    # --- steps ----------------------------------------------------------------------------------------------

    def _live(self, request: Request) -> Version | None:
        return self.store.table(request.kind.storage).get(request.namespace, request.name)

    def _write(self, request: Request) -> Write:
        kind = request.kind
        return Write(
            manager=request.manager,
            api_version=kind.api_version,
            subresource=request.subresource,
            # the real server forgets the time of writes through /scale
            time=None if request.subresource == "scale" else self.timestamp(),
            node=kind.node,
            ignored=kind.ignored_fields(request.subresource),
            empty=kind.empty,
        )

    def _create(self, request: Request, obj: Obj, managers: Managers | None) -> Outcome:
        kind, meta = request.kind, obj["metadata"]
        strategies.check_place(request, meta)
        if not meta.get("name") and meta.get("generateName"):
            suffix = "".join(secrets.choice(_NAME_ALPHABET) for _ in range(5))
            meta["name"] = meta["generateName"][:58] + suffix
        self._check_namespace(kind, request.namespace, meta.get("name", ""))
        if meta.pop("resourceVersion", None):
            raise StatusError(500, "", "resourceVersion should not be set on objects to be created")
        for part in strategies.SET_BY_CREATION:
            meta.pop(part, None)
        self._track(request, None, obj, managers)
        meta["uid"], meta["creationTimestamp"] = str(uuid.uuid4()), self.timestamp()
        if kind.generation:
            meta["generation"] = 1
        if kind.has_status:
            obj.pop("status", None)
            decoding.default_status(kind, obj)
        creation.prepare(kind, obj, self.store)
        self._validate(kind, obj, None)
        found = self.store.table(kind.storage).get(meta.get("namespace", ""), meta["name"])
        if found is not None:
            ending = bool(found.obj["metadata"].get("deletionTimestamp"))
            raise already_exists(kind.plural, kind.group, meta["name"], ending=ending)
        return self._stored(request, obj, created=True)

    def _check_namespace(self, kind: Kind, namespace: str, name: str) -> None:
        if not kind.namespaced:
            return
        found = self.store.table(("", "namespaces")).get("", namespace)
        if found is None:
            raise not_found("namespaces", "", namespace)
        if found.obj["metadata"].get("deletionTimestamp"):
            ending = f"namespace {namespace} is being terminated"
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            cause = Cause("NamespaceTerminating", ending, "metadata.namespace")
            raise forbidden(kind.plural, kind.group, name, why, [cause])

    def _update(self, request: Request, version: Version, obj: Obj, managers: Managers | None) -> Outcome:
        kind = request.kind
        before = conversion.outward(kind, version.obj)
        strategies.check_place(request, obj["metadata"])
        strategies.check_versions(request, before, obj["metadata"])
        self._track(request, before, obj, managers)
        strategies.forget_times(before, obj)
        obj = strategies.restored(request, before, obj)
        decoding.default_status(kind, obj)
        self._validate(kind, obj, before)
        if obj == before:
            return Outcome(before, version)
        return self._stored(request, obj, created=False)

    def _track(
        self, request: Request, live: Mapping[str, Any] | None, obj: Obj, managers: Managers | None
    ) -> None:
        """Writes down the owners: those an apply worked out, or the writer of an update."""
        if managers is not None:
            managed_fields.store(obj, managers)
        else:
            managed_fields.track_update(live, obj, self._write(request))

    def _validate(self, kind: Kind, obj: Obj, live: Obj | None) -> None:
        meta = obj["metadata"]
        found = metadata.check(meta, kind)
        if live is not None:
            found += metadata.check_update(meta, live["metadata"])
        found += (
            builtin_rules.check(kind, obj, live) if kind.builtin else validation.check(obj, kind.node, live)
        )
        if found:
            raise invalid(kind.kind, kind.group, meta.get("name", ""), found)

    def _stored(self, request: Request, obj: Obj, *, created: bool) -> Outcome:
        kind = request.kind
        for hook in self.before_store:
            hook(kind, obj)
        obj = decoding.ordered(kind, obj)
        if request.dry_run:
            return Outcome(obj, created=created)
        meta = obj["metadata"]
        if not created and meta.get("deletionTimestamp") and not _held_back(kind, obj):
            version = self.store.remove(kind.storage, meta.get("namespace", ""), meta["name"])
            for hook in self.removed:
                hook(kind, version.obj)
            meta["resourceVersion"] = version.obj["metadata"]["resourceVersion"]
            return Outcome(obj)  # what the client made of it, though the watches saw it as it was before
        version = self.store.put(kind.storage, obj)
        for hook in self.after_store:
            hook(kind, version.obj)
        return Outcome(conversion.outward(kind, version.obj), version, created)


def _held_back(kind: Kind, obj: Obj) -> bool:
    """Whether finalizers still keep an object that is being deleted."""
    namespace = kind.kind == "Namespace" and kind.builtin
    return bool(obj["metadata"].get("finalizers")) or (
        namespace and bool(obj.get("spec", {}).get("finalizers"))
    )
