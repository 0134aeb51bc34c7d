"""Versions of Gateway API that go together. Apart: what is installed and what is rendered both name them."""

from __future__ import annotations

GATEWAY_API_VERSION = "v1.5.1"
"""Of Gateway API's CRDs."""
INFERENCE_EXTENSION_VERSION = "v1.5.0"
"""Of the Gateway API Inference Extension: CRDs, picker image and body-based router move together."""
