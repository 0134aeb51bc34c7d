"""Images that `/aikit/build` promised: which GGUF file a create means that names only the image.

The reference's client builds first, in one request of up to ten minutes, and then creates a deployment with
the image alone. Here the build is a workflow, to be watched and cancelled: so the first request answers
at once, and the second is turned into what makes the control plane build the image.
"""

from __future__ import annotations

from airunway.clients.huggingface import HubError, HuggingFace
from airunway.modelimage.naming import (
    PULL_HOST,
    AikitRequest,
    model_image_reference,
    model_problem,
    repository_name,
)
from airunway.web.cache import TimedCache
from airunway.web.derive.bodies import DeploymentBody
from airunway.web.derive.creation import KAITO
from airunway.web.errors import WebError
from airunway.workers.settings import Settings

PROMISE_SECONDS = 24 * 60 * 60.0
MAX_PROMISES = 5_000


class ImagePromises:
    """The promises of this process; one of another, or before a restart, is read off the hub's list."""

    def __init__(self, settings: Settings) -> None:
        self._hub = HuggingFace(settings.hugging_face, policy=settings.outbound)
        self._kept: TimedCache[tuple[str, str], str] = TimedCache(
            seconds=PROMISE_SECONDS, maximum=MAX_PROMISES
        )

    def promise(self, request: AikitRequest) -> str:
        """The reference of a valid request, which is kept for the create that follows."""
        reference = model_image_reference(request)
        if request.file:
            self._kept.put((reference, request.model), request.file)
        return reference

    async def file_for(self, body: DeploymentBody) -> str:
        """The file whose image is meant; empty: the request means what it says.

        Raises WebError (409) when an image was promised, and nothing tells of which file.
        """
        reference = body.image_ref or ""
        if not reference.startswith(f"{PULL_HOST}/") or body.provider not in (None, KAITO):
            return ""
        kept = self._kept.peek((reference, body.model_id))
        if kept is not None:
            return kept[0]
        if body.gguf_file and _reference(body.model_id, body.gguf_file) == reference:
            return body.gguf_file
        promised = reference.startswith(f"{PULL_HOST}/{repository_name(body.model_id)}:")
        if not promised or model_problem(body.model_id):
            return ""
        return await self._of_hub(body.model_id, reference)

    async def _of_hub(self, model: str, reference: str) -> str:
        again = "build it again (POST /api/aikit/build) and create the deployment then"
        try:
            repository = await self._hub.repository(model, revision="main")
        except HubError as err:
            raise WebError(
                409, f"of which file {reference} was to be built is not known: {err}; {again}"
            ) from err
        files = [file.path for file in repository.files if file.path.endswith(".gguf")]
        found = [file for file in files if _reference(model, file) == reference]
        if len(found) != 1:
            names = ", ".join(found[:5]) or "no file"
            raise WebError(
                409, f"of which file {reference} was to be built is not known: {names} fit; {again}"
            )
        return found[0]


def _reference(model: str, file: str) -> str:
    return model_image_reference(AikitRequest(source="huggingface", model=model, file=file))
