"""Getting charts: every kind of place, and every way it goes wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from airunway.clients.helm import (
    BadChecksum,
    ChartInfo,
    ChartInvalid,
    ChartNotFound,
    HelmError,
    RepositoryUnreachable,
)
from airunway.clients.helm.archive import MAX_UNPACKED
from kube_emulator.envtest.ports import free_port
from tests.clients.helm.charts import copy_chart, pack, sha256
from tests.clients.helm.conftest import adapter, release
from tests.clients.helm.servers import ChartServer
from tests.servers.registry import Registry


async def fetch(way: str, chart: str, **more: str) -> ChartInfo:
    return await adapter(way).chart_metadata(release(chart, "default", **more))


async def refused(way: str, chart: str, **more: str) -> HelmError:
    with pytest.raises(HelmError) as caught:
        await fetch(way, chart, **more)
    return caught.value


async def test_a_folder_tells_everything_it_knows(way: str, tmp_path: Path) -> None:
    chart = copy_chart("operator", tmp_path)

    assert await fetch(way, str(chart)) == ChartInfo(
        name="operator",
        version="2.1.0",
        app_version="v0.9.1",
        digest="",
        crds=("gadgets.example.test", "sensors.example.test"),
        template_crds=(),
        has_values_schema=True,
        dependencies=("probe",),
    )


async def test_definitions_among_the_templates_are_told_apart(way: str, tmp_path: Path) -> None:
    found = await fetch(way, str(copy_chart("templated-crds", tmp_path)))

    assert (found.crds, found.template_crds) == ((), ("machines.example.test",))


async def test_a_chart_that_wants_values_is_described_all_the_same(way: str, tmp_path: Path) -> None:
    found = await fetch(way, str(copy_chart("broken", tmp_path)))

    assert (found.name, found.template_crds) == ("broken", ())


async def test_an_archive_has_a_digest(way: str, tmp_path: Path, settings: Path) -> None:
    archive = tmp_path / "settings.tgz"
    archive.write_bytes(pack(settings))

    found = await fetch(way, str(archive))

    assert found.digest == f"sha256:{sha256(archive.read_bytes())}"


@pytest.mark.parametrize("place", ["repository", "registry", "address"])
async def test_a_served_chart_is_found(way: str, place: str, settings: Path, charts: ChartServer) -> None:
    archive = charts.add(settings)

    found = await fetch(way, **reference(charts, place))

    assert (found.name, found.version) == ("settings", "1.0.0")
    assert found.digest == f"sha256:{sha256(archive)}"


def reference(charts: ChartServer, place: str) -> dict[str, str]:
    if place == "repository":
        return {"chart": "ours/settings", "repository_url": charts.repository, "version": "1.0.0"}
    if place == "registry":
        return {"chart": f"{charts.registry}/settings", "version": "1.0.0"}
    return {"chart": f"{charts.repository}/settings-1.0.0.tgz"}


@pytest.mark.real
async def test_a_chart_is_found_in_a_real_registry(
    way: str, settings: Path, charts: ChartServer, real_registry: Registry
) -> None:
    archive = charts.add(settings)
    await charts.push_to(real_registry.url)
    where = f"oci://{real_registry.host}/charts/settings"

    found = await fetch(way, where, version="1.0.0")

    assert found.version == "1.0.0"
    assert found.digest == f"sha256:{sha256(archive)}"
    assert type(await refused(way, where, version="9.9.9")) is ChartNotFound
    assert type(await refused(way, f"{where}-not", version="1.0.0")) is ChartNotFound


@pytest.mark.parametrize("version", ["1.9.4", "v1.9.4", "2.0.0-rc.1"])
async def test_a_repository_gives_the_very_version(
    way: str, version: str, tmp_path: Path, charts: ChartServer
) -> None:
    for number in ("1.9.3", "1.10.0", "1.9.4", "2.0.0-rc.1"):
        charts.add(copy_chart("settings", tmp_path / number, version=number))

    found = await fetch(way, "ours/settings", repository_url=charts.repository, version=version)

    assert found.version == version.removeprefix("v")


@pytest.mark.parametrize("version", ["", "~1.9", "*", ">=1"])
async def test_what_a_version_is_today_is_not_asked(
    way: str, version: str, settings: Path, charts: ChartServer
) -> None:
    charts.add(settings)

    err = await refused(way, "ours/settings", repository_url=charts.repository, version=version)

    assert type(err) is ChartNotFound


async def test_an_index_without_digests_is_trusted(way: str, settings: Path, charts: ChartServer) -> None:
    charts.add(settings, digest="")

    assert (await fetch(way, **reference(charts, "repository"))).version == "1.0.0"


async def test_another_archive_than_the_index_says_is_refused(
    way: str, settings: Path, charts: ChartServer
) -> None:
    charts.add(settings, digest="0" * 64)

    err = await refused(way, **reference(charts, "repository"))

    assert type(err) is BadChecksum and not err.retryable
    assert "settings 1.0.0" in str(err) and "0" * 64 in str(err)


@pytest.mark.parametrize("known", [True, False], ids=["of the index", "unknown to the index"])
async def test_an_archive_of_another_version_is_refused(
    way: str, known: bool, tmp_path: Path, settings: Path, charts: ChartServer
) -> None:
    charts.add(settings)
    other = copy_chart("settings", tmp_path / "other", version="0.9.0")
    if known:
        charts.add(other)
    charts.archives["settings-1.0.0.tgz"] = pack(other)

    assert type(await refused(way, **reference(charts, "repository"))) is BadChecksum


async def test_another_blob_than_the_manifest_says_is_refused(
    way: str, settings: Path, charts: ChartServer
) -> None:
    charts.tamper(charts.add(settings))

    err = await refused(way, **reference(charts, "registry"))

    assert type(err) is BadChecksum


async def test_a_pinned_digest_is_kept_to(way: str, settings: Path, charts: ChartServer) -> None:
    archive = charts.add(settings)
    where = reference(charts, "address")

    assert (await fetch(way, **where, digest=f"sha256:{sha256(archive)}")).version == "1.0.0"
    assert type(await refused(way, **where, digest=f"sha256:{'1' * 64}")) is BadChecksum


@pytest.mark.parametrize("place", ["repository", "registry", "address"])
async def test_a_chart_that_is_not_there_is_final(way: str, place: str, charts: ChartServer) -> None:
    err = await refused(way, **reference(charts, place))

    assert type(err) is ChartNotFound and not err.retryable
    assert "settings" in str(err)


async def test_a_version_that_is_not_there_is_final(way: str, settings: Path, charts: ChartServer) -> None:
    charts.add(settings)

    err = await refused(way, "ours/settings", repository_url=charts.repository, version="9.9.9")

    assert type(err) is ChartNotFound


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("place", ["repository", "registry", "address"])
async def test_a_closed_door_is_no_missing_right_in_the_cluster(
    way: str, place: str, status: int, charts: ChartServer
) -> None:
    charts.status = status

    assert type(await refused(way, **reference(charts, place))) is ChartNotFound


@pytest.mark.parametrize(
    ("place", "status"),
    [("repository", 429), ("repository", 503), ("address", 429), ("registry", 503)],
)
async def test_an_overloaded_server_is_asked_again(
    way: str, place: str, status: int, charts: ChartServer
) -> None:
    charts.status = status

    err = await refused(way, **reference(charts, place))

    assert type(err) is RepositoryUnreachable and err.retryable


@pytest.mark.parametrize("place", ["repository", "registry", "address"])
async def test_a_silent_host_is_asked_again(way: str, place: str) -> None:
    nowhere = ChartServer()
    nowhere.url = f"http://127.0.0.1:{free_port()}"

    err = await refused(way, **reference(nowhere, place))

    assert type(err) is RepositoryUnreachable and err.retryable


async def test_an_unknown_host_is_asked_again(way: str) -> None:
    err = await refused(way, "ours/settings", repository_url="http://charts.invalid")

    assert type(err) is RepositoryUnreachable


async def test_a_path_that_is_not_there_is_final(way: str) -> None:
    err = await refused(way, "ours/settings")

    assert type(err) is ChartNotFound and "the repository's address" in str(err)


async def test_what_is_no_chart_is_final(way: str, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "noise.tgz").write_bytes(b"noise")

    assert type(await refused(way, str(empty))) is ChartInvalid
    assert type(await refused(way, str(tmp_path / "noise.tgz"))) is ChartInvalid


async def test_an_archive_that_unpacks_without_end_is_final(way: str, tmp_path: Path, settings: Path) -> None:
    (settings / "templates" / "huge.yaml").write_bytes(b" " * (MAX_UNPACKED + 1))
    archive = tmp_path / "huge.tgz"
    archive.write_bytes(pack(settings))

    found = await refused(way, str(archive))

    assert archive.stat().st_size < MAX_UNPACKED / 100
    assert type(found) is ChartInvalid
    assert f"unpacks to more than {MAX_UNPACKED} bytes" in str(found)


async def test_a_missing_sub_chart_does_not_hide_the_chart(way: str, tmp_path: Path) -> None:
    chart = copy_chart("operator", tmp_path)
    (chart / "charts").rename(tmp_path / "elsewhere")

    found = await fetch(way, str(chart))

    assert found.dependencies == ("probe",)


async def test_a_password_in_an_address_stays_out_of_the_message(way: str) -> None:
    err = await refused(way, "ours/x", repository_url=f"http://me:hunter2@127.0.0.1:{free_port()}")

    assert "hunter2" not in str(err) + err.detail
