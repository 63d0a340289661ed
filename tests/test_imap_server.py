"""IMAP sessions: every command in every state, every cut of the bytes, literals, TLS, bad input, structure."""

import base64
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imap_stage import BOB, call, letter, logged_in, reader, stage, untagged

from mailedu.acts import Close, Enter, Flag, Hear, LabError, Listen, Open, Remove, Rule, Say, Store, Upgrade, Watch
from mailedu.clock import Clock
from mailedu.imap import COMMANDS, TABLE, ImapServer
from mailedu.imap.server import HANDFUL, LARGEST, LARGEST_UNKNOWN, LINE
from mailedu.rules import rules
from mailedu.sasl import CLIENT, SERVER_FIRST

# -- every command in every state ----------------------------------------------------------------------------------

WAYS = {
    "NOT AUTHENTICATED": [],
    "AUTHENTICATED": ["a LOGIN bob lab-bob"],
    "SELECTED": ["a LOGIN bob lab-bob", "b SELECT INBOX"],
    "EXAMINED": ["a LOGIN bob lab-bob", "b EXAMINE INBOX"],
}
ARGUMENTS = {
    "AUTHENTICATE": ["PLAIN AGJvYgBsYWItYm9i", "PLAIN AGJvYgB4", "X"],
    "LOGIN": ["bob lab-bob", "bob wrong"],
    "ENABLE": ["CONDSTORE", "X"],
    "SELECT": ["INBOX", "Nowhere"],
    "EXAMINE": ["INBOX", "Nowhere"],
    "CREATE": ["new", "INBOX"],
    "DELETE": ["Work", "INBOX"],
    "RENAME": ["Work x", "x y"],
    "SUBSCRIBE": ["Work", "x"],
    "UNSUBSCRIBE": ["Work", "x"],
    "LIST": ['"" *'],
    "LSUB": ['"" *'],
    "STATUS": ["INBOX (MESSAGES)", "x (MESSAGES)"],
    "APPEND": ["INBOX {1+}\r\nx", "Nowhere {1+}\r\nx"],
    "ID": ["NIL", '("name" "x")', "(x)"],
    "SEARCH": ["ALL", "CHARSET X ALL"],
    "SORT": ["(DATE) UTF-8 ALL"],
    "THREAD": ["REFERENCES UTF-8 ALL"],
    "FETCH": ["1 FLAGS", "9 FLAGS", "1 BODY[]"],
    "STORE": ["1 FLAGS (x)", "9 FLAGS (x)"],
    "COPY": ["1 Work", "1 Nowhere"],
    "MOVE": ["1 Work", "1 Nowhere"],
    "UID EXPUNGE": ["1"],
    "IDLE": [""],
}


@pytest.mark.parametrize("state", WAYS)
def test_every_command_is_answered_and_the_table_knows_where_it_leads(state):
    for name in sorted(COMMANDS):
        for argument in [*ARGUMENTS.get(name, ARGUMENTS.get(name.removeprefix("UID "), [""])), "no such \\ thing"]:
            here = stage(2, "Work")
            imap = call(here, tls=True)
            for line in WAYS[state]:
                imap.send(line)
            assert imap.machine.state == state
            imap.heard()
            reply = imap.send(f"t {name} {argument}".rstrip())
            if reply.startswith("+ idling"):
                reply = imap.send("DONE")
            outcome = re.search(r"^t (OK|NO|BAD) .+\r\n\Z", reply, re.MULTILINE)[1].lower()
            nexts = {row.outcome: row.next for row in TABLE if (row.state, row.command) == (state, name)}
            assert imap.machine.state == nexts.get(outcome, state), (state, name, argument)
            assert nexts or outcome in ("bad", "no"), (state, name, argument)
            assert imap.is_well_nested() and imap.outcomes[-1] == outcome
            opened = imap.machine.state in ("SELECTED", "EXAMINED")
            assert (imap.machine.opened is not None) == opened, (state, name, argument)
            assert bool(imap.watched) == opened or imap.ended, (state, name, argument)
            imap.hang_up()
            assert imap.ended and not here.boxes[BOB].views


def test_table_handlers_and_grammar_agree():
    handlers = {name.removeprefix("do_") for name in vars(ImapServer) if name.startswith("do_")}
    assert handlers == {name.removeprefix("UID ") for name in COMMANDS} and TABLE.commands == set(COMMANDS)
    assert TABLE.states == ["NOT AUTHENTICATED", "AUTHENTICATED", "SELECTED", "EXAMINED", "LOGOUT"]
    assert {row.outcome for row in TABLE} == {"ok", "no", "bad", "tls-failed"}
    assert {"imap.expunge-waits", "imap.silent", "imap.broken"} <= set(rules())


