"""POP3's words (RFC 1939 §3, RFC 2449 §3): command lines are read here, and every octet of a session is named here.

    Reader(b"RETR 2\\r\\n").command()      -> ("RETR", (2,)), or Refused
    spans(b"RETR 2\\r\\n", "client")       -> [(4, "command"), (1, "space"), (1, "message number"), (2, "CRLF")]

The reader that runs a command is the one that explains its octets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ..acts import Refused

LINE = 255  # a command with its CRLF (RFC 2449 §4)
SASL_LINE = 12_288  # a line of an AUTH exchange: RFC 5034 §4 sets no limit, so this is SMTP's (RFC 4954 §4)
LISTINGS = {  # what the lines of these replies hold
    "CAPA": ("capability", "parameters"),
    "LIST": ("message number", "octets"),
    "UIDL": ("message number", "unique id"),
    "LANG": ("language", "its own name"),
}

Span = tuple[int, str]  # so many octets, and what they are
Pattern = re.Pattern[bytes]

SPACE = re.compile(rb" ")
CRLF = re.compile(rb"\r\n")
VERB = re.compile(rb"[!-~]{1,40}(?![!-~])")
WORD = re.compile(rb"[!-~]+")
TEXT = re.compile(rb"[^\x00-\x1f\x7f]+")  # what a name or a password may be: spaces and UTF-8 too (RFC 6856 §2.2)
NUMBER = re.compile(rb"[0-9]{1,10}(?![^ \r])")  # 10 digits hold any number of 32 bits (RFC 1939 §11)
DIGEST = re.compile(rb"[0-9A-Fa-f]{32}")
LETTER = re.compile(rb"[^ \r\n]+(?: [^ \r\n]+)*(?= )")  # APOP's name: all up to the digest
STATUS = re.compile(rb"\+OK|-ERR|\+(?= |\r\n)")
CODE = re.compile(rb"\[[^]\r\n]*\]")
STAMP = re.compile(rb"<[!-;=?-~]*>")
FIELD = re.compile(rb"[!-9;-~]+:")
ANY = re.compile(rb"[^\r]+|\r(?!\n)")
PROSE = re.compile(rb"[^<\r]+|<|\r(?!\n)")
TAG = re.compile(rb"[\w*-]+(?= )")  # the language LANG chose
NUMBERS = re.compile(rb"[0-9]{1,10} [!-~]+\r\n")  # what STAT, LIST 1 and UIDL 1 answer
STAR = re.compile(rb"\*\r\n")
DOT = re.compile(rb"\.")
DOUBLED = re.compile(rb"\.\.")
LAST = re.compile(rb"\.\r\n")
CONTROL = re.compile(rb"[\x00-\x1f\x7f]")


class Argument(NamedTuple):
    """One argument of a command: what it is called, what it may look like, and the value it becomes."""

    name: str
    pattern: Pattern
    value: Callable[[bytes], object]
    needed: bool = True


def text(octets: bytes) -> str:
    """UTF-8, or Refused (RFC 6856 §2.2)."""
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("pop3.syntax", "that is not UTF-8", wanted="UTF-8") from None


def word(octets: bytes) -> str:
    return octets.decode("ascii")


MESSAGE = Argument("message number", NUMBER, int)
ARGUMENTS: dict[str, tuple[Argument, ...]] = {
    "CAPA": (),
    "STLS": (),
    "USER": (Argument("name", TEXT, text),),
    "PASS": (Argument("password", TEXT, text),),
    "APOP": (Argument("name", LETTER, text), Argument("digest", DIGEST, word)),
    "AUTH": (Argument("mechanism", WORD, word), Argument("initial response", WORD, word, needed=False)),
    "UTF8": (),
    "LANG": (Argument("language", WORD, word, needed=False),),
    "STAT": (),
    "LIST": (MESSAGE._replace(needed=False),),
    "UIDL": (MESSAGE._replace(needed=False),),
    "RETR": (MESSAGE,),
    "TOP": (MESSAGE, Argument("number of lines", NUMBER, int)),
    "DELE": (MESSAGE,),
    "NOOP": (),
    "RSET": (),
    "QUIT": (),
}


class Reader:
    """A line, how far it has been read, and what its octets were taken for."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0
        self.spans: list[Span] = []

    def sees(self, pattern: Pattern) -> re.Match[bytes] | None:
        return pattern.match(self.data, self.at)

    def take(self, pattern: Pattern, name: str, wanted: str = "") -> bytes:
        """The octets that match, named; Refused when none do."""
        octets = self.may_take(pattern, name)
        if not octets:
            wanted = wanted or name
            raise Refused("pop3.syntax", f"{wanted} expected", wanted=wanted)
        return octets

    def may_take(self, pattern: Pattern, name: str) -> bytes:
        """The same, or b""."""
        found = pattern.match(self.data, self.at)
        if not found or not found[0]:
            return b""
        self.at = found.end()
        octets: bytes = found[0]
        self.spans.append((len(octets), name))
        return octets

    # -- what the client says

    def verb(self) -> str:
        """The command's name in capitals."""
        if CONTROL.search(self.data.removesuffix(b"\r\n")):
            raise Refused("pop3.control", "a command is one line of text; only its end is CR and LF")
        return self.take(VERB, "command").decode("ascii").upper()

    def arguments(self, verb: str) -> tuple[object, ...]:
        """All arguments and the line's end: a command is read whole before anything is done."""
        values = []
        for argument in ARGUMENTS[verb]:
            if not argument.needed and self.sees(CRLF):
                break
            self.take(SPACE, "space", wanted=argument.name)
            values.append(argument.value(self.take(argument.pattern, argument.name)))
        if not self.may_take(CRLF, "CRLF"):
            raise Refused("pop3.syntax", f"{verb} should end here, but the line goes on", wanted="the end of the line")
        return tuple(values)

    # -- what the server says

    def reply(self, verb: str) -> None:
        """The first line of a reply; its parts have names where the RFCs give them a meaning."""
        status = self.take(STATUS, "status")
        good = status == b"+OK"
        if self.may_take(SPACE, "space"):
            self.may_take(*((WORD, "challenge") if status == b"+" else (CODE, "response code")))
            if good:
                self._facts(verb)
        while not self.sees(CRLF):
            self.may_take(STAMP, "timestamp") or self.take(PROSE, "text")
        self.take(CRLF, "CRLF")

    def _facts(self, verb: str) -> None:
        """``3 1014`` after STAT, ``1 337`` after LIST 1, ``1 b6-0001`` after UIDL 1, ``en`` after LANG en."""
        if verb == "LANG":
            self.may_take(TAG, "language")
        if verb in ("STAT", "LIST", "UIDL") and self.sees(NUMBERS):
            self.take(NUMBER, "number of messages" if verb == "STAT" else "message number")
            self.take(SPACE, "space")
            self.take(WORD, "unique id" if verb == "UIDL" else "octets")

    def listing(self, verb: str) -> None:
        """The lines of CAPA, LIST, UIDL and LANG, up to the dot."""
        while not self.sees(LAST):
            self.take(WORD, LISTINGS[verb][0])
            if self.may_take(SPACE, "space"):
                self.take(ANY, LISTINGS[verb][1])
            self.take(CRLF, "CRLF")
        self._end()

    def message(self, in_header: bool) -> None:
        """Lines of a message as RETR and TOP send them: stuffed dots, and the dot that ends all."""
        while self.at < len(self.data):
            if self.sees(LAST):
                return self._end()
            if self.sees(DOUBLED):
                self.take(DOT, "stuffed dot")
            if in_header:
                in_header = not self.sees(CRLF)
                self.may_take(FIELD, "field name")
            while not self.sees(CRLF) and self.at < len(self.data):
                self.take(ANY, "field value" if in_header else "body line")
            self.may_take(CRLF, "CRLF")

    def _end(self) -> None:
        self.take(DOT, "end of reply")
        self.take(CRLF, "CRLF")


