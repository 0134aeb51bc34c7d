"""A Temporal server of this machine: the one that is taken where none is named, and the sandbox's own.

Apart from `target`, which loads the SDK.
"""

from __future__ import annotations

from typing import Any

LOCAL_ADDRESS, LOCAL_UI = "127.0.0.1:7233", "http://127.0.0.1:8233"
DEFAULT_NAMESPACE = "default"
OF_A_SERVER = (
    "temporal_namespace",
    "temporal_tls",
    "temporal_api_key_file",
    "temporal_cert_file",
    "temporal_key_file",
    "temporal_ca_file",
    "temporal_server_name",
)


def own_server_settings(address: str, ui: str) -> dict[str, Any]:
    """What to lay over the settings for a development server of ours: what the environment says is of another
    Temporal.

    Encryption stays as it is set.
    """
    absent = dict.fromkeys(OF_A_SERVER)
    ours = {"temporal_address": address, "temporal_ui": ui, "temporal_environment": False}
    return {**absent, "temporal_metadata": {}, **ours}
