"""The step that lets a deployment go: the providers' finalizers are taken off."""

from __future__ import annotations

import re
from typing import Any

from airunway.activities.owned import refuse_unless_deleted
from airunway.activities.step import implements
from airunway.api import names
from airunway.clients.errors import ApiError, Conflict, NotFound
from airunway.clients.kubernetes import DEPLOYMENTS, JSON_PATCH, Cluster
from airunway.messages.deployment import REMOVE_FINALIZERS, FinalizerAnswer, FinalizerRequest

MAX_REFUSAL = 500
"""Characters of what a webhook, or the API server about it, says."""
WHICH_CONFIGURATION = (
    "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations"
    " -o custom-columns=KIND:.kind,NAME:.metadata.name,WEBHOOKS:.webhooks[*].name"
)
"""Shows it: to read these of others is a right that no process of this system has."""
_OWN_CONFIGURATIONS = {
    names.MUTATING_WEBHOOK: f"mutatingwebhookconfiguration {names.MUTATING_CONFIGURATION}",
    names.VALIDATING_WEBHOOK: f"validatingwebhookconfiguration {names.VALIDATING_CONFIGURATION}",
}
_WEBHOOK = re.compile(r'(?:failed calling|admission) webhook "([^"]{1,253})"')


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
            if refusal := webhook_refusal(err):
                return FinalizerAnswer(remaining=held, refusal=refusal)
            raise
        return FinalizerAnswer(removed=ours, remaining=others)


def _patch(held: list[str], *, keep: list[str]) -> list[dict[str, Any]]:
    """A JSON patch that sets the finalizers, provided they are still what was read."""
    return [
        {"op": "test", "path": "/metadata/finalizers", "value": held},
        {"op": "replace", "path": "/metadata/finalizers", "value": keep},
    ]


def webhook_refusal(err: ApiError) -> str:
    """What an admission webhook has to do with an error, in words; empty: nothing.

    The server of one whose configuration was left behind is never there again. Source: the API server's own
    sentences, `failed calling webhook "a.b"`, and `admission webhook "a.b" denied the request`.
    """
    found = _WEBHOOK.search(str(err))
    if found is None:
        return ""
    own = _OWN_CONFIGURATIONS.get(found[1])
    delete = (
        f"delete its configuration: kubectl delete {own}"
        if own
        else f"delete the webhook configuration that names it: {WHICH_CONFIGURATION}"
    )
    return (
        f'webhook "{found[1]}" lets nothing be changed on it ({str(err)[:MAX_REFUSAL]}); start its server, or'
        f" {delete}"
    )
