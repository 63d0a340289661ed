"""SPF: reading records, macros, what a check asks and says, its budgets, bad input."""

import re
import time

import pytest
from ask import Answers, perform, perform_traced
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailedu.acts import Ask, Close, DnsTimeout, LabError, NXDomain, Open, Rule
from mailedu.auth.spf import REPLIES, SpfResult, Stop, check, check_host, parse, received_spf, spans
from mailedu.auth.spf.check import ASKING, best_name
from mailedu.auth.spf.macros import domain_name
from mailedu.auth.spf.record import MECHANISMS, parse_explanation
from mailedu.rules import rules, sentence
from mailedu.zone import Zone

WORDS = {"pass", "fail", "softfail", "neutral", "none", "temperror", "permerror"}
IP, IP6 = "192.0.2.3", "2001:db8::cb01"


def judge(text, ip=IP, domain="t.example", sender="alice@t.example", **options):
    """The result and the acts of one check; `text` is a zone file, or the record of t.example."""
    dns = text if callable(text) else Zone(text if " TXT " in text or " A " in text else f't.example. TXT "{text}"')
    return perform(check_host(ip, domain, sender, **options), dns)


def result(text, *args, **options):
    return judge(text, *args, **options)[0].result


def asked(acts):
    return [f"{act.name} {act.type}" for act in acts if isinstance(act, Ask)]


def said(acts):
    return [act.name.removeprefix("spf.") for act in acts if isinstance(act, Rule)]


def because(acts, name):
    return [dict(act.because) for act in acts if isinstance(act, Rule) and act.name == name]


# -- records -------------------------------------------------------------------------------------------------------

READABLE = [
    # record, its terms: (qualifier's result, mechanism, domain, prefixes), or (modifier, value)
    ("v=spf1", []),
    ("V=SPF1  -all  ", [("fail", "all", None, (32, 128))]),
    (
        "v=spf1 +a ?MX ~ptr",
        [(r, m, None, (32, 128)) for r, m in [("pass", "a"), ("neutral", "mx"), ("softfail", "ptr")]],
    ),
    ("v=spf1 a/24", [("pass", "a", None, (24, 128))]),
    ("v=spf1 a//64", [("pass", "a", None, (32, 64))]),
    ("v=spf1 mx:x.example/0//0", [("pass", "mx", "x.example", (0, 0))]),
    ("v=spf1 a:x/24.example", [("pass", "a", "x/24.example", (32, 128))]),
    ("v=spf1 a:%{d}/24", [("pass", "a", "%{d}", (24, 128))]),
    ("v=spf1 a:%{d1/}/24", [("pass", "a", "%{d1/}", (24, 128))]),
    ("v=spf1 exists:%{ir}.%{l1r+-}._spf.%{d}", [("pass", "exists", "%{ir}.%{l1r+-}._spf.%{d}", (32, 128))]),
    ("v=spf1 include:x.example. ", [("pass", "include", "x.example.", (32, 128))]),
    ("v=spf1 a:x.%%", [("pass", "a", "x.%%", (32, 128))]),
    ("v=spf1 a:x.xn--zckzah", [("pass", "a", "x.xn--zckzah", (32, 128))]),
    ("v=spf1 a:!#$&.a-1", [("pass", "a", "!#$&.a-1", (32, 128))]),
    ("v=spf1 redirect=x.example exp=%{d}", [("redirect", "x.example"), ("exp", "%{d}")]),
    ("v=spf1 EXP=x.example Redirect=y.example", [("redirect", "y.example"), ("exp", "x.example")]),
    ("v=spf1 foo= foo=x foo=%{s}%_%%%-/:=", []),
    ("v=spf1 all.x_y-z=1 a=b ip4=192.0.2.1", []),  # modifiers too, and unknown ones
]


@pytest.mark.parametrize(("text", "terms"), READABLE, ids=lambda value: value if isinstance(value, str) else "")
def test_readable_record(text, terms):
    record = parse(text)
    found = [(d.result, d.mechanism, d.domain and d.domain.text, d.prefixes) for d in record.directives]
    found += [(m.name, m.value.text) for m in (record.redirect, record.exp) if m]
    assert found == terms
    assert "unreadable" not in [name for _, name in spans(text)]


NETWORKS = [
    # term, an address inside, the next one outside
    ("ip4:192.0.2.128/25", "192.0.2.128", "192.0.2.127"),
    ("ip4:192.0.2.1", "192.0.2.1", "192.0.2.2"),
    ("ip4:192.0.2.1/31", "192.0.2.0", "192.0.2.2"),
    ("ip4:255.255.255.255/0", "0.0.0.0", "2001:db8::1"),
    ("ip6:2001:db8::/32", "2001:db8:ffff::", "2001:db9::"),
    ("ip6:::/0", "::1", "192.0.2.1"),
    ("ip6:::FFFF:192.0.2.1", "::1:0:0", "::ffff:192.0.2.1"),  # an IPv4-mapped client is an IPv4 client
    ("ip6:1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:9"),
]


@pytest.mark.parametrize(("term", "inside", "outside"), NETWORKS)
def test_network(term, inside, outside):
    assert result(f"v=spf1 {term} -all", outside) == "fail"
    if term != "ip6:::FFFF:192.0.2.1":
        assert result(f"v=spf1 {term} -all", inside) == "pass"


