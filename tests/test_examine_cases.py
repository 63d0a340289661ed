"""The gallery: each capsule's verdicts, words and advice; the advice keeps its promise; no wrong advice."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailedu import Lab, LabError, Zone, explain
from mailedu.acts import DnsTimeout
from mailedu.examine import Explanation, capsule_of, cases
from mailedu.examine import staged as on_stage
from mailedu.examine.answers import Changed, Recorded
from mailedu.examine.capsule import Capsule
from mailedu.examine.staged import STAGED
from mailedu.examine.undone import undo
from mailedu.lab.stage import private_key
from mailedu.lab.verdicts import sign_dkim, verify_dkim
from mailedu.message import Message
from mailedu.opinions import dkimpy, pyspf

ROOT = Path(__file__).parent.parent
VERDICTS = {  # SPF, DKIM, DMARC, and what a script is told; written by hand, from the RFCs
    "appended": "pass pass pass: pass",
    "bounce": "none none fail: fail",
    "broken-include": "permerror none fail: fail",
    "clock-ahead": "pass permerror pass: pass",
    "display-name": "pass pass pass: pass",
    "dns-silent": "temperror temperror temperror: temperror",
    "expired": "fail permerror fail: fail",
    "forged": "fail none fail: fail",
    "forgotten-host": "softfail none fail: fail",
    "forwarded": "fail pass pass: pass",
    "forwarded-srs": "pass none fail: fail",
    "forwarded-unsigned": "fail none fail: fail",
    "key-cut": "none permerror fail: fail",
    "key-revoked": "none permerror fail: fail",
    "key-rotated": "fail permerror fail: fail",
    "list-arc": "pass fail fail: fail",
    "list-footer": "pass fail fail: fail",
    "list-subject": "pass fail fail: fail",
    "look-alike": "pass pass pass: pass",
    "no-from": "fail none permerror: fail",
    "no-such-subdomain": "pass none fail: fail",
    "old-algorithm": "none fail fail: fail",
    "recoded": "fail fail fail: fail",
    "service-unaligned": "pass pass fail: fail",
    "strict-alignment": "pass pass fail: fail",
    "subdomain-policy": "fail none fail: fail",
    "too-many-lookups": "permerror none fail: fail",
    "two-authors": "pass pass permerror: fail",
    "two-policies": "fail none none: fail",
    "two-records": "permerror none fail: fail",
}
EVERY = pytest.mark.parametrize("name", sorted(STAGED))


@cache
def explained(name: str) -> Explanation:
    return explain(capsule_of(name))


# -- the files ---------------------------------------------------------------------------------------------------------


def test_what_lies_there_is_what_is_made() -> None:
    """The same sources, the same octets; `python tools/cases.py` mends this."""
    spec = importlib.util.spec_from_file_location("tools_cases", ROOT / "tools" / "cases.py")
    assert spec and spec.loader
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    made = dict(tool.files())
    assert len(made) == 2 * len(STAGED) + 1 and len(STAGED) >= 20
    for path, text in made.items():
        assert path.read_bytes().decode().replace("\r\n", "\n") == text, f"{path} is not what tools/cases.py writes"
    there = {*tool.CAPSULES.glob("*"), *tool.TOLD.glob("explain-*")}
    assert there == made.keys() - {tool.PAGE}


def test_the_gallery_is_a_mapping_and_knows_its_names() -> None:
    assert list(cases) == sorted(STAGED) == sorted(VERDICTS) and len(cases) == len(STAGED)
    assert cases["forged"].title in repr(cases) and "nothing" not in cases
    with pytest.raises(LabError, match="no case 'nothing': there are appended, bounce"):
        capsule_of("nothing")


def test_the_example_of_the_page_runs() -> None:
    page = (ROOT / "docs" / "cases.md").read_text("utf-8")
    for example in re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        exec(compile(example, "docs/cases.md", "exec"), {})
    assert all(f"| `{name}` |" in page for name in STAGED)


# -- the verdicts ------------------------------------------------------------------------------------------------------


@EVERY
def test_the_verdicts(name: str) -> None:
    found = explained(name)
    assert f"{' '.join(found.verdicts().values())}: {found.verdict}" == VERDICTS[name]
    assert dict(capsule_of(name).verdicts) == found.verdicts()


def asking(capsule: Capsule) -> Zone:
    """The capsule's answers as a zone, which is how other programs are asked."""
    zone = Zone()
    for (name, type), (status, records) in capsule.dns.items():
        if status == "DnsTimeout":
            zone.fault(name, type, DnsTimeout(name))
        elif records:
            zone.edit(name, **{type: list(records)})
    return zone


