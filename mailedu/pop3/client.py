"""POP3, the client's side: fetch all there is, or the newest message, and remove nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from ..acts import Acts, Hear, Refused, Say, Upgrade, call
from ..wire import CRLF, Lines, unstuff

LARGEST = 50_000_000  # octets of a reply that we are ready to take
COUNTED = re.compile(rb"\+OK (\d{1,10}) \d")
Fetched = TypeVar("Fetched")


def fetch_all(host: str, port: int, user: str, password: str, tls: str = "") -> Acts[list[bytes]]:
    """Every message of the maildrop; `tls` is "" (none), "starttls" or "implicit"."""
    return call(host, port, session(host, user, password, tls, all_of_them))


def fetch_newest(host: str, port: int, user: str, password: str, tls: str = "") -> Acts[bytes]:
    """The last message of the maildrop, b"" from an empty one; `tls` as above."""
    return call(host, port, session(host, user, password, tls, the_last))


def session(host: str, user: str, password: str, tls: str, fetch: Callable[[Lines], Acts[Fetched]]) -> Acts[Fetched]:
    lines = Lines()
    if tls == "implicit":
        yield Upgrade(server_name=host)
    yield from reply(lines)  # the greeting
    if tls == "starttls":
        yield from start_tls(lines, host)
    if "UTF8" in (yield from capabilities(lines)):
        yield from command(lines, "UTF8")  # else a UTF-8 header is not sent (RFC 6856 §2.1)
    yield from command(lines, f"USER {user}")
    yield from command(lines, f"PASS {password}")
    fetched = yield from fetch(lines)
    yield from command(lines, "QUIT")
    return fetched


def all_of_them(lines: Lines) -> Acts[list[bytes]]:
    messages = []
    for line in (yield from listing(lines, "LIST")):
        messages.append((yield from block(lines, f"RETR {line.split()[0]}")))
    return messages


def the_last(lines: Lines) -> Acts[bytes]:
    """STAT counts the messages, and their numbers run from 1 to that (RFC 1939 §5)."""
    counted = yield from command(lines, "STAT")
    found = COUNTED.match(counted)
    if not found:
        raise Refused("pop3.refused", f"STAT was answered {counted.decode('utf-8', 'replace').strip()}")
    return (yield from block(lines, f"RETR {int(found[1])}")) if int(found[1]) else b""


def start_tls(lines: Lines, host: str) -> Acts[None]:
    """RFC 2595 §4.  Where it is not offered we leave: no password goes out in the clear."""
    if "STLS" not in (yield from capabilities(lines)):
        raise Refused("pop3.no-stls", "the server offers no STLS")
    yield from command(lines, "STLS")
    lines.forget()
    yield Upgrade(server_name=host)


def capabilities(lines: Lines) -> Acts[set[str]]:
    """The first words of what CAPA lists; none from a server that does not know CAPA (RFC 2449 §5)."""
    try:
        return {line.split()[0].upper() for line in (yield from listing(lines, "CAPA")) if line.strip()}
    except Refused:
        return set()


def listing(lines: Lines, text: str) -> Acts[list[str]]:
    """The lines that follow ``+OK``, without the dot."""
    return (yield from block(lines, text)).decode("utf-8", "replace").splitlines()


def block(lines: Lines, text: str) -> Acts[bytes]:
    """A command whose reply goes on up to a lone dot; what stood before it, unstuffed."""
    yield from command(lines, text)
    heard = yield from lines.block(LARGEST)
    yield Hear(heard)
    return unstuff(heard)


def command(lines: Lines, text: str) -> Acts[bytes]:
    """Say it; the first line of the reply, or Refused."""
    yield Say(text.encode() + CRLF)
    return (yield from reply(lines))


def reply(lines: Lines) -> Acts[bytes]:
    line = yield from lines.line()
    yield Hear(line)
    if not line.startswith(b"+OK"):
        raise Refused("pop3.refused", line.decode("utf-8", "replace").strip())
    return line
