"""SMTP's words (RFC 5321 §4.1, widened by its extensions): lines are read here, and every octet is named here.

    read(b"MAIL FROM:<a@b.example> SIZE=5\\r\\n")  -> ("MAIL", ("a@b.example", {"SIZE": "5"})), or Refused
    spans(b"QUIT\\r\\n", "client")                 -> [(4, "command"), (2, "CRLF")]

The reader that runs a command is the one that explains its octets.  A refusal names the rule of the RFC's grammar that
failed, and what stood in its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ..acts import Refused

LINE = 512  # a command with its CRLF (§4.5.3.1.4), where no extension needs more
WIDER = {  # command, extension -> so many octets more
    ("MAIL", "SIZE"): 26,  # RFC 1870 §3
    ("MAIL", "8BITMIME"): 17,  # RFC 6152 §2
    ("MAIL", "SMTPUTF8"): 10,  # RFC 6531 §3.1
    ("VRFY", "SMTPUTF8"): 10,  # said of MAIL only; the parameter is the same
    ("EXPN", "SMTPUTF8"): 10,
    ("MAIL", "REQUIRETLS"): 11,  # RFC 8689 §2
    ("MAIL", "AUTH"): 500,  # RFC 4954 §3
    ("MAIL", "DSN"): 116,  # RFC 3461 §5.4: room for RET=HDRS, and ENVID= with 100 characters
    ("RCPT", "DSN"): 536,  # and for NOTIFY= with three words, and ORCPT= with 500 characters
}
WIDEST = LINE + max(sum(more for (verb, _), more in WIDER.items() if verb == one) for one in ("MAIL", "RCPT"))
SASL_LINE = 12_288  # a line of an AUTH exchange (RFC 4954 §4)
LOCAL_PART, DOMAIN, PATH = 64, 255, 256  # octets (§4.5.3.1.1 to .3)

Span = tuple[int, str]  # so many octets, and what they are
Pattern = re.Pattern[bytes]
Parameters = dict[str, str]  # keyword -> value, "" for none

SPACE = re.compile(rb" ")
TRAILING = re.compile(rb"[ \t]+(?=\r\n)")
CRLF = re.compile(rb"\r\n")
END = re.compile(rb"[ \t]*\r\n")
VERB = re.compile(rb"[!-~]{1,40}(?![!-~])")
CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
WORD = re.compile(rb"[!-~]+")
STRING = re.compile(rb"[!-~\x80-\xff]+(?: +[!-~\x80-\xff]+)*")  # to the end of the line
NAME_WORD = re.compile(rb'"(?:[ !#-\[\]-~\x80-\xff]|\\[ -~])*"|[!-~\x80-\xff]+')
FROM = re.compile(rb"(?i)FROM:")
TO = re.compile(rb"(?i)TO:")
OPENS = re.compile(rb"<")
CLOSES = re.compile(rb">")
AT = re.compile(rb"@")
POSTMASTER = re.compile(rb"(?i)postmaster(?=>)")
ATOM = rb"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\x80-\xff]+"
DOT_STRING = re.compile(rb"%s(?:\.%s)*" % (ATOM, ATOM))
QUOTED = re.compile(rb'"(?:[ !#-\[\]-~\x80-\xff]|\\[ -~])*"')
SUB = rb"[A-Za-z0-9\x80-\xff](?:[A-Za-z0-9\-\x80-\xff]*[A-Za-z0-9\x80-\xff])?"
NAME = re.compile(rb"%s(?:\.%s)*" % (SUB, SUB))
BRACKET = re.compile(rb"\[")
LITERAL = re.compile(rb"\[[!-Z^-~]+\]")
IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}", re.ASCII)
ROUTE = re.compile(rb"@%s(?:\.%s)*(?:,@%s(?:\.%s)*)*:" % (SUB, SUB, SUB, SUB))
KEYWORD = re.compile(rb"[A-Za-z0-9][A-Za-z0-9-]*(?=[= \t\r])")
EQUALS = re.compile(rb"=")
VALUE = re.compile(rb"[!-<>-~\x80-\xff]+(?=[ \t\r])")
SIZE = re.compile(rb"[0-9]{1,20}(?=[ \t\r])")
LAST = re.compile(rb"(?i)LAST(?=[ \t\r])")
UTF8 = re.compile(rb"(?i)SMTPUTF8(?=[ \t]*\r\n)")
MECHANISM = re.compile(rb"[A-Za-z0-9_-]{1,20}(?=[ \t\r])")
BASE64 = re.compile(rb"=|[A-Za-z0-9+/]+={0,2}")
NODE = re.compile(rb"[@#]?[!-~]+(?=[ \t\r])")
SECRET = re.compile(rb"[^\r\n]+")
CANCEL = re.compile(rb"\*(?=\r\n)")

CODE = re.compile(rb"[2-5][0-5][0-9](?=[ -]|\r\n)")
ENHANCED = re.compile(rb"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?= |\r\n)")
MORE = re.compile(rb"-")
TEXT = re.compile(rb"[^\r]+|\r(?!\n)")
OFFER = re.compile(rb"[A-Za-z0-9][A-Za-z0-9-]*(?=[ =\r])")
GREETER = re.compile(rb"[^ \r]+")
FIELD = re.compile(rb"[!-9;-~]+:")
DOT = re.compile(rb"\.")
DOUBLED = re.compile(rb"\.\.")
LAST_DOT = re.compile(rb"\.\r\n\Z")


class Path(NamedTuple):
    """A reverse-path or a forward-path: the mailbox, "" for ``<>``; the source route that stood before it."""

    mailbox: str
    route: str = ""


class Reader:
    """A line, how far it has been read, and what its octets were taken for."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0
        self.spans: list[Span] = []
        self.enhanced = "5.5.4"  # of what is being read: 5.1.7 in a sender, 5.1.3 in a recipient

    def sees(self, pattern: Pattern) -> re.Match[bytes] | None:
        return pattern.match(self.data, self.at)

    def take(self, pattern: Pattern, name: str, production: str = "") -> bytes:
        """The octets that match, named; Refused when none do, with the rule of the grammar that failed."""
        octets = self.may_take(pattern, name)
        if not octets:
            raise self.wrong(production or name)
        return octets

    def may_take(self, pattern: Pattern, name: str) -> bytes:
        """The same, or b""."""
        found = pattern.match(self.data, self.at)
        if not found:
            return b""
        self.at = found.end()
        octets = found[0]
        self.spans.append((len(octets), name))
        return octets

    def wrong(self, production: str) -> Refused:
        found = "the end of the line" if self.sees(END) else f'"{shown(self.data[self.at : self.at + 1])}"'
        text = f"501 {self.enhanced} {production} expected, not {found}"
        return Refused("smtp.syntax", text, production=production, found=found, octet=str(self.at + 1))

    # -- what the client says

    def verb(self) -> str:
        """The command's name in capitals."""
        if CONTROL.search(self.data, 0, len(self.data) - 2):
            raise Refused("smtp.control", "500 5.5.2 a command is one line of text; only its end is CR and LF")
        verb = self.may_take(VERB, "command")
        if not verb:
            raise Refused("smtp.no-command", "500 5.5.2 a command expected")
        return verb.decode("ascii").upper()

    def arguments(self, verb: str) -> tuple[object, ...]:
        """All arguments and the line's end: a command is read whole before anything is done."""
        values = ARGUMENTS[verb](self)
        self.end(verb)
        return values

    def end(self, verb: str) -> None:
        """Blanks before the CRLF are put up with (§4.1.1)."""
        self.may_take(TRAILING, "trailing space")
        if not self.may_take(CRLF, "CRLF"):
            self.enhanced = "5.5.4"
            raise self.wrong(f"the end of {verb}")

    def space(self, before: str) -> None:
        """One space: not none, not two."""
        self.take(SPACE, "space", f"a space before {before}")

    def nothing(self) -> tuple[object, ...]:
        return ()

    def rest(self) -> tuple[object, ...]:
        """NOOP and HELP: ``[ SP String ]``."""
        if self.sees(END):
            return ("",)
        self.space("String")
        return (utf8(self.take(STRING, "text", "String")),)

    def greeting(self) -> tuple[object, ...]:
        """EHLO and HELO (§4.1.1.1); HELO's rule has no literal, but the text allows one where there is no name."""
        self.space("Domain")
        return (self.host(),)

    def host(self) -> str:
        """``Domain / address-literal`` in ASCII; U-labels have no place here (RFC 6531 §3.7.1)."""
        if self.sees(BRACKET):
            return self.literal()
        name = self.take(NAME, "domain", "Domain")
        if not name.isascii():
            raise Refused("smtp.helo-ascii", "501 5.5.4 Domain expected, in A-labels")
        return self.checked(name, "Domain", DOMAIN)

    def mail(self) -> tuple[object, ...]:
        """``MAIL FROM:<path> parameters`` (§4.1.1.2); no blank on either side of the colon (§3.3)."""
        self.space("FROM:")
        self.take(FROM, "keyword", "FROM:")
        self.enhanced = "5.1.7"
        return self.path(null=True), self.parameters()

    def recipient(self) -> tuple[object, ...]:
        """``RCPT TO:<path> parameters`` (§4.1.1.3)."""
        self.space("TO:")
        self.take(TO, "keyword", "TO:")
        self.enhanced = "5.1.3"
        return self.path(null=False), self.parameters()

    def path(self, null: bool) -> Path:
        """``"<" [ A-d-l ":" ] Mailbox ">"``, or ``"<>"`` for a sender (§4.1.2)."""
        start = self.at
        self.take(OPENS, "angle bracket", "<")
        route, mailbox = b"", ""
        if null and self.sees(CLOSES):
            pass
        elif not null and (postmaster := self.may_take(POSTMASTER, "local part")):
            mailbox = postmaster.decode("ascii").lower()
        else:
            route = self.may_take(ROUTE, "source route")
            mailbox = self.mailbox()
        self.take(CLOSES, "angle bracket", ">")
        if self.at - start > PATH:
            raise self.too_long("Path", PATH)
        return Path(mailbox, utf8(route))

    def mailbox(self) -> str:
        """``Local-part "@" ( Domain / address-literal )``; the value has the fewest quotes possible."""
        if octets := self.may_take(QUOTED, "local part"):
            local = quoted(re.sub(r"\\(.)", r"\1", self.checked(octets[1:-1], "Local-part", LOCAL_PART)))
        else:
            octets = self.take(DOT_STRING, "local part", "Local-part")
            local = self.checked(octets, "Local-part", LOCAL_PART)
        self.take(AT, "at sign", "@")
        if self.sees(BRACKET):
            return f"{local}@{self.literal()}"
        return f"{local}@{self.checked(self.take(NAME, 'domain', 'Domain'), 'Domain', DOMAIN)}"

    def literal(self) -> str:
        """``[192.0.2.1]`` or ``[IPv6:2001:db8::1]`` (§4.1.3): no other tag was ever registered."""
        octets = self.take(LITERAL, "address literal", "address-literal").decode("ascii")
        inner = octets[1:-1]
        if not (is_ipv6(inner[5:]) if inner[:5].lower() == "ipv6:" else is_ipv4(inner)):
            raise Refused("smtp.literal", f"501 {self.enhanced} {octets} is no address literal", literal=octets)
        return octets

    def parameters(self) -> Parameters:
        """``*( SP keyword [ "=" value ] )`` (§4.1.2); what the values mean is for later."""
        self.enhanced = "5.5.4"
        found: Parameters = {}
        while not self.sees(END):
            self.space("a parameter")
            keyword = self.take(KEYWORD, "parameter", "esmtp-keyword").decode("ascii").upper()
            if keyword in found:
                raise Refused("smtp.parameter-twice", f"501 5.5.4 {keyword} stands there twice", parameter=keyword)
            found[keyword] = ""
            if self.may_take(EQUALS, "equals"):
                found[keyword] = utf8(self.take(VALUE, "value", "esmtp-value"))
        return found

    def name_to_verify(self) -> tuple[object, ...]:
        """VRFY and EXPN: a String, and perhaps SMTPUTF8 (RFC 6531 §3.7.4.2)."""
        self.space("String")
        words: list[bytes] = []
        while not words or (self.sees(SPACE) and not self.sees(END)):
            if words:
                self.space("String")
            if words and self.sees(UTF8):
                self.take(UTF8, "parameter")
                return b" ".join(words).decode("utf-8"), True
            word = self.take(NAME_WORD, "text", "String")
            utf8(word)
            words.append(word)
        return b" ".join(words).decode("utf-8"), False

    def authentication(self) -> tuple[object, ...]:
        """``AUTH mechanism [ initial-response ]`` (RFC 4954 §8); None where there is no initial response."""
        self.space("a mechanism")
        mechanism = self.take(MECHANISM, "mechanism", "sasl-mech").decode("ascii").upper()
        if self.sees(END):
            return mechanism, None
        self.space("initial-response")
        return mechanism, self.take(WORD, "initial response", "initial-response")

    def chunk(self) -> tuple[object, ...]:
        """``BDAT chunk-size [ LAST ]`` (RFC 3030 §2)."""
        self.space("chunk-size")
        size = int(self.take(SIZE, "octets", "chunk-size"))
        if self.sees(END):
            return size, False
        self.space("LAST")
        self.take(LAST, "keyword", "LAST")
        return size, True

    def node(self) -> tuple[object, ...]:
        """``ETRN [ "@" / "#" ] node-name`` (RFC 1985 §5)."""
        self.space("node-name")
        return (self.take(NODE, "node", "node-name").decode("ascii"),)

    def response(self) -> bytes:
        """A line of an AUTH exchange; b"*" takes AUTH back."""
        octets = self.may_take(CANCEL, "cancel") or self.may_take(SECRET, "SASL response")
        self.take(CRLF, "CRLF")
        return octets

    def checked(self, octets: bytes, production: str, limit: int) -> str:
        """The text, if it is UTF-8 and not too long."""
        if len(octets) > limit:
            raise self.too_long(production, limit)
        return utf8(octets)

    def too_long(self, production: str, limit: int) -> Refused:
        text = f"501 {self.enhanced} {production} has at most {limit} octets"
        return Refused("smtp.long-part", text, production=production, limit=str(limit))

    # -- what the server says

    def reply(self, verb: str) -> None:
        """A whole reply, line by line."""
        first = True
        while self.at < len(self.data):
            self.take(CODE, "reply code")
            self.may_take(MORE, "more lines follow") or self.may_take(SPACE, "space")
            if verb in ("", "EHLO", "HELO") and self.data[self.at - 4 : self.at - 3] == b"2":
                self._introduction(first) if first or verb != "EHLO" else self._offer()
            elif verb == "AUTH" and self.data[self.at - 4 : self.at - 1] == b"334":
                self.may_take(BASE64, "challenge")
            elif self.may_take(ENHANCED, "enhanced code"):
                self.may_take(SPACE, "space")
            while not self.sees(CRLF):
                self.take(TEXT, "text")
            self.take(CRLF, "CRLF")
            first = False

    def _introduction(self, first: bool) -> None:
        """Who the server says it is."""
        if first and self.may_take(GREETER, "domain"):
            self.may_take(SPACE, "space")

    def _offer(self) -> None:
        """``SIZE 10240000``"""
        self.take(OFFER, "extension")
        if self.may_take(SPACE, "space") and not self.sees(CRLF):
            self.take(TEXT, "parameters")

    # -- a message on its way

    def block(self) -> None:
        """What follows 354: stuffed dots, and the dot that ends all."""
        in_header = True
        while self.at < len(self.data):
            if self.sees(LAST_DOT):
                self.take(DOT, "end of data")
                self.take(CRLF, "CRLF")
                return
            if self.sees(DOUBLED):
                self.take(DOT, "stuffed dot")
            in_header = self._line(in_header)

    def octets(self) -> None:
        """What follows BDAT: no dot means anything."""
        in_header = True
        while self.at < len(self.data):
            in_header = self._line(in_header)

    def _line(self, in_header: bool) -> bool:
        """One line of a message; whether the next is still in the header."""
        if in_header:
            in_header = not self.sees(CRLF)
            self.may_take(FIELD, "field name")
        while not self.sees(CRLF) and self.at < len(self.data):
            self.take(TEXT, "field value" if in_header else "body line")
        self.may_take(CRLF, "CRLF")
        return in_header


