"""How a new version takes the place of the one before, with no more devices than are asked for."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from airunway.api import names
from airunway.api.model_deployment import ModelDeployment
from airunway.provider import Manifest, Provider, RenderContext, RenderError
from airunway.provider.testing import deployment
from airunway.providers.dynamo import PROVIDER as DYNAMO
from airunway.providers.kaito import PROVIDER as KAITO
from airunway.providers.kuberay import PROVIDER as KUBERAY
from airunway.providers.kuberay.replacement import CLUSTER_DIGEST
from airunway.providers.llmd import PROVIDER as LLMD
from airunway.providers.vllm import PROVIDER as VLLM
from tests.providers.build import runner

ROLLOUT = names.ANNOTATION_ROLLOUT
RECREATE = {"type": "Recreate", "rollingUpdate": None}
NO_SURGE = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
SURGE = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
SPLIT: dict[str, Any] = {
    "serving": {"mode": "disaggregated"},
    "scaling": {
        "prefill": {"replicas": 1, "gpu": {"count": 2}},
        "decode": {"replicas": 3, "gpu": {"count": 2}},
    },
    "resources": {"gpu": None},
}


def asking(policy: str, **spec: Any) -> ModelDeployment:
    return deployment(annotations={ROLLOUT: policy} if policy else {}, **spec)


def main(provider: Provider, given: ModelDeployment) -> Manifest:
    return provider.render(given, RenderContext())[0]


def overriding(strategy: dict[str, Any], *, replicas: int = 1) -> ModelDeployment:
    overrides = {"spec": {"strategy": strategy}}
    return deployment(scaling={"replicas": replicas}, provider={"overrides": overrides})


@pytest.mark.parametrize("provider", [LLMD, VLLM], ids=lambda provider: provider.name)
@pytest.mark.parametrize(
    ("policy", "replicas", "want"),
    [
        pytest.param("", 1, RECREATE, id="one replica is replaced"),
        pytest.param("", 0, RECREATE, id="none"),
        pytest.param("", 3, NO_SURGE, id="of several one is missing"),
        pytest.param("NoSurge", 3, NO_SURGE, id="asked for"),
        pytest.param("Surge", 1, SURGE, id="a spare pod is asked for"),
        pytest.param("Recreate", 3, RECREATE, id="all at once"),
    ],
)
def test_strategy_of_a_deployment(
    provider: Provider, policy: str, replicas: int, want: dict[str, Any]
) -> None:
    given = asking(policy, scaling={"replicas": replicas})

    assert main(provider, given)["spec"]["strategy"] == want


def test_each_role_is_replaced_by_its_own_number() -> None:
    decode, prefill = LLMD.render(deployment(**SPLIT), RenderContext())[:2]

    assert decode["spec"]["strategy"] == NO_SURGE
    assert prefill["spec"]["strategy"] == RECREATE


@pytest.mark.parametrize("provider", [LLMD, VLLM], ids=lambda provider: provider.name)
@pytest.mark.parametrize(
    ("strategy", "replicas", "want"),
    [
        pytest.param({"type": "Recreate"}, 3, RECREATE, id="recreate takes the numbers away"),
        pytest.param({"type": "RollingUpdate"}, 1, NO_SURGE, id="rolling has numbers"),
        pytest.param(
            {"rollingUpdate": {"maxSurge": "50%"}},
            1,
            {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "50%", "maxUnavailable": 1}},
            id="numbers mean rolling",
        ),
        pytest.param(
            {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}, 3, SURGE, id="both numbers are given"
        ),
        pytest.param(
            {"rollingUpdate": {"maxSurge": None, "maxUnavailable": None}},
            3,
            NO_SURGE,
            id="null is no number, and does not become the API server's quarter",
        ),
    ],
)
def test_overrides_of_a_strategy(
    provider: Provider, strategy: dict[str, Any], replicas: int, want: dict[str, Any]
) -> None:
    assert main(provider, overriding(strategy, replicas=replicas))["spec"]["strategy"] == want


@pytest.mark.parametrize("provider", [LLMD, VLLM], ids=lambda provider: provider.name)
@pytest.mark.parametrize(
    "strategy",
    [
        pytest.param({"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}, id="numbers beside recreate"),
        pytest.param({"rollingUpdate": {"maxUnavailable": 0}}, id="no pod may go and none may come"),
        pytest.param({"rollingUpdate": {"maxSurge": "0%", "maxUnavailable": "0%"}}, id="the same in percent"),
    ],
)
def test_a_strategy_that_no_server_takes_is_refused(provider: Provider, strategy: dict[str, Any]) -> None:
    with pytest.raises(RenderError, match=r"overrides\.spec\.strategy\.rollingUpdate"):
        main(provider, overriding(strategy, replicas=3))


@pytest.mark.parametrize("provider", [DYNAMO, KAITO, KUBERAY, LLMD, VLLM], ids=lambda entry: entry.name)
def test_an_unknown_policy_is_refused_with_those_there_are(provider: Provider) -> None:
    problem = provider.check(asking("sudden")) or ""

    assert problem.startswith(f"metadata.annotations[{ROLLOUT}]: ")
    assert all(word in problem for word in ("NoSurge", "Surge", "Recreate"))


@pytest.mark.parametrize(
    ("policy", "want"),
    [
        pytest.param("", {"max-surge": "0", "max-unavailable": "1"}, id="no surge"),
        pytest.param("Surge", {"max-surge": "1", "max-unavailable": "0"}, id="surge"),
    ],
)
@pytest.mark.parametrize("spec", [{}, SPLIT], ids=["aggregated", "disaggregated"])
def test_dynamos_operator_is_told(policy: str, want: dict[str, str], spec: dict[str, Any]) -> None:
    services = main(DYNAMO, asking(policy, **spec))["spec"]["services"]

    told = {f"nvidia.com/deployment-rolling-update-{key}": value for key, value in want.items()}
    workers = [entry for entry in services.values() if entry["componentType"] == "worker"]
    assert [entry["annotations"] for entry in workers] == [told] * len(workers)


def test_dynamos_operator_is_told_to_recreate() -> None:
    worker = main(DYNAMO, asking("Recreate"))["spec"]["services"]["VllmWorker"]

    assert worker["annotations"] == {"nvidia.com/deployment-strategy": "Recreate"}


# --- KubeRay -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "is_replaced"),
    [
        pytest.param({}, False, id="nothing"),
        pytest.param({"env": [{"name": "A", "value": "1"}]}, True, id="its pods"),
        pytest.param({"tolerations": [{"key": "a", "operator": "Exists"}]}, True, id="where they run"),
        pytest.param({"scaling": {"replicas": 4}}, False, id="its size"),
        pytest.param({"model": {"servedName": "other"}, "image": "mine:1"}, True, id="its image"),
    ],
)
def test_a_ray_cluster_goes_before_the_next_one_comes(changed: dict[str, Any], is_replaced: bool) -> None:
    before = {"scaling": {"replicas": 2}}
    live, desired = (main(KUBERAY, deployment(**{**before, **spec})) for spec in ({}, changed))

    assert bool(KUBERAY.replacement_reason(live, desired)) == is_replaced


def test_a_ray_cluster_stays_until_the_next_one_serves_where_that_is_asked_for() -> None:
    env = {"env": [{"name": "A", "value": "1"}]}
    surging = main(KUBERAY, asking("Surge", **env))

    assert CLUSTER_DIGEST not in surging["metadata"].get("annotations", {})
    assert KUBERAY.replacement_reason(main(KUBERAY, deployment()), surging) is None
    assert (
        KUBERAY.replacement_reason(main(KUBERAY, asking("Surge")), main(KUBERAY, deployment(**env))) is None
    )


def test_a_ray_service_of_another_controller_is_changed_in_place() -> None:
    desired = main(KUBERAY, deployment())
    live = copy.deepcopy(desired)
    del live["metadata"]["annotations"]

    assert KUBERAY.replacement_reason(live, desired) is None


def test_a_newer_operator_is_no_reason_to_replace_a_ray_cluster() -> None:
    live = main(KUBERAY, deployment())
    known = RenderContext(served_fields=frozenset(KUBERAY.optional_fields))
    desired = KUBERAY.render(deployment(), known)[0]

    assert desired["spec"] != live["spec"]
    assert KUBERAY.replacement_reason(live, desired) is None


# --- KAITO -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "told"), [("", []), ("Recreate", []), ("NoSurge", []), ("Surge", [ROLLOUT])]
)
def test_kaito_says_that_it_cannot_surge(policy: str, told: list[str]) -> None:
    for given in (asking(policy), runner(annotations={ROLLOUT: policy} if policy else {})):
        ignored = KAITO.ignored_fields(given)

        assert [path for path in ignored if path.startswith("metadata.")] == [
            f"metadata.annotations[{name}]" for name in told
        ]
