"""FETCH: parts cut from the original bytes, envelopes, structures; hostile MIME; the standard library as a judge."""

import email
import email.policy
import random
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imap_stage import BOB, reader, stage, untagged
from imapclient.response_parser import parse_fetch_response

from mailedu.acts import Flag, Refused, Say, Store
from mailedu.imap.addresses import LONGEST, addresses
from mailedu.imap.entity import DEEPEST, MOST, body_at, entity, in_utf8, parameters, parsed
from mailedu.imap.fetch import Section, body_structure, decoded, envelope, section, structure
from mailedu.imap.grammar import Reader, value, write

MIME = (
    b'From: "A, B" <a@x.example>, c@y.example\r\nSubject: two\r\n parts\r\n'
    b'Content-Type: multipart/mixed; boundary="=b"\r\n\r\npreamble\r\n--=b\r\n'
    b"Content-Type: text/plain; charset=utf-8\r\n\r\none\r\n--=b\r\nContent-Type: message/rfc822\r\n\r\n"
    b"Subject: in\r\n\r\ninner\r\n\r\n--=b--\r\nepilogue\r\n"
)


def multipart(boundary: bytes, *parts: bytes, kind: bytes = b"mixed") -> bytes:
    told = b"Content-Type: multipart/%s; boundary=%s\r\n\r\n" % (kind, boundary)
    return told + b"".join(b"--%s\r\n%s\r\n" % (boundary, part) for part in parts) + b"--%s--\r\n" % boundary


def part(kind: bytes, text: bytes, *fields: bytes) -> bytes:
    return b"\r\n".join([b"Content-Type: " + kind, *fields, b"", text])


# The message of RFC 9051 §6.4.5.1.
COMPLEX = b"Subject: complex\r\n" + multipart(
    b"a",
    part(b"text/plain", b"1"),
    part(b"application/octet-stream", b"2"),
    part(
        b"message/rfc822",
        b"Subject: 3\r\n" + multipart(b"b", part(b"text/plain", b"3.1"), part(b"application/octet-stream", b"3.2")),
    ),
    multipart(
        b"c",
        part(b"image/gif", b"4.1"),
        part(
            b"message/rfc822",
            b"Subject: 4.2\r\n"
            + multipart(
                b"d",
                part(b"text/plain", b"4.2.1"),
                multipart(
                    b"e", part(b"text/plain", b"4.2.2.1"), part(b"text/richtext", b"4.2.2.2"), kind=b"alternative"
                ),
            ),
        ),
    ),
)


def body(data: bytes, asked: str) -> bytes | None:
    """BODY[asked]"""
    path, what = [], ""
    for one in asked.split("."):
        if one.isdigit():
            path.append(int(one))
        else:
            what = one
    return section(data, Section(tuple(path), what))


# -- sections ------------------------------------------------------------------------------------------------------


def test_parts_are_the_exact_bytes():
    assert body(MIME, "") == MIME and body(MIME, "1") == b"one" and body(MIME, "2.HEADER") == b"Subject: in\r\n\r\n"
    assert (
        body(MIME, "2.1") == body(MIME, "2.TEXT") == b"inner\r\n" and body(MIME, "2") == b"Subject: in\r\n\r\ninner\r\n"
    )
    assert body(MIME, "1.MIME") == b"Content-Type: text/plain; charset=utf-8\r\n\r\n" and body(MIME, "3") is None
    assert body(MIME, "TEXT").startswith(b"preamble") and body(MIME, "TEXT").endswith(b"epilogue\r\n")
    assert body(MIME, "1.HEADER") is None and body(MIME, "1.1") is None


@pytest.mark.parametrize(
    "asked", ["1", "2", "3.1", "3.2", "4.1", "4.2.1", "4.2.2.1", "4.2.2.2"]
)  # fmt: skip
def test_the_message_of_the_rfc(asked):
    assert body(COMPLEX, asked) == asked.encode()


