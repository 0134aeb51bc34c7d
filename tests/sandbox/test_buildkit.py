"""The pretend builder in the sandbox: it takes the sandbox's models to its registry, at a pace to watch.

That it answers as the real daemon does is held in `tests/clients/buildkit`.
"""

from __future__ import annotations

import hashlib

import grpc.aio
import pytest

from airunway.clients.buildkit import BuildKit, BuildKitEndpoint, HttpFile, ImageBuild, Progress
from airunway.clients.buildkit.wire import control_pb2 as control
from airunway.clients.buildkit.wire import ops_pb2 as pb
from airunway.clients.buildkit.wire.control_pb2_grpc import ControlStub
from airunway.clients.registry.client import RegistryClient
from airunway.sandbox.buildkit import PretendBuildKit
from airunway.sandbox.hub import PretendHub, resolve_url
from airunway.sandbox.hub_models import DEFAULT_MODELS
from airunway.sandbox.registry import PretendRegistry

MODEL = DEFAULT_MODELS[0]
FILE = "Tiny-Q4_K_M.gguf"
IN_CLUSTER = "airunway-registry.airunway-system.svc:5000"


async def test_a_model_of_the_sandbox_becomes_an_image_under_its_name_in_the_cluster() -> None:
    reported: list[Progress] = []
    async with PretendHub() as hub, PretendRegistry() as registry:
        half_a_second = 128 * 1024
        async with (
            PretendBuildKit(registries={"*": registry.url}, bytes_per_second=half_a_second) as daemon,
            BuildKit(BuildKitEndpoint(address=daemon.address)) as builder,
        ):
            built = await builder.build(
                image_of(hub), push_to=f"{IN_CLUSTER}/tiny:1", ref="a", on_progress=reported.append
            )

        registries = RegistryClient(
            mirrors={IN_CLUSTER: registry.url}, allowed_hosts=[IN_CLUSTER.partition(":")[0]]
        )
        assert (await registries.resolve(f"{IN_CLUSTER}/tiny:1")).digest == built.digest
    moments = [moment.done_bytes for moment in reported]
    assert moments == sorted(moments)
    assert len(set(moments)) > 3  # it moves
    assert moments[-1] == MODEL.blobs[FILE].size


async def test_what_it_does_not_pretend_it_says() -> None:
    nothing_known = pb.Op(file=pb.FileOp(actions=[pb.FileAction(output=0)])).SerializeToString()
    digest = f"sha256:{hashlib.sha256(nothing_known).hexdigest()}"
    definition = pb.Definition()
    result = pb.Op(inputs=[pb.Input(digest=digest)]).SerializeToString()
    getattr(definition, "def").extend([nothing_known, result])

    async with PretendBuildKit() as daemon, channel_to(daemon) as channel:
        request = control.SolveRequest(Ref="x", Definition=definition)

        with pytest.raises(grpc.aio.AioRpcError, match="makes folders and links, and copies"):
            await ControlStub(channel).Solve(request)


def channel_to(daemon: PretendBuildKit) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(daemon.address.removeprefix("tcp://"))


def image_of(hub: PretendHub) -> ImageBuild:
    blob = MODEL.blobs[FILE]
    url = resolve_url(hub.url, MODEL.id, MODEL.commit, FILE)
    file = HttpFile(url=url, sha256=blob.sha256, size=blob.size, path=f"/models/{FILE}")
    return ImageBuild(base="docker.io/vllm/vllm-openai:latest", base_config={}, files=[file])
