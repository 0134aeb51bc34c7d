"""What must be ready before the graph is written: claims, and a downloaded model."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import RenderContext, Stage, StageVerdict
from airunway.provider.testing import UID, deployment
from airunway.providers.dynamo import PROVIDER
from tests.providers.build import ISOLATED, NO_RIGHTS
from tests.schemas import problems

MANAGED = {"name": "weights", "purpose": "modelCache", "size": "100Gi"}
GIVEN = {"name": "data", "purpose": "custom", "claimName": "data", "mountPath": "/data"}
OURS = {"airunway.ai/managed-by": "airunway"}
OWNER = {"apiVersion": "airunway.ai/v1alpha1", "kind": "ModelDeployment", "name": "chat", "uid": UID}


def stored(*volumes: Mapping[str, Any], **spec: Any) -> ModelDeployment:
    return deployment(model={"storage": {"volumes": list(volumes)}}, **spec)


def stage(given: ModelDeployment, condition: str, **context: Any) -> Stage:
    stages = PROVIDER.stages(given, RenderContext(**context))
    (found,) = [entry for entry in stages if entry.condition == condition]
    return found


def outcome(verdict: StageVerdict) -> str:
    """The verdict in a word, after a look at whether its parts agree."""
    status, reason = verdict.condition.status, verdict.condition.reason
    assert verdict.condition.message
    assert (status == "True") is verdict.ready
    assert not (verdict.ready and verdict.failure)
    assert verdict.ready or verdict.failure or verdict.retry_seconds > 0
    return reason


# --- claims ----------------------------------------------------------------------------------------


def claim(phase: str = "Bound", *, uid: str = UID, labels: Any = None, going: bool = False) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": "chat-weights", "uid": "c-1", "labels": labels or {}}
    metadata["ownerReferences"] = [{**OWNER, "uid": uid}] if uid else []
    if going:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {"metadata": metadata, "status": {"phase": phase} if phase else {}}


def judge_claim(volume: Mapping[str, Any], live: dict[str, Any] | None) -> StageVerdict:
    return stage(stored(volume), "StorageReady").judge([live])


@pytest.mark.parametrize(
    ("live", "reason"),
    [
        pytest.param(None, "PVCFailed", id="not there"),
        pytest.param(claim("Bound", uid=""), "PVCsBound", id="bound"),
        pytest.param(claim("Pending", uid=""), "PVCsPending", id="pending"),
        pytest.param(claim("", uid=""), "PVCsPending", id="no phase yet"),
        pytest.param(claim("Lost", uid=""), "PVCFailed", id="lost"),
    ],
)
def test_claim_of_somebody_else(live: dict[str, Any] | None, reason: str) -> None:
    verdict = judge_claim(GIVEN, live)

    assert outcome(verdict) == reason
    assert not verdict.create
    assert not verdict.delete


def test_waiting_names_the_claims() -> None:
    given = stored(MANAGED, GIVEN, {**GIVEN, "name": "more", "claimName": "more", "mountPath": "/more"})

    verdict = stage(given, "StorageReady").judge([None, claim("Pending", uid=""), claim("Bound", uid="")])

    message = verdict.condition.message
    assert message.startswith("Waiting for PVCs to be bound: chat-weights, data (if its class binds at the")
    assert "more" not in message


def test_missing_claim_may_still_come() -> None:
    verdict = judge_claim(GIVEN, None)

    assert verdict.retry_seconds == 10
    assert verdict.failure.startswith('Failed to ensure PVCs: pre-existing PVC "data" not found')
    assert 'namespace "team-a"' in verdict.failure


@pytest.mark.parametrize(
    ("live", "reason"),
    [
        pytest.param(claim("Bound"), "PVCsBound", id="bound"),
        pytest.param(claim("Pending"), "PVCsBound", id="may bind at the first mount"),
        pytest.param(claim(""), "PVCsPending", id="no phase yet"),
        pytest.param(claim("Pending", going=True), "PVCsPending", id="being deleted"),
        pytest.param(claim("Lost"), "PVCFailed", id="lost"),
        pytest.param(claim(uid="other"), "PVCFailed", id="somebody else's"),
    ],
)
def test_claim_of_our_own(live: dict[str, Any], reason: str) -> None:
    verdict = judge_claim(MANAGED, live)

    assert outcome(verdict) == reason
    assert not verdict.create
    assert not verdict.delete


def test_pending_claim_is_named_although_it_is_ready() -> None:
    assert "chat-weights" in judge_claim(MANAGED, claim("Pending")).condition.message


def test_missing_claim_is_made() -> None:
    verdict = judge_claim({**MANAGED, "storageClassName": ""}, None)

    assert outcome(verdict) == "PVCsPending"
    (made,) = verdict.create
    assert problems(made) == []
    assert made["metadata"]["name"] == "chat-weights"
    assert made["spec"] == {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "100Gi"}},
        "storageClassName": "",
    }


@pytest.mark.parametrize("going", [False, True])
def test_a_claim_of_an_earlier_deployment_is_deleted_once(going: bool) -> None:
    live = claim(uid="earlier", labels=OURS, going=going)

    verdict = judge_claim(MANAGED, live)

    assert outcome(verdict) == "PVCsPending"
    assert list(verdict.delete) == ([] if going else [live])


def test_first_refused_claim_ends_it_and_earlier_ones_are_made() -> None:
    later = {**MANAGED, "name": "later", "purpose": "compilationCache"}
    found = stage(stored(MANAGED, GIVEN, later), "StorageReady")

    verdict = found.judge([None, None, None])

    assert [name for _, name in found.reads] == ["chat-weights", "data", "chat-later"]
    assert outcome(verdict) == "PVCFailed"
    assert [made["metadata"]["name"] for made in verdict.create] == ["chat-weights"]


def test_no_volume_no_stage() -> None:
    assert PROVIDER.stages(deployment(), RenderContext()) == []


# --- download --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "needed"),
    [
        pytest.param(stored(MANAGED), True, id="a cache that can be written"),
        pytest.param(
            stored({**GIVEN, "purpose": "modelCache"}), True, id="also a cache that was there before"
        ),
        pytest.param(stored({**GIVEN, "purpose": "modelCache", "readOnly": True}), False, id="read-only"),
        pytest.param(stored(GIVEN), False, id="no cache"),
        pytest.param(
            deployment(model={"source": "custom", "storage": {"volumes": [MANAGED]}}), False, id="no download"
        ),
    ],
)
def test_download_is_needed(given: ModelDeployment, needed: bool) -> None:
    conditions = [found.condition for found in PROVIDER.stages(given, RenderContext())]

    assert conditions == ["StorageReady", *(["ModelDownloaded"] if needed else [])]
    assert set(conditions) <= set(PROVIDER.stage_conditions)


def wanted_job(given: ModelDeployment, **context: Any) -> dict[str, Any]:
    (made,) = stage(given, "ModelDownloaded", **context).judge([None]).create
    return made


def test_job() -> None:
    given = stored(
        MANAGED,
        secrets={"huggingFaceToken": "hub-token"},
        nodeSelector={"pool": "gpu"},
        tolerations=[{"key": "x", "operator": "Exists"}],
    )

    job = wanted_job(given)

    assert problems(job) == []
    assert job["metadata"]["name"] == "chat-model-download"
    assert job["metadata"]["labels"] == {
        "airunway.ai/managed-by": "airunway",
        "airunway.ai/model-deployment": "chat",
        "airunway.ai/job-type": "model-download",
    }
    assert job["spec"] == {
        "backoffLimit": 6,
        "completions": 1,
        "parallelism": 1,
        "template": {
            "spec": {
                "restartPolicy": "Never",
                "containers": [
                    {
                        "name": "model-download",
                        "image": "ghcr.io/ai-runway/airunway/model-downloader:v0.7.0",
                        "args": ["download", "acme/chat-9b"],
                        "env": [{"name": "HF_HOME", "value": "/model-cache"}],
                        "envFrom": [{"secretRef": {"name": "hub-token"}}],
                        "resources": {
                            "requests": {"cpu": "500m", "memory": "2Gi"},
                            "limits": {"memory": "16Gi"},
                        },
                        "volumeMounts": [{"name": "model-cache", "mountPath": "/model-cache"}],
                        "securityContext": NO_RIGHTS,
                    }
                ],
                "nodeSelector": {"pool": "gpu"},
                "tolerations": [{"key": "x", "operator": "Exists"}],
                "volumes": [{"name": "model-cache", "persistentVolumeClaim": {"claimName": "chat-weights"}}],
                **ISOLATED,
            }
        },
    }


def test_job_image_is_a_setting() -> None:
    job = wanted_job(stored(MANAGED), env={"AIRUNWAY_DYNAMO_DOWNLOAD_IMAGE": "registry.example.com/dl:1"})

    assert job["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example.com/dl:1"


def live_job(given: ModelDeployment, *, status: Any = None, **metadata: Any) -> dict[str, Any]:
    job = copy.deepcopy(wanted_job(given))
    job["metadata"] |= metadata
    return {**job, "status": status or {}}


def condition(kind: str) -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": "True", "message": "why"}]}


GOING = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
EARLIER = {"ownerReferences": [{**OWNER, "uid": "earlier"}]}


@pytest.mark.parametrize(
    ("status", "metadata", "reason"),
    [
        pytest.param({}, {}, "DownloadInProgress", id="started"),
        pytest.param({"active": 1, "failed": 5}, {}, "DownloadInProgress", id="trying again"),
        pytest.param(condition("Complete"), {}, "DownloadComplete", id="complete"),
        pytest.param(condition("Complete"), GOING, "DownloadComplete", id="complete and being cleaned up"),
        pytest.param({"succeeded": 1}, {}, "DownloadComplete", id="succeeded"),
        pytest.param(condition("Failed"), {}, "DownloadFailed", id="failed"),
        pytest.param({**condition("Failed"), "succeeded": 1}, {}, "DownloadFailed", id="failed all the same"),
        pytest.param({"failed": 6}, {}, "DownloadFailed", id="too many attempts"),
        pytest.param({}, GOING, "DownloadInProgress", id="being deleted"),
        pytest.param({}, {**EARLIER, "labels": {}}, "DownloadFailed", id="somebody else's"),
    ],
)
def test_download(status: Any, metadata: dict[str, Any], reason: str) -> None:
    given = stored(MANAGED)

    verdict = stage(given, "ModelDownloaded").judge([live_job(given, status=status, **metadata)])

    assert outcome(verdict) == reason
    assert not verdict.create
    assert not verdict.delete


@pytest.mark.parametrize(
    ("status", "selector"),
    [
        pytest.param({"active": 1, "ready": 0}, "batch.kubernetes.io/job-name=chat-model-download", id="no"),
        pytest.param({"active": 1, "ready": 1}, "", id="yes"),
    ],
)
def test_pods_are_asked_while_none_of_them_downloads(status: Any, selector: str) -> None:
    given = stored(MANAGED)

    verdict = stage(given, "ModelDownloaded").judge([live_job(given, status=status)])

    assert verdict.pod_selector == selector


def test_job_of_an_earlier_deployment_is_deleted() -> None:
    given = stored(MANAGED)
    live = live_job(given, status=condition("Complete"), **EARLIER)

    verdict = stage(given, "ModelDownloaded").judge([live])

    assert outcome(verdict) == "DownloadInProgress"
    assert verdict.delete == [live]


@pytest.mark.parametrize(
    ("now", "replaced"),
    [
        pytest.param({"secrets": {"huggingFaceToken": "new"}}, True, id="another token"),
        pytest.param({"nodeSelector": {"pool": "b"}}, True, id="another node"),
        pytest.param({}, False, id="nothing new"),
    ],
)
@pytest.mark.parametrize("status", [{}, condition("Failed")])
def test_unfinished_job_for_another_request_is_replaced(
    now: dict[str, Any], replaced: bool, status: Any
) -> None:
    live = live_job(stored(MANAGED), status=status)

    verdict = stage(stored(MANAGED, **now), "ModelDownloaded").judge([live])

    assert list(verdict.delete) == ([live] if replaced else [])


def test_new_image_or_a_job_without_record_replaces_nothing() -> None:
    given = stored(MANAGED, secrets={"huggingFaceToken": "new"})
    live = live_job(stored(MANAGED), annotations={})
    same = live_job(given)

    image = {"AIRUNWAY_DYNAMO_DOWNLOAD_IMAGE": "registry.example.com/dl:2"}

    assert not stage(given, "ModelDownloaded").judge([live]).delete
    assert not stage(given, "ModelDownloaded", env=image).judge([same]).delete


@pytest.mark.parametrize(
    ("remembered", "reason"),
    [
        pytest.param("True", "DownloadComplete", id="it was done and cleaned up"),
        pytest.param("False", "DownloadInProgress", id="it was not done"),
    ],
)
def test_missing_job(remembered: str, reason: str) -> None:
    said = {"type": "ModelDownloaded", "status": remembered, "reason": "X", "message": ""}
    before = {**said, "lastTransitionTime": "2026-01-01T00:00:00Z"}
    given = stored(MANAGED, status={"conditions": [before]})

    verdict = stage(given, "ModelDownloaded").judge([None])

    assert outcome(verdict) == reason
    assert bool(verdict.create) is (reason == "DownloadInProgress")
