"""Delivery status notifications as octets: read by the standard library, bounded, whole whatever strangers wrote."""

from __future__ import annotations

import email
import email.policy
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailedu import dsn
from mailedu.dsn import Report, Told, status_of, write

ALICE, BOB = "alice@alpha.example", "bob@beta.example"
ORIGINAL = b"Message-ID: <1@alpha.example>\r\nSubject: x\r\n\r\nbody\r\n"
FAILED = Told(BOB, "failed", "5.1.1", "550 5.1.1 no such mailbox", "mx.beta.example")
DATE = "Mon, 23 Nov 2026 09:00:00 +0000"


def report(*told: Told, message: bytes = ORIGINAL, **more) -> Report:
    return Report("mx.alpha.example", ALICE, told or (FAILED,), message, DATE, "7", **more)


def read(data: bytes):
    """(the message, its three parts), as the standard library reads them."""
    found = email.message_from_bytes(data, policy=email.policy.default)
    assert found.get_content_type() == "multipart/report", found
    assert not found.defects
    return found, list(found.iter_parts())


def groups(data: bytes):
    """The fields of the message, and of each recipient."""
    _, (_, status, _) = read(data)
    return status.get_payload()


def test_a_report_is_what_the_standard_library_reads_as_one() -> None:
    found, (text, status, original) = read(write(report()))
    assert found.get_param("report-type") == "delivery-status"
    assert found["Auto-Submitted"] == "auto-replied"
    assert found["To"] == ALICE and found["From"].endswith("<postmaster@mx.alpha.example>")
    assert found["In-Reply-To"] == found["References"] == "<1@alpha.example>"
    assert BOB in text.get_content() and "no such mailbox" in text.get_content()
    assert status.get_content_type() == "message/delivery-status"
    assert original.get_content_type() == "text/rfc822-headers"
    assert original.get_payload() == "Message-ID: <1@alpha.example>\r\nSubject: x\r\n"


def test_the_fields_of_a_failure() -> None:
    """RFC 3464 §2.2, §2.3: in the order of the grammar."""
    told = FAILED._replace(original="rfc822;Bob Smith@beta.example")
    data = write(report(told, envid="QQ 314", arrived=DATE, source="laptop.alpha.example (192.0.2.10)"))
    message, recipient = groups(data)
    assert list(message.items()) == [
        ("Original-Envelope-Id", "QQ 314"),
        ("Reporting-MTA", "dns; mx.alpha.example"),
        ("Received-From-MTA", "dns; laptop.alpha.example (192.0.2.10)"),
        ("Arrival-Date", DATE),
    ]
    assert list(recipient.items()) == [
        ("Original-Recipient", "rfc822;Bob Smith@beta.example"),
        ("Final-Recipient", f"rfc822; {BOB}"),
        ("Action", "failed"),
        ("Status", "5.1.1"),
        ("Remote-MTA", "dns; mx.beta.example"),
        ("Diagnostic-Code", "smtp; 550 5.1.1 no such mailbox"),
        ("Last-Attempt-Date", DATE),
    ]


def test_what_was_not_said_is_not_there() -> None:
    """RFC 3461 §6.3 (a), (d): no ENVID, no ORCPT, no such fields."""
    message, recipient = groups(write(report(Told(BOB, "delivered", "2.0.0"))))
    assert message.keys() == ["Reporting-MTA"]
    assert recipient.keys() == ["Final-Recipient", "Action", "Status"]


@pytest.mark.parametrize(
    "action, wanted, unwanted",
    [
        ("failed", ["Last-Attempt-Date"], ["Will-Retry-Until"]),
        ("delayed", ["Last-Attempt-Date", "Will-Retry-Until"], []),
        ("delivered", [], ["Last-Attempt-Date", "Will-Retry-Until"]),
        ("relayed", [], ["Last-Attempt-Date", "Will-Retry-Until"]),
    ],
)
def test_each_action_has_its_words_and_its_fields(action, wanted, unwanted) -> None:
    data = write(report(FAILED._replace(action=action), until="then"))
    _, recipient = groups(data)
    assert recipient["Action"] == action
    assert set(wanted) <= set(recipient.keys()) and not set(unwanted) & set(recipient.keys())
    found, (text, *_) = read(data)
    assert found["Subject"] == dsn.SUBJECTS[action]
    assert text.get_content().startswith(dsn.TEXTS[action])
    assert ("then" in text.get_content()) == (action == "delayed")


@pytest.mark.parametrize(
    "reply, expired, status",
    [
        ("550 5.1.1 no", False, "5.1.1"),
        ("250 2.1.5 yes", False, "2.1.5"),
        ("450 4.2.1 later", False, "4.2.1"),
        ("450 4.2.1 later", True, "5.2.1"),
        ("450 later", True, "5.4.7"),
        ("550 no", False, "5.0.0"),
        ("450 later", False, "4.0.0"),
        ("550 4.1.1 which is it", False, "5.0.0"),  # the code counts
        ("550 5.1.1.9 no code", False, "5.0.0"),
        ("550-5.7.1 two", False, "5.7.1"),
        ("421", False, "4.0.0"),
        ("hello", False, "5.0.0"),
        ("354 go on", False, "5.0.0"),
    ],
)
def test_the_status_is_the_reply_s(reply, expired, status) -> None:
    assert status_of(reply, expired) == status
    assert re.fullmatch(r"[245]\.\d{1,3}\.\d{1,3}", status)


