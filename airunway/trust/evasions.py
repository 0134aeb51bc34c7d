"""By what a model could come from elsewhere than its name says, though no name says so. Pure.

Apart from `models`, which compares names: here nothing can be compared. Another hub answers to the same name;
a file of variables, a start command or a library that is loaded first makes another program of the server
that was judged. So where models are limited these are refused as such.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from airunway.api.model_deployment import ModelDeployment
from airunway.clients.kubernetes import Object
from airunway.provider.flags import engine_args, extra_args
from airunway.trust.models import ARGUMENTS_VARIABLE, MODEL_VARIABLE, overrides_in
from airunway.trust.rendered import ARGUMENTS, Variable, arguments_in, variables_in

_OTHER_HUB = re.compile(
    r"HF_ENDPOINT|HUGGINGFACE_CO_(STAGING|RESOLVE_ENDPOINT)|MODEL_?SCOPE_\w+|\w+_USE_MODELSCOPE|MODEL_EXPRESS_URL"
    r"|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|SSL_CERT_(FILE|DIR)"  # by which another server passes for the hub
)
_OTHER_MODEL = re.compile(
    r"LLAMA_ARG_\w*(MODEL|HF_|REPO|URL|MMPROJ|LORA)\w*|VLLM_LORA_RESOLVER_\w+|VLLM_ALLOW_RUNTIME_LORA_UPDATING"
)
_OTHER_PROGRAM = re.compile(
    r"LD_(PRELOAD|AUDIT|LIBRARY_PATH)|PYTHON(PATH|HOME|STARTUP|USERBASE|WARNINGS|BREAKPOINT)|PATH|BASH_ENV"
    r"|VLLM_PLUGINS|GCONV_PATH|NODE_OPTIONS|PERL5(LIB|OPT)"
)
_KINDS = {
    _OTHER_HUB: "would fetch it from another hub",
    _OTHER_MODEL: "could name another one",
    _OTHER_PROGRAM: "could start something else than its server",
}
_STARTING = frozenset({"lifecycle", "exec", "workingDir"}) | ARGUMENTS
_VARIABLES_OF_OTHERS = frozenset({"envFrom", "envFromSecret"})
_FLAGS_OF_OTHERS = ".inference.config"
"""KAITO's, a ConfigMap with flags of the server."""
_OF_A_SHELL = "rayStartParams"
"""KubeRay's, of which its operator makes a line for a shell."""
_PLAIN = re.compile(r"[\w.,:/=@+ -]*")
_PROPOSED = re.compile(r"refs(/|%2f)pr", re.IGNORECASE)
"""A revision that is nobody's but its author's: the hub has it under the name of the repository."""
_OF_DOCUMENTS = re.compile(r"[\n\[{]")
"""A text with one of these may be a document of its own, which a server reads as it likes."""


def evasions(deployment: ModelDeployment, objects: Sequence[Object]) -> Iterator[str]:
    """Fields by which a model could be fetched from elsewhere than its name says, as sentences."""
    found = {variable.name: words for variable in variables_in(list(objects)) if (words := _why(variable))}
    for name in sorted(found):
        yield f"the environment variable {name} {found[name]}; remove it"
    yield from _in_overrides(overrides_in(deployment), "spec.provider.overrides")
    texts = [
        *engine_args(deployment).values(),
        *extra_args(deployment),
        *(variable.value for variable in variables_in(list(objects))),
        *(word for line in arguments_in(objects) for word in line),
    ]
    if any(map(_PROPOSED.search, texts)):
        yield "a revision refs/pr/… is a proposed change, which anybody may have made; name a branch or a tag"


def _why(variable: Variable) -> str:
    """What a variable does that nobody can judge; empty when it does nothing of the kind."""
    if variable.name in (MODEL_VARIABLE, ARGUMENTS_VARIABLE) and not variable.is_text:
        return "names a model that nobody can read here"
    return next((words for names, words in _KINDS.items() if names.fullmatch(variable.name)), "")


def _in_overrides(value: Any, path: str) -> Iterator[str]:
    """Paths that start something, bring variables of elsewhere, or hold more than a word or a sentence."""
    if isinstance(value, str) and _OF_DOCUMENTS.search(value):
        yield f"{path} is a document that could name any other; remove it"
    elif isinstance(value, list):
        for number, entry in enumerate(value):
            yield from _in_overrides(entry, f"{path}[{number}]")
    elif isinstance(value, dict):
        for key, entry in value.items():
            here = f"{path}.{key}"
            if key in _STARTING:
                yield f"{here} could start something that serves any other; use spec.engine.args or extraArgs"
            elif here.endswith(_FLAGS_OF_OTHERS):
                yield f"{here} brings flags that could name any other; use spec.engine.args"
            elif key == _OF_A_SHELL and not _are_plain(entry):
                yield f"{here} holds signs that a shell reads; take them out"
            elif key in _VARIABLES_OF_OTHERS:
                yield f"{here} brings variables that could name any other; use spec.env"
            else:
                yield from _in_overrides(entry, here)


def _are_plain(parameters: Any) -> bool:
    """Whether a shell takes each for the word that it is."""
    if not isinstance(parameters, dict):
        return False
    return all(_PLAIN.fullmatch(str(text)) for entry in parameters.items() for text in entry)
