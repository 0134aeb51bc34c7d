"""Why a step of a model image failed: the reasons that a condition shows for its error classes. Pure."""

from __future__ import annotations

from temporalio.exceptions import FailureError

from airunway.messages.failures import NOT_AS_OWNED, error_type

BUILD_FAILED = "BuildFailed"
TRIED_TWICE = (BUILD_FAILED, "PushNoSpace")
"""Errors of a build whose cause is not certain: twice the same is no accident."""
BUILD_CANCELLED = "BuildCancelled"
BUILD_LOST = "BuildLost"
"""The build's workflow was terminated or deleted by hand."""

REASONS = {
    "BuildsOff": "ImageBuildsOff",
    "InvalidModel": "InvalidModelReference",
    "RepositoryMissing": "ModelNotFound",
    "RevisionMissing": "ModelNotFound",
    "FileMissing": "ModelFileNotFound",
    "SourceMissing": "ModelFileNotFound",
    "ChoiceError": "ModelFileUnclear",
    "AccessDenied": "ModelAccessDenied",
    "SourceRefused": "ModelAccessDenied",
    "TokenMissing": "ModelTokenMissing",
    "HubUnavailable": "ModelHubUnavailable",
    "SourceUnavailable": "ModelHubUnavailable",
    "HubAnswerUnusable": "ModelHubUnavailable",
    "DigestMismatch": "ChecksumMismatch",
    "PrivateModel": "PrivateModelNotBuilt",
    "ImageTooLarge": "NoSpace",
    "ImageQuotaExceeded": "ImageQuotaExceeded",
    "NoSpace": "NoSpace",
    "RegistryFull": "NoSpace",
    "PushNoSpace": "NoSpace",
    "BuilderUnreachable": "BuilderUnavailable",
    "BuilderNotReady": "BuilderUnavailable",
    "BuildInterrupted": "BuilderUnavailable",
    "BuilderStoreBroken": "BuilderUnavailable",
    "RegistryNotReady": "RegistryUnavailable",
    "RegistryUnavailable": "RegistryUnavailable",
    "PushUnavailable": "RegistryUnavailable",
    "RegistryDenied": "RegistryDenied",
    "PushRefused": "RegistryDenied",
    "ImageNotFound": "BaseImageUnavailable",
    "ImageBroken": "ImageNotVerified",
    "ImageNotVerified": "ImageNotVerified",
    "BuildStalled": "BuildStalled",
    "Forbidden": "ClusterForbids",
    NOT_AS_OWNED: "ModelImageRefused",
}
"""Error class of a step to the reason that a condition shows."""


OF_TOKENS = ("ModelAccessDenied", "ModelTokenMissing", REASONS[NOT_AS_OWNED])
"""Reasons of failure that say nothing of the tokens of those who have come since."""


def reason_of(err: FailureError) -> str:
    """The condition's reason for a failed step."""
    return REASONS.get(error_type(err), BUILD_FAILED)
