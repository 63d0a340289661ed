"""DMARC: records, the tree walk, policies, alignment, results; the RFC's examples; RFC 7489 beside it; decisions."""

import itertools
import pathlib
import re
import subprocess
import sys
import tarfile
import time
from types import SimpleNamespace

import pytest
from ask import Answers, perform
from hypothesis import given, settings
from hypothesis import strategies as st

from mailedu.acts import Ask, Close, DnsTimeout, LabError, Open, Refused, Rule
from mailedu.auth.dmarc import Dmarc, compare, decide, differences, evaluate, parse_record, spans
from mailedu.auth.dmarc.record import is_uri
from mailedu.auth.dmarc.walk import one_below, organizational, targets
from mailedu.names import canonical
from mailedu.rules import rules, sentence
from mailedu.zone import Zone


class Records(Answers):
    """(name, type) -> records; a name with names below it exists."""

    def __call__(self, name, type):
        below = any(owner.endswith("." + name) for owner, _ in self)
        return () if below and (name, type) not in self else super().__call__(name, type)


def policies(**texts: str) -> Records:
    """``policies(alpha_example="v=DMARC1; p=none")``: a policy record of alpha.example."""
    return Records({(f"_dmarc.{name.replace('_', '.')}", "TXT"): [text] for name, text in texts.items()})


NOT_THERE = Records()


def spf(domain: str, result: str = "pass"):
    return SimpleNamespace(result=result, domain=domain)


def dkim(domain: str, result: str = "pass", selector: str = "s"):
    return SimpleNamespace(result=result, domain=domain, selector=selector)


def finding(mail, dns, spf=None, *signatures, **options) -> Dmarc:
    found, acts = perform(evaluate(mail, spf, signatures, **options), dns)
    assert isinstance(acts[0], Open) and isinstance(acts[-1], Close)
    return found


def ruled(mail, dns, spf=None, *signatures, **options) -> dict[str, str]:
    """Rule -> its last outcome."""
    _, acts = perform(evaluate(mail, spf, signatures, **options), dns)
    return {act.name: act.outcome for act in acts if isinstance(act, Rule)}


def asked(mail, dns, spf=None, *signatures, **options) -> list[str]:
    _, acts = perform(evaluate(mail, spf, signatures, **options), dns)
    return [act.name for act in acts if isinstance(act, Ask)]


# -- records (4.7, 4.8) ------------------------------------------------------------------------------------------------

NO_RECORDS = [
    ("", "dmarc.not-a-record"),
    ("v=spf1 -all", "dmarc.not-a-record"),
    ("p=none; v=DMARC1", "dmarc.not-a-record"),  # v= has to be the first
    ("; v=DMARC1", "dmarc.not-a-record"),
    (" v=DMARC1; p=none", "dmarc.not-a-record"),
    ("v=DMARC1 p=none", "dmarc.not-a-record"),  # the value of v= is "DMARC1 p=none"
    ("v=DMARC2; p=none", "dmarc.not-a-record"),
    ("v=DMARC1.0; p=none", "dmarc.not-a-record"),
    ("v=DMARC; p=none", "dmarc.not-a-record"),
    ("v=DMARC1,p=none", "dmarc.not-a-record"),
    ("v=dmarc1; p=none", "dmarc.version"),
    ("v=Dmarc1", "dmarc.version"),
    ("v=DMARC1; p=none; p=reject", "dmarc.tag-twice"),
    ("v=DMARC1; p=none; P=none", "dmarc.tag-twice"),
    ("v=DMARC1; v=DMARC1; p=none", "dmarc.tag-twice"),
]


@pytest.mark.parametrize("text, rule", NO_RECORDS)
def test_what_is_no_record(text, rule):
    with pytest.raises(Refused) as no:
        parse_record(text)
    assert no.value.rule == rule


RECORDS = [
    # record, tags that are not what they are by default
    ("v=DMARC1", {}),
    ("v=DMARC1;", {}),
    ("v = DMARC1 ;", {}),
    ("V=DMARC1;p=none", {"p": "none"}),
    ("v=DMARC1;p=reject", {"p": "reject"}),
    ("v=DMARC1\t;\tp\t=\treject\t;\t", {"p": "reject"}),
    ("v=DMARC1; p=Reject; SP=NONE", {"p": "reject", "sp": "none"}),
    ("v=DMARC1; rua=mailto:d@a.example; p=quarantine", {"p": "quarantine", "rua": ("mailto:d@a.example",)}),
    ("v=DMARC1; p=none; sp=quarantine; np=reject", {"p": "none", "sp": "quarantine", "np": "reject"}),
    ("v=DMARC1; p=none;; ;adkim=s; aspf=s", {"p": "none", "adkim": "s", "aspf": "s"}),
    ("v=DMARC1; p=none; psd=y; t=y", {"p": "none", "psd": "y", "t": "y"}),
    ("v=DMARC1; p=none; psd=n; t=n", {"p": "none", "psd": "n"}),
    ("v=DMARC1; p=none; psd=x; t=maybe; adkim=strict", {"p": "none"}),
    ("v=DMARC1; p=monitor", {}),
    ("v=DMARC1; p=", {}),
    ("v=DMARC1; p", {}),
    ("v=DMARC1; p=rejeçt", {}),
    ("v=DMARC1; p=none; fo=1:d:s", {"p": "none", "fo": ("1", "d", "s")}),
    ("v=DMARC1; p=none; fo=d", {"p": "none", "fo": ("d",)}),
    ("v=DMARC1; p=none; fo=0:1", {"p": "none"}),
    ("v=DMARC1; p=none; fo=d:d", {"p": "none"}),
    (
        "v=DMARC1; rua=mailto:a@b.example!10m , mailto:c@d.example",
        {"rua": ("mailto:a@b.example", "mailto:c@d.example")},
    ),
    ("v=DMARC1; rua=a@b.example", {}),
    ("v=DMARC1; rua=mailto:", {}),
    ("v=DMARC1; rua=mailto:nobody", {}),
    ("v=DMARC1; rua=,,mailto:a@b.example", {"rua": ("mailto:a@b.example",)}),
    ("v=DMARC1; rua=https://r.example/x", {"rua": ("https://r.example/x",)}),
    ("v=DMARC1; p=reject; pct=5; rf=afrf; ri=86400", {"p": "reject"}),
    ("v=DMARC1; p=reject; x-y=1; 1=2; =3; é=4", {"p": "reject"}),
    ("v=DMARC1; p=reject; x=1; x=2; pct=1; pct=2", {"p": "reject"}),  # what is ignored may come twice
]


