"""Lesson 09 says what happens: its statements held against the runs of its own cells."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

import nbformat
import pytest
from lessons import HOUSE, guessed, printed, read

from mailedu import Lab, LabError, sign_dkim
from mailedu.exercises import dkim as exercises
from mailedu.exercises.frame import exercise
from mailedu.lab.stage import private_key
from mailedu.opinions import dkimpy

LESSON = HOUSE / "notebooks" / "09-dkim.ipynb"
TEXT = "\n".join(cell.source for cell in read(LESSON).cells if cell.cell_type == "markdown")
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def lesson(tmp_path_factory) -> dict[str, nbformat.NotebookNode]:
    """The lesson as somebody who always guesses A sees it: cell's id -> cell."""
    return guessed(LESSON, tmp_path_factory.mktemp("lesson"))


def test_each_claim_of_the_uncle_is_decided() -> None:
    assert TEXT.index("## A question from life") < TEXT.index("## 1.") < TEXT.index("And Bob's newsletter?")
    table = TEXT[TEXT.index("| claim | verdict |") :]
    for claim in ("encrypts", "two signatures", "the sender is who he claims", "headers and contents are verified"):
        assert claim in TEXT[: TEXT.index("## 1.")] or claim in TEXT[: TEXT.index("## 1.")].replace("**", "")
        assert claim in table
    assert "in the domain's TXT" in table and "73 characters" in table


@pytest.mark.parametrize("id", ["verify", "control", "microscope", "smtplib-player"])
def test_players_are_shown(lesson, id) -> None:
    assert WIDGET in lesson[id].outputs[-1].data and "text/plain" in lesson[id].outputs[-1].data


@pytest.mark.parametrize("number, truth", [(1, "C"), (2, "C"), (3, "B"), (4, "B"), (5, "C")])
def test_a_guess_is_answered(lesson, number, truth) -> None:
    told = lesson[f"reveal-{number}"].outputs[-1].data["text/markdown"]
    assert told.startswith(f"**{truth} · ") and "You said A" in told


def test_everything_can_be_read_and_the_signature_opens_to_the_hash(lesson) -> None:
    lines = printed(lesson["run-1"]).splitlines()
    assert [line.rpartition(" ")[2] for line in lines[:3]] == ["True"] * 3
    assert lines[3].split()[-1] == lines[4].split()[-1] and len(lines[3].split()[-1]) == 64


def test_the_fields_end_with_the_signature_s_own_and_an_empty_b(lesson) -> None:
    text = printed(lesson["fields-input"])
    assert text.startswith("from:alice@alpha.example\r\n") or text.startswith("from:alice@alpha.example\n")
    assert text.rstrip("\n").endswith("; b=") and "\ndkim-signature:v=1;" in text.replace("\r", "")
    assert printed(lesson["body-hash"]).endswith("True\n")


def test_the_table_of_changes_is_the_one_that_the_text_reads(lesson) -> None:
    rows = {line[:26].strip(): line[26:].split() for line in printed(lesson["run-2"]).splitlines()}
    assert rows[""] == ["simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"]
    assert rows["nothing"] == ["-"] * 4
    assert rows["a digit of the body"] == rows["a blank before a line"] == ["body"] * 4
    assert rows["a digit of the Subject"] == ["fields"] * 4
    assert rows["two blanks in the body"] == ["body", "-", "body", "-"]
    assert rows["two blanks in the Subject"] == rows["SUBJECT for Subject"] == ["fields", "fields", "-", "-"]
    assert rows["empty lines at the end"] == rows["a field that h= lacks"] == ["-"] * 4
    assert list(rows)[-2:] == ["empty lines at the end", "a field that h= lacks"]  # "the row above the last"
    assert "<DKIM fail for alpha.example>" in printed(lesson["control"])


def test_an_octet_knows_its_hash(lesson) -> None:
    assert re.findall(r"hash: (\w+)", printed(lesson["part-at"])) == ["none", "fields", "body"]


def test_the_microscope_has_the_eleven_changes_that_the_text_counts() -> None:
    lab = Lab(seed=9)
    mail = lab.send("alice@alpha.example", "bob@beta.example", subject="Invoice 17", text="Please pay 100 euros.")
    (found,) = lab.verify_dkim(mail.message).microscopes()
    assert len(found["variants"]) == 1 + 11 and "are eleven things that may happen" in TEXT


def test_one_signature_holds_both(lesson) -> None:
    lines = printed(lesson["run-3"]).splitlines()
    assert lines[0].split()[-1] == "body" and lines[1] != lines[2]
    assert lines[3].startswith("body and bh=:     fields - the signature differs")


def test_the_key_is_where_the_question_goes(lesson) -> None:
    assert printed(lesson["key-place"]) == "lab._domainkey.alpha.example TXT\nthere is no key\n"


def test_two_selectors_and_a_key_that_went_too_early(lesson) -> None:
    both, early, why = printed(lesson["rotation"]).splitlines()
    assert both.endswith("pass pass") and early.endswith("permerror pass") and why == "there is no key"


