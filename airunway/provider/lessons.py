"""What refusals taught: a word of `Provider.learnable`, and what it is about, as one entry of a record. Pure.

The record is that of what the cluster serves (`airunway.api.cluster_features`), a list of words, so that it
goes when the cluster runs another operator. What was learned of one model is kept beside what was learned of
another, and counts for its own alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import Provider

MAX_SUBJECT_LENGTH = 120
_ABOUT = " for "
_UNWRITABLE = re.compile(r"[^\w./:@+-]")
"""What an entry of a record cannot hold; commas and semicolons among it, which end one."""


def lesson(provider: Provider, deployment: ModelDeployment, word: str) -> str:
    """The entry that records a word for this deployment."""
    subject = _UNWRITABLE.sub("_", provider.learned_about(deployment))[:MAX_SUBJECT_LENGTH]
    return f"{word}{_ABOUT}{subject}" if subject else word


def lessons_among(provider: Provider, features: Iterable[str]) -> list[str]:
    """The entries that were learned, of whatever they are about."""
    return [entry for entry in features if entry.partition(_ABOUT)[0] in provider.learnable]


def learned_of(provider: Provider, deployment: ModelDeployment, features: Iterable[str]) -> list[str]:
    """The words that count for this deployment."""
    recorded = set(features)
    return [word for word in provider.learnable if lesson(provider, deployment, word) in recorded]
