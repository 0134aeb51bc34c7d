"""A plan that knows no cluster is for the version of each operator that an installation brings."""

from __future__ import annotations

import json

from tests.cli.conftest import Airunway
from tests.cli.test_plan import GPU, manifest


def test_without_a_cluster_a_plan_is_for_the_newest_version_of_the_operator(airunway: Airunway) -> None:
    preset = {"model": {"id": "phi-4"}, "secrets": {"huggingFaceToken": "hub"}, "provider": {"name": "kaito"}}

    result = airunway("plan", "-f", "-", "-o", "json", stdin=manifest(**GPU | preset))

    (planned,) = json.loads(result.out)
    workspace = planned["objects"][0]
    assert workspace["metadata"]["annotations"]["kaito.sh/disable-benchmark"] == "true"
    assert workspace["inference"]["preset"]["presetOptions"] == {"modelAccessSecret": "hub"}
    assert "spec.secrets.huggingFaceToken" not in planned["ignoredFields"]
