"""Versions of what is made for a Gateway. Apart, because settings name them before anything is rendered."""

from __future__ import annotations

GATEWAY_API_VERSION = "v1.5.1"
"""Of Gateway API's CRDs."""
INFERENCE_EXTENSION_VERSION = "v1.5.0"
"""Of the Gateway API Inference Extension: CRDs, picker image and body-based router move together."""
DEFAULT_IMAGE = f"registry.k8s.io/gateway-api-inference-extension/epp:{INFERENCE_EXTENSION_VERSION}"
"""Of the endpoint picker."""
