"""Questions to Temporal's visibility by the core of the SDK alone: the library that its Python code drives.

That library may change with any release of the SDK: then something raises, and the general way is taken.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from types import SimpleNamespace
from typing import Any

from airunway.cli.quick.messages import list_request, listed
from airunway.cli.quick.problems import NotPlainError
from airunway.cli.quick.settings import PlainSettings
from airunway.console.workflow_state import WorkflowState
from airunway.workers.temporal.identity import person_identity

_LIBRARY = "temporal_sdk_bridge"


class PlainVisibility:
    """One connection without TLS."""

    def __init__(self, settings: PlainSettings) -> None:
        """Raises NotPlainError, or whatever a changed library raises; nobody is asked yet."""
        self._settings = settings
        self._core = _core()
        if settings.temporal_environment and self._profile():
            raise NotPlainError
        telemetry = SimpleNamespace(logging=None, metrics=None)
        self._runtime = self._core.init_runtime(
            SimpleNamespace(
                telemetry=telemetry, worker_heartbeat_interval_millis=None, disable_environment_info=True
            )
        )
        self._client: Any = None

    async def connect(self) -> None:
        """Reach Temporal. Raises RuntimeError."""
        self._client = await self._core.connect_client(
            self._runtime,
            SimpleNamespace(
                target_url=f"http://{self._settings.address}",
                client_name="airunway",
                client_version="",
                metadata={},
                api_key=None,
                identity=person_identity(),
                tls_config=None,
                retry_config=None,
                keep_alive_config=None,
                connect_timeout_millis=None,
                http_connect_proxy_config=None,
                dns_load_balancing_config=None,
                grpc_compression="gzip",
                payloads_warn_size=0,
                memo_warn_size=0,
            ),
        )

    async def find(self, query: str) -> AsyncIterator[WorkflowState]:
        """What a visibility query finds, page by page. Raises the library's own error."""
        token = b""
        while True:
            request = list_request(self._settings.namespace, query, token)
            call = SimpleNamespace(
                rpc="list_workflow_executions", req=request, retry=True, metadata={}, timeout_millis=None
            )
            states, token = listed(await self._client.call_workflow_service(call))
            for state in states:
                yield state
            if not token:
                return

    def _profile(self) -> dict[str, Any]:
        """What the SDK's configuration file says."""
        found: dict[str, Any] = self._core.envconfig.load_client_connect_config(
            profile=None, path=None, data=None, disable_file=False, disable_env=True, config_file_strict=False
        )
        return {name: value for name, value in found.items() if value}


def _core() -> Any:
    """The library, loaded beside its package, which would load everything."""
    package = find_spec("temporalio")
    if package is None:
        raise NotPlainError
    folders = [f"{folder}/bridge" for folder in package.submodule_search_locations or ()]
    spec = PathFinder.find_spec(_LIBRARY, folders)
    if spec is None or spec.loader is None:
        raise NotPlainError
    library = module_from_spec(spec)
    spec.loader.exec_module(library)
    return library