# -- capabilities --------------------------------------------------------------------------------------------------


def test_what_is_announced_is_there():
    """Each capability has something that answers to it."""
    imap = logged_in(stage(1))
    told = set(untagged(imap.send("c CAPABILITY"))[0].split()[2:])
    assert told == set(re.search(r"a OK \[CAPABILITY ([^]]*)\]", call(stage(1)).send("a LOGIN bob lab-bob"))[1].split())
    assert told == {
        "IMAP4rev1", "IMAP4rev2", "SASL-IR", "ID", "ENABLE", "IDLE", "LITERAL+", "NAMESPACE", "UIDPLUS", "MULTIAPPEND",
        "MOVE", "UNSELECT", "CHILDREN", "SPECIAL-USE", "LIST-EXTENDED", "LIST-STATUS", "STATUS=SIZE", "ESEARCH",
        "SEARCHRES", "SORT", "THREAD=ORDEREDSUBJECT", "THREAD=REFERENCES", "I18NLEVEL=1", "CONDSTORE", "QRESYNC",
        "BINARY",
    }  # fmt: skip
    imap.send("d ENABLE IMAP4rev2")
    assert set(untagged(imap.send("e CAPABILITY"))[0].split()[2:]) == told  # §6.3.1
    assert "AUTH=" not in " ".join(told) and "STARTTLS" not in told


def test_what_is_announced_before_the_log_in():
    def told(**options):
        return set(re.search(r"CAPABILITY ([^]]*)\]", call(stage(1), **options).heard())[1].split())

    always = {"IMAP4rev1", "IMAP4rev2", "SASL-IR", "ID", "ENABLE", "IDLE", "LITERAL+"}
    plain, proof = {"AUTH=PLAIN", "AUTH=LOGIN"}, {"AUTH=CRAM-MD5", "AUTH=SCRAM-SHA-256"}
    assert told() == always | plain and told(tls=True) == always | plain | {"STARTTLS"}
    assert told(tls=True, login_disabled=True) == always | {"LOGINDISABLED", "STARTTLS"}
    assert told(implicit=True, tls=True, login_disabled=True) == always | plain
    assert told(clock=Clock(1)) == always | plain | proof
    assert told(clock=Clock(1), login_disabled=True) == always | proof | {"LOGINDISABLED"}
    assert "LITERAL-" in told(literals="-") and "LITERAL+" not in told(literals="-")


def test_id():
    imap = call(stage(0))
    imap.heard()
    assert untagged(imap.send('c ID ("name" "sodr" "version" NIL)')) == ['* ID ("name" "mailedu")']
    assert untagged(imap.send("d ID NIL")) == ['* ID ("name" "mailedu")']
    for wrong in ('("name")', "(name x)", f'("{31 * "x"}" "x")', "(" + '"a" "b" ' * 30 + '"c" "d")', "x", "(1 2)"):
        assert imap.send(f"e ID {wrong}").startswith("e BAD "), wrong


def test_no_log_in_without_privacy():
    imap = call(stage(0), tls=True, login_disabled=True)
    assert imap.send("a LOGIN bob lab-bob").splitlines()[-1] == "a NO [PRIVACYREQUIRED] STARTTLS comes first"
    assert imap.send("b AUTHENTICATE PLAIN").startswith("b NO [PRIVACYREQUIRED]")
    imap.send("c STARTTLS")
    assert imap.send("d LOGIN bob lab-bob").startswith("d OK")


def authenticated(imap, mechanism: str, user: str, password: str, initial: bool = True) -> str:
    """What the server says at last to this client."""
    client = CLIENT[mechanism](user, password, "dice")
    first = base64.b64encode(next(client)).decode()
    with_command = initial and mechanism not in SERVER_FIRST
    reply = imap.send(f"a AUTHENTICATE {mechanism}" + (f" {first or '='}" if with_command else ""))
    if not with_command and mechanism not in SERVER_FIRST:
        assert reply == "+ \r\n"
        reply = imap.send(first)
    while reply.startswith("+ "):
        try:
            reply = imap.send(base64.b64encode(client.send(base64.b64decode(reply[2:]))).decode())
        except (StopIteration, ValueError):
            reply = imap.send("*")
    return reply


