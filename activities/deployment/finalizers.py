"""The step that lets a deployment go: the providers' finalizers are taken off."""

from __future__ import annotations

from typing import Any

from airunway.activities.owned import refuse_unless_deleted
from airunway.activities.step import implements
from airunway.api import names
from airunway.clients.errors import ApiError, Conflict, NotFound
from airunway.clients.kubernetes import DEPLOYMENTS, JSON_PATCH, Cluster
from airunway.messages.deployment import REMOVE_FINALIZERS, FinalizerAnswer, FinalizerRequest


class FinalizerActivity:
    """Takes finalizers off. Safe to repeat."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    @implements(REMOVE_FINALIZERS)
    async def remove_finalizers(self, request: FinalizerRequest) -> FinalizerAnswer:
        """Take the provider finalizers off a deployment that is being deleted, and nothing else."""
        ref = request.ref
        live = await self._cluster.find(DEPLOYMENTS, ref.name, namespace=ref.namespace)
        if live is None or live["metadata"]["uid"] != request.uid:
            return FinalizerAnswer(gone=True)
        refuse_unless_deleted(live, ref, "removing finalizers")
        held = live["metadata"].get("finalizers") or []
        ours = [entry for entry in held if names.is_provider_finalizer(entry)]
        others = [entry for entry in held if entry not in ours]
        if not ours:
            return FinalizerAnswer(remaining=others)
        patch = _patch(held, keep=others)
        try:
            await self._cluster.patch(
                DEPLOYMENTS, ref.name, patch, namespace=ref.namespace, content_type=JSON_PATCH
            )
        except NotFound:
            return FinalizerAnswer(gone=True)
        except ApiError as err:
            if err.status == 422:  # the test failed: somebody changed the list meanwhile
                raise Conflict(str(err), status=409, reason="Conflict") from err
            raise
        return FinalizerAnswer(removed=ours, remaining=others)


def _patch(held: list[str], *, keep: list[str]) -> list[dict[str, Any]]:
    """A JSON patch that sets the finalizers, provided they are still what was read."""
    return [
        {"op": "test", "path": "/metadata/finalizers", "value": held},
        {"op": "replace", "path": "/metadata/finalizers", "value": keep},
    ]
