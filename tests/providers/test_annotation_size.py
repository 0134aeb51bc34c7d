"""Annotations that fit by themselves and not beside ours are refused before the API server refuses them."""

from __future__ import annotations

import pytest

from airunway.api.bounds import MAX_ANNOTATIONS_BYTES
from airunway.provider import Provider, RenderContext, RenderError
from airunway.provider.annotation_size import annotation_findings
from airunway.provider.registry import installed_providers
from airunway.provider.testing import deployment


def rendered(name: str, size: int) -> list[dict[str, object]]:
    provider: Provider = installed_providers()[name]
    given = deployment(podTemplate={"metadata": {"annotations": {"a": "x" * (size - 1)}}})
    if name == "kaito":
        given.spec.model.id = "phi-4-mini-instruct"
    return provider.render(given, RenderContext())


@pytest.mark.parametrize("name", ["kaito", "kuberay"])
def test_what_is_too_long_beside_the_providers_own_is_refused(name: str) -> None:
    with pytest.raises(RenderError, match=r"spec: the annotations of the rendered \w+ .* at most 262144"):
        rendered(name, MAX_ANNOTATIONS_BYTES)


def test_the_record_of_a_workspace_counts_what_it_repeats() -> None:
    assert rendered("kaito", MAX_ANNOTATIONS_BYTES // 4)
    with pytest.raises(RenderError, match="the annotations of the rendered Workspace"):
        rendered("kaito", MAX_ANNOTATIONS_BYTES // 2)


@pytest.mark.parametrize("name", ["vllm", "llmd", "dynamo"])
def test_what_fits_is_taken(name: str) -> None:
    assert rendered(name, MAX_ANNOTATIONS_BYTES)


def test_pod_templates_are_measured_too_and_bytes_count() -> None:
    def with_text(text: str) -> dict[str, object]:
        template = {"metadata": {"annotations": {"a": text}}}
        return {"kind": "Deployment", "metadata": {"name": "chat"}, "spec": {"template": template}}

    assert not list(annotation_findings([with_text("x" * (MAX_ANNOTATIONS_BYTES - 1))]))
    [found] = annotation_findings([with_text("é" * (MAX_ANNOTATIONS_BYTES // 2))])
    assert found.value == f"{MAX_ANNOTATIONS_BYTES + 1} bytes"
