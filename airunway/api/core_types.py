"""The Kubernetes core types that a ModelDeployment embeds: EnvVar, Toleration, Condition.

Shapes of Kubernetes 1.35. Source: crds.md §2.6 and §3.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import ConfigDict

from airunway.api.wire import Flag, Int64, Quantity, Text, Wire, wire_field


class KeySelector(Wire):
    """One key of a ConfigMap or a Secret."""

    key: Text = wire_field("The key to select.", required=True)
    name: Text | None = wire_field("Name of the referent.", crd_default="")
    optional: Flag | None = wire_field("Whether the object or its key may be missing.")


class FieldSelector(Wire):
    """One field of the pod."""

    field_path: Text = wire_field("Path of the field.", required=True)
    api_version: Text | None = wire_field("Version of the schema of fieldPath.")


class ResourceFieldSelector(Wire):
    """One resource of a container."""

    resource: Text = wire_field("Resource to select.", required=True)
    container_name: Text | None = wire_field("Container name.")
    divisor: Quantity | None = wire_field("Output format of the resource.")


class FileKeySelector(Wire):
    """One key of an env file in a volume."""

    key: Text = wire_field("The key within the env file.", required=True)
    path: Text = wire_field("Path of the env file within the volume.", required=True)
    volume_name: Text = wire_field("The volume with the env file.", required=True)
    optional: Flag | None = wire_field("Whether the file or its key may be missing.", crd_default=False)


class EnvVarSource(Wire):
    """Where the value of an environment variable comes from; at most one is set."""

    config_map_key_ref: KeySelector | None = wire_field("A key of a ConfigMap.", atomic_map=True)
    field_ref: FieldSelector | None = wire_field("A field of the pod.", atomic_map=True)
    file_key_ref: FileKeySelector | None = wire_field("A key of an env file.", atomic_map=True)
    resource_field_ref: ResourceFieldSelector | None = wire_field(
        "A resource of the container.", atomic_map=True
    )
    secret_key_ref: KeySelector | None = wire_field("A key of a Secret.", atomic_map=True)


class EnvVar(Wire):
    """An environment variable of the serving container."""

    name: Text = wire_field("Name of the variable.", required=True)
    value: Text | None = wire_field("Its value.")
    value_from: EnvVarSource | None = wire_field("Source of its value; not together with value.")


class Toleration(Wire):
    """A taint that the pods tolerate."""

    effect: Text | None = wire_field("Taint effect to match; empty matches all.")
    key: Text | None = wire_field("Taint key; empty with operator Exists matches all.")
    operator: Text | None = wire_field("Relation of key and value: Exists or Equal.")
    toleration_seconds: Int64 | None = wire_field("How long to tolerate a NoExecute taint, in seconds.")
    value: Text | None = wire_field("Taint value.")


class ConditionStatus(StrEnum):
    """The three values of a condition."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Wire):
    """One aspect of the current state (metav1.Condition)."""

    # Without transition time and generation while it is only reported: `airunway.api.conditions`.

    model_config = ConfigDict(
        json_schema_extra={"required": ["lastTransitionTime", "message", "reason", "status", "type"]}
    )

    last_transition_time: Text = wire_field("When the status last flipped (RFC 3339).", default_factory=str)
    message: Text = wire_field("What a person should know.", max_length=32768, default_factory=str)
    observed_generation: Int64 | None = wire_field("metadata.generation that this was seen at.", minimum=0)
    reason: Text = wire_field(
        "One word for the cause.",
        max_length=1024,
        min_length=1,
        pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
        required=True,
    )
    status: ConditionStatus = wire_field("True, False or Unknown.", required=True)
    type: Text = wire_field(
        "What the condition is about.",
        max_length=316,
        pattern=(
            r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
            r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
        ),
        required=True,
    )
