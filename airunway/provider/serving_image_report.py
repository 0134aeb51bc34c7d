"""What a registry answered about a serving image, and what a provider says of the answer. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from airunway.api.core_types import Condition
from airunway.api.model_deployment import ModelDeployment
from airunway.api.status import ServingImageStatus


@dataclass(frozen=True, kw_only=True)
class ServingImageResolution:
    """What a registry answered about `reference`.

    `error` is empty on success; then `digest` is not. `created_at` (RFC 3339) and `revision` are what the
    image's own config says, empty when it says nothing.
    """

    reference: str
    digest: str = ""
    created_at: str = ""
    revision: str = ""
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class ServingImageReport:
    """What is said about a deployment's serving image: all of `status.image`, and its conditions.

    `image` goes to `RenderContext.serving_image`. `cleared`: condition types that no longer apply and must go
    from the status. `failure`: why the provider's *default* image could not be resolved, empty otherwise; a
    user's own image never fails the deployment.
    """

    status: ServingImageStatus
    conditions: Sequence[Condition] = ()
    cleared: Sequence[str] = ()
    image: str | None = None
    failure: str = ""


DescribeServingImage = Callable[
    [ModelDeployment, ServingImageResolution | None, datetime], ServingImageReport | None
]
