"""BuildKit's words are sorted by what to do about them; the texts are those real daemons said."""

from __future__ import annotations

from dataclasses import dataclass

import grpc
import pytest

from airunway.clients.buildkit import (
    BuildError,
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
    passing = {BuildInterrupted, SourceUnavailable, PushUnavailable, BuildFailed}

    assert {kind for kind in final | passing if kind("").retryable} == passing


@pytest.mark.parametrize("secret", [b"Bearer hf_secret", b"hf_secret", b"Basic hf_secret"])
def test_a_secret_that_a_server_echoes_is_taken_out(secret: bytes) -> None:
    error = build_error(UNKNOWN, "no: hf_secret is bad", step=DOWNLOAD, secrets=[secret])

    assert "hf_secret" not in str(error)


def test_a_long_text_is_cut_at_its_beginning() -> None:
    assert shortened("x" * 10_000 + " the cause").endswith("the cause")
    assert len(shortened("x" * 10_000)) < 1000
