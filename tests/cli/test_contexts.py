"""Context and namespace of a command, as `kubectl` takes them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from airunway.cli.cluster import namespace_for, settings_for
from airunway.cli.contexts import read_contexts
from airunway.cli.placing import Where
from airunway.cli.problems import CliError
from tests.cli.test_cluster import running


def kubeconfig(path: Path, current: str, **namespaces: str) -> Path:
    """A kubeconfig with contexts and their namespaces; empty: a context names none."""
    contexts = [
        {"name": name, "context": {"cluster": "c", "user": "u", **({"namespace": given} if given else {})}}
        for name, given in namespaces.items()
    ]
    path.write_text(yaml.safe_dump({"apiVersion": "v1", "current-context": current, "contexts": contexts}))
    return path


@pytest.fixture(autouse=True)
def nothing_of_the_callers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KUBECONFIG", "AIRUNWAY_KUBECONFIG", "AIRUNWAY_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("context", "given", "want"),
    [
        pytest.param(None, None, "ml", id="that of the current context"),
        pytest.param("east", None, "chat", id="that of the context which is named"),
        pytest.param("bare", None, "default", id="a context without one"),
        pytest.param("east", "own", "own", id="the one that is given"),
    ],
)
def test_the_namespace(tmp_path: Path, context: str | None, given: str | None, want: str) -> None:
    file = kubeconfig(tmp_path / "config", "west", west="ml", east="chat", bare="")

    settings = settings_for(Where(file, context))

    assert namespace_for(settings, given) == want
    assert settings.context == context


def test_a_context_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path / "config", "west", west="", east="")

    with pytest.raises(CliError, match=r"no context 'nort\\x1bh'; there are: east, west"):
        settings_for(Where(file, "nort\x1bh"))


def test_of_several_kubeconfigs_the_first_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [
        kubeconfig(tmp_path / "one", "west", west="ml"),
        tmp_path / "missing",
        kubeconfig(tmp_path / "two", "east", east="chat", west="other"),
    ]
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, files)))

    settings = settings_for()

    assert settings.context == "west"
    assert namespace_for(settings, None) == "ml"
    assert namespace_for(settings_for(Where(context="east")), None) == "chat"


def test_a_context_leaves_the_sandbox_of_this_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".airunway").mkdir()
    running(tmp_path / ".airunway")
    (tmp_path / ".kube").mkdir()
    kubeconfig(tmp_path / ".kube" / "config", "west", west="", east="")

    assert settings_for().temporal_address == "127.0.0.1:7001"
    away = settings_for(Where(context="east"))
    assert (away.context, away.temporal_address) == ("east", None)


@pytest.mark.parametrize(
    "content", ["- a list", "a: [", "\x00", "contexts: {a: b}", "contexts: [1, {name: 2}]"]
)
def test_what_is_no_kubeconfig_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "config").write_text(content)

    try:
        found = read_contexts(tmp_path / "config")
    except CliError as err:
        assert str(err).startswith("no usable kubeconfig: ")
        assert "\n" not in str(err)
    else:
        assert found.namespace_of(None) == ""
