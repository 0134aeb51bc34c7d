"""What publishes a deployment behind a Gateway, for every input: in the versions that a folder serves."""

from __future__ import annotations

import re
from collections.abc import Iterator

from airunway.api.model_deployment import ModelDeployment
from airunway.clients.kubernetes import Cluster
from airunway.gateway.capabilities import PoolPlace
from airunway.gateway.kinds import (
    ALL_KNOWN,
    GATEWAY_GROUP,
    PICKER_KINDS,
    POOL_GROUP,
    REFERENCE_GRANT,
    ServedKinds,
    kinds_served,
)
from airunway.gateway.objects import pool, reference_grant, route
from airunway.gateway.picker import picker_objects
from airunway.provider import Manifest
from tests.upstream_crds.folders import Version
from tests.upstream_crds.inputs import inputs
from tests.upstream_crds.renderings import NAMESPACE, Case, Renderings, placed

GROUPS = frozenset(
    {GATEWAY_GROUP, POOL_GROUP, *(kind.api_version.rpartition("/")[0] for kind in PICKER_KINDS)}
)
PLACE = {"namespace": NAMESPACE}
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,51}[a-z0-9])?")
LONG_NAME = "org/" + "a-very-long-model-name." * 8


async def collect(_cluster: Cluster, into: Renderings, version: Version) -> None:
    """Add what is written of this version's groups."""
    served = _served(version)
    for entry in inputs():
        given = entry.of(min(entry.providers))
        if not _NAME.fullmatch(given.name):
            continue  # nothing serves under a name that pods cannot bear as a label
        given = given.model_copy(update={"metadata": given.metadata.model_copy(update=PLACE)})
        for obj in _objects(given, served):
            if obj["apiVersion"].rpartition("/")[0] in version.groups:
                into.take(Case(provider="gateway", input=entry, obj=placed(obj)))


def _served(version: Version) -> ServedKinds:
    """In the folder's versions, and beside them what it has nothing to say of as it is known."""
    here: dict[str, dict[str, str]] = {}
    for (api_version, kind), path in version.paths.items():
        here.setdefault(api_version, {})[kind] = path.rpartition("/")[2]
    return ServedKinds({**ALL_KNOWN.kinds, **kinds_served(here).kinds})


def _objects(given: ModelDeployment, served: ServedKinds) -> Iterator[Manifest]:
    selector = {"app": given.name, "airunway.ai/model-deployment": given.name}
    made = pool(given, served, selector=selector, port=8000)
    yield made
    yield pool(given, served, selector={}, port=1)
    yield from picker_objects(given, image="registry.example.com/epp:v1.3.1", config="")
    backends = (
        PoolPlace(namespace=given.namespace, name=given.name),
        PoolPlace(namespace="pools", name="shared"),
    )
    for backend, section, timeout in zip(backends, ("", "https"), ("300s", "0s"), strict=True):
        for name in (given.spec.model.id or given.name, LONG_NAME):
            yield route(
                given,
                served,
                gateway=("edge", "inference-gateway"),
                section=section,
                model_name=name,
                wanted_name=name,
                backend=backend,
                timeout=timeout,
                waits=bool(section),
            )
    owner = {**made, "metadata": {**made["metadata"], "uid": "7d1e6f0a-0000-4000-8000-000000000000"}}
    grant = served[REFERENCE_GRANT]
    yield reference_grant(grant, owner, namespaces={"team-a", "team-b"})