UNREADABLE = [
    # term, the rule that says why
    ("moo", "unknown-mechanism"),
    ("-", "unknown-mechanism"),
    ("--all", "unknown-mechanism"),
    ("!all", "unknown-mechanism"),
    ("all.", "unknown-mechanism"),
    ("=all", "unknown-mechanism"),
    ("1up=x", "unknown-mechanism"),
    ("-exp=x.example", "unknown-mechanism"),
    ("redirect:x.example", "unknown-mechanism"),
    ("v=spf1x/y:z", "macro-free modifier, readable"),
    ("all:x", "syntax"),
    ("all/8", "syntax"),
    ("include", "syntax"),
    ("include:", "syntax"),
    ("include/24", "syntax"),
    ("exists", "syntax"),
    ("ptr/24", "syntax"),
    ("a:", "syntax"),
    ("a:/24", "syntax"),
    ("a/", "syntax"),
    ("a//", "syntax"),
    ("a/24/64", "syntax"),
    ("a/024", "syntax"),
    ("a/33", "prefix-length"),
    ("a//129", "prefix-length"),
    ("a//064", "syntax"),
    ("mx/-1", "syntax"),
    ("ip4", "syntax"),
    ("ip4:", "syntax"),
    ("ip4:192.0.2", "syntax"),
    ("ip4:192.0.2.256", "syntax"),
    ("ip4:192.0.2.01", "syntax"),
    ("ip4:192.0.2.1.", "syntax"),
    ("ip4:192.0.2.1:25", "syntax"),
    ("ip4:192.0.2.1//32", "syntax"),
    ("ip4:192.0.2.1/33", "prefix-length"),
    ("ip4:192.0.2.1/032", "syntax"),
    ("ip4:2001:db8::", "syntax"),
    ("ip6", "syntax"),
    ("ip6:2001:db8", "syntax"),
    ("ip6:::1::", "syntax"),
    ("ip6:2001:db8::g", "syntax"),
    ("ip6:fe80::1%25eth0", "syntax"),
    ("ip6:2001:db8::/129", "prefix-length"),
    ("ip6:2001:db8:://33", "syntax"),
    ("a:museum", "domain-spec"),
    ("a:museum.", "domain-spec"),
    ("a:x.123", "domain-spec"),
    ("a:192.0.2.1", "domain-spec"),
    ("a:x.-com", "domain-spec"),
    ("a:x.com-", "domain-spec"),
    ("a:x..", "domain-spec"),
    ("a:x.example:8080", "domain-spec"),
    ("a:%{d}x", "domain-spec"),
    ("include:x.example/24", "domain-spec"),
    ("a:x.example/24/64", "domain-spec"),
    ("redirect=", "syntax"),
    ("redirect=x", "domain-spec"),
    ("exp=", "syntax"),
    ("exp=-all", "domain-spec"),
    ("exp=%{r}.example", "macro"),
    ("exists:%(ir).x.example", "macro"),
    ("exists:%", "macro"),
    ("exists:x%.example", "macro"),
    ("exists:%{x}.example", "macro"),
    ("exists:%{}.example", "macro"),
    ("exists:%{d.example", "macro"),
    ("exists:%{dr2}.example", "macro"),
    ("exists:%{d2x}.example", "macro"),
    ("exists:%{d0}.example", "macro"),
    ("exists:%{d-r}.example", "macro"),
    ("exists:%{c}.example", "macro"),
    ("exists:%{t}.example", "macro"),
    ("foo=%abc", "macro"),
    ("foo=%{r}", "macro"),
    ("foo=\x07", "syntax"),
    ("a\tmx", "unknown-mechanism"),
    ("a:x.example\0", "syntax"),
    ("a:\xef\xbb\xbfx.example", "not-ascii"),
    ("\x96all", "not-ascii"),
]


@pytest.mark.parametrize(("term", "rule"), UNREADABLE, ids=lambda value: repr(value))
def test_one_unreadable_term_makes_all_unreadable(term, rule):
    text = f"v=spf1 +all {term} -all"
    if rule.endswith("readable"):
        assert parse(text)
        return
    with pytest.raises(Stop) as stop:
        parse(text)
    assert (stop.value.rule, stop.value.result) == (f"spf.{rule}", "permerror")
    found, acts = judge(Answers({("t.example", "TXT"): [text]}))
    assert found.result == "permerror" and said(acts) == ["record", rule]
    assert all("…" not in sentence(act) for act in acts if isinstance(act, Rule))
    assert "unreadable" in [name for _, name in spans(text)]


def test_modifiers_stand_once():
    for text in ("v=spf1 exp=a.example -all exp=b.example", "v=spf1 redirect=a.example REDIRECT=a.example"):
        with pytest.raises(Stop) as stop:
            parse(text)
        assert stop.value.rule == "spf.modifier-twice"
    assert result("v=spf1 moo=1 moo=2 moo=3 +all") == "pass"


def test_every_mechanism_is_read_and_judged():
    assert {*ASKING, "all", "ip4", "ip6"} == set(MECHANISMS)


# -- every octet has a name ----------------------------------------------------------------------------------------


def test_spans_of_a_record():
    text = "v=spf1  ~a:%{ir}.x%%y.example/24//64 redirect=foo.example ip4:1.2.3 moo"
    assert spans(text) == [
        (6, "version"),
        (2, "space"),
        (1, "qualifier"),
        (1, "mechanism"),
        (1, "colon"),
        (5, "macro"),
        (2, "text"),
        (2, "escape"),
        (9, "text"),
        (1, "slash"),
        (2, "prefix length"),
        (2, "slash"),
        (2, "prefix length"),
        (1, "space"),
        (8, "modifier"),
        (1, "equals sign"),
        (11, "text"),
        (1, "space"),
        (3, "mechanism"),
        (1, "colon"),
        (5, "unreadable"),
        (1, "space"),
        (3, "unreadable"),
    ]
    assert spans(b"google-site-verification=x") == [(26, "text")]
    assert spans("v=spf10 -all") == [(12, "text")] and spans(b"") == []


