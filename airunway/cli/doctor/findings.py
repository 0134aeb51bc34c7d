"""What a check says. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How it stands with one thing."""

    OK = "ok"
    WARN = "warn"
    """It works, or is not known; somebody should look."""
    FAIL = "fail"
    """It does not work."""


@dataclass(frozen=True)
class Finding:
    """One line."""

    check: str
    """What was looked at, e.g. `temporal retention`."""
    verdict: Verdict
    message: str
    advice: str = ""
    """What to do; empty: nothing."""

    def as_json(self) -> dict[str, str]:
        """For programs; what is empty is left out."""
        known = {
            "check": self.check,
            "verdict": self.verdict.value,
            "message": self.message,
            "advice": self.advice,
        }
        return {key: value for key, value in known.items() if value}


def ok(check: str, message: str) -> Finding:
    """It is as it should be."""
    return Finding(check, Verdict.OK, message)


def warn(check: str, message: str, advice: str = "") -> Finding:
    """It works, or is not known."""
    return Finding(check, Verdict.WARN, message, advice)


def fail(check: str, message: str, advice: str = "") -> Finding:
    """It does not work."""
    return Finding(check, Verdict.FAIL, message, advice)


def worst(findings: Sequence[Finding]) -> Verdict:
    """The worst of them."""
    for verdict in (Verdict.FAIL, Verdict.WARN):
        if any(entry.verdict is verdict for entry in findings):
            return verdict
    return Verdict.OK
