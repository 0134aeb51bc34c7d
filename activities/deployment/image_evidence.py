"""What the gate of images says of signatures, for a status that calls an image verified.

People rely on that word when they let something run beside their data: so it is the gate's, which remembers
what it verified and asks the registry for the rest. Only of providers that this process serves: what another
one's worker verified, it did by settings of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from airunway.activities.deployment.status_claims import Known, providers_meant
from airunway.activities.trust.image_gate import ImageGate, TrustRefused
from airunway.activities.trust.rendered_trust import IMAGE_VERIFIED
from airunway.api.conditions import conditions_of, find_condition
from airunway.api.core_types import Condition, ConditionStatus
from airunway.api.status import DeploymentStatus, Phase
from airunway.messages.refs import DeploymentRef
from airunway.trust.signed import Signed, said_signed, said_signed_by


class ImageEvidence:
    """What one process' gate bears out; None: nothing is verified here. `providers`: whom it serves."""

    def __init__(self, gate: ImageGate | None, providers: Collection[str]) -> None:
        self._gate, self._providers = gate, providers

    async def problem(self, ref: DeploymentRef, status: DeploymentStatus, known: Known) -> str:
        """The first image that is not as verified as a status says, in words; empty without one.

        Asks for nothing where the status says no more than the last one. Raises ApiError.
        """
        image = status.image.dump() if status.image is not None else {}
        before = set(_said(conditions_of(known.obj), known.status.get("image") or {}))
        said = set(_said(status.conditions, image)) - before
        if not said or status.phase is Phase.TERMINATING:
            return ""
        meant = providers_meant(status, known)
        if meant and not meant & set(self._providers):
            return ""
        for pinned, key in sorted(said):
            why = await self._why_not(ref.namespace, pinned, key)
            if why:
                return f"it says that {pinned or 'an image without a digest'} is verified, and {why}"
        return ""

    async def _why_not(self, namespace: str, pinned: str, key: str) -> str:
        if self._gate is None:
            return "no signatures are verified here"
        try:
            await self._gate.confirm(namespace, pinned, key=key)
        except TrustRefused as refusal:
            return refusal.message
        return ""


def _said(conditions: Collection[Condition] | None, image: Mapping[str, Any]) -> Iterator[Signed]:
    verified = find_condition(conditions, IMAGE_VERIFIED)
    if verified is not None and verified.status is ConditionStatus.TRUE:
        yield from said_signed(verified.message)
    if image.get("verified"):
        yield str(image.get("resolved") or ""), said_signed_by(str(image.get("verificationMessage") or ""))
