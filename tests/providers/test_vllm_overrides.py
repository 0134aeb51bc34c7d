"""Overrides of a vLLM Deployment."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.provider.contract import RenderContext, RenderError
from airunway.provider.testing import deployment
from airunway.providers.vllm import PROVIDER
from tests.providers.build import ANYTHING, NO_RIGHTS


def overridden(overrides: Any) -> dict[str, Any]:
    return PROVIDER.render(deployment(provider={"overrides": overrides}), RenderContext(policy=ANYTHING))[0]


def test_overrides_merge() -> None:
    rendered = overridden(
        {
            "spec": {
                "strategy": {"type": "Recreate"},
                "template": {"spec": {"terminationGracePeriodSeconds": 120}},
            }
        }
    )

    assert rendered["spec"]["strategy"] == {"type": "Recreate", "rollingUpdate": None}
    assert rendered["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 120


def test_overrides_merge_containers_by_name() -> None:
    own = {"name": "vllm", "imagePullPolicy": "Always", "args": ["--x"]}
    sidecar = {"name": "proxy", "image": "p"}

    rendered = overridden({"spec": {"template": {"spec": {"containers": [own, sidecar]}}}})

    server, proxy = rendered["spec"]["template"]["spec"]["containers"]
    assert server["args"] == ["--x"]
    assert server["imagePullPolicy"] == "Always"
    assert server["resources"]["limits"] == {"nvidia.com/gpu": "1"}
    assert proxy == {**sidecar, "securityContext": NO_RIGHTS}


TEMPLATE = "template"


@pytest.mark.parametrize(
    ("overrides", "part"),
    [
        pytest.param("x", "must be a JSON object", id="a text"),
        pytest.param({"apiVersion": None}, "apiVersion", id="another kind"),
        pytest.param({"spec": {"selector": None}}, "immutable", id="the selector"),
        pytest.param({"spec": None}, "spec must stay an object", id="no spec"),
        pytest.param({"spec": {TEMPLATE: None}}, "template must stay", id="no template"),
        pytest.param({"spec": {TEMPLATE: {"spec": 1}}}, "spec must stay", id="no pod"),
        pytest.param({"spec": {TEMPLATE: {"metadata": []}}}, "metadata must stay", id="no metadata"),
        pytest.param({"spec": {TEMPLATE: {"metadata": {"labels": "x"}}}}, "labels must stay", id="no labels"),
        pytest.param(
            {"spec": {TEMPLATE: {"spec": {"containers": None}}}}, "containers must stay", id="no containers"
        ),
    ],
)
def test_refuses_overrides(overrides: Any, part: str) -> None:
    with pytest.raises(RenderError) as caught:
        overridden(overrides)

    assert part in str(caught.value)