@EVERY
def test_pyspf_and_dkimpy_say_the_same(name: str) -> None:
    capsule, found = capsule_of(name), explained(name)
    zone = asking(capsule)
    assert pyspf.check(capsule.ip, capsule.helo, capsule.mail_from, zone) == found.spf
    for number, ours in enumerate(found.dkim):
        said = dkimpy.verify(capsule.message, zone, number, capsule.date)
        assert (said == "pass") == (ours == "pass"), said


def test_the_old_signature_is_a_true_one() -> None:
    """dkimpy still knows rsa-sha1: but for its algorithm nothing is wrong with it."""
    capsule = capsule_of("old-algorithm")
    assert dkimpy.verify(capsule.message, Lab(seed=1).zone, 0, capsule.date) == "pass"
    assert dkimpy.verify(capsule.message.replace(b"12 pages", b"13 pages"), Lab(seed=1).zone, 0, capsule.date) != "pass"


@EVERY
def test_a_capsule_needs_nothing_but_itself(name: str) -> None:
    """Replayed, its words and its advice are those of the lab: every record that is tried finds its answers in it."""
    live, replayed = STAGED[name].make(), explained(name)
    assert [str(one) for one in replayed.advice] == [str(one) for one in live.advice]
    assert replayed.paragraph == live.paragraph


# -- the advice --------------------------------------------------------------------------------------------------------

PROPOSED = {  # case -> the record that is proposed in it
    "bounce": 'out3.alpha.example TXT "v=spf1 ip4:192.0.2.25 -all"',
    "broken-include": 'alpha.example TXT "v=spf1 ip4:192.0.2.0/24 -all"',
    "forgotten-host": 'gamma.example TXT "v=spf1 mx ip4:203.0.113.64/26 ip4:198.51.100.77 ~all"',
    "strict-alignment": '_dmarc.alpha.example TXT "v=DMARC1; p=reject; rua=mailto:dmarc@alpha.example"',
    "subdomain-policy": 'news.alpha.example TXT "v=spf1 ip4:192.0.2.81 ip4:192.0.2.80 -all"',
    "two-policies": '_dmarc.alpha.example TXT "v=DMARC1; p=reject; rua=mailto:dmarc@alpha.example"',
    "two-records": 'alpha.example TXT "v=spf1 ip4:192.0.2.0/24 include:spf.letters.example ~all"',
}


@EVERY
def test_a_record_that_is_proposed_keeps_its_promise(name: str) -> None:
    records = [one for one in explained(name).advice if one.record]
    told = [f'{domain} {type} "{text}"' for one in records for domain, type, text in [one.record]]
    assert told == [PROPOSED[name]] if name in PROPOSED else not told
    for one in records:
        domain, type, text = one.record
        capsule = capsule_of(name)
        after = explain(capsule, dns=Changed(Recorded(capsule.dns), {(domain, type): [text]}))
        assert one.then == f"SPF {after.spf}, DMARC {after.dmarc}"
        forged = name == "two-policies"  # it is a forgery, that the record would have stopped
        assert one.then == ("SPF fail, DMARC fail" if forged else "SPF pass, DMARC pass")


FORGED = ("forged", "no-such-subdomain")
UNPROVEN = (
    *FORGED, "bounce", "expired", "forgotten-host", "forwarded-srs", "forwarded-unsigned", "key-cut", "key-revoked",
    "old-algorithm", "service-unaligned", "subdomain-policy", "two-policies",
)  # fmt: skip