PIECES = ["v=spf1", " ", "  ", "-", "all", "a", "mx", ":", "/", "//", "24", "ip4:192.0.2.1", "ip6:::1", "include:", "="]
PIECES += [
    "exp=",
    "redirect=",
    "%{d}",
    "%{",
    "%",
    "x.example",
    ".",
    "\0",
    "\x96",
    "\t",
    "moo",
    "0",
    "%{l1r-}",
    "exists:",
]
RECORDS = st.one_of(
    st.binary(max_size=40).map(lambda data: data.decode("latin-1")),
    st.lists(st.sampled_from(PIECES), max_size=16).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=16).map("".join).map("v=spf1 ".__add__),
)


@settings(max_examples=400, deadline=None)
@given(RECORDS)
def test_spans_use_up_every_octet_and_agree_with_the_parser(text):
    found = spans(text.encode("latin-1"))
    assert found == spans(text) and sum(length for length, _ in found) == len(text)
    assert all(length > 0 for length, _ in found)
    names = [name for _, name in found]
    try:
        parse(text)
    except Stop as stop:
        twice = stop.rule == "spf.modifier-twice"  # each is readable
        assert twice or "unreadable" in names or names in ([], ["text"])
    else:
        assert "unreadable" not in names and names[0] == "version"


# -- macros --------------------------------------------------------------------------------------------------------

SENDER = "strong-bad@email.example.com"
EXPANSIONS = [
    # RFC 7208 7.4
    ("%{s}", "strong-bad@email.example.com"),
    ("%{o}", "email.example.com"),
    ("%{d}", "email.example.com"),
    ("%{d4}", "email.example.com"),
    ("%{d3}", "email.example.com"),
    ("%{d2}", "example.com"),
    ("%{d1}", "com"),
    ("%{dr}", "com.example.email"),
    ("%{d2r}", "example.email"),
    ("%{l}", "strong-bad"),
    ("%{l-}", "strong.bad"),
    ("%{lr}", "strong-bad"),
    ("%{lr-}", "bad.strong"),
    ("%{l1r-}", "strong"),
    ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
    ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
    ("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"),
    ("%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"),
    ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
    # and more
    ("%{h}", "mx.example.org"),
    ("%{c}", "192.0.2.3"),
    ("%{r}", "mx.beta.example"),
    ("%{t}", "1795424400"),
    ("%{p}", "unknown"),
    ("%{S}", "strong-bad%40email.example.com"),
    ("%{s-@}", None),  # @ is no delimiter
    ("%{s.-}", "strong.bad@email.example.com"),
    ("%{o127r}", "com.example.email"),
    ("%{d99999999999999999999}", "email.example.com"),
    ("%{DR}", "com.example.email"),
    ("%%%_%-", "% %20"),
    ("a b", "a b"),
    ("", ""),
]


def explained(text, ip=IP, sender=SENDER, **options):
    """What an explanation text comes to."""
    options = {"helo": "mx.example.org", "receiver": "mx.beta.example", "now": 1795424400} | options
    domain = sender.rpartition("@")[2]
    dns = Answers({(domain, "TXT"): ["v=spf1 -all exp=e.example"], ("e.example", "TXT"): [text]})
    return perform(check_host(ip, domain, sender, **options), dns)[0].explanation


@pytest.mark.parametrize(("text", "expansion"), EXPANSIONS)
def test_expansion(text, expansion):
    if expansion is None:
        with pytest.raises(Stop):
            parse_explanation(text)
    else:
        assert explained(text) == expansion


def test_expansion_of_an_ipv6_client():
    nibbles = "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"
    assert explained("%{ir}.%{v}._spf.%{d2}", IP6).lower() == f"{nibbles}.ip6._spf.example.com"
    assert explained("%{c}", IP6) == IP6


def test_url_escaping_leaves_the_unreserved_alone():
    assert explained("%{L}", sender="~jack&jill=up-a_b3.c@x.example") == "~jack%26jill%3Dup-a_b3.c"


def test_empty_parts_are_parts():
    assert explained("%{lr-}", sender="-a--b@x.example") == "b..a."
    assert explained("%{l2-}", sender="a--@x.example") == "."


def test_a_name_of_more_than_253_characters_loses_labels_from_the_left():
    right = ".".join(["b" * 62] * 4)  # 251 characters
    for left in ("a", "aa"):
        assert domain_name(f"x.{left}.{right}.") == (f"a.{right}" if left == "a" else right)
    assert domain_name("a" * 300) == ""


def test_the_best_of_a_clients_names():
    names = ["x.gamma.example", "mx.Beta.example", "beta.example"]
    assert best_name(names, "BETA.example") == "beta.example"
    assert best_name(names[:2], "beta.example") == "mx.Beta.example"
    assert best_name(names, "delta.example") == "x.gamma.example"
    assert best_name(["notbeta.example"], "beta.example") == "notbeta.example"
    assert best_name([], "beta.example") == "unknown"


# -- what is asked, and what is said of it -------------------------------------------------------------------------

WORLD = """
t.example.    TXT "v=spf1 mx include:esp.example a:%{l}.t.example -all exp=why.%{d}"
t.example.    MX  20 mx2.t.example.
t.example.    MX  10 mx.t.example.
mx.t.example. A   192.0.2.25
mx2.t.example. A  192.0.2.26
esp.example.  TXT "v=spf1 ip4:198.51.100.0/24 ~all exp=not.this.example"
why.t.example. TXT "%{i} is not ours, %{s}"
"""


