"""The list of what processes use (`uses.py`) is that of the calls in the source, both ways.

A new call, or one of a new file, makes a test here fail until the list has it; a line whose call is gone
fails too, so that its right goes as well.
"""

from __future__ import annotations

import pytest

from tests.deploy import gateway_uses, uses, web_uses
from tests.deploy.calls import Call, calls
from tests.deploy.processes import KINDS, MADE, PROVIDERS, USES, account_of
from tests.deploy.uses import INSTALLER, PROVIDER, RUN_BY, WATCHER, WEB, WEBHOOK, WORKER, written_as

Asked = set[tuple[str, str, str]]
"""Place, verb and resource."""

CORE = {
    WORKER: sorted({*uses.REGISTRY_OBJECTS, *uses.BUILDER_OBJECTS}),
    WATCHER: KINDS,
    WEBHOOK: [use.resource for use in uses.ADMITTING if "webhookconfigurations" in use.resource],
    INSTALLER: ["*.*"],
    WEB: web_uses.FOLLOWED,
}
"""What the calls of an account are about whose kind is a variable; a provider's are about its own kinds."""


def place_of(module: str) -> str:
    """The entry of RUN_BY for a module; empty when there is none."""
    return max((place for place in RUN_BY if f"{module}.".startswith(f"{place}.")), key=len, default="")


def called_by(account: str) -> Asked:
    """What the source asks of the API server in an account's process."""
    name = next((name for name in PROVIDERS if account_of(name) == account), "")
    kinds = CORE.get(account) or [written_as(kind) for kind in PROVIDERS[name].kinds]
    role = PROVIDER if name else account
    found = set()
    for call in calls():
        if role in RUN_BY[place_of(call.module)]:
            own = kinds_of(place_of(call.module), name, otherwise=kinds)
            for resource in [call.resource] if call.kind else own:
                found |= _asked(call, resource)
    return found - _never_asked(name)


def kinds_of(place: str, provider: str, *, otherwise: list[str]) -> list[str]:
    """The kinds that the calls of a place are about where that is a variable."""
    if place == uses.FOLLOWING:
        return made_by_operator(provider)
    if place == uses.MADE_WATCH:
        return MADE
    return gateway_uses.GATEWAY_KINDS.get(place, otherwise)


def made_by_operator(provider: str) -> list[str]:
    """The kinds of what a provider's operator makes and the worker changes."""
    objects = PROVIDERS[provider].operator_objects
    return [written_as(objects.kind)] if objects is not None else []


def _asked(call: Call, resource: str) -> Asked:
    suffix = "/status" if call.status else ""
    return {(place_of(call.module), verb, f"{resource}{suffix}") for verb in call.verbs}


def _never_asked(provider: str) -> Asked:
    """What the source could ask for some provider, and does not for this one."""
    found = {("airunway.activities.upstream", "patch", kind) for kind in uses.MADE_ONCE.get(provider, ())}
    if provider and not PROVIDERS[provider].operator_selector:
        found.add(("airunway.workers.registration", "list", "deployments.apps"))
    return found


def listed_for(account: str) -> Asked:
    """The same, as the list has it."""
    return {
        (use.at, verb, f"{use.resource}/{use.subresource}" if use.subresource else use.resource)
        for use in USES[account]
        if use.at
        for verb in use.verbs.split()
    }


def test_every_file_that_calls_the_api_server_has_an_account() -> None:
    assert {place_of(call.module) for call in calls()} == set(RUN_BY)


@pytest.mark.parametrize("account", USES)
def test_every_call_is_in_the_list(account: str) -> None:
    assert called_by(account) - listed_for(account) == set()


@pytest.mark.parametrize("account", USES)
def test_every_line_of_the_list_is_called(account: str) -> None:
    assert listed_for(account) - called_by(account) == set()


@pytest.mark.parametrize("account", USES)
def test_a_line_that_no_call_backs_says_why(account: str) -> None:
    assert [use for use in USES[account] if not use.at and not use.because] == []
