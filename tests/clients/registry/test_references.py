"""Image references with Docker's defaults."""

from __future__ import annotations

import pytest

from airunway.clients.registry.references import parse_tagged_reference


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        pytest.param("nginx", ("docker.io", "library/nginx", "latest"), id="an official image"),
        pytest.param("vllm/vllm-openai:v1", ("docker.io", "vllm/vllm-openai", "v1"), id="Docker Hub"),
        pytest.param("index.docker.io/a/b:1", ("docker.io", "a/b", "1"), id="Docker Hub's other name"),
        pytest.param("ghcr.io/a/b/c:1", ("ghcr.io", "a/b/c", "1"), id="another registry"),
        pytest.param("localhost/a:1", ("localhost", "a", "1"), id="localhost"),
        pytest.param("r:5000/a", ("r:5000", "a", "latest"), id="a port is no tag"),
        pytest.param(" a/b:1 ", ("docker.io", "a/b", "1"), id="spaces around"),
    ],
)
def test_tagged_image(reference: str, parts: tuple[str, str, str]) -> None:
    image = parse_tagged_reference(reference)

    assert (image.host, image.repository, image.tag) == parts