ARGUMENTS: dict[str, Callable[[Reader], tuple[object, ...]]] = {
    "EHLO": Reader.greeting,
    "HELO": Reader.greeting,
    "MAIL": Reader.mail,
    "RCPT": Reader.recipient,
    "DATA": Reader.nothing,
    "BDAT": Reader.chunk,
    "RSET": Reader.nothing,
    "NOOP": Reader.rest,
    "QUIT": Reader.nothing,
    "VRFY": Reader.name_to_verify,
    "EXPN": Reader.name_to_verify,
    "HELP": Reader.rest,
    "STARTTLS": Reader.nothing,
    "AUTH": Reader.authentication,
    "ETRN": Reader.node,
}


def utf8(octets: bytes) -> str:
    """UTF-8, or Refused (RFC 6531 §3.3)."""
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("smtp.not-utf8", "501 5.5.2 octets beyond ASCII have to be UTF-8") from None


def shown(octets: bytes) -> str:
    """Octets of the other side's, fit to stand in a reply: printable ASCII only."""
    return octets.decode("ascii", "backslashreplace")


def quoted(local: str) -> str:
    """A local-part as it is written: quotes only where it needs them (§4.1.2)."""
    if DOT_STRING.fullmatch(local.encode()):
        return local
    return '"' + re.sub(r'(["\\])', r"\\\1", local) + '"'


