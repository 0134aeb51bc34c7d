"""What steps raise."""

from __future__ import annotations

from temporalio.exceptions import ApplicationError


def failure(kind: str, *, final: bool = True, words: str = "it did not work") -> ApplicationError:
    """What a step raises for a client's error of that class."""
    return ApplicationError(words, type=kind, non_retryable=final)
