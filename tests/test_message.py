"""A message as its original bytes: every octet has its place, addresses, text, compose, names for octets."""

import email
import email.policy
import email.utils
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailedu.acts import LabError
from mailedu.message import Field, Message, addresses, as_text, authors, compose, decoded, field_spans, spans

DATE = "Mon, 23 Nov 2026 09:00:00 +0000"
PIECES = [
    b"\r\n",
    b"\n",
    b"\r",
    b"From: a@b",
    b"Subject",
    b":",
    b" ",
    b"\t",
    b"From ",
    b"x",
    b"\xff",
    b"\0",
    b"=?utf-8?q?=C3?=",
]
anything = st.one_of(st.binary(max_size=60), st.lists(st.sampled_from(PIECES), max_size=14).map(b"".join))


def pieces(message: Message) -> list[bytes]:
    return [*(field.data for field in message.fields), message.separator, message.body]


# -- fields and body ---------------------------------------------------------------------------------------------------


@given(anything)
@example(b"")
@example(b"A: 1\r\n\r\n\r\n")
@settings(max_examples=400, deadline=None)
def test_no_octet_is_lost_or_moved(data):
    message = Message(data)
    assert b"".join(pieces(message)) == data == bytes(message)
    assert message.header == data[: message.header_end] and message.body == data[message.body_start :]
    for field in message.fields:
        assert data[field.start :].startswith(field.data)
        assert field.data.endswith(field.value)


@pytest.mark.parametrize(
    "data, names, separator, body",
    [
        (b"A: 1\r\nB: 2\r\n\r\nbody\r\n", ["A", "B"], b"\r\n", b"body\r\n"),
        (b"A: 1\nB: 2\n\nbody\n", ["A", "B"], b"\n", b"body\n"),
        (b"A: 1\r\n 2\r\n\t3\r\n\r\n", ["A"], b"\r\n", b""),
        (b"A: 1\r\n \r\n\r\nx", ["A"], b"\r\n", b"x"),  # a line of blanks goes on with the field (RFC 5322 §4.2)
        (b"A : 1\r\n\r\n", ["A"], b"\r\n", b""),  # RFC 5322 §4.5
        (b"A: 1\r\n", ["A"], b"", b""),
        (b"A: 1", ["A"], b"", b""),
        (b"A:\r\nB:", ["A", "B"], b"", b""),
        (b"", [], b"", b""),
        (b"\r\n", [], b"\r\n", b""),
        (b"\r\nA: 1\r\n", [], b"\r\n", b"A: 1\r\n"),
        (b"only a body\r\n", [], b"", b"only a body\r\n"),
        (b"A: 1\r\nno field\r\nB: 2\r\n\r\nx", ["A"], b"", b"no field\r\nB: 2\r\n\r\nx"),
        (b" A: 1\r\n\r\nx", [], b"", b" A: 1\r\n\r\nx"),
        (b"\xc3\xa4: 1\r\n\r\n", [], b"", b"\xc3\xa4: 1\r\n\r\n"),
        (b"From bob Mon Nov 23\nA: 1\n\nx", ["", "A"], b"\n", b"x"),
        (b"A: 1\r\nFrom bob Mon Nov 23\r\n\r\n", ["A"], b"", b"From bob Mon Nov 23\r\n\r\n"),
        (b"A: a\rb\r\n\r\nx", ["A"], b"\r\n", b"x"),
        (b"A: \0\xff\r\n\r\n\0\xff", ["A"], b"\r\n", b"\0\xff"),
    ],
)
def test_where_the_header_ends(data, names, separator, body):
    message = Message(data)
    assert ([field.name for field in message.fields], message.separator, message.body) == (names, separator, body)


@given(anything)
@settings(max_examples=200, deadline=None)
def test_pythons_parser_sees_the_same_names(data):
    message = Message(data)
    odd = b"\r" in data.replace(b"\r\n", b"") or b"\n:" in b"\n" + data or data[:1] in (b" ", b"\t")
    if odd or any(b" :" in field.data or b"\t:" in field.data for field in message.fields):
        return  # Python takes a CR alone for a line's end, knows no blanks before a colon, and skips odd lines
    theirs = email.message_from_bytes(data, policy=email.policy.compat32)
    assert [field.name for field in message.fields if field.name] == theirs.keys()


