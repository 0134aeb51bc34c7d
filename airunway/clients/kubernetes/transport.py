"""One request to an API server, and what its failure means.

Configuration, TLS and credentials (kubeconfig, service account, exec plugins, token renewal) are the
official client's (`kubernetes.aio`). Its typed models are not used: every kind here is either a custom
resource or passed through, and turning JSON into objects and back costs more than the request.
"""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from airunway.api.names import SERVICE_ACCOUNT_TOKEN
from airunway.clients.bounded_json import BadDocument, read_json_off_loop
from airunway.clients.errors import (
    AnswerTooLarge,
    ApiError,
    ServerError,
    Unauthorized,
    Unreachable,
    api_error,
    error_text,
)
from airunway.clients.guarded_http.proxies import proxy_for
from airunway.clients.http import TooLarge, read_at_most, read_beginning, retry_after_of
from airunway.clients.kubernetes.encoding import yaml_from
from airunway.clients.kubernetes.kinds import Object
from airunway.clients.kubernetes.library import client, config
from airunway.clients.kubernetes.starting import once_served
from airunway.clients.kubernetes.warnings import warnings_in
from airunway.clients.spans import SPANS

USER_AGENT = "airunway"
"""Who asks, in the API server's audit log; the processes of an installation give their own names."""

APPLY = "application/apply-patch+yaml"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
JSON = "application/json"

# Enough for a burst of deployments on one worker; the library's default of 100 for all hosts is shared
# with the watches, which hold theirs for good.
POOL_SIZE = 256
MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""An object has at most three million bytes, and lists are asked for in pages."""
MAX_ERROR_BYTES = 256 * 1024
# An API server sends warnings of 4,096 characters in all, each in a header of its own: many short ones, or a
# single long one. aiohttp's own limits of 128 headers and 8 KiB would make an answer with them unreadable.
MAX_HEADERS = 4096
MAX_HEADER_BYTES = 64 * 1024
REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=20.0, sock_connect=10)
_TOKEN = re.compile(r"[\x21-\x7e]+")


async def load_configuration(
    kubeconfig: str | Path | None = None, *, context: str | None = None
) -> client.Configuration:
    """The configuration of a kubeconfig; without one the usual places, then the pod's service account.

    Raises `ConfigException` when there is none.
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
    return configuration


def without_credentials(configuration: client.Configuration) -> client.Configuration:
    """The same server and its authority, for requests that bring a token each.

    A client certificate would be presented beside any token, and the API server takes it first.
    """
    bare = client.Configuration()
    for name in ("host", "ssl_ca_cert", "ca_cert_data", "verify_ssl", "proxy", "tls_server_name"):
        setattr(bare, name, getattr(configuration, name))
    bare.disable_strict_ssl_verification = configuration.disable_strict_ssl_verification
    return bare


