"""A message as its original bytes (RFC 5322): fields with exact positions.  Nothing is ever re-encoded.

    message = Message(data)
    message.first("Subject").text        -> "Grüße", unfolded and decoded
    message.first("subject").data        -> b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\\r\\n", as it came
    data[field.start :].startswith(field.data)       of every field
    data == b"".join(f.data for f in message.fields) + message.separator + message.body

The header ends at an empty line.  Where a line is neither a field nor goes on with one, the body begins right there, as
Postfix, sendmail and Python's own parser have it.  Lines end with CRLF or with LF; both are kept as they are.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from functools import cached_property
from mimetypes import MimeTypes
from quopri import decodestring

from .acts import LabError

Span = tuple[int, str]  # so many octets, and what they are

# A name, blanks that only old messages have before the colon (RFC 5322 §4.5), and the line with all that is folded.
FIELD = re.compile(rb"([!-9;-~]++)[ \t]*+:[^\n]*+(?:\n[ \t][^\n]*+)*+\n?+")
EMPTY_LINE = re.compile(rb"\r?\n")
MBOX = re.compile(rb"From [^\n]*+\n")  # not of the message: how a mailbox file parts its messages
FOLD = re.compile(r"\r?\n(?=[ \t])")
WORD = r"=\?([\w!#$%&'*+^`{|}~-]+)\?([BbQq])\?([!->@-~]*)\?="  # charset, encoding, text (RFC 2047 §2)
ENCODED_WORD = re.compile(WORD, re.ASCII)
BETWEEN = re.compile(rf"(\?=)[ \t]+(?={WORD})", re.ASCII)  # blanks between two of them (§6.2)


@dataclass(slots=True)
class Field:
    """One header field, whole: name, colon, value, folds and line ends.  `start` is its place in the message."""

    name: str  # as it stands there; "" is a mailbox file's "From " line
    data: bytes
    start: int = 0

    @property
    def value(self) -> bytes:
        """All that stands after the colon, line ends included."""
        return self.data.partition(b":")[2] if self.name else self.data

    @property
    def text(self) -> str:
        """The value as a person reads it: unfolded, encoded words decoded, no blanks around."""
        return decoded(unfolded(self.value))


class Message:
    """The fields of a header, and the body.  Every octet of `data` stands in one of them or in `separator`."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.fields = tuple(read_fields(data))
        self.header_end = self.fields[-1].start + len(self.fields[-1].data) if self.fields else 0
        blank = EMPTY_LINE.match(data, self.header_end)
        self.body_start = blank.end() if blank else self.header_end

    @cached_property
    def has_bare_lf(self) -> bool:
        """Whether some LF has no CR before it: the message was kept in a file of lines, or is not well-formed."""
        return self.data.count(b"\n") != self.data.count(b"\r\n")

    @property
    def header(self) -> bytes:
        """All fields, without the empty line."""
        return self.data[: self.header_end]

    @property
    def separator(self) -> bytes:
        """The empty line between header and body; b"" where there is none."""
        return self.data[self.header_end : self.body_start]

    @property
    def body(self) -> bytes:
        return self.data[self.body_start :]

    def all(self, name: str) -> tuple[Field, ...]:
        """The fields of this name, from the top down; upper or lower case makes no difference."""
        name = name.lower()
        return tuple(field for field in self.fields if field.name.lower() == name)

    def first(self, name: str) -> Field | None:
        """The topmost field of this name."""
        name = name.lower()
        return next((field for field in self.fields if field.name.lower() == name), None)

    def __bytes__(self) -> bytes:
        return self.data

    def __repr__(self) -> str:
        return f"<Message of {len(self.fields)} fields, {len(self.data)} octets>"


def read_fields(data: bytes) -> Iterator[Field]:
    at = 0
    envelope = MBOX.match(data)
    if envelope:
        yield Field("", envelope[0], 0)
        at = envelope.end()
    while found := FIELD.match(data, at):
        yield Field(found[1].decode("ascii"), found[0], at)
        at = found.end()


# -- text --------------------------------------------------------------------------------------------------------------


def unfolded(value: bytes) -> str:
    """The value in one line (RFC 5322 §2.2.3), as UTF-8 (RFC 6532), or as latin-1 where it is not that."""
    return FOLD.sub("", as_text(value)).strip(" \t\r\n")


# Python knows stranger "charsets", and one of them takes time by the square: a stranger may name only these.
CHARSET = re.compile(
    r"(?i)us-ascii|utf-?(?:8|16|32)(?:le|be)?|iso-?8859-?\d{1,2}|windows-?\d{3,4}|cp-?\d{3,4}|koi8-[rut]|gb\w{3,5}|"
    r"big5(?:-?hkscs)?|euc-?(?:jp|kr|cn)|shift[_-]?jis|iso-2022-\w{2,6}|tis-620|macintosh|hz-gb-2312",
    re.ASCII,
)


