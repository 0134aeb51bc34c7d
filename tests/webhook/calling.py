"""A webhook server for tests: really over HTTPS, asked with AdmissionReviews as an API server does it."""

from __future__ import annotations

import base64
import copy
import io
import json
import ssl
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp

from airunway.api import names
from airunway.clients.connection_guard import ConnectionLimits
from airunway.selection.provider_lookup import Lookup, LookupProblem
from airunway.webhook.certificates import CertificateMaterial, renewal
from airunway.webhook.found_policy import FoundPolicy
from airunway.webhook.rules import AdmissionInputs, FindPolicy, FindProvider
from airunway.webhook.server import LIMITS, application, serving
from airunway.webhook.tls import ServedCertificate

Object = dict[str, Any]


async def no_provider(_: str) -> Lookup:
    return Lookup(problem=LookupProblem.NOT_FOUND)


async def everything_allowed(_: str) -> FoundPolicy:
    return FoundPolicy()


def certificate_for(*hosts: str) -> CertificateMaterial:
    made = renewal(CertificateMaterial(), hosts=hosts, now=datetime.now(UTC))
    assert made is not None
    return made.material


@dataclass
class Webhooks:
    """A running server. `find` and `policy_of` answer its look-ups and may be exchanged at any time."""

    url: str
    session: aiohttp.ClientSession
    find: FindProvider = no_provider
    policy_of: FindPolicy = everything_allowed

    async def create(self, obj: Object, **request: Any) -> Object:
        """The validating webhook's response to a new object."""
        return await self.review(names.VALIDATING_PATH, review("CREATE", obj, **request))

    async def update(self, old: Object, new: Object, **request: Any) -> Object:
        """The validating webhook's response to a change."""
        return await self.review(names.VALIDATING_PATH, review("UPDATE", new, old, **request))

    async def default(self, obj: Object, old: Object | None = None, **request: Any) -> Object:
        """The mutating webhook's response; `patched` gives the object after it."""
        body = review("UPDATE" if old else "CREATE", obj, old, **request)
        return await self.review(names.MUTATING_PATH, body)

    async def review(self, path: str, body: Object) -> Object:
        status, text = await self.post(path, json.dumps(body).encode())
        assert status == 200, text
        answer: Object = json.loads(text)
        assert (answer["apiVersion"], answer["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
        response: Object = answer["response"]
        assert response["uid"] == body["request"]["uid"]
        return response

    async def post(self, path: str, body: Any, *, content_type: str = "application/json") -> tuple[int, str]:
        headers = {"Content-Type": content_type}
        data = io.BytesIO(body) if isinstance(body, bytes) else body
        async with self.session.post(f"{self.url}{path}", data=data, headers=headers) as answer:
            return answer.status, await answer.text()


@asynccontextmanager
async def webhooks(*, limits: ConnectionLimits = LIMITS) -> AsyncIterator[Webhooks]:
    """A server on a free port, whose certificate the client checks."""
    served = ServedCertificate()
    served.load(certificate_for("127.0.0.1"))
    context = ssl.create_default_context(cadata=served.material.authorities.decode())
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
        running = Webhooks("", session)
        app = application(
            AdmissionInputs(
                find=lambda name: running.find(name), policy_of=lambda namespace: running.policy_of(namespace)
            )
        )
        async with serving(app, host="127.0.0.1", port=0, context=served.context, limits=limits) as port:
            running.url = f"https://127.0.0.1:{port}"
            yield running


def review(operation: str, obj: Any, old: Any = None, **request: Any) -> Object:
    """An AdmissionReview as the API server sends it."""
    kind = {"group": "airunway.ai", "version": "v1alpha1", "kind": "ModelDeployment"}
    resource = {"group": "airunway.ai", "version": "v1alpha1", "resource": "modeldeployments"}
    metadata = obj.get("metadata") or {} if isinstance(obj, dict) else {}
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": str(uuid.uuid4()),
            "kind": kind,
            "resource": resource,
            "requestKind": kind,
            "requestResource": resource,
            "name": metadata.get("name", ""),
            "namespace": metadata.get("namespace", ""),
            "operation": operation,
            "userInfo": {"username": "somebody"},
            "object": obj,
            "oldObject": old,
            "dryRun": False,
            **request,
        },
    }


def deployment(name: str = "phi", **spec: Any) -> Object:
    """A ModelDeployment; `spec` replaces parts of one that is fine."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.DEPLOYMENT_KIND,
        "metadata": {"name": name, "namespace": "lab"},
        "spec": {"model": {"id": "acme/phi"}, **spec},
    }


def patched(obj: Object, response: Mapping[str, Any]) -> Object:
    """The object after the patch of a mutating response, which only adds and replaces."""
    if "patch" not in response:
        return obj
    assert response["patchType"] == "JSONPatch"
    result: Any = copy.deepcopy(obj)
    for operation in json.loads(base64.b64decode(response["patch"])):
        assert operation["op"] in ("add", "replace"), operation
        steps = [_step(token) for token in operation["path"].split("/")[1:]]
        owner = result
        for step in steps[:-1]:
            owner = owner[int(step) if isinstance(owner, list) else step]
        owner[int(steps[-1]) if isinstance(owner, list) else steps[-1]] = operation["value"]
    patched_object: Object = result
    return patched_object


def _step(token: str) -> str:
    return token.replace("~1", "/").replace("~0", "~")
