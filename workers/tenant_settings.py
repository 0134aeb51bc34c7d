"""Settings of clusters that tenants share: in whose name objects are written, and who may call a model."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings


class TenantSettings(BaseSettings):
    """Part of `Settings`, which says how they are read."""

    impersonate: str = Field(
        default="",
        pattern=r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$",
        description="Name of a ServiceAccount: the objects of a deployment are written in the name of the "
        "account of that name in its namespace. Empty: by the worker itself; see "
        "[security.md](security.md#in-whose-name-objects-are-written).",
    )
