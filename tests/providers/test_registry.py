"""Finding the installed providers."""

from __future__ import annotations

from importlib.metadata import EntryPoint, version

from airunway.provider.registry import ENTRY_POINT_GROUP, installed_providers, load


def entry(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=value, group=ENTRY_POINT_GROUP)


KAITO = entry("kaito", "airunway.providers.kaito:PROVIDER")


def test_shipped_providers_are_found_like_third_party_ones() -> None:
    assert installed_providers().keys() >= {"kaito", "vllm"}


def test_a_broken_plug_in_does_not_take_the_others_down() -> None:
    found = load(
        [
            entry("missing", "no_such_package:PROVIDER"),
            entry("nothing", "airunway.providers.kaito:NO_SUCH_THING"),
            entry("wrong", "airunway.providers.kaito.config:NAME"),
            entry("alias", "airunway.providers.kaito:PROVIDER"),
            KAITO,
        ]
    )

    assert list(found.providers) == ["kaito"]
    assert found.broken.keys() == {"missing", "nothing", "wrong", "alias"}
    assert "no_such_package" in found.broken["missing"]
    assert "is no Provider but a str" in found.broken["wrong"]
    assert "calls itself 'kaito'" in found.broken["alias"]


def test_a_provider_has_the_version_of_its_package() -> None:
    shipped = installed_providers()["kaito"]

    assert shipped.version == f"v{version('airunway-temporal')}"


def test_of_two_providers_with_one_name_the_first_counts() -> None:
    other = entry("kaito", "airunway.providers.kaito.__init__:PROVIDER")

    found = load([other, KAITO])

    assert list(found.providers) == ["kaito"]
    assert "another provider called 'kaito'" in found.broken["kaito"]
