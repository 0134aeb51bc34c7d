"""What an error of Temporal's means to who reads from it."""

from __future__ import annotations

from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure, WorkflowNotReadyFailure
from temporalio.service import RPCError, RPCStatusCode

ENCODED_FAILURE = "Encoded failure"
"""The SDK's words of a failure in place of those that it has no key for."""


def is_missing(err: RPCError) -> bool:
    """Whether there is no such workflow. That there is no such namespace is another matter."""
    if err.status is not RPCStatusCode.NOT_FOUND:
        return False
    return not any(detail.Is(NamespaceNotFoundFailure.DESCRIPTOR) for detail in err.grpc_status.details)


def is_not_ready(err: RPCError) -> bool:
    """Whether an update was not taken up, as the workflow just did something else; it may be sent anew.

    So it is while a run that is signalled again and again goes on in the next one.
    """
    return any(detail.Is(WorkflowNotReadyFailure.DESCRIPTOR) for detail in err.grpc_status.details)
