"""One pod of the webhooks, as far as its certificate goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airunway.webhook.certificates import CertificateMaterial
from airunway.webhook.keeper import CertificateKeeper
from airunway.webhook.tls import ServedCertificate
from tests.webhook.store import FakeStore

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
HOST = "airunway-webhook-service.airunway-system.svc"


class Replica:
    """One pod: its server's certificate, its keeper, its clock."""

    def __init__(self, store: FakeStore, **options: Any) -> None:
        self.now = START
        self.served = ServedCertificate()
        self.keeper = CertificateKeeper(
            store,
            self.served,
            namespace="airunway-system",
            hosts=[HOST],
            now=lambda: self.now,
            **options,
        )

    async def reconcile(self, *, after: timedelta = timedelta()) -> CertificateMaterial:
        self.now += after
        await self.keeper.reconcile()
        return self.served.material
