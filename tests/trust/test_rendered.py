"""Every image that rendered objects name is found, whatever path it came by."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from airunway.trust.rendered import Variable, images_in, variables_in, with_images

EXPECTED = Path(__file__).parent.parent / "providers" / "expected"
"""What the shipped providers render."""
POD: dict[str, Any] = {
    "initContainers": [{"name": "a", "image": "r.io/init:1"}],
    "containers": [{"name": "b", "image": "r.io/main:1", "env": [{"name": "HF_ENDPOINT", "value": "x"}]}],
    "ephemeralContainers": [{"name": "c", "image": "r.io/debug:1"}],
    "volumes": [{"name": "v", "image": {"reference": "r.io/volume:1", "pullPolicy": "Always"}}],
}
OBJECTS: list[dict[str, Any]] = [
    {"kind": "Deployment", "spec": {"template": {"spec": POD}}},
    {"kind": "RayService", "spec": {"rayClusterConfig": {"autoscalerOptions": {"image": "r.io/scaler:1"}}}},
    {
        "kind": "Workspace",
        "metadata": {"annotations": {"image": "r.io/words:1"}, "labels": {"image": "words"}},
        "inference": {
            "preset": {"presetOptions": {"image": "r.io/preset:1"}},
            "adapters": [{"source": {"image": "r.io/adapter:1"}}],
        },
    },
    {"kind": "DynamoGraphDeployment", "spec": {"services": {"w": {"frontendImage": "r.io/front:1"}}}},
]
IMAGES = {"init", "main", "debug", "volume", "scaler", "preset", "adapter", "front"}


def test_images_are_found_wherever_they_are() -> None:
    found = images_in(OBJECTS)

    assert {entry.value for entry in found} == {f"r.io/{name}:1" for name in IMAGES}
    assert "Deployment.spec.template.spec.volumes[0].image.reference" in {entry.path for entry in found}


@pytest.mark.parametrize("file", sorted(EXPECTED.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_image_of_every_shipped_provider_is_found(file: Path) -> None:
    text = file.read_text()
    objects = [document for document in yaml.safe_load_all(text) if document]

    found = {entry.value for entry in images_in(objects)}

    assert found == set(re.findall(r"^[ -]*image: *['\"]?([^'\"\s]+)", text, flags=re.MULTILINE))
    assert found or file.stem == "kaito"


def test_what_is_no_text_is_found_too() -> None:
    (found,) = images_in([{"kind": "X", "spec": {"image": {"repository": "evil.io/a", "tag": "1"}}}])

    assert not isinstance(found.value, str)


def test_each_of_them_can_be_replaced_and_the_rest_stays() -> None:
    before = repr(OBJECTS)

    replaced = with_images(OBJECTS, {f"r.io/{name}:1": f"r.io/{name}@sha256:0" for name in IMAGES})

    assert {entry.value for entry in images_in(replaced)} == {f"r.io/{name}@sha256:0" for name in IMAGES}
    assert replaced[2]["metadata"] == OBJECTS[2]["metadata"]
    assert replaced[0]["spec"]["template"]["spec"]["volumes"][0]["image"]["pullPolicy"] == "Always"
    assert repr(OBJECTS) == before


def test_environment_variables_are_found() -> None:
    objects = [*OBJECTS, {"kind": "X", "spec": {"envs": [{"name": "A", "valueFrom": {"fieldRef": {}}}]}}]

    assert list(variables_in(objects)) == [
        Variable(name="HF_ENDPOINT", value="x", is_text=True),
        Variable(name="A", value="", is_text=False),
    ]


@pytest.mark.parametrize("name", ["labels", "annotations", "matchLabels", "nodeSelector", "managedFields"])
def test_a_part_of_an_object_that_is_called_like_words_is_looked_at(name: str) -> None:
    graph = {"spec": {"services": {name: {"extraPodSpec": {"mainContainer": {"image": "evil.io/a:1"}}}}}}

    (found,) = images_in([graph])
    (replaced,) = with_images([graph], {"evil.io/a:1": "evil.io/a@sha256:0"})

    assert found.value == "evil.io/a:1"
    assert images_in([replaced])[0].value == "evil.io/a@sha256:0"


@pytest.mark.parametrize(
    "annotation", ["sidecar.istio.io/proxyImage", "vault.hashicorp.com/agent-image", "dapr.io/sidecar-image"]
)
def test_an_image_that_a_webhook_is_told_by_an_annotation_is_one(annotation: str) -> None:
    template = {"metadata": {"annotations": {annotation: "evil.io/a:1", "note/x": "y"}, "labels": {}}}
    objects = [{"kind": "Deployment", "spec": {"template": template}}]

    (found,) = images_in(objects)
    (replaced,) = with_images(objects, {"evil.io/a:1": "evil.io/a@sha256:0"})

    assert found.path == f"Deployment.spec.template.metadata.annotations[{annotation}]"
    assert found.value == "evil.io/a:1"
    assert images_in([replaced])[0].value == "evil.io/a@sha256:0"
