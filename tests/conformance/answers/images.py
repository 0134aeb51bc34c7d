"""`image_ref`: what are images of GGUF models called, and what is built?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.modelimage.aikit import frontend_build
from airunway.modelimage.naming import AikitRequest, model_image_reference, request_errors
from tests.conformance.answers.question import Question
from tests.conformance.diff import Document
from tests.conformance.loader import Vector

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
    reference = model_image_reference(request)
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


def answers(vector: Vector) -> tuple[Document, Document]:
    want = vector.expect
    recorded = {
        "valid": want["valid"],
        "build": want.get("build"),
        "image_ref": want.get("image_ref") if want["valid"] else None,
        "result": {key: want["result"][key] for key in ("success", "imageRef")},
    }
    return recorded, answer(vector.input)


IMAGES = Question(name="image_ref", group="image_ref", files=("aikit",), answers=answers)
