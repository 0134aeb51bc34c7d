"""What tenants may override in llm-d's Deployments: how they roll out, labels and annotations of the pods.

Not the pods: prefill and decode differ, and one override goes into both (llmd.md §10).
"""

from __future__ import annotations

from airunway.provider import overridable

OVERRIDABLE = (
    *("spec.strategy.type", "spec.minReadySeconds", "spec.progressDeadlineSeconds"),
    "spec.revisionHistoryLimit",
    *overridable.metadata_paths("spec.template.metadata"),
)
