"""From Helm's words to an error: install.md §A7, and what Helm 4 and Kubernetes say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from airunway.clients.helm import errors
from airunway.clients.helm.classify import HelmFailure, HelmStep, classify


@dataclass(frozen=True)
class Case:
    reason: str
    text: str
    want: type[errors.HelmError]
    step: HelmStep = HelmStep.RELEASE
    code: str = ""
    has: dict[str, Any] = field(default_factory=dict)


OWNED = (
    'unable to continue with install: CustomResourceDefinition "inferencesets.kaito.sh" in namespace "" '
    "exists and cannot be imported into the current release: invalid ownership metadata; "
)
RBAC = (
    'clusterroles.rbac.authorization.k8s.io "x" is forbidden: user "u" (groups=["g"]) is attempting to grant '
    "RBAC permissions not currently held"
)
SCHEMA = (
    "values don't meet the specifications of the schema(s) in the following chart(s):\noperator:\n"
    "- at '/replicas': got string, want integer\n- at '': missing property 'image'\n"
)
NOT_READY = "resource Deployment/ns/op not ready. status: InProgress, message: Available: 0/1"
JOB = "resource Job/ns/check not ready. status: Failed, message: Job Failed. failed: 1/1"

CASES = [
    # install.md §A7, permission
    Case("forbidden", 'secrets is forbidden: User "u" cannot list resource "secrets"', errors.HelmForbidden),
    Case("forbidden in capitals", "Error: FORBIDDEN", errors.HelmForbidden),
    Case("cannot patch", 'user "u" cannot patch resource "deployments"', errors.HelmForbidden),
    Case("granting rights one has not", RBAC, errors.HelmForbidden),
    Case("requires a permission", "this action requires the cluster-admin permission", errors.HelmForbidden),
    Case("requires a privilege", "requires elevated privilege", errors.HelmForbidden),
    Case("no word of its own", "unforbiddenly strange", errors.HelmError),
    # install.md §A7, ownership
    Case(
        "an object without labels, cluster-wide",
        OWNED + 'label validation error: missing key "app.kubernetes.io/managed-by": must be set to "Helm"',
        errors.OwnershipConflict,
        has={
            "kind": "CustomResourceDefinition",
            "name": "inferencesets.kaito.sh",
            "namespace": "",
            "owner": "",
        },
    ),
    Case(
        "an object of another release",
        'Service "op" in namespace "shop" exists and cannot be imported into the current release: invalid '
        'ownership metadata; annotation validation error: key "meta.helm.sh/release-name" must equal "web": '
        'current value is "older"',
        errors.OwnershipConflict,
        has={"kind": "Service", "name": "op", "namespace": "shop", "owner": "older"},
    ),
    Case(
        "an object of another tool",
        'Service "op" in namespace "shop" exists and cannot be imported into the current release: invalid '
        'ownership metadata; label validation error: key "app.kubernetes.io/managed-by" must equal "Helm": '
        'current value is "argocd"',
        errors.OwnershipConflict,
        has={"owner": "argocd"},
    ),
    Case(
        "ownership without an object",
        'missing key "meta.helm.sh/release-name"',
        errors.OwnershipConflict,
        has={"name": ""},
    ),
    Case(
        "a field of another manager (Helm 4)",
        "conflict occurred while applying object shop/web-settings /v1, Kind=ConfigMap: Apply failed with 1 "
        'conflict: conflict with "kubectl" using v1: .data.mode',
        errors.OwnershipConflict,
        has={"kind": "ConfigMap", "name": "web-settings", "namespace": "shop", "owner": "kubectl"},
    ),
    # the cluster
    Case(
        "pending",
        "UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
        errors.OperationInProgress,
    ),
    Case("two installs at once", "release: already exists", errors.OperationInProgress),
    Case(
        "a name in use",
        "release name check failed: cannot reuse a name that is still in use",
        errors.OperationInProgress,
    ),
    Case(
        "a namespace that goes",
        'configmaps "x" is forbidden: unable to create new content in namespace shop because it is being '
        "terminated",
        errors.OperationInProgress,
    ),
    Case("no release", "uninstall: Release not loaded: web: release: not found", errors.ReleaseNotFound),
    Case("no revision", "release has no 7 version", errors.ReleaseNotFound),
    Case(
        "the API server is away",
        'cluster reachability check failed: kubernetes cluster unreachable: Get "https://10.0.0.1/version": '
        "dial tcp 10.0.0.1:443: connect: connection refused",
        errors.ClusterUnavailable,
    ),
    Case(
        "the API server is slow to answer",
        'kubernetes cluster unreachable: Get "https://10.0.0.1/version": context deadline exceeded',
        errors.ClusterUnavailable,
    ),
    Case(
        "no kubeconfig",
        "kubernetes cluster unreachable: stat /nowhere: no such file or directory",
        errors.HelmError,
    ),
    Case(
        "no such context",
        'kubernetes cluster unreachable: context "x" does not exist',
        errors.HelmError,
    ),
    Case(
        "an expired token",
        "kubernetes cluster unreachable: the server has asked for the client to provide credentials",
        errors.ClusterUnavailable,
    ),
    Case(
        "a webhook is away",
        'Internal error occurred: failed calling webhook "x.y.z": no endpoints available for service "hook"',
        errors.ClusterUnavailable,
    ),
    Case("etcd is slow", "etcdserver: request timed out", errors.ClusterUnavailable),
    # the release
    Case(
        "never ready",
        f"{NOT_READY}\ncontext deadline exceeded",
        errors.ReleaseFailed,
        code="CANCELLED",
        has={"cause": NOT_READY, "rolled_back": False},
    ),
    Case(
        "never ready, and taken back",
        f"release op failed, and has been uninstalled due to rollback-on-failure being set: {NOT_READY}\n"
        "context deadline exceeded",
        errors.ReleaseFailed,
        has={"cause": NOT_READY, "rolled_back": True},
    ),
    Case(
        "a hook failed",
        f"failed pre-install: {JOB}",
        errors.ReleaseFailed,
        has={"cause": JOB},
    ),
    Case(
        "a hook was refused",
        "failed post-install: warning: Hook post-install chart/templates/x.yaml failed: 1 error occurred",
        errors.ReleaseFailed,
    ),
    Case("out of time", "timed out waiting for the condition", errors.TimedOut),
    # the chart
    Case("values against the schema", SCHEMA, errors.ValuesInvalid, has={"paths": ("/replicas", "/")}),
    Case(
        "a template gives up, with words of another class",
        "execution error at (web/templates/x.yaml:1:4): this chart requires the admin permission",
        errors.ChartInvalid,
    ),
    Case("a template with a mistake", "parse error at (web/templates/x.yaml:2): x", errors.ChartInvalid),
    Case(
        "a kind nobody serves",
        "unable to build kubernetes objects from release manifest: resource mapping not found for name: "
        '"x" namespace: "" from "": no matches for kind "Foo" in version "foo.io/v1"',
        errors.ChartInvalid,
    ),
    Case(
        "an older cluster than the chart wants",
        "chart requires kubeVersion: >=9 which is incompatible with Kubernetes v1.37.2",
        errors.ChartInvalid,
    ),
    Case(
        "a missing sub-chart",
        "an error occurred while checking for chart dependencies. You may need to run ...: found in "
        "Chart.yaml, but missing in charts/ directory: probe",
        errors.ChartInvalid,
    ),
    # getting the chart
    Case(
        "no such version",
        'chart "x" version "9" not found in y repository',
        errors.ChartNotFound,
        HelmStep.CHART,
    ),
    Case("a closed registry", "403 Forbidden", errors.ChartNotFound, HelmStep.CHART),
    Case("an unknown host", "dial tcp: lookup x: no such host", errors.RepositoryUnreachable, HelmStep.CHART),
    Case("slow", "context deadline exceeded", errors.RepositoryUnreachable, HelmStep.CHART),
    Case(
        "overloaded",
        "failed to fetch x : 429 Too Many Requests",
        errors.RepositoryUnreachable,
        HelmStep.CHART,
    ),
    Case("failing", "failed to fetch x : 502 Bad Gateway", errors.RepositoryUnreachable, HelmStep.CHART),
    Case(
        "a bad checksum", "x has another digest than announced: a, not b", errors.BadChecksum, HelmStep.CHART
    ),
    Case("no chart", "Chart.yaml file is missing", errors.ChartInvalid, HelmStep.CHART, "CHART_LOAD"),
    # by the library's code alone
    Case("cancelled, whatever Helm says then", NOT_READY, errors.Cancelled, code="STOPPED"),
    Case("no Helm", "cannot be loaded", errors.HelmMissing, code="MISSING"),
    Case("a panic", "runtime error: index out of range", errors.HelmCrashed, code="PANIC"),
    Case("something else", "a new text", errors.HelmError, code="RELEASE"),
    Case("nothing", "", errors.HelmError),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_texts_have_an_error(case: Case) -> None:
    failure = HelmFailure(text=case.text, step=case.step, code=case.code)

    err = classify(failure, subject="release web in namespace shop")

    assert type(err) is case.want
    assert str(err).startswith("release web in namespace shop: ")
    assert {name: getattr(err, name) for name in case.has} == case.has


RETRYABLE = {
    "RepositoryUnreachable",
    "OperationInProgress",
    "ClusterUnavailable",
    "TimedOut",
    "HelmCrashed",
    "Cancelled",
}


def test_every_error_says_whether_to_try_again() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    helm = [kind for kind in kinds if issubclass(kind, errors.HelmError)]

    assert {kind.__name__ for kind in helm if kind.retryable} == RETRYABLE
    assert len(helm) == 17


def test_the_tree_at_the_head_is_the_tree() -> None:
    drawn = errors.__doc__ or ""

    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.HelmError):
            line = next(line for line in drawn.splitlines() if kind.__name__ in line)
            assert line.endswith("final") != kind.retryable, line
