"""Fixtures of the clients' tests."""

from __future__ import annotations

import pytest

from kube_emulator.envtest.ports import free_port
from tests.watchdog import loop_watchdog  # noqa: F401  (every test's)


@pytest.fixture
def closed_port() -> int:
    """A port on which nobody answers."""
    return free_port()
