"""What a pretend model server measures, in Prometheus' text format. Pure: made when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airunway.sandbox.serving.names import is_llamacpp, models_of

_IDLE = (
    *("num_requests_running", "num_requests_waiting", "gpu_prefix_cache_hit_rate"),
    *("gpu_cache_usage_perc", "kv_cache_usage_perc"),  # the name until and since vLLM 0.10
)
SECONDS_PER_TOKEN = 0.01
"""What a pretend token is said to take."""
FIRST_TOKEN_SECONDS = 0.05


@dataclass(slots=True)
class ServedRequests:
    """What a server has answered since it was first asked for something."""

    requests: int = 0
    prompt: int = 0
    generated: int = 0

    def add(self, *, prompt: int, generated: int) -> None:
        """One more answer, with its tokens."""
        self.requests += 1
        self.prompt += prompt
        self.generated += generated


def text(pod: Mapping[str, Any], counted: ServedRequests) -> str:
    """The page `/metrics` of a pod's server."""
    model = next(iter(models_of(pod)), "")
    lines = list(_llamacpp(counted) if is_llamacpp(pod) else _vllm(counted, f'{{model_name="{model}"}}'))
    labels = pod["metadata"].get("labels") or {}
    if labels.get("ray.io/cluster"):
        lines += _ray(counted)
    return "\n".join([*lines, ""])


def _vllm(counted: ServedRequests, labels: str) -> Iterator[str]:
    for name in _IDLE:
        yield from _one(f"vllm:{name}", "gauge", 0, labels)
    yield from _one("vllm:prompt_tokens_total", "counter", counted.prompt, labels)
    yield from _one("vllm:generation_tokens_total", "counter", counted.generated, labels)
    finished = labels.replace("}", ',finished_reason="stop"}')
    yield from _one("vllm:request_success_total", "counter", counted.requests, finished)
    whole = counted.requests * FIRST_TOKEN_SECONDS + counted.generated * SECONDS_PER_TOKEN
    yield from _histogram("vllm:e2e_request_latency_seconds", whole, counted.requests, labels)
    first = counted.requests * FIRST_TOKEN_SECONDS
    yield from _histogram("vllm:time_to_first_token_seconds", first, counted.requests, labels)
    each = counted.generated * SECONDS_PER_TOKEN
    for name in ("time_per_output_token_seconds", "inter_token_latency_seconds"):
        yield from _histogram(f"vllm:{name}", each, counted.generated, labels)


def _llamacpp(counted: ServedRequests) -> Iterator[str]:
    yield from _one("llamacpp:prompt_tokens_total", "counter", counted.prompt)
    yield from _one("llamacpp:tokens_predicted_total", "counter", counted.generated)
    yield from _one("llamacpp:requests_processing", "gauge", 0)
    yield from _one("llamacpp:requests_deferred", "gauge", 0)


def _ray(counted: ServedRequests) -> Iterator[str]:
    yield from _one("ray_serve_num_http_requests_total", "counter", counted.requests)
    yield from _one("ray_serve_num_ongoing_http_requests", "gauge", 0)
    yield from _one("ray_serve_deployment_request_counter_total", "counter", counted.requests)


def _one(name: str, kind: str, value: float, labels: str = "") -> Iterator[str]:
    yield f"# TYPE {name.removesuffix('_total') if kind == 'counter' else name} {kind}"
    yield f"{name}{labels} {value}"


def _histogram(name: str, total: float, count: int, labels: str) -> Iterator[str]:
    yield f"# TYPE {name} histogram"
    for bound in ("0.1", "1.0", "10.0", "+Inf"):
        within = count if bound != "0.1" or (count and total / count <= 0.1) else 0
        bounded = labels.replace("}", f',le="{bound}"}}')
        yield f"{name}_bucket{bounded} {within}"
    yield f"{name}_sum{labels} {total:.3f}"
    yield f"{name}_count{labels} {count}"
