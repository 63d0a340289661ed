"""Somebody's own message: read from whatever it was kept in, explained, kept in a capsule."""

from __future__ import annotations

import gzip
import json
import mailbox
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailedu import Lab, LabError, Zone, explain
from mailedu.acts import Ask, Rule
from mailedu.examine.answers import System, answers_of
from mailedu.examine.capsule import Capsule, read_capsule, redacted
from mailedu.examine.hops import border, delays, hops_of, read_hop
from mailedu.examine.letter import read_letter
from mailedu.message import Message

ALICE, BOB = "alice@alpha.example", "bob@beta.example"


@pytest.fixture(scope="module")
def lab() -> Lab:
    lab = Lab(seed=1)
    lab.send(ALICE, BOB, subject="Hello", text="Hi Bob", read=False)
    return lab


@pytest.fixture(scope="module")
def letter(lab: Lab) -> bytes:
    return lab.mailbox(BOB)[0]


# -- what a message may be kept in -------------------------------------------------------------------------------------


def test_a_message_is_taken_as_it_is(letter: bytes) -> None:
    found = read_letter(letter)
    assert (found.data, found.notes) == (letter, ())


def test_lines_that_lost_their_cr_get_it_back(letter: bytes, lab: Lab) -> None:
    found = explain(letter.replace(b"\r\n", b"\n"), dns=lab.zone)
    assert found.letter.data == letter and found.verdict == "pass"
    assert "note:    its lines ended with LF" in str(found)


def test_text_that_was_pasted(letter: bytes, lab: Lab) -> None:
    assert explain("\n\n" + letter.decode().replace("\r\n", "\n"), dns=lab.zone).verdicts() == {
        "spf": "pass",
        "dkim": "pass",
        "dmarc": "pass",
    }


def test_gzip(letter: bytes) -> None:
    found = read_letter(gzip.compress(letter))
    assert (found.data, found.notes) == (letter, ("unpacked from gzip",))


def test_a_gzip_bomb_is_not_unpacked() -> None:
    with pytest.raises(LabError, match="longer than 50 MB"):
        read_letter(gzip.compress(b"x" * 60_000_000, 1))


def test_a_mailbox_file_as_python_writes_it(letter: bytes, tmp_path: Path, lab: Lab) -> None:
    path = tmp_path / "box"
    box = mailbox.mbox(path)
    for at in range(3):
        box.add(letter.replace(b"\r\n", b"\n").replace(b"Hello", b"Hello %d" % at))
    box.add(letter.replace(b"\r\n", b"\n").replace(b"Hi Bob", b"From here\nHi Bob"))
    box.close()
    with pytest.raises(LabError, match="has 4 messages: say which one, from number=1 to number=4"):
        read_letter(path)
    with pytest.raises(LabError, match="there is no number 5"):
        read_letter(path, 5)
    second = read_letter(path, 2)
    assert Message(second.data).first("Subject").text == "Hello 1"
    assert second.notes[0] == "message 2 of 4 in a mailbox file"
    assert read_letter(path, 4).data == letter.replace(b"Hi Bob", b"From here\r\nHi Bob")


def test_a_message_in_a_mailbox_file_still_verifies(letter: bytes, tmp_path: Path, lab: Lab) -> None:
    box = mailbox.mbox(tmp_path / "box")
    box.add(letter.replace(b"\r\n", b"\n"))
    box.close()
    assert explain(tmp_path / "box", dns=lab.zone).dkim == ("pass",)


def test_a_maildir(letter: bytes, tmp_path: Path, lab: Lab) -> None:
    box = mailbox.Maildir(tmp_path / "Maildir")
    box.add(letter)
    assert explain(tmp_path / "Maildir", dns=lab.zone).verdict == "pass"
    with pytest.raises(LabError, match="is a folder, and no Maildir"):
        read_letter(tmp_path)


def test_the_sender_that_a_mailbox_file_names(letter: bytes) -> None:
    without = letter[letter.index(b"\r\n") + 2 :].replace(b"\r\n", b"\n")
    assert letter.startswith(b"Return-Path:")
    found = explain(b"From alice@alpha.example Mon Nov 23 09:00:00 2026\n" + without)
    assert found.given.sender == ALICE and "mailbox file" in found.given.assumed["mail_from"][1]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "There is nothing in it"),
        (b" \r\n\r\n", "There is nothing in it"),
        (b"<!DOCTYPE html><html><body>Hi</body></html>", "a web page that shows a message"),
        (b"\n  <html>", "a web page that shows a message"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Outlook .msg file"),
        (b"PK\x03\x04xxxx", "a zip"),
        (b"%PDF-1.7", "a PDF"),
        (b"Dear Bob,\n\nhow are you?", "it begins with 'Dear Bob,'"),
        (b"\x00\x01\x02", "This is no message"),
        (b"\x1f\x8b\x08garbage", "cannot be unpacked"),
        (b"From nobody\n", "no message behind it"),
        (b"x" * 50_000_001, "longer than 50 MB"),
    ],
)
def test_what_is_no_message_is_told_what_to_give(data: bytes, words: str) -> None:
    with pytest.raises(LabError, match=words):
        read_letter(data)


