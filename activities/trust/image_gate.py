"""Whether images and models may run in a namespace, and which digests of those images are deployed.

What was verified is a digest, and that digest is what runs: a tag is resolved once, here, and written into
the objects, so nobody can move it between the check and the pull.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from weakref import WeakValueDictionary

from airunway.activities.trust.errors import KeysUnreadable, PolicyUnreadable
from airunway.activities.trust.verification_keys import VerificationKeys
from airunway.clients.errors import ClientError
from airunway.clients.kubernetes import Object
from airunway.clients.registry.client import ResolvedReference
from airunway.clients.registry.errors import RegistryUnavailable
from airunway.clients.registry.references import is_digest
from airunway.clients.registry.signatures import StoredSignature
from airunway.messages.deployment_state import (
    IMAGE_NOT_ALLOWED,
    IMAGE_NOT_VERIFIED,
    POLICY_UNREADABLE,
)
from airunway.trust.judging import PolicyRefusal, allowed_images
from airunway.trust.keys import VerificationKey, signed_by
from airunway.trust.payload import payload_problem, signed_text
from airunway.trust.policy import VERIFIED_SETTING, TrustPolicy
from airunway.trust.references import ImageName, InvalidReference, image_name, private_problem
from airunway.trust.rendered import images_in, with_images

MAX_REMEMBERED = 1024
RETRY_SECONDS = 60


class TrustRefused(Exception):
    """Something rendered may not run. `final`: not until image, spec or policy change."""

    def __init__(self, reason: str, message: str, *, final: bool = True) -> None:
        super().__init__(message)
        self.reason, self.message, self.final = reason, message, final


class Policies(Protocol):
    """What holds where; see `namespace_policies`."""

    async def of(self, namespace: str) -> TrustPolicy:
        """The policy of a namespace."""


class SignedImages(Protocol):
    """What is needed of registries; see `airunway.clients.registry.client.RegistryClient`."""

    async def resolve(self, reference: str) -> ResolvedReference:
        """The digest of a tag."""

    async def signatures(self, reference: str, digest: str) -> list[StoredSignature]:
        """What is kept as signatures of an image."""


@dataclass(frozen=True, kw_only=True)
class VerifiedImage:
    """An image whose signature is good. `text`: as it was rendered."""

    text: str
    digest: str
    pinned: str
    """What is deployed: the same by digest."""
    key: str


@dataclass(frozen=True, kw_only=True)
class TrustedObjects:
    """The objects that may be written, and what was verified of their images."""

    objects: Sequence[Object]
    verified: Mapping[str, VerifiedImage] = field(default_factory=dict)
    """By the text of the reference."""


class ImageGate:
    """The check of one process; remembers which digests are signed by which of the present keys.

    `built_at`: what nodes call the registry of built images, where private ones are kept apart in it.
    """

    def __init__(
        self,
        policies: Policies,
        *,
        keys: VerificationKeys,
        images: SignedImages,
        built_at: Collection[str] = (),
    ) -> None:
        self._policies, self._keys, self._images = policies, keys, images
        self._built_at = frozenset(built_at)
        self._good: OrderedDict[tuple[str, ...], str] = OrderedDict()
        self._asking: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def policy(self, namespace: str) -> TrustPolicy:
        """What holds in a namespace. Raises TrustRefused, and ApiError where trying again can help."""
        try:
            return await self._policies.of(namespace)
        except PolicyUnreadable as err:
            raise TrustRefused(POLICY_UNREADABLE, str(err), final=False) from err

    def refuse_private(self, namespace: str, objects: Sequence[Object]) -> None:
        """See that no object names an image that is another namespace's alone. Raises TrustRefused."""
        for image in images_in(objects):
            if isinstance(image.value, str):
                problem = private_problem(image.value, namespace, hosts=self._built_at)
                if problem:
                    raise TrustRefused(IMAGE_NOT_ALLOWED, f"{image.path}: {problem}")

    async def check(
        self,
        policy: TrustPolicy,
        objects: Sequence[Object],
        *,
        built_here: Collection[str],
        pins: Mapping[str, str],
        asked_for: Mapping[str, str],
    ) -> TrustedObjects:
        """The objects with the digests of the images that had to be verified. Raises TrustRefused.

        `built_here`: images that this system built for the deployment, which need not be allowed. `pins`:
        digests that tags stood for when they were verified before. `asked_for`: see `allowed_images`.
        """
        if policy.is_open:
            return TrustedObjects(objects=objects)
        try:
            judged = allowed_images(policy, objects, built_here, asked_for=asked_for)
        except PolicyRefusal as refusal:
            raise TrustRefused(IMAGE_NOT_ALLOWED, str(refusal)) from refusal
        rules = {text: rule for text, asked in judged.items() if (rule := policy.verification_rule(asked))}
        checked = await asyncio.gather(
            *(self._verified(text, rule, policy, pins) for text, rule in rules.items())
        )
        verified = {image.text: image for image in checked}
        replaced = {text: image.pinned for text, image in verified.items()}
        return TrustedObjects(objects=with_images(objects, replaced), verified=verified)

    async def confirm(self, namespace: str, pinned: str, *, key: str) -> None:
        """See that an image by its digest is one that has to be signed, and is, by the key of that name.

        Raises TrustRefused, and ApiError where trying again can help.
        """
        try:
            image, rule = image_name(pinned), (await self.policy(namespace)).verification_rule(pinned)
        except InvalidReference as err:
            raise TrustRefused(IMAGE_NOT_VERIFIED, str(err)) from err
        if not rule:
            raise TrustRefused(
                IMAGE_NOT_VERIFIED, f"no policy asks for a signature of it ({VERIFIED_SETTING})"
            )
        if not is_digest(image.digest):
            raise TrustRefused(IMAGE_NOT_VERIFIED, "that is no image by its digest")
        try:
            keys = await self._keys.read()
            if await self._key_of(image, image.digest, keys) != key:  # else by another one besides
                await self._key_of(image, image.digest, [entry for entry in keys if entry.name == key])
        except ClientError as err:
            raise TrustRefused(IMAGE_NOT_VERIFIED, f"that cannot be seen: {err}", final=False) from err

    async def _verified(
        self, text: str, rule: str, policy: TrustPolicy, pins: Mapping[str, str]
    ) -> VerifiedImage:
        image = image_name(text)
        asked = f"{rule} of {policy.verified.where} asks for a signature"
        try:
            keys = await self._keys.read()
            digest = image.digest or await self._digest_of(text, pins)
            key = await self._key_of(image, digest, keys)
        except (KeysUnreadable, RegistryUnavailable) as err:
            words = f"{text}: {asked}, which cannot be looked for now: {err}"
            raise TrustRefused(IMAGE_NOT_VERIFIED, words, final=False) from err
        except ClientError as err:
            words = f"{text}: {asked}, which cannot be looked for: {err}; sign an image that can be asked for"
            raise TrustRefused(IMAGE_NOT_VERIFIED, words) from err
        return VerifiedImage(text=text, digest=digest, pinned=image.at(digest), key=key)

    async def _key_of(self, image: ImageName, digest: str, keys: list[VerificationKey]) -> str:
        """The name of the key that the image is signed by. Raises TrustRefused, ClientErrors."""
        fingerprints = sorted(entry.fingerprint for entry in keys)
        known = (image.untagged, digest, *fingerprints)
        # One question for all deployments that want the same image at the same time.
        async with self._asking.setdefault((image.untagged, digest), asyncio.Lock()):
            if known in self._good:
                return self._good[known]
            stored = await self._images.signatures(image.text, digest)
            # Off the loop: whoever may push to a repository decides how many signatures are compared.
            key, why_not = await asyncio.to_thread(_judge, stored, digest, keys)
            if key is None:
                raise TrustRefused(IMAGE_NOT_VERIFIED, self._refusal(image, digest, why_not))
            self._good[known] = key.name
            if len(self._good) > MAX_REMEMBERED:
                self._good.popitem(last=False)
            return key.name

    async def _digest_of(self, text: str, pins: Mapping[str, str]) -> str:
        """The digest that a tag was verified to stand for, else what it stands for now."""
        pinned = pins.get(text, "")
        return pinned if is_digest(pinned) else (await self._images.resolve(text)).digest

    def _refusal(self, image: ImageName, digest: str, why_not: str) -> str:
        return (
            f"{image.text} ({digest}) is not verified: {why_not}. Have it signed (`cosign sign --key …"
            f" {image.at(digest)}`), or ask an administrator to add the signer's public key to"
            f" {self._keys.where}"
        )


def _judge(
    stored: Sequence[StoredSignature], digest: str, keys: list[VerificationKey]
) -> tuple[VerificationKey | None, str]:
    """The key of the first good signature, else why there is none."""
    flaws: list[str] = []
    for entry in stored:
        key = signed_by(signed_text(entry), entry.signature, keys)
        if key is None:
            continue
        flaw = payload_problem(entry, digest)
        if not flaw:
            return key, ""
        flaws.append(flaw)
    if flaws:
        return None, f"of its signature, {flaws[0]}"
    if stored:
        return None, f"none of its {len(stored)} signatures is by a key that counts here"
    return None, "it has no signature"
