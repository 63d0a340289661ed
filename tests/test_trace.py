"""The trace: a tree that only grows, the same in every world, to JSON and back, and safe to print."""

import dataclasses
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailedu.acts import (
    ACTS,
    Accept,
    Answer,
    Ask,
    Cipher,
    Close,
    Connect,
    Enter,
    Flag,
    Hangup,
    Hear,
    LabError,
    Open,
    Rule,
    Say,
    Store,
    Upgrade,
    Wait,
    Watch,
)
from mailedu.trace import Step, Trace, line, printable, shown, told

ALICE, MX = "alice@alpha.example", "mx.beta.example"
CALL = f"{MX}:25/1"


def a_call(server_first: bool = True) -> Trace:
    """Alice calls, both sides write down what they say; two worlds interleave the two differently."""
    trace = Trace()
    trace.record(ALICE, "alice/1", None, Open("journey"))  # 0
    trace.record(ALICE, "alice/1", 0, Connect(MX, 25))  # 1
    trace.record(MX, CALL, 1, Accept("192.0.2.10"))  # 2
    server = [(MX, 2, Open("NOOP")), (MX, 3, Hear(b"NOOP\r\n")), (MX, 3, Say(b"250 ok\r\n")), (MX, 3, Close("250"))]
    client = [(ALICE, 1, Say(b"NOOP\r\n")), (ALICE, 1, Hear(b"250 ok\r\n"))]
    if server_first:
        for actor, parent, act in [*server, *client]:
            trace.record(actor, CALL, parent, act)
    else:
        trace.record(ALICE, CALL, 1, client[0][2])
        opened = trace.record(MX, CALL, 2, Open("NOOP")).number
        for actor, _, act in server[1:]:
            trace.record(actor, CALL, opened, act)
        trace.record(ALICE, CALL, 1, client[1][2])
    trace.record(ALICE, CALL, 1, Hangup())
    trace.record(ALICE, "alice/1", 0, Close("delivered"))
    return trace


# -- reading -------------------------------------------------------------------------------------------------------


def test_numbers_time_and_place_are_written_with_each_act():
    now = iter([0.0, 1.5])
    trace = Trace(lambda: next(now))
    trace.record(ALICE, "alice/1", None, Wait(1.5))
    step = trace.record(ALICE, "alice/1", 0, Hangup())
    assert step == trace[-1] == trace.step(1) == Step(1, 1.5, ALICE, "alice/1", 0, Hangup())
    assert len(trace) == 2 and list(trace) == trace[:] == trace[0:2] and repr(trace) == "<Trace of 2 steps>"


def test_what_interleaved_in_time_stands_together_in_the_tree():
    trace = a_call()
    told = [(depth, step.number) for depth, step in trace.walk()]
    assert told == [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (4, 5), (4, 6), (2, 7), (2, 8), (2, 9), (1, 10)]
    assert [(depth, step.number) for depth, step in trace.walk(3, depth=7)] == [(7, 4), (7, 5), (7, 6)]
    assert [step.number for step in trace.under(1)] == [2, 7, 8, 9]
    assert [step.number for step in trace.under(None)] == [0]
    assert [step.number for step in trace.only(Open, Close)] == [0, 3, 6, 10]


def test_a_deep_tree_does_not_need_a_deep_stack():
    trace = Trace()
    for number in range(20_000):
        trace.record("dns", "dns/1", number - 1 if number else None, Open("deeper"))
    assert [depth for depth, _ in trace.walk()] == list(range(20_000))


def test_a_step_that_is_not_there():
    trace = a_call()
    for number in (-1, 11):
        with pytest.raises(LabError, match=f"no step {number} in this trace: it holds steps 0 to 10"):
            trace.step(number)
    with pytest.raises(LabError):
        Trace().step(0)


def test_whoever_watches_is_told_of_each_step_to_come():
    trace, seen = a_call(), []
    trace.watch(seen.append)
    last = trace.record(ALICE, "alice/1", None, Watch(""))
    assert seen == [last]


@pytest.mark.parametrize(
    "roots, kept, parents",
    [
        ([2], [2, 3, 4, 5, 6], [None, 0, 1, 1, 1]),
        ([1], [1, 2, 3, 4, 5, 6, 7, 8, 9], [None, 0, 1, 2, 2, 2, 0, 0, 0]),
        ([3, 8], [3, 4, 5, 6, 8], [None, 0, 0, 0, None]),
        ([0, 3], list(range(11)), [None, 0, 1, 2, 3, 3, 3, 1, 1, 1, 0]),
        ([], [], []),
        ([99], [], []),
    ],
)
def test_a_part_is_a_trace_of_its_own(roots, kept, parents):
    trace = a_call()
    part = trace.part(roots)
    assert [step.act for step in part] == [trace.step(number).act for number in kept]
    assert [step.number for step in part] == list(range(len(kept)))
    assert [step.parent for step in part] == parents


