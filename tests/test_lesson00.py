"""Lesson 00 says what happens: each of its statements held against the runs of its own cells."""

from __future__ import annotations

import re

import nbformat
import pytest
from lessons import HOUSE, code_cells, guessed, printed, read

from mailedu import Lab
from mailedu.acts import Ask, Connect, Enter, Rule, Say, Store
from mailedu.rules import section

LESSON = HOUSE / "notebooks" / "00-start.ipynb"
TEXT = "\n".join(cell.source for cell in read(LESSON).cells if cell.cell_type == "markdown")
WIDGET = "application/vnd.jupyter.widget-view+json"
ALICE, BOB, MALLORY = "alice@alpha.example", "bob@beta.example", "mallory@gamma.example"


@pytest.fixture(scope="module")
def lesson(tmp_path_factory) -> dict[str, nbformat.NotebookNode]:
    """The lesson as somebody who always guesses A sees it: cell's id -> cell."""
    return guessed(LESSON, tmp_path_factory.mktemp("lesson"), guesses=4)


def forged(lab: Lab):
    return lab.send(MALLORY, BOB, from_=ALICE, client="203.0.113.66", subject="New bank account", text="Please pay.")


def shown(cell: nbformat.NotebookNode) -> dict[str, str]:
    """What its last line shows."""
    return cell.outputs[-1].data


def test_it_opens_and_closes_with_bobs_letter() -> None:
    assert TEXT.index("## A question from life") < TEXT.index("## 1.") < TEXT.index("And Bob's Monday?")
    for claim in ("SMTP is for sending, POP and IMAP", "it all runs over TCP", "nothing to be done"):
        assert TEXT.lower().count(claim.lower()) >= 2, f"{claim} is not decided"


@pytest.mark.parametrize("id", ["send", "run-1", "run-3", "smtplib-player", "policy-control", "J1-answer", "J2-answer"])
def test_players_are_shown(lesson, id) -> None:
    assert WIDGET in shown(lesson[id])
    assert "text/plain" in shown(lesson[id])


# -- section 1: the stations -------------------------------------------------------------------------------------------


def test_the_stations_are_those_of_the_table() -> None:
    trace = Lab(seed=1).send(ALICE, BOB, subject="Hello", text="Hi Bob").trace
    calls = [(step.actor, step.act.host, step.act.port) for step in trace.only(Connect)]
    assert calls == [
        (ALICE, "mx.alpha.example", 587),
        ("queue mx.alpha.example", "mx.beta.example", 25),
        (BOB, "imap.beta.example", 993),
        (BOB, "pop.beta.example", 995),
    ]
    said = [step.act.data for step in trace.only(Say)]
    assert sum(data == b"STARTTLS\r\n" for data in said) == 2  # "in the calls you will see STARTTLS"
    assert any(data.startswith(b"AUTH ") for data in said)


def test_what_was_added_on_the_way_stands_above_what_alice_wrote(lesson) -> None:
    letter = printed(lesson["transcript"])
    assert "'spf': 'pass', 'dkim': 'pass', 'dmarc': 'pass'" in letter
    names = re.findall(r"^([A-Z][\w-]*):", letter, re.MULTILINE)
    assert names[: names.index("From")] == [
        "Return-Path",
        "Authentication-Results",
        "Received",
        "Received",
        "DKIM-Signature",
    ]
    told = re.findall(r"^- `([\w-]+):`", TEXT, re.MULTILINE)
    assert told == list(dict.fromkeys(names[: names.index("From")]))
    first, second = (line for line in letter.splitlines() if line.startswith("Received: from"))
    assert "mx.alpha.example" in first and "laptop.alpha.example" in second  # "read from below they tell its way"


# -- section 2: POP and IMAP off ---------------------------------------------------------------------------------------


def test_with_pop_and_imap_off_the_letter_arrives(lesson) -> None:
    assert printed(lesson["run-1"]) == "('bob@beta.example',)\n1 letter in Bob's mailbox\n"
    assert shown(lesson["run-1"])["text/plain"].count("nobody answers") == 2
    told = shown(lesson["reveal-1"])["text/markdown"]
    assert told.startswith("**A · in Bob's mailbox.**") and "Your guess was right." in told


# -- section 3: the count ----------------------------------------------------------------------------------------------


def test_the_count_is_four_calls_and_eight_questions(lesson) -> None:
    assert "4 calls, 8 questions to the DNS" in printed(lesson["bytes"])
    lines = printed(lesson["run-2"]).splitlines()
    questions = [line for line in lines if line.startswith("question")]
    assert len(lines) - len(questions) == 4 and len(questions) == 8
    finding = [line for line in questions if "queue mx.alpha.example:" in line]
    judging = [line for line in questions if "  mx.beta.example:" in line]
    assert (len(finding), len(judging)) == (2, 6)
    assert finding[0].endswith("beta.example MX") and finding[1].endswith("mx.beta.example A")
    assert all("alpha.example" in line for line in judging)  # "The other six are about alpha.example"
    assert "4 calls, 8 questions" in TEXT and "4 calls, and 8 questions in datagrams" in TEXT
    told = shown(lesson["reveal-2"])["text/markdown"]
    assert told.startswith("**C ·") and "You said A" in told


