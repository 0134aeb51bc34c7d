"""The image's config is the base's with ours over it, and holds no date of today."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airunway.clients.buildkit import Platform, image_config
from airunway.clients.buildkit.exporter import EPOCH, exporter_attributes
from tests.clients.buildkit.images import SHA_A, model_image


@pytest.mark.parametrize(
    ("reason", "base", "own", "want"),
    [
        ("what only the base has stays", {"User": "1"}, {}, {"User": "1"}),
        ("ours wins", {"User": "1", "Cmd": ["a"]}, {"User": "2"}, {"User": "2", "Cmd": ["a"]}),
        (
            "an entrypoint drops the base's command",
            {"Cmd": ["a"]},
            {"Entrypoint": ["b"]},
            {"Entrypoint": ["b"]},
        ),
        (
            "unless there is a command too",
            {"Cmd": ["a"]},
            {"Entrypoint": ["b"], "Cmd": ["c"]},
            {"Entrypoint": ["b"], "Cmd": ["c"]},
        ),
        (
            "variables add up by name",
            {"Env": ["A=1", "B=1"]},
            {"Env": ["B=2", "C=3"]},
            {"Env": ["A=1", "B=2", "C=3"]},
        ),
        (
            "labels add up by name",
            {"Labels": {"a": "1", "b": "1"}},
            {"Labels": {"b": "2"}},
            {"Labels": {"a": "1", "b": "2"}},
        ),
        (
            "ports add up",
            {"ExposedPorts": {"1/tcp": {}}},
            {"ExposedPorts": {"2/tcp": {}}},
            {"ExposedPorts": {"1/tcp": {}, "2/tcp": {}}},
        ),
    ],
)
def test_ours_is_put_over_the_base(
    reason: str, base: dict[str, Any], own: dict[str, Any], want: dict[str, Any]
) -> None:
    config = image_config(model_image(base_config={"config": base}, config=own))

    assert config["config"] == want


def test_every_layer_has_an_entry_with_a_date_that_does_not_change() -> None:
    base = {
        "rootfs": {"diff_ids": ["1", "2", "3"]},
        "history": [{"created": "2026-01-01T00:00:00Z"}, {"created_by": "ENV", "empty_layer": True}],
    }

    history = image_config(model_image(base_config=base))["history"]

    assert history == [
        {"created": "2026-01-01T00:00:00Z"},
        {"created": EPOCH, "created_by": "ENV", "empty_layer": True},
        {"created": EPOCH, "created_by": "base image"},
        {"created": EPOCH, "created_by": "base image"},
        {"created": EPOCH, "created_by": f"airunway: /models/a.gguf sha256:{SHA_A}"},
        {"created": EPOCH, "created_by": "airunway: links to the files"},
    ]


def test_files_that_are_copied_need_no_entry_for_links() -> None:
    history = image_config(model_image(fixed_dates=True))["history"]

    assert history == [{"created": EPOCH, "created_by": f"airunway: /models/a.gguf sha256:{SHA_A}"}]


def test_a_base_that_is_nothing_is_no_trouble() -> None:
    config = image_config(model_image(base="", base_config={}, platform=Platform("linux", "arm64", "v8")))

    assert config == {
        "architecture": "arm64",
        "os": "linux",
        "variant": "v8",
        "created": EPOCH,
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": []},
        "history": [
            {"created": EPOCH, "created_by": f"airunway: /models/a.gguf sha256:{SHA_A}"},
            {"created": EPOCH, "created_by": "airunway: links to the files"},
        ],
    }


def test_the_exporter_pushes_uncompressed_oci_layers() -> None:
    image = model_image()

    attributes = exporter_attributes(image, push_to="registry/x:1", insecure=True)

    assert json.loads(attributes.pop("containerimage.config")) == image_config(image)
    assert attributes == {
        "name": "registry/x:1",
        "push": "true",
        "oci-mediatypes": "true",
        "compression": "uncompressed",
        "registry.insecure": "true",
    }


def test_a_registry_is_trusted_only_as_far_as_its_certificate_unless_told() -> None:
    assert "registry.insecure" not in exporter_attributes(model_image(), push_to="r/x:1", insecure=False)
