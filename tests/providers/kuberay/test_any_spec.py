"""What holds for every deployment that admission lets pass, and for every state of a RayService."""

from __future__ import annotations

import contextlib
import copy
import json
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import Manifest, RenderContext, RenderError
from airunway.providers.kuberay import PROVIDER
from tests.providers.kuberay.specs import cases
from tests.schemas import problems


def rendered(deployment: dict[str, Any]) -> list[Manifest]:
    try:
        return PROVIDER.render(ModelDeployment.model_validate(deployment), RenderContext())
    except RenderError as err:
        assert str(err).startswith(("spec.", "metadata."))
        return []


def repeated(entries: list[dict[str, Any]], key: str) -> bool:
    return len({entry[key] for entry in entries}) < len(entries)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_objects_are_valid_and_always_the_same(deployment: dict[str, Any]) -> None:
    before = copy.deepcopy(deployment)
    parsed = ModelDeployment.model_validate(deployment)
    assert all(path.startswith("spec.") for path in PROVIDER.ignored_fields(parsed))

    objects = rendered(deployment)

    assert json.dumps(objects) == json.dumps(rendered(deployment))
    assert deployment == before
    assert [found for obj in objects for found in problems(obj)] == []
    for service in objects[:1]:
        assert yaml.safe_load(service["spec"]["serveConfigV2"])["applications"] is not None
        assert PROVIDER.read_status(service).resource_name == parsed.name
        cluster = service["spec"]["rayClusterConfig"]
        for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
            assert group["template"]["metadata"]["labels"]["airunway.ai/model-deployment"] == parsed.name
            pod = group["template"]["spec"]
            assert not repeated(pod.get("volumes", []), "name")
            assert not repeated(pod["containers"][0]["env"], "name")
            assert not repeated(pod["containers"][0].get("volumeMounts", []), "mountPath")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
APPLICATION = JSON | st.fixed_dictionaries(
    {}, optional={"status": st.just("RUNNING") | JSON, "message": JSON, "serveDeploymentStatuses": JSON}
)
CLUSTER = JSON | st.fixed_dictionaries(
    {"applicationStatuses": JSON | st.dictionaries(st.text(max_size=3), APPLICATION, max_size=3)}
)
CONDITION = JSON | st.fixed_dictionaries(
    {"type": st.sampled_from(["Ready", "RayServiceReady", "UpgradeInProgress"]) | JSON},
    optional={"status": st.sampled_from(["True", "False"]) | JSON, "message": JSON},
)
SERVICES = st.fixed_dictionaries(
    {},
    optional={
        "metadata": JSON | st.fixed_dictionaries({"name": JSON, "generation": JSON}),
        "spec": JSON
        | st.fixed_dictionaries(
            {"rayClusterConfig": JSON | st.fixed_dictionaries({"workerGroupSpecs": JSON})}
        ),
        "status": JSON
        | st.fixed_dictionaries(
            {},
            optional={
                "conditions": JSON | st.lists(CONDITION, max_size=3),
                "activeServiceStatus": CLUSTER,
                "pendingServiceStatus": CLUSTER,
                "observedGeneration": JSON,
            },
        ),
    },
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SERVICES)
def test_a_state_is_read_or_is_a_value_error(service: dict[str, Any]) -> None:
    with contextlib.suppress(ValueError):
        json.dumps(PROVIDER.read_status(service).model_dump(mode="json"))
