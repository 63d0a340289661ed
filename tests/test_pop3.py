"""POP3: transcripts, every cut of the bytes, the lock, what is left, every octet named."""

import base64
import hashlib
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pump import Stage, converse
from transcript import play, transcripts

from mailedu import sasl
from mailedu.acts import Close, Connect, Enter, Hangup, Hear, Listen, Open, Refused, Remove, Rule, Say, Store, Upgrade
from mailedu.clock import Clock
from mailedu.mailbox import Mailbox
from mailedu.pop3 import TABLE, Pop3Server, fetch_all, fetch_newest, spans
from mailedu.pop3.grammar import ARGUMENTS, LINE, read
from mailedu.pop3.server import HANDFUL, handfuls, in_lines, top
from mailedu.rules import rules
from mailedu.wire import unstuff

BOB = "bob@beta.example"
USERS = {"bob": ("lab-bob", BOB), "jörg": ("grün", BOB), "lost": ("lost", "lost@beta.example")}


def letter(n: int) -> bytes:
    return b"Subject: Lunch %d\r\n\r\nSee you soon.\r\n.\r\n" % n


def stage(*letters: bytes) -> Stage:
    stage = Stage(**{BOB: Mailbox(6)})
    for data in letters or [letter(n) for n in (1, 2, 3)]:
        stage.change(Store(BOB, data))
    return stage


def call(stage: Stage, **options):
    options = {"clock": Clock(6)} | options
    return stage.call(Pop3Server("pop.beta.example", "192.0.2.10", USERS, stage.boxes, **options))


def logged_in(stage: Stage, **options):
    pop = call(stage, **options)
    pop.send("USER bob")
    assert pop.send("PASS lab-bob").startswith("+OK")
    return pop


# -- transcripts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", transcripts("pop3"), ids=lambda path: path.stem)
def test_transcript(path):
    here = stage()
    play(path, lambda name: call(here, tls=True))


# -- what is left, however a session ends --------------------------------------------------------------------------


def left(stage: Stage) -> list[int]:
    return list(stage.boxes[BOB].messages)


def test_only_quit_from_transaction_removes():
    here = stage()
    for end in ("hang_up", "silence", "drop"):
        pop = logged_in(here)
        pop.send("DELE 1")
        getattr(pop, end)()
        assert left(here) == [1, 2, 3] and not pop.only(Remove)
    pop = logged_in(here)
    pop.send("DELE 1")
    pop.send("RSET")
    pop.send("DELE 3")
    pop.send("QUIT")
    assert left(here) == [1, 2] and pop.only(Remove) == [Remove(BOB, (3,))]


def test_update_stands_in_the_trace_and_the_lock_too():
    here = stage()
    pop = logged_in(here)
    pop.send("DELE 2")
    pop.send("QUIT")
    assert pop.states == ["AUTHORIZATION", "PASSWORD", "TRANSACTION", "UPDATE", "CLOSED"]
    assert pop.acts[pop.acts.index(Open("QUIT")) :] == [
        Open("QUIT"), Hear(b"QUIT\r\n"), Enter("UPDATE"), Remove(BOB, (2,)),
        Rule("pop3.lock", "released", {"maildrop": BOB}), Say(b"+OK 1 message removed, goodbye\r\n"),
        Enter("CLOSED"), Close("ok"),
    ]  # fmt: skip
    assert pop.ended and pop.is_well_nested()
    pop = logged_in(here)
    pop.hang_up()
    assert "UPDATE" not in pop.states
    assert pop.acts[-3:] == [
        Rule("pop3.hung-up", "TRANSACTION"), Rule("pop3.lock", "released", {"maildrop": BOB}), Enter("CLOSED")
    ]  # fmt: skip


def test_a_house_that_keeps_nothing_removes_what_was_fetched_at_quit_and_at_no_other_end():
    """RFC 1939 §8, RFC 2449 §6.7: EXPIRE 0."""
    here = stage()
    for end in ("hang_up", "silence", "drop"):
        pop = logged_in(here, keeps_nothing=True)
        assert "EXPIRE 0\r\n" in pop.send("CAPA")
        pop.send("RETR 1")
        getattr(pop, end)()
        assert left(here) == [1, 2, 3]
    pop = logged_in(here, keeps_nothing=True)
    for line in ("RETR 1", "TOP 2 9", "RETR 9", "RSET"):
        pop.send(line)
    assert pop.send("QUIT") == "+OK 1 message removed, goodbye\r\n" and left(here) == [2, 3]
    assert Rule("pop3.keeps-nothing", "removed", {"numbers": "1"}) in pop.acts