def test_what_is_no_source_at_all(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="this is int"):
        explain(5)  # type: ignore[arg-type]
    with pytest.raises(LabError, match="cannot be read"):
        explain(tmp_path / "nothing.eml")


@pytest.mark.parametrize(
    "data",
    [
        b"Subject: only a header",
        b"From: a@alpha.example\r\n\r\n",
        b"X: " + b"y" * 1_000_000 + b"\r\n\r\nbody",
        b"From: \xff\xfe\x00\x80\r\nReceived: \xff;\xff\r\nDKIM-Signature: \xff\r\n\r\n\xff\x00",
        b"\xff\xfe" + "From: a@alpha.example\n\nHi".encode("utf-16-le"),
        b"Received: " + b"(" * 5_000 + b"\r\nFrom: a@alpha.example\r\n\r\n",
        b"Received: from " + b"1." * 20_000 + b" by x; soon\r\nFrom: a@alpha.example\r\n\r\n",
    ],
    ids=["header", "no body", "1 MB field", "8 bit", "utf-16", "comments", "dots"],
)
def test_a_strange_message_is_explained_all_the_same(data: bytes, lab: Lab) -> None:
    found = explain(data, dns=lab.zone)
    assert found.verdict in ("pass", "fail") and str(found) and json.loads(found.to_json()) and found.to_html()


def test_parts_in_parts_in_parts(lab: Lab) -> None:
    data = b"From: a@alpha.example\r\n"
    for at in range(50):
        data += b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (at, at)
    assert len(explain(data + b"\r\nhi", dns=lab.zone).anatomy.pieces) > 10