def as_text(octets: bytes, charset: str = "utf-8") -> str:
    """Never fails: latin-1 takes what is not in the charset, or when nobody knows the charset."""
    try:
        return octets.decode(charset if CHARSET.fullmatch(charset) else "latin-1")
    except (UnicodeError, LookupError):
        return octets.decode("latin-1")


def decoded(text: str) -> str:
    """``"=?utf-8?q?Gr=C3=BC=C3=9Fe?="`` -> ``"Grüße"`` (RFC 2047); what is no encoded word stays."""
    return ENCODED_WORD.sub(_decoded_word, BETWEEN.sub(r"\1", text)) if "=?" in text else text


def _decoded_word(word: re.Match[str]) -> str:
    charset, encoding, text = word.groups()
    try:
        octets = (
            b64decode(text + "=" * (-len(text) % 4), validate=True)
            if encoding in "Bb"
            else decodestring(text.encode("ascii"), header=True)
        )
    except NotBase64:
        return word[0]
    return as_text(octets, charset.partition("*")[0])  # RFC 2231 §5: a language may stand after the charset


# -- addresses ---------------------------------------------------------------------------------------------------------

TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*+"?|\[(?:[^]\\]|\\.)*+\]?|[<>,;:@.]|[^\s"(),.:;<>@[\\]+|\\.|\s+|.', re.DOTALL
)  # a quoted string, a domain literal, a special, a word, blanks


def addresses(field: Field) -> list[str]:
    """The addr-specs in a field of addresses (RFC 5322 §3.4), without names, comments and groups.

    ``Friends: "b@x" <bob@beta.example>, (me) alice@alpha.example;`` -> ``["bob@beta.example", "alice@alpha.example"]``

    In doubt it finds more rather than fewer: two addresses without a comma are two.  What has no @ is no address.
    """
    found: list[str] = []
    plain: list[str] = []  # what may be an address without angle brackets
    tokens = list(_tokens(unfolded(field.value)))
    at = 0
    while at < len(tokens):
        token = tokens[at]
        at += 1
        if token == "<":
            end = next((n for n in range(at, len(tokens)) if tokens[n] in ("<", ">")), len(tokens))
            found += _address(_without_route(tokens[at:end]))
            at = end + (tokens[end : end + 1] == [">"])
            plain = []
        elif token in (",", ";"):
            found += _address(plain)
            plain = []
        elif token == ":":
            plain = []  # it was a group's name
        else:
            plain.append(token if token != ">" else " ")
    return found + _address(plain)


def _tokens(text: str) -> Iterator[str]:
    """A structured field in pieces; blanks and comments between two of them are one blank."""
    blank = False
    for token in _without_comments(text):
        if token != " " or not blank:
            yield token
        blank = token == " "


def _without_comments(text: str) -> Iterator[str]:
    """A comment, which may hold comments, counts as a blank."""
    at, depth = 0, 0
    while at < len(text):
        if depth == 0 and text[at] != "(":
            token = TOKEN.match(text, at)
            assert token
            at = token.end()
            yield " " if token[0].isspace() else token[0]
            continue
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 2 if text[at] == "\\" else 1
        if depth == 0:
            yield " "


def _without_route(tokens: list[str]) -> list[str]:
    """``@a,@b:c@d`` -> ``c@d`` (RFC 5322 §4.4): the old way to say by which hosts to go."""
    return tokens[len(tokens) - tokens[::-1].index(":") :] if ":" in tokens else tokens


def _address(tokens: list[str]) -> list[str]:
    """The addr-specs among these tokens: words with an @ that has something on both sides."""
    words: list[list[str]] = [[]]
    for n, token in enumerate(tokens):
        if token != " ":
            words[-1].append(token)
        elif not ({".", "@"} & {*tokens[n - 1 : n], *tokens[n + 1 : n + 2]}):  # blanks around these two part nothing
            words.append([])
    return ["".join(word) for word in words if "@" in word[1:] and word[-1] != "@"]


def authors(message: Message) -> list[str]:
    """Who wrote it, as From says: the addr-specs of all From fields, though there should be but one field."""
    return [address for field in message.all("From") for address in addresses(field)]


# -- making one --------------------------------------------------------------------------------------------------------

TYPES = MimeTypes()  # Python's own list: the same on every machine
ENCODINGS = ("7bit", "8bit", "quoted-printable", "base64")


