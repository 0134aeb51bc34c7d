"""What the manifests promise of upgrades: pods may drain, and the Job that verifies is a worker's twin."""

from __future__ import annotations

import typer
import yaml

from airunway.cli.app import app
from airunway.workers.settings import Settings
from tests.deploy.manifests import CORE, ROOT, objects, of_kind

VERIFY = ROOT / "deploy" / "verify"


def test_a_worker_has_time_to_drain() -> None:
    pod = of_kind("Deployment", objects(CORE))["airunway-worker"]["spec"]["template"]["spec"]

    assert pod["terminationGracePeriodSeconds"] > Settings().worker_drain.total_seconds()


def test_the_job_verifies_as_a_worker_would_run() -> None:
    worker = of_kind("Deployment", objects(CORE))["airunway-worker"]["spec"]["template"]["spec"]
    job = of_kind("Job", objects(VERIFY))["airunway-verify"]["spec"]
    pod = job["template"]["spec"]

    assert yaml.safe_load((VERIFY / "kustomization.yaml").read_text())["resources"] == ["verify.yaml"]
    assert job["backoffLimit"] == 0, "the first difference is the answer"
    for field in ("serviceAccountName", "securityContext", "volumes"):
        assert pod[field] == worker[field], field
    (container,), (of_worker,) = pod["containers"], worker["containers"]
    for field in ("image", "envFrom", "resources", "securityContext", "volumeMounts"):
        assert container[field] == of_worker[field], field


def test_the_jobs_command_is_one_that_verifies() -> None:
    (container,) = of_kind("Job", objects(VERIFY))["airunway-verify"]["spec"]["template"]["spec"][
        "containers"
    ]
    command, *arguments = container["args"]
    parser = typer.main.get_command(app).commands[command]  # type: ignore[attr-defined]

    context = parser.make_context(command, arguments)

    assert context.params["verify"] == 50