@pytest.mark.parametrize("mechanism", sorted(CLIENT))
@pytest.mark.parametrize("initial", [True, False])
def test_every_mechanism_lets_in_who_knows_the_password_and_nobody_else(mechanism, initial):
    for user, password, good in [
        ("bob", "lab-bob", True),
        ("jörg", "grün", True),
        ("bob", "x", False),
        ("eve", "", False),
    ]:
        imap = call(stage(1), clock=Clock(3))
        imap.heard()
        reply = authenticated(imap, mechanism, user, password or "x", initial)
        assert reply.startswith("a OK [CAPABILITY") is good, (mechanism, user, reply)
        assert (imap.machine.state == "AUTHENTICATED") is good and imap.is_well_nested()


def test_no_initial_response_where_the_server_speaks_first():
    imap = call(stage(1), clock=Clock(3))
    imap.heard()
    assert imap.send("a AUTHENTICATE CRAM-MD5 Ym9i") == "a BAD here the server speaks first\r\n"
    assert imap.send("b AUTHENTICATE LOGIN Ym9i").startswith("+ ")
    assert imap.send(base64.b64encode(b"lab-bob").decode()).startswith("b OK")


# -- TLS -----------------------------------------------------------------------------------------------------------


def test_nothing_said_before_tls_counts_after_it():
    imap = call(stage(0), tls=True)
    imap.heard()
    assert imap.send(b"a STARTTLS\r\nb LOGIN bob lab-bob\r\n") == "a OK now TLS\r\n"
    assert imap.only(Upgrade) == [Upgrade()] and imap.machine.state == "NOT AUTHENTICATED"
    assert imap.send("c NOOP") == "c OK done\r\n"


def test_a_failed_handshake_is_an_outcome():
    here = stage(0)
    here.tls_works = False
    imap = call(here, tls=True)
    imap.send("a STARTTLS")
    assert imap.ended and imap.outcomes == ["tls-failed"] and imap.states[-1] == "LOGOUT"
    assert imap.rules == ["imap.tls-failed"] and imap.is_well_nested()
    imap = call(here, implicit=True)
    assert imap.ended and imap.acts == [Upgrade(), Rule("imap.tls-failed", "alert"), Enter("LOGOUT")]


def test_no_tls_where_there_is_none():
    assert call(stage(0)).send("a STARTTLS").splitlines()[-1] == "a NO no TLS here"
    imap = call(stage(0), implicit=True, tls=True)
    assert imap.acts[0] == Upgrade() and imap.send("a STARTTLS").splitlines()[-1] == "a BAD TLS is there already"


# -- how a session ends --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["hang_up", "silence", "drop"])
def test_a_view_is_left_however_a_session_ends(end):
    here = stage(3)
    one, two = reader(here), reader(here)
    two.send("c STORE 1 FLAGS (\\Deleted)")
    two.send("d EXPUNGE")
    assert here.boxes[BOB].gone and here.boxes[BOB].views == 2
    getattr(one, end)()
    assert one.ended and not here.boxes[BOB].gone and here.boxes[BOB].views == 1


def test_half_an_hour_of_silence_and_no_less():
    imap = reader(stage(0))
    assert imap.listening == Listen(1800.0) and imap.silence().startswith("* BYE ")
    assert imap.rules[-1] == "imap.silent" and imap.states[-1] == "LOGOUT"
    imap = reader(stage(0))
    imap.send("c IDLE")
    assert imap.listening == Listen(1800.0, news=True) and imap.silence().startswith("* BYE ")
    assert imap.is_well_nested() and imap.ended


@pytest.mark.parametrize(
    "half", [b"c NO", b"c LOGIN {7}\r\nx", b"c APPEND INBOX {9+}\r\nabc", b"c IDLE\r\nDO", b"c FETCH 1 {"]
)
def test_a_hang_up_in_the_middle_of_a_command(half):
    here = stage(2)
    imap = reader(here)
    imap.send(half)
    imap.hang_up()
    assert imap.ended and imap.is_well_nested() and len(here.boxes[BOB]) == 2 and imap.rules[-1] == "imap.hung-up"


# -- literals ------------------------------------------------------------------------------------------------------


def test_who_waits_to_be_asked_is_spared_a_literal_that_cannot_help():
    imap = logged_in(stage(1))
    for line, reply in [
        ("c FROG {102856}", "c BAD that is no command\r\n"),  # §7.6
        ("d FETCH {10}", "d BAD FETCH is not a command of the AUTHENTICATED state\r\n"),
        ("e SELECT {99999999999}", f"e BAD [TOOBIG] at most {LARGEST} octets\r\n"),
        ("f APPEND INBOX {99999999999}", f"f NO [TOOBIG] at most {LARGEST} octets\r\n"),
        ("g SELECT {5}", "+ go on\r\n"),
    ]:
        assert imap.send(line) == reply
    assert untagged(imap.send("INBOX")) and imap.machine.state == "SELECTED"
    assert imap.send("h SELECT {99999999999}").startswith("h BAD") and imap.machine.state == "SELECTED"


