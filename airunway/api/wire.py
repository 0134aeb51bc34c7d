"""Base of all wire models, and the markers that turn them into a structural schema.

A field that is absent on the wire is None here, also when the CRD has a default for it: the API server
fills defaults in, and an object that bypassed it must read as AI Runway's typed reader reads it
(absent is zero). The CRD default is therefore declared beside the Python default, in `wire_field`.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, model_validator
from pydantic.alias_generators import to_camel

QUANTITY_PATTERN: Final = (
    r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"
    r"(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
)

Int32 = Annotated[StrictInt, Field(json_schema_extra={"format": "int32"})]
Int64 = Annotated[StrictInt, Field(json_schema_extra={"format": "int64"})]
Quantity = Annotated[
    StrictInt | StrictStr,
    Field(
        json_schema_extra={
            "x-kubernetes-int-or-string": True,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "pattern": QUANTITY_PATTERN,
        }
    ),
]
StringMap = dict[StrictStr, StrictStr]
Text = StrictStr
Flag = StrictBool


class Wire(BaseModel):
    """A JSON object of the API: camelCase outside, snake_case inside, null means absent.

    `model_fields_set` tells what was given, so `dump()` keeps an explicit `0` or `false` and adds nothing.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, data: Any) -> Any:
        if isinstance(data, dict) and None in data.values():
            return {key: value for key, value in data.items() if value is not None}
        return data

    def dump(self) -> dict[str, Any]:
        """The object as JSON data: the fields that were given, under their wire names."""
        return self.model_dump(by_alias=True, exclude_unset=True, exclude_none=True, mode="json")


def wire_field(
    description: str,
    *,
    crd_default: Any = None,
    minimum: int | None = None,
    max_length: int | None = None,
    min_length: int | None = None,
    pattern: str | None = None,
    max_items: int | None = None,
    enum: list[str] | None = None,
    list_map_keys: list[str] | None = None,
    atomic_map: bool = False,
    required: bool = False,
    default_factory: Any = None,
) -> Any:
    """A field with its description and the limits that the API server checks.

    The limits go to the CRD only: an object in the cluster has passed them, and one from a file is
    checked against the same schema (`airunway.api.structural`), so that both are refused with the same words.
    """
    extra: dict[str, Any] = {}
    if crd_default is not None:
        extra["default"] = crd_default
    for key, value in (
        ("minimum", minimum),
        ("maxLength", max_length),
        ("minLength", min_length),
        ("pattern", pattern),
        ("maxItems", max_items),
        ("enum", enum),
    ):
        if value is not None:
            extra[key] = value
    if list_map_keys:
        extra["x-kubernetes-list-type"] = "map"
        extra["x-kubernetes-list-map-keys"] = list_map_keys
    if atomic_map:
        extra["x-kubernetes-map-type"] = "atomic"
    if required:
        return Field(description=description, json_schema_extra=extra)
    if default_factory is not None:
        return Field(default_factory=default_factory, description=description, json_schema_extra=extra)
    return Field(default=None, description=description, json_schema_extra=extra)