def test_messages_in_the_message_of_the_rfc():
    assert body(COMPLEX, "3.HEADER").startswith(b"Subject: 3\r\n") and b"3.1" in body(COMPLEX, "3.TEXT")
    assert body(COMPLEX, "4.2.HEADER").startswith(b"Subject: 4.2\r\n") and body(COMPLEX, "4.HEADER") is None
    assert body(COMPLEX, "4.1.MIME") == b"Content-Type: image/gif\r\n\r\n" and body(COMPLEX, "4.3") is None
    assert body(COMPLEX, "4").startswith(b"--c\r\n") and body(COMPLEX, "4.2.2.3") is None


def test_a_message_without_parts_is_its_own_part():
    plain = b"A: b\r\n\r\nhello\r\n"
    assert body(plain, "1") == body(plain, "TEXT") == b"hello\r\n" and body(plain, "2") is None
    assert body(plain, "1.MIME") == body(plain, "HEADER") == b"A: b\r\n\r\n" and body(plain, "1.1") is None


@pytest.mark.parametrize(
    "data, header, text",
    [
        (b"", b"", b""),
        (b"\r\n", b"\r\n", b""),
        (b"\r\nbody", b"\r\n", b"body"),
        (b"A: b", b"A: b", b""),
        (b"A: b\r\n", b"A: b\r\n", b""),
        (b"A: b\r\n\r\n", b"A: b\r\n\r\n", b""),
        (b"A: b\n\nbody\n", b"A: b\n\n", b"body\n"),
        (b"\nbody\n", b"\n", b"body\n"),
        (b"no header at all\r\n\r\nx", b"no header at all\r\n\r\n", b"x"),
    ],
)
def test_header_and_text_are_the_message(data, header, text):
    assert body(data, "HEADER") == header and body(data, "TEXT") == text


def fields(data: bytes, *names: bytes, what: str = "HEADER.FIELDS") -> bytes | None:
    return section(data, Section((), what, names))


def test_some_fields_of_a_header():
    header = b"Subject: two\r\n parts\r\nX: 1\r\nFROM: a\r\nx: 2\r\n\r\nX: no\r\n"
    assert fields(header, b"subject") == b"Subject: two\r\n parts\r\n\r\n"
    assert fields(header, b"X", b"From") == b"X: 1\r\nFROM: a\r\nx: 2\r\n\r\n"
    assert fields(header, b"None") == b"\r\n"
    assert fields(header, b"x", what="HEADER.FIELDS.NOT") == b"Subject: two\r\n parts\r\nFROM: a\r\n\r\n"
    assert fields(b"A: b\r\n", b"A") == b"A: b\r\n"  # no blank line, no body: then none is made up (§6.4.5.1)
    assert fields(b"A: b\n\nx", b"A") == b"A: b\n\n"


def test_the_answer_repeats_the_question():
    imap = reader(stage(1))
    said = imap.send('c FETCH 1 (body.peek[header.fields (sUBJECT "x y")]<3.5> BODY.PEEK[1.mime] BODY.PEEK[]<9999.1>)')
    assert 'BODY[HEADER.FIELDS (sUBJECT "x y")]<3> {5}\r\nject:' in said
    assert "BODY[1.MIME] {" in said and "BODY[]<9999> {0}\r\n" in said
    assert imap.send("d FETCH 1 (RFC822.SIZE rfc822.header)").startswith(
        "* 1 FETCH (RFC822.SIZE 66 RFC822.HEADER {46}\r\n"
    )
    assert "RFC822.TEXT {20}\r\n" in imap.send("e FETCH 1 RFC822.TEXT") and "RFC822 {66}\r\n" in imap.send(
        "f FETCH 1 RFC822"
    )


@given(st.integers(0, 80), st.integers(1, 80))
@settings(deadline=None, max_examples=50)
def test_partial(start, count):
    assert section(MIME, Section((), "", (), (start, count))) == MIME[start : start + count]


