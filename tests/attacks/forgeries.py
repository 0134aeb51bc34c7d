"""What an attacker asks the steps for: something of every step, and of those that act every lie we know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from airunway.api.names import (
    IMAGES_QUEUE,
    INSTALLER_QUEUE,
    installation_workflow_id,
    model_image_build_workflow_id,
    model_image_workflow_id,
    task_queue_beside,
)
from airunway.clients.kubernetes import Object
from airunway.messages.failures import NOT_AS_OWNED, NOT_SERVED_HERE, WRONG_CLUSTER, WRONG_WORKFLOW
from airunway.messages.refs import DeploymentRef
from airunway.modelimage.plan import RUNNER_BASE, ModelImagePlan
from tests.attacks.status_lies import EVIL, STATUS_LIES
from tests.modelimage.build import plan

BASE = f"{RUNNER_BASE.rpartition(':')[0]}@sha256:{'b' * 64}"
PLAN = plan(base=BASE)
FOREIGN_PLANS: Mapping[str, ModelImagePlan] = {
    "another base": plan(base=EVIL),
    "another layout": plan(base=BASE, layout="aikit/1"),
    "another tag": PLAN.model_copy(update={"tag": "latest"}),
    "another repository of the registry": PLAN.model_copy(update={"name": "aikit-other"}),
    "an identity that is not its own": PLAN.model_copy(update={"identity": "0" * 64}),
    "a file outside": plan(base=BASE, files=[PLAN.main.model_copy(update={"path": "../../etc/passwd"})]),
}


@dataclass(frozen=True)
class Forgery:
    """A request, and how it is to be answered.

    `kind`: failure type; empty: it is done, and does nothing. `words`: in the refusal.
    """

    step: str
    request: Any
    lie: str = ""
    kind: str = NOT_AS_OWNED
    words: str = ""
    queue: str = ""
    """Beside the core's; empty: the core's."""
    workflow_id: str = ""
    """Whose the request would be; empty: the deployment's."""

    def __str__(self) -> str:
        return f"{self.step}: {self.lie}"


@dataclass
class Target:
    """The deployment that is attacked."""

    ref: DeploymentRef
    obj: Object
    also: dict[str, Any] = field(default_factory=dict)

    @property
    def uid(self) -> str:
        """Its own, which anybody may know."""
        return str(self.obj["metadata"]["uid"])

    @property
    def generation(self) -> int:
        """Its own."""
        return int(self.obj["metadata"]["generation"])

    @property
    def about(self) -> dict[str, Any]:
        """How requests begin."""
        return {"ref": self.ref.model_dump(), "uid": self.uid}

    def rendering(self, **lies: Any) -> dict[str, Any]:
        """A request to render, with lies in it."""
        told = {"generation": self.generation, "provider": "acme", "engine": "vllm"}
        return {**self.about, **told, **lies}

    def status(self, **lies: Any) -> dict[str, Any]:
        """A request to write the status as it is, with lies in it."""
        return {**self.about, "status": {**self.obj["status"], **lies}}


def requests_of_every_step(target: Target) -> list[Forgery]:
    """One request of each step, as the right workflow could make it."""
    image = model_image_workflow_id("test", PLAN.repository, PLAN.identity)
    build = model_image_build_workflow_id(image)
    of_image = {"plan": PLAN.model_dump()}
    chart = {"request": {"provider": "acme"}, "chart": {"release": "op", "namespace": "ns", "chart": EVIL}}
    seen = {**target.about, "generation": target.generation, "resource_version": "1"}
    rendered = target.rendering()
    core = [
        ("validate", target.about),
        ("select_engine", seen),
        ("evaluate_provider_rules", seen),
        ("write_status", target.status()),
        ("remove_finalizers", target.about),
        ("render", rendered),
        ("apply_upstream", {"rendered_from": rendered, "planned": []}),
        ("read_readiness", {**rendered, "applied": []}),
        ("release_upstream", {**target.about, "provider": "acme"}),
        ("read_gateway", rendered),
        ("apply_gateway", {"read_from": rendered, "planned": []}),
        ("remove_gateway", target.about),
        ("resolve_model_image", {**target.about, "spec": {"repository": "org/model"}}),
        ("read_model_image", {**target.about, **of_image}),
        ("read_image_waiters", {**target.about, **of_image}),
        ("build_image", {**of_image, "waiter": target.about}),
        ("install_provider", {**target.about, "provider": "acme"}),
        ("read_installation", {**target.about, "provider": "acme"}),
    ]
    of_images = ["find_model_image", "ensure_registry", "ensure_builder", "free_build_space"]
    of_charts = ["apply_crds", "install_chart", "uninstall_chart", "repair_release"]
    installer: dict[str, Any] = {
        "queue": INSTALLER_QUEUE,
        "workflow_id": installation_workflow_id("test", "acme"),
    }
    return [
        *(Forgery(step, request) for step, request in core),
        *(Forgery(step, of_image, workflow_id=build) for step in of_images),
        Forgery("publish_model_image", {**of_image, "digest": EVIL.partition("@")[2]}, workflow_id=build),
        Forgery("build_model_image", of_image, workflow_id=build, queue=IMAGES_QUEUE),
        Forgery("read_build", of_image, workflow_id=image),
        Forgery("preflight_provider", {"request": {"provider": "acme"}}, **installer),
        *(Forgery(step, chart, **installer) for step in of_charts),
        *(
            Forgery(step, {"provider": "acme"}, **installer)
            for step in ("await_operator", "finish_uninstall")
        ),
    ]


