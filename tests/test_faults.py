"""What goes wrong because somebody asked for it: every point, protocol and attempt; an input, and told as such."""

from __future__ import annotations

import pytest
from mta_stage import ALICE, BOB

from mailedu import DnsTimeout, Lab, LabError
from mailedu.acts import Rule, Say
from mailedu.lab.faults import DNS, Addresses, Fault, by_address, numbers
from mailedu.rules import sentence

ALPHA, BETA, POP, IMAP = "mx.alpha.example", "mx.beta.example", "pop.beta.example", "imap.beta.example"


@pytest.fixture
def lab() -> Lab:
    return Lab(seed=1, tls=False, opinions=False)


def come_true(lab: Lab) -> list[Rule]:
    """The faults that the trace tells of."""
    return [step.act for step in lab.trace.only(Rule) if step.act.name in ("lab.fault", "lab.dns-fault")]


# -- by address


@pytest.mark.parametrize(
    "local, command, kind, more",
    [
        ("450", "RCPT", "error", {"reply": "450 4.2.1 this mailbox is busy"}),
        ("559", "RCPT", "error", {"reply": "559 5.0.0 as this address says"}),
        ("421", "RCPT", "error", {}),
        ("552-after-data", ".", "error", {"after": False}),
        ("452-at-data", "DATA", "error", {}),
        ("450-once", "RCPT", "error", {"attempts": (1,)}),
        ("450-twice", "RCPT", "error", {"attempts": (1, 2)}),
        ("450-3-times", "RCPT", "error", {"attempts": (1, 2, 3)}),
        ("timeout", "RCPT", "silence", {"after": False}),
        ("timeout-in-data", ".", "silence", {"after": False}),
        ("timeout-after-data", ".", "silence", {"after": True}),
        ("disconnect", "RCPT", "disconnect", {}),
        ("disconnect-at-data-once", "DATA", "disconnect", {"attempts": (1,)}),
        ("disconnect-after-data", ".", "disconnect", {"after": True}),
        ("delay-90", "RCPT", "delay", {"seconds": 90.0}),
        ("Delay-90-After-Data-Twice", ".", "delay", {"seconds": 90.0, "after": True, "attempts": (1, 2)}),
    ],
)
def test_an_address_says_what_goes_wrong(local, command, kind, more) -> None:
    fault = by_address(f"{local}@Beta.Example")
    assert (fault.host, fault.command, fault.kind) == ("mx.beta.example:25", command, kind)
    assert fault.recipient == f"{local}@beta.example".lower()
    assert {name: getattr(fault, name) for name in more} == more


@pytest.mark.parametrize(
    "address",
    [
        "bob@beta.example", "450@gamma.example", "250@beta.example", "4500@beta.example", "577@beta.example",
        "450-often@beta.example", "450-0-times@beta.example", "timeout-2@beta.example", "greylist@beta.example",
        "delay@beta.example",        "450@sub.beta.example", "x450@beta.example", "450", "", "450-at-mail@beta.example",
    ],
)  # fmt: skip
def test_other_addresses_say_nothing(address) -> None:
    assert by_address(address) is None


def test_such_addresses_have_a_mailbox_and_are_not_listed() -> None:
    people = Addresses([BOB])
    assert BOB in people and "450-once@beta.example" in people and "greylist@beta.example" in people
    assert "nobody@beta.example" not in people and 7 not in people
    assert list(people) == [BOB] and len(people) == 1


@pytest.mark.parametrize("code", ["421", "450", "451", "452", "550", "551", "552", "553", "554", "557"])
def test_every_code_can_be_provoked_by_hand(lab, code) -> None:
    smtp = lab.smtp(BETA)
    for line in ("EHLO x.example", "MAIL FROM:<eve@x.example>"):
        smtp.send(line)
    reply = smtp.send(f"RCPT TO:<{code}@beta.example>")
    assert reply.startswith(f"{code} {code[0]}.")
    assert smtp.state == ("CLOSED" if code == "421" else "MAIL")
    [rule] = come_true(lab)
    assert "A fault that somebody asked for" in sentence(rule) and code in sentence(rule)


def test_greylist_at_beta_wants_to_be_asked_twice(lab) -> None:
    mail = lab.send(ALICE, "greylist@beta.example")
    assert not mail.delivered
    lab.clock.advance(minutes=15)
    assert mail.delivered == ("greylist@beta.example",)


