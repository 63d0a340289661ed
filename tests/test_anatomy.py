"""What a message is made of: a name for each octet, its tree with sizes, envelopes beside letters, pictures."""

from __future__ import annotations

import email
import email.policy
import re
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailedu import Anatomy, Envelopes, Lab
from mailedu.acts import LabError
from mailedu.lab.octets import spans
from mailedu.trace import Trace
from mailedu.views.drawing import Drawing, Words
from mailedu.views.picture import Picture
from mailedu.views.score import glossary

ALICE, BOB, BELLA, CAROL = "alice@alpha.example", "bob@beta.example", "bella@beta.example", "carol@gamma.example"
TREE = b"Content-Type: multipart/mixed; boundary=x\r\n"
PIECES = [
    b"\r\n", b"\n", b"\r", b"A: b", TREE, b"--x", b"--x--", b"--x ", b" ", b"--", b"=", b"=C3", b"=\r\n", b"=?",
    b"=?utf-8?q?=C3=BC?=", b"Content-Transfer-Encoding: base64", b"message/rfc822", b"Content-Type: message/rfc822",
    b"Content-Transfer-Encoding: quoted-printable", b"\0", b"\xff", b"From x", b"DKIM-Signature: a=b",
]  # fmt: skip
anything = st.one_of(st.binary(max_size=80), st.lists(st.sampled_from(PIECES), max_size=24).map(b"".join))


def letter() -> bytes:
    """A text, the same in HTML, a file, and a forwarded letter."""
    inside = EmailMessage(policy=SMTP)
    inside["From"], inside["Subject"] = CAROL, "Grüße"
    inside.set_content("Hänge ihn auf!\n", cte="quoted-printable")
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = ALICE, BOB, "Grüße"
    mail.set_content("Der Schlüssel = links\n" + "ü" * 60 + "\n", cte="quoted-printable")
    mail.add_alternative("<p>Links</p>", subtype="html")
    mail.add_attachment(bytes(range(200)), maintype="image", subtype="png", filename="Übersicht.png")
    mail.add_attachment(inside)
    return bytes(mail)


LETTER = letter()


def named(data: bytes) -> list[tuple[str, bytes]]:
    """(name, octets) of each span."""
    found, at = [], 0
    for length, name in spans(data):
        found.append((name, data[at : at + length]))
        at += length
    assert at == len(data)
    return found


# -- octets ------------------------------------------------------------------------------------------------------------


@given(anything)
@example(TREE + b"\r\n--x\r\n--x--")
@example(TREE + b"\r\nbefore\r\n--x\r\n\r\na\r\n--x--\r\nafter\r\n")
@example(b"Content-Type: multipart/mixed; boundary=x\n\n--x\n\na\n--x--\n")
@settings(max_examples=500, deadline=None)
def test_every_octet_has_a_name_that_is_explained(data) -> None:
    found = spans(data)
    assert sum(length for length, _ in found) == len(data)
    assert all(length > 0 for length, _ in found)
    assert {name for _, name in found} <= set(glossary())


def test_the_octets_of_a_letter_are_told_apart() -> None:
    found = named(LETTER)
    names = [name for name, _ in found]
    assert [octets for name, octets in found if name == "encoded word"] == [
        b"=?utf-8?q?Gr=C3=BC=C3=9Fe?=",
        b"=?utf-8?q?Gr=C3=BC=C3=9Fe?=",
    ]
    assert names.count("end of header") == 7  # the letter's, its five parts', the forwarded letter's
    assert (b"=C3=BC") in [octets for name, octets in found if name == "escaped octets"]
    assert names.count("soft line break") >= 4
    assert sum(len(octets) for name, octets in found if name == "base64") == 4 * 67
    assert names.count("boundary") == 5 and names.count("last boundary") == 2
    assert names.count("line end of a boundary") == 7 - 2  # the first ones follow the end of a header
    assert b"".join(octets for name, octets in found if name == "field name").count(b"Content-Type") == 7


@pytest.mark.parametrize(
    ("data", "name", "octets"),
    [
        (b"A: 1\r\n\r\n--x\r\n", "body line", b"--x"),  # no multipart, no boundary
        (TREE + b"\r\nhi\r\n--x\r\n\r\na\r\n--x--\r\nbye", "before the parts", b"hi"),
        (TREE + b"\r\nhi\r\n--x\r\n\r\na\r\n--x--\r\nbye", "after the parts", b"bye"),
        (TREE + b"\r\n--x\r\n\r\na\r\n--y\r\n--x--", "body line", b"--y"),
        (TREE + b"\r\n--x\r\n\r\nno end", "body line", b"no end"),
        (b"Content-Transfer-Encoding: base64\r\n\r\nAAEC\r\n", "base64", b"AAEC"),
        (b"Content-Transfer-Encoding: BASE64\n\nAAEC\n", "LF", b"\n"),
        (b"Content-Transfer-Encoding: quoted-printable\r\n\r\na=\r\nb", "soft line break", b"=\r\n"),
        (b"Content-Transfer-Encoding: quoted-printable\r\n\r\na=3D=3Db", "escaped octets", b"=3D=3D"),
        (b"Subject: =?utf-8?q?a?= b\r\n\r\n", "encoded word", b"=?utf-8?q?a?="),
        (b"A: 1\r\nno field\r\n\r\nx", "body line", b"no field"),  # its header ends where programs say it does
        (b"From x\r\nA: 1\r\n\r\nx", "mailbox file's line", b"From x"),
        (b"DKIM-Signature: v=1\r\n\r\nx", "field value", b" v=1"),
    ],
)
def test_octets_by_name(data, name, octets) -> None:
    assert (name, octets) in named(data)


