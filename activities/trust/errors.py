"""Why images and models cannot be judged.

ClientError
├── PolicyUnreadable   what a Namespace says cannot be read, or is nothing that can be kept to
├── KeysUnreadable     the public keys cannot be read
└── NotSigned          what was built cannot be signed
"""

from __future__ import annotations

from airunway.clients.errors import ClientError


class PolicyUnreadable(ClientError):
    """Nobody knows what is allowed in a namespace; nothing is until an administrator mends it."""


class KeysUnreadable(ClientError):
    """Nobody knows whose signatures are good; none is until then."""


class NotSigned(ClientError):
    """The private key cannot be read, or is none."""
