"""A plain HTTP client for tests of an API server: what goes over the wire, nothing hidden."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import yaml

JSON = "application/json"
JSON_PATCH = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
AGENT = "conformance"  # the program name in the User-Agent, so the field manager where none is named
LARGE = 1 << 20  # bytes; aiohttp wants larger bodies as a file
MAX_HEADERS, MAX_HEADER_BYTES = 4096, 64 * 1024  # a server may warn of much, each in a header of its own
PATIENCE = 90.0  # seconds to wait for what a server does in the background
Obj = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """A finished answer."""

    code: int
    body: Any
    headers: Mapping[str, str]
    warnings: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """The Status's one word, such as `NotFound`; empty when it is none."""
        return str(self.body.get("reason", "")) if isinstance(self.body, dict) else ""

    @property
    def message(self) -> str:
        """The Status's sentence; empty when it is none."""
        return str(self.body.get("message", "")) if isinstance(self.body, dict) else ""

    @property
    def causes(self) -> list[Obj]:
        """What is wrong with an object, fault by fault."""
        details = self.body.get("details") or {}
        return list(details.get("causes") or ())

    def ok(self) -> Obj:
        """The object, when the request succeeded."""
        assert self.code in (200, 201, 202), (self.code, self.body)
        return dict(self.body)

    def refused(self, code: int, reason: str) -> Obj:
        """The Status, when the request was refused in this way."""
        assert (self.code, self.reason) == (code, reason), (self.code, self.body)
        return dict(self.body)


@dataclass
class Events:
    """An open watch; `next` gives one event after the other."""

    response: aiohttp.ClientResponse
    seen: list[Obj] = field(default_factory=list)

    async def next(self) -> Obj:
        """The next event. Raises EOFError when the server ended the watch."""
        line = await asyncio.wait_for(self.response.content.readline(), PATIENCE)
        if not line:
            raise EOFError("the watch ended")
        self.seen.append(json.loads(line))
        return self.seen[-1]

    async def types_and_names(self, count: int) -> list[tuple[str, str]]:
        """What the next events say happened to whom."""
        events = [await self.next() for _ in range(count)]
        return [(event["type"], event["object"]["metadata"]["name"]) for event in events]

    async def rest(self) -> list[Obj]:
        """All events until the server ends the watch."""
        events = []
        try:
            while True:
                events.append(await self.next())
        except EOFError:
            return events


class Api:
    """One API server, as its administrator."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        config = yaml.safe_load(kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        self.url: str = cluster["server"]
        self._headers = {"User-Agent": f"{AGENT}/1.0"}
        if token := config["users"][0]["user"].get("token"):
            self._headers["Authorization"] = f"Bearer {token}"
        self._ssl: ssl.SSLContext | bool = True
        if authority := cluster.get("certificate-authority-data"):
            self._ssl = ssl.create_default_context(cadata=base64.b64decode(authority).decode())
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Api:
        connector = aiohttp.TCPConnector(ssl=self._ssl)
        self._session = aiohttp.ClientSession(
            self.url,
            headers=self._headers,
            connector=connector,
            max_headers=MAX_HEADERS,
            max_field_size=MAX_HEADER_BYTES,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._session is not None
        await self._session.close()

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        type: str = JSON,
        accept: str = JSON,
        query: Mapping[str, Any] | None = None,
        agent: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request; a refusal is an answer too. `body` may be bytes, which are sent as they are."""
        assert self._session is not None
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        sent = {"Accept": accept} | ({"Content-Type": type} if data is not None else {}) | dict(headers or {})
        payload = io.BytesIO(data) if data and len(data) > LARGE else data
        if agent:
            sent["User-Agent"] = agent
        params = {key: str(value) for key, value in (query or {}).items()}
        async with self._session.request(method, path, data=payload, headers=sent, params=params) as response:
            text = await response.text()
            # the index of OpenAPI documents comes as plain text
            parsed = json.loads(text) if text.startswith("{") else text
            warnings = tuple(response.headers.getall("Warning", ()))
            return Answer(response.status, parsed, response.headers, warnings)

    async def get(self, path: str, **options: Any) -> Answer:
        """GET."""
        return await self.call("GET", path, **options)

    async def create(self, path: str, body: Any, **options: Any) -> Answer:
        """POST."""
        return await self.call("POST", path, body, **options)

    async def put(self, path: str, body: Any, **options: Any) -> Answer:
        """PUT."""
        return await self.call("PUT", path, body, **options)

    async def patch(self, path: str, body: Any, *, type: str = MERGE, **options: Any) -> Answer:
        """PATCH, a merge patch unless `type` says otherwise."""
        return await self.call("PATCH", path, body, type=type, **options)

    async def apply(
        self,
        path: str,
        body: Any,
        *,
        manager: str,
        force: bool = False,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Server-side apply."""
        options = {"fieldManager": manager, "force": str(force).lower(), **(query or {})}
        return await self.call("PATCH", path, body, type=APPLY, query=options, headers=headers)

    async def delete(self, path: str, body: Any = None, **options: Any) -> Answer:
        """DELETE; `body` are its options."""
        return await self.call("DELETE", path, body, **options)

    @asynccontextmanager
    async def watch(self, path: str, *, accept: str = JSON, **query: Any) -> AsyncIterator[Events]:
        """An open watch, ended with the block."""
        assert self._session is not None
        params = {"watch": "true", **{key: str(value) for key, value in query.items()}}
        async with self._session.get(path, params=params, headers={"Accept": accept}) as response:
            assert response.status == 200, await response.text()
            yield Events(response)

    async def until(self, path: str, wanted: Callable[[Answer], bool]) -> Answer:
        """Asks again until the answer is as wanted: for what a server does in the background."""
        async with asyncio.timeout(PATIENCE):
            while not wanted(answer := await self.get(path)):  # noqa: ASYNC110 (controllers tell nobody when)
                await asyncio.sleep(0.02)
            return answer