def test_a_whole_check():
    found, acts = judge(WORLD, "203.0.113.66")
    assert found == SpfResult("fail", "t.example", "203.0.113.66 is not ours, alice@t.example", 3, 1, "-all")
    assert str(found) == "fail"
    assert asked(acts) == [
        "t.example TXT",
        "t.example MX",
        "mx.t.example A",
        "mx2.t.example A",
        "esp.example TXT",
        "alice.t.example A",
        "why.t.example TXT",
    ]
    rules = "record lookup mx lookup record ip4 all include lookup void a all explanation"
    assert said(acts) == rules.split()
    assert [act.title for act in acts if isinstance(act, Open)] == [
        "check_host(203.0.113.66, t.example, alice@t.example)",
        "mx",
        "include:esp.example",
        "a:%{l}.t.example",
        "exp=why.%{d}",
    ]
    assert [act.verdict for act in acts if isinstance(act, Close)] == ["no match"] * 3 + [
        "203.0.113.66 is not ours, alice@t.example",
        "fail",
    ]


def test_each_question_stands_under_its_term():
    _, trace = perform_traced(check_host("203.0.113.66", "t.example", "alice@t.example"), Zone(WORLD))
    where = {f"{step.act.name} {step.act.type}": trace.step(step.parent).act.title for step in trace.only(Ask)}
    assert where["mx2.t.example A"] == where["t.example MX"] == "mx"
    assert where["esp.example TXT"] == "include:esp.example"
    assert where["why.t.example TXT"] == "exp=why.%{d}"


def test_a_check_stops_before_each_question():
    acts = check_host(IP, "t.example", "alice@t.example")
    assert isinstance(next(acts), Open)
    assert next(acts) == Ask("t.example", "TXT")
    assert isinstance(acts.send(("v=spf1 a -all",)), Rule)


def test_every_look_up_is_counted_for_its_term():
    _, acts = judge(WORLD, "203.0.113.66")
    assert because(acts, "spf.lookup") == [
        {"term": "mx", "lookups": "1 of 10"},
        {"term": "include:esp.example", "lookups": "2 of 10"},
        {"term": "a:%{l}.t.example", "lookups": "3 of 10"},
    ]
    assert because(acts, "spf.void") == [{"name": "alice.t.example", "type": "A", "voids": "1 of 2"}]


def test_both_identities_are_checked():
    zone = Zone(WORLD + 'helo.example. TXT "v=spf1 ip4:192.0.2.25 -all"')
    found, acts = perform(check("192.0.2.25", "helo.example", "alice@t.example"), zone)
    assert (found.helo, found.result, found.domain, found.explanation) == ("pass", "pass", "t.example", "")
    titles = [act.title for act in acts if isinstance(act, Open)]
    assert titles[:4:2] == ["SPF, HELO", "SPF, MAIL FROM"]
    assert titles[1] == "check_host(192.0.2.25, helo.example, helo.example)"

    found, acts = perform(check("192.0.2.99", "helo.example", ""), zone)
    assert (found.helo, found.result, found.domain) == ("fail", "fail", "helo.example")
    assert because(acts, "spf.null-sender") == [{"helo": "helo.example"}]

    found, _ = perform(check("192.0.2.99", "[192.0.2.99]", "alice@t.example"), zone)
    assert (found.helo, found.result, str(found)) == ("none", "fail", "fail")


def test_replies_are_those_of_rfc_7372():
    assert {word: code for word, code in REPLIES.items()} == {
        "fail": "550 5.7.23",
        "temperror": "451 4.7.24",
        "permerror": "550 5.7.24",
    }


SENDERS = [
    # sender, %{l}, %{o}
    ("alice@t.example", "alice", "t.example"),
    ("@t.example", "postmaster", "t.example"),
    ("t.example", "postmaster", "t.example"),
    ('"a@b"@t.example', '"a@b"', "t.example"),
    ("alice@t.example.", "alice", "t.example"),
    ("@relay.example:alice@t.example", "alice", "t.example"),  # a source route (2.2)
]


@pytest.mark.parametrize(("sender", "local", "domain"), SENDERS)
def test_the_parts_of_a_sender(sender, local, domain):
    zone = Zone('t.example. TXT "v=spf1 -all exp=e.example"\ne.example. TXT "%{l} %{o} %{d}"')
    found, _ = judge(zone, domain=sender.rpartition("@")[2], sender=sender)
    assert found.explanation == f"{local} {domain} t.example"


# -- 4.3 to 4.5 ----------------------------------------------------------------------------------------------------

INITIAL = [
    ("", "none", "malformed-domain"),
    ("example", "none", "malformed-domain"),
    ("example.", "none", "malformed-domain"),
    ("a..example", "none", "malformed-domain"),
    (".example.com", "none", "malformed-domain"),
    ("x" * 64 + ".example", "none", "malformed-domain"),
    (".".join(["x" * 60] * 5), "none", "malformed-domain"),
    ("[192.0.2.3]", "none", "malformed-domain"),
    ("[IPv6:2001:db8::1]", "none", "malformed-domain"),
    ("nobody.example", "none", "no-record"),
    ("empty.example", "none", "no-record"),
    ("other.example", "none", "no-record"),
    ("two.example", "permerror", "many-records"),
    ("slow.example", "temperror", "dns-timeout"),
    ("T.example.", "pass", "all"),
    ("cname.example", "pass", "all"),
]


