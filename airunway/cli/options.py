"""Options that several commands have in common."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from airunway.cli.formats import OutputFormat

STARTED = time.monotonic()
"""When the command began, as near as Python code can tell."""


def deployment_name(text: str | None) -> str | None:
    """The name of what is called as `-o name` prints it or as `kubectl` takes it, `md/chat`."""
    return _without_kind(text, "md", "modeldeployment", "modeldeployments")


def provider_name(text: str) -> str | None:
    """The same of a provider."""
    return _without_kind(text, "ipc", "inferenceproviderconfig", "inferenceproviderconfigs")


def _without_kind(text: str | None, *kinds: str) -> str | None:
    kind, _, name = (text or "").partition("/")
    return name if name and kind.lower().removesuffix(".airunway.ai") in kinds else text


def deployment_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """For the shell's completion; nothing where the cluster does not tell soon."""
    from airunway.cli.completion import deployments_like

    return deployments_like(ctx.params, incomplete)


def container_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """The same of containers of a deployment's pods."""
    from airunway.cli.completion import containers_like

    # Behind an option that still lacks its value no argument is read; what was left unread begins with it.
    name = ctx.params.get("name") or next(iter(ctx.args), "")
    return containers_like({**ctx.params, "name": name}, incomplete)


def provider_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """The same of providers: registered ones, and those installed here."""
    from airunway.cli.completion import providers_like

    return providers_like(ctx.params, incomplete)


def context_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """The same of contexts of the kubeconfig."""
    from airunway.cli.completion import contexts_like

    return contexts_like(ctx.params, incomplete)


def namespace_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """The same of namespaces."""
    from airunway.cli.completion import namespaces_like

    return namespaces_like(ctx.params, incomplete)


Kubeconfig = Annotated[
    Path | None,
    typer.Option(
        "--kubeconfig",
        help="Kubeconfig of the cluster. Absent: AIRUNWAY_KUBECONFIG, KUBECONFIG, a running `airunway up` "
        "of this directory, ~/.kube/config.",
        show_default=False,
    ),
]
Context = Annotated[
    str | None,
    typer.Option(
        "--context",
        metavar="NAME",
        help="Context of the kubeconfig. Absent: the current one.",
        autocompletion=context_names,
        show_default=False,
    ),
]
Namespace = Annotated[
    str | None,
    typer.Option(
        "--namespace",
        "-n",
        metavar="NAMESPACE",
        help="Kubernetes namespace. Absent: that of the context, else `default`.",
        autocompletion=namespace_names,
        show_default=False,
    ),
]
AllNamespaces = Annotated[bool, typer.Option("--all-namespaces", "-A", help="Of every namespace.")]
Files = Annotated[
    list[str] | None,
    typer.Option(
        "--filename",
        "-f",
        metavar="FILE|DIR|-",
        help="Manifest, folder of manifests, or `-` for standard input; again for more.",
    ),
]
Recursive = Annotated[bool, typer.Option("--recursive", "-R", help="With -f DIR: folders in it as well.")]
Kustomize = Annotated[
    Path | None,
    typer.Option(
        "--kustomize",
        "-k",
        metavar="DIR",
        help="Folder with a kustomization, which `kubectl kustomize` builds.",
        show_default=False,
    ),
]
DeploymentName = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="Name of the ModelDeployment.",
        autocompletion=deployment_names,
        callback=deployment_name,
    ),
]
ProviderName = Annotated[
    str,
    typer.Argument(
        help="Name of the provider, e.g. kaito, or of a shared prerequisite.",
        autocompletion=provider_names,
        callback=provider_name,
    ),
]
Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the history and shown as an Event.")
]
Output = Annotated[OutputFormat, typer.Option("--output", "-o", help="How to print the answer.")]


@dataclass(frozen=True)
class Manifests:
    """What -f, -R and -k named."""

    files: tuple[str, ...] = ()
    """Files, folders, `-` for standard input."""
    recursive: bool = False
    kustomize: Path | None = None

    def __bool__(self) -> bool:
        """Whether anything was named."""
        return bool(self.files) or self.kustomize is not None


@dataclass(frozen=True, kw_only=True)
class OperationOptions:
    """What a person wants done to a provider's operator, and how to be asked and answered."""

    operation: str
    """`install`, `upgrade`, `uninstall` or `repair`."""
    provider: str
    dry_run: bool = False
    detach: bool = False
    delete_crds: bool = False
    yes: bool = False
    form: OutputFormat = OutputFormat.TABLE
