"""Where manifests come from, as `kubectl` takes them: files, folders, a kustomization."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from airunway.cli.problems import UsageError

SIZE_LIMIT_BYTES = 16 * 1024 * 1024
"""Several times what an API server takes in one request; more is not a manifest."""
ENDINGS = (".json", ".yaml", ".yml")
"""Of files in a folder that are manifests; a file that is named itself may be called anything."""
KUSTOMIZE_SECONDS = 120.0
"""A kustomization may fetch what it names."""
KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")


def manifest_files(names: Iterable[str], *, recursive: bool) -> Iterator[str]:
    """The files that are meant, `-` being standard input; those of a folder in the order of their names.

    `recursive`: also those of folders in a folder, links to folders excepted. Raises UsageError for a folder
    without manifests.
    """
    for name in names:
        if name.startswith(("http://", "https://")):
            raise UsageError(f"{name}: addresses are not read; fetch it and give it by -f -")
        if name == "-" or not Path(name).is_dir():
            yield name
            continue
        found = list(_files_in(Path(name), recursive=recursive))
        if not found:
            deeper = "" if recursive else "; folders in it are read with -R"
            raise UsageError(f"{name}: no manifest ({', '.join(ENDINGS)}) in this folder{deeper}")
        yield from found


def _files_in(folder: Path, *, recursive: bool) -> Iterator[str]:
    def refuse(err: OSError) -> None:
        raise UsageError(f"{err.filename}: cannot be read: {err.strerror}") from err

    for path, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(folders) if recursive else []
        for name in sorted(files):
            file = Path(path) / name
            if name.endswith(ENDINGS) and file.is_file():  # a pipe would be waited for
                yield str(file)


def built_by_kustomize(folder: Path) -> str:
    """What `kubectl kustomize` makes of a folder. Raises UsageError with its first line where it fails."""
    if not folder.is_dir():
        raise UsageError(f"-k {folder}: no such folder")
    if not any((folder / name).is_file() for name in KUSTOMIZATIONS):
        raise UsageError(f"-k {folder}: there is no {KUSTOMIZATIONS[0]} in this folder")
    program = shutil.which("kubectl")
    if program is None:
        raise UsageError(
            f"-k {folder}: this needs kubectl, which is not on PATH; install it, or build the manifests "
            "elsewhere and give them by -f -"
        )
    # Into a file: what is larger than any manifest is not held in memory.
    with tempfile.TemporaryFile() as file:
        try:
            done = subprocess.run(
                [program, "kustomize", str(folder.absolute())],
                stdout=file,
                stderr=subprocess.PIPE,
                stdin=subprocess.DEVNULL,
                timeout=KUSTOMIZE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise UsageError(
                f"-k {folder}: kubectl kustomize is not done after {KUSTOMIZE_SECONDS:.0f} s"
            ) from None
        if done.returncode:
            words = done.stderr.decode(errors="replace").strip() or f"exit status {done.returncode}"
            raise UsageError(f"-k {folder}: kubectl kustomize: {words.splitlines()[0]}")
        file.seek(0)
        data = file.read(SIZE_LIMIT_BYTES + 1)
    if len(data) > SIZE_LIMIT_BYTES:
        raise UsageError(f"-k {folder}: builds more than {SIZE_LIMIT_BYTES // 1024 // 1024} MiB")
    try:
        return data.decode()
    except UnicodeDecodeError as err:
        raise UsageError(f"-k {folder}: what it builds is not UTF-8 text") from err