# -- comparing -----------------------------------------------------------------------------------------------------


def test_two_runs_in_one_world_are_equal():
    assert a_call() == a_call() != a_call(server_first=False)
    assert a_call() != list(a_call())
    with pytest.raises(TypeError):
        hash(a_call())


def test_two_worlds_tell_one_story():
    one, two = a_call(), a_call(server_first=False)
    assert one.story() == two.story()
    assert one.story()[CALL, MX] == [
        (0.0, ("alice/1", ALICE, 1), Accept("192.0.2.10")),
        (0.0, (CALL, MX, 0), Open("NOOP")),
        (0.0, (CALL, MX, 1), Hear(b"NOOP\r\n")),
        (0.0, (CALL, MX, 1), Say(b"250 ok\r\n")),
        (0.0, (CALL, MX, 1), Close("250")),
    ]


def other(change) -> Trace:
    """The call with one step that is not the same."""
    trace, changed = a_call(), Trace()
    for step in trace:
        actor, conversation, parent, act = change(step) or (step.actor, step.conversation, step.parent, step.act)
        changed.record(actor, conversation, parent, act)
    return changed


@pytest.mark.parametrize(
    "change",
    [
        lambda s: (s.actor, s.conversation, s.parent, Say(b"250 OK\r\n")) if s.number == 5 else None,
        lambda s: (ALICE, s.conversation, s.parent, s.act) if s.number == 5 else None,
        lambda s: (s.actor, "elsewhere", s.parent, s.act) if s.number == 5 else None,
        lambda s: (s.actor, s.conversation, 2, s.act) if s.number == 5 else None,
    ],
    ids=["act", "actor", "conversation", "parent"],
)
def test_another_story_is_told_apart(change):
    assert other(change).story() != a_call().story()


def test_tls_records_are_no_part_of_the_story():
    trace = a_call()
    plain = trace.story()
    trace.record(MX, CALL, 2, Cipher("client", b"\x16\x03\x01"))
    assert trace.story() == plain


def test_a_client_that_is_not_ours_leaves_no_steps():
    trace = Trace()
    trace.record(MX, CALL, None, Accept("192.0.2.10"))
    trace.record(MX, CALL, 0, Open("NOOP"))
    for act in (Hear(b"NOOP\r\n"), Say(b"250 ok\r\n"), Close("250")):
        trace.record(MX, CALL, 1, act)
    ours, theirs = a_call().story(actors=[MX]), trace.story(actors=[MX])
    assert [act for _, _, act in ours[CALL, MX]] == [act for _, _, act in theirs[CALL, MX]]
    assert ours == theirs, "who called is no actor we keep, so its place is none"


# -- to JSON and back ----------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=()), max_size=20)  # surrogates too: they come from undecodable octets
SECONDS = st.floats(0, allow_nan=False) | st.integers(0, 2**40)
FIELDS = {
    "str": TEXT,
    "bytes": st.binary(max_size=20),
    "int": st.integers(0, 2**63),
    "float": SECONDS,
    "bool": st.booleans(),
    "tuple[str, ...]": st.lists(TEXT, max_size=3).map(tuple),
    "tuple[int, ...]": st.lists(st.integers(0, 2**32), max_size=3).map(tuple),
    "Mapping[str, str]": st.dictionaries(TEXT, TEXT, max_size=3),
}
ANY_ACT = st.one_of([st.builds(kind, *(FIELDS[f.type] for f in dataclasses.fields(kind))) for kind in ACTS.values()])


@st.composite
def traces(draw):
    now = draw(SECONDS)
    trace = Trace(lambda: now)
    for number, act in enumerate(draw(st.lists(ANY_ACT, max_size=8))):
        parent = draw(st.none() | st.integers(0, number - 1)) if number else None
        trace.record(draw(TEXT), draw(TEXT), parent, act)
    return trace


@settings(max_examples=300, deadline=None)
@given(traces())
def test_nothing_is_lost_in_json(trace):
    again = Trace.from_json(trace.to_json())
    assert again == trace and again.dropped == trace.dropped
    for one, two in zip(trace, again, strict=True):
        assert type(one.act) is type(two.act)
        for field in dataclasses.fields(one.act):  # Cipher's octets too, which == does not look at
            assert getattr(one.act, field.name) == getattr(two.act, field.name)
    assert again.to_json() == trace.to_json()


def test_every_kind_of_field_is_known_to_json():
    assert {field.type for kind in ACTS.values() for field in dataclasses.fields(kind)} <= set(FIELDS)