# -- \Seen -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "item, marks",
    [
        ("BODY[]", True), ("BODY[1]", True), ("RFC822", True), ("RFC822.TEXT", True), ("BINARY[1]", True),
        ("BODY.PEEK[]", False), ("RFC822.HEADER", False), ("BINARY.PEEK[1]", False), ("BINARY.SIZE[1]", False),
        ("BODY", False), ("ENVELOPE", False), ("FLAGS", False),
    ],
)  # fmt: skip
def test_who_reads_marks_as_seen_and_is_told_at_once(item, marks):
    here = stage(2)
    imap = reader(here, "c ENABLE IMAP4rev2")
    said = imap.send(f"d FETCH 1 {item}")
    assert ("\\Seen" in here.boxes[BOB].messages[1].flags) == marks == bool(imap.only(Flag))
    assert said.endswith((" FLAGS (\\Seen))\r\nd OK done\r\n") if marks else ")\r\nd OK done\r\n")
    assert "\\Seen" not in imap.send(f"e FETCH 1 ({item} UID)") or item == "FLAGS"  # already seen: nothing to tell
    assert untagged(imap.send("f NOOP")) == []


def test_examined_is_only_looked_at():
    here = stage(1)
    imap = reader(here, "c EXAMINE INBOX")
    imap.send("d FETCH 1 BODY[]")
    assert not here.boxes[BOB].messages[1].flags and not imap.only(Flag)


def test_flags_and_modseq_in_the_same_answer():
    imap = reader(stage(1), "c ENABLE CONDSTORE")
    assert " FLAGS (\\Recent \\Seen) UID 1 MODSEQ (3))" in imap.send("d FETCH 1 BODY[TEXT]")
    assert imap.send("e FETCH 1 (MODSEQ INTERNALDATE)").startswith(
        '* 1 FETCH (MODSEQ (3) INTERNALDATE "23-Nov-2026 09:00:00 +0000")'
    )


# -- BINARY --------------------------------------------------------------------------------------------------------


def encoded(encoding: bytes, text: bytes, kind: bytes = b"application/octet-stream") -> bytes:
    return part(kind, text, b"Content-Transfer-Encoding: " + encoding)


@pytest.mark.parametrize(
    "encoding, text, octets",
    [
        (b"base64", b"SGVsbG8=\r\n", b"Hello"),
        (b"BASE64", b"SGVs\r\nbG8=\r\n", b"Hello"),
        (b"base64", b"SGVsbG8", b"Hello"),  # cut off
        (b"base64", b"SGVsb", b"Hel"),
        (b"base64", b"S*G!V\0s", b"Hel"),
        (b"quoted-printable", b"a=3Db=\r\nc", b"a=bc"),
        (b"7bit", b"as it is", b"as it is"),
        (b"8bit ; strange", b"as it is", b"as it is"),
        (b"", b"as it is", b"as it is"),
    ],
)
def test_a_part_without_its_encoding(encoding, text, octets):
    assert decoded(encoded(encoding, text), (1,)) == octets


def test_texts_come_with_crlf():
    assert decoded(encoded(b"base64", b"YQpiDWMNCg==", b"text/plain"), (1,)) == b"a\r\nb\r\nc\r\n"
    assert decoded(encoded(b"base64", b"YQpiDWMNCg=="), (1,)) == b"a\nb\rc\r\n"


def test_binary_on_the_wire():
    here = stage(0)
    for data in (encoded(b"base64", b"AGE="), encoded(b"base64", b"YmM="), encoded(b"uuencode", b"begin")):
        here.change(Store(BOB, data))
    imap = reader(here)
    assert "BINARY[1] ~{2}\r\n\0a BINARY.SIZE[1] 2" in imap.send("c FETCH 1 (BINARY[1] BINARY.SIZE[1])")
    assert "BINARY[1]<1> {1}\r\nc" in imap.send("d FETCH 2 BINARY[1]<1.9>")
    assert "BINARY[2] NIL" in imap.send("e FETCH 2 BINARY[2]") and "BINARY.SIZE[2] 0" in imap.send(
        "f FETCH 2 BINARY.SIZE[2]"
    )
    for item in ("BINARY[1]", "BINARY.SIZE[1]"):
        assert imap.send(f"g FETCH 2:3 {item}").splitlines()[-1].startswith("g NO [UNKNOWN-CTE]")
    with pytest.raises(Refused):
        decoded(encoded(b"uuencode", b"begin"), (1,))


# -- ENVELOPE ------------------------------------------------------------------------------------------------------


