"""SEARCH with every key, texts that are encoded, ESEARCH and $; SORT and THREAD."""

import base64
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imap_stage import BOB, logged_in, reader, stage, untagged
from pump import Stage

from mailedu.acts import Flag, Store
from mailedu.imap.search import ARGUMENTS, DEEPEST, MOST, WORDS
from mailedu.imap.sorting import CRITERIA, days, seconds, subject
from mailedu.imap.texts import casemap, field_text, from_base64
from mailedu.mailbox import Mailbox


def mail(**told: str) -> bytes:
    """mail(Subject="x", body="y")"""
    body = told.pop("body", "")
    names = {name: name.replace("_", "-") for name in told}
    return "".join(f"{names[name]}: {value}\r\n" for name, value in told.items()).encode() + f"\r\n{body}".encode()


def holding(*messages: bytes, dates: tuple[str, ...] = ()) -> Stage:
    here = Stage(**{BOB: Mailbox(6)})
    for number, data in enumerate(messages):
        here.change(Store(BOB, data, {"date": dates[number]} if dates else {}))
    return here


MORNING, NIGHT = "Mon, 23 Nov 2026 08:00:00 +0000", "24 Nov 2026 23:30:00 -0500"
LETTERS = [
    mail(
        From="Alice <alice@alpha.example>", To="bob@beta.example", Subject="Lunch", Date=MORNING, body="See you soon."
    ),
    mail(
        From="carol@gamma.example", Cc="BOB@beta.example", Subject="=?utf-8?q?Gr=C3=BC=C3=9Fe?=", Date=NIGHT, body="x"
    ),
    mail(From="alice@alpha.example", Bcc="bob@beta.example", Subject="Re: Lunch", X_List="knitting", body="x" * 500),
    b"Subject: coded\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + base64.encodebytes("Schöne Grüße".encode("latin-1")),
]
DATES = (
    "22-Nov-2026 23:59:59 -0800",
    "23-Nov-2026 00:00:00 +0000",
    "24-Nov-2026 12:00:00 +0100",
    "01-Jan-2020 00:00:00 +0000",
)


@pytest.fixture(scope="module")
def imap():
    here = holding(*LETTERS, dates=DATES)
    here.change(Flag(BOB, (1,), "+", ("\\Seen", "\\Answered", "Work")))
    here.change(Flag(BOB, (2,), "+", ("\\Flagged", "\\Deleted", "\\Draft")))
    return reader(here)


def found(imap, keys: str) -> list[int]:
    [line] = untagged(imap.send("s SEARCH " + keys))
    return [int(one) for one in line.split()[2:]]


