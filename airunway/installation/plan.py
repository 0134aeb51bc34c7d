"""What is done to install a provider, in order. Source: install.md §A4.

Everything that runs, and every command that is shown, comes from one plan, so the two cannot differ. It
decides what runs with the installer's rights: names and addresses are checked before anything is done with
them (install.md, weak spot 17), and what is installed must be the same tomorrow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from airunway.api.chart_release import ChartRelease
from airunway.installation.chart_policy import ChartPolicy
from airunway.installation.fields import Json
from airunway.installation.metadata import Chart, CrdFile, ProviderMetadata, Repository
from airunway.installation.mirrors import mirrored
from airunway.installation.values import BadPath, document_of, merged

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_RELEASE = re.compile(r"[a-z0-9]([-a-z0-9.]{0,51}[a-z0-9])?")
_REPOSITORY = re.compile(r"[A-Za-z0-9][-A-Za-z0-9_.]*")
_CHART_NAME = re.compile(r"[A-Za-z0-9][-A-Za-z0-9_.]*(/[A-Za-z0-9][-A-Za-z0-9_.]*)*")
_VERSION = re.compile(r"[0-9A-Za-z~^<>=v*][-0-9A-Za-z.+~^<>=v*, |]*")
_EXACT = re.compile(r"v?\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]*)?")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_USER = re.compile(r"(//)[^/?#]*@")
_LOGIN = " without a user in it"
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class BadPlan(ValueError):
    """The config asks for something that is not done. The message lists every finding."""


@dataclass(frozen=True, kw_only=True)
class InstallationPlan:
    """A provider's installation: its config, what that says, and the charts in their order."""

    metadata: ProviderMetadata
    charts: tuple[ChartRelease, ...] = ()
    """Files of CRDs that stand by themselves come first."""
    config: Json = field(default_factory=dict)
    """The InferenceProviderConfig as it was read; empty where only the plan matters."""
    values_from: str = ""
    """Where the values are that lie over the config's, in words; empty: there are none."""

    @property
    def provider(self) -> str:
        """Name of the provider."""
        return self.metadata.id

    @property
    def has_release(self) -> bool:
        """Whether Helm has anything to do with it."""
        return any(not chart.is_crd_file for chart in self.charts)


def plan_of(
    metadata: ProviderMetadata,
    *,
    overrides: Mapping[str, Any] | None = None,
    policy: ChartPolicy | None = None,
) -> InstallationPlan:
    """The plan of a provider. `overrides`: a values document laid over each chart's. Raises BadPlan."""
    policy = policy or ChartPolicy()
    findings: list[str] = []
    repositories = {repository.name: repository for repository in metadata.repositories}
    findings += [finding for entry in metadata.repositories for finding in _repository_findings(entry)]
    charts = []
    for file in metadata.crd_files:
        charts.append(_crd_file(file, policy))
        findings += _crd_file_findings(file, policy) + _pin_findings(charts[-1], policy)
    for chart in map(lambda entry: with_forced_crd_mode(metadata.id, entry), metadata.charts):
        findings += _chart_findings(chart, repositories)
        try:
            values = merged(document_of(chart.values), overrides or {})
        except BadPath as err:
            findings.append(f"chart {chart.release}: {err}")
            continue
        release = _release(chart, repositories, values, policy)
        findings += _source_findings(chart, repositories, policy) + _pin_findings(release, policy)
        charts.append(release)
    if findings:
        raise BadPlan(f"provider {metadata.id} asks for what is not installed: {'; '.join(findings)}")
    return InstallationPlan(metadata=metadata, charts=tuple(charts))


def with_forced_crd_mode(provider: str, chart: Chart) -> Chart:
    """A4.2: these two charts get their CRDs first and one by one, whatever the annotation says."""
    kaito = provider == "kaito" and chart.chart == "kaito/workspace"
    dynamo = provider == "dynamo" and chart.release == "dynamo-platform"
    if not (kaito or dynamo):
        return chart
    return replace(chart, pre_install_missing_crds=True, skip_crds=True)


def crd_url_step(url: str) -> str:
    """Step id of a CRD manifest given by URL (install.md §A4.3)."""
    return f"apply-crd-{url.rpartition('/')[2]}"


def install_step(chart: ChartRelease) -> str:
    """Step id of a chart's installation (install.md §A4.3)."""
    return f"install-{chart.release}"


def wanted_version(chart: ChartRelease) -> str:
    """The chart's version, where the plan pins it: in so many words, or in the name of an archive."""
    if _EXACT.fullmatch(chart.version):
        return chart.version.removeprefix("v")
    archive = urlsplit(chart.chart).path.rpartition("/")[2]
    match = re.fullmatch(r".*?-v?(\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]*)?)\.tgz", archive)
    return match[1] if match else ""


def _release(
    chart: Chart,
    repositories: Mapping[str, Repository],
    values: Mapping[str, Any],
    policy: ChartPolicy,
) -> ChartRelease:
    reference, repository_url, version = chart.fetch_url or chart.chart, "", chart.version
    if chart.fetch_url:
        version = ""  # the archive is what it is
    elif "://" not in reference:
        name = reference.partition("/")[0]
        repository_url = repositories[name].url if name in repositories else ""
    title = f"{reference} {version}".rstrip()
    source, repository_url = mirrored(reference, repository_url, version, policy.mirrors)
    return ChartRelease(
        release=chart.release,
        namespace=chart.namespace,
        chart=reference,
        version=version,
        create_namespace=chart.create_namespace,
        skip_crds=chart.skip_crds or chart.pre_install_missing_crds,
        pre_crd_urls=chart.pre_crd_urls,
        pre_install_missing_crds=chart.pre_install_missing_crds,
        source=source,
        repository_url=repository_url,
        digest=policy.digests.get(title, chart.digest),
        values=values,
        value_paths=chart.values,
    )


