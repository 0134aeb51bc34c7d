"""Of the official client its asynchronous half is loaded alone, and who wants the whole gets it."""

from __future__ import annotations

import subprocess
import sys

LOOK = """
import sys
from airunway.clients.kubernetes import Cluster
assert "kubernetes" not in sys.modules
ours = sys.modules["kubernetes.aio.client"]

import kubernetes
from kubernetes import aio

print(kubernetes.__version__ == aio.__version__, kubernetes.client.CoreV1Api is not None, aio.client is ours)
"""


def test_who_imports_the_package_later_gets_it_whole_and_the_same() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOOK], capture_output=True, text=True, timeout=100, check=False
    )

    assert done.stdout == "True True True\n", done.stderr
