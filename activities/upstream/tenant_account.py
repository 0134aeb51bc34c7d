"""As whom the objects of a namespace are written: the worker, or an account of that namespace.

With an account nobody gets more out of a ModelDeployment than that account may do. Reads, finalizers and
statuses stay the worker's own, whose rights may reach into chosen namespaces only. What either lacks is said
by its name, to whoever can give it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from airunway.activities.upstream.failures import StepFailed, failed
from airunway.clients.errors import Forbidden
from airunway.clients.kubernetes import Cluster

RETRY_SECONDS = 60
"""No watch reports a right that was given."""

# How the API server's authorization says no; admission, which answers 403 as well, says it in other words.
_REFUSAL = re.compile(
    r'User "(?P<user>[^"]+)" cannot (?P<verb>[a-z]+) resource "(?P<resource>[^"]+)"'
    r' in API group "(?P<group>[^"]*)"( in the namespace "(?P<namespace>[^"]+)")?'
)


def missing_right(err: Forbidden) -> str:
    """What our own account may not do in a namespace, and what to do; empty: the matter is another."""
    said = _REFUSAL.search(str(err))
    if said is None or not said["namespace"]:
        return ""
    return (
        f"{said['user']} may not {said['verb']} {_resource(said)} in the namespace {said['namespace']}; bind"
        ' its provider\'s role for objects there (docs/security.md, "In chosen namespaces only")'
    )


@contextmanager
def explained_rights(what: str) -> Iterator[None]:
    """Turn a right that the worker's own account lacks into a failure for the status.

    Raises StepFailed, and ApiError as it came for anything else.
    """
    try:
        yield
    except Forbidden as err:
        why = missing_right(err)
        if not why:
            raise
        raise _forbidden(f"{what}: {why}") from err


def _forbidden(message: str) -> StepFailed:
    return failed("AccountForbidden", message, ["ResourceCreated"], final=False, retry_seconds=RETRY_SECONDS)


def _resource(said: re.Match[str]) -> str:
    return f"{said['resource']}.{said['group']}" if said["group"] else said["resource"]


@dataclass(frozen=True, kw_only=True)
class TenantAccount:
    """A ServiceAccount in whose name objects of its namespace are written."""

    namespace: str
    name: str

    @property
    def user(self) -> str:
        """What the API server calls it."""
        return f"system:serviceaccount:{self.namespace}:{self.name}"

    def __str__(self) -> str:
        return f"ServiceAccount {self.namespace}/{self.name}"

    def refusal(self, err: Forbidden) -> str:
        """Who lacks which right, and what to do; empty when the refusal is about something else."""
        said = _REFUSAL.search(str(err))
        if said is None:
            return ""
        if said["verb"] == "impersonate":
            return (
                f"{said['user']} may not write as {self}; "
                "let it impersonate ServiceAccounts of that name (deploy/impersonation)"
            )
        if said["user"] != self.user:
            return ""
        return (
            f"{self} may not {said['verb']} {_resource(said)} in the namespace {self.namespace}; "
            "bind a Role with that right to it there"
        )


@dataclass(frozen=True, kw_only=True)
class TenantWrites:
    """A client that writes in one namespace. `account`: in whose name; None: the worker's own."""

    cluster: Cluster
    account: TenantAccount | None = None

    @contextmanager
    def explained(self, what: str) -> Iterator[None]:
        """Turn a right that is missing into a failure for the status. Raises StepFailed, ApiError."""
        try:
            yield
        except Forbidden as err:
            why = self.refusal(err)
            if not why:
                raise
            raise _forbidden(f"{what}: {why}") from err

    def refusal(self, err: Forbidden) -> str:
        """Which right is missing to whom; empty when that is not the matter."""
        of_tenant = self.account.refusal(err) if self.account is not None else ""
        return of_tenant or missing_right(err)


def tenant_writes(cluster: Cluster, namespace: str, *, impersonate: str) -> TenantWrites:
    """How objects of a namespace are written. `impersonate`: name of the account in each; empty: nobody."""
    if not impersonate:
        return TenantWrites(cluster=cluster)
    account = TenantAccount(namespace=namespace, name=impersonate)
    return TenantWrites(cluster=cluster.acting_as(account.user), account=account)
