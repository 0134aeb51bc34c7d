"""What the pretend builder's file operations do to dates and folders is what a real disk does."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from airunway.clients.buildkit.wire import ops_pb2 as pb
from airunway.sandbox.buildkit.files import Entry, Files, applied

TODAY = 1_800_000_000
FOLDER = pb.FileAction(
    input=-1,
    secondaryInput=-1,
    output=-1,
    mkdir=pb.FileActionMkDir(path="/a/b", mode=0o755, makeParents=True),
)
LINK = pb.FileActionSymlink(oldpath="../x", newpath="/a/b/x")


def made(*actions: pb.FileAction, inputs: Sequence[Files] = ()) -> Files:
    return applied(pb.FileOp(actions=actions), inputs, now=TODAY)


def test_a_folder_in_which_something_is_made_gets_todays_date() -> None:
    files = made(FOLDER, pb.FileAction(input=0, secondaryInput=-1, output=0, symlink=LINK))

    assert files == {
        "/a": Entry(TODAY, 0o755),
        "/a/b": Entry(TODAY, 0o755),
        "/a/b/x": Entry(0, 0o777, link="../x"),
    }


def test_a_copy_of_it_all_dates_everything() -> None:
    copy = pb.FileActionCopy(src="/", dest="/", mode=-1, dirCopyContents=True, timestamp=0)

    files = made(
        FOLDER,
        pb.FileAction(input=0, secondaryInput=-1, output=-1, symlink=LINK),
        pb.FileAction(input=-1, secondaryInput=1, output=0, copy=copy),
    )

    assert {entry.date for entry in files.values()} == {0}
    assert list(files) == ["/a", "/a/b", "/a/b/x"]


def test_a_copy_keeps_a_files_date_unless_told_another() -> None:
    copy = pb.FileActionCopy(src="/x", dest="/a/x", mode=-1, createDestPath=True, timestamp=-1)
    source = {"/x": Entry(7, content=b"x")}

    files = made(pb.FileAction(input=-1, secondaryInput=0, output=0, copy=copy), inputs=[source])

    assert files == {"/a": Entry(TODAY, 0o755), "/a/x": Entry(7, content=b"x")}


@pytest.mark.parametrize(
    ("reason", "action"),
    [
        ("a link in no folder", pb.FileAction(input=-1, secondaryInput=-1, symlink=LINK)),
        (
            "a copy of nothing",
            pb.FileAction(input=-1, secondaryInput=-1, copy=pb.FileActionCopy(src="/x", dest="/y")),
        ),
    ],
)
def test_what_a_disk_would_refuse_is_refused(reason: str, action: pb.FileAction) -> None:
    with pytest.raises(ValueError, match="no such file or directory"):
        made(action)


def test_an_input_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="invalid input index 3"):
        made(pb.FileAction(input=3, secondaryInput=-1, symlink=LINK))
