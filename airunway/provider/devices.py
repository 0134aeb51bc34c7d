"""Which devices a deployment asks for, and whether the image that uses them is made for them. Pure.

An image is built for one vendor's stack: the default ones and those that are known by name for NVIDIA's. On
other devices they are scheduled, start, and find none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from airunway.api.model_deployment import Gpu, ModelDeployment, ServingMode
from airunway.provider import flags
from airunway.provider.rendering import NVIDIA_GPU
from airunway.provider.serving_image import split_reference

_PARTITION = re.compile(r"nvidia\.com/(mig-.+|[^/]+\.shared)|amd\.com/[a-z]+_nps[0-9]+")
"""Slices of a GPU as device plugins name them: MIG, time slices, partitions of AMD's."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """What runs on one vendor's devices. `devices`: beginnings of their resources' names."""

    name: str
    devices: tuple[str, ...]
    repositories: re.Pattern[str]
    """Of images that are known by name, from any mirror."""
    tags: re.Pattern[str] | None = None
    """In a tag, of another stack than the repository is known for."""


_NVIDIA = Stack(
    name="NVIDIA GPUs",
    devices=("nvidia.com/",),
    repositories=re.compile(
        r"(.*/)?(vllm/vllm-openai|rayproject/ray-llm|lmsysorg/sglang|ai-dynamo/(vllm|sglang|tensorrtllm)-runtime)"
    ),
)
_OTHERS = (
    Stack(
        name="AMD GPUs",
        devices=("amd.com/",),
        repositories=re.compile(r"(.*/)?(rocm/[^/]+|vllm/vllm-openai-rocm)"),
        tags=re.compile(r"rocm|amd|mi3[0-9]{2}", re.I),
    ),
    Stack(
        name="Intel Gaudi",
        devices=("habana.ai/",),
        repositories=re.compile(r"(vault\.habana\.ai/.+|(.*/)?[^/]*(gaudi|hpu)[^/]*)"),
        tags=re.compile(r"hpu|gaudi", re.I),
    ),
    Stack(
        name="Intel GPUs",
        devices=("gpu.intel.com/",),
        repositories=re.compile(r"(.*/)?intel/(vllm|llm-scaler-vllm)"),
        tags=re.compile(r"xpu|intel", re.I),
    ),
    Stack(
        name="Google TPUs",
        devices=("google.com/tpu", "cloud-tpus.google.com/"),
        repositories=re.compile(r"(.*/)?vllm/vllm-tpu"),
        tags=re.compile(r"(^|[-_.])tpu", re.I),
    ),
    Stack(
        name="AWS Neuron",
        devices=("aws.amazon.com/neuron",),
        repositories=re.compile(r"(.*/)?(neuron/[^/]+|[^/]*neuronx?[^/]*)"),
        tags=re.compile(r"neuron", re.I),
    ),
    Stack(
        name="Huawei Ascend",
        devices=("huawei.com/",),
        repositories=re.compile(r"(.*/)?(ascend/[^/]+|[^/]*vllm-ascend[^/]*)"),
        tags=re.compile(r"(^|[-_.])npu|ascend|910b", re.I),
    ),
)
_NO_DEVICES = re.compile(r"(^|[-_.])cpu", re.I)
_PARALLEL_FLAGS = frozenset(
    {
        *("tensor-parallel-size", "pipeline-parallel-size", "data-parallel-size"),
        *("tp", "pp", "dp", "tp-size", "pp-size", "dp-size"),
    }
)

_LONGEST_SHORT = len("tensor-")
"""No beginning of a flag's name that is shorter is that of one alone."""


@dataclass(frozen=True, kw_only=True)
class Devices:
    """What one pod of a group gets. `field`: path of the resources that ask for it."""

    field: str
    type: str
    count: int

    @property
    def is_nvidia(self) -> bool:
        """Whether they are NVIDIA's, whole or in slices."""
        return self.type.startswith("nvidia.com/")

    @property
    def is_partition(self) -> bool:
        """Whether one of them is a slice of a GPU."""
        return _PARTITION.fullmatch(self.type) is not None


