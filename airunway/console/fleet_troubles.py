"""What is the matter with the workflows of the deployments in a list.

Apart from the list's connections: it is shown by two ways, of which the quick one loads neither client.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airunway.api.names import PAUSED, deployment_workflow_id, deployment_workflow_prefix, is_paused
from airunway.console.queries import deployments_query
from airunway.console.workflow_state import Find, last_closed, trouble

NEW = timedelta(seconds=30)
"""A deployment so young may lack a workflow: the watcher and visibility come a little later."""

Troubles = dict[tuple[str, str], str]
"""What is the matter with a deployment's workflow, by namespace and name; nothing: not in it."""


async def workflow_troubles(
    found: Sequence[Mapping[str, Any]], find: Find, *, cluster: str, namespace: str | None
) -> Troubles:
    """Of these deployments; `namespace`: all are of this one. Raises as `find` does."""
    if not found:
        return {}
    prefix = deployment_workflow_prefix(cluster) + (f"{namespace}/" if namespace else "")
    states = {state.workflow_id: state async for state in find(deployments_query(id_prefix=prefix))}
    ids = {key_of(obj): deployment_workflow_id(cluster, *key_of(obj)) for obj in found}
    now = datetime.now(UTC)
    old = {key_of(obj) for obj in found if now - _created(obj, now) > NEW}
    lacking = [ids[key] for key in old if ids[key] not in states]
    if lacking:
        states |= await last_closed(find, lacking)
    words = {
        key: trouble(states.get(workflow_id), now=now)
        for key, workflow_id in ids.items()
        if key in old or workflow_id in states
    }
    return {key: text for key, text in words.items() if text}


def paused_among(found: Sequence[Mapping[str, Any]]) -> Troubles:
    """Those that are held, by the annotation, or by a command, which the condition tells."""
    return {key_of(obj): "paused" for obj in found if _is_paused(obj)}


def key_of(obj: Mapping[str, Any]) -> tuple[str, str]:
    """Namespace and name."""
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def _is_paused(obj: Mapping[str, Any]) -> bool:
    conditions = (obj.get("status") or {}).get("conditions") or []
    return is_paused(obj["metadata"]) or any(
        entry.get("type") == PAUSED and entry.get("status") == "True" for entry in conditions
    )


def _created(obj: Mapping[str, Any], otherwise: datetime) -> datetime:
    given = obj["metadata"].get("creationTimestamp")
    return datetime.fromisoformat(given) if given else otherwise
