"""One request to an API server, and what its failure means.

Configuration, TLS and credentials (kubeconfig, service account, exec plugins, token renewal) are the
official client's (`kubernetes.aio`). Its typed models are not used: every kind here is either a custom
resource or passed through, and turning JSON into objects and back costs more than the request.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from kubernetes.aio import client, config

from airunway.clients.errors import ApiError, Unreachable, api_error, error_text
from airunway.clients.http import retry_after_of
from airunway.clients.kubernetes.encoding import yaml_from
from airunway.clients.kubernetes.kinds import Object

SERVICE_ACCOUNT_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"

USER_AGENT = "airunway"
"""Who asks, in the API server's audit log; the processes of an installation give their own names."""

APPLY = "application/apply-patch+yaml"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
JSON = "application/json"

# Enough for a burst of deployments on one worker; the library's default of 100 for all hosts is shared
# with the watches, which hold theirs for good.
POOL_SIZE = 256
REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=20.0, sock_connect=10)


async def load_configuration(
    kubeconfig: str | Path | None = None, *, context: str | None = None
) -> client.Configuration:
    """The configuration of a kubeconfig; without one the usual places, then the pod's service account.

    Raises `kubernetes.aio.config.ConfigException` when there is none.
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


def environment_proxy(url: str) -> str | None:
    """The proxy that the environment names for a URL (HTTPS_PROXY, NO_PROXY and their kin)."""
    parts = urlsplit(url)
    if not parts.hostname or proxy_bypass(parts.netloc):
        return None
    return getproxies().get(parts.scheme)


class Transport:
    """Requests to one API server. Safe for concurrent use; close it when done."""

    def __init__(self, configuration: client.Configuration, *, user_agent: str = USER_AGENT) -> None:
        self._user_agent = user_agent
        configuration.connection_pool_maxsize = POOL_SIZE
        # Read once: aiohttp would look for a proxy and for ~/.netrc with every request.
        configuration.proxy = configuration.proxy or environment_proxy(configuration.host)
        configuration.client_session_kwargs = {"trust_env": False}
        self.api_client = client.ApiClient(configuration)
        self.host: str = configuration.host

    async def close(self) -> None:
        """Close all connections."""
        await self.api_client.close()

    async def probe(self) -> None:
        """A sign of life. Raises ApiError without one; an answer that we may not see is one."""
        response = await self.send("GET", "/readyz")
        async with response:
            data = await response.read()
        if response.status >= 500 or response.status == 429:
            raise error_from(response, data, "GET", "/readyz")

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = JSON,
    ) -> Object:
        """The answer as JSON. Empty entries of `query` are left out. Raises ApiError."""
        try:
            response = await self.send(method, path, query=query, body=body, content_type=content_type)
            async with response:
                data = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as err:
            raise Unreachable(f"{method} {path}: {error_text(err)}") from err
        if response.status >= 400:
            raise error_from(response, data, method, path)
        answer: Object = json.loads(data)
        return answer

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
        if body is not None:
            headers["Content-Type"] = content_type
        if content_type == APPLY:
            # With a parameter, so that the library takes the bytes as they are.
            headers["Content-Type"], body = f"{APPLY}; charset=utf-8", yaml_from(body)
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


def error_from(response: aiohttp.ClientResponse, data: bytes, method: str, path: str) -> ApiError:
    """The error that an answer of 400 or above stands for; `data` is its body, a Status if it can be read."""
    try:
        status = json.loads(data)
        message, reason = str(status.get("message") or ""), str(status.get("reason") or "")
    except (ValueError, AttributeError):
        message, reason = data.decode(errors="replace")[:300].strip(), ""
    return api_error(
        response.status,
        reason,
        message or f"{method} {path}: HTTP {response.status}",
        retry_after_of(response.headers),
    )
