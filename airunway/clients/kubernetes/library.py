"""The official client's asynchronous half, without the rest of its package.

Apart, and the one place that imports it: `import kubernetes` loads the synchronous client, OAuth, WebSockets,
informers and leader election too, half of what `airunway status` loaded, for nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec


@contextmanager
def _not_run(*names: str) -> Iterator[None]:
    """Meanwhile these packages are places to find modules in. Who imports them later gets them whole."""
    put = [name for name in names if name not in sys.modules]
    for name in put:
        sys.modules[name] = module_from_spec(_spec(name))
    try:
        yield
    finally:
        for name in put:
            del sys.modules[name]


def _spec(name: str) -> ModuleSpec:
    spec = find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return spec


with _not_run("kubernetes", "kubernetes.aio"):
    from kubernetes.aio import client, config
    from kubernetes.aio.config import ConfigException

__all__ = ["ConfigException", "client", "config"]
