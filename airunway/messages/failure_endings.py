"""What ends each failure: a table of all reasons by which a condition of a ModelDeployment is False. Pure.

Apart so that nobody adds a reason without saying how one gets rid of it: a test finds the reasons in the
code, and a page of the reference is made of this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from airunway.api import gateway_reasons as gateway

LOOKS_AGAIN = "it is looked at again by itself"
"""Ends the message of a failure whose cause lies in other objects: nobody has to retry by hand."""


class Ending(StrEnum):
    """What ends it. A change of the spec or of a provider's config ends each, as does `airunway retry`."""

    EDIT = "a change of the spec"
    RETRY = "`airunway retry`, or a change of the spec"
    BACKOFF = "by itself: looked at again after 5 s, then ever more seldom, at last every 5 min"
    IMAGE_BACKOFF = "by itself: tried again after 30 s, then ever more seldom, at last every 30 min"
    TRIED_AGAIN = "by itself: not final, and tried again"
    WATCHED = "by itself: what it is about is watched"
    AUDIT = "by itself: each audit of the watcher asks again"


@dataclass(frozen=True, kw_only=True)
class FailureEnd:
    """`cause`: where it lies, and so what has to change; its message names the object."""

    ending: Ending
    cause: str


def _each(ending: Ending, **causes: str) -> dict[str, FailureEnd]:
    return {reason: FailureEnd(ending=ending, cause=cause) for reason, cause in causes.items()}


def _all(ending: Ending, cause: str, reasons: Iterable[str]) -> dict[str, FailureEnd]:
    return {reason: FailureEnd(ending=ending, cause=cause) for reason in reasons}


OF_DEPLOYMENTS: Mapping[str, FailureEnd] = {
    **_each(
        Ending.EDIT,
        ValidationFailed="the spec",
        NoProvider="the spec names no provider, and none is selected here",
        ProviderChangeNotSupported="the spec",
        ConflictingImageFields="the spec",
        IncompatibleConfiguration="the spec",
        TransformFailed="the spec",
        FieldsIgnored="the spec; it holds nothing up",
        FieldsDropped="the overrides of the spec; it holds nothing up",
        SuspiciousArguments="the arguments of the spec; it holds nothing up",
    ),
    **_each(
        Ending.BACKOFF,
        ResourceConflict="an object of somebody else",
        CreateFailed="a quota, a webhook, a schema or an object that is missing",
        PVCFailed="a claim, or its storage class",
        DownloadFailed="the Job that downloads the model",
    ),
    **_each(
        Ending.TRIED_AGAIN,
        StepFailed="a worker, or the API server",
        AccountForbidden="rights of an account",
        WebhookRefused="a webhook that lets the deployment, or an object of it, not be changed",
        WaitingForCluster="nodes, or the schema of a kind",
        RefusalLearned="nothing: a second try follows at once",
        CRDMissing="a kind that the cluster does not serve",
        ImageResolutionFailed="the registry; where its name is none, the spec",
        PVCsPending="claims",
        DownloadInProgress="the Job that downloads the model",
    ),
    **_each(
        Ending.WATCHED,
        SelectionFailed="providers, their rules and operators",
        InstallationRequired="an operator that somebody has to install",
        Installing="the installation",
        ProviderNotReady="the provider's config",
        ProviderNotRegistered="the provider's config",
        UpstreamControllerMissing="the provider's operator",
        UpstreamControllerNotReady="the provider's operator",
        DeploymentFailed="pods and the upstream object",
        DeploymentInProgress="pods and the upstream object",
        Terminating="what is to be deleted first",
    ),
    **_each(Ending.RETRY, InstallationFailed="the installation"),
    **_all(
        Ending.AUDIT,
        "the administrator's policy",
        ("ImageNotAllowed", "ModelNotAllowed", "PolicyUnreadable"),
    ),
}

OF_PUBLISHING: Mapping[str, FailureEnd] = {
    **_all(
        Ending.EDIT,
        "spec.gateway or the model's name",
        (gateway.NAME_INVALID, gateway.DISABLED),
    ),
    **_all(
        Ending.WATCHED,
        "the gateway's objects and its controllers; the model serves all the same",
        (
            *(gateway.NO_CRDS, gateway.NO_GATEWAY, gateway.GATEWAY_NOT_FOUND, gateway.GATEWAY_NOT_ALLOWED),
            *(gateway.POOL_NOT_FOUND, gateway.POOL_NOT_ALLOWED, gateway.NAME_TAKEN, gateway.ROUTE_PENDING),
            *(gateway.ROUTE_NOT_FOUND, gateway.ROUTE_NOT_ACCEPTED, gateway.REFS_NOT_RESOLVED),
            *(gateway.POOL_NOT_ACCEPTED, gateway.PICKER_NOT_READY, gateway.NO_ENDPOINTS),
            *(gateway.NOT_PROGRAMMED, gateway.NO_ADDRESS, gateway.NOT_SERVING),
        ),
    ),
    **_all(
        Ending.TRIED_AGAIN,
        "an object of the gateway that could not be written",
        (
            *(gateway.PATCH_FAILED, gateway.POOL_FAILED, gateway.PICKER_FAILED, gateway.ROUTE_FAILED),
            *(gateway.GRANT_FAILED, gateway.RULE_FAILED),
        ),
    ),
}

OF_MODEL_IMAGES: Mapping[str, FailureEnd] = {
    **_each(
        Ending.EDIT,
        InvalidModelReference="the spec",
        ModelFileNotFound="the spec, or the repository",
        ModelFileUnclear="the spec",
    ),
    **_each(
        Ending.IMAGE_BACKOFF,
        ImageQuotaExceeded="images of other deployments, which take the room of the registry",
        NoSpace="a volume of the registry or of the builder",
        ModelNotFound="the repository, or who may see it",
        ModelAccessDenied="the licence, or the token's account",
        ModelTokenMissing="the Secret of the token",
        ModelHubUnavailable="the hub",
        BuilderUnavailable="the builder",
        BuildStalled="the builder's network",
        RegistryUnavailable="the registry",
        RegistryDenied="the registry's login",
        BaseImageUnavailable="the registry of the base image",
        ClusterForbids="rights of the worker",
        ImageBuildsOff="a setting of the worker",
        PrivateModelNotBuilt="a setting of the worker, or of the registry",
        ModelImageRefused="the deployment, which has changed meanwhile",
    ),
    **_each(
        Ending.RETRY,
        ChecksumMismatch="a mirror or proxy: the download is dear",
        BuildFailed="the builder, twice the same: the build is dear",
        BuildCancelled="a person has stopped it",
        BuildLost="a person has ended the build's workflow in Temporal",
    ),
    **_each(Ending.TRIED_AGAIN, ImageBuilding="the build"),
}

EITHER = "ImageNotVerified"
"""Of a signature, which a policy asks for, and of an image that was built here."""

ENDINGS: Mapping[str, FailureEnd] = {
    **OF_DEPLOYMENTS,
    **OF_PUBLISHING,
    **OF_MODEL_IMAGES,
    EITHER: FailureEnd(
        ending=Ending.AUDIT, cause="the signature that a policy asks for; of an image built here, a retry"
    ),
}


def is_tried_again(reason: str) -> bool:
    """Whether a model image that failed so is begun again by itself."""
    end = OF_MODEL_IMAGES.get(reason)
    return end is not None and end.ending is Ending.IMAGE_BACKOFF
