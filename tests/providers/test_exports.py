"""What provider authors may import: a changed surface is a choice, made here."""

from __future__ import annotations

import ast
import inspect
import types

import pytest

from airunway import provider
from airunway.provider import (
    devices,
    flags,
    model_access,
    object_names,
    overrides,
    pod_options,
    pod_security,
    registering,
    rendering,
    server_pod,
    serving_image,
    storage,
    testing,
)

PACKAGE = """
    ArgumentRules NO_CONDITION NO_VERDICT Condition FieldValue MainObject Manifest ModelImageSpec
    OperatorObjects OperatorPeer Provider RefusalVerdict Registration RenderContext RenderError
    ServingImageReport ServingImageResolution Stage StageVerdict
    UpstreamCondition UpstreamFacts UpstreamHealth UpstreamKind condition conditions_at count_at
    deployment_status devices first_cause flags is_observed mapping_at model_access name_of object_names
    overrides pod_options pod_security registering rendering server_pod serving_image storage text_at
"""
MODULES = {
    devices: """
        Devices Stack device_problem devices_of partition_advice partition_problem stack_of stack_problem
    """,
    object_names: """
        DerivedName MAX_LABEL_LENGTH MAX_STATEFUL_SET_LENGTH job name_problem service service_link_problem
    """,
    pod_options: """
        MAX_PULL_SECRETS RolloutPolicy deployment_strategy every_pod option_problem path_of pull_secrets
        rollout_of settled_strategy unmet_rollout
    """,
    flags: """
        command_line derived engine_args explicit_flags extra_args flag_of long_name
        refuse_bad_keys refuse_duplicates refuse_reserved rendered_args value_of
    """,
    model_access: """
        AccessRule ModelAccess NETWORK_POLICY SUFFIX network_policy with_access
    """,
    overrides: """
        IDENTITY_KEYS ListMerge merge merge_by_name overrides_of refuse_identity
    """,
    pod_security: """
        DEFAULT_USER PodSecurity PodSecurityLevel isolated isolated_container level_variable pod_security
        user_variable
    """,
    registering: """
        config_annotations installation_without_operator operator_in versions_served
    """,
    rendering: """
        HF_TOKEN NVIDIA_GPU environment_entry environment_names given_groups gpu_type hugging_face_secret
        missing_gpus serving_image_override model_id model_source node_selector object_labels object_metadata
        once_each other_engine_problem owner_reference
        replaced_labels replaced_variables replica_count scheduling
        seconds_from token_entry tolerations user_environment without_empty
    """,
    server_pod: """
        CONTAINER DEADLINE_SECONDS DEPLOYMENT MIN_DEADLINE_SECONDS ModelServer PORT SERVICE
        ROLE_LABEL SHARED_MEMORY_LIMIT fixed_labels progress_deadline replacement_reason selector
        server_deployment server_service whole_server with_isolated_pods with_settled_strategy
    """,
    serving_image: """
        ImageReference POLICY_VARIABLE ResolutionPolicy age_of resolution_policy split_reference
    """,
    storage: """
        CACHE_VARIABLES CLAIM DEFAULT_MOUNTS cache_environment claim_name managed_claims mount_path
        pod_volumes storage_volumes volume_mounts
    """,
    testing: """
        LONG_NAMES MAX_LABEL_LENGTH MAX_NAME_LENGTH ProviderContract UID answer_problems deployment
        everything health_problems name_problems object_problems registration_problems
        rendering_problems status_problems
    """,
}


def defined(module: types.ModuleType) -> set[str]:
    """Public names that a module defines itself."""
    found: set[str] = set()
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return {name for name in found if not name.startswith("_")}


def test_names_of_the_package() -> None:
    assert set(provider.__all__) == set(PACKAGE.split())
    assert all(hasattr(provider, name) for name in provider.__all__)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_names_of_a_module(module: types.ModuleType) -> None:
    assert defined(module) == set(MODULES[module].split())
