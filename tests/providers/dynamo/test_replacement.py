"""Which changes of a graph Dynamo takes, and what a live one was made for."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.providers.dynamo import PROVIDER

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


@pytest.mark.parametrize(
    ("live", "features"),
    [(MADE, []), (graph(Epp=PICKER, VllmWorker=WORKER), ["InferencePools"]), ({"spec": {"services": 1}}, [])],
)
def test_what_a_live_graph_was_made_for(live: dict[str, Any], features: list[str]) -> None:
    assert list(PROVIDER.features_of(live)) == features