READ_ONLY = {
    "validate",
    "select_engine",
    "evaluate_provider_rules",
    "read_readiness",
    "read_gateway",
    "read_build",
    "read_installation",
}
"""What asks for nothing but reading: a lie has nothing to change."""


def _about_status(target: Target) -> list[Forgery]:
    event = {**target.about, "status": None, "events": [{"reason": "not a reason", "message": "x"}]}
    return [
        *(
            Forgery("write_status", target.status(**lie), said, words=words)
            for said, lie, words in STATUS_LIES
        ),
        Forgery("write_status", event, "an Event without a reason", words="Event"),
        Forgery("write_status", {**target.status(), "uid": "another"}, "another uid", kind=""),
        *_about_others(target),
    ]


def _about_others(target: Target) -> list[Forgery]:
    """The status of what is not the deployment's own, under its id and under theirs."""
    gone = target.ref.model_copy(update={"name": "gone"})
    elsewhere = target.ref.model_copy(update={"namespace": "kube-system"})
    abroad = target.ref.model_copy(update={"cluster": "another"})

    def status(ref: DeploymentRef) -> dict[str, Any]:
        return {**target.status(), "ref": ref.model_dump()}

    return [
        Forgery("write_status", status(gone), "another name", kind=WRONG_WORKFLOW),
        Forgery("write_status", status(elsewhere), "another namespace", kind=WRONG_WORKFLOW),
        Forgery("write_status", status(abroad), "another cluster", kind=WRONG_CLUSTER),
        Forgery(
            "write_status",
            status(abroad),
            "another cluster, as its own",
            kind=WRONG_CLUSTER,
            workflow_id=abroad.workflow_id,
        ),
        Forgery("write_status", status(gone), "one that is not there", kind="", workflow_id=gone.workflow_id),
        Forgery(
            "write_status",
            status(elsewhere),
            "the uid of another namespace's",
            kind="",
            workflow_id=elsewhere.workflow_id,
        ),
    ]


def _about_the_end(target: Target) -> list[Forgery]:
    words = "not being deleted"
    return [
        Forgery("remove_finalizers", target.about, "that it is deleted", words=words),
        Forgery("release_upstream", {**target.about, "provider": "acme"}, "that it is deleted", words=words),
        Forgery("remove_finalizers", {**target.about, "uid": "another"}, "another uid", kind=""),
        Forgery(
            "release_upstream", {**target.about, "uid": "another", "provider": "acme"}, "another uid", kind=""
        ),
    ]


def _about_objects(target: Target) -> list[Forgery]:
    evil = {"requested": "org/server:1", "resolved": EVIL, "digest": EVIL.partition("@")[2]}
    create = {
        "action": "create",
        "api_version": "acme.dev/v1",
        "kind": "Server",
        "name": "evil",
        "digest": "x",
    }
    delete = {**create, "action": "delete", "name": "chat", "uid": "x"}
    told: list[tuple[str, dict[str, Any], str, str]] = [
        ("an image of another repository", {"image": evil}, NOT_AS_OWNED, "another repository"),
        ("another engine", {"engine": "sglang"}, NOT_AS_OWNED, "engine is vllm"),
        ("a provider that is not here", {"provider": "dynamo"}, NOT_SERVED_HERE, "dynamo"),
        ("another uid", {"uid": "another"}, "", ""),
        ("another generation", {"generation": 99}, "", ""),
    ]
    found = []
    for said, lie, kind, words in told:
        rendered = target.rendering(**lie)
        for planned in ([create], [delete]):
            applying = {"rendered_from": rendered, "planned": planned}
            found.append(Forgery("apply_upstream", applying, said, kind=kind, words=words))
        found.append(Forgery("render", rendered, said, kind=kind, words=words))
    honest = target.rendering()
    return [
        *found,
        Forgery("apply_upstream", {"rendered_from": honest, "planned": [create]}, "what to create", kind=""),
        Forgery("apply_upstream", {"rendered_from": honest, "planned": [delete]}, "what to delete", kind=""),
    ]


