"""JSON Schemas of the upstream kinds, cut down to what renderers write, and a check against them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

FOLDER = Path(__file__).resolve().parent


@cache
def validator(kind: str, version: str) -> Draft202012Validator:
    """The validator of a kind, from `<kind>.<version>.json` in lower case, else from `<kind>.json`."""
    own = FOLDER / f"{kind.lower()}.{version}.json"
    schema = json.loads((own if own.exists() else FOLDER / f"{kind.lower()}.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def problems(obj: Mapping[str, Any]) -> list[str]:
    """What is wrong with an object by the schema of its kind; empty when nothing is."""
    known = validator(str(obj["kind"]), str(obj["apiVersion"]).rpartition("/")[2])
    return [f"{error.json_path}: {error.message}" for error in known.iter_errors(obj)]
