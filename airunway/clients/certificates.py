"""Makes an authority and the certificates it signs. Apart from the decision when that is due.

Elliptic keys: made in a millisecond, and every client of ours takes them. The extensions are those that
strict clients ask for (RFC 5280).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from airunway.api import names

CA_LIFETIME = timedelta(days=3650)
CERTIFICATE_LIFETIME = timedelta(days=90)
BACKDATED = timedelta(hours=1)
"""Start of validity before now: the API server's clock may be behind ours."""
_MAX_COMMON_NAME_LENGTH = 64

SigningKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
Signer = tuple[x509.Certificate, SigningKey]


def new_authority(now: datetime, *, name: str = names.WEBHOOK_AUTHORITY) -> Signer:
    """An authority that has signed itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(name)
    unsigned = _unsigned(subject, subject, key, now, CA_LIFETIME)
    unsigned = unsigned.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    unsigned = unsigned.add_extension(_usage(signs_certificates=True), critical=True)
    return unsigned.sign(key, hashes.SHA256()), key


def certificate_for(
    hosts: Sequence[str],
    signer: Signer,
    now: datetime,
    *,
    lifetime: timedelta = CERTIFICATE_LIFETIME,
    client: bool = False,
) -> tuple[bytes, bytes]:
    """A certificate and its key, as PEM. `hosts`: names and addresses, the main one first.

    `client`: for who calls instead of who serves.
    """
    purpose = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
    authority, authority_key = signer
    key = ec.generate_private_key(ec.SECP256R1())
    unsigned = _unsigned(_subject(hosts[0]), authority.subject, key, now, lifetime)
    for extension, critical in (
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(signs_certificates=False), True),
        (x509.ExtendedKeyUsage([purpose]), False),
        (x509.SubjectAlternativeName([_general_name(host) for host in hosts]), False),
        (_identifier_of(authority), False),
    ):
        unsigned = unsigned.add_extension(extension, critical=critical)
    return pem(unsigned.sign(authority_key, hashes.SHA256())), key_pem(key)


def pem(certificate: x509.Certificate) -> bytes:
    """A certificate as text."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_pem(key: SigningKey) -> bytes:
    """A key as text, not encrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _unsigned(
    subject: x509.Name, issuer: x509.Name, key: SigningKey, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    now = now.replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _subject(common_name: str) -> x509.Name:
    """Clients read the alternative names only; a common name over its limit is left out."""
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, names.WEBHOOK_ORGANISATION)]
    if len(common_name) <= _MAX_COMMON_NAME_LENGTH:
        attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
    return x509.Name(attributes)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _identifier_of(authority: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """The issuer's identifier as it stands in its certificate: there are several ways to derive one."""
    try:
        own = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except (x509.ExtensionNotFound, ValueError):
        return x509.AuthorityKeyIdentifier(None, None, None)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)