@given(st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_whatever_it_is_it_is_a_message_or_one_sentence(data: bytes) -> None:
    try:
        found = explain(data, dns=Zone())
    except LabError as error:
        assert str(error)
    else:
        assert found.verdict in ("pass", "fail", "temperror") and found.paragraph


# -- the way it came ---------------------------------------------------------------------------------------------------

FIELDS = [
    (
        "from mail.example.org (mail.example.org [192.0.2.7]) (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 "
        "(256/256 bits)) (No client certificate requested) by mx.beta.example (Postfix) with ESMTPS id 4Abc for "
        "<bob@beta.example>; Mon, 23 Nov 2026 10:00:00 +0100 (CET)",
        dict(helo="mail.example.org", name="mail.example.org", ip="192.0.2.7", by="mx.beta.example", protocol="ESMTPS",
             id="4Abc", recipient="bob@beta.example", tls="TLS 1.3", when=datetime(2026, 11, 23, 9, tzinfo=UTC)),
    ),
    (
        "from mail-x.example.com (mail-x.example.com. [2001:db8::41]) by mx.example.net with SMTPS id a1sor1 for "
        "<b@example.net> (Google Transport Security); Mon, 23 Nov 2026 01:00:00 -0800 (PST)",
        dict(helo="mail-x.example.com", name="mail-x.example.com", ip="2001:db8::41", by="mx.example.net", tls="TLS"),
    ),
    (
        "from AM0PR01.prod.example.com (2001:db8:1::1) by VE1PR01.prod.example.com (2001:db8:1::2) with Microsoft SMTP "
        "Server (version=TLS1_2, cipher=TLS_ECDHE) id 15.20.1.1; Mon, 23 Nov 2026 09:00:00 +0000",
        dict(helo="AM0PR01.prod.example.com", ip="2001:db8:1::1", by="VE1PR01.prod.example.com", tls="TLS 1.2",
             protocol="Microsoft SMTP Server", id="15.20.1.1"),
    ),
    (
        "from [192.0.2.9] (port=4000 helo=laptop.local) by mx.example.net with esmtpsa (TLS1.3) tls TLS_AES_128 (Exim "
        "4.96) (envelope-from <carol@gamma.example>) id 1abc-0003; Mon, 23 Nov 2026 09:00:00 +0000",
        dict(helo="laptop.local", ip="192.0.2.9", by="mx.example.net", sender="carol@gamma.example", tls="TLS 1.3"),
    ),
    (
        "from unknown (HELO mail.example.org) (192.0.2.7) by mx.example.net with SMTP; 23 Nov 2026 09:00:00 -0000",
        dict(helo="mail.example.org", ip="192.0.2.7", by="mx.example.net", protocol="SMTP", tls="",
             when=datetime(2026, 11, 23, 9, tzinfo=UTC)),
    ),
    (
        "by 2002:a05:6402:1:: with SMTP id x1; Mon, 23 Nov 2026 01:00:00 -0800 (PST)",
        dict(helo="", name="", ip="", by="2002:a05:6402:1::", protocol="SMTP", id="x1"),
    ),
    (
        "(qmail 4321 invoked by uid 1000); 23 Nov 2026 09:00:00 -0000",
        dict(by="", ip="", when=datetime(2026, 11, 23, 9, tzinfo=UTC)),
    ),
    (
        "from laptop ([IPv6:2001:db8::1]) by mx.example.net with UTF8SMTPS id L1; nonsense",
        dict(ip="2001:db8::1", when=None, tls="TLS"),
    ),
    ("", dict(by="", ip="", when=None)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "told"), FIELDS)
def test_received_fields_as_servers_write_them(text: str, told: dict) -> None:
    hop = read_hop(text)
    assert {name: getattr(hop, name) for name in told} == told


@given(st.text(alphabet='frombywithd()[];:. <>1a\\"é\n', max_size=120))
@settings(max_examples=300, deadline=None)
def test_any_text_is_some_hop(text: str) -> None:
    hop = read_hop(text)
    assert hop.text == text and isinstance(hop.inside, bool)


def message_of(*received: str) -> Message:
    return Message("".join(f"Received: {text}\r\n" for text in received).encode() + b"\r\n")


def test_the_border_is_the_first_hop_from_outside() -> None:
    hops = hops_of(
        message_of(
            "from in.beta.example ([10.0.0.1]) by store.beta.example; Mon, 23 Nov 2026 09:00:30 +0000",
            "from mx.beta.example ([198.51.100.9]) by in.beta.example; Mon, 23 Nov 2026 09:00:20 +0000",
            "from out.alpha.example ([192.0.2.25]) by mx.beta.example; Mon, 23 Nov 2026 09:00:10 +0000",
            "from bank.example ([203.0.113.1]) by out.alpha.example; Mon, 23 Nov 2026 09:00:15 +0000",
        )
    )
    assert border(hops) == 2 and border(hops, 1) == 0 and border(hops, 9) == 3 and border([], 2) is None
    assert border(hops, None, "203.0.113.1") == 3, "a Received-SPF field on top names the client"
    assert delays(hops) == [10.0, 10.0, -5.0, None]


def test_forged_hops_below_the_border_are_not_believed(letter: bytes, lab: Lab) -> None:
    at = letter.index(b"DKIM-Signature")
    forged = letter[:at] + b"Received: from x.alpha.example ([192.0.2.25]) by mx.beta.example; soon\r\n" + letter[at:]
    found = explain(forged, dns=lab.zone)
    outcomes = [step.act.outcome for step in found.trace.only(Rule) if step.act.name == "examine.hop"]
    assert outcomes == ["claimed", "claimed", "believed"]


def test_what_was_given_is_not_guessed(letter: bytes, lab: Lab) -> None:
    found = explain(letter, dns=lab.zone, ip="203.0.113.66", helo="mallory.example", mail_from=ALICE)
    assert (found.given.ip, found.given.helo, found.given.sender) == ("203.0.113.66", "mallory.example", ALICE)
    assert set(found.given.assumed) == {"date"} and found.spf == "fail"
    for wrong in ({"ip": "nobody"}, {"trust_hops": 0}, {"trust_hops": "two"}, {"dns": 5}, {"dns": "a name"}):
        with pytest.raises(LabError):
            explain(letter, **wrong)


def test_a_message_that_came_nowhere_has_no_spf(lab: Lab) -> None:
    found = explain(b"From: alice@alpha.example\r\n\r\nHi", dns=lab.zone)
    assert found.findings.spf is None and "SPF could not be asked" in found.paragraph
    assert [step.act.because["missing"] for step in found.trace.only(Rule) if step.act.name == "examine.no-spf"] == [
        "address of the client"
    ]


# -- why, and what to change -------------------------------------------------------------------------------------------


def edited(lab: Lab, text: str, **types: object) -> Zone:
    zone = lab.zone.copy()
    zone.edit(text, **types)
    return zone


def test_what_passes_says_by_whom_and_no_more(letter: bytes, lab: Lab) -> None:
    found = explain(letter, dns=lab.zone)
    assert found.verdict == "pass" and not found.advice
    assert "It passes DMARC for alpha.example, by SPF alpha.example, DKIM alpha.example." in found.paragraph
    assert "not that he is honest" in found.paragraph


def test_a_host_that_the_record_does_not_name(letter: bytes, lab: Lab) -> None:
    zone = edited(lab, "alpha.example", TXT="v=spf1 ip4:192.0.2.99 -all")
    found = explain(letter.replace(b"Hi Bob", b"Hi Rob"), dns=zone)
    assert (found.verdict, found.spf, found.dkim) == ("fail", "fail", ("fail",))
    assert "good for the fields, and the body is another than was signed" in found.paragraph
    (name, type, text), then = found.advice[0].record, found.advice[0].then
    assert (name, type, text) == ("alpha.example", "TXT", "v=spf1 ip4:192.0.2.99 ip4:192.0.2.25 -all")
    assert then == "SPF pass, DMARC pass"
    zone.edit(name, **{type: text})
    assert explain(letter.replace(b"Hi Bob", b"Hi Rob"), dns=zone).verdict == "pass", "the advice is true"
    assert found.findings.differences == (
        ("spf", "pass", "fail"),
        ("dkim", "pass", "fail"),
        ("dmarc", "pass", "fail"),
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m.replace(b"Subject: Hello", b"Subject: Hallo"), "a field was changed"),
        (lambda m: m + b"-- \r\nA footer\r\n", "2 lines were put under the body (“A footer”). Without that it is good"),
        (lambda m: m.replace(b"Hi Bob", b"Hi Rob"), "the body is another than was signed"),
        (lambda m: m.replace(b"From: alice@alpha.example", b'From: "bob@beta.example" <alice@alpha.example>'),
         "The name shown in From, 'bob@beta.example', is an address that the message is not from."),
    ],
    ids=["subject", "footer", "body", "name"],
)  # fmt: skip
def test_what_was_changed_is_named(letter: bytes, lab: Lab, change, words: str) -> None:
    assert words in explain(change(letter), dns=lab.zone).paragraph


