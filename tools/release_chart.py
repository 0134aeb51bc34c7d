"""Copy a chart for a release: its images are those that were just pushed, by digest.

    python -m tools.release_chart deploy/charts/airunway build/chart --images build/images.json \\
        --repository registry.example/airunway

Only the three lines of `image` in values.yaml change, as text: comments and order stay. Needs Python alone.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
TARGETS = {"digest": "runtime", "installerDigest": "installer"}
"""Value of the chart to target of docker-bake.hcl."""


def digests_in(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Value of the chart to digest, of what `docker buildx bake --metadata-file` wrote.

    Raises ValueError for a target that was not pushed.
    """
    found = {}
    for value, target in TARGETS.items():
        digest = str(metadata.get(target, {}).get("containerimage.digest", ""))
        if not DIGEST.fullmatch(digest):
            raise ValueError(f"no digest of the image {target}: was it built and pushed?")
        found[value] = digest
    return found


def with_images(values: str, *, repository: str, digests: Mapping[str, str]) -> str:
    """The text of values.yaml with these images. Raises ValueError where it has no such line."""
    found = re.search(r"^image:\n((?:  .*\n|\n)*)", values, re.MULTILINE)
    if found is None:
        raise ValueError("values.yaml has no block `image`")
    block = found[1]
    for key, value in {"repository": repository, **digests}.items():
        block, count = re.subn(rf"^  {key}: .*$", f"  {key}: {value}", block, flags=re.MULTILINE)
        if count != 1:
            raise ValueError(f"values.yaml has no line image.{key}")
    return values[: found.start(1)] + block + values[found.end(1) :]


def main() -> None:
    """Write the copy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("chart", type=Path)
    parser.add_argument("target", type=Path, help="folder that the chart's folder is written into")
    parser.add_argument("--images", type=Path, required=True, help="what bake's --metadata-file wrote")
    parser.add_argument("--repository", required=True)
    given = parser.parse_args()
    digests = digests_in(json.loads(given.images.read_text()))
    target = given.target / given.chart.name
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(given.chart, target)
    values = target / "values.yaml"
    values.write_text(with_images(values.read_text(), repository=given.repository, digests=digests))


if __name__ == "__main__":
    main()