def is_ipv4(text: str) -> bool:
    """``Snum 3("." Snum)``"""
    return IPV4.fullmatch(text) is not None and all(int(number) <= 255 for number in text.split("."))


def is_ipv6(text: str) -> bool:
    """IPv6-full, -comp, v4-full or v4-comp; a ``::`` stands for two groups at least (§4.1.3)."""
    head, colon, tail = text.rpartition(":")
    most = 8
    if "." in tail:
        if not is_ipv4(tail) or not colon:
            return False
        text, most = (head + ":" if head.endswith(":") else head), 6
    left, double, right = text.partition("::")
    groups = [group for side in (left, right) if side for group in side.split(":")]
    if not all(re.fullmatch(r"[0-9A-Fa-f]{1,4}", group) for group in groups):
        return False
    return len(groups) <= most - 2 if double else len(groups) == most


def read(line: bytes) -> tuple[str, tuple[object, ...]]:
    """``b"bdat 9 last\\r\\n"`` -> ``("BDAT", (9, True))``; Refused when it is no command."""
    reader = Reader(line)
    verb = reader.verb()
    if verb not in ARGUMENTS:
        raise Refused("smtp.unknown", f"500 5.5.2 {verb} is not a command", command=verb)
    return verb, reader.arguments(verb)


def is_mailbox(text: str) -> bool:
    """Whether it can stand between < and >."""
    try:
        reader = Reader(text.encode("utf-8", "surrogatepass"))
        reader.mailbox()
    except Refused:
        return False
    return reader.at == len(reader.data)