def test_the_player_names_them_and_the_tags_of_signatures() -> None:
    from mailedu.lab.shown import READERS
    from mailedu.views.score import score

    mail = Lab(seed=2).send(ALICE, BOB, subject="Grüße", text="Hi", attachments=[("a.bin", b"123")])
    rows = score(Anatomy(mail.message).trace, READERS, {})["rows"]
    names = {name for _, name in rows[0]["spans"]}
    assert {"encoded word", "base64", "boundary", "DKIM public key", "DKIM tag"} - names == {"DKIM public key"}
    assert "unexplained" not in names and rows[0]["data"].encode("latin-1") == mail.message


# -- the tree ----------------------------------------------------------------------------------------------------------


def test_the_tree_is_that_of_pythons_own_parser() -> None:
    theirs = [part.get_content_type() for part in email.message_from_bytes(LETTER, policy=email.policy.default).walk()]
    assert [piece.what.split(" ")[0] for piece in Anatomy(LETTER).pieces] == theirs


def test_the_sizes_of_a_tree() -> None:
    whole, *rest = Anatomy(LETTER).pieces
    assert (whole.start, whole.end, whole.content) == (0, len(LETTER), None)
    assert LETTER[whole.body - 4 : whole.body] == b"\r\n\r\n"
    picture = next(piece for piece in rest if piece.what == "image/png Übersicht.png")
    assert (picture.encoding, picture.content) == ("base64", 200)
    assert LETTER[picture.body : picture.end].count(b"\r\n") == 4
    text = rest[1]
    assert (text.what, text.encoding) == ("text/plain", "quoted-printable")
    assert text.content == len("Der Schlüssel = links\r\n".encode()) + 122
    assert all(whole.body <= piece.start <= piece.body <= piece.end <= whole.end for piece in rest)


def test_the_tree_in_print() -> None:
    lines = str(Anatomy(LETTER)).splitlines()
    assert lines[0].split() == ["octets", "header", "body", "content"]
    assert lines[1].startswith("multipart/mixed  ") and f"{len(LETTER):,}" in lines[1]
    assert [line[:3] for line in lines[2:]] == ["├─ ", "│  ", "│  ", "├─ ", "└─ ", "   "]
    told = str(Anatomy(b"Subject: x\r\n\r\nHi\r\n")).splitlines()
    assert told[1] == "text/plain      18      14     4        4  7bit"


@given(anything)
@settings(max_examples=200, deadline=None)
def test_whatever_it_is_given_it_tells_and_draws(data) -> None:
    made = Anatomy(data)
    assert str(made) and repr(made)
    assert made.parts.svg().startswith("<svg ")
    assert sum(piece.octets for piece in made.pieces[:1]) == len(data)


def test_a_tree_of_very_many_parts_is_drawn_in_part() -> None:
    part = b"--x\r\n\r\na\r\n"
    many = Anatomy(TREE + b"\r\n" + 500 * part + b"--x--\r\n")
    assert len(many.pieces) == 501
    assert "… and 461 more" in many.parts.svg()


def test_text_and_bytes_will_do_and_nothing_else() -> None:
    assert Anatomy("A: 1\n\nHi\n").message == b"A: 1\r\n\r\nHi\r\n"
    with pytest.raises(LabError, match="as bytes"):
        Anatomy(7)  # type: ignore[arg-type]


def test_hostile_words_stay_words() -> None:
    evil = b'Content-Type: application/x; name="<script>alert(1)</script>\x1b[31m"\r\n\r\nx'
    made = Anatomy(evil)
    shown = made.parts._repr_mimebundle_()["text/html"]
    assert "<script" not in shown and "&lt;script&gt;" in shown
    assert "\x1b" not in str(made) and "\x1b" not in shown


# -- envelopes ---------------------------------------------------------------------------------------------------------


def handed_over(made: Envelopes) -> list[tuple[str, str, str, list[str], list[str]]]:
    return [(one.client, one.server, one.sender, one.recipients, one.refused) for one in made]