def test_a_trace_from_json_goes_on_where_it_ended():
    trace = Trace(keep=10)
    for _ in range(25):
        trace.record(ALICE, "alice/1", None, Wait(1))
    again = Trace.from_json(trace.to_json())
    assert again.dropped == trace.dropped > 0 and again.step(24) == trace.step(24)
    assert again.record(ALICE, "alice/1", None, Hangup()).number == 25


SAY = [0, 0.0, "a", "b", None, "Say", ["x"]]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "7",
        "null",
        '"abc"',
        "[" * 100_000,
        "[[]]",
        "[7]",
        "[{}]",
        json.dumps([SAY[:6]]),
        json.dumps([[*SAY, 1]]),
        json.dumps([[*SAY[:5], "Shout", ["x"]]]),
        json.dumps([[*SAY[:5], ["Say"], ["x"]]]),
        json.dumps([[*SAY[:5], "Act", []]]),
        json.dumps([[*SAY[:6], []]]),
        json.dumps([[*SAY[:6], ["x", "y"]]]),
        json.dumps([[*SAY[:6], [5]]]),
        json.dumps([[*SAY[:6], ["\u0100"]]]),
        json.dumps([[*SAY[:6], "x"]]),
        json.dumps([[True, *SAY[1:]]]),
        json.dumps([["0", *SAY[1:]]]),
        json.dumps([[-1, *SAY[1:]]]),
        json.dumps([[0, "now", *SAY[2:]]]),
        json.dumps([[0, float("nan"), *SAY[2:]]]),
        json.dumps([[0, -1, *SAY[2:]]]),
        json.dumps([[0, 0, None, *SAY[3:]]]),
        json.dumps([SAY, SAY]),
        json.dumps([SAY, [2, *SAY[1:]]]),
        json.dumps([[0, 0, "a", "b", 0, "Say", ["x"]]]),
        json.dumps([[3, 0, "a", "b", -1, "Say", ["x"]]]),
        json.dumps([[3, 0, "a", "b", "1", "Say", ["x"]]]),
        json.dumps([[*SAY[:5], "Rule", ["r", "", ["a"]]]]),
        json.dumps([[*SAY[:5], "Rule", ["r", "", {"a": 1}]]]),
        json.dumps([[*SAY[:5], "Remove", ["b", ["1"]]]]),
        json.dumps([[*SAY[:5], "Answer", ["b", "A", "", "127.0.0.1"]]]),
    ],
    ids=lambda text: text[:60],
)
def test_what_is_no_trace_is_said_to_be_none(text):
    with pytest.raises(LabError, match=r"pass what Trace.to_json\(\) gave"):
        Trace.from_json(text)


def test_and_the_sentence_says_where():
    with pytest.raises(LabError, match="5 where a str belongs"):
        Trace.from_json(json.dumps([[*SAY[:6], [5]]]))


def test_an_empty_trace_is_one():
    assert Trace.from_json(Trace().to_json()) == Trace() and len(Trace()) == 0 and str(Trace()) == ""


# -- a server that runs for days -----------------------------------------------------------------------------------


def filled(count: int, act=lambda n: Wait(n), **limits) -> Trace:
    trace = Trace(**limits)
    for number in range(count):
        trace.record(ALICE, "alice/1", None, act(number))
    return trace


def test_the_oldest_steps_go_and_numbers_go_on():
    trace = filled(105, keep=100)
    assert 90 <= len(trace) <= 100 and trace.dropped == 105 - len(trace)
    assert [step.number for step in trace] == [step.act.seconds for step in trace] == list(range(trace.dropped, 105))
    assert trace.step(104) == trace[-1]
    with pytest.raises(LabError, match=f"it holds steps {trace.dropped} to 104"):
        trace.step(0)


@pytest.mark.parametrize("keep", [1, 2, 9, 10, 1000])
def test_never_more_than_so_many_steps_and_never_none(keep):
    trace = Trace(keep=keep)
    for number in range(3 * keep):
        trace.record(ALICE, "alice/1", None, Wait(number))
        assert 1 <= len(trace) <= keep


GROWS = {
    "Say": lambda n: Say(b"x" * 100),
    "Hear": lambda n: Hear(b"x" * 100),
    "Store": lambda n: Store("bob", b"x" * 100),
    "Cipher": lambda n: Cipher("client", b"x" * 100),
    "Rule": lambda n: Rule("dkim.body", "same", {"octets": "x" * 60, "digest": "y" * 40}),
    "Answer": lambda n: Answer("alpha.example", "TXT", "", ("x" * 60, "y" * 40)),
    "Open": lambda n: Open("x" * 100),
}


@pytest.mark.parametrize("kind", GROWS)
def test_octets_are_counted_too(kind):
    trace = filled(500, GROWS[kind], octets=10_000)
    assert 90 <= len(trace) <= 100


