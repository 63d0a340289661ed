"""Lesson 04 says what happens: each of its statements held against the runs of its own cells."""

from __future__ import annotations

import re

import nbformat
import pytest
from lessons import HOUSE, guessed, printed, read

from mailedu import Lab
from mailedu.acts import Refused, Rule
from mailedu.exercises.frame import check, exercise, kind
from mailedu.exercises.way import HOST, KINDS, domains, fits
from mailedu.mta.house import Setup
from mailedu.mta.queue import schedule
from mailedu.mta.routing import next_hops
from mailedu.views.lanes import lanes

LESSON = HOUSE / "notebooks" / "04-finding-the-way.ipynb"
CELLS = {cell.id: cell.source for cell in read(LESSON).cells}
TEXT = "\n".join(cell.source for cell in read(LESSON).cells if cell.cell_type == "markdown")
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def lesson(tmp_path_factory) -> dict[str, nbformat.NotebookNode]:
    """The lesson as somebody who always guesses A sees it: cell's id -> cell."""
    return guessed(LESSON, tmp_path_factory.mktemp("lesson"), until="student")


def said(lesson: dict[str, nbformat.NotebookNode], id: str) -> str:
    return "".join(line for line in printed(lesson[id]).splitlines(keepends=True) if line.strip())


def test_it_opens_and_closes_with_alices_saturday() -> None:
    assert TEXT.index("## A question from life") < TEXT.index("## 1.") < TEXT.index("And Alice's Saturday?")
    for claim in ("handles the sending", "does not arrive at once is lost", "the address was wrong"):
        assert TEXT.lower().count(claim) >= 2, f"{claim} is not decided"


@pytest.mark.parametrize("id", ["run-3", "choose", "outside"])
def test_players_and_controls_are_shown(lesson, id) -> None:
    data = lesson[id].outputs[-1].data
    assert WIDGET in data and "text/plain" in data


def test_the_picture_of_the_backup_is_shown(lesson) -> None:
    assert "<svg" in lesson["backup"].outputs[-1].data["text/html"]


def test_the_reveals_answer_the_guess_and_name_what_happened(lesson) -> None:
    truth = {1: "B · 550: no", 2: "B · mx2.beta.example", 3: "C · in a quarter of an hour", 4: "B · once",
             5: "C · nobody, but the postmaster"}  # fmt: skip
    for number, words in truth.items():
        shown = lesson[f"reveal-{number}"].outputs[-1].data["text/markdown"]
        assert shown.startswith(f"**{words}") and "*You said A" in shown


# -- section 1: four jobs


def test_two_calls_and_two_boxes(lesson) -> None:
    assert said(lesson, "jobs").splitlines() == [
        "alice@alpha.example calls mx.alpha.example:587",
        "queue mx.alpha.example calls mx.beta.example:25",
        "mx.alpha.example puts it into: queue mx.alpha.example",
        "mx.beta.example puts it into: bob@beta.example",
    ]


def test_a_stranger_is_refused_and_an_open_relay_refuses_nobody(lesson) -> None:
    assert [line[:3] for line in said(lesson, "run-1").splitlines()] == ["550", "250"]


def test_what_is_sold_as_a_relay_is_submission(lesson) -> None:
    lines = said(lesson, "via").splitlines()
    assert [line.rpartition(":")[2] for line in lines[:3]] == ["587", "2525", "25"]
    assert "submission service" in lines[3] and "alpha.example logs in" in lines[3]
    assert lines[4] == "{'spf': 'fail', 'dkim': 'pass', 'dmarc': 'pass'}"


# -- section 2: whom to call


def test_the_lowest_number_is_called_first(lesson) -> None:
    assert said(lesson, "run-2").strip() == "mx2.beta.example then mx.beta.example"


