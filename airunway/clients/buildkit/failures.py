"""What BuildKit's words mean: from a gRPC status and a text to an error that says what to do. Pure.

BuildKit gives nearly every failure the code UNKNOWN; what happened is in the text, and where is in the name
of the failed step, which `llb` chose.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import grpc

from airunway.clients.buildkit.errors import (
    BuildError,
    BuilderStoreBroken,
    BuildFailed,
    BuildInterrupted,
    DigestMismatch,
    NoSpace,
    PushNoSpace,
    PushRefused,
    PushUnavailable,
    SourceMissing,
    SourceRefused,
    SourceUnavailable,
)
from airunway.clients.buildkit.progress import EXPORT_VERTEX

_MAX_TEXT = 600
_STATUS = re.compile(
    r"(?:response status|unexpected status[^:]*:|status(?: code)?:?)\s*(\d{3})\b|\b([45]\d\d) [A-Z]"
)
_NO_SPACE = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
# A registry whose disk is full in the middle of a layer (distribution v3) has less of it than announced.
_REGISTRY_FULL = re.compile(r"invalid content range|\b507 Insufficient|insufficient storage", re.IGNORECASE)
_INTERRUPTED = re.compile(
    r"no active sessions?|session healthcheck failed|no such job|graceful|transport is closing|shutting down",
    re.IGNORECASE,
)
# Words of the daemon's own store (containerd's snapshots, content and their databases).
_IN_THE_WAY = re.compile(r"failed to rename: rename \S+/snapshots/new-\d+ \S+/snapshots/\d+: file exists")
_LOST = re.compile(
    r"/snapshots/\d+(/\S*)?: no such file or directory|failed to stat parent: |"
    r"\bsnapshot (\S+ )?does not exist: not found|\bmissing parent( \"[^\"]*\"[^:]*)?: not found|"
    r"failed to restore missing snapshot|\btarget snapshot \S+ in backend: not found|"
    r"\bblob sha256:[0-9a-f]{64} expected at /\S+: |content digest sha256:[0-9a-f]{64}: not found|"
    r"unexpected error from snapshotter|no blobs for snapshot|failed to get (dead|deleted) record|"
    r"\b(snapshots )?bucket does not exist: not found|can not find snapshotter|invalid database|"
    r"database not open"
)
_BROKEN_LINE = re.compile(
    r"connection refused|connection reset|broken pipe|\bEOF\b|i/o timeout|deadline exceeded|timed? ?out|"
    r"no such host|no route to host|network is unreachable|server misbehaving|tls: |x509: |stream error|"
    r"http2: |closed network connection|failed to do request|TOOMANYREQUESTS",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"unauthorized|denied|forbidden|no basic auth|authorization failed|failed to authorize|"
    r"insufficient_scope|invalid reference format",
    re.IGNORECASE,
)
_MISSING = re.compile(r"not found|manifest unknown|name unknown|does not exist", re.IGNORECASE)


def build_error(
    code: grpc.StatusCode, text: str, *, step: str = "", push_to: str = "", secrets: Iterable[bytes] = ()
) -> BuildError:
    """The error for a build that failed.

    Args:
        code: gRPC status.
        text: what the daemon said.
        step: name of the step that failed, if one did.
        push_to: where the image was to go.
        secrets: taken out of the text, should a server have echoed one.
    """
    said = shortened(without(text, secrets))
    if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED) or _INTERRUPTED.search(text):
        return BuildInterrupted(f"BuildKit went away while building {push_to}: {said}")
    if _NO_SPACE.search(text):
        return NoSpace(
            f"no room left for building {push_to}; prune BuildKit's cache or enlarge its disk: {said}"
        )
    if _IN_THE_WAY.search(text) or _LOST.search(text):
        return _store_error(text, push_to, said)
    if "failed to push" in text or (step == EXPORT_VERTEX and "push" in text):
        return _push_error(text, f"{push_to} could not be pushed: {said}")
    if "digest mismatch" in text:
        return DigestMismatch(f"{step or 'downloading'}: the bytes are not those announced: {said}")
    if step and step != EXPORT_VERTEX:
        return source_error(_status_in(text), f"{step} failed: {said}", text=text)
    return BuildFailed(f"{push_to} could not be built: {said}")


def source_error(
    status: int, message: str, *, text: str = "", retry_after: float | None = None
) -> BuildError:
    """The error for a download, by its HTTP status; by its text when there is none (0)."""
    if status in (401, 403, 407):
        return SourceRefused(message)
    if status in (404, 410):
        return SourceMissing(message)
    if status in (408, 425, 429) or status >= 500:
        return SourceUnavailable(message, retry_after=retry_after)
    if _REFUSED.search(text):
        return SourceRefused(message)
    if _MISSING.search(text):
        return SourceMissing(message)
    return SourceUnavailable(message) if _BROKEN_LINE.search(text) else BuildFailed(message)


def _store_error(text: str, push_to: str, said: str) -> BuilderStoreBroken:
    is_lost = _LOST.search(text) is not None
    cause = "layers that BuildKit lists are gone" if is_lost else "BuildKit has a layer that it does not list"
    return BuilderStoreBroken(
        f"{push_to} could not be built: {cause}, as after a crash. It is mended and tried again; "
        f"if this stays, delete BuildKit's data (its volume) and restart it: {said}",
        is_lost=is_lost,
    )


def _push_error(text: str, message: str) -> BuildError:
    status = _status_in(text)
    if _REGISTRY_FULL.search(text):
        hint = "the registry's disk is probably full: delete images there, or enlarge it"
        return PushNoSpace(f"{message}; {hint}")
    if status in (400, 401, 403, 404, 405, 413):
        return PushRefused(message)
    if status == 429 or status >= 500:
        return PushUnavailable(message)
    if _BROKEN_LINE.search(text):
        return PushUnavailable(message)
    return PushRefused(message) if _REFUSED.search(text) else PushUnavailable(message)


def _status_in(text: str) -> int:
    """The HTTP status a text names; 0 for none."""
    found = _STATUS.search(text)
    return int(found.group(1) or found.group(2)) if found else 0


def without(text: str, secrets: Iterable[bytes]) -> str:
    """The text with each secret replaced, and the word after `Bearer` or `Basic` of one too."""
    for secret in secrets:
        value = secret.decode(errors="replace").strip()
        for part in sorted({value, value.partition(" ")[2]}, key=len, reverse=True):
            if len(part) >= 4:
                text = text.replace(part, "***")
    return text


def shortened(text: str) -> str:
    """One line that fits a condition's message; its end says most."""
    line = " ".join(text.split())
    return line if len(line) <= _MAX_TEXT else f"…{line[-_MAX_TEXT:]}"
