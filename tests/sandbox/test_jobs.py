"""The pretend job controller runs a job's pod to its end."""

from __future__ import annotations

from airunway.clients.kubernetes import PODS
from airunway.sandbox.operators.jobs import JOBS
from airunway.sandbox.operators.objects import condition
from tests.sandbox.conftest import NAMESPACE, Stage


async def test_a_job_is_complete_when_its_pod_has_ended(stage: Stage) -> None:
    containers = [{"name": "main", "image": "example/job:1"}]
    template = {"spec": {"restartPolicy": "Never", "containers": containers}}
    await stage.create(JOBS, {"metadata": {"name": "load"}, "spec": {"template": template}})

    done = await stage.until_one(JOBS, "load", lambda job: condition(job, "Complete"))

    assert done["status"]["succeeded"] == 1
    (pod,) = (await stage.cluster.listing(PODS, namespace=NAMESPACE)).items
    assert pod["status"]["phase"] == "Succeeded"
    assert pod["metadata"]["labels"]["job-name"] == "load"
