"""Every port of the lab, in memory and on real sockets, in the clear and under TLS; and the five certificates there."""

from __future__ import annotations

import socket
import ssl

import pytest

from mailedu import Lab
from mailedu.lab.stage import IMPLICIT_TLS, PORTS, TLS_CHOICES
from mailedu.net.tls import client_context

STARTS = {25: b"STARTTLS", 587: b"STARTTLS", 2525: b"STARTTLS", 110: b"STLS", 143: b"a STARTTLS"}
READY = {25: b"220 ", 587: b"220 ", 2525: b"220 ", 110: b"+OK", 143: b"a OK"}


@pytest.fixture
def lab():
    with Lab(seed=5, opinions=False) as lab:
        yield lab


def greeting(name: str) -> bytes:
    return {"pop": b"+OK", "ima": b"* OK"}.get(name[:3], b"220 ")


def test_there_are_eight() -> None:
    assert sorted(port for _, port in PORTS.values()) == [25, 110, 143, 465, 587, 993, 995, 2525]


@pytest.mark.parametrize("name", PORTS)
def test_in_memory(lab, name) -> None:
    call = {"pop": lab.pop3, "ima": lab.imap}.get(name[:3], lab.smtp)(name)
    assert call.greeting.encode().startswith(greeting(name))
    assert lab.tap().rows[0].sealed is (PORTS[name][1] in IMPLICIT_TLS)


@pytest.mark.parametrize("name", PORTS)
def test_on_real_sockets(lab, name) -> None:
    (host, port), net = PORTS[name], lab.serve()
    with socket.create_connection((net.host, net.ports[name]), timeout=10) as plain:
        if port in IMPLICIT_TLS:
            with client_context().wrap_socket(plain, server_hostname=host) as call:
                assert call.recv(200).startswith(greeting(name))
            return
        assert plain.recv(200).startswith(greeting(name))
        if port in (25, 587, 2525):
            plain.sendall(b"EHLO c.example\r\n")
            assert b"STARTTLS" in plain.recv(2000)
        plain.sendall(STARTS[port] + b"\r\n")
        assert plain.recv(200).startswith(READY[port])
        with client_context().wrap_socket(plain, server_hostname=host) as call:
            assert call.version() == "TLSv1.3"


@pytest.mark.parametrize("certificate", TLS_CHOICES["certificate"])
@pytest.mark.parametrize("name", ["submissions", "pop3s", "imaps"])
def test_each_certificate_on_real_sockets(lab, name, certificate) -> None:
    host, _ = PORTS[name]
    lab.configure(host, certificate=certificate)
    net = lab.serve()
    with socket.create_connection((net.host, net.ports[name]), timeout=10) as plain:
        if certificate == "good":
            assert client_context().wrap_socket(plain, server_hostname=host).recv(100)
            return
        with pytest.raises(ssl.SSLCertVerificationError):
            client_context().wrap_socket(plain, server_hostname=host)
    with socket.create_connection((net.host, net.ports[name]), timeout=10) as plain:
        assert client_context("any").wrap_socket(plain, server_hostname=host).recv(100), "it encrypts as well as any"


def test_only_the_name_is_what_a_chain_does_not_tell(lab) -> None:
    host, _ = PORTS["submissions"]
    lab.configure(host, certificate="wrong name")
    net = lab.serve()
    with socket.create_connection((net.host, net.ports["submissions"]), timeout=10) as plain:
        assert client_context("chain").wrap_socket(plain, server_hostname=host).recv(100)
