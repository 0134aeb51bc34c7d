"""From Helm's rendered text to objects. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from airunway.clients.bounded_yaml import BadYaml, read_yaml
from airunway.clients.helm.driver import HelmSays, Obj, Template

_HOOK = "helm.sh/hook"
RESOURCE_POLICY = "helm.sh/resource-policy"
CRD = "CustomResourceDefinition"


def manifests(templates: Iterable[Template]) -> list[Obj]:
    """The objects, as the fields of `model.Manifest`. Raises HelmSays for text that is no object."""
    return [_manifest(found, source) for source, text in templates for found in objects(text, source=source)]


def objects(text: str, *, source: str) -> Iterator[Obj]:
    """The objects in a YAML text of any number of documents; lists are taken apart."""
    try:
        documents = read_yaml(text)
    except BadYaml as err:
        raise HelmSays(f"YAML parse error on {source}: {err}") from err
    for document in filter(None, documents):
        if not isinstance(document, dict):
            raise HelmSays(f"YAML parse error on {source}: a document is no object")
        plain = json.loads(json.dumps(document, default=str))  # YAML has dates, JSON has not
        if plain.get("kind") == "List" and isinstance(plain.get("items"), list):
            yield from plain["items"]
        else:
            yield plain


def crd_names(found: Iterable[Obj]) -> Sequence[str]:
    """Names of the custom resource definitions among objects, in order, each once."""
    names = [(obj.get("metadata") or {}).get("name", "") for obj in found if obj.get("kind") == CRD]
    return list(dict.fromkeys(filter(None, names)))


def _manifest(found: Obj, source: str) -> Obj:
    annotations: dict[str, Any] = (found.get("metadata") or {}).get("annotations") or {}
    hooks = [event.strip() for event in str(annotations.get(_HOOK) or "").split(",")]
    return {
        "object": found,
        "source": source,
        "hooks": [event for event in hooks if event],
        "keep": str(annotations.get(RESOURCE_POLICY) or "").strip() == "keep",
    }
