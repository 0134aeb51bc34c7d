"""Keeps the certificate: in the Secret, in both webhook configurations, and in the server.

Every replica does the same and none leads: who writes, names the version that was read, and who was too
late reads again. A configuration is always read before the Secret, and written only if it is still as
read; so nobody puts an authority back that another replica has just replaced.

The order is Secret, configurations, server: a certificate is served only when the API server trusts it.
Source: crds.md §4.1.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Protocol

import structlog

from airunway.api import names
from airunway.clients.backoff import Backoff
from airunway.clients.errors import AlreadyExists, ApiError, Conflict
from airunway.clients.kubernetes import JSON_PATCH, MERGE_PATCH, SECRETS, Kind, Object, Resource
from airunway.clients.outages import KUBERNETES, OUTAGES
from airunway.webhook.certificates import CertificateMaterial, renewal, trusts
from airunway.webhook.tls import CertificateUnusable, ServedCertificate

_log = structlog.get_logger(__name__)

MUTATING = Resource("admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations")
VALIDATING = Resource("admissionregistration.k8s.io/v1", "validatingwebhookconfigurations")
CONFIGURATIONS = ((MUTATING, names.MUTATING_CONFIGURATION), (VALIDATING, names.VALIDATING_CONFIGURATION))

ATTEMPTS = 5
"""Of one reconcile; each failed one means that another replica got on, so there are at most a few."""
FIRST_RETRY = timedelta(seconds=1)


class CertificateStore(Protocol):
    """The part of the cluster that is needed."""

    async def find(self, kind: Kind, name: str, *, namespace: str | None = None) -> Object | None:
        """Read one object, or None."""

    async def create(self, kind: Kind, body: Object, *, namespace: str | None = None) -> Object:
        """Create an object. Raises AlreadyExists."""

    async def patch(
        self,
        kind: Kind,
        name: str,
        body: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        namespace: str | None = None,
        content_type: str = MERGE_PATCH,
        field_manager: str = "",
    ) -> Object:
        """Patch an object. Raises Conflict."""


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


class CertificateKeeper:
    """Looks after the certificate of one server. Run one task of it.

    `hosts`: what the certificate is for. `rotation` false: Secret and configurations are somebody else's,
    and only read.
    """

    def __init__(
        self,
        cluster: CertificateStore,
        served: ServedCertificate,
        *,
        namespace: str,
        hosts: Sequence[str],
        rotation: bool = True,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._cluster = cluster
        self._served = served
        self._namespace = namespace
        self._hosts = hosts
        self._rotation = rotation
        self._now = now
        self._in_bundles = False

    @property
    def trusted(self) -> bool:
        """Whether the API server accepts what is served, as far as seen at the last reconcile."""
        return self._in_bundles and self._served.is_valid(self._now())

    async def run(self, *, every: timedelta, on_trust: Callable[[bool], None]) -> None:
        """Reconcile until cancelled; `on_trust` gets each time whether the API server trusts us."""
        backoff = Backoff(first=FIRST_RETRY.total_seconds(), maximum=every.total_seconds())
        while True:
            try:
                await self.reconcile()
                failed = not self.trusted
            except ApiError as err:
                log = _log.bind(error=str(err)[:300])
                OUTAGES.suspect(KUBERNETES, partial(log.warning, "webhook certificate not looked after"))
                failed = True
            except CertificateUnusable as err:
                _log.warning("webhook certificate not looked after", error=str(err)[:300])
                failed = True
            on_trust(self.trusted)
            if not failed:
                backoff.reset()
            await asyncio.sleep(backoff.next_delay() if failed else every.total_seconds())

    async def reconcile(self) -> None:
        """Renew what is due and put everything in its place. Raises ApiErrors and CertificateUnusable."""
        for _ in range(ATTEMPTS):
            try:
                return await self._reconcile_once()
            except (Conflict, AlreadyExists):
                continue  # another replica was faster: go on from what it wrote
        raise Conflict("the webhook's Secret or configurations change all the time", status=409)

    async def _reconcile_once(self) -> None:
        found = [(kind, await self._cluster.find(kind, name)) for kind, name in CONFIGURATIONS]
        material = await self._agreed()
        bundles: list[bytes] = []
        for (kind, name), (_, configuration) in zip(CONFIGURATIONS, found, strict=True):
            if configuration is None:
                _log.warning("webhook configuration is missing", kind=kind.plural, name=name)
                bundles.append(b"")
                continue
            if self._rotation:
                configuration = await self._inject(kind, configuration, material.authorities)
            bundles += [_bundle_of(webhook) for webhook in configuration.get("webhooks") or [{}]]
        known = all(trusts(bundle, material) for bundle in bundles)
        if material != self._served.material and (known or not self._served.is_valid(self._now())):
            self._served.load(material)
            _log.info("webhook certificate loaded", trusted=known)
        self._in_bundles = all(trusts(bundle, self._served.material) for bundle in bundles)

    async def _agreed(self) -> CertificateMaterial:
        """What all replicas serve: the content of the Secret, renewed when that is due."""
        name, namespace = names.WEBHOOK_SECRET, self._namespace
        secret = await self._cluster.find(SECRETS, name, namespace=namespace)
        material = CertificateMaterial.from_secret((secret or {}).get("data"))
        due = renewal(material, hosts=self._hosts, now=self._now(), trusted=self._served.material.authorities)
        if secret is None and not self._rotation:
            raise CertificateUnusable(f"Secret {namespace}/{name} is missing, and rotation is off")
        if due is None or not self._rotation:
            return material
        data = due.material.to_secret()
        if secret is None:
            body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}
            await self._cluster.create(SECRETS, body, namespace=namespace)
        else:
            await self._cluster.patch(
                SECRETS,
                name,
                {"metadata": {"resourceVersion": secret["metadata"]["resourceVersion"]}, "data": data},
                namespace=namespace,
                field_manager=names.WEBHOOK_FIELD_MANAGER,
            )
        _log.info("webhook certificate renewed", secret=f"{namespace}/{name}", reason=due.reason)
        return due.material

    async def _inject(self, kind: Kind, configuration: Object, bundle: bytes) -> Object:
        """Put the authorities into every webhook of a configuration; no write when they are there."""
        text = base64.b64encode(bundle).decode()
        metadata = configuration["metadata"]
        changes = [
            {"op": "add", "path": f"/webhooks/{index}/clientConfig/caBundle", "value": text}
            for index, webhook in enumerate(configuration.get("webhooks") or ())
            if webhook["clientConfig"].get("caBundle") != text
        ]
        if not changes:
            return configuration
        as_read = {
            "op": "replace",
            "path": "/metadata/resourceVersion",
            "value": metadata["resourceVersion"],
        }
        changed = await self._cluster.patch(
            kind,
            metadata["name"],
            [as_read, *changes],
            content_type=JSON_PATCH,
            field_manager=names.WEBHOOK_FIELD_MANAGER,
        )
        _log.info("webhook authority injected", kind=kind.plural, name=metadata["name"])
        return changed


def _bundle_of(webhook: Mapping[str, Any]) -> bytes:
    try:
        return base64.b64decode((webhook.get("clientConfig") or {}).get("caBundle") or "")
    except (binascii.Error, ValueError):
        return b""
