"""Who waits for an image, as a run hands it to the next: short, for thousands may wait. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from airunway.messages.model_image import ModelImageWaiter, TokenRef
from airunway.messages.model_image_workflow import CarriedWaiter
from airunway.messages.refs import DeploymentRef


def carried(waiters: Sequence[ModelImageWaiter], pending: Collection[str]) -> list[CarriedWaiter]:
    """The waiters of one cluster. `pending`: workflows that have yet to be notified."""
    return [
        (
            waiter.ref.namespace,
            waiter.ref.name,
            waiter.token.name if waiter.token else "",
            waiter.workflow_id in pending,
        )
        for waiter in waiters
    ]


def waiter_of(entry: CarriedWaiter, cluster: str) -> ModelImageWaiter:
    """One of them again; a token is in a Secret of its own namespace."""
    namespace, name, secret, _ = entry
    return ModelImageWaiter(
        ref=DeploymentRef(cluster=cluster, namespace=namespace, name=name),
        token=TokenRef(namespace=namespace, name=secret) if secret else None,
    )
