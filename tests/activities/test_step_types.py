"""mypy holds callers and activities to what a step takes and answers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Lines that end with `# refused` are those that mypy must find fault with, and no others.
SNIPPET = """\
from datetime import timedelta
from step import Step
from steps import call
from implementing import implements

class Ask: ...
class Tell: ...
class Other: ...

STEP = Step(name="ask", request=Ask, answer=Tell, attempt_timeout=timedelta(seconds=1))

async def caller() -> None:
    right: Tell = await call(STEP, Ask(), summary="")
    wrong: Other = await call(STEP, Ask(), summary="")  # refused
    await call(STEP, Other(), summary="")  # refused
    left: Tell | None = await call(STEP, Ask(), summary="", leave_if=lambda: True)
    nothing: Tell = await call(STEP, Ask(), summary="", leave_if=lambda: True)  # refused

class Activities:
    @implements(STEP)
    async def right(self, request: Ask) -> Tell:
        return Tell()

    @implements(STEP)  # refused
    async def takes_another(self, request: Other) -> Tell:
        return Tell()

    @implements(STEP)  # refused
    async def answers_another(self, request: Ask) -> Other:
        return Other()
"""


def test_a_wrong_pair_of_step_and_request_or_answer_fails_mypy(tmp_path: Path) -> None:
    # Without the libraries' types, which would take mypy half a minute; those of the step do not need them.
    for source, name in [
        ("airunway/messages/step.py", "step"),
        ("workflows/steps.py", "steps"),
        ("activities/step.py", "implementing"),
    ]:
        text = (ROOT / source).read_text().replace("airunway.messages.step", "step")
        (tmp_path / f"{name}.py").write_text(text)
    snippet = tmp_path / "snippet.py"
    snippet.write_text(SNIPPET)

    options = ["--follow-imports=silent", "--no-site-packages", "--ignore-missing-imports"]
    options += ["--config-file=", f"--cache-dir={tmp_path / 'cache'}", "--no-error-summary"]
    printed = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "snippet.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    ).stdout

    errors = {int(line.split(":")[1]) for line in printed.splitlines() if ": error:" in line}
    wanted = {n for n, line in enumerate(SNIPPET.splitlines(), 1) if line.endswith("# refused")}
    assert errors == wanted, printed
