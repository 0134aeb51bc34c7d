"""Settings of requests that others point somewhere."""

from __future__ import annotations

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from airunway.clients.guarded_http.policy import CLUSTER_DOMAIN, OutboundPolicy, problem_of


class OutboundSettings(BaseSettings):
    """Part of `Settings`, which says how they are read."""

    inside_hosts: list[str] = Field(
        default_factory=list,
        description="Hosts inside the network that may be asked wherever a user, a config or a server points "
        "there, as JSON: `host`, `host:port`, `*.domain`, a CIDR, or `http://host:port` for plain HTTP. All "
        "others must have public addresses. What another setting names (hub, mirrors, own registry) need not "
        "be listed; where it redirects to must.",
    )
    cluster_domains: list[str] = Field(
        default=[CLUSTER_DOMAIN],
        description="Domains of the cluster's Services, as JSON: names in them are never asked.",
    )

    @field_validator("inside_hosts")
    @classmethod
    def _hosts(cls, value: list[str]) -> list[str]:
        if problems := list(filter(None, map(problem_of, value))):
            raise ValueError("; ".join(problems))
        return value

    @property
    def outbound(self) -> OutboundPolicy:
        """The rule that follows."""
        return OutboundPolicy(inside_hosts=self.inside_hosts, cluster_domains=self.cluster_domains)