def test_each_handing_over_has_its_envelope() -> None:
    everybody = [BOB, BELLA, CAROL, "nobody@beta.example"]
    made = Envelopes(Lab(seed=2).send(ALICE, everybody, subject="Hi", text="Hi", headers={"To": BOB}))
    assert handed_over(made)[:3] == [
        (ALICE, "mx.alpha.example", ALICE, [BOB, BELLA, CAROL, "nobody@beta.example"], []),
        ("mx.alpha.example", "mx.beta.example", ALICE, [BOB, BELLA], ["nobody@beta.example"]),
        ("mx.alpha.example", "mx.gamma.example", ALICE, [CAROL], []),
    ]
    assert made[0].fields == [("From", ALICE), ("To", BOB), ("Subject", "Hi")]
    assert made[1].is_named(BOB) and not made[1].is_named(BELLA)
    assert made[1].reply == "250 2.0.0 delivered to 2 mailboxes"
    told = repr(made)
    assert "RCPT TO:<bella@beta.example>   not in the letter" in told
    assert "RCPT TO:<nobody@beta.example>   refused" in told


def test_the_bounce_has_the_null_sender() -> None:
    made = Envelopes(Lab(seed=2).send(ALICE, "nobody@beta.example", subject="Hi", text="Hi"))
    assert made[1].message is None and made[1].refused == ["nobody@beta.example"]
    assert [one.sender for one in made] == [ALICE, ALICE, ""]


def test_what_was_begun_and_given_up_is_told() -> None:
    call = Lab(seed=2).smtp("mx.beta.example", client="192.0.2.25")
    lines = ["EHLO mx.alpha.example", f"MAIL FROM:<{ALICE}>", f"RCPT TO:<{BOB}>", "RSET", f"mail from:<{ALICE}>"]
    lines += [f"rcpt to:<{BELLA}>", "NOOP", "DATA", f"From: {ALICE}\r\nTo: {BOB}\r\n\r\n..dot\r\n."]
    for line in lines:
        call.send(line)
    first, second = Envelopes(call)
    assert (first.recipients, first.message, first.client) == ([BOB], None, "192.0.2.25")
    assert second.recipients == [BELLA] and second.message == f"From: {ALICE}\r\nTo: {BOB}\r\n\r\n.dot\r\n".encode()


def test_chunks_are_a_message_too() -> None:
    call = Lab(seed=2).smtp("mx.beta.example", client="192.0.2.25")
    for line in ["EHLO mx.alpha.example", f"MAIL FROM:<{ALICE}>", f"RCPT TO:<{BOB}>"]:
        call.send(line)
    call.send(b"BDAT 6\r\nFrom: ")
    call.send(b"BDAT 10 LAST\r\na@b.c\r\n\r\nx")
    [only] = Envelopes(call)
    assert only.message == b"From: a@b.c\r\n\r\nx" and only.reply.startswith("250 ")


def test_real_programs_on_real_sockets_have_envelopes() -> None:
    import smtplib

    lab = Lab(seed=2)
    with lab.serve() as net, smtplib.SMTP(net.host, net.ports["smtp"], "mx.alpha.example") as client:
        client.sendmail(ALICE, [BOB], f"From: {ALICE}\r\nTo: {CAROL}\r\n\r\nHi\r\n")
    [one] = Envelopes(lab.replay("mx.beta.example:25/1"))
    assert (one.sender, one.recipients, one.fields) == (ALICE, [BOB], [("From", ALICE), ("To", CAROL)])


def test_nothing_was_handed_over() -> None:
    assert repr(Envelopes(Trace())) == "Nobody handed a message over."
    assert Envelopes(Trace()).picture.svg()
    with pytest.raises(LabError, match="a mail, a call or a trace"):
        Envelopes(b"")


def test_the_picture_says_what_the_lines_say() -> None:
    mail = Lab(seed=2).send(ALICE, [BOB, BELLA], subject="<b>Hi</b>", text="Hi", headers={"To": BOB, "Bcc": BELLA})
    made = Envelopes(mail)
    words = [shape.text for shape in made.picture.drawing.shapes if isinstance(shape, Words)]
    for one in made:
        for line in (f"MAIL FROM:<{one.sender}>", *(f"{name}: {text}" for name, text in one.fields)):
            assert line in words
    assert "Bcc: bella@beta.example" in words and words.count(f"RCPT TO:<{BELLA}>   not in the letter") == 1
    assert "<b>" not in made._repr_mimebundle_()["text/html"]


def test_many_recipients_are_drawn_in_part() -> None:
    lab = Lab(seed=2, staff={"beta.example": [f"dora{n}" for n in range(30)]})
    everybody = [f"dora{n}@beta.example" for n in range(30)]
    made = Envelopes(lab.send(ALICE, everybody, subject="Hi", text="Hi", headers={"To": BOB}, read=False))
    assert len(made[1].recipients) == 30
    assert "… 20 more" in made.picture.svg()


# -- pictures ----------------------------------------------------------------------------------------------------------


def test_a_picture_is_light_and_dark() -> None:
    drawing = Drawing("Two lines", 100, 40, [Words(4, 12, "Hello")])
    made = Picture(drawing, "Hello")
    bundle = made._repr_mimebundle_()
    assert bundle["text/plain"] == repr(made) == "Hello"
    shown = re.findall(r'<div class="mailedu-(\w+)"( style="display:none")?><svg', bundle["text/html"])
    assert shown == [("light", ""), ("dark", ' style="display:none"')]  # light where nobody says which theme it is
    assert made.svg() != made.svg(dark=True)
