"""Versions of what is made for a Gateway. Apart, because settings name them before anything is rendered."""

from __future__ import annotations

from airunway.api.gateway_versions import INFERENCE_EXTENSION_VERSION

DEFAULT_IMAGE = f"registry.k8s.io/gateway-api-inference-extension/epp:{INFERENCE_EXTENSION_VERSION}"
"""Of the endpoint picker."""
