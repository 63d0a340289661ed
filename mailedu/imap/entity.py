"""A message as positions in its bytes.  (A private copy, until mailedu/message.py is there.)"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

DEEPEST = 60


@dataclass(slots=True)
class Entity:
    """A message or a part of one."""

    data: bytes
    start: int  # its header begins,
    body: int  # its body begins,
    end: int  # it ends
    type: tuple[bytes, bytes]
    parameters: dict[bytes, bytes]
    fields: list[tuple[bytes, bytes]]
    parts: tuple[Entity, ...]

    @property
    def header(self) -> bytes:
        return self.data[self.start : self.body]

    @property
    def text(self) -> bytes:
        return self.data[self.body : self.end]

    def field(self, name: bytes) -> bytes | None:
        return next((value for key, value in self.fields if key.lower() == name), None)


FIELD = re.compile(rb"(?m)^([!-9;-~]+)[ \t]*:(.*(?:\n[ \t].*)*)\n?")
TYPE = re.compile(rb"\s*([\w.+-]+)/([\w.+-]+)")
PARAMETER = re.compile(rb';\s*([\w*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]+))')


def unfold(value: bytes) -> bytes:
    return re.sub(rb"\r?\n(?=[ \t])", b"", value).strip()


def fields(header: bytes) -> list[tuple[bytes, bytes]]:
    return [(name, unfold(value)) for name, value in FIELD.findall(header)]


def parameters(value: bytes) -> dict[bytes, bytes]:
    return {n.lower(): re.sub(rb"\\(.)", rb"\1", quoted) or plain for n, quoted, plain in PARAMETER.findall(value)}


def entity(data: bytes, start: int, end: int, default: bytes = b"text/plain", depth: int = 0) -> Entity:
    blank = start - 2 if data.startswith(b"\r\n", start) else data.find(b"\r\n\r\n", start, end)
    body = blank + 4 if blank != -1 else end
    found = fields(data[start:body])
    declared = next((v for k, v in found if k.lower() == b"content-type"), default)
    match = TYPE.match(declared) or TYPE.match(b"text/plain")
    assert match
    kind = match[1].lower(), match[2].lower()
    given = parameters(declared)
    parts = tuple(children(data, body, end, kind, given, depth)) if depth < DEEPEST else ()
    return Entity(data, start, body, end, kind, given, found, parts)


def children(
    data: bytes, body: int, end: int, kind: tuple[bytes, bytes], given: dict[bytes, bytes], depth: int
) -> Iterator[Entity]:
    if kind == (b"message", b"rfc822"):
        yield entity(data, body, end, depth=depth + 1)
    elif kind[0] == b"multipart" and given.get(b"boundary"):
        mark = re.compile(rb"(?m)^--" + re.escape(given[b"boundary"]) + rb"(--)?[ \t]*\r?(?:\n|\Z)")
        default, begun = b"message/rfc822" if kind[1] == b"digest" else b"text/plain", None
        for found in mark.finditer(data, body, end):
            if begun is not None:
                yield entity(data, begun, max(begun, found.start() - 2), default, depth + 1)
            begun = found.end()
            if found[1]:
                return
        if begun is not None:
            yield entity(data, begun, end, default, depth + 1)


@lru_cache(4096)
def parsed(data: bytes) -> Entity:
    return entity(data, 0, len(data))
