"""Replies on the wire (RFC 5321 §4.2): every line has the code, and the enhanced code too (RFC 2034 §4)."""

from __future__ import annotations

import re

from ..wire import CRLF

WIDTH = 490  # of a line's text: with code, enhanced code and CRLF it has at most 512 octets (§4.5.3.1.5)
SIMPLE = re.compile(rf"[2-5][0-5]\d [ -~]{{1,{WIDTH}}}")
BEGINNING = re.compile(r"([2-5][0-5]\d)(?:[ -]([245]\.\d{1,3}\.\d{1,3})(?= |$|\n))?[ -]?")
SAID_AGAIN = re.compile(r"[2-5][0-5]\d(?:[ -](?:[245]\.\d{1,3}\.\d{1,3}(?: |$))?|$)")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def written(reply: str, utf8: bool = False) -> bytes:
    """``"250 2.0.0 one\\ntwo"`` -> ``b"250-2.0.0 one\\r\\n250 2.0.0 two\\r\\n"``.

    Whatever a text holds, what comes out is one reply of printable lines: ASCII, or UTF-8 where the client asked for it
    (RFC 6531 §3.7.4).
    """
    if SIMPLE.fullmatch(reply):
        return reply.encode() + CRLF
    found = BEGINNING.match(reply)
    assert found, f"{reply!r} is no reply"
    code, enhanced = found[1], f"{found[2]} " if found[2] else ""
    first, *rest = reply[found.end() :].split("\n")
    texts = [first, *(without_code(text, code) for text in rest)]
    lines = [piece for text in texts for piece in pieces(printable(text, utf8))]
    marks = ["-"] * (len(lines) - 1) + [" "]
    return "".join(f"{code}{mark}{enhanced}{line}\r\n" for mark, line in zip(marks, lines, strict=True)).encode()


def without_code(text: str, code: str) -> str:
    """A further line may have its codes already, or not."""
    found = SAID_AGAIN.match(text)
    return text[found.end() :] if found and text.startswith(code) else text


def plain(reply: str) -> str:
    """Without its enhanced code: greetings and answers to hello have none (RFC 2034 §4)."""
    found = BEGINNING.match(reply)
    assert found, f"{reply!r} is no reply"
    return f"{found[1]} {reply[found.end() :]}"


def printable(text: str, utf8: bool = False) -> str:
    """What a reply may hold: a control character is written ``\\x0d``, and so is ``ü`` where it has to be ASCII."""
    if text.isascii() and text.isprintable():
        return text
    if not utf8:
        text = text.encode("ascii", "backslashreplace").decode()
    return CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text.encode("utf-8", "replace").decode())


def pieces(text: str) -> list[str]:
    """A text that is too long for a line, in lines."""
    if len(text.encode()) <= WIDTH:
        return [text]
    most = WIDTH if text.isascii() else WIDTH // 4
    return [text[at : at + most] for at in range(0, len(text), most)]
