"""What a provider's config says about its installation. Source: install.md §A2, §A3.

Parsing never fails: whatever is not usable is left out, and a warning says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airunway.api import names
from airunway.installation.fields import Json, annotation_object, flag, items, text, texts

_BUILT_IN_NAMES = {
    "kaito": "KAITO",
    "dynamo": "Dynamo",
    "kuberay": "KubeRay",
    "llmd": "LLM-D",
    "vllm": "vLLM",
}
_NAME_OVERRIDES = ("airunway.ai/provider-name", "airunway.io/provider-name")
_NAMES_IN_ANNOTATIONS = (*_NAME_OVERRIDES, names.ANNOTATION_DISPLAY_NAME, "airunway.io/display-name")
_WITHOUT_OPERATOR = {"llmd", "vllm"}
_WITHOUT_OPERATOR_NAMES = {"LLM-D", "vLLM"}


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A classic chart repository."""

    name: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart as the config names it. `release` is `helmCharts[].name`."""

    release: str
    chart: str
    namespace: str
    version: str = ""
    create_namespace: bool = False
    skip_crds: bool = False
    fetch_url: str = ""
    pre_crd_urls: tuple[str, ...] = ()
    pre_install_missing_crds: bool = False
    digest: str = ""
    """`sha256:…` of the archive."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Helm value paths to JSON values, in order; see `airunway.installation.values`."""


@dataclass(frozen=True, kw_only=True)
class CrdFile:
    """A file of CRDs that is installed by itself, without a chart. `name` is the id of its step."""

    name: str
    url: str
    version: str
    crds: tuple[str, ...]
    """Those that tell whether it is installed; the file may have more."""
    version_annotation: str = ""
    """Annotation of its CRDs that says their version."""
    digest: str = ""
    """`sha256:…` of the file."""


@dataclass(frozen=True, kw_only=True)
class ManualStep:
    """Something for a person to do; never executed."""

    title: str
    description: str
    command: str = ""


@dataclass(frozen=True, kw_only=True)
class CrdProbe:
    """A CRD that must be there."""

    name: str
    display_name: str = ""


@dataclass(frozen=True, kw_only=True)
class PodProbe:
    """Labels of an operator's pods; no namespace: anywhere."""

    selectors: tuple[str, ...]
    namespace: str = ""


@dataclass(frozen=True, kw_only=True)
class Health:
    """How to see whether the operator is there."""

    crds: tuple[CrdProbe, ...] = ()
    operator_pods: tuple[PodProbe, ...] = ()
    ready_path: str = "ready"
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ProviderMetadata:
    """Everything about a provider's installation and display."""

    id: str
    name: str
    description: str
    default_namespace: str
    documentation_url: str = ""
    requires_crd: bool = True
    repositories: tuple[Repository, ...] = ()
    charts: tuple[Chart, ...] = ()
    crd_files: tuple[CrdFile, ...] = ()
    """Beyond the reference's: what comes before the charts, or instead of one."""
    steps: tuple[ManualStep, ...] = ()
    health: Health = field(default_factory=Health)
    warnings: tuple[str, ...] = ()
    is_shared: bool = False
    """A prerequisite of the cluster (`prerequisites`): no provider, so no worker reports about it."""

    @property
    def installable(self) -> bool:
        """Whether there is an operator, and a chart to install it from (install.md §A3.8)."""
        return self.requires_crd and bool(self.charts or self.crd_files)


def read_metadata(config: Json) -> ProviderMetadata:
    """The metadata of an InferenceProviderConfig as the API server gives it."""
    warnings: list[str] = []
    meta = config.get("metadata") or {}
    annotations: Mapping[str, str] = meta.get("annotations") or {}
    identity = str(meta.get("name") or "")
    installation = annotation_object(annotations, names.ANNOTATION_INSTALLATION, warnings) or {}
    return ProviderMetadata(
        id=identity,
        name=_display_name(identity, annotations),
        description=text(annotations.get(names.ANNOTATION_DESCRIPTION))
        or text(installation.get("description"))
        or f"inference provider {identity}",
        default_namespace=text(annotations.get(names.ANNOTATION_DEFAULT_NAMESPACE))
        or text(installation.get("defaultNamespace"))
        or "default",
        documentation_url=text(annotations.get(names.ANNOTATION_DOCUMENTATION_URL))
        or text(annotations.get(names.ANNOTATION_DOCUMENTATION)),
        requires_crd=_requires_crd(identity, config, annotations, warnings),
        repositories=items(installation, "helmRepos", _repository, warnings),
        charts=items(installation, "helmCharts", _chart, warnings),
        crd_files=items(installation, "crdFiles", _crd_file, warnings),
        steps=items(installation, "steps", _step, warnings),
        health=_health(annotation_object(annotations, names.ANNOTATION_HEALTH, warnings) or {}),
        warnings=tuple(warnings),
    )


def _display_name(identity: str, annotations: Mapping[str, str]) -> str:
    given = [text(annotations.get(key)) for key in _NAMES_IN_ANNOTATIONS]
    overrides, shown = given[: len(_NAME_OVERRIDES)], given[len(_NAME_OVERRIDES) :]
    candidates = [*overrides, _BUILT_IN_NAMES.get(identity.lower(), ""), *shown]
    return next(filter(None, candidates), identity[:1].upper() + identity[1:])


