"""POP3 in the lab: servers set otherwise, lines that break, and a mailbox that other protocols read too."""

import pytest

from mailedu import Lab, LabError
from mailedu.acts import Remove

BOB, POP = "bob@beta.example", "pop.beta.example"


def full_lab(**options) -> Lab:
    lab = Lab(seed=6, tls=False, opinions=False, **options)
    for subject in ("Lunch", "Invoice", "Photos"):
        lab.send("alice@alpha.example", BOB, subject=subject, text="See you soon.", read=False)
    return lab


def log_in(lab):
    pop = lab.pop3(BOB)
    pop.send("USER bob")
    assert pop.send("PASS lab-bob").startswith("+OK")
    return pop


def test_a_pop3_server_can_be_set_otherwise() -> None:
    house = {POP: {"keeps_nothing": True, "tells_count": False, "login_delay": 60}}
    lab = full_lab(settings=house)
    pop = log_in(lab)
    assert pop.exchanges[2][1] == "+OK maildrop open"
    assert {"EXPIRE 0", "LOGIN-DELAY 60"} <= set(pop.fork().send("CAPA").splitlines())
    pop.send("RETR 1")
    pop.hangup()
    assert len(lab.mailbox(BOB)) == 3
    lab.clock.advance(60)
    pop = log_in(lab)
    pop.send("RETR 1")
    assert pop.send("QUIT") == "+OK 1 message removed, goodbye" and len(lab.mailbox(BOB)) == 2
    again = lab.pop3(BOB)
    again.send("USER bob")
    assert again.send("PASS lab-bob").startswith("-ERR [LOGIN-DELAY]")


def test_a_setting_that_no_pop3_server_has_is_told() -> None:
    with pytest.raises(LabError, match="no setting 'most_mails': there are keeps_nothing"):
        Lab(settings={POP: {"most_mails": 1}})


@pytest.mark.parametrize("what, remain", [("request", 3), ("reply", 2)])
def test_the_next_quit_is_lost_and_only_that_one(what, remain) -> None:
    lab = full_lab()
    lab.lose("quit", what, host=POP)
    pop = log_in(lab)
    for line in ("DELE 2", "NOOP"):
        assert pop.send(line).startswith("+OK")
    assert pop.fork().send("QUIT") == ""  # also in another future of the same past
    assert pop.send("QUIT") == "" and pop.send("NOOP") == "" and pop.state == "CLOSED"
    assert len(lab.mailbox(BOB)) == remain
    assert len([step for step in lab.trace.only(Remove) if step.act.box == BOB]) == 3 - remain
    assert log_in(lab).send("QUIT").startswith("+OK")
    pop.back(to=3)  # the fault is there again
    assert pop.send("QUIT") == "" and len(lab.mailbox(BOB)) == remain


def test_a_line_that_is_dead_already_loses_nothing_more() -> None:
    lab = full_lab()
    pop = log_in(lab)
    pop.hangup()
    lab.lose("QUIT", "request", host=POP)
    assert pop.send("QUIT") == ""
    assert lab.smtp("mx.beta.example").send("QUIT").startswith("221")
    assert log_in(lab).send("QUIT") == ""


def test_what_can_be_lost_is_told() -> None:
    with pytest.raises(LabError, match="request"):
        Lab().lose("QUIT", "everything", host=POP)
    with pytest.raises(LabError, match="no host"):
        Lab().lose("QUIT", "reply", host="pop.delta.example")


def test_an_imap_session_removes_what_pop3_has_under_a_number() -> None:
    lab = full_lab()
    pop, imap = log_in(lab), lab.imap(BOB)
    for line in ("a LOGIN bob lab-bob", "b SELECT INBOX", r"c STORE 1 +FLAGS (\Deleted)", "d EXPUNGE"):
        assert " OK " in imap.send(line)
    assert pop.send("STAT").startswith("+OK 3 ")
    assert pop.send("RETR 1") == "-ERR message 1 was removed by another session meanwhile"
    assert pop.send("RETR 2").startswith("+OK ")
    assert pop.send("DELE 1").startswith("-ERR") and pop.send("DELE 3").startswith("+OK")
    assert pop.send("QUIT") == "+OK 1 message removed, goodbye" and len(lab.mailbox(BOB)) == 1
    assert "EXPUNGE" in imap.send("e NOOP")
