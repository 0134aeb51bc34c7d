"""Ray's token, where image and operator know of it."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.api.overrides import OverridesMode
from airunway.provider import RenderContext, RenderError
from airunway.provider.policy import OverridesPolicy
from airunway.provider.testing import deployment
from airunway.providers.kuberay import PROVIDER
from tests.schemas import problems

KNOWN = frozenset({"spec.rayClusterConfig.authOptions"})
TOKEN = {"mode": "token"}
OTHER_WORKER = {
    "spec": {
        "rayClusterConfig": {
            "workerGroupSpecs": [
                {
                    "groupName": "gpu-workers",
                    "template": {
                        "spec": {"containers": [{"name": "ray-worker", "image": "registry.example.com/w"}]}
                    },
                }
            ]
        }
    }
}


def overriding(overrides: dict[str, Any]) -> ModelDeployment:
    return deployment(provider={"name": "kuberay", "overrides": overrides})


def ray_cluster(given: ModelDeployment, **context: Any) -> dict[str, Any]:
    service = PROVIDER.render(given, RenderContext(**{"served_fields": KNOWN, **context}))[0]
    assert problems(service) == []
    return dict(service["spec"]["rayClusterConfig"])


@pytest.mark.parametrize(
    ("image", "version"),
    [
        pytest.param(None, "2.55.0", id="the default image"),
        pytest.param(
            "mirror.example.com/rayproject/ray-llm:2.52.0-py311", "2.52.0", id="the first, of a mirror"
        ),
        pytest.param("rayproject/ray-llm:3.0.0", "3.0.0", id="a later one"),
        pytest.param("rayproject/ray-llm:2.51.9-py311", "", id="one that is too old"),
        pytest.param("rayproject/ray-llm:nightly", "", id="nobody knows which"),
        pytest.param("registry.example.com/serve:2.55.0", "", id="an image of the user's"),
    ],
)
def test_a_token_where_image_and_operator_know_of_it(image: str | None, version: str) -> None:
    found = ray_cluster(deployment(**({"image": image} if image else {})))

    assert found.get("authOptions") == (TOKEN if version else None)
    assert found.get("rayVersion", "") == version


def test_no_token_for_an_operator_that_would_drop_it() -> None:
    assert "authOptions" not in ray_cluster(deployment(), served_fields=frozenset())


def test_a_setting_does_without() -> None:
    assert "authOptions" not in ray_cluster(deployment(), env={"AIRUNWAY_KUBERAY_TOKEN_AUTH": "off"})
    with pytest.raises(RenderError, match="AIRUNWAY_KUBERAY_TOKEN_AUTH: must be"):
        ray_cluster(deployment(), env={"AIRUNWAY_KUBERAY_TOKEN_AUTH": "no"})


def test_overrides_do_not_switch_it_off() -> None:
    given = overriding({"spec": {"rayClusterConfig": {"authOptions": {"mode": "disabled"}}}})

    with pytest.raises(RenderError, match="authOptions: not allowed"):
        ray_cluster(given)
    allowed = OverridesPolicy(mode=OverridesMode.ANYTHING)
    assert ray_cluster(given, policy=allowed)["authOptions"] == TOKEN


def test_no_token_when_a_worker_has_another_image() -> None:
    assert "authOptions" not in ray_cluster(overriding(OTHER_WORKER))
