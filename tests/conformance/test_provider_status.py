"""What the state of an upstream object means, against the recorded answers of the reference."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.provider.registry import installed_providers
from tests.conformance.compare import differences, presence
from tests.conformance.departures import adjusted, unexcused
from tests.conformance.loader import Vector, cases

GROUP = "provider_status"
COUNTS = ("desired", "ready", "available")


def counts(replicas: Any) -> dict[str, int]:
    """Replica counts; none at all and all zero are equal."""
    return {count: (replicas or {}).get(count) or 0 for count in COUNTS}


@pytest.mark.parametrize("vector", cases(GROUP, installed_providers()))
def test_upstream_state_reads_as_recorded(vector: Vector) -> None:
    want, _ = adjusted(vector.expect, group=GROUP, file=vector.file, given=vector.input)
    provider = installed_providers()[vector.file]

    if want.get("error"):
        with pytest.raises(ValueError):
            provider.read_status(vector.input["upstream"])
        return
    status = provider.read_status(vector.input["upstream"])

    endpoint = status.endpoint.dump() if status.endpoint else None
    replicas = status.replicas.dump() if status.replicas else None
    found = [
        *differences(want["phase"], status.phase.value, "phase"),
        *presence(want["message"], status.message, "message"),
        *differences(counts(want["replicas"]), counts(replicas), "replicas"),
        *differences(want["endpoint"], endpoint, "endpoint"),
        *differences(want["resource_name"], status.resource_name, "resource_name"),
        *differences(want["resource_kind"], status.resource_kind, "resource_kind"),
    ]
    left, _ = unexcused(found, group=GROUP, file=vector.file, given=vector.input)
    assert left == []
