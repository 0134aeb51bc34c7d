"""How progress and state of a model image are shown to people. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from airunway.messages.model_image import BuildProgress, ModelImageReport
from airunway.modelimage.plan import ModelImagePlan, human_bytes
from airunway.workflows.markdown import plain

BAR_LENGTH = 30
MAX_LISTED = 30
"""Of those who wait, of whom there may be thousands."""


def progress_words(progress: BuildProgress) -> str:
    """`downloading a.gguf: 34% (1.2 of 3.5 GB, 45 MB/s, 50 s left)`, as far as it is known."""
    if progress.trouble:
        return f"{progress.step}: {progress.trouble}"
    if not progress.total_bytes:
        return progress.step
    if not progress.done_bytes:  # the builder does not always count
        return f"{progress.step} (of {human_bytes(progress.total_bytes)})"
    facts = [f"{human_bytes(progress.done_bytes)} of {human_bytes(progress.total_bytes)}"]
    if progress.bytes_per_second:
        facts.append(f"{human_bytes(progress.bytes_per_second)}/s")
    if progress.seconds_left is not None:
        facts.append(f"{duration_words(progress.seconds_left)} left")
    return f"{progress.step}: {percent(progress)}% ({', '.join(facts)})"


def percent(progress: BuildProgress) -> int:
    """How much is done, 0 to 100; 0 when that is not known."""
    if not progress.total_bytes:
        return 0
    return max(0, min(100, int(progress.done_bytes * 100 / progress.total_bytes)))


def duration_words(seconds: float) -> str:
    """A time for a person: `50 s`, `12 min`, `3.5 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def details_of_model_image(
    plan: ModelImagePlan, report: ModelImageReport, waiting: Sequence[str], notes: Sequence[str] = ()
) -> str:
    """The Markdown that the Temporal UI shows for an image."""
    done = percent(report.progress)
    filled = BAR_LENGTH * done // 100
    lines = [f"### {plain(plan.repository)}: {report.phase}", "", plain(progress_words(report.progress)), ""]
    if report.progress.done_bytes:
        lines += [f"`{'█' * filled}{'░' * (BAR_LENGTH - filled)}` {done}%", ""]
    if report.message:
        lines += [f"**{report.reason}**: {plain(report.message)}", ""]
    lines += [
        "| | |",
        "|---|---|",
        f"| commit | {plan.commit} ({plain(plan.revision)}) |",
        *(f"| file | {plain(file.path)}, {human_bytes(file.size)} |" for file in plan.files),
        f"| base | {plan.base} |",
        f"| licence | {plain(plan.license) or 'not told'} |",
        f"| image | {report.image.reference if report.image else f'{plan.name}:{plan.tag}'} |",
        *(f"| waits for it | {plain(workflow_id)} |" for workflow_id in waiting[:MAX_LISTED]),
        *([f"| wait for it | {len(waiting) - MAX_LISTED} more |"] if len(waiting) > MAX_LISTED else []),
        *(["", *(f"- {plain(note)}" for note in notes)] if notes else []),
    ]
    return "\n".join(lines)
