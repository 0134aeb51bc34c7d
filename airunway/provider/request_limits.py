"""Whether containers ask for more than they may have: the API server refuses a request above its limit. Pure.

Requests and limits of one container may come from different hands, a default and an override.
Source: k8s.io/kubernetes, pkg/apis/core/validation, ValidateContainerResourceRequirements.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from airunway.api import quantities
from airunway.api.findings import FieldError, FieldErrorType
from airunway.provider.manifest import Manifest


def request_findings(objects: Iterable[Manifest]) -> Iterator[FieldError]:
    """A finding for each request of what is rendered that is above its limit."""
    for obj in objects:
        for at, name, request, limit in _above(obj, ""):
            yield FieldError(
                field="spec",
                type=FieldErrorType.INVALID,
                value=request,
                detail=(
                    f"{at}.requests.{name} of the rendered {obj.get('kind')} is {request}, above its limit "
                    f"{limit}; set limits and requests together"
                ),
            )


def _above(value: Any, at: str) -> Iterator[tuple[str, str, str, str]]:
    """Path of the resources, and name, request and limit of what is wrong there."""
    if isinstance(value, list):
        for index, part in enumerate(value):
            yield from _above(part, f"{at}[{index}]")
    if not isinstance(value, Mapping):
        return
    limits, requests = value.get("limits"), value.get("requests")
    if isinstance(limits, Mapping) and isinstance(requests, Mapping):
        for name in limits.keys() & requests.keys():
            request, limit = str(requests[name]), str(limits[name])
            if _is_above(request, limit):
                yield at, name, request, limit
    for key, part in value.items():
        yield from _above(part, f"{at}.{key}" if at else str(key))


def _is_above(request: str, limit: str) -> bool:
    valid = quantities.is_valid(request) and quantities.is_valid(limit)
    return valid and quantities.parse(request) > quantities.parse(limit)