def test_an_envelope():
    assert envelope(MIME) == (
        b'(NIL "two parts" (("A, B" NIL "a" "x.example") (NIL NIL "c" "y.example")) '
        b'(("A, B" NIL "a" "x.example") (NIL NIL "c" "y.example")) '
        b'(("A, B" NIL "a" "x.example") (NIL NIL "c" "y.example")) NIL NIL NIL NIL NIL)'
    )
    assert envelope(b"") == b"(" + b" ".join([b"NIL"] * 10) + b")"
    told = value(
        Reader(envelope(b"From: a@b\r\nReply-To:\r\nSender: c@d\r\nSubject:\r\nTo:\r\nDate: x\r\n\r\nTo: no@no\r\n"))
    )
    author, sender = ((None, None, b"a", b"b"),), ((None, None, b"c", b"d"),)
    assert told == (b"x", b"", author, sender, author, None, None, None, None, None)


@pytest.mark.parametrize(
    "field, found",
    [
        (b"bob@beta.example", [(None, None, b"bob", b"beta.example")]),
        (b"Bob <bob@beta.example>", [(b"Bob", None, b"bob", b"beta.example")]),
        (b"Joe Q. Public <john.q.public@example.com>", [(b"Joe Q. Public", None, b"john.q.public", b"example.com")]),
        (b'"Giant; \\"Big\\" Box" <s@e.net>', [(b'Giant; "Big" Box', None, b"s", b"e.net")]),
        (b'"john doe"@x.example', [(None, None, b"john doe", b"x.example")]),
        (b"=?utf-8?q?J=C3=B6rg?= <j@x>", [(b"=?utf-8?q?J=C3=B6rg?=", None, b"j", b"x")]),
        (b"bob@beta.example (Bob)", [(b"Bob", None, b"bob", b"beta.example")]),
        (b"a@[192.0.2.1]", [(None, None, b"a", b"[192.0.2.1]")]),
        (  # RFC 5322, appendix A.5 and A.6.3
            b"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
            [(b"Pete", None, b"pete", b"silly.test")],
        ),
        (
            b"A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n joe@example.org,\r\n"
            b" John <jdoe@one.test> (my dear friend); (the end of the group)",
            [
                (None, None, b"A Group", None),
                (b"Chris Jones", None, b"c", b"public.example"),
                (None, None, b"joe", b"example.org"),
                (b"John", None, b"jdoe", b"one.test"),
                (None, None, None, None),
            ],
        ),
        (b"Undisclosed recipients:;", [(None, None, b"Undisclosed recipients", None), (None, None, None, None)]),
        (
            b"Mary Smith <@node.test,@x.test:mary@example.net>, , jdoe@test  . example",
            [(b"Mary Smith", b"@node.test,@x.test", b"mary", b"example.net"), (None, None, b"jdoe", b"test.example")],
        ),
        (b"bob", [(None, None, b"bob", b"")]),
        (b"<>", [(None, None, b"", b"")]),
        (b'"never ends', [(None, None, b"never ends", b"")]),
        (b"a:b@c", [(None, None, b"a", None), (None, None, b"b", b"c"), (None, None, None, None)]),
        (b"", []),
        (b"(((", []),
        (b",,;,", []),
    ],
)
def test_addresses(field, found):
    assert addresses(field) == (tuple(found) or None)


HOSTILE = [
    b"a" + b" " * 10**6,
    b"(" * 10**6,
    b'"' + b"\\" * 10**6,
    b"a b " * 10**5,
    b"<" * 10**6,
    b":;" * 10**5,
    b"a@" * 10**6,
]


@pytest.mark.parametrize("field", HOSTILE, ids=lambda field: repr(field[:4]))
def test_hostile_addresses_take_no_time(field):
    addresses(field)
    assert LONGEST < 10**6


ADDRESS_PIECES = list(b' a<>@,:;()"\\[].\xff')


@given(st.lists(st.sampled_from(ADDRESS_PIECES)).map(bytes))
@settings(deadline=None, max_examples=300)
def test_whatever_stands_there_is_written_as_addresses(field):
    found = addresses(field)
    assert value(Reader(write(found))) == found
    assert all(len(one) == 4 for one in found or ())


