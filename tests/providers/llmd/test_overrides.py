"""`spec.provider.overrides`: what is merged, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.provider.contract import RenderContext, RenderError
from airunway.provider.testing import deployment
from airunway.providers.llmd import PROVIDER
from tests.providers.build import ANYTHING
from tests.providers.llmd.rendered import objects, split


def test_overrides_go_into_every_deployment_and_into_no_service() -> None:
    given = {"spec": {"strategy": {"type": "Recreate"}, "progressDeadlineSeconds": 900}}

    rendered = objects(split(provider={"overrides": given}))

    for obj in rendered[:2]:
        assert obj["spec"]["strategy"] == {"type": "Recreate", "rollingUpdate": None}
        assert obj["spec"]["progressDeadlineSeconds"] == 900
    assert all("strategy" not in obj["spec"] for obj in rendered[2:])


METADATA = "spec.provider.overrides.spec.template.metadata"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param([], "must be a JSON object", id="a list"),
        pytest.param({"metadata": {}}, "overrides.metadata: cannot", id="the object's identity"),
        pytest.param(
            {"spec": {"template": {"spec": None}}}, "template.spec: must stay", id="the pod replaced"
        ),
        pytest.param({"spec": None}, "overrides.spec: must stay an object", id="spec replaced"),
        pytest.param({"spec": {"template": None}}, "spec.template: must stay", id="template replaced"),
        pytest.param(
            {"spec": {"template": {"metadata": "x"}}}, f"{METADATA}: must stay", id="metadata replaced"
        ),
        pytest.param(
            {"spec": {"template": {"metadata": {"annotations": {"a": 1}}}}},
            f"{METADATA}.annotations.a: must be a text",
            id="an annotation that is no text",
        ),
        pytest.param({"spec": {"selector": {}}}, "immutable", id="the selector"),
        pytest.param(
            {"spec": {"template": {"metadata": {"labels": {"app": "x"}}}}},
            f"{METADATA}.labels.app",
            id="a label that Services select by",
        ),
    ],
)
def test_refuses_overrides(given: Any, message: str) -> None:
    with pytest.raises(RenderError, match=message):
        PROVIDER.render(deployment(provider={"overrides": given}), RenderContext(policy=ANYTHING))
