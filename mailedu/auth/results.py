"""Authentication-Results (RFC 8601): what a receiver found, in a header field for those who come after it.

    Authentication-Results: mx.beta.example;
     spf=pass smtp.mailfrom=alice@alpha.example;
     dkim=pass header.d=alpha.example header.s=lab;
     dmarc=pass header.from=alpha.example policy.dmarc=reject

`write` makes the field from findings, `read` takes one apart again.  Everybody can write such a field into a message,
so a receiver takes those that bear its own name away before it adds its own (`without_forged`), and believes no others.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..acts import Acts, Refused, Rule
from ..message import Field, Message, unfolded
from ..names import canonical

FIELD = "Authentication-Results"
VERSION = "1"  # of the specification: what a field without a version has (§2.2)
WIDTH = 78  # where lines are folded (RFC 5322 §2.1.1)

TEXT = r"[^\x00-\x20\x7f\ud800-\udfff()<>@,;:\\\"/\[\]?=]"  # of a token (RFC 2045 §5.1); UTF-8 too (RFC 6532 §3.2)
LOCAL = r"[^\x00-\x20\x7f\ud800-\udfff()<>@,;:\\\"\[\].]"  # of an atom (RFC 5322 §3.2.3)
BAD = r"\x00-\x08\x0a-\x1f\x7f\ud800-\udfff"  # what no quoted string may hold
STRING = rf'"(?:[^"\\{BAD}]|\\[^{BAD}])*"'  # RFC 5322 §3.2.4, unfolded
KEYWORD = re.compile(r"[A-Za-z0-9-]*[A-Za-z0-9](?![A-Za-z0-9-])")  # RFC 5321 §4.1.2
TOKEN = re.compile(f"{TEXT}+")
QUOTED = re.compile(STRING)
ADDRESS = re.compile(f"(?:{LOCAL}+(?:\\.{LOCAL}+)*|{STRING})?@{TEXT}+")
NO_RESULT = re.compile(r"none(?=[\s(]|\Z)", re.IGNORECASE)
SEMICOLON, SLASH, EQUALS, END = (re.compile(pattern) for pattern in (";", "/", "=", r"\Z"))
DIGITS = re.compile(r"[0-9]+")
BLANKS = re.compile(r"[ \t\r\n]+")
COMMENT = re.compile(r"[^()\\]+|\\.", re.DOTALL)
PAIR = re.compile(r"\\(.)", re.DOTALL)
CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


# -- what a field says -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Property:
    """One thing a method looked at: ``header.d=alpha.example`` (§2.3)."""

    kind: str  # the ptype: "smtp", "header", "body", "policy"
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Result:
    """What one method found (§2.2)."""

    method: str  # "spf", "dkim", "dmarc", …
    result: str
    properties: tuple[Property, ...] = ()
    reason: str = ""
    comment: str = ""  # for people: it means nothing
    version: str = ""  # of the method; "" is 1

    def __getitem__(self, name: str) -> str:
        """The value of a property, ``result["header.d"]``; "" when it is not there."""
        return next((given.value for given in self.properties if f"{given.kind}.{given.name}" == name.lower()), "")


@dataclass(frozen=True, slots=True)
class Results:
    """A whole field: who says so, and what was found; without results it says "none"."""

    host: str  # the authserv-id (§2.5)
    results: tuple[Result, ...] = ()
    version: str = ""  # of the specification; "" is 1

    def of(self, method: str) -> list[Result]:
        return [result for result in self.results if result.method == method.lower()]


# -- writing -----------------------------------------------------------------------------------------------------------


class SpfLike(Protocol):
    @property
    def result(self) -> str: ...
    @property
    def domain(self) -> str: ...


class SignatureLike(Protocol):
    @property
    def result(self) -> str: ...
    @property
    def domain(self) -> str: ...
    @property
    def selector(self) -> str: ...


class DmarcLike(Protocol):
    @property
    def result(self) -> str: ...
    @property
    def domain(self) -> str: ...
    @property
    def evaluated(self) -> str: ...


def write(
    host: str,
    spf: SpfLike | None = None,
    signatures: Iterable[SignatureLike] = (),
    dmarc: DmarcLike | None = None,
    *,
    sender: str = "",
    helo: str = "",
    others: Sequence[Result] = (),
) -> bytes:
    """One Authentication-Results field with its CRLF; nothing that a message says can break out of it."""
    found = [spf_result(spf, sender, helo)] if spf is not None else []
    found += [dkim_result(signature) for signature in signatures] or [Result("dkim", "none")]
    found += [dmarc_result(dmarc)] if dmarc is not None else []
    return write_field(Results(host, (*found, *others)))


def spf_result(spf: SpfLike, sender: str = "", helo: str = "") -> Result:
    """§2.7.2: the whole reverse-path where it is known, else its domain; the HELO name for a null sender."""
    if helo and not sender:
        return Result("spf", str(spf.result), properties(("smtp", "helo", helo)))
    return Result("spf", str(spf.result), properties(("smtp", "mailfrom", sender or spf.domain)))


def dkim_result(signature: SignatureLike) -> Result:
    """§2.7.1: whose signature, by which key, and how it begins (RFC 6008 §4); why it did not pass."""
    begins = str(getattr(signature, "signature", ""))[:8]
    given = (("header", "d", signature.domain), ("header", "s", signature.selector), ("header", "b", begins))
    reason = "" if signature.result == "pass" else str(getattr(signature, "reason", ""))
    return Result("dkim", str(signature.result), properties(*given), reason)


def dmarc_result(dmarc: DmarcLike) -> Result:
    """RFC 9989 §9.1: policy.dmarc is the policy after its options, whether or not the message fails."""
    found = properties(("header", "from", dmarc.domain), ("policy", "dmarc", dmarc.evaluated))
    return Result("dmarc", str(dmarc.result), found)


def properties(*given: tuple[str, str, str]) -> tuple[Property, ...]:
    """Those that have a value."""
    return tuple(Property(kind, name, value) for kind, name, value in given if value)


def write_field(results: Results) -> bytes:
    """The field with its CRLF: one method a line, long lines folded (§2.2)."""
    start = f"{FIELD}: {write_value(results.host)}" + (f" {results.version}" if results.version else "")
    parts = [write_result(result) for result in results.results] or [["none"]]
    return (";\r\n ".join([start, *(folded(words) for words in parts)]) + "\r\n").encode("utf-8", "replace")


def write_result(result: Result) -> list[str]:
    """The words of one result; a line may be folded between them."""
    method = f"{result.method}/{result.version}" if result.version else result.method
    words = [f"{method}={result.result}"]
    words += [write_comment(result.comment)] if result.comment else []
    words += [f"reason={write_value(result.reason)}"] if result.reason else []
    return words + [f"{given.kind}.{given.name}={write_pvalue(given.value)}" for given in result.properties]


def folded(words: list[str]) -> str:
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) < WIDTH:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return "\r\n  ".join(lines)


def write_value(value: str) -> str:
    """A token where it is one, else a quoted string."""
    return value if TOKEN.fullmatch(value) else write_string(value)


def write_pvalue(value: str) -> str:
    """An address may stand as it is."""
    return value if ADDRESS.fullmatch(value) else write_value(value)


def write_string(value: str) -> str:
    r"""``'a "b"'`` -> ``'"a \"b\""'``; a control character becomes a question mark (RFC 5322 §3.2.4)."""
    return '"' + re.sub(r'(["\\])', r"\\\1", CONTROL.sub("?", value)) + '"'


def write_comment(text: str) -> str:
    return "(" + re.sub(r"([()\\])", r"\\\1", CONTROL.sub("?", text)) + ")"


# -- reading -----------------------------------------------------------------------------------------------------------


class Reader:
    """A field's value, how far it has been read, and the comments met since somebody asked."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.comments: list[str] = []

    def sees(self, pattern: re.Pattern[str]) -> bool:
        return pattern.match(self.text, self.at) is not None

    def take(self, pattern: re.Pattern[str], wanted: str) -> str:
        """What matches here; Refused when nothing does."""
        found = pattern.match(self.text, self.at)
        if not found:
            rest = self.text[self.at : self.at + 20].strip() or "the end"
            raise Refused("results.syntax", f"{wanted} expected before {rest!r}", wanted=wanted, before=rest)
        self.at = found.end()
        return found[0]

    def literal(self, character: str) -> None:
        self.take(re.compile(re.escape(character)), character)

    def blanks(self) -> None:
        """[CFWS]: blanks, line ends and comments (RFC 5322 §3.2.2)."""
        while self.sees(BLANKS) or self.text[self.at : self.at + 1] == "(":
            if self.sees(BLANKS):
                self.take(BLANKS, "blanks")
            else:
                self.comments.append(self.comment())

    def comment(self) -> str:
        """A comment, which may hold others; the depth is counted, so that no message can make us fall."""
        start, depth = self.at + 1, 0
        while self.at < len(self.text):
            character = self.text[self.at]
            if character in "()":
                self.at += 1
                depth += 1 if character == "(" else -1
                if depth == 0:
                    return PAIR.sub(r"\1", self.text[start : self.at - 1])
            else:
                self.take(COMMENT, "the rest of a comment")
        raise Refused("results.syntax", "a comment has no end", wanted="the end of a comment", before="the end")

    def value(self, wanted: str) -> str:
        """A token or a quoted string."""
        if self.sees(QUOTED):
            return unquoted(self.take(QUOTED, wanted))
        return self.take(TOKEN, wanted)

    def pvalue(self) -> str:
        """An address or a domain, a token, or a quoted string."""
        self.blanks()
        if self.sees(ADDRESS):
            return self.take(ADDRESS, "a value")
        return self.value("a value")

    def keyword(self, wanted: str) -> str:
        return self.take(KEYWORD, wanted).lower()


