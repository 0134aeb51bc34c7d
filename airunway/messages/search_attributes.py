"""What visibility knows of our workflows: search attributes. Pure, and apart: lists need no more."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

PHASE = SearchAttributeKey.for_keyword("AirunwayPhase")
ENGINE = SearchAttributeKey.for_keyword("AirunwayEngine")
PROVIDER = SearchAttributeKey.for_keyword("AirunwayProvider")
NAMESPACE = SearchAttributeKey.for_keyword("AirunwayNamespace")
MODEL = SearchAttributeKey.for_keyword("AirunwayModel")
CLUSTER = SearchAttributeKey.for_keyword("AirunwayCluster")
IMAGE = SearchAttributeKey.for_keyword("AirunwayImage")
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
