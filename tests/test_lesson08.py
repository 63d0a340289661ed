"""Lesson 08 says what happens: each of its statements held against the runs of its own cells."""

from __future__ import annotations

import ast
import re

import nbformat
import pytest
from lessons import HOUSE, cell_of, guessed, printed, read

from mailedu import Lab
from mailedu.acts import Ask, Rule
from mailedu.auth.spf import check_host
from mailedu.exercises.frame import kind
from mailedu.exercises.spf import F2, company, cost, result_of
from mailedu.lab.whatif import unrecorded
from mailedu.opinions import pyspf
from mailedu.views.program import checks
from mailedu.zone import Zone

LESSON = HOUSE / "notebooks" / "08-spf.ipynb"
CELLS = {cell.id: cell.source for cell in read(LESSON).cells}
TEXT = "\n".join(cell.source for cell in read(LESSON).cells if cell.cell_type == "markdown")
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def lesson(tmp_path_factory) -> dict[str, nbformat.NotebookNode]:
    """The lesson as somebody who always guesses A sees it: cell's id -> cell."""
    return guessed(LESSON, tmp_path_factory.mktemp("lesson"))


def said(lesson: dict[str, nbformat.NotebookNode], id: str) -> str:
    return printed(lesson[id])


def test_it_opens_and_closes_with_bellas_letter() -> None:
    assert TEXT.index("## A question from life") < TEXT.index("## 1.") < TEXT.index("And Bella's Tuesday?")
    for claim in ("authenticates the sender", "a list of IP addresses", "what fails is forged"):
        assert TEXT.lower().count(claim.lower()) >= 2, f"{claim} is not decided"


@pytest.mark.parametrize(
    "id", ["check", "run-2", "run-3", "typos", "compare-run", "editor-run", "sign-control", "run-5"]
)
def test_players_and_controls_are_shown(lesson, id) -> None:
    data = lesson[id].outputs[-1].data
    assert WIDGET in data and "text/plain" in data


def test_the_reveals_answer_the_guess_and_name_what_happened(lesson) -> None:
    truth = {1: "B · pass.", 2: "B · pass.", 3: "C · 3 and 10.", 4: "B · 7.113.0.203", 5: "C · fail."}
    for number, words in truth.items():
        shown = lesson[f"reveal-{number}"].outputs[-1].data["text/markdown"]
        assert shown.startswith(f"**{words}") and "*You said A" in shown


# -- section 1: one call, two questions ------------------------------------------------------------------------------


def test_two_questions_are_asked_about_one_call() -> None:
    found = Lab(seed=8).check_spf(ip="192.0.2.25", helo="mx.alpha.example", mail_from="alice@alpha.example")
    assert [(check.title, check.domain) for check in checks(found.trace)] == [
        ("SPF, HELO", "mx.alpha.example"),
        ("SPF, MAIL FROM", "alpha.example"),
    ]
    assert "not reached" in [term.outcome or ("not reached" if term.start is None else "") for _, term in
                             checks(found.trace)[1].terms()]  # fmt: skip


@pytest.mark.parametrize(
    "sign, result", [("+", "pass"), ("-", "fail"), ("~", "softfail"), ("?", "neutral"), ("", "pass")]
)
def test_the_signs_mean_what_the_text_says(sign: str, result: str) -> None:
    assert result_of(Zone(f'a.example. TXT "v=spf1 {sign}all"'), "192.0.2.1", "x@a.example") == result
    if sign:
        assert f"`{sign}`" in CELLS["player"] and f"*{result}*" in CELLS["player"]


# -- section 2: whom it passed ---------------------------------------------------------------------------------------


def test_the_bank_s_letter_passes_for_mallory_and_is_delivered(lesson) -> None:
    text = said(lesson, "run-1")
    assert "{'spf': 'pass', 'dkim': 'none', 'dmarc': 'none'} ('bella@beta.example',)" in text
    assert "spf=pass smtp.mailfrom=mallory@gamma.example" in text and "From: service@bank.example" in text


def test_the_receiver_asks_about_mail_from_and_never_about_from(lesson) -> None:
    mallory, bank = said(lesson, "asked").split("MAIL FROM:")[1:]
    assert "spf: pass" in mallory and "spf: fail" in bank
    for part, domain in ((mallory, "gamma.example"), (bank, "bank.example")):
        questions = [line.split() for line in part.splitlines()[1:] if line.strip()]
        assert questions[0][0] != "mx.beta.example" and questions[0][-2:] == ["beta.example", "MX"]
        assert {words[0] for words in questions[1:]} == {"mx.beta.example"}
        assert [*f"{domain} TXT".split()] in [words[-2:] for words in questions]
    assert "bank.example TXT" not in mallory.replace("_dmarc.bank.example TXT", "")


