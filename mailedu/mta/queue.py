"""The queue: try, wait, try again; and tell the sender in the end (RFC 5321 §4.5.4.1, §6.1).

A queue is a box, "queue mx.alpha.example", and each message in it has a script of its own, `relay`.  All that a script
must not forget stands in the box: the note that came with the message, and flags for what is done.  So a host may
fall over at any time: its scripts are dropped, and begun again from the box.

The promise is that of §6.1.  A message that was answered 250 is in a mailbox, in a queue, or answered by a report.  It
may come twice in one case, and the RFC knows it (RFC 1047): the next server took it, and its 250 was lost on the way.

No list is kept of hosts that could not be reached (§4.5.4.1 says SHOULD): who switches a host on again in a lesson
wants to see the next message arrive.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from ..acts import Acts, Flag, Remove, Rule, Wait, nested
from . import notices
from .attempt import Said, Tried, attempt
from .entry import Entry
from .house import MINUTE, House, Setup

MOMENT = 1.0  # seconds
LATE = "told-late"  # the flag of a message whose sender knows that it takes longer


def pause(setup: Setup, age: float) -> float:
    """How long to wait after an attempt, by how long the message is here: as long again and a little more.

    0, 15 and 45 minutes, 1:45, 3:45, 7:45 hours; then every 8 hours, and for the last time when the days are over.
    """
    usual = min(age + setup.first_pause, setup.longest_pause)
    return min(usual, setup.gives_up_after - age)


def is_over(setup: Setup, age: float) -> bool:
    """Whether it was tried long enough; a moment too early is not too early, since moments are rounded."""
    return age + MOMENT >= setup.gives_up_after


def schedule(setup: Setup) -> Iterator[float]:
    """When, in seconds after it came, a message is tried that nobody takes."""
    age = 0.0
    yield age
    while not is_over(setup, age):
        age += pause(setup, age)
        yield age


def relay(house: House, uid: int, message: bytes, note: Mapping[str, str], flags: Collection[str] = ()) -> Acts[str]:
    """What a queue does with one message; returns "delivered", or "bounced" when somebody does not get it."""
    return Queued(house, uid, message, Entry.read(note), flags).run()


class Queued:
    """One message in a queue, and who still waits for it."""

    def __init__(self, house: House, uid: int, message: bytes, entry: Entry, flags: Collection[str]) -> None:
        self.house, self.uid, self.message, self.entry = house, uid, message, entry
        places = {done(place): one for place, one in enumerate(entry.recipients, 1)}
        self.waiting = [one for flag, one in places.items() if flag not in flags]
        self.knows = LATE in flags  # the sender, that it takes longer
        self.bounced = False

    @property
    def age(self) -> float:
        return self.house.clock.now - self.entry.arrived

    def run(self) -> Acts[str]:
        while self.waiting:
            trying = attempt(self.house, self.entry, self.message, self.waiting)
            tried = yield from nested(f"delivery to {self.entry.domain}", trying, verdict=Tried.told)
            yield from self.settle(tried)
            if tried.deferred:
                yield from self.put_off(tried.deferred)
        yield Remove(self.house.queue, (self.uid,))
        return "bounced" if self.bounced else "delivered"

    def settle(self, tried: Tried) -> Acts[None]:
        """Who has an answer is done with.  First the report, then the flag: whatever happens between is not silence."""
        if tried.refused:
            self.bounced = True
            yield from notices.failed(self.house, self.entry, self.message, tried.refused)
        if tried.delivered:
            yield from notices.relayed(self.house, self.entry, self.message, tried.delivered)
        answered = [*tried.delivered, *tried.refused]
        self.waiting = [one for one in self.waiting if one not in answered]
        if answered and self.waiting:
            numbers = sorted(self.entry.recipients.index(one) + 1 for one in answered)
            yield Flag(self.house.queue, (self.uid,), "+", tuple(map(done, numbers)))

    def put_off(self, deferred: Mapping[str, Said]) -> Acts[None]:
        """Not now: wait, or give up."""
        setup, age = self.house.setup, self.age
        if is_over(setup, age):
            self.bounced, self.waiting = True, []
            yield Rule("mta.expired", "bounced", {"days": f"{setup.gives_up_after / 86_400:g}"})
            yield from notices.failed(self.house, self.entry, self.message, deferred, expired=True)
            return
        if age >= setup.warns_after and not self.knows:
            self.knows = True
            if (yield from notices.delayed(self.house, self.entry, self.message, deferred)):
                yield Flag(self.house.queue, (self.uid,), "+", (LATE,))
        seconds = pause(setup, age)
        replies = [said.reply for said in deferred.values()]
        because = {"minutes": f"{seconds / MINUTE:.0f}", "reason": replies[0], **notices.each(deferred, replies)}
        yield Rule("mta.later", "queued", because)
        yield Wait(seconds)


def done(place: int) -> str:
    """The flag that says: the recipient in this place needs nothing more."""
    return f"done-{place}"
