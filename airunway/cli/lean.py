"""What a process does without. A module that imports Python's own only: it comes before everything else.

Libraries load what they may need some day. What a command that ends in a second never needs is kept from it,
in ways that Python has for it: a module that is `None` is one that there is not, and a lazy one is run at its
first use. Whoever imports a module afterwards gets it whole.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType

OF_OTHER_SERVICES = (
    "temporalio.api.cloud",
    "temporalio.api.operatorservice",
    "temporalio.api.testservice",
)
"""Messages to services that a list of workflows does not ask: a third of all."""


def import_temporal_alone() -> None:
    """Import Temporal's SDK without gRPC's Python library: 10 MB, of which it makes stubs that nobody calls.

    It speaks gRPC through a core of its own and takes the library for something optional. Whoever needs it,
    as BuildKit's client and the export of traces do, may import it afterwards.
    """
    with _without("grpc"):
        importlib.import_module("temporalio.client")


def import_for_a_look() -> None:
    """Import what asks the cluster and Temporal for lists, of each library the half that does it.

    In a process that does more than this command, and has them, nothing.
    """
    if "temporalio" in sys.modules or "aiohttp" in sys.modules:
        return
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # it looks for some in every package
    with _uncollected():
        with _without("grpc"), _deferred(*OF_OTHER_SERVICES):
            importlib.import_module("temporalio.service")
        with _without("rich"):  # which would be for tracebacks in colours
            importlib.import_module("structlog")
        importlib.import_module("airunway.cli.status_report")


@contextmanager
def _uncollected() -> Iterator[None]:
    """What modules hold is no garbage: looking for some again and again takes a twelfth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def _without(module: str) -> Iterator[None]:
    """Meanwhile there is no such module, unless it is loaded already."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]  # how Python is told so
    try:
        yield
    finally:
        del sys.modules[module]


@contextmanager
def _deferred(*packages: str) -> Iterator[None]:
    """Meanwhile what is imported of these packages is found, and run when something in it is first used."""
    finder = _Deferring(packages)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Deferring(MetaPathFinder):
    def __init__(self, packages: tuple[str, ...]) -> None:
        self._packages = packages

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As it would be found, but lazy; None: it is none of these."""
        if not name.startswith(self._packages):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec
