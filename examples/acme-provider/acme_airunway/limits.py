"""What a rendered Server may hold, and what Acme's operator makes of it."""

from __future__ import annotations

from airunway.provider import Manifest
from airunway.provider.counting import amount, mapping, whole_number
from airunway.provider.demand import Demand
from airunway.provider.object_shape import object_shape
from airunway.provider.shapes import anything, fields

SERVER_SHAPE = object_shape(spec=fields({"model": anything, "gpus": anything, "replicas": anything}))


def demand(server: Manifest) -> Demand:
    """Its replicas, each with its GPUs, and a Service."""
    spec = mapping(server.get("spec"), ("spec",))
    replicas = whole_number(spec.get("replicas"), ("spec", "replicas"), default=1)
    pod = Demand(pods=1, gpus=amount(spec.get("gpus"), ("spec", "gpus")))
    return pod.times(replicas) + Demand(services=("ClusterIP",))
