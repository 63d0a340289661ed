"""The driver by itself: parts, waits, news, wires, TLS as a layer; with machines of a few lines."""

from __future__ import annotations

import pytest

from mailedu.acts import (
    NEWS,
    Ask,
    Cipher,
    Connect,
    DnsTimeout,
    Enter,
    Hear,
    Hungup,
    Listen,
    NXDomain,
    Open,
    Quiet,
    Rule,
    Say,
    Store,
    TlsFailed,
    Unreachable,
    Upgrade,
    Wait,
    Watch,
    call,
    nested,
)
from mailedu.net.drive import World
from mailedu.net.tls import client_context, server_context
from mailedu.wire import Lines

HOST = "mx.beta.example"


class Machine:
    """A machine made of a function."""

    state = ""

    def __init__(self, session) -> None:
        self.session = session


def echo():
    lines = Lines()
    try:
        while True:
            line = yield from lines.line()
            yield Hear(line)
            yield Say(b"you said " + line)
    except Hungup:
        yield Rule("smtp.hung-up")


def talk(*said: bytes):
    heard = []
    lines = Lines()
    for one in said:
        yield Say(one)
        heard.append((yield from lines.line()))
        yield Hear(heard[-1])
    return heard


@pytest.fixture
def world() -> World:
    world = World(lambda name, kind: [])
    world.listeners[HOST, 25] = lambda client: Machine(echo)
    return world


def play(world, acts, actor="me"):
    part = world.start(acts, actor)
    world.run()
    return part.value


def test_a_call_and_its_two_halves(world) -> None:
    assert play(world, call(HOST, 25, talk(b"a\r\n", b"b\r\n"))) == [b"you said a\r\n", b"you said b\r\n"]
    assert [step.act for step in world.trace if step.actor == HOST][-1] == Rule("smtp.hung-up")
    assert not world.parts


def test_nobody_listens_there(world) -> None:
    assert isinstance(play(world, call("mx.nowhere.example", 25, talk())), Unreachable)
    assert isinstance(world.trace[0].act, Connect)


@pytest.mark.parametrize("trouble", [NXDomain("x"), DnsTimeout("x")])
def test_trouble_of_the_dns_is_thrown_and_written_down(trouble) -> None:
    def dns(name, kind):
        raise trouble

    world = World(dns)

    def asks():
        try:
            yield Ask("x", "A")
        except type(trouble):
            return "caught"

    assert play(world, asks()) == "caught"
    assert world.trace[1].act.status == type(trouble).__name__
    assert world.trace[1].parent == 0


def test_time_wakes_who_waits_in_order(world) -> None:
    told = []

    def waits(seconds):
        yield Wait(seconds)
        told.append((seconds, world.clock.now))

    for seconds in 30, 10, 20:
        world.start(waits(seconds), f"w{seconds}")
    world.advance(25)
    assert told == [(10, 10), (20, 20)]
    assert world.clock.now == 25
    world.advance(5)
    assert told[-1] == (30, 30)


def test_a_wait_of_no_time_still_ends(world) -> None:
    def waits():
        yield Wait(0)
        return "done"

    part = world.start(waits(), "w")
    world.run()
    world.advance(0)
    assert part.value == "done"


def test_silence_is_thrown_as_quiet(world) -> None:
    def listens():
        try:
            yield Listen(seconds=60)
        except Quiet:
            yield Say(b"too long\r\n")

    world.listeners["quiet", 1] = lambda client: Machine(listens)
    wire, _ = world.plug("quiet", 1, "192.0.2.1")
    world.run()
    world.advance(59)
    assert not wire.inbox
    world.advance(1)
    assert bytes(wire.inbox) == b"too long\r\n"
    assert wire.closed


def test_news_is_a_bell_and_only_for_who_asks(world) -> None:
    heard = []

    def watcher(asks):
        def session():
            yield Watch("box")
            while True:
                answer = yield Listen(news=asks)
                heard.append((asks, answer))
                if answer is not NEWS:
                    return

        return session

    for asks in True, False:
        world.listeners[str(asks), 1] = lambda client, asks=asks: Machine(watcher(asks))
        world.plug(str(asks), 1, "192.0.2.1")
    world.run()

    def stores():
        receipt = yield Store("box", b"x")
        return receipt

    [change] = play(world, stores())
    assert (change.kind, change.uid) == ("added", 1)
    assert heard == [(True, NEWS)]


def test_who_changes_the_box_hears_no_bell_of_his_own(world) -> None:
    heard = []

    def session():
        yield Watch("box")
        yield Store("box", b"x")
        heard.append((yield Listen(news=True)))

    world.listeners["own", 1] = lambda client: Machine(session)
    wire, _ = world.plug("own", 1, "192.0.2.1")
    world.run()
    assert heard == []
    wire.close()
    world.run()
    assert heard == [b""]


