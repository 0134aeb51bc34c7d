"""A Helm that works on the cluster under test as the real one does, without starting a process.

It keeps its records as Helm keeps them, marks objects as Helm marks them, and can be stopped half-way.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import yaml

from airunway.api.chart_release import ChartRelease
from airunway.clients.crds import apply_crd
from airunway.clients.errors import AlreadyExists, NotFound
from airunway.clients.helm import (
    BadChecksum,
    ChartInfo,
    ChartNotFound,
    HelmCrashed,
    Manifest,
    ReleaseRecord,
    Rendered,
)
from airunway.clients.helm.records import latest_record
from airunway.clients.kubernetes import CRDS, NAMESPACES, SECRETS, Cluster, Object, Resource

PLURALS = {"Deployment": "deployments", "ConfigMap": "configmaps", "Secret": "secrets"}


@dataclass
class FakeChart:
    """A chart: its objects, and what it has in `crds/`."""

    version: str = "1.0.0"
    objects: list[Object] = field(default_factory=list)
    crds: list[Object] = field(default_factory=list)
    digest: str = ""
    """Of its archive; empty for a folder."""


class FakeHelm:
    """See the module's head. `log` says what was called."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.charts: dict[str, FakeChart] = {}
        self.log: list[str] = []
        self.dies = False
        """The next operation that writes is cut off after it has begun."""
        self.fails: list[Exception] = []
        self.asked: list[tuple[ChartRelease, bool]] = []
        """Every chart to install, and whether a failure was to be taken back."""

    def _chart(self, wanted: ChartRelease) -> FakeChart:
        if wanted.fetched_from not in self.charts:
            raise ChartNotFound(f"release {wanted.release}: there is no such chart: {wanted.title}")
        found = self.charts[wanted.fetched_from]
        if wanted.digest and found.digest and wanted.digest != found.digest:
            raise BadChecksum(f"release {wanted.release}: it has another digest than announced")
        return found

    async def chart_metadata(self, wanted: ChartRelease) -> ChartInfo:
        chart = self._chart(wanted)
        return ChartInfo(name="chart", version=chart.version, digest=chart.digest)

    async def render(self, wanted: ChartRelease, *, is_upgrade: bool = False) -> Rendered:
        chart = self._chart(wanted)
        self.log.append("render")
        info = ChartInfo(name="chart", version=chart.version, digest=chart.digest)
        return Rendered(manifests=[Manifest(object=obj) for obj in chart.objects], crds=chart.crds, info=info)

    async def upgrade_or_install(
        self, wanted: ChartRelease, *, atomic: bool, on_line: Callable[[str], None] = print
    ) -> ReleaseRecord:
        chart = self._chart(wanted)
        self.log.append("upgrade_or_install")
        self.asked.append((wanted, atomic))
        on_line(f"working on {wanted.release}")
        if self.fails:
            raise self.fails.pop(0)
        if wanted.create_namespace:
            with suppress(AlreadyExists):
                await self._cluster.create(NAMESPACES, {"metadata": {"name": wanted.namespace}})
        before = await latest_record(self._cluster, wanted.release, namespace=wanted.namespace)
        revision = before.revision + 1 if before else 1
        status = "pending-upgrade" if before else "pending-install"
        await self.record(wanted.release, wanted.namespace, revision, status, chart, wanted.values)
        if self.dies:
            self.dies = False
            raise HelmCrashed(f"release {wanted.release}: the process died")
        if not before and not wanted.skip_crds:
            for crd in chart.crds:
                await apply_crd(self._cluster, crd, field_manager="helm")
        for obj in chart.objects:
            await self._write(obj, wanted)
        for old in range(1, revision):
            await self._mark(wanted.release, wanted.namespace, old, "superseded")
        await self.record(wanted.release, wanted.namespace, revision, "deployed", chart, wanted.values)
        record = await latest_record(self._cluster, wanted.release, namespace=wanted.namespace)
        assert record is not None
        return record

    async def uninstall(
        self,
        name: str,
        namespace: str,
        *,
        keep_history: bool = False,
        wait: bool = True,
        on_line: Callable[[str], None] = print,
    ) -> None:
        self.log.append("uninstall")
        record = await latest_record(self._cluster, name, namespace=namespace)
        if record is None:
            return
        for obj in record.read_documents():
            kept = (obj["metadata"].get("annotations") or {}).get("helm.sh/resource-policy") == "keep"
            if not kept:
                with suppress(NotFound):
                    kind = _kind(obj)
                    place = None if kind is CRDS else obj["metadata"].get("namespace", namespace)
                    await self._cluster.delete(kind, obj["metadata"]["name"], namespace=place)
        for revision in range(1, record.revision + 1):
            with suppress(NotFound):
                await self._cluster.delete(SECRETS, secret_name(name, revision), namespace=namespace)

    async def repair(self, name: str, namespace: str, *, on_line: Callable[[str], None] = print) -> str:
        self.log.append("repair")
        record = await latest_record(self._cluster, name, namespace=namespace)
        assert record is not None
        older = [number for number in range(record.revision - 1, 0, -1)]
        for number in older:
            status = await self._status(name, namespace, number)
            if status in ("deployed", "superseded"):
                await self._mark(name, namespace, record.revision, "superseded")
                await self._mark(name, namespace, number, "deployed")
                await self._cluster.delete(SECRETS, secret_name(name, record.revision), namespace=namespace)
                return f"went back to revision {number}"
        await self._cluster.delete(SECRETS, secret_name(name, record.revision), namespace=namespace)
        return "removed the record"

    # -- records -----------------------------------------------------------------------------------------

    async def record(
        self,
        name: str,
        namespace: str,
        revision: int,
        status: str,
        chart: FakeChart,
        values: Mapping[str, Any] | None = None,
        *,
        updated: datetime | None = None,
    ) -> None:
        """Write a record as Helm writes it."""
        release = {
            "name": name,
            "namespace": namespace,
            "version": revision,
            "info": {"status": status, "last_deployed": (updated or datetime.now(UTC)).isoformat()},
            "chart": {"metadata": {"name": "chart", "version": chart.version}},
            "config": dict(values or {}),
            "manifest": "".join(f"---\n# Source: x\n{yaml.safe_dump(obj)}" for obj in chart.objects),
        }
        body = base64.b64encode(gzip.compress(json.dumps(release).encode()))
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "helm.sh/release.v1",
            "metadata": {
                "name": secret_name(name, revision),
                "namespace": namespace,
                "labels": {"owner": "helm", "name": name, "status": status, "version": str(revision)},
            },
            "data": {"release": base64.b64encode(body).decode()},
        }
        await self._cluster.apply(SECRETS, secret, field_manager="helm")

    async def _status(self, name: str, namespace: str, revision: int) -> str:
        found = await self._cluster.find(SECRETS, secret_name(name, revision), namespace=namespace)
        return found["metadata"]["labels"]["status"] if found else ""

    async def _mark(self, name: str, namespace: str, revision: int, status: str) -> None:
        patch = {"metadata": {"labels": {"status": status}}}
        with suppress(NotFound):
            await self._cluster.patch(SECRETS, secret_name(name, revision), patch, namespace=namespace)

    async def _write(self, obj: Object, wanted: ChartRelease) -> None:
        meta = {
            **obj["metadata"],
            "labels": {**obj["metadata"].get("labels", {}), "app.kubernetes.io/managed-by": "Helm"},
            "annotations": {
                **obj["metadata"].get("annotations", {}),
                "meta.helm.sh/release-name": wanted.release,
                "meta.helm.sh/release-namespace": wanted.namespace,
            },
        }
        if _kind(obj) is CRDS:
            await apply_crd(self._cluster, {**obj, "metadata": meta}, field_manager="helm")
            return
        meta.setdefault("namespace", wanted.namespace)
        await self._cluster.apply(_kind(obj), {**obj, "metadata": meta}, field_manager="helm")


def secret_name(name: str, revision: int) -> str:
    return f"sh.helm.release.v1.{name}.v{revision}"


def _kind(obj: Object) -> Resource:
    if obj["kind"] == "CustomResourceDefinition":
        return CRDS
    return Resource(obj["apiVersion"], PLURALS[obj["kind"]])
