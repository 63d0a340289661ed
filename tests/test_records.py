"""What the player says of TXT records and of signatures: each octet by a name that the glossary explains."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mailedu
from mailedu import Lab, message
from mailedu.auth.dkim import field, key
from mailedu.auth.dmarc import record as dmarc
from mailedu.lab.records import SAME, letter_spans, record_spans

GLOSSARY = tomllib.loads((Path(mailedu.__file__).parent / "views" / "names.toml").read_text("utf-8"))


def told(spans: list[tuple[int, str]], data: bytes) -> list[tuple[bytes, str]]:
    found, at = [], 0
    for length, name in spans:
        assert length > 0 and name in GLOSSARY, name
        found.append((data[at : at + length], name))
        at += length
    assert at == len(data)
    return found


@pytest.mark.parametrize(
    ("record", "some"),
    [
        (b"v=spf1 ip4:192.0.2.0/24 -all", [(b"192.0.2.0", "SPF IPv4 network"), (b"24", "SPF prefix length")]),
        (b"v=spf1 ~all", [(b"~", "SPF qualifier"), (b"all", "SPF mechanism")]),
        (b"v=spf1 exists:%{i}.x.example redirect=y.example", [(b"%{i}", "SPF macro"), (b"redirect", "SPF modifier")]),
        (b"v=spf1 ip4:1.2.3 -all", [(b"1.2.3", "SPF unreadable")]),
        (b"v=DMARC1; p=reject", [(b"reject", "DMARC policy")]),
        (b"v=DMARC1; rua=mailto:a@b.example", [(b"mailto:a@b.example", "DMARC addresses for aggregate reports")]),
        (b"v=DMARC1; p=none; pct=50", [(b"50", "DMARC removed value")]),
        (b"v=DKIM1; k=ed25519; p=", [(b"ed25519", "DKIM key type"), (b"p", "DKIM tag")]),
        (b"p=AAAA", [(b"AAAA", "DKIM public key")]),
        (b"google-site-verification=x", [(b"google-site-verification=x", "record")]),
        (b"", []),
    ],
)
def test_records(record: bytes, some: list) -> None:
    found = told(record_spans(record), record)
    for one in some:
        assert one in found, found


def test_every_word_of_the_readers_is_in_the_glossary() -> None:
    for method, words in (("DKIM", {*field.WHAT.values(), *key.WHAT.values()}), ("DMARC", set(dmarc.WHAT.values()))):
        for word in words - SAME:
            assert f"{method} {word}" in GLOSSARY


PIECES = st.sampled_from(
    b"v=spf1 |v=DMARC1|v=DKIM1|;|=|p=|:|/24|all|-|ip4:|include:|%{|%%|\xff|\0|\r\n |redirect=|k=rsa| ".split(b"|")
)


@settings(max_examples=200)
@given(st.sampled_from([b"v=spf1 ", b"v=DMARC1", b"v=DKIM1;", b""]), st.lists(PIECES, max_size=12).map(b"".join))
def test_any_record(head: bytes, rest: bytes) -> None:
    told(record_spans(head + rest), head + rest)


def test_a_letter_with_its_signatures() -> None:
    data = Lab(seed=1).send("alice@alpha.example", "bob@beta.example", subject="Hello", text="Hi Bob").message
    found = told(letter_spans(data), data)
    assert (b"alpha.example", "DKIM signing domain") in found
    names = {name for _, name in found}
    assert {"DKIM body hash", "DKIM signature", "body line", "end of header", "field name"} <= names
    plain = b"Subject: x\r\n\r\nDKIM-Signature: v=1\r\n"
    assert letter_spans(plain) == message.spans(plain)


WRITTEN = b"DKIM-Signature:|DKIM-Signature| |v=1;|b=|\r\n|\n|\t|\xff|x".split(b"|")


@settings(max_examples=200)
@given(st.lists(st.sampled_from(WRITTEN), max_size=14))
def test_any_letter(pieces: list[bytes]) -> None:
    data = b"DKIM-Signature: " + b"".join(pieces)
    told(letter_spans(data), data)
