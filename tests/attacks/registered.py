"""Which activities the workers of this system register, all of them together."""

from __future__ import annotations

from temporalio import activity
from temporalio.client import Client

from airunway.activities.gateway.served_kinds import ServedGatewayKinds
from airunway.workers.installer import installer_worker
from airunway.workers.model_images import build_worker, model_image_activities
from airunway.workers.temporal.search_attributes import SearchAttributes
from airunway.workers.trust import namespace_policies
from airunway.workers.worker import core_worker, provider_worker
from airunway.workers.worker_version import this_build
from tests.e2e.system import System


async def registered_activities(client: Client, system: System) -> set[str]:
    """Their names. The workers are made and never run."""
    cluster, settings, providers = system.cluster, system.settings, system.providers
    version = this_build(settings)
    images = model_image_activities(cluster, settings)
    kinds = ServedGatewayKinds(cluster)
    attributes, policies = SearchAttributes(client), namespace_policies(cluster, settings)
    workers = [
        core_worker(client, cluster, settings, providers, images, version, attributes, policies, kinds),
        build_worker(client, images, settings, version),
        installer_worker(client, cluster, settings, version),
        *(provider_worker(client, cluster, settings, one, version, policies) for one in providers.values()),
    ]
    found = [entry for worker in workers for entry in worker.config().get("activities", ())]
    return {activity._Definition.must_from_callable(entry).name or "" for entry in found}
