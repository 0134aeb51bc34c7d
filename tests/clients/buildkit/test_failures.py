"""BuildKit's words are sorted by what to do about them; the texts are those real daemons said."""

from __future__ import annotations

from dataclasses import dataclass

import grpc
import pytest

from airunway.clients.buildkit import (
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
from airunway.clients.buildkit.failures import build_error, shortened

DOWNLOAD, BASE, EXPORT = "downloading /models/a", "resolving the base image", "exporting to image"
SNAPSHOTS = "/var/lib/buildkit/runc-overlayfs/snapshots/snapshots"
DIGEST = f"sha256:{'0' * 64}"
BLOBS = f"/var/lib/buildkit/runc-overlayfs/content/blobs/sha256/{'0' * 64}: blob not found"
IN_THE_WAY = (
    "failed to prepare as h52e1mgvqdgjrzvkg7uqi8o0k: failed to rename: "
    f"rename {SNAPSHOTS}/new-1348981077 {SNAPSHOTS}/88: file exists"
)
UNKNOWN = grpc.StatusCode.UNKNOWN
V2 = "https://registry:5000/v2/x/blobs/uploads/"


def status_of_push(said: str) -> str:
    return f"failed to push r/x:1: unexpected status from PUT request to {V2}: {said}"


@dataclass(frozen=True)
class Case:
    text: str
    want: type[BuildError]
    step: str = ""
    code: grpc.StatusCode = UNKNOWN


@pytest.mark.parametrize(
    "case",
    [
        Case("Stream removed (Socket closed)", BuildInterrupted, code=grpc.StatusCode.UNAVAILABLE),
        Case("context canceled", BuildInterrupted, code=grpc.StatusCode.CANCELLED),
        Case("failed to push r/x:1: no active sessions", BuildInterrupted, EXPORT),
        Case("write /x: no space left on device", NoSpace, DOWNLOAD),
        Case("failed to push r/x:1: write: no space left on device", NoSpace, EXPORT),
        Case("digest mismatch sha256:1: sha256:2", DigestMismatch, DOWNLOAD),
        Case("invalid response status 401", SourceRefused, DOWNLOAD),
        Case("invalid response status 404", SourceMissing, DOWNLOAD),
        Case("invalid response status 429", SourceUnavailable, DOWNLOAD),
        Case("unexpected EOF", SourceUnavailable, DOWNLOAD),
        Case('Get "https://h/x": dial tcp: lookup h: no such host', SourceUnavailable, DOWNLOAD),
        Case('Get "https://h/x": net/http: TLS handshake timeout', SourceUnavailable, DOWNLOAD),
        Case("failed to load cache key: r/x@sha256:0: not found", SourceMissing, BASE),
        Case(
            "failed to load cache key: pull access denied, repository does not exist or may require "
            "authorization: server message: insufficient_scope: authorization failed",
            SourceRefused,
            BASE,
        ),
        Case(
            f"unexpected status from HEAD request to {V2}: 503 Service Unavailable",
            SourceUnavailable,
            BASE,
        ),
        Case(
            status_of_push("401 Unauthorized"),
            PushRefused,
            EXPORT,
        ),
        Case(
            status_of_push("403 Forbidden"),
            PushRefused,
            EXPORT,
        ),
        Case(
            status_of_push("429 Too Many Requests"),
            PushUnavailable,
            EXPORT,
        ),
        Case(
            status_of_push("500 Internal Server Error"),
            PushUnavailable,
            EXPORT,
        ),
        # A registry that was restarted in the middle of a push has dropped the layers it got before.
        Case(
            "failed to push r/x:1: manifest blob unknown: blob unknown to registry", PushUnavailable, EXPORT
        ),
        Case("failed to push r/x:1: unknown: invalid content range", PushNoSpace, EXPORT),
        Case(status_of_push("507 Insufficient Storage"), PushNoSpace, EXPORT),
        Case(
            "failed to push r/X:1: invalid reference format: repository name (X) must be lowercase",
            PushRefused,
            EXPORT,
        ),
        Case(
            'failed to push r/x:1: failed to do request: Head "http://r": dial tcp: connection refused',
            PushUnavailable,
            EXPORT,
        ),
        Case(IN_THE_WAY, BuilderStoreBroken, "linking the files"),
        Case(f"failed to stat parent: stat {SNAPSHOTS}/88/fs: no such file or directory", BuilderStoreBroken),
        Case(f"open {SNAPSHOTS}/3/fs/a.gguf: no such file or directory", BuilderStoreBroken, DOWNLOAD),
        Case("snapshot k2ks does not exist: not found", BuilderStoreBroken, DOWNLOAD),
        Case('missing parent "buildkit/3/sha256:1" bucket: not found', BuilderStoreBroken, BASE),
        Case(
            f"failed to push r/x:1: blob {DIGEST} expected at {BLOBS}: not found", BuilderStoreBroken, EXPORT
        ),
        Case(f"failed to get reader: content digest {DIGEST}: not found", BuilderStoreBroken, EXPORT),
        Case(f"mkdir {SNAPSHOTS}/new-1: no space left on device", NoSpace, DOWNLOAD),
        Case("open /models/snapshots/x/a: no such file or directory", BuildFailed, DOWNLOAD),
        Case("rename /home/a /home/b: file exists", BuildFailed, DOWNLOAD),
        Case("something nobody thought of", BuildFailed, DOWNLOAD),
        Case("something nobody thought of", BuildFailed),
    ],
    ids=lambda case: case.text[-60:],
)
def test_a_text_is_understood(case: Case) -> None:
    error = build_error(case.code, case.text, step=case.step, push_to="r/x:1")

    assert type(error) is case.want
    assert case.text[-40:] in str(error)


def test_final_and_passing_errors_are_told_apart() -> None:
    final = {SourceRefused, SourceMissing, DigestMismatch, NoSpace, PushRefused}
    passing = {BuildInterrupted, BuilderStoreBroken, SourceUnavailable, PushUnavailable, BuildFailed}

    assert {kind for kind in final | passing if kind("").retryable} == passing


@pytest.mark.parametrize(
    ("text", "is_lost"),
    [(IN_THE_WAY, False), (f"stat {SNAPSHOTS}/88/fs: no such file or directory", True)],
)
def test_a_broken_store_says_what_to_do_if_it_stays_broken(text: str, is_lost: bool) -> None:
    error = build_error(UNKNOWN, text, push_to="r/x:1")

    assert isinstance(error, BuilderStoreBroken)
    assert error.is_lost == is_lost
    assert "if this stays, delete BuildKit's data" in str(error)


@pytest.mark.parametrize("secret", [b"Bearer hf_secret", b"hf_secret", b"Basic hf_secret"])
def test_a_secret_that_a_server_echoes_is_taken_out(secret: bytes) -> None:
    error = build_error(UNKNOWN, "no: hf_secret is bad", step=DOWNLOAD, secrets=[secret])

    assert "hf_secret" not in str(error)


def test_a_long_text_is_cut_at_its_beginning() -> None:
    assert shortened("x" * 10_000 + " the cause").endswith("the cause")
    assert len(shortened("x" * 10_000)) < 1000
