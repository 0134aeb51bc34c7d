"""`airunway plan` says which images and models a policy does not allow, and which must be signed."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from airunway.cli.formats import OutputFormat
from airunway.cli.options import Manifests
from airunway.cli.placing import Where
from airunway.cli.plan_report import report
from airunway.clients.kubernetes import NAMESPACES
from tests.activities.test_tags_and_digests import CASES, Case, spec_of
from tests.cli.conftest import Airunway
from tests.cli.test_plan import GPU, manifest
from tests.clusters import emulated_cluster


def test_a_plan_says_what_a_policy_does_not_allow(
    airunway: Airunway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRUNWAY_ALLOWED_IMAGES", "docker.io/vllm/*")
    monkeypatch.setenv("AIRUNWAY_ALLOWED_MODELS", "acme/*")
    foreign = {**GPU, "engine": {"type": "vllm", "image": "evil.example.com/miner:1"}}

    image = airunway("plan", "-f", "-", stdin=manifest(provider={"name": "vllm"}, **foreign))
    model = airunway("plan", "-f", "-", stdin=manifest(model={"id": "evil/chat"}, **GPU))
    fine = airunway("plan", "-f", "-", stdin=manifest(provider={"name": "vllm"}, **GPU))

    assert (image.status, model.status, fine.status) == (1, 1, 0)
    assert (
        "(evil.example.com/miner) is not allowed by AIRUNWAY_ALLOWED_IMAGES (docker.io/vllm/*)" in image.out
    )
    assert (
        "spec.model.id: Forbidden: the model 'evil/chat' is not allowed by AIRUNWAY_ALLOWED_MODELS"
        in model.out
    )


def test_a_plan_says_which_images_must_be_signed(airunway: Airunway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRUNWAY_VERIFIED_IMAGES", "docker.io/vllm/*")

    result = airunway("plan", "-f", "-", stdin=manifest(provider={"name": "vllm"}, **GPU))

    assert result.status == 0
    assert "must be signed: docker.io/vllm/* of AIRUNWAY_VERIFIED_IMAGES asks for it" in result.out


@pytest.mark.parametrize("case", CASES[:7], ids=lambda case: case.reason)
def test_a_plan_says_of_tags_and_digests_what_the_status_says(
    case: Case, airunway: Airunway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRUNWAY_ALLOWED_IMAGES", case.allowed)

    result = airunway("plan", "-f", "-", stdin=manifest(**spec_of(case.image)))

    assert (result.status == 0) is case.may_run
    assert ("AIRUNWAY_ALLOWED_IMAGES" in result.out) is not case.may_run


@pytest.mark.parametrize(
    ("noted", "words"),
    [
        ("microsoft/*", "is not allowed by the annotation airunway.ai/allowed-models of the Namespace lab"),
        ("[1]", "the annotation airunway.ai/allowed-models of the Namespace lab is no list of globs"),
    ],
)
async def test_a_plan_against_a_cluster_reads_what_the_namespace_allows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], noted: str, words: str
) -> None:
    file = tmp_path / "chat.yaml"
    file.write_text(manifest(**GPU))
    async with emulated_cluster(tmp_path, own_crds=True) as cluster:
        annotations = {"airunway.ai/allowed-models": noted}
        await cluster.create(NAMESPACES, {"metadata": {"name": "lab", "annotations": annotations}})

        fine = await asyncio.to_thread(
            report,
            Manifests((str(file),)),
            configs=None,
            where=Where(tmp_path / "kubeconfig"),
            namespace="lab",
            form=OutputFormat.JSON,
        )

    (planned,) = json.loads(capsys.readouterr().out)
    assert not fine
    assert words in planned["errors"][0]
