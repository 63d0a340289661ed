"""The arena: what the mailbox is and what each client was told, from a trace; judged by the server's own books."""

from __future__ import annotations

import random
import xml.etree.ElementTree as ElementTree

import pytest

from mailedu import Lab, Trace
from mailedu.acts import Accept, LabError
from mailedu.lab.arena import Arena
from mailedu.views import arena as view
from mailedu.views.arena import Responses, as_data, contested, each
from mailedu.views.numbers import drawing
from mailedu.views.score import score
from mailedu.views.svg import svg

BOB = "bob@beta.example"
FOUR = ("Lunch", "Invoice", "Photos", "Tickets")


def filled(*subjects: str, **more) -> Lab:
    lab = Lab(seed=7, opinions=False, **more)
    for subject in subjects or FOUR:
        lab.send("alice@alpha.example", BOB, subject=subject, text="See you.", read=False)
    return lab


def reader(lab: Lab, name: str):
    call = lab.imap(BOB, name=name)
    call.send("a LOGIN bob lab-bob")
    call.send("b SELECT INBOX")
    return call


def two(**more):
    lab = filled(**more)
    return lab, reader(lab, "phone"), reader(lab, "laptop")


def last(lab: Lab) -> view.Moment:
    return lab.arena(BOB).found.moments[-1]


def test_both_begin_with_the_mailbox_as_it_is():
    lab, *_ = two()
    moment = last(lab)
    assert [list(seat.numbers) for seat in moment.seats] == [[1, 2, 3, 4], [1, 2, 3, 4]]
    assert list(moment.mail) == [1, 2, 3, 4]
    assert lab.arena(BOB).found.subjects == dict(enumerate(FOUR, 1))


def test_a_number_moves_when_its_client_is_told_and_not_before():
    lab, phone, laptop = two()
    phone.send(r"c STORE 2 +FLAGS.SILENT (\Deleted)")
    assert last(lab).seats[1].pending == (("flagged", 2),)
    phone.send("d EXPUNGE")
    arena = lab.arena(BOB)
    assert list(arena.found.moments[-1].mail) == [1, 3, 4]
    assert arena.seat("phone").numbers == (1, 3, 4)
    assert arena.seat("laptop").numbers == (1, 2, 3, 4)
    assert arena.seat("laptop").pending == (("removed", 2),)
    laptop.send("c FETCH 3 (UID)")
    moment = last(lab)
    assert moment.seats[1].numbers == (1, 2, 3, 4), "FETCH is no moment to tell"
    assert "FETCH is no moment to say so" in moment.notes[0]
    laptop.send("d NOOP")
    assert (last(lab).told[0], last(lab).seats[1].numbers, last(lab).seats[1].pending) == (
        "* 2 EXPUNGE", (1, 3, 4), (),
    )  # fmt: skip


def test_what_comes_in_waits_too_and_idle_brings_it():
    lab, _, laptop = two()
    laptop.send("c IDLE")
    lab.send("alice@alpha.example", BOB, subject="Extra", read=False)
    moments = lab.arena(BOB).found.moments[-2:]
    assert [(m.who, m.said) for m in moments] == [(-1, "a letter comes in: Extra"), (1, "")]
    assert moments[0].seats[1].pending == (("added", 5),)
    assert moments[1].told[0] == "* 5 EXISTS" and moments[1].seats[1].numbers == (1, 2, 3, 4, 5)
    assert moments[1].seats[0].pending == (("added", 5),), "nobody told the phone"


def test_the_broken_server_makes_a_client_hit_another_letter():
    lab, phone, laptop = two(settings={"imap.beta.example": {"broken": "expunge-early"}})
    phone.send(r"c STORE 2 +FLAGS.SILENT (\Deleted)")
    phone.send("d EXPUNGE")
    laptop.send(r"c STORE 2 +FLAGS (\Deleted)")
    moment = last(lab)
    assert moment.wrong == [3] and "broken on purpose" in moment.notes[0]
    assert moment.mail[3] == {"\\Deleted"}
    assert "!! Its numbers meant another letter: UID 3 was hit." in str(lab.arena(BOB))