@pytest.mark.parametrize(
    "keys, numbers",
    [
        ("ALL", [1, 2, 3, 4]),
        ("ANSWERED", [1]), ("UNANSWERED", [2, 3, 4]), ("DELETED", [2]), ("UNDELETED", [1, 3, 4]),
        ("DRAFT", [2]), ("UNDRAFT", [1, 3, 4]), ("FLAGGED", [2]), ("UNFLAGGED", [1, 3, 4]),
        ("SEEN", [1]), ("UNSEEN", [2, 3, 4]), ("KEYWORD work", [1]), ("UNKEYWORD WORK", [2, 3, 4]), ("KEYWORD x", []),
        ("NEW", [2, 3, 4]), ("RECENT", [1, 2, 3, 4]), ("OLD", []),
        ("FROM alice", [1, 3]), ("FROM ALPHA.EXAMPLE", [1, 3]), ("TO bob", [1]), ("CC bob", [2]), ("BCC bob", [3]),
        ("SUBJECT lunch", [1, 3]), ("SUBJECT \"\"", [1, 2, 3, 4]), ('SUBJECT "grüße"', [2]), ('SUBJECT "GRÜSSE"', [2]),
        ("SUBJECT utf-8", []), ("HEADER X-LIST KNIT", [3]), ('HEADER x-list ""', [3]), ('HEADER Cc ""', [2]),
        ("BODY soon", [1]), ("BODY lunch", []), ('BODY "schöne grüße"', [4]), ("BODY U2No", []),
        ("TEXT lunch", [1, 3]), ("TEXT \"GRÜSSE\"", [2, 4]), ("TEXT knitting", [3]), ("TEXT frogs", []),
        ("LARGER 400", [3]), ("SMALLER 400", [1, 2, 4]), ("LARGER 99999999999", []),
        ("1", [1]), ("2:*", [2, 3, 4]), ("*", [4]), ("9", []), ("4:2,1", [1, 2, 3, 4]),
        ("UID 1,4", [1, 4]), ("UID 9:*", [4]),
        ("ON 22-Nov-2026", [1]), ("BEFORE 23-Nov-2026", [1, 4]), ('SINCE "23-nov-2026"', [2, 3]),
        ("SINCE 1-Jan-2027", []),
        ("SENTON 24-Nov-2026", [2]), ("SENTBEFORE 24-Nov-2026", [1]), ("SENTSINCE 23-Nov-2026", [1, 2]),
        ("NOT SEEN", [2, 3, 4]), ("NOT NOT SEEN", [1]), ("OR SEEN 4", [1, 4]), ("OR SEEN OR 2 OR 3 4", [1, 2, 3, 4]),
        ("OR (SEEN 1) (2 UNSEEN)", [1, 2]), ("(OR 1 2) (OR 2 3)", [2]), ("SEEN UNSEEN", []),
        ("FROM alice NOT SUBJECT re", [1]),
        ("CHARSET UTF-8 SUBJECT \"grüße\"", [2]), ("CHARSET us-ascii ALL", [1, 2, 3, 4]), ("MODSEQ 6", [1, 2]),
    ],
)  # fmt: skip
def test_keys(imap, keys, numbers):
    if keys == "MODSEQ 6":
        assert untagged(imap.send("s SEARCH " + keys))[-1] == "* SEARCH 1 2 (MODSEQ 7)"
    else:
        assert found(imap, keys) == numbers


def test_every_key_was_searched_for():
    """The table above has them all."""
    keys = " ".join(mark.args[1][n][0] for mark in test_keys.pytestmark for n in range(len(mark.args[1])))
    words = set(re.findall(r"[A-Z]+", keys))
    assert {*WORDS, *ARGUMENTS, "NOT", "OR"} <= words


def test_texts_in_literals_and_in_utf8(imap):
    assert untagged(imap.send("s SEARCH SUBJECT {7+}\r\ngrüße\r\n".encode())) == ["* SEARCH 2"]
    assert untagged(imap.send(b"s SEARCH CHARSET UTF-8 TEXT {8+}\r\n\xd0\xbc\xd0\xb0\xd1\x82\xd1\x8c\r\n")) == [
        "* SEARCH"
    ]
    assert untagged(imap.send(b"s SEARCH TEXT {1+}\r\n\xff\r\n")) == ["* SEARCH"]


def test_what_was_removed_is_not_found():
    here = stage(3)
    one, two = reader(here), reader(here)
    one.send("c STORE 2 FLAGS.SILENT (\\Deleted)")
    one.send("d EXPUNGE")
    assert untagged(two.send("c SEARCH ALL")) == ["* SEARCH 1 3"]


# -- ESEARCH and $ -------------------------------------------------------------------------------------------------


def test_esearch_tells_what_was_asked_for():
    imap = reader(stage(6), "c STORE 2 FLAGS (\\Seen)")

    def told(options: str, keys: str = "UNSEEN", how: str = "SEARCH") -> list[str]:
        return untagged(imap.send(f"e {how} RETURN ({options}) {keys}"))

    assert told("MIN") == ['* ESEARCH (TAG "e") MIN 1'] and told("MAX") == ['* ESEARCH (TAG "e") MAX 6']
    assert told("") == told("ALL") == told("ALL SAVE") == ['* ESEARCH (TAG "e") ALL 1,3:6']
    assert told("COUNT") == ['* ESEARCH (TAG "e") COUNT 5'] and told("SAVE") == []
    assert told("MAX COUNT MIN", how="UID SEARCH") == ['* ESEARCH (TAG "e") UID MAX 6 COUNT 5 MIN 1']
    assert told("MIN MAX ALL", "DELETED") == ['* ESEARCH (TAG "e")']
    assert told("COUNT", "DELETED") == ['* ESEARCH (TAG "e") COUNT 0']


