"""What AI Runway's documentation has one make before its samples are applied: Secrets and claims.

The sandbox has them from the start, in the namespace in which samples go, so that each of them runs there. A
deployment that names others waits for them, as on any cluster.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from airunway.clients.errors import AlreadyExists
from airunway.clients.kubernetes import Cluster, Resource
from airunway.sandbox.hub_models import TOKEN
from airunway.sandbox.operators.claims import CLAIMS
from airunway.sandbox.operators.objects import Object

SECRETS = Resource("v1", "secrets")
TOKEN_SECRETS = ("hf-token", "hf-token-secret", "llm-d-hf-token")
"""Of a token for models that are gated; the key is the environment variable that engines read."""
CLAIM_NAMES = ("pvc-claim", "pvc-lustre", "shared-amlfs-storage")
"""Of model caches that several nodes share."""


async def install(cluster: Cluster, namespace: str = "default") -> None:
    """Make what is not there yet."""

    async def create(kind: Resource, body: Object) -> None:
        with suppress(AlreadyExists):
            await cluster.create(kind, body, namespace=namespace)

    size = {"requests": {"storage": "100Gi"}}
    secrets: list[Object] = [
        {"metadata": {"name": name}, "stringData": {"HF_TOKEN": TOKEN}} for name in TOKEN_SECRETS
    ]
    claims: list[Object] = [
        {"metadata": {"name": name}, "spec": {"accessModes": ["ReadWriteMany"], "resources": size}}
        for name in CLAIM_NAMES
    ]
    await asyncio.gather(
        *(create(SECRETS, body) for body in secrets), *(create(CLAIMS, body) for body in claims)
    )
