"""Keeps pages in a browser away from the sandbox's own web servers; see `kube_emulator.local_hosts`."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler

from kube_emulator.local_hosts import comes_from_here


@web.middleware
async def for_this_machine(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses what does not come from this machine itself."""
    if not comes_from_here(request.headers):
        return web.Response(status=403, text="this is for programs of this machine, by its own name\n")
    return await handler(request)
