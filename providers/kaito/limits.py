"""What tenants may override in a Workspace, what a rendered one may hold, and what KAITO makes of it.

Source: kaito.md §8.6, §15, and KAITO's own type Workspace.
"""

from __future__ import annotations

from airunway.api.paths import Path
from airunway.provider import Manifest, overridable
from airunway.provider.counting import mapping, pod_demand, whole_number
from airunway.provider.demand import Demand
from airunway.provider.object_shape import METADATA_FIELDS
from airunway.provider.pod_shape import POD_TEMPLATE
from airunway.provider.shapes import anything, fields, keys_without, never
from airunway.providers.kaito.presets import DISABLE_BENCHMARK, RUN_BENCHMARK

OVERRIDABLE = (
    "resource.count",
    "resource.labelSelector",
    "resource.preferredNodes",
    "inference.config",
    "inference.preset.accessMode",
    "inference.preset.presetOptions.modelAccessSecret",
    "inference.preset.presetOptions.imagePullSecrets",
    *overridable.template_paths("inference.template"),
)
"""`resource.instanceType` is not in it: KAITO buys such nodes. Nor are images that KAITO adds by itself."""

WORKSPACE_SHAPE = fields(
    {
        "apiVersion": anything,
        "kind": anything,
        # Annotations such as kaito.sh/enablelb ask the operator for more than the object says.
        "metadata": fields(
            {
                **METADATA_FIELDS,
                "labels": keys_without("kaito.sh/"),
                "annotations": keys_without("kaito.sh/", but=(DISABLE_BENCHMARK, RUN_BENCHMARK)),
            }
        ),
        "resource": fields(
            {
                "count": anything,
                "instanceType": anything,
                "labelSelector": anything,
                "preferredNodes": anything,
            }
        ),
        "inference": fields(
            {
                "config": anything,
                "preset": fields(
                    {
                        "name": anything,
                        "accessMode": anything,
                        "presetOptions": fields(
                            dict.fromkeys(("modelAccessSecret", "image", "imagePullSecrets"), anything)
                        ),
                    }
                ),
                "template": POD_TEMPLATE,
                "adapters": never("would run containers of other images before the server"),
            }
        ),
        "tuning": never("would start a training job"),
    }
)
GPUS_OF_A_NODE = 1
"""Of a preset's node at least: how many there are the Workspace does not say, so nodes have a ceiling."""


def workspace_demand(workspace: Manifest) -> Demand:
    """`resource.count` nodes with a pod each, and one Service."""
    resource = mapping(workspace.get("resource"), ("resource",))
    inference = mapping(workspace.get("inference"), ("inference",))
    count = whole_number(resource.get("count"), ("resource", "count"), default=1)
    template = inference.get("template")
    if template is None:
        pod = Demand(pods=1, gpus=Demand().gpus + GPUS_OF_A_NODE)
    else:
        at: Path = ("inference", "template")
        pod = pod_demand(mapping(mapping(template, at).get("spec"), (*at, "spec")), (*at, "spec"))
    return pod.times(count) + Demand(nodes=count, services=("ClusterIP",))
