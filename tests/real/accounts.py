"""Our processes' own accounts on a real API server: their roles, their tokens, and what they asked for.

The API server keeps an audit log, so that a refusal which a process takes in silence is seen, too.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from airunway.clients.kubernetes import PODS, Cluster, Resource
from benchmarks.audit import Audit
from tests.deploy.grants import EVERY, Grant, missing_from, wanted_by
from tests.deploy.processes import USES
from tests.servers.cluster import Cluster as RealCluster
from tools.generate.chart import only, render

KINDS = ("Namespace", "ServiceAccount", "Secret", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
REVIEWS = Resource("authorization.k8s.io/v1", "subjectaccessreviews")
PATIENCE_SECONDS = 120


class Accounts:
    """The accounts of the core, of the installer, and of some providers' workers."""

    def __init__(self, real: RealCluster, admin: Cluster, audit: Audit, folder: Path) -> None:
        self._real, self._admin, self._audit, self._folder = real, admin, audit, folder
        self._namespaces: dict[str, str] = {}
        self._begin = 0

    async def make(self, *providers: str) -> None:
        """Apply the chart's accounts, roles and bindings, and wait until the API server goes by them.

        What was asked before does not count in `refused` and `not_in_the_list`.
        """
        await self._log_is_written()
        self._begin = self._audit.size()
        values = {
            "providers": only(*providers),
            "installer": {"enabled": True},
            "namespace": {"create": True},
        }
        (rendered,) = await asyncio.to_thread(render, values)
        made = [entry.content for entry in rendered if entry.content["kind"] in KINDS]
        for obj in sorted(made, key=lambda obj: KINDS.index(obj["kind"])):
            served = await self._admin.discovery.served_kinds(obj["apiVersion"])
            kind = Resource(obj["apiVersion"], served[obj["kind"]])
            await self._admin.apply(kind, obj, field_manager="test")
            if obj["kind"] == "ServiceAccount":
                self._namespaces[obj["metadata"]["name"]] = obj["metadata"]["namespace"]
        async with asyncio.timeout(PATIENCE_SECONDS):
            for account in self._namespaces:
                for grant in sorted(wanted_by(USES[account])):
                    while not await self._is_allowed(account, grant):
                        await asyncio.sleep(0.1)

    def kubeconfig(self, account: str) -> Path:
        """A kubeconfig of an account, with a token that the API server made for it."""
        path = f"/api/v1/namespaces/{self._namespaces[account]}/serviceaccounts/{account}/token"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        status, answer = self._real.request("POST", path, body)
        assert status == 201, answer
        config = json.loads(self._real.kubeconfig.read_text())
        config["users"][0]["user"] = {"token": answer["status"]["token"]}
        target = self._folder / f"{account}-kubeconfig"
        target.write_text(json.dumps(config))
        return target

    async def refused(self) -> list[str]:
        """Requests of our accounts that the API server refused for want of a right, since the beginning."""
        await self._log_is_written()
        return sorted(
            {
                f"{account}: {event['verb']} {event['requestURI'].partition('?')[0]}"
                for account, event in self._requests()
                if (event.get("responseStatus") or {}).get("code") == 403
            }
        )

    async def not_in_the_list(self) -> list[tuple[str, Grant]]:
        """Requests of our accounts that the list of what processes use has not."""
        await self._log_is_written()
        asked: dict[str, set[Grant]] = {}
        for account, event in self._requests():
            ref = event.get("objectRef") or {}
            if (
                "resource" in ref and ref.get("apiGroup") != "authorization.k8s.io"
            ):  # may I: everybody may ask
                asked.setdefault(account, set()).add(_grant_of(event["verb"], ref))
        return [
            (account, grant)
            for account, grants in asked.items()
            for grant in missing_from(wanted_by(USES[account]), grants)
        ]

    def _requests(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for event in self._audit.events(self._begin):
            user, account = event["user"]["username"], event["user"]["username"].rpartition(":")[2]
            if user == f"system:serviceaccount:{self._namespaces.get(account)}:{account}":
                yield account, event

    async def _log_is_written(self) -> None:
        """Wait for a request of our own: the log is written in order, a moment later."""
        name = uuid.uuid4().hex
        await self._admin.find(PODS, name, namespace="default")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not _names(self._audit.events(self._begin), name):
                await asyncio.sleep(0.2)

    async def _is_allowed(self, account: str, grant: Grant) -> bool:
        resource, _, subresource = grant.resource.partition("/")
        named = {"namespace": grant.namespace, "name": grant.name}
        attributes = {"verb": grant.verb, "group": grant.group, "resource": resource}
        attributes |= {"subresource": subresource}
        attributes |= {key: value for key, value in named.items() if value != EVERY}
        namespace = self._namespaces[account]
        spec = {
            "user": f"system:serviceaccount:{namespace}:{account}",
            "groups": [
                "system:serviceaccounts",
                f"system:serviceaccounts:{namespace}",
                "system:authenticated",
            ],
            "resourceAttributes": attributes,
        }
        answer = await self._admin.create(REVIEWS, {"spec": spec})
        return bool(answer["status"]["allowed"])


def _grant_of(verb: str, ref: dict[str, Any]) -> Grant:
    resource = ref["resource"] + (f"/{ref['subresource']}" if ref.get("subresource") else "")
    return Grant(verb, ref.get("apiGroup", ""), resource, ref.get("namespace", ""), ref.get("name", ""))


def _names(events: Iterable[dict[str, Any]], name: str) -> bool:
    return any((event.get("objectRef") or {}).get("name") == name for event in events)
