"""A message out of whatever it was kept in: a file, a mailbox, a gzip, a pasted text.

What was done to it on the way in is said in `notes`: who looks for a broken signature must know.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from pathlib import Path

from ..acts import LabError
from ..message import MBOX, Message

MOST = 50_000_000  # octets of a message
HOW_TO = (
    'In Gmail: "Show original", then "Download original". In Outlook on the web: "…", "View", "View message source". '
    'In Thunderbird: Ctrl+U, or "Save As". In Apple Mail: "View", "Message", "Raw Source".'
)
KINDS = (  # how a file begins -> what that is, and what to do instead
    (b"\xd0\xcf\x11\xe0", "an Outlook .msg file, which keeps no message as it came. Give the raw source. " + HOW_TO),
    (b"PK\x03\x04", "a zip. Take the message out of it, and give that."),
    (b"%PDF", "a PDF: a picture of the message, without what its servers wrote. Give the raw source. " + HOW_TO),
    (b"{\\rtf", "a text document. Give the raw source of the message. " + HOW_TO),
)
HTML = re.compile(rb"\s*+<(?:!doctype|html|head|body|!--|\?xml)", re.IGNORECASE)
PARTED = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\r\n\r\n))From [^\n]*+\n")
QUOTED = re.compile(rb"^>(?=>*From )", re.MULTILINE)
SENDER = re.compile(rb"From (\S+@\S+)")


class NotAMessage(LabError):
    """What was given is no message, and says what to give."""


@dataclass(frozen=True, slots=True)
class Letter:
    """The message's octets; what was done to get at them; and the sender that a mailbox file names, if any."""

    data: bytes
    notes: tuple[str, ...] = ()
    sender: str = ""


def read_letter(source: bytes | str | Path, number: int | None = None) -> Letter:
    """The message in `source`: its octets, its text, or the path of a file, a mailbox file or a Maildir.

    `number`, from 1, chooses one where there are several.  LabError says what to give when it is no message.
    """
    if isinstance(source, Path):
        return read_file(source, number)
    if isinstance(source, str):
        return letter_in(source.lstrip("\ufeff\r\n").encode("utf-8", "surrogateescape"), number, [])
    if isinstance(source, bytes | bytearray | memoryview):
        return letter_in(bytes(source), number, [])
    kind = type(source).__name__
    raise LabError(f"Give the message as bytes, as text, or as the Path of its file; this is {kind}.")


def read_file(path: Path, number: int | None) -> Letter:
    if path.is_dir():
        path = in_maildir(path, number)
        number = None
    try:
        if path.stat().st_size > MOST:
            raise too_long()
        return letter_in(path.read_bytes(), number, [])
    except OSError as error:
        raise NotAMessage(f"{path} cannot be read: {error.strerror or error}.") from None


def in_maildir(folder: Path, number: int | None) -> Path:
    """The file of one message: those in new and cur, by name."""
    if not (folder / "cur").is_dir():
        raise LabError(f"{folder} is a folder, and no Maildir: it has no folder named cur. Give a message's file.")
    files = sorted(path for name in ("new", "cur") for path in (folder / name).glob("*") if path.is_file())
    return files[chosen(len(files), number, "Maildir")]


def chosen(count: int, number: int | None, kind: str) -> int:
    """The place of one among so many."""
    if not count:
        raise NotAMessage(f"This {kind} has no message in it.")
    if number is None and count > 1:
        raise LabError(f"This {kind} has {count} messages: say which one, from number=1 to number={count}.")
    if not 1 <= (number or 1) <= count:
        raise LabError(f"This {kind} has {count} messages: there is no number {number}.")
    return (number or 1) - 1


def letter_in(data: bytes, number: int | None, notes: list[str]) -> Letter:
    """Unpacked, alone, with the line ends that mail has."""
    if data.startswith(b"\x1f\x8b"):
        data = unpacked(data)
        notes.append("unpacked from gzip")
    data = plain(data, notes)
    check_is_message(data)
    sender = ""
    if MBOX.match(data):
        data, sender = from_mailbox(data, number, notes)
    elif number not in (None, 1):
        raise LabError(f"This is one message: there is no number {number}.")
    return Letter(with_crlf(data, notes), tuple(notes), sender)


def unpacked(data: bytes) -> bytes:
    """What is in a gzip, up to the limit."""
    try:
        found = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data, MOST + 1)
    except zlib.error:
        raise NotAMessage("This begins as gzip and cannot be unpacked: it is damaged. Give the file again.") from None
    if len(found) > MOST:
        raise too_long()
    return found


def plain(data: bytes, notes: list[str]) -> bytes:
    """Without the marks that Windows puts at the beginning of a text file."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        notes.append("it was UTF-16, and is UTF-8 now: signatures of its text may no longer fit")
        return data.decode("utf-16", "replace").encode("utf-8")
    if data.startswith(b"\xef\xbb\xbf"):
        notes.append("a byte order mark in front of it was taken away")
        return data[3:]
    return data


def check_is_message(data: bytes) -> None:
    """LabError for what is none, with what to give instead."""
    if len(data) > MOST:
        raise too_long()
    if not data.strip():
        raise NotAMessage("There is nothing in it. Give a message: its header, an empty line, its body.")
    for begins, what in KINDS:
        if data.startswith(begins):
            raise NotAMessage(f"This is {what}")
    if HTML.match(data):
        raise NotAMessage(f"This is a web page that shows a message, not the message. {HOW_TO}")
    if not Message(data).fields:
        first = data.lstrip()[:40].decode("ascii", "replace").partition("\n")[0].strip()
        raise NotAMessage(f"This is no message: it begins with {first!r} and not with a header field. {HOW_TO}")


def too_long() -> NotAMessage:
    return NotAMessage(f"This is longer than {MOST // 1_000_000} MB, which no server takes: is it a whole mailbox?")


def from_mailbox(data: bytes, number: int | None, notes: list[str]) -> tuple[bytes, str]:
    """One message of an mbox file (RFC 4155), and the sender in the line before it."""
    begins = [found for found in PARTED.finditer(data) if Message(data[found.end() : found.end() + 2000]).fields]
    if not begins:
        raise NotAMessage('This is an mbox file\'s "From " line with no message behind it.')
    at = chosen(len(begins), number, "mailbox file")
    end = begins[at + 1].start() if at + 1 < len(begins) else len(data)
    message = data[begins[at].end() : end]
    blank = b"\r\n" if message.endswith(b"\r\n") else b"\n"
    if message.endswith(blank * 2):
        message = message.removesuffix(blank)  # the file's own, between two messages
    notes.append(f"message {at + 1} of {len(begins)} in a mailbox file")
    unquoted = QUOTED.sub(b"", message)
    if unquoted != message:
        notes.append('a ">" that the mailbox file had put before "From " was taken away')
    found = SENDER.match(begins[at][0])
    return unquoted, found[1].decode("ascii", "replace") if found else ""


def with_crlf(data: bytes, notes: list[str]) -> bytes:
    """Files of lines end them with LF; on the wire, and under a signature, it was CRLF (RFC 5321 §2.3.8)."""
    if b"\n" in data and b"\r\n" not in data:
        notes.append("its lines ended with LF, and end with CRLF now, as they did on their way")
        return data.replace(b"\n", b"\r\n")
    if data.count(b"\n") != data.count(b"\r\n"):
        notes.append("some of its lines end with CRLF and some with LF: it was damaged before it came here")
    return data