def compose(
    sender: str,
    recipients: str | Sequence[str],
    subject: str,
    text: str,
    *,
    date: str,
    message_id: str,
    from_: str | None = None,
    headers: Mapping[str, str | None] | None = None,
    attachments: Iterable[tuple[str, bytes]] = (),
    encoding: str = "",
) -> bytes:
    """A well-formed message with CRLF line ends; the same arguments give the same octets.

    `from_` is what the From field says, when that is not the sender; `headers` adds fields, puts others in the place of
    ours, or takes them away (None).  `attachments`: (file name, content).  `encoding` is of the text; without one it is
    quoted-printable if it has to be.
    """
    recipients = [recipients] if isinstance(recipients, str) else list(recipients)
    wanted = {
        "From": from_ if from_ is not None else sender,
        "To": ", ".join(recipients),
        "Subject": subject,
        "Date": date,
        "Message-ID": message_id,
    }
    ours = {name.lower(): name for name in wanted}
    for name, value in (headers or {}).items():
        wanted[ours.get(name.lower(), name)] = value  # type: ignore[assignment]
    people = ", ".join(filter(None, map(wanted.get, ("From", "To"))))
    ascii_only = all(
        address.isascii() for address in addresses(Field("To", b"To:" + people.encode("utf-8", "replace")))
    )
    mail = EmailMessage(policy=SMTP if ascii_only else SMTPUTF8)  # a name can be encoded, an address cannot
    for name, value in wanted.items():
        if value is not None:
            _set(mail, name, value)
    mail.set_content(text, cte=_encoding(text, encoding))
    for filename, content in attachments:
        if not filename.isprintable():
            raise LabError(f"{filename!r} cannot be the name of a file: give one line of text.")
        main, _, sub = (TYPES.guess_type(filename)[0] or "application/octet-stream").partition("/")
        mail.add_attachment(content, maintype=main, subtype=sub, filename=filename)
    if mail.is_multipart():
        seed = repr((message_id, text, list(mail.items()))).encode()
        mail.set_boundary(f"=_{hashlib.sha256(seed).hexdigest()[:24]}")
    return bytes(mail)


def _set(mail: EmailMessage, name: str, value: str) -> None:
    """Add a field; what cannot be one is the notebook user's mistake."""
    if not re.fullmatch(r"[!-9;-~]+", name):
        raise LabError(f"{name!r} cannot be the name of a field: use printable ASCII letters without blank and colon.")
    try:
        mail[name] = value
    except ValueError as wrong:
        raise LabError(f"{value!r} cannot be the value of {name} ({wrong}): give one line of text.") from wrong


def _encoding(text: str, wanted: str) -> str:
    """The Content-Transfer-Encoding of a text (RFC 2045 §6)."""
    if wanted and wanted not in ENCODINGS:
        raise LabError(f"{wanted!r} is no encoding for a text: give one of {', '.join(ENCODINGS)}.")
    if wanted == "7bit" and not text.isascii():
        raise LabError("This text has letters that 7bit cannot carry: give encoding='quoted-printable'.")
    fits = text.isascii() and all(len(line) <= 998 for line in text.split("\n"))  # RFC 5322 §2.1.1
    return wanted or ("7bit" if fits else "quoted-printable")


# -- what each octet is ------------------------------------------------------------------------------------------------

LINE_END = re.compile(rb"(\r?\n)")
NAMES = {b"\r\n": "CRLF", b"\n": "LF"}


def spans(data: bytes, sender: str = "", verb: str = "", first: bool = True) -> list[Span]:
    """What each octet of a message is: (length, name), adding up to all of `data`.

    The other arguments are there because every reader has them; a message has no sender and no verb.
    """
    message = Message(data)
    found: list[Span] = []
    for field in message.fields:
        found += field_spans(field)
    if message.separator:
        found.append((len(message.separator), "end of header"))
    return [*found, *_lines(message.body, "body line")]


def field_spans(field: Field) -> list[Span]:
    """Name, colon, value; a line end inside a field is a fold."""
    if not field.name:
        return list(_lines(field.data, "mailbox file's line"))
    length = len(field.data) - len(field.value)
    found: list[Span] = [(len(field.name), "field name")]
    if length - 1 > len(field.name):
        found.append((length - 1 - len(field.name), "blank"))
    lines = list(_lines(field.value, "field value"))
    folds: list[Span] = [(octets, "fold" if name in ("CRLF", "LF") else name) for octets, name in lines[:-1]]
    return [*found, (1, "colon"), *folds, *lines[-1:]]


def _lines(data: bytes, name: str) -> Iterator[Span]:
    for piece in LINE_END.split(data):
        if piece:
            yield len(piece), NAMES.get(piece, name)
