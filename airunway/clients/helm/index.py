"""Read a chart repository's index: `python -m airunway.clients.helm.index FILE CHART VERSION`.

Prints what it says of the version as JSON: `{"url", "digest"}`, the digest empty or `sha256:…`; `null`
without one. A process of its own, because the index may be large, and its parser keeps everything else in a
process waiting.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airunway.clients.bounded_yaml import BadYaml, read_yaml


def entry(index: Any, chart: str, version: str) -> dict[str, str] | None:
    """Address and digest of a version, which must be the very one; no version means no chart."""
    entries = index.get("entries") if isinstance(index, Mapping) else None
    versions = entries.get(chart) if isinstance(entries, Mapping) else None
    for found in versions if isinstance(versions, list) else ():
        if not isinstance(found, Mapping):
            continue
        same = str(found.get("version") or "").removeprefix("v") == version.removeprefix("v")
        urls = found.get("urls")
        if same and version and isinstance(urls, list) and urls:
            digest = str(found.get("digest") or "").lower()
            return {
                "url": str(urls[0]),
                "digest": digest if not digest or ":" in digest else f"sha256:{digest}",
            }
    return None


def main() -> None:
    """Read the file that is named."""
    file, chart, version = sys.argv[1:]
    try:
        documents = read_yaml(Path(file).read_text(encoding="utf-8"))
    except (BadYaml, UnicodeDecodeError):
        sys.exit(1)
    print(json.dumps(entry(documents[0] if documents else None, chart, version)))


if __name__ == "__main__":
    main()