@pytest.mark.parametrize("text, tags", RECORDS)
def test_what_a_record_says(text, tags):
    default, found = parse_record("v=DMARC1"), parse_record(text)
    for tag in ("p", "sp", "np", "adkim", "aspf", "psd", "t", "fo", "rua", "ruf", "pct"):
        assert getattr(found, tag) == tags.get(tag, getattr(default, tag)), tag


def test_what_was_passed_over_is_told_and_why():
    faults = parse_record("v=DMARC1; p=none; pct=100; zz=1; t=x; rf=afrf; word").faults
    assert [(fault.rule, fault.tag) for fault in faults] == [
        ("dmarc.tag-removed", "pct"),
        ("dmarc.tag-unknown", "zz"),
        ("dmarc.tag-syntax", "t"),
        ("dmarc.tag-removed", "rf"),
        ("dmarc.tag-syntax", "word"),
    ]


def test_the_old_standard_knows_other_tags():
    record = parse_record("v=DMARC1; p=reject; pct=30; rf=afrf; ri=1; np=none; psd=y; t=y", "7489")
    assert (record.pct, record.np, record.psd, record.t) == (30, "", "u", "n")
    assert [(fault.rule, fault.tag) for fault in record.faults] == [
        ("dmarc.tag-unknown", n) for n in ("np", "psd", "t")
    ]


def test_each_octet_of_a_record_has_a_name():
    assert spans("v=DMARC1; p = reject;zz=1 ;pct=5;t=x;; word") == [
        *[(1, "tag"), (1, "="), (6, "version"), (1, ";")],
        *[(1, "blank"), (1, "tag"), (1, "blank"), (1, "="), (1, "blank"), (6, "policy"), (1, ";")],
        *[(2, "tag"), (1, "="), (1, "unknown value"), (1, "blank"), (1, ";")],
        *[(3, "tag"), (1, "="), (1, "removed value"), (1, ";")],
        *[(1, "tag"), (1, "="), (1, "not valid value"), (1, ";"), (1, ";"), (1, "blank"), (4, "tag")],
    ]
    assert spans(b"v=spf1 -all") == [(11, "text")] and spans("") == []


URIS = {
    "mailto:a@b": True,
    "MAILTO:a@b?subject=x": True,
    "http://a": True,
    "mailto:a b@c": False,
    "mailto:a@": False,
    "b": False,
    "x:": False,
}


@pytest.mark.parametrize("uri, good", URIS.items())
def test_a_reporting_uri(uri, good):
    assert is_uri(uri) == good


# -- the tree walk (4.10) ----------------------------------------------------------------------------------------------

WALKS = [
    ("example", ["example"]),
    ("alpha.example", ["alpha.example", "example"]),
    ("a.b.c.d.e.f.g", ["a.b.c.d.e.f.g", "b.c.d.e.f.g", "c.d.e.f.g", "d.e.f.g", "e.f.g", "f.g", "g"]),
    ("a.b.c.d.e.f.g.h", ["a.b.c.d.e.f.g.h", *("b.c.d.e.f.g.h"[n:] for n in range(0, 14, 2))]),
    (  # the example of 4.10
        "a.b.c.d.e.f.g.h.i.j.mail.example.com",
        ["a.b.c.d.e.f.g.h.i.j.mail.example.com", "g.h.i.j.mail.example.com", "h.i.j.mail.example.com",
         "i.j.mail.example.com", "j.mail.example.com", "mail.example.com", "example.com", "com"],
    ),
    (  # the example of 5.1.8
        "mail.a.b.c.d.e.f.g.example.com",
        ["mail.a.b.c.d.e.f.g.example.com", "c.d.e.f.g.example.com", "d.e.f.g.example.com", "e.f.g.example.com",
         "f.g.example.com", "g.example.com", "example.com", "com"],
    ),
]  # fmt: skip


@pytest.mark.parametrize("domain, names", WALKS)
def test_the_names_a_walk_asks_about(domain, names):
    assert list(targets(domain)) == names
    assert asked(domain, NOT_THERE) == ["_dmarc." + name for name in names]


ORGANIZATIONS = [
    # start, records from the longest name to the shortest (domain: psd), organizational domain
    ("a.mail.example.com", {"mail.example.com": "u", "example.com": "u"}, "example.com"),  # the examples of 4.10.2
    ("a.mail.example.com", {"mail.example.com": "n"}, "mail.example.com"),
    ("a.mail.example.com", {"com": "y"}, "example.com"),
    ("mail.example.com", {"example.com": "y"}, "mail.example.com"),
    ("a.mail.example.com", {"a.mail.example.com": "u", "com": "y"}, "example.com"),
    ("a.mail.example.com", {}, "a.mail.example.com"),
    ("example.com", {"example.com": "y"}, "example.com"),  # it is a public suffix itself
    ("example.com", {"example.com": "n"}, "example.com"),
    ("a.b.c.d.e.f.g.h.i.example", {"e.f.g.h.i.example": "y"}, "d.e.f.g.h.i.example"),
]


@pytest.mark.parametrize("start, met, domain", ORGANIZATIONS)
def test_the_organizational_domain(start, met, domain):
    records = [(name, parse_record(f"v=DMARC1; psd={psd}")) for name, psd in met.items()]
    assert organizational(start, records)[0] == domain
    dns = policies(**{name.replace(".", "_"): f"v=DMARC1; p=none; psd={psd}" for name, psd in met.items()})
    if met and start not in met:
        assert finding(start, dns).organizational == domain