def test_the_right_server_never_does():
    lab, phone, laptop = two()
    phone.send(r"c STORE 2 +FLAGS.SILENT (\Deleted)")
    phone.send("d EXPUNGE")
    assert "EXPUNGEISSUED" in laptop.send(r"c STORE 2 +FLAGS (\Deleted)")
    assert not any(moment.wrong for moment in lab.arena(BOB).found.moments)
    assert last(lab).mail[3] == frozenset()


def test_a_server_is_broken_while_everything_runs():
    lab = filled()
    lab.configure("imap.beta.example", broken="expunge-early")
    assert "broken on purpose" in lab.imap(BOB).greeting
    lab.configure("imap.beta.example", broken="")
    assert "ready" in lab.imap(BOB).greeting
    with pytest.raises(LabError, match='broken="expunge-early" or not at all'):
        lab.configure("imap.beta.example", broken="always")
    with pytest.raises(LabError, match='"\\+" \\(all\\) or "-"'):
        lab.configure("imap.beta.example", literals="~")
    with pytest.raises(LabError, match="no setting 'brokn'"):
        Lab(settings={"imap.beta.example": {"brokn": "x"}})


def test_pop3_and_imap_on_one_mailbox():
    lab, phone, _ = two()
    old = lab.pop3(BOB, name="old-pc")
    for line in ("USER bob", "PASS lab-bob", "DELE 1"):
        old.send(line)
    seat = lab.arena(BOB).seat("old-pc")
    assert (seat.numbers, seat.marked) == ((1, 2, 3, 4), {1})
    phone.send(r"c STORE 3 +FLAGS.SILENT (\Deleted)")
    phone.send("d EXPUNGE")
    assert lab.arena(BOB).seat("old-pc").pending == (("removed", 3),), "a flag is nothing to POP3"
    lab.send("alice@alpha.example", BOB, subject="Extra", read=False)
    assert lab.arena(BOB).seat("old-pc").pending == (("removed", 3), ("added", 5))
    old.send("RSET")
    assert not lab.arena(BOB).seat("old-pc").marked
    old.send("DELE 1")
    old.send("QUIT")
    moment = last(lab)
    assert moment.seats[2] is None and list(moment.mail) == [2, 4, 5]
    assert moment.seats[0].pending == (("removed", 1), ("added", 5))


def test_who_comes_again_takes_his_old_place_and_two_at_once_have_two():
    lab, _, laptop = two()
    laptop.send("c LOGOUT")
    assert last(lab).seats[1] is None
    reader(lab, "laptop")
    reader(lab, "laptop")
    assert [client.name for client in lab.arena(BOB).found.clients] == ["phone", "laptop", "laptop"]


def test_a_name_is_in_the_trace_its_lane_and_its_title():
    lab, phone, _ = two()
    taken = [step.act for step in lab.trace.only(Accept) if step.act.name]
    assert [act.name for act in taken] == ["phone", "laptop"]
    assert Trace.from_json(lab.trace.to_json()) == lab.trace
    assert [lane["name"] for lane in score(phone.trace, {}, {})["lanes"]] == ["phone", "beta"]
    assert str(phone).startswith("phone calls imap.beta.example from 198.51.100.")
    assert phone.title == "phone calls imap.beta.example:143"
    assert phone.fork().title == phone.title, "a name is among what is done again"
    for wrong in ("a.b", "x" * 21, " ", "bob@beta.example", 3):
        with pytest.raises(LabError, match="no name for a device"):
            lab.imap(BOB, name=wrong)


def test_back_and_fork_are_seen():
    lab, phone, _ = two()
    phone.send(r"c STORE 2 +FLAGS.SILENT (\Deleted)")
    other = phone.fork()
    other.send("d EXPUNGE")
    assert list(Arena(other.lab.history, BOB).found.moments[-1].mail) == [1, 3, 4]
    assert list(last(lab).mail) == [1, 2, 3, 4]
    phone.back()
    assert last(lab).mail[2] == frozenset()


# -- judged by what the server thinks that it told

