"""DKIM: signing and verifying, every failure by its name, what is signed and what is not, every octet named."""

import re
import time

import pytest
from ask import perform, perform_traced
from dkim_stage import DOMAIN, LETTER, NOW, because, dns, key, one, pem, retag, signed, verified, weak_record
from hypothesis import given, settings
from hypothesis import strategies as st

from mailedu.acts import Ask, Close, DnsTimeout, LabError, NXDomain, Open, Refused, Rule
from mailedu.auth.canonical import KEPT, has_bare_lf, with_crlf
from mailedu.auth.dkim import key_spans, public_record, sign, spans, verify
from mailedu.auth.dkim.field import FOREVER, WHAT, read_claim, read_copies
from mailedu.auth.dkim.hashing import MOST_SHOWN
from mailedu.auth.dkim.key import read_key
from mailedu.auth.dkim.microscope import BODY, FIELDS, LEFT_OUT, LONGEST, NEITHER, look
from mailedu.auth.dkim.tags import read_base64, read_quoted, read_tags, tag_spans, write_quoted
from mailedu.auth.dkim.verify import MOST_SIGNATURES, SLACK
from mailedu.message import Message
from mailedu.rules import rules, sentence
from mailedu.trace import Trace

FORMS = ("simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed")


# -- what goes in comes out --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["rsa", "short", "ed25519"])
@pytest.mark.parametrize("forms", FORMS)
def test_what_we_sign_we_verify(name, forms):
    message = signed(name=name, canonicalization=forms)
    assert message.endswith(LETTER)
    found = one(message, dns(lab=public_record(key("short"))) if name == "short" else None)
    assert (found.result, found.reason, found.domain) == ("pass", "", DOMAIN)
    assert found.algorithm == ("ed25519-sha256" if name == "ed25519" else "rsa-sha256")
    assert (found.body_same, found.fields_good, found.identity) == (True, True, "@alpha.example")


message_pieces = [
    b"\r\n",
    b"\n",
    b"\r",
    b"From: a@b",
    b"Subject: x",
    b": ",
    b" ",
    b"\t",
    b"x",
    b"\xff",
    b"\0",
    b"\r\n\r\n",
]


@given(st.lists(st.sampled_from(message_pieces), max_size=14).map(b"".join), st.sampled_from(FORMS), st.booleans())
@settings(max_examples=150, deadline=None)
def test_whatever_we_sign_we_verify(message, forms, length):
    made = signed(message, "ed25519", canonicalization=forms, length=length)
    assert made.endswith(with_crlf(message)) and not has_bare_lf(made)
    found = verified(made)[0][0]
    assert found.result == "pass", found


def test_the_same_arguments_give_the_same_signature_and_the_same_trace():
    once, again = (perform_traced(sign(LETTER, DOMAIN, "lab", pem(), NOW), dns()) for _ in range(2))
    assert once == again
    once, again = (perform_traced(verify(once[0], NOW), dns()) for _ in range(2))
    assert once == again
    assert Trace.from_json(once[1].to_json()) == once[1]


