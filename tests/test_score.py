"""The score: which rows a trace becomes, in which order, and that no step and no octet is lost on the way."""

from __future__ import annotations

import gzip
import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from player_traces import READERS, TABLES, Talk, Teller, hostile, long, reading

from mailedu import Lab
from mailedu.acts import (
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
    Remove,
    Rule,
    Say,
    Store,
    Upgrade,
    Wait,
    Watch,
)
from mailedu.table import Row, Table
from mailedu.trace import Trace
from mailedu.views.score import (
    MOST_OCTETS,
    Choice,
    Question,
    box_label,
    glossary,
    lanes,
    meter_label,
    mood,
    pack,
    plain,
    score,
    tls_headers,
)

KINDS = {"verb", "addr", "param", "code", "secret", "crlf", "dot", "wrong", "text"}


def told(trace: Trace, **more):
    return score(trace, READERS, TABLES, **more)["rows"]


def shown(rows) -> list[str]:
    """Rows as an indented text, to compare at a glance."""
    depth = []
    for row in rows:
        depth.append(depth[row["up"]] + 1 if "up" in row else 0)
    words = [row["rule"] if row["kind"] == "rule" else row["label"] for row in rows]
    return [f"{'  ' * d}{row['n']} {row['kind']} {said}" for d, row, said in zip(depth, rows, words, strict=True)]


def holds(trace: Trace, made: dict) -> None:
    """What is so of every score: each step has its one row, rows stand in tree order, spans use up all octets."""
    rows = made["rows"]
    numbers = Counter(number for row in rows for number in (row["n"], *row.get("also", ())))
    assert {step.number for step in trace} == set(numbers), "each step finds a row"
    assert set(numbers.values()) <= {1}, "and one only"
    above: list[int] = []
    for place, row in enumerate(rows):
        while above and above[-1] != row.get("up"):
            above.pop()
        assert ("up" in row) == bool(above), "a row stands under one that is not finished yet"
        above.append(place)
        assert row["level"] in ("journey", "conversation", "exchange", "message", "decision", "evidence")
        if "data" in row:
            assert sum(length for length, _ in row["spans"]) == len(row["data"])
    lane_of = {actor for lane in made["lanes"] for actor in lane["of"]}
    assert all(row["actor"] in lane_of and row.get("to", row["actor"]) in lane_of for row in rows)
    assert json.loads(gzip.decompress(pack(made))) == json.loads(json.dumps(made))


# -- one call


def test_a_reading() -> None:
    assert shown(told(reading())) == [
        "0 open bob reads his mail",
        "  1 open POP3, port 110",
        "    2 connect pop.beta.example takes the call from 198.51.100.30",
        "    3 say +OK pop.beta.example POP3 server ready <1.2@pop.beta.example>",
        "    7 open STLS",
        "      8 say STLS",
        "      9 say +OK now TLS",
        "    13 tls TLS handshake",
        "    16 open USER bob",
        "      17 say USER bob",
        "      18 say +OK now the password",
        "    25 open PASS wrong",
        "      26 say PASS wrong",
        "      27 rule pop3.login",
        "      28 say -ERR [AUTH] name and password do not fit together",
        "    35 open USER bob",
        "      36 say USER bob",
        "      37 say +OK now the password",
        "    44 open PASS lab-bob",
        "      45 say PASS lab-bob",
        "      46 rule pop3.lock",
        "      47 say +OK maildrop open, 1 message",
        "    54 open LIST",
        "      55 say LIST",
        "      56 say +OK 1 message",
        "    62 open RETR 1",
        "      63 say RETR 1",
        "      64 say +OK 75 octets",
        "    70 open QUIT",
        "      71 say QUIT",
        "      73 say +OK goodbye",
        "    78 hangup bob@beta.example hangs up",
        "  79 open Where is alpha.example?",
        "    80 ask alpha.example MX?",
        "    81 answer 10 mx.alpha.example.",
        "    82 ask nowhere.example MX?",
        "    83 answer no such name",
        "    84 rule made.up",
        "    85 store into the mailbox of alice@alpha.example",
    ]


def test_it_holds_for_the_traces_of_the_player() -> None:
    for trace in (reading(), hostile(), long(500)):
        holds(trace, score(trace, READERS, TABLES))


