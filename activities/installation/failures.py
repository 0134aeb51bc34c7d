"""Why an installation cannot go on, for the workflow. Each says whether trying again can help.

NotRegistered        there is no config of that name                          final
NotInstallable       the provider has no operator, or no chart for it         final
BadInstallation      the config asks for what is not done                     final
ChartChanged         a chart is another archive than when it was first used   final
NotInstalled         nothing to upgrade or take away                          final
ForeignOperator      somebody else installed the operator                     final
OwnershipClash       objects of the chart belong to somebody else             final
MissingRights        the installer may not do what the chart needs            final
ProviderInUse        ModelDeployments use the provider                        final
ResourcesInUse       custom resources would be deleted                        final
OperatorNotReady     the operator did not come up in time                     final
SharedPrerequisite   it is not taken away from here, or not for a deployment   final
Busy                 somebody else works on the release                       retried
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from temporalio.exceptions import ApplicationError

from airunway.activities.errors import to_application_error
from airunway.clients.errors import ClientError
from airunway.clients.lease import Held
from airunway.installation.plan import BadPlan

BUSY_DELAY = timedelta(seconds=1)


def refused(kind: str, message: str) -> ApplicationError:
    """A final failure."""
    return ApplicationError(message, type=kind, non_retryable=True)


def busy(message: str) -> ApplicationError:
    """Somebody else is at it: tried again soon."""
    return ApplicationError(message, type="Busy", next_retry_delay=BUSY_DELAY)


@contextmanager
def translated() -> Iterator[None]:
    """Raise what clients and plans say as Temporal failures."""
    try:
        yield
    except BadPlan as err:
        raise refused("BadInstallation", str(err)) from err
    except Held as err:
        raise busy(str(err)) from err
    except ClientError as err:
        raise to_application_error(err) from err
