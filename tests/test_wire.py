"""Lines, blocks and literals out of bytes that come in pieces: the cuts are the network's and leave no mark."""

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailedu.acts import NEWS, Hungup, Listen, Quiet, TooLong
from mailedu.wire import CRLF, Lines, has_lone_cr_or_lf, stuff, unstuff


def feed(reading, pieces):
    """Answer each Listen with the next of `pieces` (a list, which is used up); what was read in the end."""
    try:
        act = next(reading)
        while True:
            assert isinstance(act, Listen)
            act = reading.send(pieces.pop(0) if pieces else b"")
    except StopIteration as end:
        return end.value


def program(lines, reads, pieces):
    """Do these reads one after the other; what each gave, up to the end of the bytes."""
    found = []
    for how, number in reads:
        try:
            found.append(feed(getattr(lines, how)(number), pieces))
        except TooLong as long:
            found.append(("too long", long.start, long.limit))
        except Hungup:
            return [*found, "hung up"]
    return found


def on_paper(data, reads):
    """The same, for who has all the bytes before him."""
    found, at = [], 0
    for how, number in reads:
        if how in ("octets", "skip"):
            if at + number > len(data):
                return [*found, "hung up"]
            found.append(data[at : at + number] if how == "octets" else None)
            at += number
            continue
        before, mark = (CRLF, b"\r\n.\r\n") if how == "block" else (b"", CRLF)
        end = (before + data[at:]).find(mark)
        if end < 0:
            return [*found, "hung up"]
        piece = data[at : at + end + len(mark) - len(before)]
        at += len(piece)
        start = (before + piece)[: min(number + len(before), 200)][len(before) :]
        found.append(piece if len(piece) <= number else ("too long", start, number))
    return found


def cuts(data, places):
    places = sorted({place % (len(data) + 1) for place in places})
    pieces = [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]
    return [piece for piece in pieces if piece]


SESSION = b"MAIL FROM:<a@b>\r\n.\r\n..x\r\n.\r\n{5}\r\nab\r\nc\r\n" + b"y" * 30 + b"\r\nQUIT\r\n"
READS = [("line", 99), ("block", 99), ("block", 9), ("line", 99), ("octets", 5), ("line", 9), ("line", 20), ("line", 6)]
READ = [
    b"MAIL FROM:<a@b>\r\n",
    b".\r\n",
    b"..x\r\n.\r\n",
    b"{5}\r\n",
    b"ab\r\nc",
    CRLF,
    ("too long", b"y" * 20, 20),
    b"QUIT\r\n",
]


def test_the_session_as_one_would_read_it():
    assert program(Lines(), READS, [SESSION]) == on_paper(SESSION, READS) == READ


def test_every_cut_and_every_pair_of_cuts():
    for first in range(len(SESSION)):
        for second in range(first, len(SESSION)):
            assert program(Lines(), READS, cuts(SESSION, [first, second])) == READ, (first, second)


def test_octet_by_octet():
    assert program(Lines(), READS, [bytes([octet]) for octet in SESSION]) == READ


HOW = st.sampled_from(["line", "block", "octets", "skip"])


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"\r\n.\r\n", b"a", b"bb" * 5, b"c" * 300])).map(b"".join),
    st.lists(st.tuples(HOW, st.integers(0, 40) | st.just(400)), max_size=8),
    st.lists(st.integers(0, 5000), max_size=12),
)
@example(b"\r\n.\r\n", [("octets", 2), ("block", 9)], [])  # a literal that ends in CRLF, and an empty block
@example(b".\r\n", [("block", 2)], [1, 2])
def test_any_bytes_any_reads_any_cuts(data, reads, places):
    wanted = on_paper(data, reads)
    assert program(Lines(), reads, cuts(data, places)) == wanted
    assert program(Lines(), reads, [data] if data else []) == wanted


# -- limits --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how, data", [("line", b"x" * 8 + CRLF), ("block", b"x\r\ny" + b"\r\n.\r\n")])
@pytest.mark.parametrize("pieces", [lambda data: [data], lambda data: [bytes([o]) for o in data]], ids=["whole", "cut"])
def test_a_limit_counts_the_line_end_and_just_fits(how, data, pieces):
    limit = len(data)
    assert feed(getattr(Lines(), how)(limit), pieces(data)) == data
    with pytest.raises(TooLong) as long:
        feed(getattr(Lines(), how)(limit - 1), pieces(data))
    assert long.value.limit == limit - 1 and data.startswith(long.value.start)


def test_after_something_too_long_the_next_line_is_whole():
    lines, pieces = Lines(), [b"x" * 1000, b"x" * 1000 + b"\r", b"\nNOOP\r\n"]
    with pytest.raises(TooLong, match="longer than 100 octets") as long:
        feed(lines.line(100), pieces)
    assert long.value.start == b"x" * 100 and not pieces, "it was read to its end first"
    assert feed(lines.line(), []) == b"NOOP\r\n"


@pytest.mark.parametrize("cut", range(1, 6))
def test_after_a_block_too_long_whose_end_came_in_two_pieces(cut):
    lines, block = Lines(), b"x" * 1000 + b"\r\n.\r\n"
    pieces = [block[:-cut], block[-cut:], b"NOOP\r\n"]
    with pytest.raises(TooLong):
        feed(lines.block(100), pieces)
    assert feed(lines.line(), pieces) == b"NOOP\r\n"


