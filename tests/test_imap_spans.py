"""Every octet of an IMAP exchange has a name: commands by the readers that run them, replies by their grammar."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imap_stage import BOB, call, letter, logged_in, reader, stage
from transcript import play, transcripts

from mailedu.acts import Hear, Open, Say, Store
from mailedu.imap import COMMANDS, spans

LINE_ENDS = ("CRLF", "fold", "end of header")  # the last two in a message


def names(data: bytes, *where) -> list[tuple[bytes, str]]:
    """The spans with their octets, the dull ones left out."""
    found, at = [], 0
    for length, name in spans(data, *where):
        found.append((data[at : at + length], name))
        at += length
    assert at == len(data)
    assert all(octets and (octets == b"\r\n") == (name in LINE_ENDS) for octets, name in found)
    return [one for one in found if one[1] not in (*LINE_ENDS, "space", "(", ")")]


def told(*args) -> str:
    """ "a tag, NOOP command" """
    return ", ".join(f"{octets.decode('latin-1')} {name}" for octets, name in names(*args))


@pytest.mark.parametrize(
    "line, wanted",
    [
        (
            b"a1 uid fetch 2:4 (FLAGS BODY[1.2]<0.9>)\r\n",
            "a1 tag, uid UID, fetch command, 2:4 sequence set, FLAGS fetch item, BODY fetch item, [ [, "
            "1.2 part number, ] ], <0.9> partial",
        ),
        (
            b'a LOGIN "bob" {3+}\r\nabc\r\n',
            'a tag, LOGIN command, "bob" string, {3+} length of the literal, abc string',
        ),
        (
            b"a SEARCH RETURN (MIN) OR SEEN 1\r\n",
            "a tag, SEARCH command, RETURN RETURN, MIN result option, OR search key, SEEN search key, 1 sequence set",
        ),
        (
            b"a SELECT INBOX (QRESYNC (6 1 1:4))\r\n",
            "a tag, SELECT command, INBOX mailbox, QRESYNC parameter, 6 UIDVALIDITY, 1 MODSEQ, 1:4 sequence set",
        ),
        (b"a FROG 1\r\n", "a tag, FROG command,  1 garbage"),
        (b"a FETCH x\r\n", "a tag, FETCH command, x garbage"),
        (b"\r\n", ""),
        (b"\xff\r\n", "\xff garbage"),
    ],
)
def test_commands(line, wanted):
    assert told(line, "client") == wanted


def test_later_pieces_of_a_client():
    assert names(b"DONE\r\n", "client", "IDLE", False) == [(b"DONE", "command")]
    assert names(b"AGJv\r\n", "client", "AUTHENTICATE", False) == [(b"AGJv", "SASL response")]
    field = "A field name, : colon,  b field value, c body line"
    assert told(b"A: b\r\n\r\nc\r\n", "client", "APPEND", False) == field
    another = b" (\\Seen) {7}\r\n"
    assert told(b"A: b\r\n\r\nc" + another, "client", "APPEND", False).startswith(field + ",  (\\Seen) {7} literal")
    assert names(b"bob {2}\r\n", "client", "LOGIN", False) == [(b"bob {2}", "literal, and what follows it")]


@pytest.mark.parametrize(
    "said, verb, wanted",
    [
        (b"* 2 EXPUNGE\r\n", "NOOP", "* untagged, 2 sequence number, EXPUNGE response"),
        (b"* 3 EXISTS\r\n", "NOOP", "* untagged, 3 count, EXISTS response"),
        (b"a OK [READ-WRITE] done\r\n", "SELECT", "a tag, OK status, [READ-WRITE] response code, done text"),
        (b"* BYE\r\n", "", "* untagged, BYE status"),
        (b"+ go on\r\n", "LOGIN", "+ go on, go on text"),
        (
            b"* SEARCH 2 84 (MODSEQ 7)\r\n",
            "SEARCH",
            "* untagged, SEARCH response, 2 sequence number, 84 sequence number, MODSEQ atom, 7 number",
        ),
        (b"* SEARCH 2\r\n", "UID SEARCH", "* untagged, SEARCH response, 2 UID"),
        (
            b'* LIST (\\Noselect) "/" "a b"\r\n',
            "LIST",
            '* untagged, LIST response, \\Noselect mailbox attribute, "/" delimiter, "a b" mailbox',
        ),
        (
            b'* STATUS "x" (MESSAGES 3)\r\n',
            "STATUS",
            '* untagged, STATUS response, "x" mailbox, MESSAGES item, 3 number',
        ),
        (b"* VANISHED (EARLIER) 1:3\r\n", "SELECT", "* untagged, VANISHED response, EARLIER earlier, 1:3 UIDs"),
        (b"* ENABLED QRESYNC\r\n", "ENABLE", "* untagged, ENABLED response, QRESYNC capability"),
        (
            b'* 1 FETCH (FLAGS (\\Seen x) BODY[] {1}\r\na ENVELOPE (NIL "x"))\r\n',
            "FETCH",
            "* untagged, 1 sequence number, FETCH response, FLAGS item, \\Seen flag, x atom, BODY[] item, "
            '{1} length of the literal, a body line, ENVELOPE item, NIL NIL, "x" string',
        ),
        (
            b"* 1 FETCH (BODY[HEADER.FIELDS (A)] {8}\r\nA: b\r\n\r\n BODY[TEXT]<4> {3}\r\nA:b BODY[1] {3}\r\nA:b)\r\n",
            "FETCH",
            "* untagged, 1 sequence number, FETCH response, BODY[HEADER.FIELDS (A)] item, {8} length of the literal, "
            "A field name, : colon,  b field value, BODY[TEXT]<4> item, {3} length of the literal, A:b body line, "
            "BODY[1] item, {3} length of the literal, A:b literal",
        ),
    ],
)
def test_replies(said, verb, wanted):
    assert told(said, "server", verb) == wanted


def pieces_of(imap):
    """(octets, who said them, verb, whether it was the first piece, outcome) of a whole session."""
    verb, heard, said = "", True, True
    for act in imap.acts:
        match act:
            case Open(title):
                verb, heard, said = title, True, True
            case Hear(data):
                yield data, "client", verb, heard
                heard = False
            case Say(data):
                yield data, "server", verb, said
                said = False


@pytest.mark.parametrize("path", transcripts("imap"), ids=lambda path: path.stem)
def test_every_octet_of_every_transcript_has_a_name(path):
    here = stage(4, "Work")
    play(path, lambda name: call(here, tls=True, **({"broken": "expunge-early"} if "broken" in path.stem else {})))
    for session in here.calls:
        outcomes = iter(session.outcomes)
        outcome = ""
        for data, sender, verb, first in pieces_of(session):
            if sender == "client" and first:
                outcome = next(outcomes)
            named = names(data, sender, verb, first)
            if sender == "client" and outcome == "ok" and not data.endswith(b"}\r\n"):
                assert "garbage" not in [name for _, name in named], data
            if sender == "server":  # every response is understood to its end
                status = [name for _, name in named if name in ("tag", "untagged", "go on")]
                assert len(status) == data.count(b"\r\n") or b"FETCH" in data, data


def test_what_a_server_tells_of_messages_is_understood_whatever_they_hold():
    here = stage(0)
    for data in (letter(1), b"\0\xff {3}\r\n\r\n)", b'Subject: ("\r\n\r\n' + b"x" * 100_000):
        here.change(Store(BOB, data))
    imap = reader(here)
    imap.send('c FETCH 1:2 (FLAGS BODY ENVELOPE BODY.PEEK[] BODY.PEEK[HEADER.FIELDS ("x y" Subject)]<1.9>)')
    imap.send("c FETCH 1:2 (BINARY.PEEK[1] BINARY.SIZE[1])")
    imap.send("d UID FETCH 1:2 (UID ENVELOPE BODYSTRUCTURE BODY.PEEK[] BINARY.PEEK[] MODSEQ INTERNALDATE)")
    for data, sender, verb, first in pieces_of(imap):
        if sender == "server" and "FETCH" in verb:
            texts = [octets for octets, name in names(data, sender, verb, first) if name == "text"]
            assert all(octets in (b"done", b"as far as you were told") for octets in texts)
    imap.send("e FETCH 3 BODY.PEEK[]")  # said in pieces: what is in the middle of a literal is just text
    for data, sender, verb, first in pieces_of(imap):
        names(data, sender, verb, first)


VERBS = st.sampled_from(["", "?", *sorted(COMMANDS)])
PIECES = (
    b'a |* |+ |OK|FETCH (|FETCH|1 |)|(| |\r\n|\r|\n|{3}\r\n|~{1}\r\n|"|\\|LIST|STATUS|VANISHED|SEARCH|[X]|NIL|BODY[]'
    b"|UID|\0|\xff"
).split(b"|")
TEXTS = st.one_of(st.binary(max_size=40), st.lists(st.sampled_from(PIECES), max_size=20).map(b"".join))


@given(TEXTS, st.sampled_from(["client", "server"]), VERBS, st.booleans())
@settings(deadline=None, max_examples=500)
def test_spans_add_up_for_any_octets(data, sender, verb, first):
    names(data, sender, verb, first)


@given(st.lists(st.sampled_from(PIECES), max_size=20).map(b"".join))
@settings(deadline=None, max_examples=150)
def test_spans_add_up_for_any_exchange(line):
    imap = logged_in(stage(2), "b SELECT INBOX")
    imap.send(b"c " + line + b"\r\n")
    for piece in pieces_of(imap):
        names(*piece)


def test_deep_lists_take_no_time_and_no_stack():
    names(b"* 1 FETCH (ENVELOPE " + b"(" * 50_000 + b"\r\n", "server", "FETCH")
    names(b"* FROG " + b"(" * 50_000 + b"\r\n", "server", "NOOP")
