"""Where images of GGUF models are named and checked differently from the reference on purpose."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.conformance.departures import Departure

Given = Mapping[str, Any]
Answer = dict[str, Any]

NAMING_TESTS = "tests/modelimage/test_naming.py"
GROUPS = frozenset({"image_ref"})
_OCI_NAME = re.compile(r"[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")
_OCI_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_ID = re.compile(r"[A-Za-z0-9._-]{1,96}(/[A-Za-z0-9._-]{1,96})?")


def asked(given: Given, key: str) -> str:
    return str(given["request"].get(key) or "")


def is_build(given: Given) -> bool:
    return asked(given, "modelSource") == "huggingface"


def unusual_model(given: Given) -> bool:
    model = asked(given, "modelId")
    odd = not _ID.fullmatch(model) or any(part in (".", "..") for part in model.split("/"))
    return is_build(given) and bool(model) and odd


def unusual_file(given: Given) -> bool:
    file = asked(given, "ggufFile")
    return is_build(given) and any(part in ("", ".", "..") for part in file.split("/")) and bool(file)


def unusual_name(given: Given) -> bool:
    name, tag = asked(given, "imageName"), asked(given, "imageTag")
    odd = (bool(name) and not _OCI_NAME.fullmatch(name)) or (bool(tag) and not _OCI_TAG.fullmatch(tag))
    return is_build(given) and odd


def cut_at_a_dash(given: Given) -> bool:
    model = asked(given, "modelId").lower()
    cleaned = re.sub(r"-+", "-", re.sub(r"[^a-z0-9-]", "-", model)).strip("-")
    return is_build(given) and not asked(given, "imageName") and cleaned[:63].endswith("-")


def refused(given: Given, answer: Answer) -> Answer:
    return {"valid": False, "result": {"success": False, "imageRef": ""}, "build": None}


def without_the_dash(given: Given, answer: Answer) -> Answer:
    def mended(value: Any) -> Any:
        if isinstance(value, str):
            return re.sub(r"-(:[^:/]+)$", r"\1", value)
        if isinstance(value, list):
            return [mended(entry) for entry in value]
        return {key: mended(entry) for key, entry in value.items()} if isinstance(value, dict) else value

    answer = {**answer, "image_ref": mended(answer.get("image_ref"))}
    answer["result"] = mended(answer["result"])
    if answer.get("build"):
        answer["build"] = {**answer["build"], "tags": mended(answer["build"]["tags"])}
    return answer


DEPARTURES = [
    Departure(
        name="image-name-without-a-dash-at-its-end",
        groups=GROUPS,
        applies=cut_at_a_dash,
        adjust=without_the_dash,
        covered_by=f"{NAMING_TESTS}::test_a_name_is_one_that_a_registry_takes",
    ),
    Departure(
        name="image-of-a-repository-only",
        groups=GROUPS,
        applies=unusual_model,
        adjust=refused,
        covered_by=f"{NAMING_TESTS}::test_what_is_no_repository_is_refused",
    ),
    Departure(
        name="image-of-a-file-inside-its-repository",
        groups=GROUPS,
        applies=unusual_file,
        adjust=refused,
        covered_by=f"{NAMING_TESTS}::test_what_is_no_file_of_a_repository_is_refused",
    ),
    Departure(
        name="image-under-a-valid-name",
        groups=GROUPS,
        applies=unusual_name,
        adjust=refused,
        covered_by=f"{NAMING_TESTS}::test_names_that_no_registry_takes_are_refused",
    ),
]
