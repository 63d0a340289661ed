"""IMAP, the client's side: a script that reads somebody's mail."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..acts import Acts, Hear, Refused, Say, Upgrade, call
from ..sasl import write_plain
from ..wire import CRLF, Lines
from .grammar import write_string

ANNOUNCED = re.compile(rb"\{(\d{1,10})\}\r\n\Z")
LARGEST = 50_000_000  # octets of a literal that we are ready to take


def read_mail(
    host: str, port: int, user: str, password: str, tls: str = "", *, unseen: bool = False
) -> Acts[list[bytes]]:
    """Log in, read INBOX (all messages, or the unseen ones), log out; reading marks them \\Seen.

    `tls` is "" (none), "starttls" or "implicit".
    """
    return call(host, port, session(host, user, password, tls, "UNSEEN" if unseen else "ALL"))


@dataclass(slots=True)
class Reply:
    """What came before the tagged OK: each untagged line, literals left in their place and also by themselves."""

    text: bytes
    untagged: list[bytes] = field(default_factory=list)
    literals: list[bytes] = field(default_factory=list)


def session(host: str, user: str, password: str, tls: str, which: str) -> Acts[list[bytes]]:
    talk = Talk()
    if tls == "implicit":
        yield Upgrade(server_name=host)
    greeting = yield from talk.line()
    if not greeting.upper().startswith(b"* OK"):
        raise Refused("imap.refused", shown(greeting))
    if tls == "starttls":
        yield from start_tls(talk, host)
    yield from log_in(talk, user, password)
    yield from talk.command(b"SELECT INBOX")
    found = yield from talk.command(b"UID SEARCH " + which.encode())
    messages: list[bytes] = []
    for uid in numbers(found):
        reply = yield from talk.command(b"UID FETCH %d BODY[]" % uid)
        messages += reply.literals  # none, when somebody removed it meanwhile
    yield from talk.command(b"LOGOUT")
    return messages


def start_tls(talk: Talk, host: str) -> Acts[None]:
    """§6.2.1.  Where it is not offered we leave: no password goes out in the clear."""
    if b"STARTTLS" not in (yield from capabilities(talk)):
        raise Refused("imap.no-starttls", "the server offers no STARTTLS")
    yield from talk.command(b"STARTTLS")
    talk.lines.forget()
    yield Upgrade(server_name=host)


def log_in(talk: Talk, user: str, password: str) -> Acts[None]:
    """LOGIN; AUTHENTICATE for a name or a password that is not plain ASCII (§6.2.3)."""
    offered = yield from capabilities(talk)
    if b"LOGINDISABLED" in offered:
        raise Refused("imap.login-disabled", "the server takes no password without TLS")
    if user.isascii() and password.isascii():
        yield from talk.command(b"LOGIN %s %s" % (write_string(user.encode()), write_string(password.encode())))
    else:
        yield from talk.command(b"AUTHENTICATE PLAIN", answers=[write_plain(user, password)])


def capabilities(talk: Talk) -> Acts[set[bytes]]:
    reply = yield from talk.command(b"CAPABILITY")
    return {word.upper() for line in reply.untagged if line.startswith(b"* CAPABILITY") for word in line.split()[2:]}


def numbers(reply: Reply) -> Iterator[int]:
    """``* SEARCH 2 5`` -> 2, 5"""
    for line in reply.untagged:
        if line.upper().startswith(b"* SEARCH"):
            yield from (int(word) for word in line.split()[2:] if word.isdigit())


class Talk:
    """Commands with tags of their own, and what comes back."""

    def __init__(self) -> None:
        self.lines = Lines()
        self.tags = (b"a%d" % number for number in itertools.count(1))

    def line(self) -> Acts[bytes]:
        line = yield from self.lines.line()
        yield Hear(line)
        return line

    def command(self, text: bytes, answers: list[bytes] | None = None) -> Acts[Reply]:
        """Say it, and hear until its tag comes back; `answers` are for the server's ``+``."""
        tag = next(self.tags)
        yield Say(b"%s %s\r\n" % (tag, text))
        reply = Reply(b"")
        waiting = list(answers or [])
        while True:
            line = yield from self.response(reply)
            if line.startswith(b"+"):
                yield Say((waiting.pop(0) if waiting else b"*") + CRLF)
            elif line.startswith(tag + b" "):
                break
            else:
                reply.untagged.append(line)
        reply.text = line[len(tag) + 1 :].removesuffix(CRLF)
        if not reply.text.upper().startswith(b"OK"):
            raise Refused("imap.refused", shown(reply.text))
        return reply

    def response(self, reply: Reply) -> Acts[bytes]:
        """One response with its literals (§4.3)."""
        whole = line = yield from self.line()
        while found := ANNOUNCED.search(line):
            if int(found[1]) > LARGEST:
                raise Refused("imap.too-big", f"a literal of more than {LARGEST} octets", size=found[1].decode())
            literal = yield from self.lines.octets(int(found[1]))
            line = yield from self.lines.line()
            yield Hear(literal + line)
            reply.literals.append(literal)
            whole += literal + line
        return whole


def shown(line: bytes) -> str:
    return line.decode("utf-8", "replace").strip()
