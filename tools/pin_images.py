"""Pin images of others by digest where they are named by tag: the digest of now, as their registry says it.

    python3 dev.py pin [FILE ...]

Without files: docker-compose.yaml and Dockerfile. Only what follows a tag changes, as text; images of this
project, which a release names, stay as they are. Registries are asked as AIRUNWAY_REGISTRY_MIRRORS and
AIRUNWAY_REGISTRY_HOSTS say. Where one cannot be asked nothing is written, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from airunway.clients.registry.client import RegistryClient
from airunway.clients.registry.errors import RegistryError
from airunway.workers.environment import read_settings

ROOT = Path(__file__).resolve().parents[1]
FILES = (ROOT / "docker-compose.yaml", ROOT / "Dockerfile")
IMAGE = re.compile(
    r"(?P<variable>\b[A-Z_]+_IMAGE)(?P<sign>:-|=)(?P<tagged>[^\s@}:]+:[^\s@}]+)(?:@sha256:[0-9a-f]{64})?"
)
"""The default of a variable: `${POSTGRES_IMAGE:-postgres:16}` in a compose file, `ARG` in a Dockerfile."""
OURS = "AIRUNWAY_IMAGE"


def images_in(text: str) -> list[str]:
    """Images of others with their tags, each once."""
    found = [entry["tagged"] for entry in IMAGE.finditer(text) if entry["variable"] != OURS]
    return list(dict.fromkeys(found))


async def digests_of(images: Iterable[str], client: RegistryClient) -> dict[str, str]:
    """The digest of each: of its index, where it is for several platforms. Raises RegistryError."""
    return {image: (await client.resolve(image)).digest for image in images}


def pinned(text: str, digests: Mapping[str, str]) -> str:
    """The text with these digests behind their tags."""

    def with_digest(found: re.Match[str]) -> str:
        digest = digests.get(found["tagged"]) if found["variable"] != OURS else None
        return f"{found['variable']}{found['sign']}{found['tagged']}@{digest}" if digest else found[0]

    return IMAGE.sub(with_digest, text)


def pin(files: Iterable[Path], client: RegistryClient) -> list[str]:
    """Write the digests into the files; answers them. Raises RegistryError, and then writes nothing."""
    texts = {file: file.read_text() for file in files}
    images = [image for text in texts.values() for image in images_in(text)]
    digests = asyncio.run(digests_of(dict.fromkeys(images), client))
    for file, text in texts.items():
        file.write_text(pinned(text, digests))
    return [f"{image}@{digest}" for image, digest in digests.items()]


def main() -> int:
    """Pin them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", type=Path, nargs="*", default=FILES)
    files: list[Path] = parser.parse_args().files
    settings = read_settings()
    client = RegistryClient(mirrors=settings.registry_mirrors, allowed_hosts=settings.registry_hosts)
    try:
        said = pin(files, client)
    except RegistryError as err:
        print(f"error: nothing is pinned: {err}", file=sys.stderr)
        return 1
    print("\n".join(said))
    return 0


if __name__ == "__main__":
    sys.exit(main())
