"""How a published model is called. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from airunway.api.gateway_reasons import GATEWAY_READY
from airunway.gateway.naming import MODEL_HEADER


def is_reachable(obj: Mapping[str, Any]) -> bool:
    """Whether its condition says that requests arrive."""
    conditions = (obj.get("status") or {}).get("conditions") or []
    return any(entry["type"] == GATEWAY_READY and entry["status"] == "True" for entry in conditions)


def curl_of(gateway: Mapping[str, Any]) -> str:
    """A call of a published model, to be pasted into a shell; `gateway`: `status.gateway`."""
    name, url = str(gateway.get("modelName") or ""), str(gateway.get("url") or "")
    if not url or not name:
        return ""
    body = json.dumps({"model": name, "messages": [{"role": "user", "content": "Hello"}]})
    # The header is what a body-based router fills in; with one it does no harm.
    parts = [
        *("curl", f"{url}/v1/chat/completions", "-H", "Content-Type: application/json"),
        *("-H", f"{MODEL_HEADER}: {name}", "-d", body),
    ]
    return shlex.join(parts)
