"""Behind which Gateway a deployment is published."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.gateway.choice import GatewayChoice, WantedGateway, choose_gateway
from tests.gateway.given import among, gateway, listener

CHOSEN = {"airunway.ai/inference-gateway": "true"}


def choose(*gateways: Any, **given: Any) -> GatewayChoice:
    options: dict[str, Any] = {
        "configured": None,
        "asked": None,
        "namespace": "team-a",
        "labels": {},
        **given,
    }
    return choose_gateway(gateways, **options)


def test_one_gateway_is_taken_whatever_it_is() -> None:
    assert choose(gateway(name="only")).place == ("edge", "only")


@pytest.mark.parametrize("several", [0, 2])
def test_none_and_several_without_the_label(several: int) -> None:
    choice = choose(*(gateway(name=f"gw-{number}") for number in range(several)))

    assert choice.finding is not None
    assert choice.finding.reason == "NoGateway"


def test_the_labelled_one_of_several() -> None:
    assert choose(gateway(name="a"), gateway(name="b", labels=CHOSEN)).place == ("edge", "b")
    assert choose(gateway(name="a"), gateway(name="b", labels={**CHOSEN, "x": "y"})).place[1] == "b"


@pytest.mark.parametrize("value", ["True", "yes", ""])
def test_the_label_is_taken_word_for_word(value: str) -> None:
    labelled = gateway(name="b", labels={"airunway.ai/inference-gateway": value})

    assert choose(gateway(name="a"), labelled).gateway is None


def test_of_several_labelled_it_is_the_oldest_then_the_first_by_name() -> None:
    def one(name: str, time: str) -> Any:
        return gateway(name=name, labels=CHOSEN, creationTimestamp=f"2026-01-01T00:00:{time}Z")

    assert choose(one("a", "09"), one("z", "01")).place[1] == "z"
    assert choose(one("c", "01"), one("b", "01")).place[1] == "b"


def test_the_one_that_the_settings_name() -> None:
    named = WantedGateway(namespace="edge", name="b")

    assert choose(gateway(name="a", labels=CHOSEN), gateway(name="b"), configured=named).place[1] == "b"
    missing = choose(gateway(name="a"), configured=named).finding
    assert missing is not None
    assert missing.reason == "NoGateway"


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (WantedGateway(namespace="edge", name="gone"), "GatewayNotFound"),
        (WantedGateway(namespace="edge", name="gw", section="nope"), "GatewayNotFound"),
        (WantedGateway(namespace="edge", name="gw", section="closed"), "GatewayNotAllowed"),
        (WantedGateway(namespace="edge", name="shut"), "GatewayNotAllowed"),
    ],
)
def test_a_gateway_that_a_deployment_names_is_there_and_admits_it(asked: WantedGateway, reason: str) -> None:
    open_one = gateway(
        listener(among("edge", "team-a")), listener({"from": "Same"}, name="closed"), name="gw"
    )

    choice = choose(open_one, gateway(name="shut"), asked=asked)

    assert choice.gateway is None
    assert choice.finding is not None
    assert choice.finding.reason == reason


def test_a_gateway_that_a_deployment_names_comes_before_settings_and_label() -> None:
    mine = gateway(listener({"from": "All"}), name="mine", namespace="other")
    asked = WantedGateway(namespace="other", name="mine", section="http")

    choice = choose(gateway(labels=CHOSEN), mine, asked=asked)

    assert (choice.place, choice.section, choice.by_user) == (("other", "mine"), "http", True)
