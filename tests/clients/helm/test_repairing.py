"""A release that was cut off is repaired: back to what ran, or the record of the attempt forgotten."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

import pytest

from airunway.clients.helm import Helm, HelmError, OperationInProgress
from kube_emulator.testing import Api
from tests.clients.helm.charts import copy_chart
from tests.clients.helm.conftest import release


async def stick(api: Api, space: str, *, revision: int, status: str) -> None:
    """Make a revision look as if Helm had been killed while it worked on it."""
    path = f"/api/v1/namespaces/{space}/secrets/sh.helm.release.v1.web.v{revision}"
    record = (await api.get(path)).ok()
    packed = base64.b64decode(base64.b64decode(record["data"]["release"]))
    content = json.loads(gzip.decompress(packed))
    content["info"]["status"] = status
    again = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(content).encode()))).decode()
    body = {"data": {"release": again}, "metadata": {"labels": {"status": status}}}
    (await api.patch(path, body)).ok()


async def status_of(helm: Helm, space: str) -> tuple[int, str] | None:
    found = await helm.get("web", space)
    return (found.revision, found.status) if found else None


async def mode(api: Api, space: str) -> str:
    path = f"/api/v1/namespaces/{space}/configmaps/web-settings"
    return str((await api.get(path)).ok()["data"]["mode"])


async def test_a_pending_release_is_left_alone(helm: Helm, api: Api, space: str, settings: Path) -> None:
    await helm.upgrade_or_install(release(settings, space))
    await stick(api, space, revision=1, status="pending-install")

    with pytest.raises(OperationInProgress) as caught:
        await helm.upgrade_or_install(release(settings, space))

    assert caught.value.retryable and "repair" in str(caught.value)
    assert await status_of(helm, space) == (1, "pending-install")


@pytest.mark.parametrize("status", ["pending-upgrade", "pending-rollback", "failed"])
async def test_an_upgrade_that_was_cut_off_goes_back_to_what_ran(
    helm: Helm, api: Api, space: str, settings: Path, status: str
) -> None:
    for wanted in ("good", "bad"):
        await helm.upgrade_or_install(release(settings, space, values={"mode": wanted}))
    await stick(api, space, revision=2, status=status)
    await stick(api, space, revision=1, status="deployed")

    said = await helm.repair("web", space)

    assert "went back to revision 1" in said and status in said
    assert await status_of(helm, space) == (3, "deployed")
    assert await mode(api, space) == "good"


async def test_the_last_one_that_ran_counts_when_none_is_deployed(
    helm: Helm, api: Api, space: str, settings: Path
) -> None:
    for wanted in ("good", "bad"):
        await helm.upgrade_or_install(release(settings, space, values={"mode": wanted}))
    await stick(api, space, revision=2, status="pending-upgrade")  # and revision 1 is superseded

    await helm.repair("web", space)

    assert await mode(api, space) == "good"


@pytest.mark.parametrize("status", ["pending-install", "failed"])
async def test_an_install_that_was_cut_off_is_forgotten_and_taken_over(
    helm: Helm, api: Api, space: str, settings: Path, status: str
) -> None:
    await helm.upgrade_or_install(release(settings, space, values={"mode": "first"}))
    await stick(api, space, revision=1, status=status)

    said = await helm.repair("web", space)

    assert "removed Helm's record" in said
    assert await status_of(helm, space) is None
    assert await mode(api, space) == "first"  # what it created stays

    await helm.upgrade_or_install(release(settings, space, values={"mode": "second"}))
    assert await status_of(helm, space) == (1, "deployed")
    assert await mode(api, space) == "second"


async def test_every_attempt_is_forgotten_when_none_ever_ran(
    helm: Helm, hasty: Helm, api: Api, space: str, tmp_path: Path, settings: Path
) -> None:
    never = release(copy_chart("operator", tmp_path), space, skip_crds=True)
    with pytest.raises(HelmError):
        await hasty.upgrade_or_install(never, atomic=False)
    with pytest.raises(HelmError):
        await hasty.upgrade_or_install(never, atomic=False)
    await stick(api, space, revision=2, status="pending-upgrade")

    await helm.repair("web", space)

    assert await helm.history("web", space) == []


async def test_a_removal_that_was_cut_off_is_done_by_another(
    helm: Helm, api: Api, space: str, settings: Path
) -> None:
    await helm.upgrade_or_install(release(settings, space))
    await stick(api, space, revision=1, status="uninstalling")

    with pytest.raises(OperationInProgress):
        await helm.upgrade_or_install(release(settings, space))
    assert "uninstall it again" in await helm.repair("web", space)
    await helm.uninstall("web", space)

    assert await helm.history("web", space) == []


async def test_nothing_is_done_to_a_release_that_runs(
    helm: Helm, api: Api, space: str, settings: Path
) -> None:
    await helm.upgrade_or_install(release(settings, space))

    assert "nothing to repair" in await helm.repair("web", space)
    assert "nothing to repair" in await helm.repair("nobody", space)

    assert await status_of(helm, space) == (1, "deployed")
