"""The parts of trust, put together as the settings say."""

from __future__ import annotations

from collections.abc import Collection

from airunway.activities.model_image.options import ModelImageOptions
from airunway.activities.trust.image_gate import ImageGate, SignedImages
from airunway.activities.trust.image_signer import ImageSigner
from airunway.activities.trust.namespace_policies import NamespacePolicies
from airunway.activities.trust.verification_keys import VerificationKeys
from airunway.clients.kubernetes import Cluster
from airunway.clients.registry.client import RegistryClient, ResolvedReference
from airunway.clients.registry.references import parse_reference
from airunway.clients.registry.signatures import StoredSignature
from airunway.clients.registry.storage import ModelImageStorage
from airunway.workers.settings import Settings


class RegistriesOfImages:
    """Where signatures are looked for: ours is asked by the name that pushes know, others by their own.

    `pull_hosts`: what nodes call ours.
    """

    def __init__(
        self, world: RegistryClient, ours: ModelImageStorage, *, pull_hosts: Collection[str]
    ) -> None:
        self._world, self._ours, self._pull_hosts = world, ours, pull_hosts

    async def resolve(self, reference: str) -> ResolvedReference:
        """The digest of a tag. Raises RegistryError."""
        return await self._world.resolve(reference)

    async def signatures(self, reference: str, digest: str) -> list[StoredSignature]:
        """What is kept as signatures of an image, unchecked. Raises RegistryError."""
        image = parse_reference(reference)
        if {image.host, f"{image.host}:443"} & set(self._pull_hosts):  # images by digest are named without it
            return await self._ours.signatures(image.repository, digest)
        return await self._world.signatures(reference, digest)


def namespace_policies(cluster: Cluster, settings: Settings) -> NamespacePolicies:
    """What may run where; one for all queues of a process."""
    return NamespacePolicies(cluster, settings.trust_policy)


def image_gate(
    cluster: Cluster,
    settings: Settings,
    policies: NamespacePolicies,
    images: SignedImages,
    *,
    built_at: Collection[str],
) -> ImageGate:
    """The check of rendered objects."""
    keys = VerificationKeys(cluster, namespace=settings.pod_namespace, source=settings.verification_keys)
    return ImageGate(policies, keys=keys, images=images, built_at=built_at)


def image_signer(
    cluster: Cluster, settings: Settings, storage: ModelImageStorage, options: ModelImageOptions
) -> ImageSigner | None:
    """Who signs what is built here; None: nobody."""
    if not settings.signing_key:
        return None
    return ImageSigner(
        cluster,
        storage,
        namespace=settings.pod_namespace,
        secret=settings.signing_key,
        pull_host_of=options.pull_host_of,
    )
