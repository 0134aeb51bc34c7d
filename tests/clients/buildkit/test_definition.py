"""What BuildKit is told to do is made of the image alone, and says it exactly."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from airunway.clients.buildkit import BuildKitEndpoint, Platform, definition_of
from airunway.clients.buildkit.wire import ops_pb2 as pb
from tests.clients.buildkit.images import SHA_A, SHA_B, http_file, model_image


def operations(definition: pb.Definition) -> list[pb.Op]:
    return [pb.Op.FromString(marshalled) for marshalled in getattr(definition, "def")]


SOURCE_ATTRIBUTES = {
    "http.checksum": f"sha256:{SHA_A}",
    "http.filename": "a.gguf",
    "http.perm": "0644",
    "http.authheadersecret": "HF",
}


def test_a_file_is_downloaded_checked_and_linked() -> None:
    definition = definition_of(model_image(http_file(auth_secret="HF"), base=""))

    source, links, merge, last = operations(definition)
    assert source.source.identifier == "https://hub.test/a.gguf"
    assert dict(source.source.attrs) == SOURCE_ATTRIBUTES
    folder, link, dated = links.file.actions
    assert (folder.mkdir.path, folder.mkdir.mode) == ("/models", 0o755)
    assert (link.symlink.newpath, link.symlink.oldpath) == ("/models/a.gguf", "../a.gguf")
    assert [(action.input, action.secondaryInput, action.output) for action in links.file.actions] == [
        (-1, -1, -1),
        (0, -1, -1),
        (-1, 1, 0),
    ]
    dates = (folder.mkdir.timestamp, link.symlink.timestamp, dated.copy.timestamp)
    assert dates == (0, 0, 0)
    assert (dated.copy.src, dated.copy.dest, dated.copy.dirCopyContents) == ("/", "/", True)
    assert not links.inputs
    assert [wanted.digest for wanted in merge.inputs] == [digest_of(source), digest_of(links)]
    assert [wanted.digest for wanted in last.inputs] == [digest_of(merge)] and last.WhichOneof("op") is None


def test_with_fixed_dates_it_is_copied_and_dated() -> None:
    definition = definition_of(model_image(http_file(auth_secret="HF"), base="", fixed_dates=True))

    source, copy, last = operations(definition)
    assert dict(source.source.attrs) == SOURCE_ATTRIBUTES
    action = copy.file.actions[0].copy
    assert (action.src, action.dest, action.timestamp, action.mode) == ("/a.gguf", "/models/a.gguf", 0, -1)
    assert action.createDestPath
    assert [wanted.digest for wanted in last.inputs] == [digest_of(copy)]


def test_the_base_comes_first_and_each_file_is_merged_onto_it() -> None:
    image = model_image(http_file("a.gguf"), http_file("b.gguf", sha256=SHA_B))

    *_, merge, last = operations(definition_of(image))

    digests = {digest_of(op): op for op in operations(definition_of(image))}
    parts = [digests[wanted.digest] for wanted in merge.inputs]
    sources = [part.source.identifier for part in parts[:-1]]
    assert sources == [
        "docker-image://ghcr.io/base@sha256:1",
        "https://hub.test/a.gguf",
        "https://hub.test/b.gguf",
    ]
    links = [action.symlink.newpath for action in parts[-1].file.actions if action.HasField("symlink")]
    assert links == ["/models/a.gguf", "/models/b.gguf"]
    assert digests[last.inputs[0].digest] == merge
    assert [merged.input for merged in merge.merge.inputs] == [0, 1, 2, 3]


def test_every_operation_is_for_the_platform() -> None:
    arm = Platform("linux", "arm64", "v8")

    *steps, _last = operations(definition_of(model_image(platform=arm)))

    assert {(op.platform.OS, op.platform.Architecture, op.platform.Variant) for op in steps} == {
        ("linux", "arm64", "v8")
    }


def test_the_same_image_is_the_same_bytes() -> None:
    def built() -> bytes:
        return definition_of(model_image(http_file(auth_secret="x"))).SerializeToString(deterministic=True)

    assert built() == built()


@pytest.mark.parametrize(
    ("fixed_dates", "step", "need"),
    [
        (False, "linking the files", "file.symlink.create"),
        (True, "placing /models/a.gguf aaaaaaaaaaaa", "file.base"),
    ],
    ids=["linked", "copied"],
)
def test_steps_have_names_for_people_and_name_what_a_daemon_must_know(
    fixed_dates: bool, step: str, need: str
) -> None:
    metadata = definition_of(model_image(fixed_dates=fixed_dates)).metadata

    names = {entry.description["llb.customname"] for entry in metadata.values()}
    assert names == {
        "resolving the base image",
        "downloading /models/a.gguf",
        step,
        "putting the layers together",
    }
    assert {need for entry in metadata.values() for need in entry.caps} == {
        "source.image",
        "source.http",
        "source.http.checksum",
        "source.http.perm",
        "file.base",
        need,
        "mergeop",
    }


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("a file below the root", {"path": "models/a.gguf"}),
        ("a path that climbs", {"path": "/models/../etc/passwd"}),
        ("a folder", {"path": "/models/"}),
        ("the root", {"path": "/"}),
        ("a double slash", {"path": "//models/a"}),
        ("a line end in a path", {"path": "/models/a\n"}),
        ("a line end of another kind", {"path": "/models/a\x85.gguf"}),
        ("a space that BuildKit would cut off", {"path": "/models/ a.gguf"}),
        ("what removes a file of the base", {"path": "/models/.wh.a.gguf"}),
        ("a hash with its name", {"sha256": f"sha256:{SHA_A}"}),
        ("a short hash", {"sha256": "abc"}),
        ("a login in a URL", {"url": "https://user:password@hub.test/a"}),
        ("another scheme", {"url": "file:///etc/passwd"}),
        ("a line end in a URL", {"url": "https://hub.test/a\r\nX: y"}),
    ],
)
def test_what_the_daemon_would_misunderstand_is_refused(reason: str, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not a"):
        http_file(**changes)


def test_two_files_at_one_path_are_refused() -> None:
    with pytest.raises(ValueError, match="same path"):
        model_image(http_file(), http_file())


def test_an_image_without_files_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one file"):
        model_image(files=())


@pytest.mark.parametrize("address", ["buildkit:1234", "http://x:1", "tcp://x", "unix://relative", ""])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="tcp://host:port or unix:///path"):
        BuildKitEndpoint(address=address)


def digest_of(operation: pb.Op) -> str:
    marshalled = operation.SerializeToString(deterministic=True)
    return f"sha256:{hashlib.sha256(marshalled).hexdigest()}"
