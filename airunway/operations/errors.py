"""How something that a person asks for fails.

OperationError        the message is what a person needs
├── Refused           the workflow said no, and why; asking again gives the same
├── NotDelivered      nobody took it, or answered in time: a worker or Temporal is away
└── NoWorkflow        there is no workflow to ask
"""

from __future__ import annotations


class OperationError(Exception):
    """It did not come about; the message says what is wrong and what to do."""


class Refused(OperationError):
    """It was refused, with a reason."""


class NotDelivered(OperationError):
    """Nobody took it, or nobody answered in time."""


class NoWorkflow(OperationError):
    """There is no workflow to ask."""