def test_what_both_ends_wrote_down_is_told_once_by_the_server() -> None:
    rows = told(reading())
    quit_ = next(row for row in rows if row["label"] == "QUIT" and row["kind"] == "say")
    assert (quit_["actor"], quit_["to"]) == ("bob@beta.example", "pop.beta.example")
    assert 68 in quit_["also"], "the client's Say belongs to the row of what the server heard"


def test_what_the_client_heard_belongs_to_the_row_with_its_first_octet() -> None:
    """The server says a reply in one piece; the client frames it in two."""
    teller = Teller()
    talk = Talk(teller, "bob", "pop.beta.example", 110, "198.51.100.30")
    group = teller.step(talk.server, Open("LIST"), talk.name, talk.accept)
    teller.step(talk.server, Hear(b"LIST\r\n"), talk.name, group)
    said = teller.step(talk.server, Say(b"+OK\r\n1 5\r\n.\r\n"), talk.name, group)
    heard = [teller.step("bob", Hear(piece), talk.name, talk.call) for piece in (b"+OK\r\n", b"1 5\r\n.\r\n")]
    row = next(row for row in told(teller.trace) if row["n"] == said)
    assert set(heard) <= set(row["also"])


def test_a_call_whose_server_is_not_ours_is_told_by_the_client() -> None:
    teller = Teller()
    teller.step("bob", Connect("pop.gamma.example", 110), "pop.gamma.example:110/1")
    teller.step("bob", Hear(b"+OK\r\n"), "pop.gamma.example:110/1")
    group = teller.step("bob", Open("QUIT"), "pop.gamma.example:110/1")
    teller.step("bob", Say(b"QUIT\r\n"), "pop.gamma.example:110/1")
    teller.step("bob", Hear(b"+OK bye\r\n"), "pop.gamma.example:110/1")
    teller.step("bob", Close("ok"), "pop.gamma.example:110/1")
    made = score(teller.trace, READERS, TABLES)
    holds(teller.trace, made)
    said = [(row["n"], row["actor"], row.get("to"), row.get("reply")) for row in made["rows"] if row["kind"] == "say"]
    assert said == [
        (1, "pop.gamma.example", "bob", 1),
        (3, "bob", "pop.gamma.example", None),
        (4, "pop.gamma.example", "bob", 1),
    ]
    assert next(row for row in made["rows"] if row["n"] == group)["outcome"] == "+OK"


def test_a_call_nobody_takes() -> None:
    teller = Teller()
    teller.step("queue mx.alpha.example", Connect("mx.beta.example", 25), "mx.beta.example:25/1")
    teller.step("queue mx.alpha.example", Hangup(), "mx.beta.example:25/1")
    call = told(teller.trace)[0]
    assert (call["outcome"], call["mood"], call["actor"]) == ("nobody answers", "later", "mx.alpha.example")


def test_a_refusal_names_its_rule_and_is_counted() -> None:
    rows = told(reading())
    no = next(row for row in rows if row.get("outcome") == "refused" and row["kind"] == "say")
    assert (no["rule"], no["mood"]) == ("pop3.login", "bad")
    call = next(row for row in rows if row["level"] == "conversation")
    assert (call["refusals"], call["outcome"], call["mood"]) == (1, "1 refused", "bad")


def test_a_new_state_is_part_of_what_led_to_it() -> None:
    states = [(row["n"], row["state"]) for row in told(reading()) if "state" in row]
    assert states[:2] == [(3, ["AUTHORIZATION", "", "AUTHORIZATION"]), (18, ["AUTHORIZATION", "USER", "PASSWORD"])]
    assert states[-2:] == [(71, ["TRANSACTION", "QUIT", "UPDATE"]), (73, ["UPDATE", "QUIT", "CLOSED"])]


def test_tls_is_on_from_the_handshake() -> None:
    rows = told(reading())
    assert [row["n"] for row in rows if row["kind"] == "say" and not row.get("tls")] == [3, 8, 9]
    user = next(row for row in rows if row["n"] == 17)
    assert user["wire"] == len("USER bob\r\n") + 22, "what was on the wire is counted with what was said"