@EVERY
def test_who_may_be_a_forger_is_never_let_in(name: str) -> None:
    """Where nothing proves that it is the author's, that is said first; and no forger's address is published."""
    found = explained(name)
    told = [one.says for one in found.advice if not (one.record and one.record[0].startswith("_dmarc."))]
    first = told[0] if told else ""
    assert first.startswith("First find out whether it is yours") == (name in UNPROVEN)
    if name in FORGED:
        assert not any(one.record for one in found.advice)
        assert "203.0.113.66" in first and "change nothing" in first


def test_what_no_record_stops_is_said_so() -> None:
    for name, domain in (("display-name", "gamma.example"), ("look-alike", "xn--lpha-43d.example")):
        [only] = explained(name).advice
        assert only.says.startswith(f"No record stops this, for it is what it says, from {domain}.") and not only.record


@pytest.mark.parametrize(
    ("name", "like"),
    [
        ("m\u00fcller.example", ""),
        ("\u043f\u043e\u0447\u0442\u0430.example", ""),  # a Russian word, with letters that have twins
        ("\u0440\u0430\u0443\u0440\u0430l.example", "paypal.example"),
        ("alpha.example", ""),
    ],
)
def test_only_a_name_that_could_be_taken_for_another_is_called_so(name: str, like: str) -> None:
    domain = name.encode("idna").decode()
    found = explain(f"From: a@{domain}\r\n\r\nHi", dns=Zone())
    assert (f"looks like {like}, and is another domain" in found.paragraph) == bool(like)
    assert (name in found.paragraph) and found.findings.dmarc.domain == domain


def test_a_forger_who_writes_more_fields_gets_no_record_either() -> None:
    """A made-up Received field, a List-Id, a signature that is none: the sender's domain is told nothing to publish."""
    for more in (
        b"Received: from mx.alpha.example ([192.0.2.25]) by mx.gamma.example with ESMTP; 23 Nov 2026 08:59 +0000\r\n",
        b"List-Id: <garden.alpha.example>\r\n",
        b"DKIM-Signature: v=1; a=rsa-sha256; d=alpha.example; s=lab; h=from; bh=AAAA; b=AAAA\r\n",
    ):
        there = on_stage.lab(on_stage.STRANGER)
        data = more + on_stage.letter(there, "Urgent", "Send me the passwords.")
        found = on_stage.brought(there, data, on_stage.STRANGER, "mallory.example")
        assert found.verdict == "fail" and not any(one.record for one in found.advice), more
        assert any("find out whether it is yours" in one.says for one in found.advice), more


def test_a_name_in_ones_own_house_is_a_reason_and_no_proof() -> None:
    """Whoever greets as shop.alpha.example may lie: the record is proposed behind an If, and behind the doubt."""
    there = on_stage.lab(on_stage.STRANGER)
    found = on_stage.brought(there, on_stage.letter(there, "Hi", "Hi"), on_stage.STRANGER, "shop.alpha.example")
    assert found.advice[0].says.startswith("First find out") and found.advice[1].says.startswith("If 203.0.113.66 is")
    assert found.advice[1].record


def test_the_greetings_record_is_not_the_senders() -> None:
    """Two records at the name in the greeting break that check; the sender's own record is the one to mend."""
    there = on_stage.lab(on_stage.WEB)
    there.zone.edit("web.alpha.example", TXT=["v=spf1 -all", "v=spf1 a -all"])
    found = on_stage.brought(there, on_stage.letter(there, "Hi", "Hi"), "192.0.2.80", "web.alpha.example")
    assert found.spf == "fail" and "several" not in found.paragraph
    assert not any("several" in one.says for one in found.advice)


def test_a_host_that_sends_by_order_is_no_forwarder() -> None:
    """alpha.example hands all its mail to a service, and its SPF record does not name that."""
    there = on_stage.lab(on_stage.GAMMA)
    there.configure("mx.alpha.example", via="mx.gamma.example:2525")
    there.zone.edit("lab._domainkey.alpha.example", TXT=None)
    there.send(on_stage.ALICE, on_stage.BOB, subject="Hi", text="Hi", read=False)
    found = on_stage.of_bob(there)
    assert (found.spf, found.dmarc) == ("fail", "fail") and len(found.hops) == 3
    assert "forward" not in str(found)
    assert any("If gamma.example sends for alpha.example by order" in one.says for one in found.advice)


