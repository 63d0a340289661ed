"""Canonical forms: the RFC's examples, dkimpy octet for octet, long bodies in pieces, and the story octet by octet."""

import hashlib
import time
import tracemalloc
from base64 import b64encode
from itertools import pairwise

import pytest
from dkim.canonicalization import CanonicalizationPolicy
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailedu.auth import canonical
from mailedu.auth.canonical import (
    BODY_FORMS,
    CLOSED_UP,
    CRLFED,
    EMPTY_LINES,
    ENDED,
    FIELD_FORMS,
    KEPT,
    LOWERED,
    SHRUNK,
    STEPS,
    STRIPPED,
    UNFOLDED,
    Run,
    body_pieces,
    body_runs,
    canonical_pieces,
    empty_lines,
    field_runs,
    relaxed_body,
    relaxed_field,
    shrink_blanks,
    simple_body,
    simple_field,
    with_crlf,
)

FORMS = ("simple", "relaxed")
bodies = st.lists(
    st.sampled_from([b" ", b"  ", b"\t", b"\r\n", b"\r\n\r\n", b"a", b"bc", b".", b"\xff", b"\0"]), max_size=16
).map(b"".join)
odd_bodies = st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"\r", b"\n", b"a"]), max_size=16).map(b"".join)
values = st.lists(st.sampled_from([b" ", b"\t", b"\r\n ", b"\r\n\t", b"a", b"B:", b"\xc3\xa4"]), max_size=12).map(
    b"".join
)
fields = st.builds(
    lambda name, value, end: name + b":" + value + end,
    st.sampled_from([b"Subject", b"SUBJECT ", b"x\t", b"a-B"]),
    values,
    st.sampled_from([b"\r\n", b"\r\n", b"\n", b""]),
)


# -- the RFC's examples ------------------------------------------------------------------------------------------------

HEADER = [b"A: X\r\n", b"B : Y\t\r\n\tZ  \r\n"]  # RFC 6376 §3.4.5
BODY = b" C \r\nD \t E\r\n\r\n\r\n"


def test_example_1_relaxed():
    assert [relaxed_field(field) for field in HEADER] == [b"a:X\r\n", b"b:Y Z\r\n"]
    assert relaxed_body(BODY) == b" C\r\nD E\r\n"


def test_example_2_simple():
    assert [simple_field(field) for field in HEADER] == HEADER
    assert simple_body(BODY) == b" C \r\nD \t E\r\n"


@pytest.mark.parametrize(
    "form, digest",
    [
        ("simple", "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY="),  # §3.4.3
        ("relaxed", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),  # §3.4.4
    ],
)
def test_the_hash_of_an_empty_body(form, digest):
    for body in (b"", b"\r\n", b"\r\n" * 5):
        assert b64encode(hashlib.sha256(BODY_FORMS[form](body)).digest()).decode() == digest


@pytest.mark.parametrize(
    "field, relaxed",
    [
        (b"SUBJect: AbC\r\n", b"subject:AbC\r\n"),
        (b"Subject:\r\n", b"subject:\r\n"),
        (b"Subject: \t \r\n", b"subject:\r\n"),
        (b"Subject:\r\n \r\n", b"subject:\r\n"),
        (b"Subject: a\r\n  b\r\n\tc\r\n", b"subject:a b c\r\n"),
        (b"Subject: a \r\n \t b\r\n", b"subject:a b\r\n"),
        (b"Subject \t: a: b :c\r\n", b"subject:a: b :c\r\n"),
        (b"Subject: a", b"subject:a\r\n"),
        (b"Subject: \x0ba\x0c\r\n", b"subject:\x0ba\x0c\r\n"),  # neither of these is WSP
        (b"Subject: \xc2\xa0\r\n", b"subject:\xc2\xa0\r\n"),
        ("Subject: GRÜN\r\n".encode(), "subject:GRÜN\r\n".encode()),
    ],
)
def test_relaxed_fields(field, relaxed):
    assert relaxed_field(field) == relaxed


