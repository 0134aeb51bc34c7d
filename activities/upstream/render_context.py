"""What rendering depends on besides the deployment: the model's image, the serving image, the cluster."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace

from airunway.activities.model_image.built import BuiltModelImages
from airunway.activities.owned import refused
from airunway.activities.trust.image_gate import ImageGate
from airunway.activities.upstream.failures import failed
from airunway.activities.upstream.image_resolution import ServingImageStep
from airunway.activities.upstream.served_api import ServedApi, version_among
from airunway.api.cluster_features import ROUTED_BY_GATEWAY
from airunway.api.model_deployment import ModelDeployment
from airunway.api.model_image import ModelImageSpec
from airunway.messages.deployment import StepFailure
from airunway.messages.upstream import RenderRequest
from airunway.provider import Provider, RenderContext, RenderError, ServingImageReport
from airunway.provider.lessons import learned_of
from airunway.provider.policy import OverridesPolicy
from airunway.provider.serving_image import ResolutionPolicy


@dataclass(frozen=True)
class Surroundings:
    """What every reconcile of a process shares."""

    env: Mapping[str, str]
    serving_images: ServingImageStep
    served_api: Callable[[Provider], Awaitable[ServedApi]]
    policy: OverridesPolicy
    model_images: BuiltModelImages | None = None
    """None: this process cannot see which images were built, and renders nothing with one."""
    gate: ImageGate | None = None
    """Which images and models may run; None: all."""
    impersonate: str = ""
    """ServiceAccount of each namespace in whose name its objects are written; empty: the worker itself."""


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """The context; without one a failure, or a model image that is not built yet, or was built again.

    `serving_image`: what is to be said of it, beside a failure too.
    """

    context: RenderContext | None = None
    model_image: ModelImageSpec | None = None
    is_replaced: bool = False
    """The registry has another image of the model than the one that the deployment runs."""
    serving_image: ServingImageReport | None = None
    failure: StepFailure | None = None


def _context(
    provider: Provider, deployment: ModelDeployment, given: Surroundings, features: Collection[str]
) -> RenderContext:
    return RenderContext(
        env=given.env,
        routed_by_gateway=ROUTED_BY_GATEWAY in features,
        api_version=version_among(features, provider),
        served_fields=[path for path in provider.optional_fields if path in features],
        learned=learned_of(provider, deployment, features),
        policy=given.policy,
    )


async def prepare(
    provider: Provider,
    deployment: ModelDeployment,
    request: RenderRequest,
    *,
    given: Surroundings,
    features: Collection[str],
) -> Preparation:
    """Find out what rendering may depend on. Raises a final failure for an image that is not wanted.

    `features`: what of the cluster it is rendered for.
    """
    wanted, built = provider.model_image(deployment), request.built_model_image
    if wanted is None:
        return await _with_serving_image(provider, deployment, given, features)
    if built is None or not built.is_of(wanted):
        return Preparation(model_image=wanted)
    if given.model_images is None:
        raise refused(f"image {built.reference} refused: this worker does not see which images were built")
    image = deployment.status.image if deployment.status else None
    serving = (image.resolved if image else None) or ""
    if await given.model_images.is_replaced(built, request.model_image_plan, wanted, serving=serving):
        return Preparation(model_image=wanted, is_replaced=True)
    context = replace(
        _context(provider, deployment, given, features),
        model_image=built.reference,
        model_image_pull_secret=built.pull_secret,
    )
    return Preparation(context=context, model_image=wanted)


async def _with_serving_image(
    provider: Provider, deployment: ModelDeployment, given: Surroundings, features: Collection[str]
) -> Preparation:
    try:
        report = await given.serving_images.report(provider, deployment)
        required = given.serving_images.policy is ResolutionPolicy.REQUIRED
    except RenderError as err:
        return Preparation(failure=failed("ImageResolutionFailed", str(err), ["ImageResolved"]).failure)
    if report is not None and report.failure and required:
        stop = failed("ImageResolutionFailed", report.failure, ["ImageResolved"], final=False)
        return Preparation(serving_image=report, failure=stop.failure)
    image = report.image if report is not None else None
    context = replace(_context(provider, deployment, given, features), serving_image=image)
    return Preparation(context=context, serving_image=report)
