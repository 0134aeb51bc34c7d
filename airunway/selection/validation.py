"""The validating webhook's rules as functions. Source: crds.md §4.3-§4.6.

Violations accumulate in the order of the rules: C1, V1-V9, I1-I6. What every reconcile checks again is in
`selection.stored_rules`; what it adds for clusters without webhook is in `selection.admission_recheck`.
"""

from __future__ import annotations

from airunway.api import quantities
from airunway.api.findings import FieldError, FieldErrorType, Verdict, field_error
from airunway.api.model_deployment import EngineType, ModelDeployment, ModelSource, ServingMode, VolumePurpose
from airunway.selection import compatibility
from airunway.selection.immutability import check_immutability
from airunway.selection.limits import check_limits
from airunway.selection.overrides import check_overrides
from airunway.selection.provider_lookup import LookupProblem, ProviderLookup
from airunway.selection.storage import check_storage, volumes_of
from airunway.selection.stored_rules import (
    GPU_IN_BOTH_PLACES,
    image_conflict,
    is_mocker,
    mocker_finding,
    model_finding,
    worker_gpus,
)


def validate_create(deployment: ModelDeployment, *, lookup: ProviderLookup) -> Verdict:
    """Whether a new object is admitted."""
    verdict = Verdict(errors=check_name(deployment))
    _validate(deployment, verdict, lookup=lookup)
    return verdict


def validate_update(old: ModelDeployment, new: ModelDeployment, *, lookup: ProviderLookup) -> Verdict:
    """Whether a change is admitted. `old` is the stored object, with its status.

    An object that is being deleted may always change: nothing is deployed from it any more, and its
    finalizers must come off.
    """
    verdict = Verdict()
    if new.metadata.deletion_timestamp:
        return verdict
    _validate(new, verdict, lookup=lookup)
    verdict.errors += check_immutability(old, new)
    return verdict


def _validate(deployment: ModelDeployment, verdict: Verdict, *, lookup: ProviderLookup) -> None:
    spec = deployment.spec
    engine = spec.engine.type.value if spec.engine and spec.engine.type else ""
    conflict = image_conflict(deployment)
    if conflict:
        value = spec.engine.image if spec.engine else None
        verdict.errors.append(field_error(FieldErrorType.INVALID, "spec.engine.image", conflict, value))
    verdict.errors += check_flags(deployment)
    missing_id = model_finding(deployment)
    if missing_id:
        verdict.errors.append(field_error(FieldErrorType.REQUIRED, "spec.model.id", missing_id))
    verdict.errors += check_overrides(spec.provider.overrides if spec.provider else None)
    wrong_engine = mocker_finding(deployment, engine=engine) if engine else ""
    if wrong_engine:
        verdict.errors.append(field_error(FieldErrorType.INVALID, "spec.engine.type", wrong_engine, engine))
    if engine and deployment.provider_name and not is_mocker(deployment):
        _check_provider(deployment, verdict, engine=engine, lookup=lookup)
    verdict.errors += check_workers(deployment)
    verdict.errors += check_storage(deployment)
    verdict.errors += check_limits(spec)
    verdict.warnings += warnings_for(deployment)


def check_name(deployment: ModelDeployment) -> list[FieldError]:
    """C1: dots would break the names of Services."""
    if "." not in deployment.name:
        return []
    detail = "must not contain dots"
    return [field_error(FieldErrorType.INVALID, "metadata.name", detail, deployment.name)]


def check_flags(deployment: ModelDeployment) -> list[FieldError]:
    """V2: no flag both in `engine.args` and in `engine.extraArgs`; the first clash."""
    engine = deployment.spec.engine
    if engine is None or not engine.args:
        return []
    for token in engine.extra_args or ():
        if len(token) <= 2 or not token.startswith("--") or token[2] == "-":
            continue
        flag = token[2:].split("=", 1)[0].strip(quantities.SPACES)
        if flag and flag in engine.args:
            detail = f"flag {flag} is set in both spec.engine.args and spec.engine.extraArgs"
            return [field_error(FieldErrorType.INVALID, "spec.engine.extraArgs", detail, token)]
    return []


