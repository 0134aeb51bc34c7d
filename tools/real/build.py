"""Build the real tier's servers from their pinned Go modules, once, into a cache outside the tree.

    python3 tools/real/build.py [--list] [NAME...]

NAME is a tool (`kubernetes`) or one of its binaries (`kube-apiserver`); without one, all are built.
Only the standard library is used, so that it runs before anything is installed.

A further server is one row in `TOOLS` and one folder beside this file with a go.mod. Each has its
own, because their dependency graphs contradict each other.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
KUBE_VERSION = "k8s.io/component-base/version"
# Where Go's own installer puts it; a root shell often lacks it on PATH.
USUAL_GO = Path("/usr/local/go/bin/go")


class BinaryBuildError(Exception):
    """A binary cannot be had; the message says what to do."""


@dataclass(frozen=True)
class Tool:
    """One Go module and the binaries taken from it."""

    name: str  # the folder of its go.mod, and the start of its cache folder's name
    module: str  # the module whose pinned version is the tool's
    binaries: dict[str, str]  # file name -> Go package
    version_flags: str = ""  # linker flags, with {version}, {major} and {minor}
    in_kubebuilder_assets: bool = False  # controller developers often have these already

    @property
    def version(self) -> str:
        """The version its go.mod pins, such as `v1.37.2`."""
        text = (HERE / self.name / "go.mod").read_text()
        found = re.search(rf"^(?:require )?\s*{re.escape(self.module)} (v\S+)", text, re.MULTILINE)
        if not found:
            raise BinaryBuildError(f"tools/real/{self.name}/go.mod does not pin {self.module}")
        return found.group(1)

    @property
    def linker_flags(self) -> str:
        """Strip symbols (half the size), and stamp the version where the server looks for it."""
        major, minor = self.version.removeprefix("v").split(".")[:2]
        return f"-s -w {self.version_flags.format(version=self.version, major=major, minor=minor)}".strip()


TOOLS = (
    Tool(
        "kubernetes",
        "k8s.io/kubernetes",
        {
            "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
            "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
        },
        # Unstamped, the server calls itself v0.0.0, and clients that check its version refuse it.
        version_flags=(
            f"-X {KUBE_VERSION}.gitVersion={{version}}"
            f" -X {KUBE_VERSION}.gitMajor={{major}} -X {KUBE_VERSION}.gitMinor={{minor}}"
        ),
        in_kubebuilder_assets=True,
    ),
    Tool(
        "etcd", "go.etcd.io/etcd/server/v3", {"etcd": "go.etcd.io/etcd/server/v3"}, in_kubebuilder_assets=True
    ),
    Tool(
        "helm",
        "helm.sh/helm/v4",
        {"helm": "helm.sh/helm/v4/cmd/helm"},
        version_flags="-X helm.sh/helm/v4/internal/version.version={version}",
    ),
    Tool(
        "temporal",
        "go.temporal.io/server",
        {
            "temporal-server": "go.temporal.io/server/cmd/server",
            "temporal-sql-tool": "go.temporal.io/server/cmd/tools/sql",
        },
    ),
    Tool(
        "buildkit",
        "github.com/moby/buildkit",
        {"buildkitd": "github.com/moby/buildkit/cmd/buildkitd"},
        version_flags="-X github.com/moby/buildkit/version.Version={version}",
    ),
    Tool(
        "registry",
        "github.com/distribution/distribution/v3",
        {"registry": "github.com/distribution/distribution/v3/cmd/registry"},
        version_flags="-X github.com/distribution/distribution/v3/version.version={version}",
    ),
)


def cache_root() -> Path:
    """The folder all tools' binaries are kept under."""
    chosen = os.environ.get("AIRUNWAY_TOOLS_CACHE")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "airunway-tools"


def tool_of(binary: str) -> Tool:
    """The tool a binary belongs to."""
    for tool in TOOLS:
        if binary in tool.binaries:
            return tool
    raise BinaryBuildError(f"no tool has a binary called {binary}")


def path_of(binary: str) -> Path:
    """Where a binary is, or where it will be once built."""
    tool = tool_of(binary)
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and tool.in_kubebuilder_assets and (Path(assets) / binary).is_file():
        return Path(assets) / binary
    return cache_root() / f"{tool.name}-{tool.version}" / binary