# -- section 3: a program --------------------------------------------------------------------------------------------


def test_include_s_all_ends_nothing_and_pyspf_agrees(lesson) -> None:
    assert re.findall(r"(?:mailedu|pyspf): +(\w+)", said(lesson, "run-2")) == ["pass", "pass"]


def test_the_order_decides(lesson) -> None:
    assert [line.split()[0] for line in said(lesson, "order").splitlines() if line] == ["fail", "pass"]


def test_the_seven_results_are_the_standard_s() -> None:
    rows = re.findall(r"^\| (\w+) \|", CELLS["seven"], re.MULTILINE)
    assert rows[1:] == ["pass", "fail", "softfail", "neutral", "none", "temperror", "permerror"]


def test_the_control_and_its_plain_call(lesson) -> None:
    told = ast.literal_eval(said(lesson, "sign-control").splitlines()[0])
    assert told == {"-": "fail", "~": "softfail", "?": "neutral", "+": "pass"}


# -- section 4: budgets ----------------------------------------------------------------------------------------------


def test_the_eleventh_look_up_ends_it(lesson) -> None:
    assert said(lesson, "run-3").splitlines()[:3] == [
        "service 3: pass, 3 look-ups",
        "service 10: pass, 10 look-ups",
        "service 11: permerror, 11 look-ups",
    ]
    assert "permerror - 3 void look-ups" in said(lesson, "typos")


def test_which_terms_cost_a_look_up() -> None:
    """As the text lists them."""
    zone = Zone('in.example. TXT "v=spf1 -all"\na.example. A 192.0.2.9\n')
    for term, costs in [("include:in.example", 1), ("a", 1), ("mx", 1), ("ptr", 1), ("exists:a.example", 1),
                        ("redirect=in.example", 1), ("ip4:192.0.2.1", 0), ("ip6:::1", 0), ("all", 0)]:  # fmt: skip
        zone.edit("a.example", TXT=f"v=spf1 {term}")
        assert unrecorded(check_host("192.0.2.77", "a.example", "x@a.example"), zone).lookups == costs, term
        name = re.split("[:=]", term)[0]
        assert f"`{name}`" in CELLS["void"]


# -- section 5: try before you publish -------------------------------------------------------------------------------


def test_the_maps_show_who_is_cut_off(lesson) -> None:
    assert "198.51.100.7                      1  pass       ip4:198.51.100.7" in said(lesson, "map")
    grown = lesson["map"].outputs[-1].data
    assert "image/svg+xml" in grown
    assert grown["text/plain"].splitlines()[-1].split()[0] == "198.51.100.11"
    assert "permerror  too many lookups" in grown["text/plain"]


def test_the_comparison_marks_the_first_difference(lesson) -> None:
    text = said(lesson, "compare-run")
    assert "-- first difference, step 21 --" in text and "= fail" in text
    assert "<SPF pass -> pass, first difference at step" in said(lesson, "editor-run")


# -- sections 6 and 7: macros, and programs that we did not write ----------------------------------------------------


def test_the_macros_are_filled_in(lesson) -> None:
    lines = said(lesson, "run-4").splitlines()
    assert lines[:3] == ["alpha.example TXT", "7.113.0.203.in-addr._ok.alpha.example A", "why.alpha.example TXT"]
    assert lines[3] == "fail - 203.0.113.7 is none of the hosts of alpha.example. Ask postmaster@alpha.example."
    assert lines[-1] == "pass"


def test_dnspython_s_packets_lead_to_the_same_results(lesson) -> None:
    lines = said(lesson, "dnspython").splitlines()
    assert lines[:2] == ["mailedu: pass", "pyspf:   pass"]
    asked = [line.split(":")[0] for line in lines[2:] if line]
    assert asked == [
        "out.alpha.example TXT",
        *("alpha.example TXT", "_spf.mailer.example TXT") * 2,
    ], "ours asks about the greeting too"
    assert all(re.search(r"\d+ octets out, \d+ back", line) for line in lines[2:] if line)


# -- section 8: forwarding -------------------------------------------------------------------------------------------


def test_an_honest_letter_fails_and_arrives(lesson) -> None:
    assert "{'spf': 'fail', 'dkim': 'pass', 'dmarc': 'pass'} ('bob@beta.example',)" in said(lesson, "run-5")


