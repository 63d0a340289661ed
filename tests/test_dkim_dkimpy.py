"""dkimpy beside us: the RFCs' vectors, the same hash inputs, each other's signatures, and where we part ways."""

import base64
import hashlib
import re
import threading

import dkim
import pytest
from ask import Answers, perform
from dkim_stage import (
    DOMAIN,
    LETTER,
    NOW,
    because,
    dkimpy_says,
    dkimpys_files,
    dkimpys_inputs,
    dns,
    key,
    one,
    pem,
    retag,
    signed,
    verified,
    weak_record,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from mailedu.acts import DnsTimeout
from mailedu.auth.dkim import public_record, verify
from mailedu.auth.dkim.key import make_signature, private_key
from mailedu.auth.dkim.microscope import look
from mailedu.message import Message
from mailedu.opinions import dkimpy

FORMS = ("simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed")
HAS_NACL = hasattr(dkim, "nacl")  # without PyNaCl dkimpy knows no Ed25519


# -- the vectors -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def vectors(request):
    return dkimpys_files(request.config)


def football(vectors):
    """The DNS of RFC 8463 §A.2."""
    ed25519 = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    return Answers(
        {
            ("brisbane._domainkey.football.example.com", "TXT"): (ed25519,),
            ("test._domainkey.football.example.com", "TXT"): (vectors["test.txt"].decode().strip(),),
        }
    )


def test_rfc_8463s_message_with_its_two_signatures(vectors):
    """RFC 8463 §A.3, which is the message of RFC 6376 §A.1: Ed25519 above, RSA below."""
    for line_end in (b"\r\n", b"\n"):
        message = vectors["rfc6376.signed.msg"].replace(b"\r\n", b"\n").replace(b"\n", line_end)
        found, told = verified(message, football(vectors), now=1528637909)
        assert [(one.result, one.algorithm, one.bits) for one in found] == [
            ("pass", "ed25519-sha256", 256), ("pass", "rsa-sha256", 1024)
        ]  # fmt: skip
        assert because(told, "dkim.body-hash")["digest"] == "4bLNXImK9drULnmePzZNEBleUanJCX5PIsDIFoH4KTQ="
        changed, _ = verified(message.replace(b"hungry", b"thirsty"), football(vectors))
        assert [(one.result, one.rule, one.fields_good) for one in changed] == [("fail", "dkim.body-differs", True)] * 2


def test_the_secret_key_of_rfc_8463_signs_the_same(vectors):
    """Ed25519 signatures have no chance in them: the RFC's key over the RFC's hash gives the RFC's b=."""
    message = vectors["rfc6376.signed.msg"].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    found, _ = verified(message, football(vectors))
    digest = hashlib.sha256(look(message, 1).fields_input).digest()
    signature = private_key(vectors["rfc8032_7_1.key"].strip()).sign(digest)
    assert base64.b64encode(signature).decode() == found[0].signature


@pytest.mark.parametrize("name", ["rfc6376.signed.rsa.msg", "rfc6376.signed.no_t.msg"])
def test_other_signed_messages(vectors, name):
    [found], _ = verified(vectors[name], football(vectors))
    assert (found.result == "pass") == dkimpy_says(vectors[name], 0, football(vectors)) == name.endswith("rsa.msg")


def test_ed25519_signed_by_others(vectors):
    answers = Answers(
        {
            ("test._domainkey.football.example.com", "TXT"): (vectors["ed25519test.dns"].decode().strip(),),
            ("brisbane._domainkey.football.example.com", "TXT"): (vectors["ed25519test.dns"].decode().strip(),),
            ("sed._domainkey.test.ex", "TXT"): (vectors["eximtest.dns"].decode().strip(),),
        }
    )
    [found], _ = verified(vectors["ed25519test2.msg"], answers)
    assert found.result == "pass", found


def test_a_signature_of_sha1_and_512_bits_is_refused_by_name(vectors):
    for name, rule in (("test.message.baddomain", "dkim.tag-value"),):
        [found], _ = verified(vectors[name])
        assert (found.rule, found.result) == (rule, "permerror")


# -- the same hash inputs ----------------------------------------------------------------------------------------------

values = st.lists(
    st.sampled_from([b" ", b"\t", b"\r\n ", b"\r\n\t", b"a", b"B:", b";", b"b=1", b"\xc3\xa4"]), max_size=8
)
names = st.sampled_from([b"Subject", b"X", b"x", b"To", b"COMMENTS"])
header = st.lists(st.tuples(names, values), max_size=6).map(
    lambda fields: b"".join(name + b":" + b"".join(value) + b"\r\n" for name, value in fields)
)
bodies = st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"a", b"bc ", b".\r\n", b"\xff"]), max_size=12).map(b"".join)
signed_names = st.lists(st.sampled_from(["subject", "x", "X", "to", "comments", "gone", "from"]), max_size=8)
messages = st.builds(
    lambda before, after, body: before + b"From: a@alpha.example\r\n" + after + b"\r\n" + body + b"\r\n",
    header,
    header,
    bodies,
)