def test_a_question_goes_in_one_datagram_and_back_in_one(lesson) -> None:
    said = printed(lesson["dns"])
    assert "10 mx.beta.example." in said
    out, back = map(int, re.findall(r"(\d+) octets", said))
    assert 12 < out < back < 512


# -- section 4: the forgery --------------------------------------------------------------------------------------------


def test_the_forgery_is_refused_at_the_step_and_by_the_rule_that_the_text_names(lesson) -> None:
    mail = forged(Lab(seed=1))
    assert mail.refused.startswith("550") and not mail.delivered
    assert mail.verdict == {"spf": "pass", "dkim": "none", "dmarc": "fail"}
    last = mail.trace.only(Rule)[-1]
    assert (last.act.name, last.actor, section(last.act)) == ("mta.dmarc-reject", "mx.beta.example", "RFC 9989 §5.4")
    said = printed(lesson["run-3-rule"])
    assert said.startswith(f"step {last.number} by mx.beta.example\n") and "[RFC 9989 §5.4]" in said
    told = shown(lesson["reveal-3"])["text/markdown"]
    assert told.startswith("**C · refuses it, though SPF passes.**") and "You said A" in told


TOLD = (b"MAIL", b"RCPT", b"DATA", b"250 2.1", b"354", b"550")


def test_the_order_of_events_is_the_one_told() -> None:
    trace = forged(Lab(seed=1)).trace
    story = []
    for step in trace:
        if isinstance(step.act, Say) and step.act.data.startswith(
            (b"MAIL", b"RCPT", b"DATA", b"250 2.1", b"354", b"550")
        ):
            story.append(step.act.data[:4].decode().strip())
        elif isinstance(step.act, Rule) and step.act.name in ("mta.findings", "mta.dmarc-reject"):
            story.append(step.act.name)
    assert story == ["MAIL", "250", "RCPT", "250", "DATA", "354", "mta.findings", "mta.dmarc-reject", "550"]
    (against,) = [step.act.because for step in trace.only(Rule) if "no name in the DNS" in str(step.act.because)]
    assert "203.0.113.66" in str(against)
    assert not trace.only(Store) and [step.act.state for step in trace.only(Enter)].count("DATA") == 1


# -- section 5: records ------------------------------------------------------------------------------------------------


def test_one_finding_and_three_actions(lesson) -> None:
    lines = printed(lesson["policy"]).splitlines()
    assert len(lines) == 3 and all("'dmarc': 'fail'" in line for line in lines)
    assert "550" in lines[0] and "bob@beta.example/Junk" in lines[1] and lines[2].endswith("('bob@beta.example',)")


def test_one_pass_that_fits_is_enough_and_none_is_too_few(lesson) -> None:
    one, two = printed(lesson["run-4"]).splitlines()
    assert "'spf': 'fail', 'dkim': 'pass', 'dmarc': 'pass'" in one and "bob@beta.example" in one
    assert "'spf': 'fail'" in two and "'dmarc': 'fail'" in two and two.endswith("()")
    told = shown(lesson["reveal-4"])["text/markdown"]
    assert told.startswith("**A · delivered") and "Your guess was right." in told
    three = printed(lesson["repair-one"])
    assert "'spf': 'pass'" in three and "'dmarc': 'pass'" in three and "bob@beta.example" in three
    bounced = printed(lesson["bounce"])
    assert bounced.startswith("Return-Path: <>") and "To: <alice@alpha.example>" in bounced and "550 5.7.26" in bounced


def test_the_record_is_put_back_as_it_was() -> None:
    source = next(cell.source for cell in code_cells(read(LESSON)) if cell.id == "repair-one")
    lab = Lab(seed=1)
    for name in ("alpha.example", "_dmarc.alpha.example"):
        record = lab.zone.records(name, "TXT")[0]
        assert name != "alpha.example" or record in source
    assert "p=reject" in record  # what sections 4 and 5 begin with


# -- section 6: a program that we did not write ------------------------------------------------------------------------


def test_smtplibs_letter_arrives_and_its_call_can_be_stepped(lesson) -> None:
    letter = printed(lesson["smtplib"])
    assert "Hello from smtplib!" in letter and "dkim=pass" in letter
    player = shown(lesson["smtplib-player"])["text/plain"]
    assert "C: ehlo laptop.alpha.example" in player and "C: STARTTLS" in player
    assert "small letters" in TEXT


# -- recap -------------------------------------------------------------------------------------------------------------


def test_the_recaps_second_answer_is_true() -> None:
    lab = Lab(seed=1)
    lab.zone.edit("lab._domainkey.alpha.example", TXT=None)
    mail = lab.send(ALICE, BOB, subject="Hello", text="Hi Bob")
    assert mail.delivered == (BOB,) and mail.verdict["dkim"] != "pass"


def test_the_recaps_third_answer_is_true() -> None:
    lab = Lab(seed=1)
    lab.stop("imap.beta.example")
    mail = lab.send(ALICE, BOB, subject="Hello", text="Hi Bob")
    lab.start("imap.beta.example")
    assert mail.delivered == (BOB,) and len(lab.mailbox(BOB)) == 1


def test_questions_are_counted_as_the_exercise_counts_them() -> None:
    trace = Lab(seed=1).send(ALICE, BOB, subject="Hello", text="Hi Bob").trace
    assert len([step for step in trace.only(Ask) if step.actor == "mx.beta.example"]) == 6
