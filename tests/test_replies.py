"""The catalogue of replies: complete, searchable, and true to what our own server says."""

import ast
import pathlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mailedu
import mailedu.smtp
from mailedu.acts import LabError
from mailedu.catalogue import Catalogue, replies

SMTP = pathlib.Path(mailedu.smtp.__file__).parent


def test_a_reply_is_explained_by_code_enhanced_code_and_provider():
    found = replies["550 5.7.1"]
    assert (found.code, found.enhanced, found.kind, found.name) == ("550", "5.7.1", "no", "not allowed")
    assert [entry.key for entry in found.entries[:2]] == ["550", "X.7.1"]
    assert {entry.who for entry in found.entries[2:]} == {"Gmail", "Microsoft"}
    assert found.entries[0].source == "RFC 5321 §4.2.3"
    assert str(found).startswith("550 5.7.1: no\n  550: not taken. ") and repr(found) == str(found)


@pytest.mark.parametrize(
    "text, who, words",
    [
        (
            "550-5.7.26 This mail has been blocked because the sender is unauthenticated.",
            "Gmail",
            "neither SPF nor DKIM",
        ),
        ("550 5.7.27", "Gmail", "sender with a null MX"),
        ("5.7.27", "Gmail", "bulk sender"),
        ("421-4.7.28 Gmail has detected an unusual rate", "Gmail", "Too much unwanted mail"),
        ("550 5.7.515 Access denied, sending domain example.com does not meet …", "Microsoft", "5,000"),
        ("550 5.7.509", "Microsoft", "asks to reject"),
        ("550 SC-001 (BAY004) Unfortunately, messages from 203.0.113.5 weren't sent", "Outlook.com", "reputation"),
        ("421 4.7.0 [TSS04] Messages from 203.0.113.5 temporarily deferred", "Yahoo", "complaints"),
        ("554 5.7.9 Message not accepted for policy reasons", "Yahoo", "DMARC"),
        ("521 5.5.2 mx.example Error: bare <LF> received", "Postfix", "smuggling"),
    ],
)
def test_what_big_providers_mean(text, who, words):
    theirs = [entry for entry in replies[text].entries if entry.who == who]
    assert theirs and any(words in entry.says for entry in theirs)


def test_a_mark_of_one_provider_is_not_taken_for_another_reply():
    assert not any(entry.who == "Outlook.com" for entry in replies["550 5.7.1"].entries)
    assert not any(entry.who == "Yahoo" for entry in replies["421 4.7.0 try again"].entries)


def test_codes_alone_and_codes_unknown():
    assert replies["354"].kind == "go on" and replies["4.2.2"].kind == "not now"
    assert [entry.key for entry in replies["4.2.2"].entries][:2] == ["4", "X.2.2"]
    assert [entry.key for entry in replies["599"].entries] == ["5"]
    assert [entry.key for entry in replies["550 5.7.999"].entries] == ["550", "X.7"]
    assert replies["550 5.99.1"].name == "not taken"
    assert "550 5.7.1" in replies and "550 5.7.999" not in replies and "no code" not in replies and 550 not in replies
    assert replies["554 5.7.515"].entries[-1].who == "Microsoft"  # said with 550; the enhanced code is what counts
    assert not replies["421 5.7.32"].agrees and "contradict" in str(replies["421 5.7.32"])


@pytest.mark.parametrize("text", ["", "spam", "250.0.2.1", "7.7.7", "5.7", "0550", "1000"])
def test_what_is_no_reply(text):
    with pytest.raises(LabError, match="no code of a reply"):
        replies[text]


def test_free_text():
    found = replies.search("spf")
    assert {"X.7.23", "X.7.24", "550 5.7.26"} <= {entry.key for entry in found}
    assert all("spf" in str(entry).lower() for entry in found)
    assert replies.search("Gmail TLS") and all(entry.who == "Gmail" for entry in replies.search("gmail bulk"))
    assert repr(replies.search("greylist")).count("\n") == len(replies.search("greylist")) - 1
    assert replies.search("xyzzy") == () and repr(replies.search("xyzzy")) == "nothing found"
    with pytest.raises(LabError, match="at least one word"):
        replies.search(" ")


def test_the_facade():
    assert mailedu.replies is replies and mailedu.replies["250"].name == "done"
    assert repr(replies).startswith(f"<{len(replies)} entries") and len(list(replies)) == len(replies)


# -- the data ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", list(Catalogue()), ids=lambda entry: f"{entry.who} {entry.key}".strip())
def test_an_entry(entry):
    assert 2 <= len(entry.name) <= 60 and not entry.name.endswith(".")
    assert entry.says.endswith((".", ".)")) and entry.says == " ".join(entry.says.split())
    assert not entry.do or (entry.do.endswith(".") and entry.do[0].isupper())
    assert not entry.source or re.fullmatch(r"RFC \d{4}(?: §[0-9F]+(?:\.\d+)*)?", entry.source)
    assert entry.source or entry.who or entry.key == "X.7.28"
    if entry.who:
        assert entry in replies[entry.key].entries


def test_nothing_stands_there_twice():
    keys = [(entry.who, entry.key) for entry in replies]
    assert len(keys) == len(set(keys))


def test_the_registry_is_whole():
    """RFC 3463 §3.1 to §3.8, 3886, 4468, 4954, 5248, 6531, 6710, 7293, 7372, 7505, 8617, 8689."""
    last = {0: 0, 1: 10, 2: 4, 3: 6, 4: 7, 5: 6, 6: 10, 7: 30}
    for subject, most in last.items():
        assert f"X.{subject}" in replies.entries
        for detail in range(most + 1):
            assert f"X.{subject}.{detail}" in replies.entries
    assert sum(most + 1 for most in last.values()) == len(replies.data["status"])


def test_every_reply_of_rfc_5321_is_there():
    """§4.2.3"""
    codes = "211 214 220 221 250 251 252 354 421 450 451 452 455 500 501 502 503 504 550 551 552 553 554 555"
    assert set(codes.split()) <= set(replies.data["code"])


def spoken() -> set[str]:
    """Every reply that stands in the source of our server and client."""
    found = set()
    for path in SMTP.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            value = getattr(node, "value", None)
            if isinstance(node, ast.Constant) and isinstance(value, (str, bytes)):
                text = value.decode("latin-1") if isinstance(value, bytes) else value
                found |= set(re.findall(r"^[2-5][0-5]\d [245]\.\d\.\d+(?= )|^(?:220|221|250|334|354|421)(?= )", text))
    return found


def test_the_catalogue_knows_all_that_our_server_says():
    said = spoken()
    assert len(said) > 30 and {"250 2.1.5", "354", "334", "503 5.5.1", "452 4.5.3"} <= said
    for reply in said:
        assert reply in replies, reply
        assert replies[reply].agrees, reply


@given(st.text())
@settings(max_examples=200, deadline=None)
def test_any_text_is_explained_or_refused(text):
    try:
        assert replies[text].entries
    except LabError:
        assert text not in replies
