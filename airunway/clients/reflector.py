"""A kind, followed for good: list, then watch, then whatever it takes to miss nothing.

Kubernetes' own rules for clients: resume at the last version seen (bookmarks keep it fresh), list again
when that version is gone (410), and report the difference to what was known, so that an object deleted
while nobody watched is still reported as deleted.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from airunway.clients.backoff import Backoff
from airunway.clients.errors import ApiError, Expired, NotFound
from airunway.clients.kubernetes import Cluster, Kind, Listing, Object
from airunway.clients.kubernetes.listing import PAGE

_log = structlog.get_logger(__name__)

FIRST_DELAY_SECONDS = 0.2
MAX_DELAY_SECONDS = 5.0
"""After an outage, everything that follows a kind is at work again within this."""
FIRST_MISSING_KIND_SECONDS, MAX_MISSING_KIND_SECONDS = 5.0, 300.0
"""A kind that is not installed is asked for ever more seldom; see `Reflector.look_again`."""
JITTER = 0.2
TURN = 100
"""Objects of a list that are handled before others get their turn: ten thousand take a second together."""


@dataclass(frozen=True)
class ObjectChange:
    """What became of an object: `set` (there, new or changed) or `deleted`.

    A deletion that was only found out by a list carries what identifies the object, not its content.
    """

    type: str
    object: Object


class Reflector:
    """Follows one kind and hands every change to `handle`, in order. Run one task of it."""

    def __init__(
        self,
        cluster: Cluster,
        kind: Kind,
        handle: Callable[[ObjectChange], None],
        *,
        label_selector: str = "",
        field_selector: str = "",
        older: Sequence[Kind] = (),
        kept: Callable[[Object], Object] | None = None,
        page: int = PAGE,
    ) -> None:
        """`kept`: the part of an object that is handed on; `page`: objects that a list is read by."""
        self._cluster = cluster
        self._versions = (kind, *older)
        """Newest first: the first that is served when it is listed is followed."""
        self._kind = kind
        self._handle = handle
        self._selectors = {"label_selector": label_selector, "field_selector": field_selector}
        self._kept, self._page = kept, page
        self._known: dict[tuple[str, str], Object] = {}
        self._version = ""
        self._trouble = Backoff(first=FIRST_DELAY_SECONDS, maximum=MAX_DELAY_SECONDS, jitter=JITTER)
        """Begins again when a watch brings something: only that shows that one can be had."""
        self._looks_again = asyncio.Event()
        self.synced = asyncio.Event()
        """Set after the first list, also when the kind is not served (then there is nothing to list)."""
        self._heard: float | None = None
        """When the API server last said anything of the kind, on the loop's clock; None: it is not served."""

    async def run(self) -> None:
        """Follow until cancelled, whatever is answered and whatever the handler does."""
        missing = Backoff(
            first=FIRST_MISSING_KIND_SECONDS, maximum=MAX_MISSING_KIND_SECONDS, factor=4, jitter=JITTER
        )
        while True:
            try:
                if not self._version:
                    self._looks_again.clear()  # what is said from now on may be newer than this list
                    await self._list()
                    missing.reset()
                await self._watch()
                delay = FIRST_DELAY_SECONDS  # a server that ends every watch at once must not be besieged
            except Expired:
                _log.debug("watch version expired; listing again", kind=self._kind.plural)
                self._version = ""
                delay = self._trouble.next_delay()
            except NotFound:
                if self._version and len(self._versions) > 1:
                    self._version = ""  # it may be served in another version by now
                    continue
                # The kind is not installed, now or any more; it may be at any time.
                self._forget_all()
                self._heard = None
                self.synced.set()
                if await self._is_asked_within(missing.next_delay()):
                    missing.reset()
                delay = 0.0
            except ApiError as err:
                delay = self._trouble.next_delay()
                self._report(err, delay)
            except Exception:
                # A fault of ours, or an answer that is none: following must not end with it.
                delay = self._trouble.next_delay()
                _log.exception("watch failed; listing again", kind=self._kind.plural)
                self._version = ""
            await asyncio.sleep(delay)

    @property
    def resource(self) -> str:
        """Plural name of the kind that is followed."""
        return self._kind.plural

    @property
    def silent_seconds(self) -> float | None:
        """How long the API server has said nothing of the kind; None: it is not served, or not asked yet."""
        return None if self._heard is None else max(_now() - self._heard, 0.0)

    def look_again(self) -> None:
        """Something says that the kind may be installed by now: do not wait for the next look."""
        self._looks_again.set()

    async def _is_asked_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._looks_again.wait()
        return self._looks_again.is_set()

    def _report(self, err: ApiError, delay: float) -> None:
        log = _log.bind(kind=self._kind.plural, error=str(err)[:200], retry_in_seconds=round(delay, 1))
        self._cluster.outage.suspect(lambda: log.warning("watch interrupted; trying again"))

    async def _list(self) -> None:
        listing = await self._listing()
        there = {_key(obj): obj for obj in listing.items}
        for key, gone in list(self._known.items()):
            if key not in there or there[key]["metadata"]["uid"] != gone["metadata"]["uid"]:
                self._notify(ObjectChange("deleted", gone))
        for number, obj in enumerate(listing.items, start=1):
            self._notify(ObjectChange("set", obj))
            if number % TURN == 0:
                await asyncio.sleep(0)
        self._version, self._heard = listing.resource_version, _now()
        self.synced.set()

    async def _listing(self) -> Listing:
        """In the newest version that is served. Raises NotFound when none is."""
        for kind in self._versions[:-1]:
            with contextlib.suppress(NotFound):
                listing = await self._listed(kind)
                self._kind = kind
                return listing
        self._kind = self._versions[-1]
        return await self._listed(self._kind)

    async def _listed(self, kind: Kind) -> Listing:
        return await self._cluster.listing(kind, limit=self._page, kept=self._kept, **self._selectors)

    async def _watch(self) -> None:
        async for event in self._cluster.watch(self._kind, resource_version=self._version, **self._selectors):
            if event.type == "DELETED":
                self._notify(ObjectChange("deleted", event.object))
            elif event.type != "BOOKMARK":
                kept = event.object if self._kept is None else self._kept(event.object)
                self._notify(ObjectChange("set", kept))
            self._version, self._heard = event.object["metadata"]["resourceVersion"], _now()
            self._trouble.reset()
        self._heard = _now()  # a watch that ended in order was one
        self._trouble.reset()

    def _notify(self, change: ObjectChange) -> None:
        key = _key(change.object)
        if change.type == "deleted":
            self._known.pop(key, None)
        else:
            self._known[key] = _identity(change.object)
        try:
            self._handle(change)
        except Exception:
            # One object that is not understood must not keep all others from being followed.
            _log.exception(
                "a change could not be handled; it is passed over",
                kind=self._kind.plural,
                object="/".join(part for part in key if part),
            )

    def _forget_all(self) -> None:
        self._version = ""
        for gone in list(self._known.values()):
            self._notify(ObjectChange("deleted", gone))


def _now() -> float:
    return asyncio.get_running_loop().time()


def _key(obj: Object) -> tuple[str, str]:
    meta = obj["metadata"]
    return meta.get("namespace", ""), meta["name"]


def _identity(obj: Object) -> Object:
    """What is kept of an object: little, because there may be many."""
    meta = obj["metadata"]
    kept = {key: meta[key] for key in ("name", "namespace", "uid", "ownerReferences") if key in meta}
    return {"metadata": kept}