def test_hash_inputs_of_the_vectors_equal_dkimpys_log(vectors):
    message = vectors["rfc6376.signed.rsa.msg"]
    view = look(message, 1)
    assert (view.body_input, view.fields_input) == dkimpys_inputs(message, 0, football(vectors))


@given(messages, signed_names, st.sampled_from(FORMS), st.sampled_from([False, True, 0]))
@settings(max_examples=150, deadline=None)
def test_hash_inputs_equal_dkimpys_log(message, names, forms, length):
    made = signed(message, names=["From", *names, "from"], canonicalization=forms, length=length)
    view = look(made)
    assert (view.body_input, view.fields_input) == dkimpys_inputs(made)
    assert dkimpy_says(made) and one(made).result == "pass"


# -- each other's signatures -------------------------------------------------------------------------------------------


@given(messages, st.sampled_from(FORMS), st.booleans())
@settings(max_examples=60, deadline=None)
def test_what_dkimpy_signs_we_verify(message, forms, length):
    judge = dkim.DKIM(message)
    made = judge.sign(
        b"lab", DOMAIN.encode(), pem(), canonicalize=tuple(forms.encode().split(b"/")), length=length
    )  # fmt: skip
    found = one(made + message, now=None)
    assert found.result == "pass" and (found.unsigned_octets == 0)
    view = look(made + message)
    assert (view.body_input, view.fields_input) == dkimpys_inputs(made + message)