def _check_provider(
    deployment: ModelDeployment, verdict: Verdict, *, engine: str, lookup: ProviderLookup
) -> None:
    """V6: what the named provider's config says."""
    name = deployment.provider_name
    found = lookup(name)
    field = "spec.provider.name"
    if found.config is not None:
        values = {"spec.engine.type": engine, "spec.serving.mode": deployment.serving_mode}
        for finding in compatibility.with_provider(deployment, found.config, engine=engine):
            value = values.get(finding.field, deployment.gpu_count)
            verdict.errors.append(field_error(FieldErrorType.INVALID, finding.field, finding.message, value))
    elif found.problem is LookupProblem.NOT_FOUND:
        detail = f'InferenceProviderConfig "{name}" not found'
        verdict.errors.append(field_error(FieldErrorType.INVALID, field, detail, name))
    elif found.problem in (LookupProblem.FORBIDDEN, LookupProblem.UNAUTHORIZED):
        detail = f"cannot verify provider {name}: {found.problem.value}"
        verdict.errors.append(field_error(FieldErrorType.INTERNAL, field, detail))
    elif found.problem is not LookupProblem.KIND_NOT_INSTALLED:
        verdict.warnings.append(
            f"provider {name} could not be checked now; the controller will re-validate the deployment"
        )


def check_workers(deployment: ModelDeployment) -> list[FieldError]:
    """V7: disaggregated mode has its GPUs in prefill and decode workers, and only there."""
    if deployment.serving_mode != ServingMode.DISAGGREGATED.value:
        return []
    found = []
    if deployment.gpu_count > 0:
        found.append(
            field_error(
                FieldErrorType.INVALID, "spec.resources.gpu", GPU_IN_BOTH_PLACES, deployment.gpu_count
            )
        )
    scaling = deployment.spec.scaling
    if scaling is None:
        detail = "disaggregated mode requires scaling.prefill and scaling.decode"
        return [*found, field_error(FieldErrorType.REQUIRED, "spec.scaling", detail)]
    for name, group in (("prefill", scaling.prefill), ("decode", scaling.decode)):
        field = f"spec.scaling.{name}"
        if group is None:
            detail = f"disaggregated mode requires scaling.{name}"
            found.append(field_error(FieldErrorType.REQUIRED, field, detail))
        elif worker_gpus(group) == 0 and not is_mocker(deployment):
            detail = f"disaggregated mode requires scaling.{name}.gpu.count > 0"
            found.append(field_error(FieldErrorType.REQUIRED, f"{field}.gpu.count", detail))
    return found


def warnings_for(deployment: ModelDeployment) -> list[str]:
    """What is accepted but may surprise (crds.md §4.6)."""
    spec, model = deployment.spec, deployment.spec.model
    found = []
    if model.source is ModelSource.CUSTOM and model.served_name:
        found.append("servedName is ignored for custom source: the container names its model itself")
    if spec.engine and spec.engine.trust_remote_code:
        found.append("trustRemoteCode=true allows execution of arbitrary code from the model repository")
    if spec.engine and spec.engine.type is EngineType.TRTLLM and spec.engine.context_length is not None:
        found.append("contextLength is ignored for TensorRT-LLM (trtllm): set it when the engine is built")
    for volume in volumes_of(deployment):
        if not volume.read_only:
            continue
        if volume.purpose is VolumePurpose.COMPILATION_CACHE:
            found.append(
                f"volume {volume.name}: a compilationCache with readOnly stores nothing; leave readOnly out"
            )
        if volume.purpose is VolumePurpose.MODEL_CACHE and model.source in (None, ModelSource.HUGGINGFACE):
            found.append(
                f"volume {volume.name}: modelCache is readOnly, so the download will be skipped; "
                "see that its claim holds the model already"
            )
    return found
