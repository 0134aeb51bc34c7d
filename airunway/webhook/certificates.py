"""The certificates of the webhooks as kept in a Secret, and when they are due. Pure: the time is given.

Names are those of crds.md §4.1. Everything is kept as PEM under the four keys of one Secret, which are the
reference's too, so that either controller can go on with what the other left.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from airunway.clients.certificates import (
    BACKDATED,
    CERTIFICATE_LIFETIME,
    Signer,
    SigningKey,
    certificate_for,
    key_pem,
    new_authority,
    pem,
)

OVERLAP = timedelta(days=1)
"""How long a replaced authority stays trusted; other replicas serve its certificate for seconds."""
MAX_AUTHORITIES = 3  # in the bundle: the API server takes at most 1 MiB, and old ones help nobody


@dataclass(frozen=True, kw_only=True)
class CertificateMaterial:
    """What the Secret holds, as PEM; empty where there is nothing. `authorities`: newest first."""

    authorities: bytes = b""
    authority_key: bytes = field(default=b"", repr=False)
    certificate: bytes = b""
    key: bytes = field(default=b"", repr=False)

    @classmethod
    def from_secret(cls, data: Mapping[str, str] | None) -> Self:
        """The `data` of a Secret. What is no base64 counts as not there."""
        found = {name: _decoded((data or {}).get(key, "")) for name, key in _SECRET_KEYS.items()}
        return cls(**found)

    def to_secret(self) -> dict[str, str]:
        """The `data` of a Secret."""
        return {key: base64.b64encode(getattr(self, name)).decode() for name, key in _SECRET_KEYS.items()}

    @property
    def chain(self) -> list[x509.Certificate]:
        """The authorities as certificates, newest first; empty when they cannot be read."""
        try:
            return x509.load_pem_x509_certificates(self.authorities)
        except ValueError:
            return []


_SECRET_KEYS = {
    "authorities": "ca.crt",
    "authority_key": "ca.key",
    "certificate": "tls.crt",
    "key": "tls.key",
}


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError):
        return b""


@dataclass(frozen=True)
class Renewal:
    """New content for the Secret, and why."""

    material: CertificateMaterial
    reason: str


def renewal(
    material: CertificateMaterial, *, hosts: Sequence[str], now: datetime, trusted: bytes = b""
) -> Renewal | None:
    """What to write instead of `material`; None when it is good for a while.

    `hosts`: names and addresses the certificate must be for. `trusted`: authorities whose certificates may
    still be served somewhere; they stay in the bundle beside a new one for a day.
    """
    signer = _signer(material, now)
    if signer is None:
        signer = new_authority(now)
        known = [*material.chain, *CertificateMaterial(authorities=trusted).chain]
        bundle = _bundle([signer[0], *(old for old in known if is_valid(old, now))])
        return Renewal(_issued(hosts, signer, bundle, now), "there is no authority that can sign for long")
    outdated = len(material.chain) > 1 and now > signer[0].not_valid_before_utc + BACKDATED + OVERLAP
    bundle = _bundle([signer[0]]) if outdated else material.authorities
    why = flaw(material, hosts=hosts, now=now) or _due(material, now)
    if why or (outdated and not trusts(bundle, material)):
        return Renewal(_issued(hosts, signer, bundle, now), why or "its authority was replaced")
    if outdated:
        return Renewal(replace(material, authorities=bundle), "a replaced authority is trusted no longer")
    return None


def _issued(hosts: Sequence[str], signer: Signer, bundle: bytes, now: datetime) -> CertificateMaterial:
    certificate, key = certificate_for(hosts, signer, now)
    return CertificateMaterial(
        authorities=bundle, authority_key=key_pem(signer[1]), certificate=certificate, key=key
    )


def flaw(material: CertificateMaterial, *, hosts: Iterable[str], now: datetime) -> str:
    """Why the serving certificate cannot be used; empty when it can."""
    certificate, key = _certificate(material), _key(material.key)
    if certificate is None or key is None:
        return "certificate or key cannot be read"
    if _public(key) != _public(certificate):
        return "certificate and key do not belong together"
    if not is_valid(certificate, now):
        return f"the certificate is valid until {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} only"
    if not _issued_by(certificate, (known for known in material.chain if is_valid(known, now))):
        return "the certificate is not from an authority of the bundle"
    missing = sorted(set(hosts) - _hosts_of(certificate))
    return f"the certificate is not for {', '.join(missing)}" if missing else ""


def is_valid(certificate: x509.Certificate, now: datetime) -> bool:
    """Whether a certificate may be used at a time."""
    return certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc


def trusts(bundle: bytes, material: CertificateMaterial) -> bool:
    """Whether a client that trusts the bundle accepts the serving certificate, or one it comes with."""
    authorities = CertificateMaterial(authorities=bundle).chain
    served = CertificateMaterial(authorities=material.certificate).chain
    return any(_issued_by(certificate, authorities) for certificate in served)


def _due(material: CertificateMaterial, now: datetime) -> str:
    certificate = _certificate(material)
    if certificate is None or not _in_last_third(certificate, now):
        return ""
    return f"the certificate expires on {certificate.not_valid_after_utc:%Y-%m-%d}"


def _in_last_third(certificate: x509.Certificate, now: datetime) -> bool:
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return now >= end - (end - start) / 3


def _signer(material: CertificateMaterial, now: datetime) -> Signer | None:
    """The authority we have the key of, if it outlives a certificate made now."""
    key = _key(material.authority_key)
    if key is None:
        return None
    for authority in material.chain:
        lasts = is_valid(authority, now) and authority.not_valid_after_utc > now + CERTIFICATE_LIFETIME * 2
        if lasts and _public(authority) == _public(key):
            return authority, key
    return None


def _issued_by(certificate: x509.Certificate | None, authorities: Iterable[x509.Certificate]) -> bool:
    if certificate is None:
        return False
    for authority in authorities:
        try:
            certificate.verify_directly_issued_by(authority)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            continue
        return True
    return False


def _certificate(material: CertificateMaterial) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(material.certificate)
    except ValueError:
        return None


def _key(pem: bytes) -> SigningKey | None:
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) else None


def _public(owner: SigningKey | x509.Certificate) -> bytes:
    return owner.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _hosts_of(certificate: x509.Certificate) -> set[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return set()
    addresses = (str(address) for address in found.get_values_for_type(x509.IPAddress))
    return {*found.get_values_for_type(x509.DNSName), *addresses}


def _bundle(authorities: Sequence[x509.Certificate]) -> bytes:
    once = list(dict.fromkeys(authorities))[:MAX_AUTHORITIES]
    return b"".join(pem(authority) for authority in once)
