"""What an account may do, asked of the API server itself (SelfSubjectAccessReview)."""

from __future__ import annotations

from airunway.clients.kubernetes import Cluster, Resource

REVIEWS = Resource("authorization.k8s.io/v1", "selfsubjectaccessreviews")


async def can_i(
    cluster: Cluster,
    *,
    group: str,
    resource: str,
    verb: str,
    namespace: str = "",
    name: str = "",
    subresource: str = "",
) -> bool:
    """Whether this account may do something; `*` stands for everything."""
    attributes = {"group": group, "resource": resource, "verb": verb, "namespace": namespace}
    attributes |= {key: text for key, text in (("name", name), ("subresource", subresource)) if text}
    answer = await cluster.create(REVIEWS, {"spec": {"resourceAttributes": attributes}})
    return bool((answer.get("status") or {}).get("allowed"))
