"""Settings are read as people and platforms write them."""

from __future__ import annotations

from datetime import timedelta
from typing import get_type_hints

import pytest
from pydantic import ValidationError

from airunway.api.overrides import OverridesMode
from airunway.modelimage.plan import FIXED_DATES_LAYOUT, LAYOUT
from airunway.provider.ceilings import Ceilings
from airunway.provider.policy import OverridesPolicy
from airunway.workers.model_images import model_image_options
from airunway.workers.settings import Settings

DURATIONS = [name for name, kind in get_type_hints(Settings).items() if kind is timedelta]
DAYS_LONG = ("image_registry_login_lifetime", "image_retention")


@pytest.mark.parametrize("name", [name for name in DURATIONS if name not in DAYS_LONG])
@pytest.mark.parametrize("text", ["30", "30s", "0.5m", "PT30S", "00:00:30"])
def test_a_duration(name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"AIRUNWAY_{name.upper()}", text)

    assert getattr(Settings(), name) == timedelta(seconds=30)


@pytest.mark.parametrize("name", DAYS_LONG)
@pytest.mark.parametrize("text", ["259200", "72h", "3d", "P3D"])
def test_a_duration_of_days(name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"AIRUNWAY_{name.upper()}", text)

    assert getattr(Settings(), name) == timedelta(days=3)


@pytest.mark.parametrize(("text", "layout"), [("", LAYOUT), ("true", FIXED_DATES_LAYOUT)])
def test_fixed_dates_are_a_layout_of_images(text: str, layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if text:
        monkeypatch.setenv("AIRUNWAY_IMAGE_FIXED_DATES", text)

    assert model_image_options(Settings()).layout == layout


def test_what_is_no_duration_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRUNWAY_ROLLOUT_DEADLINE", "soon")

    with pytest.raises(ValidationError, match="rollout_deadline"):
        Settings()


def test_limits_are_one_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRUNWAY_OVERRIDES", "Anything")
    monkeypatch.setenv("AIRUNWAY_OVERRIDES_ALLOWED", '{"vllm": ["spec.template.spec.priorityClassName"]}')
    monkeypatch.setenv("AIRUNWAY_MAX_GPUS", "8")
    monkeypatch.setenv("AIRUNWAY_SERVICE_TYPES", '["ClusterIP", "LoadBalancer"]')

    policy = Settings().overrides_policy

    assert policy == OverridesPolicy(
        mode=OverridesMode.ANYTHING,
        allowed={"vllm": ["spec.template.spec.priorityClassName"]},
        ceilings=Ceilings(gpus=8, service_types=("ClusterIP", "LoadBalancer")),
    )
    assert policy.permitted("vllm") == [("spec", "template", "spec", "priorityClassName")]
    assert policy.permitted("kaito") == []


def test_limits_are_by_default_those_of_a_provider_without_settings() -> None:
    assert Settings().overrides_policy == OverridesPolicy()


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("OVERRIDES", "sometimes"),
        ("OVERRIDES_ALLOWED", '{"vllm": ["spec..a"]}'),
        ("MAX_STORAGE", "lots"),
        ("MAX_PODS", "-1"),
    ],
)
def test_what_is_no_limit_names_the_setting(
    variable: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"AIRUNWAY_{variable}", text)

    with pytest.raises(ValidationError, match=variable.lower()):
        Settings()


@pytest.mark.parametrize("text", ["ghcr.io/*, nvcr.io", '["ghcr.io/*", "nvcr.io"]'])
def test_globs_are_written_with_commas_or_as_json(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRUNWAY_ALLOWED_IMAGES", text)

    assert Settings().allowed_images == ["ghcr.io/*", "nvcr.io"]


def test_by_default_every_image_and_model_is_allowed_and_none_must_be_signed() -> None:
    settings = Settings()

    assert (settings.allowed_images, settings.allowed_models) == (["*"], ["*"])
    assert (settings.verified_images, settings.signing_key) == ([], "")