def test_what_somebody_else_removed_is_not_counted_at_quit():
    here = stage()
    pop = logged_in(here)
    for line in ("DELE 1", "DELE 2"):
        pop.send(line)
    here.change(Remove(BOB, (1,)))
    assert pop.send("QUIT") == "+OK 1 message removed, goodbye\r\n" and left(here) == [3]


def test_ten_minutes_of_silence_and_no_less():
    pop = logged_in(stage())
    assert pop.listening == Listen(600.0)
    assert pop.silence() == "" and pop.states[-1] == "CLOSED"  # closed without a word (RFC 1939 §3)
    assert pop.rules[-2:] == ["pop3.silent", "pop3.lock"]


def test_the_lock_is_free_again_however_a_session_ends():
    here = stage()
    for end in ("hang_up", "silence", "drop"):
        pop = logged_in(here)
        assert here.boxes[BOB].holder is pop.machine
        getattr(pop, end)()
        assert here.boxes[BOB].holder is None
    pop = logged_in(here)
    pop.send("QUIT")
    assert here.boxes[BOB].holder is None


def test_who_is_refused_takes_no_lock_away():
    here = stage()
    laptop, phone = logged_in(here), call(here)
    phone.send("USER bob")
    assert phone.send("PASS lab-bob").startswith("-ERR [IN-USE]")
    phone.send("QUIT")
    assert here.boxes[BOB].holder is laptop.machine


def test_a_hang_up_in_the_middle_of_a_command():
    for half in (b"DELE 1", b"QUIT", b"QUIT\r", b"AUTH PLAIN\r\nAGJv"):
        here = stage()
        pop = logged_in(here) if half[0] != 65 else call(here)
        pop.send(half)
        pop.hang_up()
        assert left(here) == [1, 2, 3] and pop.ended and pop.is_well_nested() and here.boxes[BOB].holder is None


def test_another_session_removes_messages_meanwhile():
    here = stage()
    pop = logged_in(here)
    pop.send("DELE 3")
    here.change(Remove(BOB, (1, 3)))
    assert pop.send("STAT") == "+OK 2 76\r\n"  # numbers and sizes stay as they were
    assert pop.send("RETR 1") == "-ERR message 1 was removed by another session meanwhile\r\n"
    assert pop.send("TOP 1 0").startswith("-ERR") and pop.send("DELE 1").startswith("-ERR")
    assert pop.send("RETR 2").startswith("+OK 38 octets")
    here.change(Store(BOB, letter(4)))
    assert pop.send("STAT") == "+OK 2 76\r\n"
    assert pop.send("QUIT").startswith("+OK") and left(here) == [2, 4]


# -- log-in --------------------------------------------------------------------------------------------------------


def test_apop_hashes_the_stamp():
    here = stage()
    pop = call(here)
    stamp = re.search("<.*>", pop.heard())[0]
    assert pop.send(f"APOP bob {hashlib.md5((stamp + 'lab-bob').encode()).hexdigest()}").startswith("+OK")
    assert call(here, clock=Clock(7)).heard() != f"+OK pop.beta.example POP3 server ready {stamp}\r\n"
    bare = call(here, clock=None)
    assert "<" not in bare.heard() and bare.send("APOP bob " + 32 * "0").startswith("-ERR no APOP")
    # nobody gets in by the digest of an unknown name and no password
    pop = call(here)
    stamp = re.search("<.*>", pop.heard())[0]
    assert pop.send(f"APOP eve {hashlib.md5(stamp.encode()).hexdigest()}").startswith("-ERR [AUTH]")


def test_no_two_greetings_have_the_same_timestamp():
    """Not even in one second of the lab's clock (RFC 1939 §7)."""
    here, clock = stage(), Clock(6)
    assert len({call(here, clock=clock).machine.stamp for _ in range(2_000)}) == 2_000


