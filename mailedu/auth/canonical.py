"""Canonical forms (RFC 6376 §3.4): what DKIM hashes in the place of what came, so that some changes do not matter.

    relaxed_field(b"SUBJect : AbC\\t\\r\\n\\t d \\r\\n")   -> b"subject:AbC d\\r\\n"
    relaxed_body(b" C \\r\\nD \\t E\\r\\n\\r\\n")           -> b" C\\r\\nD E\\r\\n"

Each step of the RFC is a function of its own, and the steps stand in the RFC's order.  `field_runs` and `body_runs`
tell the same story octet by octet: so many came, so many are hashed, and which step made the difference.

The RFC thinks of lines that end with CRLF.  A message that was kept with LF alone is read as if each LF were a CRLF,
which it was on the wire (§3.4, §5.3).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

CRLF = b"\r\n"
BLANKS = b" \t"  # WSP

# -- line ends ---------------------------------------------------------------------------------------------------------


def has_bare_lf(data: bytes) -> bool:
    """Whether some LF has no CR before it."""
    return data.count(b"\n") != data.count(CRLF)


def with_crlf(data: bytes) -> bytes:
    """Every LF has its CR (§5.3)."""
    return data.replace(CRLF, b"\n").replace(b"\n", CRLF) if has_bare_lf(data) else data


# -- header fields, each whole: name, colon, value, CRLF ---------------------------------------------------------------


def simple_field(field: bytes) -> bytes:
    """§3.4.1: as it came; §3.7: with a CRLF at its end."""
    return end_line(field)


def relaxed_field(field: bytes) -> bytes:
    """§3.4.2."""
    return close_up_colon(strip_end(shrink_blanks(unfold(lower_name(end_line(field))))))


def end_line(field: bytes) -> bytes:
    return field if field.endswith(CRLF) else field + CRLF


def lower_name(field: bytes) -> bytes:
    name, colon, value = field.partition(b":")
    return name.lower() + colon + value


def unfold(field: bytes) -> bytes:
    """Line ends inside go, the one at the end stays."""
    return field.replace(CRLF, b"") + CRLF


def shrink_blanks(text: bytes) -> bytes:
    """Each run of blanks and tabs becomes one blank."""
    text = text.replace(b"\t", b" ")
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    return text


def strip_end(field: bytes) -> bytes:
    return field[: -len(CRLF)].rstrip(BLANKS) + CRLF


def close_up_colon(field: bytes) -> bytes:
    name, colon, value = field.partition(b":")
    return name.rstrip(BLANKS) + colon + value.lstrip(BLANKS)


# -- bodies ------------------------------------------------------------------------------------------------------------


def simple_body(body: bytes) -> bytes:
    """§3.4.3; an empty body becomes one CRLF."""
    return drop_empty_lines(body) + CRLF


def relaxed_body(body: bytes) -> bytes:
    """§3.4.4; an empty body stays empty."""
    body = drop_empty_lines(shrink_blanks(strip_lines(body)))
    return body + CRLF if body else b""


def strip_lines(body: bytes) -> bytes:
    """Blanks at the ends of lines go."""
    return CRLF.join([line.rstrip(BLANKS) for line in body.split(CRLF)])


def drop_empty_lines(body: bytes) -> bytes:
    """All CRLFs at the end go, the last line's too."""
    return body[: len(body) - 2 * empty_lines(body)]


def empty_lines(body: bytes) -> int:
    """How many CRLFs stand at the end."""
    tail = body[len(body.rstrip(CRLF)) :]  # some CRs and LFs, mostly in pairs
    broken = max(tail.rfind(b"\r\r"), tail.rfind(b"\n\n")) + 1
    return (len(tail) - broken) // 2 if tail.endswith(b"\n") else 0


FIELD_FORMS: dict[str, Callable[[bytes], bytes]] = {"simple": simple_field, "relaxed": relaxed_field}
BODY_FORMS: dict[str, Callable[[bytes], bytes]] = {"simple": simple_body, "relaxed": relaxed_body}

# -- long bodies, a piece at a time: the same octets in bounded memory -------------------------------------------------