def test_a_key_that_is_gone(letter: bytes, lab: Lab) -> None:
    zone = edited(lab, "lab._domainkey.alpha.example", TXT=None)
    found = explain(letter, dns=zone)
    assert found.dkim == ("permerror",) and found.verdict == "pass", "SPF is enough"
    assert "its key at lab._domainkey.alpha.example is not there. The body is still the one that was signed." in (
        found.paragraph
    )
    changed = explain(letter.replace(b"Hi Bob", b"Hi Rob"), dns=zone)
    assert "The body is another than was signed." in changed.paragraph


def test_nobody_was_asked(letter: bytes) -> None:
    found = explain(letter)
    assert found.verdict == "temperror" and 'dns="system"' in str(found.advice[0])
    assert "nothing could be decided" in found.paragraph and "The body is still the one" in found.paragraph
    assert not found.findings.differences


def test_no_policy(letter: bytes, lab: Lab) -> None:
    found = explain(letter, dns=edited(lab, "_dmarc.alpha.example", TXT=None))
    assert (found.dmarc, found.verdict) == ("none", "pass")
    assert found.advice[-1].record == (
        "_dmarc.alpha.example",
        "TXT",
        "v=DMARC1; p=none; rua=mailto:dmarc@alpha.example",
    )
    assert found.advice[-1].then == "SPF pass, DMARC pass"


def test_a_forgery(lab: Lab) -> None:
    text = (
        b"Return-Path: <mallory@gamma.example>\r\n"
        b"Received: from mallory.example ([203.0.113.66]) by mx.beta.example with ESMTP id L9; "
        b"Mon, 23 Nov 2026 09:00:00 +0000\r\nFrom: alice@alpha.example\r\nSubject: Pay\r\n\r\nNow\r\n"
    )
    found = explain(text, dns=lab.zone)
    assert found.verdict == "fail" and "asks receivers to reject it" in found.paragraph
    assert any("sign it with d=alpha.example" in one.says for one in found.advice)


# -- who answers -------------------------------------------------------------------------------------------------------