def test_one_label_below():
    assert one_below("a.b.bank.example", "bank.example") == "b.bank.example"
    assert one_below("a.b.c", "c") == "b.c"


def test_a_walk_ends_where_a_record_says_what_it_is():
    for psd in "yn":
        dns = policies(mail_alpha_example=f"v=DMARC1; p=none; psd={psd}", example="v=DMARC1; p=reject")
        assert asked("a.mail.alpha.example", dns) == ["_dmarc.a.mail.alpha.example", "_dmarc.mail.alpha.example"]


def test_no_name_is_asked_about_twice():
    dns = policies(alpha_example="v=DMARC1; p=none; aspf=r")
    names = asked("a.alpha.example", dns, spf("b.alpha.example"), dkim("c.alpha.example"), dkim("b.alpha.example"))
    assert len(names) == len(set(names)) == 5


def test_nobody_walks_where_it_cannot_matter():
    """4.10.2: all the same domain, strict alignment, or nothing authenticated."""
    relaxed, strict = policies(a_example="v=DMARC1; p=none"), policies(a_example="v=DMARC1; p=none; adkim=s; aspf=s")
    assert asked("a.example", relaxed, spf("a.example"), dkim("A.example")) == ["_dmarc.a.example"]
    assert asked("a.example", strict, spf("b.a.example"), dkim("c.a.example")) == ["_dmarc.a.example"]
    assert asked("a.example", relaxed, spf("b.a.example", "fail"), dkim("c.a.example", "fail")) == ["_dmarc.a.example"]
    assert finding("a.example", relaxed, spf("a.example")).organizational == "a.example"


def test_a_long_name_has_no_room_for_a_record():
    long = ".".join(["x" * 60] * 4) + ".example"
    assert len(long) > 246
    assert ruled(long, NOT_THERE)["dmarc.name-too-long"] == "no record"
    assert asked(long, NOT_THERE)[0].startswith("_dmarc." + "x" * 60 + "." + "x" * 60 + "." + "x" * 60 + ".example")


DISCARDED = [
    # what stands at _dmarc.alpha.example, the rule, whether there is a policy
    (["v=spf1 -all", "v=DMARC1; p=reject", "hello"], "dmarc.not-a-record", "reject"),
    (["v=DMARC1; p=none", "v=DMARC1; p=reject"], "dmarc.many-records", ""),
    (["v=DMARC1; p=none", "v=DMARC1; p=none"], "dmarc.many-records", ""),
    (["v=dmarc1; p=none", "v=DMARC1; p=reject"], "dmarc.version", "reject"),
    (["v=DMARC1; p=none; p=none", "v=DMARC1; p=reject"], "dmarc.tag-twice", "reject"),
    ([], "dmarc.no-record", ""),
]


@pytest.mark.parametrize("texts, rule, policy", DISCARDED)
def test_records_that_do_not_count(texts, rule, policy):
    dns = Records({("_dmarc.alpha.example", "TXT"): texts})
    assert finding("alpha.example", dns).policy == policy
    assert rule in ruled("alpha.example", dns)


def test_where_several_records_stand_the_walk_goes_on():
    dns = policies(alpha_example="v=DMARC1; p=reject")
    dns["_dmarc.a.alpha.example", "TXT"] = ["v=DMARC1; p=none", "v=DMARC1; p=none"]
    assert finding("a.alpha.example", dns).policy_domain == "alpha.example"


# -- which policy counts (4.7, 4.10.1) ---------------------------------------------------------------------------------

A = "p=reject"
WANTED = [
    # author, records, (policy, tag, policy domain), disposition
    ("a.example", {"a.example": "p=reject"}, ("reject", "p", "a.example"), "reject"),
    ("a.example", {"a.example": "p=reject; sp=none; np=none"}, ("reject", "p", "a.example"), "reject"),
    ("b.a.example", {"a.example": "p=reject"}, ("reject", "p", "a.example"), "reject"),
    ("b.a.example", {"a.example": "p=none; sp=reject"}, ("reject", "sp", "a.example"), "reject"),
    ("b.a.example", {"a.example": "p=reject; sp=quarantine; np=none"}, ("quarantine", "sp", "a.example"), "quarantine"),
    ("no.a.example", {"a.example": "p=reject; sp=quarantine; np=none"}, ("none", "np", "a.example"), "none"),
    ("no.a.example", {"a.example": "p=reject; np=quarantine"}, ("quarantine", "np", "a.example"), "quarantine"),
    ("no.a.example", {"a.example": "p=none; sp=reject"}, ("reject", "sp", "a.example"), "reject"),
    ("no.a.example", {"a.example": "p=reject"}, ("reject", "p", "a.example"), "reject"),
    ("b.a.example", {"a.example": "p=none; np=reject"}, ("none", "p", "a.example"), "none"),
    # sp= of a record below the organizational domain counts for nobody
    ("b.a.example", {"b.a.example": "p=none; sp=reject", "a.example": A}, ("none", "p", "b.a.example"), "none"),
    ("c.b.a.example", {"b.a.example": "p=none; sp=none", "a.example": A}, ("reject", "p", "a.example"), "reject"),
    ("c.b.a.example", {"b.a.example": "p=none; psd=n", "a.example": A}, ("none", "p", "b.a.example"), "none"),
    # a public suffix speaks for those who say nothing
    ("b.a.example", {"example": "p=reject; psd=y; sp=quarantine"}, ("quarantine", "sp", "example"), "quarantine"),
    ("no.example", {"example": "p=none; psd=y; np=reject"}, ("reject", "np", "example"), "reject"),
    ("b.a.example", {"a.example": "p=none", "example": "p=reject; psd=y"}, ("none", "p", "a.example"), "none"),
    ("example", {"example": "p=reject; psd=y; sp=none"}, ("reject", "p", "example"), "reject"),
    # testing
    ("a.example", {"a.example": "p=reject; t=y"}, ("reject", "p", "a.example"), "quarantine"),
    ("a.example", {"a.example": "p=quarantine; t=y"}, ("quarantine", "p", "a.example"), "none"),
    ("a.example", {"a.example": "p=none; t=y"}, ("none", "p", "a.example"), "none"),
    ("b.a.example", {"a.example": "p=none; sp=reject; t=y"}, ("reject", "sp", "a.example"), "quarantine"),
    ("a.example", {"a.example": "p=reject; t=n; pct=0"}, ("reject", "p", "a.example"), "reject"),
    # a policy that is missing or wrong (4.10.1)
    ("a.example", {"a.example": "rua=mailto:d@a.example"}, ("none", "p", "a.example"), "none"),
    ("a.example", {"a.example": "p=rejct; rua=mailto:d@a.example"}, ("none", "p", "a.example"), "none"),
    ("a.example", {"a.example": "p=reject; sp=rejct; rua=mailto:d@a.example"}, ("none", "p", "a.example"), "none"),
    ("b.a.example", {"a.example": "p=reject; np=x; rua=mailto:d@a.example"}, ("none", "p", "a.example"), "none"),
]  # fmt: skip