@pytest.mark.parametrize(("domain", "word", "rule"), INITIAL, ids=lambda value: value[:30])
def test_initial_processing(domain, word, rule):
    zone = Zone(
        't.example. TXT "v=spf1 +all"\nt.example. TXT "v=spf2 -all"\nempty.example. A 192.0.2.1\n'
        'other.example. TXT "v=spf10 +all"\nother.example. TXT "x v=spf1 +all"\nother.example. TXT "v=spf1+all"\n'
        'two.example. TXT "v=spf1 +all"\ntwo.example. TXT "V=SPF1 -all"\ncname.example. CNAME t.example.'
    )
    zone.fault("slow.example", "TXT", DnsTimeout())
    found, acts = judge(zone, domain=domain, sender=f"alice@{domain}")
    assert (found.result, said(acts)[-1]) == (word, rule)
    assert bool(asked(acts)) == (rule != "malformed-domain")


# -- mechanisms ----------------------------------------------------------------------------------------------------

HOSTS = """
x.example.     A    192.0.2.3
x.example.     A    192.0.2.99
x.example.     AAAA 2001:db8::cb01
six.example.   AAAA 2001:db8::cb01
m.example.     MX   10 six.example.
m.example.     MX   20 x.example.
null.example.  MX   0 .
bare.example.  A    192.0.2.3
c.example.     CNAME x.example.
3.2.0.192.in-addr.arpa. PTR mail.x.example.
3.2.0.192.in-addr.arpa. PTR liar.example.
mail.x.example. A   192.0.2.3
liar.example.  A    192.0.2.200
1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR x.example.
pass.example.     TXT "v=spf1 +all"
fail.example.     TXT "v=spf1 -all"
softfail.example. TXT "v=spf1 ~all"
neutral.example.  TXT "v=spf1 ?all"
broken.example.   TXT "v=spf1 moo"
"""
MECHANISM_CASES = [
    # record, client, result
    ("a:x.example -all", IP, "pass"),
    ("a:x.example -all", IP6, "pass"),
    ("a:x.example -all", "192.0.2.4", "fail"),
    ("a:x.example/24 -all", "192.0.2.4", "pass"),
    ("a:x.example//24 -all", "192.0.2.4", "fail"),
    ("a:x.example//64 -all", "2001:db8::1", "pass"),
    ("a:six.example -all", IP, "fail"),
    ("a:c.example -all", IP, "pass"),
    ("a:x.example. -all", IP, "pass"),
    ("a -all", IP, "fail"),
    ("mx:m.example -all", IP, "pass"),
    ("mx:m.example -all", IP6, "pass"),
    ("mx:m.example -all", "192.0.2.4", "fail"),
    ("mx:m.example/24 -all", "192.0.2.4", "pass"),
    ("mx:null.example -all", IP, "fail"),
    ("mx:bare.example -all", IP, "fail"),  # no MX: its own address does not count
    ("ptr:x.example -all", IP, "pass"),
    ("ptr:mail.X.example -all", IP, "pass"),
    ("ptr:liar.example -all", IP, "fail"),
    ("ptr:il.x.example -all", IP, "fail"),
    ("ptr:x.example -all", IP6, "pass"),
    ("ptr:x.example -all", "192.0.2.4", "fail"),
    ("exists:x.example -all", "203.0.113.1", "pass"),
    ("exists:x.example -all", IP6, "pass"),
    ("exists:six.example -all", IP6, "fail"),
    ("a:no..example -all", IP, "fail"),  # 4.8: undefined; here no match
    ("mx:no..example -all", IP, "fail"),
    ("ptr:no..example -all", IP, "fail"),
    (f"exists:{'x' * 64}.example -all", IP, "fail"),
    ("include:no..example -all", IP, "permerror"),
    ("include:%{d1} -all", IP, "permerror"),
    ("include:nobody.example -all", IP, "permerror"),
    ("include:x.example -all", IP, "permerror"),
    ("include:pass.example -all", IP, "pass"),
    ("~include:pass.example -all", IP, "softfail"),
    ("-include:pass.example +all", IP, "fail"),
    ("include:fail.example ~all", IP, "softfail"),
    ("include:softfail.example -all", IP, "fail"),
    ("include:neutral.example -all", IP, "fail"),
    ("include:broken.example +all", IP, "permerror"),
    ("include:slow.example +all", IP, "temperror"),
    ("redirect=softfail.example", IP, "softfail"),
    ("redirect=broken.example", IP, "permerror"),
    ("redirect=slow.example", IP, "temperror"),
    ("redirect=nobody.example", IP, "permerror"),
    ("redirect=no..example", IP, "permerror"),
    ("redirect=pass.example -all", IP, "fail"),
    ("-all redirect=nobody.example", IP, "fail"),
    ("a:x.example redirect=fail.example", IP, "pass"),
    ("a:slow.example -all", IP, "temperror"),
    ("mx:slow.example -all", IP, "temperror"),
    ("exists:slow.example -all", IP, "temperror"),
    ("", IP, "neutral"),
    ("moo=x", IP, "neutral"),
]


@pytest.mark.parametrize(("record", "ip", "word"), MECHANISM_CASES, ids=lambda value: value[:40])
def test_mechanism(record, ip, word):
    zone = Zone(HOSTS)
    zone.edit("t.example", TXT=f"v=spf1 {record}")
    zone.fault("slow.example")
    found, acts = judge(zone, ip)
    assert found.result == word
    assert all("…" not in sentence(act) for act in acts if isinstance(act, Rule)), [act for act in acts]