def test_each_kind_of_record_leads_where_the_text_says(lesson) -> None:
    ways = [re.split(r"\s{2,}|(?<=\])\s", line.strip(), maxsplit=1) for line in said(lesson, "ways").splitlines()]
    assert [way[-1].strip() for way in ways] == [
        "mx.beta.example", "beta.example", *["comes back to Alice"] * 3,
    ]  # fmt: skip
    assert "Three of the five letters came back" in CELLS["ways-decided"]


# -- section 3: not now


def test_the_week_as_alice_had_it(lesson) -> None:
    rows = [re.split(r"  +", line) for line in said(lesson, "pauses").splitlines()]
    seconds = float(re.fullmatch(r"five days in ([\d.]+) s", rows[0][0])[1])
    assert seconds < 5
    ends = {who: (end, times.split(", ")) for who, end, times in rows[1:]}
    assert ends["bob@beta.example"] == ("delivered", ["0 min"]), "Bob answers at once"
    assert ends["bella@beta.example"] == ("delivered", ["0 min", "15 min", "45 min"]), "before ten, 45 minutes late"
    end, times = ends["carol@gamma.example"]
    assert (end, len(times), times[-1]) == ("expired", 21, "5 d") and "tried 21 times in five days" in TEXT
    assert len(list(schedule(Setup()))) == 21 and Setup().longest_pause == 8 * 3600


def test_bob_gets_one_copy(lesson) -> None:
    assert [line.split()[-3::2] for line in said(lesson, "run-4").splitlines()] == [["1", "0"], ["1", "0"], ["1", "1"]]


def test_the_menu_s_addresses_go_wrong_as_they_say(lesson) -> None:
    text = said(lesson, "choose")
    assert "451 4.7.1" in text and "copies: 1" in text
    assert text.index("disconnect-after-data-once") < text.index("copies: 2")
    names = re.findall(r'"([\w-]+)"', CELLS["choose"].split("controls(deliver_to")[1])
    for name in names:
        lab = Lab(seed=4, opinions=False)
        lab.send("alice@alpha.example", f"{name}@beta.example", read=False)
        lab.clock.advance(days=5.1)
        assert lanes(lab.trace)[0].end == {"552": "bounced", "552-after-data": "bounced", "timeout": "expired"}.get(
            name, "delivered"
        )


# -- section 4: bounces


def test_the_report_of_saturday_has_what_the_text_points_at(lesson) -> None:
    text = said(lesson, "bounce")
    for line in ("Return-Path: <>", "Reporting-MTA: dns; mx.alpha.example", "Action: failed", "Status: 5.4.1",
                 "Final-Recipient: rfc822; carol@gamma.example", "Subject: We move on Thursday"):  # fmt: skip
        assert line in text
    assert "Last-Attempt-Date: Sat, 28 Nov 2026 09:00:00 +0000" in text and text.count("--=_dsn_") == 4
    for field in re.findall(r"^- `([\w-]+)`", CELLS["bounce-note"], re.MULTILINE):
        assert f"{field}:" in text


def test_two_of_five_bounces_are_about_an_address(lesson) -> None:
    rows = [line.split() for line in said(lesson, "bounces").splitlines()]
    assert [row[1] for row in rows] == ["5.1.1", "5.1.2", "5.2.2", "5.7.1", "5.4.1"]
    assert [row[0] for row in rows if row[1].split(".")[1] == "1"] == ["nobody@beta.example", "x@nowhere.example"]
    assert rows[4][3] == "450", "the other side was silent; the 5 is our own"


def test_who_asks_is_told_of_the_delay(lesson) -> None:
    text = said(lesson, "delay")
    assert text.startswith("Mon, 23 Nov 2026 16:45:00") and "carol@gamma.example: 450 4.4.1" in text
    assert "it is tried until Sat, 28 Nov 2026 09:00:00" in text


def test_nobody_reports_to_a_report(lesson) -> None:
    text = said(lesson, "run-5")
    assert "alice@alpha.example: dropped at once" in text and "queue: 0   postmaster: 1" in text


# -- sections 5 to 7


