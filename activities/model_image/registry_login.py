"""The logins of the registry in the cluster: made, renewed, read when needed. Never kept or logged.

Those to push with, and the keys that the namespaces' logins to pull with are derived from
(`airunway.modelimage.pull_access`): of the same shape, each in a Secret that comes empty with the manifests.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from airunway.activities.model_image.secret_data import decoded, encoded
from airunway.api import names
from airunway.clients.kubernetes import SECRETS, Cluster, Object
from airunway.clients.registry.credentials import RegistryCredentials
from airunway.clients.registry.errors import RegistryUnavailable
from airunway.modelimage.registry_login import RegistryLogin, data_of, login_to_use, logins_in, rotated

# What bcrypt's cost protects is a short password; ours has 256 bits, and each push asks a few times.
_COST = 8
_PASSWORD_BYTES = 32


def _now() -> datetime:
    return datetime.now(UTC)


class ClusterRegistryLogin:
    """The login in one Secret. `lifetime`: after which a new one is made; the one before stays good for as
    long again."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        namespace: str,
        lifetime: timedelta,
        secret: str = names.REGISTRY_LOGIN,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._cluster, self._namespace, self._name = cluster, namespace, secret
        self._lifetime, self._clock = lifetime, clock

    async def current(self) -> RegistryCredentials:
        """The login to use now. Raises RegistryUnavailable while there is none, ApiError."""
        login = await self.in_use()
        return RegistryCredentials(login.user, login.password)

    async def in_use(self) -> RegistryLogin:
        """The same with all that is known of it. Raises RegistryUnavailable, ApiError."""
        login = login_to_use(logins_in(decoded((await self._secret()).get("data"))), self._clock())
        if login is None:
            raise RegistryUnavailable(f"{self._where} holds no login yet")
        return login

    async def ensure(self) -> str:
        """Have a login there, and a new one in its turn; answers the lineage. Raises RegistryUnavailable,
        ApiError."""
        live = await self._secret()
        there = logins_in(decoded(live.get("data")))
        wanted = rotated(there, self._clock(), lifetime=self._lifetime, new_login=new_login)
        if wanted == there:
            return wanted[0].lineage
        # Of two workers one is first; the other's patch fails, and the step is tried again.
        version = live["metadata"]["resourceVersion"]
        await self._cluster.patch(
            SECRETS,
            self._name,
            {"metadata": {"resourceVersion": version}, "data": encoded(data_of(wanted))},
            namespace=self._namespace,
            field_manager=names.MODEL_IMAGE_FIELD_MANAGER,
        )
        return wanted[0].lineage

    async def _secret(self) -> Object:
        live = await self._cluster.find(SECRETS, self._name, namespace=self._namespace)
        if live is None:
            raise RegistryUnavailable(
                f"{self._where} is missing; it comes empty with the manifests (images-rbac.yaml,"
                " private-pulls.yaml; for another namespace than airunway-system, change it there)"
            )
        return live

    @property
    def _where(self) -> str:
        return f"Secret {self._namespace}/{self._name}"


def new_login(now: datetime, lineage: str) -> RegistryLogin:
    """A login of random user and password. `lineage`: of those before it; empty: a new one."""
    # 20 ms of work that only who makes a registry needs.
    import bcrypt

    password = secrets.token_urlsafe(_PASSWORD_BYTES)
    return RegistryLogin(
        user=f"airunway-{secrets.token_hex(4)}",
        password=password,
        hash=bcrypt.hashpw(password.encode(), bcrypt.gensalt(_COST)).decode(),
        since=now,
        lineage=lineage or secrets.token_hex(8),
    )
