"""Authentication-Results: written, read by the grammar of RFC 8601, and believed only from whom it should be."""

import time
from contextlib import suppress
from email import message_from_bytes
from email.policy import SMTP
from types import SimpleNamespace

import pytest
from ask import perform
from hypothesis import given, settings
from hypothesis import strategies as st

from mailedu.acts import Refused, Rule
from mailedu.auth.dmarc import Dmarc
from mailedu.auth.results import (
    FIELD,
    Property,
    Result,
    Results,
    forged,
    read,
    trusted,
    without_forged,
    write,
    write_field,
)
from mailedu.message import Message

ME = "mx.beta.example"
SPF = SimpleNamespace(result="pass", domain="alpha.example")
DKIM = SimpleNamespace(result="pass", domain="alpha.example", selector="lab", reason="", signature="dzdVyOfAKCdLXdJOc9")
BROKEN = SimpleNamespace(result="fail", domain="list.example", selector="1", reason="the body is another one")


# -- writing -----------------------------------------------------------------------------------------------------------


def test_what_a_receiver_writes():
    dmarc = Dmarc("pass", "alpha.example", "reject", evaluated="reject")
    assert write(ME, SPF, [DKIM, BROKEN], dmarc, sender="alice@alpha.example", helo="mx.alpha.example") == (
        b"Authentication-Results: mx.beta.example;\r\n"
        b" spf=pass smtp.mailfrom=alice@alpha.example;\r\n"
        b" dkim=pass header.d=alpha.example header.s=lab header.b=dzdVyOfA;\r\n"
        b' dkim=fail reason="the body is another one" header.d=list.example header.s=1;\r\n'
        b" dmarc=pass header.from=alpha.example policy.dmarc=reject\r\n"
    )


def test_nothing_found():
    assert write(ME) == b"Authentication-Results: mx.beta.example;\r\n dkim=none\r\n"
    assert write_field(Results(ME)) == b"Authentication-Results: mx.beta.example;\r\n none\r\n"
    assert write(ME, dmarc=Dmarc("permerror")).endswith(b" dmarc=permerror\r\n")


def test_a_null_sender_is_known_by_its_helo_name():
    assert b" spf=pass smtp.helo=mx.alpha.example;" in write(ME, SPF, helo="mx.alpha.example")
    assert b" spf=pass smtp.mailfrom=alpha.example;" in write(ME, SPF)


