"""Who besides its callers has to reach a model's pods: the provider's operator. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class OperatorPeer:
    """An operator that has to reach the pods which it makes.

    `namespace_variable`: in the worker's environment, names another namespace that it runs in.
    """

    namespace: str
    labels: Mapping[str, str]
    ports: Sequence[int]
    namespace_variable: str