def test_who_does_not_wait_is_read_to_the_end():
    imap = logged_in(stage(1))
    assert imap.send(b"c FROG {8+}\r\nd NOOP\r\n") == ""  # these octets are a literal, whatever they look like
    assert imap.send(b"\r\n") == "c BAD that is no command\r\n"
    imap.send(b"d APPEND INBOX {%d+}\r\n" % (LARGEST + 1))
    for _ in range(LARGEST // 10**6):
        assert imap.send(b"x" * 10**6) == ""
    assert imap.send(b"y {3+}\r\nabc\r\n") == f"d NO [TOOBIG] at most {LARGEST} octets\r\n"
    assert imap.send("e NOOP") == "e OK done\r\n"
    assert len(imap.machine.lines.rest) < 10**6  # and nothing of it was kept


def test_nobody_reads_ten_gigabytes():
    imap = logged_in(stage(1))
    assert imap.send("c APPEND INBOX {10000000000+}") == "* BYE [TOOBIG] that is more than anybody reads\r\n"
    assert imap.ended and imap.states[-1] == "LOGOUT" and imap.is_well_nested()


def test_before_the_log_in_little_is_read():
    imap = call(stage(1))
    imap.heard()
    assert imap.send("a LOGIN {65536}") == f"a BAD [TOOBIG] at most {LARGEST_UNKNOWN} octets\r\n"
    assert imap.send(b"b LOGIN {30000+}\r\n" + b"x" * 30_000 + b" {40000+}\r\n" + b"x" * 40_000 + b"\r\n").startswith(
        "b BAD [TOO"
    )


def test_literal_minus():
    """RFC 7888 §5"""
    imap = logged_in(stage(1), literals="-")
    assert imap.send(b"c APPEND INBOX {4096+}\r\n" + b"x" * 4096 + b"\r\n").endswith("c OK [APPENDUID 6 2] done\r\n")
    assert (
        imap.send(b"d APPEND INBOX {4097+}\r\n" + b"x" * 4097 + b"\r\n")
        == "d BAD [TOOBIG] ask first, from 4096 octets on\r\n"
    )
    assert imap.send("e APPEND INBOX {4097}") == "+ go on\r\n"
    assert imap.send(b"x" * 4097 + b"\r\n").endswith("e OK [APPENDUID 6 3] done\r\n")


# -- APPEND, COPY, MOVE, EXPUNGE -----------------------------------------------------------------------------------


def test_append_with_flags_and_date():
    here = stage(0, "Work")
    imap = logged_in(here)
    line = 'c APPEND Work (\\Seen \\Recent \\Frog $Forwarded work) "17-Jul-1996 02:44:25 -0700" {5+}\r\nhello'
    assert imap.send(line) == "c OK [APPENDUID 7 1] done\r\n"
    [message] = here.boxes[f"{BOB}/Work"].messages.values()
    assert message.data == b"hello" and message.flags == {"\\Seen", "$Forwarded", "work"}
    assert message.date == "17-Jul-1996 02:44:25 -0700"
    imap.send("d SELECT Work")
    assert 'INTERNALDATE "17-Jul-1996 02:44:25 -0700"' in imap.send("e FETCH 1 INTERNALDATE")


def test_append_several_or_none():
    """RFC 3502"""
    here = stage(1)
    imap = reader(here)
    assert imap.send("c APPEND INBOX {1+}\r\na (\\Seen) {1+}\r\nb {2}") == "+ go on\r\n"
    assert imap.send("cc") == "* 4 EXISTS\r\n* 4 RECENT\r\nc OK [APPENDUID 6 2:4] done\r\n"
    assert imap.send("d APPEND INBOX {1+}\r\na {0+}\r\n").startswith("d NO") and len(here.boxes[BOB]) == 4
    assert imap.send("e APPEND INBOX {1+}\r\na (\\Seen {1+}\r\nb").startswith("e BAD") and len(here.boxes[BOB]) == 4
    assert imap.send(b"f APPEND INBOX {1+}\r\n\0\r\n").startswith("f BAD NUL")
    assert "APPENDUID" in imap.send(b"g APPEND INBOX ~{3+}\r\na\0b\r\n") and list(here.boxes[BOB])[-1] == b"a\0b"


def test_copy_keeps_flags_and_date():
    here = stage(3, "Work")
    imap = reader(here, "c STORE 2 FLAGS (\\Seen work)")
    assert imap.send("d COPY 2:3 Work") == "d OK [COPYUID 7 2:3 1:2] done\r\n"
    copies = here.boxes[f"{BOB}/Work"].messages
    assert copies[1].flags == {"\\Seen", "work"} and copies[1].date == here.boxes[BOB].messages[2].date
    assert imap.send("e UID COPY 99 Work") == "e OK nothing to do\r\n"
    assert imap.send("f COPY 1 Nowhere") == "f NO [TRYCREATE] no such mailbox\r\n"
    assert imap.send("g COPY 1 INBOX") == "* 4 EXISTS\r\n* 4 RECENT\r\ng OK [COPYUID 6 1 4] done\r\n"


def test_move_is_one_step():
    here = stage(3, "Work")
    imap, other = reader(here), reader(here)
    assert (
        imap.send("c MOVE 1,3 Work") == "* OK [COPYUID 7 1,3 1:2] done\r\n* 1 EXPUNGE\r\n* 2 EXPUNGE\r\nc OK done\r\n"
    )
    assert not imap.only(Flag) and imap.only(Remove) == [Remove(BOB, (1, 3))]
    assert untagged(other.send("c NOOP")) == ["* 1 EXPUNGE", "* 2 EXPUNGE"]
    assert imap.send("d UID MOVE 77 Work") == "d OK nothing to do\r\n" and len(here.boxes[BOB]) == 1
    assert imap.send("e MOVE 1 INBOX") == (
        "* OK [COPYUID 6 2 4] done\r\n* 1 EXPUNGE\r\n* 1 EXISTS\r\n* 1 RECENT\r\ne OK done\r\n"
    )


def test_expunge_by_uid_and_close():
    here = stage(4)
    imap = reader(here, "c STORE 1:3 FLAGS.SILENT (\\Deleted)")
    assert imap.send("d UID EXPUNGE 2:3,9") == "* 2 EXPUNGE\r\n* 2 EXPUNGE\r\nd OK done\r\n"
    assert imap.send("e CLOSE") == "e OK done\r\n" and list(here.boxes[BOB].messages) == [4]
    imap = reader(here, "c STORE 1 FLAGS.SILENT (\\Deleted)", "d UNSELECT", "e EXAMINE INBOX", "f CLOSE")
    assert len(here.boxes[BOB]) == 1


def test_store_says_what_it_made():
    imap = reader(stage(3))
    assert untagged(imap.send("c STORE 1:2 FLAGS (\\Seen Work)")) == [
        "* FLAGS (\\Answered \\Deleted \\Draft \\Flagged \\Seen Work)",
        "* 1 FETCH (UID 1 FLAGS (\\Recent \\Seen Work))",
        "* 2 FETCH (UID 2 FLAGS (\\Recent \\Seen Work))",
    ]
    assert untagged(imap.send("d STORE 1 +FLAGS (WORK)")) == ["* 1 FETCH (UID 1 FLAGS (\\Recent \\Seen Work))"]
    assert untagged(imap.send("e UID STORE 1 -FLAGS work \\Seen")) == ["* 1 FETCH (UID 1 FLAGS (\\Recent))"]
    assert untagged(imap.send("f STORE 2 FLAGS.SILENT ()")) == []
    assert untagged(imap.send("g STORE 3 +FLAGS (\\Frog)")) == ["* 3 FETCH (UID 3 FLAGS (\\Recent))"]


def test_store_for_somebody_removed():
    here = stage(2)
    one, two = reader(here), reader(here)
    one.send("c STORE 1 FLAGS.SILENT (\\Deleted)")
    one.send("d EXPUNGE")
    assert two.send("c STORE 1:2 FLAGS (x)").endswith(
        "c OK [EXPUNGEISSUED] but not for those that somebody removed\r\n"
    )
    assert two.send("d STORE 1 (UNCHANGEDSINCE 99) FLAGS (y)").endswith(
        "EXPUNGEISSUED] but not for those that somebody removed\r\n"
    )


# -- CONDSTORE -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "FETCH 1 MODSEQ", "FETCH 1 FLAGS (CHANGEDSINCE 1)", "SEARCH MODSEQ 1", "STATUS Work (HIGHESTMODSEQ)",
        "STORE 1 (UNCHANGEDSINCE 9) FLAGS ()", "ENABLE CONDSTORE", "ENABLE QRESYNC", "SORT (DATE) UTF-8 MODSEQ 1",
        'LIST "" * RETURN (STATUS (HIGHESTMODSEQ))', "SELECT INBOX (CONDSTORE)",
    ],
)  # fmt: skip
def test_who_shows_interest_in_modseq_is_told_of_it_from_then_on(line):
    """RFC 7162 §3.1"""
    here = stage(1, "Work")
    imap, other = reader(here), reader(here)
    other.send("c STORE 1 FLAGS (\\Seen)")
    assert "MODSEQ" not in imap.send("c NOOP")
    assert "[HIGHESTMODSEQ 3]" in imap.send("d " + line)
    other.send("d STORE 1 FLAGS (\\Draft)")
    told = untagged(imap.send("e NOOP"))
    assert re.fullmatch(r"\* 1 FETCH \(UID 1 FLAGS \([^)]*\) MODSEQ \([45]\)\)", told[-1])
    assert "HIGHESTMODSEQ" not in imap.send("f FETCH 1 MODSEQ")


