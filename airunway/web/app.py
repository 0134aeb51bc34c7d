"""The application: routes, refusals, guards. Made from a state, so that tests make one of their own."""

from __future__ import annotations

from pathlib import Path

from fastapi import Depends, FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles

from airunway.web.browser import BrowserGuard
from airunway.web.documented import document_answers
from airunway.web.errors import install_error_handlers
from airunway.web.pages.rendering import error_page
from airunway.web.pages.routers import PAGES, PUBLIC_PAGES
from airunway.web.routes import (
    advice,
    chat,
    cluster,
    deployments,
    health,
    installing,
    models,
    prerequisites,
    secrets,
    serving,
    session,
    settings,
)
from airunway.web.state import WebState, caller_of
from airunway.workers.version import installed_version

MIN_GZIP_BYTES, GZIP_LEVEL = 1_000, 1
"""Of a list of a thousand deployments, the first level takes nine tenths away, in a tenth of the time."""

PUBLIC = (health.public, settings.public, secrets.oauth, session.router, *PUBLIC_PAGES)
"""What is answered before anybody has signed in."""
PRIVATE = (
    health.router,
    settings.router,
    deployments.router,
    serving.router,
    chat.router,
    installing.router,
    prerequisites.router,
    cluster.router,
    models.router,
    secrets.router,
    advice.router,
    *PAGES,
)
STATIC = Path(__file__).with_name("static")
"""Scripts and styles of the pages, which need no sign-in."""


def create_app(state: WebState) -> FastAPI:
    """The application for a state."""
    app = FastAPI(
        title="AI Runway",
        version=installed_version(),
        description="AI Runway's HTTP API.",
        docs_url=None,  # its page loads scripts of others
        redoc_url=None,
        openapi_url="/api/openapi.json",
        redirect_slashes=False,
    )
    app.state.web = state
    document_answers(app, [*PUBLIC, *PRIVATE])
    install_error_handlers(app, error_page)
    for router in PUBLIC:
        app.include_router(router)
    for router in PRIVATE:
        app.include_router(router, dependencies=[Depends(caller_of)])
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(GZipMiddleware, minimum_size=MIN_GZIP_BYTES, compresslevel=GZIP_LEVEL)
    app.add_middleware(BrowserGuard, settings=state.settings)  # the last one is the outermost
    return app
