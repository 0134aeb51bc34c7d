"""The distribution project's registry: what images are pushed to and pulled from."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from airunway.modelimage.registry_config import reader_config, writer_config
from kube_emulator.envtest.ports import kept_port
from kube_emulator.envtest.process import Server
from tests.servers import binaries
from tests.servers.binaries import binary


class Registry(Server):
    """A registry on loopback, without TLS, that keeps its images in its folder and allows deleting.

    With `users` (name to bcrypt hash), only they are let in, by basic authentication.
    """

    name = "registry"

    def __init__(
        self,
        folder: Path | None = None,
        *,
        users: dict[str, str] | None = None,
        extra_args: Sequence[str] = (),
    ) -> None:
        super().__init__(folder, extra_args=extra_args)
        self.users = dict(users or {})
        self.port = kept_port(self.folder, "http")
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.host}"

    def prepare(self) -> None:
        config: dict[str, Any] = {
            "version": 0.1,
            "log": {"accesslog": {"disabled": True}, "level": "warn"},
            "storage": {
                "filesystem": {"rootdirectory": str(self.folder / "data")},
                "delete": {"enabled": True},
            },
            "http": {"addr": self.host},
        }
        if self.users:
            passwords = self.folder / "htpasswd"
            passwords.write_text("".join(f"{name}:{hashed}\n" for name, hashed in self.users.items()))
            config["auth"] = {"htpasswd": {"realm": "tests", "path": str(passwords)}}
        (self.folder / "config.yml").write_text(json.dumps(config))  # JSON is YAML too

    def command(self) -> list[str]:
        return [binary("registry"), "serve", str(self.folder / "config.yml")]

    def is_ready(self) -> bool:
        # Not through a proxy named in the environment.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.url}/v2/", timeout=2) as answer:
                return bool(answer.status == 200)
        except urllib.request.HTTPError as refusal:
            return bool(refusal.code == 401 and self.users)

    def wipe(self) -> None:
        """Start again with no image."""
        self.kill()
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        self.start()


class GuardedRegistry(Registry):
    """The pushing side of the registry in the cluster, with the configuration that it has there."""

    def __init__(self, folder: Path | None = None, *, htpasswd: bytes) -> None:
        super().__init__(folder, users={"known": "by its file"})
        self.change_logins(htpasswd)

    def change_logins(self, htpasswd: bytes) -> None:
        """What a kubelet does when the mounted Secret changed: another file takes the place of the old."""
        self.folder.mkdir(parents=True, exist_ok=True)
        fresh = self.folder / ".htpasswd"
        fresh.write_bytes(htpasswd)
        fresh.replace(self.folder / "htpasswd")

    def prepare(self) -> None:
        config = writer_config(
            address=self.host, data=str(self.folder / "data"), htpasswd=str(self.folder / "htpasswd")
        )
        (self.folder / "config.yml").write_text(config)


class PullSide(Registry):
    """The side that nodes pull from, on the images of another process."""

    def __init__(self, of: Registry) -> None:
        super().__init__()
        self._of = of

    def prepare(self) -> None:
        data = str(self._of.folder / "data")
        (self.folder / "config.yml").write_text(reader_config(address=self.host, data=data))


def why_missing() -> str | None:
    """A sentence saying what the registry still needs here; None when all is there."""
    return binaries.why_missing(["registry"])
