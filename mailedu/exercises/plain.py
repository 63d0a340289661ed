"""A learner's work as plain data: what may go from one process to another, and be judged there.

    pack((1, b"x"))  -> {"$tuple": [1, {"$bytes": "x"}]}        unpack(...) -> (1, b"x")

Only the built-in types themselves come out again, so nothing that a learner made can act while it is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..acts import DnsTimeout, NXDomain, Trouble
from ..trace import Trace

TROUBLES: dict[str, type[Trouble]] = {kind.__name__: kind for kind in (DnsTimeout, NXDomain)}
DEEPEST = 50


class NotPlain(Exception):
    """Something that is no plain data; ``str()`` says what it is or has, after "it"."""


def pack(value: Any, depth: int = 0) -> Any:
    """What JSON can carry."""
    if depth > DEEPEST:
        raise NotPlain("has lists inside lists without an end")
    inner = depth + 1
    match value:
        case None | bool():
            return value
        case int():
            return int.__int__(value)
        case float():
            return float.__float__(value)
        case str():
            return str.__str__(value)
        case bytes() | bytearray():
            return {"$bytes": bytes(value).decode("latin-1")}
        case list():
            return [pack(item, inner) for item in list.__iter__(value)]
        case tuple():
            return {"$tuple": [pack(item, inner) for item in tuple.__iter__(value)]}
        case set() | frozenset():
            return {"$set": [pack(item, inner) for item in value]}
        case Trace():
            return {"$trace": value.to_json()}
        case DnsTimeout() | NXDomain():
            return {"$trouble": type(value).__name__}
        case Mapping():
            return {"$map": [[pack(key, inner), pack(item, inner)] for key, item in value.items()]}
    if hasattr(type(value), "__index__"):  # numpy's integers and their like
        return pack(value.__index__(), inner)
    raise NotPlain(f"is of type {type(value).__name__}")


def unpack(given: Any) -> Any:
    """What `pack` packed."""
    if isinstance(given, list):
        return [unpack(item) for item in given]
    if isinstance(given, dict):
        ((kind, packed),) = given.items()
        return UNPACK[kind](packed)
    return given


UNPACK: dict[str, Callable[[Any], Any]] = {
    "$bytes": lambda packed: packed.encode("latin-1"),
    "$tuple": lambda packed: tuple(unpack(item) for item in packed),
    "$set": lambda packed: {unpack(item) for item in packed},
    "$trace": Trace.from_json,
    "$trouble": lambda packed: TROUBLES[packed](),
    "$map": lambda packed: {unpack(key): unpack(item) for key, item in packed},
}
