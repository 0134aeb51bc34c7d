"""What holds for every provider, whatever admission lets pass and whatever its operator writes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from airunway.api.model_deployment import ModelDeployment
from airunway.provider import Manifest, Provider, RenderContext, RenderError
from airunway.provider import testing as kit
from airunway.provider.registry import installed_providers
from airunway.providers.dynamo.graph_parts import graph_parts
from tests.providers.dynamo import specs as dynamo
from tests.providers.kuberay import specs as kuberay
from tests.providers.llmd import specs as llmd
from tests.providers.pods import pods_of
from tests.providers.spec_parts import JSON
from tests.providers.specs import KAITO_OVERRIDES, OVERRIDES, cases
from tests.schemas import problems

PROVIDERS = installed_providers()
PLAIN = st.just(RenderContext())
CASES = {
    "dynamo": st.tuples(dynamo.deployments(), dynamo.contexts()),
    "kaito": cases(KAITO_OVERRIDES),
    "kuberay": st.tuples(kuberay.cases(), PLAIN),
    "llmd": st.tuples(llmd.deployments(), PLAIN),
    "vllm": cases(OVERRIDES),
}


def is_repeated(entries: Sequence[dict[str, Any]], key: str) -> bool:
    return len({entry[key] for entry in entries}) < len(entries)


def graph_holds(provider: Provider, objects: Sequence[Manifest]) -> None:
    for _, pod in pods_of(objects):
        for container in pod["containers"]:
            assert not is_repeated(container.get("env", []), "name")
    status = provider.read_status({**objects[0], "status": {"state": "successful"}})
    assert (status.endpoint is not None) is ("Frontend" in graph_parts(objects[0]))


def ray_service_holds(provider: Provider, objects: Sequence[Manifest]) -> None:
    service = objects[0]
    assert yaml.safe_load(service["spec"]["serveConfigV2"])["applications"] is not None
    cluster = service["spec"]["rayClusterConfig"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        labels = group["template"]["metadata"]["labels"]
        assert labels["airunway.ai/model-deployment"] == service["metadata"]["name"]
        pod = group["template"]["spec"]
        assert not is_repeated(pod.get("volumes", []), "name")
        assert not is_repeated(pod["containers"][0]["env"], "name")
        assert not is_repeated(pod["containers"][0].get("volumeMounts", []), "mountPath")


def servers_hold(provider: Provider, objects: Sequence[Manifest]) -> None:
    for obj in objects:
        if obj["kind"] == "Deployment":
            template = obj["spec"]["template"]
            server = template["spec"]["containers"][0]
            assert not is_repeated(server.get("env", []), "name")
            assert not is_repeated(server.get("volumeMounts", []), "mountPath")
            assert not is_repeated(template["spec"].get("volumes", []), "name")
            assert obj["spec"]["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    main, *others = objects
    status = provider.with_companions(provider.read_status(main), others)
    assert status.resource_name == main["metadata"]["name"]


MORE: dict[str, Callable[[Provider, Sequence[Manifest]], None]] = {
    "dynamo": graph_holds,
    "kuberay": ray_service_holds,
    "llmd": servers_hold,
    "vllm": servers_hold,
}


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=150)
@given(data=st.data())
def test_objects_are_valid_and_always_the_same(name: str, data: st.DataObject) -> None:
    provider = PROVIDERS[name]
    deployment, context = data.draw(CASES[name])
    before = copy.deepcopy(deployment)
    parsed = ModelDeployment.model_validate(deployment)

    assert list(kit.answer_problems(provider, parsed)) == []
    assert list(kit.rendering_problems(provider, parsed, context)) == []
    assert deployment == before
    try:
        provider.render(parsed, context)  # what nobody may override is no matter of the provider's
        objects = kit.everything(provider, parsed, context)
    except RenderError:
        return
    if provider.check(parsed) is None:
        assert [found for obj in objects for found in problems(obj)] == []
        assert list(kit.object_problems(provider, parsed, objects)) == []
        rendered = provider.objects(parsed, context)
        assert provider.read_status(rendered[0]).resource_name == rendered[0]["metadata"]["name"]
        MORE.get(name, lambda provider, objects: None)(provider, rendered)


# -- states of upstream objects -----------------------------------------------------------------------------


def maps(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """An object with any of the fields, or anything else."""
    return st.fixed_dictionaries({}, optional=fields) | JSON


CONDITION = maps(
    type=st.sampled_from(
        [
            *("Available", "Progressing", "WorkspaceSucceeded", "ResourceReady"),
            *("Ready", "RayServiceReady", "UpgradeInProgress"),
        ]
    )
    | JSON,
    status=st.sampled_from(["True", "False", "Unknown"]) | JSON,
    reason=JSON,
    message=JSON,
)
APPLICATION = maps(status=st.just("RUNNING") | JSON, message=JSON, serveDeploymentStatuses=JSON)
RAY_CLUSTER = maps(applicationStatuses=JSON | st.dictionaries(st.text(max_size=3), APPLICATION, max_size=3))
UPSTREAM = st.fixed_dictionaries(
    {},
    optional={
        "metadata": maps(name=JSON, generation=JSON),
        "spec": maps(replicas=JSON, rayClusterConfig=maps(workerGroupSpecs=JSON)),
        "resource": maps(count=JSON),
        "status": maps(
            state=st.sampled_from(["Ready", "NotReady", "successful"]) | JSON,
            conditions=st.lists(CONDITION, max_size=4) | JSON,
            readyReplicas=JSON,
            updatedReplicas=JSON,
            observedGeneration=JSON,
            activeServiceStatus=RAY_CLUSTER,
            pendingServiceStatus=RAY_CLUSTER,
        ),
    },
)


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=100)
@given(upstream=UPSTREAM)
def test_any_upstream_state_is_read_or_refused_orderly(name: str, upstream: dict[str, Any]) -> None:
    try:
        status = PROVIDERS[name].read_status(upstream)
    except ValueError:
        return

    assert json.loads(status.model_dump_json())
