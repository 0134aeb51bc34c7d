"""Small text files by URL, or by path where a mirror says so: CRD manifests that a config names."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp

from airunway.clients.errors import ClientError, error_text
from airunway.clients.guarded_http import GuardedHttp, RequestRefused
from airunway.clients.http import TooLarge, read_at_most

MAX_BYTES = 16 * 1024 * 1024


class DownloadFailed(ClientError):
    """The server is away or overloaded."""


class NoSuchFile(ClientError):
    """There is no such file, it is too large, it is not for everybody, or it is where we do not ask."""

    retryable = False


class Downloads:
    """Fetches files, by a client that may ask administrators' mirrors."""

    def __init__(self, http: GuardedHttp) -> None:
        self._http = http

    async def text(self, where: str) -> str:
        """The text of an `https://` URL or a path. Raises DownloadFailed, NoSuchFile."""
        data = await (self._fetch(where) if "://" in where else asyncio.to_thread(_read, where))
        try:
            return data.decode()
        except UnicodeDecodeError as err:
            raise NoSuchFile(f"{where} is not text") from err

    async def _fetch(self, url: str) -> bytes:
        try:
            async with self._http.session() as session, session.request("GET", url) as response:
                if response.status >= 500 or response.status == 429:
                    raise DownloadFailed(f"{url}: HTTP {response.status}")
                if response.status != 200:
                    raise NoSuchFile(f"{url}: HTTP {response.status}")
                return await read_at_most(response, MAX_BYTES)
        except RequestRefused as err:
            raise NoSuchFile(f"{url}: {err}") from err
        except TooLarge as err:
            raise NoSuchFile(f"{url} is larger than {MAX_BYTES} bytes") from err
        except (aiohttp.ClientError, TimeoutError, OSError) as err:
            raise DownloadFailed(f"{url}: {error_text(err)}") from err


def _read(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as err:
        raise NoSuchFile(f"{path}: {err.strerror}") from err
    if len(data) > MAX_BYTES:
        raise NoSuchFile(f"{path} is larger than {MAX_BYTES} bytes")
    return data