def test_disconnect_after_data_doubles_mail_as_often_as_it_says(lab) -> None:
    lab.send(ALICE, "disconnect-after-data-twice@beta.example")
    lab.clock.advance(hours=2)
    assert len(lab.mailbox("disconnect-after-data-twice@beta.example")) == 3


def test_a_delay_that_is_longer_than_the_client_s_patience_doubles_mail_too(lab) -> None:
    lab.send(ALICE, "delay-700-after-data-once@beta.example")
    lab.send(ALICE, "delay-500-after-data-once@beta.example")
    lab.clock.advance(hours=2)
    assert len(lab.mailbox("delay-700-after-data-once@beta.example")) == 2
    assert len(lab.mailbox("delay-500-after-data-once@beta.example")) == 1


# -- by host, command and attempt


@pytest.mark.parametrize(
    "attempts, wrong",
    [(None, [1, 2, 3, 4]), (1, [1]), (2, [1, 2]), ([2], [2]), ([1, 3], [1, 3]), (range(2, 5), [2, 3, 4])],
)
def test_which_attempts_go_wrong(lab, attempts, wrong) -> None:
    lab.faults.error(BETA, "noop", "451 4.3.0 no", attempts=attempts)
    smtp = lab.smtp(BETA)
    smtp.send("EHLO x.example")
    replies = [smtp.send("NOOP") for _ in range(4)]
    assert [number for number, reply in enumerate(replies, 1) if reply == "451 4.3.0 no"] == wrong
    assert len(come_true(lab)) == len(wrong)


def test_a_fault_is_of_one_host_one_port_and_one_recipient(lab) -> None:
    lab.faults.error(f"{ALPHA}:25", "MAIL")
    lab.faults.error(BETA, "RCPT", recipient="BELLA@beta.example")
    mail = lab.send(ALICE, [BOB, "bella@beta.example"])
    assert mail.delivered == (BOB,)
    assert mail.reply.startswith("250")


@pytest.mark.parametrize("reply, state", [("421 4.3.2 full", "CLOSED"), ("554 5.3.2 no", "NO SERVICE")])
def test_a_greeting_can_say_no(lab, reply, state) -> None:
    lab.faults.error(BETA, "greeting", reply)
    smtp = lab.smtp(BETA)
    assert smtp.greeting.startswith(reply[:3]) and smtp.state == state


def test_every_command_of_smtp_can_go_wrong_in_every_way(lab) -> None:
    said = ["EHLO x.example", "MAIL FROM:<a@x.example>", f"RCPT TO:<{BOB}>", "DATA", b"\r\n.\r\n", "NOOP", "QUIT"]
    for line in said:
        command = line.split()[0] if isinstance(line, str) else "."
        for kind in ("error", "disconnect", "silence", "delay"):
            lab.faults.clear()
            getattr(lab.faults, kind)(BETA, command, *([30] if kind == "delay" else []))
            smtp = lab.smtp(BETA)
            for before in said[: said.index(line)]:
                smtp.send(before)
            reply = smtp.send(line)
            assert reply[:1] == ("4" if kind == "error" else ""), (command, kind)
            lab.clock.advance(30)
            after = smtp.send("RSET")
            assert after[:1] == "2" if kind == "error" else bool(after) == (kind == "delay"), (command, kind)


def test_pop3_and_imap_too(lab) -> None:
    lab.send(ALICE, BOB, text="Hi")
    lab.faults.error(POP, "RETR", "-ERR [SYS/TEMP] not now", attempts=1)
    pop = lab.pop3(BOB)
    for line in (f"USER {BOB}", f"PASS {lab.password(BOB)}"):
        pop.send(line)
    assert pop.send("RETR 1") == "-ERR [SYS/TEMP] not now"
    assert pop.send("RETR 1").startswith("+OK")
    lab.faults.disconnect(POP, "QUIT", after=True)
    pop.send("DELE 1")
    assert pop.send("QUIT") == ""
    lab.faults.error(IMAP, "select", "NO [UNAVAILABLE] not now", attempts=1)
    lab.faults.delay(IMAP, "UID FETCH", 5, after=True)
    imap = lab.imap(BOB)
    imap.send(f"a LOGIN {BOB} {lab.password(BOB)}")
    assert imap.send("b SELECT INBOX") == "b NO [UNAVAILABLE] not now"
    assert "b OK" in imap.send("b SELECT INBOX")
    assert imap.send("c UID FETCH 1:* FLAGS") == ""
    lab.clock.advance(5)
    assert "c OK" in imap.send("d NOOP")