def say_all(pop, mechanism: str, password: str, initial: bool, user: str = "bob") -> str:
    """Log in as a client does that knows the mechanism; the last line of the server."""
    script = sasl.CLIENT[mechanism](user, password, "n0nce")
    said = next(script)
    if initial and mechanism not in sasl.SERVER_FIRST:
        reply = pop.send(f"AUTH {mechanism} {base64.b64encode(said).decode() or '='}")
    else:
        reply = pop.send(f"auth {mechanism.lower()}")
        if mechanism not in sasl.SERVER_FIRST:
            assert reply == "+ \r\n"  # an empty challenge, and nothing else (RFC 5034 §4)
            reply = pop.send(base64.b64encode(said).decode())
    while reply.startswith("+ "):
        reply = pop.send(base64.b64encode(script.send(base64.b64decode(reply[2:]))).decode())
    return reply


@pytest.mark.parametrize("initial", [True, False])
@pytest.mark.parametrize("mechanism", list(sasl.SERVER))
def test_every_mechanism_that_capa_names_lets_bob_in_and_nobody_else(mechanism, initial):
    here = stage()
    pop = call(here)
    pop.heard()
    assert mechanism in re.search(r"SASL (.*)\r\n", pop.send("CAPA"))[1].split()
    assert say_all(pop, mechanism, "wrong", initial).startswith("-ERR [AUTH]")
    assert say_all(pop, mechanism, "lab-bob", initial, user="eve").startswith("-ERR [AUTH]")
    assert pop.machine.state == "AUTHORIZATION" and not here.boxes[BOB].holder
    assert say_all(pop, mechanism, "lab-bob", initial) == "+OK maildrop open, 3 messages\r\n"
    assert pop.machine.state == "TRANSACTION" and pop.is_well_nested()
    assert pop.send(f"AUTH {mechanism}").startswith("-ERR")  # no more of that (RFC 5034 §4)
    second = call(here)
    second.heard()
    assert say_all(second, mechanism, "lab-bob", initial).startswith("-ERR [IN-USE]")


def test_without_dice_only_passwords_are_offered():
    pop = call(stage(), clock=None)
    assert "\r\nSASL PLAIN LOGIN\r\n" in pop.send("CAPA")
    assert pop.send("AUTH CRAM-MD5") == "-ERR no CRAM-MD5 here, but PLAIN, LOGIN\r\n"


def test_the_clear_text_of_a_password_is_neither_in_a_digest_nor_in_scram():
    for mechanism, there in [("CRAM-MD5", False), ("SCRAM-SHA-256", False), ("PLAIN", True), ("LOGIN", True)]:
        pop = call(stage())
        pop.heard()
        say_all(pop, mechanism, "lab-bob", initial=False)
        heard = [base64.b64decode(act.data) for act in pop.only(Hear)[1:]]
        assert any(b"lab-bob" in one for one in heard) is there


def test_a_server_that_takes_no_password_in_the_clear():
    here = stage()
    pop = call(here, tls=True, plain_needs_tls=True)
    pop.heard()
    capa = pop.send("CAPA")
    assert "USER\r\n" not in capa.replace("UTF8 USER", "") and "\r\nSASL SCRAM-SHA-256 CRAM-MD5\r\n" in capa
    assert pop.send("USER bob") == "-ERR no USER before TLS: say STLS\r\n" and pop.machine.state == "AUTHORIZATION"
    assert pop.send("AUTH PLAIN AGJvYgBsYWItYm9i") == "-ERR no PLAIN before TLS: say STLS\r\n"
    assert pop.rules == ["pop3.needs-tls"] * 2
    assert say_all(pop, "SCRAM-SHA-256", "lab-bob", initial=True).startswith("+OK")
    pop.send("QUIT")
    pop = call(here, tls=True, plain_needs_tls=True)
    pop.send("STLS")
    capa = pop.send("CAPA")
    assert "\r\nUSER\r\n" in capa and "PLAIN LOGIN" in capa and pop.send("USER bob").startswith("+OK")
    assert call(stage(), plain_needs_tls=True, clock=None).send("CAPA").count("SASL") == 0


def test_stls_is_announced_only_where_it_may_be_said():
    """RFC 2595 §4, §8; RFC 6856 §2.1."""
    pop = call(stage(), tls=True)
    assert "\r\nSTLS\r\n" in pop.send("CAPA")
    pop.send("UTF8")
    assert "STLS" not in pop.send("CAPA")
    pop = logged_in(stage(), tls=True)
    assert "STLS" not in pop.send("CAPA")