def test_a_reader_is_started_by_what_its_box_gets(world) -> None:
    read = []

    def script(uid, message, note):
        read.append((uid, message, note))
        return
        yield

    world.readers["queue"] = script

    def stores():
        yield Store("queue", b"one", {"to": "x"})

    play(world, stores())
    assert read == [(1, b"one", {"to": "x"})]


def test_stepping_shows_each_step_before_it_is_performed(world) -> None:
    world.start(call(HOST, 25, talk(b"a\r\n")), "me")
    for number, step in enumerate(world.journey()):
        assert step is world.trace[number]
        if step.act == Say(b"a\r\n"):
            assert not [one for one in world.trace if one.act == Hear(b"a\r\n")]


def test_a_journey_left_half_way_goes_on(world) -> None:
    other = World(lambda name, kind: [])
    other.listeners.update(world.listeners)
    for each in world, other:
        each.start(call(HOST, 25, talk(b"a\r\n", b"b\r\n")), "me")
    steps = world.journey()
    for _ in range(3):
        next(steps)
    del steps
    world.run()
    other.run()
    assert world.trace == other.trace


def test_a_man_in_the_middle_is_a_function(world) -> None:
    world.taps.append(lambda conversation, sender, data: data.replace(b"a", b"x") if sender == "client" else data)
    assert play(world, call(HOST, 25, talk(b"a\r\n"))) == [b"you said x\r\n"]


def test_a_tap_may_drop_everything(world) -> None:
    world.taps.append(lambda conversation, sender, data: b"")
    part = world.start(call(HOST, 25, talk(b"a\r\n")), "me")
    world.run()
    assert part.value is None
    world.advance(300)
    assert isinstance(part.value, Quiet)


def test_two_parts_interleave_and_their_nesting_stays_apart(world) -> None:
    def work(name):
        yield Enter(name)
        yield Wait(1)
        yield Enter(name)

    for name in "one", "two":
        world.start(nested(name, work(name)), name)
    world.run()
    world.advance(2)
    for opened in world.trace.only(Open):
        assert {step.actor for step in world.trace.under(opened.number)} == {opened.actor}


# -- TLS


def secured(server_names=(HOST,), client_name=HOST):
    world = World(lambda name, kind: [])
    world.contexts = {"client": client_context(), "server": server_context(*server_names)}
    outcomes = []

    def server():
        lines = Lines()
        try:
            yield Upgrade()
        except TlsFailed as why:
            outcomes.append(("server", str(why)))
            return
        line = yield from lines.line()
        yield Hear(line)
        yield Say(b"secret answer\r\n")

    def client():
        try:
            yield Upgrade(server_name=client_name)
        except TlsFailed as why:
            outcomes.append(("client", str(why)))
            return ""
        lines = Lines()
        yield Say(b"secret question\r\n")
        heard = yield from lines.line()
        yield Hear(heard)
        return heard

    world.listeners[HOST, 465] = lambda address: Machine(server)
    return world, outcomes, play(world, call(HOST, 465, client()))


def test_under_tls_the_wire_carries_records_and_the_trace_both() -> None:
    world, outcomes, heard = secured()
    assert (outcomes, heard) == ([], b"secret answer\r\n")
    records = [step.act for step in world.trace.only(Cipher)]
    assert records[0].data[:1] == b"\x16"  # a handshake (RFC 8446 §5.1)
    assert {record.sender for record in records} == {"client", "server"}
    assert b"secret" not in b"".join(record.data for record in records)
    assert records[-1].data[:1] == b"\x17"


def test_a_certificate_for_another_name_is_not_accepted() -> None:
    _, outcomes, heard = secured(server_names=("other.example",))
    assert heard == ""
    assert dict(outcomes)["client"].startswith("the certificate was not accepted")
    assert "server" in dict(outcomes)


def test_who_does_not_speak_tls_fails_and_who_is_silent_too() -> None:
    for said in b"EHLO x\r\n\r\n", b"":
        world = World(lambda name, kind: [])
        world.contexts = {"client": client_context(), "server": server_context(HOST)}
        failed = []

        def server(failed=failed):
            try:
                yield Upgrade()
            except TlsFailed as why:
                failed.append(str(why))

        world.listeners[HOST, 465] = lambda address, server=server: Machine(server)
        wire, _ = world.plug(HOST, 465, "192.0.2.1")
        world.run()
        if said:
            wire.carry(said)
            world.run()
        else:
            world.advance(300)
        assert len(failed) == 1


def test_what_was_said_before_tls_counts_no_more() -> None:
    """RFC 3207 §4.2: plaintext pipelined behind STARTTLS is forgotten."""
    world = World(lambda name, kind: [])
    heard = []

    def server():
        lines = Lines()
        heard.append((yield from lines.line()))
        lines.forget()
        yield Upgrade()
        heard.append((yield from lines.line()))

    world.listeners[HOST, 25] = lambda address: Machine(server)
    wire, _ = world.plug(HOST, 25, "192.0.2.1")
    wire.carry(b"STARTTLS\r\nINJECTED\r\n")
    world.run()
    assert heard == [b"STARTTLS\r\n"]