COMMANDS = (
    r"STORE {n} +FLAGS (\Deleted)", r"STORE {n} +FLAGS.SILENT (\Deleted)", r"STORE {n} -FLAGS (\Seen)", "NOOP", "NOOP",
    r"STORE {n}:* +FLAGS (\Flagged $Work)", "FETCH {n} (BODY[])", "FETCH {n} (FLAGS)", "EXPUNGE", "SEARCH UNSEEN",
    "COPY {n} INBOX", "UID EXPUNGE 1:*", "CHECK", "CLOSE|SELECT INBOX", "UNSELECT|EXAMINE INBOX|SELECT INBOX",
    "MOVE {n} Trash", "IDLE|DONE",
)  # fmt: skip


def agrees(lab: Lab, calls: dict) -> None:
    arena = lab.arena(BOB)
    for name, call in calls.items():
        theirs, seat = call.line.machine.opened, arena.seat(name)
        told = theirs.uids[: theirs.told]
        assert list(seat.numbers) == told, name
        pending = set(theirs.pending()) | {("added", uid) for uid in theirs.uids[theirs.told :]}
        known = {one for one in pending if one[1] in told or (one[0] == "added" and one[1] in theirs.box.messages)}
        mine = set(seat.pending)
        assert {one for one in mine if one[0] != "flagged"} == {one for one in known if one[0] != "flagged"}, name
        assert mine <= known, name  # flags that went to and fro wait for nobody here


@pytest.mark.parametrize("seed", range(12))
def test_the_arena_says_what_the_server_thinks(seed: int):
    dice = random.Random(seed)
    lab = filled("One", "Two", "Three")
    lab.imap(BOB).send("a LOGIN bob lab-bob")
    calls = {name: reader(lab, name) for name in ("phone", "laptop")}
    calls["phone"].send("c CREATE Trash")
    for turn in range(25):
        if dice.random() < 0.15:
            lab.send("alice@alpha.example", BOB, subject=f"Letter {turn}", read=False)
        name = dice.choice(list(calls))
        count = len(lab.arena(BOB).seat(name).numbers)
        for part in dice.choice(COMMANDS).split("|"):
            line = part.format(n=dice.randint(1, max(count, 1)))
            calls[name].send(line if line == "DONE" else f"x{turn} {line}")
        agrees(lab, calls)
    for call in calls.values():
        call.send("y NOOP")
        call.send("z NOOP")
    arena = lab.arena(BOB)
    for name in calls:
        seat = arena.seat(name)
        assert seat.numbers == tuple(arena.found.moments[-1].mail) and not seat.pending


# -- reading hostile octets


@pytest.mark.parametrize("cut", [1, 7, 10_000])
def test_literals_are_passed_over_however_they_are_cut(cut: int):
    wire = (
        b"* 1 FETCH (BODY[] {17}\r\n* 2 EXPUNGE\r\n\r\nab FLAGS (\\Seen))\r\n* 3 EXISTS\r\n"
        b"* 2 FETCH (BINARY[1] ~{2}\r\n\r\n)\r\na OK done\r\n"
    )
    responses = Responses()
    found = [one for at in range(0, len(wire), cut) for one in responses.feed(wire[at : at + cut])]
    assert found == [
        b"* 1 FETCH (BODY[] {17} FLAGS (\\Seen))", b"* 3 EXISTS", b"* 2 FETCH (BINARY[1] ~{2})", b"a OK done",
    ]  # fmt: skip


def test_a_letter_that_speaks_imap_moves_no_number():
    lab = filled("* 1 EXPUNGE", 'FLAGS (\\Seen) "x')
    phone = reader(lab, "phone")
    text = "* 1 EXPUNGE\r\n* 9 EXISTS\r\n* 2 FETCH (FLAGS (\\Deleted))\r\n"
    lab.send("alice@alpha.example", BOB, subject="More", text=text, read=False)
    phone.send("c NOOP")
    phone.send("d FETCH 1:* (ENVELOPE BODY.PEEK[])")
    seat = lab.arena(BOB).seat("phone")
    assert seat.numbers == (1, 2, 3) and seat.pending == () and not any(seat.flags.values())


def test_each_number_of_a_set():
    assert list(each(b"3,1:2,9:8")) == [3, 1, 2, 8, 9]
    assert len(list(each(b"1:4000000000"))) == 10_001


