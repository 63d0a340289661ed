"""Exercises of lesson 07: other right answers pass, other wrong ones are seen, whatever is handed in is judged."""

from __future__ import annotations

import pytest
from lessons import judged_by_cell

from mailedu.exercises.imap import I1, I3, I4, I6
from mailedu.exercises.inbox import folder, held, responses, sessions

LOG_IN = 'imap.send(f"a LOGIN {{{0}.user}} {{{0}.password}}")\nimap.send("b SELECT INBOX")\n'


@pytest.fixture(autouse=True)
def no_progress(monkeypatch) -> None:
    monkeypatch.setenv("MAILEDU_PROGRESS", "")


OTHERS = {
    "I2, by COPY and UID EXPUNGE": (
        "I2",
        LOG_IN.format("i2")
        + """
def uid(letter):
    return imap.send(f"s UID SEARCH SUBJECT {letter.subject}").split("\\n")[0].split()[-1]

imap.send(f"c CREATE {i2.target}")
away = f"{uid(i2.move_1)},{uid(i2.move_2)}"
imap.send(f"d UID COPY {away} {i2.target}")
away += f",{uid(i2.drop)}"
imap.send(f"e UID STORE {away} +FLAGS.SILENT (\\\\Deleted)")
imap.send(f"f UID EXPUNGE {away}")
imap.send(f"g UID STORE {uid(i2.flag)} +FLAGS.SILENT (\\\\Flagged)")
""",
    ),
    "I4, by UID and with a peek at the text": (
        "I4",
        LOG_IN.format("i4")
        + """
uid = imap.send("c UID SEARCH LARGER 50000").split("\\n")[0].split()[-1]
imap.send(f"d UID FETCH {uid} (BODY.PEEK[1])")
shape = imap.send(f"e UID FETCH {uid} (BODYSTRUCTURE)")
found = re.search(r'"BASE64" (\\d+) .*?"filename" "([^"]+)"', shape)
name, size = found[2], int(found[1])
""",
    ),
    "I5, by IDLE": (
        "I5",
        """
for call in (phone, laptop):
    call.send(f"a LOGIN {i5.user} {i5.password}")
    call.send("b SELECT INBOX")
laptop.send("c IDLE")
phone.send(f"c UID STORE {i5.letter.uid} FLAGS (\\\\Flagged \\\\Seen)")
laptop.send("DONE")
""",
    ),
    "I6, every ten minutes": (
        "I6",
        LOG_IN.format("i6")
        + """
for turn in range(18):
    imap.send(f"i{turn} IDLE")
    i6.wait(10)
    imap.send("DONE")
imap.send("z LOGOUT")
""",
    ),
    "I7, one fetch for all that is new": (
        "I7",
        """
opened = imap.send("a SELECT Work")
validity = int(re.search(r"UIDVALIDITY (\\d+)", opened)[1])
letters = cache["letters"] if cache.get("validity") == validity else {}
there = {int(uid) for uid in imap.send("b UID SEARCH ALL").split("\\n")[0].split()[2:]}
new = there - set(letters)
cache["validity"], cache["letters"] = validity, {uid: letters[uid] for uid in there - new}
if new:
    told = imap.send(f"c UID FETCH {','.join(map(str, new))} (UID ENVELOPE)")
    for line in told.split("\\n"):
        if found := re.search(r"UID (\\d+)", line):
            cache["letters"][int(found[1])] = line
""",
    ),
}


@pytest.mark.parametrize("student", ["ada", "grace"])
@pytest.mark.parametrize("what", OTHERS)
def test_another_way_is_right_too(what: str, student: str) -> None:
    id, text = OTHERS[what]
    result = judged_by_cell(id, text, student)
    assert result, str(result)