def test_the_headers_of_tls_records_are_kept_and_nothing_of_what_they_hide() -> None:
    teller = Teller()
    talk = Talk(teller, "bob", "pop.beta.example", 110, "198.51.100.30")
    shake = teller.step(talk.server, Upgrade(), talk.name, talk.accept)
    hello, secret = b"\x16\x03\x01\x00\x04abcd", b"\x17\x03\x03\x00\x06secret"
    teller.step(talk.server, Cipher("client", hello + b"\x14\x03\x03\x00\x01\x01"), talk.name, shake)
    teller.step(talk.server, Enter("AUTHORIZATION"), talk.name, talk.accept)
    teller.step(talk.server, Cipher("client", secret * 50), talk.name, shake)
    heard = teller.step(talk.server, Hear(b"NOOP\r\n"), talk.name, talk.accept)
    made = score(teller.trace, READERS, TABLES)
    kept = {row["n"]: row["records"] for row in made["rows"] if "records" in row}
    assert kept[shake] == ["\x16\x03\x01\x00\x04", "\x14\x03\x03\x00\x01"]
    assert kept[heard] == ["\x17\x03\x03\x00\x06"] * 40
    assert "secret" not in str([row for row in made["rows"] if row["n"] != heard])
    assert "TLS record type" in made["names"] and "TLS fragment" in made["names"]


@pytest.mark.parametrize("data", [b"", b"\x16", b"\x16\x03\x03\x00", b"\x00" * 9, b"GET / HTTP/1.1", b"\x16" * 5])
def test_what_is_no_tls_record_has_no_header(data: bytes) -> None:
    assert len(tls_headers(data)) == (data == b"\x16" * 5)


def test_records_of_a_handshake_are_parted_from_those_of_what_is_heard_next() -> None:
    """A tap writes all that the client sends under the server's handshake."""
    teller = Teller()
    talk = Talk(teller, "bob", "pop.beta.example", 110, "198.51.100.30")
    shake = teller.step(talk.server, Upgrade(), talk.name, talk.accept)
    for size in (517, 80):
        teller.step(talk.server, Cipher("client", bytes(size)), talk.name, shake)
    teller.step(talk.server, Enter("AUTHORIZATION"), talk.name, talk.accept)
    teller.step(talk.server, Cipher("client", bytes(28)), talk.name, shake)
    heard = teller.step(talk.server, Hear(b"NOOP\r\n"), talk.name, talk.accept)
    teller.step(talk.server, Cipher("client", bytes(24)), talk.name, shake)
    made = score(teller.trace, READERS, TABLES)
    holds(teller.trace, made)
    assert {row["n"]: row["wire"] for row in made["rows"] if "wire" in row} == {shake: 517 + 80, heard: 28 + 24}


def test_what_a_message_sets_off_stands_after_the_conversation_that_stored_it() -> None:
    teller = Teller()
    teller.step("alice", Open("a mail"))
    talk = Talk(teller, "alice", "mx.alpha.example", 587, "192.0.2.10")
    stored = teller.step(talk.server, Store("queue mx.alpha.example", b"x\r\n"), talk.name, talk.accept)
    relay = teller.step("queue mx.alpha.example", Open("delivery"), "", stored)
    onward = teller.step("queue mx.alpha.example", Connect("mx.beta.example", 25), "mx.beta.example:25/1", relay)
    accept = teller.step("mx.beta.example", Accept("192.0.2.25"), "mx.beta.example:25/1", onward)
    arrived = teller.step("mx.beta.example", Store("bob@beta.example", b"x\r\n"), "mx.beta.example:25/1", accept)
    teller.step("bob@beta.example", Open("bob reads it"), "", arrived)
    teller.step("queue mx.alpha.example", Close("delivered"), "", relay)
    teller.step("queue mx.alpha.example", Remove("queue mx.alpha.example", (1,)), "", stored)
    made = score(teller.trace, READERS, TABLES)
    holds(teller.trace, made)
    top = [row["label"] for row in made["rows"] if row.get("up") == 0]
    assert top == ["Submission, port 587", "delivery", "the queue of mx.alpha.example loses message 1", "bob reads it"]
    assert made["meters"][0] == {"id": "queue mx.alpha.example", "label": "alpha queue"}
    counts = [
        row["world"]["queue mx.alpha.example"]
        for row in made["rows"]
        if "queue mx.alpha.example" in row.get("world", {})
    ]
    assert counts == [1, 0]


# -- what is shown of a step


