"""Who wrote the spec of an object last, as the API server noted it. Pure.

Apart from what follows from a spec: this is for the record only. A field manager is what its client calls
itself, so it proves nothing; the API server's audit log knows the person.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.api.plain_text import one_line

MAX_MANAGERS, MAX_NAME = 3, 80
"""Of those who wrote in the same second: names, and characters of each."""
SOMEBODY = "somebody"
APPLY = "Apply"
"""The operation of a server-side apply."""


def spec_editor(obj: Mapping[str, Any]) -> str:
    """`kubectl-edit at 2026-05-01T12:00:00Z`; empty when the API server noted nobody.

    Of several managers the latest that owns a field of the spec; of equally late ones all, by name.
    """
    written: dict[str, set[str]] = {}
    for entry in obj["metadata"].get("managedFields") or ():
        if not entry.get("subresource") and "f:spec" in (entry.get("fieldsV1") or {}):
            written.setdefault(str(entry.get("time") or ""), set()).add(_manager(entry))
    if not written:
        return ""
    latest = max(written)  # in one form, so the order of texts is that of times
    managers = sorted(written[latest])
    words = ", ".join(managers[:MAX_MANAGERS])
    if len(managers) > MAX_MANAGERS:
        words += f" and {len(managers) - MAX_MANAGERS} more"
    return f"{words} at {one_line(latest[:MAX_NAME])}" if latest else words


def _manager(entry: Mapping[str, Any]) -> str:
    name = one_line(str(entry.get("manager") or SOMEBODY)[:MAX_NAME])
    return f"{name} (server-side apply)" if entry.get("operation") == APPLY else name
