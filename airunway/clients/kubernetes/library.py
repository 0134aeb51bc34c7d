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
def _not_run(package: str, part: str) -> Iterator[None]:
    """Meanwhile both are places to find modules in. Who imports them later gets them whole.

    Where the package is there already, nothing is saved.
    """
    if package in sys.modules:
        yield
        return
    whole = f"{package}.{part}"
    sys.modules[package] = module_from_spec(_spec(package))
    sys.modules[whole] = module_from_spec(_spec(whole))
    # As an import does it: the client's modules look each other up from the top.
    setattr(sys.modules[package], part, sys.modules[whole])
    try:
        yield
    finally:
        del sys.modules[package], sys.modules[whole]


def _spec(name: str) -> ModuleSpec:
    spec = find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return spec


with _not_run("kubernetes", "aio"):
    from kubernetes.aio import client, config
    from kubernetes.aio.config import ConfigException

__all__ = ["ConfigException", "client", "config"]