def test_login_delay_on_the_labs_clock():
    here, clock = stage(), Clock()
    pop = logged_in(here, clock=clock, login_delay=60)
    assert "LOGIN-DELAY 60" in pop.send("CAPA")
    pop.send("QUIT")
    pop = call(here, clock=clock, login_delay=60)
    pop.send("USER bob")
    assert pop.send("PASS lab-bob").startswith("-ERR [LOGIN-DELAY]")
    clock.advance(60)
    pop.send("USER bob")
    assert pop.send("PASS lab-bob").startswith("+OK")


def test_names_may_be_utf8_and_garbage_is_told():
    pop = call(stage())
    assert pop.send("USER jörg").startswith("+OK") and pop.send("PASS grün").startswith("+OK")
    pop = call(stage())
    assert pop.send(b"\nUSER j\xf6rg\r\n").endswith("-ERR a command is one line of text; only its end is CR and LF\r\n")
    assert pop.send(b"USER j\xf6rg\r\n") == "-ERR that is not UTF-8\r\n"


def test_names_and_passwords_are_prepared():
    """RFC 6856 §2.2: an ö is an ö, be it one character or two; and some characters are forbidden."""
    pop = call(stage())
    pop.send("USER jo\u0308rg")
    assert pop.send("PASS gru\u0308n").startswith("+OK")
    pop = call(stage())
    pop.send("USER bob")
    assert pop.send("PASS lab\u2028bob").startswith("-ERR a name or a password holds a character")
    stamp = "<" + pop.machine.stamp.strip("<>") + ">"
    assert pop.send(f"APOP b\u2028 {hashlib.md5(stamp.encode()).hexdigest()}").startswith("-ERR a name")
    assert pop.machine.state == "AUTHORIZATION"
    digest = hashlib.md5((stamp + "grün").encode()).hexdigest()
    assert pop.send(f"APOP jo\u0308rg {digest}").startswith("+OK")


def test_a_user_without_a_maildrop():
    pop = call(stage())
    pop.send("USER lost")
    assert pop.send("PASS lost").startswith("-ERR [SYS/PERM]") and pop.machine.state == "AUTHORIZATION"


def test_the_count_may_be_kept_back():
    pop = call(stage(), tells_count=False)
    pop.send("USER bob")
    assert pop.send("PASS lab-bob") == "+OK maildrop open\r\n"


# -- TLS -----------------------------------------------------------------------------------------------------------


def test_nothing_said_before_tls_counts_after_it():
    here = stage()
    pop = call(here, tls=True)
    pop.send("USER bob")
    pop.heard()
    assert pop.send(b"STLS\r\nPASS lab-bob\r\nCAPA\r\n") == "+OK now TLS\r\n"
    assert pop.only(Upgrade) and pop.machine.state == "AUTHORIZATION"
    assert pop.send("PASS lab-bob") == "-ERR PASS comes right after USER\r\n"


def test_a_failed_handshake_is_an_outcome():
    here = stage()
    here.tls_works = False
    pop = call(here, tls=True)
    pop.send("STLS")
    assert pop.ended and pop.outcomes == ["tls-failed"] and pop.states == ["AUTHORIZATION", "CLOSED"]
    assert pop.rules == ["pop3.tls-failed"] and pop.is_well_nested()
    pop = call(here, implicit=True)
    assert pop.ended and pop.acts == [Upgrade(), Rule("pop3.tls-failed", "alert"), Enter("CLOSED")]


def test_implicit_tls_comes_before_the_greeting():
    pop = call(stage(), implicit=True, tls=True)
    assert pop.acts[0] == Upgrade() and pop.heard().startswith("+OK")
    assert "STLS" not in pop.send("CAPA") and pop.send("STLS").startswith("-ERR TLS is there already")


def test_no_tls_where_there_is_none_and_not_after_utf8():
    assert call(stage()).send("STLS").endswith("-ERR no TLS here\r\n")
    pop = call(stage(), tls=True)
    pop.send("UTF8")
    assert pop.send("STLS").startswith("-ERR STLS comes before UTF8")


