"""The manifests that `airunway up` applies: the shipped samples, or files."""

from __future__ import annotations

from collections.abc import Sequence

from airunway.api.names import SAMPLES_FIELD_MANAGER
from airunway.cli.documents import read_documents, read_manifests
from airunway.cli.options import Manifests
from airunway.cli.problems import CliError, UsageError
from airunway.clients.errors import Invalid
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster, Resource
from airunway.console.documents import Document
from airunway.sandbox import samples


def samples_to_apply(files: Sequence[str], *, shipped: bool) -> list[Document]:
    """The objects to apply. Raises UsageError for a file that is no manifest."""
    if shipped:
        return [
            document for name, text in samples.texts().items() for document in read_documents(text, name=name)
        ]
    wanted = read_manifests(Manifests(tuple(files)))
    for document in wanted:
        if not (document.kind and document.api_version and document.name):
            raise UsageError(f"{document.source}: an object needs apiVersion, kind and metadata.name")
    return wanted


async def apply_samples(cluster: Cluster, wanted: Sequence[Document]) -> None:
    """Server-side apply the objects. Raises CliError naming file and field of one that is refused."""
    for document in wanted:
        body = dict(document.body)
        kind, namespaced = await _kind_of(cluster, document)
        if namespaced:
            meta = body["metadata"]
            body["metadata"] = {**meta, "namespace": meta.get("namespace") or "default"}
        try:
            await cluster.apply(kind, body, field_manager=SAMPLES_FIELD_MANAGER, strict=True)
        except Invalid as err:
            raise CliError(f"{document.source}: {err}") from err


async def _kind_of(cluster: Cluster, document: Document) -> tuple[Resource, bool]:
    if document.kind == "ModelDeployment" and document.api_version == DEPLOYMENTS.api_version:
        return DEPLOYMENTS, True
    served = await cluster.discovery.served_kinds(document.api_version)
    if document.kind not in served:
        raise CliError(
            f"{document.source}: the cluster does not serve {document.kind} of {document.api_version}"
        )
    plural = served[document.kind]
    return Resource(document.api_version, plural), document.body["metadata"].get("namespace") is not None