def test_what_an_outside_reader_reads():
    """imapclient reads our answers: no library of ours decides that they are right."""
    here = stage(0)
    here.change(Store(BOB, MIME))
    here.change(Store(BOB, COMPLEX))
    here.change(Store(BOB, b'Subject: q"\\\r\nFrom: "x\r\n\r\n' + b"x" * 400 + b"\r\n"))
    imap = reader(here)
    for number in (1, 2, 3):
        imap.send(f"c FETCH {number} (UID ENVELOPE BODYSTRUCTURE BODY INTERNALDATE RFC822.SIZE BODY.PEEK[] FLAGS)")
        said = imap.only(Say)[-1].data
        lines = b"%d " % number + said[len(b"* 1 FETCH ") : said.rindex(b"\r\nc OK")]
        told = parse_fetch_response(list(pieces(lines)), uid_is_key=False)[number]
        data = here.boxes[BOB].messages[number].data
        assert told[b"BODY[]"] == data and told[b"RFC822.SIZE"] == len(data) and told[b"UID"] == number
        assert told[b"ENVELOPE"].subject == email.message_from_bytes(data)["Subject"].replace("\r\n", "").encode()
        assert told[b"BODYSTRUCTURE"].is_multipart == email.message_from_bytes(data).is_multipart()


def pieces(line: bytes):
    """A response as imaplib hands it on: (text up to a literal, literal), …, text."""
    while True:
        at = line.find(b"}\r\n")
        if at < 0:
            yield line
            return
        count = int(line[line.rindex(b"{", 0, at) + 1 : at])
        yield line[: at + 1], line[at + 3 : at + 3 + count]
        line = line[at + 3 + count :]


# -- BODYSTRUCTURE -------------------------------------------------------------------------------------------------


def test_a_structure():
    assert body_structure(MIME, extended=False) == (
        b'(("text" "plain" ("charset" "utf-8") NIL NIL "7BIT" 3 0)("message" "rfc822" NIL NIL NIL "7BIT" 22 '
        b'(NIL "in" NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 7 1) 3)'
        b' "mixed")'
    )
    assert (
        body_structure(b"\r\nhi\r\n") == b'("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 4 1 NIL NIL NIL NIL)'
    )


def test_what_else_a_structure_tells():
    data = part(
        b'application/PDF; name="a \\"b\\".pdf"; x=y', b"%PDF", b"Content-ID: <1@x>", b"Content-Description: a file",
        b"Content-Transfer-Encoding: Base64", b"Content-MD5: Q2hlY2s=", b"Content-Language: en, de",
        b"Content-Disposition: ATTACHMENT; filename=x.pdf", b"Content-Location: http://x.example/",
    )  # fmt: skip
    assert body_structure(data) == (
        b'("application" "pdf" ("name" "a \\"b\\".pdf" "x" "y") "<1@x>" "a file" "BASE64" 4 "Q2hlY2s=" '
        b'("ATTACHMENT" ("filename" "x.pdf")) ("en" "de") "http://x.example/")'
    )
    told = body_structure(multipart(b"b", part(b"text/html", b"x", b"Content-Language: en"), kind=b"mixed"))
    assert told == (
        b'(("text" "html" ("charset" "us-ascii") NIL NIL "7BIT" 1 0 NIL NIL "en" NIL)'
        b' "mixed" ("boundary" "b") NIL NIL NIL)'
    )


@pytest.mark.parametrize(
    "said, found",
    [
        (b"; charset=utf-8", {b"charset": b"utf-8"}),
        (b'; a="b;c"; A=2', {b"a": b"b;c"}),
        (b"; name*0=a; name*1=b", {b"name": b"ab"}),
        (b"; name*1=b; name*0=a", {b"name": b"ab"}),
        (b"; name*=utf-8''Gr%C3%BC%C3%9Fe.pdf", {b"name*": "Grüße.pdf".encode()}),
        (b"; name*0*=iso-8859-1'de'Gr%FC%DF; name*1=e%20; name*2*=%21", {b"name*": "Grüße%20!".encode()}),
        (b"; name*=zlib''%ff", {b"name*": "ÿ".encode()}),  # no charset of mail's
        (b"; name*99999999=x; =; ;;; x", {b"name*99999999": b"x"}),
        (b"(comment); a=b", {b"a": b"b"}),
    ],
)
def test_parameters(said, found):
    assert parameters(said) == found


