"""The Kubernetes API as this system uses it: plain JSON objects, server-side apply, errors by meaning.

Configuration, TLS and credentials (kubeconfig, service account, exec plugins, token renewal) are the
official client's (`kubernetes.aio`). Its typed models are not used: every kind here is either a custom
resource or passed through, and turning JSON into objects and back costs more than the request.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self
from urllib.parse import quote, urlencode

import aiohttp
from kubernetes.aio import client, config

from airunway.clients.encoding import yaml_from
from airunway.clients.errors import NotFound, Unreachable, api_error

Object = dict[str, Any]

SERVICE_ACCOUNT_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"

APPLY = "application/apply-patch+yaml"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"

# Enough for a burst of deployments on one worker; the library's default of 100 for all hosts is shared
# with the watches, which hold theirs for good.
POOL_SIZE = 256
REQUEST_TIMEOUT_SECONDS = 20.0
# A watch without any byte, bookmark included, for this long is taken for dead: some middle boxes drop
# idle connections without a word. The server is asked to end each watch well before.
WATCH_SILENCE_SECONDS = 330.0
WATCH_TIMEOUT_SECONDS = 290


class Kind(Protocol):
    """What the client needs to know of a kind."""

    @property
    def api_version(self) -> str:
        """Group and version, e.g. `apps/v1`; `v1` for the core group."""

    @property
    def plural(self) -> str:
        """Name in paths, e.g. `deployments`."""


@dataclass(frozen=True)
class Resource:
    """A kind by its API version and plural."""

    api_version: str
    plural: str


DEPLOYMENTS = Resource("airunway.ai/v1alpha1", "modeldeployments")
CONFIGS = Resource("airunway.ai/v1alpha1", "inferenceproviderconfigs")
CRDS = Resource("apiextensions.k8s.io/v1", "customresourcedefinitions")
EVENTS = Resource("v1", "events")
PODS = Resource("v1", "pods")
SECRETS = Resource("v1", "secrets")
NAMESPACES = Resource("v1", "namespaces")
NODES = Resource("v1", "nodes")
APPS_DEPLOYMENTS = Resource("apps/v1", "deployments")


@dataclass(frozen=True)
class Listing:
    """A list answer."""

    items: list[Object]
    resource_version: str


@dataclass(frozen=True)
class WatchEvent:
    """One event of a watch: ADDED, MODIFIED, DELETED or BOOKMARK."""

    type: str
    object: Object


def path_of(
    kind: Kind, *, namespace: str | None = None, name: str | None = None, subresource: str = ""
) -> str:
    """URL path of a collection or an object."""
    group = f"/api/{kind.api_version}" if "/" not in kind.api_version else f"/apis/{kind.api_version}"
    path = f"{group}/namespaces/{quote(namespace)}/{kind.plural}" if namespace else f"{group}/{kind.plural}"
    if name is not None:
        path += f"/{quote(name)}"
    return f"{path}/{subresource}" if subresource else path


class Cluster:
    """One Kubernetes cluster. Safe for concurrent use; close it when done."""

    def __init__(self, configuration: client.Configuration) -> None:
        configuration.connection_pool_maxsize = POOL_SIZE
        self._configuration = configuration
        self._api = client.ApiClient(configuration)
        self.host = configuration.host

    @classmethod
    async def connect(cls, kubeconfig: str | Path | None = None, *, context: str | None = None) -> Self:
        """A client for a kubeconfig; without one the usual places, then the pod's service account.

        Raises `kubernetes.aio.config.ConfigException` when there is no configuration.
        """
        configuration = client.Configuration()
        if kubeconfig is None and os.path.exists(SERVICE_ACCOUNT_TOKEN):  # noqa: ASYNC240  (once, at start)
            config.load_incluster_config(client_configuration=configuration)
        else:
            await config.load_kube_config(
                config_file=str(kubeconfig) if kubeconfig else None,
                context=context,
                client_configuration=configuration,
                persist_config=False,
            )
        return cls(configuration)

    async def close(self) -> None:
        """Close all connections."""
        await self._api.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def api_client(self) -> client.ApiClient:
        """The library's client, for the library's own helpers (leader election)."""
        return self._api

    # -- objects ---------------------------------------------------------------------------------

    async def get(self, kind: Kind, name: str, *, namespace: str | None = None) -> Object:
        """Read one object. Raises NotFound when it or its kind is absent."""
        return await self._request("GET", path_of(kind, namespace=namespace, name=name))

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
        limit: int = 0,
    ) -> Listing:
        """List objects, page by page when `limit` is given (so that no answer is huge)."""
        items: list[Object] = []
        token = ""
        while True:
            page = await self._request(
                "GET",
                path_of(kind, namespace=namespace),
                query={
                    "labelSelector": label_selector,
                    "fieldSelector": field_selector,
                    "limit": str(limit) if limit else "",
                    "continue": token,
                },
            )
            items.extend(page.get("items") or [])
            meta = page.get("metadata") or {}
            token = meta.get("continue") or ""
            if not token:
                return Listing(items, meta.get("resourceVersion", ""))

    async def create(
        self,
        kind: Kind,
        body: Object,
        *,
        namespace: str | None = None,
        field_manager: str = "",
        strict: bool = False,
    ) -> Object:
        """Create an object. Raises AlreadyExists."""
        query = {"fieldManager": field_manager, "fieldValidation": "Strict" if strict else ""}
        return await self._request("POST", path_of(kind, namespace=namespace), query=query, body=body)

    async def apply(
        self,
        kind: Kind,
        body: Object,
        *,
        field_manager: str,
        force: bool = True,
        subresource: str = "",
        strict: bool = False,
    ) -> Object:
        """Server-side apply. A `metadata.uid` in the body makes it fail on another object (Conflict)."""
        meta = body["metadata"]
        return await self._request(
            "PATCH",
            path_of(kind, namespace=meta.get("namespace"), name=meta["name"], subresource=subresource),
            query={
                "fieldManager": field_manager,
                "force": "true" if force else "false",
                "fieldValidation": "Strict" if strict else "",
            },
            body=body,
            content_type=APPLY,
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
        field_manager: str = "airunway",
    ) -> Object:
        """Merge patch or JSON patch."""
        return await self._request(
            "PATCH",
            path_of(kind, namespace=namespace, name=name, subresource=subresource),
            query={"fieldManager": field_manager},
            body=body,
            content_type=content_type,
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
        await self._request("DELETE", path_of(kind, namespace=namespace, name=name), body=body)

    async def watch(
        self,
        kind: Kind,
        *,
        resource_version: str,
        namespace: str | None = None,
        label_selector: str = "",
    ) -> AsyncIterator[WatchEvent]:
        """Events after a resource version, until the server ends the watch.

        Raises Expired when the version is too old, other ApiErrors as they come.
        """
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(WATCH_TIMEOUT_SECONDS),
            "labelSelector": label_selector,
        }
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=WATCH_SILENCE_SECONDS)
        path = path_of(kind, namespace=namespace)
        response = await self._send("GET", path, query=query, timeout=timeout)
        try:
            if response.status >= 400:
                raise _error_from(response, await response.read(), "GET", path)
            # readuntil has a limit per line that a large object passes; collecting lines has none.
            buffer = bytearray()
            async for chunk in response.content.iter_any():
                buffer += chunk
                if b"\n" not in chunk:
                    continue
                *lines, rest = buffer.split(b"\n")
                buffer = bytearray(rest)
                for line in lines:
                    if line:
                        yield _watch_event(json.loads(line), path)
        except (aiohttp.ClientError, TimeoutError, OSError) as err:
            raise Unreachable(f"watch of {path} broke off: {_words(err)}") from err
        finally:
            response.close()

    # -- discovery ---------------------------------------------------------------------------------

    async def served_versions(self, group: str) -> list[str]:
        """Versions of an API group that are served now; empty when the group is unknown."""
        try:
            answer = await self._request("GET", f"/apis/{quote(group)}")
        except NotFound:
            return []
        return [version["version"] for version in answer.get("versions", [])]

    async def served_group_versions(self) -> list[str]:
        """All API versions that are served now, e.g. `v1` and `apps/v1`."""
        groups = (await self._request("GET", "/apis")).get("groups", [])
        return ["v1", *(version["groupVersion"] for group in groups for version in group["versions"])]

    async def served_kinds(self, api_version: str) -> dict[str, str]:
        """Kind to plural of everything a group version serves; empty when it is unknown."""
        found = await self.served_resources(api_version)
        return {kind: plural for kind, (plural, _) in found.items()}

    async def served_resources(self, api_version: str) -> dict[str, tuple[str, bool]]:
        """Kind to plural, and whether it is namespaced; empty when the group version is unknown."""
        path = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
        try:
            answer = await self._request("GET", path)
        except NotFound:
            return {}
        return {
            entry["kind"]: (entry["name"], bool(entry.get("namespaced")))
            for entry in answer.get("resources", [])
            if "/" not in entry["name"]
        }

    async def version(self) -> str:
        """Version of the API server, e.g. `v1.37.2`."""
        return str((await self._request("GET", "/version"))["gitVersion"])

    # -- requests ----------------------------------------------------------------------------------

    async def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Object:
        timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_SECONDS, sock_connect=10)
        try:
            response = await self._send(
                method, path, query=query, body=body, content_type=content_type, timeout=timeout
            )
            async with response:
                data = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as err:
            raise Unreachable(f"{method} {path}: {_words(err)}") from err
        if response.status >= 400:
            raise _error_from(response, data, method, path)
        answer: Object = json.loads(data)
        return answer

    async def _send(
        self,
        method: str,
        path: str,
        *,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  (aiohttp's own, per phase)
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> aiohttp.ClientResponse:
        headers = {"Accept": "application/json", "User-Agent": "airunway"}
        if body is not None:
            headers["Content-Type"] = content_type
        if content_type == APPLY:
            # With a parameter, so that the library takes the bytes as they are.
            headers["Content-Type"], body = f"{APPLY}; charset=utf-8", yaml_from(body)
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        wanted = {key: value for key, value in (query or {}).items() if value}
        url = f"{self.host}{path}?{urlencode(wanted)}" if wanted else f"{self.host}{path}"
        try:
            answer = await self._api.rest_client.request(
                method,
                url,
                headers=headers,
                body=body,
                _request_timeout=timeout,
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as err:
            raise Unreachable(f"{method} {path} at {self.host}: {_words(err)}") from err
        response: aiohttp.ClientResponse = answer.response
        return response


def _words(err: BaseException) -> str:
    return str(err) or type(err).__name__


def _watch_event(line: Object, path: str) -> WatchEvent:
    if line["type"] == "ERROR":
        status = line["object"]
        raise api_error(
            int(status.get("code") or 500),
            status.get("reason", ""),
            f"watch of {path}: {status.get('message', '')}",
        )
    return WatchEvent(line["type"], line["object"])


def _error_from(response: aiohttp.ClientResponse, data: bytes, method: str, path: str) -> Exception:
    try:
        status = json.loads(data)
        message, reason = str(status.get("message") or ""), str(status.get("reason") or "")
    except (ValueError, AttributeError):
        message, reason = data.decode(errors="replace")[:300].strip(), ""
    after = response.headers.get("Retry-After", "")
    return api_error(
        response.status,
        reason,
        message or f"{method} {path}: HTTP {response.status}",
        float(after) if after.isdigit() else None,
    )


class Coalesced:
    """Shares one read among callers that ask at the same time.

    A caller never gets an answer whose request was sent before the caller asked, so the answer is as
    fresh as a read of its own; a hundred callers at once cost two reads.
    """

    def __init__(self, read: Any) -> None:
        self._read = read
        self._running: asyncio.Task[Any] | None = None
        self._next: asyncio.Task[Any] | None = None

    async def __call__(self) -> Any:
        """The answer of a read that starts at or after this call."""
        if self._next is None:
            self._next = asyncio.create_task(self._after(self._running))
        # Shielded: a cancelled caller must not take the shared read from the others.
        return await asyncio.shield(self._next)

    async def _after(self, previous: asyncio.Task[Any] | None) -> Any:
        if previous is not None:
            await asyncio.wait([previous])
        self._running, self._next = self._next, None
        return await self._read()
