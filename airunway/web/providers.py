"""How each provider stands: its config, and what the probes see of its operator, kept for a moment."""

from __future__ import annotations

from datetime import UTC, datetime

from airunway.activities.installation.operators import Probe
from airunway.api.heartbeat import oldest_alive
from airunway.clients.kubernetes import Cluster, Object
from airunway.console.provider_metadata import metadata_of
from airunway.installation.metadata import ProviderMetadata
from airunway.installation.prerequisites import PREREQUISITES, Prerequisite, prerequisite_metadata
from airunway.installation.state import Facts, InstallationStatus, status_of
from airunway.web.cache import TimedCache
from airunway.web.errors import WebError
from airunway.web.fleet import LiveFleet
from airunway.workers.settings import Settings

PROBE_SECONDS = 5.0


class ProviderStandings:
    """Reads under our own account."""

    def __init__(self, settings: Settings, cluster: Cluster, fleet: LiveFleet) -> None:
        self._settings, self._fleet = settings, fleet
        self._probe = Probe(cluster)
        self._facts: TimedCache[str, Facts] = TimedCache(seconds=PROBE_SECONDS, maximum=200)

    def config(self, provider: str) -> Object:
        """A provider's registration. Raises WebError (404, or 503 before any was listed)."""
        if provider in PREREQUISITES:
            raise WebError(404, f"Provider not found: {provider} is a shared prerequisite of the cluster")
        found = self._fleet.config(provider)
        if found is not None:
            return found
        if "configs" in self._fleet.not_listed:
            raise WebError(503, "the providers of the cluster could not be listed yet; try again in a moment")
        known = ", ".join(sorted(name for _, name in self._fleet.configs.objects)) or "none"
        raise WebError(404, f"Provider not found: {provider}; registered: {known}")

    def configs(self) -> list[Object]:
        """All registrations, by name."""
        return [self._fleet.configs.objects[key] for key in sorted(self._fleet.configs.objects)]

    async def of(self, config: Object) -> tuple[ProviderMetadata, InstallationStatus]:
        """What a provider says of itself, and how it stands."""
        metadata = metadata_of(config)
        facts = Facts()  # for one that is called like a prerequisite: nothing is looked at for it
        if metadata.id not in PREREQUISITES:
            facts = await self._facts.get(metadata.id, lambda: self._probe.facts(metadata))
        alive = oldest_alive(datetime.now(UTC), limit=self._settings.heartbeat_limit)
        return metadata, status_of(metadata, config, facts, alive_since=alive)

    async def of_prerequisite(self, known: Prerequisite) -> tuple[ProviderMetadata, InstallationStatus]:
        """What is installed for a prerequisite, and how it stands."""
        metadata = prerequisite_metadata(known)
        facts = await self._facts.get(metadata.id, lambda: self._probe.facts(metadata))
        return metadata, status_of(metadata, {}, facts, alive_since=datetime.now(UTC))

    def look_again(self, name: str) -> None:
        """Something was done about an operator, or a prerequisite."""
        self._facts.forget(name)
