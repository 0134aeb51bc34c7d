"""Settings of the web process: where it listens, who must sign in, which pages may call it."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


class WebSettings(BaseSettings):
    """Part of `Settings`, which says how they are read."""

    web_address: str = Field(
        default="127.0.0.1",
        description="Address on which `airunway web` listens.",
    )
    web_port: int = Field(
        default=3001, ge=0, le=65535, description="Its port, as of AI Runway's backend; 0: any free one."
    )
    web_auth: bool | None = Field(
        default=None,
        description="Whether people sign in with a Kubernetes token, in whose name everything is done. "
        "Absent: unless it listens on a loopback address. `false`: whoever reaches it has the rights of the "
        "process.",
    )
    web_hosts: list[str] = Field(
        default_factory=list,
        description="Names by which it may be called (header Host), as JSON, beside those of this machine; "
        '`["*"]`: any. Empty: with sign-in any, without only those.',
    )
    web_origins: list[str] = Field(
        default_factory=list,
        description="Other pages that may call it from a browser, as JSON: exact origins, such as "
        '`https://headlamp.example.com`, or `["*"]`. Empty: pages of this machine, on any port.',
    )
    web_trusted_proxies: list[IPv4Network | IPv6Network] = Field(
        default_factory=list,
        description="Proxies before it, as JSON: addresses or networks, such as `10.0.0.0/24`. Only of these "
        "`X-Forwarded-For` is believed, so that the limit of wrong tokens counts for each person. Empty: all "
        "who come through a proxy share its limit.",
    )
    web_session_key_file: Path | None = Field(
        default=None,
        description="File with the key of session cookies, which all replicas share: any text of 32 "
        "characters or more. Absent: that of the Secret, else one is made at the start, and people sign in "
        "anew after it.",
    )
    web_session_key_secret: str = Field(
        default="",
        description="Secret in the namespace of the pod (AIRUNWAY_POD_NAMESPACE) with that key in its entry "
        "`key`. Where it is empty the process that starts first writes a key into it.",
    )

    @property
    def web_signs_in(self) -> bool:
        """The effective `web_auth`."""
        return not is_loopback(self.web_address) if self.web_auth is None else self.web_auth