def test_long_octets_are_cut_and_counted() -> None:
    trace = Trace()
    trace.record("a", "", None, Say(b"x" * (MOST_OCTETS + 5)))
    row = told(trace)[0]
    assert (len(row["data"]), row["size"], row["spans"]) == (MOST_OCTETS, MOST_OCTETS + 5, [(MOST_OCTETS, "text")])
    assert len(row["label"]) == 160


def test_octets_that_a_reader_leaves_over_show_as_unexplained() -> None:
    teller = Teller()
    talk = Talk(teller, "bob", "pop.beta.example", 110, "198.51.100.30")
    talk.says(b"+OK hello\r\n")
    row = score(teller.trace, {"pop3": lambda data, *_: [(3, "status")]}, {})["rows"][-1]
    assert row["spans"] == [(3, "status"), (8, "unexplained")]
    too_many = score(teller.trace, {"pop3": lambda data, *_: [(99, "status")]}, {})["rows"][-1]
    assert too_many["spans"] == [(11, "unexplained")]


@pytest.mark.parametrize(
    ("data", "spans"),
    [
        (b"", []),
        (b"one", [(3, "text")]),
        (b"one\r\n\r\ntwo", [(3, "text"), (2, "CRLF"), (2, "CRLF"), (3, "text")]),
        (b"a\nb\r", [(4, "text")]),
    ],
)
def test_octets_nobody_explains_are_text_and_line_ends(data: bytes, spans: list) -> None:
    assert plain(data) == spans


@pytest.mark.parametrize(
    ("verdict", "found"),
    [
        ("pass", "good"),
        ("fail", "bad"),
        ("PASS because", "good"),
        ("temperror", "later"),
        ("250 2.0.0 queued", "good"),
        ("354", "good"),
        ("451 4.3.0", "later"),
        ("550", "bad"),
        ("neutral", ""),
        ("reject", ""),
        ("", ""),
        ("99", ""),
    ],
)
def test_moods(verdict: str, found: str) -> None:
    assert mood(verdict) == found


def test_dns_answers_tell_what_went_wrong() -> None:
    teller = Teller()
    teller.ask("mx.beta.example", "a.example", "TXT")
    teller.ask("mx.beta.example", "a.example", "TXT", status="DnsTimeout")
    teller.ask("mx.beta.example", "a.example", "TXT", "one", "two")
    answers = [(row["label"], row.get("outcome"), row["to"]) for row in told(teller.trace) if row["kind"] == "answer"]
    assert answers == [
        ("no such record", "void", "mx.beta.example"),
        ("no answer came", "no answer", "mx.beta.example"),
        ("one; two", None, "mx.beta.example"),
    ]


def test_lanes_are_companies_until_two_of_their_hosts_talk() -> None:
    rows = [
        {"actor": "alice@alpha.example", "to": "mx.alpha.example"},
        {"actor": "submission.alpha.example"},
        {"actor": "mx.beta.example", "to": "dns"},
        {"actor": "203.0.113.66"},
    ]
    found = [(lane["name"], lane["role"], lane["of"]) for lane in lanes(rows)]
    assert found == [
        ("alice", "person", ["alice@alpha.example"]),
        ("alpha", "server", ["mx.alpha.example", "submission.alpha.example"]),
        ("beta", "server", ["mx.beta.example"]),
        ("dns", "dns", ["dns"]),
        ("203.0.113.66", "person", ["203.0.113.66"]),
    ]
    talking = [*rows, {"actor": "mx.alpha.example", "to": "submission.alpha.example"}]
    assert [lane["name"] for lane in lanes(talking)][1:3] == ["mx", "submission"]


def test_two_people_of_one_name_keep_their_domains() -> None:
    rows = [{"actor": "bob@beta.example"}, {"actor": "bob@gamma.example"}]
    assert [lane["name"] for lane in lanes(rows)] == ["bob@beta.example", "bob@gamma.example"]


@pytest.mark.parametrize(
    ("box", "label", "meter"),
    [
        ("bob@beta.example", "the mailbox of bob@beta.example", "bob mailbox"),
        ("bob@beta.example/Junk", "the folder Junk of bob@beta.example", "bob Junk"),
        ("queue mx.alpha.example", "the queue of mx.alpha.example", "alpha queue"),
    ],
)
def test_boxes_by_the_names_people_give_them(box: str, label: str, meter: str) -> None:
    assert (box_label(box), meter_label(box)) == (label, meter)