def test_the_loop_ends_by_counting(lesson) -> None:
    text = said(lesson, "loop")
    assert "delivered: ()" in text and "101 hops" in text and "102 Received lines" in text
    assert Setup().most_hops == 100


def test_two_backups_never_pass_a_letter_to_each_other() -> None:
    lab = Lab(seed=4, opinions=False)
    lab.zone.edit("x.example", MX=["10 mx.beta.example.", "10 mx.gamma.example."])
    for name in ("beta", "gamma"):
        lab.configure(f"mx.{name}.example", backup_for=["x.example"])
    lab.send("alice@alpha.example", "who@x.example", read=False)
    assert any(step.act.name == "mta.own-loop" for step in lab.trace.only(Rule))
    assert lanes(lab.trace)[0].end == "delivered" and lanes(lab.trace)[1].end == "bounced"


def test_the_backup_brings_it_back(lesson) -> None:
    assert said(lesson, "backup").strip() == "Carol has: 1"
    told = lesson["backup"].outputs[-1].data["text/plain"].splitlines()
    assert "delivered at once" in told[0] and "delivered after 1 d 7 h" in told[1] and len(told) == 2


def test_smtplib_hands_over_and_the_queue_brings_it(lesson) -> None:
    assert said(lesson, "smtplib").splitlines() == ["refused at once: {}", "Carol has: 1"]


# -- the exercises


def test_r1_s_wishes_are_what_our_own_server_does() -> None:
    """Our router as the oracle for what the exercise wants."""
    made = exercise("R1", student="ada")
    records, cases = domains(made.domain, made.dice)
    for name, types in records.items():
        made.lab.zone.edit(name, **types)
    for name, wanted, _ in cases:
        acts = next_hops(name, made.lab.clock)
        answer, hosts = None, []
        try:
            while True:
                act = acts.send(answer)
                answer = tuple(made.lab.zone(act.name, act.type)) if hasattr(act, "type") else None
        except StopIteration as end:
            hosts = end.value
        except Refused as no:
            assert no.rule.startswith("mta.")
        if hosts == [name] and not made.lab.zone.records(name, "A"):
            hosts = []  # the router leaves it to the call to find out that there is no address
        assert fits(hosts, wanted), name


@pytest.mark.parametrize("found", [None, "mx.a.example", 5, [5], ["b", "a"], ["a"], ["a", "b", "c"]])
def test_what_is_no_answer_does_not_fit(found) -> None:
    assert not fits(found, [{"a"}, {"b"}])
    assert fits(["A", "b"], [{"a"}, {"b"}]) and fits(["b", "a"], [{"a", "b"}])


def test_each_student_has_another_open_relay_and_each_kind_is_there() -> None:
    numbers = {kind("S12")(f"student {number}").number for number in range(20)}
    assert numbers == {1, 2, 3, 4, 5}
    s12 = kind("S12")("ada")
    assert sorted(s12.kinds) == sorted(KINDS)
    lab = s12.networks[s12.number]
    call = lab.smtp(HOST, client="203.0.113.66")
    for line in ("EHLO x.example", "MAIL FROM:<x@x.example>"):
        call.send(line)
    assert call.send("RCPT TO:<amir@alpha.example>").startswith("451"), "it does not look like one at first"


@pytest.mark.parametrize("id", ["R1", "R3", "R4"])
@pytest.mark.parametrize("answer", [None, 5, "text", [1]])
def test_what_is_no_function_is_said_so(id: str, answer: object, capsys) -> None:
    assert not check(exercise(id, student="ada"), answer)
    assert "needs the function itself" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("answer", [None, "one", 0, 6, True, [1]])
def test_odd_answers_to_the_others_are_wrong_and_no_error(answer: object) -> None:
    assert not check(exercise("R5", student="ada"), answer)
    assert not check(exercise("S12", student="ada"), answer)


def test_r5_s_report_tells_its_number() -> None:
    r5 = kind("R5")("ada")
    [report] = r5.lab.mailbox(r5.user)
    assert f"{r5.hops + 1} hops".encode() in report
