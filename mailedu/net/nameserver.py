"""The lab's DNS for programs outside: one packet in, one packet out, over UDP and TCP on 127.0.0.1 (RFC 1035 §4).

It answers from the same callable that the lab's own parts ask.  dnspython reads and writes the packets.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from ..acts import DnsTimeout, NXDomain
from ..zone import LONGEST_CHAIN

TTL = 300
UDP_OCTETS = 512  # in an answer to who does not say that he takes more (§4.2.1)
TEXTS = ("TXT", "SPF")  # whose strings the callable joins
TRANSFERS = ("AXFR", "IXFR")  # a whole zone is not given away
Dns = Callable[[str, str], Sequence[str]]


def answer(resolve: Dns, packet: bytes, tcp: bool = False) -> bytes | None:
    """The reply to a query; None for what is no query."""
    try:
        query = dns.message.from_wire(packet)
    except (dns.exception.DNSException, ValueError):
        return malformed(packet)
    if query.flags & dns.flags.QR or query.opcode() != dns.opcode.QUERY or len(query.question) != 1:
        return malformed(packet)
    reply = dns.message.make_response(query, recursion_available=True)
    [asked] = query.question
    if asked.rdclass == dns.rdataclass.IN:
        add_records(reply, resolve, asked, bool(query.ednsflags & dns.flags.DO))
    else:
        reply.set_rcode(dns.rcode.REFUSED)
    most = 65_535 if tcp else max(UDP_OCTETS, query.payload if query.edns >= 0 else 0)
    try:
        return reply.to_wire(max_size=most)
    except dns.exception.TooBig:
        short = dns.message.make_response(query, recursion_available=True)
        short.flags |= dns.flags.TC  # the asker comes again by TCP
        return short.to_wire()


def add_records(reply: dns.message.Message, resolve: Dns, asked: dns.rrset.RRset, signed: bool = False) -> None:
    """What the callable says, as a packet says it: the aliases on the way, and the records that they lead to.

    `signed`: with their signatures (RFC 4035 §3.1).  The proof that there is something not is left out.
    """
    kind = dns.rdatatype.to_text(asked.rdtype)
    if kind in TRANSFERS:
        return reply.set_rcode(dns.rcode.REFUSED)
    owner = asked.name
    try:
        if kind != "CNAME":
            for alias in aliases(resolve, owner):
                add(reply, owner, "CNAME", [alias])
                owner = dns.name.from_text(alias)
        records = resolve(asked.name.to_text(omit_final_dot=True), kind)
    except NXDomain:
        reply.flags |= dns.flags.AA
        reply.set_rcode(dns.rcode.NXDOMAIN)  # of the last name (RFC 6604 §3)
    except DnsTimeout:
        reply.set_rcode(dns.rcode.SERVFAIL)
    else:
        reply.flags |= dns.flags.AA
        if kind == "ANY":
            kind, records = "HINFO", ['"RFC8482" ""']  # there is no asking for all at once (RFC 8482 §4.2)
        add(reply, owner, kind, records)
        if signed and records:
            made = resolve(owner.to_text(omit_final_dot=True), "RRSIG")
            add(reply, owner, "RRSIG", [one for one in made if one.split()[0] == kind])


def aliases(resolve: Dns, name: dns.name.Name) -> Iterator[str]:
    """The chain of CNAMEs that begins here; one that is too long has its trouble from who resolves it."""
    for _ in range(LONGEST_CHAIN):
        found = resolve(name.to_text(omit_final_dot=True), "CNAME")
        if not found:
            return
        yield found[0]
        name = dns.name.from_text(found[0])


def add(reply: dns.message.Message, owner: dns.name.Name, kind: str, records: Sequence[str]) -> None:
    if records:
        texts = [quoted(record) for record in records] if kind in TEXTS else list(records)
        reply.answer.append(dns.rrset.from_text_list(owner, TTL, "IN", kind, texts))


def quoted(text: str) -> str:
    """A TXT record as a zone file has it: strings of at most 255 octets (RFC 1035 §3.3.14), all octets spelt safely."""
    octets = text.encode("latin-1", "replace")
    pieces = [octets[at : at + 255] for at in range(0, len(octets), 255)] or [b""]
    return " ".join('"' + "".join(escaped(octet) for octet in piece) + '"' for piece in pieces)


def escaped(octet: int) -> str:
    return chr(octet) if 32 <= octet < 127 and octet not in b'"\\' else f"\\{octet:03d}"


def malformed(packet: bytes) -> bytes | None:
    """FORMERR to what at least has an id and asks; silence to anything else, or two servers could talk for ever."""
    if len(packet) < 12 or packet[2] & 0x80:
        return None
    return packet[:2] + bytes([0x80, dns.rcode.FORMERR]) + bytes(8)


class Udp(asyncio.DatagramProtocol):
    """The server's UDP side."""

    def __init__(self, resolve: Dns) -> None:
        self.resolve = resolve

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)  # Python 3.11's own is no subclass of it

    def datagram_received(self, data: bytes, caller: tuple[str | int, int]) -> None:
        if reply := answer(self.resolve, data):
            self.transport.sendto(reply, caller)


class Tcp(asyncio.Protocol):
    """The server's TCP side: each packet has its length in front (§4.2.2)."""

    def __init__(self, resolve: Dns) -> None:
        self.resolve, self.heard = resolve, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.heard += data
        while len(self.heard) >= 2 and len(self.heard) >= 2 + (length := struct.unpack("!H", self.heard[:2])[0]):
            packet, self.heard = self.heard[2 : 2 + length], self.heard[2 + length :]
            if reply := answer(self.resolve, packet, tcp=True):
                self.transport.write(struct.pack("!H", len(reply)) + reply)


async def serve(resolve: Dns) -> tuple[int, Callable[[], None]]:
    """Both sides on one port of 127.0.0.1: (the port, what closes them)."""
    loop = asyncio.get_running_loop()
    for _ in range(50):
        tcp = await loop.create_server(lambda: Tcp(resolve), "127.0.0.1", 0)
        port: int = tcp.sockets[0].getsockname()[1]
        try:
            udp, _ = await loop.create_datagram_endpoint(lambda: Udp(resolve), ("127.0.0.1", port))
        except OSError:
            tcp.close()  # somebody has that number for UDP: try another
        else:
            return port, partial(close, tcp, udp)
    raise OSError("no port of 127.0.0.1 is free for both UDP and TCP")


def close(tcp: asyncio.Server, udp: asyncio.DatagramTransport) -> None:
    tcp.close()
    udp.close()
