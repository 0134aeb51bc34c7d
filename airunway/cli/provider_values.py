"""Chart values from the command line: read, and kept in a Secret, so that they enter no history."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from airunway.activities.installation.plan import VALUES_KEY
from airunway.api import names
from airunway.cli.problems import UsageError
from airunway.clients.errors import AlreadyExists, NotFound
from airunway.clients.kubernetes import NAMESPACES, SECRETS, Cluster
from airunway.installation.values import BadPath, merged, parse_assignments


def given_values(assignments: list[str], file: Path | None) -> dict[str, Any] | None:
    """The values of `--values` with those of `--set` over them; None when neither is given."""
    if not assignments and file is None:
        return None
    values = _from_file(file) if file else {}
    try:
        return merged(values, parse_assignments(assignments))
    except BadPath as err:
        raise UsageError(f"--set: {err}") from err


def _from_file(file: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(file.read_text()) or {}
    except OSError as err:
        raise UsageError(f"--values {file}: {err.strerror}") from err
    except (yaml.YAMLError, UnicodeDecodeError) as err:
        raise UsageError(f"--values {file}: not YAML") from err
    if not isinstance(values, dict):
        raise UsageError(f"--values {file}: not a YAML object")
    return values


async def keep(cluster: Cluster, name: str, values: Mapping[str, Any], *, namespace: str) -> str:
    """Write a Secret with values; answers its version. No values: no Secret."""
    if not values:
        await forget(cluster, name, namespace=namespace)
        return ""
    with suppress(AlreadyExists):
        await cluster.create(NAMESPACES, {"metadata": {"name": namespace}})
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {names.LABEL_MANAGED_BY: names.MANAGED_BY},
        },
        "stringData": {VALUES_KEY: yaml.safe_dump(dict(values), sort_keys=False)},
    }
    live = await cluster.apply(SECRETS, body, field_manager=names.VALUES_FIELD_MANAGER)
    return str(live["metadata"]["resourceVersion"])


async def forget(cluster: Cluster, name: str, *, namespace: str) -> None:
    """Delete a Secret with values, if it is there."""
    with suppress(NotFound):
        await cluster.delete(SECRETS, name, namespace=namespace)