# -- messages on the wire ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "stored, sent",
    [
        (b"", b"\r\n"),
        (b"A: b\r\n\r\nno end", b"A: b\r\n\r\nno end\r\n"),
        (b"A: b\r\n\r\n.\r\n..x\r\n", b"A: b\r\n\r\n.\r\n..x\r\n"),
        (b".\r\n", b".\r\n"),
        (b"A: b\n\nlone\n.\nlines\n", b"A: b\r\n\r\nlone\r\n.\r\nlines\r\n"),
        (b"A: b\r\n\r\nx\r.\ry\n", b"A: b\r\n\r\nx\r\n.\r\ny\r\n"),
        (b"A: b\r\n\r\nNUL \x00 and \xff\r\n", b"A: b\r\n\r\nNUL \x00 and \xff\r\n"),
    ],
)
def test_a_message_comes_out_in_lines_and_the_octets_are_counted(stored, sent):
    pop = logged_in(stage(stored))
    pop.send("RETR 1")
    reply = pop.only(Say)[-1].data
    first, _, block = reply.partition(b"\r\n")
    assert unstuff(block) == sent and block.endswith(b".\r\n") and block.count(b"\r\n.\r\n") <= 1
    assert first == b"+OK %d octets" % len(sent) and pop.send("STAT") == f"+OK 1 {len(sent)}\r\n"
    assert pop.send("LIST 1") == f"+OK 1 {len(sent)}\r\n" and in_lines(stored) == sent


def test_top_without_a_body_or_without_a_header():
    assert top(b"A: b\r\nC: d\r\n", 5) == b"A: b\r\nC: d\r\n"
    assert top(b"\r\none\r\ntwo\r\n", 1) == b"\r\none\r\n"
    assert top(b"A: b\r\n\r\none\r\ntwo\r\n", 0) == b"A: b\r\n\r\n"
    assert top(b"A: b\r\n\r\none\r\ntwo\r\n", 10**10) == b"A: b\r\n\r\none\r\ntwo\r\n"


def test_a_utf8_header_is_for_who_said_utf8():
    here = stage("Subject: Grüße\r\n\r\nHi\r\n".encode(), "Subject: x\r\n\r\nGrüße\r\n".encode())
    pop = logged_in(here)
    assert pop.send("RETR 1").startswith("-ERR [UTF8]") and pop.send("TOP 1 0").startswith("-ERR [UTF8]")
    assert pop.send("RETR 2").startswith("+OK")  # 8bit bodies are another matter
    pop.send("QUIT")
    pop = call(here)
    for line in ("UTF8", "USER bob", "PASS lab-bob"):
        pop.send(line)
    assert pop.send("RETR 1").startswith("+OK") and "Grüße" in pop.send("TOP 1 0")


def test_a_long_reply_is_said_in_pieces_that_end_lines():
    big = b"Subject: big\r\n\r\n" + b"".join(b".%070d\r\n" % n for n in range(5_000))
    pop = logged_in(stage(big))
    before = len(pop.only(Say))
    pop.send("RETR 1")
    pieces = [act.data for act in pop.only(Say)[before:]]
    assert 5 < len(pieces) < 10 and all(piece.endswith(b"\r\n") and len(piece) <= HANDFUL for piece in pieces)
    assert unstuff(b"".join(pieces).partition(b"\r\n")[2]) == big
    assert [len(piece) for piece in handfuls(b"x" * 10, most=4)] == [4, 4, 2]  # no line end: cut all the same
    assert b"".join(handfuls(b"ab\r\ncd\r\nef", most=4)) == b"ab\r\ncd\r\nef"


# -- bad input -----------------------------------------------------------------------------------------------------


def test_every_command_in_every_state_is_answered_and_the_table_knows_where_it_leads():
    ways = {"AUTHORIZATION": [], "PASSWORD": ["USER bob"], "TRANSACTION": ["USER bob", "PASS lab-bob"]}
    samples = {"USER": "bob", "PASS": "x", "APOP": "bob " + 32 * "0", "AUTH": "PLAIN AGJvYgB4", "TOP": "1 0"}
    for state, lines in ways.items():
        for verb in sorted(TABLE.commands):
            for argument in (samples.get(verb, ""), "1", "9", "x y z"):
                here = stage()
                pop = call(here, tls=True)
                for line in lines:
                    pop.send(line)
                assert pop.machine.state == state
                pop.heard()
                reply = pop.send(f"{verb} {argument}".rstrip())
                assert reply.startswith(("+OK", "-ERR ")), (state, verb, argument)
                allowed = TABLE.allows(state, verb)
                nexts = {row.next for row in TABLE if (row.state, row.command) == (state, verb)}
                if "UPDATE" in nexts:
                    nexts.add("CLOSED")
                assert pop.machine.state in nexts if allowed else pop.machine.state == state
                assert allowed or reply.startswith("-ERR")
                assert pop.is_well_nested() and pop.outcomes[-1] == ("ok" if reply.startswith("+OK") else "err")


