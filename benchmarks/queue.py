"""A full queue with random faults settles over five days of lab time: real seconds, and whether ten times as many
messages cost ten times as much.

Half of the messages meet a fault: a 4yz once or for ever, a 5yz, a line that is cut, silence, greylisting; for the
first hours one host is down, and a domain's DNS does not answer.  All messages are in the queue when the clock starts.
"""

from __future__ import annotations

import random
import time

from mailedu import Lab
from mailedu.acts import Acts, Store
from mailedu.mta.entry import Entry

QUEUE = "queue mx.alpha.example"
HEADER = b"From: alice@alpha.example\r\nTo: %s\r\nMessage-ID: <%d@alpha.example>\r\nSubject: x\r\n\r\n"
TEXT = b"Hello\r\n" * 100
FAULTS = [
    *("450-once", "450-twice", "451-at-data-once", "452-after-data-once", "421-once", "greylist", "timeout-once"),
    *("disconnect-once", "disconnect-at-data-once", "disconnect-after-data-once", "delay-60-once"),
    *("450", "550", "552-after-data"),
]
MOST = 2.0  # seconds for 1,000 messages
COUNTS = (1_000, 10_000)


def main() -> None:
    took = {count: settled(count) for count in COUNTS}
    for count, (real, processor, calls, steps) in took.items():
        print(
            f"{count:6,} messages: {real:6.2f} s, {processor:6.2f} s of the processor; {calls:,} calls, {steps:,} steps"
        )
    (first, (real, one, *_)), (last, (_, other, *_)) = took.items()
    print(f"{first:,} messages, at most {MOST:.0f} s: {real:.2f} s")
    print(f"a message among {last:,} costs {other / last / (one / first):.2f} times one among {first:,} (linear: 1)")


def settled(count: int) -> tuple[float, float, int, int]:
    """(real seconds, seconds of the processor, calls, steps) until the queue is empty."""
    lab = Lab(seed=1, tls=False, opinions=False)
    dice = random.Random(count)
    lab.stop("mx.gamma.example")
    lab.faults.dns("beta.example", "MX", "servfail")
    lab.world.start(fill(dice, count), "mx.alpha.example")
    real, processor = time.perf_counter(), time.process_time()
    lab.clock.advance(hours=1)
    lab.zone.mend("beta.example", "MX")
    lab.clock.advance(hours=2)
    lab.start("mx.gamma.example")
    lab.clock.advance(days=5.1)
    real, processor = time.perf_counter() - real, time.process_time() - processor
    assert not lab.queue("mx.alpha.example"), "some wait still"
    calls = sum(lab.world.calls[f"mx.{name}.example:25"] for name in ("alpha", "beta", "gamma"))
    return real, processor, calls, len(lab.trace)


def fill(dice: random.Random, count: int) -> Acts[None]:
    for number in range(count):
        usual = dice.choice(["bob@beta.example", "bella@beta.example", "carol@gamma.example"])
        recipient = usual if dice.random() < 0.5 else f"{dice.choice(FAULTS)}@beta.example"
        entry = Entry("alice@alpha.example", (recipient,), 0.0)
        yield Store(QUEUE, HEADER % (recipient.encode(), number) + TEXT, entry.note())
