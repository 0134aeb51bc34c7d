"""Random ModelDeployments: every spec field, values that admission lets pass, also ones KubeRay refuses."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.providers.llmd.specs import deployments

OVERRIDES = st.sampled_from(
    [
        {},
        7,
        {"metadata": {}},
        {"spec": None},
        {"spec": {"serveConfigV2": "applications: []"}},
        {"spec": {"upgradeStrategy": {"type": "None"}, "rayClusterConfig": {"rayVersion": "2.55.0"}}},
        {"spec": {"rayClusterConfig": {"headGroupSpec": {"rayStartParams": {"num-cpus": "0"}}}}},
        {"spec": {"rayClusterConfig": {"headGroupSpec": {"rayStartParams": {"num-cpus": 0}}}}},
        {"spec": {"rayClusterConfig": {"headGroupSpec": {"template": {"spec": {"containers": None}}}}}},
        {"spec": {"rayClusterConfig": {"workerGroupSpecs": [{"groupName": "gpu-workers", "replicas": 9}]}}},
        {
            "spec": {
                "rayClusterConfig": {
                    "workerGroupSpecs": [
                        {
                            "groupName": "gpu-workers",
                            "template": {
                                "metadata": {"labels": {"airunway.ai/model-deployment": None, "a": "b"}},
                                "spec": {
                                    "containers": [
                                        {"name": "ray-worker", "env": [{"name": "A", "value": "1"}]}
                                    ],
                                    "volumes": [{"name": "v0", "emptyDir": {}}],
                                },
                            },
                        }
                    ]
                }
            }
        },
    ]
)
IMAGES = st.sampled_from(["rayproject/ray-llm:nightly", "registry.example.com/engine:7"])
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    deployment = draw(deployments())
    spec = deployment["spec"]
    spec["provider"] = {"overrides": draw(OVERRIDES)}
    if "image" in spec["engine"]:
        spec["engine"]["image"] = draw(IMAGES)
    if draw(st.booleans()):
        spec["engine"]["args"] = draw(
            st.dictionaries(st.sampled_from(["a", "max_model_len", "tp", "revision"]), TEXTS, max_size=3)
        )
    if draw(st.booleans()):
        spec["engine"]["extraArgs"] = draw(st.lists(TEXTS.map("--x={}".format), max_size=2))
    return deployment
