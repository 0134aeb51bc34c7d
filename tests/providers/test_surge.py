"""How many pods a roll-out may add is counted as the API server and the operators read it."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.provider.counting import builtin_demand
from airunway.provider.manifest import RenderError
from airunway.providers.dynamo.limits import graph_demand

PODS = {"spec": {"containers": [{"name": "c", "resources": {"limits": {"nvidia.com/gpu": "1"}}}]}}


@pytest.mark.parametrize(
    ("strategy", "pods"),
    [
        pytest.param(None, 10, id="a quarter, rounded up, where nothing is said"),
        pytest.param({"type": "RollingUpdate"}, 10, id="a quarter for the type alone"),
        pytest.param({"rollingUpdate": {"maxSurge": None}}, 10, id="a quarter for null"),
        pytest.param({"rollingUpdate": {"maxSurge": 0}}, 8, id="none"),
        pytest.param({"rollingUpdate": {"maxSurge": "100%"}}, 16, id="all of them"),
        pytest.param({"type": "Recreate", "rollingUpdate": None}, 8, id="none where all go first"),
    ],
)
def test_pods_of_a_deployments_roll_out_are_counted(strategy: dict[str, Any] | None, pods: int) -> None:
    spec = {"replicas": 8, "template": PODS, **({"strategy": strategy} if strategy is not None else {})}

    demand = builtin_demand({"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec})

    assert (demand.replicas, demand.pods, int(demand.gpus)) == (pods, pods, pods)


@pytest.mark.parametrize(
    ("annotations", "pods"),
    [
        pytest.param({}, 10, id="the usual quarter of workers"),
        pytest.param({"nvidia.com/deployment-rolling-update-max-surge": "0"}, 8, id="none"),
        pytest.param({"nvidia.com/deployment-rolling-update-max-surge": "3"}, 11, id="some"),
        pytest.param({"nvidia.com/deployment-rolling-update-max-surge": "500%"}, 48, id="many times as many"),
        pytest.param({"nvidia.com/deployment-strategy": "Recreate"}, 8, id="none where all go first"),
    ],
)
def test_pods_of_a_graphs_roll_out_are_counted(annotations: dict[str, str], pods: int) -> None:
    worker = {"componentType": "worker", "replicas": 8, "annotations": annotations}
    worker["resources"] = {"limits": {"gpu": "1"}}

    demand = graph_demand({"spec": {"services": {"VllmWorker": worker}}})

    assert (demand.replicas, demand.pods, int(demand.gpus)) == (pods, pods, pods)


@pytest.mark.parametrize("given", ["many", "9" * 40, "-1", "1.5", ["1"], True])
def test_what_is_no_number_of_pods_is_refused(given: Any) -> None:
    worker = {
        "componentType": "worker",
        "annotations": {"nvidia.com/deployment-rolling-update-max-surge": given},
    }

    with pytest.raises(RenderError, match="max-surge"):
        graph_demand({"spec": {"services": {"VllmWorker": worker}}})
