"""The public keys that signatures are verified with, in a Secret or ConfigMap of the system's namespace."""

from __future__ import annotations

import time

from airunway.activities.model_image.secret_data import decoded
from airunway.activities.trust.errors import KeysUnreadable
from airunway.clients.errors import ApiError
from airunway.clients.kubernetes import CONFIG_MAPS, SECRETS, Cluster
from airunway.trust.keys import InvalidKey, VerificationKey, verification_keys

KEYS_SETTING = "AIRUNWAY_VERIFICATION_KEYS"
KEYS_MEMORY_SECONDS = 30.0
"""A key that was taken away counts no longer than this."""


class VerificationKeys:
    """The keys of one process. `source`: `secret/<name>` or `configmap/<name>`; empty: there are none."""

    def __init__(self, cluster: Cluster, *, namespace: str, source: str) -> None:
        self._cluster, self._namespace = cluster, namespace
        self._kind, _, self._name = source.partition("/")
        self._known: tuple[float, list[VerificationKey]] | None = None

    @property
    def where(self) -> str:
        """Where they are, for messages."""
        kind = "Secret" if self._kind == "secret" else "ConfigMap"
        return f"{kind} {self._namespace}/{self._name}" if self._name else KEYS_SETTING

    async def read(self) -> list[VerificationKey]:
        """The keys. Raises KeysUnreadable."""
        now = time.monotonic()
        if self._known is None or now - self._known[0] > KEYS_MEMORY_SECONDS:
            self._known = (now, await self._read())
        return self._known[1]

    async def _read(self) -> list[VerificationKey]:
        if not self._name:
            raise KeysUnreadable(f"signatures are asked for, but {KEYS_SETTING} names no public keys")
        try:
            if self._kind == "secret":
                found = await self._cluster.get(SECRETS, self._name, namespace=self._namespace)
                files = decoded(found.get("data"))
            else:
                found = await self._cluster.get(CONFIG_MAPS, self._name, namespace=self._namespace)
                files = {key: text.encode() for key, text in (found.get("data") or {}).items()}
            return verification_keys(files)
        except ApiError as err:
            raise KeysUnreadable(f"the public keys ({KEYS_SETTING}) cannot be read: {err}") from err
        except InvalidKey as err:
            raise KeysUnreadable(f"{self.where} ({KEYS_SETTING}): {err}") from err