def test_what_srs_repairs_and_what_not(lesson) -> None:
    lines = said(lesson, "srs").splitlines()
    told = [
        (line.split("{")[0].split(), ast.literal_eval("{" + line.split("{")[1].split("}")[0] + "}"))
        for line in lines[:4]
    ]
    assert [(words[1], words[3], verdict["spf"], verdict["dmarc"]) for words, verdict in told] == [
        ("True", "False", "fail", "pass"),
        ("True", "True", "pass", "pass"),
        ("False", "False", "fail", "fail"),
        ("False", "True", "pass", "fail"),
    ]
    assert "refused, and Alice is told" in lines[2] and "Junk" in lines[3]
    assert re.fullmatch(r"Return-Path: <SRS0=\w{4}=\w\w=alpha\.example=alice@gamma\.example>", lines[4])


def test_who_was_refused_is_told() -> None:
    lab = Lab(seed=8)
    lab.forward("carol@gamma.example", "bob@beta.example")
    lab.zone.edit("lab._domainkey.alpha.example", TXT=None)
    mail = lab.send("alice@alpha.example", "carol@gamma.example", subject="Lunch", text="On Friday?")
    assert mail.delivered == () and len(mail.reports) == 1


# -- recap -----------------------------------------------------------------------------------------------------------


def test_the_recap_is_true() -> None:
    assert result_of(Zone('a.example. TXT "v=spf1 ip4:192.0.2.0/24"'), "203.0.113.66", "x@a.example") == "neutral"
    gone = Zone('a.example. TXT "v=spf1 ip4:192.0.2.1 include:gone.example -all"')
    assert [result_of(gone, ip, "x@a.example") for ip in ("192.0.2.1", "192.0.2.2")] == ["pass", "permerror"]
    bounce = Lab(seed=8).check_spf(ip="192.0.2.25", helo="mx.alpha.example", mail_from="")
    assert bounce.domain == "mx.alpha.example"
    assert [step.act.name for step in bounce.trace.only(Ask)].count("mx.alpha.example") >= 2


# -- the exercises' own promises -------------------------------------------------------------------------------------


@pytest.mark.parametrize("student", ["ada", "bob", "Zoë Ångström", "", "eve 7"])
def test_f2_begins_with_fourteen_and_its_forty_are_forty(student: str) -> None:
    begun = kind("F2")(student)
    assert isinstance(begun, F2)
    assert cost(begun.lab.zone, begun.domain) == 14 and len(begun.cases) == 40
    early = [ip for ip, wanted in begun.cases.items() if result_of(begun.lab.zone, ip, begun.user) == wanted]
    assert 8 <= len(early) < 30, "today some get what they should, and many do not"
    for ip, wanted in begun.cases.items():
        assert result_of(begun.lab.zone, ip, begun.user) in (wanted, "permerror")


@pytest.mark.parametrize("student", ["ada", "bob", "Zoë Ångström", ""])
def test_f4_s_cases_are_judged_by_pyspf_alike(student: str) -> None:
    dice = kind("F4")(student).hidden
    records, cases = company("pantry12.example", dice)
    zone = Zone()
    for name, types in records.items():
        zone.edit(name, **types)
    assert len(cases) > 45 and len(dict.fromkeys(cases)) == len(cases)
    for ip, name, _ in cases:
        ours = result_of(zone, ip, f"post@{name}")
        assert pyspf.check(ip, f"out.{name}", f"post@{name}", zone) == ours, (ip, name)
    assert {result_of(zone, ip, f"post@{name}") for ip, name, _ in cases} == {
        "pass", "fail", "softfail", "neutral", "none", "permerror"
    }  # fmt: skip


def test_f1_counts_letters_and_not_questions_of_one_s_own() -> None:
    begun = kind("F1")("ada")
    begun.lab.check_spf(ip=begun.client, mail_from=begun.user)
    assert begun.lab.inputs == []
    assert begun.send() == "spf: none"
    assert any(step.act.name == "mta.second-opinion" for step in begun.lab.trace.only(Rule))


def test_the_answer_cells_hand_over_what_the_tasks_speak_of() -> None:
    notebook = read(LESSON)
    assert "def is_in(" in cell_of(notebook, "F4-answer").source
    assert "def sealed(" in cell_of(notebook, "F5-answer").source


# -- section 9: a case -----------------------------------------------------------------------------------------------


def test_the_case_is_the_eleventh_look_up(lesson) -> None:
    told = " ".join(printed(lesson["case-run"]).split())
    assert "its record needs more than ten look-ups" in told
    assert told.count("include:s") == 10, "one service a year, for ten years"
    assert "include:s10.services.example, a:web.alpha.example." in told, "and its own host was the eleventh"