@pytest.mark.parametrize(
    "data, reply",
    [
        (b"STAT\nQUIT\r\n", "-ERR a command is one line of text"),
        (b"RETR 1\x00\r\n", "-ERR a command is one line of text"),
        (b"\x00\r\n", "-ERR a command is one line of text"),
        (b"STAT\rQUIT\r\n", "-ERR a command is one line of text"),
        (b"NOOP" + b" " * LINE + b"\r\n", f"-ERR a command has at most {LINE} octets"),
        (b"x" * 65_536 + b"\r\n", f"-ERR a command has at most {LINE} octets"),
        (b"\xff\xfe\r\n", "-ERR command expected"),
        (b"x" * 200 + b"\r\n", "-ERR command expected"),
        (b"RETR \xd9\xa1\r\n", "-ERR message number expected"),  # an Arabic 1 is no number
    ],
)
def test_hostile_lines_get_a_reason_and_the_session_goes_on(data, reply):
    pop = logged_in(stage())
    assert pop.send(data).startswith(reply)
    assert pop.send("STAT") == "+OK 3 114\r\n" and pop.is_well_nested()


def test_a_long_sasl_response():
    pop = call(stage())
    pop.send("AUTH PLAIN")
    assert pop.send("A" * 70_000).startswith("-ERR a response has at most") and pop.is_well_nested()
    assert pop.send("CAPA").startswith("+OK")


def test_the_first_line_of_a_reply_has_at_most_512_octets_whatever_was_asked():
    """RFC 2449 §4."""
    for verb in (*sorted(TABLE.commands), "X"):
        for pop in (call(stage(), tls=True), logged_in(stage())):
            pop.heard()
            reply = pop.send(f"{verb} {'x' * (LINE - len(verb) - 3)}")
            assert reply.startswith(("-ERR ", "+OK", "+ ")) and len(reply.partition("\r\n")[0]) < 510


def test_a_reply_begins_with_a_bracket_only_where_a_response_code_is_meant():
    """RESP-CODES promises that (RFC 2449 §6.4), so no client's word stands first."""
    for line in ("[IN-USE] x", "AUTH [IN-USE]", "LANG [IN-USE]", "USER [IN-USE]", "[x"):
        pop = call(stage())
        pop.heard()
        assert not pop.send(line).partition(" ")[2].startswith("[")


TALK = (
    b"STAT\r\nUSER bob\r\nPASS lab-bob\r\nSTAT\r\nRETR 1\r\nTOP 2 1\r\nDELE 3\r\nUIDL\r\nLIST\r\nBOO\r\n"
    b"RETR 3\r\nNOOP\r\nRSET\r\nDELE 1\r\nQUIT\r\n"
)


LOG_IN = (
    b"AUTH CRAM-MD5\r\nYQ==\r\nAUTH PLAIN\r\n*\r\nAUTH LOGIN\r\nYm9i\r\n\r\nAUTH SCRAM-SHA-256 =\r\n"
    b"AUTH PLAIN\r\nAGJvYgBsYWItYm9i\r\nSTAT\r\nQUIT\r\n"
)


def acts_of(pieces: list[bytes]):
    pop = call(stage())
    for piece in pieces:
        pop.send(piece)
    return pop.acts


@pytest.mark.parametrize("talk", [TALK, LOG_IN], ids=["talk", "log-in"])
def test_every_cut_gives_the_same_acts(talk):
    want = acts_of([talk])
    assert want[-1] == Close("ok") and acts_of([bytes([octet]) for octet in talk]) == want
    for cut in range(len(talk)):
        assert acts_of([talk[:cut], talk[cut:]]) == want


def test_random_talk_breaks_nothing():
    dice = random.Random(1)
    lines = [
        b"RETR 1\r\n",
        b"TOP 1 1\r\n",
        b"DELE 1\r\n",
        b"USER bob\r\n",
        b"PASS lab-bob\r\n",
        b"AUTH PLAIN\r\n",
        b"AUTH SCRAM-SHA-256 biwsbj1ib2Iscj1h\r\n",
        b"AUTH CRAM-MD5\r\n",
        *TALK.splitlines(True),
    ]
    for _ in range(40):
        here = stage()
        pop = call(here, tls=True)
        for _ in range(60):
            line = bytearray(dice.choice(lines))
            for _ in range(dice.choice([0, 0, 1, 3])):
                line[dice.randrange(len(line))] = dice.randrange(256)
            pop.send(bytes(line))
        pop.hang_up()
        assert pop.ended and pop.is_well_nested() and here.boxes[BOB].holder is None
        assert all(act.data.startswith((b"+", b"-ERR ")) and act.data.endswith(b"\r\n") for act in pop.only(Say))
        assert len(left(here)) == 3 or pop.states[-2:] == ["UPDATE", "CLOSED"]