def test_very_many_share_a_lane() -> None:
    found = lanes({"actor": f"student{number}@x.example", "to": "mx.x.example"} for number in range(300))
    assert len(found) == 12
    assert (found[-1]["name"], len(found[-1]["of"])) == ("others", 290)


def test_the_glossary_names_a_mark_and_a_sentence() -> None:
    for name, (kind, says) in glossary().items():
        assert kind in KINDS, name
        assert says.endswith((".", "?")) and len(says) < 130, name


def test_the_table_that_ran_comes_along() -> None:
    made = score(reading(), READERS, TABLES)
    assert made["talks"] == [{"name": "pop.beta.example:110/1", "called": "POP3", "port": 110, "machine": "pop3"}]
    assert made["machines"]["pop3"]["rows"] == [list(row) for row in TABLES["pop3"]]
    other = {"pop3s": Table("X", [Row("A", "GO", "ok", "B", "1")])}
    assert score(reading(), READERS, other)["machines"] == {}


# -- the whole


def test_nothing_happened() -> None:
    made = score(Trace(), {}, {})
    assert (made["rows"], made["title"]) == ([], "Nothing happened")


def test_a_trace_that_lost_its_beginning() -> None:
    trace = reading()
    trace.cap(40, None)
    made = score(trace, READERS, TABLES)
    holds(trace, made)
    assert made["dropped"] == trace.dropped > 0


def test_the_same_trace_gives_the_same_bytes() -> None:
    assert pack(score(reading(), READERS, TABLES)) == pack(score(reading(), READERS, TABLES))
    again = Trace.from_json(reading().to_json())
    assert pack(score(again, READERS, TABLES)) == pack(score(reading(), READERS, TABLES))


def test_lone_surrogates_do_not_stop_it() -> None:
    trace = Trace()
    trace.record("a", "", None, Open("\udcff"))
    pack(score(trace, {}, {}))


def test_predictions_are_put_to_their_rows() -> None:
    asked = Question("What comes?", (Choice("+OK"), Choice("-ERR", True, "The password is wrong.")))
    rows = told(reading(), predict={28: asked})
    row = next(row for row in rows if "predict" in row)
    assert row["n"] == 28
    assert row["predict"]["choices"][1] == {"text": "-ERR", "right": True, "hint": "The password is wrong."}
    with pytest.raises(LabError, match="no step 999"):
        told(reading(), predict={999: asked})


# -- real runs


@pytest.fixture(scope="module")
def lab():
    """A lab in which one mail arrived and was read, one was refused, and somebody typed nonsense."""
    from mailedu import Lab

    lab = Lab(seed=1)
    lab.send("alice@alpha.example", "bob@beta.example", subject="Hello", text="Hi Bob")
    lab.send("alice@alpha.example", "bob@beta.example", subject="Win", text="Click", client="203.0.113.66")
    smtp = lab.smtp("mx.beta.example", client="203.0.113.66")
    for line in (
        "EHLO mallory.example",
        "MAIL FROM:<>",
        "VRFY root",
        "RCPT TO:<nobody@beta.example>",
        "X\x00Y",
        "QUIT",
    ):
        smtp.send(line)
    pop = lab.pop3("bob@beta.example")
    for line in ("USER bob@beta.example", "PASS wrong", "CAPA", "LIST 9", "QUIT"):
        pop.send(line)
    imap = lab.imap("bob@beta.example")
    for line in (
        "a LOGIN bob@beta.example x",
        "b NONSENSE",
        'c LOGIN "bob@beta.example" "lab-bob"',
        "d SELECT INBOX",
        "e FETCH 1 (FLAGS ENVELOPE BODYSTRUCTURE)",
        "f STORE 1 +FLAGS (\\Seen)",
        "g SEARCH UNSEEN",
        "h LOGOUT",
    ):
        imap.send(line)
    return lab


@pytest.fixture(scope="module")
def journey(lab):
    from mailedu.lab.shown import READERS as all_readers
    from mailedu.lab.shown import TABLES as all_tables

    return score(lab.trace, all_readers, all_tables)


def test_real_runs_are_told_whole(lab, journey) -> None:
    holds(lab.trace, journey)
    assert len(lab.trace) > 500 > len(journey["rows"])


