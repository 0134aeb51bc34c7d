"""A refusal that no other attempt changes: the object keeps a field that our change would change. Pure.

Operators say so in their own words, Kubernetes in its own; all say that something is immutable, or cannot be
changed after creation. Which changes a provider knows beforehand it says by `replacement_reason`.
"""

from __future__ import annotations

import re

from airunway.activities.upstream.inspection import Target
from airunway.messages.deployment import RefusedChange

MAX_WORDS = 300

# Not as a part of a name: objects, webhooks and their policies are called so as well.
_SAYS_SO = re.compile(
    r"(?<![-\w.\"'])immutable(?![-\w\"']|\.\w)|\bcannot\s+(?:be\s+)?(?:chang|modif|updat)\w*\b[^\n]{0,200}\bafter\s+creation\b",
    re.IGNORECASE,
)


def refused_change(target: Target, refusal: str, *, generation: int, digest: str) -> RefusedChange | None:
    """The change, if it is refused for good and the deployment's spec asks for it; None: it is not known to.

    `generation`: of the deployment that asks. An object that was written for the same one before was
    changed by somebody else, or is rendered otherwise by a newer version of ours: neither takes down what
    serves.
    """
    last, live = target.last, target.live
    if live is None or last is None or generation <= last.deployment_generation:
        return None
    if not _SAYS_SO.search(refusal):
        return None
    return RefusedChange(uid=live["metadata"]["uid"], digest=digest, why=refusal[:MAX_WORDS])
