"""What a Namespace says takes the place of the setting; refusals say where a rule is and what to do."""

from __future__ import annotations

import pytest

from airunway.trust.policy import MAX_GLOBS, TrustPolicy, policy_of, read_globs, setting_policy

SETTINGS = setting_policy(images=["ghcr.io/team/*"], models=["good/*"], verified=[])


def test_by_default_nothing_is_asked() -> None:
    assert TrustPolicy().is_open


def test_a_refusal_says_the_rule_where_it_is_and_what_to_do() -> None:
    assert SETTINGS.image_problem("evil/x") == (
        "the image evil/x (docker.io/evil/x) is not allowed by AIRUNWAY_ALLOWED_IMAGES (ghcr.io/team/*); take"
        " an image that is, or ask an administrator to add it there"
    )


def test_an_annotation_takes_the_place_of_the_setting() -> None:
    annotations = {"airunway.ai/allowed-images": "quay.io/*, nvcr.io\n docker.io/*", "other": "x"}

    policy = policy_of(SETTINGS, "tenant", annotations)

    assert policy.image_problem("quay.io/a/b:1") == policy.image_problem("nvcr.io/a:1") == ""
    assert "annotation airunway.ai/allowed-images of the Namespace tenant" in policy.image_problem(
        "ghcr.io/team/a:1"
    )
    assert policy.models == SETTINGS.models


def test_an_empty_annotation_allows_nothing() -> None:
    policy = policy_of(SETTINGS, "tenant", {"airunway.ai/allowed-models": ""})

    assert "good/model" in policy.model_problem(["good/model"])


def test_what_cannot_be_judged_is_refused() -> None:
    assert "no image reference" in SETTINGS.image_problem("ghcr.io/team/A B")


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("", ()),
        (" , ", ()),
        ("a/*", ("a/*",)),
        ("a/*, b/*\n c", ("a/*", "b/*", "c")),
        ('["a/*", "b/*"]', ("a/*", "b/*")),
        ("[]", ()),
    ],
)
def test_lists_are_written_with_commas_or_as_json(text: str, want: tuple[str, ...]) -> None:
    assert read_globs(text, where="it") == want


@pytest.mark.parametrize("text", ["[", '["a", 1]', '[" "]', '["a", ""]', "[" * 100_000])
def test_a_list_that_cannot_be_read_is_not_taken_for_an_empty_one(text: str) -> None:
    with pytest.raises(ValueError, match="it "):
        read_globs(text, where="it")


def test_an_annotation_may_not_make_every_check_long() -> None:
    text = ",".join(f"r{number}.io/*" for number in range(MAX_GLOBS + 1))

    with pytest.raises(ValueError, match=r"257 entries; at most 256"):
        policy_of(SETTINGS, "tenant", {"airunway.ai/allowed-images": text})
