"""The pages' routes, for the application."""

from __future__ import annotations

from airunway.web.pages import (
    deploy_routes,
    deployment_routes,
    fleet_routes,
    image_routes,
    prerequisite_routes,
    provider_routes,
)

PUBLIC_PAGES = (fleet_routes.public,)
"""What is shown before anybody has signed in."""
PAGES = (
    fleet_routes.router,
    deploy_routes.router,
    deployment_routes.router,
    image_routes.router,
    provider_routes.router,
    prerequisite_routes.router,
)
