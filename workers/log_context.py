"""What a line of the log is about: whose workflow, which run of it, which trace. For machines."""

from __future__ import annotations

import sys
from typing import Any

from structlog.typing import EventDict
from temporalio import activity, workflow

from airunway.api.names import cluster_of, namespace_of

RECORDED = "airunway_about"
"""Attribute of a record of the standard library: it may be written later, by somebody else."""


def about_now() -> dict[str, str]:
    """What the code that runs now is about; empty outside of workflows, activities and traces."""
    found: dict[str, str] = {}
    if workflow.in_workflow():
        info = workflow.info()
        found = about_workflow(info.workflow_id, info.run_id)
    elif activity.in_activity():
        step = activity.info()
        found = about_workflow(step.workflow_id or "", step.workflow_run_id or "")
        found["activity"] = step.activity_type
    if trace := _trace_id():
        found["trace_id"] = trace
    return found


def about_workflow(workflow_id: str, run_id: str) -> dict[str, str]:
    """What a workflow's id says, and its run."""
    found = {"workflow_id": workflow_id, "run_id": run_id, "cluster": cluster_of(workflow_id)}
    if namespace := namespace_of(workflow_id):
        found |= {"namespace": namespace, "name": workflow_id.split("/", 3)[3]}
    return {key: value for key, value in found.items() if value}


def add_context(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Say in an event what it is about, where it does not say so itself."""
    record = event.get("_record")
    about: dict[str, Any] = about_now() if record is None else getattr(record, RECORDED, {})
    deployment = event.get("deployment")
    if isinstance(deployment, str) and deployment.count("/") == 1:
        namespace, _, name = deployment.partition("/")
        about = {**about, "namespace": namespace, "name": name}
    for key, value in about.items():
        event.setdefault(key, value)
    return event


def _trace_id() -> str:
    """Of the span that is current; without loading what traces when nobody does."""
    otel = sys.modules.get("opentelemetry.trace")
    if otel is None:
        return ""
    context = otel.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else ""
