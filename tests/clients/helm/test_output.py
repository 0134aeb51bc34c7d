"""Helm's lines as people read them, and its rendered text as objects."""

from __future__ import annotations

import pytest

from airunway.clients.helm.driver import HelmSays, Template
from airunway.clients.helm.lines import readable
from airunway.clients.helm.manifests import crd_names, manifests

LINES = [
    ("Created resource via patch name=web kind=x", "Created resource via patch name=web kind=x"),
    (
        'level=DEBUG msg="waiting for resources" count=1 timeout=10s',
        "waiting for resources count=1 timeout=10s",
    ),
    ('level=WARN msg="this chart is deprecated"', "this chart is deprecated"),
    ('time=2026-01-01T00:00:00Z level=INFO msg=hello a="b \\"c\\""', 'hello a="b \\"c\\""'),
    ('level=DEBUG msg="say \\"x\\""', 'say "x"'),
    ("W0102 03:04:05.678901   42 warnings.go:70] v1 Foo is deprecated", "v1 Foo is deprecated"),
    ('level=DEBUG msg="getting release history" name=web', ""),
    ("using server-side apply for resource creation forceConflicts=false", ""),
    ("  ", ""),
    ("level=odd", "level=odd"),
]


@pytest.mark.parametrize(("raw", "want"), LINES)
def test_lines_of_library_and_command_read_alike(raw: str, want: str) -> None:
    assert readable(raw) == want


def test_documents_lists_and_hooks_become_objects() -> None:
    text = """
# a comment only
---
kind: ConfigMap
metadata:
  name: a
  annotations: {helm.sh/hook: "pre-install, post-install", helm.sh/resource-policy: keep}
data: {day: 2026-01-02}
---
kind: List
items:
- {kind: CustomResourceDefinition, metadata: {name: foos.acme.io}}
- {kind: CustomResourceDefinition, metadata: {name: foos.acme.io}}
"""
    found = manifests([Template("c/templates/x.yaml", text), Template("c/templates/empty.yaml", "\n\n")])

    assert [entry["hooks"] for entry in found] == [["pre-install", "post-install"], [], []]
    assert [entry["keep"] for entry in found] == [True, False, False]
    assert found[0]["object"]["data"] == {"day": "2026-01-02"}
    assert crd_names(entry["object"] for entry in found) == ["foos.acme.io"]


@pytest.mark.parametrize("text", ["a: [", "- 1\n- 2", "just words"])
def test_text_that_is_no_object_names_its_template(text: str) -> None:
    with pytest.raises(HelmSays, match=r"c/templates/x\.yaml"):
        manifests([Template("c/templates/x.yaml", text)])
