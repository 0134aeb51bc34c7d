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


FIRST = """
import kubernetes
from airunway.clients.kubernetes.library import client
from kubernetes import aio

print(aio.client is client, bool(aio.__version__), kubernetes.aio is aio)
"""


def test_who_imported_the_package_before_has_it_still() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FIRST], capture_output=True, text=True, timeout=100, check=False
    )

    assert done.stdout == "True True True\n", done.stderr


TYPED = """
import json
from airunway.clients.kubernetes.library import client

api = client.ApiClient()
found = api.deserialize(json.dumps({"metadata": {"name": "a"}}), "V1ConfigMap", "application/json")
print(found.metadata.name)
"""


def test_typed_answers_are_read_with_the_half_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TYPED],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert done.stdout == "a\n", done.stderr
