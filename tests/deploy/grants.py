"""Single rights: those that manifests grant to an account, and those that a list of uses asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple

from tests.deploy.manifests import of_kind
from tests.deploy.uses import Use

EVERY = "*"


class Grant(NamedTuple):
    """One verb on one resource (`pods/log` for a subresource), how far it reaches. `*`: everywhere, any."""

    verb: str
    group: str
    resource: str
    namespace: str
    name: str

    def covers(self, other: Grant) -> bool:
        """Whether whoever has this has the other, too."""
        return all(ours in (EVERY, theirs) for ours, theirs in zip(self, other, strict=True))


def granted_to(account: str, among: Sequence[Mapping[str, Any]]) -> set[Grant]:
    """What a ServiceAccount may do: through bindings, roles and aggregated roles. KeyError without it."""
    objs = [dict(obj) for obj in among]
    namespace = of_kind("ServiceAccount", objs)[account]["metadata"]["namespace"]
    cluster_roles = of_kind("ClusterRole", objs)
    roles = {
        (obj["metadata"]["namespace"], obj["metadata"]["name"]): obj for obj in objs if obj["kind"] == "Role"
    }
    found: set[Grant] = set()
    for binding in objs:
        if not binding["kind"].endswith("RoleBinding") or not _binds(binding, account, namespace):
            continue
        ref, where = binding["roleRef"], binding["metadata"].get("namespace", EVERY)
        role = cluster_roles[ref["name"]] if ref["kind"] == "ClusterRole" else roles[where, ref["name"]]
        for rule in _rules_of(role, cluster_roles.values()):
            found |= set(_grants_of(rule, where))
    return found


def wanted_by(uses: Iterable[Use]) -> set[Grant]:
    """What must be granted for these uses."""
    found = set()
    for use in uses:
        plural, _, group = use.resource.partition(".")
        resource = f"{plural}/{use.subresource}" if use.subresource else plural
        for verb in use.verbs.split() if use.granted else ():
            for name in use.names or [EVERY]:
                found.add(Grant(verb, group, resource, use.namespace or EVERY, name))
    return found


def missing_from(granted: Set[Grant], wanted: Set[Grant]) -> list[Grant]:
    """What is wanted and not granted."""
    return sorted(want for want in wanted if not any(grant.covers(want) for grant in granted))


def beyond(granted: Set[Grant], wanted: Set[Grant]) -> list[Grant]:
    """What is granted and not wanted, or reaches further than what is wanted."""
    return missing_from(wanted, granted)


def _binds(binding: Mapping[str, Any], account: str, namespace: str) -> bool:
    return any(
        (subject["kind"], subject["name"], subject.get("namespace"))
        in (("ServiceAccount", account, namespace), ("Group", f"system:serviceaccounts:{namespace}", None))
        for subject in binding["subjects"]
    )


def _rules_of(role: Mapping[str, Any], others: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    yield from role.get("rules") or ()
    for selector in (role.get("aggregationRule") or {}).get("clusterRoleSelectors", ()):
        for other in others:
            if selector["matchLabels"].items() <= (other["metadata"].get("labels") or {}).items():
                yield from other["rules"]


def _grants_of(rule: Mapping[str, Any], namespace: str) -> Iterator[Grant]:
    for group in rule["apiGroups"]:
        for resource in rule["resources"]:
            for verb in rule["verbs"]:
                for name in rule.get("resourceNames") or [EVERY]:
                    yield Grant(verb, group, resource, namespace, name)
