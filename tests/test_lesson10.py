"""Lesson 10 says what happens: each of its statements held against the runs of its own cells."""

from __future__ import annotations

import ast
import re

import nbformat
import pytest
from lessons import HOUSE, cell_of, guessed, printed, read

from mailedu import Lab
from mailedu.auth.report import read as read_report
from mailedu.exercises.frame import kind
from mailedu.lab.rollout import KINDS, rollout

LESSON = HOUSE / "notebooks" / "10-dmarc.ipynb"
CELLS = {cell.id: cell.source for cell in read(LESSON).cells}
TEXT = "\n".join(cell.source for cell in read(LESSON).cells if cell.cell_type == "markdown")
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def lesson(tmp_path_factory) -> dict[str, nbformat.NotebookNode]:
    """The lesson as somebody who always guesses A sees it: cell's id -> cell."""
    return guessed(LESSON, tmp_path_factory.mktemp("lesson"))


def said(lesson: dict[str, nbformat.NotebookNode], id: str) -> str:
    return printed(lesson[id])


def fates(text: str) -> dict[str, list[int]]:
    """What a rollout printed: kind -> [inbox, Junk, refused]."""
    rows = re.findall(r"^[ !] ([a-z ]+?) +(\d+) +(\d+) +(\d+)$", text, re.MULTILINE)
    return {name: [int(number) for number in numbers] for name, *numbers in rows}


def test_it_opens_and_closes_with_alices_letter() -> None:
    assert TEXT.index("## A question from life") < TEXT.index("## 1.") < TEXT.index("And Alice's Monday?")
    for claim in ("nobody else can write in our name", "DMARC needs SPF and DKIM", "costs nothing"):
        assert TEXT.lower().count(claim.lower()) >= 2, f"{claim} is not decided"


@pytest.mark.parametrize("id", ["asked", "run-2", "beside", "tag-control", "rollout-control"])
def test_players_and_controls_are_shown(lesson, id) -> None:
    data = lesson[id].outputs[-1].data
    assert WIDGET in data and "text/plain" in data


@pytest.mark.parametrize("id", ["run-3", "month", "run-5"])
def test_pictures_are_shown(lesson, id) -> None:
    data = lesson[id].outputs[-1].data
    assert "mailedu-light" in data["text/html"] and "mailedu-dark" in data["text/html"] and data["text/plain"]


def test_the_reveals_answer_the_guess_and_name_what_happened(lesson) -> None:
    truth = {
        1: "B · pass and pass",
        2: "C · one after the other",
        3: "B · 7.",
        4: "B · a service",
        5: "B · the newsletter",
    }
    for number, words in truth.items():
        shown = lesson[f"reveal-{number}"].outputs[-1].data["text/markdown"]
        assert shown.startswith(f"**{words}") and "*You said A" in shown


# -- section 1: both pass, and for whom ------------------------------------------------------------------------------


def test_both_pass_for_gamma_and_bob_has_it_in_his_inbox(lesson) -> None:
    text = said(lesson, "run-1")
    assert "{'spf': 'pass', 'dkim': 'pass', 'dmarc': 'none'} ('bob@beta.example',)" in text
    assert "spf=pass smtp.mailfrom=mallory@gamma.example" in text and "dkim=pass header.d=gamma.example" in text


def test_one_record_puts_it_into_junk(lesson) -> None:
    """As section 1 shows, and as the last paragraph says."""
    assert "{'spf': 'pass', 'dkim': 'pass', 'dmarc': 'fail'} ('bob@beta.example/Junk',)" in said(lesson, "asked")


def test_the_pane_has_the_parts_that_the_table_names() -> None:
    source = (HOUSE / "mailedu" / "views" / "player" / "dmarc.js").read_text("utf-8")
    for part in re.findall(r"^\| ([A-Z][^|]+?) \|", CELLS["player"], re.MULTILINE):
        assert part in source, part


# -- section 2: the walk -----------------------------------------------------------------------------------------------


def test_the_walk_asks_four_names_and_sp_counts(lesson) -> None:
    lines = said(lesson, "run-2").splitlines()
    assert ast.literal_eval(lines[0]) == [
        "_dmarc.deep.news.alpha.example", "_dmarc.news.alpha.example", "_dmarc.alpha.example", "_dmarc.example",
    ]  # fmt: skip
    assert lines[1] == "<DMARC pass for deep.news.alpha.example, policy quarantine>"