def test_finding_fields():
    message = Message(b"Received: 1\r\nreceived: 2\r\nTo: x\r\n\r\n")
    assert [field.text for field in message.all("RECEIVED")] == ["1", "2"]
    assert message.first("Received").text == "1" and message.first("Cc") is None and message.all("Cc") == ()


def test_a_header_of_a_megabyte_takes_no_time():
    folded = b"A:" + b" x\r\n" * 250_000
    assert [len(field.data) for field in Message(folded + b"B: 1\r\n\r\n").fields] == [len(folded), 6]
    assert len(Message(b"A: 1\r\n" * 170_000).fields) == 170_000
    assert Message(b"a" * 1_000_000).fields == () == Message(b"a" * 1_000_000 + b" " * 1_000_000).fields


# -- text --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value, text",
    [
        (b" one\r\n two\r\n", "one two"),
        (b"\tone\n\ttwo\n", "one\ttwo"),
        (" grün\r\n".encode(), "grün"),
        (b" gr\xfcn\r\n", "grün"),
        (b"=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        (b"=?UTF-8?B?R3LDvMOfZQ==?=", "Grüße"),
        (b"=?UTF-8?B?R3LDvMOfZQ?=", "Grüße"),
        (b"=?iso-8859-1?Q?Gr=FC=DFe?= to you", "Grüße to you"),
        (b"=?utf-8?q?one?= =?utf-8?q?_two?=\r\n", "one two"),
        (b"=?utf-8?q?one?= two", "one two"),
        (b"=?utf-8?q?one?=\r\n =?utf-8?q?two?=", "onetwo"),
        (b"=?utf-8*de?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        (b"=?klingon?q?nuqneH?=", "nuqneH"),
        (b"=?utf-8?b?****?=", "=?utf-8?b?****?="),
        (b"=?utf-8?x?abc?=", "=?utf-8?x?abc?="),
        (b"=?utf-8?q?no end", "=?utf-8?q?no end"),
        (b"2=?3", "2=?3"),
    ],
)
def test_text(value, text):
    assert Field("Subject", b"Subject:" + value).text == text


@given(st.text(max_size=30))
@settings(max_examples=150, deadline=None)
def test_text_never_fails(text):
    assert isinstance(decoded(text), str)
    assert isinstance(decoded(f"=?{text}?b?{text}?="), str)
    assert isinstance(Field("X", b"X:" + text.encode("utf-8", "surrogatepass")).text, str)


# -- addresses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value, found",
    [
        ("alice@alpha.example", ["alice@alpha.example"]),
        ("Alice <alice@alpha.example>", ["alice@alpha.example"]),
        ("<alice@alpha.example>, bob@beta.example", ["alice@alpha.example", "bob@beta.example"]),
        ('"Miller, Alice" <alice@alpha.example>', ["alice@alpha.example"]),
        ('"boss@bank.example" <mallory@mallory.example>', ["mallory@mallory.example"]),
        ("boss@bank.example <mallory@mallory.example>", ["mallory@mallory.example"]),
        ("=?utf-8?q?boss=40bank=2Eexample?= <m@mallory.example>", ["m@mallory.example"]),
        ("Friends: a@b.example, C <c@d.example>;", ["a@b.example", "c@d.example"]),
        ("Friends: a@b.example;, e@f.example", ["a@b.example", "e@f.example"]),
        ("undisclosed-recipients:;", []),
        ("a@b.example (a comment, with c@d.example)", ["a@b.example"]),
        ("a (x (y) \\) z) @ b (z) . example", ["a@b.example"]),
        ("a . b @ c . example", ["a.b@c.example"]),
        ('"a b"@c.example', ['"a b"@c.example']),
        ('"a@b"@c.example', ['"a@b"@c.example']),
        ('"a\\"b"@c.example', ['"a\\"b"@c.example']),
        ("a@[192.0.2.1]", ["a@[192.0.2.1]"]),
        ("a@[IPv6:2001:db8::1]", ["a@[IPv6:2001:db8::1]"]),
        ("<@relay.example,@other.example:a@b.example>", ["a@b.example"]),
        ("jörg@grüße.example", ["jörg@grüße.example"]),
        ("a@b.example c@d.example", ["a@b.example", "c@d.example"]),
        ("<a@b.example> <c@d.example>", ["a@b.example", "c@d.example"]),
        ("<a@b.example", ["a@b.example"]),
        ("a@b@c.example", ["a@b@c.example"]),
        ("alice", []),
        ("@b.example", []),
        ("a@", []),
        ("<>", []),
        ("", []),
        (",,;:,", []),
        ('"unclosed <a@b.example>', []),
        ("(unclosed <a@b.example>", []),
        ("a@b.example\r\n ,\r\n\tc@d.example", ["a@b.example", "c@d.example"]),
    ],
)
def test_addresses(value, found):
    assert addresses(Field("From", b"From: " + value.encode() + b"\r\n")) == found


