"""Checks how a pod finds others by name: host aliases and DNS.

Source: k8s.io/kubernetes/pkg/apis/core/validation/validation.go (ValidateHostAliases, validatePodDNSConfig).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any

from . import causes
from .errors import Cause
from .metadata import subdomain_fault

Obj = Mapping[str, Any]
_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_NO_ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
_SEARCH = r"_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*"
_SEARCH_ERROR = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and "
    f"must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    f"'{_SEARCH}')"
)
_MAX_SERVERS, _MAX_SEARCHES, _MAX_CHARACTERS = 3, 32, 2048


def aliases(found: Any, path: str) -> Iterator[Cause]:
    """Everything wrong with the further names of hosts."""
    for index, alias in enumerate(found):
        yield from _address(alias.get("ip", ""), f"{path}[{index}].ip")
        for place, name in enumerate(alias.get("hostnames") or ()):
            if fault := subdomain_fault(name):
                yield causes.invalid(f"{path}[{index}].hostnames[{place}]", name, fault)


def dns(pod: Obj, path: str) -> Iterator[Cause]:
    """Everything wrong with a pod's policy and config of DNS."""
    policy, config, where = pod.get("dnsPolicy") or "ClusterFirst", pod.get("dnsConfig"), f"{path}.dnsConfig"
    if policy not in _POLICIES:
        yield causes.not_supported(f"{path}.dnsPolicy", policy, _POLICIES)
    if policy == "None":
        if config is None:
            yield causes.required(where, "must provide `dnsConfig` when `dnsPolicy` is None")
        elif not config.get("nameservers"):
            words = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            yield causes.required(f"{where}.nameservers", words)
    if config is not None:
        yield from _config(config, where)


def _config(config: Obj, path: str) -> Iterator[Cause]:
    servers, searches = config.get("nameservers") or (), config.get("searches") or ()
    if len(servers) > _MAX_SERVERS:
        words = f"must not have more than {_MAX_SERVERS} nameservers"
        yield causes.invalid(f"{path}.nameservers", servers, words)
    for index, server in enumerate(servers):
        yield from _address(server, f"{path}.nameservers[{index}]")
    if len(searches) > _MAX_SEARCHES:
        words = f"must not have more than {_MAX_SEARCHES} search paths"
        yield causes.invalid(f"{path}.searches", searches, words)
    if len(" ".join(searches)) > _MAX_CHARACTERS:
        words = f"must not have more than {_MAX_CHARACTERS} characters (including spaces) in the search list"
        yield causes.invalid(f"{path}.searches", searches, words)
    for index, search in enumerate(searches):
        bare = search.removesuffix(".")
        if search != "." and not re.fullmatch(_SEARCH, bare):
            yield causes.invalid(f"{path}.searches[{index}]", bare, _SEARCH_ERROR)
    for index, option in enumerate(config.get("options") or ()):
        if not option.get("name"):
            yield causes.required(f"{path}.options[{index}]", "must not be empty")


def _address(given: str, path: str) -> Iterator[Cause]:
    try:
        ipaddress.ip_address(given)
    except ValueError:
        yield causes.invalid(path, given, _NO_ADDRESS)
