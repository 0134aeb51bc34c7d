"""What llm-d registers."""

from __future__ import annotations

import json

import yaml

from airunway.api.provider_config import ProviderConfigSpec
from airunway.provider.contract import UpstreamFacts
from airunway.providers.llmd import PROVIDER


def test_annotations_and_spec_say_the_same() -> None:
    registration = PROVIDER.registration()

    keys = "display-name description default-namespace documentation-url documentation"
    assert set(registration.annotations) == {
        f"airunway.ai/{key}" for key in (*keys.split(), "capabilities", "health", "installation")
    }
    assert (
        json.loads(registration.annotations["airunway.ai/capabilities"]) == registration.spec["capabilities"]
    )
    assert ProviderConfigSpec.model_validate(registration.spec).dump() == registration.spec
    assert "selectionRules" not in registration.spec


def test_the_endpoint_pickers_configuration_is_text_that_holds_yaml() -> None:
    (engine,) = PROVIDER.registration().spec["capabilities"]["engines"]
    text = engine["gateway"]["endpointPicker"]["configData"]

    parsed = yaml.safe_load(text)

    assert text.endswith("weight: 2\n")
    declared = {plugin["type"] for plugin in parsed["plugins"]}
    (profile,) = parsed["schedulingProfiles"]
    assert {entry["pluginRef"] for entry in profile["plugins"]} <= declared


def test_it_is_always_healthy_because_its_kinds_are_built_in() -> None:
    health = PROVIDER.health(UpstreamFacts())

    assert (health.ready, health.crd_version, health.condition) == (True, "apps/v1", "")
    assert all(kind.builtin for kind in PROVIDER.kinds)
    assert PROVIDER.kinds[0].kind == "Deployment"
