"""IMAP, the client's side: scripts that read somebody's mail."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from ..acts import Acts, Hear, Refused, Say, Upgrade, call
from ..sasl import write_plain
from ..wire import CRLF, Lines
from .grammar import LITERAL8, Reader, literal8, string, write_string

ANNOUNCED = re.compile(rb"\{(\d{1,10})\}\r\n\Z")
EXISTS = re.compile(rb"(?i)\* (\d{1,10}) EXISTS\r\n")
BODY = re.compile(rb"(?i)\* \d{1,10} FETCH \((?:[^\r]*? )??BODY\[\] ")
QUOTABLE = re.compile(r"[ -~]{0,200}")
LARGEST = 50_000_000  # octets of a literal that we are ready to take
Found = TypeVar("Found")


def read_mail(
    host: str, port: int, user: str, password: str, tls: str = "", *, unseen: bool = False
) -> Acts[list[bytes]]:
    """Log in, read INBOX (all messages, or the unseen ones), log out; reading marks them \\Seen.

    `tls` is "" (none), "starttls" or "implicit".
    """
    read = all_unseen if unseen else all_of_them
    return call(host, port, session(host, user, password, tls, read))


def read_newest(host: str, port: int, user: str, password: str, tls: str = "") -> Acts[bytes]:
    """INBOX's newest message, b"" from an empty one; nothing is changed by that.  `tls` as above."""
    return call(host, port, session(host, user, password, tls, newest))


def session(host: str, user: str, password: str, tls: str, read: Callable[[Talk], Acts[Found]]) -> Acts[Found]:
    """From greeting to LOGOUT, with INBOX open."""
    talk = Talk()
    if tls == "implicit":
        yield Upgrade(server_name=host)
    greeting = yield from talk.line()
    if not greeting.upper().startswith(b"* OK"):
        raise Refused("imap.refused", shown(greeting))
    if tls == "starttls":
        yield from start_tls(talk, host)
    yield from log_in(talk, user, password)
    messages = yield from read(talk)
    yield from talk.command(b"LOGOUT")
    return messages


def all_of_them(talk: Talk) -> Acts[list[bytes]]:
    return found(talk, b"ALL")


def all_unseen(talk: Talk) -> Acts[list[bytes]]:
    return found(talk, b"UNSEEN")


def found(talk: Talk, which: bytes) -> Acts[list[bytes]]:
    """What SEARCH finds in INBOX."""
    yield from talk.command(b"SELECT INBOX")
    answer = yield from talk.command(b"UID SEARCH " + which)
    messages: list[bytes] = []
    for uid in numbers(answer):
        messages += bodies((yield from talk.command(b"UID FETCH %d BODY[]" % uid)))
    return messages  # fewer, when somebody removed one meanwhile


def newest(talk: Talk) -> Acts[bytes]:
    """* is the last message (§9, seq-number); PEEK leaves it unseen (§6.4.5)."""
    opened = yield from talk.command(b"SELECT INBOX")
    if not exists(opened):
        return b""
    messages = bodies((yield from talk.command(b"FETCH * BODY.PEEK[]")))
    return messages[-1] if messages else b""


def start_tls(talk: Talk, host: str) -> Acts[None]:
    """§6.2.1.  Where it is not offered we leave: no password goes out in the clear."""
    if b"STARTTLS" not in (yield from capabilities(talk)):
        raise Refused("imap.no-starttls", "the server offers no STARTTLS")
    yield from talk.command(b"STARTTLS")
    talk.lines.forget()
    yield Upgrade(server_name=host)


def log_in(talk: Talk, user: str, password: str) -> Acts[None]:
    """LOGIN; AUTHENTICATE for a name or a password that no quoted string can hold (§6.2.3)."""
    offered = yield from capabilities(talk)
    if b"LOGINDISABLED" in offered:
        raise Refused("imap.login-disabled", "the server takes no password without TLS")
    if all(QUOTABLE.fullmatch(text) for text in (user, password)):
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


def exists(reply: Reply) -> int:
    """``* 3 EXISTS`` -> 3"""
    return max((int(found[1]) for line in reply.untagged if (found := EXISTS.fullmatch(line))), default=0)


def bodies(reply: Reply) -> list[bytes]:
    """``* 1 FETCH (UID 7 BODY[] {3}CRLFabc)`` -> [b"abc"]"""
    messages = []
    for line in reply.untagged:
        if found := BODY.match(line):
            reader = Reader(line)
            reader.at = found.end()
            messages.append(literal8(reader, "message") if reader.sees(LITERAL8) else string(reader))
    return messages


@dataclass(slots=True)
class Reply:
    """A command's answer: the tagged line without its tag, and the untagged ones, literals in their place."""

    text: bytes = b""
    untagged: list[bytes] = field(default_factory=list)


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
        reply = Reply()
        waiting = list(answers or [])
        while True:
            line = yield from self.response()
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

    def response(self) -> Acts[bytes]:
        """One response with its literals (§4.3)."""
        whole = line = yield from self.line()
        while found := ANNOUNCED.search(line):
            if int(found[1]) > LARGEST:
                raise Refused("imap.too-big", f"a literal of more than {LARGEST} octets", size=found[1].decode())
            literal = yield from self.lines.octets(int(found[1]))
            line = yield from self.lines.line()
            yield Hear(literal + line)
            whole += literal + line
        return whole


def shown(line: bytes) -> str:
    return line.decode("utf-8", "replace").strip()
