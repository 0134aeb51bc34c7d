"""A pretend model hub: lists and serves the files of a few repositories as Hugging Face does.

What a client of the real one meets is here: names of commits, hashes and sizes of large files, a redirect
to a content server that wants a signature instead of a token, ranges, private and gated repositories.
`gate` is the seam at which tests put faults.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Iterable
from typing import Self
from urllib.parse import quote

from aiohttp import web

from airunway.sandbox.for_this_machine import for_this_machine
from airunway.sandbox.hub_models import DEFAULT_MODELS, Blob, HubModel, made_up

LAST_MODIFIED = "Thu, 01 Jan 2026 00:00:00 GMT"
_SIGNING_KEY = b"anybody may know this key"
_CHUNK_BYTES = 1024 * 1024
MAX_MADE_UP = 64
"""How many made-up repositories are kept; each is some tens of KiB."""


class PretendHub:
    """Serves on loopback, as a context manager. `url` is what a client takes for `https://huggingface.co`."""

    def __init__(self, models: Iterable[HubModel] = DEFAULT_MODELS, *, any_model: bool = False) -> None:
        """`any_model`: there is a repository of every name that could be one; see `hub_models.made_up`."""
        self._any_model = any_model
        self._made_up: OrderedDict[str, HubModel] = OrderedDict()
        self._commits: dict[tuple[str, str], HubModel] = {}
        self._heads: dict[str, HubModel] = {}
        self._blobs: dict[str, Blob] = {}
        for model in models:
            self.publish(model)
        self.last_modified = LAST_MODIFIED
        """What the content server says of every file; empty: nothing."""
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[for_this_machine])
        app.router.add_get("/api/models/{repo:.+?}/revision/{revision}", self._model)
        app.router.add_get("/api/models/{repo:.+?}/commits/{revision}", self._history)
        app.router.add_get("/api/models/{repo:.+}", self._model)
        app.router.add_get("/cdn/{sha256}", self._content)
        app.router.add_get("/{repo:.+?}/resolve/{revision}/{file:.+}", self._resolve)
        # A download that is never finished must not hold up the end.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    @property
    def content_url(self) -> str:
        """Where it sends for files: another name of this machine."""
        return self.url.replace("127.0.0.1", "localhost")

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def publish(self, model: HubModel) -> str:
        """Make this the newest state of its repository; answers its commit. Older commits stay."""
        self._heads[model.id] = model
        self._commits[model.id, model.commit] = model
        self._blobs.update({blob.sha256: blob for blob in model.blobs.values()})
        return model.commit

    async def gate(self, request: web.Request) -> None:
        """Called before every answer. A raised `web.HTTPException` becomes the answer."""

    async def write(self, response: web.StreamResponse, chunk: bytes) -> None:
        """Send one piece of a file."""
        await response.write(chunk)

    # -- the hub ------------------------------------------------------------------------------------------

    async def _model(self, request: web.Request) -> web.Response:
        await self.gate(request)
        model = self._found(request)
        with_blobs = request.query.get("blobs") == "true"
        return web.json_response(model.document(with_blobs=with_blobs))

    async def _history(self, request: web.Request) -> web.Response:
        await self.gate(request)
        model = self._found(request)
        earlier = [commit for repo, commit in self._commits if repo == model.id and commit != model.commit]
        return web.json_response([{"id": commit} for commit in (model.commit, *reversed(earlier))])

    async def _resolve(self, request: web.Request) -> web.StreamResponse:
        await self.gate(request)
        model, file = self._found(request), request.match_info["file"]
        if model.gated and not model.lets_in(_token(request)):
            kind = web.HTTPForbidden if _token(request) else web.HTTPUnauthorized
            raise _refusal(kind, "GatedRepo", f"Access to model {model.id} is restricted.")
        blob = model.blobs.get(file)
        if blob is None:
            raise _refusal(web.HTTPNotFound, "EntryNotFound", "Entry not found")
        headers = {"X-Repo-Commit": model.commit, "ETag": f'"{blob.sha256}"', "Accept-Ranges": "bytes"}
        if not blob.is_large:
            return await self._send(request, blob, headers)
        headers |= {"X-Linked-Size": str(blob.size), "X-Linked-Etag": f'"{blob.sha256}"'}
        # The content server has another name, so that a client takes its token elsewhere no further.
        host = self.content_url
        where = f"{host}/cdn/{blob.sha256}?file={quote(file)}&signature={_signature(blob.sha256)}"
        raise web.HTTPFound(where, headers=headers)

    def _found(self, request: web.Request) -> HubModel:
        """The model asked for, or the hub's refusal: who may not see a repository does not learn of it."""
        repo, revision = request.match_info["repo"], request.match_info.get("revision", "main")
        head = self._heads.get(repo) or self._made(repo)
        if head is None or (head.token and not head.gated and not head.lets_in(_token(request))):
            kind = web.HTTPNotFound if _token(request) else web.HTTPUnauthorized
            raise _refusal(kind, "RepoNotFound", "Repository not found")
        is_head = revision in ("main", head.commit)
        model = head if is_head else self._commits.get((repo, revision))
        if model is None:
            raise _refusal(web.HTTPNotFound, "RevisionNotFound", f"Invalid rev id: {revision}")
        return model

    def _made(self, repo: str) -> HubModel | None:
        """A repository of that name; those asked for longest ago are forgotten, and made anew alike."""
        if not self._any_model:
            return None
        model = self._made_up.pop(repo, None) or made_up(repo)
        if model is None:
            return None
        self._made_up[repo] = model
        if len(self._made_up) > MAX_MADE_UP:
            self._made_up.popitem(last=False)
        return model

    def _blob(self, sha256: str) -> Blob | None:
        made = (blob for model in self._made_up.values() for blob in model.blobs.values())
        return self._blobs.get(sha256) or next((blob for blob in made if blob.sha256 == sha256), None)

    # -- the content server -------------------------------------------------------------------------------

    async def _content(self, request: web.Request) -> web.StreamResponse:
        await self.gate(request)
        blob = self._blob(request.match_info["sha256"])
        signature = request.query.get("signature", "")
        if blob is None or not hmac.compare_digest(signature, _signature(blob.sha256)):
            raise web.HTTPForbidden(text="<Error><Code>AccessDenied</Code></Error>")
        headers = {"ETag": f'"{blob.sha256}"', "Accept-Ranges": "bytes"}
        if self.last_modified:
            headers["Last-Modified"] = self.last_modified
        return await self._send(request, blob, headers)

    async def _send(self, request: web.Request, blob: Blob, headers: dict[str, str]) -> web.StreamResponse:
        start, stop, status = 0, blob.size, 200
        try:
            wanted = request.http_range
        except ValueError as err:
            raise web.HTTPRequestRangeNotSatisfiable from err
        if wanted.start is not None or wanted.stop is not None:
            start, stop, _ = wanted.indices(blob.size)
            if start >= stop:
                raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{blob.size}"})
            status, headers["Content-Range"] = 206, f"bytes {start}-{stop - 1}/{blob.size}"
        headers |= {"Content-Length": str(stop - start), "Content-Type": "application/octet-stream"}
        response = web.StreamResponse(status=status, headers=headers)
        await response.prepare(request)
        if request.method != "HEAD":
            for chunk in self.chunks_of(request, blob, start, stop):
                await self.write(response, chunk)
        return response

    def chunks_of(self, request: web.Request, blob: Blob, start: int, stop: int) -> Iterable[bytes]:
        """The bytes that are sent for a file's part."""
        return blob.chunks(start, stop, size=_CHUNK_BYTES)


def resolve_url(hub: str, repo: str, commit: str, file: str) -> str:
    """Where a file of a commit is downloaded."""
    return f"{hub}/{repo}/resolve/{commit}/{quote(file)}"


def _token(request: web.Request) -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if kind.lower() == "bearer" else ""


def _signature(sha256: str) -> str:
    return hmac.new(_SIGNING_KEY, sha256.encode(), hashlib.sha256).hexdigest()


def _refusal(kind: type[web.HTTPException], code: str, message: str) -> web.HTTPException:
    return kind(headers={"X-Error-Code": code, "X-Error-Message": message}, text=message)
