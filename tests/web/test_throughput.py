"""About how fast a model would answer, and how many chats at once (install.md §B8)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airunway.clients.kubernetes import NODES
from airunway.web.derive.throughput import CacheShape, cache_shape, throughput
from tests.web.place import WebPlace, web_place
from tests.web.test_images_and_models import hub_at

QWEN: dict[str, Any] = {
    "num_hidden_layers": 36,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "hidden_size": 4096,
    "head_dim": 128,
    "max_position_embeddings": 40960,
}
POOL = {"name": "default", "gpuCount": 2, "nodeCount": 2, "gpuModel": "NVIDIA-L4"}


@pytest.mark.parametrize(
    ("config", "shape"),
    [
        (QWEN, CacheShape(2 * 36 * 8 * 128, 40960)),
        ({"text_config": QWEN, "vision_config": {}}, CacheShape(2 * 36 * 8 * 128, 40960)),
        ({key: QWEN[key] for key in list(QWEN)[:2]} | {"hidden_size": 4096}, CacheShape(2 * 36 * 32 * 128)),
        ({**QWEN, "num_hidden_layers": "36"}, None),
        ({**QWEN, "num_hidden_layers": True}, None),
        ({}, None),
        ([], None),
    ],
)
def test_a_configuration_tells_what_a_token_keeps(config: Any, shape: CacheShape | None) -> None:
    assert cache_shape(config) == shape


@pytest.mark.parametrize(("gpu", "kept"), [("NVIDIA-L4", 1), ("NVIDIA-A10", 2)])
def test_chats_share_the_memory_that_weights_leave(gpu: str, kept: int) -> None:
    shape = CacheShape(2 * 36 * 8 * 128, 40960)

    found = throughput(
        [{**POOL, "gpuModel": gpu}],
        model="a/b",
        parameters=4e9,
        context=8192,
        quantization="fp16",
        kv_dtype="fp8",
        wanted_gpu="",
        tp_size=None,
        shape=shape,
    )

    assert found is not None
    free = (24 - 5) * 2**30 - 4e9 * 2
    chats = int(free // (8192 * 2 * 36 * 8 * 128 * kept))
    assert found["concurrentSequences"] == chats > 0
    each = found["perChatTokensPerSec"]
    assert found["aggregateTokensPerSec"] == pytest.approx(chats * each, abs=chats * 0.05 + 0.1)
    assert (found["contextLen"], found["lowConfidence"]) == (8192, False)


def test_what_does_not_fit_serves_nobody() -> None:
    found = throughput(
        [POOL],
        model="a/b-70B",
        parameters=None,
        context=None,
        quantization="fp16",
        kv_dtype="fp16",
        wanted_gpu="",
        tp_size=None,
        shape=CacheShape(1000, 40960),
    )

    assert found is not None and found["doesNotFit"] is True
    assert "concurrentSequences" not in found


async def add_gpus(place: WebPlace) -> None:
    meta = {"name": "gpu-a", "labels": {"nvidia.com/gpu.product": "NVIDIA-L4"}}
    await place.cluster.create(NODES, {"apiVersion": "v1", "kind": "Node", "metadata": meta})
    status = {
        "allocatable": {"nvidia.com/gpu": "1"},
        "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": ""}],
    }
    await place.cluster.patch(NODES, "gpu-a", {"status": status}, subresource="status")


async def test_the_models_own_configuration_is_read_from_the_hub(tmp_path: Path) -> None:
    runner, url = await hub_at({"/Qwen/Qwen3-4B/raw/main/config.json": QWEN})
    asked = "/api/installation/gpu-throughput?modelId="
    try:
        async with web_place(tmp_path, hugging_face=url) as place:
            await add_gpus(place)
            known = await place.until_answer(f"{asked}Qwen/Qwen3-4B", lambda answer: answer.status == 200)
            unknown = await place.get(f"{asked}acme/other-4B")
            strange = await place.get(f"{asked}..%2F..%2Fapi-4B")
    finally:
        await runner.cleanup()

    assert (known.body["contextLen"], known.body["lowConfidence"]) == (32_768, False)
    assert known.body["aggregateTokensPerSec"] > 0
    for answer in (unknown, strange):
        assert (answer.status, answer.body["lowConfidence"]) == (200, True)
        assert answer.body["perChatTokensPerSec"] == known.body["perChatTokensPerSec"]
        assert "concurrentSequences" not in answer.body
