"""The tap: one conversation as the client, the one in the middle and the server see it."""

from __future__ import annotations

import base64

import pytest

from mailedu import Lab, LabError
from mailedu.acts import Cipher, Hear, Say
from mailedu.views.tap import HEADER, as_text, conversations, decoded, records, tap

SUBMISSION = "mx.alpha.example:587/1"


@pytest.fixture(scope="module")
def sent() -> Lab:
    lab = Lab(seed=5, opinions=False)
    lab.send("alice@alpha.example", "bob@beta.example", subject="Lunch", text="At noon?", read=False)
    return lab


def test_before_tls_all_three_read_the_same(sent: Lab) -> None:
    rows = tap(sent.trace, SUBMISSION)
    shake = next(number for number, row in enumerate(rows) if not row.sender)
    assert [row.said for row in rows[:shake]][1] == b"EHLO laptop.alpha.example\r\n"
    assert all(row.said == row.wire == row.heard and not row.sealed for row in rows[:shake])
    assert all(row.said == row.heard and row.sealed for row in rows[shake + 1 :])


def test_each_record_stands_beside_what_it_carries(sent: Lab) -> None:
    """TLS 1.3 adds one octet for the type and sixteen for the check (RFC 8446 §5.2)."""
    rows = tap(sent.trace, SUBMISSION)
    shake = next(number for number, row in enumerate(rows) if not row.sender)
    for row in rows[shake + 1 : -1]:
        assert row.said is not None
        assert {record.sender for record in row.records} == {row.sender}
        assert sum(record.length - 17 for record in row.records) == len(row.said)
    assert rows[shake].records[0].data[0] == 0x16 and rows[shake].records[0].name == "handshake, ClientHello"


def test_no_octet_of_the_wire_is_lost_or_told_twice(sent: Lab) -> None:
    for name in conversations(sent.trace):
        passed = [step.act for step in sent.trace.only(Cipher) if step.conversation == name]
        shown = [record for row in tap(sent.trace, name) for record in row.records]
        for side in ("client", "server"):
            wire = b"".join(act.data for act in passed if isinstance(act, Cipher) and act.sender == side)
            assert b"".join(record.data for record in shown if record.sender == side) == wire


def test_records_are_cut_by_their_headers_wherever_the_pieces_end() -> None:
    wire = bytes.fromhex("1603010002aabb 1403030001 01 1703030003 010203".replace(" ", ""))
    whole, rest = records("client", wire)
    assert [record.length for record in whole] == [2, 1, 3] and rest == b""
    for cut in range(len(wire)):
        first, rest = records("client", wire[:cut])
        then, left = records("client", rest + wire[cut:])
        assert first + then == whole and left == b""
    assert all(len(record.data) >= HEADER for record in whole)


def test_what_is_no_tls_is_one_piece() -> None:
    [found], rest = records("client", b"EHLO here\r\n")
    assert (found.type, rest) == (ord("E"), b"")


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (b"AUTH PLAIN " + base64.b64encode(b"\0alice\0lab-alice") + b"\r\n", "alice · lab-alice"),
        (b"334 VXNlcm5hbWU6\r\n", "Username:"),
        (base64.b64encode(b"lab-alice") + b"\r\n", "lab-alice"),
        (b"+ UGFzc3dvcmQ6\r\n", "Password:"),
        (b"EHLO laptop.alpha.example\r\n", ""),
        (b"QUIT\r\n", ""),
        (b"AUTH PLAIN !!!!\r\n", ""),
        (b"334 /////w==\r\n", ""),
        (b"250 2.1.0 sender ok\r\n", ""),
    ],
)
def test_base64_is_read_aloud(said: bytes, read: str) -> None:
    assert decoded(said) == read


def test_a_password_in_the_clear_is_read_and_one_under_tls_is_not(sent: Lab) -> None:
    lab = Lab(seed=5, opinions=False)
    call = lab.smtp("submission")
    call.send("EHLO a.example")
    call.send("AUTH PLAIN " + base64.b64encode(b"\0alice\0lab-alice").decode())
    text = as_text(tap(lab.trace))
    assert "= alice · lab-alice" in text
    assert "lab-alice" in "".join(row.decoded for row in tap(lab.trace))
    assert not any(row.decoded for row in tap(sent.trace, SUBMISSION))


def test_a_client_that_leaves_no_steps_said_what_was_heard() -> None:
    lab = Lab(seed=5, opinions=False)
    lab.smtp("mx.beta.example").send("NOOP")
    rows = tap(lab.trace)
    assert [(row.said, row.heard) for row in rows][1] == (b"NOOP\r\n", b"NOOP\r\n")
    assert rows[0].said == rows[0].heard == lab.trace.only(Say)[0].act.data
    assert len(lab.trace.only(Hear)) == 1


def test_no_such_conversation(sent: Lab) -> None:
    with pytest.raises(LabError, match="Nobody took a call 'x'"):
        tap(sent.trace, "x")
