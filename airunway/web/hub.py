"""The hub as the catalogue's search and the sign-in use it: one small JSON answer at a time."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp

from airunway.clients.bounded_json import read_json_off_loop
from airunway.clients.errors import error_text
from airunway.clients.guarded_http import GuardedHttp, RequestRefused
from airunway.clients.http import TooLarge, read_at_most
from airunway.modelimage.naming import model_problem
from airunway.web.cache import TimedCache
from airunway.web.derive.compatibility import hub_model
from airunway.web.derive.throughput import CacheShape, cache_shape
from airunway.web.errors import WebError
from airunway.workers.settings import Settings

MAX_BYTES = 16 * 1024 * 1024
CALL_TIMEOUT = timedelta(seconds=15)
TASKS = ("text-generation", "image-text-to-text")
EXPANDED = ("safetensors", "gated", "config", "pipeline_tag", "library_name", "tags", "downloads", "likes")
MORE = 10
"""Entries that are asked for beyond a page: some of them nobody can serve."""

CONFIG_SECONDS, NO_CONFIG_SECONDS, MAX_CONFIGS = 3600.0, 60.0, 500
CONFIG_PATIENCE = 5.0
"""Seconds that a card of the catalogue waits for what makes it better, and is not needed."""


class HubPages:
    """Reads of one hub."""

    def __init__(self, settings: Settings) -> None:
        self.endpoint = settings.hugging_face.rstrip("/")
        self._http = GuardedHttp(
            settings.outbound, named=[self.endpoint], request_timeout=CALL_TIMEOUT, call_timeout=CALL_TIMEOUT
        )
        self._caches: TimedCache[tuple[str, str], CacheShape | None] = TimedCache(
            seconds=CONFIG_SECONDS, maximum=MAX_CONFIGS
        )

    async def search(
        self, query: str, *, limit: int, offset: int, token: str
    ) -> tuple[list[dict[str, Any]], bool]:
        """A page of models that can be served, and whether there are more. Raises WebError."""
        asked = {"search": query, "full": "true", "config": "true", "limit": str(limit + offset + MORE)}
        urls = [
            f"{self.endpoint}/api/models?{urlencode({**asked, 'filter': task})}"
            + "".join(f"&expand%5B%5D={name}" for name in EXPANDED)
            for task in TASKS
        ]
        answers = await asyncio.gather(*(self._get(url, token) for url in urls), return_exceptions=True)
        lists = [answer for answer in answers if isinstance(answer, list)]
        if not lists:
            failed = next((answer for answer in answers if isinstance(answer, WebError)), None)
            raise failed or WebError(502, f"{self.endpoint} does not answer a search as Hugging Face does")
        found = _merged(lists, with_gated=bool(token))
        return found[offset : offset + limit], len(found) > offset + limit

    async def gguf_files(self, model: str, *, token: str) -> list[str]:
        """The GGUF files of a repository, sorted. Raises WebError."""
        answer = await self._get(f"{self.endpoint}/api/models/{quote(model)}", token)
        siblings = answer.get("siblings") if isinstance(answer, Mapping) else None
        names = [str(entry.get("rfilename") or "") for entry in siblings or () if isinstance(entry, Mapping)]
        return sorted(name for name in names if name.endswith(".gguf"))

    async def cache_of(self, model: str, *, token: str) -> CacheShape | None:
        """What a model's own configuration tells of its KV cache; None where it cannot be had."""
        if model_problem(model):
            return None
        key = (model, hashlib.sha256(token.encode()).hexdigest())

        async def read() -> CacheShape | None:
            try:
                async with asyncio.timeout(CONFIG_PATIENCE):
                    url = f"{self.endpoint}/{quote(model)}/raw/main/config.json"
                    return cache_shape(await self._get(url, token))
            except (WebError, TimeoutError):
                return None

        found = await self._caches.get(key, read)
        if found is None and self._caches.peek(key) is not None:
            self._caches.put(key, None, seconds=NO_CONFIG_SECONDS)
        return found

    async def user(self, token: str) -> dict[str, Any]:
        """HfUser whose token it is. Raises WebError (400) when the hub refuses it."""
        answer = await self._get(f"{self.endpoint}/api/whoami-v2", token)
        if not isinstance(answer, Mapping) or not answer.get("name"):
            raise WebError(502, f"{self.endpoint} does not say whose token it is")
        name = str(answer["name"])
        shown = {
            "id": str(answer.get("id") or name),
            "name": name,
            "fullname": str(answer.get("fullname") or name),
            "email": answer.get("email"),
            "avatarUrl": answer.get("avatarUrl"),
        }
        return {key: value for key, value in shown.items() if value}

    async def exchange(self, form: Mapping[str, str]) -> Mapping[str, Any]:
        """The token for a code of OAuth. Raises WebError (400) when it is refused."""
        # A code and its verifier travel in the body: addresses are logged on the way.
        body = urlencode(form).encode()
        answer = await self._get(f"{self.endpoint}/oauth/token", "", method="POST", body=body)
        if not isinstance(answer, Mapping) or not answer.get("access_token"):
            raise WebError(400, "Hugging Face gave no token for this code; sign in again")
        return answer

    async def _get(self, url: str, token: str, *, method: str = "GET", body: bytes | None = None) -> Any:
        what = url.partition("?")[0]
        authorization = f"Bearer {token}" if token else ""
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if body is not None else {}
        try:
            async with (
                self._http.session() as session,
                session.request(
                    method, url, authorization=authorization, headers=headers, body=body
                ) as answer,
            ):
                if answer.status >= 400:
                    raise _refusal(what, answer.status)
                return await read_json_off_loop(await read_at_most(answer, MAX_BYTES))
        except (TooLarge, ValueError) as err:
            raise WebError(502, f"{what}: {err}") from err
        except RequestRefused as err:
            raise WebError(502, f"{what}: {err}") from err
        except (aiohttp.ClientError, OSError, TimeoutError) as err:
            raise WebError(502, f"{what} cannot be reached: {error_text(err)}") from err


def _refusal(what: str, status: int) -> WebError:
    if status in (401, 403):
        return WebError(
            400, f"Hugging Face does not accept the token, or it may not read this (HTTP {status})"
        )
    if status in (400, 404):
        return WebError(status, f"Hugging Face has no such thing, or not for this token: {what}")
    return WebError(502, f"{what} answers HTTP {status}")


def _merged(lists: Sequence[Sequence[Any]], *, with_gated: bool) -> list[dict[str, Any]]:
    """Models that can be served, each once, in the hub's order."""
    found: dict[str, dict[str, Any]] = {}
    for entries in lists:
        for entry in entries:
            if not isinstance(entry, Mapping):
                continue
            model = hub_model(entry)
            if model["id"] and model["compatible"] and (with_gated or not model["gated"]):
                found.setdefault(model["id"], model)
    return sorted(found.values(), key=lambda model: -int(model["downloads"]))
