"""The transcript: what a person would write down, at each level, of any width, and safe to print."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stories import ALICE, HELLO, LETTER, MX, Pen, delivery, fetched, hostile, judgement, retries
from test_trace import traces

import mailedu
from mailedu.acts import Accept, Cipher, Hear, LabError, Say
from mailedu.trace import Trace
from mailedu.views.text import LEVELS, cells, hours, transcript, wrapped

a_level = pytest.mark.parametrize("level", LEVELS)


def block(text: str) -> list[str]:
    return text.strip("\n").splitlines()


def test_a_delivery_as_a_person_would_write_it_down():
    assert transcript(delivery(refuse=True), width=70).splitlines() == block("""
alice@alpha.example writes to bob@beta.example: refused
alice@alpha.example:
  => into the queue of mx.alpha.example (79 octets)

-- 0:01:00 on the lab's clock

relay to bob@beta.example: 550 5.7.26 rejected
mx.alpha.example:
  DNS? beta.example MX
  DNS: 10 mx.beta.example.

mx.alpha.example calls mx.beta.example from 192.0.2.25 (SMTP, port 25)
  S: 220 mx.beta.example ESMTP
     -> GREETED
  C: EHLO mx.alpha.example
     -> READY
  S: 250-mx.beta.example
  S: 250-STARTTLS
  S: 250 ENHANCEDSTATUSCODES
  C: STARTTLS
  S: 220 2.0.0 now TLS
     TLS handshake
| C: EHLO mx.alpha.example
| S: 250 mx.beta.example
| C: MAIL FROM:<alice@alpha.example>
|    -> MAIL
| S: 250 2.1.0 sender ok
| C: RCPT TO:<bob@beta.example>
|    -> RCPT
| S: 250 2.1.5 recipient ok
| C: DATA
| S: 354 end with a dot
|    -> DATA
| C: From: <alice@alpha.example>
| C: To: <bob@beta.example>
| C: Subject: Hello
| C:
| C: Hi Bob
| C: .
|    receive: 550 5.7.26 rejected
|      SPF, MAIL FROM: fail
|        DNS? alpha.example TXT
|        DNS: v=spf1 ip4:192.0.2.0/24 -all
|        DNS? alpha.example A
|        DNS: no such name
|        refused: The line is longer than 512 octets. [RFC 2449 §4]
| S: 550 5.7.26 rejected by the policy of alpha.example, whose people
| S+  never use this host
| C: QUIT
|    -> CLOSED
| S: 221 2.0.0 goodbye
|    (mx.alpha.example hangs up)
""")


def test_folded_to_commands_and_their_replies():
    assert transcript(delivery(refuse=True), level="exchange", width=90).splitlines()[6:] == block("""
mx.alpha.example calls mx.beta.example from 192.0.2.25 (SMTP, port 25)
  C: EHLO mx.alpha.example                     S: 250 ENHANCEDSTATUSCODES
  C: STARTTLS                                  S: 220 2.0.0 now TLS
| C: EHLO mx.alpha.example                     S: 250 mx.beta.example
| C: MAIL FROM:<alice@alpha.example>           S: 250 2.1.0 sender ok
| C: RCPT TO:<bob@beta.example>                S: 250 2.1.5 recipient ok
| C: DATA
| S: 550 5.7.26 rejected by the policy of alpha.example, whose people never use this host
| C: QUIT                                      S: 221 2.0.0 goodbye
""")


def test_folded_to_conversations_and_to_journeys():
    assert transcript(delivery(refuse=True), level="conversation", width=120).splitlines() == block("""
alice@alpha.example writes to bob@beta.example: refused

-- 0:01:00 on the lab's clock
  relay to bob@beta.example: 550 5.7.26 rejected
    mx.alpha.example calls mx.beta.example from 192.0.2.25 (SMTP, port 25): 7 commands, TLS, 1 refused
""")
    assert transcript(delivery(), level="journey").splitlines() == block("""