def test_errors_while_validating_a_clients_names_are_no_errors():
    zone = Zone(HOSTS + 't.example. TXT "v=spf1 ptr:x.example ~all"')
    zone.fault("liar.example", "A")
    assert result(zone) == "pass"
    zone.fault("mail.x.example", "A")
    assert result(zone) == "softfail"
    zone.fault("3.2.0.192.in-addr.arpa", "PTR")
    found, acts = judge(zone)
    assert found.result == "softfail" and because(acts, "spf.ptr-error")
    zone.edit("t.example", TXT="v=spf1 exists:%{p}.x.example ~all")
    zone.edit("unknown.x.example", A="127.0.0.2")
    assert result(zone) == "pass"


def test_a_clients_names_are_found_once_a_check():
    zone = Zone(HOSTS + 't.example. TXT "v=spf1 ptr:a.example ptr:b.example exists:%{p}.b.example -all"')
    found, acts = judge(zone)
    assert found.result == "fail" and found.lookups == 3
    assert sum("PTR" in question for question in asked(acts)) == 1


# -- explanations --------------------------------------------------------------------------------------------------

EXPLANATIONS = [
    # records at e.example, the explanation
    (["See %{d}."], "See t.example."),
    (["one", "two"], ""),
    ([], ""),
    (["\xef\xbb\xbfx"], ""),
    (["100%"], ""),
    (["%{x}"], ""),
    (["a\r\nb"], ""),
    (["tab\there"], ""),
    ([""], ""),
    (["x" * 1200], "x" * 1000),
]


@pytest.mark.parametrize(("texts", "explanation"), EXPLANATIONS, ids=lambda value: repr(value)[:30])
def test_explanation(texts, explanation):
    dns = Answers({("t.example", "TXT"): ["v=spf1 -all exp=e.example"], ("e.example", "TXT"): texts})
    found, _ = judge(dns)
    assert (found.result, found.explanation) == ("fail", explanation)


def test_whose_explanation_it_is():
    def explanation(record):
        zone = Zone('e.example. TXT "ours, %{d}"\ni.example. TXT "theirs, %{d}"\n')
        zone.edit("inc.example", TXT="v=spf1 -all exp=i.example")
        zone.edit("pass.example", TXT="v=spf1 +all exp=i.example")
        zone.edit("t.example", TXT=f"v=spf1 {record}")
        return judge(zone)[0].explanation

    assert explanation("include:inc.example -all exp=e.example") == "ours, t.example"
    assert explanation("-include:pass.example exp=e.example") == "ours, t.example"
    assert explanation("redirect=inc.example exp=e.example") == "theirs, inc.example"
    assert explanation("include:inc.example ~all exp=e.example") == ""
    assert explanation("-all") == ""
    assert explanation("-all exp=no..example") == ""
    assert explanation("-all exp=nobody.example") == ""


def test_an_explanation_costs_nothing_and_changes_no_result():
    zone = Zone('t.example. TXT "v=spf1 a:n1.example a:n2.example -all exp=%{p}.e.example"')
    found, _ = judge(zone)
    assert (found.result, found.voids, found.lookups) == ("fail", 2, 2)
    zone.fault("unknown.e.example", "TXT")
    assert result(zone) == "fail"


def test_an_explanation_cannot_leave_its_line():
    assert explained("%{h}", helo="x\r\n250 ok") == ""
    assert explained("%{h}", helo="x\x1b[2J") == ""


# -- internationalised mail (RFC 8616) -----------------------------------------------------------------------------


def test_u_labels_are_asked_as_a_labels():
    zone = Zone('xn--gre-6ka8l.example. TXT "v=spf1 a:%{d} -all exp=%{o}"\nxn--gre-6ka8l.example. A 192.0.2.9\n')
    found, acts = judge(zone, domain="grüße.example", sender="alice@grüße.example")
    assert found.result == "fail" and found.domain == "xn--gre-6ka8l.example"
    assert asked(acts)[:2] == ["xn--gre-6ka8l.example TXT", "xn--gre-6ka8l.example A"]
    assert judge(zone, "192.0.2.9", "xn--gre-6ka8l.example", "alice@xn--gre-6ka8l.example")[0].result == "pass"


@pytest.mark.parametrize(
    ("record", "word"),
    [
        ("exists:%{l}.x.example -all", "fail"),
        ("exists:%{S}.x.example -all", "fail"),
        ("include:%{l}.x.example -all", "fail"),
        ("a:%{o} -all", "fail"),
        ("exists:%{o}.x.example -all", "pass"),
        ("redirect=%{l}.x.example", "permerror"),
        ("-all exp=%{l}.x.example", "fail"),
    ],
)
def test_a_local_part_beyond_ascii_matches_nothing(record, word):
    zone = Zone(f't.example. TXT "v=spf1 {record}"\n*.x.example. A 127.0.0.2\n*.x.example. TXT "v=spf1 +all"')
    found, acts = judge(zone, sender="jörg@t.example")
    assert (found.result, found.explanation) == (word, "")
    assert ("non-ascii-local-part" in said(acts)) == ("%{o}" not in record)


# -- budgets (4.6.4) -----------------------------------------------------------------------------------------------


def test_the_eleventh_look_up_is_too_many():
    found, acts = judge("v=spf1 " + "a:x.example " * 10 + "-all", domain="t.example")
    assert found.result == "permerror" and "too-many-voids" in said(acts)
    zone = Zone(HOSTS)
    for count, word in [(10, "fail"), (11, "permerror")]:
        zone.edit("t.example", TXT="v=spf1 " + "a:x.example " * count + "-all")
        found, acts = judge(zone, "203.0.113.1")
        assert (found.result, found.lookups) == (word, count)
    assert because(acts, "spf.too-many-lookups") == [{"term": "a:x.example", "lookups": "11 of 10"}]
    assert len(asked(acts)) == 11  # the eleventh term asked nothing


