"""What is there of a provider's operator, and how that counts: the probes' facts with the decision table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airunway.activities.installation.operators import Probe
from airunway.api.heartbeat import oldest_alive
from airunway.clients.kubernetes import Cluster
from airunway.installation.plan import InstallationPlan
from airunway.installation.state import Facts, InstallationStatus, status_of


class InstallationProbe(Probe):
    """Inspects the provider of a plan. `heartbeat_limit`: silence after which its worker counts as dead."""

    def __init__(self, cluster: Cluster, *, heartbeat_limit: timedelta) -> None:
        super().__init__(cluster)
        self._heartbeat_limit = heartbeat_limit

    async def status(self, plan: InstallationPlan) -> tuple[Facts, InstallationStatus]:
        """The facts, and what follows from them."""
        facts = await self.facts(plan.metadata)
        alive = oldest_alive(datetime.now(UTC), limit=self._heartbeat_limit)
        return facts, status_of(plan.metadata, plan.config, facts, alive_since=alive)