def test_strict_alignment_wants_the_same_name(lesson) -> None:
    assert ast.literal_eval(said(lesson, "tag-control").splitlines()[0]) == {"r": "pass", "s": "fail"}


# -- section 3: sixteen cases ------------------------------------------------------------------------------------------


def test_seven_of_sixteen_and_six_of_them_by_one_alone(lesson) -> None:
    lines = said(lesson, "run-3").splitlines()
    rows = [re.split(r"  +", line.strip()) for line in lines[1:17]]
    passing = [row for row in rows if row[4] == "pass"]
    assert len(passing) == 7 and lines[17] == "7 of 16 pass"
    by = [row[5] for row in passing]
    assert sum("SPF" in one for one in by) == 4 == sum("DKIM" in one for one in by)
    assert sum("," not in one for one in by) == 6
    assert "six letters pass with one of the two alone" in CELLS["claim-2-decided"]


# -- section 4: an action ----------------------------------------------------------------------------------------------


def test_three_servers_do_three_things(lesson) -> None:
    lines = said(lesson, "decisions").splitlines()
    assert [re.search(r"(deliver|quarantine|reject) ", line)[1] for line in lines if line] == [
        "quarantine",
        "reject",
        "deliver",
    ]
    assert "('bob@beta.example/Junk',)" in lines[0] and "refused" in lines[1] and "('bob@beta.example',)" in lines[2]


def test_from_her_own_computer_she_is_refused() -> None:
    lab = Lab(seed=10)
    mail = lab.send(
        "mallory@gamma.example", "bob@beta.example", from_="alice@alpha.example", client="203.0.113.66", read=False
    )
    assert mail.refused.startswith("550 5.7.26")


def test_junk_is_shown_as_junk(lesson) -> None:
    assert r'(\HasNoChildren \Junk) "/" "Junk"' in said(lesson, "junk")


# -- section 5: reports ------------------------------------------------------------------------------------------------


def test_who_is_who_in_the_reports(lesson) -> None:
    rows = [re.split(r"  +", line.strip()) for line in said(lesson, "run-4").splitlines() if line]
    assert any(row[0] == "203.0.113.140" and row[-1] == "SPF mailer.example, DKIM mailer.example" for row in rows)
    forger = [row for row in rows if row[0] == "203.0.113.66"]
    assert {row[-1] for row in forger} == {"SPF gamma.example"} and len(forger) == 3
    [forwarder] = [row for row in rows if row[0] == "203.0.113.25"]
    passed, of = re.search(r"(\d+) of +(\d+)", " ".join(forwarder)).groups()
    assert passed == of != "0" and forwarder[-1] == "DKIM alpha.example"
    assert "203.0.113.140" in said(lesson, "month") and "0 of" in said(lesson, "run-4")


def test_the_newsletter_wrote_on_many_days() -> None:
    month = rollout("none")
    assert len({letter.day for letter in month.letters if letter.kind == "newsletter"}) >= 10


def test_outside_programs_fetch_and_read_the_same(lesson) -> None:
    lines = said(lesson, "imaplib").splitlines()
    assert lines[0].startswith("Report Domain: alpha.example Submitter: beta.example Report-ID: <")
    rows = [ast.literal_eval(line) for line in lines[1:] if line]
    ours = read_report(rollout("none", days=1).lab.mailbox("dmarc@alpha.example")[0])
    assert rows == [[row.source_ip, str(row.count), row.disposition, row.dkim, row.spf] for row in ours.rows]


# -- section 6: the rollout --------------------------------------------------------------------------------------------


def test_reject_stops_the_forger_and_costs_two_kinds(lesson) -> None:
    found = fates(said(lesson, "run-5"))
    assert set(found) == set(KINDS)
    for kind_ in ("own server", "shop", "forwarded"):
        assert found[kind_][1:] == [0, 0]
    for kind_ in ("newsletter", "mailing list"):
        assert found[kind_][0] == found[kind_][2] == 0 < found[kind_][1]
    assert found["forger"][:2] == [0, 0] < found["forger"][2:]