def test_modseq_is_of_what_is_told():
    """RFC 4731 §3.2"""
    imap = reader(stage(3), "c ENABLE CONDSTORE", "d STORE 2 FLAGS (\\Seen)", "e STORE 1 FLAGS (\\Seen)")  # 6, 5; 4

    def told(options: str) -> str:
        return untagged(imap.send(f"e SEARCH RETURN ({options}) MODSEQ 1"))[-1].partition(") ")[2]

    assert (
        told("MIN") == "MIN 1 MODSEQ 6"
        and told("MAX") == "MAX 3 MODSEQ 4"
        and told("MIN MAX") == "MIN 1 MAX 3 MODSEQ 6"
    )
    assert told("ALL") == "ALL 1:3 MODSEQ 6" and told("COUNT MAX") == "COUNT 3 MAX 3 MODSEQ 6"
    assert untagged(imap.send("f SEARCH MODSEQ 99")) == ["* SEARCH"]


@pytest.mark.parametrize(
    "options, kept",
    [
        ("SAVE", "1:4"), ("SAVE ALL", "1:4"), ("SAVE COUNT MIN", "1:4"),
        ("SAVE MIN", "1"), ("SAVE MAX", "4"), ("SAVE MIN MAX", "1,4"),
    ],
)  # fmt: skip
def test_what_dollar_stands_for(options, kept):
    """§6.4.4.1, table 4"""
    imap = reader(stage(4))
    imap.send(f"c SEARCH RETURN ({options}) ALL")
    assert untagged(imap.send("d SEARCH RETURN (ALL) $")) == [f'* ESEARCH (TAG "d") ALL {kept}']


def test_dollar_is_emptied_and_kept():
    imap = reader(stage(4))

    def dollar() -> list[str]:
        return untagged(imap.send("x FETCH $ UID"))

    assert dollar() == []
    imap.send("c SEARCH RETURN (SAVE) 2:3")
    for harmless in ("SEARCH ALL", "SEARCH RETURN (ALL) 1", "SEARCH RETURN (SAVE) FROG", "SEARCH CHARSET X ALL"):
        imap.send("d " + harmless)
        assert len(dollar()) == 2
    imap.send("e SEARCH RETURN (SAVE) CHARSET X ALL")
    assert dollar() == []
    imap.send("f UID SEARCH RETURN (SAVE) UID 4")
    assert imap.send("g COPY $ INBOX").startswith("* 5 EXISTS") and imap.send("h UID STORE $ FLAGS (\\Deleted)")
    imap.send("i EXPUNGE")
    assert dollar() == []
    imap.send("j SEARCH RETURN (SAVE) ALL")
    imap.send("k SELECT INBOX")
    assert dollar() == []


# -- bad input -----------------------------------------------------------------------------------------------------


def test_searches_may_be_so_deep_and_so_long():
    imap = reader(stage(2))
    assert found(imap, "NOT " * DEEPEST + "UNSEEN") == [1, 2] and found(imap, "(" * 50 + "1" + ")" * 50) == [1]
    assert found(imap, "OR 1 " * 400 + "2") == [1, 2]
    for keys in (
        "NOT " * 10_000 + "SEEN",
        "(" * 10_000 + "1" + ")" * 10_000,
        "OR 1 " * 10_000 + "2",
        "SEEN " * MOST + "SEEN",
    ):
        reply = imap.send("s SEARCH " + keys)
        assert reply.startswith("s BAD "), keys[:20]


