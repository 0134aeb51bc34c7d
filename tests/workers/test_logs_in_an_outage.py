"""What libraries log of an outage is not passed on; what they log otherwise is, as it is."""

from __future__ import annotations

import asyncio
import logging

import pytest
from temporalio.service import RPCError, RPCStatusCode

from airunway.clients.errors import Forbidden, ServerError, Unreachable
from airunway.clients.outages import KUBERNETES, TEMPORAL, Outages
from airunway.workers import logs
from airunway.workers.logs import OutageHandler

STEP = "temporalio.activity"
CORE = "temporalio.core-sdk_core::temporalio_client::retry"


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def raised(err: Exception, cause: BaseException | None = None) -> Exception:
    """An error as it comes out of a step: with a cause of its own."""
    try:
        raise err from cause
    except Exception as caught:
        return caught


def record(logger: str, message: str, err: BaseException | None = None) -> logging.LogRecord:
    info = None if err is None else (type(err), err, None)
    return logging.LogRecord(logger, logging.WARNING, __file__, 1, message, None, info)


RPC_AWAY = RPCError("transport error", RPCStatusCode.UNAVAILABLE, b"")

CASES = [
    pytest.param(
        record(STEP, "failed", raised(RuntimeError("the step failed"), Unreachable("refused"))),
        {KUBERNETES},
        id="step, API",
    ),
    pytest.param(
        record(STEP, "failed", raised(RuntimeError("the step failed"), ServerError("503"))),
        {KUBERNETES},
        id="step, 503",
    ),
    pytest.param(record(STEP, "failed", asyncio.CancelledError()), {KUBERNETES}, id="a step's time is over"),
    pytest.param(record(STEP, "failed", asyncio.CancelledError()), {TEMPORAL}, id="its time, Temporal"),
    pytest.param(
        record(STEP, "failed", raised(RuntimeError("the step failed"), RPC_AWAY)),
        {TEMPORAL},
        id="step, Temporal",
    ),
    pytest.param(record(CORE, "gRPC call poll retried 5 times"), {TEMPORAL}, id="poller"),
    pytest.param(record(CORE, "Workflow task duration exceeded 5 seconds"), {KUBERNETES}, id="slow task"),
]
OTHERS = [
    pytest.param(
        record(STEP, "failed", raised(RuntimeError("the step failed"), Forbidden("no right"))), id="a refusal"
    ),
    pytest.param(record(STEP, "failed", raised(RuntimeError("the step failed"))), id="a fault of ours"),
    pytest.param(record("airunway.workers", "a line of ours"), id="a line of ours"),
    pytest.param(record(CORE, "gRPC call poll retried 5 times"), id="a poller that misses another part"),
]


async def handled(line: logging.LogRecord, away: set[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is passed on of a record while these parts are away."""
    outages, kept = Outages(), Kept()
    monkeypatch.setattr(logs, "OUTAGES", outages)

    async def refuses() -> None:
        raise ConnectionRefusedError

    async def answers() -> None:
        return

    for part in (KUBERNETES, TEMPORAL):
        outages.part(part, "here").add(refuses if part in away else answers)
    OutageHandler([kept]).handle(line)
    for _ in range(20):  # the probes and what follows from them, which wait for nothing
        await asyncio.sleep(0)
    for part in (KUBERNETES, TEMPORAL):
        for probe in (refuses, answers):
            outages.part(part, "here").remove(probe)
    return kept.lines


@pytest.mark.parametrize(("line", "away"), CASES)
async def test_silent_while_the_part_is_away(
    line: logging.LogRecord, away: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await handled(line, away, monkeypatch) == []
    assert len(await handled(line, set(), monkeypatch)) == 1


@pytest.mark.parametrize("line", OTHERS)
async def test_passed_on_whatever_is_away(line: logging.LogRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(await handled(line, {KUBERNETES}, monkeypatch)) == 1