# -- how much comes back


def test_the_whole_message_comes_back_to_who_asked_for_it() -> None:
    message = ORIGINAL + "grün\r\n".encode()
    _, (*_, original) = read(write(report(message=message, full=True)))
    assert original.get_content_type() == "message/rfc822"
    assert original.get_payload()[0]["Subject"] == "x"
    assert message in write(report(message=message, full=True))


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed"])
def test_only_a_failure_brings_the_message_back(action) -> None:
    """RFC 3461 §4.3."""
    _, (*_, original) = read(write(report(FAILED._replace(action=action), full=True)))
    assert original.get_content_type() == "text/rfc822-headers"


@pytest.mark.parametrize(
    "message",
    [
        b"Subject: big\r\n\r\n" + b"x" * 70 + b"\r\n" * 2_000_000,
        b"Subject: big\r\n" + b"X-Field: y\r\n" * 400_000 + b"\r\n",
        b"Subject: big\r\n" + b"X-Field: " + b"y" * 4_000_000,
        b"y" * 4_000_000,
    ],
    ids=["body", "many fields", "one field", "no header"],
)
def test_a_message_of_4_mb_makes_a_small_report(message) -> None:
    data = write(report(message=message, full=True))
    assert len(data) < dsn.LARGEST_HEADER + 5_000
    _, (*_, original) = read(data)
    assert original.get_content_type() == "text/rfc822-headers"


def test_a_thousand_recipients_are_one_report() -> None:
    told = [FAILED._replace(recipient=f"b{number}@beta.example") for number in range(1000)]
    _, *recipients = groups(write(report(*told)))
    assert [one["Final-Recipient"] for one in recipients] == [f"rfc822; {one.recipient}" for one in told]


# -- what strangers wrote


@pytest.mark.parametrize(
    "told",
    [
        FAILED._replace(reply="550 5.1.1 no\r\nAction: delivered"),
        FAILED._replace(reply="550 \x1b[2J\0 no"),
        FAILED._replace(reply="550 " + "x" * 5000),
        FAILED._replace(original="rfc822;bob\r\nAction: delivered"),
        FAILED._replace(remote="mx.beta.example\r\nAction: delivered"),
    ],
)
def test_nothing_breaks_out_of_its_field(told) -> None:
    data = write(report(told, envid="x\r\nAction: delivered", source="x\r\nAction: delivered"))
    _, recipient = groups(data)
    assert recipient.get_all("Action") == ["failed"]
    assert max(map(len, data.split(b"\r\n"))) <= 998
    assert not set(data) & set(b"\0\x1b")


def test_a_message_that_holds_our_boundary_stays_inside() -> None:
    hostile = b"Subject: x\r\n\r\n--=_dsn_7\r\nContent-Type: text/html\r\n\r\n<script>\r\n--=_dsn_7--\r\n"
    _, parts = read(write(report(message=hostile, full=True)))
    assert [part.get_content_type() for part in parts] == ["text/plain", "message/delivery-status", "message/rfc822"]


@pytest.mark.parametrize("field", [b"Message-ID: none", b"Message-ID: <a b>", b"Message-ID: <x\r\n", b"message-id:"])
def test_an_odd_message_id_is_left_alone(field) -> None:
    found, _ = read(write(report(message=field + b"\r\n\r\n")))
    assert found["In-Reply-To"] is None


def test_addresses_beyond_ascii_are_written_in_ascii_where_they_must_be() -> None:
    """RFC 6533 §3."""
    told = FAILED._replace(recipient="jörg@beta.example", original="utf-8;jörg@beta.example")
    data = write(report(told, message="Subject: grün\r\n\r\n".encode(), utf8=True))
    _, recipient = groups(data)
    assert recipient["Final-Recipient"] == r"utf-8; j\x{F6}rg@beta.example"
    assert recipient["Original-Recipient"] == r"utf-8;j\x{F6}rg@beta.example"
    _, (text, _, original) = read(data)
    assert "jörg@beta.example" in text.get_content()
    assert original.get_content_type() == "message/global-headers"


@given(st.binary(max_size=300), st.text(max_size=80), st.text(max_size=80), st.booleans())
@settings(max_examples=150, deadline=None)
def test_whatever_is_in_it_a_report_is_a_report(message, reply, address, full) -> None:
    told = FAILED._replace(recipient=address, reply=reply)
    data = write(report(told, message=message, full=full, envid=reply))
    found = email.message_from_bytes(data)
    assert [part.get_content_type() for part in found.get_payload()][:2] == ["text/plain", "message/delivery-status"]
    assert len(found.get_payload()) == 3
    _, recipient = found.get_payload(1).get_payload()
    assert recipient["Action"] == "failed"
