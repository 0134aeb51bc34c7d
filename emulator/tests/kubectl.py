"""Runs the real kubectl."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kube_emulator.testing import PATIENCE


@dataclass(frozen=True)
class Done:
    """A finished command."""

    code: int
    out: str
    err: str


Kubectl = Callable[..., Awaitable[Done]]


def kubectl_for(kubeconfig: Path, namespace: str, home: Path) -> Kubectl:
    """Runs kubectl in a namespace; keyword `stdin` is an object or several, as a manifest."""

    async def run(*arguments: str, stdin: Any = None, fails: bool = False) -> Done:
        options = ["--kubeconfig", str(kubeconfig), "--cache-dir", str(home / "cache"), "-n", namespace]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "KUBE_EDITOR": "sed -i s/before/after/",
        }
        process = await asyncio.create_subprocess_exec(
            "kubectl",
            *options,
            *arguments,
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        objects = [] if stdin is None else stdin if isinstance(stdin, list) else [stdin]
        manifest = "\n".join(map(json.dumps, objects)).encode()
        try:
            async with asyncio.timeout(PATIENCE):
                out, err = await process.communicate(manifest)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        done = Done(process.returncode or 0, out.decode(), err.decode())
        assert (done.code != 0) is fails, done
        return done

    return run
