"""Names, labels and annotations of the gateway's objects. Pure. Source: gateway.md §8, §9 and §14."""

from __future__ import annotations

import hashlib

FIELD_MANAGER = "airunway-gateway"
"""Server-side-apply field manager of what publishes a deployment."""

LABEL_MANAGED_BY, MANAGED_BY = "app.kubernetes.io/managed-by", "airunway"
LABEL_CHOSEN = "airunway.ai/inference-gateway"
"""On a Gateway: `true` chooses it among several."""
LABEL_PUBLISHES = "airunway.ai/publishes"
"""On each object of an endpoint picker: the deployment that it works for."""
LABEL_MODEL_NAME = "airunway.ai/gateway-model"
"""On a route: a digest of Gateway and model name, by which those are found who want the same name."""
ANNOTATION_OPENED = "airunway.ai/opened-listeners"
"""On a Gateway: what each listener admitted before it was opened, and for which namespaces it was."""

MODEL_HEADER = "X-Gateway-Model-Name"
"""Filled by the body-based router from the field `model` of a request's body."""
PICKER_CONFIG_KEY = "default-plugins.yaml"
PICKER_PORT, PICKER_HEALTH_PORT = 9002, 9003
MAX_LABEL = 63
MAX_MODEL_NAME = 4096
"""Characters of a header's value that an HTTPRoute may match."""


def picker_name(deployment: str) -> str:
    """Name of the endpoint picker's objects."""
    return f"{deployment}-epp"


def name_problem(deployment: str) -> str:
    """Why no endpoint picker can be named after a deployment; empty when one can."""
    name = picker_name(deployment)
    if len(name) <= MAX_LABEL and "." not in name:
        return ""
    return (
        f"the endpoint picker would be called {name}, and a Service's name has at most {MAX_LABEL} characters"
        " and no dot; give the deployment a shorter name"
    )


def grant_name(pool: str) -> str:
    """Name of the ReferenceGrant for a pool."""
    return f"{pool}-referencegrant"


def model_name_label(gateway: tuple[str, str], model_name: str) -> str:
    """The same for routes that want one model name on one Gateway (namespace, name): 32 hex digits."""
    text = "\n".join([*gateway, model_name])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def model_name_problem(name: str) -> str:
    """Why a name cannot be what requests are routed by; empty when it can."""
    if not name:
        return "it is empty; give one in spec.gateway.modelName"
    if len(name) > MAX_MODEL_NAME:
        return f"it has more than {MAX_MODEL_NAME} characters"
    if not name.isprintable() or not name.isascii() or name != name.strip():
        return "it has to be printable ASCII, without spaces at its ends: it is the value of a header"
    return ""
