"""Whether this process lives, what it is, and whether the cluster answers (web-api.md §3.1)."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter
from starlette.responses import Response

from airunway.web.answers import JsonAnswer

public = APIRouter(tags=["state"])
router = APIRouter(tags=["state"])


@public.get("/api/health")
@public.get("/api/cluster/health", include_in_schema=False)
async def health() -> Response:
    """The process lives."""
    return JsonAnswer({"status": "healthy", "timestamp": datetime.now(UTC).isoformat()})