def tree(records: dict[str, str]) -> Records:
    dns = policies(**{name.replace(".", "_"): "v=DMARC1; " + text for name, text in records.items()})
    dns.update({(name, "A"): ["192.0.2.1"] for name in ("b.a.example", "c.b.a.example")})
    return dns


@pytest.mark.parametrize("author, records, policy, disposition", WANTED)
def test_which_policy_counts(author, records, policy, disposition):
    found = finding(author, tree(records))
    assert (found.result, found.policy, found.tag, found.policy_domain) == ("fail", *policy)
    assert found.disposition == found.evaluated == disposition


@pytest.mark.parametrize("text", ["", "p=rejct", "p=reject; sp=rejct", "p=none; np=", "p=none; sp=x; rua=nobody", "p"])
def test_a_wrong_policy_and_nobody_to_tell_is_no_policy(text):
    found = finding("a.example", policies(a_example="v=DMARC1; " + text), spf("a.example"))
    assert (found.result, found.policy, found.disposition) == ("none", "", "none")
    assert ruled("a.example", policies(a_example="v=DMARC1; " + text))["dmarc.invalid-policy"] == "no DMARC"


def test_whether_a_name_exists_is_asked_only_where_it_matters():
    assert asked("no.a.example", tree({"a.example": "p=reject; sp=none"}))[-1] == "_dmarc.example"
    assert asked("no.a.example", tree({"a.example": "p=reject; np=none"}))[-1] == "no.a.example"
    assert asked("a.example", tree({"a.example": "p=reject; np=none"})) == ["_dmarc.a.example"]


def test_a_name_without_addresses_exists():
    dns = tree({"a.example": "p=none; np=reject"})
    dns["mx.a.example", "MX"] = ["10 a.example."]
    assert finding("mx.a.example", dns).policy == "none"
    dns["x.deep.a.example", "A"] = ["192.0.2.1"]  # an empty name between others
    assert finding("deep.a.example", dns).policy == "none"


# -- alignment and result (4.4, 5.3) -----------------------------------------------------------------------------------

ALIGNED = [
    # author, record of example.com, SPF, signatures, result; B.1.1 and B.1.2 first
    ("example.com", A, ("pass", "example.com"), [], "pass"),
    ("example.com", A, ("pass", "child.example.com"), [], "pass"),
    ("child.example.com", A, ("pass", "example.net"), [], "fail"),
    ("example.com", A, None, [("pass", "example.com")], "pass"),
    ("child.example.com", A, None, [("pass", "example.com")], "pass"),
    ("child.example.com", A, None, [("pass", "example.net")], "fail"),
    ("news.example.com", A, ("pass", "foo.example.com"), [], "pass"),  # the table of 4.4
    ("news.example.com", A, ("pass", "foo.example.net"), [], "fail"),
    ("example.com", "p=reject; aspf=r", ("pass", "mail.example.com"), [("pass", "example.com")], "pass"),  # B.3.1
    ("example.com", "p=reject; aspf=s", ("pass", "mail.example.com"), [], "fail"),
    ("example.com", "p=reject; aspf=s", ("pass", "EXAMPLE.com."), [], "pass"),
    ("example.com", "p=reject; adkim=s", None, [("pass", "mail.example.com")], "fail"),
    ("example.com", "p=reject; adkim=s", ("pass", "mail.example.com"), [], "pass"),
    ("example.com", "p=reject; aspf=s", None, [("pass", "mail.example.com")], "pass"),
    ("example.com", A, ("fail", "example.com"), [], "fail"),
    ("example.com", A, ("softfail", "example.com"), [("fail", "example.com")], "fail"),
    ("example.com", A, ("neutral", "example.com"), [("permerror", "example.com")], "fail"),
    ("example.com", A, ("none", ""), [("none", "")], "fail"),
    ("example.com", A, None, [], "fail"),
    ("example.com", A, None, [("fail", "example.com"), ("pass", "example.net"), ("pass", "example.com")], "pass"),
    ("example.com", A, ("pass", "notexample.com"), [("pass", "com")], "fail"),
    ("example.com", A, ("pass", "example.com.evil.example"), [], "fail"),
    ("example.com", A, ("permerror", "example.com"), [], "fail"),
    # what could still pass is no failure (5.3.6)
    ("example.com", A, ("temperror", "example.com"), [], "temperror"),
    ("example.com", A, ("temperror", "mail.example.com"), [("fail", "example.com")], "temperror"),
    ("example.com", A, ("temperror", "example.net"), [("fail", "example.com")], "fail"),
    ("example.com", A, ("fail", "example.com"), [("temperror", "example.com")], "temperror"),
    ("example.com", A, ("temperror", "example.com"), [("pass", "example.com")], "pass"),
]  # fmt: skip


