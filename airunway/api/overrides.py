"""What `spec.provider.overrides` may not contain. Source: crds.md §4.4.

Here, because admission refuses these keys, and providers refuse them once more when they render: webhooks can
be off.
"""

from __future__ import annotations

FIELD = "spec.provider.overrides"

PRIVILEGE_KEYS = frozenset(
    {
        "securityContext",
        "serviceAccountName",
        "serviceAccount",
        "hostNetwork",
        "hostPID",
        "hostIPC",
        "automountServiceAccountToken",
        "nodeName",
        "priorityClassName",
        "runtimeClassName",
    }
)
"""Keys that would give pods more rights, or another place, than the cluster's owner intends."""
SIZING_KEYS = frozenset({"replicas", "resources"})
"""Keys that would lift the limits that admission puts on a deployment."""
