"""An admission webhook that is in the way of what is written for a deployment, as a failure for its status.

Apart from other refusals: its server may come back, so it is no final failure, and no word about the object.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airunway.activities.deployment.finalizers import webhook_refusal
from airunway.activities.upstream.failures import failed
from airunway.clients.errors import ApiError

WEBHOOK_REFUSED = "WebhookRefused"
WEBHOOK_RETRY_SECONDS = 30
"""No watch tells that a webhook is gone, or that its server is there."""


@contextmanager
def named_webhook(what: str, *, once_more: bool) -> Iterator[None]:
    """Turn what a webhook, or the API server about it, says into a failure. Raises StepFailed, ApiError.

    `what` was not done, as the beginning of a sentence. `once_more`: a webhook that does not answer may only
    be starting again, so the error goes on as it came, to be tried again at once.
    """
    try:
        yield
    except ApiError as err:
        refusal = webhook_refusal(err)
        if not refusal or (err.retryable and once_more):
            raise
        raise failed(
            WEBHOOK_REFUSED,
            f"{what}: {refusal}",
            ["ResourceCreated"],
            final=False,
            retry_seconds=WEBHOOK_RETRY_SECONDS,
        ) from err