def read(value: bytes | str) -> Results:
    """What stands after ``Authentication-Results:``; Refused when it does not follow the grammar (§2.2)."""
    reader = Reader(unfolded(value.encode("utf-8", "replace") if isinstance(value, str) else value))
    host, version = read_host(reader)
    results = []
    reader.literal(";")
    reader.blanks()
    if reader.sees(NO_RESULT):
        reader.keyword("none")
        reader.blanks()
    else:
        results.append(read_result(reader))
        while reader.sees(SEMICOLON):
            reader.literal(";")
            results.append(read_result(reader))
    reader.take(END, "the end or a semicolon")
    return Results(host, tuple(results), version)


def read_host(reader: Reader) -> tuple[str, str]:
    """The authserv-id and the version."""
    reader.blanks()
    host = reader.value("an authserv-id")
    reader.blanks()
    version = reader.take(DIGITS, "a version") if reader.sees(DIGITS) else ""
    reader.blanks()
    return host, version


def read_result(reader: Reader) -> Result:
    """resinfo, after its semicolon."""
    reader.blanks()
    method, version = reader.keyword("a method"), ""
    reader.blanks()
    if reader.sees(SLASH):
        reader.literal("/")
        reader.blanks()
        version = reader.take(DIGITS, "a version")
        reader.blanks()
    reader.literal("=")
    reader.blanks()
    result = reader.keyword("a result")
    reader.comments.clear()
    reader.blanks()
    comment = " ".join(reader.comments)
    reason = ""
    found: list[Property] = []
    while reader.sees(KEYWORD):
        kind = reader.keyword("a property")
        reader.blanks()
        if kind == "reason" and not reason and not found and reader.sees(EQUALS):
            reader.literal("=")
            reader.blanks()
            reason = reader.value("a reason")
        else:
            found.append(read_property(reader, kind))
        reader.blanks()
    return Result(method, result, tuple(found), reason, comment, version)


