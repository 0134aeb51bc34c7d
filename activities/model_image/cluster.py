"""Registry and builder in the cluster: made, repaired, and waited for.

What is applied carries our field manager. An object of that name without it was made by somebody else (AI
Runway makes a registry too) and is used as it is.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from airunway.activities.model_image import certificates
from airunway.activities.model_image.errors import BuilderNotReady, PrivateModel, RegistryNotReady
from airunway.activities.model_image.registry_login import ClusterRegistryLogin
from airunway.activities.model_image.secret_data import decoded, encoded
from airunway.activities.upstream.diagnostics import findings_for
from airunway.api import names
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, CONFIG_MAPS, SECRETS, Cluster, Object, Resource
from airunway.clients.registry.client import ResolvedReference
from airunway.clients.registry.errors import RegistryError
from airunway.modelimage.builder_objects import (
    BUILDER_CERTIFICATES,
    builder_host,
    builder_image,
    builder_objects,
)
from airunway.modelimage.cluster_options import ClusterOptions
from airunway.modelimage.registry_objects import FREED_ANNOTATION, LINEAGE_ANNOTATION, registry_objects

_KINDS = {
    "ConfigMap": CONFIG_MAPS,
    "Deployment": APPS_DEPLOYMENTS,
    "NetworkPolicy": Resource("networking.k8s.io/v1", "networkpolicies"),
    "PersistentVolumeClaim": Resource("v1", "persistentvolumeclaims"),
    "Service": Resource("v1", "services"),
}


class Digests(Protocol):
    """Who knows what a tag stands for; see `airunway.clients.registry.client.RegistryClient`."""

    async def resolve(self, reference: str) -> ResolvedReference:
        """The digest of a tag."""


class BuildServices:
    """The two workloads of one cluster. `logins`: every one that the registry's pod knows of."""

    def __init__(
        self,
        cluster: Cluster,
        options: ClusterOptions,
        *,
        digests: Digests,
        logins: Sequence[ClusterRegistryLogin],
    ) -> None:
        self._cluster, self._options, self._digests, self._logins = cluster, options, digests, logins

    async def ensure_registry(self, *, freed_at: str = "") -> str:
        """Ensure the registry. Raises RegistryNotReady while its pod is not up, ClientErrors.

        `freed_at`: when images were removed whose room is to be freed, for which it starts again; empty: no
        more were.
        """
        lineage = await self._lineage()
        live = await self._deployment(names.REGISTRY)
        freed_at = freed_at or _pod_annotation(live, FREED_ANNOTATION)
        image = await self._pinned(names.REGISTRY, self._options.registry_image)
        await self._apply(registry_objects(self._options, image=image, lineage=lineage, freed_at=freed_at))
        trouble = await self._trouble(names.REGISTRY)
        if trouble:
            raise RegistryNotReady(f"the registry is not up yet: {trouble}")
        return f"Deployment {self._options.namespace}/{names.REGISTRY} is ready"

    async def keep_registry(self, *, freed_at: str = "") -> None:
        """Renew the logins of the registry in their turn, if it was made here. It is started again where a
        login was withdrawn, or where more images were removed than when it was started last (`freed_at`).
        Raises RegistryNotReady, ClientErrors."""
        live = await self._deployment(names.REGISTRY)
        if live is None or not _is_ours(live):
            return
        lineage = await self._lineage()
        is_known = lineage == _pod_annotation(live, LINEAGE_ANNOTATION)
        if not is_known or freed_at not in ("", _pod_annotation(live, FREED_ANNOTATION)):
            await self.ensure_registry(freed_at=freed_at)

    async def _lineage(self) -> str:
        return "-".join([await login.ensure() for login in self._logins])

    async def refuse_foreign_registry(self) -> None:
        """See that the registry is the one that is made here: only it keeps private images from others.
        Raises PrivateModel, ApiError."""
        live = await self._deployment(names.REGISTRY)
        if live is not None and not _is_ours(live):
            raise PrivateModel(
                f"Deployment {self._options.namespace}/{names.REGISTRY} was made by somebody else, so it does"
                " not keep images of private models from others: delete it, and the worker makes its own"
            )

    async def ensure_builder(self) -> str:
        """Ensure the builder. Raises BuilderNotReady while its pod is not up, ClientErrors."""
        files = await self._ensure_certificates()
        image = await self._pinned(names.BUILDER, builder_image(self._options))
        certificate = certificates.digest_of(files)
        await self._apply(builder_objects(self._options, image=image, certificate=certificate))
        trouble = await self._trouble(names.BUILDER)
        if trouble:
            raise BuilderNotReady(f"the builder is not up yet: {trouble}")
        return f"Deployment {self._options.builder_namespace}/{names.BUILDER} is ready"

    @asynccontextmanager
    async def client_files(self) -> AsyncIterator[Mapping[str, Path]]:
        """`ca`, `cert` and `key` for the builder, as files that are gone afterwards."""
        secret = await self._cluster.find(
            SECRETS, BUILDER_CERTIFICATES, namespace=self._options.builder_namespace
        )
        files = decoded((secret or {}).get("data"))
        wanted = {"ca": "ca.crt", "cert": "client.crt", "key": "client.key"}
        if not set(wanted.values()) <= files.keys():
            raise BuilderNotReady(
                f"Secret {self._options.builder_namespace}/{BUILDER_CERTIFICATES} has no certificates yet"
            )
        with tempfile.TemporaryDirectory(prefix="airunway-builder-") as folder:  # only ours: mode 0700
            paths = {name: Path(folder) / key for name, key in wanted.items()}
            for name, key in wanted.items():
                paths[name].write_bytes(files[key])
            yield paths

    # -- objects ---------------------------------------------------------------------------------------

    async def _apply(self, objects: Sequence[Mapping[str, Any]]) -> None:
        for body in objects:
            kind, meta = _KINDS[body["kind"]], body["metadata"]
            live = await self._cluster.find(kind, meta["name"], namespace=meta["namespace"])
            if live is not None and not _is_ours(live):
                continue
            if live is not None and body["kind"] == "PersistentVolumeClaim":
                continue  # what is bound cannot be changed, and must not be lost
            await self._cluster.apply(
                kind, dict(body), field_manager=names.MODEL_IMAGE_FIELD_MANAGER, strict=True
            )

    async def _ensure_certificates(self) -> Mapping[str, bytes]:
        """What is in the Secret, made again when it is due. The Secret itself comes with the manifests."""
        namespace, host = self._options.builder_namespace, builder_host(self._options)
        now = datetime.now(UTC)
        live = await self._cluster.find(SECRETS, BUILDER_CERTIFICATES, namespace=namespace)
        if live is None:
            raise BuilderNotReady(
                f"Secret {namespace}/{BUILDER_CERTIFICATES} is missing; it comes empty with the manifests"
                " (builder.yaml; for another namespace than airunway-builder, change it there)"
            )
        files = decoded(live.get("data"))
        if certificates.are_good(files, host, now):
            return files
        made = certificates.new_certificates(host, now)
        # Of two workers one is first; the other's patch fails, and it reads what that one made.
        version = live["metadata"]["resourceVersion"]
        body = {"metadata": {"resourceVersion": version}, "data": encoded(made)}
        await self._cluster.patch(
            SECRETS,
            BUILDER_CERTIFICATES,
            body,
            namespace=namespace,
            field_manager=names.MODEL_IMAGE_FIELD_MANAGER,
        )
        return made

    async def _pinned(self, deployment: str, image: str) -> str:
        """The image with its digest: the one that runs already, else what its registry says, if it does."""
        if "@" in image:
            return image
        live = await self._deployment(deployment)
        running = _image_of(live) if live is not None else ""
        if running.startswith(f"{image}@"):
            return running
        try:
            return f"{image}@{(await self._digests.resolve(image)).digest}"
        except RegistryError:
            return running if running == image else image

    async def _deployment(self, name: str) -> Object | None:
        return await self._cluster.find(APPS_DEPLOYMENTS, name, namespace=self._namespace_of(name))

    def _namespace_of(self, workload: str) -> str:
        return self._options.builder_namespace if workload == names.BUILDER else self._options.namespace

    async def _trouble(self, name: str) -> str:
        """Why the pod of a Deployment is not up; empty when it is."""
        live = await self._deployment(name)
        if live is not None and _is_ready(live):
            return ""
        namespace = self._namespace_of(name)
        findings = await findings_for(self._cluster, namespace, f"app={name}")
        words = "; ".join(f"{entry.reason}: {entry.message}" for entry in findings[:1])
        return f"Deployment {namespace}/{name}: {words or 'its pod is not ready'}"


def _is_ours(live: Object) -> bool:
    entries = live["metadata"].get("managedFields") or []
    return any(entry.get("manager") == names.MODEL_IMAGE_FIELD_MANAGER for entry in entries)


def _is_ready(deployment: Object) -> bool:
    status = deployment.get("status") or {}
    rolled_out = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    wanted = deployment["spec"].get("replicas", 1)
    fresh = status.get("updatedReplicas", 0)
    return bool(rolled_out and min(fresh, status.get("readyReplicas", 0)) >= wanted)


def _pod_annotation(deployment: Object | None, name: str) -> str:
    template = deployment["spec"]["template"] if deployment is not None else {}
    return str(((template.get("metadata") or {}).get("annotations") or {}).get(name) or "")


def _image_of(deployment: Object) -> str:
    containers = deployment["spec"]["template"]["spec"].get("containers") or [{}]
    return str(containers[0].get("image") or "")