@pytest.mark.parametrize(
    ("records", "words", "record"),
    [
        (None, "alpha.example has no DMARC policy", "v=DMARC1; p=none; rua=mailto:dmarc@alpha.example"),
        ("v=dmarc1; p=reject", "is no DMARC record (“v=dmarc1; p=reject”)", None),
        ("DMARC1; p=reject", "is no DMARC record (“DMARC1; p=reject”)", None),
        ("v=DMARC1; p=rejct", "has no valid policy (p=)", None),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], "several DMARC records", "v=DMARC1; p=none"),
    ],
)
def test_why_there_is_no_policy(records: str | list[str] | None, words: str, record: str | None) -> None:
    there = on_stage.lab()
    there.zone.edit("_dmarc.alpha.example", TXT=records)
    there.send(on_stage.ALICE, on_stage.BOB, subject="Hi", text="Hi", read=False)
    found = on_stage.of_bob(there)
    assert found.dmarc == "none" and words in found.paragraph and len(found.advice) == 1
    name, type, text = found.advice[0].record
    assert name == "_dmarc.alpha.example" and text == (record or "v=DMARC1; p=none; rua=mailto:dmarc@alpha.example")
    there.zone.edit(name, **{type: text})
    assert found.advice[0].then == "SPF pass, DMARC pass" and on_stage.of_bob(there).verdict == "pass"


def test_an_spf_record_that_is_broken_is_told_though_dkim_passes() -> None:
    there = on_stage.lab()
    there.zone.edit("alpha.example", TXT=["v=spf1 ip4:192.0.2.0/24 -all", "v=spf1 include:_spf.alpha.example ~all"])
    there.send(on_stage.ALICE, on_stage.BOB, subject="Hi", text="Hi", read=False)
    found = on_stage.of_bob(there)
    assert (found.spf, found.verdict) == ("permerror", "pass")
    assert [one.then for one in found.advice] == ["SPF pass, DMARC pass"]


def test_organizations_are_told_apart_by_public_suffixes() -> None:
    """alpha.co.uk and gamma.co.uk have no more in common than alpha.com and gamma.com."""
    there = on_stage.lab(on_stage.WEB)
    there.zone.edit("alpha.co.uk", TXT="v=spf1 ip4:192.0.2.80 -all")
    there.zone.edit("_dmarc.gamma.co.uk", TXT="v=DMARC1; p=reject; aspf=s; adkim=s")
    data = on_stage.letter(there, "Hi", "Hi", from_="carol@gamma.co.uk")
    found = on_stage.brought(there, data, "192.0.2.80", "web.alpha.co.uk", sender="alice@alpha.co.uk")
    assert "another organisation than gamma.co.uk" in found.paragraph
    assert not any(one.record for one in found.advice)


# -- the advice in words, followed on the stage ------------------------------------------------------------------------


def test_the_key_published_whole() -> None:
    for name in ("key-cut", "key-revoked"):
        capsule = capsule_of(name)
        whole = {("lab._domainkey.alpha.example", "TXT"): Lab(seed=1).zone("lab._domainkey.alpha.example", "TXT")}
        assert explain(capsule, dns=Changed(Recorded(capsule.dns), whole)).dkim == ("pass",), name


def test_a_list_that_leaves_it_whole() -> None:
    there = on_stage.list_lab()
    found = on_stage.by_the_list(there, on_stage.posted(there))
    assert found.verdict == "pass" and not found.advice


def test_a_list_that_writes_its_own_address_into_from() -> None:
    there = on_stage.list_lab()
    data = on_stage.with_footer(on_stage.posted(there))
    data = data.replace(b"From: alice@alpha.example", b"Reply-To: alice@alpha.example\r\nFrom: garden@gamma.example")
    assert on_stage.by_the_list(there, data).verdict == "pass"


