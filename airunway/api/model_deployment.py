"""The ModelDeployment custom resource: what a user asks for.

Source: crds.md §2 (spec). Status types are in `airunway.api.status`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field

from airunway.api.core_types import EnvVar, Toleration
from airunway.api.status import DeploymentStatus
from airunway.api.wire import Flag, Int32, Quantity, StringMap, Text, Wire, wire_field


class ModelSource(StrEnum):
    """Where the weights come from."""

    HUGGINGFACE = "huggingface"
    CUSTOM = "custom"


class EngineType(StrEnum):
    """Inference engines, in the order in which selection prefers them (core.md §6)."""

    VLLM = "vllm"
    SGLANG = "sglang"
    TRTLLM = "trtllm"
    LLAMACPP = "llamacpp"


class ServingMode(StrEnum):
    """One kind of worker, or separate prefill and decode workers."""

    AGGREGATED = "aggregated"
    DISAGGREGATED = "disaggregated"


class VolumePurpose(StrEnum):
    """What a storage volume is for."""

    MODEL_CACHE = "modelCache"
    COMPILATION_CACHE = "compilationCache"
    CUSTOM = "custom"


class AccessMode(StrEnum):
    """Access mode of a claim made by this system."""

    READ_WRITE_ONCE = "ReadWriteOnce"
    READ_WRITE_MANY = "ReadWriteMany"
    READ_ONLY_MANY = "ReadOnlyMany"
    READ_WRITE_ONCE_POD = "ReadWriteOncePod"


class StorageVolume(Wire):
    """A claim that is mounted into the serving pods; made by this system when `size` is given."""

    name: Text = wire_field(
        "Identifier inside this deployment.",
        max_length=63,
        pattern=r"^[a-z0-9]([a-z0-9\-]*[a-z0-9])?$",
        required=True,
    )
    purpose: VolumePurpose | None = wire_field(
        "Weights, compiled artefacts, or a plain mount.", crd_default="custom"
    )
    mount_path: Text | None = wire_field("Absolute path in the container.")
    claim_name: Text | None = wire_field("PersistentVolumeClaim in the same namespace.")
    read_only: Flag | None = wire_field("Mount read-only.", crd_default=False)
    size: Quantity | None = wire_field("Size of the claim to create; absent: the claim exists already.")
    storage_class_name: Text | None = wire_field(
        "Class of the claim to create; absent: the cluster's default; empty: none."
    )
    # A plain string for readers: rule V8.5 reports what the schema would have refused.
    access_mode: Text | None = wire_field(
        "Access mode of the claim to create.", enum=[mode.value for mode in AccessMode]
    )


class Storage(Wire):
    """Volumes of a model."""

    volumes: list[StorageVolume] | None = wire_field("Claims to mount.", max_items=8, list_map_keys=["name"])


class Model(Wire):
    """Which model, from where, under which name."""

    id: Text | None = wire_field("Model identifier, e.g. owner/name on Hugging Face.")
    source: ModelSource | None = wire_field(
        "huggingface: downloaded; custom: in the image or supplied otherwise.", crd_default="huggingface"
    )
    served_name: Text | None = wire_field("Name that the server shows to API callers.")
    storage: Storage | None = wire_field("Volumes of the serving pods.")


class ProviderRef(Wire):
    """The provider to use, and what to lay over its object."""

    name: Text | None = wire_field("InferenceProviderConfig to use; empty: selected automatically.")
    # Anything for readers: that it is an object is a rule of its own (crds.md §4.4).
    overrides: Any = Field(
        default=None,
        description="Provider-specific fields, merged into the rendered object.",
        json_schema_extra={"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    )


class Engine(Wire):
    """The inference engine and its flags."""

    type: EngineType | None = wire_field("Engine; absent: selected automatically.")
    image: Text | None = wire_field("Image of the engine.")
    context_length: Int32 | None = wire_field("Maximum context, in tokens.")
    trust_remote_code: Flag | None = wire_field("Run code shipped with the model.", crd_default=False)
    enable_prefix_caching: Flag | None = wire_field("Prefix caching.", crd_default=True)
    enforce_eager: Flag | None = wire_field("Eager mode, without CUDA graphs.", crd_default=False)
    args: StringMap | None = wire_field("Flag without dashes to value; empty value: bare flag.")
    extra_args: list[Text] | None = wire_field("Arguments appended as they are.")


class Serving(Wire):
    """How requests are served."""

    mode: ServingMode | None = wire_field(
        "aggregated, or disaggregated into prefill and decode workers.", crd_default="aggregated"
    )


class Gpu(Wire):
    """GPUs of one replica."""

    count: Int32 | None = wire_field("Number of GPUs.", crd_default=0, minimum=0)
    type: Text | None = wire_field("Extended resource name.", crd_default="nvidia.com/gpu")


class WorkerGroup(Wire):
    """Prefill or decode workers of a disaggregated deployment."""

    replicas: Int32 | None = wire_field("Number of workers.", crd_default=1, minimum=0)
    gpu: Gpu | None = wire_field("GPUs of one worker.")
    memory: Text | None = wire_field("Memory of one worker, as a quantity.")


class Scaling(Wire):
    """How many replicas."""

    replicas: Int32 | None = wire_field("Replicas in aggregated mode.", crd_default=1, minimum=0)
    prefill: WorkerGroup | None = wire_field("Prefill workers, in disaggregated mode.")
    decode: WorkerGroup | None = wire_field("Decode workers, in disaggregated mode.")


class Resources(Wire):
    """What one replica needs."""

    gpu: Gpu | None = wire_field("GPUs of one replica.")
    memory: Text | None = wire_field("Memory, as a quantity.")
    cpu: Text | None = wire_field("CPU, as a quantity.")


class PodTemplateMetadata(Wire):
    """Labels and annotations for the pods."""

    labels: StringMap | None = wire_field("Labels.")
    annotations: StringMap | None = wire_field("Annotations.")


class PodTemplate(Wire):
    """What to add to the pods."""

    metadata: PodTemplateMetadata | None = wire_field("Metadata of the pods.")


class Secrets(Wire):
    """Names of Secrets; never their content."""

    hugging_face_token: Text | None = wire_field("Secret in the same namespace with the key HF_TOKEN.")


class GatewayRef(Wire):
    """A Gateway to be published behind."""

    name: Text = wire_field("Name of the Gateway.", required=True, min_length=1, max_length=253)
    namespace: Text | None = wire_field("Its namespace; absent: the deployment's.", max_length=63)
    section_name: Text | None = wire_field("One of its listeners; absent: any.", max_length=253)


class PoolRef(Wire):
    """An InferencePool that somebody else looks after."""

    name: Text = wire_field("Name of the InferencePool.", required=True, min_length=1, max_length=253)
    namespace: Text | None = wire_field(
        "Its namespace; absent: the deployment's. In another one a ReferenceGrant has to permit it.",
        max_length=63,
    )


class Gateway(Wire):
    """Exposure through a Gateway."""

    enabled: Flag | None = wire_field("Absent: on where a Gateway is found.")
    model_name: Text | None = wire_field("Model name for routing.")
    http_route_ref: Text | None = Field(
        default=None, alias="httpRouteRef", description="Existing HTTPRoute to use."
    )
    gateway_ref: GatewayRef | None = wire_field(
        "Gateway to be published behind, which must admit the deployment's namespace; absent: the cluster's."
    )
    pool_ref: PoolRef | None = wire_field(
        "InferencePool to route to, with an endpoint picker of its own; absent: one is made."
    )


class DeploymentSpec(Wire):
    """What a user asks for."""

    model: Model = wire_field("The model.", required=True)
    provider: ProviderRef | None = wire_field("The provider.")
    engine: Engine | None = wire_field("The engine.")
    serving: Serving | None = wire_field("The serving mode.")
    scaling: Scaling | None = wire_field("Replicas.")
    resources: Resources | None = wire_field("Resources of one replica.")
    image: Text | None = wire_field("Image; engine.image is preferred.")
    env: list[EnvVar] | None = wire_field("Environment of the serving container.")
    pod_template: PodTemplate | None = wire_field("Additions to the pods.")
    secrets: Secrets | None = wire_field("Secrets by name.")
    gateway: Gateway | None = wire_field("Exposure through a Gateway.")
    node_selector: StringMap | None = wire_field("Node labels.")
    tolerations: list[Toleration] | None = wire_field("Tolerated taints.")


class ObjectMeta(Wire):
    """The metadata that this system reads."""

    name: Text = ""
    namespace: Text = ""
    uid: Text = ""
    generation: int = 0
    resource_version: Text = ""
    creation_timestamp: Text | None = None
    deletion_timestamp: Text | None = None
    labels: StringMap = Field(default_factory=dict)
    annotations: StringMap = Field(default_factory=dict)
    finalizers: list[Text] = Field(default_factory=list)


class ModelDeployment(Wire):
    """A model that is to be served."""

    api_version: Text | None = None
    kind: Text | None = None
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: DeploymentSpec
    status: DeploymentStatus | None = None

    # What many rules ask, with absent read as zero (crds.md §1, rule 5).

    @property
    def name(self) -> str:
        """metadata.name."""
        return self.metadata.name

    @property
    def namespace(self) -> str:
        """metadata.namespace."""
        return self.metadata.namespace

    @property
    def engine_type(self) -> str:
        """The engine: spec first, then status; empty when neither names one (core.md §3, step 8)."""
        if self.spec.engine and self.spec.engine.type:
            return self.spec.engine.type.value
        if self.status and self.status.engine and self.status.engine.type:
            return self.status.engine.type
        return ""

    @property
    def serving_mode(self) -> str:
        """spec.serving.mode; empty counts as aggregated."""
        mode = self.spec.serving.mode if self.spec.serving else None
        return (mode or ServingMode.AGGREGATED).value

    @property
    def gpu_count(self) -> int:
        """spec.resources.gpu.count; absent is 0."""
        resources = self.spec.resources
        return (resources.gpu.count or 0) if resources and resources.gpu else 0

    @property
    def pod_labels(self) -> dict[str, str]:
        """spec.podTemplate.metadata.labels as given."""
        template = self.spec.pod_template
        return dict(template.metadata.labels or {}) if template and template.metadata else {}

    @property
    def pod_annotations(self) -> dict[str, str]:
        """spec.podTemplate.metadata.annotations as given."""
        template = self.spec.pod_template
        return dict(template.metadata.annotations or {}) if template and template.metadata else {}

    @property
    def provider_name(self) -> str:
        """spec.provider.name; empty when the provider is selected automatically."""
        return (self.spec.provider.name or "") if self.spec.provider else ""

    @property
    def recorded_provider(self) -> str:
        """status.provider.name; empty before the hand-over."""
        provider = self.status.provider if self.status else None
        return (provider.name or "") if provider else ""
