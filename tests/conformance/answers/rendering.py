"""`transform`: which objects does a provider write?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import Manifest, RenderContext, RenderError
from airunway.provider.registry import installed_providers
from tests.conformance.answers.question import Question
from tests.conformance.departures import REFUSED
from tests.conformance.diff import Document
from tests.conformance.loader import Vector
from tests.conformance.objects import document


def refusal_or_objects(provider: str, given: Mapping[str, Any]) -> tuple[str, list[Manifest]]:
    """Why the provider refuses the deployment, or its objects."""
    plugin = installed_providers()[provider]
    try:
        deployment = ModelDeployment.model_validate(given["model_deployment"])
        problem = plugin.check(deployment)
        if problem:
            return problem, []
        # The reference takes it that a gateway routes, and knows the oldest version of each kind only.
        context = RenderContext(env=given.get("process_env") or {}, routed_by_gateway=True)
        return "", plugin.render(deployment, context)
    except (RenderError, ValidationError) as err:
        return str(err), []


def answers(vector: Vector) -> tuple[Document, Document]:
    """Objects or an error; where the reference's own check fails, refusing agrees too."""
    refusal, objects = refusal_or_objects(vector.file, vector.input)
    want = vector.expect
    failed = want.get("error") or want.get("crash") or (refusal and want["compatible"] is False)
    recorded = REFUSED if failed else document(want["objects"])
    return recorded, REFUSED if refusal else document(objects)


RENDERING = Question(
    name="transform",
    group="transform",
    files=tuple(installed_providers()),
    answers=answers,
    refusable=True,
)