def test_a_signer_that_writes_quoted_printable_itself() -> None:
    there = on_stage.lab()
    there.forward(on_stage.CAROL, on_stage.BOB)
    there.send(on_stage.ALICE, on_stage.CAROL, subject="Lunch", text="Café Zürich, at noon?", read=False)
    found = on_stage.of_bob(there)
    assert b"quoted-printable" in found.letter.data and found.verdict == "pass"


@pytest.mark.parametrize("srs", [False, True])
def test_forwarded_mail_that_was_signed(srs: bool) -> None:
    there = on_stage.lab()
    there.forward(on_stage.CAROL, on_stage.BOB, srs=srs)
    data = on_stage.signed(there, on_stage.letter(there, "Your booking", "Thank you.", to=on_stage.CAROL))
    assert on_stage.brought(there, data, on_stage.ALPHA, "mx.alpha.example", to=on_stage.CAROL).verdict == "pass"


def test_a_service_that_signs_as_its_customer_or_uses_a_name_of_his() -> None:
    for domain, sender in (("alpha.example", "b@letters.example"), ("letters.example", "b@bounce.alpha.example")):
        there = on_stage.lab()
        there.zone.edit("letters.example", TXT="v=spf1 ip4:203.0.113.128/25 -all")
        there.zone.edit("bounce.alpha.example", TXT="v=spf1 ip4:203.0.113.130 -all")
        data = on_stage.letter(there, "Our news", "News.", from_="news@alpha.example")
        data = on_stage.signed(there, data, domain, key="alpha.example")
        assert on_stage.brought(there, data, on_stage.ESP, "out1.letters.example", sender=sender).verdict == "pass"


def test_a_clock_that_is_right_and_a_signature_without_an_end() -> None:
    there = on_stage.lab()
    data = on_stage.signed(there, on_stage.letter(there, "Agenda", "Three items."))
    found = on_stage.brought(there, data, on_stage.ALPHA, "mx.alpha.example")
    assert found.dkim == ("pass",) and not found.advice
    told = "\n".join(one.says for one in explained("clock-ahead").advice + explained("expired").advice)
    assert "it is ahead by 1 h." in told and "it came 6 h 45 min too late" in told


def test_a_signature_without_l_breaks_when_somebody_writes_more() -> None:
    there = on_stage.lab(on_stage.STRANGER)
    data = on_stage.signed(there, on_stage.letter(there, "Payment", "Please pay.")) + b"\r\nMore.\r\n"
    found = on_stage.brought(there, data, on_stage.STRANGER, "mallory.example", sender=on_stage.MALLORY)
    assert found.verdict == "fail" and "2 lines were put under the body (“More.”)" in found.paragraph


# -- the words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("forwarded", "It looks forwarded: mx.gamma.example had taken it from 192.0.2.25 before."),
        ("forwarded-srs", "That is the forwarder, who wrote a sender of his own (SRS)"),
        ("list-footer", "2 lines were put under the body (“Gardeners' list"),
        ("list-subject", "“[Garden]” was put before the subject. Without that it is good."),
        ("list-arc", "sealed by gamma.example: pass"),
        ("recoded", "the body was 8-bit text, and was written as quoted-printable on its way"),
        ("subdomain-policy", "sp=reject at _dmarc.alpha.example, for subdomains that have none of their own"),
        ("no-such-subdomain", "np=reject at _dmarc.alpha.example, for names that are not in the DNS"),
        ("strict-alignment", "the policy asks for the very domain (aspf=s)"),
        ("broken-include", "it includes spf.closed.example, which has no SPF record"),
        ("bounce", "a message without a sender is judged by the greeting's name"),
        ("key-rotated", "When it came its receiver found dkim=pass (now permerror), dmarc=pass (now fail)"),
        ("two-policies", "alpha.example has several DMARC records, and then none of them counts"),
        ("appended", "the last 60 octets are signed by nobody"),
        (
            "look-alike",
            "xn--lpha-43d.example, which some programs show as “\u0430lpha.example”, looks like alpha.example",
        ),
    ],
)
def test_the_cause_is_named(name: str, words: str) -> None:
    assert words in explained(name).paragraph


