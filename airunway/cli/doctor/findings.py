"""What a check says. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class DoctorVerdict(StrEnum):
    """How it stands with one thing."""

    OK = "ok"
    WARN = "warn"
    """It works, or is not known; somebody should look."""
    FAIL = "fail"
    """It does not work."""


@dataclass(frozen=True)
class DoctorFinding:
    """One line."""

    check: str
    """What was looked at, e.g. `temporal retention`."""
    verdict: DoctorVerdict
    message: str
    advice: str = ""
    """What to do; empty where it is as it should be."""

    def as_json(self) -> dict[str, str]:
        """For programs; what is empty is left out."""
        known = {
            "check": self.check,
            "verdict": self.verdict.value,
            "message": self.message,
            "advice": self.advice,
        }
        return {key: value for key, value in known.items() if value}


def ok(check: str, message: str) -> DoctorFinding:
    """It is as it should be."""
    return DoctorFinding(check, DoctorVerdict.OK, message)


def warn(check: str, message: str, advice: str) -> DoctorFinding:
    """It works, or is not known; `advice`: what to do."""
    return DoctorFinding(check, DoctorVerdict.WARN, message, advice)


def fail(check: str, message: str, advice: str) -> DoctorFinding:
    """It does not work; `advice`: what to do."""
    return DoctorFinding(check, DoctorVerdict.FAIL, message, advice)


def worst(findings: Sequence[DoctorFinding]) -> DoctorVerdict:
    """The worst of them."""
    for verdict in (DoctorVerdict.FAIL, DoctorVerdict.WARN):
        if any(entry.verdict is verdict for entry in findings):
            return verdict
    return DoctorVerdict.OK
