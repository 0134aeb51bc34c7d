"""What a RayService says of its parts goes before its own word that it is ready."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.providers.kuberay import PROVIDER
from tests.providers.kuberay.test_status import READY, RUNNING, ray_service


@pytest.mark.parametrize(
    ("active", "cluster", "message"),
    [
        pytest.param(
            {
                "llm": {
                    "status": "RUNNING",
                    "serveDeploymentStatuses": {"LLM": {"status": "UNHEALTHY", "message": "engine died"}},
                }
            },
            {},
            "engine died",
            id="a deployment that is not healthy",
        ),
        pytest.param(
            RUNNING, {"state": "suspended"}, "the Ray cluster is suspended, and has no pods", id="suspended"
        ),
    ],
)
def test_what_contradicts_a_running_application_is_said(
    active: Any, cluster: dict[str, str], message: str
) -> None:
    service = ray_service(conditions=[READY], active=active)
    service["status"]["activeServiceStatus"]["rayClusterStatus"] = cluster

    status = PROVIDER.read_status(service)

    assert (status.phase, status.message) == ("Deploying", message)


def test_a_deployment_that_is_being_scaled_is_none_that_is_not_healthy() -> None:
    scaling = {"LLM": {"status": "UPSCALING", "message": "3 of 4 replicas"}}
    service = ray_service(
        conditions=[READY], active={"llm": {"status": "RUNNING", "serveDeploymentStatuses": scaling}}
    )

    assert PROVIDER.read_status(service).phase == "Running"
