"""The shipped providers keep the contract that a provider from outside is tested by."""

from __future__ import annotations

from typing import Any

from airunway.provider import RenderContext
from airunway.provider.testing import ProviderContract, deployment
from airunway.providers.dynamo import PROVIDER as DYNAMO
from airunway.providers.kaito import PROVIDER as KAITO
from airunway.providers.kuberay import PROVIDER as KUBERAY
from airunway.providers.llmd import PROVIDER as LLMD
from airunway.providers.vllm import PROVIDER as VLLM
from tests.providers.build import runner

CACHE = {"name": "cache", "purpose": "modelCache", "size": "10Gi", "accessMode": "ReadWriteMany"}
STORED: dict[str, Any] = {"model": {"storage": {"volumes": [CACHE]}}}
GROUP = {"replicas": 1, "gpu": {"count": 1}}
SPLIT: dict[str, Any] = {
    "gpus": 0,
    "serving": {"mode": "disaggregated"},
    "scaling": {"prefill": GROUP, "decode": GROUP},
}
ROLLED_OUT = {
    "observedGeneration": 2,
    "readyReplicas": 1,
    "conditions": [
        {"type": "Available", "status": "True"},
        {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
    ],
}


class TestDynamo(ProviderContract):
    provider = DYNAMO
    deployments = (deployment(**STORED), deployment(**SPLIT))
    contexts = (RenderContext(), RenderContext(routed_by_gateway=True, api_version="nvidia.com/v1beta1"))
    statuses = ({"state": "successful"}, {"state": "failed", "conditions": [{"type": "Ready"}]})


class TestKaito(ProviderContract):
    provider = KAITO
    deployments = (deployment(), runner(**STORED))
    contexts = (RenderContext(), RenderContext(model_image="registry.example.com/x@sha256:00"))
    statuses = ({"conditions": [{"type": "WorkspaceSucceeded", "status": "True"}]},)


class TestKubeRay(ProviderContract):
    provider = KUBERAY
    deployments = (deployment(**STORED), deployment(**SPLIT))
    statuses = ({"serviceStatus": "Running", "conditions": [{"type": "Ready", "status": "True"}]},)


class TestLlmd(ProviderContract):
    provider = LLMD
    deployments = (deployment(**STORED), deployment(**SPLIT))
    statuses = (ROLLED_OUT,)


class TestVllm(ProviderContract):
    provider = VLLM
    deployments = (deployment(**STORED),)
    contexts = (RenderContext(serving_image="vllm/vllm-openai@sha256:00"),)
    statuses = (ROLLED_OUT,)
