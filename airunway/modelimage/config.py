"""The image config: how the server inside finds its model. Pure.

The base is AIKit's llama.cpp runner: its own entrypoint downloads a model, and LocalAI (`local-ai`) serves
it. Ours starts LocalAI at once, with a model definition that it writes beside the temporary files. KAITO
replaces the arguments, never the entrypoint, so all that the server needs is in there and arguments are
passed on. The served name is the file's, as in AIKit's own built images (gguf-build.md §5.3).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from airunway.api import names
from airunway.modelimage.plan import ModelImagePlan

MODEL_VARIABLE = "AIRUNWAY_MODEL_DEFINITION"
PORT = 8080

_START = (
    'folder="$(mktemp -d)"; printf "%s\\n" "$' + MODEL_VARIABLE + '" > "$folder/model.yaml"; '
    'exec local-ai --models-path=/models --config-file="$folder/model.yaml" "$@"'
)


def image_config(plan: ModelImagePlan) -> dict[str, Any]:
    """What the image's config has beside its base's: the value of `config` in OCI's image config."""
    return {
        "Entrypoint": ["/bin/sh", "-euc", _START, "airunway-model"],
        "Cmd": [],
        "Env": [f"{MODEL_VARIABLE}={_definition(plan)}"],
        "ExposedPorts": {f"{PORT}/tcp": {}},
        "WorkingDir": "/",
        "Labels": image_labels(plan),
    }


def config_flaw(plan: ModelImagePlan, config: Mapping[str, Any]) -> str:
    """Why the config of an image, as its registry gives it, is not the plan's; empty when it is.

    What the base adds of its own (variables, labels, ports, a user) is not known here.
    """
    inner = config.get("config")
    found: Mapping[str, Any] = inner if isinstance(inner, Mapping) else {}
    wanted = image_config(plan)
    labels = found.get("Labels")
    if (labels if isinstance(labels, Mapping) else {}).get(names.LABEL_IMAGE_IDENTITY) != plan.identity:
        return "its config carries another identity"
    for key in ("Entrypoint", "WorkingDir"):
        if found.get(key) != wanted[key]:
            return f"its config has another {key} than what was built"
    if found.get("Cmd"):
        return "its config has a Cmd, which what was built has not"
    if not set(wanted["Env"]) <= set(found.get("Env") or ()):
        return "its config starts another model"
    return ""


def image_labels(plan: ModelImagePlan) -> dict[str, str]:
    """Where the model comes from, under which licence, and what the image is made of."""
    labels = {
        names.LABEL_IMAGE_IDENTITY: plan.identity,
        names.LABEL_IMAGE_MODEL: plan.repository,
        names.LABEL_IMAGE_COMMIT: plan.commit,
        names.LABEL_IMAGE_FILE: plan.main.path,
        "org.opencontainers.image.title": plan.main.path.rpartition("/")[2],
        "org.opencontainers.image.source": f"https://huggingface.co/{plan.repository}",
        "org.opencontainers.image.revision": plan.commit,
        "org.opencontainers.image.base.name": plan.base.partition("@")[0],
        "org.opencontainers.image.base.digest": plan.base.partition("@")[2],
    }
    if plan.license:
        labels["org.opencontainers.image.licenses"] = plan.license
    return labels


def _definition(plan: ModelImagePlan) -> str:
    """LocalAI's model definition. JSON is YAML, and quotes whatever a file name holds."""
    name = plan.main.path.rpartition("/")[2]
    return json.dumps([{"name": name, "backend": "llama-cpp", "parameters": {"model": name}}])
