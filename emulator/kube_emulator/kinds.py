"""The kinds the cluster serves: a table of the built-in ones, and a registry to which CRDs add theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import schema
from .fieldsets import FieldSet
from .gotypes import zero
from .schema import Node

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
CREATE_ONLY = ("create",)

# group, version, kind, plural, namespaced, subresources, short names, categories, features. Features: g = the
# server counts generations, v = a PUT must name the version it replaces, p = a PUT may create, c = it can
# only be created, d = a collection cannot be deleted at once.
_BUILTIN = """
-                     v1 Namespace                namespaces                cluster status                      ns     -   d
-                     v1 Pod                      pods                      spaced  status,binding,log,exec,attach,portforward,proxy po all g
-                     v1 Service                  services                  spaced  status,proxy                svc    all p
-                     v1 ConfigMap                configmaps                spaced  -                           cm     -   -
-                     v1 Secret                   secrets                   spaced  -                           -      -   -
-                     v1 Event                    events                    spaced  -                           ev     -   p
-                     v1 ServiceAccount           serviceaccounts           spaced  token                       sa     -   -
-                     v1 PersistentVolumeClaim    persistentvolumeclaims    spaced  status                      pvc    -   -
-                     v1 Node                     nodes                     cluster status                      no     -   -
apps                  v1 Deployment               deployments               spaced  status,scale                deploy all g
apps                  v1 StatefulSet              statefulsets              spaced  status,scale                sts    all g
apps                  v1 ReplicaSet               replicasets               spaced  status,scale                rs     all g
apps                  v1 DaemonSet                daemonsets                spaced  status                      ds     all g
batch                 v1 Job                      jobs                      spaced  status                      -      all g
coordination.k8s.io   v1 Lease                    leases                    spaced  -                           -      -   pv
networking.k8s.io     v1 NetworkPolicy            networkpolicies           spaced  -                           netpol -   g
rbac.authorization.k8s.io v1 Role                 roles                     spaced  -                           -      -   p
rbac.authorization.k8s.io v1 RoleBinding          rolebindings              spaced  -                           -      -   p
rbac.authorization.k8s.io v1 ClusterRole          clusterroles              cluster -                           -      -   p
rbac.authorization.k8s.io v1 ClusterRoleBinding   clusterrolebindings       cluster -                           -      -   p
apiextensions.k8s.io  v1 CustomResourceDefinition customresourcedefinitions cluster status                      crd,crds api-extensions gv
authorization.k8s.io  v1 SelfSubjectAccessReview  selfsubjectaccessreviews  cluster -                           -      -   c
authorization.k8s.io  v1 SelfSubjectRulesReview   selfsubjectrulesreviews   cluster -                           -      -   c
authorization.k8s.io  v1 SubjectAccessReview      subjectaccessreviews      cluster -                           -      -   c
authorization.k8s.io  v1 LocalSubjectAccessReview localsubjectaccessreviews spaced  -                           -      -   c
authentication.k8s.io v1 SelfSubjectReview        selfsubjectreviews        cluster -                           -      -   c
authentication.k8s.io v1 TokenReview              tokenreviews              cluster -                           -      -   c
"""  # noqa: E501 - a table reads best with one row a line
# metadata that the status endpoints of these kinds do not write
_KEPT_METADATA: dict[str, FieldSet] = {
    "Deployment": {"f:metadata": {"f:labels": {}}},
    "Pod": {"f:metadata": {"f:deletionTimestamp": {}, "f:ownerReferences": {}}},
}
_PACKAGES = {
    "": "io.k8s.api.core.v1.",
    "apiextensions.k8s.io": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A printer column of a custom resource."""

    name: str
    type: str
    path: str
    description: str = ""
    format: str = ""
    priority: int = 0


