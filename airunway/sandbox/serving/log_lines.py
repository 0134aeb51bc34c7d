"""What a pretend container prints while it comes up, serves or falls. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.sandbox.operators.faults import PodFault, fault_of, refused_model
from airunway.sandbox.serving.names import is_llamacpp, models_of

PORT = 8000


def starting(pod: Mapping[str, Any]) -> str:
    """At the start of the container."""
    model = " ".join(models_of(pod))
    return (
        f"INFO:     {_engine(pod)} (pretended by the sandbox: no model runs) for {model}\n"
        "INFO:     loading weights"
    )


def serving(pod: Mapping[str, Any]) -> str:
    """Once it is ready."""
    ports = [port for one in pod["spec"]["containers"] for port in one.get("ports") or []]
    port = ports[0]["containerPort"] if ports else PORT
    return (
        "INFO:     loading weights took 0.00 seconds\n"
        "INFO:     Application startup complete.\n"
        f"INFO:     Uvicorn running on http://0.0.0.0:{port} (Press CTRL+C to quit)"
    )


def falling(pod: Mapping[str, Any]) -> str:
    """When it ends although it should not."""
    if fault_of(pod) is PodFault.OUT_OF_MEMORY:
        return "INFO:     loading weights, 61 % done"  # who is killed says nothing
    if model := refused_model(pod):
        return (
            f"ERROR:    OSError: the hub does not give {model}: it is not there, or wants a token (HF_TOKEN)"
        )
    return "ERROR:    RuntimeError: the engine core could not be initialised; see the root cause above"


def done() -> str:
    """At the end of a job."""
    return "INFO:     done"


def _engine(pod: Mapping[str, Any]) -> str:
    return "llama.cpp server" if is_llamacpp(pod) else "vLLM API server"
