"""What a request says about a model image, compared with its owners: the deployments, and the settings.

A plan travels through Temporal, where anybody may write another one. So each step sees that it is a plan
which this system makes (names and identity follow from its parts, base and layout are those of the
settings), a build that its commit is one of the branch (`resolve.ModelImageResolver.confirm`), and a Secret
is read for a deployment that names it.
"""

from __future__ import annotations

from airunway.activities.model_image.options import ModelImageOptions
from airunway.activities.owned import refused, wanted_model
from airunway.api.model_image import ModelImageSpec
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster, Object
from airunway.clients.registry.references import repository_of
from airunway.messages.model_image import ModelImageWaiter
from airunway.messages.refs import DeploymentRef
from airunway.modelimage import naming
from airunway.modelimage.plan import (
    AIKIT_LAYOUT,
    FIXED_DATES_LAYOUT,
    LAYOUT,
    ModelImagePlan,
    plan_model_image,
)


class ImageOwners:
    """The deployments of one cluster, as those for whom images are made."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def refuse_unwanted(self, ref: DeploymentRef, spec: ModelImageSpec) -> Object:
        """See that the deployment, which is answered, is there and wants that model. Raises a final failure,
        ApiError."""
        obj = await self._cluster.find(DEPLOYMENTS, ref.name, namespace=ref.namespace)
        if obj is None or obj["metadata"].get("deletionTimestamp"):
            raise refused(f"model image of {spec.repository} refused: no deployment {ref} wants it")
        repository, revision, secret = wanted_model(obj)
        for what, given, owned in (
            ("the model", spec.repository, repository),
            ("the revision", spec.revision, revision),
            ("the Secret", spec.token_secret or secret, secret),
        ):
            if given != owned:
                raise refused(
                    f"model image of {spec.repository} refused: {what} is {given!r}, and {ref} says {owned!r}"
                )
        return obj

    async def refuse_token(self, waiter: ModelImageWaiter, plan: ModelImagePlan) -> None:
        """See that a waiter's Secret is named by its deployment for this very model."""
        refuse_foreign_token(waiter)
        refuse_foreign_image(plan, waiter.ref.namespace)
        if waiter.token is not None:
            spec = ModelImageSpec(
                repository=plan.repository, revision=plan.revision, token_secret=waiter.token.name
            )
            await self.refuse_unwanted(waiter.ref, spec)


def refuse_foreign_token(waiter: ModelImageWaiter) -> None:
    """See that a waiter names a Secret of its own namespace."""
    token = waiter.token
    if token is not None and token.namespace != waiter.ref.namespace:
        raise refused(
            f"Secret {token.namespace}/{token.name} refused: deployment {waiter.ref} may use Secrets of its"
            " own namespace only"
        )


def refuse_other_plan(plan: ModelImagePlan, options: ModelImageOptions) -> None:
    """See that a plan is one that is made here. Pure."""
    problem = _plan_problem(plan, options)
    if problem:
        raise refused(f"plan of a model image of {plan.repository[:100]!r} refused: {problem}")


def _plan_problem(plan: ModelImagePlan, options: ModelImageOptions) -> str:
    problems = naming.spec_problems(ModelImageSpec(repository=plan.repository, revision=plan.revision))
    problems += [problem for file in plan.files if (problem := naming.path_problem(file.path))]
    if problems or not plan.files:
        return "; ".join(problems) or "it has no files"
    layouts = (AIKIT_LAYOUT,) if options.frontend else (LAYOUT, FIXED_DATES_LAYOUT)
    if plan.layout not in layouts:
        return f"its layout is {plan.layout}, and images are laid out as {' or '.join(layouts)} here"
    base = options.frontend or options.base
    if repository_of(plan.base) != repository_of(base) or "@" not in plan.base:
        return f"its base is {plan.base}, and images are made on {base}, by digest"
    made = plan_model_image(
        repository=plan.repository,
        revision=plan.revision,
        commit=plan.commit,
        files=plan.files,
        base=plan.base,
        license=plan.license,
        layout=plan.layout,
        private_to=plan.private_to,
    )
    return "" if made == plan else "its names or its identity do not follow from its parts"


def refuse_other_model(plan: ModelImagePlan, spec: ModelImageSpec) -> None:
    """See that a plan is of the model that a deployment wants, as its provider says. Pure."""
    paths = {file.path for file in plan.files}
    file_fits = (
        not spec.file or spec.file in paths or spec.file in {path.rpartition("/")[2] for path in paths}
    )
    if (plan.repository, plan.revision) != (spec.repository, spec.revision) or not file_fits:
        raise refused(
            f"model image refused: it is of {plan.repository}@{plan.revision} {plan.main.path}, but the"
            f" deployment wants {spec.repository}@{spec.revision} {spec.file}".rstrip()
        )


def refuse_foreign_image(plan: ModelImagePlan, namespace: str) -> None:
    """See that a private image is that of the deployment's own namespace. Pure."""
    if plan.private_to not in ("", namespace):
        raise refused(
            f"model image of {plan.repository} refused: it is private to namespace {plan.private_to}, and the"
            f" deployment is in {namespace}"
        )
