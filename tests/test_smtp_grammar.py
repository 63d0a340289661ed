"""SMTP's grammar: addresses, literals, parameters; and a name for every octet."""

import ipaddress
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from smtp_stage import call, stage
from test_smtp import TALK

from mailedu.acts import Hear, Open, Refused, Say
from mailedu.smtp import spans
from mailedu.smtp.grammar import ARGUMENTS, Path, is_host, is_ipv6, is_mailbox, quoted, read
from mailedu.smtp.parameters import notices, original, submitter, xtext
from mailedu.smtp.reply import WIDTH, plain, written


@pytest.mark.parametrize(
    "line, command",
    [
        (b"ehlo a.example\r\n", ("EHLO", ("a.example",))),
        (b"EHLO [192.0.2.1]  \r\n", ("EHLO", ("[192.0.2.1]",))),
        (b"MAIL FROM:<>\r\n", ("MAIL", (Path(""), {}))),
        (b"mail from:<a@b.c> size=5 SMTPUTF8\r\n", ("MAIL", (Path("a@b.c"), {"SIZE": "5", "SMTPUTF8": ""}))),
        (b"MAIL FROM:<@x.example,@y:a@b.example>\r\n", ("MAIL", (Path("a@b.example", "@x.example,@y:"), {}))),
        (b"RCPT TO:<PostMaster>\r\n", ("RCPT", (Path("postmaster"), {}))),
        (b"RCPT TO:<postmaster@b.example>\r\n", ("RCPT", (Path("postmaster@b.example"), {}))),
        (b'RCPT TO:<"a b"@b.example> NOTIFY=NEVER\r\n', ("RCPT", (Path('"a b"@b.example'), {"NOTIFY": "NEVER"}))),
        ("RCPT TO:<jörg@grün.example>\r\n".encode(), ("RCPT", (Path("jörg@grün.example"), {}))),
        (b"DATA\r\n", ("DATA", ())),
        (b"bdat 9 last\r\n", ("BDAT", (9, True))),
        (b"BDAT 00\r\n", ("BDAT", (0, False))),
        (b"AUTH PLAIN\r\n", ("AUTH", ("PLAIN", None))),
        (b"AUTH plain =\r\n", ("AUTH", ("PLAIN", b"="))),
        (b"NOOP what ever\r\n", ("NOOP", ("what ever",))),
        (b"HELP\t\r\n", ("HELP", ("",))),
        (b"VRFY bob\r\n", ("VRFY", ("bob", False))),
        (b"VRFY <bob@b.example> SMTPUTF8\r\n", ("VRFY", ("<bob@b.example>", True))),
        (b'EXPN "my list" smtputf8 \r\n', ("EXPN", ('"my list"', True))),
        (b"VRFY SMTPUTF8\r\n", ("VRFY", ("SMTPUTF8", False))),
        (b"ETRN #queue\r\n", ("ETRN", ("#queue",))),
    ],
)  # fmt: skip
def test_read(line, command):
    assert read(line) == command


@pytest.mark.parametrize(
    "line, production",
    [
        (b"EHLO\r\n", "a space before Domain"),
        (b"EHLO \r\n", "Domain"),
        (b"EHLO  a\r\n", "Domain"),
        (b"MAIL  FROM:<>\r\n", "FROM:"),
        (b"MAIL FROM :<>\r\n", "FROM:"),
        (b"MAIL FROM:<a@b> \t SIZE=1\r\n", "esmtp-keyword"),
        (b"MAIL FROM:<a@b>  SIZE=1\r\n", "esmtp-keyword"),
        (b"MAIL FROM:<a@b> SI_ZE=1\r\n", "esmtp-keyword"),
        (b"MAIL FROM:<a@b> SIZE=\r\n", "esmtp-value"),
        (b"MAIL FROM:<a@b> SIZE=1=2\r\n", "esmtp-value"),
        (b"MAIL FROM:<a@b>>\r\n", "a space before a parameter"),
        (b"MAIL FROM:<a@b@c>\r\n", ">"),
        (b"MAIL FROM:<a.@b>\r\n", "@"),
        (b"MAIL FROM:<a..b@c>\r\n", "@"),
        (b'MAIL FROM:<"a"b@c>\r\n', "@"),
        (b'MAIL FROM:<a"b"@c>\r\n', "@"),
        (b"MAIL FROM:<a@b.>\r\n", ">"),
        (b"MAIL FROM:<a@b->\r\n", ">"),
        (b"MAIL FROM:<@x:>\r\n", "Local-part"),
        (b"MAIL FROM:<@x,y:a@b>\r\n", "Local-part"),
        (b"MAIL FROM:<a@[192.0.2.1]\r\n", ">"),
        (b"MAIL FROM:<a@[192.0.2.1>\r\n", "address-literal"),
        (b"RCPT TO:<Postmaster@>\r\n", "Domain"),
        (b"BDAT\r\n", "a space before chunk-size"),
        (b"BDAT -1\r\n", "chunk-size"),
        (b"BDAT 1 LAST LAST\r\n", "the end of BDAT"),
        (b"AUTH PLAIN a b\r\n", "the end of AUTH"),
        (b"STARTTLS x\r\n", "the end of STARTTLS"),
        (b"ETRN a b\r\n", "the end of ETRN"),
    ],
)
def test_the_rule_that_failed_is_named(line, production):
    with pytest.raises(Refused) as no:
        read(line)
    assert no.value.because.get("production") == production and str(no.value).startswith("501 5.")


