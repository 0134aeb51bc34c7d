"""The status of a ModelDeployment, and the provider-neutral answer of an upstream object.

Source: crds.md §3 and §6.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from airunway.api.core_types import Condition
from airunway.api.phase import Phase as Phase
from airunway.api.plain_text import beginning
from airunway.api.wire import Flag, Int32, Int64, Text, Wire, wire_field

NOT_OBSERVED = -1
"""`observedGeneration` of a status that nobody has written yet: no generation is like it."""


class ApiFormat(StrEnum):
    """API formats that a server can speak."""

    OPENAI_CHAT = "openai-chat"
    OPENAI_RESPONSES = "openai-responses"
    ANTHROPIC_MESSAGES = "anthropic-messages"


class ProviderStatus(Wire):
    """The provider and its object."""

    name: Text | None = wire_field("Selected provider.")
    selected_reason: Text | None = wire_field("Why it was selected.")
    resource_name: Text | None = wire_field("Name of the provider's main object.")
    resource_kind: Text | None = wire_field("Kind of the provider's main object.")


class EngineStatus(Wire):
    """The resolved engine."""

    # A plain string for readers; the CRD limits it to the engines.
    type: Text | None = wire_field("Resolved engine.", enum=["vllm", "sglang", "trtllm", "llamacpp"])
    selected_reason: Text | None = wire_field("Why it was selected.")


class ReplicaStatus(Wire):
    """Replica counts."""

    desired: Int32 | None = wire_field("Replicas asked for.")
    ready: Int32 | None = wire_field("Replicas that are ready.")
    available: Int32 | None = wire_field("Replicas that are available.")


class EndpointStatus(Wire):
    """Where the model is served inside the cluster."""

    service: Text | None = wire_field("Service in the same namespace.")
    port: Int32 | None = wire_field("Port.")


class GatewayStatus(Wire):
    """Where the model is served through a Gateway."""

    endpoint: Text | None = wire_field("Address of the Gateway; not a URL.")
    model_name: Text | None = wire_field("Model name to send in requests.")
    gateway_namespace: Text | None = wire_field("Namespace of the Gateway.")
    url: Text | None = wire_field("Where clients call it: scheme, address and port.")
    api_formats: list[ApiFormat] | None = wire_field("API formats of the engine.")


class ServingImageStatus(Wire):
    """What image runs, and what is known about it."""

    requested: Text | None = wire_field("Reference asked for.")
    resolved: Text | None = wire_field("Reference used; pinned by digest when resolved.")
    repository: Text | None = wire_field("Repository part.")
    tag: Text | None = wire_field("Tag part.")
    digest: Text | None = wire_field("Digest part.")
    source: Text | None = wire_field("stable, nightly, launch or custom.")
    created_at: Text | None = wire_field("Build time (RFC 3339).")
    revision: Text | None = wire_field("Source revision.")
    age: Text | None = wire_field("Age, like 3d, 5h or 12m.")
    in_nightly: Flag | None = wire_field("Whether it is a nightly image.")
    verified: Flag | None = wire_field("Whether its signature was verified.")
    verification_message: Text | None = wire_field("What the verification said.")
    message: Text | None = wire_field("Details.")


class DeploymentStatus(Wire):
    """What this system and the providers say about a deployment."""

    phase: Phase | None = wire_field("Where the deployment stands.")
    message: Text | None = wire_field("What a person should know now.")
    observed_generation: Int64 | None = wire_field("metadata.generation last seen.")
    provider: ProviderStatus | None = wire_field("The provider.")
    engine: EngineStatus | None = wire_field("The engine.")
    replicas: ReplicaStatus | None = wire_field("Replicas.")
    readiness: Text | None = wire_field("Ready of desired replicas, like 1/2; for people.")
    selector: Text | None = wire_field(
        "Label selector of the serving pods; autoscalers read it through the scale subresource."
    )
    pods_observed: Flag | None = wire_field(
        "Whether pods that serve it were seen: from then on having none is a reason not to be ready."
    )
    endpoint: EndpointStatus | None = wire_field("Address inside the cluster.")
    gateway: GatewayStatus | None = wire_field("Address through a Gateway.")
    image: ServingImageStatus | None = wire_field("The image.")
    conditions: list[Condition] | None = wire_field("Aspects of the state.", list_map_keys=["type"])


MAX_UPSTREAM_MESSAGE = 2000
"""Characters of what an upstream object says of itself. It travels in histories, workflow state and
Events."""
_MAX_NAME = 253
_MAX_INT32 = 2**31 - 1


def _cut_message(text: str) -> str:
    return beginning(text, MAX_UPSTREAM_MESSAGE)


def _counts_that_can_be_written(replicas: ReplicaStatus | None) -> ReplicaStatus | None:
    """Counts within 32 bits, which is what the deployment's status takes."""
    if replicas is None:
        return None
    counts = {name: getattr(replicas, name) for name in replicas.model_fields_set}
    wrong = {
        name: min(max(count, 0), _MAX_INT32)
        for name, count in counts.items()
        if count is not None and not 0 <= count <= _MAX_INT32
    }
    return replicas.model_copy(update=wrong) if wrong else replicas


def _endpoint_that_can_be_one(endpoint: EndpointStatus | None) -> EndpointStatus | None:
    """None where name or port are such that no Service has them."""
    if endpoint is None or (len(endpoint.service or "") <= _MAX_NAME and 0 <= (endpoint.port or 0) <= 65535):
        return endpoint
    return None


class UnifiedStatus(BaseModel):
    """An upstream object's state in the words of a ModelDeployment. What a provider's `read_status` answers.

    `message` is empty when the upstream object says nothing. `replicas` and `endpoint` are None when they
    are not known yet, which clears them in the deployment's status. Whoever may write the upstream object
    writes what he likes: what is too long is cut here, whatever provider read it.
    """

    phase: Phase
    message: Annotated[str, AfterValidator(_cut_message)] = ""
    replicas: Annotated[ReplicaStatus | None, AfterValidator(_counts_that_can_be_written)] = None
    endpoint: Annotated[EndpointStatus | None, AfterValidator(_endpoint_that_can_be_one)] = None
    resource_name: str = ""
    resource_kind: str = ""
    roles: Annotated[tuple[str, ...], Field(exclude=True)] = ()
    """Roles of pods without any of which it does not serve, as `Provider.role_label` tells them apart."""
    pods_seen: bool = False
    """Pods that serve it were seen, now or before: from then on having none is a reason not to be ready."""
