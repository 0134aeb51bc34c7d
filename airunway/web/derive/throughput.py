"""About how fast a model would answer on the GPUs of a pool (install.md B8).

Without the model's own configuration, which only the hub has, nothing is said of how many chats run at once.
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
) -> dict[str, Any] | None:
    """GpuThroughputEstimate; None where no pool has a GPU that is known."""
    pool, gpu = _pool(pools, wanted_gpu)
    if pool is None:
        return None
    speed = GPUS[gpu]
    per_node = max(1, pool["gpuCount"] // max(1, pool["nodeCount"]))
    count = parameters or parameters_in_name(model) or 0
    weights = count * (1 if quantization in ("fp8", "int8") else 2)
    tp = min(tp_size, per_node) if tp_size else _smallest(weights, speed, per_node)
    fits = weights / tp + RESERVED_BYTES <= speed.memory_gb * 2**30
    scale = 1 if tp == 1 else tp * (0.85 if tp <= 4 else 0.75)
    rate = 0.8 * speed.bandwidth * 1e9 * scale / weights if weights else 0
    shown: dict[str, Any] = {
        "perChatTokensPerSec": round(rate, 1),
        "gpuModel": gpu,
        "perGpuMemoryGb": speed.memory_gb,
        "memBandwidthGBs": speed.bandwidth,
        "tpSize": tp,
        "contextLen": min(context or DEFAULT_CONTEXT, MAX_CONTEXT),
        "kvCacheDtype": "fp16" if kv_dtype == "fp8" and not speed.fp8 else kv_dtype,
        "fp8Supported": speed.fp8,
        "capacityLabel": f"{tp} × {gpu}",
        "lowConfidence": True,
    }
    if not fits:
        shown["doesNotFit"] = True
    return shown


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
