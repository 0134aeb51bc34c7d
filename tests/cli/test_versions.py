"""`airunway versions`: which builds there are, and which of them gets the runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airunway.cli.formats import OutputFormat
from airunway.cli.placing import Where
from airunway.cli.problems import CliError
from airunway.cli.versions_report import make_current, make_ramping, report
from tests.workers.version_site import NewDeployment, version_site

pytestmark = pytest.mark.timeout(400)


async def test_a_person_lists_ramps_promotes_and_rolls_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.touch()
    async with version_site() as site, site.worker("1"), site.worker("2", NewDeployment):
        monkeypatch.setenv("AIRUNWAY_CLUSTER", site.cluster)
        monkeypatch.setenv("AIRUNWAY_TEMPORAL_ADDRESS", site.address)

        await make_current("1", where=Where(kubeconfig))
        await site.listed(await site.start("chat"))
        await make_ramping("2", 10, where=Where(kubeconfig))
        assert await listed(kubeconfig, capsys) == {
            "1": {"status": "current", "percentage": 90, "openRuns": 1},
            "2": {"status": "ramping", "percentage": 10, "openRuns": 0},
        }

        await make_current("2", where=Where(kubeconfig))
        assert await listed(kubeconfig, capsys) == {
            "1": {"status": "draining", "percentage": 0, "openRuns": 1},
            "2": {"status": "current", "percentage": 100, "openRuns": 0},
        }

        await make_current("1", where=Where(kubeconfig))
        assert (await listed(kubeconfig, capsys))["1"]["percentage"] == 100
        with pytest.raises(CliError, match="no worker of build 3 has polled; builds of airunway-"):
            await make_current("3", where=Where(kubeconfig))
        with pytest.raises(CliError, match="1 is the current build"):
            await make_ramping("1", 10, where=Where(kubeconfig))


async def test_without_versioned_workers_the_command_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.touch()
    async with version_site() as site:
        monkeypatch.setenv("AIRUNWAY_CLUSTER", site.cluster)
        monkeypatch.setenv("AIRUNWAY_TEMPORAL_ADDRESS", site.address)

        with pytest.raises(CliError, match="knows no versioned workers by the name airunway-"):
            await report(form=OutputFormat.TABLE, where=Where(kubeconfig))


async def listed(kubeconfig: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, str | int]]:
    capsys.readouterr()
    await report(form=OutputFormat.JSON, where=Where(kubeconfig))
    rows = json.loads(capsys.readouterr().out)["builds"]
    return {row["build"]: {key: row[key] for key in ("status", "percentage", "openRuns")} for row in rows}