alice@alpha.example writes to bob@beta.example: queued
  relay to bob@beta.example: delivered
""")


def test_a_question_without_a_call_has_its_steps_and_sections():
    assert transcript(judgement(), numbers=True, width=80).splitlines() == block("""
    0 check_host(203.0.113.66, alpha.example): temperror
    1   DNS? alpha.example TXT
    2   DNS: v=spf1 include:_spf.alpha.example -all
    3   check_host(203.0.113.66, _spf.alpha.example): temperror
    4     DNS? _spf.alpha.example TXT
    5     DNS: no answer came
    6     temperror: include is not a command of the SPF state, so the answer is
            -ERR and nothing else happens. [RFC 1939 §3]
""")


def test_time_passes_and_nobody_answers():
    lines = transcript(retries()).splitlines()
    assert lines.count("mx.alpha.example calls mx.beta.example (SMTP, port 25): nobody answers") == 2
    assert "-- 0:15:00 on the lab's clock" in lines and "-- 0:30:00 on the lab's clock" in lines
    assert "  => the mailbox of bob@beta.example: messages 1, 2 + \\Seen $Junk" in lines
    assert "  => the mailbox of bob@beta.example loses message 2" in lines


def test_a_call_of_real_machines():
    lines = transcript(fetched(), level="message").splitlines()
    assert lines[:4] == block("""
bob@beta.example calls pop.beta.example from 198.51.100.10 (POP3, port 110)
  S: +OK pop.beta.example POP3 server ready
     -> AUTHORIZATION
  C: CAPA
""")
    assert "| C: PASS lab-bob" in lines and "  C: STLS" in lines, "the wall stands from the handshake on"
    at = lines.index("| C: RETR 1")
    assert lines[at + 1 : at + 7] == block("""
| S: +OK 38 octets
| S: Subject: Lunch 1
| S:
| S: ..
| S: See you soon.
| S: .
""")


def test_a_call_that_one_types_into_has_both_sides():
    trace = Trace()
    number = Pen(trace, MX, f"{MX}:25/1")(Accept("203.0.113.66"))
    server = Pen(trace, MX, f"{MX}:25/1", number)
    server(Say(b"220 hello\r\n"), Hear(b"NOOP\r\n"), Say(b"250 ok\r\n"))
    assert transcript(trace).splitlines() == block("""
203.0.113.66 calls mx.beta.example (SMTP, port 25)
  S: 220 hello
  C: NOOP
  S: 250 ok
""")


# -- levels --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("story", [delivery, fetched, judgement, retries])
def test_each_level_shows_what_the_one_before_it_showed(story):
    seen: set[str] = set()
    for level in LEVELS:
        steps = {line[:5] for line in transcript(story(), level=level, numbers=True).splitlines()} - {"     ", ""}
        assert {step for step in steps if step.strip().isdigit()} >= seen - {"     "}
        seen = {step for step in steps if step.strip().isdigit()} if level != "exchange" else seen
    assert len(seen) > 5


def test_a_level_that_there_is_not():
    with pytest.raises(LabError, match="level is one of journey, conversation, exchange, message, decision, bytes"):
        transcript(delivery(), level="detail")


@a_level
def test_nothing_happened(level):
    assert transcript(Trace(), level=level) == ""


@a_level
@pytest.mark.parametrize("story", [delivery, fetched, judgement, retries])
def test_numbers_are_those_of_the_steps(level, story):
    trace = story()
    for line in transcript(trace, level=level, numbers=True).splitlines():
        number, rest = line[:6].strip(), line[6:].lstrip(" |")
        if number.isdigit() and rest.startswith(("C: ", "S: ")):
            act = trace.step(int(number)).act
            if isinstance(act, Say | Hear):
                assert act.data.decode().startswith(rest[3:])


def test_octets_in_hex_with_what_a_tap_sees_beside_them():
    text = transcript(delivery(), level="bytes")
    lines = text.splitlines()
    at = lines.index("| C: EHLO mx.alpha.example")
    assert lines[at + 1 : at + 7] == block("""