HOSTILE = [
    "a b",
    'a"b',
    "a\\b",
    "a;b=c",
    "a\r\nX: y",
    "a\nb",
    "\x00",
    "(",
    ")",
    "é",
    "a@b@c",
    '"',
    "",
    "=",
    "a/b",
    "\ud800",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_nothing_breaks_out_of_a_field(value):
    """Whatever is in an address, a domain or a reason: one field, with those results and no others."""
    found = [SimpleNamespace(result="fail", domain=value, selector=value, reason=value)]
    written = write(ME, SimpleNamespace(result="fail", domain=value), found, Dmarc("fail", value), sender=value)
    assert written.endswith(b"\r\n") and written.count(b"\r\n") == written.count(b"\n") == written.count(b"\r")
    assert all(line.startswith(b" ") for line in written.splitlines()[1:])
    assert [result.method for result in read(Message(written).fields[0].value).results] == ["spf", "dkim", "dmarc"]
    assert len(Message(written + b"\r\n").fields) == 1


def test_long_lines_are_folded():
    many = tuple(Property("header", f"x{n}", "v" * 30) for n in range(20))
    written = write_field(Results(ME, (Result("x", "pass", many),)))
    assert max(map(len, written.splitlines())) <= 78
    assert read(written.partition(b":")[2]).results[0].properties == many


def test_the_standard_library_reads_it_as_one_field():
    message = message_from_bytes(write(ME, SPF, [DKIM, BROKEN]) + b"\r\n", policy=SMTP)
    assert message.keys() == [FIELD]


# -- reading -----------------------------------------------------------------------------------------------------------

FIELDS = [
    ("example.org 1; none", Results("example.org", (), "1")),
    ("example.com;none", Results("example.com")),
    ("example.com; NONE (nothing)", Results("example.com")),
    (
        "example.com; spf=pass smtp.mailfrom=example.net",
        Results("example.com", (Result("spf", "pass", (Property("smtp", "mailfrom", "example.net"),)),)),
    ),
    (
        "example.com;\r\n\tauth=pass (cram-md5) smtp.auth=sender@example.net;\r\n\tspf=pass smtp.mailfrom=example.net",
        Results(
            "example.com",
            (
                Result("auth", "pass", (Property("smtp", "auth", "sender@example.net"),), comment="cram-md5"),
                Result("spf", "pass", (Property("smtp", "mailfrom", "example.net"),)),
            ),
        ),
    ),
    (
        'example.com; dkim=pass reason="good signature" header.i=@mail-router.example.net; '
        'dkim=fail reason="bad signature" header.i=@newyork.example.com',
        Results(
            "example.com",
            (
                Result("dkim", "pass", (Property("header", "i", "@mail-router.example.net"),), "good signature"),
                Result("dkim", "fail", (Property("header", "i", "@newyork.example.com"),), "bad signature"),
            ),
        ),
    ),
    (  # comments wherever they may stand, as in the RFC's own appendix
        "foo.example.net (foobar) 1 (baz);\r\n dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n"
        "  policy (A dot can go here) . (like that) expired\r\n"
        "  (this surprised me) = (as I wasn't expecting it) 1362471462",
        Results(
            "foo.example.net",
            (Result("dkim", "fail", (Property("policy", "expired", "1362471462"),), version="1"),),
            "1",
        ),
    ),
    ("mx; SPF=Pass", Results("mx", (Result("spf", "pass"),))),
    ("mx; a=b ((deep (er)) \\) still)", Results("mx", (Result("a", "b", comment="(deep (er)) ) still"),))),
    ('"a; b"; x=y', Results("a; b", (Result("x", "y"),))),
    ("mx; nonesuch=pass", Results("mx", (Result("nonesuch", "pass"),))),
    ("mx; none=pass", Results("mx", (Result("none", "pass"),))),
    ('mx; x=y a.b="2001:db8::1"', Results("mx", (Result("x", "y", (Property("a", "b", "2001:db8::1"),)),))),
    ('mx; x=y a.b="q \\"q\\" \\\\"', Results("mx", (Result("x", "y", (Property("a", "b", 'q "q" \\'),)),))),
    ('mx; x=y a.b="a b"@c.example', Results("mx", (Result("x", "y", (Property("a", "b", '"a b"@c.example'),)),))),
    ("mx; x=y a.b=u/v=w@c.example", Results("mx", (Result("x", "y", (Property("a", "b", "u/v=w@c.example"),)),))),
    ("mx; x=y reason=z reason.q=1", Results("mx", (Result("x", "y", (Property("reason", "q", "1"),), "z"),))),
    ("mx; x=y a.b=1 a.b=2", Results("mx", (Result("x", "y", (Property("a", "b", "1"), Property("a", "b", "2"))),))),
    ("mx; x=y a.b=jörg@grün.example", Results("mx", (Result("x", "y", (Property("a", "b", "jörg@grün.example"),)),))),
]  # fmt: skip


@pytest.mark.parametrize("text, results", FIELDS)
def test_reading(text, results):
    assert read(text) == read(text.encode()) == results
    assert read(write_field(results).partition(b":")[2]) == results


WRONG = [
    "", ";", "mx", "mx;", "mx; ;", "spf=pass", "mx spf=pass", "mx x; a=b", "mx 1 2; a=b", '"mx; a=b',
    "mx; spf", "mx; spf=", "mx; spf=pass;", "mx; spf=pass; ;", "mx; none; spf=pass", "mx; spf=pass; none",
    "mx; spf=pass smtp", "mx; spf=pass smtp.", "mx; spf=pass smtp.mailfrom", "mx; spf=pass smtp.mailfrom=",
    "mx; spf=pass smtp.mailfrom=a@", "mx; spf=pass (", "mx; spf=pass )", "mx; x/=y", "mx; x/y=z", "mx; x==y",
    "mx; x-=y", "mx; x_z=y", "mx; x=y a.b=c/d", "mx; x=y a.b=c:d", "mx; x=y a.b=\x00",
    'mx; x=y reason="z', "mx; x=y reason=a reason=b", "mx; x=y a.b=1 reason=c",
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_what_is_not_the_grammar(text):
    with pytest.raises(Refused) as no:
        read(text)
    assert no.value.rule == "results.syntax" and no.value.because["wanted"]


def test_a_result_knows_its_properties():
    result = read("mx; dkim=pass header.d=a.example header.s=s").results[0]
    assert (result["header.d"], result["HEADER.S"], result["header.b"]) == ("a.example", "s", "")
    assert [r.result for r in read("mx; dkim=pass; spf=fail; DKIM=fail").of("dkim")] == ["pass", "fail"]


keywords = st.from_regex(r"[a-z][a-z0-9-]{0,4}[a-z0-9]", fullmatch=True).filter(lambda word: word != "reason")
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
results = st.builds(
    Result,
    keywords,
    keywords,
    st.lists(st.builds(Property, keywords, keywords, texts), max_size=3).map(tuple),
    texts,
    texts.map(str.strip),
    st.sampled_from(["", "1", "23"]),
)


@settings(max_examples=150, deadline=None)
@given(st.builds(Results, texts, st.lists(results, max_size=3).map(tuple), st.sampled_from(["", "1", "2"])))
def test_what_is_written_can_be_read(found):
    written = write_field(found)
    assert read(written.partition(b":")[2]) == found
    assert [Message(written).fields[0].data, len(Message(written).fields)] == [written, 1]


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=60), st.text(alphabet='mx;= .()"\\1a@\r\n\t', max_size=40).map(str.encode)))
def test_whatever_it_is_it_is_read_or_refused(value):
    try:
        found = read(value)
    except Refused:
        return
    assert read(write_field(found).partition(b":")[2]) == found