def test_a_thin_line_takes_its_time_and_says_the_same(lab) -> None:
    lab.faults.throttle(BETA, 50)
    mail = lab.send(ALICE, BOB, text="x" * 1000, read=False)
    assert not mail.delivered
    lab.clock.advance(minutes=5)
    assert mail.delivered == (BOB,)
    thin = [step.act.data for step in lab.trace.only(Say) if step.actor == BETA]
    other = Lab(seed=1, tls=False, opinions=False)
    other.send(ALICE, BOB, text="x" * 1000, read=False)
    assert b"".join(thin) == b"".join(step.act.data for step in other.trace.only(Say) if step.actor == BETA)
    assert max(map(len, thin)) <= 50
    lab.faults.throttle(BETA, 0)
    assert lab.send(ALICE, BOB, read=False).delivered


def test_a_very_thin_line_has_few_pieces(lab) -> None:
    lab.faults.throttle(POP, 0.5)
    pop = lab.pop3(BOB)
    lab.clock.advance(minutes=3)
    pop.send("CAPA")
    lab.clock.advance(minutes=9)
    assert "\n." in pop.send("NOOP")
    assert len([step for step in lab.trace.only(Say) if step.actor == POP]) < 120


# -- the DNS


@pytest.mark.parametrize("how", DNS)
def test_dns_faults_are_told_where_they_are_met(lab, how) -> None:
    lab.faults.dns("beta.example", "MX", how)
    assert repr(lab.faults) == f"the DNS, beta.example MX: {DNS[how]}"
    lab.send(ALICE, BOB)
    [rule] = come_true(lab)
    assert (rule.outcome, rule.because) == ("DnsTimeout", {"name": "beta.example", "type": "MX", "what": DNS[how]})
    assert not come_true(Lab(seed=1))


def test_who_breaks_the_zone_by_hand_is_told_too(lab) -> None:
    lab.zone.fault("_dmarc.alpha.example", "TXT", DnsTimeout())
    lab.send(ALICE, BOB)
    assert {rule.because["name"] for rule in come_true(lab)} == {"_dmarc.alpha.example"}


# -- what is on


def test_the_list_says_what_is_on_and_clear_ends_it(lab) -> None:
    assert not lab.faults and repr(lab.faults) == "nothing goes wrong but what is wrong"
    lab.faults.error(BETA, "RCPT", "450 4.2.1 not now", attempts=2)
    lab.faults.disconnect(BETA, ".", after=True, recipient=BOB)
    lab.faults.silence(f"{ALPHA}:587", "greeting")
    lab.faults.delay(POP, "RETR", 90)
    lab.faults.throttle(IMAP, 100)
    lab.zone.fault("beta.example", "TXT")
    assert list(lab.faults) == [
        "mx.beta.example, at RCPT: 450 4.2.1 not now (attempt 1, 2)",
        "mx.beta.example, after the end of a message for bob@beta.example: the line is cut",
        "mx.alpha.example:587, at the greeting: no reply",
        "pop.beta.example, at RETR: 90 seconds late",
        "imap.beta.example: 100 octets a second",
        "the DNS, beta.example TXT: DnsTimeout",
    ]
    assert len(lab.faults) == 6 and lab.faults
    lab.faults.clear(BETA)
    assert len(lab.faults) == 4
    lab.faults.clear()
    assert not lab.faults and lab.send(ALICE, BOB).delivered == (BOB,)


def test_they_are_inputs_so_back_and_fork_do_them_again(lab) -> None:
    lab.faults.error(BETA, "NOOP", attempts=[2])
    smtp = lab.smtp(BETA)
    replies = [smtp.send(line) for line in ("EHLO x.example", "NOOP", "NOOP", "NOOP")]
    assert [reply[0] for reply in replies] == ["2", "2", "4", "2"]
    smtp.back(to=2)
    assert smtp.send("NOOP").startswith("450")
    other = smtp.fork(at=2)
    assert other.send("NOOP").startswith("450")
    assert other.lab.trace == lab.trace
    assert repr(other.lab.faults) == repr(lab.faults)
    names = [past.name for past in lab.inputs]
    assert names[0] == "fault" and "fault('mx.beta.example', 'NOOP', 'error', (2,)" in str(lab.inputs[0])