@pytest.mark.parametrize("author, record, by_spf, signatures, result", ALIGNED)
def test_alignment(author, record, by_spf, signatures, result):
    dns = policies(example_com="v=DMARC1; " + record)
    by_spf = by_spf and spf(by_spf[1], by_spf[0])
    found = finding(author, dns, by_spf, *(dkim(domain, result) for result, domain in signatures))
    assert found.result == str(found) == result
    assert found.disposition == ("reject" if result == "fail" else "none")
    assert found.evaluated == found.policy == "reject"


def test_simple_example():
    """B.4.1."""
    dns = policies(example_com="v=DMARC1; p=reject", signing_example_com="v=DMARC1; p=none")
    found = finding("example.com", dns, spf("example.com"), dkim("signing.example.com"))
    assert (found.result, found.organizational, found.policy_domain) == ("pass", "example.com", "example.com")
    assert [(i.method, i.alignment) for i in found.identifiers] == [("spf", "strict"), ("dkim", "relaxed")]
    assert found.identifiers[1].organizational == "example.com"
    assert found.aligned("spf") and found.aligned("dkim")


def test_deep_example():
    """B.4.2."""
    author = "a.b.c.d.e.f.g.h.i.j.k.example.com"
    dns = policies(example_com="v=DMARC1; p=quarantine", signing_example_com="v=DMARC1; p=none")
    found = finding(author, dns, spf("example.com"), dkim("signing.example.com"))
    assert (found.result, found.organizational, found.policy_domain) == ("pass", "example.com", "example.com")
    assert [i.alignment for i in found.identifiers] == ["relaxed", "relaxed"]
    assert asked(author, dns, spf("example.com"), dkim("signing.example.com")) == [
        *("_dmarc." + name for name in targets(author)),
        "_dmarc.signing.example.com",
    ]


def test_example_with_a_public_suffix():
    """B.4.3."""
    dns = policies(bank_example="v=DMARC1; p=reject; psd=y", giant_bank_example="v=DMARC1; p=quarantine")
    found = finding("giant.bank.example", dns, spf("mail.giant.bank.example"), dkim("mail.mega.bank.example"))
    assert (found.result, found.organizational, found.policy_domain) == (
        "pass",
        "giant.bank.example",
        "giant.bank.example",
    )
    by_spf, by_dkim = found.identifiers
    assert (by_spf.alignment, by_spf.organizational) == ("relaxed", "giant.bank.example")
    assert (by_dkim.alignment, by_dkim.organizational) == ("none", "mega.bank.example")
    assert "_dmarc.example" not in asked("giant.bank.example", dns, spf("mail.giant.bank.example"))


def test_examples_of_records():
    """B.2.1 to B.2.5, in a zone file: several strings are one record (4.5)."""
    zone = Zone("""
$ORIGIN example.com.
_dmarc       IN TXT ( "v=DMARC1; p=none; "
                      "rua=mailto:dmarc-feedback@example.com; "
                      "ruf=mailto:auth-reports@example.com" )
_dmarc.test  IN TXT ( "v=DMARC1; p=quarantine; "
                      "rua=mailto:dmarc-feedback@example.com,"
                      "mailto:tld-test@thirdparty.example.net; "
                      "t=y" )
""")
    found = finding("example.com", zone)
    assert (found.policy, found.record.ruf) == ("none", ("mailto:auth-reports@example.com",))
    found = finding("test.example.com", zone)
    assert (found.policy, found.disposition, found.testing) == ("quarantine", "none", True)
    assert found.record.rua == ("mailto:dmarc-feedback@example.com", "mailto:tld-test@thirdparty.example.net")


def test_relaxed_alignment_can_be_too_much():
    """11.8: whoever holds a subdomain's SPF can speak for the whole organization, until the owner asks for strict."""
    loose, strict = "v=DMARC1; p=reject", "v=DMARC1; p=reject; aspf=s"
    assert finding("example.com", policies(example_com=loose), spf("evil.example.com")).result == "pass"
    assert finding("example.com", policies(example_com=strict), spf("evil.example.com")).result == "fail"


def test_sixteen_cases():
    """SPF and DKIM, each passing or not, each aligned or not: DMARC passes in seven."""
    dns = policies(a_example="v=DMARC1; p=reject")
    passing = set()
    for case in itertools.product((True, False), repeat=4):
        spf_pass, spf_aligned, dkim_pass, dkim_aligned = case
        by_spf = spf("a.example" if spf_aligned else "b.example", "pass" if spf_pass else "fail")
        by_dkim = dkim("a.example" if dkim_aligned else "b.example", "pass" if dkim_pass else "fail")
        found = finding("a.example", dns, by_spf, by_dkim)
        assert found.aligned("spf") == (spf_pass and spf_aligned)
        assert found.aligned("dkim") == (dkim_pass and dkim_aligned)
        if found.result == "pass":
            passing.add(case)
        assert found.disposition == {"pass": "none", "fail": "reject"}[found.result]
    assert passing == {case for case in itertools.product((True, False), repeat=4) if all(case[:2]) or all(case[2:])}
    assert len(passing) == 7


# -- when the DNS fails ------------------------------------------------------------------------------------------------


def test_without_an_answer_about_the_policy_there_is_no_finding():
    dns = Records({("_dmarc.a.example", "TXT"): DnsTimeout()})
    found = finding("a.example", dns, spf("a.example"))
    assert (found.result, found.reason, found.disposition, found.policy) == ("temperror", "dmarc.timeout", "none", "")
    assert finding("b.a.example", dns, spf("b.a.example")).result == "temperror"


