"""A signed message under the microscope: which octet of it goes into which hash, at which place, and as what.

    view = look(message, 1)
    view.part_at(812)        -> Part(start=790, octets=31, hash="fields", at=120, runs=(Run(7, 7, "kept"), …))
    view.part_at(5_000)      -> Part(…, hash="", …): nobody signed that

Nothing here decides anything: `verify` computes from the same functions, and a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from ...acts import LabError, Refused
from ...message import Field, Message
from ..canonical import BODY_FORMS, KEPT, Run, body_runs, field_runs, merged, parted, text_runs, with_crlf
from .field import Claim, read_claim, value_of
from .hashing import field_hash_input, select

FIELDS, BODY, NEITHER = "fields", "body", ""
LEFT_OUT = "value of b= left out"
LAST_END = "line end of the signature's own field left out"
STEPS = {LEFT_OUT: "6376 §3.7", LAST_END: "6376 §3.7"}
LONGEST = 256_000  # octets of a body that is shown octet by octet


class Part(NamedTuple):
    """A stretch of the message: a field, the empty line, the body, or the body's tail behind l=."""

    start: int
    octets: int
    hash: str  # FIELDS, BODY or NEITHER
    at: int  # where its canonical octets begin in what is hashed; -1 for NEITHER
    runs: tuple[Run, ...]  # () for NEITHER, and for a body that is too long to be shown


@dataclass(slots=True)
class View:
    """The parts from the first octet to the last, and the two hash inputs."""

    parts: tuple[Part, ...]
    fields_input: bytes
    body_input: bytes | None  # None when the body is too long

    def part_at(self, octet: int) -> Part:
        """The part that holds this octet of the message."""
        for part in self.parts:
            if part.start <= octet < part.start + part.octets:
                return part
        raise LabError(f"The message has no octet {octet}: they are counted from 0.")


def look(data: bytes, number: int = 1, form: str = "") -> View:
    """The message as signature `number`, counted from 1 and from the top, sees it.

    With `form` ("simple", "relaxed") as it would if it had been made with that form on both sides.
    """
    message = Message(data)
    signed = the_signature(message, number)
    try:
        claim = read_claim(signed.data)
    except Refused as no:
        raise LabError(f"Signature {number} cannot be looked at, because {no}: verify tells more.") from no
    if form:
        claim = replace(claim, field_form=checked_form(form), body_form=form)
    chosen = select(message.fields, claim.names, signed)
    fields_input = field_hash_input(chosen, claim.bare, claim.field_form)
    short = len(data) - message.body_start <= LONGEST
    body_input = BODY_FORMS[claim.body_form](with_crlf(message.body))[: claim.length] if short else None
    parts = (*field_parts(message, chosen, signed, claim), *body_parts(message, claim, short))
    return View(parts, fields_input, body_input)


def checked_form(form: str) -> str:
    if form not in BODY_FORMS:
        raise LabError(f"There is no form {form!r}: there are {' and '.join(BODY_FORMS)}.")
    return form


def the_signature(message: Message, number: int) -> Field:
    fields = message.all("DKIM-Signature")
    if not 1 <= number <= len(fields):
        raise LabError(f"The message has {len(fields)} signatures, counted from 1: there is no number {number}.")
    return fields[number - 1]


def field_parts(message: Message, chosen: list[Field], signed: Field, claim: Claim) -> Iterator[Part]:
    """Each field, and the empty line."""
    runs = {id(field): tuple(field_runs(field.data, claim.field_form)) for field in chosen}
    runs[id(signed)] = tuple(own_runs(signed, claim))
    place, at = {}, 0
    for field in (*chosen, signed):
        place[id(field)] = at
        at += sum(run.canonical for run in runs[id(field)])
    for field in message.fields:
        if id(field) in runs:
            yield Part(field.start, len(field.data), FIELDS, place[id(field)], runs[id(field)])
        else:
            yield Part(field.start, len(field.data), NEITHER, -1, ())
    if message.separator:
        yield Part(message.header_end, len(message.separator), NEITHER, -1, ())


def own_runs(signed: Field, claim: Claim) -> list[Run]:
    """The signature's own field: without the value of b= and without its last line end (§3.7)."""
    tag, start = claim.tags["b"], value_of(signed.data)[1]
    text, line_end = parted(claim.bare)
    before, after = cut_raw(text_runs(text, claim.field_form), start + tag.start)
    left_out, end = Run(tag.end - tag.start, 0, LEFT_OUT), Run(len(line_end), 0, LAST_END)
    return merged([*before, left_out, *after, end])


def body_parts(message: Message, claim: Claim, short: bool) -> Iterator[Part]:
    octets = len(message.data) - message.body_start
    if not short:
        yield Part(message.body_start, octets, BODY, 0, ())
        return
    runs = body_runs(message.body, claim.body_form)
    signed, rest = (runs, []) if claim.length is None else cut_canonical(runs, claim.length)
    held = sum(run.raw for run in signed)
    yield Part(message.body_start, held, BODY, 0, tuple(signed))
    if rest:
        yield Part(message.body_start + held, octets - held, NEITHER, -1, ())


def cut_raw(runs: Iterable[Run], at: int) -> tuple[list[Run], list[Run]]:
    """The runs before and after this raw octet; a run that is cut there is one of kept octets."""
    before: list[Run] = []
    after: list[Run] = []
    for run in runs:
        if at <= 0:
            after.append(run)
        elif run.raw <= at:
            before.append(run)
        else:
            before.append(Run(at, at, run.step))
            after.append(Run(run.raw - at, run.canonical - at, run.step))
        at -= run.raw
    return before, after


def cut_canonical(runs: Iterable[Run], at: int) -> tuple[list[Run], list[Run]]:
    """The runs up to this canonical octet, and those behind it; what leaves no octet goes with what stands before."""
    before: list[Run] = []
    after: list[Run] = []
    for run in runs:
        if after or (at <= 0 and run.canonical):
            after.append(run)
        elif run.canonical <= at:
            before.append(run)
        else:
            raw = at if run.step == KEPT else 0
            before.append(Run(raw, at, run.step))
            after.append(Run(run.raw - raw, run.canonical - at, run.step))
        at -= run.canonical
    return before, after
