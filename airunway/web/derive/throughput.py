"""About how fast a model would answer on the GPUs of a pool (install.md §B8).

How many chats run at once takes the model's own configuration, which only the hub has: without it, nothing is
said of that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airunway.web.derive.compatibility import parameters_in_name


@dataclass(frozen=True)
class GpuSpeed:
    """Memory in GB, and its bandwidth in GB/s."""

    memory_gb: int
    bandwidth: int
    fp8: bool = False


GPUS: Mapping[str, GpuSpeed] = {
    "H200-141GB": GpuSpeed(141, 4800, fp8=True),
    "H100-80GB": GpuSpeed(80, 3350, fp8=True),
    "A100-80GB": GpuSpeed(80, 2039),
    "A100-40GB": GpuSpeed(40, 1555),
    "L40S": GpuSpeed(48, 864, fp8=True),
    "L4": GpuSpeed(24, 300, fp8=True),
    "A10G": GpuSpeed(24, 600),
    "A10": GpuSpeed(24, 600),
    "T4": GpuSpeed(16, 320),
    "V100": GpuSpeed(16, 900),
}
RESERVED_BYTES = 5 * 2**30
"""Of a GPU, beside weights: activations and the engine itself."""
MAX_CONTEXT, DEFAULT_CONTEXT = 32_768, 4_096


@dataclass(frozen=True)
class CacheShape:
    """What a model's configuration tells of its KV cache. `values`: that one token keeps."""

    values: int
    max_context: int = 0


def cache_shape(config: Any) -> CacheShape | None:
    """Of a `config.json`; None where it does not say what it takes."""
    if not isinstance(config, Mapping):
        return None
    inner = config.get("text_config")
    told = inner if isinstance(inner, Mapping) else config
    heads = _size(told, "num_attention_heads")
    width = _size(told, "head_dim") or (_size(told, "hidden_size") // heads if heads else 0)
    layers, kept = _size(told, "num_hidden_layers"), _size(told, "num_key_value_heads") or heads
    values = 2 * layers * kept * width  # keys and values
    return CacheShape(values, _size(told, "max_position_embeddings")) if values else None


def _size(config: Mapping[str, Any], key: str) -> int:
    value = config.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return value if 0 < value < 2**31 else 0


def known_gpu(label: str) -> str:
    """The name in the table that a product's label means; empty for none."""
    name = label.upper().replace("NVIDIA", "").replace("TESLA", "").strip(" -")
    if "A100" in name:
        return "A100-80GB" if "80" in name.replace("A100", "") else "A100-40GB"
    for part, found in (("H200", "H200-141GB"), ("H100", "H100-80GB"), ("L40S", "L40S"), ("A10G", "A10G")):
        if part in name:
            return found
    words = name.replace("_", "-").split("-")
    return next((word for word in words if word in GPUS), "")


def has_known_gpu(pools: Sequence[Mapping[str, Any]]) -> bool:
    """Whether anything can be said of these pools."""
    return any(known_gpu(str(pool.get("gpuModel") or "")) for pool in pools)


def throughput(
    pools: Sequence[Mapping[str, Any]],
    *,
    model: str,
    parameters: float | None,
    context: int | None,
    quantization: str,
    kv_dtype: str,
    wanted_gpu: str,
    tp_size: int | None,
    shape: CacheShape | None = None,
) -> dict[str, Any] | None:
    """GpuThroughputEstimate; None where no pool has a GPU that is known."""
    pool, gpu = _pool(pools, wanted_gpu)
    if pool is None:
        return None
    speed = GPUS[gpu]
    per_node = max(1, pool["gpuCount"] // max(1, pool["nodeCount"]))
    count = parameters or parameters_in_name(model) or 0
    weights = count * _bytes_of(quantization)
    tp = min(tp_size, per_node) if tp_size else _smallest(weights, speed, per_node)
    fits = weights / tp + RESERVED_BYTES <= speed.memory_gb * 2**30
    scale = 1 if tp == 1 else tp * (0.85 if tp <= 4 else 0.75)
    rate = 0.8 * speed.bandwidth * 1e9 * scale / weights if weights else 0
    length = min(context or (shape.max_context if shape else 0) or DEFAULT_CONTEXT, MAX_CONTEXT)
    kv_type = "fp16" if kv_dtype == "fp8" and not speed.fp8 else kv_dtype
    shown: dict[str, Any] = {
        "perChatTokensPerSec": round(rate, 1),
        "gpuModel": gpu,
        "perGpuMemoryGb": speed.memory_gb,
        "memBandwidthGBs": speed.bandwidth,
        "tpSize": tp,
        "contextLen": length,
        "kvCacheDtype": kv_type,
        "fp8Supported": speed.fp8,
        "capacityLabel": f"{tp} × {gpu}",
        "lowConfidence": True,
    }
    if not fits:
        shown["doesNotFit"] = True
    elif shape is not None and weights:
        free = (speed.memory_gb * 2**30 - weights / tp - RESERVED_BYTES) * tp
        chats = int(free // (length * shape.values * _bytes_of(kv_type)))
        shown |= {"concurrentSequences": chats, "aggregateTokensPerSec": round(chats * rate, 1)}
        shown["lowConfidence"] = False
    return shown


def _bytes_of(dtype: str) -> int:
    return 1 if dtype in ("fp8", "int8") else 2


def _pool(pools: Sequence[Mapping[str, Any]], wanted: str) -> tuple[Mapping[str, Any] | None, str]:
    """The pool with the wanted GPU, else the one with most memory for each."""
    known = [(pool, gpu) for pool in pools if (gpu := known_gpu(str(pool.get("gpuModel") or "")))]
    asked = known_gpu(wanted) or wanted
    for pool, gpu in known:
        if asked and gpu == asked:
            return pool, gpu
    return max(known, key=lambda entry: GPUS[entry[1]].memory_gb, default=(None, ""))


def _smallest(weights: float, speed: GpuSpeed, per_node: int) -> int:
    tp = 1
    while tp * 2 <= per_node and weights / tp + RESERVED_BYTES > speed.memory_gb * 2**30:
        tp *= 2
    return tp
