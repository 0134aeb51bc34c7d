"""Which addresses are public, and what an administrator lets in beside them."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from airunway.clients.guarded_http import OutboundPolicy, is_public
from airunway.clients.guarded_http.policy import problem_of

INNER = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",  # Alibaba's metadata
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",  # Azure's platform
    "169.254.169.254",  # metadata nearly everywhere
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",  # Oracle's metadata
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",  # IPv4-compatible
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:10.0.0.1",  # IPv4-translated
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::808:808",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",  # Teredo
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::1",  # 6to4 of 127.0.0.1
    "2002:c0a8:101::1",
    "2606:4700::5efe:a00:1",  # ISATAP of 10.0.0.1
    "2606:4700::200:5efe:a9fe:a9fe",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",  # Amazon's metadata
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "140.82.112.3", "172.15.0.1", "172.32.0.1", "2606:4700::1111", "2a00:1450::1"]


@pytest.mark.parametrize("address", INNER)
def test_an_inner_address_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "text", ["", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "8.8.8"]
)
def test_what_is_no_address_is_not_public(text: str) -> None:
    assert not is_public(text)


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_gets_by_in_the_form_of_ipv6(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    for prefix, shift in (
        ("::", 0),
        ("::ffff:0:0", 0),
        ("::ffff:0:0:0", 0),
        ("64:ff9b::", 0),
        ("64:ff9b:1::", 0),
        ("2002::", 80),
        ("2001::", 0),
        ("2606:4700::5efe:0:0", 0),
    ):
        inside = ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) | number << shift)
        assert not is_public(str(inside))


@given(st.ip_addresses())
def test_what_counts_as_public_is_global_and_nothing_else(address: ipaddress.IPv4Address) -> None:
    if is_public(str(address)):
        assert address.is_global
        assert not (address.is_private or address.is_multicast or address.is_reserved)
        assert not (address.is_loopback or address.is_link_local or address.is_unspecified)


@pytest.mark.parametrize(
    "name",
    [
        "registry",
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "printer.local",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "Kubernetes.default.svc.Cluster.Local.",
        "db.prod.svc.corp.example",
        "metadata.google.internal",
        "router.home.arpa",
        "10-0-0-1.default.pod",
    ],
)
def test_an_inner_name_is_told_by_its_text(name: str) -> None:
    policy = OutboundPolicy(cluster_domains=["cluster.local", "corp.example"])

    assert policy.is_inner_name(name)


@pytest.mark.parametrize("name", ["huggingface.co", "svc.example.com", "local.example.com", "xcorp.example"])
def test_other_names_are_looked_up(name: str) -> None:
    assert not OutboundPolicy(cluster_domains=["corp.example"]).is_inner_name(name)


@pytest.mark.parametrize(
    ("entry", "url", "want"),
    [
        ("mirror.corp", "https://mirror.corp/x", True),
        ("mirror.corp", "https://mirror.corp:8443/x", True),
        ("mirror.corp:8443", "https://mirror.corp:8443/x", True),
        ("mirror.corp:8443", "https://mirror.corp/x", False),
        ("mirror.corp", "https://a.mirror.corp/x", False),
        ("*.corp", "https://a.b.corp/x", True),
        ("*.corp", "https://corp/x", False),
        ("*.corp", "https://evilcorp/x", False),
        ("http://mirror.corp:8080", "http://mirror.corp:8080/x", True),
        ("http://mirror.corp:8080", "https://mirror.corp:8080/x", False),
        ("http://mirror.corp", "http://mirror.corp:8080/x", False),
        ("mirror.corp", "https://mirror.corp.evil.example.com/x", False),
    ],
)
def test_a_listed_host_is_let_in(entry: str, url: str, want: bool) -> None:
    assert OutboundPolicy(inside_hosts=[entry]).lets_in(URL(url)) is want


def test_a_listed_network_is_let_in_by_address_only() -> None:
    policy = OutboundPolicy(inside_hosts=["10.1.0.0/16", "fd00::/8", "192.168.7.7"])

    assert policy.admits("10.1.2.3") and policy.admits("fd00::1") and policy.admits("192.168.7.7")
    assert not policy.admits("10.2.0.1") and not policy.admits("192.168.7.8")
    assert not policy.admits("127.0.0.1") and not policy.admits("::ffff:10.1.2.3")


def test_plain_http_needs_to_be_said() -> None:
    policy = OutboundPolicy(inside_hosts=["mirror.corp", "http://plain.corp:80"])

    assert not policy.allows_scheme(URL("http://mirror.corp/"))
    assert policy.allows_scheme(URL("http://plain.corp/"))
    assert not policy.allows_scheme(URL("ftp://plain.corp/"))


@pytest.mark.parametrize("entry", ["*", "https://mirror.corp", "mirror.corp/path", "", "*.*.corp", "a b:x"])
def test_what_is_no_host_is_told(entry: str) -> None:
    assert problem_of(entry)


@pytest.mark.parametrize("entry", ["mirror", "mirror.corp:5000", "*.corp", "10.0.0.0/8", "::1", "http://m:1"])
def test_hosts_are_understood(entry: str) -> None:
    assert not problem_of(entry)
