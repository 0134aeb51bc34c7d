"""How requests to an API server find their way."""

from __future__ import annotations

import pytest
from kubernetes.aio import client

from airunway.clients.kubernetes.transport import Transport


async def test_a_proxy_of_the_kubeconfig_goes_before_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    given = client.Configuration(host="https://10.0.0.1:6443")
    named = client.Configuration(host="https://10.0.0.1:6443")
    named.proxy = "http://own.example:8080"

    for configuration, expected in ((given, "http://proxy.example:3128"), (named, "http://own.example:8080")):
        transport = Transport(configuration)
        await transport.close()
        assert transport.api_client.rest_client.proxy == expected
