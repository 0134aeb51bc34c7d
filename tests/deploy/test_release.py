"""What a tag releases: by digest, signed, from a workflow that any fork can run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.manifests import ROOT
from tools.release_chart import digests_in, with_images

TEXT = (ROOT / ".github" / "workflows" / "release.yaml").read_text()
WORKFLOW: dict[str, Any] = yaml.safe_load(TEXT)
STEPS: list[dict[str, Any]] = WORKFLOW["jobs"]["release"]["steps"]
RUNTIME, INSTALLER = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
PUSHED = {
    "runtime": {"containerimage.digest": RUNTIME},
    "installer": {"containerimage.digest": INSTALLER},
}
VALUES = """# words
image:
  repository: ghcr.io/some/where
  tag: ""
  digest: ""
  installerDigest: ""

other:
  digest: ""
"""


def test_other_peoples_actions_are_pinned_by_commit() -> None:
    used = [step["uses"] for step in STEPS if "uses" in step]

    assert used
    assert [action for action in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)] == []


def test_the_run_may_do_no_more_than_it_needs() -> None:
    assert WORKFLOW["permissions"] == {}
    assert WORKFLOW["jobs"]["release"]["permissions"] == {
        "contents": "read",
        "packages": "write",
        "id-token": "write",
    }
    assert "secrets." not in TEXT, "a fork has no secrets of ours"


def test_names_come_from_the_repository() -> None:
    assert "ghcr.io/ai-runway" not in TEXT
    assert "${{ github.repository }}" in TEXT


def test_nothing_of_the_event_is_pasted_into_a_script() -> None:
    assert [step["run"] for step in STEPS if "${{" in step.get("run", "")] == []


def test_what_is_signed_is_a_digest() -> None:
    signed = re.findall(r"cosign (?:sign|attest) (?:[^\n]*\\\n)*[^\n]*", TEXT)

    assert len(signed) == 4
    assert [command for command in signed if "@$" not in command] == []


@pytest.mark.parametrize("module", re.findall(r"python3 -m ([\w.]+)", TEXT))
def test_our_tools_exist(module: str) -> None:
    assert (ROOT / Path(*module.split("."))).with_suffix(".py").exists()


def test_the_chart_of_a_release_names_images_by_digest() -> None:
    changed = with_images(VALUES, repository="registry.example/me", digests=digests_in(PUSHED))

    assert yaml.safe_load(changed) == {
        "image": {
            "repository": "registry.example/me",
            "tag": "",
            "digest": RUNTIME,
            "installerDigest": INSTALLER,
        },
        "other": {"digest": ""},
    }
    assert changed.startswith("# words\n")


def test_an_image_that_was_not_pushed_stops_the_release() -> None:
    with pytest.raises(ValueError, match="no digest of the image installer"):
        digests_in({"runtime": PUSHED["runtime"]})


def test_values_without_the_lines_stop_the_release() -> None:
    with pytest.raises(ValueError, match=r"no line image\.installerDigest"):
        with_images(
            VALUES.replace("  installerDigest", "  other"), repository="r", digests=digests_in(PUSHED)
        )


def test_our_chart_has_the_lines() -> None:
    values = ROOT / "deploy" / "charts" / "airunway" / "values.yaml"

    changed = yaml.safe_load(
        with_images(values.read_text(), repository="registry.example/me", digests=digests_in(PUSHED))
    )

    assert changed["image"]["digest"] == RUNTIME
    assert changed["image"]["installerDigest"] == INSTALLER
