"""Judges requests by Roles, ClusterRoles and their bindings.

Source: k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac, k8s.io/apiserver/pkg/endpoints/request (what a
request is called there) and handlers/responsewriters (how a refusal is worded).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .errors import StatusError
from .store import Store
from .users import AUTHENTICATED, User

Obj = dict[str, Any]
_GROUP = "rbac.authorization.k8s.io"
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_NAMESPACE_PARTS = {"status", "finalize"}
_NAMED = re.compile(r"(?:^|,)metadata\.name==?([^,]+)")
_URLS = ["/livez", "/readyz", "/healthz", "/version", "/version/", "/openapi", "/openapi/*"]
_SELF = {
    "authorization.k8s.io": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
    "authentication.k8s.io": ["selfsubjectreviews"],
}
FOR_EVERYBODY: tuple[Obj, ...] = (
    *({"verbs": ["create"], "apiGroups": [group], "resources": names} for group, names in _SELF.items()),
    {"verbs": ["get"], "nonResourceURLs": [*_URLS, "/api", "/api/*", "/apis", "/apis/*"]},
)
"""What every user may, as the roles system:basic-user and system:discovery say that a cluster comes with."""
_BASIC_ROLE = "system:basic-user"
_BASIC = f'ClusterRoleBinding "{_BASIC_ROLE}" of ClusterRole "{_BASIC_ROLE}" to Group "{AUTHENTICATED}"'
CLUSTER_ADMIN: tuple[Obj, ...] = (
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
)


@dataclass(frozen=True, slots=True)
class Deed:
    """What a request does, as rules speak of it: on a resource, or at a `path` that is none."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    def __str__(self) -> str:
        if self.path:
            return f'{self.verb} path "{self.path}"'
        resource = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        place = f'in the namespace "{self.namespace}"' if self.namespace else "at the cluster scope"
        return f'{self.verb} resource "{resource}" in API group "{self.group}" {place}'


def deed_of(method: str, path: str, query: Mapping[str, str]) -> Deed:
    """What a request is about, by its path alone: what is not served is judged too."""
    parts = path.strip("/").split("/")
    group = parts[1] if parts[0] == "apis" and len(parts) > 3 else ""
    rest = parts[3:] if group else parts[2:] if parts[0] == "api" and len(parts) > 2 else []
    if not rest:
        return Deed(method.lower(), path=path)
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _NAMESPACE_PARTS:
            rest = rest[2:]
    resource, name, subresource = (*rest, "", "")[:3]
    verb = _VERBS.get(method, "get")
    if not name and verb == "get":
        verb = "watch" if query.get("watch", "false") not in ("false", "0") else "list"
        found = _NAMED.search(query.get("fieldSelector", ""))
        name = found[1] if found else ""
    elif not name and verb == "delete":
        verb = "deletecollection"
    return Deed(verb, group, resource, subresource, namespace, name)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether something is allowed, and what says so; of a refusal, which roles could not be found."""

    allowed: bool
    reason: str = ""


def judge(store: Store, user: User, deed: Deed) -> Verdict:
    """By the bindings that there are now."""
    if user.may_everything:
        return Verdict(True)
    faults: list[str] = []
    for source, rule in rules_of(store, user, deed.namespace, faults):
        if _allows(rule, deed):
            return Verdict(True, f"RBAC: allowed by {source}")
    if not faults:
        return Verdict(False)
    shown = faults[0] if len(faults) == 1 else f"[{', '.join(dict.fromkeys(faults))}]"
    return Verdict(False, f"RBAC: {shown}")


def refusal(user: User, deed: Deed, verdict: Verdict) -> StatusError:
    """403, worded as a real server does."""
    said = f'User "{user.name}" cannot {deed}'
    for letter, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        said = said.replace(letter, name)
    said += f": {verdict.reason}" if verdict.reason else ""
    if deed.path:
        return StatusError(403, "Forbidden", f"forbidden: {said}", {})
    resource = f"{deed.resource}.{deed.group}" if deed.group else deed.resource
    about = f'{resource} "{deed.name}"' if deed.name else resource
    details = {"name": deed.name, "group": deed.group, "kind": deed.resource}
    details = {key: value for key, value in details.items() if value}
    return StatusError(403, "Forbidden", f"{about} is forbidden: {said}", details)


def require(store: Store, user: User, deed: Deed) -> None:
    """Raises the refusal of what a user may not do."""
    verdict = judge(store, user, deed)
    if not verdict.allowed:
        raise refusal(user, deed, verdict)


def require_impersonation(store: Store, user: User, other: User) -> None:
    """Raises the refusal of who may not take another one's place."""
    deed = Deed("impersonate", resource="users", name=other.name)
    if other.name.startswith("system:serviceaccount:"):
        namespace, _, name = other.name.removeprefix("system:serviceaccount:").partition(":")
        deed = replace(deed, resource="serviceaccounts", namespace=namespace, name=name)
    require(store, user, deed)
    for group in other.groups:
        if group != AUTHENTICATED and not group.startswith("system:serviceaccounts"):
            require(store, user, Deed("impersonate", resource="groups", name=group))


