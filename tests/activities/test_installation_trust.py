"""What is installed comes from packages and administrators, whatever a config in the cluster says."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from airunway.clients.kubernetes import CONFIGS, CRDS
from airunway.installation.chart_policy import ChartPolicy
from airunway.messages.installation import Operation
from tests.activities.install_site import (
    HEALTH,
    PROVIDER,
    RELEASE,
    SYSTEM,
    Site,
    crd,
    failure,
    installation,
    package,
)

EVIL = "https://evil.example.com/charts/op-1.0.0.tgz"


async def says(site: Site, **annotations: Any) -> None:
    """Somebody edits the config; annotations are below `airunway.ai/`."""
    changed = {f"airunway.ai/{key}": json.dumps(value) for key, value in annotations.items()}
    await site.cluster.patch(CONFIGS, PROVIDER, {"metadata": {"annotations": changed}})


def by_setting(site: Site) -> None:
    """As `register` left it."""


def by_package(site: Site) -> None:
    del site.installations[PROVIDER]
    site.packages[PROVIDER] = package(installation=json.dumps(installation()), health=json.dumps(HEALTH))


@pytest.mark.parametrize("trusted", [by_setting, by_package])
@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"chart": EVIL}, id="another chart"),
        pytest.param({"fetchUrl": EVIL}, id="an archive instead"),
        pytest.param({"version": "6.6.6"}, id="another version"),
        pytest.param({"namespace": "kube-system", "name": "evil"}, id="another release"),
        pytest.param({"values": {"image": "evil.example.com/root"}}, id="other values"),
        pytest.param({"preCrdUrls": [EVIL]}, id="files of CRDs"),
    ],
)
async def test_an_edited_config_installs_nothing_else(
    site: Site, trusted: Callable[[Site], None], said: dict[str, Any]
) -> None:
    trusted(site)
    before = (await site.preflight()).model_dump()

    await says(site, installation=installation(**said))

    assert (await site.preflight()).model_dump() == before
    (release,) = before["charts"]
    assert (release["release"], release["chart"], release["version"]) == (RELEASE[0], "acme/op", "1.0.0")
    await site.crds()
    await site.install()
    assert "evil" not in repr(site.helm.__dict__)
    assert await site.record() == (1, "deployed")


async def test_a_config_alone_installs_nothing(site: Site) -> None:
    site.installations.clear()

    for operation in (Operation.INSTALL, Operation.UPGRADE, Operation.UNINSTALL, Operation.REPAIR):
        err = await failure(site.preflight(operation))

        assert (err.type, err.non_retryable) == ("NotInstallable", True)
        assert "AIRUNWAY_PROVIDER_INSTALLATIONS" in err.message
    assert (await failure(site.install())).type == "NotInstallable"
    assert (await failure(site.crds())).type == "NotInstallable"


async def test_an_administrator_counts_more_than_a_package(site: Site) -> None:
    site.packages[PROVIDER] = package(installation=json.dumps(installation(version="2.0.0")))

    (release,) = (await site.preflight()).charts

    assert release.version == "1.0.0"


async def test_an_edited_config_deletes_no_other_crds(site: Site) -> None:
    await site.installed()
    await site.cluster.create(CRDS, crd("gadgets"))
    await says(site, health={"crds": ["gadgets.acme.dev"]})

    await site.uninstall(delete_crds=True)
    await site.finish(delete_crds=True)

    assert await site.cluster.find(CRDS, "gadgets.acme.dev") is not None
    assert await site.cluster.find(CRDS, "tools.acme.dev") is None


@pytest.mark.parametrize("name", ["hf-token-secret", "airunway-values-other", f"airunway-values-{PROVIDER}x"])
async def test_values_come_from_the_providers_own_secrets(site: Site, name: str) -> None:
    err = await failure(site.preflight(values_secret=name))

    assert (err.type, err.non_retryable) == ("BadInstallation", True)
    assert f"{SYSTEM}/" not in err.message, "nothing was looked up"


async def test_sources_that_are_not_allowed_are_refused(site: Site) -> None:
    allowed = ["https://charts.acme.dev/stable", "https://charts.acme.dev.evil.example.com"]
    narrow = Site(site.cluster, installations=site.installations, policy=ChartPolicy(sources=allowed))

    err = await failure(narrow.preflight())

    assert err.type == "BadInstallation"
    assert "https://charts.acme.dev' is not among AIRUNWAY_CHART_SOURCES" in err.message


async def test_a_digest_may_be_required_and_is_handed_to_helm(site: Site) -> None:
    strict = Site(site.cluster, installations=site.installations, policy=ChartPolicy(digests_required=True))

    err = await failure(strict.preflight())
    assert "no digest of 'acme/op 1.0.0'" in err.message

    digest = f"sha256:{'a' * 64}"
    pinned = Site(
        site.cluster,
        installations=site.installations,
        policy=ChartPolicy(digests_required=True, digests={"acme/op 1.0.0": digest}),
    )
    pinned.helm.charts = site.helm.charts
    (release,) = (await pinned.preflight()).charts
    assert release.digest == digest
