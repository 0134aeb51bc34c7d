"""The one frontend a pretend daemon knows: AIKit's, for a model given by its URL."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from airunway.clients.buildkit.wire import control_pb2 as control
from airunway.clients.buildkit.wire import ops_pb2 as pb
from airunway.sandbox.buildkit.graph import NotPretended
from airunway.sandbox.pushed_images import digest_of


def solved(request: control.SolveRequest) -> control.SolveRequest:
    """The request as it would be without a frontend. Raises NotPretended."""
    attributes = request.FrontendAttrs
    url = attributes.get("build-arg:model", "")
    if request.Frontend != "gateway.v0" or "aikit" not in attributes.get("source", ""):
        raise NotPretended(
            f"the pretend BuildKit has no frontend {attributes.get('source') or request.Frontend}"
        )
    if not url.startswith(("http://", "https://")):
        raise NotPretended("the pretend AIKit wants the build argument `model` to be a URL")
    name = unquote(urlsplit(url).path.rpartition("/")[2])
    plain = control.SolveRequest()
    plain.CopyFrom(request)
    plain.Definition.CopyFrom(_definition(url, f"/models/{name}"))
    plain.Exporters[0].Attrs["containerimage.config"] = json.dumps(_config())
    return plain


def _definition(url: str, path: str) -> pb.Definition:
    source = pb.Op(source=pb.SourceOp(identifier=url, attrs={"http.filename": "content"})).SerializeToString()
    copy = pb.FileActionCopy(src="/content", dest=path, mode=-1, createDestPath=True, timestamp=0)
    action = pb.FileAction(input=-1, secondaryInput=0, output=0, copy=copy)
    placed = pb.Op(inputs=[pb.Input(digest=digest_of(source))], file=pb.FileOp(actions=[action]))
    placing = placed.SerializeToString()
    last = pb.Op(inputs=[pb.Input(digest=digest_of(placing))]).SerializeToString()
    definition = pb.Definition()
    getattr(definition, "def").extend([source, placing, last])
    return definition


def _config() -> Mapping[str, Any]:
    return {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": ["local-ai"], "Cmd": ["--debug", "--config-file=/config.yaml"]},
    }