@dataclass(eq=False, slots=True)
class Kind:
    """One served kind in one version: its names, its type and its rules."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    singular: str = ""
    list_kind: str = ""
    subresources: frozenset[str] = frozenset()
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    definition: str = ""
    custom: Node | None = None
    columns: tuple[Column, ...] = ()
    generation: bool = False
    needs_version: bool = False
    put_creates: bool = False
    crd_schema: Mapping[str, Any] | None = None
    scale_paths: Mapping[str, str] | None = None
    selectable: tuple[str, ...] = ()
    deprecation: str = ""
    reset: Mapping[str, FieldSet] = field(default_factory=dict)
    empty: Mapping[str, Any] = field(default_factory=dict)
    _node: Node | None = None

    @property
    def node(self) -> Node:
        """The type, compiled on first use."""
        if self._node is None:
            self._node = self.custom or schema.builtin(self.definition)
            self.empty = {} if self.custom else zero(self._node)
        return self._node

    @property
    def api_version(self) -> str:
        """Group and version as objects carry them."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def builtin(self) -> bool:
        """Whether this is a compiled-in kind, which follows Go's rules, not a CRD's."""
        return self.custom is None

    @property
    def storage(self) -> tuple[str, str]:
        """Where the objects of all its versions are kept."""
        return self.group, self.plural

    @property
    def has_status(self) -> bool:
        """Whether spec and status are written apart."""
        return "status" in self.subresources

    def ignored_fields(self, subresource: str) -> FieldSet:
        """Fields a write to this endpoint cannot set."""
        return self.reset.get(subresource, {})


def _split(text: str) -> tuple[str, ...]:
    return () if text == "-" else tuple(text.split(","))


def _verbs(features: str) -> tuple[str, ...]:
    if "c" in features:
        return CREATE_ONLY
    return tuple(verb for verb in ALL_VERBS if not ("d" in features and verb == "deletecollection"))


def _builtin_kinds() -> Iterator[Kind]:
    for row in _BUILTIN.strip().splitlines():
        group, version, kind, plural, scope, subresources, short, categories, features = row.split()
        group = "" if group == "-" else group
        package = _PACKAGES.get(group) or f"io.k8s.api.{group.split('.')[0]}.v1."
        status = "status" in subresources
        yield Kind(
            group,
            version,
            kind,
            plural,
            scope == "spaced",
            singular=kind.lower(),
            list_kind=f"{kind}List",
            subresources=frozenset(_split(subresources)),
            short_names=_split(short),
            categories=_split(categories),
            verbs=_verbs(features),
            definition=package + kind,
            generation="g" in features,
            needs_version="v" in features,
            put_creates="p" in features,
            reset={"": {"f:status": {}}, "status": {"f:spec": {}} | _KEPT_METADATA.get(kind, {})}
            if status
            else {},
        )


class Registry:
    """Finds a kind by group, version and plural name."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str, str], Kind] = {}
        self.generation = 0  # grows with every change, so that cached discovery can be told stale
        for kind in _builtin_kinds():
            self.add(kind)

    def add(self, kind: Kind) -> None:
        """Serves a kind, in place of an earlier form of it."""
        self._kinds[kind.group, kind.version, kind.plural] = kind
        self.generation += 1

    def remove(self, group: str, plural: str) -> None:
        """Stops serving all versions of a kind."""
        for key in [key for key in self._kinds if (key[0], key[2]) == (group, plural)]:
            del self._kinds[key]
        self.generation += 1

    def find(self, group: str, version: str, plural: str) -> Kind | None:
        """The kind at a path, if it is served."""
        return self._kinds.get((group, version, plural))

    def serves(self, group: str, version: str) -> bool:
        """Whether there is any kind in a group and version."""
        return any((kind.group, kind.version) == (group, version) for kind in self._kinds.values())

    def stored(self, storage: tuple[str, str]) -> Kind | None:
        """Any served version of a kind, by the place its objects are kept."""
        return next((kind for kind in self._kinds.values() if kind.storage == storage), None)

    def named(self, group: str, kind_name: str) -> Kind | None:
        """Any served version of a kind, by its name."""
        return next((k for k in self._kinds.values() if (k.group, k.kind) == (group, kind_name)), None)

    def __iter__(self) -> Iterator[Kind]:
        return iter(list(self._kinds.values()))

    def group_versions(self) -> list[tuple[str, str]]:
        """Every served group and version, the core group first, then in the order they were added."""
        return list(dict.fromkeys((kind.group, kind.version) for kind in self._kinds.values()))
