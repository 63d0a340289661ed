"""Who is told what: a report where the sender asked for one, and never a report about a report (RFC 3461 §5.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .. import dsn
from ..acts import Acts, Rule, Store
from .attempt import Said
from .entry import Entry
from .house import House


def failed(house: House, entry: Entry, message: bytes, said: Mapping[str, Said], expired: bool = False) -> Acts[None]:
    """§5.2.6: that it will not be delivered; the postmaster is told where the sender is not to be."""
    told = [tell(entry, one, "failed", what, expired) for one, what in said.items()]
    asked = [one for one in told if entry.sender and entry.wants(one.recipient, "FAILURE")]
    others = [one for one in told if one not in asked]
    if asked:
        yield Rule("mta.bounce", "bounced", {"sender": entry.sender, **answers(asked)})
        yield from send(house, entry, message, asked)
    if others:
        if entry.sender:
            yield Rule("mta.not-asked", "dropped", {"sender": entry.sender, **answers(others)})
        else:
            yield Rule("mta.no-bounce-for-bounce", "dropped", answers(others))
        report = written(house, entry, message, others, house.postmaster)
        yield Store(house.postmaster, b"Return-Path: <>\r\n" + report, {"sender": ""})


def delayed(house: House, entry: Entry, message: bytes, said: Mapping[str, Said]) -> Acts[bool]:
    """§5.2.5: that it takes longer than usual, to who asked; whether anybody was told."""
    asked = [tell(entry, one, "delayed", what) for one, what in said.items() if entry.wants(one, "DELAY")]
    if asked and entry.sender:
        yield Rule("mta.delayed", "delayed", {"sender": entry.sender, "recipients": names(asked)})
        yield from send(house, entry, message, asked)
        return True
    return False


def relayed(house: House, entry: Entry, message: bytes, said: Mapping[str, Said]) -> Acts[None]:
    """§5.2.2: the next server does not report, so this one says what it knows."""
    asked = [
        tell(entry, one, "relayed", what)
        for one, what in said.items()
        if not what.tells and entry.wants(one, "SUCCESS")
    ]
    if asked and entry.sender:
        yield Rule("mta.relayed", "relayed", {"sender": entry.sender, "recipients": names(asked)})
        yield from send(house, entry, message, asked)


def delivered(house: House, entry: Entry, message: bytes) -> Acts[None]:
    """§5.2.3: it is in the mailbox."""
    asked = [tell(entry, one, "delivered", Said("")) for one in entry.recipients if entry.wants(one, "SUCCESS")]
    if asked and entry.sender:
        yield Rule("mta.delivered", "delivered", {"sender": entry.sender, "recipients": names(asked)})
        yield from send(house, entry, message, asked)


def tell(entry: Entry, recipient: str, action: str, said: Said, expired: bool = False) -> dsn.Told:
    status = dsn.status_of(said.reply, expired) if said.reply else "2.0.0"
    return dsn.Told(recipient, action, status, said.reply, said.remote, entry.orcpt.get(recipient, ""))


def names(told: Iterable[dsn.Told]) -> str:
    return ", ".join(one.recipient for one in told)


def answers(told: Sequence[dsn.Told]) -> dict[str, str]:
    return each([one.recipient for one in told], [one.reply for one in told])


def each(recipients: Iterable[str], replies: Iterable[str]) -> dict[str, str]:
    """Whom it concerns, and what was said of each: in lines of the same number."""
    return {"recipients": ", ".join(recipients), "replies": "\n".join(" ".join(reply.split()) for reply in replies)}


def send(house: House, entry: Entry, message: bytes, told: list[dsn.Told]) -> Acts[None]:
    """Into the queue, like any mail; from nobody, so that no report answers it (§6.1)."""
    report = written(house, entry, message, told, entry.sender)
    bounce = Entry("", (entry.sender,), house.clock.now, requiretls=entry.requiretls, smtputf8=entry.smtputf8)
    yield Store(house.queue, report, bounce.note())


def written(house: House, entry: Entry, message: bytes, told: list[dsn.Told], sender: str) -> bytes:
    clock = house.clock
    return dsn.write(
        dsn.Report(
            host=house.host,
            sender=sender,
            told=told,
            message=message,
            date=clock.stamp(),
            unique=f"{clock.random.randrange(10**9):09d}",
            arrived=clock.stamp(entry.arrived),
            source=entry.source,
            envid=entry.envid,
            until=clock.stamp(entry.arrived + house.setup.gives_up_after),
            full=entry.ret == "FULL" and not entry.requiretls,  # RFC 8689 §5
            utf8=entry.smtputf8,
        )
    )
