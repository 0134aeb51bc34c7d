"""API servers with the definitions of one folder, asked whether they would take what was rendered."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from airunway.clients.crds import apply_own_crds
from airunway.clients.errors import AlreadyExists, NotFound, ServerError
from airunway.clients.kubernetes import CRDS, NAMESPACES, Cluster
from airunway.clients.kubernetes.kinds import path_of
from airunway.gateway.kinds import PICKER_KINDS
from airunway.provider import Manifest
from kube_emulator import EmulatedCluster
from kube_emulator.testing import Answer, Api
from tests.upstream_crds.folders import Object, Version
from tests.upstream_crds.inputs import PROVIDERS
from tests.upstream_crds.renderings import NAMESPACE

AT_ONCE = 8
SECONDS = 240.0
"""To wait for what a server does in the background, on a loaded machine."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a server says of an object. `faults`: reason and field of each thing that is wrong."""

    code: int
    reason: str
    message: str
    faults: tuple[tuple[str, str], ...] = ()

    @property
    def is_taken(self) -> bool:
        """Whether it would have been stored."""
        return self.code == 201

    @property
    def key(self) -> tuple[object, ...]:
        """What two servers have to agree in."""
        return self.code, self.reason, self.faults


def _verdict(answer: Answer) -> Verdict:
    causes = [(str(cause.get("reason")), _plain(str(cause.get("field")))) for cause in answer.causes]
    return Verdict(
        code=answer.code,
        reason="" if answer.code == 201 else answer.reason,
        message="" if answer.code == 201 else answer.message,
        faults=tuple(sorted(set(causes))),
    )


def _plain(field: str) -> str:
    """The real server puts the key of a map behind a dot in one of its checks, and in brackets in another."""
    return re.sub(r"\[([^]\d][^]]*)\]", r".\1", field)


async def verdicts(api: Api, objects: Mapping[str, Manifest], version: Version) -> dict[str, Verdict]:
    """Would each be taken? Created strictly, without being stored."""
    turn, paths = asyncio.Semaphore(AT_ONCE), {**BUILTIN_PATHS, **version.paths}
    query = {"fieldValidation": "Strict", "dryRun": "All", "fieldManager": "matrix"}

    async def ask(key: str, obj: Manifest) -> tuple[str, Verdict]:
        path = paths.get((obj["apiVersion"], obj["kind"]))
        if path is None:
            return key, Verdict(code=404, reason="NotFound", message="this version does not serve the kind")
        async with turn:
            return key, _verdict(await api.create(path.format(namespace=NAMESPACE), obj, query=query))

    return dict(await asyncio.gather(*(ask(key, obj) for key, obj in objects.items())))


_KINDS = [*(kind for provider in PROVIDERS.values() for kind in provider.kinds), *PICKER_KINDS]
BUILTIN_PATHS = {
    (kind.api_version, kind.kind): path_of(kind, namespace=NAMESPACE) for kind in _KINDS if kind.builtin
}


@asynccontextmanager
async def emulated(folder: Path) -> AsyncIterator[Path]:
    """The kubeconfig of an emulated API server."""
    async with EmulatedCluster() as cluster:
        yield cluster.kubeconfig(folder / "kubeconfig")


@asynccontextmanager
async def with_definitions(kubeconfig: Path, definitions: Sequence[Object]) -> AsyncIterator[Cluster]:
    """A cluster with just these definitions of their names, and ours, for as long as the context is open."""
    async with await Cluster.connect(kubeconfig) as cluster, Api(kubeconfig) as api:
        await apply_own_crds(cluster, field_manager="test")
        with suppress(AlreadyExists):
            await cluster.create(NAMESPACES, {"metadata": {"name": NAMESPACE}})
        await _remove(cluster, definitions)
        for definition in definitions:
            (await api.create(path_of(CRDS), definition)).ok()  # an apply of a megabyte takes long
            await _until(cluster, definition, served=True)
        try:
            yield cluster
        finally:
            await _remove(cluster, definitions)


async def _remove(cluster: Cluster, definitions: Sequence[Object]) -> None:
    for definition in definitions:
        with suppress(NotFound):
            await cluster.delete(CRDS, definition["metadata"]["name"])
    for definition in definitions:
        await _until(cluster, definition, served=False)


async def _until(cluster: Cluster, definition: Object, *, served: bool) -> None:
    """Until all its versions are published with their schemas, or none is and it is gone."""
    spec, name = definition["spec"], definition["metadata"]["name"]
    versions = [f"{spec['group']}/{entry['name']}" for entry in spec["versions"] if entry["served"]]
    async with asyncio.timeout(SECONDS):
        while True:
            with suppress(ServerError):  # of a group that is just going
                there = await cluster.find(CRDS, name) is not None
                found = [
                    bool(await cluster.discovery.served_fields(version, spec["names"]["kind"], ["metadata"]))
                    for version in versions
                ]
                if {there, *found} == {served}:
                    return
            await asyncio.sleep(0.1)
