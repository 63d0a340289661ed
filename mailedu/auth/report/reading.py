"""Reading aggregate reports (RFC 9990): from a mail, a gzip or zip file, or plain XML.

Whoever can send mail can send a report, so nothing in it is trusted.  It is unpacked piece by piece, never farther
than a limit, and never two layers.  A document type, the root of every XML bomb and every entity, ends the reading
before anything is expanded.  What is not in the schema is passed over and not kept.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Iterator
from email.message import Message as Header
from functools import lru_cache
from ipaddress import ip_address
from quopri import decodestring
from typing import Any
from xml.parsers import expat

from ...acts import Refused
from ...message import Message
from .aggregate import NAMESPACE, OVERRIDES, Published, Report, Row, Signed, Spf

PACKED = 25_000_000  # octets of a file as it comes
UNPACKED = 250_000_000  # octets of XML
ROWS = 500_000
TEXTS = 32  # pieces of one text, each of at most a chunk
DEPTH = 20  # of elements in one another; the schema needs six
PARTS = 50  # of a mail that are looked at, multiparts in one another too
CHUNK = 65_536
GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
TYPES = ("application/gzip", "application/x-gzip", "application/zip", "application/x-zip-compressed", "text/xml")
NAMES = re.compile(r"\.(xml|gz|zip)\Z", re.IGNORECASE)
SPACES = ("", NAMESPACE + " ", "http://dmarc.org/dmarc-xml/0.1 ")  # namespaces; before RFC 9990 most had none


def read(data: bytes, *, unpacked: int = UNPACKED, rows: int = ROWS) -> Report:
    """The report in this mail, file or document; Refused says by its rule what is wrong with it."""
    if len(data) > PACKED and data.startswith((GZIP, ZIP)):
        raise Refused("report.too-large", "the file is too large", limit=str(PACKED))
    parser = Parser(rows)
    for piece in pieces(file_in(data), unpacked):
        parser.feed(piece)
    return parser.end()


# -- the file ----------------------------------------------------------------------------------------------------------


def file_in(data: bytes) -> bytes:
    """The file itself, or the first part of a mail that looks like one (§3.5.2)."""
    if data.startswith((GZIP, ZIP)) or data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") or is_utf16(data):
        return data
    found = next(parts(data), None)
    if found is None:
        raise Refused("report.no-file", "there is no report in it")
    if len(found) > PACKED:
        raise Refused("report.too-large", "the file is too large", limit=str(PACKED))
    return found


def is_utf16(data: bytes) -> bool:
    return data.startswith((b"\xff\xfe", b"\xfe\xff", b"<\x00", b"\x00<"))


def parts(data: bytes) -> Iterator[bytes]:
    """The parts of a mail that may be reports, decoded; multiparts are looked into, but not for ever."""
    todo, looked_at = [data], 0
    while todo and looked_at < PARTS:
        message = Message(todo.pop(0))
        looked_at += 1
        header = header_of(message)
        boundary = str(header.get_param("boundary") or "")
        if header.get_content_maintype() == "multipart" and boundary:
            todo[:0] = split(message.body, boundary)
        elif header.get_content_type() in TYPES or NAMES.search(str(header.get_filename() or "")):
            yield decoded(message.body, str(header.get("Content-Transfer-Encoding", "")))


def header_of(message: Message) -> Header:
    """The fields that say what the body is, for the standard library to take apart."""
    header = Header()
    for name in ("Content-Type", "Content-Disposition", "Content-Transfer-Encoding"):
        field = message.first(name)
        if field is not None:
            header[name] = field.text[:2000]
    return header


def split(body: bytes, boundary: str) -> list[bytes]:
    """The parts between the boundaries (RFC 2046 §5.1.1)."""
    line = re.compile(rb"(?:^|\r?\n)--" + re.escape(boundary.encode("utf-8", "replace")) + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    found, start = [], -1
    for delimiter in line.finditer(body):
        if start >= 0:
            found.append(body[start : delimiter.start()].lstrip(b"\r").removeprefix(b"\n"))
        if delimiter[1] or len(found) > PARTS:
            return found
        start = delimiter.end()
    return found if start < 0 else [*found, body[start:].lstrip(b"\r").removeprefix(b"\n")]


def decoded(body: bytes, encoding: str) -> bytes:
    match encoding.strip().lower():
        case "base64":
            try:
                return b64decode(body)
            except NotBase64:
                raise Refused("report.broken", "the base64 is broken", what="base64") from None
        case "quoted-printable":
            return decodestring(body)
    return body


# -- unpacked, piece by piece ------------------------------------------------------------------------------------------


def pieces(data: bytes, limit: int) -> Iterator[bytes]:
    """The XML in this file, in pieces; never more than `limit` octets of it."""
    total = 0
    for piece in unpacked_pieces(data):
        if not total and piece.startswith((GZIP, ZIP)):
            raise Refused("report.layers", "there is another archive in the archive")
        total += len(piece)
        if total > limit:
            raise Refused("report.too-large", "unpacked it is too large", limit=str(limit))
        yield piece


def unpacked_pieces(data: bytes) -> Iterator[bytes]:
    if data.startswith(GZIP):
        return gunzip(data)
    if data.startswith(ZIP):
        return unzip(data)
    return (data[at : at + CHUNK] for at in range(0, len(data), CHUNK))


def gunzip(data: bytes) -> Iterator[bytes]:
    """All members of a gzip file (RFC 1952 §2.2)."""
    while data.startswith(GZIP):
        engine = zlib.decompressobj(wbits=31)
        while not engine.eof:
            try:
                piece = engine.decompress(data, CHUNK)
            except zlib.error:
                raise Refused("report.broken", "the gzip is broken", what="gzip") from None
            data = engine.unconsumed_tail
            if piece:
                yield piece
            elif not data and not engine.eof:
                raise Refused("report.truncated", "the file ends too early")
        data = engine.unused_data


def unzip(data: bytes) -> Iterator[bytes]:
    """The one file in a zip, as receivers sent it before RFC 7489 asked for gzip."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(files) != 1:
                raise Refused("report.many-files", f"{len(files)} files in the archive", count=str(len(files)))
            with archive.open(files[0]) as file:
                while piece := file.read(CHUNK):
                    yield piece
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError):
        raise Refused("report.broken", "the zip is broken", what="zip") from None