def test_a_silent_store_tells_modseq_to_who_wants_it():
    imap = reader(stage(2), "c ENABLE CONDSTORE")
    assert untagged(imap.send("d STORE 1 +FLAGS.SILENT (\\Seen)")) == ["* 1 FETCH (UID 1 MODSEQ (4))"]
    assert untagged(imap.send("e STORE 1 +FLAGS.SILENT (\\Seen)")) == []  # nothing changed
    assert untagged(imap.send("f STORE 1:2 (UNCHANGEDSINCE 9) +FLAGS.SILENT (\\Seen)")) == [
        "* 1 FETCH (UID 1 MODSEQ (4))",
        "* 2 FETCH (UID 2 MODSEQ (5))",
    ]


def test_qresync_and_who_has_not_enabled_it():
    imap = reader(stage(2))
    for line in ("SELECT INBOX (QRESYNC (6 1))", "UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)"):
        assert imap.send("c " + line).startswith("c BAD ") and imap.machine.state == "SELECTED"
    imap.send("d ENABLE QRESYNC")
    assert imap.send("e FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)").startswith("e BAD ")  # only by UID
    assert imap.send("f UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)").endswith("f OK done\r\n")
    imap.send("g STORE 1 FLAGS (\\Deleted)")
    assert imap.send("h MOVE 2 INBOX").endswith(
        "* VANISHED 2\r\n* 2 EXISTS\r\n* 2 RECENT\r\nh OK [HIGHESTMODSEQ 6] done\r\n"
    )
    assert imap.send("i CLOSE") == "i OK done\r\n"  # RFC 7162 §3.2.8