|    000000  45 48 4c 4f 20 6d 78 2e 61 6c 70 68 61 2e 65 78  EHLO mx.alpha.ex
|    000010  61 6d 70 6c 65 0d 0a                             ample..
|    on the wire, from the client: 43 octets of TLS
|    000000  17 03 03 33 33 33 33 33 33 33 33 33 33 33 33 33  ...3333333333333
|    000010  33 33 33 33 33 33 33 33 33 33 33 33 33 33 33 33  3333333333333333
|    000020  33 33 33 33 33 33 33 33 33 33 33                 33333333333
""")
    shaken = lines.index("     TLS handshake")
    assert lines[shaken + 1] == f"|    on the wire, from the client: {len(HELLO)} octets of TLS"
    assert [line for line in lines[shaken:at] if "on the wire" in line][1:] == [
        "|    on the wire, from the server: 32 octets of TLS",
        "|    on the wire, from the client: 9 octets of TLS",
    ]
    assert "|          maildrop = bob@beta.example" in lines


def test_a_long_message_is_cut_where_one_reads_and_whole_where_one_counts_octets():
    letter = LETTER + b"line\r\n" * 200
    short = transcript(delivery(letter=letter), level="message")
    assert short.count("C: line") < 40 and re.search(r"C: … \(\d+ more lines; 1282 octets in all\)", short)
    assert transcript(delivery(letter=letter), level="bytes").count("C: line") == 200


# -- width ---------------------------------------------------------------------------------------------------------


@a_level
@pytest.mark.parametrize("width", [40, 63, 80, 100, 200])
def test_no_line_is_wider_than_asked(level, width):
    for trace in (delivery(), fetched(), judgement(), retries(), hostile("見" * 30)):
        for numbers in (False, True):
            for line in transcript(trace, level=level, width=width, numbers=numbers).splitlines():
                hexadecimal = width < 63 and re.search(r"  [0-9a-f]{2} ", line)  # eight octets a line are the least
                assert cells(line) <= width or hexadecimal, line


def test_a_section_is_not_torn():
    for width in range(40, 120):
        assert "[RFC 1939 §3]" in transcript(judgement(), width=width)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.text(st.sampled_from("ab é見\u0301\x1b\u202e\\"), max_size=150), min_size=1, max_size=5),
    st.integers(40, 70),
)
def test_no_letter_of_the_wire_is_lost_at_a_cut(texts, width):
    trace = Trace()
    number = Pen(trace, MX, f"{MX}:25/1")(Accept("203.0.113.66"))
    data = "".join(f"{text}\r\n" for text in texts).encode()
    Pen(trace, MX, f"{MX}:25/1", number)(Hear(data))
    heard = []
    lines = transcript(trace, width=width).splitlines()
    for line in lines[next(number for number, line in enumerate(lines) if line.startswith("  C:")) :]:
        assert line[:4] in ("  C:", "  C+") and cells(line) <= width
        if line[3] == ":":
            heard.append("")
        heard[-1] += line[5:]
    spelt = [text.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e") for text in texts]
    assert [text.replace(" ", "") for text in heard] == [text.replace(" ", "") for text in spelt]


@pytest.mark.parametrize("text, wide", [("", 0), ("abc", 3), ("é", 1), ("e\u0301", 1), ("見積", 4), ("ﾐ", 1)])
def test_how_wide_letters_are_in_a_terminal(text, wide):
    assert cells(text) == wide


@settings(max_examples=200)
@given(st.text(st.sampled_from("abc  見é\u00a0"), max_size=80), st.integers(1, 20), st.integers(1, 20))
def test_words_are_wrapped_and_none_is_lost(text, first, rest):
    lines = list(wrapped(text, first, rest))
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    for number, line in enumerate(lines):
        assert cells(line) <= (rest if number else first) or len(line) == 1


@pytest.mark.parametrize(
    "seconds, told",
    [
        (0, "0:00:00"),
        (59.6, "0:01:00"),
        (3725, "1:02:05"),
        (86_400, "1 day 0:00:00"),
        (432_001, "5 days 0:00:01"),
        (float("inf"), "for ever"),
    ],
)
def test_hours(seconds, told):
    assert hours(seconds) == told


# -- a message is hostile text ---------------------------------------------------------------------------------------

EVIL = ["\x1b[2J\x1b]0;owned\x07", "a\u202eb\u2066c\u200b", "x\r\ny\n-- z\x85\u2028w", "\x00\x7f\ud800", "% {0} %s"]


@a_level
@pytest.mark.parametrize("words", EVIL, ids=ascii)
def test_hostile_words_are_spelt_out_in_every_place(level, words):
    text = transcript(hostile(words), level=level)
    assert all(line.isprintable() for line in text.split("\n"))


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(exclude_categories=()), max_size=40), st.sampled_from(LEVELS))
def test_so_are_any_words(words, level):
    assert all(line.isprintable() for line in transcript(hostile(words), level=level).split("\n"))


def test_a_line_of_ours_cannot_be_imitated():
    """Whoever writes a message with line ends and "S: 250" in it gets no line that begins like a server's."""
    lines = transcript(delivery(letter=b"Subject: x\r\n\r\nS: 250 forged\r\n| S: forged\n  S: forged\r\n")).splitlines()
    assert not [line for line in lines if "forged" in line and not line.startswith("| C: ")]


