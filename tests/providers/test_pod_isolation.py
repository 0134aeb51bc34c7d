"""Every pod that is rendered gives up the account's token, service links and rights, whatever is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from airunway.api.model_deployment import ModelDeployment
from airunway.provider import RenderContext, RenderError
from airunway.provider.pod_security import isolated, level_variable, pod_security, user_variable
from airunway.provider.registry import installed_providers
from airunway.provider.testing import deployment
from tests.providers.build import ISOLATED, NO_RIGHTS, runner
from tests.providers.pods import pods_of, rendered_with_stages
from tests.providers.specs import BY_PROVIDER

PROVIDERS = installed_providers()
OWN_ACCOUNT = {"dynamo"}
"""Providers whose operator gives the pods an account by which they find each other."""
RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
STOCK_DEFAULTS = {
    "dynamo": "baseline",
    "kaito": "baseline",
    "kuberay": "restricted",
    "llmd": "baseline",
    "vllm": "baseline",
}


def smallest(provider: str) -> ModelDeployment:
    return runner() if provider == "kaito" else deployment()


def pods(provider: str, env: Mapping[str, str]) -> list[dict[str, Any]]:
    objects = rendered_with_stages(PROVIDERS[provider], smallest(provider), RenderContext(env=env))
    return [pod for _, pod in pods_of(objects)]


def is_isolated(pod: Mapping[str, Any], *, own_account: bool) -> bool:
    containers = [*pod.get("initContainers", []), *pod["containers"]]
    ours = [entry for entry in containers if isinstance(entry, Mapping) and entry.get("name") != "frontend"]
    given_up = all(
        entry["securityContext"]["allowPrivilegeEscalation"] is False
        and entry["securityContext"]["capabilities"]["drop"]
        and "privileged" not in entry["securityContext"]
        for entry in ours
    )
    return bool(
        given_up
        and pod["enableServiceLinks"] is False
        and (own_account or pod["automountServiceAccountToken"] is False)
        and pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    )


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_input_leads_past_it(provider: str, data: st.DataObject) -> None:
    plugin, drawn = PROVIDERS[provider], data.draw(BY_PROVIDER[provider])
    context = RenderContext(model_image="registry.example.com/x@sha256:00")
    try:
        objects = rendered_with_stages(plugin, ModelDeployment.model_validate(drawn), context)
    except (RenderError, ValidationError):
        return

    for where, pod in pods_of(objects):
        assert is_isolated(pod, own_account=provider in OWN_ACCOUNT), where


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_the_level_is_what_the_image_is_known_to_run_under(provider: str) -> None:
    found = {pod["securityContext"].get("runAsNonRoot", False) for pod in pods(provider, {})}

    assert found == {STOCK_DEFAULTS[provider] == "restricted"}


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_a_setting_of_each_provider_makes_its_pods_restricted(provider: str) -> None:
    env = {level_variable(provider): "Restricted", user_variable(provider): "2000"}

    for pod in pods(provider, env):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 2000
        assert pod["containers"][0]["securityContext"] == RESTRICTED


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
@pytest.mark.parametrize("wrong", [{"POD_SECURITY": "privileged"}, {"RUN_AS_USER": "root"}])
def test_a_wrong_setting_is_refused_by_its_name(provider: str, wrong: dict[str, str]) -> None:
    ((key, value),) = wrong.items()
    variable = f"AIRUNWAY_{provider.upper()}_{key}"

    with pytest.raises(RenderError, match=f"{variable}: must be"):
        PROVIDERS[provider].render(smallest(provider), RenderContext(env={variable: value}))


def test_an_image_of_the_users_keeps_its_own_user() -> None:
    own = deployment(image="registry.example.com/serve:1")

    (pod, _) = (pod for _, pod in pods_of(PROVIDERS["kuberay"].render(own, RenderContext())))

    assert "runAsNonRoot" not in pod["securityContext"]


def test_a_restricted_server_has_a_home_that_it_can_write() -> None:
    restricted = pod_security({level_variable("vllm"): "restricted"}, "vllm", home=True)

    pod = isolated({"containers": [{"name": "a", "env": [{"name": "HOME", "value": "/mine"}]}]}, restricted)

    assert pod["containers"][0]["env"] == [
        {"name": "USER", "value": "airunway"},
        {"name": "HOME", "value": "/mine"},
    ]


def test_a_part_of_another_shape_is_left_to_the_api_server() -> None:
    pod = isolated(
        {"containers": ["x"], "initContainers": [{"name": "i", "securityContext": 7}]}, pod_security({}, "x")
    )

    assert pod == {
        "containers": ["x"],
        "initContainers": [{"name": "i", "securityContext": NO_RIGHTS}],
        **ISOLATED,
    }
