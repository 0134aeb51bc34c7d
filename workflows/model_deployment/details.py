"""What the Temporal UI shows of a deployment beside its history: details in Markdown, search attributes.

Details are of one run: each sets them anew when it begins. Search attributes and memo go on from run to run.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from temporalio import workflow

from airunway.messages.deployment_state import DeploymentState, ModelImageState
from airunway.messages.journal import JournalEntry
from airunway.messages.refs import DeploymentRef
from airunway.messages.search_attributes import (
    CLUSTER,
    ENGINE,
    IMAGE,
    MAX_KEYWORD,
    MODEL,
    NAMESPACE,
    PHASE,
    PROVIDER,
)
from airunway.workflows.markdown import plain
from airunway.workflows.model_image.details import progress_words

INDEX_AFTER = timedelta(seconds=5)
SHOWN_ENTRIES = 8


def outcome_words(state: DeploymentState) -> str:
    """How a deployment stands, short enough for a summary: `Running on kaito, 2/2 ready`."""
    status = state.status
    words = str(status.phase or "Pending")
    if state.provider:
        words += f" on {state.provider}"
    if status.replicas is not None:
        words += f", {status.replicas.ready or 0}/{status.replicas.desired or 0} ready"
    return words


def details_of(ref: DeploymentRef, state: DeploymentState, step: str, *, next_look: str) -> str:
    """Where a deployment stands, for a person who follows it in the Temporal UI."""
    status = state.status
    engine_reason = status.engine.selected_reason if status.engine else None
    provider_reason = status.provider.selected_reason if status.provider else None
    lines = [
        f"### {ref}: {status.phase or 'not seen yet'}",
        "",
        plain(step),
        "",
        *_paused(state),
        "| | |",
        "|---|---|",
        f"| next look | {next_look} |",
        f"| model | {plain(state.model) or '-'} |",
        f"| generation | {state.generation} |",
        f"| engine | {state.engine or '-'} ({plain(engine_reason) or '-'}) |",
        f"| provider | {state.provider or '-'} ({plain(provider_reason) or '-'}) |",
    ]
    if status.replicas is not None:
        lines.append(f"| replicas | {status.replicas.ready or 0} of {status.replicas.desired or 0} ready |")
    if state.model_image is not None:
        image = state.model_image
        words = plain(image.image.reference if image.image else model_image_words(image))
        lines.append(f"| model image | {words} ({image.workflow_id or '-'}) |")
    if status.endpoint is not None:
        lines.append(f"| endpoint | {status.endpoint.service}:{status.endpoint.port} |")
    lines += [f"| {entry.kind} | {entry.name} ({entry.action}) |" for entry in state.applied]
    if state.failure is not None:
        lines += [
            "",
            "**Failed.** It is tried again when the spec or a provider changes, or on command `retry`.",
        ]
    if state.conditions:
        lines += ["", "| condition | status | reason | message |", "|---|---|---|---|"]
        lines += [
            f"| {entry.type} | {entry.status} | {entry.reason} | {plain(entry.message)} |"
            for entry in state.conditions
        ]
    if state.journal.entries:
        lines += ["", "| time | generation | what | | why |", "|---|---|---|---|---|"]
        lines += [_journal_row(entry) for entry in reversed(state.journal.entries[-SHOWN_ENTRIES:])]
    return "\n".join(lines)


def _paused(state: DeploymentState) -> list[str]:
    asked = state.paused_by
    if asked is None:
        return []
    reason = f": {plain(asked.reason)}" if asked.reason else ""
    return [f"**Paused** by {plain(asked.by) or 'a command'}{reason}. The command `resume` goes on.", ""]


def _journal_row(entry: JournalEntry) -> str:
    message = f"{entry.message} (×{entry.times})" if entry.times > 1 else entry.message
    who = f"{entry.by}: " if entry.by else ""
    return (
        f"| {entry.at:%Y-%m-%d %H:%M:%S} | {entry.generation} | {entry.what} | {plain(who + message)} "
        f"| {plain(entry.why)} |"
    )


def model_image_words(image: ModelImageState) -> str:
    """What a person should know of a model image now."""
    return image.message or f"building the model image: {progress_words(image.progress)}"


def update_search_attributes(ref: DeploymentRef, state: DeploymentState, known: Collection[str]) -> None:
    """Let the workflow be found by what its deployment is, where that changed.

    `known`: names that the Temporal namespace has; a task that sets another one would fail.
    """
    if _is_passing_through(state):
        return
    shown = workflow.info().typed_search_attributes
    image = state.status.image
    wanted = {
        PHASE: str(state.status.phase or ""),
        ENGINE: state.engine,
        PROVIDER: state.provider,
        NAMESPACE: ref.namespace,
        MODEL: state.model[:MAX_KEYWORD],
        CLUSTER: ref.cluster,
        IMAGE: ((image.resolved or image.requested or "") if image else "")[:MAX_KEYWORD],
    }
    changed = [
        key.value_set(value)
        for key, value in wanted.items()
        if value and key.name in known and shown.get(key) != value
    ]
    if changed:
        workflow.upsert_search_attributes(changed)


def _is_passing_through(state: DeploymentState) -> bool:
    """A roll-out that has just begun: most are over in a moment, and an entry costs a write."""
    since = state.rollout_since
    return since is not None and workflow.now() - since < INDEX_AFTER
