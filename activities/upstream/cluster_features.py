"""What of the cluster a deployment is rendered for: as recorded, for as long as the main object stands.

A CRD that is installed or an operator that is renewed must not rewrite what runs. Reads only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airunway.activities.upstream.failures import StepFailed, failed
from airunway.activities.upstream.main_object import find_main
from airunway.activities.upstream.ownership import is_owned_by
from airunway.activities.upstream.refusals import WAITING_FOR_CLUSTER
from airunway.activities.upstream.render_context import Surroundings
from airunway.activities.upstream.served_api import ServedApi, version_among
from airunway.api.cluster_features import ROUTED_BY_GATEWAY, features_condition
from airunway.api.core_types import Condition
from airunway.clients.kubernetes import Cluster, Object
from airunway.messages.upstream import RenderRequest
from airunway.provider import Provider
from airunway.provider.lessons import lessons_among

SETTLE_SECONDS = 2
MAX_LESSONS = 16
"""More than anybody's models teach; beyond that it is learned anew, which costs a refusal each."""


@dataclass(frozen=True, kw_only=True)
class ClusterFeatures:
    """`taken`: to render for; `record`: the condition that says so, None for a provider that takes none."""

    taken: list[str]
    record: Condition | None = None


async def cluster_features(
    cluster: Cluster,
    provider: Provider,
    request: RenderRequest,
    owner: Mapping[str, Any],
    *,
    given: Surroundings,
    inspect_all: bool,
) -> ClusterFeatures:
    """What to render for. Raises ApiError.

    The main object is read only where the record and the cluster differ, or where there is an object and no
    record: another controller made it, or the status was lost.
    """
    asks = provider.depends_on_gateway or provider.optional_fields or provider.kinds[0].older
    if not (asks or provider.learnable):
        return ClusterFeatures(taken=[])
    api, recorded = await given.served_api(provider), request.cluster_features
    routing = [ROUTED_BY_GATEWAY] if provider.depends_on_gateway and request.routed_by_gateway else []
    served = [*routing, *api.features(provider)]
    taken = served
    if recorded is None:
        is_taken_over = request.adoption is not None
        there = inspect_all or request.applied or is_taken_over or _names_object(owner)
        main = await _main_object(cluster, provider, request) if there else None
        if main is None and not api.is_settled:
            raise _not_settled(provider)  # what is recorded now would hold for as long as the object stands
        taken = served if main is None else sorted(provider.features_of(main))
    else:
        recorded = _with_fields_of_now(recorded, api, provider, request)
        learned = lessons_among(provider, recorded)
        if len(learned) > MAX_LESSONS:
            recorded = [entry for entry in recorded if entry not in learned]
            learned = []
        if {*served, *learned} == set(recorded):
            taken = served = recorded
        elif await _main_object(cluster, provider, request) is not None:
            taken, served = recorded, [*served, *learned]
    if api.versions and version_among(taken, provider) not in api.versions:
        # What the object was written in is not served any more, nor what was known of its fields.
        kept = {ROUTED_BY_GATEWAY, *lessons_among(provider, taken)}
        taken = [*(entry for entry in taken if entry in kept), *api.features(provider)]
    return ClusterFeatures(taken=taken, record=features_condition(taken, served))


def _with_fields_of_now(
    recorded: list[str], api: ServedApi, provider: Provider, request: RenderRequest
) -> list[str]:
    """What is recorded; where the spec has changed since, with the fields that are served by now.

    Its operator may be a newer one, which refuses objects that do not say what such a field says.
    """
    written = request.applied[0].deployment_generation if request.applied else request.generation
    served = api.fields_of.get(version_among(recorded, provider), ())
    new = {field for field in served if field in provider.fields_of_newer} - set(recorded)
    return [*recorded, *sorted(new)] if written < request.generation else recorded


def _not_settled(provider: Provider) -> StepFailed:
    words = (
        f"waiting for the API server to publish what {provider.kinds[0].kind} holds, which takes seconds"
        " after its definition was installed; then it goes on by itself"
    )
    conditions = ["ResourceCreated"]
    return failed(WAITING_FOR_CLUSTER, words, conditions, final=False, retry_seconds=SETTLE_SECONDS)


def _names_object(owner: Mapping[str, Any]) -> bool:
    status = owner.get("status") or {}
    return bool((status.get("provider") or {}).get("resourceName"))


async def _main_object(cluster: Cluster, provider: Provider, request: RenderRequest) -> Object | None:
    name = request.applied[0].name if request.applied else request.ref.name
    main = await find_main(cluster, provider, name, namespace=request.ref.namespace)
    return main if main is not None and is_owned_by(main, request.uid) else None