# -- bad input -----------------------------------------------------------------------------------------------------

LINES = [
    b"c NOOP\r\n",
    b"c FETCH 1 (FLAGS BODY[1.2.MIME] BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS.NOT (a)]<1.2>)\r\n",
    b"c SEARCH RETURN (MIN) SENTSINCE 1-Feb-2026 KEYWORD x HEADER a b\r\n",
    b'c LIST "" %\r\n',
    b"c STATUS INBOX (MESSAGES)\r\n",
    b'c APPEND INBOX "17-Jul-1996 02:44:25 -0700" {1+}\r\nx\r\n',
    b"c STORE 1 (UNCHANGEDSINCE 3) FLAGS.SILENT (a b)\r\n",
    b"c UID COPY 1:* Work\r\n",
    b"c SORT (REVERSE DATE) UTF-8 OR 1 (2 NOT 3)\r\n",
    b"c THREAD REFERENCES UTF-8 ALL\r\n",
    b"c UID FETCH 1 ALL (CHANGEDSINCE 3)\r\n",
    b"c ENABLE QRESYNC\r\n",
    b"c SELECT INBOX (QRESYNC (6 3 1:4 (1 1)))\r\n",
    b"c CREATE &AOk-\r\n",
    b"c RENAME a b\r\n",
    b"c EXPUNGE\r\n",
    b"c MOVE 1 Work\r\n",
    b"c LOGIN a b\r\n",
]


