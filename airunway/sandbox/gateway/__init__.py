"""A pretend gateway: Gateway API, one Gateway, its controller, and servers that answer for the models."""

from __future__ import annotations

from airunway.sandbox.gateway.gateway import PretendGateway

__all__ = ["PretendGateway"]