def test_include_and_redirect_share_the_budget():
    zone = Zone(HOSTS + 'inc.example. TXT "v=spf1 a:x.example a:x.example a:x.example a:x.example -all"')
    for record, word in [
        ("include:inc.example include:inc.example", "neutral"),
        ("include:inc.example include:inc.example a:x.example", "permerror"),
        ("include:inc.example redirect=inc.example", "fail"),
        ("include:inc.example a:x.example redirect=inc.example", "permerror"),
        ("include:inc.example include:inc.example redirect=inc.example", "permerror"),
    ]:
        zone.edit("t.example", TXT=f"v=spf1 {record}")
        assert result(zone, "203.0.113.1") == word, record


def test_only_terms_that_are_evaluated_count():
    zone = Zone(HOSTS)
    zone.edit("t.example", TXT="v=spf1 a:x.example " + "mx:m.example " * 20 + "redirect=nobody.example")
    assert result(zone) == "pass"


def test_loops_end():
    for record in ("include:t.example", "redirect=t.example", "include:u.example", "redirect=u.example"):
        zone = Zone(f't.example. TXT "v=spf1 {record}"\nu.example. TXT "v=spf1 redirect=t.example"')
        found, acts = judge(zone)
        assert found.result == "permerror" and len(asked(acts)) == 11


def test_the_third_void_look_up_is_too_many():
    for count, word in [(2, "fail"), (3, "permerror")]:
        found, acts = judge("v=spf1 " + "".join(f"a:n{n}.example " for n in range(count)) + "-all")
        assert (found.result, found.voids) == (word, count)
    assert because(acts, "spf.too-many-voids") == [{"name": "n2.example", "type": "A", "voids": "3 of 2"}]


def test_more_than_ten_exchangers_are_too_many():
    zone = Zone(HOSTS + 't.example. TXT "v=spf1 mx -all"')
    for count, word in [(10, "pass"), (11, "permerror")]:
        zone.edit("t.example", MX=[f"{n} x{n}.example" for n in range(count)])
        zone.edit(f"x{count - 1}.example", A=IP)
        for n in range(count - 1):
            zone.edit(f"x{n}.example", A="192.0.2.200")
        found, acts = judge(zone)
        assert found.result == word
    assert because(acts, "spf.too-many-mx")[0]["count"] == "11"


def test_no_more_than_ten_of_a_clients_names_are_asked_for():
    zone = Zone('t.example. TXT "v=spf1 ptr -all"')
    zone.edit("3.2.0.192.in-addr.arpa", PTR=[f"n{n}.t.example." for n in range(12)])
    for n in range(12):
        zone.edit(f"n{n}.t.example", A=IP if n == 10 else "192.0.2.200")
    found, acts = judge(zone)
    assert found.result == "fail" and len(asked(acts)) == 12
    zone.edit("n9.t.example", A=IP)
    assert result(zone) == "pass"


# -- bad input -----------------------------------------------------------------------------------------------------

BOMBS = {
    "64 kB of terms": "v=spf1 " + "ip4:192.0.2.77 " * 4300 + "-all",
    "64 kB of look-ups": "v=spf1 " + "a:x.example " * 5400 + "-all",
    "64 kB of includes": "v=spf1 " + "include:t.example " * 3600 + "-all",
    "64 kB of one macro": "v=spf1 exists:" + "%{s}" * 16_000 + " -all",
    "64 kB of dots": "v=spf1 a:" + "." * 65_000 + "com -all",
    "64 kB of digits": "v=spf1 a/" + "1" * 65_000 + " -all",
    "64 kB of slashes": "v=spf1 a:x.example" + "/1" * 32_000 + " -all",
    "64 kB of a label": "v=spf1 a:x." + "a" * 65_000 + " -all",
    "64 kB of hyphens": "v=spf1 a:x." + "-" * 65_000 + " -all",
    "64 kB of a number of parts": "v=spf1 exists:%{d" + "9" * 60_000 + "}.x.example -all",
    "64 kB of spaces": "v=spf1" + " " * 65_000,
    "64 kB of colons": "v=spf1 ip6:" + ":" * 65_000,
    "64 kB of percents": "v=spf1 foo=" + "%%" * 32_000,
    "64 kB of delimiters": "v=spf1 exists:%{d" + "-" * 60_000 + "}.x.example -all",
    "NULs": "v=spf1 \0\0\0 -all",
    "eight bits": "v=spf1 \xff\xfe -all",
    "a label over 63": f"v=spf1 a:{'x' * 64}.example ~all",
    "a name over 253": f"v=spf1 a:{'x.' * 200}example ~all",
    "explanation bomb": "v=spf1 -all exp=bomb.example",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_ends_in_a_named_result(name):
    dns = Answers(
        {
            ("t.example", "TXT"): [BOMBS[name]],
            ("x.example", "A"): ["192.0.2.77"],
            ("bomb.example", "TXT"): ["%{s}" * 16_000],
        }
    )
    start = time.process_time()
    found, acts = judge(dns, sender="a.b" * 100 + "@t.example")
    assert found.result in WORDS and len(asked(acts)) <= 12 and len(found.explanation) <= 1000
    assert time.process_time() - start < 2
    assert sum(length for length, _ in spans(BOMBS[name])) == len(BOMBS[name])


NAMES = ["t.example", "u.example", "v.example"]


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.sampled_from(NAMES), st.lists(RECORDS, max_size=2), min_size=1),
    st.sampled_from([IP, IP6, "::ffff:192.0.2.3"]),
    st.sampled_from(["alice@t.example", "", "x@y@t.example", "jörg@t.example", "a\0b@t.example", "@", "é"]),
    st.sampled_from(["mx.t.example", "", "x" * 300, "\0", "[192.0.2.3]", "a b.t.example"]),
)
@example(
    {"t.example": ["v=spf1 include:%{d} mx ptr a exists:%{p}.%{d} redirect=u.example"]}, IP, "alice@t.example", "x"
)
def test_any_record_ends_in_a_named_result_within_the_budgets(texts, ip, sender, helo):
    dns = Answers({(name, "TXT"): records for name, records in texts.items()})
    dns["t.example", "MX"] = [f"{n} u.example." for n in range(10)]
    dns["u.example", "A"] = ["192.0.2.200"]
    found, acts = perform(check(ip, helo, sender), dns)
    assert found.result in WORDS and found.helo in WORDS
    assert len(asked(acts)) <= 2 * 140
    assert found.lookups <= 11 and found.voids <= 3
    known = rules()
    assert all(act.name in known for act in acts if isinstance(act, Rule))
    assert found.explanation.isascii() and (found.explanation.isprintable())


