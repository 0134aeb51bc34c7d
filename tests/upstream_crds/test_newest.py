"""What a plan without a cluster counts on is what the newest version of each operator serves."""

from __future__ import annotations

from pathlib import Path

import pytest

from airunway.activities.upstream.served_api import newest_of
from airunway.provider.registry import installed_providers
from airunway.providers.dynamo.config import ALPHA
from airunway.providers.dynamo.runtime_version import SERVED_FIELDS
from tests.upstream_crds.folders import version
from tests.upstream_crds.renderings import context_of
from tests.upstream_crds.servers import emulated, with_definitions

NEWEST = {"kaito": "kaito-0.12.0", "kuberay": "kuberay-1.7.0", "dynamo": "dynamo-main"}

OF_OLDER = {SERVED_FIELDS[ALPHA]}
"""Paths of a version of the kind that is not the newest."""


def test_every_provider_for_which_versions_differ_is_here() -> None:
    differing = {
        name
        for name, provider in installed_providers().items()
        if provider.optional_fields or provider.kinds[0].older
    }

    assert differing == NEWEST.keys()


@pytest.mark.parametrize("name", NEWEST)
async def test_the_newest_definitions_serve_it(name: str, tmp_path: Path) -> None:
    provider, wanted = installed_providers()[name], version(NEWEST[name])

    async with (
        emulated(tmp_path) as kubeconfig,
        with_definitions(kubeconfig, wanted.definitions) as cluster,
    ):
        found = await context_of(cluster, provider)

    counted_on = newest_of(provider)
    assert [found.api_version] == [*counted_on.versions]
    assert set(found.served_fields) >= {path for path in counted_on.fields if path not in OF_OLDER}
