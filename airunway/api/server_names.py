"""How Kubernetes writes names, keys and values: each function answers what is wrong, nothing when it is fine.

Source: k8s.io/apimachinery, pkg/util/validation, and k8s.io/kubernetes, pkg/apis/core/validation.
"""

from __future__ import annotations

import re

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_DNS_LABEL = re.compile(_LABEL)
_PORT_NAME = re.compile(rf"(?=.*[a-z]){_LABEL}")
_SUBDOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_LABEL_WORDS = "must be lower case letters, digits and '-', and begin and end with a letter or digit"
_SUBDOMAIN_WORDS = (
    "must be lower case letters, digits, '-' and '.', and begin and end with a letter or digit, as in"
    " example.com"
)
_QUALIFIED_WORDS = (
    "must be letters, digits, '-', '_' and '.', and begin and end with a letter or digit, as in MyName or"
    " 123-abc"
)
MAX_SUBDOMAIN, MAX_PART, MAX_PORT_NAME = 253, 63, 15
_STANDARD_RESOURCES = frozenset({"cpu", "memory", "ephemeral-storage"})
_REQUESTS = "requests."


def _is(pattern: re.Pattern[str], text: str) -> bool:
    # Where Python's `$` would take a line break at the end, Go's takes none; fullmatch does not either.
    return pattern.fullmatch(text) is not None


def subdomain_fault(name: str) -> str:
    """What is wrong with the name of an object, for most kinds."""
    if len(name.encode()) > MAX_SUBDOMAIN:
        return f"must be no more than {MAX_SUBDOMAIN} bytes"
    return "" if _is(_SUBDOMAIN, name) else _SUBDOMAIN_WORDS


def label_fault(name: str) -> str:
    """What is wrong with the name of a container, a volume or a namespace."""
    if len(name.encode()) > MAX_PART:
        return f"must be no more than {MAX_PART} bytes"
    return "" if _is(_DNS_LABEL, name) else _LABEL_WORDS


def port_name_fault(name: str) -> str:
    """What is wrong with the name of a port."""
    if _is(_PORT_NAME, name) and len(name) <= MAX_PORT_NAME and "--" not in name:
        return ""
    return (
        f"must be at most {MAX_PORT_NAME} lower case letters, digits and single '-', with a letter among"
        " them, and begin and end with a letter or digit"
    )


def key_fault(key: str) -> str:
    """What is wrong with the key of a label, a selector or a toleration: `name` or `example.com/name`."""
    if key.count("/") > 1:
        return "must be a name, or a prefix, one '/' and a name"
    prefix, slash, name = key.rpartition("/")
    if slash and (fault := subdomain_fault(prefix) if prefix else "must not be empty"):
        return f"the part before '/' {fault}"
    if len(name.encode()) > MAX_PART:
        return f"the name must be no more than {MAX_PART} bytes"
    return "" if _is(_QUALIFIED, name) else f"the name {_QUALIFIED_WORDS}"


def value_fault(value: str) -> str:
    """What is wrong with the value of a label, a selector or a toleration; an empty one is fine."""
    if len(value.encode()) > MAX_PART:
        return f"must be no more than {MAX_PART} bytes"
    return "" if not value or _is(_QUALIFIED, value) else f"must be empty, or {_QUALIFIED_WORDS}"


def variable_fault(name: str) -> str:
    """What is wrong with the name of an environment variable, since Kubernetes 1.32."""
    if name and name.isascii() and name.isprintable() and "=" not in name:
        return ""
    return "must be printable ASCII characters other than '='"


def config_key_fault(key: str) -> str:
    """What is wrong with a key in a ConfigMap or Secret."""
    if len(key.encode()) > MAX_SUBDOMAIN:
        return f"must be no more than {MAX_SUBDOMAIN} bytes"
    if key in (".", "..") or key.startswith(".."):
        return "must not be '.', nor begin with '..'"
    return "" if _is(_CONFIG_KEY, key) else "must be letters, digits, '-', '_' and '.'"


def resource_fault(name: str) -> str:
    """What is wrong with the name of a resource that a container may ask for, like nvidia.com/gpu."""
    if fault := key_fault(name):
        return fault
    if "/" not in name:
        standard = name in _STANDARD_RESOURCES or name.startswith("hugepages-")
        return "" if standard else "must be a resource of Kubernetes, or have a domain, as in nvidia.com/gpu"
    if "kubernetes.io/" in name:
        return ""
    if name.startswith(_REQUESTS) or key_fault(_REQUESTS + name):
        return "must be a name that also fits behind 'requests.'"
    return ""
