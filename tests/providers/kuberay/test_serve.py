"""The Ray Serve application of a deployment."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.testing import deployment
from tests.providers.kuberay.build import OWN_IMAGE, cluster, service, split

NONE = {"autoscaling_config": {"min_replicas": 0, "initial_replicas": 0, "max_replicas": 1}}


def application(given: ModelDeployment) -> dict[str, Any]:
    (found,) = yaml.safe_load(service(given)["spec"]["serveConfigV2"])["applications"]
    assert isinstance(found, dict)
    return found


def loading(served: str = "acme/chat-9b", source: str = "acme/chat-9b") -> dict[str, Any]:
    return {"model_id": served, "model_source": source}


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(None, id="the default"),
        pytest.param("rayproject/ray-llm:nightly", id="another version"),
        pytest.param("docker.io/rayproject/ray-llm@sha256:00", id="by digest"),
        pytest.param("mirror.example.com:5000/hub/rayproject/ray-llm:2.55.0", id="from a mirror"),
    ],
)
def test_application_of_the_stock_image(image: str | None) -> None:
    given = deployment(
        gpus=2,
        image=image,
        scaling={"replicas": 3},
        model={"servedName": "chat"},
        engine={"args": {"a": "b: c"}},
    )

    assert service(given)["spec"]["serveConfigV2"] == (
        "applications:\n"
        "  - name: llm\n"
        "    route_prefix: /\n"
        "    import_path: ray.serve.llm:build_openai_app\n"
        "    args:\n"
        "      llm_configs:\n"
        "        - model_loading_config:\n"
        "            model_id: chat\n"
        "            model_source: acme/chat-9b\n"
        "          engine_kwargs:\n"
        "            tensor_parallel_size: 2\n"
        '            a: "b: c"\n'
        "          deployment_config:\n"
        "            num_replicas: 3\n"
    )


def test_application_of_an_image_of_the_users() -> None:
    assert service(deployment(gpus=2, image=OWN_IMAGE))["spec"]["serveConfigV2"] == (
        "applications:\n"
        "  - name: llm\n"
        "    route_prefix: /\n"
        "    import_path: vllm_serve:deployment\n"
        "    deployments:\n"
        "      - name: VLLMDeployment\n"
        "        num_replicas: 1\n"
    )


def test_roles_of_the_stock_image() -> None:
    transfer = {"kv_connector": "NixlConnector", "kv_role": "kv_both"}
    given = split(prefill={"replicas": 2, "gpu": {"count": 4}}, decode={"replicas": 0})

    assert application(given) == {
        "name": "llm",
        "route_prefix": "/",
        "import_path": "ray.serve.llm:build_pd_openai_app",
        "args": {
            "prefill_config": {
                "model_loading_config": loading(),
                "engine_kwargs": {"tensor_parallel_size": 4, "kv_transfer_config": transfer},
                "deployment_config": {"num_replicas": 2},
            },
            "decode_config": {
                "model_loading_config": loading(),
                "engine_kwargs": {"kv_transfer_config": transfer},
                "deployment_config": NONE,
            },
        },
    }


def test_a_kv_transfer_of_the_users_is_kept() -> None:
    given = split(engine={"args": {"kv-transfer-config": '{"kv_connector": "Own"}'}})

    roles = application(given)["args"].values()

    assert [role["engine_kwargs"]["kv_transfer_config"] for role in roles] == [{"kv_connector": "Own"}] * 2


@pytest.mark.parametrize(
    ("args", "engines"),
    [
        pytest.param({}, 4, id="an engine a worker"),
        pytest.param({"pipeline-parallel-size": "2"}, 2, id="an engine over two workers"),
        pytest.param(
            {"pipeline-parallel-size": "4", "tensor-parallel-size": "4"}, 1, id="over more than there are"
        ),
        pytest.param({"data-parallel-size": "2"}, 2, id="an engine of two equal parts"),
        pytest.param({"tensor-parallel-size": "1"}, 4, id="never more than replicas"),
        pytest.param({"pipeline-parallel-size": "auto"}, 4, id="not a number"),
    ],
)
def test_engines_that_span_workers(args: dict[str, str], engines: int) -> None:
    given = deployment(gpus=2, scaling={"replicas": 4}, engine={"args": args})

    (model,) = application(given)["args"]["llm_configs"]
    assert model["deployment_config"] == {"num_replicas": engines}


def test_scaled_to_zero() -> None:
    stock, own = (deployment(scaling={"replicas": 0}, image=image) for image in (None, OWN_IMAGE))

    (model,) = application(stock)["args"]["llm_configs"]
    assert model["deployment_config"] == NONE
    assert application(own)["deployments"] == [{"name": "VLLMDeployment", **NONE}]
    for given in (stock, own):
        (group,) = cluster(given)["workerGroupSpecs"]
        assert (group["replicas"], group["minReplicas"], group["maxReplicas"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("given", "engines"),
    [
        pytest.param(deployment(image=OWN_IMAGE, scaling={"replicas": 5}), 5, id="aggregated"),
        pytest.param(split(image=OWN_IMAGE), 1, id="disaggregated"),
        pytest.param(
            split(image=OWN_IMAGE, scaling={"replicas": 0, **split().spec.scaling.dump()}),  # type: ignore[union-attr]
            1,
            id="zero of what disaggregated mode does not use",
        ),
    ],
)
def test_replicas_of_the_users_application(given: ModelDeployment, engines: int) -> None:
    (found,) = application(given)["deployments"]

    assert found["num_replicas"] == engines
