"""What is generated from the `.proto` files is what they say now."""

from __future__ import annotations

from pathlib import Path

from tools.generate.buildkit_messages import FOLDER, ROOT, generate


def test_the_committed_messages_are_those_of_the_proto_files(tmp_path: Path) -> None:
    fresh = generate(tmp_path)

    stale = [str(file) for file in fresh if (tmp_path / file).read_text() != (ROOT / file).read_text()]
    assert not stale, f"run `python3 dev.py generate`: {stale}"


def test_nothing_else_lies_beside_them(tmp_path: Path) -> None:
    fresh = {file.name for file in generate(tmp_path)}

    kept = {file.name for file in (ROOT / FOLDER).iterdir() if "_pb2" in file.name}
    assert kept == fresh