PIECE = 32_768
REDUCE: dict[str, Callable[[bytes], bytes]] = {
    "simple": lambda piece: piece,
    "relaxed": lambda piece: shrink_blanks(strip_lines(piece)),
}
UNFINISHED = {"simple": re.compile(rb"\r?\Z"), "relaxed": re.compile(rb" ?\r?\Z")}  # what comes next decides on these
EMPTY = {"simple": CRLF, "relaxed": b""}


def canonical_pieces(pieces: Iterable[bytes], form: str) -> Iterator[bytes]:
    """The canonical body in pieces: joined, they are what `simple_body` or `relaxed_body` makes of the joined input.

    Line ends are held back until something follows them, for those at the end do not count; so is an unfinished one.
    """
    rest, held, empty = b"", 0, True
    for piece in pieces:
        text = REDUCE[form](rest + piece + b"|")[:-1]  # the bar: blanks at a cut are not yet at the end of a line
        text, rest = cut_at_end(text, UNFINISHED[form])
        lines = empty_lines(text)
        text = text[: len(text) - 2 * lines]
        if text:
            yield from repeated(CRLF, held)
            yield text
            held, empty = 0, False
        held += lines
    if form == "relaxed":
        rest = rest.rstrip(BLANKS)
    if rest:
        yield from repeated(CRLF, held)
        yield rest
    yield EMPTY[form] if empty and not rest else CRLF


def cut_at_end(text: bytes, pattern: re.Pattern[bytes]) -> tuple[bytes, bytes]:
    """The text without, and then, what matches at its end (at most two octets)."""
    found = pattern.search(text, max(0, len(text) - 2))
    cut = found.start() if found else len(text)
    return text[:cut], text[cut:]


def repeated(octets: bytes, times: int) -> Iterator[bytes]:
    most = PIECE // len(octets)
    for done in range(0, times, most):
        yield octets * min(most, times - done)


def body_pieces(data: bytes, start: int = 0, most: int = PIECE) -> Iterator[bytes]:
    """The body of a message in pieces, each LF with its CR; no CRLF is cut in two."""
    bare = has_bare_lf(data)
    at = start
    while at < len(data):
        end = at + most
        if data[end - 1 : end + 1] == CRLF:
            end += 1
        piece = data[at:end]
        yield with_crlf(piece) if bare else piece
        at = end


# -- octet by octet ----------------------------------------------------------------------------------------------------


class Run(NamedTuple):
    """So many octets of the message became so many that are hashed, by this step."""

    raw: int
    canonical: int
    step: str


KEPT = "kept"
LOWERED = "name in lower case"
UNFOLDED = "line unfolded"
SHRUNK = "blanks shrunk to one"
STRIPPED = "blanks at the end of a line"
CLOSED_UP = "blanks around the colon"
EMPTY_LINES = "empty lines at the end"
ENDED = "line end added"
CRLFED = "LF made CRLF"

STEPS = {  # step -> where the RFC has it
    KEPT: "6376 §3.4",
    LOWERED: "6376 §3.4.2",
    UNFOLDED: "6376 §3.4.2",
    SHRUNK: "6376 §3.4.2, §3.4.4",
    STRIPPED: "6376 §3.4.2, §3.4.4",
    CLOSED_UP: "6376 §3.4.2",
    EMPTY_LINES: "6376 §3.4.3, §3.4.4",
    ENDED: "6376 §3.4.3, §3.4.4, §3.7",
    CRLFED: "6376 §5.3",
}

TOKEN = re.compile(rb"[ \t]+|\r?\n|[^ \t\r\n]+|\r")


def field_runs(field: bytes, form: str) -> list[Run]:
    """How a field as it came became what `simple_field` or `relaxed_field` makes of it."""
    text, line_end = parted(field)
    return merged([*text_runs(text, form), line_end_run(line_end)])


def parted(field: bytes) -> tuple[bytes, bytes]:
    """A field, and the line end that closes it."""
    text = field.removesuffix(b"\n").removesuffix(b"\r") if field.endswith(b"\n") else field
    return text, field[len(text) :]