@pytest.mark.parametrize("seed", range(6))
def test_broken_commands_get_a_reply_and_break_nothing(seed):
    dice, here = random.Random(seed), stage(4, "Work")
    imap = reader(here, "b ENABLE QRESYNC") if seed % 2 else reader(here)
    for _ in range(150):
        line = bytearray(dice.choice(LINES))
        for _ in range(dice.choice([0, 1, 1, 3])):
            line[dice.randrange(len(line) - 2)] = dice.choice(b'() {}"\\*%a1:,.[]<>+-$&\r\n\xff\x00')
        imap.send(bytes(line))
        imap.send(b"\r\nDONE\r\n" * 2)
    imap.send(b"x" * 99 + b"\r\n")
    while imap.send("z NOOP").splitlines()[-1:] != ["z OK done"]:  # in a literal: let it come to its end
        assert not imap.ended
        imap.send(b"x" * 1000 + b"\r\n")
    assert imap.is_well_nested() and not imap.ended


@pytest.mark.parametrize(
    "data, reply",
    [
        (b"c NOOP\nd NOOP\r\n", "c BAD "),
        (b"c NOOP\rx\r\n", "c BAD "),
        (b"\0\r\n", "* BAD "),
        (b"c NO\0OP\r\n", "c BAD "),
        (b"c LOGIN a\0b c\r\n", "c BAD "),
        (b"c " + b"x" * LINE + b"\r\n", "c BAD a line has at most"),
        (b"c FETCH " + b"1," * LINE + b"1 FLAGS\r\n", "c BAD a line has at most"),
        (b"x" * 10**6 + b"\r\n", "* BAD a line has at most"),
        (b'c SELECT "' + b"\\" * 9_999 + b"\r\n", "c BAD "),
        (b"c SEARCH " + b"(" * 10_000 + b"\r\n", "c BAD "),
        (b"c FETCH 1 (" + b"BODY[" * 5_000 + b"\r\n", "c BAD "),
        (b"c ID " + b"(" * 10_000 + b"\r\n", "c BAD "),
        (b"c FETCH 99999999999999999999 FLAGS\r\n", "c BAD "),
        (b"c FETCH 1 BODY[" + b"1." * 5_000 + b"1]\r\n", "c BAD "),
        (b"c STORE 1 FLAGS (" + b"x " * 20_000 + b"\r\n", "c BAD "),
        (b"c SELECT \xff\xfe\r\n", "c BAD "),
        (b'c SELECT "\xff\xfe"\r\n', "c NO [CANNOT]"),
        (b"c \xff\r\n", "c BAD "),
        (b"c UID FROG 1\r\n", "c BAD "),
        (b"c UID\r\n", "c BAD "),
        (b"* NOOP\r\n", "* BAD "),
        (b"+ NOOP\r\n", "* BAD "),
        (b"c  NOOP\r\n", "c BAD "),
        (b" c NOOP\r\n", "* BAD "),
        (b"c NOOP \r\n", "c BAD "),
        (b"DONE\r\n", "DONE BAD "),
        (b"GET / HTTP/1.1\r\n", "GET BAD "),
    ],
    ids=lambda value: repr(value[:40]),
)
def test_hostile_lines_get_a_reason_and_the_session_goes_on(data, reply):
    imap = reader(stage(3))
    said = imap.send(data)
    assert said.startswith(reply) or f"\r\n{reply}" in said, said[:200]
    assert imap.send("z NOOP") == "z OK done\r\n" and imap.is_well_nested()


def test_a_command_of_tiny_literals():
    imap = logged_in(stage(1))
    line = b"c LIST {0+}\r\n" + b" {0+}\r\n" * 3_000
    assert imap.send(line) == "" and imap.send(b"\r\n").startswith("c BAD ")
    assert imap.send("d NOOP") == "d OK done\r\n"


def test_sixty_thousand_flags_and_what_becomes_of_them():
    here = stage(2)
    imap = reader(here)
    flags = " ".join(f"k{n}" for n in range(9_000))
    assert imap.send(f"c STORE 1 FLAGS.SILENT ({flags})").endswith("c OK done\r\n")
    assert len(here.boxes[BOB].messages[1].flags) == len(here.boxes[BOB].keywords) == 9_000
    assert max(len(act.data) for act in imap.only(Say)) <= HANDFUL


PIECES = (
    b"a |LOGIN bob lab-bob|SELECT INBOX|FETCH 1:* |BODY[]|FLAGS|\r\n|\r|\n|{3}|{3+}|UID |SEARCH |ALL|IDLE|DONE"
    b'|(|)|"| |\0|\xff|NOOP|LOGOUT|APPEND x '
).split(b"|")


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=8)), max_size=30))
@settings(deadline=None, max_examples=200)
def test_any_octets_are_answered(pieces):
    here = stage(2)
    imap = reader(here)
    for piece in pieces:
        imap.send(piece)
    imap.hang_up()
    assert imap.ended and imap.is_well_nested() and not here.boxes[BOB].views
    assert all(act.data for act in imap.only(Say))


