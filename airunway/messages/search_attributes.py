"""What visibility knows of our workflows: search attributes. Pure, and apart: lists need no more."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from airunway.api.names import (
    CLUSTER_ATTRIBUTE,
    ENGINE_ATTRIBUTE,
    IMAGE_ATTRIBUTE,
    MODEL_ATTRIBUTE,
    NAMESPACE_ATTRIBUTE,
    PHASE_ATTRIBUTE,
    PROVIDER_ATTRIBUTE,
)

PHASE = SearchAttributeKey.for_keyword(PHASE_ATTRIBUTE)
ENGINE = SearchAttributeKey.for_keyword(ENGINE_ATTRIBUTE)
PROVIDER = SearchAttributeKey.for_keyword(PROVIDER_ATTRIBUTE)
NAMESPACE = SearchAttributeKey.for_keyword(NAMESPACE_ATTRIBUTE)
MODEL = SearchAttributeKey.for_keyword(MODEL_ATTRIBUTE)
CLUSTER = SearchAttributeKey.for_keyword(CLUSTER_ATTRIBUTE)
IMAGE = SearchAttributeKey.for_keyword(IMAGE_ATTRIBUTE)
SEARCH_ATTRIBUTES = (PHASE, ENGINE, PROVIDER, NAMESPACE, MODEL, CLUSTER, IMAGE)
MAX_KEYWORD = 255
"""Characters of a search attribute: a column of Temporal's database, which takes no more."""


def attributes_at_start(
    values: Mapping[SearchAttributeKey[str], str], known: Collection[str]
) -> TypedSearchAttributes:
    """What a workflow is started with. `known`: names that the namespace has; it refuses others."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(key, text[:MAX_KEYWORD])
            for key, text in values.items()
            if text and key.name in known
        ]
    )
