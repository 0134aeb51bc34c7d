"""The Dynamo release that everything here is made for: images and chart. Source: dynamo.md §1."""

from __future__ import annotations

VERSION = "1.4.2"

_REGISTRY = "nvcr.io/nvidia/ai-dynamo"

ENGINE_IMAGES = {
    "vllm": f"{_REGISTRY}/vllm-runtime:{VERSION}",
    "sglang": f"{_REGISTRY}/sglang-runtime:{VERSION}",
    "trtllm": f"{_REGISTRY}/tensorrtllm-runtime:{VERSION}",
}
"""Engines of Dynamo, and the image that runs worker and frontend of each."""

EPP_IMAGE = f"{_REGISTRY}/dynamo-frontend:{VERSION}"
MOCKER_IMAGE = f"{_REGISTRY}/dynamo-planner:{VERSION}"

CHART_REPOSITORY = "https://helm.ngc.nvidia.com/nvidia/ai-dynamo"
CHART = f"{CHART_REPOSITORY}/charts/dynamo-platform-{VERSION}.tgz"

DOWNLOAD_IMAGE = "ghcr.io/ai-runway/airunway/model-downloader:v0.7.0"
"""Its entry point is Hugging Face's `hf`."""