def test_every_octet_of_real_runs_has_a_name_that_is_explained(journey) -> None:
    names = {name for row in journey["rows"] for _, name in row.get("spans", ())}
    assert "unexplained" not in names
    assert names <= set(glossary()), "names.toml lacks what a reader says"


def test_every_rule_of_real_runs_has_its_sentence(journey) -> None:
    told = [row for row in journey["rows"] if row["kind"] == "rule"]
    assert all(row["label"] != row["rule"] for row in told)
    assert all(row["rule"] in journey["rules"] for row in told)
    assert not any("{" in row["label"] for row in told)


def test_every_real_refusal_names_its_rule(journey) -> None:
    refused = [row for row in journey["rows"] if row["kind"] == "say" and row.get("mood") == "bad"]
    assert len(refused) >= 6
    assert [row["label"] for row in refused if "rule" not in row] == []


def test_a_journey_stands_in_the_order_in_which_it_is_told(journey) -> None:
    first = [row for row in journey["rows"] if row.get("up") == 0]
    assert [row["label"] for row in first] == [
        "Submission, port 587",
        "delivery to beta.example",
        "the queue of mx.alpha.example loses message 1",
        "bob@beta.example reads it by IMAP",
        "bob@beta.example reads it by POP3",
    ]


# -- anything at all

NAMES = st.sampled_from(["alice@alpha.example", "mx.alpha.example", "mx.beta.example", "queue mx.alpha.example", "x"])
TALKS = st.sampled_from(["", "mx.beta.example:25/1", "pop.beta.example:110/1", "odd:thing"])
WORDS = st.sampled_from(["", "pass", "550 no", "\u202e\x00", "RETR 1", "AUTHORIZATION"])
BYTES = st.sampled_from([b"", b"+OK\r\n", b"-ERR no\r\n", b"USER bob\r\n", b"\xff\x00\n", b"a" * 300])
ACTIONS = st.one_of(
    st.builds(Say, BYTES),
    st.builds(Hear, BYTES),
    st.builds(Enter, WORDS),
    st.builds(Rule, st.sampled_from(["pop3.login", "no.such-rule"]), WORDS, st.dictionaries(WORDS, WORDS, max_size=2)),
    st.builds(Open, WORDS),
    st.builds(Close, WORDS),
    st.builds(Store, NAMES, BYTES, st.dictionaries(WORDS, WORDS, max_size=1)),
    st.builds(Remove, NAMES, st.just((1, 2))),
    st.builds(Flag, NAMES, st.just((1,)), st.sampled_from(["", "+", "-"]), st.just(("\\Seen",))),
    st.builds(Watch, NAMES),
    st.builds(Hangup),
    st.builds(Ask, WORDS, st.just("TXT")),
    st.builds(Connect, NAMES, st.sampled_from([25, 110, 7])),
    st.builds(Upgrade, WORDS),
    st.builds(Wait, st.just(5.0)),
    st.builds(Answer, WORDS, st.just("TXT"), st.sampled_from(["", "NXDomain", "DnsTimeout", "?"]), st.just(("a",))),
    st.builds(Accept, NAMES),
    st.builds(Cipher, st.sampled_from(["client", "server"]), BYTES),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(NAMES, TALKS, st.integers(0, 30), ACTIONS), max_size=30))
def test_any_tree_of_any_acts_can_be_told(steps: list) -> None:
    trace = Trace()
    for actor, conversation, above, act in steps:
        parent = above if above < len(trace) else None
        trace.record(actor, conversation, parent, act)
    holds(trace, score(trace, READERS, TABLES))


def test_a_box_that_had_letters_before_the_trace_began_is_counted_by_its_changes():
    lab = Lab(seed=1)
    lab.send("alice@alpha.example", "bob@beta.example", subject="Hello", read=False)
    pop = lab.pop3("bob@beta.example")
    for line in ("USER bob", "PASS lab-bob", "DELE 1", "QUIT"):
        pop.send(line)
    told = {meter["id"]: meter["label"] for meter in score(pop.trace, {}, {})["meters"]}
    assert told["bob@beta.example"] == "bob mailbox, change"
    told = {meter["id"]: meter["label"] for meter in score(lab.trace, {}, {})["meters"]}
    assert told["bob@beta.example"] == "bob mailbox"
