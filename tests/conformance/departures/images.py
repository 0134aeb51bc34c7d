"""Where images of GGUF models are named and checked differently from the reference on purpose."""

from __future__ import annotations

import re

from tests.conformance.departures import Departure, Given, Predicate

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


def rule(name: str, applies: Predicate, touches: tuple[str, ...], test: str) -> Departure:
    return Departure(
        name=name,
        groups=frozenset({"image_ref"}),
        applies=applies,
        touches=touches,
        covered_by=f"tests/modelimage/test_naming.py::{test}",
    )


NAMES = ("/image_ref = *[!-]", "/result/imageRef = *[!-]", "/build/tags/*")
REFUSED = (
    "/valid = false",
    "/image_ref - *",
    "/result/success = false",
    "/result/imageRef = ",
    "/build/** - *",
)

DEPARTURES = [
    rule(
        "image-name-without-a-dash-at-its-end",
        cut_at_a_dash,
        NAMES,
        "test_a_name_is_one_that_a_registry_takes",
    ),
    rule("image-of-a-repository-only", unusual_model, REFUSED, "test_what_is_no_repository_is_refused"),
    rule(
        "image-of-a-file-inside-its-repository",
        unusual_file,
        REFUSED,
        "test_what_is_no_file_of_a_repository_is_refused",
    ),
    rule("image-under-a-valid-name", unusual_name, REFUSED, "test_names_that_no_registry_takes_are_refused"),
]