def missing(names: Sequence[str] = ()) -> list[str]:
    """Those of the named binaries (all, if none is named) that are not there yet."""
    return [binary for binary in names or _all_binaries() if not path_of(binary).is_file()]


def build(binary: str) -> Path:
    """Build one binary unless it is there; returns its path.

    It is built beside its place and moved there whole, so an interrupted build leaves no half of it.
    """
    target = path_of(binary)
    tool = tool_of(binary)
    if target.is_file():
        return target
    with _lock(tool.name):
        if target.is_file():  # another build finished while this one waited
            return target
        unfinished = cache_root() / f".building-{tool.name}"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        try:
            _go_build(tool, tool.binaries[binary], unfinished / binary)
            target.parent.mkdir(exist_ok=True)
            os.replace(unfinished / binary, target)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return target


def _go_build(tool: Tool, package: str, output: Path) -> None:
    command = [_go_for(tool), "build", "-mod=readonly", "-trimpath", "-buildvcs=false"]
    command += ["-ldflags", tool.linker_flags, "-o", str(output), package]
    done = subprocess.run(command, cwd=HERE / tool.name, env=_go_environment(), check=False)
    if done.returncode:
        raise BinaryBuildError(
            f"go build {package} failed with status {done.returncode}; its words are above"
        )


def _go_environment() -> dict[str, str]:
    # Static binaries of the Go at hand: no C compiler needed, no other toolchain fetched behind our back,
    # and no workspace file of a parent folder taken for ours.
    return {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}


def _go_for(tool: Tool) -> str:
    """The Go command, checked to be new enough for the tool's module."""
    go = shutil.which("go") or (str(USUAL_GO) if USUAL_GO.is_file() else None)
    wanted = re.search(r"^go (\S+)", (HERE / tool.name / "go.mod").read_text(), re.MULTILINE)
    needed = wanted.group(1) if wanted else "1"
    if go is None:
        raise BinaryBuildError(f"Go {needed} or newer is needed to build {tool.name}, and no `go` is on PATH")
    answer = subprocess.run(
        [go, "env", "GOVERSION"], env=_go_environment(), capture_output=True, text=True, check=False
    )
    have = answer.stdout.strip()
    if _numbers(have) < _numbers(needed):
        raise BinaryBuildError(
            f"Go {needed} or newer is needed to build {tool.name}; {go} is {have or answer.stderr.strip()}"
        )
    return go


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


@contextmanager
def _lock(name: str) -> Iterator[None]:
    """Let one build of a tool run at a time on this machine; the next finds it done."""
    cache_root().mkdir(parents=True, exist_ok=True)
    with open(cache_root() / f".lock-{name}", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _all_binaries() -> list[str]:
    return [binary for tool in TOOLS for binary in tool.binaries]


def _chosen(names: Sequence[str]) -> list[str]:
    """Names of tools and binaries, as binaries; all, if none is named."""
    by_tool = {tool.name: list(tool.binaries) for tool in TOOLS}
    known = dict.fromkeys([*by_tool, *_all_binaries()])
    unknown = [name for name in names if name not in known]
    if unknown:
        raise BinaryBuildError(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
    wanted = [binary for name in names for binary in ([name] if name in _all_binaries() else by_tool[name])]
    return list(dict.fromkeys(wanted)) or _all_binaries()


def main(arguments: Sequence[str] | None = None) -> int:
    """Build what is missing, or list what there is; the exit status says whether all is there."""
    parser = argparse.ArgumentParser(
        prog="tools/real/build.py", description="Build the real tier's servers, once."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="a tool or a binary; all, if none is named")
    parser.add_argument("--list", action="store_true", help="say what is built and where; build nothing")
    options = parser.parse_args(arguments)
    try:
        for binary in _chosen(options.names):
            version = tool_of(binary).version
            started, was_there = time.monotonic(), path_of(binary).is_file()
            if options.list:
                print(f"{binary} {version}: {'built' if was_there else 'not built'}, {path_of(binary)}")
                continue
            if not was_there:
                print(f"{binary} {version}: building; a first build takes minutes", flush=True)
            path = build(binary)
            said = "there already" if was_there else f"built in {time.monotonic() - started:.0f} s"
            print(f"{binary} {version}: {said}, {path}", flush=True)
    except BinaryBuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; what Go compiled so far is kept in its own cache", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