# -- does it need an operator? (install.md §A3.6) -------------------------------------------------------


def _requires_crd(identity: str, config: Json, annotations: Mapping[str, str], warnings: list[str]) -> bool:
    source = annotation_object(annotations, names.ANNOTATION_CAPABILITIES, warnings)
    if source is None:
        source = (config.get("spec") or {}).get("capabilities") or {}
    engines = source.get("engines")
    said = [
        flag(entry.get("requiresCRD")) if isinstance(entry, dict) else None
        for entry in (engines if isinstance(engines, list) else [])
    ]
    if True in said:
        return True
    if said and all(answer is False for answer in said):
        return False
    legacy = flag(source.get("requiresCRD"))
    if legacy is not None:
        return legacy
    if identity.lower() in _WITHOUT_OPERATOR:
        return False
    shown = next(filter(None, (text(annotations.get(key)) for key in _NAMES_IN_ANNOTATIONS)), "")
    return shown not in _WITHOUT_OPERATOR_NAMES


# -- entries of airunway.ai/installation (install.md §A2.1) ---------------------------------------------


def _repository(entry: Json, where: str, warnings: list[str]) -> Repository | None:
    name, url = text(entry.get("name")), text(entry.get("url"))
    if not name or not url:
        warnings.append(f"{where}: a repository needs name and url")
        return None
    return Repository(name=name, url=url)


def _chart(entry: Json, where: str, warnings: list[str]) -> Chart | None:
    release, chart, namespace = (text(entry.get(key)) for key in ("name", "chart", "namespace"))
    if not (release and chart and namespace):
        warnings.append(f"{where}: a chart needs name, chart and namespace")
        return None
    values = entry.get("values")
    if values is not None and not isinstance(values, dict):
        warnings.append(f"{where}: values is not an object")
        values = None
    return Chart(
        release=release,
        chart=chart,
        namespace=namespace,
        version=text(entry.get("version")),
        create_namespace=bool(flag(entry.get("createNamespace"))),
        skip_crds=bool(flag(entry.get("skipCrds"))),
        fetch_url=text(entry.get("fetchUrl")),
        pre_crd_urls=texts(entry.get("preCrdUrls")),
        pre_install_missing_crds=bool(flag(entry.get("preInstallMissingCrds"))),
        digest=text(entry.get("digest")).lower(),
        values=values or {},
    )


def _crd_file(entry: Json, where: str, warnings: list[str]) -> CrdFile | None:
    name, url, version = (text(entry.get(key)) for key in ("name", "url", "version"))
    crds = texts(entry.get("crds"))
    if not (name and url and version and crds):
        warnings.append(f"{where}: a file of CRDs needs name, url, version and crds")
        return None
    return CrdFile(
        name=name,
        url=url,
        version=version,
        crds=crds,
        version_annotation=text(entry.get("versionAnnotation")),
        digest=text(entry.get("digest")).lower(),
    )


def _step(entry: Json, where: str, warnings: list[str]) -> ManualStep | None:
    title, description = text(entry.get("title")), text(entry.get("description"))
    if not title or not description:
        warnings.append(f"{where}: a step needs title and description")
        return None
    return ManualStep(title=title, description=description, command=text(entry.get("command")))


# -- airunway.ai/health (install.md §A2.2) --------------------------------------------------------------


def _health(source: Json) -> Health:
    status = source.get("status")
    status = status if isinstance(status, dict) else {}
    pods = tuple(filter(None, map(_pod_probe, _list(source.get("operatorPods")))))
    return Health(
        crds=tuple(filter(None, map(_crd_probe, _list(source.get("crds"))))),
        operator_pods=pods or _deprecated_probes(source.get("operator")),
        ready_path=text(status.get("readyPath")) or "ready",
        conditions=texts(status.get("conditions")),
    )


def _crd_probe(entry: Any) -> CrdProbe | None:
    if isinstance(entry, dict):
        name = text(entry.get("name"))
        return CrdProbe(name=name, display_name=text(entry.get("displayName"))) if name else None
    return CrdProbe(name=text(entry)) if text(entry) else None


def _pod_probe(entry: Any) -> PodProbe | None:
    if not isinstance(entry, dict):
        return None
    selectors = tuple(dict.fromkeys(texts(entry.get("selectors"))))
    return PodProbe(selectors=selectors, namespace=text(entry.get("namespace"))) if selectors else None


def _deprecated_probes(operator: Any) -> tuple[PodProbe, ...]:
    if not isinstance(operator, dict):
        return ()
    near = dict.fromkeys((*texts(operator.get("podSelectors")), *texts(operator.get("fallbackPodSelectors"))))
    far = dict.fromkeys(texts(operator.get("crossNamespacePodSelectors")))
    probes = []
    if near:
        probes.append(PodProbe(selectors=tuple(near), namespace=text(operator.get("namespace"))))
    if far:
        probes.append(PodProbe(selectors=tuple(far)))
    return tuple(probes)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
