"""The core's activities for deployments: read and decide, write the status, let go."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from airunway.activities.deployment.decision import DecisionActivities, Routes
from airunway.activities.deployment.finalizers import FinalizerActivity
from airunway.activities.deployment.reading import DeploymentReader, SelectionOptions
from airunway.activities.deployment.snapshots import SnapshotCache
from airunway.activities.deployment.status import StatusActivity
from airunway.activities.gateway.served_kinds import ServedGatewayKinds
from airunway.activities.trust.image_gate import ImageGate
from airunway.clients.kubernetes import Cluster
from airunway.messages.deployment import Limits
from airunway.provider import Provider


class DeploymentActivities:
    """The activities bound to one cluster. For the options see `DecisionActivities`.

    `gate`: which images are verified; None: none is.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        limits: Limits,
        options: SelectionOptions,
        cache: SnapshotCache | None = None,
        served_locally: Mapping[str, Provider] | None = None,
        search_attributes: Callable[[], Collection[str]] = tuple,
        gateway_kinds: ServedGatewayKinds | None = None,
        routes: Routes | None = None,
        gate: ImageGate | None = None,
    ) -> None:
        kinds = gateway_kinds or ServedGatewayKinds(cluster)
        reader, cache, served = (
            DeploymentReader(cluster, options),
            cache or SnapshotCache(),
            served_locally or {},
        )
        decision = DecisionActivities(
            reader,
            limits=limits,
            options=options,
            cache=cache,
            served_locally=served.keys(),
            search_attributes=search_attributes,
            serves_gateway=kinds.is_complete,
            routes=routes,
        )
        self.validate = decision.validate
        self.select_engine = decision.select_engine
        self.evaluate_provider_rules = decision.evaluate_provider_rules
        self.write_status = StatusActivity(
            cluster, reader=reader, cache=cache, providers=served, gateway_kinds=kinds, gate=gate
        ).write_status
        self.remove_finalizers = FinalizerActivity(cluster).remove_finalizers

    @property
    def all(self) -> list[Any]:
        """What a worker registers."""
        return [
            self.validate,
            self.select_engine,
            self.evaluate_provider_rules,
            self.write_status,
            self.remove_finalizers,
        ]