def test_sp_none_saves_the_newsletter_and_the_forger_too(lesson) -> None:
    counted = re.findall(r"(\d+) of (\d+)", said(lesson, "rollout-control").splitlines()[0])
    (lost, real), (stopped, forged) = [tuple(map(int, pair)) for pair in counted]
    strict = re.findall(r"(\d+) of (\d+)", said(lesson, "run-5"))
    assert lost < int(strict[0][0]) and real == int(strict[0][1])
    assert stopped < forged == int(strict[1][0])


def test_the_key_repairs_it_and_the_list_is_lost_even_then(lesson) -> None:
    follow, obey = map(fates, said(lesson, "repaired").split("servers that take"))
    assert follow["newsletter"][1:] == obey["newsletter"][1:] == [0, 0]
    assert follow["mailing list"][1] > 0 == follow["mailing list"][2]
    assert obey["mailing list"][2] > 0 == obey["mailing list"][1], "not even in Junk"


def test_what_the_honest_part_says_passes() -> None:
    lab = Lab(seed=10)
    other = lab.sign_dkim("From: alice@alpha-example.example\n\nHi\n", "gamma.example").message
    lab.zone.edit("_dmarc.alpha-example.example", TXT="v=DMARC1; p=reject")
    lab.zone.edit("alpha-example.example", TXT="v=spf1 ip4:203.0.113.66 -all")
    where = {"ip": "203.0.113.66", "helo": "x.example"}
    assert lab.evaluate_dmarc(other, mail_from="x@alpha-example.example", **where).result == "pass"
    shown = b'From: "alice@alpha.example" <x@gamma.example>\r\n\r\nHi\r\n'
    assert lab.evaluate_dmarc(shown, mail_from="x@gamma.example", **where).result == "pass"


# -- sections 7 and 8 --------------------------------------------------------------------------------------------------


def test_the_new_standard_rejects_what_the_old_one_does_not_see(lesson) -> None:
    rows = {line.split()[0]: line.split()[1:] for line in said(lesson, "beside").splitlines() if line}
    assert (
        rows["result"] == ["fail", "none"] and rows["disposition"] == ["reject", "none"] and rows["tag"] == ["np", "-"]
    )


def test_a_forged_verdict_does_not_arrive(lesson) -> None:
    assert said(lesson, "own-words").splitlines()[:2] == ["sent - ['dmarc=pass']", "in the mailbox - ['dmarc=fail']"]


# -- the end -----------------------------------------------------------------------------------------------------------

RECAP = [
    ("a@alpha.example", "p=none", ("pass", "alpha.example"), [("fail", "alpha.example")], ("pass", "none")),
    ("x@pay.alpha.example", "p=reject; sp=none", None, [], ("fail", "none")),
]


@pytest.mark.parametrize("author, record, spf, signatures, wanted", RECAP)
def test_the_recap(author, record, spf, signatures, wanted) -> None:
    from types import SimpleNamespace

    from mailedu.auth.dmarc import evaluate
    from mailedu.lab.whatif import unrecorded

    zone = Lab(seed=10).zone
    zone.edit("_dmarc.alpha.example", TXT=f"v=DMARC1; {record}")
    given = [SimpleNamespace(result=result, domain=domain, selector="s") for result, domain in signatures]
    by_spf = SimpleNamespace(result=spf[0], domain=spf[1]) if spf else None
    found = unrecorded(evaluate(f"From: {author}\n\n".encode(), by_spf, given), zone)
    assert (found.result, found.policy) == wanted


@pytest.mark.parametrize("id", ["A1", "A2", "A3", "A4", "A6"])
def test_what_the_hints_and_tasks_name_is_there(id) -> None:
    begun = kind(id)("ada")
    assert all(hasattr(begun, name) for name in re.findall(rf"{id.lower()}\.(\w+)", begun.task + " ".join(begun.hints)))
    assert cell_of(read(LESSON), f"{id}-answer")


def test_the_case_passes_for_somebody_else(lesson) -> None:
    told = " ".join(printed(lesson["case-run"]).split())
    assert "It fails DMARC" in told and "SPF passes: letters.example" in told
    assert "The signature of letters.example is good" in told
