"""BuildKit as the steps of model images need it: from a plan to a solve, and what is kept of one.

Where BuildKit is and how it is trusted is asked again for each use: certificates may have been renewed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any

from airunway.activities.model_image.cluster import BuildServices
from airunway.activities.model_image.options import BuildOrder
from airunway.api import names
from airunway.clients.buildkit import (
    BuildKit,
    BuildKitEndpoint,
    CacheRecord,
    HttpFile,
    ImageBuild,
    Platform,
    Progress,
)
from airunway.clients.buildkit.llb import LINK_STEP, MERGE_STEP, copy_step
from airunway.clients.guarded_http import GuardedHttp, OutboundPolicy
from airunway.messages.model_image import BuildProgress
from airunway.modelimage.aikit import frontend_build
from airunway.modelimage.config import image_config
from airunway.modelimage.naming import AikitRequest
from airunway.modelimage.plan import AIKIT_LAYOUT, FIXED_DATES_LAYOUT, ModelImagePlan

PROBE_TIMEOUT = timedelta(seconds=15)
"""Of the question what became of a download."""
_ROUNDS = 3  # what is merged holds what is in its place; the daemon drops from the outside
TOKEN_SECRET = "hugging-face"
"""Id of the session secret that holds the Authorization header."""

Endpoints = Callable[[], AbstractAsyncContextManager[BuildKitEndpoint]]


@asynccontextmanager
async def endpoint_in_cluster(cluster: BuildServices, host: str) -> AsyncIterator[BuildKitEndpoint]:
    """The builder that is looked after here. Raises BuilderNotReady."""
    async with cluster.client_files() as files:
        yield BuildKitEndpoint(
            address=f"tcp://{host}:{names.BUILDER_PORT}",
            ca_file=files["ca"],
            cert_file=files["cert"],
            key_file=files["key"],
        )


@asynccontextmanager
async def endpoint_of(endpoint: BuildKitEndpoint) -> AsyncIterator[BuildKitEndpoint]:
    """Somebody else's builder."""
    yield endpoint


class BuildKitBuilder:
    """The daemon behind an endpoint. `hub`: where files, and AIKit's frontend, download from."""

    def __init__(
        self, endpoints: Endpoints, *, architecture: str, hub: str, policy: OutboundPolicy | None = None
    ) -> None:
        self._endpoints, self._platform, self._hub = endpoints, Platform("linux", architecture), hub
        self._http = GuardedHttp(policy, named=[hub], request_timeout=PROBE_TIMEOUT)

    async def check(self) -> str:
        """Its version. Raises BuilderUnreachable."""
        async with self._connected() as builder:
            return (await builder.info()).version

    async def build(self, order: BuildOrder, *, on_progress: Callable[[BuildProgress], None]) -> str:
        """Build and push; answers the digest. Raises BuildError."""

        def report(progress: Progress) -> None:
            on_progress(_progress_of(progress))

        host = order.push_to.partition("/")[0]
        common: dict[str, Any] = {
            "push_to": order.push_to,
            "ref": order.ref,
            "insecure": order.insecure,
            "registry_auth": {host: (order.login.user, order.login.password)} if order.login else {},
            "on_progress": report,
        }
        async with self._connected() as builder:
            if order.plan.layout == AIKIT_LAYOUT:
                attributes = self._frontend_attributes(order)
                built = await builder.build_with_frontend(
                    attributes.pop("source"), attributes=attributes, **common
                )
            else:
                secrets = {TOKEN_SECRET: f"Bearer {order.token}".encode()} if order.token else {}
                built = await builder.build(self._image(order), secrets=secrets, **common)
        return built.digest

    async def free(self, plan: ModelImagePlan | None, urls: Sequence[str]) -> int:
        """Drop what is kept of a plan's files, or everything, as far as nothing is at it; bytes freed."""
        async with self._connected() as builder:
            if plan is None:
                return await builder.prune()
            freed = 0
            for _ in range(_ROUNDS):
                kept = _of_files(await builder.disk_usage(), _files(plan, urls))
                if not kept:
                    break
                freed += await builder.prune(filters=[f"id=={entry.id}" for entry in kept])
            return freed

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[BuildKit]:
        async with self._endpoints() as endpoint, BuildKit(endpoint, http=self._http) as builder:
            yield builder

    def _image(self, order: BuildOrder) -> ImageBuild:
        return ImageBuild(
            base=order.plan.base,
            base_config=order.base_config,
            files=_files(order.plan, order.urls, auth_secret=TOKEN_SECRET if order.token else ""),
            config=image_config(order.plan),
            platform=self._platform,
            fixed_dates=order.plan.layout == FIXED_DATES_LAYOUT,
        )

    def _frontend_attributes(self, order: BuildOrder) -> dict[str, str]:
        plan = order.plan
        request = AikitRequest(source="huggingface", model=plan.repository, file=plan.main.path)
        asked = frontend_build(request, hub=self._hub, revision=plan.commit)
        return asked.attributes(plan.base)


def _files(plan: ModelImagePlan, urls: Sequence[str], *, auth_secret: str = "") -> list[HttpFile]:
    return [
        HttpFile(
            url=url,
            sha256=file.sha256,
            size=file.size,
            path=file.path_in_image,
            auth_secret=auth_secret,
        )
        for url, file in zip(urls, plan.files, strict=True)
    ]


def _of_files(kept: Sequence[CacheRecord], files: Sequence[HttpFile]) -> list[CacheRecord]:
    """What the daemon keeps of downloads, as it calls it: each as it came, in its place, and merged.

    Nobody can say which image links and a merged one belong to; they hold no bytes to speak of, and are soon
    made again.
    """
    own = {f"http url {file.url}" for file in files} | {copy_step(file) for file in files}
    idle = [entry for entry in kept if not entry.in_use]
    if not any(entry.description in own for entry in idle):
        return []
    return [entry for entry in idle if entry.description in own | {LINK_STEP, MERGE_STEP}]


def _progress_of(progress: Progress) -> BuildProgress:
    return BuildProgress(
        step=progress.step,
        done_bytes=progress.done_bytes,
        total_bytes=progress.total_bytes,
        bytes_per_second=progress.bytes_per_second,
        seconds_left=progress.seconds_left,
    )
