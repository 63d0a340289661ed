"""What a receiver does with a message, given DMARC's finding: a decision of its own, apart from the finding (§5.4)."""

from __future__ import annotations

from collections.abc import Collection

from ...acts import Rule
from .evaluate import FAIL, TEMPERROR, Dmarc
from .record import NONE, REJECT

SEVERAL = ("dmarc.one-from", "dmarc.many-authors")  # one way round DMARC: show a second author (§11.5)
DELIVER, TO_JUNK, REFUSE, DEFER = "deliver", "quarantine", "reject", "defer"


def decide(
    found: Dmarc,
    *,
    against: Collection[str] = (),
    trusted: str = "",
    policy_alone: bool = False,
    defers: bool = False,
) -> Rule:
    """The rule that settles it; its outcome is "deliver", "quarantine", "reject" or "defer".

    `against`: other knowledge that speaks against this message (never DMARC itself); `trusted`: the forwarder or list
    whose word the receiver takes; `policy_alone`: do as p=reject says with nothing else to go by, as many receivers
    do though RFC 9989 §7.4 forbids it; `defers`: when the DNS fails, ask the sender to try again instead of delivering.
    """
    because = {"domain": found.domain, "policy": found.disposition}
    if found.result == TEMPERROR:
        return Rule("dmarc.decide-temperror", DEFER if defers else DELIVER, because)
    if found.reason in SEVERAL:
        return Rule("dmarc.decide-several-authors", TO_JUNK, because)
    if found.result != FAIL:
        return Rule("dmarc.decide-no-failure", DELIVER, {**because, "result": found.result})
    if found.disposition == NONE:
        return Rule("dmarc.decide-none", DELIVER, because)
    if trusted:
        return Rule("dmarc.decide-trusted", DELIVER, {**because, "trusted": trusted})
    if found.disposition != REJECT:
        return Rule("dmarc.decide-quarantine", TO_JUNK, because)
    if against:
        return Rule("dmarc.decide-reject", REFUSE, {**because, "against": ", ".join(against)})
    if policy_alone:
        return Rule("dmarc.decide-reject-alone", REFUSE, because)
    return Rule("dmarc.decide-not-alone", TO_JUNK, because)
