"""Whether what a deployment asks for, and what was rendered of it, is allowed by a policy. Pure.

The step that renders refuses by it; `foreseen` says the same before, in the same words.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from airunway.api.model_deployment import ModelDeployment
from airunway.clients.kubernetes import Object
from airunway.trust.evasions import evasions
from airunway.trust.models import models_of_spec, models_rendered
from airunway.trust.policy import TrustPolicy
from airunway.trust.rendered import images_in

MAX_IMAGES = 64
"""Different images of one rendering; each is compared with all globs, and may cost requests."""


class PolicyRefusal(ValueError):
    """Something may not run here; the message is a sentence for people. `image`: which, else a model."""

    def __init__(self, message: str, *, image: object = None) -> None:
        super().__init__(message)
        self.image = image


def refuse_models_of_spec(policy: TrustPolicy, deployment: ModelDeployment) -> None:
    """Raise PolicyRefusal for a model that the spec names."""
    _refuse_model(policy.model_problem(models_of_spec(deployment)))


def refuse_models_rendered(
    policy: TrustPolicy, deployment: ModelDeployment, objects: Sequence[Object]
) -> None:
    """Raise PolicyRefusal for a model that objects name, and for what would fetch another one."""
    _refuse_model(policy.model_problem(models_rendered(objects)))
    if not policy.models.takes_all:
        for words in evasions(deployment, objects):
            _refuse_model(f"models are limited by {policy.models}, and {words}")


def allowed_images(
    policy: TrustPolicy,
    objects: Sequence[Object],
    built_here: Collection[str],
    *,
    asked_for: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The different images of objects, and what each is judged as. Raises PolicyRefusal for one refused.

    `built_here`: images that this system built for the deployment, which need not be allowed. `asked_for`: of
    an image that a provider resolved to its digest, the reference that was asked for. It is what is judged,
    since nobody but the registry knew the digest when admission said what it thinks of the deployment.
    """
    paths: dict[str, str] = {}
    for image in images_in(objects):
        if not isinstance(image.value, str):
            why = f"{image.path}: nobody can say which image this is; name one as registry/name:tag"
            raise PolicyRefusal(why, image=image.value)
        paths.setdefault(image.value, image.path)
        if len(paths) > MAX_IMAGES:
            why = f"it has more than {MAX_IMAGES} different images; where images are limited, take fewer"
            raise PolicyRefusal(why, image=image.value)
    judged = {text: (asked_for or {}).get(text, text) for text in paths}
    for text, asked in judged.items():
        problem = "" if text in built_here else policy.image_problem(asked)
        if problem:
            raise PolicyRefusal(f"{paths[text]}: {problem}", image=asked)
    return judged


def _refuse_model(problem: str) -> None:
    if problem:
        raise PolicyRefusal(problem)