# -- grammar -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line, command",
    [
        (b"retr 007\r\n", ("RETR", (7,))),
        (b"PASS  with  spaces \r\n", ("PASS", (" with  spaces ",))),
        (b"TOP 1 10\r\n", ("TOP", (1, 10))),
        (b"APOP b o b c4c9334bac560ecc979e58001b3e22fb\r\n", ("APOP", ("b o b", "c4c9334bac560ecc979e58001b3e22fb"))),
        (b"LIST\r\n", ("LIST", ())),
        (b"AUTH PLAIN =\r\n", ("AUTH", ("PLAIN", "="))),
    ],
)
def test_read(line, command):
    assert read(line) == command


@pytest.mark.parametrize("line", [b"FROG\r\n", b"LIST \r\n", b"RETR\t1\r\n", b"STAT", b"", b"RETR +1\r\n"])
def test_read_refuses(line):
    with pytest.raises(Refused):
        read(line)


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
    assert names(b"TOP 1 10\r\n", "client") == [
        (b"TOP", "command"),
        (b"1", "message number"),
        (b"10", "number of lines"),
    ]
    assert names(b"USER bob\r\n", "client", "USER") == [(b"USER", "command"), (b"bob", "name")]
    assert names(b"FROG 1\r\n", "client") == [(b"FROG", "command"), (b" 1", "garbage")]
    assert names(b"RETR x\r\n", "client") == [(b"RETR", "command"), (b"x", "garbage")]
    assert names(b"AGJv\r\n", "client", "AUTH", False) == [(b"AGJv", "SASL response")]
    assert names(b"*\r\n", "client", "AUTH", False) == [(b"*", "cancel")]
    assert names(b"\r\n", "client", "AUTH", False) == []
    assert names(b"a\r\nb\x00", "client") == [(b"a", "garbage"), (b"b\x00", "garbage")]


def test_every_octet_of_a_reply_has_a_name():
    assert names(b"+OK ready <1.2@pop>\r\n", "server", "") == [
        (b"+OK", "status"), (b"ready ", "text"), (b"<1.2@pop>", "timestamp")
    ]  # fmt: skip
    assert names(b"-ERR [IN-USE] no\r\n", "server", "PASS") == [
        (b"-ERR", "status"), (b"[IN-USE]", "response code"), (b" no", "text")
    ]  # fmt: skip
    assert names(b"+OK 3 1014\r\n", "server", "STAT") == [
        (b"+OK", "status"), (b"3", "number of messages"), (b"1014", "octets")
    ]  # fmt: skip
    assert names(b"+OK\r\n1 b6-1\r\n.\r\n", "server", "UIDL") == [
        (b"+OK", "status"), (b"1", "message number"), (b"b6-1", "unique id"), (b".", "end of reply")
    ]  # fmt: skip
    assert names(b"+OK\r\nSASL PLAIN\r\n.\r\n", "server", "CAPA")[1:] == [
        (b"SASL", "capability"), (b"PLAIN", "parameters"), (b".", "end of reply")
    ]  # fmt: skip
    assert names(b"+OK 9 octets\r\nA: b\r\n\r\n..c\r\nd\r\n.\r\n", "server", "RETR") == [
        (b"+OK", "status"), (b"9 octets", "text"), (b"A:", "field name"), (b" b", "field value"),
        (b".", "stuffed dot"), (b".c", "body line"), (b"d", "body line"), (b".", "end of reply"),
    ]  # fmt: skip
    assert names(b"more\r\n.\r\n", "server", "RETR", False) == [(b"more", "body line"), (b".", "end of reply")]
    assert names(b"+ \r\n", "server", "AUTH") == [(b"+", "status")]
    assert names(b"+ PDEu\r\n", "server", "AUTH", False) == [(b"+", "status"), (b"PDEu", "challenge")]


