"""Where a worker finds model servers: a setting with three places."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from airunway.workers.settings import Settings

PROXY = "http://127.0.0.1:8001/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy"


def test_the_address_reaches_whoever_asks() -> None:
    given = Settings(service_url=f"{PROXY}/").gateway_options(impersonate="")

    assert given.service_url == PROXY
    assert Settings().gateway_options(impersonate="").service_url == "http://{service}.{namespace}.svc:{port}"


@pytest.mark.parametrize(
    "wrong",
    [
        "http://{service}:{port}",
        "http://{service}.{namespace}:{port}/{x}",
        "{service}{namespace}{port}",
        "http://{",
    ],
)
def test_an_address_without_its_places_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError, match="service_url"):
        Settings(service_url=wrong)
