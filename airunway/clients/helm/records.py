"""Helm's own records of releases: read without starting Helm, and changed where Helm has no command for it.

Helm keeps each revision as a Secret. Reading one takes milliseconds where starting Helm takes most of a
second, which decides how long a check of an installed provider takes. The layout is Helm's storage format
`helm.sh/release.v1`, stable since Helm 3: JSON, gzip, base64, and base64 again by the API.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import gzip
import json
import zlib
from collections.abc import Mapping
from typing import Any

import yaml

from airunway.clients.bounded_json import read_json
from airunway.clients.bounded_yaml import BadYaml, read_yaml
from airunway.clients.helm.errors import OperationInProgress, UnreadableRecord
from airunway.clients.helm.manifests import RESOURCE_POLICY
from airunway.clients.helm.model import ReleaseRecord, moment
from airunway.clients.kubernetes import SECRETS, Cluster, Object

_GONE = "superseded,uninstalled"
_MAGIC = b"\x1f\x8b"
MAX_RECORD_BYTES = 64 * 1024 * 1024
"""Of a record as Helm reads it: it packs charts of some megabytes into a Secret."""


async def latest_record(cluster: Cluster, name: str, *, namespace: str) -> ReleaseRecord | None:
    """The newest revision of a release; None when it is not there, or was uninstalled."""
    secrets = await _secrets(cluster, name, namespace)
    return await asyncio.to_thread(record_of, secrets[-1]) if secrets else None


async def has_deployed_revision(cluster: Cluster, name: str, *, namespace: str) -> bool:
    """Whether some revision was ever brought to an end, so that there is something to go back to."""
    listing = await cluster.listing(
        SECRETS,
        namespace=namespace,
        label_selector=f"owner=helm,name={name},status in (deployed,superseded)",
    )
    return bool(listing.items)


async def keep_on_uninstall(cluster: Cluster, name: str, *, namespace: str, kind: str) -> list[str]:
    """Have an uninstall leave every object of a kind; answers their names.

    Helm reads its keep policy from the stored manifest and nowhere else, so it is written there: as a chart
    that carried the annotation itself would have left it.
    """
    secrets = await _secrets(cluster, name, namespace)
    if not secrets:
        return []
    secret = secrets[-1]
    release, manifest, kept = await asyncio.to_thread(_kept, secret, kind)
    if not kept:
        return []
    release["manifest"] = manifest
    patch = {
        # The version makes the write fail when Helm has written meanwhile.
        "metadata": {"resourceVersion": secret["metadata"]["resourceVersion"]},
        "data": {"release": await asyncio.to_thread(_encoded, release)},
    }
    await cluster.patch(SECRETS, secret["metadata"]["name"], patch, namespace=namespace)
    return kept


def _kept(secret: Object, kind: str) -> tuple[dict[str, Any], str, list[str]]:
    """A release, its manifest with every object of a kind kept on uninstall, and the names of those."""
    release = _decoded(secret)
    try:
        documents = read_yaml(str(release.get("manifest") or ""))
    except BadYaml as err:
        raise UnreadableRecord(f"Secret {secret['metadata']['name']}: its manifest is {err}") from err
    kept = []
    for document in documents:
        if isinstance(document, dict) and document.get("kind") == kind:
            meta = document.setdefault("metadata", {})
            meta["annotations"] = {**(meta.get("annotations") or {}), RESOURCE_POLICY: "keep"}
            kept.append(str(meta.get("name")))
    manifest = "".join(
        "---\n" + yaml.safe_dump(entry, sort_keys=False, allow_unicode=True) for entry in documents if entry
    )
    return release, manifest, kept


async def forget(cluster: Cluster, release: str, *, namespace: str, revision: int, status: str) -> None:
    """Remove the record of a revision that never came to run; no object of the release is touched.

    Raises OperationInProgress when it has another status by now.
    """
    name = record_name(release, revision)
    record = await cluster.find(SECRETS, name, namespace=namespace)
    if record is None:
        return
    metadata = record["metadata"]
    now = metadata.get("labels", {}).get("status", "")
    if now != status:
        raise OperationInProgress(
            f"release {release} in namespace {namespace}: revision {revision} is {now or 'unknown'} by now, "
            f"not {status}: another operation is at work on it"
        )
    await cluster.delete(
        SECRETS, name, namespace=namespace, uid=metadata["uid"], resource_version=metadata["resourceVersion"]
    )


def record_name(release: str, revision: int) -> str:
    """Name of the Secret."""
    return f"sh.helm.release.v1.{release}.v{revision}"


def record_of(secret: Object) -> ReleaseRecord:
    """A release from its Secret. Raises UnreadableRecord."""
    release = _decoded(secret)
    info = release.get("info") or {}
    chart = (release.get("chart") or {}).get("metadata") or {}
    return ReleaseRecord(
        name=str(release.get("name") or ""),
        namespace=str(release.get("namespace") or secret["metadata"].get("namespace") or ""),
        revision=int(release.get("version") or 0),
        status=str(info.get("status") or ""),
        chart_name=str(chart.get("name") or ""),
        chart_version=str(chart.get("version") or ""),
        values=release.get("config") or {},
        manifest=str(release.get("manifest") or ""),
        updated=moment(info.get("last_deployed")),
    )


async def _secrets(cluster: Cluster, name: str, namespace: str) -> list[Object]:
    """The live revisions, oldest first."""
    listing = await cluster.listing(
        SECRETS, namespace=namespace, label_selector=f"owner=helm,name={name},status notin ({_GONE})"
    )
    return sorted(listing.items, key=lambda secret: int(secret["metadata"]["labels"].get("version") or 0))


def _decoded(secret: Object) -> dict[str, Any]:
    try:
        data = base64.b64decode(base64.b64decode((secret.get("data") or {})["release"]))
        release: Any = read_json(_unpacked(data) if data.startswith(_MAGIC) else data)
    except (KeyError, ValueError, binascii.Error, zlib.error) as err:
        name = secret["metadata"]["name"]
        raise UnreadableRecord(f"Secret {name} is not a record of a Helm release") from err
    if not isinstance(release, dict):
        raise UnreadableRecord(f"Secret {secret['metadata']['name']} is not a record of a Helm release")
    return release


def _unpacked(data: bytes) -> bytes:
    """What was packed. A Secret's megabyte can stand for a thousand."""
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
    content = unpacking.decompress(data, MAX_RECORD_BYTES)
    if not unpacking.eof:
        raise ValueError("too large, or cut off")
    return content


def _encoded(release: Mapping[str, Any]) -> str:
    data = gzip.compress(json.dumps(release).encode())
    return base64.b64encode(base64.b64encode(data)).decode()
