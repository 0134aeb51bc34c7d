"""What a person wrote into a variable, or a provider into a Secret, is in no request and in no answer."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from airunway.messages.decision import ValidateRequest
from airunway.provider import Provider
from tests.activities.acme_variants import SECRET, TWO_OBJECTS, WITH_SECRET
from tests.activities.deployment_site import (
    REF,
    DeploymentSite,
    Worker,
    asked,
    readiness_request,
    render_request,
    selection_request,
)

OLD, NEW = "hf_oldAbCdEfGhIjKlMnOp", "hf_newQrStUvWxYz0123456"


def env(token: str) -> dict[str, Any]:
    return {"env": [{"name": "HF_TOKEN", "value": token}]}


class Wire:
    """Everything that would be written to a history."""

    def __init__(self, place: DeploymentSite, worker: Worker) -> None:
        self._place, self._worker = place, worker
        self.text = ""

    def _carry(self, *values: BaseModel) -> None:
        self.text += "".join(value.model_dump_json() for value in values)

    async def reconcile(self, applied: list[Any]) -> list[Any]:
        """Every step once."""
        core, provider = self._worker.core, self._worker.provider
        live = await self._place.deployment()
        validate, select = ValidateRequest(ref=REF, want_status=True), selection_request(live)
        self._carry(validate, select, await core.validate(validate))
        self._carry(await core.select_engine(select), await core.evaluate_provider_rules(select))
        request = render_request(live, applied=applied)
        rendered = await provider.render(request)
        done = await provider.apply_upstream(asked(request, rendered))
        reading = readiness_request(live, done.objects, diagnose=True)
        read = await provider.read_readiness(reading)
        self._carry(request, rendered, asked(request, rendered), done, reading, read)
        return done.objects


@pytest.mark.parametrize("provider", [TWO_OBJECTS, WITH_SECRET], ids=["variable", "secret"])
async def test_a_token_stays_out_of_every_payload(place: DeploymentSite, provider: Provider) -> None:
    await place.deploy(**env(OLD))
    wire = Wire(place, place.worker(providers=(provider,)))

    applied = await wire.reconcile([])
    await place.change({"spec": env(NEW)})
    await wire.reconcile(applied)

    assert '"chat-settings"' in wire.text  # it was written
    for token in (OLD, NEW):
        assert token not in wire.text
    if provider is WITH_SECRET:
        assert "HF_TOKEN" not in wire.text
        live = await place.cluster.get(SECRET, "chat-settings", namespace=REF.namespace)
        assert live["data"]["HF_TOKEN"]
