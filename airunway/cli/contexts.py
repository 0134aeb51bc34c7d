"""The contexts of kubeconfigs, as `kubectl` reads them: which there are, which is current, its namespace.

Several files in KUBECONFIG are one: of a name that is given twice the first counts, so also of the current
context.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airunway.cli.problems import CliError

USUAL_KUBECONFIG = Path("~/.kube/config")
SIZE_LIMIT_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class KubeContexts:
    """What kubeconfigs say of contexts."""

    current: str = ""
    """Empty: none is."""
    namespaces: Mapping[str, str] = field(default_factory=dict)
    """By context; empty: it names none."""

    def namespace_of(self, context: str | None) -> str:
        """Its namespace, or that of the current one; empty: none is named."""
        return self.namespaces.get(context or self.current, "")


def read_contexts(kubeconfig: Path | None) -> KubeContexts:
    """Of this kubeconfig; None: of the usual places. Files that are not there count for nothing.

    Raises CliError for what is no kubeconfig.
    """
    current, namespaces = "", dict[str, str]()
    for path in kubeconfig_paths(kubeconfig):
        content = kubeconfig_content(path)
        current = current or _text(content.get("current-context"))
        for entry in _entries(content.get("contexts")):
            about = entry.get("context")
            named = _text(about.get("namespace")) if isinstance(about, dict) else ""
            namespaces.setdefault(_text(entry.get("name")), named)
    return KubeContexts(current, namespaces)


def kubeconfig_paths(kubeconfig: Path | None) -> list[Path]:
    """This one; None: those of the usual places, of which some may not be there."""
    if kubeconfig is not None:
        return [kubeconfig]
    named = [part for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return [Path(part).expanduser() for part in named] or [USUAL_KUBECONFIG.expanduser()]


def kubeconfig_content(path: Path) -> dict[str, Any]:
    """What it says; nothing where it is not there. Raises CliError for what is no kubeconfig."""
    try:
        with path.open("rb") as file:
            data = file.read(SIZE_LIMIT_BYTES + 1)
    except FileNotFoundError:
        return {}
    except OSError as err:
        raise CliError(f"no usable kubeconfig: {path}: {err.strerror}") from err
    if len(data) > SIZE_LIMIT_BYTES:
        raise CliError(f"no usable kubeconfig: {path} is larger than {SIZE_LIMIT_BYTES // 1024**2} MiB")
    import yaml  # whoever only names a context, or asks for help, has no use for it

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        content = yaml.load(data, Loader=loader)  # a safe loader
    except (yaml.YAMLError, RecursionError, ValueError) as err:
        first = (str(err).strip() or type(err).__name__).splitlines()[0]
        raise CliError(f"no usable kubeconfig: {path}: not YAML: {first}") from err
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise CliError(f"no usable kubeconfig: {path}: not a kubeconfig")
    return content


def _entries(value: Any) -> Iterator[dict[str, Any]]:
    for entry in value if isinstance(value, list) else ():
        if isinstance(entry, dict):
            yield entry


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
