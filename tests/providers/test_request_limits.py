"""A container that asks for more than it may have is refused before the API server refuses its pod."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.provider import RenderContext, RenderError
from airunway.provider.registry import installed_providers
from airunway.provider.request_limits import request_findings
from airunway.provider.testing import deployment

KUBERAY = installed_providers()["kuberay"]


def with_head(**resources: Any) -> list[dict[str, Any]]:
    container = {"name": "ray-head", "resources": resources}
    overrides = {
        "spec": {"rayClusterConfig": {"headGroupSpec": {"template": {"spec": {"containers": [container]}}}}}
    }
    given = deployment(provider={"name": "kuberay", "overrides": overrides})
    return KUBERAY.render(given, RenderContext())


@pytest.mark.parametrize("requests", [{"memory": "64Gi"}, {"cpu": "4001m"}])
def test_a_request_above_the_default_limit(requests: dict[str, str]) -> None:
    [name] = requests

    with pytest.raises(RenderError, match=rf"requests\.{name} of the rendered RayService .* limit"):
        with_head(requests=requests)


def test_limit_and_request_together() -> None:
    assert with_head(requests={"memory": "64Gi"}, limits={"memory": "64Gi"})
    assert with_head(requests={"cpu": "4000m"})


def test_what_is_no_quantity_is_judged_by_others() -> None:
    resources = {"limits": {"cpu": "x", "memory": "1Gi"}, "requests": {"cpu": "1", "pods": "7"}}

    assert not list(request_findings([{"kind": "Pod", "spec": {"containers": [{"resources": resources}]}}]))
