"""The TLS side of the server: one context whose certificate is exchanged while it serves.

New connections get the new certificate; those that are open go on with theirs, which is still valid then.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import tempfile
from datetime import datetime
from pathlib import Path

from cryptography import x509

from airunway.metrics.families import CERTIFICATE_EXPIRES
from airunway.webhook.certificates import CertificateMaterial, is_valid


class CertificateUnusable(Exception):
    """Certificate and key cannot be served."""


class ServedCertificate:
    """What the server shows. Give `context` to the server, once `loaded` is set."""

    def __init__(self) -> None:
        self.context = _context()
        self.material = CertificateMaterial()
        self.loaded = asyncio.Event()

    def load(self, material: CertificateMaterial) -> None:
        """Serve this from now on. Raises CertificateUnusable, and then goes on with what it has."""
        # OpenSSL reads files only; they are gone again at once. The first context finds out what is wrong
        # before the one that serves is touched.
        with tempfile.TemporaryDirectory(prefix="airunway-webhook-") as folder:
            certificate = _file(folder, "tls.crt", material.certificate)
            key = _file(folder, "tls.key", material.key)
            try:
                for context in (_context(), self.context):
                    context.load_cert_chain(certificate, key, password=_no_password)
            except (ssl.SSLError, OSError, ValueError) as err:
                raise CertificateUnusable(f"certificate and key cannot be served: {err}") from err
        self.material = material
        expires = x509.load_pem_x509_certificate(material.certificate).not_valid_after_utc
        CERTIFICATE_EXPIRES.set(expires.timestamp())
        self.loaded.set()

    def is_valid(self, now: datetime) -> bool:
        """Whether something is served that clients do not refuse for its dates."""
        if not self.loaded.is_set():
            return False
        return is_valid(x509.load_pem_x509_certificate(self.material.certificate), now)


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _no_password() -> str:
    raise ValueError("the key is encrypted")  # else OpenSSL asks on the terminal


def _file(folder: str, name: str, content: bytes) -> Path:
    path = Path(folder) / name
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
    return path
