"""Several Events of one write become one of each type."""

from __future__ import annotations

import pytest

from airunway.activities.deployment.event_folding import folded
from airunway.messages.deployment import EventSpec


def normal(reason: str, message: str = "") -> EventSpec:
    return EventSpec(reason=reason, message=message or reason.lower())


def warning(reason: str, message: str = "") -> EventSpec:
    return EventSpec(reason=reason, message=message or reason.lower(), warning=True)


@pytest.mark.parametrize(
    ("given", "want"),
    [
        pytest.param([], [], id="none"),
        pytest.param([normal("Ready")], [normal("Ready")], id="one"),
        pytest.param(
            [normal("ProviderSelected"), normal("ResourceCreated")],
            [normal("ResourceCreated", "providerselected; resourcecreated")],
            id="the furthest of the steps on the way",
        ),
        pytest.param(
            [normal("ResourceCreated"), normal("DriftRepaired"), normal("ProviderSelected")],
            [normal("DriftRepaired", "resourcecreated; driftrepaired; providerselected")],
            id="what is out of the ordinary before those",
        ),
        pytest.param(
            [warning("CRDMissing"), normal("ProviderSelected"), warning("NotReady")],
            [normal("ProviderSelected"), warning("CRDMissing", "crdmissing; notready")],
            id="the first warning is the cause",
        ),
        pytest.param([warning("A", "same"), warning("B", "same")], [warning("A", "same")], id="said once"),
    ],
)
def test_folding(given: list[EventSpec], want: list[EventSpec]) -> None:
    assert folded(given) == want
