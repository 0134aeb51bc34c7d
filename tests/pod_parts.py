"""Parts of pods that the API server refuses, and their neighbours that it takes; for its rules and for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Part = dict[str, Any]
HTTP: Part = {"httpGet": {"port": 80}}
ZONE: Part = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


@dataclass(frozen=True, kw_only=True)
class PodCase:
    """A Deployment with one part of its own. `wrong`: the path that is refused; empty: it is taken."""

    reason: str
    workload: Part
    wrong: str = ""


def workload(*, pod: Part | None = None, container: Part | None = None, spec: Part | None = None) -> Part:
    """A Deployment of no replicas that is fine but for what is laid over it."""
    main = {"name": "main", "image": "acme/a:1", **(container or {})}
    template = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [main], **(pod or {})}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "a"}},
            "template": template,
            **(spec or {}),
        },
    }


POD, MAIN = "spec.template.spec", "spec.template.spec.containers[0]"


def _container(reason: str, wrong: str = "", /, **fields: Any) -> PodCase:
    place = wrong and f"{MAIN}.{wrong}"
    return PodCase(reason=reason, workload=workload(container=fields), wrong=place)


def _pod(reason: str, wrong: str = "", /, **fields: Any) -> PodCase:
    return PodCase(reason=reason, workload=workload(pod=fields), wrong=wrong and f"{POD}.{wrong}")


def _spec(reason: str, wrong: str = "", /, **fields: Any) -> PodCase:
    return PodCase(reason=reason, workload=workload(spec=fields), wrong=wrong and f"spec.{wrong}")


def _probes() -> Iterator[PodCase]:
    live = "livenessProbe"
    yield _container("a probe of all counts", livenessProbe={**HTTP, "periodSeconds": 5, "timeoutSeconds": 0})
    yield _container("a probe of nothing", live, livenessProbe={"periodSeconds": 5})
    yield _container(
        "a probe of two things", f"{live}.tcpSocket", livenessProbe={**HTTP, "tcpSocket": {"port": 1}}
    )
    yield _container(
        "a probe before its time", f"{live}.periodSeconds", livenessProbe={**HTTP, "periodSeconds": -1}
    )
    yield _container(
        "a time that is a text", f"{live}.periodSeconds", livenessProbe={**HTTP, "periodSeconds": "5"}
    )
    yield _container("two lives", f"{live}.successThreshold", livenessProbe={**HTTP, "successThreshold": 2})
    yield _container("readiness twice over", readinessProbe={**HTTP, "successThreshold": 2})
    grace = {**HTTP, "terminationGracePeriodSeconds": 5}
    yield _container("a liveness with time to end", livenessProbe=grace)
    yield _container(
        "a readiness that ends it", "readinessProbe.terminationGracePeriodSeconds", readinessProbe=grace
    )
    none = {**HTTP, "terminationGracePeriodSeconds": 0}
    yield _container("no time to end", "startupProbe.terminationGracePeriodSeconds", startupProbe=none)
    for port in (0, 70000, "HTTP", "80", "a--b", "a" * 16, None):
        given = {"httpGet": {"path": "/", **({} if port is None else {"port": port})}}
        yield _container(f"a probe of port {port}", "startupProbe.httpGet.port", startupProbe=given)
    for port in (1, 65535, "http", "a1", "1a"):
        yield _container(f"a probe of port {port}", startupProbe={"tcpSocket": {"port": port}})
    yield _container(
        "a scheme", f"{live}.httpGet.scheme", livenessProbe={"httpGet": {"port": 1, "scheme": "http"}}
    )
    header = {"httpGet": {"port": 1, "httpHeaders": [{"name": "X Y", "value": "z"}]}}
    yield _container("a header", f"{live}.httpGet.httpHeaders[0].name", livenessProbe=header)
    yield _container("no command", f"{live}.exec.command", livenessProbe={"exec": {}})
    yield _container("a command", livenessProbe={"exec": {"command": ["true"]}})
    yield _container("grpc", livenessProbe={"grpc": {"port": 9000}})
    yield _container("grpc by name", f"{live}.grpc.port", livenessProbe={"grpc": {"port": "grpc"}})
    yield _container("a hook of nothing", "lifecycle.preStop", lifecycle={"preStop": {}})
    long = {"lifecycle": {"preStop": {"sleep": {"seconds": 31}}}}
    at = "containers[0].lifecycle.preStop.sleep.seconds"
    yield _pod("a sleep past the end", at, containers=[{"name": "main", "image": "a", **long}])
    later = {"containers": [{"name": "main", "image": "a", **long}], "terminationGracePeriodSeconds": 31}
    yield _pod("a sleep until the end", **later)
    yield _container("a hook", lifecycle={"preStop": {"sleep": {"seconds": 5}}})
    yield _container(
        "a sleep back", "lifecycle.preStop.sleep.seconds", lifecycle={"preStop": {"sleep": {"seconds": -1}}}
    )


def _containers() -> Iterator[PodCase]:
    yield _container("a name", "name", name="Main")
    yield _container("a long name", "name", name="a" * 64)
    yield _container("no image", "image", image="")
    yield _container("an image with a blank", "image", image="acme/a:1 ")
    yield _container("a policy", "imagePullPolicy", imagePullPolicy="always")
    yield _container("a number as an argument", "args[1]", args=["--port", 8000])
    yield _container("one argument", "args", args="--port")
    yield _container("a number as a value", "env[0].value", env=[{"name": "A", "value": 5}])
    yield _container("a variable twice", "env[1]", env=[{"name": "A"}, {"name": "A", "value": "b"}])
    yield _container("variables", env=[{"name": "A"}, {"name": "B", "value": "b"}])
    yield _container("no source", "envFrom[0]", envFrom=[{"prefix": "A"}])
    yield _container("no name of a source", "envFrom[0].secretRef.name", envFrom=[{"secretRef": {}}])
    yield _container(
        "a name of a source", "envFrom[0].secretRef.name", envFrom=[{"secretRef": {"name": "A"}}]
    )
    yield _container("a prefix", "envFrom[0].prefix", envFrom=[{"prefix": "a=", "secretRef": {"name": "a"}}])
    yield _container("a source", envFrom=[{"prefix": "a.", "configMapRef": {"name": "a"}}])
    yield _container("no number", "ports[0].containerPort", ports=[{"name": "http"}])
    yield _container("a text as a port", "ports[0].containerPort", ports=[{"containerPort": "80"}])
    yield _container("a port too far", "ports[0].containerPort", ports=[{"containerPort": 65536}])
    yield _container("a name of a port", "ports[0].name", ports=[{"containerPort": 1, "name": "a_b"}])
    yield _container("a digit as a name", "ports[0].name", ports=[{"containerPort": 1, "name": "80"}])
    yield _container("a protocol", "ports[0].protocol", ports=[{"containerPort": 1, "protocol": "tcp"}])
    two = [{"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}]
    yield _container("two ports of one name", "ports[1]", ports=two)
    yield _container(
        "a port twice", "ports[1]", ports=[{"containerPort": 1}, {"containerPort": 1, "protocol": "TCP"}]
    )
    yield _container(
        "one number, two protocols", ports=[{"containerPort": 1}, {"containerPort": 1, "protocol": "UDP"}]
    )
    yield _container("a message's place", "terminationMessagePolicy", terminationMessagePolicy="Stdout")
    yield _container("a user", "securityContext.runAsUser", securityContext={"runAsUser": -1})
    local = {"seccompProfile": {"type": "Localhost"}}
    yield _container("no profile", "securityContext.seccompProfile.localhostProfile", securityContext=local)
    for name, given in (
        ("gpu", "1"),
        ("memory", "12Gb"),
        ("memory", "-1Gi"),
        ("nvidia.com/gpu", "0.5"),
        ("requests.nvidia.com/gpu", "1"),
        ("pods", 1),
    ):
        limits = {"limits": {name: given}}
        yield _container(f"a limit of {given} {name}", f"resources.limits.{name}", resources=limits)
    yield _container("limits", resources={"limits": {"cpu": 1.5, "memory": "1Gi", "nvidia.com/gpu": 2}})
    alone = {"requests": {"nvidia.com/gpu": 1}}
    yield _container("a request alone", "resources.requests.nvidia.com/gpu", resources=alone)
    yield _container("large pages", "resources", resources={"limits": {"hugepages-2Mi": "2Mi"}})


def _volumes() -> Iterator[PodCase]:
    def mounting(reason: str, wrong: str = "", /, *mounts: Part) -> PodCase:
        containers = [{"name": "main", "image": "a", "volumeMounts": list(mounts)}]
        place = wrong and f"containers[0].volumeMounts{wrong}"
        return _pod(reason, place, containers=containers, volumes=[{"name": "v", "emptyDir": {}}])

    here: Part = {"name": "v", "mountPath": "/a"}
    yield mounting("a mount", "", here, {**here, "mountPath": "/b", "subPath": "c/d"})
    yield mounting("a volume that is not", "[0].name", {**here, "name": "w"})
    yield mounting("no path", "[0].mountPath", {"name": "v"})
    yield mounting("one path twice", "[1]", here, here)
    yield mounting("a way out", "[0].subPath", {**here, "subPath": "a/../b"})
    yield mounting("a way from the root", "[0].subPath", {**here, "subPath": "/a"})
    yield mounting("two ways", "[0].subPathExpr", {**here, "subPath": "a", "subPathExpr": "b"})
    yield mounting("a word for a flag", "[0].readOnly", {**here, "readOnly": "true"})
    yield mounting("reading only, below", "[0].recursiveReadOnly", {**here, "recursiveReadOnly": "Enabled"})

    def of(reason: str, wrong: str = "", /, **source: Any) -> PodCase:
        return _pod(reason, wrong and f"volumes[0]{wrong}", volumes=[{"name": "v", **source}])

    yield of("a volume of nothing")
    yield of("a name of a volume", ".name", name="V")
    yield of("a long name of a volume", ".name", name="v" * 64)
    yield of("two sources", ".secret", emptyDir={}, secret={"secretName": "s"})
    yield of("a config map without name", ".configMap.name", configMap={})
    yield of("a secret without name", ".secret.secretName", secret={})
    yield of("a claim without name", ".persistentVolumeClaim.claimName", persistentVolumeClaim={})
    yield of("a mode", ".secret.defaultMode", secret={"secretName": "s", "defaultMode": 512})
    yield of("a mode that is", secret={"secretName": "s", "defaultMode": 0o640})
    item = {"key": "k", "path": "../p"}
    yield of("a file elsewhere", ".configMap.items[0].path", configMap={"name": "c", "items": [item]})
    yield of("a size", ".emptyDir.sizeLimit", emptyDir={"sizeLimit": "5 Gi"})
    field = {"path": "p", "fieldRef": {"fieldPath": "metadata.labels"}}
    yield of("labels as a file", downwardAPI={"items": [field]})
    yield of("a file of nothing", ".downwardAPI.items[0]", downwardAPI={"items": [{"path": "p"}]})
    twice = [{"name": "v", "emptyDir": {}}, {"name": "v", "emptyDir": {}}]
    yield _pod("a volume twice", "volumes[1]", volumes=twice)


def _placing() -> Iterator[PodCase]:
    def nodes(reason: str, wrong: str = "", /, **expression: Any) -> PodCase:
        place = wrong and f"affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms[0].matchExpressions[0].{wrong}"
        terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
        return _pod(reason, place, affinity={"nodeAffinity": {REQUIRED: terms}})

    yield nodes("nodes", key="zone", operator="In", values=["a"])
    yield nodes("nodes with a label", key="zone", operator="Exists")
    yield nodes("larger nodes", key="cores", operator="Gt", values=["4"])
    yield nodes("no values", "values", key="zone", operator="In")
    yield nodes("values of none", "values", key="zone", operator="DoesNotExist", values=["a"])
    yield nodes("two sizes", "values", key="cores", operator="Lt", values=["4", "5"])
    yield nodes("an operator", "operator", key="zone", operator="in", values=["a"])
    yield nodes("a key", "key", key="-", operator="Exists")
    yield nodes("no key", "key", operator="Exists")
    bare = {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": []}}}
    yield _pod("no term", f"affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms", affinity=bare)
    for weight in (0, 101, 1, 100):
        path = f"affinity.nodeAffinity.{PREFERRED}[0].weight" if weight in (0, 101) else ""
        given = {"weight": weight, "preference": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}
        yield _pod(f"a weight of {weight}", path, affinity={"nodeAffinity": {PREFERRED: [given]}})

    def pods(reason: str, wrong: str = "", /, **term: Any) -> PodCase:
        place = wrong and f"affinity.podAntiAffinity.{REQUIRED}[0].{wrong}"
        return _pod(reason, place, affinity={"podAntiAffinity": {REQUIRED: [term]}})

    labels = {"labelSelector": {"matchLabels": {"a": "b"}}}
    yield pods("pods", topologyKey="kubernetes.io/hostname", **labels)
    yield pods("pods of nowhere", "topologyKey", **labels)
    yield pods("a place", "topologyKey", topologyKey="a b", **labels)
    yield pods("a namespace", "namespaces[0]", topologyKey="a", namespaces=["A"])
    yield pods(
        "a label", "labelSelector.matchLabels.a", topologyKey="a", labelSelector={"matchLabels": {"a": "-"}}
    )
    odd = {"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1"]}]}
    yield pods(
        "larger pods", "labelSelector.matchExpressions[0].operator", topologyKey="a", labelSelector=odd
    )
    yield pods("keys of nothing", "matchLabelKeys", topologyKey="a", matchLabelKeys=["a"])


def _spreads() -> Iterator[PodCase]:
    yield _pod("spread", topologySpreadConstraints=[ZONE])
    at = "topologySpreadConstraints[0]"
    for reason, wrong, more in (
        ("no skew", "maxSkew", {"maxSkew": 0}),
        ("no place", "topologyKey", {"topologyKey": ""}),
        ("a word", "whenUnsatisfiable", {"whenUnsatisfiable": "Never"}),
        ("places", "minDomains", {"minDomains": 2}),
        ("a policy", "nodeTaintsPolicy", {"nodeTaintsPolicy": "honor"}),
        ("labels", "labelSelector.matchLabels.a", {"labelSelector": {"matchLabels": {"a": "é"}}}),
    ):
        yield _pod(f"spread: {reason}", f"{at}.{wrong}", topologySpreadConstraints=[{**ZONE, **more}])
    yield _pod("spread twice", "topologySpreadConstraints[1]", topologySpreadConstraints=[ZONE, ZONE])


def _of_pod() -> Iterator[PodCase]:
    yield _pod("a host", "hostname", hostname="a.b")
    yield _pod("a long host", "hostname", hostname="a" * 64)
    yield _pod("an alias", hostAliases=[{"ip": "10.0.0.1", "hostnames": ["a.b"]}])
    yield _pod("an address", "hostAliases[0].ip", hostAliases=[{"ip": "10.0.0", "hostnames": ["a"]}])
    yield _pod("a name", "hostAliases[0].hostnames[0]", hostAliases=[{"ip": "::1", "hostnames": ["A"]}])
    yield _pod("no servers", "dnsConfig.nameservers", dnsPolicy="None")
    four = [f"10.0.0.{number}" for number in range(4)]
    yield _pod("four servers", "dnsConfig.nameservers", dnsConfig={"nameservers": four})
    yield _pod("three servers", dnsConfig={"nameservers": four[:3], "searches": ["a.b.", "_c.d"]})
    yield _pod("a search", "dnsConfig.searches[0]", dnsConfig={"searches": ["A b"]})
    yield _pod("an option", "dnsConfig.options[0].name", dnsConfig={"options": [{"value": "1"}]})
    yield _pod("a policy", "dnsPolicy", dnsPolicy="none")
    yield _pod("a restart", "restartPolicy", restartPolicy="Never")
    yield _pod("an end", "activeDeadlineSeconds", activeDeadlineSeconds=5)
    yield _pod("a gate", "readinessGates[0].conditionType", readinessGates=[{"conditionType": "a b"}])
    yield _pod("an owner of files", "securityContext.fsGroup", securityContext={"fsGroup": -1})
    yield _pod(
        "a change of files",
        "securityContext.fsGroupChangePolicy",
        securityContext={"fsGroupChangePolicy": "no"},
    )
    yield _pod("a secret twice", "imagePullSecrets[1]", imagePullSecrets=[{"name": "a"}, {"name": "a"}])
    yield _pod("a number for a secret", "imagePullSecrets[0].name", imagePullSecrets=[{"name": 5}])
    yield _pod("secrets", imagePullSecrets=[{"name": "a"}, {"name": "b"}])
    yield _pod("an odd secret", imagePullSecrets=[{"name": "A b"}])
    yield _pod("a text as seconds", "terminationGracePeriodSeconds", terminationGracePeriodSeconds="5")
    yield _pod("seconds", terminationGracePeriodSeconds=0)
    twice = [{"name": "a", "image": "a"}, {"name": "a", "image": "b"}]
    yield _pod("a container twice", "containers[1]", containers=twice)
    yield _pod("no container", "containers", containers=[])


def _of_workload() -> Iterator[PodCase]:
    yield _spec("ready before", "minReadySeconds", minReadySeconds=-1)
    yield _spec("ready after its end", "progressDeadlineSeconds", minReadySeconds=600)
    yield _spec("ready in time", minReadySeconds=599)
    yield _spec("history", "revisionHistoryLimit", revisionHistoryLimit=-1)
    for field, given in (("maxSurge", "half"), ("maxSurge", -1), ("maxUnavailable", "101%")):
        rolling = {"type": "RollingUpdate", "rollingUpdate": {field: given}}
        yield _spec(f"{field} of {given}", f"strategy.rollingUpdate.{field}", strategy=rolling)
    yield _spec("surge", strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "150%"}})
    yield _spec("others' pods", "template.metadata.labels.app", selector={"matchLabels": {"app": "b"}})


CASES: list[PodCase] = [
    *_probes(),
    *_containers(),
    *_volumes(),
    *_placing(),
    *_spreads(),
    *_of_pod(),
    *_of_workload(),
]
