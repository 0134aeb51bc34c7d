"""Helm's records of a release: one Secret a revision, as Helm stores them by default.

Only for what Helm has no command for: to forget a revision that never came to run.
"""

from __future__ import annotations

from airunway.clients.helm.errors import OperationInProgress
from airunway.clients.kubernetes import SECRETS, Cluster


def record_name(release: str, revision: int) -> str:
    """Name of the Secret."""
    return f"sh.helm.release.v1.{release}.v{revision}"


async def forget(cluster: Cluster, release: str, *, namespace: str, revision: int, status: str) -> None:
    """Remove the record of a revision, if it still has that status; no object of the release is touched."""
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
