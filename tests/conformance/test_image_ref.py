"""What GGUF images are called and what is built, against the recorded answers of the reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from airunway.modelimage.aikit import frontend_build
from airunway.modelimage.naming import AikitRequest, image_reference, request_errors
from tests.conformance.compare import differences
from tests.conformance.departures import adjusted
from tests.conformance.loader import Vector, cases

GROUP = "image_ref"
_FIELDS = {
    "modelSource": "source",
    "premadeModel": "premade",
    "modelId": "model",
    "ggufFile": "file",
    "imageName": "name",
    "imageTag": "tag",
}


def answer(given: Mapping[str, Any]) -> dict[str, Any]:
    """Our answer in the form of the recorded ones; a build is one that always succeeds."""
    request = AikitRequest(**{_FIELDS[key]: value for key, value in given["request"].items()})
    if request_errors(request):
        return {"valid": False, "result": {"success": False, "imageRef": ""}}
    reference = image_reference(request)
    found = {
        "valid": True,
        "image_ref": reference,
        "result": {"success": True, "imageRef": reference},
    }
    if request.source == "huggingface":
        build = frontend_build(request)
        found["build"] = {
            "buildArg": f"model={build.argument}",
            "tags": [build.tag],
            "context": build.context,
            "push": True,
        }
    return found


@pytest.mark.parametrize("vector", cases(GROUP))
def test_images_are_called_as_recorded(vector: Vector) -> None:
    want, _ = adjusted(vector.expect, group=GROUP, file=vector.file, given=vector.input)
    compared = {"valid": want["valid"], "build": want.get("build")}
    compared["image_ref"] = want.get("image_ref") if want["valid"] else None
    compared["result"] = {key: want["result"][key] for key in ("success", "imageRef")}

    assert differences(compared, answer(vector.input)) == []
