"""What this process rendered last, for applying it in the same process. It never leaves the process.

Rendered objects may hold what a person wrote into an environment variable, so no request carries them; who
does not find them here renders again.
"""

from __future__ import annotations

from collections import OrderedDict

from airunway.activities.upstream.rendering import RenderedObjects
from airunway.messages.upstream import RenderRequest

MAX_RENDERED = 256


class RenderedCache:
    """A small memory by the deployment's uid; the oldest go first."""

    def __init__(self) -> None:
        self._rendered: OrderedDict[str, RenderedObjects] = OrderedDict()
        self._to_inspect: OrderedDict[str, None] = OrderedDict()

    def remember(self, rendered: RenderedObjects) -> None:
        """Keep it."""
        uid = rendered.request.uid
        self._rendered[uid] = rendered
        self._rendered.move_to_end(uid)
        if len(self._rendered) > MAX_RENDERED:
            self._rendered.popitem(last=False)

    def take(self, request: RenderRequest) -> RenderedObjects | None:
        """What was rendered for just this request, once: a second attempt looks for itself."""
        rendered = self._rendered.pop(request.uid, None)
        return rendered if rendered is not None and rendered.request == request else None

    def inspect_next(self, uid: str) -> None:
        """What was planned for it without a look was wrong: another rendering is to look first."""
        self._to_inspect[uid] = None
        if len(self._to_inspect) > MAX_RENDERED:
            self._to_inspect.popitem(last=False)

    def is_to_inspect(self, uid: str) -> bool:
        """Whether that was said since the last time this was asked."""
        return self._to_inspect.pop(uid, self) is None
