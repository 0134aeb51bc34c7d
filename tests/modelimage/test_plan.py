"""What makes two images the same one."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.modelimage.config import MODEL_VARIABLE, image_config
from airunway.modelimage.plan import AIKIT_LAYOUT, FIXED_DATES_LAYOUT, LAYOUT, human_bytes, space_problem
from tests.modelimage.build import BASE, plan, planned

GIB = 1024**3


def test_the_same_parts_give_the_same_identity() -> None:
    assert plan() == plan()
    assert plan(revision="v1", license="mit").identity == plan().identity, "names of a commit do not count"


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"repository": "acme/Other"}, id="repository"),
        pytest.param({"commit": "d" * 40}, id="commit"),
        pytest.param({"files": [planned(content="other")]}, id="digest of a file"),
        pytest.param({"files": [planned("other.gguf", content="tiny-Q4_K_M.gguf")]}, id="name of a file"),
        pytest.param({"files": [planned(), planned("b.gguf")]}, id="number of files"),
        pytest.param({"base": BASE.replace("b" * 64, "c" * 64)}, id="base"),
        pytest.param({"layout": AIKIT_LAYOUT}, id="layout of AIKit"),
        pytest.param({"layout": FIXED_DATES_LAYOUT}, id="layout with fixed dates"),
    ],
)
def test_another_part_gives_another_identity_and_tag(other: dict[str, Any]) -> None:
    assert plan(**other).identity != plan().identity
    assert plan(**other).tag != plan().tag


def test_a_base_from_a_mirror_is_the_same_base() -> None:
    assert plan(base=BASE.replace("registry.example.com", "mirror.example.com")).identity == plan().identity


def test_models_whose_names_collide_have_tags_of_their_own() -> None:
    left, right = plan(repository="a/b-c"), plan(repository="a-b/c")

    assert left.name == right.name
    assert left.tag != right.tag


def test_the_config_starts_the_server_with_the_model_inside() -> None:
    config = image_config(plan(files=[planned('sub/a "b".gguf'), planned("c.gguf")]))

    assert config["Entrypoint"][0] == "/bin/sh"
    assert config["Entrypoint"][2].endswith('"$@"'), "KAITO's arguments are passed on"
    assert config["Cmd"] == []
    (definition,) = config["Env"]
    name = '"a \\"b\\".gguf"'
    assert definition == (
        f'{MODEL_VARIABLE}=[{{"name": {name}, "backend": "llama-cpp", "parameters": {{"model": {name}}}}}]'
    )


def test_labels_tell_source_and_licence() -> None:
    labels = image_config(plan())["Labels"]

    assert labels["org.opencontainers.image.licenses"] == "apache-2.0"
    assert labels["org.opencontainers.image.source"] == "https://huggingface.co/example/Tiny-GGUF"
    assert labels["airunway.ai/model-commit"] == "c" * 40
    assert labels["airunway.ai/image-identity"] == plan().identity


def test_without_a_licence_none_is_claimed() -> None:
    assert "org.opencontainers.image.licenses" not in image_config(plan(license=""))["Labels"]


@pytest.mark.parametrize(
    ("layout", "builder", "registry", "named"),
    [
        (LAYOUT, 100 * GIB, 100 * GIB, ""),
        (LAYOUT, 0, 0, ""),
        (LAYOUT, 43 * GIB, 100 * GIB, ""),
        (LAYOUT, 40 * GIB, 100 * GIB, "AIRUNWAY_BUILDKIT_VOLUME_SIZE"),
        (FIXED_DATES_LAYOUT, 63 * GIB, 100 * GIB, ""),
        (FIXED_DATES_LAYOUT, 60 * GIB, 100 * GIB, "AIRUNWAY_BUILDKIT_VOLUME_SIZE"),
        (AIKIT_LAYOUT, 60 * GIB, 100 * GIB, "AIRUNWAY_BUILDKIT_VOLUME_SIZE"),
        (LAYOUT, 100 * GIB, 20 * GIB, "AIRUNWAY_IMAGE_REGISTRY_VOLUME_SIZE"),
    ],
)
def test_a_model_that_no_volume_holds_is_refused_before_its_download(
    layout: str, builder: int, registry: int, named: str
) -> None:
    big = plan(files=[planned(size=20 * GIB)], layout=layout)

    problem = space_problem(big, builder_bytes=builder, registry_bytes=registry)

    assert named in problem if named else not problem


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1500, "2 kB"), (3_400_000_000, "3.4 GB"), (5e12, "5.0 TB")],
)
def test_sizes_for_people(count: float, text: str) -> None:
    assert human_bytes(count) == text
