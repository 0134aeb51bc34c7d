"""Helm: releases and charts. `Helm` is the adapter; each operation runs in a child process of its own.

adapter   Helm, for the rest of the system            child        starting and ending the process
model     values in and out                           process      the process itself
errors    what can go wrong                           operations   what it does
classify  from Helm's words to an error               library      Helm as a library
redaction secrets kept out of output                  command      Helm as a binary
"""

from airunway.clients.helm.adapter import Helm
from airunway.clients.helm.errors import (
    BadChecksum,
    Cancelled,
    ChartInvalid,
    ChartNotFound,
    ClusterUnavailable,
    HelmCrashed,
    HelmError,
    HelmForbidden,
    HelmMissing,
    OperationInProgress,
    OwnershipConflict,
    ReleaseFailed,
    ReleaseNotFound,
    RepositoryUnreachable,
    TimedOut,
    ValuesInvalid,
)
from airunway.clients.helm.model import ChartInfo, Manifest, ReleaseRecord, Rendered
from airunway.clients.helm.redaction import masked

__all__ = [
    "BadChecksum",
    "Cancelled",
    "ChartInfo",
    "ChartInvalid",
    "ChartNotFound",
    "ClusterUnavailable",
    "Helm",
    "HelmCrashed",
    "HelmError",
    "HelmForbidden",
    "HelmMissing",
    "Manifest",
    "OperationInProgress",
    "OwnershipConflict",
    "ReleaseFailed",
    "ReleaseNotFound",
    "ReleaseRecord",
    "Rendered",
    "RepositoryUnreachable",
    "TimedOut",
    "ValuesInvalid",
    "masked",
]