@given(st.text(alphabet='ab@.<>,;:"()\\[] \t', max_size=25))
@settings(max_examples=300, deadline=None)
def test_addresses_never_fail_and_have_two_sides(text):
    for address in addresses(Field("From", b"From: " + text.encode())):
        assert re.search(r".@.", address, re.DOTALL)


words = st.from_regex(r"[a-z]{1,5}", fullmatch=True)
mailboxes = st.tuples(st.sampled_from(["", "Bob", '"B, ob"', "B o b"]), words, words)


@given(st.lists(mailboxes, min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_addresses_agree_with_the_standard_library(people):
    text = ", ".join(
        f"{name} <{who}@{where}.example>" if name else f"{who}@{where}.example" for name, who, where in people
    )
    ours = addresses(Field("To", b"To: " + text.encode()))
    assert ours == [address for _, address in email.utils.getaddresses([text])]


def test_authors_are_those_of_all_from_fields():
    message = Message(b"From: A <a@x.example>, b@y.example\r\nTo: t@x\r\nFROM: c@z.example\r\n\r\n")
    assert authors(message) == ["a@x.example", "b@y.example", "c@z.example"]
    assert authors(Message(b"To: a@b\r\n\r\n")) == []


# -- compose -----------------------------------------------------------------------------------------------------------


def made(subject="Lunch", text="See you soon.\n", **more) -> bytes:
    recipients = more.pop("recipients", "bob@beta.example")
    return compose("alice@alpha.example", recipients, subject, text, date=DATE, message_id="<1@alpha.example>", **more)


def test_a_composed_message_word_for_word():
    assert made() == (
        b"From: alice@alpha.example\r\nTo: bob@beta.example\r\nSubject: Lunch\r\nDate: " + DATE.encode() + b"\r\n"
        b"Message-ID: <1@alpha.example>\r\nContent-Type: text/plain; charset=\"utf-8\"\r\n"
        b"Content-Transfer-Encoding: 7bit\r\nMIME-Version: 1.0\r\n\r\nSee you soon.\r\n"
    )  # fmt: skip


def test_the_same_arguments_give_the_same_octets():
    files = [("a.png", b"\x89PNG"), ("b.unknown", bytes(range(256)))]
    assert made(attachments=files) == made(attachments=files)
    assert made(attachments=files) != made(text="Other.\n", attachments=files)


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60),
)
@settings(max_examples=60, deadline=None)
def test_what_went_in_comes_out(subject, text):
    data = made(subject, text)
    assert all(line.endswith(b"\r\n") for line in data.splitlines(keepends=True)) and b"\n" not in data.replace(
        b"\r\n", b""
    )
    assert max(map(len, data.split(b"\r\n"))) <= 998
    mail = email.message_from_bytes(data, policy=email.policy.default)
    assert mail.get_content().replace("\r\n", "\n").removesuffix("\n") == text
    assert Message(data).first("Subject").text == mail["Subject"].strip(" ")