def devices_of(deployment: ModelDeployment) -> list[Devices]:
    """The devices of each group of pods that has any, in the mode that is asked for."""
    resources, scaling = deployment.spec.resources, deployment.spec.scaling
    asked: dict[str, Gpu | None] = {"spec.resources": resources.gpu if resources else None}
    if deployment.serving_mode == ServingMode.DISAGGREGATED:
        groups = {"prefill": scaling.prefill, "decode": scaling.decode} if scaling else {}
        asked = {f"spec.scaling.{role}": group.gpu if group else None for role, group in groups.items()}
    return [
        Devices(field=field, type=gpu.type or NVIDIA_GPU, count=gpu.count)
        for field, gpu in asked.items()
        if gpu and gpu.count and gpu.count > 0
    ]


def device_problem(deployment: ModelDeployment, *, image: str) -> str | None:
    """Why an engine cannot use the devices that are asked for, or None. `image`: the user's, else empty."""
    devices = devices_of(deployment)
    return stack_problem(devices, image=image) or partition_problem(deployment, devices)


def stack_problem(devices: Iterable[Devices], *, image: str) -> str | None:
    """Why the image does not run on the devices, or None. `image`: the user's, else empty."""
    stack = stack_of(image) if image else _NVIDIA
    if stack is None:
        return None
    for group in devices:
        if group.type.startswith(stack.devices):
            continue
        if not image:
            return (
                f"{group.field}.gpu.type: the default image runs on NVIDIA GPUs, not on {group.type}; "
                "name a fitting image in spec.engine.image"
            )
        return (
            f"{group.field}.gpu.type: the image {image} is made for {stack.name}, not for {group.type}; "
            "name a fitting one in spec.engine.image"
        )
    return None


def partition_problem(deployment: ModelDeployment, devices: Iterable[Devices]) -> str | None:
    """Why several slices of a GPU are of no use to one engine; None where the user says how to use them."""
    group = _several_slices(devices)
    if group is None or _says_how_to_spread(deployment):
        return None
    return (
        f"{group.field}.gpu.count: an engine uses one slice of a GPU and cannot be spread over "
        f"{group.count} of {group.type}; ask for 1 and for more replicas, or for a larger slice "
        "(a tensor-parallel-size in spec.engine.args is taken as given)"
    )


def partition_advice(deployment: ModelDeployment) -> tuple[str, str] | None:
    """Field and words about several slices that the user spreads one engine over; None: there are none."""
    group = _several_slices(devices_of(deployment))
    if group is None or not _says_how_to_spread(deployment):
        return None
    return (
        f"{group.field}.gpu.count",
        f"the parallel size in the arguments is taken as given, but a process sees one slice of a GPU, and "
        f"these are {group.count} of {group.type}: most engines do not start so",
    )


def _several_slices(devices: Iterable[Devices]) -> Devices | None:
    return next((group for group in devices if group.is_partition and group.count > 1), None)


def _says_how_to_spread(deployment: ModelDeployment) -> bool:
    return any(map(_is_parallel, _flags_given(deployment)))


def _is_parallel(flag: str) -> bool:
    """Whether it is such a flag, or the beginning of one: `tensor-par`."""
    return flag in _PARALLEL_FLAGS or (
        len(flag) > _LONGEST_SHORT and any(name.startswith(flag) for name in _PARALLEL_FLAGS)
    )


def _flags_given(deployment: ModelDeployment) -> set[str]:
    """Flags that the user sets, in the longer spelling; each engine has its own short forms."""
    tokens = [token for token in flags.extra_args(deployment) if token.startswith("-")]
    given = [*flags.engine_args(deployment), *tokens]
    return {flag.lstrip("-").partition("=")[0].strip().replace("_", "-") for flag in given}


def stack_of(image: str) -> Stack | None:
    """Whose devices an image is known to be made for; None when nothing is known.

    A tag may name another stack than the repository does.
    """
    reference = split_reference(image)
    repository = reference.short_repository
    of_others = next((stack for stack in _OTHERS if stack.repositories.fullmatch(repository)), None)
    if of_others is not None or not _NVIDIA.repositories.fullmatch(repository):
        return of_others
    if _NO_DEVICES.search(reference.tag):
        return None
    tagged = (stack for stack in _OTHERS if stack.tags is not None and stack.tags.search(reference.tag))
    return next(tagged, _NVIDIA)
