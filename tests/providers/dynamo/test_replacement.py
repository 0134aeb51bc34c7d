"""Which changes of a graph Dynamo takes, and what a live one was made for."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.api.cluster_features import ROUTED_BY_GATEWAY
from airunway.providers.dynamo import PROVIDER
from airunway.providers.dynamo.config import ALPHA, BETA

FRONTEND, PICKER = {"componentType": "frontend"}, {"componentType": "epp"}
WORKER = {"componentType": "worker"}


def graph(*, owned: tuple[str, ...] = (), **services: Any) -> dict[str, Any]:
    fields = {"f:spec": {"f:services": {f"f:{name}": {} for name in owned}}}
    managed = [{"manager": "dynamo-provider", "operation": "Apply", "fieldsV1": fields}]
    return {
        "kind": "DynamoGraphDeployment",
        "metadata": {"name": "chat", "managedFields": managed},
        "spec": {"services": services},
    }


MADE = graph(owned=("Frontend", "VllmWorker"), Frontend=FRONTEND, VllmWorker=WORKER)


@pytest.mark.parametrize(
    ("live", "desired", "words"),
    [
        pytest.param(
            MADE, graph(Frontend=FRONTEND, VllmWorker={**WORKER, "replicas": 3}), None, id="replicas"
        ),
        pytest.param(
            MADE, graph(Epp=PICKER, VllmWorker=WORKER), "add Epp and remove Frontend", id="a picker"
        ),
        pytest.param(MADE, graph(Frontend=FRONTEND), "remove VllmWorker", id="a service goes"),
        pytest.param(
            graph(owned=("Frontend",), Frontend=FRONTEND, Planner={}),
            graph(Frontend=FRONTEND),
            None,
            id="what somebody else added stays",
        ),
        pytest.param(
            MADE,
            graph(Frontend=FRONTEND, VllmWorker={**WORKER, "multinode": {"nodeCount": 2}}),
            "VllmWorker between one node and several",
            id="several nodes",
        ),
        pytest.param(
            graph(VllmWorker={**WORKER, "multinode": {"nodeCount": 2}}),
            graph(VllmWorker={**WORKER, "multinode": {"nodeCount": 4}}),
            None,
            id="more nodes",
        ),
        pytest.param({**MADE, "kind": "Job"}, graph(), None, id="another kind"),
        pytest.param({**MADE, "spec": "odd"}, graph(Frontend=FRONTEND), "add Frontend", id="odd"),
    ],
)
def test_what_dynamo_refuses_takes_another_graph(
    live: dict[str, Any], desired: dict[str, Any], words: str | None
) -> None:
    reason = PROVIDER.replacement_reason(live, desired)

    assert (reason is None) is (words is None)
    assert (words or "") in (reason or "")


def beta_graph(
    *components: dict[str, Any], owned: tuple[str, ...] = (), manager: str = "dynamo-provider"
) -> dict[str, Any]:
    fields = {"f:spec": {"f:components": {f'k:{{"name":"{name}"}}': {} for name in owned}}}
    managed = [{"manager": manager, "operation": "Apply", "apiVersion": BETA, "fieldsV1": fields}]
    return {
        "apiVersion": BETA,
        "kind": "DynamoGraphDeployment",
        "metadata": {"name": "chat", "managedFields": managed},
        "spec": {"backendFramework": "vllm", "components": list(components)},
    }


def part(name: str, kind: str = "worker", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **more}


BETA_MADE = beta_graph(part("Frontend", "frontend"), part("VllmWorker"), owned=("Frontend", "VllmWorker"))


def on(engine: str, made: dict[str, Any]) -> dict[str, Any]:
    return {**made, "spec": {**made["spec"], "backendFramework": engine}}


@pytest.mark.parametrize(
    ("live", "desired", "words"),
    [
        pytest.param(on("vllm", MADE), on("vllm", MADE), None, id="the same engine"),
        pytest.param(on("vllm", MADE), on("sglang", MADE), "from vllm to sglang", id="another engine"),
        pytest.param(MADE, on("vllm", MADE), "from none to vllm", id="an engine that was not named"),
        pytest.param(
            graph(VllmWorker={**WORKER, "subComponentType": "prefill"}),
            graph(VllmWorker={**WORKER, "subComponentType": "decode"}),
            "a decode that was a prefill",
            id="another role",
        ),
        pytest.param(
            BETA_MADE,
            beta_graph(part("Frontend", "frontend"), part("VllmWorker", replicas=3)),
            None,
            id="v1beta1: replicas",
        ),
        pytest.param(BETA_MADE, on("sglang", BETA_MADE), "from vllm to sglang", id="v1beta1: another engine"),
        pytest.param(
            BETA_MADE,
            beta_graph(
                part("Frontend", "frontend"),
                part("VllmPrefillWorker", "prefill"),
                part("VllmDecodeWorker", "decode"),
            ),
            "add VllmDecodeWorker, VllmPrefillWorker and remove VllmWorker",
            id="v1beta1: another mode",
        ),
        pytest.param(
            BETA_MADE,
            beta_graph(part("Frontend", "frontend"), part("VllmWorker", multinode={"nodeCount": 2})),
            "VllmWorker between one node and several",
            id="v1beta1: several nodes",
        ),
        pytest.param(
            beta_graph(part("VllmWorker"), part("Planner", "planner"), owned=("VllmWorker",)),
            beta_graph(part("VllmWorker")),
            None,
            id="v1beta1: what somebody else added stays",
        ),
        pytest.param(
            beta_graph(part("Epp", "epp"), part("VllmWorker"), owned=("Epp",), manager="provider"),
            beta_graph(part("VllmWorker")),
            "remove Epp",
            id="v1beta1: what the controller before us made is ours",
        ),
    ],
)
def test_engine_roles_and_parts_stay_in_both_versions(
    live: dict[str, Any], desired: dict[str, Any], words: str | None
) -> None:
    reason = PROVIDER.replacement_reason(live, desired)

    assert (reason is None) is (words is None)
    assert (words or "") in (reason or "")


def by(manager: str, api_version: str, made: dict[str, Any], *, time: str = "") -> dict[str, Any]:
    entry = {"manager": manager, "operation": "Update", "apiVersion": api_version, "time": time}
    entries = [*made["metadata"]["managedFields"], entry]
    return {**made, "metadata": {**made["metadata"], "managedFields": entries}}


NAMED = beta_graph(part("VllmWorker", runtimeVersionOverride="1.4.2"))
PLAIN = {"spec": {"services": {"Frontend": FRONTEND}}, "metadata": {"managedFields": []}}


@pytest.mark.parametrize(
    ("live", "features"),
    [
        pytest.param(MADE, [], id="v1alpha1, with a frontend"),
        pytest.param(graph(Epp=PICKER, VllmWorker=WORKER), [ROUTED_BY_GATEWAY], id="with a picker"),
        pytest.param({"spec": {"services": 1}}, [], id="odd"),
        pytest.param(BETA_MADE, [BETA], id="v1beta1"),
        pytest.param(
            NAMED, [BETA, "spec.components.*.runtimeVersionOverride"], id="v1beta1, with its runtime"
        ),
        pytest.param(by("provider", ALPHA, PLAIN), [], id="made by the controller before us"),
        pytest.param(by("somebody", BETA, PLAIN), [], id="touched by somebody else in v1beta1"),
        pytest.param(
            by("dynamo-provider", ALPHA, BETA_MADE, time="2026-01-01T00:00:00Z"),
            [],
            id="the last one that we wrote it in",
        ),
    ],
)
def test_what_a_live_graph_was_made_for(live: dict[str, Any], features: list[str]) -> None:
    assert list(PROVIDER.features_of(live)) == features
