"""Many clients at once, and rude ones: who leaves at any octet loses nothing but what he did not finish saying."""

import asyncio
import os
import random
import socket
import ssl
import struct
import time

import pytest

from mailedu import Lab
from mailedu.acts import Store

ALICE, BOB = "alice@alpha.example", "bob@beta.example"
HERE = "127.0.0.1"
AT_ONCE = 100


@pytest.fixture
def lab():
    with Lab(seed=1) as lab:
        yield lab


@pytest.fixture
def net(lab):
    return lab.serve()


# -- clients that leave

POLITE = "polite"  # says that it says no more, and hears the rest
RUDE = "rude"  # the line breaks


async def say(port: int, data: bytes, manner: str = POLITE, context: ssl.SSLContext | None = None) -> bytes:
    """Say this and leave; what was heard by then."""
    reader, writer = await asyncio.open_connection(HERE, port, ssl=context)
    heard = b""
    try:
        writer.write(data)
        await writer.drain()
        if manner == RUDE:
            linger = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)  # no goodbye: a reset
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
        elif context is None:
            writer.write_eof()
            heard = await asyncio.wait_for(reader.read(), 60)
        elif data.endswith(b"QUIT\r\n"):
            heard = await asyncio.wait_for(reader.read(), 60)
    except ConnectionError:
        pass
    writer.close()
    return heard


def all_at_once(calls) -> list[bytes]:
    """Make these calls, AT_ONCE at a time."""

    async def one(call, gate):
        async with gate:
            return await say(*call)

    async def together():
        gate = asyncio.Semaphore(AT_ONCE)
        return await asyncio.gather(*(one(call, gate) for call in calls))

    return asyncio.run(together())


def quiet(lab) -> None:
    """Wait until every session has ended, and nothing of them is left."""
    for _ in range(500):
        if not (lab.world.parts or lab.net.sockets.ends):
            break
        time.sleep(0.02)
    assert not lab.world.parts
    assert not lab.net.sockets.ends
    assert not lab.world.ready
    assert not lab.world.watchers
    assert not lab.net.sockets.served


# -- SMTP


def mail(number: int) -> bytes:
    """A whole session; its number has four digits, so all of them are as long."""
    lines = ["EHLO mx.alpha.example", f"MAIL FROM:<{ALICE}>", f"RCPT TO:<{BOB}>", "DATA"]
    lines += [f"X-Number: {number}", f"From: {ALICE}", "", "..", ".", "QUIT"]
    return "".join(f"{line}\r\n" for line in lines).encode()


def numbers(messages) -> list[int]:
    """The X-Number of each."""
    return [int(message.split(b"X-Number: ")[1].split(b"\r\n")[0]) for message in messages]


def test_mail_is_taken_once_it_has_ended_and_not_before(lab, net) -> None:
    """A client for each octet at which one can leave, and each way to leave; good ones in between."""
    port, number = net.ports["smtp"], iter(range(1000, 9999))
    calls, must, may = [], set(), set()
    for manner in POLITE, RUDE:
        for octets in range(len(mail(1000)) + 1):
            this = next(number)
            calls.append((port, mail(this)[:octets], manner))
            if b"\r\n.\r\n" in calls[-1][1]:
                (must if manner == POLITE else may).add(this)
    for _ in range(100):
        this = next(number)
        calls.append((port, mail(this)))
        must.add(this)
    random.Random(1).shuffle(calls)
    heard = all_at_once(calls)
    quiet(lab)
    taken = numbers(lab.mailbox(BOB))
    assert len(taken) == len(set(taken))
    assert must <= set(taken) <= must | may
    assert sum(b"\r\n250 2.0.0 delivered\r\n" in replies for replies in heard) == len(must)


# -- IMAP


def append(number: int) -> bytes:
    letter = b"X-Number: %d\r\n\r\nHi\r\n" % number
    return b"a LOGIN bob lab-bob\r\nb APPEND INBOX {%d}\r\n%s\r\nc LOGOUT\r\n" % (len(letter), letter)


@pytest.mark.parametrize("manner", [POLITE, RUDE])
def test_what_is_appended_is_there_once_its_command_has_ended(lab, net, manner) -> None:
    calls, complete = [], set()
    for octets in range(len(append(1000)) + 1):
        said = append(1000 + octets)[:octets]
        calls.append((net.ports["imap"], said, manner))
        if b"\r\nHi\r\n\r\n" in said:
            complete.add(1000 + octets)
    heard = all_at_once(calls)
    quiet(lab)
    kept = numbers(lab.mailbox(BOB))
    assert len(kept) == len(set(kept))
    assert set(kept) <= complete
    if manner == POLITE:
        assert set(kept) == complete
        assert sum(b"b OK [APPENDUID" in replies for replies in heard) == len(complete)


# -- POP3


PEOPLE = {  # all passwords are as long
    "alice@alpha.example": b"alice",
    "bella@beta.example": b"bella",
    "carol@gamma.example": b"carol",
}