def read(line: bytes) -> tuple[str, tuple[object, ...]]:
    """``b"top 1 0\\r\\n"`` -> ``("TOP", (1, 0))``; Refused when it is no command."""
    reader = Reader(line)
    verb = reader.verb()
    if verb not in ARGUMENTS:
        raise Refused("pop3.unknown", f"there is no command {verb}", command=verb)
    return verb, reader.arguments(verb)


def spans(data: bytes, sender: str, verb: str = "", first: bool = True) -> list[Span]:
    """What each octet is: (length, name), adding up to all of `data`, whatever it holds.

    `sender` is "client" or "server", `verb` the command it belongs to ("" for the greeting), `first` whether it is
    the first piece of the exchange: later pieces are a client's SASL responses, or the rest of a long reply.
    """
    reader = Reader(data)
    try:
        if sender == "client":
            _client(reader, first)
        else:
            _server(reader, verb.upper(), first)
    except Refused:
        pass  # what the reader does not understand gets the names below
    return [*reader.spans, *_rest(data[reader.at :], "garbage" if sender == "client" else "text")]


def _client(reader: Reader, first: bool) -> None:
    if not first:
        if not reader.sees(CRLF):  # an empty response is one too
            reader.take(WORD, "cancel" if reader.sees(STAR) else "SASL response")
        reader.take(CRLF, "CRLF")
    else:
        verb = reader.verb()
        if verb in ARGUMENTS:
            reader.arguments(verb)


def _server(reader: Reader, verb: str, first: bool) -> None:
    lines_follow = verb in ("RETR", "TOP", *LISTINGS)
    if first or not lines_follow:
        reader.reply(verb)
    if reader.at == len(reader.data):
        return
    if verb in LISTINGS:
        reader.listing(verb)
    elif lines_follow:
        reader.message(in_header=first)


def _rest(data: bytes, name: str) -> Iterator[Span]:
    """What is left, with each CRLF a span of its own."""
    for piece in re.split(rb"(\r\n)", data):
        if piece:
            yield len(piece), "CRLF" if piece == b"\r\n" else name