def test_a_trace_that_cannot_tell_says_so():
    lab, phone, _ = two()
    with pytest.raises(LabError, match="let a client SELECT it"):
        lab.arena("carol@beta.example" if "carol@beta.example" in lab.people else "amir@alpha.example")
    with pytest.raises(LabError, match="Nobody in this lab"):
        lab.arena("nobody@beta.example")
    with pytest.raises(LabError, match="does not hold how the mailbox was filled"):
        view.arena(phone.trace, BOB)
    with pytest.raises(LabError, match="there were phone, laptop"):
        lab.arena(BOB).seat("fridge")


def test_the_player_has_it_where_two_had_a_mailbox_open_at_once_or_when_asked():
    lab = filled("One")
    alone = reader(lab, "phone")
    assert contested(lab.trace) == [] and "arena" not in score(lab.trace, {}, {})
    assert [one["box"] for one in score(lab.trace, {}, {}, arena=BOB)["arena"]] == [BOB]
    reader(lab, "laptop")
    assert contested(lab.trace) == [BOB] and "arena" in score(lab.trace, {}, {})
    assert "arena" not in score(alone.trace, {}, {}), "one call alone knows of no other"
    journey = Lab(seed=1).send("alice@alpha.example", BOB, subject="Hello")
    assert "arena" not in score(journey.trace, {}, {}), "one after the other is not at once"


def test_very_much_is_cut():
    lab, phone, _ = two()
    for turn in range(view.MOST_MOMENTS):
        phone.send(f"n{turn} NOOP")
    found = lab.arena(BOB).found
    assert len(found.moments) == view.MOST_MOMENTS and found.more == 4 + 2
    assert f"and {found.more} more moments" in view.text(found)
    many = as_data(view.Arena("box", subjects=dict.fromkeys(range(1, 100), "x")))
    assert many["older"] == 99 - view.MOST_LETTERS and many["letters"][-1][0] == 99


def test_it_is_drawn_and_told():
    lab, phone, laptop = two(settings={"imap.beta.example": {"broken": "expunge-early"}})
    phone.send(r"c STORE 2 +FLAGS.SILENT (\Deleted)")
    phone.send("d EXPUNGE")
    laptop.send(r"c STORE 2 +FLAGS (\Deleted)")
    arena = lab.arena(BOB)
    for dark in (False, True):
        ElementTree.fromstring(svg(drawing(arena.found), dark))
    words = list(drawing(arena.found).words())
    assert {"phone", "laptop", "the mailbox", "1 not told"} <= set(words)
    assert "It meant another letter: UID 3 was hit" in words
    assert arena.now.splitlines() == [
        "    mailbox  UID    1    3    4",
        "    phone    no.    1    2    3   not told: UID 3 other flags",
        "    laptop   no.    1    2    3",
    ]
    assert repr(arena) == f"<Arena of {BOB}: phone (IMAP), laptop (IMAP); 9 moments>"
    assert str(arena).splitlines()[0] == f"{BOB}: phone (IMAP), laptop (IMAP)"
    assert arena.to_html().startswith("<!doctype html>")
    with pytest.raises(LabError, match="Nothing happened"):
        drawing(view.Arena(BOB))


def test_programs_that_we_did_not_write_are_in_it_too():
    import imaplib

    lab = filled("One", "Two", "Three")
    with lab.serve() as net:
        first, second = (imaplib.IMAP4(net.host, net.ports["imap"], timeout=10) for _ in range(2))
        for client in (first, second):
            client.login("bob", "lab-bob")
            client.select()
        first.store("2", "+FLAGS", r"(\Deleted)")
        first.expunge()
        net.settle()
        found = lab.arena(BOB).found
        assert [(m.numbers, m.pending) for m in found.moments[-1].seats] == [
            ((1, 3), ()),
            ((1, 2, 3), (("removed", 2),)),
        ]
        second.noop()
        net.settle()
        assert [m.numbers for m in lab.arena(BOB).found.moments[-1].seats] == [(1, 3), (1, 3)]
        first.logout()
        second.logout()