def test_a_walk_that_fails_leaves_alignment_open():
    dns = policies(a_example="v=DMARC1; p=reject")
    dns["_dmarc.example", "TXT"] = DnsTimeout()
    assert finding("a.example", dns, spf("b.a.example")).result == "temperror"  # 5.3.6
    assert finding("a.example", dns, spf("b.a.example"), dkim("a.example")).result == "pass"
    assert finding("a.example", dns, spf("b.a.example", "fail")).result == "fail"
    assert finding("a.example", dns, spf("b.a.example")).identifiers[0].alignment == "unknown"
    assert asked("a.example", dns, spf("b.a.example"), dkim("c.a.example")).count("_dmarc.example") == 1


def test_nobody_knows_whether_the_name_exists():
    dns = tree({"a.example": "p=none; np=reject"})
    dns["x.a.example", "A"] = DnsTimeout()
    assert finding("x.a.example", dns).result == "temperror"


# -- the author (5.3.1) ------------------------------------------------------------------------------------------------

TO = b"To: bob@beta.example\r\n"
AUTHORS = [
    # header, result, author domain or rule
    (b"From: Alice <alice@alpha.example>\r\n", "fail", "alpha.example"),
    (b"FROM:alice@ALPHA.example\r\n", "fail", "alpha.example"),
    (b"from: alice@alpha.example (at work)\r\n", "fail", "alpha.example"),
    (b"From: \"alice@evil.example\" <alice@alpha.example>\r\n", "fail", "alpha.example"),
    (b"From: =?utf-8?q?=22a=40evil.example=22?= <alice@alpha.example>\r\n", "fail", "alpha.example"),
    (b"From: Alice\r\n <alice@alpha.example>\r\n", "fail", "alpha.example"),
    (b"From: alice@alpha.example, al@Alpha.Example\r\n", "fail", "alpha.example"),
    (b"From: Friends: alice@alpha.example;\r\n", "fail", "alpha.example"),  # RFC 6854
    (b"From: \"a@b\"@alpha.example\r\n", "fail", "alpha.example"),
    (b"From: a@xn--bcher-kva.example\r\n", "none", "xn--bcher-kva.example"),
    ("From: a@Bücher.example\r\n".encode(), "none", "xn--bcher-kva.example"),
    ("From: a@bücher.example.\r\n".encode(), "none", "xn--bcher-kva.example"),
    ("From: a@bücher。example\r\n".encode(), "none", "xn--bcher-kva.example"),
    (TO, "permerror", "dmarc.no-from"),
    (b"From: alice@alpha.example\r\nFrom: alice@alpha.example\r\n", "permerror", "dmarc.one-from"),
    (b"From: a@alpha.example\r\nSubject: x\r\nfrom: m@gamma.example\r\n", "permerror", "dmarc.one-from"),
    (b"From:\r\n", "permerror", "dmarc.no-author"),
    (b"From: Undisclosed:;\r\n", "permerror", "dmarc.no-author"),
    (b"From: Alice\r\n", "permerror", "dmarc.no-author"),
    (b"From: <>\r\n", "permerror", "dmarc.no-author"),
    (b"From: a@alpha.example, m@gamma.example\r\n", "permerror", "dmarc.many-authors"),
    (b"From: a@[192.0.2.1]\r\n", "permerror", "dmarc.bad-domain"),
    (b"From: a@alpha..example\r\n", "permerror", "dmarc.bad-domain"),
    (b"From: a@" + b"x" * 64 + b".example\r\n", "permerror", "dmarc.bad-domain"),
    (b"From: a@" + b"x." * 130 + b"example\r\n", "permerror", "dmarc.bad-domain"),
    (b"From: a@alpha!.example\r\n", "permerror", "dmarc.bad-domain"),
]  # fmt: skip


@pytest.mark.parametrize("header, result, known", AUTHORS)
def test_the_author_domain(header, result, known):
    found = finding(header + b"\r\nHi\r\n", policies(alpha_example="v=DMARC1; p=none"))
    assert (found.result, found.reason if result == "permerror" else found.domain) == (result, known)


def test_a_receiver_may_look_at_several_authors():
    """11.5: the strictest policy of those that fail."""
    dns = policies(a_example="v=DMARC1; p=quarantine", b_example="v=DMARC1; p=reject", c_example="v=DMARC1; p=none")
    domains = ["c.example", "a.example", "b.example", "d.example"]
    found = finding(domains, dns, spf("c.example"), most=4)
    assert (found.domain, found.result, found.disposition) == ("b.example", "fail", "reject")
    found = finding(domains, dns, spf("b.example"), most=4)
    assert (found.domain, found.disposition) == ("a.example", "quarantine")
    assert finding(domains, dns, spf("c.example"), most=3).reason == "dmarc.many-authors"
    assert finding(["a.example", "d.example"], dns, spf("a.example"), most=2).result == "none"
    assert finding(["a.example", "b.example"], dns, spf("a.example"), dkim("b.example"), most=2).result == "pass"


def test_a_thousand_authors():
    one = b"From: " + b",\r\n ".join(b"u%d@alpha.example" % n for n in range(1000)) + b"\r\n\r\n"
    many = b"From: " + b",\r\n ".join(b"u@a%d.example" % n for n in range(1000)) + b"\r\n\r\n"
    dns = policies(alpha_example="v=DMARC1; p=none")
    assert finding(one, dns).result == "fail"
    found = finding(many, dns)
    assert (found.result, found.reason) == ("permerror", "dmarc.many-authors")
    assert not asked(many, dns)


# -- big and strange records -------------------------------------------------------------------------------------------

