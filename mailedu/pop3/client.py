"""POP3, the client's side: fetch all there is, remove nothing."""

from __future__ import annotations

from ..acts import Acts, Hear, Refused, Say, Upgrade, call
from ..wire import CRLF, Lines, unstuff

LARGEST = 50_000_000  # octets of a reply that we are ready to take


def fetch_all(host: str, port: int, user: str, password: str, tls: str = "") -> Acts[list[bytes]]:
    """Every message of the maildrop; `tls` is "" (none), "starttls" or "implicit"."""
    return call(host, port, session(host, user, password, tls))


def session(host: str, user: str, password: str, tls: str) -> Acts[list[bytes]]:
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
    messages = []
    for line in (yield from listing(lines, "LIST")):
        messages.append((yield from block(lines, f"RETR {line.split()[0]}")))
    yield from command(lines, "QUIT")
    return messages


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
