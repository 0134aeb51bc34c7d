"""An API server serves a kind seconds before it publishes what that holds: nothing is recorded in that gap.

And what a newer operator wants to be told reaches an object that was made without it, with the next spec.
"""

from __future__ import annotations

from typing import Any

from airunway.activities.upstream import served_api
from airunway.activities.upstream.served_api import ServedApis
from airunway.api.cluster_features import recorded_features
from airunway.clients.crds import apply_crd
from airunway.messages.upstream import RenderAnswer
from airunway.providers.dynamo.runtime_version import SERVED_FIELDS
from tests.activities.deployment_site import DeploymentSite, asked
from tests.activities.test_cluster_features import (
    ANYTHING,
    AUTH,
    DYNAMO,
    KUBERAY,
    SPEC,
    definition,
    main,
    ray_services,
    request,
    worker_of,
)

ALPHA_FIELD = SERVED_FIELDS["nvidia.com/v1alpha1"]


def graphs(**service: Any) -> dict[str, Any]:
    fields = {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": service}
    services = {"type": "object", "additionalProperties": fields}
    return definition(
        "nvidia.com",
        "v1alpha1",
        "DynamoGraphDeployment",
        {**ANYTHING, "properties": {"services": services}},
    )


def hide_schemas(place: DeploymentSite, count: int = 1_000) -> None:
    """The kind is served, its schema is not published yet."""
    place.emulated.faults.fail_next(
        count, code=404, reason="NotFound", when=lambda method, path: path.startswith("/openapi/v3/apis/")
    )


async def first(place: DeploymentSite) -> RenderAnswer:
    asking = request(await place.deployment(), KUBERAY, [])
    return await worker_of(place, KUBERAY).provider.render(asking)


async def test_a_first_deployment_waits_for_the_schema_and_records_it(place: DeploymentSite) -> None:
    await apply_crd(place.cluster, ray_services(authOptions=AUTH), field_manager="test")
    await place.deploy(provider={"name": "kuberay"}, **SPEC)
    hide_schemas(place)

    waits = await first(place)

    assert waits.failure is not None
    assert (waits.failure.reason, waits.failure.final) == ("WaitingForCluster", False)
    assert waits.failure.retry_seconds > 0
    assert "RayService" in waits.failure.message
    assert (waits.planned, recorded_features(waits.conditions)) == ([], None)

    place.emulated.faults.clear()
    goes_on = await first(place)

    assert goes_on.failure is None
    assert recorded_features(goes_on.conditions) == list(KUBERAY.optional_fields)


async def test_a_schema_that_never_comes_holds_nobody_up_for_ever(place: DeploymentSite) -> None:
    await apply_crd(place.cluster, ray_services(), field_manager="test")
    hide_schemas(place)
    now = 0.0
    served = ServedApis(place.cluster, clock=lambda: now)

    assert not (await served.of(KUBERAY)).is_settled
    now = served_api.PATIENCE_SECONDS + 1

    assert (await served.of(KUBERAY)).is_settled


async def test_what_a_newer_operator_wants_comes_with_the_next_spec(place: DeploymentSite) -> None:
    await apply_crd(place.cluster, graphs(), field_manager="test")
    await place.deploy(provider={"name": "dynamo"}, **SPEC)
    worker = worker_of(place, DYNAMO)
    asking = request(await place.deployment(), DYNAMO, [])
    rendered = await worker.provider.render(asking)
    done = await worker.provider.apply_upstream(asked(asking, rendered))
    assert recorded_features(rendered.conditions) == []

    newer = graphs(runtimeVersionOverride={"type": "string"})
    await apply_crd(place.cluster, newer, field_manager="test")
    same = request(await place.deployment(), DYNAMO, done.objects, cluster_features=[])
    kept = await worker_of(place, DYNAMO).provider.render(same)
    assert kept.planned == [], "what runs is not rewritten for it"

    edited = await place.change({"spec": {"scaling": {"replicas": 2}}})
    asking = request(edited, DYNAMO, done.objects, cluster_features=[])
    rendered, written = await worker_of(place, DYNAMO).apply(asking)

    assert written.failure is None
    assert recorded_features(rendered.conditions) == [ALPHA_FIELD]
    services = (await main(place, DYNAMO))["spec"]["services"]
    assert all(service["runtimeVersionOverride"] for service in services.values())


async def test_a_kind_that_is_not_served_at_all_is_not_waited_for(place: DeploymentSite) -> None:
    found = await ServedApis(place.cluster).of(KUBERAY)

    assert found.is_settled
    assert not found.versions