STRANGE = {
    "unknown tags": "v=DMARC1; p=reject; " + "; ".join(f"{chr(97 + n % 26) * (n // 26 + 2)}x=1" for n in range(600)),
    "semicolons": "v=DMARC1; p=reject" + ";" * 65_000,
    "a long value": "v=DMARC1; p=reject; zz=" + "a" * 65_000,
    "addresses": "v=DMARC1; p=reject; rua=" + ",".join(f"mailto:u{n}@alpha.example" for n in range(2_500)),
    "commas": "v=DMARC1; p=reject; rua=" + "," * 65_000,
    "exclamation marks": "v=DMARC1; p=reject; rua=mailto:a@b" + "!1" * 32_000,
    "octets": "v=DMARC1; p=reject; zz=" + "\xff\x00" * 32_000,
}


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE)
def test_a_record_of_64_kilobytes(text):
    started = time.process_time()
    _, acts = perform(evaluate("alpha.example", None), policies(alpha_example=text))
    assert time.process_time() - started < 1
    assert [act.outcome for act in acts if isinstance(act, Rule) and act.name == "dmarc.policy"] == ["reject"]
    assert len(acts) < 20 and all(
        len(value) <= 200 for act in acts if isinstance(act, Rule) for value in act.because.values()
    )


def test_a_thousand_records_at_one_name():
    dns = Records({("_dmarc.alpha.example", "TXT"): [f"v=DMARC1; p=none; x={n}" for n in range(1000)]})
    assert ruled("alpha.example", dns)["dmarc.many-records"] == "all discarded"


tags = st.sampled_from(
    ["v", "p", "sp", "np", "t", "psd", "rua", "ruf", "fo", "adkim", "aspf", "pct", "x", "V", "é", ""]
)
values = st.sampled_from(
    ["none", "reject", "quarantine", "y", "n", "u", "r", "s", "0", "mailto:a@b.example", "", "=", "\xff"]
)
records = st.one_of(
    st.text(max_size=40),
    st.lists(st.tuples(tags, values), max_size=6).map(
        lambda pairs: "v=DMARC1; " + "; ".join("=".join(p) for p in pairs)
    ),
    st.just("v=DMARC1; p=reject"),
)
domains = st.sampled_from(
    ["a.example", "b.a.example", "c.b.a.example", "example", "d.example", "a.b.c.d.e.f.g.h.i.example"]
)
results = st.sampled_from(["pass", "fail", "temperror", "none", "permerror"])


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(domains, st.one_of(st.lists(records, max_size=2), st.builds(DnsTimeout)), max_size=4),
    domains,
    st.tuples(results, domains),
    st.lists(st.tuples(results, domains), max_size=3),
    st.sampled_from(["9989", "7489"]),
)
def test_whatever_is_published_there_is_a_finding(published, author, by_spf, signatures, rfc):
    dns = Records({(f"_dmarc.{name}", "TXT"): texts for name, texts in published.items()})
    by_dkim = [dkim(domain, result) for result, domain in signatures]
    found, acts = perform(evaluate(author, spf(by_spf[1], by_spf[0]), by_dkim, rfc=rfc), dns)
    names = [act.name for act in acts if isinstance(act, Ask) and act.type == "TXT"]
    assert len(names) == len(set(names)) <= 8 * (2 + len(signatures))
    assert found.result in ("pass", "fail", "none", "temperror")
    assert (found.result == "pass") == bool(found.vouchers)
    assert found.result != "pass" or any(r == "pass" for r, _ in [by_spf, *signatures])
    assert found.disposition == "none" or found.result == "fail"
    assert found.tag == "p" or found.policy_domain != author, "sp and np are for what is below"
    assert {act.name for act in acts if isinstance(act, Rule)} <= set(rules())
    assert not any("…" in sentence(act) for act in acts if isinstance(act, Rule))


@settings(max_examples=150, deadline=None)
@given(records)
def test_spans_add_up(text):
    assert sum(length for length, _ in spans(text)) == len(text)
    assert all(length > 0 and name for length, name in spans(text))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80), st.sampled_from([b"From: ", b"From:\r\n ", b"", b"From: <a@b.example>, "]))
def test_whatever_stands_in_from_there_is_a_finding(octets, start):
    found = finding(start + octets + b"\r\n\r\n", NOT_THERE)
    assert found.result in ("none", "permerror")


# -- RFC 7489 ----------------------------------------------------------------------------------------------------------

OLD = [
    # author, records, (result, policy, tag, policy domain, organizational domain)
    ("a.example", {"a.example": "p=reject"}, ("fail", "reject", "p", "a.example")),
    ("b.a.example", {"a.example": "p=none; sp=reject"}, ("fail", "reject", "sp", "a.example")),
    ("no.a.example", {"a.example": "p=none; sp=reject; np=quarantine"}, ("fail", "reject", "sp", "a.example")),
    ("c.b.a.example", {"b.a.example": "p=reject", "a.example": "p=none"}, ("fail", "none", "p", "a.example")),
    ("c.b.a.example", {"b.a.example": "p=reject; psd=n"}, ("none", "", "", "")),
    ("a.example", {"example": "p=reject; psd=y"}, ("none", "", "", "")),
    ("www.a.co.uk", {"a.co.uk": "p=quarantine"}, ("fail", "quarantine", "p", "a.co.uk")),
    ("co.uk", {"uk": "p=quarantine"}, ("none", "", "", "")),
    ("a.example", {"a.example": "rua=mailto:x@a.example"}, ("fail", "none", "p", "a.example")),
    ("a.example", {"a.example": "p=reject; sp=x"}, ("none", "", "", "")),
    ("a.example", {"a.example": "p=reject; np=x"}, ("fail", "reject", "p", "a.example")),
    ("a.example", {"a.example": "p=reject; t=y"}, ("fail", "reject", "p", "a.example")),
]


@pytest.mark.parametrize("author, records, wanted", OLD)
def test_the_old_standard(author, records, wanted):
    found = finding(author, tree(records), rfc="7489")
    assert (found.result, found.policy, found.tag, found.policy_domain) == wanted
    assert len(asked(author, tree(records), rfc="7489")) <= 2


def test_the_old_standard_ends_at_several_records():
    dns = policies(a_example="v=DMARC1; p=reject")
    dns["_dmarc.b.a.example", "TXT"] = ["v=DMARC1; p=none", "v=DMARC1; p=none"]
    assert finding("b.a.example", dns, rfc="7489").result == "none"
    assert finding("b.a.example", dns).result == "fail"


