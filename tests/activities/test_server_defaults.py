"""What the API server fills in is nobody's wish: a first apply lists what is rendered otherwise."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from airunway.activities.upstream.changed_fields import changed_fields
from airunway.clients.kubernetes import NAMESPACES, Object
from airunway.provider import Manifest, Provider, RenderContext
from airunway.provider.testing import deployment
from airunway.providers.dynamo import PROVIDER as DYNAMO
from airunway.providers.llmd import PROVIDER as LLMD
from airunway.providers.vllm import PROVIDER as VLLM
from tests.activities.deployment_site import DeploymentSite

STORED = {"volumes": [{"name": "models", "size": "10Gi", "mountPath": "/models", "purpose": "modelCache"}]}
GIVEN = deployment(
    model={"id": "org/model", "storage": STORED},
    env=[{"name": "WHERE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
    secrets={"huggingFaceToken": "hub"},
)


async def created(place: DeploymentSite, provider: Provider, manifest: Manifest) -> Object:
    """A rendered object as the server answers its create; that of a stage as well."""
    kind = next(kind for kind in provider.kinds if kind.kind == manifest["kind"])
    namespace = manifest["metadata"]["namespace"]
    if await place.cluster.find(NAMESPACES, namespace) is None:
        await place.cluster.create(NAMESPACES, {"metadata": {"name": namespace}})
    manager = provider.field_manager
    return await place.cluster.create(kind, manifest, namespace=namespace, field_manager=manager)


@pytest.mark.parametrize("provider", [VLLM, LLMD, DYNAMO], ids=lambda provider: provider.name)
async def test_a_created_object_that_is_rendered_as_before_has_no_changes(
    place: DeploymentSite, provider: Provider
) -> None:
    stages = provider.stages(GIVEN, RenderContext())
    made = [manifest for stage in stages for manifest in stage.judge([None] * len(stage.reads)).create]
    rendered = [*provider.render(GIVEN, RenderContext()), *made]
    builtin = [entry for entry in rendered if entry["apiVersion"] in ("v1", "apps/v1", "batch/v1")]

    live = [await created(place, provider, manifest) for manifest in builtin]

    assert live and all(is_filled_in(*pair) for pair in zip(live, builtin, strict=True))
    for was, wanted in zip(live, builtin, strict=True):
        assert changed_fields(was, wanted, field_manager=provider.field_manager) == []


def is_filled_in(live: Object, manifest: Manifest) -> bool:
    """Whether the case shows anything: the server has added to the spec, and counts that as ours."""
    (entry,) = live["metadata"]["managedFields"]
    return bool(entry["operation"] == "Update" and live["spec"] != manifest["spec"])


async def test_what_is_dropped_is_listed_beside_what_the_server_filled_in(place: DeploymentSite) -> None:
    before = VLLM.render(GIVEN, RenderContext())[0]
    live = await created(place, VLLM, before)
    after = copy.deepcopy(before)
    pod: dict[str, Any] = after["spec"]["template"]["spec"]
    dropped = [key for key in ("startupProbe", "readinessProbe") if pod["containers"][0].pop(key, None)]
    pod.pop("enableServiceLinks")

    changed = changed_fields(live, after, field_manager=VLLM.field_manager)

    at = "spec.template.spec"
    name = pod["containers"][0]["name"]
    assert dropped
    assert set(changed) == {
        f"{at}.enableServiceLinks",
        *(f"{at}.containers[name={name}].{key}" for key in dropped),
    }
