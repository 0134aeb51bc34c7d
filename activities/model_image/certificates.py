"""The certificates between worker and builder, as kept in one Secret. Pure: the time is given.

One authority signs one certificate for the builder and one for whoever builds; BuildKit takes no client
without. All of it is made again at once: both sides read the Secret, and the builder's pod is rolled.

What makes and reads certificates is imported when it is needed: 6 MiB that a worker without a builder of its
own in the cluster never uses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

LIFETIME = timedelta(days=365)
AUTHORITY = "airunway-builder-ca"
CLIENT = "airunway-worker"


def new_certificates(host: str, now: datetime) -> dict[str, bytes]:
    """A new authority and what it signs, by key of the Secret."""
    from airunway.clients.certificates import certificate_for, key_pem, new_authority, pem

    authority = new_authority(now, name=AUTHORITY)
    certificate, key = certificate_for([host], authority, now, lifetime=LIFETIME)
    client, client_key = certificate_for([CLIENT], authority, now, lifetime=LIFETIME, client=True)
    return {
        "ca.crt": pem(authority[0]),
        "ca.key": key_pem(authority[1]),
        "tls.crt": certificate,
        "tls.key": key,
        "client.crt": client,
        "client.key": client_key,
    }


def are_good(files: Mapping[str, bytes], host: str, now: datetime) -> bool:
    """Whether these certificates belong together, are for the host, and last for a good while."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    try:
        authority = x509.load_pem_x509_certificate(files["ca.crt"])
        pair = [x509.load_pem_x509_certificate(files[name]) for name in ("tls.crt", "client.crt")]
        for certificate in pair:
            certificate.verify_directly_issued_by(authority)
        names = pair[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (KeyError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    keys = bool(files.get("tls.key")) and bool(files.get("client.key"))
    lasting = all(certificate.not_valid_after_utc - now > LIFETIME / 3 for certificate in pair)
    return keys and lasting and host in names.get_values_for_type(x509.DNSName)


def digest_of(files: Mapping[str, bytes]) -> str:
    """What changes with the server's certificate."""
    return hashlib.sha256(files["tls.crt"]).hexdigest()[:16]