@pytest.mark.parametrize("line", [b"FROG\r\n", b"\r\n", b"NOOP", b"", b" NOOP\r\n", b"NO\0OP\r\n", b"NOOP\n\r\n"])
def test_read_refuses(line):
    with pytest.raises(Refused):
        read(line)


# -- addresses -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address, good",
    [
        ("a@b", True), ("a@b.example", True), ("a.b.c@b-c.example", True), ("!#$%&'*+-/=?^_`{|}~@x.example", True),
        ("1@2.3", True), ('""@b.example', True), ('"a\\"b"@b.example', True), ('"a@b"@c.example', True),
        ("a@[192.0.2.1]", True), ("a@[IPv6:2001:db8::1]", True), ("a@[tag:any-thing]", False), ("ä@ö.example", True),
        ("", False), ("a", False), ("@b", False), ("a@", False), ("a@b@c", False), ("a b@c", False), ("a@b c", False),
        (".a@b", False), ("a.@b", False), ("a..b@c", False), ("a@.b", False), ("a@b.", False), ("a@-b", False),
        ("a@b-", False), ("a@b_c", False), ('"a@b', False), ('"a\tb"@c', False), ("a@[192.0.2]", False),
        ("a@[2001:db8::1]", False), ("<a@b>", False), ("a@b\r\nRCPT TO:<c@d>", False), ("a@b\0", False),
        ("a@b> SIZE=1", False), ("a\\b@c", False), ("a,b@c", False), ("\ud800@b", False), ("x" * 65 + "@b", False),
        ("a@" + "b" * 256, False),
    ],
)  # fmt: skip
def test_is_mailbox(address, good):
    assert is_mailbox(address) is good


def test_is_host():
    for host in ("a", "mx.alpha.example", "[192.0.2.1]", "[IPv6:::1]", "1.2", "xn--grn-hoa.example"):
        assert is_host(host)
    for host in ("", "a b", "a.", "-a", "grün.example", "a_b", "a\r\nQUIT", "[a", "[192.0.2.256]", "a>"):
        assert not is_host(host)


LOCAL = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)


@given(LOCAL)
@settings(max_examples=300, deadline=None)
def test_a_local_part_is_quoted_as_little_as_possible(local):
    address = f"{quoted(local)}@b.example"
    assert read(f"MAIL FROM:<{address}>\r\n".encode()) == ("MAIL", (Path(address), {}))
    everything = "".join(f"\\{letter}" for letter in local)
    assert read(f'MAIL FROM:<"{everything}"@b.example>\r\n'.encode()) == ("MAIL", (Path(address), {}))


