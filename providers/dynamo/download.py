"""The Job that downloads a model into its cache before the workers start. Pure.

Source: dynamo.md §7.2, weak spots 11 and 12.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from airunway.api import names
from airunway.api.core_types import ConditionStatus
from airunway.api.model_deployment import ModelDeployment, StorageVolume
from airunway.provider import (
    Manifest,
    RenderContext,
    Stage,
    StageVerdict,
    UpstreamCondition,
    condition,
    conditions_at,
    count_at,
    mapping_at,
    pod_options,
    pod_security,
    rendering,
    storage,
)
from airunway.providers.dynamo.config import JOB, NAME
from airunway.providers.dynamo.options import options_of
from airunway.providers.dynamo.ownership import is_going, is_ours, is_owned
from airunway.providers.dynamo.plan import DOWNLOAD_SUFFIX, download_volume
from airunway.providers.dynamo.release import DOWNLOAD_IMAGE
from airunway.providers.dynamo.services import with_user_environment

DOWNLOADED = "ModelDownloaded"
IMAGE_VARIABLE = "AIRUNWAY_DYNAMO_DOWNLOAD_IMAGE"
LABEL_JOB_TYPE = "airunway.ai/job-type"
REQUEST = "airunway.ai/download-request"
"""Annotation of the Job: a digest of what it was made for."""
RETRY_SECONDS = 15

_CONTAINER = "model-download"
_VOLUME = "model-cache"
_BACKOFF_LIMIT = 6
_JOB_NAME_LABEL = "batch.kubernetes.io/job-name"
"""Kubernetes puts it on the pods of a Job."""

Found = Mapping[str, Any] | None


def download_stage(deployment: ModelDeployment, context: RenderContext) -> Stage | None:
    """The stage, if a download is needed: Hugging Face weights and a cache that can be written."""
    volume = download_volume(deployment)
    if volume is None:
        return None
    image = context.env.get(IMAGE_VARIABLE) or DOWNLOAD_IMAGE
    security = pod_security.pod_security(context.env, NAME, home=True)
    job = download_job(deployment, volume, image=image, security=security)
    return Stage(
        condition=DOWNLOADED,
        reads=[(JOB, job["metadata"]["name"])],
        judge=lambda live: judge_job(deployment, job, live[0]),
        creates=[job],
    )


def download_job(
    deployment: ModelDeployment,
    volume: StorageVolume,
    *,
    image: str,
    security: pod_security.PodSecurity,
) -> Manifest:
    """The Job. It runs where the workers run: a claim that binds at its first mount binds in their zone.

    It has their variables, labels and annotations: proxies, mirrors and meshes concern it as much as them.
    """
    labels = {
        names.LABEL_MANAGED_BY: names.MANAGED_BY,
        names.LABEL_MODEL_DEPLOYMENT: deployment.name,
        LABEL_JOB_TYPE: _CONTAINER,
    }
    claim = {"claimName": storage.claim_name(deployment, volume)}
    pod = {
        "restartPolicy": "Never",
        "containers": [_download_container(deployment, image, storage.mount_path(volume))],
        **pod_options.every_pod(deployment),
        "volumes": [{"name": _VOLUME, "persistentVolumeClaim": claim}],
    }
    return {
        "apiVersion": JOB.api_version,
        "kind": JOB.kind,
        "metadata": rendering.object_metadata(
            deployment,
            name=f"{deployment.name}{DOWNLOAD_SUFFIX}",
            labels=labels,
            annotations={REQUEST: _request_digest(pod)},
        ),
        "spec": {
            "backoffLimit": _BACKOFF_LIMIT,
            "completions": 1,
            "parallelism": 1,
            "template": {**_pod_metadata(deployment), "spec": pod_security.isolated(pod, security)},
        },
    }


def _download_container(deployment: ModelDeployment, image: str, path: str) -> dict[str, Any]:
    secret = rendering.hugging_face_secret(deployment)
    return {
        "name": _CONTAINER,
        "image": image,
        "args": ["download", rendering.model_id(deployment)],
        "env": with_user_environment(
            [{"name": "HF_HOME", "value": path}], rendering.user_environment(deployment)
        ),
        **({"envFrom": [{"secretRef": {"name": secret}}]} if secret else {}),
        "resources": _resources(deployment),
        "volumeMounts": [{"name": _VOLUME, "mountPath": path}],
    }


def _resources(deployment: ModelDeployment) -> dict[str, Any]:
    """What the download needs, unless overrides say so: then as much memory as they say, and no more."""
    size = options_of(deployment).download_size
    memory = size.get("memory")
    return {
        "requests": {"cpu": size.get("cpu") or "500m", "memory": memory or "2Gi"},
        "limits": {"memory": memory or "16Gi"},
    }


def _pod_metadata(deployment: ModelDeployment) -> dict[str, Any]:
    """The user's labels and annotations; none of our labels, by which others find the pods that serve."""
    given = deployment.pod_labels.items()
    metadata = rendering.without_empty(
        labels={key: value for key, value in given if not key.startswith(f"{names.GROUP}/")},
        annotations=deployment.pod_annotations,
    )
    return {"metadata": metadata} if metadata else {}


