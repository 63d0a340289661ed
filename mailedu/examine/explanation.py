"""`explain(message)`: what a message's SPF, DKIM and DMARC say, why, and what to change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from ..acts import Close, LabError, Open, Rule
from ..auth.dkim import Signature, verify
from ..clock import MORNING
from ..lab.anatomy import Anatomy
from ..lab.microscopes import microscopes
from ..lab.shown import Shown
from ..lab.verdicts import perform
from ..message import Message
from ..names import canonical
from ..trace import Trace
from ..views.picture import Picture
from . import capsule as capsules
from .advice import Advice, Case, Records, what_happened, what_to_change
from .answers import Changed, Dns, Nobody, Recorded, answers_of
from .capsule import Capsule, read_capsule
from .findings import Findings, examine
from .given import Given, given_of
from .letter import Letter, read_letter
from .report import as_data, report, way
from .timeline import timeline
from .undone import Undone, undo

MOST_IN_PLAYER = 1_000_000  # octets of a message that the player has a microscope for


def explain(
    message: bytes | str | Path | Capsule,
    *,
    ip: str = "",
    helo: str = "",
    mail_from: str | None = None,
    dns: Any = None,
    date: datetime | int | None = None,
    trust_hops: int | None = None,
    authserv_id: str = "",
    number: int | None = None,
) -> Explanation:
    """Why this message passes or fails: SPF, DKIM, DMARC, its way, its parts, and what to change.

    `message` is its octets, its text, the Path of a file (.eml, mbox, Maildir, gzip of these, or a capsule), or a
    `Capsule`.  `ip`, `helo` and `mail_from` are those of the call in which it came; what is not given is read from
    its Received and Return-Path fields, and that is said.  `trust_hops` is how many of the topmost Received fields
    your own servers wrote, `authserv_id` the name under which they write Authentication-Results.

    `dns` answers the questions: a Zone, any callable(name, type), a name server ("127.0.0.1:5353"), or "system", the
    resolver of this machine, which is the only thing in mailedu that asks outside.  Without one nobody is asked.
    `date` is when it came, if not when its Received field says.
    """
    if isinstance(message, Path) and message.suffix == ".json":
        message = read_capsule(message)
    held = message if isinstance(message, Capsule) else None
    if held:
        ip, helo = ip or held.ip, helo or held.helo
        mail_from = held.mail_from if mail_from is None else mail_from
        date = held.date if date is None else date
        trust_hops, authserv_id = trust_hops or held.trust_hops, authserv_id or held.authserv_id
    letter = Letter(held.message) if held else read_letter(message, number)  # type: ignore[arg-type]
    given = given_of(
        letter, ip=ip, helo=helo, mail_from=mail_from, when=date, trust_hops=trust_hops, authserv_id=authserv_id
    )
    return Explanation(letter, given, Recorded(held.dns) if held and dns is None else answers_of(dns), held)


class Explanation(Shown):
    """`.verdict`, `.spf`, `.dkim`, `.dmarc`; `.paragraph`, `.advice`; `.hops`, `.anatomy`; and the player of it all."""

    def __init__(self, letter: Letter, given: Given, dns: Dns, held: Capsule | None = None) -> None:
        self.letter, self.given, self.dns, self.held = letter, given, dns, held
        self.message = Message(letter.data)
        self.findings, self.trace = self.examined(dns)
        self.answers = capsules.answers_in(self.trace)  # and those that were needed to try what is advised
        subject = self.message.first("Subject")
        self.title = (held.title if held else "") or (subject.text[:80] if subject else "") or "a message"
        self.tell()

    def examined(self, dns: Dns) -> tuple[Findings, Trace]:
        return perform(examine(self.letter, self.given), dns, "examiner", self.given.now - MORNING.timestamp())

    def tell(self) -> None:
        """Words and advice into the trace too: whoever steps through it ends there."""
        told = [Rule("examine.told", "", {"told": sentence}) for sentence in self.sentences]
        self.write("what happened", told, self.verdict)
        if self.advice:
            self.write("what to change", map(as_rule, self.advice), f"{len(self.advice)} to do")

    def write(self, title: str, rules: Iterable[Rule], verdict: str) -> None:
        under = self.trace.record("examiner", "", None, Open(title)).number
        for act in (*rules, Close(verdict)):
            self.trace.record("examiner", "", under, act)

    # -- what came out

    @property
    def verdict(self) -> str:
        """ "pass", "fail" or "temperror"."""
        return self.findings.verdict

    @property
    def spf(self) -> str:
        return self.findings.result

    @property
    def dkim(self) -> tuple[str, ...]:
        """A result for each signature, from the top down."""
        return tuple(str(one.result) for one in self.findings.dkim)

    @property
    def dmarc(self) -> str:
        return self.findings.dmarc.result

    @property
    def hops(self) -> Sequence[Any]:
        """The Received fields, from the top down."""
        return self.given.hops

    @property
    def timeline(self) -> Picture:
        """The same as a picture: how long it lay where, and where trust ends."""
        return Picture(timeline(self.hops, self.given.border), "\n".join(way(self)))

    @property
    def anatomy(self) -> Anatomy:
        """The message octet by octet, its MIME tree, its parts by size."""
        return Anatomy(self.letter.data)

    @property
    def case(self) -> Case:
        return Case(self.message, self.given, self.findings, self.trace, self.undone)

    @cached_property
    def undone(self) -> Mapping[int, tuple[Undone, ...]]:
        """The changes without which a broken signature is good again."""
        return undo(self.letter.data, self.findings.dkim, self.verified)

    def verified(self, data: bytes) -> Sequence[Signature]:
        signatures, trace = perform(verify(data, self.given.now), self.dns, "examiner")
        self.answers |= capsules.answers_in(trace)
        return tuple(signatures)

    @cached_property
    def sentences(self) -> tuple[str, ...]:
        """What happened and why, in plain words."""
        told = tuple(what_happened(self.case))
        if isinstance(self.dns, Nobody):
            return ("Nobody was asked in the DNS, so nothing could be decided.", *told[1:])
        if self.held and self.held.redacted:
            return (redaction(self.held, self.verdicts()),)
        return told

    @property
    def paragraph(self) -> str:
        """The same as one text."""
        return " ".join(self.sentences)

    @cached_property
    def advice(self) -> tuple[Advice, ...]:
        """What to change, each record tried."""
        if isinstance(self.dns, Nobody):
            return (Advice('Say who shall answer for the DNS: dns="system" (--dns system) asks the resolver here.'),)
        if self.held and self.held.redacted:
            return ()  # what is wrong with it may be what was made unreadable
        return tuple(what_to_change(self.case, self.tried))

    def tried(self, records: Records) -> Findings:
        """What would be found if these records were published."""
        found, trace = self.examined(Changed(self.dns, records))
        new = {(canonical(name), type) for name, type in records}
        self.answers |= {asked: said for asked, said in capsules.answers_in(trace).items() if asked not in new}
        return found

    def verdicts(self) -> dict[str, str]:
        """The words of all methods."""
        return {"spf": self.spf, "dkim": " ".join(self.dkim) or "none", "dmarc": self.dmarc}

    # -- to keep

    def capsule(self, title: str = "", *, redact: Sequence[str] | bool = ()) -> Capsule:
        """The message with every answer it needed; `redact` makes "addresses", "subject", "body" unreadable."""
        if not isinstance(title, str):
            raise LabError('A capsule\'s title is a text, as in capsule("Forwarded, and refused").')
        given = self.given
        made = Capsule(
            self.letter.data, dict(self.answers), given.ip, given.helo, given.sender, given.now, title or self.title,
            given.trust_hops, given.authserv_id,
            (self.held and self.held.verdicts) or self.verdicts(), self.held.redacted if self.held else (),
        )  # fmt: skip
        if redact:
            return capsules.redacted(made, capsules.PARTS if redact is True else redact)
        return made

    def to_json(self) -> str:
        """For programs: see `examine/schema.json`."""
        import json

        return json.dumps(as_data(self), indent=2, ensure_ascii=False)

    def microscopes(self) -> Sequence[Any]:
        if len(self.letter.data) > MOST_IN_PLAYER:
            return ()
        return microscopes(self.trace, [self.letter.data])

    def __str__(self) -> str:
        return report(self)

    def __repr__(self) -> str:
        told = ", ".join(f"{method} {word}" for method, word in self.verdicts().items())
        return f"<Explanation: {self.verdict}; {told}>"


def as_rule(advice: Advice) -> Rule:
    """A piece of advice as a step."""
    because = {"says": advice.says}
    if advice.record:
        name, type, text = advice.record
        because["record"] = f'{name}. {type} "{text}"'
    return Rule("examine.advice", advice.then, because)


def redaction(held: Capsule, now: dict[str, str]) -> str:
    """Which verdicts a redacted capsule can no longer reach."""
    broken = [method for method, word in held.verdicts.items() if now.get(method) != word]
    told = f"This capsule's {' and '.join(held.redacted)} were made unreadable."
    before = ", ".join(f"{method} {word}" for method, word in held.verdicts.items())
    if not broken:
        return f"{told} All verdicts are as before."
    return f"{told} Before that it was {before}; {' and '.join(broken)} cannot be computed any more, and differ here."
