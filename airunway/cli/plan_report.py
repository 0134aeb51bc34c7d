"""The work of `airunway plan`: read manifests, plan each against a world, print."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from rich.console import Console
from rich.text import Text

from airunway.activities.deployment.installable import Listed
from airunway.activities.upstream.served_api import ServedApi, ServedApis
from airunway.api.model_deployment import ModelDeployment
from airunway.api.names import API_VERSION, CONFIG_KIND, DEPLOYMENT_KIND
from airunway.api.provider_config import InferenceProviderConfig
from airunway.cli import output
from airunway.cli.cluster import namespace_for, settings_for
from airunway.cli.documents import read_manifests
from airunway.cli.dry_run import rehearse
from airunway.cli.formats import OutputFormat
from airunway.cli.options import Manifests
from airunway.cli.placing import DEFAULT_NAMESPACE, Where
from airunway.cli.plan_cluster import add_changes, deployments_in
from airunway.cli.problems import UsageError
from airunway.clients.errors import Forbidden
from airunway.clients.kubernetes import CONFIGS, NAMESPACES, Cluster
from airunway.console.documents import Document
from airunway.console.gateway_world import of_cluster
from airunway.console.plan import (
    OtherProvider,
    PlannedChange,
    PlannedDeployment,
    World,
    plan_deployment,
    validation_errors,
)
from airunway.console.plan_publication import GatewayWorld, PlannedPublication, in_words
from airunway.console.plan_world import gateway_world, plan_world
from airunway.console.rows import deployment_resource
from airunway.provider import Provider
from airunway.provider.registry import installed_providers
from airunway.trust.policy import policy_annotations
from airunway.workers.environment import read_settings
from airunway.workers.settings import Settings


def report(
    given: Manifests,
    *,
    configs: str | None,
    where: Where,
    namespace: str | None,
    form: OutputFormat,
    against_cluster: bool = False,
) -> bool:
    """Plan every document and print; answers whether all would be deployed.

    `against_cluster`: and what that changes in the cluster; without files for all that it has.
    """
    settings = settings_for(where) if against_cluster or where.is_named else None
    planned = plans_for(
        given, configs=configs, settings=settings, namespace=namespace, against_cluster=against_cluster
    )
    print_plans(planned, form)
    return all(entry.ok for entry in planned)


def plans_for(
    given: Manifests,
    *,
    configs: str | None = None,
    settings: Settings | None,
    namespace: str | None = None,
    against_cluster: bool = False,
    rehearsed: bool = False,
) -> list[PlannedDeployment]:
    """The plans of what was named, or of all deployments of the cluster. Raises UsageError, ApiError.

    `settings`: those with which a cluster is read; None: none is. `rehearsed`: what would be written to the
    cluster now is, by dry runs.
    """
    documents = read_manifests(given)
    if settings is not None and not given:
        documents = asyncio.run(deployments_in(settings))
    namespace = _default_namespace(settings, namespace)
    world = _world(configs, settings, _namespaces(documents, namespace))
    planned = []
    for document in documents:
        if document.kind == DEPLOYMENT_KIND and document.api_version == API_VERSION:
            planned.append(
                plan_deployment(document.body, source=document.source, namespace=namespace, world=world)
            )
        else:
            output.note(
                f"{document.source}: skipped: {_what(document)} is no {DEPLOYMENT_KIND} of {API_VERSION}"
            )
    if settings is not None and not against_cluster:
        asyncio.run(_rehearse(settings, planned, world))
    if not planned:
        output.note(f"nothing to plan: there is no {DEPLOYMENT_KIND}")
    if settings is not None and against_cluster:
        asyncio.run(add_changes(planned, settings, world.providers, rehearsed=rehearsed))
    return planned


def _default_namespace(settings: Settings | None, given: str | None) -> str:
    """Of manifests that name none: where `kubectl apply` would put them, as far as that is known."""
    try:
        return namespace_for(settings or Settings(), given)
    except UsageError:
        if settings is not None:
            raise
        return DEFAULT_NAMESPACE  # a plan that asks no cluster needs no kubeconfig either


def _what(document: Document) -> str:
    if not document.kind or not document.api_version:
        missing = "kind" if not document.kind else "apiVersion"
        return f"an object without {missing}"
    return f"{document.kind} of {document.api_version}"


# -- the world ------------------------------------------------------------------------------------------


def _namespaces(documents: Sequence[Document], namespace: str) -> set[str]:
    """Where deployments would be made, as far as their documents say it."""
    found = [document.body.get("metadata") for document in documents if document.kind == DEPLOYMENT_KIND]
    named = [meta.get("namespace") or namespace for meta in found if isinstance(meta, dict)]
    return {name for name in named if isinstance(name, str)}


def _world(configs: str | None, cluster: Settings | None, namespaces: set[str]) -> World:
    """`cluster`: the settings with which the cluster is read; None: it is not."""
    settings, providers = read_settings(), installed_providers()
    listed: list[Listed] | None = None
    annotations: dict[str, Mapping[str, str]] = {}
    gateway = gateway_world(settings)
    served: dict[str, ServedApi] = {}
    if cluster is not None:
        listed, annotations, served, gateway = asyncio.run(
            _of_cluster(cluster, sorted(namespaces), providers.values(), gateway)
        )
    elif configs:
        listed = _given_configs(configs)
    return plan_world(settings, providers, listed, namespaces=annotations, gateway=gateway, served=served)


async def _of_cluster(
    settings: Settings, namespaces: Sequence[str], providers: Iterable[Provider], gateway: GatewayWorld
) -> tuple[list[Listed], dict[str, Mapping[str, str]], dict[str, ServedApi], GatewayWorld]:
    """The configs of a cluster, what its Namespaces say of images and models, what it serves, Gateways."""
    async with await Cluster.connect(settings.kubeconfig, context=settings.context) as cluster:
        listing = await cluster.listing(CONFIGS)
        annotations = {name: await _annotations(cluster, name) for name in namespaces}
        apis = ServedApis(cluster)
        served = {provider.name: await apis.of(provider) for provider in providers}
        gateway = await of_cluster(cluster, gateway, note=output.note)
    configs = [
        (_config(obj, f"InferenceProviderConfig {obj['metadata']['name']}"), obj) for obj in listing.items
    ]
    return configs, annotations, served, gateway


async def _rehearse(settings: Settings, planned: Sequence[PlannedDeployment], world: World) -> None:
    """Add what the API server would say of the objects."""
    async with await Cluster.connect(settings.kubeconfig, context=settings.context) as cluster:
        for entry in planned:
            if not entry.ok or not entry.objects or entry.provider is None:
                continue
            meta = {"name": entry.name, "namespace": entry.namespace}
            deployment = ModelDeployment.model_validate({"metadata": meta, "spec": entry.spec})
            provider = world.providers[entry.provider.name]
            opinion = await rehearse(cluster, provider, deployment, entry.objects)
            entry.errors += opinion.errors
            entry.warnings += opinion.warnings


async def _annotations(cluster: Cluster, namespace: str) -> Mapping[str, str]:
    try:
        found = await cluster.find(NAMESPACES, namespace)
    except Forbidden:
        output.note(
            f"the Namespace {namespace} may not be read: its rules for images and models are not known"
        )
        return {}
    return policy_annotations((found or {}).get("metadata", {}).get("annotations") or {})


def _given_configs(name: str) -> list[Listed]:
    found: list[Listed] = []
    for document in read_manifests(Manifests((name,))):
        if document.kind == CONFIG_KIND and document.api_version == API_VERSION:
            found.append((_config(document.body, document.source), document.body))
        else:
            output.note(f"{document.source}: skipped: {_what(document)} is no {CONFIG_KIND}")
    return found


def _config(body: dict[str, Any], source: str) -> InferenceProviderConfig:
    try:
        return InferenceProviderConfig.model_validate(body)
    except ValidationError as err:
        raise UsageError(f"{source}: {validation_errors(err)[0]}") from err


# -- printing -------------------------------------------------------------------------------------------


def print_plans(planned: list[PlannedDeployment], form: OutputFormat) -> None:
    """Show them."""
    if not form.is_table:
        plans = [entry.model_dump(by_alias=True, mode="json") for entry in planned]
        output.documents(plans, form, names=[deployment_resource(entry.name) for entry in planned])
    else:
        console = output.console()
        for number, entry in enumerate(planned):
            if number:
                console.print()
            _print_one(console, entry)


def _print_one(console: Console, entry: PlannedDeployment) -> None:
    verdict = (
        Text("would be deployed", style="green") if entry.ok else Text("would not be deployed", style="red")
    )
    title = Text(f"{entry.namespace}/{entry.name or '(no name)'}  ", style="bold")
    console.print(title + verdict + Text(f"  {entry.source}", style="dim"), soft_wrap=True)
    rows: list[tuple[str, str | Text]] = [("error", Text(error, style="red")) for error in entry.errors]
    rows += [("warning", Text(warning, style="yellow")) for warning in entry.warnings]
    if entry.engine:
        rows.append(("engine", f"{entry.engine.name} ({entry.engine.reason})"))
    if entry.provider:
        rows.append(("provider", f"{entry.provider.name} ({entry.provider.reason})"))
    rows += [("not", _why_not(other)) for other in entry.others]
    rows += [("ignored", f"{path}: this provider has no use for it") for path in entry.ignored_fields]
    if entry.builds:
        rows.append(("builds", entry.builds))
    if entry.changes is None:
        rows += [("applies", in_words(obj)) for obj in entry.objects]
    rows += [("changes", _in_words(change)) for change in entry.changes or ()]
    if entry.note:
        rows.append(("note", entry.note))
    if entry.published is not None:
        rows += _publication(entry.published)
    output.facts(console, rows, indent="  ")


def _why_not(other: OtherProvider) -> str:
    hint = "; would take it if named" if other.would_accept else ""
    return f"{other.name}: {other.why_not}{hint}"


def _publication(published: PlannedPublication) -> list[tuple[str, str | Text]]:
    if published.note:
        return [("gateway", published.note)]
    where = f"Gateway {published.gateway}" if published.gateway else "a Gateway, where the cluster has one"
    words = f"published as {published.model_name!r} behind {where}, once it runs"
    return [("gateway", words), *(("publishes", in_words(obj)) for obj in published.objects)]


def _in_words(change: PlannedChange) -> str:
    words = f"{change.when}: {change.action} {change.what}"
    details = [", ".join(change.changed), change.why]
    return ": ".join([words, *filter(None, details)])
