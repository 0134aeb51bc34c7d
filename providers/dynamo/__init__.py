"""NVIDIA Dynamo: one DynamoGraphDeployment per deployment, aggregated or with prefill and decode workers."""

from __future__ import annotations

from airunway.provider import Provider, storage
from airunway.providers.dynamo.args import argument_rules
from airunway.providers.dynamo.check import check
from airunway.providers.dynamo.config import ALPHA, GRAPH, JOB, NAME, OPERATOR_SELECTOR, health, registration
from airunway.providers.dynamo.discovery import VARIABLE as DISCOVERY_VARIABLE
from airunway.providers.dynamo.download import IMAGE_VARIABLE
from airunway.providers.dynamo.ignored import ignored_fields, ignored_here
from airunway.providers.dynamo.limits import OVERRIDABLE, graph_demand, graph_shape
from airunway.providers.dynamo.render import render
from airunway.providers.dynamo.replacement import features_of, replacement_reason
from airunway.providers.dynamo.runtime_version import SERVED_FIELDS
from airunway.providers.dynamo.stages import CONDITIONS, stages
from airunway.providers.dynamo.status import read_status

__all__ = ["PROVIDER"]


SERVING_PORTS = (8000, 9002)
"""Frontends and sidecars; the endpoint picker, which gateways ask where a request is to go."""


PROVIDER = Provider(
    name=NAME,
    kinds=(GRAPH, storage.CLAIM, JOB),
    registration=registration,
    variables=(DISCOVERY_VARIABLE, IMAGE_VARIABLE),
    check=check,
    objects=render,
    read_status=read_status,
    health=health,
    operator_selector=OPERATOR_SELECTOR,
    ignored_fields=ignored_fields,
    ignored_here=ignored_here,
    argument_rules=argument_rules,
    overridable=OVERRIDABLE,
    shapes={GRAPH.kind: graph_shape},
    demand=graph_demand,
    replica_fields=("spec.services.*.replicas", "spec.components.*.replicas"),
    pod_label="nvidia.com/dynamo-graph-deployment-name",
    role_label="nvidia.com/dynamo-component",
    depends_on_gateway=True,
    optional_fields=tuple(SERVED_FIELDS.values()),
    fields_of_newer=tuple(SERVED_FIELDS.values()),
    features_of=features_of,
    replacement_reason=replacement_reason,
    serving_ports=SERVING_PORTS,
    crd_version=ALPHA,
    stages=stages,
    stage_conditions=CONDITIONS,
)
