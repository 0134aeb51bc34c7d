"""A list of deployments as it is printed, with what is the matter with their workflows.

Apart from `status_report`, which reads it through the clients: what is shown the quick way is printed here
too.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from airunway.cli import output
from airunway.cli.formats import OutputFormat
from airunway.console.fleet_troubles import Troubles, key_of
from airunway.console.links import LinkedNamespace, filter_links
from airunway.console.rows import age, deployment_resource, deployment_row


def print_list(
    found: Sequence[dict[str, Any]],
    troubles: Troubles,
    *,
    cluster: str,
    namespace: str | None,
    form: OutputFormat,
    target: LinkedNamespace,
) -> None:
    """Print it; `namespace`: None for all of them, `target`: where the workflows are."""
    if not form.is_table:
        named = {f"{key[0]}/{key[1]}": words for key, words in troubles.items()}
        resources = [deployment_resource(obj["metadata"]["name"]) for obj in found]
        output.data({"cluster": cluster, "items": found, "workflows": named}, form, names=resources)
        return
    if found:
        wide = form is OutputFormat.WIDE  # whole lines, as kubectl's: to be copied, or cut by the terminal
        output.table(*fleet_rows(found, troubles, wide=wide), folds=not wide)
    else:
        output.note(f"no ModelDeployment in {f'namespace {namespace}' if namespace else 'any namespace'}")
    output.note(f"cluster {cluster}")
    if sys.stdout.isatty():
        providers = sorted({row.provider for row in map(deployment_row, found) if row.provider})
        for label, link in filter_links(target, cluster, providers=providers):
            output.note(f"{label} in Temporal's UI: {link}")


def fleet_rows(
    found: Sequence[dict[str, Any]], troubles: Troubles, *, wide: bool = False
) -> tuple[list[str], list[list[str]]]:
    """Headings and rows. The column WORKFLOW is there when something is the matter with one."""
    headings = ["NAMESPACE", "NAME", "PHASE", "ENGINE", "PROVIDER", "REPLICAS", "AGE"]
    headings += ["MODEL", "ENDPOINT"] if wide else []
    rows = []
    for obj in found:
        row = deployment_row(obj)
        cells = [row.namespace, row.name, row.phase, row.engine, row.provider, row.replicas]
        cells.append(age(obj["metadata"].get("creationTimestamp")))
        cells += [row.model, row.endpoint] if wide else []
        rows.append([*cells, *([troubles.get(key_of(obj), "")] if troubles else []), row.message])
    return [*headings, *(["WORKFLOW"] if troubles else []), "MESSAGE"], rows
