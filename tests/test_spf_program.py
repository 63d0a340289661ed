"""SPF checks read out of traces: the whole program, no step lost, the same result and cost as the check itself says."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_spf_suite import answers, cases, suite  # noqa: F401

from mailedu import DnsTimeout, Lab, NXDomain, Zone, check_spf
from mailedu.acts import Ask, LabError, Open, Rule
from mailedu.auth import spf
from mailedu.lab.verdicts import perform
from mailedu.trace import Trace
from mailedu.views.program import MOST_TERMS, Check, as_data, checks, outline
from mailedu.views.score import score

NESTED = Zone("""
a.example.        TXT  "v=spf1 include:b.example a:nothere.example mx ip4:192.0.2.1 redirect=c.example"
a.example.        MX   10 mx.a.example.
mx.a.example.     A    192.0.2.9
b.example.        TXT  "v=spf1 exists:%{ir}.x.b.example include:d.example ?all"
c.example.        TXT  "v=spf1 ip4:192.0.2.1 -all exp=why.c.example"
why.c.example.    TXT  "%{i} is not ours"
d.example.        TXT  "v=spf1 -ip4:192.0.2.77 a:gone.d.example -all"
""")


def check_of(zone: object, ip: str = "192.0.2.77", mail_from: str = "x@a.example") -> Check:
    """The check of MAIL FROM."""
    return checks(check_spf(ip=ip, helo="mail.a.example", mail_from=mail_from, dns=zone).trace)[-1]


# -- one that has everything


def test_an_outline_is_the_program_with_what_became_of_it() -> None:
    trace = check_spf(ip="192.0.2.77", helo="mail.a.example", mail_from="x@a.example", dns=NESTED).trace
    assert (
        "\n".join(map(str, outline(trace)))
        == """\
SPF, HELO: mail.a.example from 192.0.2.77
  mail.a.example: no such name
= none
SPF, MAIL FROM: x@a.example from 192.0.2.77
  a.example
    include:b.example  no match  look-up 1
      b.example
        exists:%{ir}.x.b.example  no match  look-up 2  void 1
        include:d.example  no match  look-up 3
          d.example
            -ip4:192.0.2.77  match -> fail
            a:gone.d.example  not reached
            -all  not reached
        ?all  match -> neutral
    a:nothere.example  no match  look-up 4  void 2
    mx  no match  look-up 5
    ip4:192.0.2.1  no match
    redirect=c.example  fail  look-up 6
      c.example
        ip4:192.0.2.1  no match
        -all  match -> fail
        exp=why.c.example  192.0.2.77 is not ours