@pytest.mark.parametrize(
    "body, simple, relaxed",
    [
        (b"a", b"a\r\n", b"a\r\n"),
        (b"a\r\n", b"a\r\n", b"a\r\n"),
        (b"a\r\n\r\n", b"a\r\n", b"a\r\n"),
        (b"a \t\r\n", b"a \t\r\n", b"a\r\n"),
        (b"a \t", b"a \t\r\n", b"a\r\n"),
        (b" \r\n", b" \r\n", b""),
        (b" ", b" \r\n", b""),
        (b"a\r\n \t\r\n\r\n", b"a\r\n \t\r\n", b"a\r\n"),
        (b"\r\na\r\n", b"\r\na\r\n", b"\r\na\r\n"),
        (b"\t a\t\tb  c", b"\t a\t\tb  c\r\n", b" a b c\r\n"),
        (b"a\r", b"a\r\r\n", b"a\r\r\n"),
        (b"a\r\r\n\r\n", b"a\r\r\n", b"a\r\r\n"),
        (b"\r\n\r", b"\r\n\r\r\n", b"\r\n\r\r\n"),
    ],
)
def test_bodies(body, simple, relaxed):
    assert (simple_body(body), relaxed_body(body)) == (simple, relaxed)


@given(bodies, fields)
@settings(max_examples=150, deadline=None)
def test_a_canonical_form_is_its_own(body, field):
    for form in FORMS:
        assert BODY_FORMS[form](BODY_FORMS[form](body)) == BODY_FORMS[form](body)
        once = FIELD_FORMS[form](with_crlf(field))
        assert FIELD_FORMS[form](once) == once


@given(odd_bodies)
@settings(max_examples=200, deadline=None)
def test_with_crlf(data):
    assert with_crlf(data).replace(b"\r\n", b"") == data.replace(b"\r\n", b"").replace(b"\n", b"")
    assert with_crlf(with_crlf(data)) == with_crlf(data)
    assert empty_lines(data) == next(n for n in range(99) if not data.endswith(b"\r\n" * (n + 1)))


# -- dkimpy, octet for octet -------------------------------------------------------------------------------------------


def theirs(form: str) -> CanonicalizationPolicy:
    return CanonicalizationPolicy.from_c_value(f"{form}/{form}".encode())


@given(bodies)
@settings(max_examples=500, deadline=None)
def test_bodies_equal_dkimpys(body):
    for form in FORMS:
        if form == "relaxed" and body.endswith((b" ", b"\t")):
            body += b"\r\n"  # at the end of a line without CRLF dkimpy keeps a blank; all line ends count (§3.4.4)
        assert BODY_FORMS[form](body) == theirs(form).canonicalize_body(body)


@given(fields)
@settings(max_examples=500, deadline=None)
def test_fields_equal_dkimpys(field):
    name, _, value = canonical.end_line(with_crlf(field)).partition(b":")
    for form in FORMS:
        [(their_name, their_value)] = theirs(form).canonicalize_headers([[name, value]])
        assert FIELD_FORMS[form](with_crlf(field)) == their_name + b":" + their_value


# -- in pieces ---------------------------------------------------------------------------------------------------------


@given(st.one_of(bodies, odd_bodies), st.integers(1, 9), st.binary(max_size=3))
@example(b"\r\n" * 20, 1, b"")
@example(b" \t \r\n a", 2, b"")
@settings(max_examples=500, deadline=None)
def test_pieces_are_the_whole(body, most, before):
    for form in FORMS:
        pieces = canonical_pieces(body_pieces(before + body, len(before), most), form)
        expected = BODY_FORMS[form](with_crlf(body) if body.count(b"\n") != body.count(b"\r\n") else body)
        assert b"".join(pieces) == expected