@pytest.mark.parametrize("piece", ["(", "()", "((", "a", "a.", '"', "\\", ";", " ", "a=b;", "x.y=z ", "@"])
def test_a_long_field_takes_no_longer_than_it_should(piece):
    started = time.process_time()
    for start in ("", "mx; a=b ", 'mx; a=b reason="'):
        with suppress(Refused):
            read(start + piece * 20_000)
    assert time.process_time() - started < 2


# -- whose word it is --------------------------------------------------------------------------------------------------

LETTER = (
    b"Authentication-Results: mx.beta.example; dmarc=pass header.from=bank.example\r\n"
    b"Received: from x\r\n"
    b"authentication-results: (really) MX.Beta.Example 1;\r\n spf=pass smtp.mailfrom=bank.example\r\n"
    b"Authentication-Results: mx.alpha.example; spf=pass smtp.mailfrom=alpha.example\r\n"
    b'Authentication-Results: "mx.beta.example" 2; dkim=pass header.d=bank.example\r\n'
    b"Authentication-Results: mx.beta.example, what is this\r\n"
    b"Authentication-Results: =?; a=b\r\n"
    b"Authentication-Results: mx.beta.example.evil.example; none\r\n"
    b"From: boss@bank.example\r\n"
    b"\r\n"
    b"Authentication-Results: mx.beta.example; none\r\n"
)


def test_who_claims_to_be_us():
    assert [claimed for _, claimed in forged(Message(LETTER), [ME])] == [ME, "MX.Beta.Example", ME, ME, ""]


def test_what_claims_to_be_ours_is_removed_and_nothing_else():
    kept, acts = perform(without_forged(LETTER, [ME]), None)
    assert kept == (
        b"Received: from x\r\n"
        b"Authentication-Results: mx.alpha.example; spf=pass smtp.mailfrom=alpha.example\r\n"
        b"Authentication-Results: mx.beta.example.evil.example; none\r\n"
        b"From: boss@bank.example\r\n"
        b"\r\n"
        b"Authentication-Results: mx.beta.example; none\r\n"
    )
    assert len(acts) == 5 and all(act.name == "results.forged" for act in acts if isinstance(act, Rule))
    assert perform(without_forged(kept, [ME]), None) == (kept, [])


def test_whom_a_reader_believes():
    assert [[r.method for r in found.results] for found in trusted(Message(LETTER), [ME])] == [["dmarc"], ["spf"]]
    assert [found.host for found in trusted(Message(LETTER), ["mx.alpha.example", "x"])] == ["mx.alpha.example"]
    assert trusted(Message(LETTER), []) == []