def test_what_only_the_user_can_mend():
    for ip in ("300.1.1.1", "", "localhost", "192.0.2.1/24"):
        with pytest.raises(LabError, match="is no IP address: write one like"):
            check_host(ip, "t.example", "alice@t.example")
    with pytest.raises(LabError, match=r"The DNS answered 'x\.example' where an address belongs"):
        judge(Answers({("t.example", "TXT"): ["v=spf1 a"], ("t.example", "A"): ["x.example"]}))


def test_a_scope_is_no_part_of_the_address():
    assert result("v=spf1 ip6:fe80::1 -all", "fe80::1%eth0") == "pass"


def test_a_resolver_may_answer_in_lists_and_in_any_case():
    def dns(name, type):
        assert not name.endswith(".")
        if (name, type) == ("t.example", "TXT"):
            return ["v=spf1 mx -all"]
        if type == "MX":
            return ["0 .", "10 MX.T.Example."]
        if (name.lower(), type) == ("mx.t.example", "A"):
            return ["192.0.2.3"]
        raise NXDomain(name)

    assert result(dns) == "pass"


def test_a_backslash_in_a_name_is_an_octet():
    _, acts = judge("v=spf1 exists:%{l}.x.example -all", sender="a\\b@t.example")
    assert r"a\\b.x.example A" in asked(acts)


# -- what ended it, and Received-SPF (9.1) -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "mechanism", "problem"),
    [
        ("~all", "~all", ""),
        ("moo=x", "default", ""),
        ("include:pass.example -all", "include:pass.example", ""),
        ("redirect=softfail.example", "~all", ""),
        ("a:x..example -all", "-all", ""),
        ("ptr:slow.example -all", "-all", ""),
        ("moo", "", "spf.unknown-mechanism"),
        ("a:slow.example -all", "", "spf.dns-timeout"),
        ("include:broken.example -all", "", "spf.unknown-mechanism"),
        ("include:nobody.example -all", "", "spf.no-record"),
        ("redirect=nobody.example", "", "spf.no-record"),
    ],
)
def test_what_ended_it(record, mechanism, problem):
    zone = Zone(HOSTS)
    zone.edit("t.example", TXT=f"v=spf1 {record}")
    zone.fault("slow.example")
    found, _ = judge(zone)
    assert (found.mechanism, found.problem) == (mechanism, problem)


def test_received_spf():
    found = SpfResult("pass", "t.example", mechanism="+a:x.example")
    field = received_spf(found, ip=IP, helo="mx.t.example", sender="alice@t.example", receiver="mx.beta.example")
    assert field.decode() == (
        "Received-SPF: pass (mx.beta.example: t.example lets 192.0.2.3 send its mail)\r\n"
        " receiver=mx.beta.example;\r\n"
        " identity=mailfrom;\r\n"
        " client-ip=192.0.2.3;\r\n"
        " helo=mx.t.example;\r\n"
        ' envelope-from="alice@t.example";\r\n'
        ' mechanism="+a:x.example";\r\n'
    )
    found = SpfResult("permerror", "t.example", problem="spf.syntax")
    field = received_spf(found, ip=IP6, helo="x", sender="", receiver="mx.beta.example", identity="helo")
    assert b"problem=spf.syntax;" in field and b"envelope-from" not in field and b'client-ip="2001:db8::cb01"' in field


QUOTED = r'"(?:[^"\\\r\n]|\\.)*"'
FIELD = re.compile(
    r"Received-SPF: (?:pass|fail|softfail|neutral|none|temperror|permerror) \((?:[^()\\\r\n]|\\.)*\)\r\n"
    rf'(?: [a-z-]+=(?:[^\s"();\\]+|{QUOTED});\r\n)+'
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(WORDS)), st.text(max_size=300), st.text(max_size=300), st.text(max_size=20))
@example("fail", "x\r\nSubject: forged", 'a"\\@t.example', "(")
def test_received_spf_is_one_field_whatever_strangers_say(word, helo, sender, domain):
    found = SpfResult(word, domain, mechanism=sender, problem="spf.syntax")
    field = received_spf(found, ip=IP, helo=helo, sender=sender, receiver="mx.beta.example").decode()
    assert FIELD.fullmatch(field)
    assert max(map(len, field.split("\r\n"))) < 998
