"""The webhook process: the certificate's keeper, the list of providers, the server. Every replica serves."""

from __future__ import annotations

import asyncio
from functools import partial

import structlog

from airunway.clients.kubernetes import CONFIGS, Cluster
from airunway.clients.reflector import Reflector
from airunway.metrics.families import begin_review_series
from airunway.metrics.registry import EXPOSITION, Served
from airunway.webhook.found_policy import found_policy
from airunway.webhook.keeper import CertificateKeeper
from airunway.webhook.providers import RegisteredProviders
from airunway.webhook.rules import AdmissionInputs
from airunway.webhook.server import application, serving
from airunway.webhook.tls import ServedCertificate
from airunway.workers.cluster_name import ClusterNameUnknown, with_cluster_name
from airunway.workers.health import Ready
from airunway.workers.settings import Settings
from airunway.workers.starting import say_start
from airunway.workers.trust import namespace_policies

_log = structlog.get_logger(__name__)


async def run_admission(settings: Settings, ready: Ready | None = None) -> None:
    """Serve both webhooks until cancelled.

    Ready when the server shows a certificate that both webhook configurations trust, and the list of
    providers was read once. With webhooks off it only waits, as ready as it gets.
    """
    ready = ready or Ready()
    EXPOSITION.serve(Served.WEBHOOK)
    begin_review_series()
    if not settings.enable_webhooks:
        say_start("webhook", settings, temporal=False)
        _log.warning("webhooks are off (ENABLE_WEBHOOKS=false): neither served nor given a certificate")
        ready.parts["webhook"] = True
        await asyncio.Event().wait()
    ready.parts |= {"webhook": False, "webhook certificate": False, "webhook providers": False}
    async with await Cluster.connect(settings.kubeconfig, context=settings.context) as cluster:
        say_start("webhook", await _named(settings, cluster), temporal=False)
        await _serve(settings, ready, cluster)


async def _named(settings: Settings, cluster: Cluster) -> Settings:
    """With the cluster's name where it can be known: only who reads logs and metrics needs it here."""
    try:
        return await with_cluster_name(settings, cluster, patient=True)
    except ClusterNameUnknown:
        return settings


async def _serve(settings: Settings, ready: Ready, cluster: Cluster) -> None:
    providers, served = RegisteredProviders(cluster), ServedCertificate()
    reflector = Reflector(cluster, CONFIGS, providers.on_change)
    service, namespace = settings.webhook_service, settings.pod_namespace
    keeper = CertificateKeeper(
        cluster,
        served,
        namespace=namespace,
        hosts=[f"{service}.{namespace}.svc", *settings.webhook_names],
        rotation=settings.webhook_rotation,
    )

    # Not waited for: what the watch has not brought is read, and without the right to it a warning says so.
    policies = namespace_policies(cluster, settings)
    given = AdmissionInputs(
        find=providers.find,
        overrides=settings.overrides_policy,
        policy_of=partial(found_policy, policies),
    )

    async def listen() -> None:
        await served.loaded.wait()
        app = application(given)
        async with serving(app, port=settings.webhook_port, context=served.context) as port:
            _log.info("webhooks listen", port=port)
            ready.parts["webhook"] = True
            await asyncio.Event().wait()

    async def list_providers() -> None:
        await reflector.synced.wait()
        ready.parts["webhook providers"] = True

    async with asyncio.TaskGroup() as group:
        group.create_task(reflector.run())
        group.create_task(policies.run())
        group.create_task(list_providers())
        group.create_task(listen())
        group.create_task(
            keeper.run(
                every=settings.webhook_check,
                on_trust=lambda trusted: ready.parts.update({"webhook certificate": trusted}),
            )
        )