def test_a_real_name_server_gives_the_same(letter: bytes) -> None:
    lab = Lab(seed=1)
    with lab.serve() as net:
        found = explain(letter, dns=f"127.0.0.1:{net.ports['dns']}")
    assert found.verdicts() == {"spf": "pass", "dkim": "pass", "dmarc": "pass"}
    asked = [step.act for step in found.trace.only(Ask)]
    same = explain(letter, dns=Lab(seed=1).zone)
    assert asked == [step.act for step in same.trace.only(Ask)]


def test_a_name_server_that_is_not_there_keeps_the_budget(letter: bytes) -> None:
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        dns = System("127.0.0.1", silent.getsockname()[1], seconds=0.5)
        found = explain(letter, dns=dns)
    assert found.verdict == "temperror" and dns.left <= 0
    assert "Ask again later" in str(found)


def test_what_may_answer() -> None:
    assert answers_of("[::1]:5353").resolver.port == 5353  # type: ignore[union-attr]
    for wrong in ("127.0.0.1:0", "127.0.0.1:99999", "ns.example", "", "system "):
        with pytest.raises(LabError, match="is no name server"):
            answers_of(wrong)


# -- capsules ----------------------------------------------------------------------------------------------------------


def test_a_capsule_is_replayed_without_any_dns(letter: bytes, lab: Lab, tmp_path: Path) -> None:
    found = explain(letter, dns=lab.zone)
    path = found.capsule("A good one").save(tmp_path / "good.json")
    again = explain(path)
    assert again.title == "A good one" and again.verdicts() == found.verdicts() and again.given.assumed == {}
    told = [step.act for step in found.trace if not (isinstance(step.act, Rule) and step.act.name == "examine.assumed")]
    assert [step.act for step in again.trace] == told, "the same, step by step"
    assert read_capsule(again.capsule().to_json()) == again.capsule()


