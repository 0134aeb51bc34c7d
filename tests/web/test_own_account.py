"""The web process serves every page with its own account, which has the rights of its manifests alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from airunway.api.names import SYSTEM_NAMESPACE, WEB_SESSION_SECRET
from airunway.clients.crds import apply_own_crds
from airunway.clients.errors import AlreadyExists, Forbidden
from airunway.clients.kubernetes import NAMESPACES, SECRETS, Cluster, Resource
from airunway.web.session_key import session_key
from kube_emulator import EmulatedCluster
from tests.deploy.manifests import WEB, objects
from tests.gateway.site import GatewaySite
from tests.web.place import WebPlace, web_before

ITS_TOKEN, PERSONS_TOKEN = "token-of-the-process", "token-of-a-person"
LIMIT = aiohttp.ClientTimeout(total=60)
PERSON = {"Authorization": f"Bearer {PERSONS_TOKEN}"}
GROUP = "rbac.authorization.k8s.io/v1"
KINDS = {
    "ServiceAccount": Resource("v1", "serviceaccounts"),
    "Secret": SECRETS,
    "Role": Resource(GROUP, "roles"),
    "RoleBinding": Resource(GROUP, "rolebindings"),
    "ClusterRole": Resource(GROUP, "clusterroles"),
    "ClusterRoleBinding": Resource(GROUP, "clusterrolebindings"),
}
PATHS = [
    *("/", "/deploy", "/deployments/default/demo", "/images", "/providers", "/providers/acme"),
    *("/api/cluster/status", "/api/settings", "/api/runtimes/status", "/api/deployments"),
    *("/api/deployments/demo?namespace=default", "/api/deployments/demo/pods?namespace=default"),
    *("/api/deployments/demo/pending-reasons?namespace=default", "/api/installation/gpu-capacity/detailed"),
    *("/api/installation/gpu-operator/status", "/api/installation/gateway/status", "/api/gateway/status"),
    *("/api/autoscaler/detection", "/api/aikit/infrastructure/status", "/api/cluster/nodes"),
]


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[WebPlace]:
    """The person may do everything; the process what `deploy/web` says."""
    async with EmulatedCluster() as emulated:
        account = f"system:serviceaccount:{SYSTEM_NAMESPACE}:airunway-web"
        emulated.users.add(ITS_TOKEN, account)
        emulated.users.add(PERSONS_TOKEN, "root", groups=("system:masters",))
        async with await Cluster.connect(emulated.kubeconfig(tmp_path / "kubeconfig")) as admin:
            await apply_own_crds(admin, field_manager="test")
            await install(admin)
            site = GatewaySite(emulated, admin)
            await site.install()
            await site.gateway(address="192.0.2.7")
            furnished = WebPlace("", None, admin, None)  # type: ignore[arg-type]  # only to make objects
            await furnished.config("acme")
            await furnished.deployment("demo", phase="Pending", message="waits for a GPU")
            await furnished.pod("demo-0", labels={"airunway.ai/deployment": "demo"}, phase="Pending")
            own = admin.bare()
            try:
                async with web_before(
                    own.with_token(ITS_TOKEN), web_auth=True, web_session_key_secret=WEB_SESSION_SECRET
                ) as made:
                    yield made
            finally:
                await own.close()


async def install(admin: Cluster) -> None:
    """What `kubectl apply -k deploy/web` makes, the Deployment and its Service apart."""
    for name in (SYSTEM_NAMESPACE, "kube-system"):
        with suppress(AlreadyExists):
            await admin.create(NAMESPACES, {"metadata": {"name": name}})
    for obj in objects(WEB):
        if kind := KINDS.get(obj["kind"]):
            await admin.create(kind, obj, namespace=obj["metadata"].get("namespace"))


async def test_every_page_is_answered_with_the_rights_of_the_manifests(place: WebPlace) -> None:
    answers = {path: await place.get(path, **PERSON) for path in PATHS}

    assert {path: answer.status for path, answer in answers.items()} == dict.fromkeys(PATHS, 200)
    refused = [path for path, answer in answers.items() if ":airunway-web" in str(answer.body)]
    assert refused == [], "what the API server refuses to its account is told there"


async def test_its_key_is_the_one_in_the_secret_and_no_other_secret_is_in_its_reach(place: WebPlace) -> None:
    signed = await place.post("/session", {"token": PERSONS_TOKEN})
    assert (await place.get("/api/deployments")).status == 200

    key = await session_key(place.state.settings, place.cluster)

    sealed = signed.headers["Set-Cookie"].partition("=")[2].partition(";")[0].strip('"')
    again = type(place.state.identities.sessions)(key)
    session = again.read({"airunway_session": sealed})
    assert session is not None and session.token == PERSONS_TOKEN
    with pytest.raises(Forbidden):
        await place.cluster.get(SECRETS, "another", namespace=SYSTEM_NAMESPACE)


async def test_it_reads_neither_logs_nor_what_pods_serve(place: WebPlace) -> None:
    for path in ("pods/demo-0/log", "services/demo:8000/proxy/metrics", "events"):
        answer = await place.cluster.open("GET", f"/api/v1/namespaces/default/{path}", timeout=LIMIT)
        async with answer:
            assert answer.status == 403, path