def test_ten_thousand_steps_take_seconds_at_most():
    import time

    trace = Trace()
    for call in range(100):
        number = Pen(trace, MX, f"{MX}:25/{call}")(Accept("203.0.113.66"))
        server = Pen(trace, MX, f"{MX}:25/{call}", number)
        for _ in range(50):
            server(Hear(b"NOOP\r\n"), Say(b"250 ok\r\n"))
    began = time.process_time()
    for level in LEVELS:
        transcript(trace, level=level)
    assert time.process_time() - began < 10


def test_a_mail_of_the_lab_with_every_record_of_tls_once():
    mail = mailedu.Lab(seed=1).send(ALICE, "bob@beta.example", subject="Hello", text="Hi Bob")
    sealed = transcript(mail.trace, level="bytes").count("octets of TLS\n")
    assert sealed == len(mail.trace.only(Cipher)) > 20
    lines = transcript(mail.trace).splitlines()
    assert "| C: Subject: Hello" in lines and "|      SPF, MAIL FROM: pass" in lines
    assert any(line.startswith("|      => into the mailbox of bob@beta.example") for line in lines)


@settings(max_examples=200, deadline=None)
@given(traces(), st.sampled_from(LEVELS), st.sampled_from([None, 1, 3]))
def test_any_acts_in_any_tree_can_be_told(trace, level, keep):
    """Also what no machine would do, and what is left of it when the oldest steps were dropped."""
    trace.cap(keep, None)
    lines = transcript(trace, level=level, width=50).split("\n")
    assert all(line.isprintable() for line in lines)


def test_a_state_is_called_by_the_name_that_it_is_shown_by():
    """After USER the table has another state, and the RFC has none; what silence leads to stands after the silence."""
    pop = mailedu.Lab(seed=1).pop3("bob@beta.example")
    for line in ("USER bob", "PASS lab-bob", "NOOP"):
        pop.send(line)
    pop.lab.clock.advance(minutes=10)
    states = [line.strip() for line in str(pop).splitlines() if "->" in line]
    assert states == ["-> AUTHORIZATION", "-> TRANSACTION", "-> CLOSED"]
    assert "     -> PASSWORD" in transcript(pop.trace).splitlines()
    assert str(pop).index("on the lab's clock") < str(pop).index("10 minutes of silence") < str(pop).index("-> CLOSED")
