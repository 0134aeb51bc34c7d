"""A status names an endpoint only that the main upstream object has: requests are sent there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from airunway.api.status import UnifiedStatus
from airunway.clients.kubernetes import Object
from airunway.messages.deployment import StatusAnswer, StatusRequest
from tests.activities.deployment_site import REF, DeploymentSite, Worker, render_request
from tests.e2e.acme import ACME, SERVER

OF_ACME = {"name": "acme", "resourceName": "chat", "resourceKind": "Server"}
OWN = {"service": "chat", "port": 80}
FOREIGN = {"service": "bank", "port": 80}


def _without_endpoint(obj: Mapping[str, Any]) -> UnifiedStatus:
    return ACME.read_status(obj).model_copy(update={"endpoint": None})


NAMES_NONE = replace(ACME, read_status=_without_endpoint)


async def rolled_out(place: DeploymentSite, **options: Any) -> Object:
    """A deployment whose objects and finalizer are there."""
    made = await place.deploy()
    await place.worker(**options).apply(render_request(made))
    return await place.deployment()


async def write(worker: Worker, deployment: Object, **status: Any) -> StatusAnswer:
    request = StatusRequest(
        ref=REF, uid=deployment["metadata"]["uid"], status={"phase": "Deploying", **status}
    )
    return await worker.core.write_status(request)


async def test_an_endpoint_is_refused_where_the_object_names_none(place: DeploymentSite) -> None:
    made = await rolled_out(place, providers=(NAMES_NONE,))
    worker = place.worker(providers=(NAMES_NONE,))

    with pytest.raises(ApplicationError, match="Server chat names none") as refused:
        await write(worker, made, provider=OF_ACME, endpoint=FOREIGN)

    assert refused.value.non_retryable
    assert await place.deployment() == made


async def test_that_the_status_names_no_provider_bears_nothing_out(place: DeploymentSite) -> None:
    made = await rolled_out(place)

    with pytest.raises(ApplicationError, match="its endpoint is bank:80"):
        await write(place.worker(), made, endpoint=FOREIGN)

    assert await place.deployment() == made


async def test_where_no_provider_acts_there_is_no_endpoint(place: DeploymentSite) -> None:
    made = await place.deploy(provider=None, engine=None)

    with pytest.raises(ApplicationError, match="no provider acts"):
        await write(place.worker(), made, endpoint=FOREIGN)

    assert await place.deployment() == made


@pytest.mark.parametrize("provider", [OF_ACME, None])
async def test_the_endpoint_of_a_status_that_somebody_wiped_is_written_again(
    place: DeploymentSite, provider: dict[str, str] | None
) -> None:
    made = await rolled_out(place)

    await write(place.worker(), made, provider=provider, endpoint=OWN)

    assert (await place.deployment())["status"]["endpoint"] == OWN


async def test_an_endpoint_of_before_is_no_claim(place: DeploymentSite) -> None:
    made = await rolled_out(place)
    await write(place.worker(), made, provider=OF_ACME, endpoint=OWN)
    later = place.worker(providers=(NAMES_NONE,))

    await write(later, made, provider=OF_ACME, endpoint=OWN, message="it is paused")

    assert (await place.deployment())["status"]["message"] == "it is paused"


async def test_a_deletion_is_not_held_up_by_the_endpoint_of_before(place: DeploymentSite) -> None:
    made = await rolled_out(place)
    await place.delete()
    await place.cluster.delete(SERVER, REF.name, namespace=REF.namespace)

    await write(place.worker(), made, phase="Terminating", provider=OF_ACME, endpoint=OWN)

    assert (await place.deployment())["status"]["phase"] == "Terminating"