def test_many_messages_and_hostile_sets_take_no_time():
    here = Stage(**{BOB: Mailbox(6)})
    for _ in range(5_000):
        here.change(Store(BOB, b"x"))
    imap = reader(here)
    began = time.process_time()
    assert len(found(imap, "UID " + ",".join(["1:*"] * 10_000))) == 5_000
    assert len(found(imap, ",".join(str(n) for n in range(1, 5_000, 2)))) == 2_500
    assert time.process_time() - began < 2


def test_casemap():
    assert casemap("Grüße".encode()) == casemap("GRÜSSE".encode()) and casemap(b"aZ[") == b"AZ["
    assert casemap("é".encode()) == casemap("e\u0301".encode()) and casemap(b"\xffa") == b"\xffA"
    assert field_text(b"=?utf-8?q?a?= =?utf-8?q?b?= c") == b"ab c" and field_text("ä".encode()) == "ä".encode()
    assert field_text(b"\xe4") == "ä".encode() and field_text(b"=?x?=" + b"a" * 20_000).startswith(b"=?x?=")
    assert from_base64(b"SGVs bG8=SGVs") == b"Hello"


# -- SORT ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said, base, reply",
    [
        (b"Lunch", "LUNCH", False),
        (b"Re: Lunch", "LUNCH", True),
        (b"RE:re:  Fwd: [list] Re[2]: Lunch   today (fwd) ", "LUNCH TODAY", True),
        (b"[list] Lunch", "LUNCH", False),
        (b"[list]", "[LIST]", False),
        (b"[a] [b]", "[B]", False),
        (b"[fwd: Re: Lunch]", "LUNCH", True),
        (b"[Fwd: [fwd: x] (fwd)]", "X", True),
        (b"Lunch (fwd)(FWD)", "LUNCH", True),
        (b"fw: ", "", True),
        (b"", "", False),
        (b"=?utf-8?q?Re=3A_Gr=C3=BC=C3=9Fe?=", "GRU\u0308SSE", True),
        (b"Regarding: x", "REGARDING: X", False),
        (b"Re (fwd", "RE (FWD", False),
        (b"[x]Re:y", "Y", True),
    ],
)
def test_base_subjects(said, base, reply):
    assert subject(said) == (base.encode(), reply)


@pytest.mark.parametrize(
    "said", [b"[a]" * 50_000, b"Re: " * 50_000, b"(fwd)" * 50_000, b"[fwd:" * 9_999, b"[" * 10**6, b" " * 10**6]
)
def test_hostile_subjects_take_no_time(said):
    began = time.process_time()
    subject(said)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "said, day, rest",
    [
        (b"Mon, 23 Nov 2026 09:00:00 +0000", (2026, 11, 23), 9 * 3600),
        (b"31 Dec 2000 16:01:33 -0800", (2001, 1, 1), 93),  # RFC 5256 §2.2
        (b"1 Jan 26 00:00 EST", (2026, 1, 1), 5 * 3600),
        (b"1 Jan 2026", (2026, 1, 1), 0),
        (b"1 Jan 2026 99:00:00 +0000", (2026, 1, 1), 0),
        (b"1 Jan 2026 01:00:00 XYZ", (2026, 1, 1), 3600),
        (b"29-Feb-2024 00:00:01 +0000", (2024, 2, 29), 1),
    ],
)
def test_sent_dates(said, day, rest):
    assert seconds(said) == days(*day) * 86_400 + rest


def test_days_are_counted_right():
    assert days(2026, 11, 23) - days(1970, 1, 1) == 20_780 and days(2000, 3, 1) - days(2000, 2, 28) == 2
    assert days(1900, 3, 1) - days(1900, 2, 28) == 1 and days(2025, 1, 1) - days(2024, 1, 1) == 366
    assert seconds(b"yesterday") is None and seconds(b"1 Foo 2026") is None and seconds(b"") is None