def test_nothing_of_an_endless_line_is_kept():
    lines = Lines()
    reading = lines.line(1000)
    next(reading)
    for _ in range(100):
        reading.send(b"x" * 10_000)
    assert len(lines.rest) + sum(map(len, reading.gi_frame.f_locals["pieces"])) < 30_000


def test_what_is_skipped_is_not_kept_either():
    lines = Lines()
    reading = lines.skip(10**9)
    next(reading)
    for _ in range(100):
        reading.send(b"x" * 10_000)
        assert lines.rest == b""


# -- the other things that may come --------------------------------------------------------------------------------


@pytest.mark.parametrize("how, number", [("line", 99), ("block", 99), ("octets", 9), ("skip", 9)])
@pytest.mark.parametrize("begun", [[], [b"ab\r"]], ids=["at once", "in the middle"])
def test_the_end_and_the_silence(how, number, begun):
    with pytest.raises(Hungup):
        feed(getattr(Lines(), how)(number), list(begun))
    reading = getattr(Lines(seconds=30), how)(number)
    act = next(reading)
    for piece in begun:
        act = reading.send(piece)
    assert act == Listen(30, news=False)
    with pytest.raises(Quiet):
        reading.throw(Quiet())


def test_news_comes_between_lines_and_in_the_middle_of_one_and_loses_nothing():
    lines = Lines()
    for pieces in ([NEWS], [b"DO", NEWS], [b"NE\r", NEWS]):
        assert feed(lines.line_or_news(), pieces) is NEWS
    assert feed(lines.line_or_news(), [b"\nNO"]) == b"DONE\r\n"
    assert feed(lines.line_or_news(), [NEWS]) is NEWS
    assert feed(lines.line(), [b"OP\r\n"]) == b"NOOP\r\n"


def test_only_who_asks_for_news_is_told():
    assert next(Lines().line_or_news()) == Listen(300.0, news=True)
    assert next(Lines().line()) == Listen(300.0, news=False)


def test_what_was_said_in_the_clear_is_forgotten():
    lines = Lines()
    assert feed(lines.line(), [b"STARTTLS\r\nMAIL FROM:<mallory@gamma.example>\r\n"]) == b"STARTTLS\r\n"
    lines.forget()
    assert feed(lines.line(), [b"EHLO alpha.example\r\n"]) == b"EHLO alpha.example\r\n"


# -- what it costs -------------------------------------------------------------------------------------------------

LARGE = b"x" * 98 + CRLF  # a line


@pytest.mark.parametrize("size", [1460, 65_536, 30_000_000])
def test_25_million_octets_cost_linear_time_however_they_are_cut(size):
    data = LARGE * 250_000 + b".\r\n"
    pieces = [data[at : at + size] for at in range(0, len(data), size)][::-1]
    began = time.perf_counter()
    reading = Lines().block(30_000_000)
    next(reading)
    with pytest.raises(StopIteration) as end:
        while True:
            reading.send(pieces.pop())
    assert end.value.value == data
    assert time.perf_counter() - began < 5, "a tenth of a second, when nobody else computes"


@pytest.mark.parametrize("how", ["line", "block", "octets", "skip"])
def test_many_pieces_in_one_cost_no_copies(how):
    lines, count, piece = Lines(), 100_000, LARGE + (b".\r\n" if how == "block" else b"")
    began = time.perf_counter()
    first = feed(getattr(lines, how)(len(piece)), [piece * count])
    for _ in range(count - 1):
        assert feed(getattr(lines, how)(len(piece)), []) == first
    with pytest.raises(Hungup):
        feed(lines.octets(1), [])
    assert time.perf_counter() - began < 5


# -- dot-stuffing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message, block",
    [
        (b"", b".\r\n"),
        (b"\r\n", b"\r\n.\r\n"),
        (b"x", b"x\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"..x\r\n.", b"...x\r\n..\r\n.\r\n"),
        (b"a\r\n.\r\nb\r\n", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\n.\nb\r\n", b"a\n.\nb\r\n.\r\n"),  # an LF alone ends no line
    ],
)
def test_stuffing(message, block):
    assert stuff(message) == block
    assert unstuff(block) == (message if message.endswith(CRLF) or not message else message + CRLF)


@settings(max_examples=300)
@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"a", b"\xff"])).map(b"".join))
def test_what_is_stuffed_comes_out_of_the_wire_as_it_went_in(message):
    block = stuff(message)
    heard = feed(Lines().block(len(block)), [b"" + block])
    assert heard == block, "no end of data before the end"
    assert unstuff(heard) == message + (b"" if message.endswith(CRLF) or not message else CRLF)


def test_a_leading_dot_goes_whatever_follows_it():
    assert unstuff(b".x\r\n.y\r\n.\r\n") == b"x\r\ny\r\n"  # RFC 5321 §4.5.2


@pytest.mark.parametrize(
    "data, lone",
    [
        (b"", False),
        (b"a\r\n\r\n", False),
        (b"\n", True),
        (b"\r", True),
        (b"\r\r\n", True),
        (b"\r\n\n", True),
        (b"a\rb", True),
    ],
)
def test_lone_cr_and_lf(data, lone):
    assert has_lone_cr_or_lf(data) is lone