def test_attachments_come_out_as_they_went_in():
    binary = bytes(range(256)) * 10
    mail = email.message_from_bytes(made(attachments=[("grün.png", binary), ("x", b"")]), policy=email.policy.default)
    one, two = mail.iter_attachments()
    assert (one.get_filename(), one.get_content_type(), one.get_content()) == ("grün.png", "image/png", binary)
    assert (two.get_filename(), two.get_content_type(), two.get_content()) == ("x", "application/octet-stream", b"")


def test_headers_replace_add_and_take_away():
    message = Message(
        made(from_='"The Bank" <boss@bank.example>', headers={"to": None, "Cc": "c@d.example", "SUBJECT": "New"})
    )
    assert authors(message) == ["boss@bank.example"] and message.first("To") is None
    assert [field.text for field in message.all("Subject")] == ["New"] and message.first("Cc").text == "c@d.example"


def test_several_recipients_and_letters_beyond_ascii():
    assert Message(made(recipients=["a@b.example", "c@d.example"])).first("To").text == "a@b.example, c@d.example"
    assert "Jörg <j@beta.example>".encode() not in made(recipients="Jörg <j@beta.example>")  # a name can be encoded
    assert Message(made(recipients="Jörg <j@beta.example>")).first("To").text == "Jörg <j@beta.example>"
    assert "jörg@beta.example".encode() in made(recipients="jörg@beta.example")  # an address cannot (RFC 6532)


def test_a_text_travels_as_it_is_asked_to():
    assert b"Content-Transfer-Encoding: quoted-printable" in made(text="grün")
    assert b"Content-Transfer-Encoding: quoted-printable" in made(text="x" * 999)
    assert "grün".encode() in made(text="grün", encoding="8bit")
    assert b"Z3LDvG4NCg==" in made(text="grün", encoding="base64")
    for more in ({"encoding": "uuencode"}, {"text": "grün", "encoding": "7bit"}):
        with pytest.raises(LabError, match="give"):
            made(**more)


@pytest.mark.parametrize(
    "headers", [{"Subject": "two\r\nlines: here"}, {"two words": "x"}, {"": "x"}, {"Naïve": "x"}, {"X:": "y"}]
)
def test_what_cannot_be_a_field_is_said(headers):
    with pytest.raises(LabError, match=r"give|use"):
        made(headers=headers)


# -- names for octets --------------------------------------------------------------------------------------------------


@given(anything)
@settings(max_examples=300, deadline=None)
def test_every_octet_has_a_name(data):
    found = spans(data, "client", "DATA", True)
    assert sum(length for length, _ in found) == len(data) and all(length > 0 and name for length, name in found)


def test_the_names():
    data = b"From: a@b\r\nX-Long :\tone\r\n two\r\n\r\nbody\r\n\r\n"
    assert spans(data) == [
        (4, "field name"), (1, "colon"), (4, "field value"), (2, "CRLF"),
        (6, "field name"), (1, "blank"), (1, "colon"), (4, "field value"), (2, "fold"), (4, "field value"), (2, "CRLF"),
        (2, "end of header"), (4, "body line"), (2, "CRLF"), (2, "CRLF"),
    ]  # fmt: skip
    assert spans(b"From x\nA: 1\n\ny") == [
        (6, "mailbox file's line"), (1, "LF"), (1, "field name"), (1, "colon"), (2, "field value"), (1, "LF"),
        (1, "end of header"), (1, "body line"),
    ]  # fmt: skip
    assert field_spans(Field("A", b"A:\r\n")) == [(1, "field name"), (1, "colon"), (2, "CRLF")]


def test_a_strange_charset_costs_no_time_and_raises_nothing() -> None:
    for charset in "punycode", "idna", "unicode_escape", "no\x00such", "rot13", "zlib":
        assert as_text(b"a" * 100_000, charset) == "a" * 100_000