def test_the_whole_talk_is_named_by_the_reader_that_ran_it():
    pop = call(stage())
    pop.send(TALK)
    verb, heard, said = "", True, True
    for act in pop.acts:
        match act:
            case Open(title):
                verb, heard, said = title, True, True
            case Hear(data):
                assert verb == "BOO" or "garbage" not in dict((n, o) for o, n in names(data, "client", verb, heard))
                heard = False
            case Say(data):
                names(data, "server", verb, said)
                said = False


VERBS = st.sampled_from(["", "?", *sorted(ARGUMENTS)])
TEXTS = st.one_of(
    st.binary(),
    st.lists(
        st.sampled_from(
            [
                b"+OK",
                b"-ERR",
                b" ",
                b"\r\n",
                b"\r",
                b"\n",
                b".",
                b"..",
                b"<a@b>",
                b"[X]",
                b"12",
                b"RETR",
                b"A: b",
                b"\xff",
            ]
        )
    ).map(b"".join),
)


@given(TEXTS, st.sampled_from(["client", "server"]), VERBS, st.booleans())
@settings(deadline=None, max_examples=500)
def test_spans_add_up_for_any_octets(data, sender, verb, first):
    names(data, sender, verb, first)


@given(st.lists(TEXTS, max_size=8))
@settings(deadline=None, max_examples=300)
def test_any_octets_are_answered(pieces):
    pop = logged_in(stage())
    for piece in pieces:
        pop.send(piece)
    pop.hang_up()
    assert pop.ended and pop.is_well_nested()


# -- structure -----------------------------------------------------------------------------------------------------


def test_table_handlers_and_grammar_agree():
    handlers = {name.removeprefix("do_") for name in vars(Pop3Server) if name.startswith("do_")}
    assert handlers == TABLE.commands == set(ARGUMENTS)
    assert TABLE.states == ["AUTHORIZATION", "PASSWORD", "TRANSACTION", "CLOSED", "UPDATE"]
    for row in TABLE:
        if row.state != "UPDATE":
            assert (row.state, row.command, "err") in {other[:3] for other in TABLE}


def test_our_rules_are_explained():
    assert {"pop3.lock", "pop3.silent", "pop3.in-use"} <= set(rules())


# -- the client ----------------------------------------------------------------------------------------------------


def fetched(here: Stage, tls: str = "", port_options=None, fetch=fetch_all):
    """What our client gets from our server."""
    script = fetch("pop.beta.example", 110, "bob", "lab-bob", tls)
    return converse(here, script, lambda: call(here, **(port_options or {})))


def test_fetch_all_and_remove_nothing():
    letters = [letter(1), b"A: b\r\n\r\n..\r\n.x\r\n", "Subject: Grüße\r\n\r\nHi\r\n".encode()]
    here = stage(*letters)
    messages, acts, server = fetched(here)
    assert messages == letters and left(here) == [1, 2, 3] and server.states[-1] == "CLOSED"
    assert isinstance(acts[0], Connect) and isinstance(acts[-1], Hangup) and not server.only(Remove)


def test_fetch_all_with_tls():
    messages, acts, _ = fetched(stage(), "starttls", {"tls": True})
    said = b"".join(act.data for act in acts if isinstance(act, Say))
    assert messages == [letter(1), letter(2), letter(3)] and said.index(b"STLS") < said.index(b"PASS")
    messages, acts, _ = fetched(stage(), "implicit", {"implicit": True})
    assert len(messages) == 3 and acts[1] == Upgrade("pop.beta.example")


def test_fetch_the_newest_and_remove_nothing():
    here = stage(letter(1), b"A: b\r\n\r\n..\r\n.x\r\n")
    message, _, server = fetched(here, fetch=fetch_newest)
    assert message == b"A: b\r\n\r\n..\r\n.x\r\n" and left(here) == [1, 2] and not server.only(Remove)
    assert [act.title for act in server.only(Open)] == ["CAPA", "UTF8", "USER", "PASS", "STAT", "RETR", "QUIT"]
    here = Stage(**{BOB: Mailbox(6)})
    assert fetched(here, fetch=fetch_newest)[0] == b"" and not here.boxes[BOB].holder


def test_no_password_without_the_tls_that_was_asked_for():
    here = stage()
    with pytest.raises(Refused, match="STLS"):
        fetched(here, "starttls")
    [server] = here.calls
    assert b"PASS" not in b"".join(act.data for act in server.only(Hear))
