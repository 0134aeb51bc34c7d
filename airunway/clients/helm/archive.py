"""Look into a chart, packed or not, without unpacking it."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zlib
from contextlib import suppress
from pathlib import Path, PurePosixPath

MAX_UNPACKED = 100 * 1024 * 1024
"""Bytes, as Helm itself has it: a hundred times what charts of operators are."""
_CHUNK = 1024 * 1024
VALUES_SCHEMA = "values.schema.json"
_CRDS = "airunway-crds"
"""Folder among the templates; no chart has one of that name."""


def digest_of(archive: Path) -> str:
    """`sha256:…` of a file."""
    with archive.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def is_bounded(archive: Path) -> bool:
    """Whether it unpacks to what a chart may be. Of what is no archive Helm says so itself."""
    size = 0
    with suppress(gzip.BadGzipFile, EOFError, zlib.error), gzip.open(archive) as packed:
        while size <= MAX_UNPACKED and (chunk := packed.read(_CHUNK)):
            size += len(chunk)
    return size <= MAX_UNPACKED


def has_values_schema(chart: Path) -> bool:
    """Whether the chart itself (not a sub-chart) brings a schema for its values."""
    if chart.is_dir():
        return (chart / VALUES_SCHEMA).is_file()
    with tarfile.open(chart) as packed:
        names = (member.name.removeprefix("./").split("/") for member in packed)
        return any(len(parts) == 2 and parts[1] == VALUES_SCHEMA for parts in names)


def is_crd_template(source: str) -> bool:
    """Whether a rendered template is what `with_crds_as_templates` added."""
    return PurePosixPath(source).parent.name == _CRDS


def with_crds_as_templates(archive: Path) -> bytes:
    """The chart with a copy of each file in `crds/` among the templates of the same (sub-)chart.

    Helm renders only the sub-charts that the values enable, and so tells whose definitions count.
    """
    buffer = io.BytesIO()
    with tarfile.open(archive) as packed, tarfile.open(fileobj=buffer, mode="w:gz") as target:
        for member in packed:
            file = packed.extractfile(member)
            if file is None:
                continue
            content = file.read()
            _add(target, member.name, content)
            path = PurePosixPath(member.name)
            if path.parent.name == "crds" and path.suffix in (".yaml", ".yml", ".json"):
                template = path.parent.parent / "templates" / _CRDS / path.name
                # The copy must come out as it is: definitions may hold braces in their descriptions.
                _add(target, str(template), content.replace(b"{{", b'{{ "{{" }}'))
    return buffer.getvalue()


def _add(target: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    target.addfile(member, io.BytesIO(content))
