"""Objects in which every text is an attack."""

from __future__ import annotations

from typing import Any

TEXT = (
    "</textarea></pre><script>alert(1)</script><img src=x onerror=alert(1)>"
    "\"' onclick='alert(1)\u202e\x1b[2J{{7*7}}"
)
NAME = TEXT.replace("/", "|")
"""The same as a name: none can hold a slash, not even past every check."""
SEEN = "<script>alert(1)</script>"
"""A part of it, as a person has to see it."""

DEPLOYMENT: dict[str, Any] = {
    "metadata": {
        "name": TEXT,
        "namespace": TEXT,
        "uid": TEXT,
        "creationTimestamp": TEXT,
        "labels": {TEXT: TEXT},
    },
    "spec": {
        "model": {"id": TEXT, "servedName": TEXT, "source": TEXT},
        "engine": {"type": TEXT, "image": TEXT},
        "provider": {"name": TEXT},
        "resources": {"gpu": {"count": TEXT}, "memory": TEXT},
        "scaling": {"replicas": TEXT},
        "image": TEXT,
        "secrets": {"huggingFaceToken": TEXT},
    },
    "status": {
        "phase": TEXT,
        "message": TEXT,
        "engine": {"type": TEXT, "selectedReason": TEXT},
        "provider": {"name": TEXT, "selectedReason": TEXT},
        "replicas": {"desired": TEXT, "ready": TEXT},
        "endpoint": {"service": TEXT, "port": TEXT},
        "gateway": {"url": TEXT, "endpoint": TEXT, "modelName": TEXT},
        "image": {"digest": TEXT},
        "conditions": [
            {"type": TEXT, "status": TEXT, "reason": TEXT, "message": TEXT, "lastTransitionTime": TEXT},
            {"type": "GatewayReady", "status": "True", "reason": TEXT, "message": TEXT},
            {"type": "ModelImageReady", "status": "False", "reason": f"BuildFailed{TEXT}", "message": TEXT},
        ],
    },
}
POD: dict[str, Any] = {
    "metadata": {"name": TEXT, "namespace": TEXT, "uid": TEXT, "creationTimestamp": TEXT},
    "spec": {
        "nodeName": TEXT,
        "containers": [{"name": TEXT, "resources": {"limits": {"nvidia.com/gpu": "1"}}}],
    },
    "status": {
        "phase": TEXT,
        "containerStatuses": [
            {
                "name": TEXT,
                "ready": False,
                "restartCount": 3,
                "state": {"waiting": {"reason": "CreateContainerConfigError", "message": TEXT}},
            }
        ],
    },
}
NODE: dict[str, Any] = {
    "metadata": {"name": TEXT},
    "status": {"allocatable": {"nvidia.com/gpu": "4"}, "conditions": [{"type": "Ready", "status": TEXT}]},
}
CONFIG: dict[str, Any] = {
    "metadata": {
        "name": TEXT,
        "annotations": {
            "airunway.ai/display-name": TEXT,
            "airunway.ai/description": TEXT,
            "airunway.ai/documentation-url": f"javascript:alert(1)//{TEXT}",
        },
    },
    "spec": {
        "capabilities": {"engines": [{"name": TEXT, "servingModes": [TEXT], "apiFormats": [TEXT]}]},
        "selectionRules": [{"condition": TEXT, "priority": TEXT}],
    },
    "status": {
        "ready": False,
        "version": TEXT,
        "lastHeartbeat": TEXT,
        "conditions": [{"type": "UpstreamReady", "status": "False", "reason": TEXT, "message": TEXT}],
    },
}