SORTABLE = [
    mail(From='"Z" <bob@a>', To="x@a", Subject="Re: apples", Date="3 Nov 2026 00:00:00 +0000", body="xx"),
    mail(From="Alice@z", Cc="q@a", Subject="Bananas", Date="1 Nov 2026 00:00:00 +0000", body="x"),
    mail(From="carol@b", To="a@a", Subject="APPLES", Date="2 Nov 2026 00:00:00 +0000", body="xxx" * 20),
]


@pytest.mark.parametrize(
    "criteria, order",
    [
        ("SUBJECT", "1 3 2"), ("SUBJECT DATE", "3 1 2"), ("REVERSE SUBJECT DATE", "2 3 1"), ("DATE", "2 3 1"),
        ("REVERSE DATE", "1 3 2"), ("ARRIVAL", "3 2 1"), ("FROM", "2 1 3"), ("TO", "2 3 1"), ("CC", "1 3 2"),
        ("SIZE", "2 1 3"), ("REVERSE SIZE", "3 1 2"), ("REVERSE CC ARRIVAL", "2 3 1"),
    ],
)  # fmt: skip
def test_sort(criteria, order):
    dates = tuple(f"0{n}-Nov-2026 00:00:00 +0000" for n in (3, 2, 1))
    imap = reader(holding(*SORTABLE, dates=dates))
    assert untagged(imap.send(f"s SORT ({criteria}) UTF-8 ALL")) == [f"* SORT {order}"]
    assert {one for one in CRITERIA} >= {word for word in criteria.split() if word != "REVERSE"}


def test_sort_takes_what_search_takes():
    imap = reader(holding(*SORTABLE))
    assert untagged(imap.send("s SORT (SUBJECT) US-ASCII SUBJECT apples")) == ["* SORT 1 3"]
    assert untagged(imap.send('s UID SORT (SUBJECT) "UTF-8" TEXT "not there"')) == ["* SORT"]
    assert imap.send("s SORT (SUBJECT) KOI8-R ALL").startswith("s NO [BADCHARSET")
    assert untagged(imap.send("s SORT (DATE) UTF-8 MODSEQ 3"))[-1] == "* SORT 2 3 (MODSEQ 4)"
    assert "EXPUNGE" not in imap.send("s THREAD REFERENCES UTF-8 ALL")


# -- THREAD --------------------------------------------------------------------------------------------------------


def letter(name: str, *references: str, subject: str = "s", day: int = 1, **more: str) -> bytes:
    told = {"Message_ID": f"<{name}@x>"} if name else {}
    if references:
        told["References"] = " ".join(f"<{one}@x>" for one in references)
    return mail(**told, Subject=subject, Date=f"{day} Nov 2026 00:00:00 +0000", **more)


def threaded(*letters: bytes, by: str = "REFERENCES", keys: str = "ALL") -> str:
    imap = reader(holding(*letters))
    [line] = untagged(imap.send(f"t THREAD {by} UTF-8 {keys}"))
    return line.removeprefix("* THREAD").strip()


@pytest.mark.parametrize(
    "letters, threads",
    [
        ([], ""),
        ([letter("a"), letter("b", subject="other")], "(1)(2)"),
        ([letter("a"), letter("b", "a"), letter("c", "a", "b")], "(1 2 3)"),
        ([letter("a"), letter("b", "a", day=3), letter("c", "a", day=2)], "(1 (3)(2))"),
        ([letter("b", "a"), letter("c", "a", day=2)], "((1)(2))"),  # their parent is not here
        ([letter("b", "a"), letter("a", day=2)], "(2 1)"),
        ([letter("c", "b"), letter("a", "c")], "(1 2)"),
        ([letter("c", "a", "b"), letter("b", "a"), letter("a")], "(3 2 1)"),
        ([letter("a", "b"), letter("b", "a")], "(2 1)"),  # a loop: the first link stays
        ([letter("a", "a")], "(1)"),
        ([letter("a"), letter("a", day=2), letter("b", "a")], "((1 3)(2))"),  # one ID twice, one subject
        ([letter(""), letter("", day=2)], "((1)(2))"),
        ([letter("a", subject=""), letter("b", subject="", day=2)], "(1)(2)"),
        ([letter("a", subject="x"), letter("b", subject="Re: x", day=2)], "(1 2)"),
        ([letter("a", subject="Re: x"), letter("b", subject="x", day=2)], "(2 1)"),
        ([letter("a", subject="Re: x"), letter("b", subject="Re: x", day=2)], "((1)(2))"),
        ([letter("a", subject="x"), letter("b", "z", subject="Re: x"), letter("c", "z", day=2)], "((1)(2)(3))"),
        ([letter("a", day=2, subject="x"), letter("b", day=1, subject="y")], "(2)(1)"),
    ],
)  # fmt: skip
def test_threads_by_references(letters, threads):
    assert threaded(*letters) == threads


