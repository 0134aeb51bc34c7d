"""A worker as a process of its own, of this build or of one whose deployments take other steps first.

`python -m tests.real.build_process worker` serves the test's provider; with `CHANGED_STEPS=1` it is the other
build. `… watcher` watches for it, `… verify N` verifies against live histories instead.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta

from temporalio import workflow

from airunway.api.names import DEPLOYMENT_WORKFLOW
from airunway.messages.deployment_workflow import DeploymentInput
from airunway.workers import served_workflows
from airunway.workflows.model_deployment.workflow import ModelDeploymentWorkflow

CHANGED = "CHANGED_STEPS"


@workflow.defn(name=DEPLOYMENT_WORKFLOW)
class ChangedDeploymentWorkflow(ModelDeploymentWorkflow):
    """The same life, with a step before its first."""

    @workflow.init
    def __init__(self, start: DeploymentInput) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: DeploymentInput) -> str:
        """Wait a moment, then go on as ever."""
        await workflow.sleep(timedelta(milliseconds=1))
        return await super().run(start)


def main(arguments: list[str]) -> None:
    """Serve until told to stop, or verify."""
    if os.environ.get(CHANGED):
        # Before anything that takes the list over is imported.
        served_workflows.WORKFLOWS = [
            ChangedDeploymentWorkflow if kind is ModelDeploymentWorkflow else kind
            for kind in served_workflows.WORKFLOWS
        ]
    if arguments[0] == "verify":
        from airunway.cli.app import main as command_line

        sys.argv = ["airunway", "worker", "--verify", *arguments[1:]]
        command_line()
        return
    from airunway.cli.serve import until_stopped
    from airunway.workers.health import Ready, serve_probes
    from airunway.workers.logs import configure_logging
    from airunway.workers.settings import Settings
    from airunway.workers.watcher_process import run_watcher
    from airunway.workers.worker import run_worker
    from tests.e2e.acme import ACME_WITH_IMAGES

    settings, ready = Settings(), Ready()
    configure_logging(settings)
    run = run_watcher if arguments[0] == "watcher" else run_worker
    work = run(settings, providers={ACME_WITH_IMAGES.name: ACME_WITH_IMAGES}, ready=ready)
    asyncio.run(until_stopped(work, serve_probes(settings, ready), ready=ready))


if __name__ == "__main__":
    main(sys.argv[1:])
