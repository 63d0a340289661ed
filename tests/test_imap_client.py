"""Our IMAP client against our server, and against what other servers say."""

import pytest
from imap_stage import BOB, call, letter, stage
from pump import converse

from mailedu.acts import Connect, Flag, Hangup, Hear, Open, Refused, Say, Store, Upgrade
from mailedu.imap import read_mail, read_newest
from mailedu.imap.client import Reply, bodies, exists, numbers


def read(here, script=read_newest, *, user="bob", password="lab-bob", tls="", port_options=None, **more):
    script = script("imap.beta.example", 143, user, password, tls, **more)
    return converse(here, script, lambda: call(here, **(port_options or {})))


def flags(here) -> list[set[str]]:
    return [set(message.flags) for message in here.boxes[BOB].messages.values()]


def test_read_the_newest_and_change_nothing():
    here = stage(3)
    before = here.boxes[BOB].modseq
    message, acts, server = read(here)
    assert message == letter(3) and here.boxes[BOB].modseq == before and not server.only(Flag)
    assert isinstance(acts[0], Connect) and isinstance(acts[-1], Hangup) and server.states[-1] == "LOGOUT"
    assert [act.title for act in server.only(Open)] == ["CAPABILITY", "LOGIN", "SELECT", "FETCH", "LOGOUT"]


@pytest.mark.parametrize("data", [b"", b"A: b\r\n\r\n)\r\na4 OK no\r\n", b"\0\xff\r\n{3}\r\n", b"x" * 200_000])
def test_whatever_a_message_holds(data):
    here = stage(0)
    here.change(Store(BOB, data))
    assert read(here)[0] == data


def test_nothing_in_an_empty_mailbox():
    message, _, server = read(stage(0))
    assert message == b"" and server.states[-1] == "LOGOUT"


def test_read_all_or_the_unseen_ones_and_mark_them():
    here = stage(3)
    here.change(Flag(BOB, (2,), "+", ("\\Seen",)))
    assert read(here, read_mail, unseen=True)[0] == [letter(1), letter(3)]
    assert flags(here) == [{"\\Seen"}] * 3
    assert read(here, read_mail)[0] == [letter(1), letter(2), letter(3)]


def test_tls():
    message, acts, _ = read(stage(1), tls="starttls", port_options={"tls": True})
    said = b"".join(act.data for act in acts if isinstance(act, Say))
    assert message == letter(1) and said.index(b"STARTTLS") < said.index(b"LOGIN")
    message, acts, _ = read(stage(1), tls="implicit", port_options={"implicit": True})
    assert message == letter(1) and acts[1] == Upgrade("imap.beta.example")


def test_no_password_without_the_tls_that_was_asked_for_or_that_is_needed():
    for tls, options in [("starttls", {}), ("", {"tls": True, "login_disabled": True})]:
        here = stage(1)
        with pytest.raises(Refused, match=r"STARTTLS|without TLS"):
            read(here, tls=tls, port_options=options)
        [server] = here.calls
        assert b"lab-bob" not in b"".join(act.data for act in server.only(Hear))


def test_names_and_passwords_that_no_quoted_string_can_hold():
    message, acts, _ = read(stage(1), user="jörg", password="grün")
    assert message == letter(1) and any(b"AUTHENTICATE PLAIN" in act.data for act in acts if isinstance(act, Say))
    assert read(stage(1), user='a "b\\', password="x y")[0] == letter(1)


def test_a_wrong_password_is_told():
    with pytest.raises(Refused, match="AUTHENTICATIONFAILED"):
        read(stage(1), password="wrong")


def test_what_servers_say():
    assert exists(Reply(b"", [b"* FLAGS ()\r\n", b"* 3 exists\r\n"])) == 3 and exists(Reply()) == 0
    assert list(numbers(Reply(b"", [b"* SEARCH\r\n", b"* SEARCH 2 5\r\n", b"* 4 EXISTS\r\n"]))) == [2, 5]
    told = [b'* 1 FETCH (UID 7 FLAGS (\\Seen) BODY[] "a\\"b")\r\n', b"* 2 FETCH (BODY[] {3}\r\nabc UID 8)\r\n"]
    assert bodies(Reply(b"", [*told, b"* 2 FETCH (FLAGS ())\r\n", b"* 9 EXPUNGE\r\n"])) == [b'a"b', b"abc"]
