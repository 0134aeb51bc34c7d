"""A scrape, read as Prometheus reads it."""

from __future__ import annotations

import asyncio
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]
"""By name, and labels but for the cluster's."""


def series(text: bytes | str) -> Series:
    """Every series of a scrape."""
    words = text.decode() if isinstance(text, bytes) else text
    return {
        (sample.name, frozenset((k, v) for k, v in sample.labels.items() if k != "cluster")): sample.value
        for family in text_string_to_metric_families(words)
        for sample in family.samples
    }


def value(found: Series, name: str, **labels: str) -> float:
    """One series' value. Raises KeyError when it is not there."""
    return found[name, frozenset(labels.items())]


async def scraped(port: int) -> str:
    """The text that a process serves."""

    def read() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            return str(answer.read().decode())

    return await asyncio.to_thread(read)
