"""The trust in one rendering: its models, all of its images, and what the status says of that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from airunway.activities.trust.image_gate import RETRY_SECONDS, ImageGate, TrustRefused, VerifiedImage
from airunway.activities.upstream.failures import StepFailed, failed
from airunway.api.conditions import condition
from airunway.api.core_types import Condition
from airunway.api.model_deployment import ModelDeployment
from airunway.api.status import ServingImageStatus
from airunway.clients.kubernetes import Object
from airunway.messages.deployment_state import IMAGE_NOT_ALLOWED, IMAGE_NOT_VERIFIED, MODEL_NOT_ALLOWED
from airunway.messages.upstream import RenderRequest
from airunway.trust.judging import PolicyRefusal, refuse_models_of_spec, refuse_models_rendered
from airunway.trust.policy import VERIFIED_SETTING, TrustPolicy
from airunway.trust.references import is_same_repository
from airunway.trust.signed import signed_by_words, signed_words

IMAGE_VERIFIED = "ImageVerified"
_NOT_ASKED = f"no policy asks for a signature of it ({VERIFIED_SETTING})"


class RenderedTrust:
    """Made for one rendering and thrown away. `gate` None: nothing is asked of anybody."""

    def __init__(self, gate: ImageGate | None, request: RenderRequest) -> None:
        self._gate, self._request = gate, request
        self._deployment: ModelDeployment | None = None
        self._policy = TrustPolicy()
        self.verified: dict[str, VerifiedImage] = {}

    async def begin(self, deployment: ModelDeployment) -> None:
        """Read the policy, and refuse a model before anything is done for it. Raises StepFailed."""
        self._deployment = deployment
        if self._gate is None:
            return
        try:
            self._policy = await self._gate.policy(self._request.ref.namespace)
        except TrustRefused as refusal:
            raise self._stop(refusal) from refusal
        with self._refusing():
            refuse_models_of_spec(self._policy, deployment)

    async def admit(
        self, objects: Sequence[Object], *, built_image: str | None, image: ServingImageStatus | None
    ) -> list[Object]:
        """The objects with verified images by their digests. Raises StepFailed.

        `built_image`: what was built for the deployment; `image`: what the provider resolved already.
        """
        if self._gate is None:
            return list(objects)
        with self._refusing():
            self._refuse_private(self._gate, objects)
            if self._policy.is_open:
                return list(objects)
            return await self._judged(self._gate, objects, built_image=built_image, image=image)

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        """A model that is not allowed, and what nobody can judge, as the failure of this step."""
        try:
            yield
        except PolicyRefusal as refusal:
            raise self._stop(TrustRefused(MODEL_NOT_ALLOWED, str(refusal))) from refusal
        except RecursionError as err:
            words = "it is nested too deeply to be judged; lay out spec.provider.overrides flatter"
            raise self._stop(TrustRefused(IMAGE_NOT_ALLOWED, words)) from err

    def _refuse_private(self, gate: ImageGate, objects: Sequence[Object]) -> None:
        try:
            gate.refuse_private(self._request.ref.namespace, objects)
        except TrustRefused as refusal:
            raise self._stop(refusal) from refusal

    async def _judged(
        self,
        gate: ImageGate,
        objects: Sequence[Object],
        *,
        built_image: str | None,
        image: ServingImageStatus | None,
    ) -> list[Object]:
        if self._deployment is None:
            raise RuntimeError("begin() comes first: it reads the policy")
        refuse_models_rendered(self._policy, self._deployment, objects)
        pins = dict(self._request.pinned_images)
        if image is not None and image.requested and image.digest:
            pins.setdefault(image.requested, image.digest)
        try:
            trusted = await gate.check(
                self._policy,
                objects,
                built_here=[built_image] if built_image else [],
                pins=pins,
                asked_for=_asked_for(image),
            )
        except TrustRefused as refusal:
            raise self._stop(refusal) from refusal
        self.verified |= trusted.verified
        return list(trusted.objects)

    @property
    def pins(self) -> dict[str, str]:
        """Tags that were verified, and the digests that they are deployed by from now on."""
        return {text: image.digest for text, image in self.verified.items() if "@" not in text}

    def conditions(self, image: ServingImageStatus | None) -> list[Condition]:
        """What was verified, or that nobody asked; nothing for a provider that says nothing of its image."""
        if self.verified:
            words = signed_words((entry.pinned, entry.key) for entry in self.verified.values())
            return [condition(IMAGE_VERIFIED, "True", "SignatureVerified", words)]
        if image is None:
            return []
        return [condition(IMAGE_VERIFIED, "Unknown", "VerificationNotAsked", _NOT_ASKED)]

    def describe(self, image: ServingImageStatus) -> ServingImageStatus:
        """The status of the serving image, with what was verified of it."""
        found = self._found(image)
        if found is None:
            return image.model_copy(update={"verification_message": _NOT_ASKED})
        update = {"verified": True, "verification_message": signed_by_words(found.key)}
        return image.model_copy(update={**update, "resolved": found.pinned, "digest": found.digest})

    def still_true(self, image: ServingImageStatus) -> ServingImageStatus:
        """The status of an image that is kept as it serves, without what nobody verified of it this time."""
        if not image.verified or self._found(image) is not None:
            return image
        return image.model_copy(update={"verified": None, "verification_message": _NOT_ASKED})

    def _found(self, image: ServingImageStatus) -> VerifiedImage | None:
        return self.verified.get(image.requested or "") or self.verified.get(image.resolved or "")

    def _stop(self, refusal: TrustRefused) -> StepFailed:
        kinds = ["ResourceCreated"] if self._request.applied else ["ResourceCreated", "Ready"]
        if refusal.reason == IMAGE_NOT_VERIFIED:
            kinds.append(IMAGE_VERIFIED)
        retry = 0 if refusal.final else RETRY_SECONDS
        return failed(
            refusal.reason, refusal.message, kinds, final=refusal.final, retry_seconds=retry, by_policy=True
        )


def _asked_for(image: ServingImageStatus | None) -> dict[str, str]:
    """Of an image that the provider resolved, the reference by which it was asked for. Pure.

    It is taken only for the repository that was asked for: the status may be an older one.
    """
    requested, resolved = (image.requested or "", image.resolved or "") if image is not None else ("", "")
    is_resolved = "@" in resolved and is_same_repository(resolved, requested)
    return {resolved: requested} if is_resolved else {}
