"""What a provider is, for those who write one.

A provider's modules import from here and from `airunway.api`; nothing else of AI Runway is promised to them.
Here are the contract and what reads the status of upstream objects. What else helps are modules, a subject
each: `registering` (the InferenceProviderConfig), `rendering` (owner, labels, environment, scheduling),
`devices`, `flags`, `model_access`, `object_names`, `overrides`, `pod_options`, `pod_security`, `server_pod`,
`serving_image`, `storage`. Contract tests: `airunway.provider.testing`.
"""

from airunway.api.conditions import condition
from airunway.api.core_types import Condition
from airunway.api.model_image import ModelImageSpec
from airunway.provider import (
    devices,
    flags,
    model_access,
    object_names,
    overrides,
    pod_options,
    pod_security,
    registering,
    rendering,
    server_pod,
    serving_image,
    storage,
)
from airunway.provider.argument_rules import ArgumentRules
from airunway.provider.contract import (
    Manifest,
    Provider,
    Registration,
    RenderContext,
    RenderError,
    Stage,
    StageVerdict,
    UpstreamFacts,
    UpstreamHealth,
    UpstreamKind,
)
from airunway.provider.operator_objects import FieldValue, MainObject, OperatorObjects
from airunway.provider.operator_peer import OperatorPeer
from airunway.provider.reading import (
    NO_CONDITION,
    UpstreamCondition,
    conditions_at,
    count_at,
    first_cause,
    is_observed,
    mapping_at,
    name_of,
    text_at,
)
from airunway.provider.refusals import NO_VERDICT, RefusalVerdict
from airunway.provider.serving_image_report import ServingImageReport, ServingImageResolution
from airunway.provider.workloads import deployment_status

__all__ = [
    "NO_CONDITION",
    "NO_VERDICT",
    "ArgumentRules",
    "Condition",
    "FieldValue",
    "MainObject",
    "Manifest",
    "ModelImageSpec",
    "OperatorObjects",
    "OperatorPeer",
    "Provider",
    "RefusalVerdict",
    "Registration",
    "RenderContext",
    "RenderError",
    "ServingImageReport",
    "ServingImageResolution",
    "Stage",
    "StageVerdict",
    "UpstreamCondition",
    "UpstreamFacts",
    "UpstreamHealth",
    "UpstreamKind",
    "condition",
    "conditions_at",
    "count_at",
    "deployment_status",
    "devices",
    "first_cause",
    "flags",
    "is_observed",
    "mapping_at",
    "model_access",
    "name_of",
    "object_names",
    "overrides",
    "pod_options",
    "pod_security",
    "registering",
    "rendering",
    "server_pod",
    "serving_image",
    "storage",
    "text_at",
]