class Transport:
    """Requests to one API server. Safe for concurrent use; close it when done."""

    def __init__(self, configuration: client.Configuration, *, user_agent: str = USER_AGENT) -> None:
        self._user_agent, self._acting_as, self._token = user_agent, "", ""
        configuration.connection_pool_maxsize = POOL_SIZE
        # Read once: aiohttp would look for a proxy and for ~/.netrc with every request.
        configuration.proxy = configuration.proxy or _environment_proxy(configuration.host)
        configuration.client_session_kwargs = {
            "trust_env": False,
            "max_headers": MAX_HEADERS,
            "max_field_size": MAX_HEADER_BYTES,
        }
        self.api_client = client.ApiClient(configuration)
        self.host: str = configuration.host
        self.configuration = configuration

    def acting_as(self, user: str) -> Transport:
        """The same connections, for requests in another user's name, as far as that is allowed.

        Of a ServiceAccount the API server knows the groups by itself.
        """
        view = copy.copy(self)
        view._acting_as = user
        return view

    def with_token(self, token: str) -> Transport:
        """The same connections, for requests with another bearer token. Raises Unauthorized for one that no
        request can carry.
        """
        if not _TOKEN.fullmatch(token):
            raise Unauthorized("a bearer token is printable characters without spaces", status=401)
        view = copy.copy(self)
        view._token = token
        return view

    async def close(self) -> None:
        """Close all connections."""
        await self.api_client.close()

    async def probe(self) -> None:
        """A sign of life. Raises ApiError without one; an answer that we may not see is one."""
        response = await self.send("GET", "/readyz")
        async with response:
            data = await read_beginning(response, MAX_ERROR_BYTES)
        if response.status >= 500 or response.status == 429:
            raise error_from(response, data, "GET", "/readyz")

    async def server_time(self) -> datetime | None:
        """What the answers' Date says. Raises ApiError."""
        response = await self.send("GET", "/version")
        async with response:
            await _raise_refusal(response, "GET", "/version")
            try:
                return parsedate_to_datetime(response.headers.get("Date", ""))
            except ValueError:
                return None

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = JSON,
        warnings: list[str] | None = None,
    ) -> Object:
        """The answer as JSON. Empty entries of `query` are left out. Raises ApiError.

        `warnings`: takes what the server warns of beside an answer that is no error.
        """

        async def attempt() -> Object:
            return await self._request(method, path, query, body, content_type, warnings)

        with SPANS.span(f"Kubernetes {method}", {"url.path": path}, only_inside=True):
            return await once_served(attempt)

    async def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Any,
        content_type: str,
        warnings: list[str] | None,
    ) -> Object:
        try:
            response = await self.send(method, path, query=query, body=body, content_type=content_type)
            async with response:
                await _raise_refusal(response, method, path)
                if warnings is not None:
                    warnings += warnings_in(response.headers.getall("Warning", ()))
                data = await read_at_most(response, MAX_ANSWER_BYTES)
        except TooLarge as err:
            raise AnswerTooLarge(f"{method} {path}: {err}") from err
        except (aiohttp.ClientError, TimeoutError, OSError) as err:
            raise Unreachable(f"{method} {path}: {error_text(err)}") from err
        return await object_from(data, f"{method} {path}")

    @asynccontextmanager
    async def streamed(
        self,
        path: str,
        *,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  (aiohttp's own, per phase)
        query: Mapping[str, str],
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer that goes on, as it begins; closed with the context. Raises ApiError."""

        async def attempt() -> aiohttp.ClientResponse:
            response = await self.send("GET", path, query=query, timeout=timeout)
            try:
                await _raise_refusal(response, "GET", path)
            except (aiohttp.ClientError, TimeoutError, OSError) as err:
                response.close()
                raise Unreachable(f"GET {path}: {error_text(err)}") from err
            except BaseException:
                response.close()
                raise
            return response

        response = await once_served(attempt)
        try:
            yield response
        finally:
            response.close()

    async def send(
        self,
        method: str,
        path: str,
        *,
        timeout: aiohttp.ClientTimeout = REQUEST_TIMEOUT,  # noqa: ASYNC109  (aiohttp's own, per phase)
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = JSON,
    ) -> aiohttp.ClientResponse:
        """The answer as it begins, whatever its status; the caller closes it. Raises Unreachable."""
        headers = {"Accept": JSON, "User-Agent": self._user_agent}
        if self._acting_as:
            headers["Impersonate-User"] = self._acting_as
        if body is not None:
            headers["Content-Type"] = content_type
        if content_type == APPLY:
            # With a parameter, so that the library takes the bytes as they are.
            headers["Content-Type"], body = f"{APPLY}; charset=utf-8", yaml_from(body)
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        else:
            await self.api_client.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        wanted = {key: value for key, value in (query or {}).items() if value}
        url = f"{self.host}{path}?{urlencode(wanted)}" if wanted else f"{self.host}{path}"
        try:
            answer = await self.api_client.rest_client.request(
                method, url, headers=headers, body=body, _request_timeout=timeout
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as err:
            raise Unreachable(f"{method} {path} at {self.host}: {error_text(err)}") from err
        response: aiohttp.ClientResponse = answer.response
        return response


async def _raise_refusal(response: aiohttp.ClientResponse, method: str, path: str) -> None:
    if response.status >= 400:
        raise error_from(response, await read_beginning(response, MAX_ERROR_BYTES), method, path)


async def object_from(data: bytes, what: str) -> Object:
    """An answer's object. What of it is nested too deep is left out. Raises ServerError.

    Anybody who may write some object could otherwise keep a whole list from being read.
    """
    try:
        answer = await read_json_off_loop(data, lenient=True)
    except BadDocument as err:
        raise ServerError(f"{what}: the answer is not an API server's: {err}") from err
    if not isinstance(answer, dict):
        raise ServerError(f"{what}: the answer is not an API server's")
    return answer


def _environment_proxy(host: str) -> str | None:
    found = proxy_for(URL(host))
    return str(found) if found else None


def error_from(response: aiohttp.ClientResponse, data: bytes, method: str, path: str) -> ApiError:
    """The error that an answer of 400 or above stands for; `data` is its body, a Status if it can be read."""
    try:
        status = json.loads(data)
        message, reason = str(status.get("message") or ""), str(status.get("reason") or "")
    except (ValueError, AttributeError, RecursionError):
        message, reason = data.decode(errors="replace")[:300].strip(), ""
    return api_error(
        response.status,
        reason,
        message or f"{method} {path}: HTTP {response.status}",
        retry_after_of(response.headers),
    )