# -- the XML -----------------------------------------------------------------------------------------------------------

Values = dict[str, Any]  # the leaves met in an element, by name; lists for what may come several times


class Node:
    """An element of the schema: its leaves, its other children, and what it becomes if it is no part of its parent."""

    def __init__(
        self, leaves: str, becomes: Callable[[Values], tuple[str, Any]] | None = None, **children: Node
    ) -> None:
        self.becomes = becomes
        known: dict[str, Node | str] = {**{name: name for name in leaves.split()}, **children}
        self.children = {space + name: child for name, child in known.items() for space in SPACES}


def need(values: Values, name: str, *allowed: str) -> str:
    """The text of an element that has to be there, and has to be one of these."""
    text: str = values.get(name, "")
    if not text or (allowed and text not in allowed):
        wanted = f"{name} of {', '.join(allowed)}" if allowed else name
        raise Refused("report.format", f"{wanted} is wanted, there is {text[:40]!r}", wanted=wanted, there=text[:40])
    return text


def may(values: Values, name: str, *allowed: str) -> str:
    return need(values, name, *allowed) if values.get(name) else ""


def number(values: Values, name: str) -> int:
    text = need(values, name)
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise Refused("report.format", f"{name} is no number", wanted=f"a number as {name}", there=text[:40])
    return int(text)


@lru_cache(4096)
def address(text: str) -> str:
    """An IP address as it stands there."""
    try:
        ip_address(text)
    except ValueError:
        raise Refused(
            "report.format", "source_ip is no address", wanted="an address as source_ip", there=text[:40]
        ) from None
    return text


DISPOSITIONS = ("none", "quarantine", "reject")
DKIM_RESULTS = ("none", "pass", "fail", "policy", "neutral", "temperror", "permerror")
SPF_RESULTS = (*DKIM_RESULTS, "softfail", "hardfail", "unknown")
OLD_OVERRIDES = ("forwarded", "sampled_out")  # RFC 7489 §C


def to_signed(values: Values) -> tuple[str, Any]:
    result = need(values, "result", *DKIM_RESULTS)
    return "signatures", Signed(need(values, "domain"), may(values, "selector"), result, may(values, "human_result"))


def to_spf(values: Values) -> tuple[str, Any]:
    return "checked", Spf(values.get("domain", ""), need(values, "result", *SPF_RESULTS), may(values, "human_result"))


def to_reason(values: Values) -> tuple[str, Any]:
    return "reasons", (need(values, "type", *OVERRIDES, *OLD_OVERRIDES), may(values, "comment"))


def to_row(values: Values) -> tuple[str, Any]:
    checked = values.get("checked", ())
    return "rows", Row(
        address(need(values, "source_ip")),
        number(values, "count"),
        need(values, "disposition", *DISPOSITIONS, "pass"),
        need(values, "dkim", "pass", "fail"),
        need(values, "spf", "pass", "fail"),
        need(values, "header_from"),
        values.get("envelope_from", ""),
        values.get("envelope_to", ""),
        tuple(values.get("signatures", ())),
        checked[0] if checked else None,
        tuple(values.get("reasons", ())),
    )


