"""The body of `POST /deployments` (web-api.md §4.1): its fields, their defaults, and what is refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    StringConstraints,
    model_validator,
)
from pydantic.alias_generators import to_camel

NAMESPACE_PATTERN = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
NAME_PATTERN = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"
MAX_TEXT = 4_096
MAX_INT = 2**31 - 1

NamespaceText = Annotated[str, StringConstraints(pattern=NAMESPACE_PATTERN, max_length=63, strict=True)]
NameText = Annotated[str, StringConstraints(pattern=NAME_PATTERN, max_length=253, strict=True)]
ShortText = Annotated[str, StringConstraints(max_length=MAX_TEXT, strict=True)]
Count = Annotated[StrictInt, Field(ge=0, le=MAX_INT)]
Positive = Annotated[StrictInt, Field(gt=0, le=MAX_INT)]

SYSTEM_PATHS = ("/dev", "/proc", "/sys", "/etc", "/var/run")


class WebBody(BaseModel):
    """A body: camelCase outside; what it does not know is dropped, and null means absent."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, data: Any) -> Any:
        if isinstance(data, dict) and None in data.values():
            return {key: value for key, value in data.items() if value is not None}
        return data


class VolumeBody(WebBody):
    """A volume of the model."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=63)]
    purpose: Literal["modelCache", "compilationCache", "custom"] = "custom"
    mount_path: ShortText | None = None
    read_only: StrictBool = False
    size: ShortText | None = None
    claim_name: ShortText | None = None
    storage_class_name: ShortText | None = None
    access_mode: Literal["ReadWriteOnce", "ReadWriteMany", "ReadOnlyMany", "ReadWriteOncePod"] | None = None


class StorageBody(WebBody):
    """Volumes."""

    volumes: Annotated[list[VolumeBody], Field(max_length=8)] = Field(default_factory=list)


class ResourcesBody(WebBody):
    """Of one replica."""

    gpu: Count = 0
    memory: ShortText | None = None


class ProvenanceBody(WebBody):
    """The recipe that a deployment came from."""

    source: ShortText | None = None
    id: ShortText | None = None
    strategy: ShortText | None = None
    hardware: ShortText | None = None
    variant: ShortText | None = None
    precision: ShortText | None = None
    revision: ShortText | None = None
    features: list[StrictStr] | None = None


class DeploymentBody(WebBody):
    """A deployment as the clients send it. Beyond the reference's, `engine` may be left out."""

    name: NameText
    model_id: Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT, strict=True)]
    engine: Literal["vllm", "sglang", "trtllm", "llamacpp"] | None = None
    namespace: NamespaceText | None = None
    provider: NameText | None = None
    mode: Literal["aggregated", "disaggregated"] = "aggregated"
    replicas: Count = 1
    router_mode: Literal["default", "kv", "round-robin"] = "default"
    served_model_name: ShortText | None = None
    image_ref: ShortText | None = None
    premade_model: ShortText | None = None
    gguf_file: ShortText | None = None
    hf_token_secret: ShortText = ""
    context_length: Positive | None = None
    max_model_len: Positive | None = None
    enforce_eager: StrictBool = False
    trust_remote_code: StrictBool = False
    enable_prefix_caching: StrictBool = True
    resources: ResourcesBody | None = None
    engine_args: dict[StrictStr, Any] | None = None
    engine_extra_args: list[StrictStr] | None = None
    provider_overrides: dict[StrictStr, Any] | None = None
    env: dict[StrictStr, StrictStr] | None = None
    prefill_replicas: Count | None = None
    decode_replicas: Count | None = None
    prefill_gpus: Count | None = None
    decode_gpus: Count | None = None
    model_source: Literal["premade", "huggingface", "vllm"] | None = None
    gguf_run_mode: Literal["build", "direct"] | None = None
    compute_type: Literal["cpu", "gpu"] | None = None
    gateway_enabled: StrictBool | None = None
    recipe_provenance: ProvenanceBody | None = None
    storage: StorageBody | None = None
    kaito_resource_type: Literal["workspace", "inferenceset"] | None = None

    @model_validator(mode="after")
    def _volumes_fit(self) -> Self:
        volumes = self.storage.volumes if self.storage else []
        problems = volume_problems(self.name, volumes)
        if problems:
            raise ValueError("; ".join(problems))
        return self


def mount_path_of(volume: VolumeBody) -> str:
    """Where it is mounted, its purpose's default filled in; empty where none is known."""
    defaults = {"modelCache": "/model-cache", "compilationCache": "/compilation-cache"}
    return volume.mount_path or defaults.get(volume.purpose, "")


def claim_of(deployment: str, volume: VolumeBody) -> str:
    """Its claim; one that is made for it is called after both."""
    return volume.claim_name or (f"{deployment}-{volume.name}" if volume.size else "")


def volume_problems(deployment: str, volumes: list[VolumeBody]) -> list[str]:
    """What is wrong with the volumes of a deployment, defaults filled in (web-api.md §4.1)."""
    problems = [problem for volume in volumes for problem in _problems_of(deployment, volume)]
    for what, values in (
        ("names", [volume.name for volume in volumes]),
        ("mount paths", [path for volume in volumes if (path := mount_path_of(volume))]),
        ("claim names", [claim for volume in volumes if (claim := claim_of(deployment, volume))]),
    ):
        if len(set(values)) < len(values):
            problems.append(f"storage.volumes: {what} must be unique")
    for purpose in ("modelCache", "compilationCache"):
        if sum(volume.purpose == purpose for volume in volumes) > 1:
            problems.append(f"storage.volumes: at most one volume may have the purpose {purpose}")
    return problems


def _problems_of(deployment: str, volume: VolumeBody) -> list[str]:
    where, path = f"storage.volumes[{volume.name}]", mount_path_of(volume)
    problems = []
    if not path:
        problems.append(f"{where}: mountPath is required for the purpose custom")
    elif not path.startswith("/"):
        problems.append(f"{where}: mountPath must be absolute")
    elif any(path.rstrip("/") == taken or path.startswith(f"{taken}/") for taken in SYSTEM_PATHS):
        problems.append(f"{where}: mountPath must not be at or below {', '.join(SYSTEM_PATHS)}")
    if not volume.size:
        if not volume.claim_name:
            problems.append(f"{where}: claimName is required without a size")
        if volume.access_mode or volume.storage_class_name is not None:
            problems.append(f"{where}: accessMode and storageClassName need a size")
        return problems
    made = f"{deployment}-{volume.name}"
    if volume.read_only:
        problems.append(f"{where}: a volume that is made cannot be read-only")
    if volume.claim_name and volume.claim_name != made:
        problems.append(f"{where}: claimName must be empty or {made}")
    if len(made) > 253:
        problems.append(f"{where}: the claim's name {made[:60]}… has more than 253 characters")
    return problems