# -- rules ----------------------------------------------------------------------------------------------


def rules_of(store: Store, user: User, namespace: str, faults: list[str]) -> Iterator[tuple[str, Obj]]:
    """Each rule for a user in a namespace, or in the whole cluster, with what gives it.

    `faults` gets the roles that bindings name and that there are not.
    """
    if AUTHENTICATED in user.groups:
        for rule in FOR_EVERYBODY:
            yield _BASIC, rule
    places = [("ClusterRoleBinding", "clusterrolebindings", "")]
    if namespace:
        places.append(("RoleBinding", "rolebindings", namespace))
    for kind, plural, space in places:
        for version in store.table((_GROUP, plural)).all(space):
            subject = _subject(user, version.obj.get("subjects") or [], space)
            if subject is None:
                continue
            name, ref = version.name, version.obj["roleRef"]
            place = f"{name}/{space}" if space else name
            source = f'{kind} "{place}" of {ref["kind"]} "{ref["name"]}" to {subject}'
            for rule in _rules(store, ref, space, faults):
                yield source, rule


def _rules(store: Store, ref: Obj, namespace: str, faults: list[str]) -> list[Obj] | tuple[Obj, ...]:
    clusterwide = ref["kind"] == "ClusterRole"
    plural = "clusterroles" if clusterwide else "roles"
    found = store.table((_GROUP, plural)).get("" if clusterwide else namespace, ref["name"])
    if found is not None:
        return list(found.obj.get("rules") or [])
    if clusterwide and ref["name"] == "cluster-admin":
        return CLUSTER_ADMIN
    kind = ref["kind"].lower()
    faults.append(f'{kind}.{_GROUP} "{ref["name"]}" not found')
    return []


def _subject(user: User, subjects: list[Obj], namespace: str) -> str | None:
    """The first subject of a binding that a user is, as a reason names it."""
    for one in subjects:
        kind, name = one.get("kind"), one.get("name", "")
        if (kind == "User" and name == user.name) or (kind == "Group" and name in user.groups):
            return f'{kind} "{name}"'
        space = one.get("namespace") or namespace
        if kind == "ServiceAccount" and space and user.name == f"system:serviceaccount:{space}:{name}":
            return f'ServiceAccount "{name}/{space}"'
    return None


def _allows(rule: Obj, deed: Deed) -> bool:
    if not {"*", deed.verb} & set(rule.get("verbs") or ()):
        return False
    if deed.path:
        return any(_covers(url, deed.path) for url in rule.get("nonResourceURLs") or ())
    wanted = f"{deed.resource}/{deed.subresource}" if deed.subresource else deed.resource
    names = {"*", wanted} | ({f"*/{deed.subresource}"} if deed.subresource else set())
    only = rule.get("resourceNames") or ()
    return (
        bool({"*", deed.group} & set(rule.get("apiGroups") or ()))
        and bool(names & set(rule.get("resources") or ()))
        and (not only or deed.name in only)
    )


def _covers(url: str, path: str) -> bool:
    return url in ("*", path) or (url.endswith("*") and path.startswith(url.rstrip("*")))
