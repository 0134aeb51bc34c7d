"""What a person can make go wrong, and in which words the cluster says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airunway.clients.kubernetes import APPS_DEPLOYMENTS, EVENTS, Resource
from airunway.sandbox.operators.faults import FAULT_ANNOTATION, PodFault, fault_of
from airunway.sandbox.operators.nodes import DEFAULT_NODES
from airunway.sandbox.operators.objects import Object
from airunway.sandbox.serving import log_lines
from tests.sandbox.conftest import NAMESPACE, Stage, condition_of, waiting_reason

SECRETS = Resource("v1", "secrets")
CONFIG_MAPS = Resource("v1", "configmaps")
CLAIMS = Resource("v1", "persistentvolumeclaims")
NODES, GPU_NODES = len(DEFAULT_NODES), len([node for node in DEFAULT_NODES if node.gpus])


def test_the_annotation_is_the_one_that_the_documentation_shows() -> None:
    text = (Path(__file__).parents[2] / "docs" / "failures.md").read_text(encoding="utf-8")

    assert f"        {FAULT_ANNOTATION}: oom" in text


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"image": "fail-image/web:1"}, id="by the image's name"),
        pytest.param({"annotations": {FAULT_ANNOTATION: "image-pull"}}, id="by annotation"),
    ],
)
async def test_an_image_that_cannot_be_pulled(stage: Stage, changes: dict[str, Any]) -> None:
    await stage.deploy(**changes)

    await _until_waiting(stage, "ImagePullBackOff")

    (event,) = await stage.events("Failed")
    assert event["type"] == "Warning"
    assert "Failed to pull image" in event["message"]


@pytest.mark.parametrize(
    ("changes", "exit_code", "reason"),
    [
        pytest.param({"image": "crash/web:1"}, 137, "OOMKilled", id="killed for lack of memory"),
        pytest.param({"annotations": {FAULT_ANNOTATION: "crash"}}, 1, "Error", id="ends with an error"),
    ],
)
async def test_a_container_that_crashes(
    stage: Stage, changes: dict[str, Any], exit_code: int, reason: str
) -> None:
    await stage.deploy(**changes)

    pod = await _until_waiting(stage, "CrashLoopBackOff")

    (container,) = pod["status"]["containerStatuses"]
    assert container["restartCount"] >= 1
    assert container["lastState"]["terminated"]["exitCode"] == exit_code
    assert container["lastState"]["terminated"]["reason"] == reason
    assert await stage.events("BackOff")


TOKEN = {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "HF_TOKEN"}}}


@pytest.mark.parametrize(
    ("container", "falls"),
    [
        pytest.param({"args": ["--model", "missing/chat"]}, True, id="there is none of the name"),
        pytest.param({"args": ["--model=missing/chat"], "env": [TOKEN]}, True, id="whoever asks"),
        pytest.param({"command": ["vllm", "serve", "gated/chat"]}, True, id="a gated one without a token"),
        pytest.param({"env": [{"name": "MODEL_ID", "value": "private/chat"}]}, True, id="a private one"),
        pytest.param({"args": ["--model", "gated/chat"], "env": [TOKEN]}, False, id="with a token"),
        pytest.param({"args": ["--model", "acme/gated"]}, False, id="of somebody else"),
        pytest.param({"image": "registry/missing/chat:1"}, False, id="an image that holds its model"),
    ],
)
def test_a_server_falls_whose_model_the_hub_does_not_give(container: dict[str, Any], falls: bool) -> None:
    pod = {"metadata": {}, "spec": {"containers": [{"name": "main", **container}]}}

    fault = fault_of(pod)

    assert fault is (PodFault.CRASH if falls else None)
    assert ("the hub does not give" in log_lines.falling(pod)) is falls


async def test_a_container_that_never_becomes_ready(stage: Stage) -> None:
    await stage.deploy(annotations={FAULT_ANNOTATION: "never-ready"})

    await stage.events("Unhealthy")

    (pod,) = await stage.pods(lambda pods: pods)
    assert pod["status"]["phase"] == "Running"
    assert condition_of(pod, "Ready")["status"] == "False"


async def test_a_quota_that_is_exceeded(stage: Stage) -> None:
    await stage.deploy(annotations={FAULT_ANNOTATION: "quota"})

    refused = await stage.until_one(
        APPS_DEPLOYMENTS, "web", lambda obj: condition_of(obj, "ReplicaFailure").get("status") == "True"
    )

    assert condition_of(refused, "ReplicaFailure")["reason"] == "FailedCreate"
    assert "exceeded quota" in condition_of(refused, "ReplicaFailure")["message"]
    assert await stage.events("FailedCreate")


async def test_a_refused_pod_is_tried_again_without_a_change_of_status(stage: Stage) -> None:
    await stage.deploy(annotations={FAULT_ANNOTATION: "quota"})
    first = await stage.until_one(
        APPS_DEPLOYMENTS, "web", lambda obj: condition_of(obj, "ReplicaFailure").get("status") == "True"
    )

    # each try asks for a pod of another name, so it is an event of its own
    await stage.until(
        EVENTS, lambda events: len([event for event in events if event["reason"] == "FailedCreate"]) > 1
    )

    later = await stage.cluster.find(APPS_DEPLOYMENTS, "web", namespace=NAMESPACE)
    assert later is not None
    assert condition_of(later, "ReplicaFailure") == condition_of(first, "ReplicaFailure")


async def test_more_gpus_than_any_node_has(stage: Stage) -> None:
    await stage.deploy(container={"resources": {"limits": {"nvidia.com/gpu": "8"}}})

    pod = await _until_unschedulable(stage)

    assert (
        condition_of(pod, "PodScheduled")["message"]
        == f"0/{NODES} nodes are available: {NODES} Insufficient nvidia.com/gpu."
    )
    assert await stage.events("FailedScheduling")


async def test_room_that_becomes_free_is_given_to_the_pod_that_waits(stage: Stage) -> None:
    gpus = {"resources": {"limits": {"nvidia.com/gpu": "4"}}}
    await stage.deploy("first", replicas=GPU_NODES, container=gpus)
    await stage.rolled_out("first")
    await stage.deploy("second", container=gpus)
    await stage.pods(lambda pods: [pod for pod in pods if _is_unschedulable(pod)])

    await stage.cluster.delete(APPS_DEPLOYMENTS, "first", namespace=NAMESPACE)

    await stage.rolled_out("second")


async def test_a_node_selector_that_no_node_has(stage: Stage) -> None:
    await stage.deploy(pod={"nodeSelector": {"pool": "none"}})

    pod = await _until_unschedulable(stage)

    assert (
        f"{NODES} node(s) didn't match Pod's node affinity/selector"
        in condition_of(pod, "PodScheduled")["message"]
    )


async def test_a_secret_that_is_made_later_lets_the_container_start(stage: Stage) -> None:
    source = {"secretKeyRef": {"name": "token", "key": "HF_TOKEN"}}
    await stage.deploy(container={"env": [{"name": "HF_TOKEN", "valueFrom": source}]})
    pod = await _until_waiting(stage, "CreateContainerConfigError")
    assert pod["status"]["containerStatuses"][0]["state"]["waiting"]["message"] == 'secret "token" not found'

    await stage.create(SECRETS, {"metadata": {"name": "token"}, "stringData": {"HF_TOKEN": "x"}})

    await stage.rolled_out()


REFERENCES = [
    pytest.param(
        {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "there", "key": "none"}}}]},
        "couldn't find key none in Secret default/there",
        id="a key of a Secret",
    ),
    pytest.param(
        {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "there", "key": "none"}}}]},
        "couldn't find key none in ConfigMap default/there",
        id="a key of a ConfigMap",
    ),
    pytest.param(
        {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "none", "key": "k"}}}]},
        'configmap "none" not found',
        id="a ConfigMap",
    ),
    pytest.param(
        {"envFrom": [{"secretRef": {"name": "none"}}]},
        'secret "none" not found',
        id="a whole Secret",
    ),
    pytest.param(
        {"envFrom": [{"configMapRef": {"name": "none"}}]},
        'configmap "none" not found',
        id="a whole ConfigMap",
    ),
    pytest.param(
        {
            "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "none", "key": "k"}}}],
            "envFrom": [{"configMapRef": {"name": "none"}}],
        },
        'configmap "none" not found',
        id="both, of which whole objects come first",
    ),
]


@pytest.mark.parametrize(("container", "words"), REFERENCES)
async def test_a_container_does_not_start_without_its_environment(
    stage: Stage, container: Object, words: str
) -> None:
    await stage.create(SECRETS, {"metadata": {"name": "there"}, "stringData": {"k": "x"}})
    await stage.create(CONFIG_MAPS, {"metadata": {"name": "there"}, "data": {"k": "x"}})

    await stage.deploy(container=container)

    pod = await _until_waiting(stage, "CreateContainerConfigError")
    assert pod["status"]["containerStatuses"][0]["state"]["waiting"]["message"] == words
    (event,) = await stage.events("Failed")
    assert event["message"] == f"Error: {words}"


async def test_what_is_optional_may_be_missing(stage: Stage) -> None:
    await stage.create(SECRETS, {"metadata": {"name": "there"}, "stringData": {"k": "x"}})
    references = [
        {"secretKeyRef": {"name": "there", "key": "none", "optional": True}},
        {"configMapKeyRef": {"name": "none", "key": "k", "optional": True}},
        {"secretKeyRef": {"name": "there", "key": "k"}},
    ]
    env = [{"name": f"V{index}", "valueFrom": source} for index, source in enumerate(references)]
    whole = [{"secretRef": {"name": "there"}}, {"configMapRef": {"name": "none", "optional": True}}]

    await stage.deploy(container={"env": env, "envFrom": whole})

    await stage.rolled_out()


async def test_a_key_that_is_added_later_lets_the_container_start(stage: Stage) -> None:
    await stage.create(SECRETS, {"metadata": {"name": "token"}})
    source = {"secretKeyRef": {"name": "token", "key": "HF_TOKEN"}}
    await stage.deploy(container={"env": [{"name": "HF_TOKEN", "valueFrom": source}]})
    await _until_waiting(stage, "CreateContainerConfigError")

    await stage.cluster.patch(SECRETS, "token", {"stringData": {"HF_TOKEN": "x"}}, namespace=NAMESPACE)

    await stage.rolled_out()


async def test_a_claim_that_is_made_later_lets_the_pod_be_scheduled(stage: Stage) -> None:
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "weights"}}
    await stage.deploy(pod={"volumes": [volume]})
    pod = await _until_unschedulable(stage)
    assert condition_of(pod, "PodScheduled")["message"] == 'persistentvolumeclaim "weights" not found'

    claim = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}
    await stage.create(CLAIMS, {"metadata": {"name": "weights"}, "spec": claim})

    await stage.rolled_out()
    bound = await stage.cluster.get(CLAIMS, "weights", namespace=NAMESPACE)
    assert bound["status"]["phase"] == "Bound"


async def _until_waiting(stage: Stage, reason: str) -> Object:
    pod: Object = await stage.pods(
        lambda pods: next((pod for pod in pods if waiting_reason(pod) == reason), None)
    )
    return pod


async def _until_unschedulable(stage: Stage) -> Object:
    pod: Object = await stage.pods(lambda pods: next((pod for pod in pods if _is_unschedulable(pod)), None))
    return pod


def _is_unschedulable(pod: Object) -> bool:
    return condition_of(pod, "PodScheduled").get("reason") == "Unschedulable"