def _crd_file(file: CrdFile, policy: ChartPolicy) -> ChartRelease:
    source, _ = mirrored(file.url, "", file.version, policy.mirrors)
    return ChartRelease(
        release=file.name,
        namespace="",
        chart=file.url,
        version=file.version,
        is_crd_file=True,
        crds=file.crds,
        version_annotation=file.version_annotation,
        source=source,
        digest=policy.digests.get(f"{file.url} {file.version}", file.digest),
    )


# -- what is not let through ------------------------------------------------------------------------------


def _repository_findings(repository: Repository) -> list[str]:
    findings = []
    if not _REPOSITORY.fullmatch(repository.name):
        findings.append(f"repository name {repository.name!r} is not usable")
    if not _is_safe_url(repository.url):
        where = _shown(repository.url)
        findings.append(f"repository {repository.name}: {where} is not an https:// or oci:// URL{_LOGIN}")
    return findings


def _chart_findings(chart: Chart, repositories: Mapping[str, Repository]) -> list[str]:
    findings = []
    if not _RELEASE.fullmatch(chart.release):
        findings.append(f"release name {chart.release!r} is not a DNS name of at most 53 characters")
    if not _LABEL.fullmatch(chart.namespace):
        findings.append(f"chart {chart.release}: namespace {chart.namespace!r} is not a DNS label")
    if chart.version and not _VERSION.fullmatch(chart.version):
        findings.append(f"chart {chart.release}: version {chart.version!r} is not a version")
    findings += _reference_findings(chart, repositories)
    for url in chart.pre_crd_urls:
        if not _is_safe_url(url):
            findings.append(f"chart {chart.release}: CRD manifest {_shown(url)} is not an https:// URL")
    return findings


def _crd_file_findings(file: CrdFile, policy: ChartPolicy) -> list[str]:
    findings = []
    if not _LABEL.fullmatch(file.name):
        findings.append(f"name {file.name!r} of a file of CRDs is not a DNS label")
    if not _is_safe_url(file.url):
        findings.append(f"file {file.name}: {_shown(file.url)} is not an https:// URL{_LOGIN}")
    elif not policy.allows(file.url):
        findings.append(f"file {file.name}: {_shown(file.url)} is not among AIRUNWAY_CHART_SOURCES")
    elif file.version not in urlsplit(file.url).path.split("/") and not file.digest:
        # What `latest` leads to is another file tomorrow, whatever version is written beside it.
        where = _shown(file.url)
        findings.append(f"file {file.name}: {where} has no part {file.version}, and there is no digest")
    return findings


def _source_findings(chart: Chart, repositories: Mapping[str, Repository], policy: ChartPolicy) -> list[str]:
    """What comes from elsewhere than an administrator allows."""
    reference = chart.fetch_url or chart.chart
    if "://" not in reference:
        repository = repositories.get(reference.partition("/")[0])
        reference = repository.url if repository else ""
    urls = [reference, *chart.pre_crd_urls] if reference else list(chart.pre_crd_urls)
    return [
        f"chart {chart.release}: {_shown(url)} is not among AIRUNWAY_CHART_SOURCES"
        for url in urls
        if not policy.allows(url)
    ]


def _pin_findings(release: ChartRelease, policy: ChartPolicy) -> list[str]:
    """What would be another chart tomorrow."""
    digest, findings = release.digest, []
    if digest and not _DIGEST.fullmatch(digest):
        findings.append(f"chart {release.release}: digest {digest!r} is no sha256:<64 hexadecimal digits>")
    if not digest and policy.digests_required:
        findings.append(f"chart {release.release}: no digest of {release.title!r} in AIRUNWAY_CHART_DIGESTS")
    if not digest and not wanted_version(release):
        findings.append(
            f"chart {release.release}: {release.title!r} names neither a whole version nor a digest"
        )
    return findings


def _reference_findings(chart: Chart, repositories: Mapping[str, Repository]) -> list[str]:
    where = chart.fetch_url or chart.chart
    if "://" in where:
        safe = _is_safe_url(where)
        if safe:
            return []
        return [f"chart {chart.release}: {_shown(where)} is not an https:// or oci:// URL{_LOGIN}"]
    if chart.fetch_url or not _CHART_NAME.fullmatch(where) or "/" not in where:
        return [f"chart {chart.release}: {where!r} is neither repository/chart nor a URL"]
    name = where.partition("/")[0]
    if name not in repositories:
        return [f"chart {chart.release}: repository {name!r} is not among helmRepos"]
    return []


def _shown(url: str) -> str:
    return repr(_USER.sub(r"\1(hidden)@", url))


def _is_safe_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if not parts.hostname or parts.username or parts.password or any(map(str.isspace, url)):
        return False
    # Plain HTTP only to this machine: what is installed must not be changed on its way.
    return parts.scheme in ("https", "oci") or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
