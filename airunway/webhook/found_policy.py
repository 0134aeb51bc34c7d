"""What may run in a namespace, as admission knows it: from a watched list, else asked once.

Where it cannot be known, the write passes with a warning: the step that renders asks again, and deploys
nothing until it knows (`airunway.activities.trust`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from airunway.activities.trust.errors import PolicyUnreadable
from airunway.activities.trust.namespace_policies import NamespacePolicies
from airunway.clients.errors import ApiError
from airunway.trust.policy import TrustPolicy
from airunway.webhook.providers import DIRECT_READ_SECONDS


@dataclass(frozen=True, kw_only=True)
class FoundPolicy:
    """A policy, or an open one and why no other is known."""

    policy: TrustPolicy = field(default_factory=TrustPolicy)
    warnings: list[str] = field(default_factory=list)


async def found_policy(policies: NamespacePolicies, namespace: str) -> FoundPolicy:
    """What holds in a namespace. Never raises an ApiError."""
    try:
        async with asyncio.timeout(DIRECT_READ_SECONDS):
            return FoundPolicy(policy=await policies.of(namespace))
    except PolicyUnreadable as err:
        return FoundPolicy(warnings=[f"nothing is deployed here until this is mended: {err}"])
    except (ApiError, TimeoutError):
        words = f"what may run in {namespace} could not be read now; it is judged when it is deployed"
        return FoundPolicy(warnings=[words])