def test_a_fault_that_is_asked_for_again_counts_again(lab) -> None:
    smtp = lab.smtp(BETA)
    for _ in range(2):
        lab.faults.error(BETA, "NOOP", attempts=1)
        assert [smtp.send("NOOP")[0] for _ in range(2)] == ["4", "2"]
        lab.faults.clear()


# -- bad input


@pytest.mark.parametrize(
    "ask, says",
    [
        (lambda faults: faults.error("mx.nowhere.example", "RCPT"), "no host"),
        (lambda faults: faults.error(f"{BETA}:26", "RCPT"), "Nobody listens"),
        (lambda faults: faults.error(BETA, "RETR"), "no command 'RETR'"),
        (lambda faults: faults.error(POP, "RCPT"), "no command 'RCPT'"),
        (lambda faults: faults.error(POP, "."), "no command '.'"),
        (lambda faults: faults.error(BETA, "RCPT", "250 fine"), "begins with 4 or 5"),
        (lambda faults: faults.error(BETA, "RCPT", "no"), "begins with 4 or 5"),
        (lambda faults: faults.error(BETA, "RCPT", "450 a\r\n250 b"), "one line"),
        (lambda faults: faults.error(BETA, "RCPT", "450 " + "x" * 500), "one line"),
        (lambda faults: faults.error(IMAP, "SELECT", "OK fine"), "NO or BAD"),
        (lambda faults: faults.error(BETA, "RCPT", attempts=0), "attempts is"),
        (lambda faults: faults.error(BETA, "RCPT", attempts=[]), "attempts is"),
        (lambda faults: faults.error(BETA, "RCPT", attempts=["1"]), "attempts is"),
        (lambda faults: faults.error(BETA, "RCPT", attempts=-3), "attempts is"),
        (lambda faults: faults.delay(BETA, "RCPT", 0), "number of seconds"),
        (lambda faults: faults.delay(BETA, "RCPT", -1), "number of seconds"),
        (lambda faults: faults.delay(BETA, "RCPT", float("nan")), "number of seconds"),
        (lambda faults: faults.throttle(BETA, -1), "octets a second"),
        (lambda faults: faults.throttle("x", 1), "no host"),
        (lambda faults: faults.dns("beta.example", "MX", "broken"), "timeout, servfail, lame, truncated"),
        (lambda faults: faults.dns("", "MX"), "not a domain name"),
        (lambda faults: faults.clear("x"), "no host"),
    ],
)
def test_what_cannot_go_wrong_is_said_so(lab, ask, says) -> None:
    with pytest.raises(LabError, match=says):
        ask(lab.faults)
    assert not lab.inputs and not lab.faults


def test_attempts() -> None:
    assert numbers(None) == [] and numbers(2) == [1, 2] and numbers({3}) == [3]


def test_a_setting_that_is_wrong_changes_nothing(lab) -> None:
    for wrong in ({"open": True}, {"via": "mx.nowhere.example"}, {"without": ["X"]}, {"greylist": "long"}):
        with pytest.raises(LabError):
            lab.configure(BETA, **wrong)
    with pytest.raises(LabError, match="no setting 'open_relay'"):
        lab.configure(POP, open_relay=True)
    with pytest.raises(LabError, match="no host"):
        lab.configure("mx.nowhere.example", open_relay=True)
    assert not lab.inputs and lab.send(ALICE, BOB).delivered == (BOB,)


def test_a_fault_in_words() -> None:
    assert str(Fault(BETA, "RCPT", "silence", recipient=BOB)) == f"{BETA}, at RCPT for {BOB}: no reply"


# -- on real sockets


def test_on_real_sockets_too(lab) -> None:
    lab.faults.error(BETA, "RCPT", "450 4.2.1 not now", attempts=1)
    lab.faults.disconnect(BETA, "MAIL", attempts=[2])
    with lab.serve():
        mail = lab.send(ALICE, BOB, read=False)
        assert not mail.delivered
        lab.clock.advance(minutes=15)
        assert not mail.delivered
        lab.restart(ALPHA)
        assert mail.delivered == (BOB,)
        assert len(come_true(lab)) == 2