def test_one_step_that_is_too_much_by_itself_stays_until_the_next():
    trace = filled(3, lambda n: Say(b"x" * 1000), octets=100)
    assert [step.number for step in trace] == [2] and trace.dropped == 2


def test_a_limit_may_come_later_and_go():
    trace = filled(50, lambda n: Say(b"x" * 10))
    trace.cap(None, 200)
    assert len(trace) == 18 and trace[-1].number == 49, "nine tenths of it, so that the next steps cost nothing"
    trace.cap(5, None)
    assert len(trace) == 4
    trace.cap(None, None)
    for _ in range(100):
        trace.record(ALICE, "alice/1", None, Say(b"x" * 1000))
    assert len(trace) == 104


def test_dropping_costs_little():
    trace, moved = Trace(keep=1000), 0
    for _ in range(20_000):
        before = trace.dropped
        trace.record(ALICE, "alice/1", None, Hangup())
        moved += trace.dropped != before
    assert moved < 20_000 / 90, "a hundred at a time"


def test_what_stood_under_a_dropped_step_stands_at_the_top():
    trace = a_call()
    trace.cap(6, None)
    assert trace.dropped == 6
    assert [(depth, step.number) for depth, step in trace.walk()] == [(0, n) for n in range(6, 11)]
    assert [step.number for step in trace.under(None)] == [6, 7, 8, 9, 10]
    assert [step.number for step in trace.part([1])] == [0, 1, 2], "what is left of it"
    assert trace.story().keys() == {(CALL, MX), (CALL, ALICE), ("alice/1", ALICE)}


# -- a line a step: a message is hostile text ----------------------------------------------------------------------

HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\n\x00\u202eelpmaxe\u2066\u200b\x85\u2028\ud800\x9b31m"


@settings(max_examples=300, deadline=None)
@given(traces())
@example(filled(1, lambda n: Say(HOSTILE.encode("utf-8", "surrogatepass"))))
def test_a_step_cannot_leave_its_line_or_steer_a_terminal(trace):
    lines = str(trace).split("\n")
    assert len(lines) == max(len(trace), 1)
    assert all(text.isprintable() for text in lines)


@pytest.mark.parametrize(
    "act",
    [
        Enter(HOSTILE),
        Ask(HOSTILE, HOSTILE),
        Answer("x", "TXT", "", (HOSTILE,)),
        Answer("x", "TXT", HOSTILE, ()),
        Rule(HOSTILE, HOSTILE, {HOSTILE: HOSTILE}),
        Open(HOSTILE),
        Close(HOSTILE),
        Store(HOSTILE, b""),
        Flag(HOSTILE, (1,), "+", (HOSTILE,)),
        Connect(HOSTILE, 25),
        Accept(HOSTILE),
        Cipher(HOSTILE, b""),
        Watch(HOSTILE),
        Upgrade(HOSTILE),
    ],
    ids=lambda act: type(act).__name__,
)
def test_hostile_text_in_any_place(act):
    assert told(act).isprintable() and line(Step(0, 0.0, HOSTILE, HOSTILE, None, act), 3).isprintable()


@pytest.mark.parametrize(
    "data, text",
    [
        (b"NOOP\r\n", "NOOP"),
        (b"NOOP\n", r"NOOP\n"),  # an LF alone is worth seeing
        (b"250-a\r\n250 b\r\n", "250-a / 250 b"),
        (b"\r\n.\r\n", " / ."),
        (b"\xff\xe2\x82\xac", "\\xff€"),
        ("grün\r\n".encode(), "grün"),
        (b"x" * 90, "x" * 90),
        (b"x" * 91, "x" * 89 + "…"),
        (b"\x1b" * 10**6, "\\x1b" * 22 + "\\…"),
        (b"", ""),
    ],
    ids=str,
)
def test_octets_in_one_short_line(data, text):
    assert shown(data) == text


def test_what_is_spelt_out_and_what_is_not():
    assert printable("Grüße, 世界, עולם") == "Grüße, 世界, עולם"
    assert printable("a\u202eb\x1b\x7f\xa0\ud800\U000e0041") == r"a\u202eb\x1b\x7f\xa0\ud800\U000e0041"


def test_the_lines_of_a_call():
    assert str(a_call()).splitlines() == [
        "    0    alice@alpha.example  journey {",
        "    1    alice@alpha.example    calls mx.beta.example:25",
        "    2        mx.beta.example      takes a call from 192.0.2.10",
        "    3        mx.beta.example        NOOP {",
        "    4        mx.beta.example          < NOOP",
        "    5        mx.beta.example          > 250 ok",
        "    6        mx.beta.example          } 250",
        "    7    alice@alpha.example      > NOOP",
        "    8    alice@alpha.example      < 250 ok",
        "    9    alice@alpha.example      hangs up",
        "   10    alice@alpha.example    } delivered",
    ]