def test_ids_are_compared_without_their_quoting_and_in_reply_to_counts():
    one = mail(Message_ID='<"01KF8JCEOCBS0045PS"@xxx.yyy.com>', Subject="a")
    two = mail(Message_ID="<b@x>", In_Reply_To="Yours of today <01KF8JCEOCBS0045PS@xxx.yyy.com> <c@x>", Subject="b")
    assert threaded(one, two) == "(1 2)"
    three = mail(Message_ID="<d@x>", References="no id", In_Reply_To="<b@x>", Subject="c")
    assert threaded(one, two, three) == "(1 2 3)"
    assert threaded(one, two, keys="SUBJECT b") == "(2)"


def test_threads_by_subject():
    letters = [
        letter("a", subject="x", day=2), letter("b", subject="y", day=1), letter("c", subject="Re: x", day=4),
        letter("d", subject="Re: Re: X", day=3), letter("e", subject="re: y", day=5),
    ]  # fmt: skip
    assert threaded(*letters, by="ORDEREDSUBJECT") == "(2 5)(1 (4)(3))"
    assert threaded(by="ORDEREDSUBJECT") == ""


def test_threads_may_be_very_deep_and_very_wide():
    chain = [letter(f"m{n}", *([f"m{n - 1}"] if n else [])) for n in range(3_000)]
    began = time.process_time()
    assert threaded(*chain) == "(" + " ".join(str(n + 1) for n in range(3_000)) + ")"
    fan = [letter("top"), *(letter(f"m{n}", "top") for n in range(3_000))]
    assert threaded(*fan).startswith("(1 (2)(3)(4)")
    assert threaded(*reversed(chain)).startswith("(3000 2999 2998")
    assert time.process_time() - began < 10


NAMES = st.sampled_from("abcdef")


@given(
    st.lists(
        st.tuples(NAMES, st.lists(NAMES, max_size=3), st.sampled_from(["", "x", "Re: x"]), st.integers(1, 3)),
        max_size=8,
    )
)
@settings(deadline=None, max_examples=150)
def test_every_message_is_in_one_thread_once(told):
    letters = [letter(name, *references, subject=subject, day=day) for name, references, subject, day in told]
    for by in ("REFERENCES", "ORDEREDSUBJECT"):
        line = threaded(*letters, by=by)
        assert sorted(map(int, re.findall(r"\d+", line))) == list(range(1, len(letters) + 1))
        assert grammatical(line), line


def grammatical(line: str) -> bool:
    """thread-list = "(" (thread-members / thread-nested) ")" (RFC 5256 §5)"""
    plain, nested = re.compile(r"\(\d+( \d+)*\)"), re.compile(r"\(\d+( \d+)* T{2,}\)|\(T{2,}\)")
    while True:
        shorter = nested.sub("T", plain.sub("T", line))
        if shorter == line:
            return not line.strip("T")
        line = shorter


def test_logged_in_is_not_enough():
    assert logged_in(stage(1)).send("a SORT (DATE) UTF-8 ALL").startswith("a BAD")