@given(messages, st.sampled_from(FORMS), st.integers(0, 400), st.sampled_from([b"x", b" ", b"\r\n ", b"=", b""]))
@settings(max_examples=150, deadline=None)
def test_we_agree_on_messages_that_were_changed(message, forms, at, octets):
    made = signed(message, canonicalization=forms)
    head = len(made) - len(message)
    changed = made[: head + at] + octets + made[head + at + 1 :]
    if Message(changed).body != Message(changed.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")).body:
        return
    if re.search(rb"^:", changed, re.MULTILINE):
        return  # a field without a name: see PARTINGS
    try:
        theirs = dkimpy_says(changed)
    except dkim.DKIMException:
        return  # a line that is no field: dkimpy gives up, we let the body begin there
    assert (one(changed).result == "pass") == theirs


@pytest.mark.skipif(not HAS_NACL, reason="dkimpy needs PyNaCl for Ed25519")
@pytest.mark.parametrize("forms", FORMS)
def test_ed25519_with_dkimpy(forms):
    assert dkimpy_says(signed(name="ed25519", canonicalization=forms))


# -- where we part ways ------------------------------------------------------------------------------------------------


def sha1_signed() -> bytes:
    made = dkim.DKIM(LETTER, signature_algorithm=b"rsa-sha1").sign(b"lab", DOMAIN.encode(), pem())
    return bytes(made) + LETTER


def resigned(message: bytes, **tags: str | None) -> bytes:
    """The first signature with other tags, and a b= that fits them: simple/simple, From only, by the RFC's prose."""
    bare = retag(message, b="", **tags)
    first = Message(bare).first("DKIM-Signature").data.removesuffix(b"\r\n")
    digest = hashlib.sha256(Message(bare).first("From").data + first).digest()
    return retag(bare, b=base64.b64encode(make_signature(key(), digest)).decode())


RSA = public_record(key())
P = RSA.partition("p=")[2]
PLAIN = signed(canonicalization="simple/simple", names="from", now=1_500_000_000)

PARTINGS = {  # what -> (message, key record, we, dkimpy, the clause that says who is right)
    "rsa-sha1 is history": (sha1_signed, RSA, "fail", "pass", "RFC 8301 §3.1"),
    "an unknown k= is no RSA key": (lambda: PLAIN, f"k=dsa; p={P}", "permerror", "fail", "RFC 6376 §3.6.1"),
    "t=s forbids a subdomain in i=": (
        lambda: resigned(PLAIN, i="@news.alpha.example"), f"t=s; p={P}", "permerror", "pass", "RFC 6376 §3.6.1"
    ),
    "q= is a list, and unknown ways are ignored": (
        lambda: resigned(PLAIN, q="http/x:dns/txt"), RSA, "pass", "permerror", "RFC 6376 §3.5"
    ),
    "s= is a list": (lambda: PLAIN, f"s=tlsrpt:email; p={P}", "pass", "permerror", "RFC 6376 §3.6.1"),
    "s= without e-mail": (lambda: PLAIN, f"s=other; p={P}", "permerror", "permerror", "RFC 6376 §3.6.1"),
    "h= of the key allows sha1 only": (lambda: PLAIN, f"h=sha1; p={P}", "permerror", "pass", "RFC 6376 §6.1.2"),
    "v= has to come first": (lambda: PLAIN, f"p={P}; v=DKIM1", "permerror", "pass", "RFC 6376 §3.6.1"),
    "i= is quoted-printable": (
        lambda: resigned(PLAIN, i="bob=2Bhome@news=2Ealpha.example"), RSA, "pass", "permerror", "RFC 6376 §3.5"
    ),
    "a broken i= is a syntax error": (
        lambda: resigned(PLAIN, i="a=b@alpha.example"), RSA, "permerror", "pass", "RFC 6376 §2.11"
    ),
    "h= has to name From": (lambda: resigned(PLAIN, h="to"), RSA, "permerror", "fail", "RFC 6376 §6.1.1"),
    "d= has to be a domain name": (lambda: resigned(PLAIN, d="alpha_%example"), RSA, "permerror", "fail", "§3.5"),
    "l= may not be more than there is": (lambda: resigned(PLAIN, l="99999"), RSA, "permerror", "pass", "RFC 6376 §3.5"),
    "x= may not be t=": (lambda: resigned(PLAIN, t="5", x="5"), RSA, "permerror", "permerror", "RFC 6376 §3.5"),
    "a second From, not signed": (lambda: b"From: x@y.example\r\n" + PLAIN, RSA, "pass", "fail", "RFC 6376 §8.15"),
    "keys below 1024 bits": (lambda: PLAIN, weak_record(), "fail", "fail", "RFC 8301 §3.2"),
    "a field has a name, or the body begins there": (
        lambda: PLAIN.replace(b"\r\n\r\n", b"\r\n:B: x\r\n\r\n", 1), RSA, "fail", "pass", "RFC 5322 §2.2"
    ),
    "the DNS does not answer": (lambda: PLAIN, DnsTimeout(), "temperror", "fail", "RFC 6376 §6.1.2"),
    "the key is revoked": (lambda: PLAIN, "v=DKIM1; p=", "permerror", "fail", "RFC 6376 §6.1.2"),
}  # fmt: skip


@pytest.mark.parametrize("what", PARTINGS)
def test_where_we_part_ways(what):
    message, record, ours, theirs, clause = PARTINGS[what]
    made, where = message(), dns(record)
    assert one(made, where, now=None).result == ours, clause
    assert dkimpy.verify(made, where) == theirs, f"dkimpy has changed its mind about: {what} ({clause})"


# -- dkimpy's opinion --------------------------------------------------------------------------------------------------


def test_the_opinion():
    assert dkimpy.verify(signed(), dns()) == "pass"
    assert dkimpy.verify(signed().replace(b"soon", b"late"), dns()) == "permerror"
    assert dkimpy.verify(signed().replace(b"Lunch", b"Late"), dns()) == "fail"
    assert dkimpy.verify(LETTER, dns()) == dkimpy.verify(signed(), dns(), 1) == "none"
    assert dkimpy.verify(signed(selector="gone"), dns()) == "fail"
    assert dkimpy.verify(signed(name="ed25519"), dns()) == ("pass" if HAS_NACL else "no opinion")
    for odd in (
        b"",
        b" x",
        b"DKIM-Signature: \xff=",
        b"DKIM-Signature: v=1; a=rsa-sha256; b=QUJD; bh=QUJD; d=\xff; h=f; s=x",
    ):
        assert dkimpy.verify(odd, dns()) in ("none", "permerror", "fail")


def test_the_opinion_goes_by_the_labs_clock():
    made = signed(now=4_000_000_000, valid=60)
    assert dkimpy.verify(made, dns()) == "permerror"  # for the machine's clock that is the future
    assert dkimpy.verify(made, dns(), now=4_000_000_000) == "pass"
    assert dkimpy.verify(made, dns(), now=4_000_100_000) == "permerror"


def test_many_threads_may_ask():
    made, wrong = signed(now=4_000_000_000), signed(now=4_000_000_000).replace(b"Lunch", b"Late")
    said = []
    ask = lambda message: said.append((message, dkimpy.verify(message, dns(), now=4_000_000_000)))  # noqa: E731
    threads = [threading.Thread(target=ask, args=(message,)) for message in [made, wrong] * 20]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {message: verdict for message, verdict in said} == {made: "pass", wrong: "fail"}
    assert len(set(said)) == 2
    assert dkim.validate_signature_fields.__globals__["time"].__name__ == "time"


def test_the_names_are_asked_for_as_ours_are():
    asked = []

    def listening(name, type):
        asked.append((name, type))
        return dns()(name, type)

    dkimpy.verify(signed(), listening)
    perform(verify(signed(), NOW), listening)
    assert asked == [("lab._domainkey.alpha.example", "TXT")] * 2
