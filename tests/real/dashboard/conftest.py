"""A browser, and what a whole installation measures, for the dashboard."""

from __future__ import annotations

import pytest

from tests.real.browser.conftest import browser  # noqa: F401
from tests.real.test_alerts import world  # noqa: F401
from tests.servers import prometheus
from tests.servers.fixtures import require


@pytest.fixture(autouse=True)
def has_prometheus() -> None:
    require(prometheus.why_missing())
