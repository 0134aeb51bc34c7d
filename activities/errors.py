"""From a client's error to Temporal's: retryable or final, with the wait the other side asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from airunway.clients.errors import ClientError


def to_application_error(err: ClientError, *, benign: bool = False) -> ApplicationError:
    """The failure to raise from an activity. Its type is the client's error class.

    `benign`: the workflow shows it to people, so that the worker's log need not, with a traceback.
    """
    delay = timedelta(seconds=err.retry_after) if err.retry_after else None
    return ApplicationError(
        str(err),
        type=type(err).__name__,
        non_retryable=not err.retryable,
        next_retry_delay=delay,
        category=ApplicationErrorCategory.BENIGN if benign else ApplicationErrorCategory.UNSPECIFIED,
    )


@contextmanager
def translated_errors(*, benign: bool = False) -> Iterator[None]:
    """Raise a client's errors as Temporal failures."""
    try:
        yield
    except ClientError as err:
        raise to_application_error(err, benign=benign) from err


def benign_errors() -> AbstractContextManager[None]:
    """The same for errors that the workflow shows to people."""
    return translated_errors(benign=True)
