"""Answers questions about users and what they may do: the reviews, none of which is stored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from . import rbac
from .errors import bad_request
from .rbac import Deed
from .requests import Request
from .store import Store
from .users import AUDIENCE, User, Users

Obj = dict[str, Any]


def review(request: Request, store: Store, users: Users) -> Obj:
    """The review with its status filled in."""
    kind, obj = request.kind, request.json_body()
    spec = obj.get("spec") or {}
    match kind.kind:
        case "SelfSubjectReview":
            status: Obj = {"userInfo": request.user.info}
        case "TokenReview":
            status = _of_token(spec, users)
        case "SelfSubjectRulesReview":
            status = _of_rules(store, request.user, spec.get("namespace") or "")
        case "SelfSubjectAccessReview":
            status = _of_deed(store, request.user, spec)
        case _:  # of somebody else, in one namespace or anywhere
            status = _of_deed(store, _subject(spec), spec, namespace=request.namespace)
    return {**obj, "kind": kind.kind, "apiVersion": kind.api_version, "status": status}


def _of_token(spec: Obj, users: Users) -> Obj:
    token = spec.get("token")
    if not token:
        raise bad_request("token is required for TokenReview in authentication")
    wanted = spec.get("audiences") or [AUDIENCE]
    held = users.of_token(token)
    audiences = [audience for audience in wanted if held is not None and audience in held.audiences]
    if held is None or not audiences:
        return {"user": {}, "error": "invalid bearer token"}
    return {"authenticated": True, "user": held.user.info, "audiences": audiences}


def _of_deed(store: Store, user: User, spec: Obj, *, namespace: str = "") -> Obj:
    deed = _deed(spec)
    if namespace:
        deed = replace(deed, namespace=namespace)
    verdict = rbac.judge(store, user, deed)
    reason = {"reason": verdict.reason} if verdict.reason else {}
    return {"allowed": verdict.allowed, **reason}


def _deed(spec: Obj) -> Deed:
    if path := spec.get("nonResourceAttributes"):
        return Deed(path.get("verb", ""), path=path.get("path", ""))
    asked = spec.get("resourceAttributes") or {}
    parts = ("verb", "group", "resource", "subresource", "namespace", "name")
    return Deed(**{part: asked.get(part) or "" for part in parts})


def _subject(spec: Obj) -> User:
    extra = {key: list(value) for key, value in (spec.get("extra") or {}).items()}
    return User(spec.get("user") or "", tuple(spec.get("groups") or ()), spec.get("uid") or "", extra)


def _of_rules(store: Store, user: User, namespace: str) -> Obj:
    everything = rbac.CLUSTER_ADMIN if user.may_everything else ()
    faults: list[str] = []
    rules = [*everything, *(rule for _, rule in rbac.rules_of(store, user, namespace, faults))]
    resources = [rule for rule in rules if rule.get("resources")]
    paths = [rule for rule in rules if rule.get("nonResourceURLs")]
    status: Obj = {"resourceRules": resources, "nonResourceRules": paths, "incomplete": False}
    return status | ({"evaluationError": "; ".join(faults)} if faults else {})
