"""What rendering gives, or why it cannot. Apart from `contract`, which needs what is built on them."""

from __future__ import annotations

from typing import Any

Manifest = dict[str, Any]
"""A Kubernetes object as JSON data."""


class RenderError(Exception):
    """The deployment cannot be expressed as upstream objects; the same spec gives the same error.

    The message names the field and what is allowed. Becomes `ResourceCreated=False/TransformFailed`.
    """