@pytest.mark.parametrize("policy, below", [("reject", "quarantine"), ("quarantine", "none"), ("none", "none")])
def test_sampling(policy, below):
    dns = policies(a_example=f"v=DMARC1; p={policy}; pct=30")
    dispositions = [finding("a.example", dns, rfc="7489", lot=lot).disposition for lot in range(100)]
    assert dispositions == [policy] * 30 + [below] * 70
    assert finding("a.example", dns, lot=99).disposition == policy, "RFC 9989 has no pct="


def test_there_is_no_third_standard():
    with pytest.raises(LabError, match="9989, 7489"):
        evaluate("a.example", None, rfc="822")


SUFFIXES = "publicsuffixlist"
VECTOR = re.compile(r"^checkPublicSuffix\((null|'[^']*'), (null|'[^']*')\);", re.MULTILINE)


@pytest.fixture(scope="session")
def vectors(request, tmp_path_factory):
    """[(domain, organizational domain or ""), …]: 82 of them (CC0) lie in publicsuffixlist's source distribution."""
    kept = pathlib.Path(request.config.cache.mkdir("suffixes")) / "test_psl.txt"
    if not kept.exists():
        folder = tmp_path_factory.mktemp("suffixes")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        got = subprocess.run([*command, "--dest", str(folder), SUFFIXES], capture_output=True, text=True, timeout=200)
        archives = list(folder.glob(f"{SUFFIXES}-*.tar.gz"))
        if not archives:
            pytest.skip(f"the vectors could not be fetched with `pip download {SUFFIXES}`: {got.stderr[-300:]}")
        with tarfile.open(archives[0]) as archive:
            member = next(name for name in archive.getnames() if name.endswith("/test_psl.txt"))
            found = archive.extractfile(member)
            assert found is not None
            (folder / kept.name).write_bytes(found.read())
        (folder / kept.name).rename(kept)  # at once: tests run side by side
    pairs = VECTOR.findall(kept.read_text("utf-8"))
    return [tuple("" if word == "null" else word.strip("'") for word in pair) for pair in pairs]


def test_organizational_domains_of_the_old_standard(vectors):
    assert len(vectors) >= 75
    seen = 0
    for domain, wanted in vectors:
        if domain and not domain.startswith("."):
            by_list = finding(domain, NOT_THERE, rfc="7489").organizational
            assert by_list == canonical(wanted or domain), domain
            seen += 1
    assert seen >= 70


def differing(author, records, *rest):
    (new, old), acts = perform(compare(author, *rest), tree(records))
    found = differences(new, old)
    assert [act.outcome for act in acts if isinstance(act, Rule) and act.name == "dmarc.difference"] == [
        w for w, _, _ in found
    ]
    return {what: (ours, theirs) for what, ours, theirs in found}


def test_both_standards_side_by_side():
    assert differing("a.example", {"a.example": "p=reject"}, spf("a.example")) == {}
    found = differing("c.b.a.example", {"b.a.example": "p=reject; psd=n", "a.example": "p=none"}, spf("a.example"))
    assert found["result"] == ("fail", "pass") and found["organizational"] == ("b.a.example", "a.example")
    assert found["alignment"] == ("", "SPF a.example") and found["disposition"] == ("reject", "none")
    found = differing("a.co.uk", {"a.co.uk": "p=reject", "co.uk": "p=none"}, spf("b.co.uk"))
    assert found["result"] == ("pass", "fail"), "a suffix without psd=y looks like an organization"
    found = differing("no.a.example", {"a.example": "p=none; np=reject"}, None)
    assert found["tag"] == ("np", "p")


# -- what a receiver does ----------------------------------------------------------------------------------------------


def found(result: str, disposition: str = "none") -> Dmarc:
    return Dmarc(result, "a.example", "reject", disposition)


DECISIONS = [
    (found("pass"), {}, "deliver", "dmarc.decide-no-failure"),
    (found("none"), {}, "deliver", "dmarc.decide-no-failure"),
    (found("permerror"), {}, "deliver", "dmarc.decide-no-failure"),
    (Dmarc("permerror", reason="dmarc.no-from"), {}, "deliver", "dmarc.decide-no-failure"),
    (Dmarc("permerror", reason="dmarc.one-from"), {}, "quarantine", "dmarc.decide-several-authors"),
    (Dmarc("permerror", reason="dmarc.many-authors"), {}, "quarantine", "dmarc.decide-several-authors"),
    (found("temperror"), {}, "deliver", "dmarc.decide-temperror"),
    (found("temperror"), {"defers": True}, "defer", "dmarc.decide-temperror"),
    (found("fail"), {"against": ["spam"]}, "deliver", "dmarc.decide-none"),
    (found("fail", "quarantine"), {}, "quarantine", "dmarc.decide-quarantine"),
    (found("fail", "quarantine"), {"against": ["spam"]}, "quarantine", "dmarc.decide-quarantine"),
    (found("fail", "reject"), {}, "quarantine", "dmarc.decide-not-alone"),  # 7.4
    (found("fail", "reject"), {"against": ["SPF fail"]}, "reject", "dmarc.decide-reject"),
    (found("fail", "reject"), {"policy_alone": True}, "reject", "dmarc.decide-reject-alone"),
    (found("fail", "reject"), {"trusted": "list.example", "against": ["x"]}, "deliver", "dmarc.decide-trusted"),
    (found("fail", "quarantine"), {"trusted": "list.example"}, "deliver", "dmarc.decide-trusted"),
    (found("pass"), {"against": ["spam"], "policy_alone": True}, "deliver", "dmarc.decide-no-failure"),
]


@pytest.mark.parametrize("finding, options, action, rule", DECISIONS)
def test_a_decision(finding, options, action, rule):
    decided = decide(finding, **options)
    assert (decided.outcome, decided.name) == (action, rule)
    assert "…" not in sentence(decided)