def read_property(reader: Reader, kind: str) -> Property:
    """propspec, after its ptype."""
    reader.literal(".")
    reader.blanks()
    name = reader.keyword("a property")
    reader.blanks()
    reader.literal("=")
    return Property(kind, name, reader.pvalue())


def unquoted(text: str) -> str:
    return PAIR.sub(r"\1", text[1:-1])


# -- whose word it is --------------------------------------------------------------------------------------------------


def trusted(message: Message, hosts: Collection[str]) -> list[Results]:
    """What these hosts wrote into the message, from the top down, as far as it can be read (§4.1).

    Only a receiver that removes what others write in its name may ask for its own.
    """
    ours = {canonical(host) for host in hosts}
    found = [known for field in message.all(FIELD) if (known := readable(field)) is not None]
    return [results for results in found if canonical(results.host) in ours and results.version in ("", VERSION)]


def readable(field: Field) -> Results | None:
    try:
        return read(field.value)
    except Refused:
        return None


def forged(message: Message, hosts: Collection[str]) -> list[tuple[Field, str]]:
    """(field, whose name it bears) of those a receiver must not let in: they claim to come from `hosts` (§5).

    Where nobody can say whose name it is, it goes too: others might read it otherwise than we do.
    """
    ours = {canonical(host) for host in hosts}
    found: list[tuple[Field, str]] = []
    for field in message.all(FIELD):
        try:
            claimed, _ = read_host(Reader(unfolded(field.value)))
        except Refused:
            found.append((field, ""))
            continue
        if canonical(claimed) in ours:
            found.append((field, claimed))
    return found


def without_forged(data: bytes, hosts: Collection[str]) -> Acts[bytes]:
    """The message without such fields; every other octet stays (§5)."""
    for field, claimed in reversed(forged(Message(data), hosts)):
        data = data[: field.start] + data[field.start + len(field.data) :]
        yield Rule("results.forged", "removed", {"host": claimed or "somebody"})
    return data
