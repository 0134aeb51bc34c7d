"""What the API server would refuse in a rendered pod is refused before anything is applied, by its path."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.provider.pod_rules import pod_findings
from tests.pod_parts import CASES, PodCase
from tests.providers.guarding import OPEN, WITH_PODS, container, in_pod, overriding, refusal


@pytest.mark.parametrize("case", CASES, ids=[case.reason for case in CASES])
def test_a_part_that_is_refused_is_named_by_its_path_and_another_is_not(case: PodCase) -> None:
    found = [finding.detail for finding in pod_findings([case.workload])]

    assert [words.partition(" of the rendered ")[0] for words in found] == [case.wrong][: bool(case.wrong)]


PROBE = {"livenessProbe": {"httpGet": {"port": 8000}, "periodSeconds": -1}}


@pytest.mark.parametrize("name", WITH_PODS)
def test_a_probe_in_the_overrides_of_any_provider(name: str) -> None:
    engine = {"type": "llamacpp"} if name == "kaito" else {"type": "vllm"}
    given = overriding(name, in_pod(name, container(**PROBE)), engine=engine)

    words = refusal(name, given, policy=OPEN, image="registry.example.com/model:1")

    assert "livenessProbe.periodSeconds of the rendered " in words
    assert "must be a whole number, at least 0" in words


def test_a_probe_beside_the_containers_of_a_graph() -> None:
    overrides = {"spec": {"services": {"VllmWorker": PROBE}}}

    words = refusal("dynamo", overriding("dynamo", overrides), policy=OPEN)

    assert "VllmWorker.livenessProbe.periodSeconds of the rendered DynamoGraphDeployment" in words


def test_what_an_operator_fills_in_may_be_absent() -> None:
    pod: dict[str, Any] = {"containers": [{"volumeMounts": [{"name": "theirs", "mountPath": "/a"}]}]}
    ray = {"apiVersion": "ray.io/v1", "kind": "RayService", "spec": {"template": {"spec": pod}}}

    assert not list(pod_findings([ray]))


def test_a_job_ends_by_itself() -> None:
    pod = {"containers": [{"name": "a", "image": "a"}], "restartPolicy": "Always"}
    job = {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": pod}}}

    [found] = pod_findings([job])

    assert "restartPolicy" in found.detail
