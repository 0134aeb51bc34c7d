"""What images are called: AI Runway's names as they are, and ours where those collide or are invalid."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airunway.modelimage import naming
from airunway.modelimage.naming import AikitRequest

OCI_NAME = re.compile(r"[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")
OCI_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")

SEGMENTS = st.from_regex(r"[A-Za-z0-9._-]{1,96}", fullmatch=True)
MODELS = st.builds("{}/{}".format, SEGMENTS, SEGMENTS) | SEGMENTS
IDENTITY = "0123456789abcdef" * 4


def request(**fields: str) -> AikitRequest:
    return AikitRequest(**{"source": "huggingface", "model": "acme/Tiny", "file": "t.Q4_0.gguf", **fields})


@given(MODELS)
def test_a_name_is_one_that_a_registry_takes(model: str) -> None:
    name = naming.repository_name(model)

    assert OCI_NAME.fullmatch(name)
    assert len(name) <= 69


@given(st.text(max_size=60))
def test_a_tag_is_one_that_a_registry_takes(file: str) -> None:
    for tag in (naming.visible_tag(file), naming.identity_tag(file, IDENTITY), naming.staging_tag(IDENTITY)):
        assert OCI_TAG.fullmatch(tag)


@pytest.mark.parametrize(
    ("file", "visible", "found"),
    [
        ("a.q4_k_m.gguf", "Q4_K_M", "Q4_K_M"),
        ("sub/dir/a.Q5_1.gguf", "Q5_1", "Q5_1"),
        ("a.Q8.gguf", "Q8", "Q8"),
        ("a.iq1_s.gguf", "IQ1_S", "IQ1_S"),
        ("a.f32.gguf", "F32", "F32"),
        ("a-Q4_K_M.gguf", "custom", "Q4_K_M"),
        ("a.Q3_K_L.gguf", "custom", "Q3_K_L"),
        ("a.Q6_K.gguf", "custom", "Q6_K"),
        ("a.Q2_K_XL.gguf", "custom", "Q2_K_XL"),
        ("a.Q4_0_4_4.gguf", "custom", "Q4_0_4_4"),
        ("a_BF16.gguf", "custom", "BF16"),
        ("gpt-oss-20b-MXFP4.gguf", "custom", "MXFP4"),
        ("a-UD-IQ2_XXS.gguf", "custom", "UD-IQ2_XXS"),
        ("a.TQ1_0.gguf", "custom", "TQ1_0"),
        ("a.Q4_K_M-00001-of-00003.gguf", "custom", "Q4_K_M"),
        ("a.gguf", "custom", ""),
    ],
)
def test_the_visible_tag_is_the_references_and_ours_tells_more(file: str, visible: str, found: str) -> None:
    assert naming.visible_tag(file) == visible
    assert naming.quantisation(file) == found
    assert naming.identity_tag(file, IDENTITY) == f"{found or 'custom'}-0123456789ab"


@pytest.mark.parametrize(
    "model", ["a/b/c", "a/b/c?x=1", "lab/größe", "..", "a/..", "a//b", "/a", "///", "a b"]
)
def test_what_is_no_repository_is_refused(model: str) -> None:
    assert naming.request_errors(request(model=model))


@pytest.mark.parametrize(
    "file",
    [
        "/a.gguf",
        "../a.gguf",
        "a/../b.gguf",
        "a//b.gguf",
        "./a.gguf",
        "a\nb.gguf",
        "a\\b.gguf",
        "a.bin",
        "b/ a.gguf",
        ".wh.a.gguf",
    ],
)
def test_what_is_no_file_of_a_repository_is_refused(file: str) -> None:
    assert naming.request_errors(request(file=file))


@pytest.mark.parametrize(
    "fields", [{"name": "Custom_Name"}, {"name": "a//b"}, {"name": "-a"}, {"tag": "a b"}, {"tag": "x" * 129}]
)
def test_names_that_no_registry_takes_are_refused(fields: dict[str, str]) -> None:
    assert naming.request_errors(request(**fields))


def test_a_url_is_encoded_as_javascript_does() -> None:
    url = naming.resolve_url("acme/M (x)", "é/a b+c@d#e?%20.gguf", revision="main")

    assert url == ("https://huggingface.co/acme/M%20(x)/resolve/main/%C3%A9/a%20b%2Bc%40d%23e%3F%2520.gguf")


@pytest.mark.parametrize("revision", ["main", "v1.0", "refs/pr/1", "a" * 40])
def test_branches_tags_and_commits_are_revisions(revision: str) -> None:
    assert not naming.revision_problem(revision)


@pytest.mark.parametrize("revision", ["", "..", "a/../b", "/a", "a//b", "a b", "a?b", "-x"])
def test_what_is_no_revision_is_refused(revision: str) -> None:
    assert naming.revision_problem(revision)
