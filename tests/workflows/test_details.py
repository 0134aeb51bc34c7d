"""What operators read in the Temporal UI holds texts of tenants, which stay texts."""

from __future__ import annotations

import pytest

from airunway.messages.deployment_state import DeploymentState
from airunway.messages.refs import DeploymentRef
from airunway.workflows.markdown import MAX_TEXT, plain
from airunway.workflows.model_deployment.details import details_of

REF = DeploymentRef(cluster="here", namespace="default", name="chat")
LINK = "![](https://evil.example/x) [log in](https://evil.example) <img src=x>\n\n# Failed | x"


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("a/b_c-1", "a/b_c-1"),
        ("[a](b)", r"\[a\](b)"),
        (r"\[a](b)", r"\\\[a\](b)"),
        ("one\ntwo | three", r"one two \| three"),
        ("<b>", r"\<b>"),
        (None, ""),
        ("x" * 1000, "x" * MAX_TEXT),
    ],
)
def test_a_text_is_shown_as_it_is(text: str | None, want: str) -> None:
    assert plain(text) == want


def test_no_text_of_a_tenant_becomes_a_link_or_a_heading() -> None:
    shown = details_of(REF, DeploymentState(model=LINK), LINK, next_look="when something changes")

    assert "[log in]" not in shown
    assert "![]" not in shown
    assert "\n# Failed" not in shown