def to_published(values: Values) -> tuple[str, Any]:
    return "published", Published(
        need(values, "domain"),
        need(values, "p", *DISPOSITIONS),
        may(values, "sp", *DISPOSITIONS),
        may(values, "np", *DISPOSITIONS),
        may(values, "adkim", "r", "s") or "r",
        may(values, "aspf", "r", "s") or "r",
        values.get("fo", "") or "0",
        may(values, "testing", "y", "n") or "n",
        may(values, "discovery_method", "psl", "treewalk"),
    )


FEEDBACK = Node(
    "version",
    report_metadata=Node("org_name email extra_contact_info report_id error generator", date_range=Node("begin end")),
    policy_published=Node("domain p sp np adkim aspf fo testing discovery_method", to_published),
    record=Node(
        "",
        to_row,
        row=Node(
            "source_ip count", policy_evaluated=Node("disposition dkim spf", reason=Node("type comment", to_reason))
        ),
        identifiers=Node("header_from envelope_from envelope_to"),
        auth_results=Node(
            "",
            dkim=Node("domain selector result human_result", to_signed),
            spf=Node("domain scope result human_result", to_spf),
        ),
    ),
)
ROOT = Node("", feedback=FEEDBACK)


NO_CHILDREN: dict[str, Node | str] = {}


class Parser:
    """Takes XML in pieces; keeps what the schema knows."""

    def __init__(self, most: int = ROWS) -> None:
        self.most, self.rows = most, 0
        self.nodes: list[Node] = [ROOT]
        self.children = ROOT.children  # what may come now
        self.values: list[Values] = [{}]
        self.leaf = ""
        self.text: list[str] = []
        self.passed_over = 0  # how deep we are in what the schema does not know
        self.parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self.doctype
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.stop

    def feed(self, data: bytes, last: bool = False) -> None:
        try:
            self.parser.Parse(data, last)
        except (expat.ExpatError, LookupError, ValueError) as wrong:  # the last two: an encoding nobody knows
            raise Refused("report.xml", f"this is not XML: {wrong}", problem=str(wrong)) from None
        if len(self.text) > TEXTS:
            raise Refused("report.format", "a text has no end", wanted="a shorter text", there=self.text[0][:40])

    def end(self) -> Report:
        self.feed(b"", last=True)
        return report(self.values[0])

    def doctype(self, *_: object) -> None:
        raise Refused("report.doctype", "a report has no document type")

    def start(self, name: str, _: object) -> None:
        child = self.children.get(name)
        if isinstance(child, str):
            self.leaf = child
            self.children = NO_CHILDREN
            self.parser.CharacterDataHandler = self.text.append  # what stands between elements is not even heard
        elif child is None:
            self.pass_over(name)
        else:
            self.nodes.append(child)
            self.children = child.children
            if child.becomes is not None:
                self.values.append({})

    def pass_over(self, name: str) -> None:
        """An element that the schema does not know, and all that is in it."""
        if self.leaf:
            raise Refused("report.format", "an element in a text", wanted=f"text in {self.leaf}", there=name[-40:])
        if len(self.nodes) == 1:
            raise Refused("report.format", "this is no report", wanted="feedback", there=name[-40:])
        self.passed_over += 1
        self.children = NO_CHILDREN
        if self.passed_over > DEPTH:
            raise Refused("report.depth", "elements lie too deep in one another", limit=str(DEPTH))

    def stop(self, _: str) -> None:
        if self.leaf:
            self.parser.CharacterDataHandler = None
            self.keep(self.leaf, "".join(self.text).strip())
            self.text.clear()
            self.leaf = ""
            self.children = self.nodes[-1].children
        elif self.passed_over:
            self.passed_over -= 1
            self.children = NO_CHILDREN if self.passed_over else self.nodes[-1].children
        else:
            self.close(self.nodes.pop())

    def close(self, node: Node) -> None:
        self.children = self.nodes[-1].children
        if node.becomes is not None:
            name, value = node.becomes(self.values.pop())
            self.values[-1].setdefault(name, []).append(value)
            self.rows += name == "rows"
            if self.rows > self.most:
                raise Refused("report.too-many-rows", "too many rows", limit=str(self.most))

    def keep(self, name: str, text: str) -> None:
        values = self.values[-1]
        if name in values:
            raise Refused("report.format", f"{name} stands there twice", wanted=f"one {name}", there=text[:40])
        values[name] = text


def report(values: Values) -> Report:
    found, rows = values.get("published", ()), values.get("rows", ())
    if len(found) != 1 or not rows:
        wanted = "record" if found else "policy_published"
        raise Refused("report.format", f"{wanted} is missing, or there twice", wanted=f"one {wanted}", there="nothing")
    return Report(
        need(values, "org_name"),
        need(values, "email"),
        need(values, "report_id"),
        number(values, "begin"),
        number(values, "end"),
        found[0],
        tuple(rows),
        values.get("extra_contact_info", ""),
        values.get("error", ""),
        values.get("generator", ""),
    )
