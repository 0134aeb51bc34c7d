"""How a cluster gets the name that tells it apart from others on one Temporal."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from airunway.api.names import cluster_name_from
from airunway.clients.errors import Forbidden, Unreachable
from airunway.clients.kubernetes import NAMESPACES, Cluster
from airunway.workers.cluster_name import ClusterNameUnknown, with_cluster_name
from airunway.workers.settings import Settings


class Answering:
    """A cluster that has only this to say."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    async def find(self, *_: Any, **__: Any) -> Any:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def named(*answers: Any, patient: bool = False) -> str:
    cluster: Any = Answering(*answers)
    return (await with_cluster_name(Settings(), cluster, patient=patient)).cluster


async def test_it_is_taken_from_the_uid_of_kube_system(cluster: Cluster) -> None:
    namespace = await cluster.get(NAMESPACES, "kube-system")

    settings = await with_cluster_name(Settings(), cluster)

    assert settings.cluster == cluster_name_from(namespace["metadata"]["uid"])
    assert len(settings.cluster) == 12


async def test_a_name_that_is_set_stands_without_asking() -> None:
    cluster: Any = Answering()

    assert (await with_cluster_name(Settings(cluster="eu"), cluster)).cluster == "eu"


async def test_who_may_not_read_the_uid_is_told_what_to_set() -> None:
    with pytest.raises(ClusterNameUnknown, match="AIRUNWAY_CLUSTER"):
        await named(Forbidden("namespaces is forbidden", status=403), patient=True)
    with pytest.raises(ClusterNameUnknown, match="AIRUNWAY_CLUSTER"):
        await named(None)


async def test_a_process_waits_for_the_api_server_and_a_command_does_not() -> None:
    with pytest.raises(Unreachable):
        await named(Unreachable("refused"))


@pytest.mark.parametrize("name", ["a.b", "A", "-a", "a-", "a/b", "x" * 41])
def test_a_name_that_would_not_fit_into_ids_and_queues_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        Settings(cluster=name)