def test_a_list_is_no_forwarder_and_its_sender_no_mistake() -> None:
    for name in ("list-footer", "list-subject", "list-arc"):
        told = str(explained(name))
        assert "looks forwarded" not in told and "envelope's sender" not in told and "Publish" not in told


# -- what was changed, taken back --------------------------------------------------------------------------------------

KEY = private_key("alpha.example")


def undone(data: bytes, lab: Lab) -> list[str]:
    found = verify_dkim(data, dns=lab.zone)
    return [one.kind for one in undo(data, found, lambda other: verify_dkim(other, dns=lab.zone)).get(0, ())]


@pytest.mark.parametrize("form", ["simple/simple", "relaxed/relaxed"])
@pytest.mark.parametrize("body", [b"Hi\r\n", b"Hi\r\n\r\nBob \t there\r\n\r\n\r\n", b"Hi"])
def test_a_footer_and_a_tag_together(form: str, body: bytes) -> None:
    lab = Lab(seed=1)
    data = b"From: alice@alpha.example\r\nSubject: Hello\r\n\r\n" + body
    signed = sign_dkim(data, "alpha.example", selector="lab", key=KEY, canonicalization=form).message
    tagged = signed.replace(b"Subject: ", b"Subject: [Garden] ")
    ended = b"" if body.endswith(b"\r\n") else b"\r\n"
    assert undone(signed, lab) == [] and undone(tagged, lab) == ["tag"]
    assert undone(signed + ended + b"-- \r\nBye\r\n", lab) == ["tail"]
    assert undone(tagged + ended + b"-- \r\nBye\r\n", lab) == ["tail", "tag"]
    assert undone(signed.replace(b"Subject: Hello", b"Subject: Other"), lab) == []
    assert undone(signed.replace(b"Hi", b"Ho"), lab) == []


@given(st.binary(max_size=200), st.binary(max_size=60))
@settings(max_examples=60, deadline=None)
def test_whatever_was_changed_it_is_found_or_not_and_nothing_breaks(body: bytes, more: bytes) -> None:
    lab = Lab(seed=1)
    data = b"From: alice@alpha.example\r\nContent-Transfer-Encoding: base64\r\n\r\n" + body
    signed = sign_dkim(data, "alpha.example", selector="lab", key=KEY, oversign=()).message
    assert set(undone(signed + more, lab)) <= {"tail", "encoding"}


# -- made unreadable ---------------------------------------------------------------------------------------------------


@EVERY
def test_redacted_nothing_of_people_is_left(name: str) -> None:
    capsule = capsule_of(name)
    hidden = explain(capsule).capsule(redact=True)
    assert len(hidden.message) == len(capsule.message) and hidden.verdicts == capsule.verdicts
    before, after = Message(capsule.message), Message(hidden.message)
    people = rb"(?<![A-Za-z.])(?:alice|bob|carol|mallory|news|garden|mailer-daemon|garden-bounces|bounce\S*|backup)@"
    assert re.search(people, before.data) and not re.search(people, without_signatures(hidden.message))
    assert not set(re.findall(rb"[A-Za-z]{3,}", before.body)) & set(re.findall(rb"[A-Za-z]+", after.body))
    assert not set(before.first("Subject").value.split()) & set(after.first("Subject").value.split())
    again = explain(hidden)
    assert not again.advice and "were made unreadable" in again.paragraph
    broken = [method for method, word in capsule.verdicts.items() if again.verdicts()[method] != word]
    assert all(method in again.paragraph for method in broken)


def without_signatures(data: bytes) -> bytes:
    """b= is letters that may happen to be a word."""
    gone = {"dkim-signature", "arc-seal", "arc-message-signature"}
    message = Message(data)
    return b"".join(one.data for one in message.fields if one.name.lower() not in gone) + message.body


def test_a_capsule_of_a_redacted_one_keeps_its_title() -> None:
    capsule = replace(capsule_of("forged"))
    assert explain(capsule).capsule(redact=["body"]).title == capsule.title
