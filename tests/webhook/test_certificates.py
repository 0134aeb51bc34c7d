"""What strict clients ask of a certificate, and odd names."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import PolicyBuilder, Store

from airunway.clients.certificates import CA_LIFETIME, key_pem, pem
from airunway.webhook.certificates import CertificateMaterial, renewal

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
HOST = "airunway-webhook-service.airunway-system.svc"


def made(*hosts: str) -> CertificateMaterial:
    due = renewal(CertificateMaterial(), hosts=hosts, now=NOW)
    assert due is not None
    return due.material


def test_the_names_are_those_of_the_contract() -> None:
    material = made(HOST)

    (authority,) = material.chain
    certificate = x509.load_pem_x509_certificate(material.certificate)
    assert authority.subject.rfc4514_string() == "CN=airunway-ca,O=airunway"
    assert certificate.issuer == authority.subject
    assert certificate.subject.rfc4514_string() == f"CN={HOST},O=airunway"


def test_a_strict_client_accepts_it() -> None:
    material = made(HOST)
    verifier = (
        PolicyBuilder().store(Store(material.chain)).time(NOW).build_server_verifier(x509.DNSName(HOST))
    )

    chain = verifier.verify(x509.load_pem_x509_certificate(material.certificate), [])

    assert chain[-1] == material.chain[0]


def test_a_service_may_have_a_long_name() -> None:
    host = f"{'s' * 63}.{'n' * 63}.svc"

    certificate = x509.load_pem_x509_certificate(made(host).certificate)

    assert not certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [host]


def test_addresses_are_possible_too() -> None:
    material = made(HOST, "127.0.0.1", "::1")

    assert renewal(material, hosts=[HOST, "::1", "127.0.0.1"], now=NOW) is None


def test_another_name_is_a_reason_to_renew() -> None:
    due = renewal(made(HOST), hosts=["other.lab.svc"], now=NOW)

    assert due is not None and due.reason == "the certificate is not for other.lab.svc"


def test_an_authority_with_another_kind_of_key_goes_on() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "airunway-ca")])
    authority = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + CA_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    found = CertificateMaterial(authorities=pem(authority), authority_key=key_pem(key))

    due = renewal(found, hosts=[HOST], now=NOW)

    assert due is not None and due.material.authorities == found.authorities
    assert renewal(due.material, hosts=[HOST], now=NOW) is None


def test_keys_are_not_shown() -> None:
    assert "PRIVATE" not in repr(made(HOST))


def test_a_bundle_is_what_clients_read() -> None:
    context = ssl.create_default_context(cadata=made(HOST).authorities.decode())

    assert context.cert_store_stats()["x509_ca"] >= 1
