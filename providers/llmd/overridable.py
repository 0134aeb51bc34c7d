"""What tenants may override in llm-d's Deployments: how they roll out, labels and annotations of the pods.

Of the pods nothing but what is right for prefill and decode alike: one override goes into both (llmd.md §10).
"""

from __future__ import annotations

from airunway.provider import overridable

OVERRIDABLE_OF_PODS = ("imagePullSecrets",)

OVERRIDABLE = (
    *overridable.ROLL_OUT,
    *(f"spec.template.spec.{key}" for key in OVERRIDABLE_OF_PODS),
    *overridable.metadata_paths("spec.template.metadata"),
)