def test_strangers_may_not_choose_any_charset():
    assert in_utf8(b"abc-" * 50_000, b"punycode") == b"abc-" * 50_000  # Python's own takes time by the square
    assert in_utf8(b"\xfc", b"windows-1252") == in_utf8(b"\xfc", b"latin\0") == "ü".encode()


# -- hostile messages ----------------------------------------------------------------------------------------------


def nested(depth: int) -> bytes:
    data = part(b"text/plain", b"the bottom")
    for level in range(depth):
        data = multipart(b"b%d" % level, data)
    return data


@pytest.mark.parametrize(
    "data",
    [
        b"Content-Type: multipart/mixed\r\n\r\n--x\r\n\r\ny",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\nnothing",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n--x\r\n--x--",
        b'Content-Type: multipart/mixed; boundary=""\r\n\r\n----\r\n',
        b"Content-Type: message/rfc822\r\n\r\n",
        b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeA0KDQo=",
        b"Content-Type: /\r\n\r\n",
        b"Content-Type: text\r\n\r\n",
        b"Content-Type: \xff/\xff\r\nSubject: \xff\r\n\r\n\xff",
        b"Content-Type: text/plain; charset=\0\r\nSubject: \0\r\nFrom: \0@\0\r\n\r\n",
        nested(200),
        b"Content-Type: message/rfc822\r\n\r\n" * 200,
        multipart(b"x", *[b""] * (MOST + 50)),
        b":" * 100_000,
        b"\r\n" * 50_000,
        b"A" * 100_000 + b":\r\n\r\n",
    ],
    ids=lambda data: repr(data[:60]),
)
def test_hostile_messages_are_described(data):
    for extended in (True, False):
        told = body_structure(data, extended)
        reader = Reader(told)
        reader.depth = -10 * DEEPEST
        value_of_body(reader)
        assert reader.at == len(told)
    assert value(Reader(envelope(data))) and b"\0" not in envelope(data) + body_structure(data)
    whole = parsed(data)
    assert sum(1 for _ in whole.walk()) <= MOST + 1
    for path in ("1", "1.1.1", "2.MIME", "1.HEADER", "TEXT"):
        body(data, path)


def value_of_body(r: Reader) -> None:
    """Parts stand side by side without a space, so it is not a plain value."""
    depth = 0
    while True:
        piece = r.data[r.at : r.at + 1]
        if piece == b"(":
            depth += 1
            r.at += 1
        elif piece == b")":
            depth -= 1
            r.at += 1
            if not depth:
                return
        elif piece == b" ":
            r.at += 1
        else:
            value(r)


def test_what_cannot_be_opened_is_told_as_something_else():
    empty = structure(parsed(b"Content-Type: multipart/mixed\r\n\r\nx"))  # it has at least one part (§9)
    assert empty.startswith(b'(("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 0 0')
    deep = structure(parsed(nested(DEEPEST + 1)))
    assert deep.count(b'"mixed"') == DEEPEST and b'"text" "plain" ("boundary" "b0"' in deep
    closed = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeA0KDQo="
    assert structure(parsed(closed)).startswith(b'("application" "octet-stream"')
    assert structure(parsed(b"Content-Type: message/partial\r\n\r\nx")).startswith(b'("message" "partial"')
    opened = b"Content-Type: message/global\r\n\r\nSubject: x\r\n\r\n"
    assert structure(parsed(opened)).startswith(b'("message" "global"')


PIECES = (
    b'Content-Type: |multipart/mixed; boundary=x|message/rfc822|text/plain|--x|--|x|: |;|"| |Subject: y\r\n'
    b"|Content-Transfer-Encoding: base64\r\n|\r\n|\n|\0|\xff"
).split(b"|")
TEXTS = st.lists(st.sampled_from(PIECES)).map(b"".join)


