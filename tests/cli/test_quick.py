"""The quick way of a list: it shows what the general way shows, and leaves to that whatever is not plain."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from airunway.cli import app, output, status
from airunway.cli.formats import OutputFormat
from airunway.cli.placing import Where
from airunway.cli.quick import shown_quickly
from airunway.cli.quick.cluster import PlainCluster
from airunway.cli.quick.problems import NotPlainError
from airunway.cli.quick.settings import PlainSettings, plain_settings
from airunway.cli.quick.words import list_words
from airunway.cli.simple_table import simple_table
from airunway.cli.status_report import report
from airunway.console import fleet_troubles
from airunway.workers.environment import read_command_settings
from tests.cli.temporal_place import CLUSTER, Place, place, until

# -- words and settings --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        "list",
        "status",
        "status -A",
        "list --all-namespaces",
        "list -n ml",
        "list -nml",
        "list --namespace ml -o json",
        "list --namespace=ml -owide",
        "list -n=ml -o=json",
        "status --kubeconfig k --context c",
        "status --context=c=d --output=name -n a -n b",
    ],
)
def test_words_are_read_as_the_command_line_reads_them(
    arguments: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Any] = []
    monkeypatch.setattr(status, "_show", lambda *given: read.append(given))
    monkeypatch.setattr(sys, "argv", ["airunway", *arguments.split()])

    words = list_words(arguments.split())
    with pytest.raises(SystemExit):
        app.main()

    assert words is not None
    where = Where(words.kubeconfig, words.context)
    assert read == [(None, words.namespace, words.everywhere, words.form, False, False, "", where)]


@pytest.mark.parametrize(
    "arguments",
    [
        *("", "--help", "pause chat", "status chat", "list -w", "list --help", "list -h", "list -Aw"),
        *(
            "list --all-clusters",
            "list -o xml",
            "list -n",
            "list -n -A",
            "list --namespace=",
            "list --name ml",
        ),
    ],
)
def test_other_words_are_left_to_the_command_line(arguments: str) -> None:
    assert list_words(arguments.split()) is None


def test_settings_are_read_as_all_others_are(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {
        "AIRUNWAY_CLUSTER": "west-1",
        "AIRUNWAY_KUBECONFIG": "/k",
        "AIRUNWAY_CONTEXT": "c",
        "AIRUNWAY_TEMPORAL_ADDRESS": "t:7233",
        "AIRUNWAY_TEMPORAL_NAMESPACE": "n",
        "AIRUNWAY_TEMPORAL_UI": "http://u/",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    found, all_of_them = plain_settings({"HOME": "/", **environment}), read_command_settings()

    assert vars(found) == {name: getattr(all_of_them, name) for name in vars(found)}
    assert plain_settings({}) == PlainSettings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AIRUNWAY_TEMPORAL_TLS", "true"),
        ("AIRUNWAY_TEMPORAL_API_KEY_FILE", "/key"),
        ("AIRUNWAY_CLUSTR", "misspelt"),
        ("AIRUNWAY_CLUSTER", "Not A Name"),
        ("airunway_cluster", "west"),
        ("AIRUNWAY_CONTEXT", ""),
        ("TEMPORAL_API_KEY", "secret"),
    ],
)
def test_other_settings_are_left_to_those_who_know_them(name: str, value: str) -> None:
    with pytest.raises(NotPlainError):
        plain_settings({name: value})


# -- the kubeconfig ------------------------------------------------------------------------------------------


def kubeconfig(folder: Path, *, cluster: dict[str, Any], user: dict[str, Any]) -> Path:
    content = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("user", "want"),
    [
        pytest.param({"token": "t"}, "Bearer t", id="a token"),
        pytest.param({"tokenFile": "token"}, "Bearer from-file", id="a file beside it"),
        pytest.param({"username": "u", "password": "p"}, "Basic dTpw", id="a password"),
        pytest.param({}, None, id="nothing"),
    ],
)
def test_plain_credentials(user: dict[str, Any], want: str | None, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-file\n")
    path = kubeconfig(tmp_path, cluster={"server": "http://127.0.0.1:1"}, user=user)

    cluster = PlainCluster(path, None)

    assert cluster.headers.get("Authorization") == want


@pytest.mark.parametrize(
    ("cluster", "user"),
    [
        pytest.param({}, {"exec": {"command": "aws"}}, id="a plugin"),
        pytest.param({}, {"auth-provider": {"name": "oidc"}}, id="a provider of tokens"),
        pytest.param({}, {"token": "t", "as": "somebody"}, id="another's name"),
        pytest.param({"proxy-url": "http://p"}, {}, id="a proxy"),
        pytest.param({"tls-server-name": "n"}, {}, id="another name in its certificate"),
        pytest.param({"server": "https://k", "insecure-skip-tls-verify": True}, {}, id="no certificate"),
        pytest.param({"server": "https://k/path"}, {}, id="a path"),
        pytest.param({"server": "ftp://k"}, {}, id="no HTTP"),
        pytest.param({}, {"client-certificate-data": "YQ=="}, id="a certificate without a key, by HTTPS"),
    ],
)
def test_other_kubeconfigs_are_left_to_the_official_client(
    cluster: dict[str, Any], user: dict[str, Any], tmp_path: Path
) -> None:
    path = kubeconfig(tmp_path, cluster={"server": "https://127.0.0.1:1", **cluster}, user=user)

    with pytest.raises(NotPlainError):
        PlainCluster(path, None)


# -- the table -----------------------------------------------------------------------------------------------

CELLS = st.text(st.sampled_from("ab-/ .[]:x"), max_size=12)


@given(rows=st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=5))
def test_a_simple_table_is_as_the_others_are(rows: list[list[str]]) -> None:
    headings = ["NAMESPACE", "NAME", "MESSAGE"]
    table = output.plain_table(*headings)
    for row in rows:
        table.add_row(*row)
    screen = output.console()
    with screen.capture() as printed:
        screen.print(table)

    assert simple_table(headings, rows, width=output.WIDTH_WITHOUT_TERMINAL, bold=False) == printed.get()


def test_a_table_that_has_to_be_laid_out_is_none() -> None:
    assert simple_table(["A"], [["\N{HIRAGANA LETTER A}"]], width=80, bold=False) is None
    assert simple_table(["A", "B"], [["a" * 40, "b" * 39]], width=80, bold=False) is None
    assert simple_table(["A", "B"], [["a" * 40, "b" * 38]], width=80, bold=False) is not None


# -- the whole of it -----------------------------------------------------------------------------------------


@pytest_asyncio.fixture
async def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    async with place(tmp_path) as running:
        monkeypatch.setenv("AIRUNWAY_CLUSTER", CLUSTER)
        monkeypatch.setenv("AIRUNWAY_TEMPORAL_ADDRESS", running.client.service_client.config.target_host)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setattr(fleet_troubles, "NEW", timedelta(0))
        yield running


async def test_both_ways_show_the_same(here: Place, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("fine", "ended", "alone"):
        await here.deployment(name)
    await here.workflow("fine")
    await here.client.get_workflow_handle(await here.workflow("ended")).terminate()
    await until("ExecutionStatus = 'Terminated'", here.client, lambda count: count == 1)
    await until("ExecutionStatus = 'Running'", here.client, lambda count: count == 1)
    where = Where(here.kubeconfig)

    for form in OutputFormat:
        for namespace, everywhere in (("default", False), ("nobodys", False), (None, True)):
            await report(namespace, None, form=form, watch=False, where=where, everywhere=everywhere)
            general = capsys.readouterr()
            chosen = ["-A"] if everywhere else ["-n", str(namespace)]
            arguments = ["status", *chosen, "-o", form.value, "--kubeconfig", str(here.kubeconfig)]
            is_shown = await asyncio.to_thread(shown_quickly, arguments)
            quick = capsys.readouterr()

            assert is_shown
            assert _without_ages(quick.out) == _without_ages(general.out)
            assert quick.err == general.err
    assert "terminated" in general.out or general.out.startswith("modeldeployment")


AGE = re.compile(r"(\d+[smhd])+")


def _without_ages(text: str) -> list[list[str]]:
    """Lines by their words: seconds go by between the two, and with them the width of a column."""
    lines = [line.split() for line in text.splitlines()]
    return [[word for word in line if not AGE.fullmatch(word)] for line in lines]


async def test_nothing_heavy_is_loaded_and_whoever_comes_after_has_it_whole(here: Place) -> None:
    await here.deployment("fine")
    script = """