UNITS = [b"all work and no play \t makes\r\n", b"\r\n", b" ", b" \t\r\n", b"a", b"\r", b"\n", b"\n\r", b" \r"]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("size", [2_500_000, pytest.param(25_000_000, marks=pytest.mark.long)])
def test_long_bodies_take_linear_time_and_bounded_memory(unit, size):
    body = unit * (size // len(unit))
    for form in FORMS:
        start = time.process_time()
        made = sum(len(piece) for piece in canonical_pieces(body_pieces(body), form))
        assert time.process_time() - start < 20  # a tenth of a second for 25 MB of usual lines, on a quiet machine
        assert 0 <= made <= 2 * len(body) + 2
    tracemalloc.start()
    for piece in canonical_pieces(body_pieces(body), "relaxed"):
        assert len(piece) <= 1_000_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000


def test_no_step_is_slower_than_linear():
    for text in (b" " * 2_000_000, b" \t" * 1_000_000, b"\r\n" * 1_000_000, b" \r" * 1_000_000):
        start = time.process_time()
        shrink_blanks(text)
        simple_body(text)
        relaxed_body(text)
        relaxed_field(b"A:" + text)
        assert time.process_time() - start < 20


# -- octet by octet ----------------------------------------------------------------------------------------------------


def check(raw: bytes, made: bytes, runs: list[Run]) -> None:
    """The runs use up both sides, and each keeps what it says it keeps."""
    i = j = 0
    for run in runs:
        before, after = raw[i : i + run.raw], made[j : j + run.canonical]
        i, j = i + run.raw, j + run.canonical
        assert run.step in STEPS and len(before) == run.raw and len(after) == run.canonical
        match run.step:
            case canonical.KEPT:
                assert before == after
            case canonical.LOWERED:
                assert before.lower() == after and before != after
            case canonical.SHRUNK:
                assert not before.strip(b" \t") and after.strip(b" ") == b""
            case canonical.STRIPPED | canonical.CLOSED_UP:
                assert not before.strip(b" \t") and not after
            case canonical.UNFOLDED | canonical.EMPTY_LINES:
                assert not before.strip(b"\r\n") and not after
            case canonical.ENDED:
                assert (before, after) == (b"", b"\r\n")
            case canonical.CRLFED:
                assert before.replace(b"\n", b"\r\n") == after
    assert (i, j) == (len(raw), len(made))
    assert all(one.step != two.step for one, two in pairwise(runs)), "neighbours are merged"


@given(st.one_of(bodies, odd_bodies))
@example(b"")
@settings(max_examples=400, deadline=None)
def test_body_runs(body):
    for form in FORMS:
        check(body, BODY_FORMS[form](with_crlf(body)), body_runs(body, form))


@given(fields)
@settings(max_examples=400, deadline=None)
def test_field_runs(field):
    for form in FORMS:
        check(field, FIELD_FORMS[form](with_crlf(field)), field_runs(field, form))


def test_the_runs_of_the_rfcs_example():
    assert field_runs(b"B : Y\t\r\n\tZ  \r\n", "relaxed") == [
        Run(1, 1, LOWERED), Run(1, 0, CLOSED_UP), Run(1, 1, KEPT), Run(1, 0, CLOSED_UP), Run(1, 1, KEPT),
        Run(1, 1, SHRUNK), Run(2, 0, UNFOLDED), Run(1, 0, SHRUNK), Run(1, 1, KEPT), Run(2, 0, STRIPPED),
        Run(2, 2, KEPT),
    ]  # fmt: skip
    assert body_runs(BODY, "relaxed") == [
        Run(2, 2, KEPT), Run(1, 0, STRIPPED), Run(3, 3, KEPT), Run(3, 1, SHRUNK), Run(3, 3, KEPT),
        Run(4, 0, EMPTY_LINES),
    ]  # fmt: skip
    assert body_runs(b"a\nb", "simple") == [Run(1, 1, KEPT), Run(1, 2, CRLFED), Run(1, 1, KEPT), Run(0, 2, ENDED)]