@given(TEXTS)
@settings(deadline=None, max_examples=300)
def test_header_and_text_are_always_the_message(data):
    assert body(data, "HEADER") + body(data, "TEXT") == data
    at = body_at(data, 0, len(data))
    assert len(body(data, "HEADER")) == at
    for one in parsed(data).walk():
        assert 0 <= one.start <= one.body <= one.end <= len(data)
        assert all(one.body <= inner.start and inner.end <= one.end for inner in one.parts)
    body_structure(data)
    envelope(data)


def test_a_digest_holds_messages():
    data = multipart(b"x", b"\r\nSubject: in\r\n\r\nhi", kind=b"digest")
    assert parsed(data).parts[0].is_message and body(data, "1.HEADER") == b"Subject: in\r\n\r\n"


# -- the standard library as a judge -------------------------------------------------------------------------------


def some_mail(seed: int) -> bytes:
    dice = random.Random(seed)
    mail = EmailMessage(policy=email.policy.SMTP)
    mail["From"], mail["Subject"] = "alice@alpha.example", f"mail {seed}"
    mail.set_content("Grüße\n" * dice.randint(0, 3) + "x")
    for n in range(dice.randint(0, 4)):
        if dice.random() < 0.5:
            mail.add_attachment(
                dice.randbytes(dice.randint(0, 100)), "application", "octet-stream", filename=f"{n}.bin"
            )
        else:
            inner = EmailMessage(policy=email.policy.SMTP)
            inner["Subject"] = "inside"
            inner.set_content("one\ntwo\n")
            inner.add_alternative("<p>one", subtype="html")
            mail.add_attachment(inner)
    return mail.as_bytes()


@pytest.mark.parametrize("seed", range(12))
def test_parts_are_what_the_standard_library_finds(seed):
    data = some_mail(seed)

    def compare(ours, theirs):
        assert ours.type == tuple(theirs.get_content_type().encode().split(b"/"))
        assert len(ours.parts) == (len(theirs.get_payload()) if theirs.is_multipart() else 0)
        for one, other in zip(ours.parts, theirs.get_payload() if theirs.is_multipart() else [], strict=True):
            compare(one, other)

    theirs = email.message_from_bytes(data)
    compare(parsed(data), theirs)
    for number, one in enumerate(theirs.get_payload() if theirs.is_multipart() else [theirs], 1):
        if not one.is_multipart():
            assert decoded(data, (number,)) == one.get_payload(decode=True)


# -- what is worked out once ---------------------------------------------------------------------------------------


def test_an_envelope_is_worked_out_once_a_message_and_goes_along_with_it():
    here = stage(1)
    imap = reader(here)
    box = here.boxes[BOB]
    said = imap.send("c FETCH 1 (ENVELOPE BODYSTRUCTURE)")
    assert set(box.messages[1].known) == {"ENVELOPE", "BODYSTRUCTURE"}
    imap.send("d STORE 1 FLAGS.SILENT (\\Seen)")
    known = box.messages[1].known
    assert known and known is box.copy().messages[1].known
    known["ENVELOPE"] = b"ENVELOPE (remembered)"
    assert "(remembered)" in imap.send("e FETCH 1 ENVELOPE") and "ENVELOPE" in said


def test_a_long_answer_is_said_in_handfuls():
    here = stage(0)
    big = b"Subject: big\r\n\r\n" + b"x" * 300_000
    for data in (b"small", big, b"small"):
        here.change(Store(BOB, data))
    imap = reader(here)
    before = len(imap.only(Say))
    assert imap.send("c FETCH 1:* BODY.PEEK[]").count(")\r\n") == 3
    pieces = [act.data for act in imap.only(Say)[before:]]
    assert 5 < len(pieces) < 9 and max(map(len, pieces)) == 65_536 and big in b"".join(pieces)


def test_entity_of_a_slice():
    data = b"xxxA: b\r\n\r\nyyy\r\n\r\nzzz"
    assert entity(data, 3, 14, b"text/plain", 0, None).text == b"yyy"