@given(
    st.binary(max_size=200),
    st.dictionaries(
        st.tuples(st.sampled_from(["a.example", "b.example"]), st.sampled_from(["TXT", "A"])),
        st.tuples(st.sampled_from(["", "NXDomain", "DnsTimeout"]), st.lists(st.text(max_size=20)).map(tuple)),
    ),
    st.none() | st.text(max_size=20),
    st.integers(0, 2**40),
)
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_read(message: bytes, dns: dict, sender: str | None, date: int) -> None:
    capsule = Capsule(message, dns, "192.0.2.1", "h.example", sender, date, "é", 2, "", {"spf": "pass"}, ("body",))
    assert read_capsule(capsule.to_json()) == capsule


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "no capsule"),
        ("{}", "no capsule"),
        ('{"kind": "mailedu capsule", "version": 2}', "of version 2"),
        ('{"kind": "mailedu capsule", "version": 1}', '"message" is a list of lines'),
        ('{"kind": "mailedu capsule", "version": 1, "message": ["\\u20ac"]}', '"message" is a list of lines'),
        ('{"kind": "mailedu capsule", "version": 1, "message": [], "ip": 5}', '"ip" is int'),
        ('{"kind": "mailedu capsule", "version": 1, "message": [], "date": true}', '"date" is bool'),
        ('{"kind": "mailedu capsule", "version": 1, "message": [], "dns": [{}]}', "an answer in"),
        (
            '{"kind": "mailedu capsule", "version": 1, "message": [], "dns": '
            '[{"name": "a", "type": "TXT", "status": "x", "records": []}]}',
            "an answer in",
        ),
    ],
)
def test_what_is_no_capsule(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    path.write_text(text)
    with pytest.raises(LabError, match=words):
        explain(path)


def test_what_was_made_unreadable_is_gone_and_said(letter: bytes, lab: Lab) -> None:
    found = explain(letter, dns=lab.zone)
    hidden = found.capsule(redact=True)
    assert len(hidden.message) == len(letter)
    for word in (b"Hello", b"Hi Bob", b"alice", b"bob@"):
        assert word in letter and word not in hidden.message, word
    again = explain(hidden)
    assert hidden.verdicts == found.verdicts() and again.dkim == ("fail",)
    assert "Before that it was spf pass, dkim pass, dmarc pass; dkim cannot be computed any more" in again.paragraph
    assert not again.advice
    only = redacted(found.capsule(), ["subject"])
    assert b"Hi Bob" in only.message and only.redacted == ("subject",)
    with pytest.raises(LabError, match="there are addresses, subject, body"):
        found.capsule(redact=["date"])


# -- for programs ------------------------------------------------------------------------------------------------------


def test_hostile_text_is_text(lab: Lab) -> None:
    data = b'From: "<script>alert(1)</script>\x1b[31m" <a@alpha.example>\r\nSubject: \xe2\x80\xae<img src=x>\r\n\r\nx'
    found = explain(data, dns=lab.zone)
    assert "\x1b" not in str(found) and "\u202e" not in str(found)
    assert "<script>alert" not in found.to_html() and "<img src=x" not in found.to_html()


def test_the_data_follow_their_schema(letter: bytes, lab: Lab) -> None:
    import jsonschema

    schema = json.loads((Path(explain.__code__.co_filename).parent / "schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    strange = b"Received: x\r\nFrom: a@b\r\nDKIM-Signature: v=2\r\n\r\n"
    for found in (explain(letter, dns=lab.zone), explain(letter), explain(strange, dns=lab.zone)):
        jsonschema.validate(json.loads(found.to_json()), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(explain(letter).to_json()) | {"verdict": "maybe"}, schema)


def test_a_source_that_is_pasted_into_a_box(letter: bytes, lab: Lab) -> None:
    from mailedu.examine import paste

    widget = paste(dns=lab.zone)
    widget.button.click()
    assert widget.said.value.startswith("There is nothing in it.")
    widget.box.value = letter.decode().replace("\r\n", "\n")
    widget.button.click()
    assert widget.said.value == "pass: SPF pass, DKIM pass, DMARC pass"


def test_the_examples_of_its_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import re

    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    page = (Path(__file__).parent.parent / "docs" / "explain.md").read_text("utf-8")
    for example in re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        exec(compile(example, "docs/explain.md", "exec"), names)


def test_the_words_and_the_advice_are_the_last_steps(letter: bytes, lab: Lab) -> None:
    zone = edited(lab, "alpha.example", TXT="v=spf1 ip4:192.0.2.99 -all")
    found = explain(letter.replace(b"Hi Bob", b"Hi Rob"), dns=zone)
    told = [step.act for step in found.trace.only(Rule) if step.act.name in ("examine.told", "examine.advice")]
    assert " ".join(act.because["told"] for act in told if act.name == "examine.told") == found.paragraph
    assert [act.because["says"] for act in told if act.name == "examine.advice"] == [one.says for one in found.advice]
    assert found.trace[-1].act.verdict == f"{len(found.advice)} to do"


def test_the_way_is_drawn_with_its_border_and_its_delays() -> None:
    found = explain(
        "Received: from out.alpha.example ([192.0.2.25]) by mx.beta.example; Mon, 23 Nov 2026 09:10:00 +0000\n"
        "Received: from <b>x ([203.0.113.1]) by out.alpha.example; Mon, 23 Nov 2026 09:11:00 +0000\n"
        "Received: from y ([203.0.113.2]) by bank.example; Mon, 23 Nov 2026 07:00:00 +0000\n"
        "From: alice@alpha.example\n\nHi"
    )
    words = list(found.timeline.drawing.words())
    order = [words.index(word) for word in ("bank.example", "out.alpha.example", "mx.beta.example")]
    assert order == sorted(order)
    border = next(at for at, word in enumerate(words) if word.startswith("from outside"))
    assert order[1] < border < order[2]
    assert "2 h 11 min" in words and "1 min too early: a clock is wrong" in words
    assert "<b>" not in found.timeline.svg() and "The way, the first hop first" in repr(found.timeline)
    assert explain("From: a@b.example\n\nHi").timeline.svg().startswith("<svg")


def test_two_houses_under_one_public_suffix_are_two() -> None:
    hops = hops_of(
        message_of(
            "from in.shop.co.uk ([203.0.113.1]) by box.shop.co.uk; Mon, 23 Nov 2026 09:00:20 +0000",
            "from mx.bank.co.uk ([203.0.113.2]) by in.shop.co.uk; Mon, 23 Nov 2026 09:00:10 +0000",
            "from x.example ([203.0.113.3]) by mx.bank.co.uk; Mon, 23 Nov 2026 09:00:00 +0000",
        )
    )
    assert border(hops) == 1


def test_a_capsule_keeps_what_its_explanation_went_by(letter: bytes, lab: Lab) -> None:
    kept = explain(letter, dns=lab.zone, trust_hops=2, authserv_id="mx.beta.example").capsule()
    assert (kept.trust_hops, kept.authserv_id) == (2, "mx.beta.example")
    again = explain(kept, trust_hops=1).capsule()
    assert (again.trust_hops, again.authserv_id) == (1, "mx.beta.example")
