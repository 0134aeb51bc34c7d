"""Get a chart from where it is, and check that it is what was announced.

Not by Helm: where a chart is fetched was written by others, and Helm follows redirects to wherever they lead,
takes an index's word for a digest, and knows no bounds. So charts come by the guarded client, and Helm is
given files.

An index is read by a process of its own (`index`): parsing a large one would keep a worker from everything
else.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from airunway.api.chart_release import ChartRelease
from airunway.clients.errors import error_text
from airunway.clients.guarded_http import (
    GuardedHttp,
    GuardedSession,
    OutboundPolicy,
    RequestRefused,
    is_loopback,
)
from airunway.clients.helm.charts import is_remote
from airunway.clients.helm.child import environment
from airunway.clients.helm.driver import OnLine
from airunway.clients.helm.errors import BadChecksum, ChartNotFound, HelmError, RepositoryUnreachable
from airunway.clients.http import TooLarge, read_at_most
from airunway.clients.registry.errors import RegistryError
from airunway.clients.registry.http import RegistryCalls

MAX_INDEX = 16 * 1024 * 1024
MAX_ARCHIVE = 32 * 1024 * 1024
"""Bytes. Helm itself takes no chart that unpacks to more than 100 MiB."""
REQUEST, CALL = timedelta(seconds=60), timedelta(minutes=4)
INDEX_SECONDS = 60
CONTENT = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


class ChartFetcher:
    """Fetches charts. `mirrors`: URLs of administrators that may be inside; with a port, where they have
    one."""

    def __init__(self, policy: OutboundPolicy | None = None, *, mirrors: Collection[str] = ()) -> None:
        self._http = GuardedHttp(
            policy,
            named=[_web_address(mirror) for mirror in mirrors if is_remote(mirror)],
            request_timeout=REQUEST,
            call_timeout=CALL,
        )

    @asynccontextmanager
    async def located(self, chart: ChartRelease, on_line: OnLine) -> AsyncIterator[dict[str, str]]:
        """A chart on this disk for as long as it is used (`charts.load`). Raises HelmError."""
        reference = chart.fetched_from
        about = {"version": chart.version, "digest": chart.digest}
        if not is_remote(reference) and not chart.repository_url:
            yield about | {"chart": await asyncio.to_thread(_local, reference)}
            return
        with tempfile.TemporaryDirectory(prefix="airunway-chart-") as folder:
            where = f" from {without_login(chart.repository_url)}" if chart.repository_url else ""
            on_line(f"downloading chart {without_login(reference)} {chart.version}".rstrip() + where)
            yield about | {"chart": str(await self._fetch(chart, Path(folder)))}

    async def _fetch(self, chart: ChartRelease, folder: Path) -> Path:
        reference = chart.fetched_from
        subject = f"chart {without_login(reference)} {chart.version}".rstrip()
        try:
            async with self._http.session() as session:
                fetching = _Fetching(self._http, session, subject, folder)
                if chart.repository_url and not is_remote(reference):
                    name = reference.split("/", 1)[-1]
                    data = await fetching.from_repository(chart.repository_url, name, chart.version)
                else:
                    data = await fetching.from_address(reference, chart.version)
        except RequestRefused as err:
            raise HelmError(f"{subject}: {err}") from err
        except TooLarge as err:
            raise ChartNotFound(f"{subject}: {err}") from err
        except aiohttp.ClientConnectorCertificateError as err:
            raise HelmError(f"{subject}: its server's certificate is not trusted") from err
        except (aiohttp.ClientError, OSError, TimeoutError) as err:
            raise RepositoryUnreachable(
                f"{subject}: the repository does not answer: {without_login(error_text(err))}"
            ) from None
        archive = folder / "chart.tgz"
        archive.write_bytes(data)
        return archive


class _Fetching:
    """One chart, over one session."""

    def __init__(self, http: GuardedHttp, session: GuardedSession, subject: str, folder: Path) -> None:
        self._http, self._session, self._subject, self._folder = http, session, subject, folder

    async def from_repository(self, repository: str, name: str, version: str) -> bytes:
        """A chart of a classic repository, with the digest that its index announces."""
        index = self._folder / "index.yaml"
        index.write_bytes(await self._get(f"{repository.rstrip('/')}/index.yaml", MAX_INDEX))
        found = await _entry_of(index, name, version, self._subject)
        if found is None:
            raise ChartNotFound(f"{self._subject}: {without_login(repository)} has no such version of {name}")
        url = found["url"]
        if not is_remote(url):
            url = str(URL(repository.rstrip("/") + "/").join(URL(url)))
        data = await self.from_address(url, version)
        self._check(data, found["digest"])
        return data

    async def from_address(self, address: str, version: str) -> bytes:
        """An archive by its address, or a chart of a registry."""
        if address.startswith("oci://"):
            return await self._from_registry(address, version)
        return await self._get(address, MAX_ARCHIVE)

    async def _from_registry(self, address: str, version: str) -> bytes:
        host, _, path = address.removeprefix("oci://").partition("/")
        repository, _, pinned = path.partition("@")
        plain = URL(f"http://{host}")
        base = plain if self._http.may_be_plain(plain) else URL(f"https://{host}")
        if not (pinned or version):
            raise ChartNotFound(f"{self._subject}: a chart of a registry needs a version")
        calls = RegistryCalls(
            self._session, subject=self._subject, base=base, repository=repository, max_bytes=MAX_ARCHIVE
        )
        try:
            _, body = await calls.fetch("GET", calls.manifest(pinned or version.replace("+", "_")))
            self._check(body, pinned)
            layer = _content_layer(body)
            if layer is None:
                raise ChartNotFound(f"{self._subject}: what the registry has is no chart")
            _, data = await calls.fetch("GET", calls.blob(layer))
        except RegistryError as err:
            kind = RepositoryUnreachable if err.retryable else ChartNotFound
            raise kind(str(err)) from err
        self._check(data, layer)
        return data

    async def _get(self, url: str, limit: int) -> bytes:
        async with self._session.request("GET", url) as response:
            status = response.status
            if status == 200:
                return await read_at_most(response, limit)
        where = f"{self._subject}: {response.url.host} answers HTTP {status}"
        if status == 429 or status >= 500:
            raise RepositoryUnreachable(f"{where}: it is overloaded or failed")
        raise ChartNotFound(f"{where}: there is no such chart, or it wants a login")

    def _check(self, data: bytes, announced: str) -> None:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        if announced and announced != digest:
            raise BadChecksum(f"{self._subject} has another digest than announced: {digest}, not {announced}")


def _content_layer(manifest: bytes) -> str | None:
    """The digest of the archive in a chart's manifest."""
    try:
        layers = json.loads(manifest)["layers"]
        found = [str(layer["digest"]) for layer in layers if layer["mediaType"] == CONTENT]
    except (ValueError, KeyError, TypeError):
        return None
    return found[0] if found and found[0].startswith("sha256:") else None


async def _entry_of(index: Path, name: str, version: str, subject: str) -> Mapping[str, Any] | None:
    """What an index says of a version: `url` and `digest`; None when it does not have it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "airunway.clients.helm.index",
        str(index),
        name,
        version,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        env=environment(index.parent, os.environ),
    )
    try:
        async with asyncio.timeout(INDEX_SECONDS):
            answer, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise ChartNotFound(f"{subject}: its repository's index cannot be read")
    found: Mapping[str, Any] | None = json.loads(answer)
    return found


def _web_address(mirror: str) -> str:
    """Where a mirror is asked: a registry on this machine without TLS, as container tools do."""
    if not mirror.startswith("oci://"):
        return mirror
    host = urlsplit(mirror).netloc
    return f"{'http' if is_loopback(urlsplit(mirror).hostname or '') else 'https'}://{host}"


def _local(reference: str) -> str:
    """The absolute path of what is there, for a process that works elsewhere."""
    path = Path(reference).expanduser()
    return str(path.absolute()) if path.exists() else reference


def without_login(address: str) -> str:
    """An address without a login."""
    scheme, mark, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}" if mark else address
