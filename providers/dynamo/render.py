"""Render a ModelDeployment as one DynamoGraphDeployment. Pure. Source: dynamo.md §8, §9.

In v1alpha1's words, overrides included; where the cluster serves v1beta1, `beta` says the same in that.

Claims and the download Job are not rendered here: they come first, in `stages`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from airunway.api import names
from airunway.api.model_deployment import ModelDeployment
from airunway.api.overrides import FIELD
from airunway.provider import (
    Manifest,
    RenderContext,
    RenderError,
    overrides,
    pod_security,
    rendering,
    storage,
)
from airunway.providers.dynamo.beta import to_beta
from airunway.providers.dynamo.check import check
from airunway.providers.dynamo.config import ALPHA, BETA, GRAPH, NAME
from airunway.providers.dynamo.discovery import discovery, discovery_annotations, needs_token
from airunway.providers.dynamo.options import merged_part
from airunway.providers.dynamo.plan import plan_of
from airunway.providers.dynamo.runtime_version import RUNTIME_FIELD, is_served, runtime_version
from airunway.providers.dynamo.services import services_of

LABEL_MODEL_ID = "airunway.ai/model-id"

_LABEL_BYTES = 63
_NOT_IN_LABEL = re.compile(r"[^A-Za-z0-9_.-]")


def render(deployment: ModelDeployment, context: RenderContext) -> list[Manifest]:
    """The DynamoGraphDeployment. Raises RenderError, also for what `check` refuses."""
    problem = check(deployment)
    if problem:
        raise RenderError(problem)
    given = merged_part(deployment)
    plan, backend = plan_of(deployment, context), discovery(context.env)
    graph: Manifest = {
        "apiVersion": ALPHA,
        "kind": GRAPH.kind,
        "metadata": rendering.object_metadata(
            deployment, labels=_labels(deployment), annotations=discovery_annotations(backend)
        ),
        "spec": {
            "backendFramework": plan.engine,
            **rendering.without_empty(pvcs=_claims(deployment)),
            "services": services_of(plan),
        },
    }
    # The API server drops nulls of a custom resource, so null takes a field away.
    merged = overrides.merge(graph, given, null_deletes=True)
    _refuse_stray_services(merged["spec"]["services"], rendered=graph["spec"]["services"])
    security = pod_security.pod_security(context.env, NAME)
    version = context.api_version or ALPHA
    services = {
        key: _with_runtime(
            _isolated(entry, security, token=needs_token(entry.get("componentType"), backend)),
            version,
            context,
        )
        for key, entry in merged["spec"]["services"].items()
    }
    finished = {**merged, "spec": {**merged["spec"], "services": services}}
    return [to_beta(finished, security) if version == BETA else _with_plain_mounts(finished)]


def _with_plain_mounts(graph: Manifest) -> Manifest:
    """A graph without what the mounts of v1alpha1 have no field for, and the API server would drop."""
    services = {
        key: {
            **service,
            **rendering.without_empty(
                volumeMounts=[
                    {name: value for name, value in mount.items() if name != "readOnly"}
                    for mount in service.get("volumeMounts") or ()
                ]
            ),
        }
        for key, service in graph["spec"]["services"].items()
    }
    return {**graph, "spec": {**graph["spec"], "services": services}}


def _with_runtime(service: dict[str, Any], version: str, context: RenderContext) -> dict[str, Any]:
    """A service that says which runtime its image has, where the cluster's operator knows the field.

    What overrides say stays; where the operator does not know it, the API server would drop it.
    """
    if service.get(RUNTIME_FIELD) is not None or not is_served(version, context.served_fields):
        return service
    image = service["extraPodSpec"]["mainContainer"].get("image")
    return {**service, RUNTIME_FIELD: runtime_version(str(image or ""))}


def _isolated(
    service: Mapping[str, Any], security: pod_security.PodSecurity, *, token: bool
) -> dict[str, Any]:
    """A service with isolated pods. `token`: of the account by which Dynamo's processes find each other."""
    given = service.get("extraPodSpec")
    given = {} if given is None else given
    main = given.get("mainContainer", {}) if isinstance(given, Mapping) else None
    if not isinstance(given, Mapping) or not isinstance(main, Mapping):
        raise RenderError(f"{FIELD}.spec.services: extraPodSpec and its mainContainer must stay objects")
    pod = pod_security.isolated(given, security, token=token)
    return {
        **service,
        "extraPodSpec": {**pod, "mainContainer": pod_security.isolated_container(main, security)},
    }


def _refuse_stray_services(services: Mapping[str, Any], *, rendered: Mapping[str, Any]) -> None:
    """Raise RenderError for a part of a service that is not there, as `VllmWorker` in disaggregated mode."""
    for name, service in services.items():
        if not service.get("componentType"):
            raise RenderError(
                f"{FIELD}.spec.services.{name}: needs a componentType, unless it is one of the "
                f"services of this deployment: {', '.join(rendered)}"
            )


def _labels(deployment: ModelDeployment) -> dict[str, str]:
    return {
        names.LABEL_MANAGED_BY: names.MANAGED_BY,
        names.LABEL_MODEL_DEPLOYMENT: deployment.name,
        LABEL_MODEL_ID: label_value(rendering.model_id(deployment)),
        names.LABEL_ENGINE_TYPE: deployment.engine_type,
    }


def label_value(text: str) -> str:
    """A text as a label: its first 63 bytes, `-` for what a label cannot hold (dynamo.md §8.1)."""
    cut = text.encode()[:_LABEL_BYTES].decode(errors="replace")
    return _NOT_IN_LABEL.sub("-", cut).strip("-_.")


def _claims(deployment: ModelDeployment) -> list[dict[str, Any]]:
    return [
        {"name": storage.claim_name(deployment, volume), "create": False}
        for volume in storage.storage_volumes(deployment)
    ]
