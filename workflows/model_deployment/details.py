"""The Markdown that the Temporal UI shows for a deployment. Pure."""

from __future__ import annotations

from airunway.messages.deployment import DeploymentRef
from airunway.workflows.model_deployment.state import DeploymentState


def details_of(ref: DeploymentRef, state: DeploymentState, step: str) -> str:
    """Where a deployment stands, for a person who follows it in the Temporal UI."""
    phase = state.phase.value if state.phase else "not seen yet"
    lines = [
        f"### {ref}: {phase}",
        "",
        step or "",
        "",
        "| | |",
        "|---|---|",
        f"| generation | {state.generation} |",
        f"| engine | {state.engine or '-'} ({state.engine_reason or '-'}) |",
        f"| provider | {state.provider or '-'} ({state.provider_reason or '-'}) |",
    ]
    if state.replicas is not None:
        lines.append(f"| replicas | {state.replicas.ready or 0} of {state.replicas.desired or 0} ready |")
    if state.model_image is not None:
        image = state.model_image
        lines.append(
            f"| model image | {image.reference or _cell(image.words)} ({image.workflow_id or '-'}) |"
        )
    if state.endpoint is not None:
        lines.append(f"| endpoint | {state.endpoint.service}:{state.endpoint.port} |")
    lines += [f"| {entry.kind} | {entry.name} ({entry.action}) |" for entry in state.applied]
    if state.failure is not None:
        lines += [
            "",
            "**Failed.** It is tried again when the spec or a provider changes, or on signal `retry`.",
        ]
    if state.conditions:
        lines += ["", "| condition | status | reason | message |", "|---|---|---|---|"]
        lines += [
            f"| {kind} | {entry.status} | {entry.reason} | {_cell(entry.message)} |"
            for kind, entry in state.conditions.items()
        ]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")[:300]