WRONG = {
    "I5, another letter": (
        "I5",
        """
for call in (phone, laptop):
    call.send(f"a LOGIN {i5.user} {i5.password}")
    call.send("b SELECT INBOX")
phone.send(f"c UID STORE {i5.letter.uid % 4 + 1} +FLAGS (\\\\Flagged)")
laptop.send("c NOOP")
""",
        "Whose number is that?",
    ),
    "I6, hears of them in another session": (
        "I6",
        LOG_IN.format("i6")
        + """
for turn in range(7):
    i6.wait(26)
    again = i6.lab.imap(i6.user)
    again.send(f"a LOGIN {i6.user} {i6.password}")
    again.send("b STATUS INBOX (MESSAGES)")
    imap.send("c CAPABILITY")
""",
        "Were you in IDLE at that moment?",
    ),
    "I2, by CLOSE": (
        "I2",
        LOG_IN.format("i2")
        + """
imap.send(f"c CREATE {i2.target}")
imap.send(f"d UID MOVE {i2.move_1.uid},{i2.move_2.uid} {i2.target}")
imap.send(f"e UID STORE {i2.flag.uid} +FLAGS (\\\\Flagged)")
imap.send(f"f UID STORE {i2.drop.uid} +FLAGS.SILENT (\\\\Deleted)")
imap.send("g CLOSE")
""",
        "Which command expunges one letter, and no other?",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_another_way_to_be_wrong_is_seen(what: str) -> None:
    id, text, words = WRONG[what]
    result = judged_by_cell(id, text, "ada")
    assert not result and words in " ".join(str(result).split()), str(result)


RETURNED = ("None", "{}", "3", '[b"x"]', '"x"', "[None]")  # I1's cell itself looks at the end of a list


@pytest.mark.parametrize("id, answer", [(id, one) for id in ("I1", "I3", "I7") for one in RETURNED[3 * (id == "I1") :]])
def test_whatever_a_function_returns_is_judged(id: str, answer: str) -> None:
    assert not judged_by_cell(id, f"return {answer}", "ada")


def test_the_letters_of_i1_are_hard() -> None:
    """A literal that holds what looks like responses, one whose lines end like literals, and two in one response."""
    heard = [one for student in ("ada", "grace", "edsger") for one in responses(I1(student).heard)]
    literals = [one for one in heard if b"}\r\n" in one]
    assert any(b"\r\n* " in one for one in literals) and any(b"OK done\r\n" in one for one in literals)
    assert any(one.count(b"] {") == 2 for one in literals)
    assert any(b'}"' in one and b"}\r\n" not in one for one in heard), "braces within a line"


@pytest.mark.parametrize("student", ["ada", "grace", "edsger"])
def test_the_numbers_of_i3_are_the_servers(student: str) -> None:
    i3 = I3(student)
    seat = i3.lab.arena(i3.user).seat("laptop")
    told = i3.numbers(i3.uids, i3.lines)[-1]
    assert [uid or real for uid, real in zip(told, seat.numbers, strict=True)] == list(seat.numbers)
    assert None in told, "the last one was not told"


def test_i4_asks_for_what_bodystructure_says() -> None:
    for student in ("ada", "grace"):
        i4 = I4(student)
        call = i4.lab.imap(i4.user)
        call.send(f"a LOGIN {i4.user} {i4.password}")
        call.send("b SELECT INBOX")
        assert f'"BASE64" {i4._size} ' in call.send(f"c UID FETCH {i4.letter.uid} (BODYSTRUCTURE)")


def test_the_first_letter_of_i6_comes_when_a_single_idle_is_over() -> None:
    for number in range(20):
        assert I6(f"student {number}").arrivals[0][0] > 30


def test_sessions_are_read_from_the_trace() -> None:
    i6 = I6("ada")
    call = i6.lab.imap(i6.user, name="laptop")
    for line in (f"a LOGIN {i6.user} {i6.password}", "b SELECT INBOX", "c IDLE", "DONE", "d UID STORE 1 +FLAGS ($x)"):
        call.send(line)
    [session] = sessions(held(i6.lab.trace))
    assert (session.name, session.state) == ("laptop", "SELECTED")
    assert [(one.name, one.outcome) for one in session.commands] == [
        ("LOGIN", "ok"), ("SELECT", "ok"), ("IDLE", "ok"), ("UID STORE", "ok"),
    ]  # fmt: skip
    assert session.commands[-1].flags[0].uids == (1,) and folder(i6.lab, i6.user)[0].flags == {"$x"}
