"""What happened to a deployment, in words for its page. Pure.

Apart from the history itself, which tells programs and `airunway history` the names that Temporal knows.
"""

from __future__ import annotations

import re

from airunway.messages.commands import CANCEL_BUILD, PAUSE, RESUME, RETRY

STEPS = {
    "validate": "Spec checked",
    "select_engine": "Engine chosen",
    "evaluate_provider_rules": "Provider chosen",
    "render": "Objects planned",
    "apply_upstream": "Objects written",
    "read_readiness": "State read",
    "release_upstream": "Objects deleted",
    "write_status": "Status written",
    "remove_finalizers": "Finalizer removed",
    "read_gateway": "Gateway looked at",
    "apply_gateway": "Published behind the Gateway",
    "remove_gateway": "Taken from the Gateway",
    "install_provider": "Provider's installation asked for",
    "read_installation": "Provider's installation looked at",
    "resolve_model_image": "Model resolved",
    "build_image": "Image asked for",
    "read_model_image": "Image looked at",
    "read_image_waiters": "Others who wait for the image counted",
    "find_model_image": "Image looked for in the registry",
    "ensure_registry": "Registry prepared",
    "ensure_builder": "Builder prepared",
    "build_model_image": "Image built",
    "read_build": "Build looked at",
    "publish_model_image": "Image verified",
    "free_build_space": "Room made for the build",
    "preflight_provider": "Cluster looked at",
    "apply_crds": "CRDs applied",
    "install_chart": "Chart installed",
    "uninstall_chart": "Chart uninstalled",
    "repair_release": "Release repaired",
    "await_operator": "Operator waited for",
    "finish_uninstall": "Uninstallation finished",
}
"""Steps of workflows."""
_ENDS = {
    "run_completed": "Workflow ends",
    "run_failed": "Workflow failed",
    "run_terminated": "Workflow terminated",
    "run_canceled": "Workflow cancelled",
    "run_timed_out": "Workflow timed out",
}
RUN_ENDS = frozenset(_ENDS)
"""After them another run begins anew, if any."""
_OTHERS = _ENDS | {
    "object_changed": "Told to look",
    "install_report": "Told of the installation",
    "image_report": "Told of the image",
    RETRY: "Retry",
    CANCEL_BUILD: "Build cancelled",
    PAUSE: "Paused",
    RESUME: "Resumed",
    "run_started": "Workflow begins",
    "run_reset": "Workflow reset",
    "cancel_requested": "Cancellation asked for",
    "task_failed": "Workflow stuck",
    "task_timed_out": "Workflow waits for its worker",
}
_WORKFLOWS = {
    "image/": "the workflow of its image",
    "provider/": "the workflow of its provider's installation",
    "modeldeployment/": "a deployment's workflow",
}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_BEGINNING = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")


def words_of(what: str) -> str:
    """What a line of a history calls it, in words: `PhaseChanged` is `Phase changed`.

    The name of a signal that means nothing here is anybody's, and stays as it is.
    """
    known = STEPS.get(what) or _OTHERS.get(what)
    if known or not _NAME.fullmatch(what):
        return known or what
    words = _BEGINNING.sub(" ", what).replace("_", " ").split()
    told = " ".join(word if word[1:2].isupper() else word.lower() for word in words)
    return told[:1].upper() + told[1:]


def who(by: str) -> str:
    """Who did it: a workflow is told by what it is for, anybody else by their name."""
    return next((words for prefix, words in _WORKFLOWS.items() if by.startswith(prefix)), by)
