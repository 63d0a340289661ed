"""IMAP's words: what is read, what is refused, and that reading is writing undone."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailedu.acts import Refused
from mailedu.imap.commands import COMMANDS, Appended, Fetching, Opening, Resync, Storing, arguments, begin, beginning
from mailedu.imap.folders import Listing
from mailedu.imap.grammar import (
    ATOM,
    DEEPEST,
    LARGEST,
    LARGEST_64,
    Atom,
    Reader,
    astring,
    canonical,
    flag_list,
    literal8,
    mailbox,
    number,
    read_name,
    sequence_set,
    string,
    value,
    write,
    write_flags,
    write_name,
    write_set,
)

# -- values --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "told",
    [None, 7, b"", b'a"b\\', b"\xff\r\n", b"\0", Atom(b"\\Seen"), (), (1, (b"x", None), Atom(b"y")), b"x" * 300],
)
def test_read_what_was_written(told):
    assert value(Reader(write(told))) == told


ATOMS = (
    st.from_regex(rb"\\?[!#$&'+,./:;<=>?@A-Z^_`a-z|}~-]+", fullmatch=True)
    .map(Atom)
    .filter(lambda a: a.upper() != b"NIL")
)
VALUES = st.recursive(
    st.none() | st.integers(0, 10**18) | st.binary() | ATOMS,
    lambda values: st.lists(values, max_size=4).map(tuple),
    max_leaves=20,
)


@given(VALUES)
@settings(deadline=None, max_examples=300)
def test_reading_is_writing_undone(told):
    written = write(told)
    reader = Reader(written)
    assert value(reader) == told and reader.at == len(written)


@given(st.lists(st.integers(1, 60), unique=True).map(sorted))
@settings(deadline=None, max_examples=100)
def test_sets_are_written_short_and_read_back(numbers):
    written = write_set(numbers)
    if numbers:
        assert [n for low, high in sequence_set(Reader(written + b" ")) for n in range(low, high + 1)] == numbers


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), st.booleans())
@settings(deadline=None, max_examples=300)
def test_names_are_written_and_read_back(name, utf8):
    written = write_name(name, utf8)
    if utf8 and re.search("[\r\n\0]", name):
        return  # no mailbox is called so
    assert read_name(string(Reader(written)), utf8) == name


@pytest.mark.parametrize(
    "octets, name, utf8",
    [
        (b"INBOX", "INBOX", "INBOX"),
        (b"Entw&APw-rfe", "Entwürfe", "Entw&APw-rfe"),
        (b"~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
        (b"a&-b", "a&b", "a&-b"),
        ("Entwürfe".encode(), "Entwürfe", "Entwürfe"),
        (b"&Jjo!", None, "&Jjo!"),  # RFC 9051, Appendix A.1
        (b"&U,BTFw-&ZeVnLIqe-", None, "&U,BTFw-&ZeVnLIqe-"),  # a shift too many
        (b"&AGE-", None, "&AGE-"),  # "a" stands for itself
        (b"a&b", None, "a&b"),
        (b"&2D8-", None, "&2D8-"),  # half of a pair
        (b"\xff", None, None),
    ],
)
def test_names(octets, name, utf8):
    assert read_name(octets) == name and read_name(octets, utf8=True) == utf8


def test_inbox_is_inbox_however_it_is_written():
    assert [canonical(name) for name in ("inbox", "Inbox/Work", "inboxes", "x/inbox")] == [
        "INBOX", "INBOX/Work", "inboxes", "x/inbox",
    ]  # fmt: skip
    with pytest.raises(Refused, match="not how names are written"):
        mailbox(Reader(b"a&b"))


def test_flags_are_told_in_order():
    assert write_flags({"\\Seen", "work", "\\Answered"}) == b"(\\Answered \\Seen work)" and write_flags([]) == b"()"
    assert flag_list(Reader(b"(\\SEEN \\draft $Junk Work)")) == ("\\Seen", "\\Draft", "$Junk", "Work")


# -- reading -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "octets, found",
    [
        (b"atom rest", b"atom"),
        (b"a]b", b"a]b"),
        (b'"a \\"q\\" \\\\" rest', b'a "q" \\'),
        (b"{3}\r\na\r\n rest", b"a\r\n"),
        (b"{0+}\r\n", b""),
        ('"Grüße"'.encode(), "Grüße".encode()),
    ],
)
def test_strings(octets, found):
    assert astring(Reader(octets)) == found


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b'"never ends',
        b'"a\\b"',
        b'"a\r\n"',
        b'"a\0"',
        b"{4}\r\nabc",
        b"{3}abc",
        b"{-1}\r\n",
        b"{3}\r\na\0b",
        b"(a)",
        b"{99999999999999999999}\r\n",
        b"\xc3\xa4",
    ],
)
def test_what_is_no_string(octets):
    with pytest.raises(Refused):
        astring(Reader(octets))


def test_a_literal_of_any_octets():
    assert literal8(Reader(b"~{3}\r\na\0b"), "message") == literal8(Reader(b"{3+}\r\na\0b"), "message") == b"a\0b"


@pytest.mark.parametrize(
    "octets, ranges",
    [
        (b"1", ((1, 1),)),
        (b"2,4:7,9,12:*", ((2, 2), (4, 7), (9, 9), (12, None))),
        (b"*:4,5:1", ((None, 4), (5, 1))),
        (b"4294967295", ((LARGEST, LARGEST),)),
        (b"$", None),
    ],
)
def test_sequence_sets(octets, ranges):
    assert sequence_set(Reader(octets + b" ")) == ranges


@pytest.mark.parametrize(
    "octets", [b"0", b"01", b"1,", b",1", b"1:", b"1::2", b"1:2:3", b"4294967296", b"99999999999", b"$,1", b"a", b"-1"]
)
def test_what_is_no_sequence_set(octets):
    with pytest.raises(Refused):
        sequence_set(Reader(octets + b" "))


def test_numbers_fit_their_bits():
    assert number(Reader(b"9223372036854775807")) == LARGEST_64
    for octets in (b"9223372036854775808", b"99999999999999999999", b"", b"-1", b"\xd9\xa1"):
        with pytest.raises(Refused):
            number(Reader(octets + b" "), most=LARGEST_64) if octets else number(Reader(octets))
    with pytest.raises(Refused, match="from 1 to 4294967295"):
        number(Reader(b"0"), "UIDVALIDITY", 1, LARGEST)


def test_lists_are_as_deep_as_anybody_needs_and_no_deeper():
    deep = b"(" * DEEPEST + b")" * DEEPEST
    assert value(Reader(deep)) != ()
    for octets in (b"(" * 10_000 + b")" * 10_000, b"(" * 30_000):
        with pytest.raises(Refused, match="deeper"):
            value(Reader(octets))


# -- commands ------------------------------------------------------------------------------------------------------


def read(line: bytes, utf8: bool = False):
    """(name, arguments) of a command without its tag."""
    reader = Reader(b"a " + line + b"\r\n", utf8)
    name = begin(reader)
    values = arguments(reader, COMMANDS[name])
    assert reader.at == len(reader.data)
    return (name, *values)


@pytest.mark.parametrize(
    "line, told",
    [
        (b"noop", ("NOOP",)),
        (b'LOGIN bob "p w"', ("LOGIN", b"bob", b"p w")),
        (b"login {3}\r\nbob {2+}\r\npw", ("LOGIN", b"bob", b"pw")),
        (b"AUTHENTICATE plain =", ("AUTHENTICATE", ("PLAIN", b"="))),
        (b"AUTHENTICATE PLAIN", ("AUTHENTICATE", ("PLAIN", None))),
        (b"ENABLE IMAP4rev2 x", ("ENABLE", ("IMAP4REV2", "X"))),
        (b"select inbox", ("SELECT", Opening("INBOX"))),
        (b"SELECT a (CONDSTORE)", ("SELECT", Opening("a", ("CONDSTORE",)))),
        (
            b"SELECT a (QRESYNC (67890007 90060115194045000 41,43:211 (5 6)) CONDSTORE)",
            (
                "SELECT",
                Opening(
                    "a",
                    ("QRESYNC", "CONDSTORE"),
                    Resync(67890007, 90060115194045000, ((41, 41), (43, 211)), ((5, 5),), ((6, 6),)),
                ),
            ),
        ),
        (b"EXAMINE a (QRESYNC (1 2))", ("EXAMINE", Opening("a", ("QRESYNC",), Resync(1, 2, (), (), ())))),
        (
            b"EXAMINE a (QRESYNC (1 2 (1:2 3:4)))",
            ("EXAMINE", Opening("a", ("QRESYNC",), Resync(1, 2, (), ((1, 2),), ((3, 4),)))),
        ),
        (b"CREATE Entw&APw-rfe", ("CREATE", "Entwürfe")),
        (b'RENAME "a b" c', ("RENAME", "a b", "c")),
        (b'LIST "" %', ("LIST", Listing(True, (), "", ("%",), (), ()))),
        (
            b'LIST (SUBSCRIBED RECURSIVEMATCH) "" ("a*" b%) RETURN (CHILDREN STATUS (MESSAGES SIZE))',
            (
                "LIST",
                Listing(
                    False,
                    ("SUBSCRIBED", "RECURSIVEMATCH"),
                    "",
                    ("a*", "b%"),
                    ("CHILDREN", "STATUS"),
                    ("MESSAGES", "SIZE"),
                ),
            ),
        ),
        (b'LIST () "" ()x', None),
        (b"STATUS a (UNSEEN UNSEEN messages)", ("STATUS", "a", ("UNSEEN", "MESSAGES"))),
        (b"APPEND a {3}\r\nabc", ("APPEND", "a", (Appended((), "", b"abc"),))),
        (
            b'APPEND a (\\Seen x) " 7-jul-1996 02:44:25 -0700" {1+}\r\nx ~{2}\r\n\0y',
            ("APPEND", "a", (Appended(("\\Seen", "x"), "07-Jul-1996 02:44:25 -0700", b"x"), Appended((), "", b"\0y"))),
        ),
        (b"STORE 1 +flags.silent \\Seen x", ("STORE", ((1, 1),), Storing(None, "+", True, ("\\Seen", "x")))),
        (b"UID STORE $ (UNCHANGEDSINCE 0) FLAGS ()", ("UID STORE", None, Storing(0, "", False, ()))),
        (b"COPY 1:* b", ("COPY", ((1, None),), "b")),
        (b"UID EXPUNGE 3", ("UID EXPUNGE", ((3, 3),))),
        (b'ID ("name" NIL)', ("ID", (b"name", None))),
        (b"ID NIL", ("ID", None)),
    ],
)
def test_commands(line, told):
    if told is None:
        with pytest.raises(Refused):
            read(line)
    else:
        assert read(line) == told


def test_what_fetch_asks_for():
    name, _, asked = read(b"UID FETCH 1 (FLAGS body.peek[1.2.header.fields (From)]<0.9>) (CHANGEDSINCE 7 VANISHED)")
    assert name == "UID FETCH" and isinstance(asked, Fetching) and (asked.since, asked.vanished) == (7, True)
    assert [(item.name, item.marks) for item in asked.items] == [("FLAGS", False), ("BODY.PEEK", False)]
    fast = ["FLAGS", "INTERNALDATE", "RFC822.SIZE"]
    for macro, items in [(b"all", [*fast, "ENVELOPE"]), (b"Fast", fast), (b"full", [*fast, "ENVELOPE", "BODY"])]:
        assert [item.name for item in read(b"FETCH 1 " + macro)[2].items] == items


@pytest.mark.parametrize(
    "line",
    [
        b"NOOP ",
        b"NOOP x",
        b"LOGIN  bob pw",
        b"LOGIN\tbob pw",
        b"LOGIN bob pw x",
        b"SELECT a (FROG)",
        b"SELECT a (QRESYNC (0 1))",
        b"SELECT a (QRESYNC (1 1 1:*))",
        b"SELECT a (QRESYNC (1 1 (1 *)))",
        b"FETCH 1",
        b"FETCH 1 ALL FAST",
        b"FETCH 1 (ALL)",
        b"FETCH 1 BODY[HEADER.FIELDS ()]",
        b"FETCH 1 BODY[HEADER.FIELDS From]",
        b"FETCH 1 BODY[1.]",
        b"FETCH 1 BODY[0]",
        b"FETCH 1 BODY[TEXT.1]",
        b"FETCH 1 BODY[",
        b"FETCH 1 BODY[]<1>",
        b"FETCH 1 BINARY[TEXT]",
        b"FETCH 1 BINARY.SIZE[1]<0.1>",
        b"FETCH 1 FLAGS (CHANGEDSINCE x)",
        b"FETCH 1 FLAGS ()",
        b"STORE 1 FLAGS",
        b"STORE 1 FLAGS.SILENT.X (a)",
        b"STORE 1 *FLAGS (a)",
        b"STORE 1 (UNCHANGEDSINCE -1) FLAGS (a)",
        b"SEARCH",
        b"SEARCH RETURN ALL",
        b"SEARCH RETURN (FROG) ALL",
        b"SEARCH NOT",
        b"SEARCH OR ALL",
        b"SEARCH (ALL",
        b"SORT () UTF-8 ALL",
        b"SORT (REVERSE) UTF-8 ALL",
        b"SORT (SUBJECT) ALL",
        b"THREAD FROGS UTF-8 ALL",
        b"APPEND a",
        b"APPEND a abc",
        b'APPEND a "abc"',
        b'APPEND a "17-Jul-1996 24:44:25 -0700" {1}\r\nx',
        b'APPEND a "32-Jul-1996 02:44:25 -0700" {1}\r\nx',
        b'APPEND a "1-Jul-1996 02:44:25 -0700" {1}\r\nx',
        b"ENABLE",
        b"STATUS a ()",
        b"STATUS a MESSAGES",
        b'LIST "" ""x',
        b'LIST (FROG) "" *',
        b'LIST "" * RETURN (FROG)',
        b'LIST "" ()',
        b"UID EXPUNGE x",
        b"IDLE x",
    ],
)
def test_what_is_no_command(line):
    with pytest.raises(Refused):
        read(line)


def test_enough_is_read_to_answer_with_the_right_tag():
    assert beginning(b"a1 uid fetch 1 FLAGS\r\n") == (b"a1", "UID FETCH")
    assert beginning(b"A142 SELECT\r\n") == (b"A142", "SELECT")
    assert beginning(b". NOOP\r\n") == (b".", "NOOP") and beginning(b"a]b NOOP\r\n") == (b"a]b", "NOOP")
    assert beginning(b"a1\r\n") == (b"a1", "?") and beginning(b"a1 F\xff\r\n") == (b"a1", "?")
    for line in (b"\r\n", b"+ NOOP\r\n", b"* NOOP\r\n", b" NOOP\r\n", b"x" * 200 + b" NOOP\r\n", b'"a" NOOP\r\n'):
        assert beginning(line) == (b"*", "?")


def test_every_command_has_a_grammar_and_takes_nothing_else():
    for name, command in COMMANDS.items():
        assert command.section and command.states
        assert ATOM.fullmatch(name.replace("UID ", "").encode())


PIECES = (
    rb"a |UID |FETCH |SEARCH |STORE |LIST |APPEND |1:* |(|)| |\"|\\|BODY[|]|<0.1>|HEADER.FIELDS |FLAGS|OR |NOT |ALL|NIL"
    rb"|*|%|RETURN |1|$|&-|CHANGEDSINCE "
).split(b"|")
LINES = st.lists(st.sampled_from([*PIECES, b"{1}\r\n", b"\xff", b"\0", b"\r", b"\n"]), max_size=14).map(b"".join)


@given(st.one_of(LINES, st.binary(max_size=60)), st.sampled_from(sorted(COMMANDS)), st.booleans())
@settings(deadline=None, max_examples=500)
def test_whatever_is_read_is_read_or_refused(octets, name, utf8):
    reader = Reader(b"a " + name.encode() + b" " + octets + b"\r\n", utf8)
    begin(reader)
    try:
        arguments(reader, COMMANDS[name])
    except Refused as no:
        assert str(no).startswith(("BAD ", "NO "))
    else:
        assert reader.at == len(reader.data)
    assert sum(length for length, _ in reader.spans()) == reader.at