= fail (192.0.2.77 is not ours), 6 of 10 look-ups, 2 of 2 void"""
    )


def test_each_record_has_its_result() -> None:
    results = {record.domain: record.result for record in check_of(NESTED).records()}
    assert results == {"a.example": "fail", "b.example": "neutral", "d.example": "fail", "c.example": "fail"}


def test_questions_and_answers_stand_with_their_term() -> None:
    asked = {
        term.text: [(one.name, one.type, one.told) for one in term.questions] for _, term in check_of(NESTED).terms()
    }
    assert asked["mx"] == [("a.example", "MX", "10 mx.a.example."), ("mx.a.example", "A", "192.0.2.9")]
    assert asked["exists:%{ir}.x.b.example"] == [("77.2.0.192.x.b.example", "A", "no such name")]
    assert asked["-all"] == asked["ip4:192.0.2.1"] == []


# -- what can go wrong


@pytest.mark.parametrize(
    "record, said",
    [
        ("v=spf1 a:b.9 -all", ["a:b.9  permerror", "-all  not reached"]),
        ("v=spf1 mx bogus -all", ["mx  not reached", "bogus  permerror", "-all  not reached"]),
        ("v=spf1 include:no.example -all", ["include:no.example  permerror  look-up 1", "no.example: no such name"]),
        ("v=spf1 redirect=none.example", ["redirect=none.example  permerror  look-up 1"]),
        ("v=spf1 ip4:192.0.2.1", ["ip4:192.0.2.1  no match", "(no term matched) -> neutral"]),
        ("v=spf1 a:x1.example a:x2.example a:x3.example -all", ["a:x3.example  permerror  look-up 3  void 3"]),
        ("v=spf1 unknown=%{i} ~all", ["unknown=%{i}  ignored", "~all  match -> softfail"]),
        ("v=spf1", ["(no term matched) -> neutral"]),
    ],
)  # fmt: skip
def test_a_trouble_stands_where_it_belongs(record: str, said: list[str]) -> None:
    trace = check_spf(ip="192.0.2.77", helo="x", mail_from="x@a.example", dns=Zone(f'a.example. TXT "{record}"')).trace
    lines = [str(line).strip() for line in outline(trace)]
    for one in said:
        assert one in lines


def test_the_eleventh_look_up_stands_with_its_term() -> None:
    zone = Zone('a.example. TXT "v=spf1 ' + " ".join(f"a:h{n}.example" for n in range(12)) + ' -all"')
    for n in range(12):
        zone.edit(f"h{n}.example", A="192.0.2.1")
    found = [(term.lookup, term.outcome) for _, term in check_of(zone).terms()]
    assert found == [*((n, "no match") for n in range(1, 11)), (11, "permerror"), (0, ""), (0, "")]


def test_a_loop_of_includes_is_a_deep_program_that_ends() -> None:
    found = check_of(Zone('a.example. TXT "v=spf1 include:a.example -all"'))
    assert found.outcome == "permerror" and max(depth for depth, _ in found.terms()) == 10
    assert found.lookups == 11


def test_a_time_out_is_no_void_look_up() -> None:
    zone = Zone('a.example. TXT "v=spf1 a:slow.example -all"')
    zone.fault("slow.example", "A", DnsTimeout())
    (term, _) = (term for _, term in check_of(zone).terms())
    assert (term.outcome, term.questions[0].told, term.questions[0].void, term.voids) == (
        "temperror",
        "no answer",
        False,
        [],
    )


def test_the_same_term_twice_is_two_terms() -> None:
    zone = Zone('a.example. TXT "v=spf1 a a ?all"\na.example. A 192.0.2.1')
    assert [(term.start is not None, term.lookup) for _, term in check_of(zone).terms()] == [
        (True, 1),
        (True, 2),
        (True, 0),
    ]


# -- against the check itself


def held(trace: Trace, result: str, lookups: int, voids: int) -> None:
    """What was read is what happened."""
    check = checks(trace)[-1]
    assert check.outcome == result
    assert (check.lookups, check.voids) == (lookups, voids)
    mine = [step.number for step in trace if check.holds(step.number)]
    asked = {question.step for _, term in check.terms() for question in term.questions}
    asked |= {question.step for question in check.questions}
    assert asked == {number for number in mine if isinstance(trace.step(number).act, Ask)}, (
        "each question has its place"
    )
    opened = {term.start for _, term in check.terms()}
    groups = {number for number in mine if isinstance(trace.step(number).act, Open)} - {check.start}
    assert groups <= opened, "each group of steps is a term's"
    json.dumps(as_data(check))


def test_the_suite_is_read_whole(suite) -> None:  # noqa: F811
    for scenario, name, case in cases(suite):
        acts = spf.check(case["host"], case["helo"], case["mailfrom"] or "")
        found, trace = perform(acts, answers(scenario["zonedata"]), "spf")
        for one in (found,):
            held(trace, one.result, one.lookups, one.voids)
        assert outline(trace), name


TERMS = st.sampled_from(
    ["all", "-all", "~all", "a", "mx", "a:b.example", "include:b.example", "-include:c.example", "ip4:192.0.2.0/24",
     "?ip6:2001:db8::/32", "exists:%{i}.b.example", "ptr", "redirect=b.example", "exp=b.example", "a:%{p}.c.example",
     "bogus", "a:b..", "exists:%{l}.%{d2}", "ip4:300.1.1.1", "x=y"]
)  # fmt: skip
RECORDS = st.lists(TERMS, max_size=7).map(lambda terms: " ".join(["v=spf1", *terms]))


@settings(max_examples=150, deadline=None)
@given(
    RECORDS, RECORDS, RECORDS, st.sets(st.tuples(st.sampled_from("abc"), st.sampled_from(["A", "TXT", "MX", "PTR"])))
)
def test_whatever_is_checked_is_read_whole(one: str, two: str, three: str, slow: set[tuple[str, str]]) -> None:
    def dns(name: str, type: str) -> list[str]:
        letter = name.partition(".")[0]
        if (letter, type) in slow:
            raise DnsTimeout(name)
        records = {"a": one, "b": two, "c": three}
        match type, letter:
            case "TXT", "a" | "b" | "c":
                return [records[letter]]
            case "A", "b":
                return ["192.0.2.9"]
            case "MX", "a":
                return ["10 b.example.", "20 nowhere.example."]
            case "PTR", _:
                return ["b.example."]
        raise NXDomain(name)

    found, trace = perform(spf.check("192.0.2.9", "b.example", "x@a.example"), dns, "spf")
    held(trace, found.result, found.lookups, found.voids)


# -- in other traces, and in none


def test_a_letters_journey_holds_both_checks() -> None:
    trace = Lab(seed=1).send("alice@alpha.example", "bob@beta.example").trace
    assert [(check.title, check.outcome) for check in checks(trace)] == [
        ("SPF, HELO", "pass"),
        ("SPF, MAIL FROM", "pass"),
    ]
    told = score(trace, {}, {})
    assert [check["domain"] for check in told["spf"]] == ["mx.alpha.example", "alpha.example"]
    assert "pane" not in told, "there is more to see in it"


def test_a_trace_of_nothing_but_spf_is_walked_in_its_pane() -> None:
    told = score(check_spf(ip="192.0.2.77", helo="x", mail_from="x@a.example", dns=NESTED).trace, {}, {})
    assert told["pane"] == "spf" and len(told["spf"]) == 2
    assert not {"pane", "spf"} & set(score(Trace(), {}, {}))


def test_a_trace_whose_beginning_was_dropped_is_read_as_far_as_it_goes() -> None:
    whole = check_spf(ip="192.0.2.77", helo="mail.a.example", mail_from="x@a.example", dns=NESTED).trace
    for keep in range(1, len(whole)):
        trace = Trace.from_json(whole.to_json())
        trace.cap(keep, None)
        assert len(outline(trace)) <= len(outline(whole))
        score(trace, {}, {})


@pytest.mark.parametrize("title", ["check_host(", "check_host()", "check_host(a, b, c)", "check_host(a, b, c, d"])
def test_what_only_looks_like_a_check_is_none(title: str) -> None:
    trace = Trace()
    trace.record("x", "", None, Open(title))
    trace.record("x", "", 0, Rule("pop3.login", "refused"))
    assert checks(trace) == []


def test_of_a_record_of_thousands_of_terms_the_telling_ones_are_kept() -> None:
    terms = [f"ip4:10.{n // 256}.{n % 256}.1" for n in range(3_000)]
    zone = Zone()
    zone.edit("a.example", TXT=" ".join(["v=spf1", *terms, "a", "ip4:192.0.2.77", "-all"]))
    check = check_of(zone)
    told = as_data(check)["record"]
    assert len(told["terms"]) == MOST_TERMS and told["left_out"] == 3_003 - MOST_TERMS
    assert [one["text"] for one in told["terms"]][-2:] == ["a", "ip4:192.0.2.77"]
    assert len(json.dumps(as_data(check))) < 20_000


def test_no_line_steers_a_terminal() -> None:
    zone = Zone()
    zone.edit("a.example", TXT="v=spf1 a:\x1b[31m.example \u00ff -all")
    trace = check_spf(ip="192.0.2.77", helo="x", mail_from="\x1b]0;x@a.example", dns=zone).trace
    assert all(str(line).isprintable() for line in outline(trace))


def test_an_address_that_is_none_is_said_so() -> None:
    with pytest.raises(LabError, match="no IP address"):
        check_of(NESTED, ip="x")
