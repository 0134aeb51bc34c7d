from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.watchdog import loop_watchdog  # noqa: F401  (every test's)
from tests.webhook.calling import Webhooks
from tests.webhook.calling import webhooks as running_webhooks


@pytest.fixture
async def webhooks() -> AsyncIterator[Webhooks]:
    """Both webhooks behind HTTPS; no provider is registered."""
    async with running_webhooks() as running:
        yield running
