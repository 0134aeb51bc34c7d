"""Deployments as this process read them last, with what it decided: for the next steps of the same reconcile.

Validating, selecting and rendering act on one version of a deployment; where they happen in one process it is
read and decided on once. A step names the version it wants, so an entry can be missing but never wrong.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from airunway.activities.deployment.status_claims import Known
from airunway.api.decision import Decision
from airunway.api.provider_config import InferenceProviderConfig
from airunway.api.status import GatewayStatus, UnifiedStatus
from airunway.clients.kubernetes import Object
from airunway.messages.decision import Recorded
from airunway.selection.engines import EngineChoice

Entry = TypeVar("Entry")

MAX_SNAPSHOTS = 512
"""Some 20 KB each; more deployments than one process has in hand at once."""
MAX_KNOWN = 2048
"""Of what a status is compared with; an entry shares its object with the snapshot of the same reconcile."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One version of a deployment, the provider configs at that time, and what follows from both."""

    deployment: Object
    """As the API server gave it. Must not be changed."""
    configs: Sequence[InferenceProviderConfig]
    configs_digest: str
    """Changes when a provider's offer or readiness changes."""
    recorded: Recorded | None
    """The selection that counted as recorded although it is not in the status."""
    engines: EngineChoice
    decision: Decision


class SnapshotCache:
    """A small memory of snapshots by the deployment's uid; the oldest go first."""

    def __init__(self) -> None:
        self._snapshots: OrderedDict[str, Snapshot] = OrderedDict()
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._upstream: OrderedDict[str, UnifiedStatus] = OrderedDict()
        self._gateways: OrderedDict[str, GatewayStatus] = OrderedDict()

    def remember(self, snapshot: Snapshot) -> None:
        """Keep a snapshot."""
        uid = snapshot.deployment["metadata"]["uid"]
        self._snapshots[uid] = snapshot
        self._snapshots.move_to_end(uid)
        if len(self._snapshots) > MAX_SNAPSHOTS:
            self._snapshots.popitem(last=False)

    def find(self, uid: str, resource_version: str) -> Snapshot | None:
        """The snapshot of that version, if it is known."""
        snapshot = self._snapshots.get(uid)
        if snapshot is None or snapshot.deployment["metadata"]["resourceVersion"] != resource_version:
            return None
        return snapshot

    def take(self, uid: str, resource_version: str) -> Snapshot | None:
        """The same, once: whoever asks again reads for himself."""
        found = self.find(uid, resource_version)
        if found is not None:
            del self._snapshots[uid]
        return found

    # -- what a status is compared with ---------------------------------------------------------------------

    def read_deployment(self, known: Known) -> None:
        """A deployment was read from the API server."""
        _keep(self._known, known.uid, known)

    def known(self, uid: str) -> Known | None:
        """A deployment as this process read it last, which may be long ago."""
        return self._known.get(uid)

    def wrote_status(self, uid: str, written: Object) -> None:
        """The API server answered a write of its status with this."""
        before = self._known.get(uid)
        if before is not None:
            _keep(self._known, uid, Known(obj=written, choosable=before.choosable))

    def read_upstream(self, uid: str, status: UnifiedStatus | None) -> None:
        """The upstream objects of a deployment were read, and say this; None: nothing."""
        if status is None:
            self._upstream.pop(uid, None)
        else:
            _keep(self._upstream, uid, status)

    def upstream(self, uid: str) -> UnifiedStatus | None:
        """What they said when this process read them last."""
        return self._upstream.get(uid)

    def read_gateway(self, uid: str, status: GatewayStatus | None) -> None:
        """How a deployment is published was read, and is this; None: nothing new was found."""
        if status is not None:
            _keep(self._gateways, uid, status)

    def gateway(self, uid: str) -> GatewayStatus | None:
        """How it was published when this process read that last."""
        return self._gateways.get(uid)


def _keep(memory: OrderedDict[str, Entry], uid: str, entry: Entry) -> None:
    memory[uid] = entry
    memory.move_to_end(uid)
    if len(memory) > MAX_KNOWN:
        memory.popitem(last=False)