def judge_job(deployment: ModelDeployment, desired: Manifest, live: Found) -> StageVerdict:
    """Whether the model is there; `live` is the Job as it is, None when there is none.

    A Job that is gone after it was done is not made again: cleaning up must not take a served model down.
    A Job that is not done, and asks for something else than now (another token, node, claim), is replaced.
    """
    name = desired["metadata"]["name"]
    if live is None:
        return _done() if was_downloaded(deployment) else _running(create=[desired])
    if not is_owned(deployment, live):
        if not is_ours(live):
            return _failed(f"Job {name} exists and belongs to somebody else; delete it or rename this one")
        return _running(delete=[] if is_going(live) else [live])
    conditions = conditions_at(live, "status", "conditions")
    failed = conditions.get("Failed", UpstreamCondition("Failed"))
    if conditions.get("Complete", UpstreamCondition("Complete")).is_true:
        return _done()
    if not failed.is_true and count_at(live, "status", "succeeded") >= 1:
        return _done()
    if is_going(live):
        return _running()
    if _is_outdated(live, desired):
        return _running(delete=[live])
    if failed.is_true:
        return _failed(f"model download Job {name} failed permanently: {failed.message}", hint=True)
    attempts = count_at(live, "status", "failed")
    if attempts >= _backoff_limit(live):
        return _failed(f"model download Job {name} failed {attempts} times", hint=True)
    # A pod that runs downloads. One that does not says why: no node, no Secret, no image.
    downloads = count_at(live, "status", "ready") > 0
    return _running(pod_selector="" if downloads else f"{_JOB_NAME_LABEL}={name}")


def was_downloaded(deployment: ModelDeployment) -> bool:
    """Whether the deployment's status remembers a finished download."""
    conditions = (deployment.status.conditions or ()) if deployment.status else ()
    return any(entry.type == DOWNLOADED and entry.status is ConditionStatus.TRUE for entry in conditions)


def _backoff_limit(job: Mapping[str, Any]) -> int:
    limit = mapping_at(job, "spec").get("backoffLimit")
    return limit if isinstance(limit, int) else _BACKOFF_LIMIT


def _request_digest(pod: Mapping[str, Any]) -> str:
    """What a Job is for, as a short text. Not its image: a new one changes nothing about the download."""
    container = {key: value for key, value in pod["containers"][0].items() if key != "image"}
    request = {**pod, "containers": [container]}
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:16]


def _is_outdated(live: Mapping[str, Any], desired: Manifest) -> bool:
    """Whether a Job was made for another request. One without a record (AI Runway's own) is kept."""
    made_for = mapping_at(live, "metadata", "annotations").get(REQUEST)
    return made_for is not None and made_for != desired["metadata"]["annotations"][REQUEST]


def _done() -> StageVerdict:
    return StageVerdict(
        condition=condition(DOWNLOADED, "True", "DownloadComplete", "The model is downloaded"), ready=True
    )


def _running(
    *,
    create: Sequence[Manifest] = (),
    delete: Sequence[Mapping[str, Any]] = (),
    pod_selector: str = "",
) -> StageVerdict:
    return StageVerdict(
        condition=condition(DOWNLOADED, "False", "DownloadInProgress", "Model download in progress"),
        retry_seconds=RETRY_SECONDS,
        pod_selector=pod_selector,
        create=create,
        delete=delete,
    )


def _failed(cause: str, *, hint: bool = False) -> StageVerdict:
    message = f"{cause}; delete the Job to try again" if hint else cause
    return StageVerdict(
        condition=condition(DOWNLOADED, "False", "DownloadFailed", message),
        failure=f"Model download failed: {message}",
    )