def test_dkim_passes_for_gamma_and_dmarc_does_not(lesson) -> None:
    said = printed(lesson["run-4"])
    assert "'dkim': 'pass', 'dmarc': 'fail'" in said and "550 5.7.26" in said


def test_three_additions_pass_and_are_in_no_hash(lesson) -> None:
    assert "l=25;" in printed(lesson["news"])  # "everything behind the 25th octet"
    lines = printed(lesson["run-5"]).splitlines()
    assert lines[0] == "{'spf': 'pass', 'dkim': 'pass', 'dmarc': 'pass'} ('bob@beta.example',)"
    assert [line[2:10] for line in lines[1:]] == ["Reply-To", "Subject:", r"\r\n'", "Your acc"]


def test_the_repair_holds(lesson) -> None:
    words = [line.split()[-1] for line in printed(lesson["repair"]).splitlines()]
    assert words == ["pass", "fail", "fail", "fail", "pass"]


def test_the_sample_has_two_reasons(lesson) -> None:
    first, second = printed(lesson["sample"]).splitlines()
    assert first.startswith("73 permerror") and "73 characters" in first
    assert second == "72 fail - b= has 54 octets, not 256"
    assert len(b64encode(bytes(128))) == 172 and len(b64encode(bytes(256))) == 344 and len(b64encode(bytes(64))) == 88


def test_dkimpy_agrees(lesson) -> None:
    for line in printed(lesson["dkimpy"]).splitlines():
        assert (found := re.search(r"mailedu (\w+) +dkimpy (\w+)$", line)) and found[1] == found[2], line
    assert "v=DKIM1" in printed(lesson["smtplib"]) and printed(lesson["smtplib"]).endswith("pass\n")
    assert "ehlo laptop.alpha.example" in lesson["smtplib-player"].outputs[-1].data["text/plain"]


# -- what the lesson and its exercises are made of ---------------------------------------------------------------------


def test_signing_by_hand_is_what_the_lab_s_servers_do() -> None:
    lab = Lab(seed=3)
    made = lab.sign_dkim("From: a@alpha.example\n\nHi\n")
    again = sign_dkim(
        "From: a@alpha.example\n\nHi\n", "alpha.example", selector="lab", key=private_key("alpha.example")
    )
    assert made.message == again.message == made.field + b"From: a@alpha.example\r\n\r\nHi\r\n"
    assert lab.verify_dkim(made.message)[0].result == "pass" and "octets" in repr(made) and "hashed" in str(made)


@pytest.mark.parametrize(
    "domain, how, words",
    [
        ("alpha.example", {"name": "from"}, "no choice 'name'"),
        ("delta.example", {}, "no key of 'delta.example'"),
        ("alpha.example", {"canonicalization": "loose"}, "canonical forms"),
    ],
)
def test_who_signs_wrongly_is_told_what_to_type(domain, how, words) -> None:
    with pytest.raises(LabError, match=words):
        Lab().sign_dkim("From: a@alpha.example\n\nHi\n", domain, **how)


@pytest.mark.parametrize("forms", ["relaxed/simple", "simple/relaxed"])
@pytest.mark.parametrize("change", [one for group in exercises.CHANGES.values() for one in group])
def test_dkimpy_decides_each_change_of_d4_as_we_do(change, forms) -> None:
    d4 = exercise("D4", student="ada")
    letter = d4.lab.sign_dkim(d4.letter.partition(b"From:")[1] + d4.letter.partition(b"From:")[2],
                              canonicalization=forms, names="from:to:subject:date:from").message  # fmt: skip
    changed = change.make(letter)
    assert changed != letter
    ours = d4.lab.verify_dkim(changed)[0].result
    theirs = dkimpy.verify(changed, d4.lab.zone, 0, d4.lab.clock.unix())
    assert (theirs == "pass") == (ours == "pass")  # a body that differs is an error in its words


def test_the_checks_take_any_answer_and_say_something() -> None:
    for id in ("D1", "D2", "D3", "D4", "D5", "D6", "D7"):
        for answer in (None, 7, b"", "x", [], {}, (b"", ""), ["x"] * 10, {"publish": -1, "sign": 0, "withdraw": True}):
            from mailedu.exercises import check

            assert not check(exercise(id, student="ada"), answer)


def test_six_letters_fail_and_dkimpy_agrees_on_each() -> None:
    for student in ("ada", "bea", "cem"):
        d7 = exercise("D7", student=student)
        assert len({fault.culprit for fault in d7.faults}) == 6
        for letter in d7.letters:
            assert d7.lab.verify_dkim(letter)[0].result != "pass"
            assert dkimpy.verify(letter, d7.lab.zone, 0, d7.lab.clock.unix()) != "pass"


def test_the_body_hash_of_d3_is_a_hash() -> None:
    d3 = exercise("D3", student="ada")
    assert len(b64encode(sha256(b"").digest())) == len(d3.bh) and d3.bh.encode() in d3.letter


def test_the_case_is_a_list_that_means_well(lesson) -> None:
    told = " ".join(printed(lesson["case-run"]).split())
    assert "2 lines were put under the body" in told and "Without that it is good" in told
    assert "The author has nothing to mend" in told
