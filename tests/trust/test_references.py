"""Which images a glob is met by."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from airunway.trust.references import InvalidReference, compiled, image_name, matches_image, may_match_image

SHA, OTHER_SHA = (f"sha256:{letter * 64}" for letter in "ab")


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
    Case("nor in a folder", "ghcr.io/a/*:v1.*", f"ghcr.io/a/b:v1.0@{OTHER_SHA}", False),
    Case("a digest alone has no tag", "ghcr.io/a/*:*", f"ghcr.io/a/b@{SHA}", False),
    Case("no tag is the tag latest", "ghcr.io/a/b:latest", "ghcr.io/a/b", True),
    Case("which another tag is not", "ghcr.io/a/b:v1", "ghcr.io/a/b", False),
    Case("a tag of a folder", "ghcr.io/a/*:v1.*", "ghcr.io/a/deep/b:v1.0", True),
    Case("a port is no tag", "ghcr.io/a/*:50*", "ghcr.io:5000/a/b", False),
    Case("a digest is compared", f"ghcr.io/a/b@{SHA}", f"ghcr.io/a/b:v1@{SHA}", True),
    Case("and may be another", f"ghcr.io/a/b@{SHA}", f"ghcr.io/a/b:v1@{OTHER_SHA}", False),
    Case("with both, both are compared", f"ghcr.io/a/b:v1@{SHA}", f"ghcr.io/a/b:v1@{SHA}", True),
    Case("also the tag", f"ghcr.io/a/b:v1@{SHA}", f"ghcr.io/a/b:v2@{SHA}", False),
    Case("also the digest", f"ghcr.io/a/b:v1@{SHA}", f"ghcr.io/a/b:v1@{OTHER_SHA}", False),
    Case("and neither may be missing", f"ghcr.io/a/b:v1@{SHA}", f"ghcr.io/a/b@{SHA}", False),
    Case("and a tag has none", f"ghcr.io/a/b@{SHA}", "ghcr.io/a/b:v1", False),
    Case("a port is part of the registry", "r.example.com:5000/*", "r.example.com:5000/a:1", True),
    Case("so another port is another registry", "r.example.com:5000/*", "r.example.com/a:1", False),
    Case("but HTTPS' own is none", "ghcr.io/*", "ghcr.io:443/a/b:1", True),
    Case("however it is written", "ghcr.io/*", "ghcr.io:000443/a/b:1", True),
    Case("also in a glob", "ghcr.io:443/*", "ghcr.io/a/b:1", True),
    Case("also in one with a star", "*.example.com:443/*", "eu.example.com/a:1", True),
    Case("this machine is asked without it", "localhost/*", "localhost:443/a:1", False),
    Case("a registry in capitals is the same", "ghcr.io/*", "GHCR.io/a/b:1", True),
    Case("also in a glob, in capitals", "GHCR.io/*", "ghcr.io/a/b:1", True),
    Case("an alias in capitals", "docker.io/library/*", "INDEX.Docker.io/nginx", True),
    Case("an alias in a glob", "index.docker.io/vllm/*", "vllm/vllm-openai", True),
    Case("an official image by the long name", "docker.io/nginx:1*", "nginx:1.25", True),
    Case("but a folder is another image", "docker.io/nginx", "docker.io/evil/nginx", False),
    Case("a folder that is called like the registry", "ghcr.io/*", "docker.io/ghcr.io/a:1", False),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_globs_of_images(case: Case) -> None:
    assert matches_image(case.glob, image_name(case.image)) is case.want


DEMANDS = [
    Case("a tag that it names", "ghcr.io/a/*:v1.*", "ghcr.io/a/b:v1.0", True),
    Case("and no other", "ghcr.io/a/*:v1.*", "ghcr.io/a/b:v2", False),
    Case("a digest may be tagged so", "ghcr.io/a/*:v1.*", f"ghcr.io/a/b@{SHA}", True),
    Case("whatever it is called", "ghcr.io/a/*:v1.*", f"ghcr.io/a/b:v2@{SHA}", True),
    Case("a tag may stand for the digest", f"ghcr.io/a/b@{SHA}", "ghcr.io/a/b:v1", True),
    Case("another digest does not", f"ghcr.io/a/b@{SHA}", f"ghcr.io/a/b@{OTHER_SHA}", False),
    Case("another port is no way round", "ghcr.io/*", "ghcr.io:443/a/b", True),
    Case("nor are zeros", "r.io:5000/*", "r.io:05000/a/b", True),
    Case("nor an alias", "docker.io/nginx", "Registry-1.docker.io/library/nginx", True),
]


@pytest.mark.parametrize("case", DEMANDS, ids=lambda case: case.reason)
def test_what_is_demanded_is_demanded_of_whatever_may_be_it(case: Case) -> None:
    assert may_match_image(case.glob, image_name(case.image)) is case.want


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
    "ghcr.io./a",
    "ghcr.io/a:",
    "ghcr.io/a@",
    "ghcr.io/a:v1@",
    f"ghcr.io/a:@{SHA}",
    f"ghcr.io/a:v 1@{SHA}",
    f"ghcr.io/a@{SHA}@{SHA}",
    f"ghcr.io/a@{SHA}:v1",
    f"@{SHA}",
    f"ghcr.io/@{SHA}",
    "ghcr.io/a:v1:v2",
    "ghcr.io/a:v1/../b",
    "ghcr.io/./a",
    "ghcr.io/a/..",
    "ghcr.io/%2e%2e/a",
    "ghcr.io:/a",
    "ghcr.io:٤٤٣/a",
    "ghcr.io:443:443/a",
    "[::1/a",
    "ＧHCR.io/a",
    f"ghcr.io/a@{SHA.upper()}",
    f"ghcr.io/a@md5:{'a' * 32}",
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