def test_ipv6_literals():
    """Against the standard library, but where RFC 5321 is narrower: a :: stands for two groups at least."""
    pieces = ["", "0", "db8", "ffff", "12345", "x", "1.2.3.4", "1.2.3.256"]
    for count in range(1, 4):
        for groups in itertools.product(pieces, repeat=count):
            text = ":".join(groups)
            assert is_ipv6(text) == by_the_library(text), text
    for text in ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:1.2.3.4", "::", "1::", "::1", "1:2:3:4:5:6::", "::1:2:3:4:5:6", "1::8",
                 "::1.2.3.4", "1:2:3:4::1.2.3.4", "::ffff:192.0.2.1"):  # fmt: skip
        assert is_ipv6(text), text
    for text in ("", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::", "::1:2:3:4:5:6:7",
                 "1::2::3", "1:2:3:4:5::1.2.3.4", "1.2.3.4", ":1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "12345::",
                 "g::", "::1%eth0", "1:::2", ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:", "::1.2.3.4.5", "١::"):  # fmt: skip
        assert not is_ipv6(text), text


def by_the_library(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


# -- the values of parameters --------------------------------------------------------------------------------------


def test_xtext():
    assert xtext("ENVID", "a+2Bb+3D", 100) == "a+b="
    for wrong in ("", "+", "+2", "+2b", "a=b", "a b", "+00", "+7F", "x" * 101):
        with pytest.raises(Refused):
            xtext("ENVID", wrong, 100)


def test_notify_orcpt_and_auth():
    assert notices("success,Failure,DELAY") == ("SUCCESS", "FAILURE", "DELAY") and notices("never") == ("NEVER",)
    for wrong in ("", ",", "NEVER,SUCCESS", "ALWAYS", "SUCCESS,"):
        with pytest.raises(Refused):
            notices(wrong)
    assert original("rfc822;a+2Bb@c.example") == "rfc822;a+b@c.example" and original("utf-8;jörg@x") == "utf-8;jörg@x"
    for wrong in ("", "rfc822", ";a", "rfc822;", "a b;c", "rfc822;a b"):
        with pytest.raises(Refused):
            original(wrong)
    assert submitter("<>") == "<>" and submitter("e+3Dmc2@example.com") == "e=mc2@example.com"


# -- replies -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply, wire",
    [
        ("250 2.0.0 ok", b"250 2.0.0 ok\r\n"),
        ("250 ok", b"250 ok\r\n"),
        ("250", b"250 \r\n"),
        ("250 2.0.0", b"250 2.0.0\r\n"),
        ("250 2.0.0 one\ntwo", b"250-2.0.0 one\r\n250 2.0.0 two\r\n"),
        ("250-2.0.0 one\n250 2.0.0 two", b"250-2.0.0 one\r\n250 2.0.0 two\r\n"),
        ("250-one\n250-two\n250", b"250-one\r\n250-two\r\n250 \r\n"),
        ("250 one\n2500 is a number", b"250-one\r\n250 2500 is a number\r\n"),
        ("550 5.7.1 a\r\nb\0c\x7f", b"550-5.7.1 a\\x0d\r\n550 5.7.1 b\\x00c\\x7f\r\n"),
        ("550 5.7.1 ü\u2028", b"550 5.7.1 \\xfc\\u2028\r\n"),
    ],
)
def test_written(reply, wire):
    assert written(reply) == wire


def test_written_in_utf8_and_in_many_lines():
    assert written("250 2.1.5 jörg\x9b", utf8=True) == "250 2.1.5 jörg\\x9b\r\n".encode()
    assert written("250 \ud800", utf8=True) == b"250 ?\r\n"
    long = written("250 2.0.0 " + "x" * 1200)
    assert [len(line) for line in long.splitlines()] == [WIDTH + 10, WIDTH + 10, 1200 - 2 * WIDTH + 10]
    assert all(len(line) <= 512 for line in written("250 2.0.0 " + "ü" * 900, utf8=True).splitlines(keepends=True))
    assert plain("501 5.5.4 no") == "501 no" and plain("250 mx\nSIZE 5") == "250 mx\nSIZE 5"


@given(st.text(), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_text_is_one_reply(text, utf8):
    wire = written(f"550 5.7.1 {text}", utf8)
    lines = wire.split(b"\r\n")
    assert lines.pop() == b"" and len(lines) == max(1, len(lines))
    assert all(line.startswith(b"550-5.7.1 ") for line in lines[:-1]) and lines[-1].startswith(b"550 5.7.1 ")
    assert not any(octet < 32 or octet == 127 for line in lines for octet in line)
    assert all(len(line) <= 510 for line in lines) and (utf8 or wire.isascii())


# -- every octet has a name ----------------------------------------------------------------------------------------


def names(data: bytes, *where) -> list[tuple[bytes, str]]:
    """The spans with their octets, the dull ones left out."""
    found, at = [], 0
    for length, name in spans(data, *where):
        found.append((data[at : at + length], name))
        at += length
    assert at == len(data)
    assert all((octets == b"\r\n") == (name == "CRLF") and octets for octets, name in found)
    return [one for one in found if one[1] not in ("CRLF", "space")]


def test_every_octet_of_a_command_has_a_name():
    assert names(b"MAIL FROM:<@r.example:a@[192.0.2.1]> SIZE=5 SMTPUTF8 \r\n", "client") == [
        (b"MAIL", "command"), (b"FROM:", "keyword"), (b"<", "angle bracket"), (b"@r.example:", "source route"),
        (b"a", "local part"), (b"@", "at sign"), (b"[192.0.2.1]", "address literal"), (b">", "angle bracket"),
        (b"SIZE", "parameter"), (b"=", "equals"), (b"5", "value"), (b"SMTPUTF8", "parameter"), (b" ", "trailing space"),
    ]  # fmt: skip
    assert names(b"RCPT TO:<bob@b.example>\r\n", "client", "RCPT")[4:7] == [
        (b"@", "at sign"), (b"b.example", "domain"), (b">", "angle bracket")
    ]  # fmt: skip
    assert names(b"BDAT 5 LAST\r\n", "client") == [(b"BDAT", "command"), (b"5", "octets"), (b"LAST", "keyword")]
    assert names(b"AUTH PLAIN AGE=\r\n", "client")[1:] == [(b"PLAIN", "mechanism"), (b"AGE=", "initial response")]
    assert names(b"AGJv\r\n", "client", "AUTH", False) == [(b"AGJv", "SASL response")]
    assert names(b"*\r\n", "client", "AUTH", False) == [(b"*", "cancel")]
    assert names(b"FROG 1\r\n", "client") == [(b"FROG", "command"), (b" 1", "garbage")]
    assert names(b"MAIL FROM:<a b>\r\n", "client")[-2:] == [(b"a", "local part"), (b" b>", "garbage")]
    assert names(b"HELP x y\r\n", "client") == [(b"HELP", "command"), (b"x y", "text")]
    assert names(b"HELP x\r\nb\0", "client") == [(b"HELP x", "garbage"), (b"b\0", "garbage")]


def test_every_octet_of_a_message_has_a_name():
    assert names(b"A: b\r\n c\r\n\r\n..d\r\n\re\r\n.\r\n", "client", "DATA", False) == [
        (b"A:", "field name"), (b" b", "field value"), (b" c", "field value"), (b".", "stuffed dot"),
        (b".d", "body line"), (b"\r", "body line"), (b"e", "body line"), (b".", "end of data"),
    ]  # fmt: skip
    assert names(b".\r\n", "client", "DATA", False) == [(b".", "end of data")]
    assert names(b"A: b\r\n\r\n..d\r\n.\r\n", "client", "BDAT", False)[2:] == [
        (b"..d", "body line"),
        (b".", "body line"),
    ]


def test_every_octet_of_a_reply_has_a_name():
    assert names(b"220 mx.b.example ESMTP\r\n", "server", "") == [
        (b"220", "reply code"), (b"mx.b.example", "domain"), (b"ESMTP", "text")
    ]  # fmt: skip
    assert names(b"250-mx.b.example hi\r\n250-SIZE 5\r\n250 HELP\r\n", "server", "EHLO") == [
        (b"250", "reply code"), (b"-", "more lines follow"), (b"mx.b.example", "domain"), (b"hi", "text"),
        (b"250", "reply code"), (b"-", "more lines follow"), (b"SIZE", "extension"), (b"5", "parameters"),
        (b"250", "reply code"), (b"HELP", "extension"),
    ]  # fmt: skip
    assert names(b"501 Domain expected\r\n", "server", "EHLO") == [(b"501", "reply code"), (b"Domain expected", "text")]
    assert names(b"550-5.7.1 no\r\n550 5.7.1 never\r\n", "server", "MAIL")[:4] == [
        (b"550", "reply code"), (b"-", "more lines follow"), (b"5.7.1", "enhanced code"), (b"no", "text")
    ]  # fmt: skip
    assert names(b"334 VXNlcm5hbWU6\r\n", "server", "AUTH") == [(b"334", "reply code"), (b"VXNlcm5hbWU6", "challenge")]
    assert names(b"334 \r\n", "server", "AUTH") == [(b"334", "reply code")]
    assert names(b"354 go on\r\n", "server", "DATA") == [(b"354", "reply code"), (b"go on", "text")]
    assert names(b"no reply\r\n", "server", "NOOP") == [(b"no reply", "text")]


def test_the_whole_talk_is_named_by_the_reader_that_ran_it():
    smtp = call(stage())
    smtp.send(TALK)
    verb, heard, count = "", True, 0
    for act in smtp.acts:
        match act:
            case Open(title):
                verb, heard = title, True
            case Hear(data):
                found = dict((name, octets) for octets, name in names(data, "client", verb, heard))
                assert verb == "FROG" or "garbage" not in found, data
                heard, count = False, count + 1
            case Say(data):
                assert names(data, "server", verb, True)[0][1] == "reply code"
    assert count == 29  # 22 commands, two responses, two messages, three chunks


VERBS = st.sampled_from(["", "?", *sorted(ARGUMENTS)])
WORDS = [
    *(b"250", b"-", b" ", b"5.7.1", b"334", b"=", b"\r\n", b"\r", b"\n", b".", b"..", b"A: b", b"\xff", b"\xc3\xbc"),
    *(b"MAIL FROM:", b"RCPT TO:", b"<", b">", b"a@b", b"[", b"SIZE=1", b"EHLO ", b"BDAT 3", b"AUTH PLAIN", b'"', b"\\"),
]
TEXTS = st.one_of(st.binary(), st.lists(st.sampled_from(WORDS)).map(b"".join))


@given(TEXTS, st.sampled_from(["client", "server"]), VERBS, st.booleans())
@settings(deadline=None, max_examples=500)
def test_spans_add_up_for_any_octets(data, sender, verb, first):
    names(data, sender, verb, first)
