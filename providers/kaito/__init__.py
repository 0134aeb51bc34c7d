"""KAITO: one Workspace per deployment; vLLM as a preset, llama.cpp as a pod template."""

from __future__ import annotations

from airunway.provider import Provider, storage
from airunway.providers.kaito.config import NAME, OPERATOR_SELECTOR, WORKSPACE, health, registration
from airunway.providers.kaito.limits import OVERRIDABLE, WORKSPACE_SHAPE, workspace_demand
from airunway.providers.kaito.model_image import model_image
from airunway.providers.kaito.presets import (
    PARTITION,
    WITH_TOKEN,
    WITHOUT_TOKEN,
    features_of,
    judge_refusal,
    learned_about,
)
from airunway.providers.kaito.render import (
    INSTANCE_VARIABLES,
    argument_rules,
    check,
    ignored_fields,
    ignored_here,
    render,
)
from airunway.providers.kaito.replacement import replacement_reason
from airunway.providers.kaito.status import read_status
from airunway.providers.kaito.template import PORT, STARTUP_VARIABLE

__all__ = ["PROVIDER"]


PROVIDER = Provider(
    name=NAME,
    kinds=(WORKSPACE, storage.CLAIM),
    registration=registration,
    variables=(*INSTANCE_VARIABLES, STARTUP_VARIABLE),
    check=check,
    objects=render,
    read_status=read_status,
    health=health,
    operator_selector=OPERATOR_SELECTOR,
    replacement_reason=replacement_reason,
    ignored_fields=ignored_fields,
    ignored_here=ignored_here,
    argument_rules=argument_rules,
    overridable=OVERRIDABLE,
    shapes={WORKSPACE.kind: WORKSPACE_SHAPE},
    demand=workspace_demand,
    model_image=model_image,
    replica_fields=(),  # resource.count cannot be changed
    pod_label="kaito.sh/workspace",
    serving_ports=(PORT,),
    optional_fields=(PARTITION,),
    features_of=features_of,
    learnable=(WITHOUT_TOKEN, WITH_TOKEN),
    learned_about=learned_about,
    judge_refusal=judge_refusal,
    crd_version=WORKSPACE.api_version,
)
