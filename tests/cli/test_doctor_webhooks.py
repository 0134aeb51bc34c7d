"""`airunway doctor` and webhooks: ours that nobody serves, and those that an operator left behind."""

from __future__ import annotations

from typing import cast

import pytest

from airunway.api import names
from airunway.cli.doctor import cluster as cluster_checks
from airunway.cli.doctor.findings import DoctorVerdict
from airunway.clients.kubernetes import Cluster, Listing, Object


class _Alone:
    """A cluster in which no pod serves anything."""

    async def listing(self, kind: object, **_: object) -> Listing:
        return Listing([], "1")


def configuration(*, bundle: str = "Y2E=", policy: str = "Fail") -> Object:
    service = {"name": "gone", "namespace": names.SYSTEM_NAMESPACE, "path": "/"}
    hook = {"failurePolicy": policy, "clientConfig": {"caBundle": bundle, "service": service}}
    return {"metadata": {"name": "w"}, "webhooks": [hook]}


@pytest.mark.parametrize(
    ("live", "verdict", "words"),
    [
        pytest.param(
            configuration(), DoctorVerdict.FAIL, "so no ModelDeployment can be changed", id="strict"
        ),
        pytest.param(configuration(policy="Ignore"), DoctorVerdict.WARN, "nobody serves", id="lenient"),
        pytest.param(
            configuration(bundle=""), DoctorVerdict.FAIL, "trusts no certificate yet", id="no authority"
        ),
    ],
)
async def test_a_webhook_without_a_server(live: Object, verdict: DoctorVerdict, words: str) -> None:
    finding = await cluster_checks._webhook(cast(Cluster, _Alone()), "w", live)

    assert finding.verdict is verdict
    assert words in finding.message
    assert finding.advice == "serve it by `airunway webhook`, or delete the configuration w"


def about(group: str, name: str, *, policy: str = "Fail") -> Object:
    live = configuration(policy=policy)
    (hook,) = live["webhooks"]
    return {"metadata": {"name": name}, "webhooks": [{**hook, "rules": [{"apiGroups": [group]}]}]}


class _LeftBehind(_Alone):
    """One with configurations whose servers are gone."""

    async def listing(self, kind: object, **_: object) -> Listing:
        if kind == cluster_checks.CONFIGURATIONS[names.VALIDATING_CONFIGURATION]:
            found = [about("kaito.sh", "theirs"), about("acme.dev", "another"), about("*", "all")]
            return Listing([*found, about("airunway.ai", names.VALIDATING_CONFIGURATION)], "1")
        return Listing(
            [about("kaito.sh", "lenient", policy="Ignore")] if kind != cluster_checks.ENDPOINT_SLICES else [],
            "1",
        )


async def test_a_webhook_that_an_operator_left_behind() -> None:
    found = await cluster_checks._left_behind(cast(Cluster, _LeftBehind()))

    assert [(entry.check, entry.verdict) for entry in found] == [
        ("webhook theirs", DoctorVerdict.FAIL),
        ("webhook all", DoctorVerdict.FAIL),
    ]
    assert found[0].message == "nobody serves airunway-system/gone, which objects of kaito.sh wait for"
    assert found[0].advice.endswith("kubectl delete validatingwebhookconfigurations theirs")
