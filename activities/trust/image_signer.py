"""Signs the images that are built here, as cosign does, with a private key out of a Secret.

The key is read for each signature and never kept: one that was replaced counts at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from airunway.activities.model_image.secret_data import decoded
from airunway.activities.trust.errors import NotSigned
from airunway.clients.errors import ApiError
from airunway.clients.kubernetes import SECRETS, Cluster
from airunway.clients.registry.signatures import StoredSignature
from airunway.clients.registry.storage import ModelImageStorage
from airunway.trust.keys import InvalidKey, VerificationKey, private_key, sign, signed_by
from airunway.trust.payload import new_payload, payload_problem, signed_text

SIGNING_SETTING = "AIRUNWAY_SIGNING_KEY"


class ImageSigner:
    """Signs in one registry. `secret`: in the system's namespace; `pull_host_of`: what nodes call the
    registry for a repository."""

    def __init__(
        self,
        cluster: Cluster,
        storage: ModelImageStorage,
        *,
        namespace: str,
        secret: str,
        pull_host_of: Callable[[str], str],
    ) -> None:
        self._cluster, self._storage = cluster, storage
        self._namespace, self._secret, self._pull_host_of = namespace, secret, pull_host_of

    async def sign(self, repository: str, digest: str) -> None:
        """Sign an image, unless it is signed by this key already. Raises NotSigned, ClientErrors."""
        payload = new_payload(reference=f"{self._pull_host_of(repository)}/{repository}", digest=digest)
        signature, key = await self._signed(payload)
        if not await self._is_signed_by(key, repository, digest):
            await self._storage.add_signature(repository, digest, StoredSignature(payload, signature))

    async def is_signed(self, repository: str, digest: str) -> bool:
        """Whether an image is signed by the present key. Raises NotSigned, ClientErrors."""
        _, key = await self._signed(b"")
        return await self._is_signed_by(key, repository, digest)

    async def _is_signed_by(self, key: VerificationKey, repository: str, digest: str) -> bool:
        return any(
            signed_by(signed_text(entry), entry.signature, [key]) and not payload_problem(entry, digest)
            for entry in await self._storage.signatures(repository, digest)
        )

    async def _signed(self, payload: bytes) -> tuple[str, VerificationKey]:
        where = f"Secret {self._namespace}/{self._secret} ({SIGNING_SETTING})"
        try:
            found = await self._cluster.get(SECRETS, self._secret, namespace=self._namespace)
            key = await asyncio.to_thread(private_key, decoded(found.get("data")))
        except ApiError as err:
            raise NotSigned(f"{where} cannot be read: {err}") from err
        except InvalidKey as err:
            raise NotSigned(f"{where}: {err}") from err
        return sign(payload, key), VerificationKey(self._secret, key.public_key())