def text_runs(text: bytes, form: str) -> Iterator[Run]:
    """The same for a field without the line end that closes it."""
    return simple_runs(text) if form == "simple" else relaxed_field_runs(text)


def line_end_run(line_end: bytes) -> Run:
    return {CRLF: Run(2, 2, KEPT), b"\n": Run(1, 2, CRLFED)}.get(line_end, Run(0, 2, ENDED))


def simple_runs(text: bytes) -> Iterator[Run]:
    for found in TOKEN.finditer(text):
        yield line_end_run(found[0]) if found[0].endswith(b"\n") else Run(len(found[0]), len(found[0]), KEPT)


def relaxed_field_runs(text: bytes) -> Iterator[Run]:
    name, colon, value = text.partition(b":")
    bare_name = name.rstrip(BLANKS)
    yield Run(len(bare_name), len(bare_name), KEPT if bare_name.islower() else LOWERED)
    yield Run(len(name) - len(bare_name), 0, CLOSED_UP)
    yield Run(len(colon), len(colon), KEPT)
    tokens = [found[0] for found in TOKEN.finditer(value)]
    content = [n for n, token in enumerate(tokens) if not is_blank(token)]
    first, last = (content[0], content[-1]) if content else (len(tokens), len(tokens))
    blank = False  # one blank stands for this gap already
    for n, token in enumerate(tokens):
        if token.endswith(b"\n"):
            yield Run(len(token), 0, UNFOLDED)
        elif not is_blank(token):
            yield Run(len(token), len(token), KEPT)
            blank = False
        elif n < first:
            yield Run(len(token), 0, CLOSED_UP)
        elif n > last:
            yield Run(len(token), 0, STRIPPED)
        else:
            yield shrunk(token, blank)
            blank = True


def is_blank(token: bytes) -> bool:
    return not token.strip(b" \t\n") or token == CRLF


def shrunk(blanks: bytes, already: bool) -> Run:
    """A run of blanks that becomes one, or nothing, where a blank stands already."""
    if already:
        return Run(len(blanks), 0, SHRUNK)
    return Run(len(blanks), 1, KEPT if blanks == b" " else SHRUNK)


def body_runs(body: bytes, form: str) -> list[Run]:
    """How a body as it came became what `simple_body` or `relaxed_body` makes of it."""
    tokens = [found[0] for found in TOKEN.finditer(body)]
    end = len(tokens)  # behind the last token that counts
    while end and (tokens[end - 1].endswith(b"\n") or (form == "relaxed" and is_blank(tokens[end - 1]))):
        end -= 1
    inside = [*body_token_runs(tokens[:end], form), *body_tail_runs(tokens[end:], form, empty=not end)]
    return merged(inside)


def body_token_runs(tokens: list[bytes], form: str) -> Iterator[Run]:
    for token, after in zip(tokens, [*tokens[1:], b""], strict=False):
        if token.endswith(b"\n"):
            yield line_end_run(token)
        elif form == "simple" or not is_blank(token):
            yield Run(len(token), len(token), KEPT)
        elif after.endswith(b"\n"):
            yield Run(len(token), 0, STRIPPED)
        else:
            yield shrunk(token, False)


def body_tail_runs(tokens: list[bytes], form: str, empty: bool) -> Iterator[Run]:
    """Blanks and line ends at the end of the body: of them one CRLF stays, or in an empty relaxed body none."""
    stays = not empty or form == "simple"
    for token in tokens:
        if is_blank(token) and not token.endswith(b"\n"):
            yield Run(len(token), 0, STRIPPED)
        elif stays:
            yield line_end_run(token)
            stays = False
        else:
            yield Run(len(token), 0, EMPTY_LINES)
    if stays:
        yield Run(0, 2, ENDED)


def merged(runs: Iterable[Run]) -> list[Run]:
    """Neighbours of the same step as one run; empty runs left out."""
    found: list[Run] = []
    for run in runs:
        if found and found[-1].step == run.step:
            found[-1] = Run(found[-1].raw + run.raw, found[-1].canonical + run.canonical, run.step)
        elif run.raw or run.canonical:
            found.append(run)
    return found
