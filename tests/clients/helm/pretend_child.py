"""A child process that misbehaves as told: run by `Child` in place of the real one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time


def main() -> None:
    request = json.loads(sys.stdin.buffer.readline())
    say({"line": json.dumps({"pid": os.getpid(), "folder": request["folder"], "env": dict(os.environ)})})
    behave(request["operation"])


def behave(how: str) -> None:
    if how == "answer":
        say({"result": {"large": "x" * 1_000_000}})
    elif how == "crash":
        print("fatal error: unexpected signal", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    elif how == "leave":
        sys.exit(3)
    elif how == "obey":
        sys.stdin.buffer.read()
        say({"failure": {"text": "cancelled", "code": "CANCELLED", "step": "release"}})
    elif how == "ignore":
        grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
        say({"line": json.dumps({"pid": grandchild.pid})})
        time.sleep(1000)


def say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
