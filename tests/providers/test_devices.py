"""GPUs of other vendors and slices of GPUs: taken where the image can use them, else refused."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.api.findings import FieldErrorType
from airunway.api.model_deployment import ModelDeployment
from airunway.provider import Provider, RenderContext
from airunway.provider.devices import stack_of
from airunway.provider.guard_at_admission import device_findings
from airunway.provider.registry import installed_providers
from airunway.provider.testing import deployment
from tests.providers.build import runner

OWN = "registry.example.com/serve/vllm:1"
MIG = "nvidia.com/mig-1g.5gb"
SERVERS = [installed_providers()[name] for name in ("dynamo", "kuberay", "llmd", "vllm")]
KAITO = installed_providers()["kaito"]
SPLITTING = [provider for provider in SERVERS if provider.name != "vllm"]


def with_gpus(kind: str, count: int = 1, **spec: Any) -> ModelDeployment:
    return deployment(resources={"gpu": {"count": count, "type": kind}}, **spec)


def split(*, prefill: dict[str, Any], decode: dict[str, Any], **spec: Any) -> ModelDeployment:
    scaling = {"prefill": {"replicas": 1, "gpu": prefill}, "decode": {"replicas": 1, "gpu": decode}}
    return deployment(
        serving={"mode": "disaggregated"}, scaling=scaling, **{"resources": {"gpu": None}, **spec}
    )


@pytest.mark.parametrize("provider", [*SERVERS, KAITO], ids=lambda provider: provider.name)
@pytest.mark.parametrize(
    "kind",
    [
        *("amd.com/gpu", "gpu.intel.com/i915", "gpu.intel.com/xe", "habana.ai/gaudi", "google.com/tpu"),
        *("aws.amazon.com/neuron", "aws.amazon.com/neuroncore", "huawei.com/Ascend910", "huawei.com/npu"),
    ],
)
def test_devices_that_the_image_is_not_made_for(provider: Provider, kind: str) -> None:
    problem = provider.check(with_gpus(kind)) or ""

    assert problem.startswith("spec.resources.gpu.type: ")
    assert kind in problem
    assert "NVIDIA" in problem or "nvidia.com/gpu" in problem


@pytest.mark.parametrize("provider", SPLITTING, ids=lambda provider: provider.name)
@pytest.mark.parametrize("role", ["prefill", "decode"])
def test_each_role_is_looked_at(provider: Provider, role: str) -> None:
    gpus = {"prefill": {"count": 1}, "decode": {"count": 1}} | {role: {"count": 1, "type": "amd.com/gpu"}}

    assert (provider.check(split(**gpus)) or "").startswith(f"spec.scaling.{role}.gpu.type: ")
    assert provider.check(split(**gpus, image=OWN)) is None


@pytest.mark.parametrize("provider", SERVERS, ids=lambda provider: provider.name)
def test_an_image_of_the_user_runs_on_what_the_user_says(provider: Provider) -> None:
    given = with_gpus("amd.com/gpu", image=OWN)

    assert provider.check(given) is None
    assert "amd.com/gpu" in str(provider.render(given, RenderContext())[0])


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("vllm/vllm-openai:v0.11.0", "NVIDIA GPUs"),
        ("registry.example.com/mirror/vllm/vllm-openai", "NVIDIA GPUs"),
        ("docker.io/rayproject/ray-llm:2.55.0-py311-cu128", "NVIDIA GPUs"),
        ("nvcr.io/nvidia/ai-dynamo/sglang-runtime:1.4.2", "NVIDIA GPUs"),
        ("registry.example.com/vllm/vllm-openai:rocm6.4", "AMD GPUs"),
        ("lmsysorg/sglang:v0.5.4-rocm700-mi30x", "AMD GPUs"),
        ("vllm/vllm-openai-rocm:v0.14.0", "AMD GPUs"),
        ("mirror.example.com/rocm/vllm:latest", "AMD GPUs"),
        ("intel/vllm:0.10.0-xpu", "Intel GPUs"),
        ("lmsysorg/sglang:v0.5.4-xpu", "Intel GPUs"),
        ("vault.habana.ai/gaudi-docker/1.22/ubuntu22.04/vllm-installer:latest", "Intel Gaudi"),
        ("opea/vllm-gaudi:1.3", "Intel Gaudi"),
        ("vllm/vllm-openai:v0.11.0-hpu", "Intel Gaudi"),
        ("vllm/vllm-tpu:v0.11.1", "Google TPUs"),
        ("public.ecr.aws/neuron/pytorch-inference-vllm-neuronx:0.9.1", "AWS Neuron"),
        ("quay.io/ascend/vllm-ascend:v0.11.0", "Huawei Ascend"),
        ("lmsysorg/sglang:v0.5.4-npu", "Huawei Ascend"),
        ("vllm/vllm-openai:v0.11.0-cpu", ""),
        ("vllm/vllm-openai:latest", "NVIDIA GPUs"),
        ("registry.example.com/serve@sha256:00", ""),
    ],
)
def test_images_that_are_known_by_name(image: str, name: str) -> None:
    stack = stack_of(image)

    assert (stack.name if stack else "") == name


@pytest.mark.parametrize("provider", SERVERS, ids=lambda provider: provider.name)
@pytest.mark.parametrize(
    ("image", "kind"),
    [
        ("rocm/vllm:latest", "nvidia.com/gpu"),
        ("vllm/vllm-openai-rocm:v0.14.0", MIG),
        ("vllm/vllm-openai:rocm6.4", "gpu.intel.com/i915"),
        ("intel/vllm:0.10.0-xpu", "amd.com/gpu"),
        ("vllm/vllm-tpu:v0.11.1", "nvidia.com/gpu"),
        ("opea/vllm-gaudi:1.3", "gpu.intel.com/i915"),
        ("vllm/vllm-openai:v0.11.0", "huawei.com/Ascend910"),
        ("quay.io/ascend/vllm-ascend:v0.11.0", "aws.amazon.com/neuron"),
    ],
)
def test_an_image_of_one_vendor_does_not_run_on_anothers_devices(
    provider: Provider, image: str, kind: str
) -> None:
    problem = provider.check(with_gpus(kind, image=image)) or ""

    assert problem.startswith(f"spec.resources.gpu.type: the image {image} is made for ")
    assert f"not for {kind}" in problem


@pytest.mark.parametrize("provider", SERVERS, ids=lambda provider: provider.name)
@pytest.mark.parametrize(
    ("image", "kind"),
    [
        ("opea/vllm-gaudi:1.3", "habana.ai/gaudi"),
        ("vllm/vllm-tpu:v0.11.1", "google.com/tpu"),
        ("public.ecr.aws/neuron/pytorch-inference-vllm-neuronx:0.9.1", "aws.amazon.com/neuroncore"),
        ("quay.io/ascend/vllm-ascend:v0.11.0", "huawei.com/Ascend910B"),
        ("intel/vllm:0.10.0-xpu", "gpu.intel.com/xe"),
        ("rocm/vllm:latest", "amd.com/gpu"),
        ("vllm/vllm-openai:v0.11.0", MIG),
    ],
)
def test_an_image_runs_on_the_devices_that_it_is_made_for(provider: Provider, image: str, kind: str) -> None:
    given = with_gpus(kind, image=image)

    assert provider.check(given) is None
    assert kind in str(provider.render(given, RenderContext()))


@pytest.mark.parametrize("provider", SERVERS, ids=lambda provider: provider.name)
def test_a_known_image_is_none_of_the_users_own(provider: Provider) -> None:
    problem = provider.check(with_gpus("amd.com/gpu", image="mirror.example.com/vllm/vllm-openai:v1")) or ""

    assert problem.startswith("spec.resources.gpu.type: the image mirror.example.com/vllm/vllm-openai:v1")


@pytest.mark.parametrize("provider", [*SERVERS, KAITO], ids=lambda provider: provider.name)
@pytest.mark.parametrize(
    "kind", ["habana.ai/gaudi", "google.com/tpu", "aws.amazon.com/neuron", "amd.com/gpu"]
)
def test_admission_refuses_them_where_the_provider_is_named(provider: Provider, kind: str) -> None:
    named = {"provider": {"name": provider.name}}

    (found,) = device_findings(with_gpus(kind, **named), installed_providers())
    unnamed = device_findings(with_gpus(kind), installed_providers())
    fitting = device_findings(with_gpus("nvidia.com/gpu", **named), installed_providers())

    assert (found.type, found.field) == (FieldErrorType.INVALID, "spec.resources.gpu.type")
    assert kind in found.detail
    assert unnamed == fitting == []


@pytest.mark.parametrize("provider", SERVERS, ids=lambda provider: provider.name)
def test_so_are_several_slices_for_one_engine(provider: Provider) -> None:
    (found,) = device_findings(with_gpus(MIG, 2, provider={"name": provider.name}), installed_providers())

    assert found.field == "spec.resources.gpu.count"


def test_admission_takes_what_one_of_the_providers_engines_can_use() -> None:
    slices = {"resources": {"gpu": {"count": 1, "type": MIG}}, "image": "ghcr.io/kaito-project/aikit/a:1"}
    given = deployment(provider={"name": "kaito"}, engine={"type": None}, **slices)

    assert KAITO.check(with_gpus(MIG)) is not None
    assert device_findings(given, installed_providers()) == []


# --- slices ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", SERVERS, ids=lambda provider: provider.name)
@pytest.mark.parametrize("kind", [MIG, "nvidia.com/mig-3g.40gb", "nvidia.com/gpu.shared"])
def test_an_engine_is_not_spread_over_slices(provider: Provider, kind: str) -> None:
    problem = provider.check(with_gpus(kind, 2)) or ""

    assert problem.startswith("spec.resources.gpu.count: ")
    assert kind in problem
    assert "ask for 1" in problem


@pytest.mark.parametrize("provider", SPLITTING, ids=lambda provider: provider.name)
def test_nor_is_that_of_a_role(provider: Provider) -> None:
    given = split(prefill={"count": 1, "type": MIG}, decode={"count": 2, "type": MIG})

    assert (provider.check(given) or "").startswith("spec.scaling.decode.gpu.count: ")


@pytest.mark.parametrize("provider", SERVERS, ids=lambda provider: provider.name)
def test_one_slice_is_taken_without_parallelism(provider: Provider) -> None:
    rendered = str(provider.render(with_gpus(MIG), RenderContext()))

    assert MIG in rendered
    assert "tensor" not in rendered


@pytest.mark.parametrize("provider", SERVERS, ids=lambda provider: provider.name)
@pytest.mark.parametrize(
    "engine",
    [
        {"args": {"tensor-parallel-size": "2"}},
        {"args": {"tensor_parallel_size": "2"}},
        {"extraArgs": ["-tp=2"]},
        {"extraArgs": ["--data-parallel-size=2"]},
    ],
    ids=str,
)
def test_who_says_how_is_taken_at_the_word(provider: Provider, engine: dict[str, Any]) -> None:
    assert provider.check(with_gpus(MIG, 2, engine=engine)) is None


@pytest.mark.parametrize("provider", SERVERS, ids=lambda provider: provider.name)
def test_whole_gpus_are_spread_over_as_ever(provider: Provider) -> None:
    assert provider.check(with_gpus("nvidia.com/gpu", 8)) is None


# --- KAITO -------------------------------------------------------------------------------------------------


def test_a_preset_runs_on_whole_gpus_only() -> None:
    assert KAITO.check(with_gpus("nvidia.com/gpu", 2)) is None
    assert "nvidia.com/gpu" in (KAITO.check(with_gpus(MIG)) or "")


@pytest.mark.parametrize(
    ("image", "kind", "count", "field"),
    [
        (OWN, "amd.com/gpu", 1, None),
        ("ghcr.io/kaito-project/aikit/runners/llama-cpp-cuda:latest", "nvidia.com/gpu", 1, None),
        ("ghcr.io/kaito-project/aikit/runners/llama-cpp-cuda:latest", "amd.com/gpu", 1, "type"),
        ("ghcr.io/kaito-project/aikit/llama3.2:1b", "gpu.intel.com/i915", 1, "type"),
        ("localhost:30500/acme/phi@sha256:00", "amd.com/gpu", 1, "type"),
        ("ghcr.io/kaito-project/aikit/llama3.2:1b", MIG, 1, None),
        ("ghcr.io/kaito-project/aikit/llama3.2:1b", MIG, 2, "count"),
        (OWN, MIG, 2, "count"),
    ],
)
def test_a_template_runs_on_what_its_image_is_made_for(
    image: str, kind: str, count: int, field: str | None
) -> None:
    problem = KAITO.check(runner(image=image, gpus=count, resources={"gpu": {"count": count, "type": kind}}))

    assert (problem or "").startswith(f"spec.resources.gpu.{field}: ") if field else problem is None