def _about_images(target: Target) -> list[Forgery]:
    elsewhere = {**target.about, "token": {"namespace": "kube-system", "name": "admin"}}
    own = {**target.about, "token": {"namespace": target.ref.namespace, "name": "not-named"}}
    nobody = {"ref": {**target.ref.model_dump(), "name": "nobody"}, "token": own["token"]}
    image = model_image_workflow_id("test", PLAN.repository, PLAN.identity)
    of_build = model_image_build_workflow_id(image)
    of_image = {"plan": PLAN.model_dump()}
    private = {"plan": plan(base=BASE, private_to="bank").model_dump()}

    def resolving(**spec: Any) -> dict[str, Any]:
        return {**target.about, "spec": {"repository": "org/model", **spec}}

    def building(*waiters: dict[str, Any]) -> dict[str, Any]:
        return {**of_image, "waiters": list(waiters)}

    build: dict[str, Any] = {"workflow_id": of_build, "queue": IMAGES_QUEUE}
    return [
        Forgery(
            "resolve_model_image", resolving(repository="evil/model"), "another model", words="the model"
        ),
        Forgery("resolve_model_image", resolving(revision="evil"), "another revision", words="the revision"),
        Forgery("resolve_model_image", resolving(token_secret="admin"), "another Secret", words="the Secret"),
        Forgery("build_image", {**of_image, "waiter": elsewhere}, "a foreign Secret", words="own namespace"),
        Forgery("build_image", {**private, "waiter": target.about}, "a foreign image", words="private to"),
        Forgery("read_model_image", {**target.about, **private}, "a foreign image", words="private to"),
        Forgery("read_image_waiters", {**target.about, **private}, "a foreign image", words="private to"),
        Forgery("build_model_image", building(elsewhere), "a foreign Secret", words="own namespace", **build),
        Forgery("build_model_image", building(own), "a Secret it does not name", words="refused", **build),
        Forgery("build_model_image", building(nobody), "a deployment that is not", words="nobody", **build),
    ]


def _about_plans(target: Target) -> list[Forgery]:
    steps = ["find_model_image", "ensure_registry", "ensure_builder", "free_build_space"]
    found = []
    for said, told in FOREIGN_PLANS.items():
        of_image = {"plan": told.model_dump()}
        image = model_image_workflow_id("test", told.repository, told.identity)
        of: dict[str, Any] = {
            "lie": said,
            "words": "refused",
            "workflow_id": model_image_build_workflow_id(image),
        }
        found += [Forgery(step, of_image, **of) for step in steps]
        found.append(Forgery("publish_model_image", {**of_image, "digest": EVIL.partition("@")[2]}, **of))
        found.append(Forgery("build_model_image", of_image, queue=IMAGES_QUEUE, **of))
        waiting = {**of_image, "waiter": target.about}
        found.append(Forgery("build_image", waiting, said, words="refused"))
        found.append(Forgery("read_image_waiters", {**target.about, **of_image}, said, words="refused"))
    return found


def _about_installations(target: Target) -> list[Forgery]:
    chart = {"release": "op", "namespace": "ns", "chart": EVIL, "action": "install"}
    installer: dict[str, Any] = {
        "queue": INSTALLER_QUEUE,
        "workflow_id": installation_workflow_id("test", "acme"),
        "kind": "NotInstallable",
    }
    about = {"request": {"provider": "acme"}, "chart": chart}
    steps = ["apply_crds", "install_chart", "uninstall_chart", "repair_release"]
    alone = ["await_operator", "finish_uninstall"]
    joining = {**target.about, "provider": "acme"}
    return [
        Forgery("install_provider", joining, "that it may be installed", words="AIRUNWAY_PROVIDER_INSTALL"),
        *(Forgery(step, about, "a chart that its provider does not name", **installer) for step in steps),
        *(Forgery(step, {"provider": "acme"}, "that it was installed", **installer) for step in alone),
        Forgery("preflight_provider", {"request": {"provider": "acme"}}, "that it has a chart", **installer),
    ]


def _about_the_gateway(target: Target) -> list[Forgery]:
    other = {"read_from": target.rendering(provider="evil"), "planned": []}
    return [
        Forgery("apply_gateway", other, "another provider", words="its provider is acme"),
        Forgery("remove_gateway", target.about, "it is to go", words="is not being deleted"),
    ]


LIES: Mapping[str, Callable[[Target], list[Forgery]]] = {
    "status": _about_status,
    "the end": _about_the_end,
    "objects": _about_objects,
    "images": _about_images,
    "plans": _about_plans,
    "installations": _about_installations,
    "the gateway": _about_the_gateway,
}
"""Requests that contradict their owner, to be asked under the very id of the workflow that may ask."""


def queue_of(forgery: Forgery, core: str) -> str:
    """Where it is done."""
    return task_queue_beside(core, forgery.queue) if forgery.queue else core
