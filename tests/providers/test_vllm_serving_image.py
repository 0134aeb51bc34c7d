"""What the status says about a vLLM image."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import RenderError
from airunway.provider.serving_image import ResolutionPolicy, age_of, resolution_policy, split_reference
from airunway.provider.serving_image_report import ServingImageReport, ServingImageResolution
from airunway.provider.testing import deployment
from airunway.providers.vllm import PROVIDER
from airunway.providers.vllm.serving_image import DEFAULT_IMAGE, recipe_summary, serving_image_source

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
DIGEST = "sha256:" + "0f" * 32


def describe(given: ModelDeployment, resolution: ServingImageResolution | None = None) -> ServingImageReport:
    report = PROVIDER.describe_serving_image(given, resolution, NOW)
    assert report is not None
    return report


def words(report: ServingImageReport) -> dict[str, str]:
    return {condition.type: f"{condition.status}/{condition.reason}" for condition in report.conditions}


@dataclass(frozen=True)
class Case:
    reference: str
    repository: str
    tag: str
    digest: str
    source: str
    asks: bool


REFERENCES = [
    Case(DEFAULT_IMAGE, "vllm/vllm-openai", "cu130-nightly", "", "nightly", True),
    Case(
        "docker.io/vllm/vllm-openai:nightly-abc",
        "docker.io/vllm/vllm-openai",
        "nightly-abc",
        "",
        "nightly",
        True,
    ),
    Case(
        "index.docker.io/vllm/vllm-openai:Nightly",
        "index.docker.io/vllm/vllm-openai",
        "Nightly",
        "",
        "nightly",
        True,
    ),
    Case("vllm/vllm-openai:latest", "vllm/vllm-openai", "latest", "", "stable", True),
    Case("vllm/vllm-openai:Latest", "vllm/vllm-openai", "Latest", "", "custom", True),
    Case("vllm/vllm-openai:v0.11.0", "vllm/vllm-openai", "v0.11.0", "", "custom", True),
    Case("ghcr.io/x/y:my-Launch-1", "ghcr.io/x/y", "my-Launch-1", "", "launch", True),
    Case("ghcr.io/x/y:nightly", "ghcr.io/x/y", "nightly", "", "custom", True),
    Case("vllm/vllm-openai", "vllm/vllm-openai", "", "", "custom", False),
    Case("reg:5000/a/b", "reg:5000/a/b", "", "", "custom", False),
    Case("ghcr.io/x/y:t@sha256:ab", "ghcr.io/x/y", "t", "sha256:ab", "custom", False),
]


@pytest.mark.parametrize("case", REFERENCES, ids=lambda case: case.reference)
def test_references(case: Case) -> None:
    reference = split_reference(f" {case.reference} ")

    assert (reference.repository, reference.tag, reference.digest) == (case.repository, case.tag, case.digest)
    assert serving_image_source(reference) == case.source
    wanted = case.reference if case.asks else None
    assert PROVIDER.serving_image_to_resolve(deployment(image=case.reference)) == wanted


def test_a_fresh_answer() -> None:
    answer = ServingImageResolution(
        reference=DEFAULT_IMAGE, digest=DIGEST, created_at="2026-03-01T10:00:00Z", revision="abc"
    )

    report = describe(deployment(), answer)

    assert report.status.dump() == {
        "requested": DEFAULT_IMAGE,
        "resolved": f"vllm/vllm-openai@{DIGEST}",
        "repository": "vllm/vllm-openai",
        "tag": "cu130-nightly",
        "digest": DIGEST,
        "source": "nightly",
        "createdAt": "2026-03-01T10:00:00Z",
        "revision": "abc",
        "age": "3d",
        "inNightly": True,
        "message": report.status.message,
    }
    assert words(report) == {
        "ImageResolved": "True/ImageResolved",
        "UnsupportedImage": "False/SupportedImage",
    }
    assert report.image == f"vllm/vllm-openai@{DIGEST}"
    assert report.cleared == ("RecipeResolved",)
    assert report.failure == ""


RECORDED = {"image": {"requested": DEFAULT_IMAGE, "resolved": f"r@{DIGEST}", "digest": DIGEST, "age": "9d"}}


def test_an_earlier_answer_is_used_again() -> None:
    given = deployment(status=RECORDED)

    report = describe(given)

    assert PROVIDER.serving_image_to_resolve(given) is None
    assert words(report)["ImageResolved"] == "True/ImageResolutionReused"
    assert (report.image, report.status.age, report.status.digest) == (f"r@{DIGEST}", "9d", DIGEST)


def test_an_answer_about_another_image_is_not() -> None:
    given = deployment(status=RECORDED, image="vllm/vllm-openai:latest")

    assert PROVIDER.serving_image_to_resolve(given) == "vllm/vllm-openai:latest"


@pytest.mark.parametrize(
    ("image", "wanted", "failed"),
    [
        pytest.param(None, DEFAULT_IMAGE, True, id="the default image goes on with its tag"),
        pytest.param("ghcr.io/x/y:1", None, False, id="a user's image is as the user wrote it"),
    ],
)
@pytest.mark.parametrize("error", ["no answer", ""])
def test_a_failed_answer(image: str | None, wanted: str | None, failed: bool, error: str) -> None:
    resolution = ServingImageResolution(reference=image or DEFAULT_IMAGE, error=error)

    report = describe(deployment(image=image), resolution)

    assert words(report)["ImageResolved"] == "False/ImageResolutionFailed"
    assert report.status.resolved is None
    assert report.image == wanted
    assert bool(report.failure) is failed


TAG = {"requested": DEFAULT_IMAGE, "tag": "cu130-nightly"}


def test_a_server_that_runs_by_its_tag_is_not_restarted_for_a_digest() -> None:
    given = deployment(status={"phase": "Running", "image": TAG})

    report = describe(given)

    assert PROVIDER.serving_image_to_resolve(given) is None
    assert words(report)["ImageResolved"] == "Unknown/ImageResolutionOff"
    assert (report.image, report.failure) == (DEFAULT_IMAGE, "")


@pytest.mark.parametrize(
    ("status", "image"),
    [
        pytest.param({"phase": "Deploying", "image": TAG}, None, id="it does not serve yet"),
        pytest.param({"phase": "Running", "image": TAG | {"requested": "old:1"}}, None, id="another image"),
        pytest.param({"phase": "Running", "image": TAG}, "ghcr.io/x/y:1", id="the user's own image"),
        pytest.param({"phase": "Running"}, None, id="nothing is known"),
    ],
)
def test_a_registry_is_asked_where_nothing_is_restarted(status: dict[str, Any], image: str | None) -> None:
    assert PROVIDER.serving_image_to_resolve(deployment(status=status, image=image))


def test_a_reference_that_needs_no_registry_is_resolved_as_it_is() -> None:
    report = describe(deployment(image="ghcr.io/x/y@sha256:ab"))

    assert words(report) == {
        "ImageResolved": "True/ImageResolved",
        "UnsupportedImage": "True/CustomImage",
    }
    assert report.status.resolved == "ghcr.io/x/y@sha256:ab"


def test_when_no_registry_may_be_asked_nobody_knows() -> None:
    report = describe(deployment())

    assert words(report)["ImageResolved"] == "Unknown/ImageResolutionOff"
    assert (report.image, report.failure) == (DEFAULT_IMAGE, "")


@pytest.mark.parametrize(
    ("annotations", "summary"),
    [
        pytest.param({}, "", id="none"),
        pytest.param({"generated-by": "somebody"}, "", id="another tool"),
        pytest.param(
            {"generated-by": "vllm-recipe-resolver"}, "generated-by=vllm-recipe-resolver", id="the resolver"
        ),
        pytest.param({"recipe.foo": "1"}, "", id="an unknown key"),
        pytest.param(
            {"recipe.source": " s ", "recipe.features": '["a"]', "recipe.foo": "1", "recipe.id": " "},
            'source=s, features=["a"]',
            id="trimmed, in order, blanks skipped",
        ),
    ],
)
def test_recipe(annotations: dict[str, str], summary: str) -> None:
    full = {f"airunway.ai/{key}": value for key, value in annotations.items()}

    report = describe(deployment(annotations=full))

    assert recipe_summary(full) == summary
    assert (words(report).get("RecipeResolved") == "True/RecipeProvenanceResolved") is bool(summary)
    assert ("RecipeResolved" in report.cleared) is not bool(summary)
    message = report.status.message or ""
    assert message.endswith(f" Recipe provenance: {summary}.") if summary else "Recipe" not in message


@pytest.mark.parametrize(
    ("created", "age"),
    [
        ("2026-03-01T12:00:00Z", "3d"),
        ("2026-03-04T07:00:01Z", "4h"),
        ("2026-03-04T11:15:00+00:00", "45m"),
        ("2026-03-04T11:59:30Z", "0m"),
        ("2027-01-01T00:00:00Z", "0m"),
        ("2026-03-03", "1d"),
        ("yesterday", ""),
        ("", ""),
    ],
)
def test_age(created: str, age: str) -> None:
    assert age_of(created, NOW) == age


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("", ResolutionPolicy.BEST_EFFORT),
        (" Required ", ResolutionPolicy.REQUIRED),
        ("off", ResolutionPolicy.OFF),
    ],
)
def test_policy(text: str, policy: ResolutionPolicy) -> None:
    assert resolution_policy({"AIRUNWAY_IMAGE_RESOLUTION": text}) is policy


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(RenderError, match="best-effort, required, off"):
        resolution_policy({"AIRUNWAY_IMAGE_RESOLUTION": "maybe"})


def test_providers_without_an_image_step_say_nothing() -> None:
    from airunway.providers.kaito import PROVIDER as KAITO

    given: Any = deployment()

    assert KAITO.serving_image_to_resolve(given) is None
    assert KAITO.describe_serving_image(given, None, NOW) is None