@pytest.mark.parametrize("manner", [POLITE, RUDE])
def test_what_is_marked_goes_with_a_whole_quit_and_else_stays(lab, net, manner) -> None:
    """As many at a time as there are maildrops: POP3 locks them."""

    def call(address: str, octets: int) -> tuple[int, bytes, str]:
        said = b"USER %s\r\nPASS lab-%s\r\nLIST\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n" % (PEOPLE[address], PEOPLE[address])
        return net.ports[f"pop.{address.partition('@')[2]}:110"], said[:octets], manner

    for address in PEOPLE:
        lab.world.boxes[address].perform(Store(address, b"Subject: one\r\n\r\none\r\n"), lab.clock.unix())
    whole = len(call(ALICE, 999)[1])
    for octets in range(whole):
        all_at_once([call(address, octets) for address in PEOPLE])
    quiet(lab)
    assert [len(lab.mailbox(address)) for address in PEOPLE] == [1, 1, 1]
    assert [lab.world.boxes[address].holder for address in PEOPLE] == [None, None, None]
    manner = POLITE
    all_at_once([call(address, whole) for address in PEOPLE])
    quiet(lab)
    assert not any(lab.mailbox(address) for address in PEOPLE)


# -- who closes his half, who walks off, who waits


LARGE = b"Subject: large\r\n\r\n" + (b"x" * 78 + b"\r\n") * 100_000  # 8 MB


def test_who_closes_his_half_hears_the_rest(lab, net) -> None:
    """As in `printf … | nc`."""
    lab.world.boxes[BOB].perform(Store(BOB, LARGE), lab.clock.unix())
    pop = b"USER bob\r\nPASS lab-bob\r\nRETR 1\r\nQUIT\r\n"
    imap = b"a LOGIN bob lab-bob\r\nb SELECT INBOX\r\nc FETCH 1 BODY.PEEK[]\r\nd LOGOUT\r\n"
    by_pop, by_imap = all_at_once([(net.ports["pop3"], pop), (net.ports["imap"], imap)])
    assert LARGE + b".\r\n+OK goodbye\r\n" in by_pop
    assert LARGE + b")\r\nc OK " in by_imap
    quiet(lab)


def test_who_walks_off_in_the_middle_of_megabytes_is_talked_to_no_more(lab, net, caplog) -> None:
    lab.world.boxes[BOB].perform(Store(BOB, LARGE), lab.clock.unix())
    said = b"a LOGIN bob lab-bob\r\nb SELECT INBOX\r\n" + b"c FETCH 1 BODY.PEEK[]\r\n" * 5
    for _ in range(5):
        with socket.create_connection((HERE, net.ports["imap"]), 10) as caller:
            caller.sendall(said)
            caller.recv(100_000)
    quiet(lab)
    assert not caplog.records


def test_who_says_much_and_hears_nothing_has_to_wait(lab, net) -> None:
    """The server does not hoard what it cannot answer yet."""
    lab.world.boxes[BOB].perform(Store(BOB, LARGE), lab.clock.unix())
    with socket.create_connection((HERE, net.ports["pop3"]), 10) as caller:
        caller.sendall(b"USER bob\r\nPASS lab-bob\r\nRETR 1\r\n")
        caller.settimeout(0.5)
        with pytest.raises(TimeoutError):
            for _ in range(400):
                caller.sendall(b"NOOP\r\n" * 20_000)  # 48 MB in all
        [end] = net.sockets.ends
        assert len(end.wire.inbox) < 2_000_000
        heard, count = b"", 0
        caller.settimeout(10)
        while count < 1000:
            heard = heard[-15:] + caller.recv(1_000_000)
            count += heard.count(b"+OK nothing done")
    quiet(lab)


def test_nobody_waits_long_beside_megabytes(lab, net) -> None:
    lab.world.boxes[BOB].perform(Store(BOB, LARGE), lab.clock.unix())

    async def fetch_for_ever():
        said = b"a LOGIN bob lab-bob\r\nb SELECT INBOX\r\n" + b"c FETCH 1 BODY.PEEK[]\r\n" * 1000
        reader, writer = await asyncio.open_connection(HERE, net.ports["imap"])
        writer.write(said)
        while await reader.read(1_000_000):
            pass

    async def waits():
        fetching = asyncio.create_task(fetch_for_ever())
        reader, writer = await asyncio.open_connection(HERE, net.ports["imap"])
        await reader.readline()
        found = []
        for _ in range(50):
            began = time.perf_counter()
            writer.write(b"n NOOP\r\n")
            await reader.readline()
            found.append(time.perf_counter() - began)
            await asyncio.sleep(0.01)
        fetching.cancel()
        writer.close()
        return sorted(found)

    assert asyncio.run(waits())[25] < 0.2


# -- for long


@pytest.mark.long
@pytest.mark.parametrize("port", ["smtp", "submissions"])
def test_thousands_of_sessions_lose_nothing(lab, net, port) -> None:
    """Beginnings of any length, polite and rude, in the clear and under TLS, and one good mail for each of them."""
    dice = random.Random(7)
    context = None
    if port == "submissions":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    log_in = b"EHLO c.example\r\nAUTH PLAIN AGFsaWNlAGxhYi1hbGljZQ==\r\n" if context else b""
    calls, good = [], set()
    for number in range(1000, 5000):
        said = log_in + mail(number)
        if number % 2:
            calls.append(
                (
                    net.ports[port],
                    said[: dice.randrange(said.index(b"\r\n.\r\n"))],
                    dice.choice([POLITE, RUDE]),
                    context,
                )
            )
        else:
            good.add(number)
            calls.append((net.ports[port], said, POLITE, context))
    all_at_once(calls)
    net.settle()
    quiet(lab)
    taken = numbers(lab.mailbox(BOB))
    assert sorted(taken) == sorted(good)
