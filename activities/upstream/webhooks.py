"""A webhook that is in the way of what is written or read for a deployment, in words for its status.

Apart from other refusals: its server may come back, so it is no final failure, and no word about the object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from airunway.activities.deployment.finalizers import MAX_REFUSAL, webhook_refusal
from airunway.activities.upstream.failures import failed
from airunway.clients.errors import ApiError

WEBHOOK_REFUSED = "WebhookRefused"
WEBHOOK_RETRY_SECONDS = 30
"""No watch tells that a webhook is gone, or that its server is there."""
_CONVERSION = re.compile(r"conversion webhook for (\S{1,253}), Kind=(\w{1,63}) failed")


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


def conversion_refusal(err: ApiError) -> str:
    """What a conversion webhook has to do with an error, in words; empty: nothing.

    Objects of a kind can be neither read nor written while its operator is gone and its definition is not.
    Source: the API server's own sentence, `conversion webhook for GROUP/VERSION, Kind=KIND failed: ...`.
    """
    found = _CONVERSION.search(str(err))
    if found is None:
        return ""
    kind, group = found[2], found[1].rpartition("/")[0]
    return (
        f"the webhook that converts objects of kind {kind} does not answer ({str(err)[:MAX_REFUSAL]}); start"
        f" its operator, or take the webhook out of the definition of {kind} in {group}: kubectl patch crd"
        """ NAME --type=merge -p '{"spec":{"conversion":{"strategy":"None","webhook":null}}}'"""
    )