import json, sys
from airunway.cli.quick import shown_quickly
is_shown = shown_quickly(sys.argv[1:])
print(json.dumps([is_shown, sorted(sys.modules)]), file=sys.stderr)
import temporalio.client, temporalio.worker
import temporalio.bridge.temporal_sdk_bridge
assert temporalio.bridge.temporal_sdk_bridge.init_runtime
"""
    command = [sys.executable, "-c", script, "list", "--kubeconfig", str(here.kubeconfig)]

    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)

    is_shown, modules = json.loads(done.stderr.splitlines()[-1])
    heavy = {"aiohttp", "google.protobuf", "kubernetes", "pydantic", "rich", "temporalio", "typer"}
    assert is_shown
    assert "fine" in done.stdout
    assert sorted(heavy & set(modules)) == []


async def test_a_temporal_that_is_not_there_leaves_it_to_the_general_way(
    here: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], closed_port: int
) -> None:
    await here.deployment("fine")
    monkeypatch.setenv("AIRUNWAY_TEMPORAL_ADDRESS", f"127.0.0.1:{closed_port}")

    is_shown = await asyncio.to_thread(shown_quickly, ["list", "--kubeconfig", str(here.kubeconfig)])

    assert not is_shown
    assert capsys.readouterr() == ("", "")


async def test_a_profile_of_temporals_own_leaves_it_to_the_general_way(here: Place, tmp_path: Path) -> None:
    await here.deployment("fine")
    for folder in (".config", "Library/Application Support"):
        (tmp_path / folder / "temporalio").mkdir(parents=True)
        profile = '[profile.default]\naddress = "temporal.example:7233"\n'
        (tmp_path / folder / "temporalio" / "temporal.toml").write_text(profile)

    is_shown = await asyncio.to_thread(shown_quickly, ["list", "--kubeconfig", str(here.kubeconfig)])

    assert not is_shown
