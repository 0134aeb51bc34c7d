"""Admission, plan and status say the same of an image, whether a tag or a digest is asked for or allowed.

The plan is asked in `tests/cli/test_plan_trust.py`, by the same cases.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from airunway.api.model_deployment import ModelDeployment
from airunway.messages.deployment_state import IMAGE_NOT_ALLOWED
from airunway.messages.upstream import RenderAnswer
from airunway.provider.guard_at_admission import admission_findings
from airunway.provider.policy import OverridesPolicy
from airunway.provider.registry import installed_providers
from airunway.sandbox.registry import PretendRegistry
from airunway.trust.foreseen import rendered_findings
from airunway.trust.policy import setting_policy
from tests.activities.deployment_site import DeploymentSite, render_request
from tests.activities.trust_site import REPOSITORY, TrustSite, reasons
from tests.trust.cosign import Signer

VLLM = installed_providers()["vllm"]
TAG = "cu130-nightly"
"""Of the image that the provider takes by itself, and resolves to a digest."""
FOREIGN = f"sha256:{'f' * 64}"
OURS = f"docker.io/{REPOSITORY}"


class Case(NamedTuple):
    reason: str
    allowed: str
    image: str
    may_run: bool


CASES = [
    Case("a tag that a provider resolved is judged as the tag", f"{OURS}:cu130-*", "", True),
    Case("and refused as the tag", f"{OURS}:v1.*", "", False),
    Case("not as a digest that it happens to have", f"{OURS}@sha256:*", "", False),
    Case("a repository takes all", OURS, "", True),
    Case("a tag that somebody writes", f"{OURS}:v0.*", f"{REPOSITORY}:v0.12.0", True),
    Case("a digest beside it is what runs", f"{OURS}:v0.*", f"{REPOSITORY}:v0.12.0@{FOREIGN}", False),
    Case("also beside the provider's own tag", f"{OURS}:cu130-*", f"{REPOSITORY}:{TAG}@{FOREIGN}", False),
    Case("a digest alone has no tag", f"{OURS}:*", f"{REPOSITORY}@{FOREIGN}", False),
    Case("a digest that is allowed", f"{OURS}@{FOREIGN}", f"{REPOSITORY}@{FOREIGN}", True),
    Case("whatever tag it has", f"{OURS}@{FOREIGN}", f"{REPOSITORY}:v0@{FOREIGN}", True),
    Case("an empty tag is none", OURS, f"{REPOSITORY}:", False),
    Case("two digests are none", OURS, f"{REPOSITORY}@{FOREIGN}@{FOREIGN}", False),
    Case("a port is another registry", f"{OURS}:*", f"docker.io:5000/{REPOSITORY}:v0", False),
    Case("but HTTPS' own is none", f"{OURS}:*", f"Docker.IO:443/{REPOSITORY}:v0", True),
    Case("a folder is no registry", f"{OURS}:*", f"evil.example.com/{OURS}:v0", False),
    Case("a path that climbs is none", OURS, f"docker.io/vllm/../{REPOSITORY}:v0", False),
]


def spec_of(image: str) -> dict[str, Any]:
    return {
        "model": {"id": "acme/chat"},
        "provider": {"name": "vllm"},
        "engine": {"type": "vllm", **({"image": image} if image else {})},
        "resources": {"gpu": {"count": 1}},
    }


@pytest_asyncio.fixture
async def trust(place: DeploymentSite) -> AsyncIterator[TrustSite]:
    async with PretendRegistry() as registry:
        yield TrustSite(place, registry, Signer())


async def rendered(trust: TrustSite, image: str, **lists: list[str]) -> RenderAnswer:
    """What the step that renders says of it."""
    made = await trust.place.deploy(**spec_of(image))
    worker = trust.worker(provider=VLLM, **lists)
    return await worker.provider.render(render_request(made).model_copy(update={"provider": "vllm"}))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
async def test_the_status_says_so(trust: TrustSite, case: Case) -> None:
    answer = await rendered(trust, case.image, images=[case.allowed])

    assert reasons(answer) == (("", False) if case.may_run else (IMAGE_NOT_ALLOWED, True))
    assert bool(answer.planned) is case.may_run


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_admission_says_so(case: Case) -> None:
    policy = setting_policy(images=[case.allowed], models=["*"], verified=[])
    metadata = {"name": "chat", "namespace": "default"}
    given = ModelDeployment.model_validate({"metadata": metadata, "spec": spec_of(case.image)})

    findings = admission_findings(
        given, {"vllm": VLLM}, OverridesPolicy(), judge=partial(rendered_findings, policy)
    )

    assert (not findings) is case.may_run
    assert all("AIRUNWAY_ALLOWED_IMAGES" in finding.detail for finding in findings)


async def test_a_resolved_image_runs_by_its_digest(trust: TrustSite) -> None:
    answer = await rendered(trust, "", images=[f"{OURS}:cu130-*"])

    assert answer.image is not None
    assert answer.image.resolved == f"{REPOSITORY}@{trust.registry.digest(REPOSITORY, TAG)}"


@pytest.mark.parametrize("image", [f"{REPOSITORY}@{FOREIGN}", f"{REPOSITORY}:v9@{FOREIGN}"])
async def test_a_digest_is_no_way_round_a_signature(trust: TrustSite, image: str) -> None:
    await trust.trust(trust.signer)

    answer = await rendered(trust, image, verified=[f"{OURS}:v0.*"])

    assert reasons(answer) == ("ImageNotVerified", True)