# -- every cut -----------------------------------------------------------------------------------------------------

TALK = (
    b"a LOGIN {3}\r\nbob {7+}\r\nlab-bob\r\nb SELECT INBOX\r\nc FETCH 1:* (FLAGS ENVELOPE BODY[TEXT]<0.4>)\r\n"
    b'd APPEND INBOX (\\Seen) {10}\r\nA: {9}\r\n\r\n\r\ne SEARCH OR SUBJECT "Mail 1" NOT (SEEN UID 1:3)\r\n'
    b"f IDLE\r\nDONE\r\ng BOO\r\nh STORE 1 FLAGS ({\r\ni UID STORE 1,3 -FLAGS (x)\r\nj LOGOUT\r\n"
)


def acts_of(pieces: list[bytes]):
    imap = call(stage(4))
    for piece in pieces:
        imap.send(piece)
    return imap.acts


def test_every_cut_gives_the_same_acts():
    whole = acts_of([TALK])
    said = b"".join(act.data for act in whole if isinstance(act, Say)).decode()
    results = [line.split()[1] for line in said.splitlines() if re.match("[a-j] ", line)]
    assert results == ["OK", "OK", "OK", "OK", "OK", "OK", "BAD", "BAD", "OK", "OK"]
    assert acts_of([bytes([octet]) for octet in TALK]) == whole
    for cut in range(len(TALK)):
        assert acts_of([TALK[:cut], TALK[cut:]]) == whole


def test_what_is_heard_stands_in_the_trace_as_it_was_framed():
    imap = call(stage(0))
    imap.send(b"a LOGIN {3}\r\nbob {7+}\r\nlab-bob\r\n")
    assert imap.acts[2:8] == [
        Open("LOGIN"), Hear(b"a LOGIN {3}\r\n"), Say(b"+ go on\r\n"), Hear(b"bob {7+}\r\n"), Hear(b"lab-bob\r\n"),
        Rule("imap.logged-in", "ok", {"address": BOB}),
    ]  # fmt: skip
    assert imap.acts[-2:] == [Enter("AUTHENTICATED"), Close("ok")]


def test_changes_are_acts():
    here = stage(1, "Work")
    imap = reader(here)
    for line in ("c STORE 1 FLAGS (\\Deleted)", "d COPY 1 Work", "e EXPUNGE", "f NOOP", "g APPEND INBOX {1+}\r\nx"):
        imap.send(line)
    assert imap.only(Store, Flag, Remove, Watch) == [
        Watch(BOB),
        Flag(BOB, (1,), "", ("\\Deleted",)),
        Store(f"{BOB}/Work", letter(1), {"flags": "\\Deleted", "date": "23-Nov-2026 09:00:00 +0000"}),
        Remove(BOB, (1,)),
        Store(BOB, b"x", {"flags": ""}),
    ]


def test_a_broken_server_is_asked_for_by_its_name():
    assert "broken on purpose" in call(stage(1), broken="expunge-early").heard()
    with pytest.raises(LabError, match="expunge-early"):
        call(stage(1), broken="yes")


@pytest.mark.parametrize("items", ["BODY.PEEK[]", "BODY.PEEK[2]", "BODY[]<5.1500000>", "(UID BODY.PEEK[TEXT] FLAGS)"])
def test_megabytes_are_said_as_they_lie_and_say_the_same(items):
    """What is not copied on its way says what a short one would; nobody waits long between two handfuls."""
    lines = (b"y" * 78 + b"\r\n") * 20_000
    long = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHi\r\n--b\r\n\r\n" + lines + b"\r\n--b--\r\n"
    here = stage(0)
    here.change(Store(BOB, long))
    imap = reader(here)
    reply = imap.send(f"c FETCH 1 {items}").encode()
    head = re.match(rb"\* 1 FETCH \(.*?\{(\d+)\}\r\n", reply)
    content = reply[head.end() : head.end() + int(head[1])]
    assert content in long and len(content) > 1_400_000
    assert re.fullmatch(rb"(?: FLAGS \([^)]*\))?\)\r\nc OK done\r\n", reply[head.end() + int(head[1]) :])
    sizes = [len(act.data) for act in imap.only(Say)]
    assert max(sizes) == HANDFUL and sizes.count(HANDFUL) == len(content) // HANDFUL
