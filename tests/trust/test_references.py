"""Which images a glob is met by."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from airunway.trust.references import InvalidReference, compiled, image_name, matches_image

SHA = "sha256:" + "a" * 64


class Case(NamedTuple):
    reason: str
    glob: str
    image: str
    want: bool


CASES = [
    Case("a star alone takes everything", "*", "evil.example.com/x:1", True),
    Case("a registry alone takes all of it", "ghcr.io", "ghcr.io/a/b/c:1", True),
    Case("and nothing of another", "ghcr.io", "ghcr.io.evil.example.com/a:1", False),
    Case("a folder takes what is deeper", "ghcr.io/team/*", "ghcr.io/team/sub/app:1", True),
    Case("but not its namesake", "ghcr.io/team/*", "ghcr.io/team-evil/app:1", False),
    Case("nor the folder of another registry", "ghcr.io/team/*", "evil.io/ghcr.io/team/app:1", False),
    Case("a star in the registry ends at the slash", "*.example.com/x", "evil.io/a.example.com/x:1", False),
    Case("a star in the registry", "*.example.com/x", "eu.example.com/x:1", True),
    Case("a subdomain glob is not met by the domain", "*.example.com/x", "example.com/x:1", False),
    Case("Docker Hub by its short names", "vllm/*", "docker.io/vllm/vllm-openai:latest", True),
    Case("and by its long one", "docker.io/vllm/vllm-openai", "vllm/vllm-openai:latest", True),
    Case("and its alias", "docker.io/vllm/*", "index.docker.io/vllm/vllm-openai", True),
    Case("an official image of Docker Hub", "nginx", "nginx:1.25", True),
    Case("with a tag", "nginx:1.25", "docker.io/library/nginx:1.25", True),
    Case("without a tag, any digest", "ghcr.io/a/b", f"ghcr.io/a/b@{SHA}", True),
    Case("a tag is compared", "ghcr.io/a/b:v1*", "ghcr.io/a/b:v1.2", True),
    Case("and may be another", "ghcr.io/a/b:v1*", "ghcr.io/a/b:v2", False),
    Case("a tag beside a digest means nothing", "ghcr.io/a/b:v1", f"ghcr.io/a/b:v1@{SHA}", False),
    Case("a digest is compared", f"ghcr.io/a/b@{SHA}", f"ghcr.io/a/b:v1@{SHA}", True),
    Case("and a tag has none", f"ghcr.io/a/b@{SHA}", "ghcr.io/a/b:v1", False),
    Case("a port is part of the registry", "r.example.com:5000/*", "r.example.com:5000/a:1", True),
    Case("so another port is another registry", "r.example.com:5000/*", "r.example.com/a:1", False),
    Case("a registry in capitals is the same", "ghcr.io/*", "GHCR.io/a/b:1", True),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_globs_of_images(case: Case) -> None:
    assert matches_image(case.glob, image_name(case.image)) is case.want


NO_REFERENCES = (
    "",
    " ghcr.io/a/b",
    "ghcr.io/a/b\n",
    "ghcr.io/A/b",
    "https://ghcr.io/a",
    "a//b",
    "ghcr.io/a@sha256:12",
    "ghcr.io/../a:1",
    "user@evil.io/a:1",
    "$(IMAGE)",
    "x" * 600,
    "evil.io\t/ghcr.io/a",
    "ghcr..io/a",
)


@pytest.mark.parametrize("text", NO_REFERENCES)
def test_what_is_no_reference_is_compared_with_nothing(text: str) -> None:
    with pytest.raises(InvalidReference):
        image_name(text)


def test_a_long_list_is_compiled_once_for_many_images() -> None:
    globs = [f"registry-{number}.example.com/team-{number}/*" for number in range(256)]
    compiled.cache_clear()

    for number in range(64):
        image = image_name(f"evil.example.com/image-{number}:1")
        assert not any(matches_image(glob, image) for glob in globs)

    assert compiled.cache_info().misses <= 2 * len(globs)