def test_a_key_may_come_as_pem_or_as_a_seed():
    made, _ = perform(sign(LETTER, DOMAIN, "lab", pem().decode(), NOW), dns())
    assert one(made).result == "pass"
    made, _ = perform(sign(LETTER, DOMAIN, "ed", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", NOW), dns())
    assert one(made).result == "pass"


def test_the_field_as_it_is_written():
    made = signed(
        now=NOW, length=True, valid=3600, identity="ärger@mail.alpha.example", copy=["Subject"], name="ed25519"
    )
    field = Message(made).first("DKIM-Signature")
    assert field.start == 0 and max(map(len, made.split(b"\r\n"))) <= 78
    tags = {name: tag.value.decode() for name, tag in read_tags(field.value.removesuffix(b"\r\n")).items()}
    assert list(tags) == ["v", "a", "c", "d", "s", "i", "t", "x", "l", "h", "z", "bh", "b"]
    assert (tags["t"], tags["x"], tags["i"]) == (str(NOW), str(NOW + 3600), "=C3=A4rger@mail.alpha.example")
    assert (
        tags["h"] == "from:to:subject:date:message-id:from"
        and tags["z"] == "Subject:=20=20Lunch=20=20at=0D=0A=09noon?=20"
    )
    assert one(made).identity == "ärger@mail.alpha.example"


def test_the_story_of_a_verification():
    (_, acts) = perform(verify(signed(), NOW), dns())
    assert [act for act in acts if isinstance(act, Open | Close)] == [
        Open("DKIM"), Open("DKIM, signature 1"), Close("pass"), Close("pass")
    ]  # fmt: skip
    assert [act for act in acts if isinstance(act, Ask)] == [Ask("lab._domainkey.alpha.example", "TXT")]
    assert [act.name for act in acts if isinstance(act, Rule)] == [
        "dkim.tags", "dkim.key", "dkim.body-hash", "dkim.covers", "dkim.signature", "dkim.pass"
    ]  # fmt: skip
    assert all(sentence(act) and "…" not in sentence(act) for act in acts if isinstance(act, Rule))


def test_hash_inputs_digests_and_tags_are_in_the_trace():
    _, told = verified(signed())
    assert because(told, "dkim.tags")["d"] == DOMAIN
    body, fields = because(told, "dkim.body-hash"), because(told, "dkim.signature")
    assert body["digest"] == body["bh"] == because(told, "dkim.tags")["bh"]
    assert (body["raw"], body["canonical"], body["hashed"]) == ("41", "33", "33")
    assert fields["input"].startswith("from:Alice <alice@alpha.example>\r\nto:bob@beta.example\r\n")
    assert fields["input"].endswith("; b=") and len(fields["input"]) == int(fields["hashed"])


def test_a_long_header_is_cut_in_the_trace():
    made = signed(b"X-Long: " + b"x" * 20_000 + b"\r\n" + LETTER, names="from:x-long")
    (found,), told = verified(made)
    shown = because(told, "dkim.signature")["input"]
    assert found.result == "pass" and len(shown) < MOST_SHOWN + 100 and "more octets)" in shown


def test_a_long_body_is_not_in_the_trace():
    made = signed(LETTER + b"A long story.\r\n" * 100_000)
    _, trace = perform_traced(verify(made, NOW), dns())
    assert len(trace.to_json()) < 20_000


# -- failures, by their names ------------------------------------------------------------------------------------------


def test_no_signature():
    signatures, told = verified(LETTER)
    assert signatures == () and [rule.name for rule in told] == ["dkim.unsigned"]


SYNTAX = {  # what is written in place of a good tag -> the rule, and what the reason says
    "no tag=value": ({"q": "dns/txt; nonsense"}, "dkim.tag-list", "no tag=value"),
    "empty tag": ({"q": "dns/txt;"}, "dkim.tag-list", "no tag=value"),
    "a control": ({"q": "dns\x01/txt"}, "dkim.tag-list", "no tag=value"),
    "a CR": ({"q": "dns\r/txt"}, "dkim.tag-list", "no tag=value"),
    "two tags": ({"q": "dns/txt; s=lab"}, "dkim.duplicate-tag", "two s= tags"),
    "tags are case-sensitive": ({"v": None, "V": "1"}, "dkim.missing-tag", "v= is missing"),
    "version 2": ({"v": "2"}, "dkim.version", "version"),
    "version 1.0": ({"v": "1.0"}, "dkim.version", "version"),
    "version 01": ({"v": "01"}, "dkim.version", "version"),
    "no version": ({"v": None}, "dkim.missing-tag", "v="),
    "no algorithm": ({"a": None}, "dkim.missing-tag", "a="),
    "no b": ({"b": None}, "dkim.missing-tag", "b="),
    "no bh": ({"bh": None}, "dkim.missing-tag", "bh="),
    "no domain": ({"d": None}, "dkim.missing-tag", "d="),
    "no h": ({"h": None}, "dkim.missing-tag", "h="),
    "no selector": ({"s": None}, "dkim.missing-tag", "s="),
    "rsa-sha1": ({"a": "rsa-sha1"}, "dkim.historic-algorithm", "rsa-sha1"),
    "rsa-sha512": ({"a": "rsa-sha512"}, "dkim.unknown-algorithm", "rsa-sha512"),
    "RSA-SHA256": ({"a": "RSA-SHA256"}, "dkim.unknown-algorithm", "RSA-SHA256"),
    "a=": ({"a": ""}, "dkim.unknown-algorithm", "unknown"),
    "b is empty": ({"b": ""}, "dkim.base64", "b= is not base64: it is empty"),
    "b has 73 characters": ({"b": "x" * 73}, "dkim.base64", "73 characters"),
    "b is not base64": ({"b": "a?b="}, "dkim.base64", "not of base64"),
    "b has = inside": ({"b": "ab==abcd"}, "dkim.base64", "b= is not base64"),
    "bh is not base64": ({"bh": "****"}, "dkim.base64", "bh= is not base64"),
    "one form too many": ({"c": "relaxed/relaxed/relaxed"}, "dkim.unknown-form", "relaxed/relaxed/relaxed"),
    "unknown form": ({"c": "nowsp"}, "dkim.unknown-form", "nowsp"),
    "half a form": ({"c": "relaxed/"}, "dkim.unknown-form", "relaxed/"),
    "d= is empty": ({"d": ""}, "dkim.tag-value", "d= is not a domain name"),
    "d= has no dot": ({"d": "example"}, "dkim.tag-value", "domain"),
    "d= ends with a dot": ({"d": "alpha.example."}, "dkim.tag-value", "domain"),
    "d= has an empty label": ({"d": "alpha..example"}, "dkim.tag-value", "domain"),
    "d= is an address": ({"d": "[192.0.2.1]"}, "dkim.tag-value", "domain"),
    "d= has a blank": ({"d": "alpha .example"}, "dkim.tag-value", "domain"),
    "d= is too long": ({"d": "a." * 130 + "example"}, "dkim.tag-value", "domain"),
    "d= has a long label": ({"d": "a" * 64 + ".example"}, "dkim.tag-value", "domain"),
    "d= begins with a hyphen": ({"d": "-alpha.example"}, "dkim.tag-value", "domain"),
    "s= is empty": ({"s": ""}, "dkim.tag-value", "s= is not a selector"),
    "s= has a slash": ({"s": "a/b"}, "dkim.tag-value", "selector"),
    "h= is empty": ({"h": ""}, "dkim.tag-value", "h= is not a list of field names"),
    "h= has a hole": ({"h": "from::to"}, "dkim.tag-value", "h="),
    "h= has a blank in a name": ({"h": "from:mess age"}, "dkim.tag-value", "h="),
    "h= ends with a colon": ({"h": "from:to:"}, "dkim.tag-value", "h="),
    "h= is not ASCII": ({"h": "from:tö"}, "dkim.tag-value", "h="),
    "h= without From": ({"h": "to:subject"}, "dkim.from-not-signed", "From"),
    "i= elsewhere": ({"i": "@beta.example"}, "dkim.identity", "not at alpha.example"),
    "i= above d=": ({"i": "@example"}, "dkim.identity", "not at alpha.example"),
    "i= only ends like d=": ({"i": "@nalpha.example"}, "dkim.identity", "not at alpha.example"),
    "i= without @": ({"i": "alpha.example"}, "dkim.tag-value", "i= is not an address"),
    "i= is not quoted": ({"i": "a b=c@alpha.example"}, "dkim.tag-value", "i= is not quoted-printable"),
    "i= has small hexadecimals": ({"i": "a=2eb@alpha.example"}, "dkim.tag-value", "quoted-printable"),
    "i= with bad UTF-8": ({"i": "a=FF@alpha.example"}, "dkim.tag-value", "quoted-printable"),
    "i= with a bare dot": ({"i": "a..b@alpha.example"}, "dkim.tag-value", "an address"),
    "l= is negative": ({"l": "-1"}, "dkim.tag-value", "l= is not a number"),
    "l= is a word": ({"l": "all"}, "dkim.tag-value", "l="),
    "l= is empty": ({"l": ""}, "dkim.tag-value", "l="),
    "l= has 77 digits": ({"l": "1" * 77}, "dkim.tag-value", "76 digits"),
    "q= unknown": ({"q": "http/json"}, "dkim.query", "no known way"),
    "q= without txt": ({"q": "dns"}, "dkim.query", "no known way"),
    "t= is a word": ({"t": "now"}, "dkim.tag-value", "t= is not a number"),
    "x= is a word": ({"x": "never"}, "dkim.tag-value", "x="),
    "x= before t=": ({"t": "2000000000", "x": "1999999999"}, "dkim.expiry-order", "not after"),
    "x= at t=": ({"t": "5", "x": "5"}, "dkim.expiry-order", "not after"),
    "t= in the future": ({"t": str(NOW + SLACK + 1)}, "dkim.future", "future"),
    "t= of 13 digits": ({"t": "1" * 13}, "dkim.future", "future"),
    "x= is past": ({"t": "1", "x": str(NOW - SLACK - 1)}, "dkim.expired", "expired"),
}


@pytest.mark.parametrize("name", SYNTAX)
def test_what_is_wrong_with_the_field(name):
    tags, rule, reason = SYNTAX[name]
    (found,), told = verified(retag(signed(name="ed25519"), **tags))
    assert (found.rule, reason in found.reason) == (rule, True), found
    assert found.result == ("fail" if rule == "dkim.historic-algorithm" else "permerror")
    assert (found.body_same, found.fields_good) == (None, None) and not [r for r in told if r.name == "dkim.key"]


GOOD_TAGS = {
    "unknown tags": {"foo": "bar baz", "r2_D2": ""},
    "q= lists": {"q": "http/json : dns/txt"},
    "q= with a fold": {"q": "x/y :\r\n\tdns/txt"},
    "folds everywhere": {"d": "\r\n alpha.example\r\n\t", "s": " lab "},
    "d= in capitals": {"d": "ALPHA.Example"},
    "i= below d=": {"i": "bob=2Bnews@a.b.alpha.example"},
    "i= in other capitals": {"i": "@Alpha.EXAMPLE"},
    "i= quoted": {"i": '"a=20b"@alpha.example'},
    "i= folded": {"i": "bo\r\n b@alpha\r\n .example"},
    "h= folded": {"h": "From :\r\n To:\tSubject"},
    "h= in capitals": {"h": "FROM:TO"},
    "c=relaxed": {"c": "relaxed"},
    "t= of 12 digits, no clock": {"t": "9" * 12},
    "x= of 13 digits": {"x": "1" * 13},
    "l= of 76 digits": {"l": "0" * 76},
    "b= with blanks": {"b": "QUJD RE\r\n\tVG"},
}


@pytest.mark.parametrize("name", GOOD_TAGS)
def test_what_is_allowed_in_the_field(name):
    field = Message(retag(signed(), **GOOD_TAGS[name])).first("DKIM-Signature")
    claim = read_claim(field.data)
    assert claim.domain == DOMAIN and claim.key_name == "lab._domainkey.alpha.example"


def test_values_are_read():
    read = lambda **tags: read_claim(Message(retag(signed(), **tags)).first("DKIM-Signature").data)  # noqa: E731
    assert read(i="bob=2Bnews@a.alpha.example").identity == "bob+news@a.alpha.example"
    assert read(l="12").length == 12 and read(l="0" * 76).length == 0
    assert read(x="1" * 13).expires == FOREVER
    assert read(h=" From :\r\n To").names == ("from", "to")
    assert (read(c="relaxed").field_form, read(c="relaxed").body_form) == ("relaxed", "simple")
    assert (read(c=None).field_form, read(c=None).body_form) == ("simple", "simple")
    copies = read(z="From:a=40b|Subject:one=20=7C=20two|\r\n To:x")
    assert read_copies(copies.tags["z"]) == [("From", "a@b"), ("Subject", "one | two"), ("To", "x")]
    for bad in ("no colon", "A:=zz", ":x"):
        with pytest.raises(Refused):
            read_copies(read(z=bad).tags["z"])


def test_u_labels_are_asked_for_as_a_labels():
    """RFC 8616 §5."""
    made, _ = perform(
        sign(LETTER, "grüße.example", "schlüssel", key("ed25519"), NOW, identity="jörg@grüße.example"), dns()
    )
    name = "xn--schlssel-95a._domainkey.xn--gre-6ka8l.example"
    [found], acts = perform(verify(made, NOW), lambda asked, type: (public_record(key("ed25519")),))
    assert [act for act in acts if isinstance(act, Ask)] == [Ask(name, "TXT")]
    assert (found.result, found.domain, found.identity) == ("pass", "xn--gre-6ka8l.example", "jörg@grüße.example")


RSA = public_record(key())
P = RSA.partition("p=")[2]
KEYS = {  # record(s) or trouble -> rule, result
    "time-out": (DnsTimeout(), "dkim.key-unavailable", "temperror"),
    "no such name": (NXDomain(), "dkim.no-key", "permerror"),
    "no such record": ((), "dkim.no-key", "permerror"),
    "revoked": ("v=DKIM1; p=", "dkim.revoked", "permerror"),
    "revoked with blanks": ("v=DKIM1; p= ; t=y", "dkim.revoked", "permerror"),
    "no p=": ("v=DKIM1; k=rsa", "dkim.key-syntax", "permerror"),
    "empty record": ("", "dkim.key-syntax", "permerror"),
    "prose": ("this is our key", "dkim.key-syntax", "permerror"),
    "SPF record": ("v=spf1 -all", "dkim.key-version", "permerror"),
    "two p=": (f"p={P}; p={P}", "dkim.key-syntax", "permerror"),
    "DKIM2": (f"v=DKIM2; p={P}", "dkim.key-version", "permerror"),
    "dkim1": (f"v=dkim1; p={P}", "dkim.key-version", "permerror"),
    "v= is not the first": (f"p={P}; v=DKIM1", "dkim.key-version", "permerror"),
    "not base64": ("p=hello, world", "dkim.key-base64", "permerror"),
    "base64 cut off": (f"p={P[:-1]}", "dkim.key-base64", "permerror"),
    "no key": ("p=QUJD", "dkim.key-form", "permerror"),
    "key cut off": (f"p={P[:200]}", "dkim.key-form", "permerror"),
    "an Ed25519 key as RSA": (
        public_record(key("ed25519")).replace("k=ed25519", "k=rsa"),
        "dkim.key-form",
        "permerror",
    ),
    "an RSA key as Ed25519": (f"k=ed25519; p={P}", "dkim.key-form", "permerror"),
    "another algorithm": (public_record(key("ed25519")), "dkim.key-algorithm", "permerror"),
    "unknown type": (f"k=rsa-sha256; p={P}", "dkim.key-type", "permerror"),
    "type in capitals": (f"k=RSA; p={P}", "dkim.key-type", "permerror"),
    "sha1 only": (f"h=sha1; p={P}", "dkim.key-hash", "permerror"),
    "h= is empty": (f"h=; p={P}", "dkim.key-hash", "permerror"),
    "for reports only": (f"s=tlsrpt; p={P}", "dkim.key-service", "permerror"),
    "s= is empty": (f"s=; p={P}", "dkim.key-service", "permerror"),
    "768 bits": (weak_record(768), "dkim.weak-key", "fail"),
    "1023 bits": (weak_record(1023), "dkim.weak-key", "fail"),
    "another key": (public_record(key("other")), "dkim.signature-differs", "fail"),
    "another length": (public_record(key("short")), "dkim.signature-length", "fail"),
    "two bad records": (("nonsense", "p="), "dkim.key-syntax", "permerror"),
}


@pytest.mark.parametrize("name", KEYS)
def test_what_is_wrong_with_the_key(name):
    record, rule, result = KEYS[name]
    (found,), told = verified(signed(), dns(record))
    assert (found.rule, found.result) == (rule, result) and found.reason
    assert told[-1].name == rule and told[-1].outcome == result and "…" not in sentence(told[-1])


@pytest.mark.parametrize(
    "record",
    [
        f"p={P}",
        f"v=DKIM1; p={P}",
        f"v=DKIM1;k=rsa;p={P};",
        f"v=DKIM1; h=sha1:sha256; s=tlsrpt : email; n=hello=20world; g=*; zz=top; p={P}",
        f"h=sha256; s=*; p={P[:40]} {P[40:]}",
        f"t=z:q; p={P}",
        f"t=s; p={P}",
        (f"p={public_record(key('other')).partition('p=')[2]}", RSA),
        ("v=spf1 -all", RSA),
        (RSA, "p="),
    ],
)
def test_keys_that_fit(record):
    assert one(signed(), dns(record)).result == "pass"


def test_a_bare_rsa_public_key_fits_too():
    """RFC 6376 §3.6.1 says RSAPublicKey; the world publishes SubjectPublicKeyInfo."""
    from base64 import b64encode

    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    bare = key().public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    assert one(signed(), dns(f"p={b64encode(bare).decode()}")).result == "pass"


def test_several_records_are_tried_in_turn():
    _, told = verified(signed(), dns((public_record(key("other")), RSA)))
    assert [rule.name for rule in told if "key" in rule.name] == ["dkim.several-keys", "dkim.key", "dkim.key"]
    assert one(signed(), dns(("nonsense",) * 10 + (RSA,))).rule == "dkim.key-syntax"  # ten are enough


def test_key_flags():
    below = signed(identity="bob@news.alpha.example")
    assert one(below).result == "pass"
    assert one(below, dns(f"t=y:s; p={P}")).rule == "dkim.strict"
    assert one(signed(identity="bob@ALPHA.example"), dns(f"t=s; p={P}")).result == "pass"
    (found,), told = verified(signed(), dns(f"t=y; p={P}"))
    assert found.testing and found.result == "pass" and "dkim.testing" in [rule.name for rule in told]
    assert not one(signed()).testing


def test_the_key_is_asked_for_only_when_the_field_is_right():
    assert not [act for act in perform(verify(retag(signed(), v="2"), NOW), dns())[1] if isinstance(act, Ask)]


def test_times():
    made = signed(valid=3600)
    assert one(made, now=NOW - SLACK).result == "pass" and one(made, now=NOW - SLACK - 1).rule == "dkim.future"
    assert one(made, now=NOW + 3600 + SLACK).result == "pass"
    assert one(made, now=NOW + 3600 + SLACK + 1).rule == "dkim.expired"
    assert one(made, now=None).result == "pass"


# -- what is signed, and what is not -----------------------------------------------------------------------------------


def test_a_changed_body_fails_and_the_fields_are_still_checked():
    (found,), told = verified(signed().replace(b"soon", b"later"))
    assert (found.result, found.rule, found.body_same, found.fields_good) == ("fail", "dkim.body-differs", False, True)
    assert because(told, "dkim.body-hash")["digest"] != because(told, "dkim.body-hash")["bh"]
    assert [rule.outcome for rule in told if rule.name == "dkim.signature"] == ["good"]


def test_a_changed_field_fails_and_the_body_is_the_same():
    (found,), told = verified(signed().replace(b"Lunch", b"Dinner"))
    assert (found.rule, found.body_same, found.fields_good) == ("dkim.signature-differs", True, False)
    assert [rule.outcome for rule in told if rule.name == "dkim.body-hash"] == ["same"]


def test_a_body_hash_that_was_made_to_fit_breaks_the_signature():
    """There is one signature: b= covers bh=."""
    changed = signed().replace(b"soon", b"later")
    _, told = verified(changed)
    repaired = changed.replace(*(because(told, "dkim.body-hash")[name].encode() for name in ("bh", "digest")))
    found = one(repaired)
    assert (found.rule, found.body_same, found.fields_good) == ("dkim.signature-differs", True, False)


def test_every_letter_of_a_signed_message():
    """In simple/simple each letter that the microscope shows in a hash changes that hash, and no other letter does."""
    made = signed(name="ed25519", canonicalization="simple/simple", length=30)
    view, seen = look(made), set()
    for n in range(len(made)):
        if not made[n : n + 1].isalnum():
            continue
        part = view.part_at(n)
        found, _ = verified(made[:n] + bytes([made[n] ^ 1]) + made[n + 1 :])
        seen.add((part.hash, part.start == 0))
        if part.hash == NEITHER:
            assert found[0].result == "pass"
        elif part.hash == BODY:
            assert (found[0].body_same, found[0].fields_good) == (False, True)
        elif part.start:
            assert (found[0].body_same, found[0].fields_good) == (True, False)
        elif made[n + 1 : n + 3] != b"==":  # half of the last letter of base64 means nothing
            assert not found or found[0].result != "pass"
    assert seen == {(NEITHER, False), (BODY, False), (FIELDS, False), (FIELDS, True)}


def test_unsigned_fields_may_change_and_are_named():
    (found,), told = verified(b"X-New: 1\r\n" + signed().replace(b"from laptop", b"from attacker"))
    assert found.result == "pass" and found.unsigned_fields == ("X-New", "Received") and found.start == 10
    assert because(told, "dkim.covers")["unsigned"] == "X-New, Received"


def test_h_counts_from_the_bottom_up():
    """RFC 6376 §5.4.2: of A, B, C two are signed: C, then B."""
    three = b"X: A\r\nX: B\r\nX: C\r\n" + LETTER
    made = signed(three, names="from:x:x")
    assert "x:C\r\nx:B\r\n" in because(verified(made)[1], "dkim.signature")["input"]
    assert one(made.replace(b"X: A", b"X: Z")).result == "pass"
    assert one(made.replace(b"X: B", b"X: Z")).rule == "dkim.signature-differs"
    assert one(made.replace(b"X: B\r\nX: C", b"X: C\r\nX: B")).rule == "dkim.signature-differs"
    assert one(made.replace(b"X: A\r\n", b"")).result == "pass"
    assert one(b"X: new\r\n" + made).result == "pass"


def test_a_field_signed_once_more_than_it_is_there_cannot_be_added():
    once, over = signed(names="from:subject"), signed(names="from:subject:subject")
    (found,), told = verified(b"Subject: another\r\n" + once)
    assert found.result == "pass" and because(told, "dkim.added-again")["names"] == "subject"
    assert one(b"Subject: another\r\n" + over).rule == "dkim.signature-differs"
    assert one(b"From: boss@bank.example\r\n" + signed()).rule == "dkim.signature-differs"  # From, by default
    assert one(b"Reply-To: m@mallory.example\r\n" + signed(names="from:reply-to")).rule == "dkim.signature-differs"


def test_a_signature_may_sign_another_but_never_itself():
    inner = signed(name="ed25519")
    outer = signed(inner, names="from:dkim-signature:dkim-signature")
    assert [found.result for found in verified(outer)[0]] == ["pass", "pass"]
    changed = outer.replace(b" s=ed;", b" s=ee;")
    assert [found.rule for found in verified(changed)[0]] == ["dkim.signature-differs", "dkim.no-key"]


def test_the_length():
    made = signed(length=True)
    assert one(made).unsigned_octets == 0
    (found,), told = verified(made + b"Buy now!\r\n")
    assert (found.result, found.unsigned_octets) == ("pass", len(b"\r\n\r\nBuy now!\r\n"))
    assert because(told, "dkim.unsigned-tail") == {"l": "33", "octets": "14"}
    assert one(made.replace(b"Hello", b"Hallo")).rule == "dkim.body-differs"
    nothing = signed(length=0)
    assert one(nothing.replace(LETTER[LETTER.index(b"Hello") :], b"Anything.\r\n")).result == "pass"
    short = signed(length=10)
    assert one(short + b"more").result == "pass"
    cut = short[: short.index(b"\r\n\r\n") + 4] + b"Hell"
    (found,), told = verified(cut)
    assert found.rule == "dkim.length" and because(told, "dkim.length") == {"l": "10", "canonical": "6"}
    assert one(retag(signed(), l="9" * 76)).rule == "dkim.length"


def test_several_signatures_each_with_its_own_result():
    made = signed(signed(signed(name="ed25519"), selector="gone"), canonicalization="simple/simple")
    results = [(found.selector, found.result, found.rule) for found in verified(made)[0]]
    assert results == [("lab", "pass", "dkim.pass"), ("gone", "permerror", "dkim.no-key"), ("ed", "pass", "dkim.pass")]
    assert perform(verify(made, NOW), dns())[1][-1] == Close("pass")
    assert perform(verify(made.replace(b"soon", b"late"), NOW), dns())[1][-1] == Close("fail")
    assert [found.start for found in verified(made)[0]] == [f.start for f in Message(made).all("dkim-signature")]


def test_a_relay_may_rewrap_what_is_relaxed():
    made = signed()
    wrapped = made.replace(b"Subject:  Lunch  at\r\n\tnoon? \r\n", b"SUBJECT: Lunch at noon?\r\n")
    wrapped = wrapped.replace(b"see  you \t soon.", b"see you soon.   ")
    assert one(wrapped).result == "pass"
    strict = signed(canonicalization="simple/simple")
    assert one(strict.replace(b"Subject:  Lunch", b"Subject: Lunch")).rule == "dkim.signature-differs"


def test_line_ends_of_a_file():
    """A message kept with LF alone verifies as it did on the wire."""
    for forms in FORMS:
        kept = signed(canonicalization=forms).replace(b"\r\n", b"\n")
        (found,), told = verified(kept)
        assert found.result == "pass" and "dkim.line-ends" in [rule.name for rule in told]
        assert one(signed(LETTER.replace(b"\r\n", b"\n"), canonicalization=forms)).result == "pass"


# -- bad input: a named result, in no time -----------------------------------------------------------------------------


def in_time(message: bytes, seconds: float = 20.0):
    start = time.process_time()
    signatures, _ = verified(message)
    assert time.process_time() - start < seconds
    return signatures


def test_a_header_of_a_megabyte():
    made = signed(b"X-Long: " + b"x" * 1_000_000 + b"\r\n" + LETTER, names="from:x-long")
    assert in_time(made)[0].result == "pass"
    assert in_time(b"X: 1\r\n" * 160_000 + signed())[0].result == "pass"
    assert in_time(b"X:" + b"\r\n \t" * 250_000 + b"\r\n" + signed(names="from:x"))[0].rule == "dkim.signature-differs"


def test_ten_thousand_names():
    many = b"".join(b"X-%d: %d\r\n" % (n, n) for n in range(10_000))
    names = ["from", *(f"x-{n}" for n in range(10_000))]
    assert in_time(signed(many + LETTER, names=names))[0].result == "pass"
    assert in_time(signed(names=["from"] * 10_000))[0].result == "pass"


def test_a_thousand_signatures():
    made = signed(name="ed25519")
    field = made[: len(made) - len(LETTER)]
    found = in_time(field * 1000 + LETTER)
    assert {one.result for one in found[:MOST_SIGNATURES]} == {"pass"} and len(found) == 1000
    assert {(one.result, one.rule) for one in found[MOST_SIGNATURES:]} == {("policy", "dkim.too-many")}


def test_two_signatures_with_equal_tags():
    made = signed()
    assert [found.result for found in verified(made[: len(made) - len(LETTER)] + made)[0]] == ["pass", "pass"]


def test_a_signature_that_was_cut_off():
    made = signed()
    value = re.search(rb" b=([^;]*?)\r\n[^ ]", made)[1]
    for length in (4, 172, len(value) - 40):
        cut = b"".join(value.split())[: length // 4 * 4]
        found = one(made.replace(value, cut))
        assert found.rule == "dkim.signature-length" and "not 256" in found.reason
    assert one(made.replace(value, value[:-6])).rule == "dkim.base64"


@pytest.mark.parametrize(
    "message, rule",
    [
        (b"DKIM-Signature:\r\n\r\n", "dkim.missing-tag"),
        (b"DKIM-Signature:", "dkim.missing-tag"),
        (b"DKIM-Signature: \r\n \r\n\t\r\n\r\n", "dkim.tag-list"),
        (b"DKIM-Signature: v\r\n", "dkim.tag-list"),
        (b"DKIM-Signature: =\r\n", "dkim.tag-list"),
        (b"DKIM-Signature: ;\r\n", "dkim.tag-list"),
        (b"DKIM-Signature: v=1;;\r\n", "dkim.tag-list"),
        (b"DKIM-Signature: 1v=1\r\n", "dkim.tag-list"),
        (b"DKIM-Signature: v=\xff\xfe\r\n", "dkim.version"),
        (b"DKIM-Signature: v=\0\r\n", "dkim.tag-list"),
        (b"dkim-signature : v=1\r\n\r\nbody", "dkim.missing-tag"),
        (b"DKIM-Signature: v=1; d=\xff.example; a=rsa-sha256; b=QUJD; bh=QUJD; h=from; s=x\r\n", "dkim.tag-value"),
        (b"DKIM-Signature: v=1\n\nbody", "dkim.missing-tag"),
    ],
)
def test_odd_fields(message, rule):
    assert one(message).rule == rule


def test_folds_in_odd_places():
    made = signed(canonicalization="relaxed/relaxed")
    for odd in (b"v\r\n =\r\n\t1", b" v = 1", b"v=\r\n 1 "):
        changed = made.replace(b"v=1", odd, 1)
        assert one(changed).rule in ("dkim.pass", "dkim.signature-differs"), odd  # read, whatever it does to the hash
    assert one(made.replace(b" d=alpha", b"\r\n\td=alpha", 1)).result == "pass"
    assert one(made.replace(b"a=rsa-sha256", b"a=rsa-\r\n sha256", 1)).rule == "dkim.unknown-algorithm"


def test_messages_without_a_body_or_without_from():
    for message in (b"From: a@alpha.example\r\n", b"From: a@alpha.example", b"From: a@alpha.example\r\n\r\n"):
        for forms in FORMS:
            assert one(signed(message, canonicalization=forms)).result == "pass"
    assert one(signed(b"To: b@beta.example\r\n\r\nx\r\n")).result == "pass"  # From is signed as missing (§5.4)
    assert one(b"From: a@b\r\n" + signed(b"To: b@beta.example\r\n\r\nx\r\n")).rule == "dkim.signature-differs"
    assert one(signed(b"")).result == one(signed(b"only a body\r\n")).result == "pass"


@given(st.integers(0, 700), st.binary(min_size=1, max_size=3), st.sampled_from(FORMS))
@settings(max_examples=200, deadline=None)
def test_no_change_breaks_the_verifier(at, octets, forms):
    made = signed(name="ed25519", canonicalization=forms)
    signatures, told = verified(made[:at] + octets + made[at + 1 :])
    for found in signatures:
        assert found.result in ("pass", "fail", "temperror", "permerror", "policy")
        assert found.rule in rules() and (found.reason or found.result == "pass")
    assert all(rule.name in rules() for rule in told)


@given(st.binary(max_size=80))
@settings(max_examples=200, deadline=None)
def test_no_field_breaks_the_verifier(value):
    value = value.replace(b"\n", b"")
    assert one(b"DKIM-Signature:" + value + b"\r\nFrom: a@b\r\n\r\n").result in ("permerror", "fail")


@given(st.one_of(st.text(max_size=60), st.text("vkptsh=;: DKIM1rsae25519QUJD", max_size=60)))
@settings(max_examples=300, deadline=None)
def test_no_key_record_breaks_the_verifier(record):
    try:
        assert read_key(record).type in ("rsa", "ed25519")
    except Refused as no:
        assert no.rule in rules() and str(no)


# -- what the notebook's user asks for ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"domain": "alpha"},
        {"domain": ""},
        {"domain": "alpha example.example"},
        {"selector": ""},
        {"selector": "a b"},
        {"canonicalization": "nowsp"},
        {"canonicalization": "relaxed/"},
        {"names": "to:subject"},
        {"names": ["from", "su bject"]},
        {"names": ["from", "x;y"]},
        {"names": []},
        {"identity": "bob"},
        {"identity": "bob@beta.example"},
        {"identity": "b..b@alpha.example"},
        {"length": 1000},
        {"length": -1},
        {"key": "no key"},
        {"key": b"-----BEGIN RSA PRIVATE KEY-----\nQUJD\n-----END RSA PRIVATE KEY-----\n"},
        {"key": 7},
    ],
)
def test_what_cannot_be_signed_is_said(options):
    options = {"domain": DOMAIN, "selector": "lab", "key": key()} | options
    with pytest.raises(LabError, match=r"give|put|take"):
        perform(sign(LETTER, options.pop("domain"), options.pop("selector"), options.pop("key"), NOW, **options), dns())


def test_a_short_key_may_not_sign():
    from cryptography.hazmat.primitives.asymmetric import rsa

    p, q, e = 2**256 - 189, 2**256 - 357, 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    weak = rsa.RSAPrivateNumbers(
        p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(e, p * q)
    ).private_key(unsafe_skip_rsa_key_validation=True)
    with pytest.raises(LabError, match="512 bits may not sign"):
        perform(sign(LETTER, DOMAIN, "lab", weak, NOW), dns())


# -- encodings and lists -----------------------------------------------------------------------------------------------


@given(st.binary(max_size=30))
@settings(deadline=None)
def test_quoted_printable_there_and_back(octets):
    written = write_quoted(octets, b"|")
    assert read_quoted(written) == octets and re.fullmatch(rb"[!-:<-{}~]*", written)


@pytest.mark.parametrize(
    "text", [b"", b"A", b"AB=C", b"ABC", b"AB==C", b"====", b"A===", b"AB CD E", b"\xff\xff\xff\xff"]
)
def test_what_is_no_base64(text):
    with pytest.raises(ValueError, match="it "):
        read_base64(text)


def test_tag_lists():
    assert [tag.value for tag in read_tags(b" a = 1 2 ;\r\n\tb=\r\n x ; c=; ").values()] == [b"1 2", b"x", b""]
    assert read_tags(b"") == {} and list(read_tags(b"a=1;")) == ["a"]
    assert read_tags("a=grün".encode())["a"].value == "grün".encode()
    assert read_tags(b"a==b=c")["a"].value == b"=b=c"
    for bad in (b"a", b"a;b=1", b"a=1;;b=2", b";a=1", b"a=1; b", b"a b=1", b"-a=1", b"a=1\x00", b"a=1\nb", b"\na=1"):
        with pytest.raises(Refused):
            read_tags(bad)
    start = time.process_time()
    for long in (b" " * 1_000_000, b"a" * 1_000_000, b"a=" + b" x" * 500_000, b"a=1;" * 250_000, b"\r\n " * 300_000):
        tag_spans(long, WHAT)
        try:
            read_tags(long)
        except Refused as no:
            assert no.rule in ("dkim.tag-list", "dkim.duplicate-tag")
    assert time.process_time() - start < 20


# -- what each octet is ------------------------------------------------------------------------------------------------


@given(st.binary(max_size=60), st.sampled_from([b"DKIM-Signature:", b"DKIM-Signature : v=1;", b""]), st.booleans())
@settings(max_examples=300, deadline=None)
def test_every_octet_has_a_name(octets, before, key_record):
    if key_record:
        found = key_spans((data := octets).decode("latin-1"))
    else:
        found = spans(data := before + octets)
    assert sum(length for length, _ in found) == len(data) and all(length > 0 and name for length, name in found)


def test_the_names_of_a_field():
    assert spans(b"DKIM-Signature: v=1; h=from :\r\n to; b=QUJD;\r\n zz=1\r\n") == [
        (14, "field name"), (1, "colon"), (1, "blank"), (1, "tag"), (1, "="), (1, "version"), (1, ";"),
        (1, "blank"), (1, "tag"), (1, "="), (11, "signed fields"), (1, ";"),
        (1, "blank"), (1, "tag"), (1, "="), (4, "signature"), (1, ";"),
        (3, "blank"), (2, "tag"), (1, "="), (1, "unknown tag's value"), (2, "CRLF"),
    ]  # fmt: skip
    assert key_spans("v=DKIM1; p=") == [
        (1, "tag"), (1, "="), (5, "version"), (1, ";"), (1, "blank"), (1, "tag"), (1, "=")
    ]  # fmt: skip
    assert key_spans("v=DKIM1; nonsense")[-1] == (9, "garbage")


# -- the microscope ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("forms", FORMS)
@pytest.mark.parametrize("length", [False, True, 0, 7, 20])
@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
def test_the_microscope_shows_what_is_hashed(forms, length, line_end):
    made = signed(
        b"X: 1\r\nX:  2\r\n" + LETTER, "ed25519", canonicalization=forms, length=length, names="from:x:subject:x:x"
    )
    made = made.replace(b"; b=", b";\r\n b = ") if forms.startswith("relaxed") else made
    made = made.replace(b"\r\n", line_end)
    view = look(made)
    (found,), told = verified(made)
    assert found.body_same
    assert view.fields_input.decode("latin-1") == because(told, "dkim.signature")["input"]
    assert str(len(view.body_input)) == because(told, "dkim.body-hash")["hashed"]
    at = 0
    for part in view.parts:
        assert part.start == at and (part.at >= 0) == (part.hash != NEITHER)
        at += part.octets
        if part.hash != NEITHER:
            check_runs(
                made[part.start : at], (view.fields_input if part.hash == FIELDS else view.body_input)[part.at :], part
            )
    assert at == len(made)
    whole = sorted((part.at, sum(run.canonical for run in part.runs)) for part in view.parts if part.hash == FIELDS)
    assert [start for start, _ in whole] == [sum(size for _, size in whole[:n]) for n in range(len(whole))]
    assert sum(size for _, size in whole) == len(view.fields_input)
    assert [run.step for part in view.parts for run in part.runs].count(LEFT_OUT) == 1


def check_runs(raw: bytes, made: bytes, part) -> None:
    i = j = 0
    for run in part.runs:
        if run.step == KEPT:
            assert raw[i : i + run.raw] == made[j : j + run.canonical]
        i, j = i + run.raw, j + run.canonical
    assert i == len(raw)
    if part.hash == BODY:
        assert j == len(made)


def test_the_microscope_names_what_nobody_signed():
    made = signed(length=10)
    view = look(made)
    shown = [made[part.start : part.start + part.octets] for part in view.parts if part.hash == NEITHER]
    assert shown[0].startswith(b"Received") and shown[1] == b"\r\n" and shown[2].endswith(b"soon.\r\n.\r\n\r\n\r\n")
    assert view.part_at(0).hash == FIELDS
    for wrong in (-1, len(made)):
        with pytest.raises(LabError, match="counted from 0"):
            view.part_at(wrong)


def test_the_microscope_says_what_it_cannot_show():
    with pytest.raises(LabError, match="has 1 signatures"):
        look(signed(), 2)
    with pytest.raises(LabError, match="v= is missing"):
        look(retag(signed(), v=None))
    long = look(signed(LETTER + b"x" * LONGEST))
    assert long.body_input is None and long.parts[-1].hash == BODY and long.parts[-1].runs == ()
