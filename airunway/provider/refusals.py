"""What it means to a provider that the API server, or its operator's webhook, refused an object. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class RefusalVerdict:
    """Nothing of it: what the server said is all there is to say, and somebody has to change something.

    `learned`: one of `Provider.learnable`. The objects are rendered once more with it, and it is kept with
    what else is recorded of the cluster; a refusal after that is final.
    `waiting`: what has to come, completing "waiting for"; it is tried again by itself, and is no failure.
    `advice`: what a person can do, as the end of a sentence.
    """

    learned: str = ""
    waiting: str = ""
    advice: str = ""


NO_VERDICT = RefusalVerdict()
