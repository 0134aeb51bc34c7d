"""One line for each thing that can go wrong outside. Apart, because it is needed only when something did."""

from __future__ import annotations

import yaml
from pydantic import ValidationError
from temporalio.service import RPCError

from airunway.cli.problems import CliError
from airunway.clients.errors import ClientError, Forbidden, NotFound, Unauthorized, Unreachable
from airunway.clients.kubernetes.library import ConfigException
from airunway.messages.payloads import UnreadablePayload
from airunway.operations.errors import OperationError
from airunway.workers.environment import UnknownVariables
from airunway.workers.temporal.target import InvalidConnection

_EXPECTED = (CliError, ClientError, OperationError, UnreadablePayload, OSError, RuntimeError)


_KIND_MISSING = ("could not find the requested resource", "404 page not found")


def explain(err: Exception) -> str:
    """One line that names what is wrong and what to do."""
    while isinstance(err, ExceptionGroup):  # of tasks that ran together; the first one took the others along
        err = err.exceptions[0]
    if isinstance(err, Unreachable):
        return f"the Kubernetes API server does not answer: {_first_line(err)}"
    if isinstance(err, Unauthorized):
        return (
            f"the Kubernetes API server does not accept the credentials of the kubeconfig: {_first_line(err)}"
        )
    if isinstance(err, Forbidden):
        return f"not allowed: {_first_line(err)}"
    if isinstance(err, NotFound) and any(words in str(err) for words in _KIND_MISSING):
        return "the cluster does not know AI Runway's kinds yet; install them with: airunway crds --apply"
    if isinstance(err, ConfigException | yaml.YAMLError):
        return f"no usable kubeconfig: {_first_line(err)}; name one with --kubeconfig"
    if isinstance(err, InvalidConnection):
        return f"the connection to Temporal: {_first_line(err)}"
    if isinstance(err, RPCError):
        return f"Temporal refused: {_first_line(err)}"
    if isinstance(err, ValidationError):
        return "settings: " + "; ".join(_setting_problem(problem) for problem in err.errors())
    if isinstance(err, UnknownVariables):
        return f"settings: {_first_line(err)}"
    if isinstance(err, _EXPECTED):
        return _first_line(err)
    return f"unexpected {type(err).__name__}: {_first_line(err)}; AIRUNWAY_TRACEBACK=1 shows where"


def _setting_problem(problem: object) -> str:
    assert isinstance(problem, dict)
    name = "_".join(str(part) for part in problem["loc"]).upper()
    return f"AIRUNWAY_{name}: {problem['msg']}"


def _first_line(err: Exception) -> str:
    text = str(err).strip() or type(err).__name__
    return text.splitlines()[0]
