"""One Kubernetes cluster: its objects and their changes."""

from __future__ import annotations

import copy
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import aiohttp

from airunway.api.names import FIELD_MANAGER
from airunway.clients.errors import AnswerTooLarge, NotFound
from airunway.clients.kubernetes.discovery import Discovery
from airunway.clients.kubernetes.kinds import PODS, Kind, Object, path_of
from airunway.clients.kubernetes.library import client
from airunway.clients.kubernetes.listing import PAGE, Listing
from airunway.clients.kubernetes.log_lines import lines_of
from airunway.clients.kubernetes.transport import (
    APPLY,
    MERGE_PATCH,
    USER_AGENT,
    Transport,
    load_configuration,
    without_credentials,
)
from airunway.clients.kubernetes.watching import WatchEvent, events_in
from airunway.clients.outages import KUBERNETES, OUTAGES

# A watch without any byte, bookmark included, for this long is taken for dead: some middle boxes drop
# idle connections without a word. The server is asked to end each watch well before.
WATCH_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=330.0)
WATCH_SECONDS = 290
LOG_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60.0)
FOLLOWED_LOG_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10)
"""A container may be silent for as long as it likes."""


class Cluster:
    """One Kubernetes cluster. Safe for concurrent use; close it when done."""

    def __init__(self, configuration: client.Configuration, *, user_agent: str = USER_AGENT) -> None:
        self._transport = Transport(configuration, user_agent=user_agent)
        self.host = self._transport.host
        self.discovery = Discovery(self._transport)
        self.outage = OUTAGES.part(KUBERNETES, self.host)
        """Where errors go that may be an outage of this API server, instead of each into the log."""
        self.outage.add(self._transport.probe)

    @classmethod
    async def connect(
        cls,
        kubeconfig: str | Path | None = None,
        *,
        context: str | None = None,
        user_agent: str = USER_AGENT,
    ) -> Self:
        """A client for a kubeconfig; without one the usual places, then the pod's service account.

        `user_agent`: who asks, for the API server's audit log. Raises
        `kubernetes.aio.config.ConfigException` when there is no configuration.
        """
        return cls(await load_configuration(kubeconfig, context=context), user_agent=user_agent)

    def acting_as(self, user: str) -> Self:
        """The same cluster, whose every request is in another user's name. Nothing to close."""
        view = copy.copy(self)
        view._transport = self._transport.acting_as(user)
        return view

    def with_token(self, token: str) -> Self:
        """The same cluster, whose every request bears another token. Nothing to close. Raises Unauthorized.

        For connections that have no credentials of their own: see `bare`.
        """
        view = copy.copy(self)
        view._transport = self._transport.with_token(token)
        return view

    def bare(self) -> Self:
        """Connections of its own to the same server, without any credentials; close it when done."""
        return type(self)(without_credentials(self._transport.configuration))

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Object:
        """One request for what is no object of a kind, such as a subresource. Raises ApiError."""
        return await self._transport.request(method, path, query=query, body=body)

    async def open(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  (aiohttp's own, per phase)
    ) -> aiohttp.ClientResponse:
        """An answer as it begins, whatever its status and content: logs, a proxied Service. The caller closes
        it. Raises Unreachable.
        """
        return await self._transport.send(method, path, query=query, body=body, timeout=timeout)

    async def close(self) -> None:
        """Close all connections."""
        self.outage.remove(self._transport.probe)
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def server_time(self) -> datetime | None:
        """The API server's clock, to the second; None where its answers do not tell. Raises ApiError."""
        return await self._transport.server_time()

    async def get(self, kind: Kind, name: str, *, namespace: str | None = None) -> Object:
        """Read one object. Raises NotFound when it or its kind is absent."""
        return await self._transport.request("GET", path_of(kind, namespace=namespace, name=name))

    async def find(self, kind: Kind, name: str, *, namespace: str | None = None) -> Object | None:
        """Read one object, or None when it or its kind is absent."""
        try:
            return await self.get(kind, name, namespace=namespace)
        except NotFound:
            return None

    async def listing(
        self,
        kind: Kind,
        *,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = PAGE,
        kept: Callable[[Object], Object] | None = None,
    ) -> Listing:
        """List objects, page by page; `kept`: the part of each that is held beyond its page."""
        items, version = list[Object](), ""
        selectors = {"label_selector": label_selector, "field_selector": field_selector}
        async for page in self.pages(kind, namespace=namespace, limit=limit, **selectors):
            items.extend(page.items if kept is None else map(kept, page.items))
            version = page.resource_version
        return Listing(items, version)

    async def pages(
        self,
        kind: Kind,
        *,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = PAGE,
    ) -> AsyncIterator[Listing]:
        """The same a page at a time; a page of large objects is asked for in smaller ones."""
        token = ""
        while True:
            query = {
                "labelSelector": label_selector,
                "fieldSelector": field_selector,
                "limit": str(limit),
                "continue": token,
            }
            try:
                page = await self._transport.request("GET", path_of(kind, namespace=namespace), query=query)
            except AnswerTooLarge:
                if limit == 1:
                    raise
                limit = max(1, limit // 8)
                continue
            meta = page.get("metadata") or {}
            yield Listing(list(page.get("items") or []), meta.get("resourceVersion", ""))
            token = meta.get("continue") or ""
            if not token:
                return

    async def create(
        self,
        kind: Kind,
        body: Object,
        *,
        namespace: str | None = None,
        field_manager: str = "",
        strict: bool = False,
        dry_run: bool = False,
        warnings: list[str] | None = None,
    ) -> Object:
        """Create an object. Raises AlreadyExists.

        Not `strict`: fields that its kind does not have are dropped, of which the server warns. `dry_run`:
        everything but storing it. `warnings` takes what the server says.
        """
        query = {
            "fieldManager": field_manager,
            "fieldValidation": "Strict" if strict else "",
            "dryRun": "All" if dry_run else "",
        }
        return await self._transport.request(
            "POST", path_of(kind, namespace=namespace), query=query, body=body, warnings=warnings
        )

    async def apply(
        self,
        kind: Kind,
        body: Object,
        *,
        field_manager: str,
        force: bool = True,
        subresource: str = "",
        strict: bool = False,
        dry_run: bool = False,
        warnings: list[str] | None = None,
    ) -> Object:
        """Server-side apply. A `metadata.uid` in the body makes it fail on another object (Conflict).

        `dry_run`: everything but storing it. `warnings` takes what the server warns of. Raises Invalid for a
        field that its kind does not have.
        """
        meta = body["metadata"]
        return await self._transport.request(
            "PATCH",
            path_of(kind, namespace=meta.get("namespace"), name=meta["name"], subresource=subresource),
            query={
                "fieldManager": field_manager,
                "force": "true" if force else "false",
                "fieldValidation": "Strict" if strict else "",
                "dryRun": "All" if dry_run else "",
            },
            body=body,
            content_type=APPLY,
            warnings=warnings,
        )

    async def patch(
        self,
        kind: Kind,
        name: str,
        body: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        namespace: str | None = None,
        content_type: str = MERGE_PATCH,
        subresource: str = "",
        field_manager: str = FIELD_MANAGER,
        warnings: list[str] | None = None,
    ) -> Object:
        """Merge patch or JSON patch. `warnings` takes what the server warns of."""
        return await self._transport.request(
            "PATCH",
            path_of(kind, namespace=namespace, name=name, subresource=subresource),
            query={"fieldManager": field_manager},
            body=body,
            content_type=content_type,
            warnings=warnings,
        )

    async def delete(
        self,
        kind: Kind,
        name: str,
        *,
        namespace: str | None = None,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: str = "Background",
        grace_seconds: int | None = None,
    ) -> None:
        """Delete an object; with `uid` or version only that very one (else Conflict). Raises NotFound."""
        body: Object = {"propagationPolicy": propagation}
        if grace_seconds is not None:
            body["gracePeriodSeconds"] = grace_seconds
        named = {"uid": uid, "resourceVersion": resource_version}
        if preconditions := {key: value for key, value in named.items() if value}:
            body["preconditions"] = preconditions
        await self._transport.request("DELETE", path_of(kind, namespace=namespace, name=name), body=body)

    async def watch(
        self,
        kind: Kind,
        *,
        resource_version: str,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
    ) -> AsyncIterator[WatchEvent]:
        """Events after a resource version, until the server ends the watch.

        Raises Expired when the version is too old, other ApiErrors as they come.
        """
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(WATCH_SECONDS),
            "labelSelector": label_selector,
            "fieldSelector": field_selector,
        }
        path = path_of(kind, namespace=namespace)
        async with (
            self._transport.streamed(path, query=query, timeout=WATCH_TIMEOUT) as response,
            aclosing(events_in(response, path)) as events,
        ):
            async for event in events:
                yield event

    async def log(
        self,
        pod: str,
        *,
        namespace: str,
        container: str = "",
        follow: bool = False,
        previous: bool = False,
        tail_lines: int | None = None,
    ) -> AsyncGenerator[str, None]:
        """Lines of a container's log, without their ends; with `follow` until it ends or the caller leaves.

        `container` may be empty where the pod has one only. `previous`: of its run before the last start.
        `tail_lines` None: all. Raises ApiError: Invalid or BadRequest while it has not begun, NotFound.
        """
        query = {
            "container": container,
            "follow": "true" if follow else "",
            "previous": "true" if previous else "",
            "tailLines": "" if tail_lines is None else str(tail_lines),
        }
        path = path_of(PODS, namespace=namespace, name=pod, subresource="log")
        timeout = FOLLOWED_LOG_TIMEOUT if follow else LOG_TIMEOUT
        async with (
            self._transport.streamed(path, query=query, timeout=timeout) as response,
            aclosing(lines_of(response, path)) as lines,
        ):
            async for line in lines:
                yield line