def is_host(text: str) -> bool:
    """Whether EHLO may say it."""
    try:
        reader = Reader(text.encode("utf-8", "surrogatepass"))
        reader.host()
    except Refused:
        return False
    return reader.at == len(reader.data)


def spans(data: bytes, sender: str, verb: str = "", first: bool = True) -> list[Span]:
    """What each octet is: (length, name), adding up to all of `data`, whatever it holds.

    `sender` is "client" or "server", `verb` the command it belongs to ("" for the greeting), `first` whether it is
    the first piece of the exchange: later pieces are a client's message after DATA or BDAT, or its SASL responses.
    """
    reader = Reader(data)
    verb = verb.upper()
    try:
        if sender != "client":
            reader.reply(verb)
        elif first:
            word = reader.verb()
            if word in ARGUMENTS:
                reader.arguments(word)
        elif verb == "DATA":
            reader.block()
        elif verb == "BDAT":
            reader.octets()
        else:
            reader.response()
    except Refused:
        pass  # what the reader does not understand gets the names below
    return [*reader.spans, *_rest(data[reader.at :], "garbage" if sender == "client" else "text")]


def _rest(data: bytes, name: str) -> Iterator[Span]:
    """What is left, with each CRLF a span of its own."""
    for piece in re.split(rb"(\r\n)", data):
        if piece:
            yield len(piece), "CRLF" if piece == b"\r\n" else name
