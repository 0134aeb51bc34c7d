"""The key of session cookies: of a file, of a Secret that all replicas share, or one of this process.

The Secret comes with the chart, empty, so that whatever renders the chart neither knows the key nor makes
another one, and so that the right to fill it can name it: `create` could not be limited to a name. Who finds
no key in it writes one, over the version that was read; who was too late reads what the other has written.
"""

from __future__ import annotations

import base64
import binascii
import secrets

import structlog

from airunway.api.names import WEB_FIELD_MANAGER
from airunway.clients.backoff import Backoff, retry
from airunway.clients.errors import ApiError, Conflict, Forbidden, Invalid, NotFound
from airunway.clients.kubernetes import SECRETS, Cluster
from airunway.workers.settings import Settings

_log = structlog.get_logger(__name__)

ENTRY = "key"
"""Of the Secret."""
KEY_BYTES = 48


async def session_key(settings: Settings, cluster: Cluster) -> str:
    """The key; empty: this process makes one for itself. Waits for an API server that does not answer.

    Raises OSError, ValueError.
    """
    if settings.web_session_key_file is not None:
        return settings.web_session_key_file.read_text().strip()
    name, namespace = settings.web_session_key_secret, settings.pod_namespace
    if not name:
        return ""
    try:
        return await retry(
            lambda: _agreed(cluster, name, namespace),
            on=(ApiError,),
            backoff=Backoff(first=0.2, maximum=30, jitter=0.5),
            failed=lambda err, _: _report(cluster, err),
        )
    except _NotShared as err:
        _log.warning(
            "the key of session cookies is one of this process: people sign in anew at each replica, and "
            "after a restart",
            secret=f"{namespace}/{name}",
            error=str(err)[:300],
        )
        return ""


class _NotShared(Exception):
    """The Secret is missing, or may not be read or filled."""


async def _agreed(cluster: Cluster, name: str, namespace: str) -> str:
    """What stands in the Secret, or what is written there now. Raises _NotShared, ValueError, ApiError."""
    try:
        secret = await cluster.get(SECRETS, name, namespace=namespace)
        given = (secret.get("data") or {}).get(ENTRY) or ""
        if given:
            return _plain(given, f"{namespace}/{name}")
        made = secrets.token_urlsafe(KEY_BYTES)
        change = {
            "metadata": {"resourceVersion": secret["metadata"]["resourceVersion"]},
            "data": {ENTRY: base64.b64encode(made.encode()).decode()},
        }
        await cluster.patch(SECRETS, name, change, namespace=namespace, field_manager=WEB_FIELD_MANAGER)
    except (NotFound, Forbidden, Invalid) as err:
        raise _NotShared(str(err)) from err
    _log.info("a key of session cookies was made", secret=f"{namespace}/{name}")
    return made


def _plain(given: str, secret: str) -> str:
    try:
        return base64.b64decode(given, validate=True).decode().strip()
    except (binascii.Error, ValueError) as err:
        raise ValueError(f"entry {ENTRY!r} of Secret {secret} is no text") from err


def _report(cluster: Cluster, err: Exception) -> None:
    if isinstance(err, Conflict):
        return  # another replica was faster: its key is read now
    log = _log.bind(error=str(err)[:200])
    cluster.outage.suspect(lambda: log.warning("the key of session cookies cannot be read yet; trying again"))
