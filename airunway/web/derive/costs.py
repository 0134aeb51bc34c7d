"""Costs as the API has them: the shape, with amounts of nothing, as the reference itself answers (B10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airunway.web.derive.throughput import GPUS, known_gpu

_GENERATIONS: Mapping[str, str] = {
    "H200": "Hopper",
    "H100": "Hopper",
    "A100": "Ampere",
    "A10": "Ampere",
    "L4": "Ada Lovelace",
    "T4": "Turing",
    "V100": "Volta",
}
UNKNOWN = "A10"
"""What a label that nobody knows counts as, in the reference's cost routes."""


def _generation(name: str) -> str:
    return next(generation for part, generation in _GENERATIONS.items() if name.startswith(part))


GPU_MODELS: Sequence[dict[str, Any]] = [
    {"model": name, "memoryGb": speed.memory_gb, "generation": _generation(name)}
    for name, speed in GPUS.items()
]


def normalized_gpu(label: str) -> str:
    """The name in the table that a label means."""
    return known_gpu(label) or UNKNOWN


def breakdown(gpu: str, count: int) -> dict[str, Any]:
    """Breakdown for a number of GPUs."""
    return {
        "estimate": {"hourly": 0, "monthly": 0, "currency": "USD", "source": "static", "confidence": "low"},
        "perGpu": {"hourly": 0, "monthly": 0},
        "totalGpus": count,
        "gpuModel": gpu or "unknown",
        "normalizedGpuModel": normalized_gpu(gpu),
        "notes": ["no prices are known here; ask your provider"],
    }
