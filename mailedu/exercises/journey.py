"""Exercises of lesson 00: a letter's way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..acts import Answer, Ask, Open, Rule, Store
from ..lab import Lab, Mail
from ..lab.stage import COMPANIES, first_zone
from ..trace import Step, Trace
from ..zone import Zone
from .frame import Exercise, Findings, Wrong
from .source import Source

SUBJECTS = ("Lunch", "Invoice", "Photos", "Tickets", "Minutes", "Keys")


def people(domain: str) -> list[str]:
    """The addresses at a company, but for its forger's."""
    return [address for address in COMPANIES[domain].addresses if not address.startswith("mallory")]


class J1(Exercise):
    """One of two copies waits in the queue, because an MX record names a host that takes no mail."""

    title = "The copy that waits"
    minutes = 8
    hints = (
        "`j1.mail` is the player. Press 1 and look for the delivery that did not end well, then → to go into it. "
        "Which name did the queue look up, and what came back?",
        "`print(j1.lab.zone.text())` shows all records. Compare the MX records of the three companies; "
        "which host of that company has an address, and takes mail?",
        "`j1.lab.zone.edit('some.example', MX='10 host.some.example.')`, with the final dot. "
        "Then let time pass: a queue tries again after 15 minutes. `j1.lab.clock.advance(minutes=20)`",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.broken = dice.choice(["beta.example", "gamma.example"])
        other = "gamma.example" if self.broken == "beta.example" else "beta.example"
        self.user = dice.choice(people("alpha.example"))
        self.waiting, self.lucky = dice.choice(people(self.broken)), dice.choice(people(other))
        self.subject = dice.choice(SUBJECTS)
        wrong = dice.choice([f"{host}.{self.broken}" for host in ("pop", "imap")])  # one without an address bounces
        self.lab = Lab(seed=dice.randrange(1, 10_000))
        self.lab.zone.edit(self.broken, MX=f"10 {wrong}.")
        self.mail = self.lab.send(self.user, [self.waiting, self.lucky], subject=self.subject, text="See you soon.")

    @property
    def task(self) -> str:
        return (
            f"{self.user} wrote one letter, *{self.subject}*, to {self.waiting} and to {self.lucky}. "
            f"The second copy arrived. The first waits in the queue of mx.alpha.example: "
            f"`j1.mail` shows why, and `j1.lab.queue('mx.alpha.example')` holds it.\n\n"
            f"One record in the DNS is wrong. **Repair that record**, and nothing else, with `j1.lab.zone.edit(...)`. "
            f"Then **make the waiting copy arrive**: the same letter, not a new one. At the end: `check(j1)`."
        )

    def judge(self, answer: Any) -> Findings:
        probe = self.probe()
        arrived = self.waiting in self.mail.delivered
        if not probe.delivered:
            yield self.not_repaired(probe)
        elif not arrived:
            yield self.not_arrived()
        yield from self.also_changed()
        waited = self.waited() if arrived else 0
        attempts = [step for step in self.mail.trace.only(Open) if self.is_attempt(step)]
        return (
            f"Right. {self.waiting} has *{self.subject}*, {waited / 60:.0f} minutes after {self.lucky}: "
            f"alpha's queue tried {len(attempts)} times, and asked the DNS anew each time. "
            f"That is how a repaired record helps letters that were sent before."
        )

    def probe(self) -> Mail:
        """A letter of somebody else, through the zone as it is now."""
        sender = self.hidden.choice(people("alpha.example") + people("beta.example") + people("gamma.example"))
        return self.lab.send(sender, self.waiting, subject="A probe", text="Does this arrive?", read=False)

    def not_repaired(self, probe: Mail) -> Wrong:
        records = " and ".join(self.lab.zone.records(self.broken, "MX")) or "none at all"
        reasons = applied(probe.trace, *WHY_NOT)
        return Wrong(
            f"Another letter was sent to {self.waiting} through your zone, and it did not arrive. "
            f"As MX {self.broken} has now: `{records}`",
            f"Which host of {self.broken} takes mail, and what is its whole name?"
            if self.lab.zone.records(self.broken, "MX")
            else f"Without an MX record {self.broken} itself would have to take mail (RFC 5321 §5.1). Is it a host?",
            reasons[0].number if reasons else 0,
            probe.trace,
        )

    def not_arrived(self) -> Wrong:
        """The record is right, and the letter is not there."""
        trace = self.mail.trace
        if bounced := applied(trace, "mta.bounce"):
            return Wrong(
                f"The record is right, but *{self.subject}* has gone back to {self.user} as undeliverable.",
                "What had the queue met by then? Begin afresh, and repair the record first.",
                bounced[0].number,
                trace,
            )
        waits = applied(trace, "mta.later")
        again = [mail for mail in self.lab.mailbox(self.waiting) if f"Subject: {self.subject}".encode() in mail]
        if again:
            found = "A letter with that subject is there, but it is another one: the first copy"
            ask = "Who has the first copy, and what is it waiting for?"
        else:
            found, ask = "The copy", "When does a queue try again, and whose clock does it look at?"
        return Wrong(
            f"The record is right: another letter arrived at once. {found} of *{self.subject}* "
            f"still waits in the queue of mx.alpha.example.",
            ask,
            waits[-1].number if waits else None,
            trace,
        )

    def also_changed(self) -> Iterator[Wrong]:
        for name, type, was, now in differences(first_zone(), self.lab.zone):
            if (name, type) != (self.broken, "MX"):
                yield Wrong(
                    f"You also changed the {type} record of {name}: it was {was or 'not there'}, "
                    f"and is {now or 'not there'}.",
                    "What had that record to do with the copy that waited?",
                )

    def waited(self) -> float:
        at = {step.act.box: step.at for step in self.mail.trace if isinstance(step.act, Store)}
        return at[self.waiting] - at[self.lucky]

    def is_attempt(self, step: Step) -> bool:
        return isinstance(step.act, Open) and step.act.title == f"delivery to {self.broken}"


WHY_NOT = ("mta.no-answer", "mta.null-mx", "mta.no-domain", "mta.relay")


def applied(trace: Trace, *rules: str) -> list[Step]:
    """The steps at which one of these rules was applied."""
    return [step for step in trace if isinstance(step.act, Rule) and step.act.name in rules]


def differences(was: Zone, now: Zone) -> Iterator[tuple[str, str, str, str]]:
    """(name, type, records before, records after), where they differ."""
    keys = {(name, type): None for zone in (was, now) for name in zone.names() for type in zone.types(name)}
    for name, type in keys:
        if was.records(name, type) != now.records(name, type):
            yield name, type, ", ".join(was.records(name, type)), ", ".join(now.records(name, type))


class J2(Exercise):
    """Count the questions that the receiving server asked."""

    title = "Who asked?"
    minutes = 7
    hints = (
        "`for step in j2.mail.trace.only(Ask): print(step.actor, step.act)`. Who are the actors?",
        "A step knows its actor: `step.actor == 'mx.beta.example'`. A queue is an actor of its own.",
        "`return len([step for step in trace.only(Ask) if step.actor == ...])`",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.domain = dice.choice(list(COMPANIES))
        self.host = f"mx.{self.domain}"
        self.user = dice.choice(people(self.domain))
        self.lab = Lab(seed=dice.randrange(1, 10_000))
        sender = dice.choice([one for domain in COMPANIES if domain != self.domain for one in people(domain)])
        self.mail = letter(self.lab, sender, self.user, dice.randrange(3), dice.choice(SUBJECTS))

    @property
    def task(self) -> str:
        return (
            f"`j2.mail` is a letter that came to {self.user}. Several machines asked the DNS something on its way. "
            f"Write a function `questions(trace)` that returns **how many questions {self.host} asked** "
            f"to judge what came in, and nobody else.\n\n"
            f"Try it: `questions(j2.mail.trace)`. Then hand in the function itself: `check(j2, questions)`. "
            f"The check also runs it on letters that you have not seen."
        )

    def judge(self, answer: Any) -> Findings:
        if not isinstance(answer, Source):
            given = "nothing" if answer is None else repr(answer)[:60]
            yield Wrong(
                f"You handed in {given}. The check needs the function itself, to run it on other letters.",
                "Did you write `check(j2, questions)`, without brackets behind `questions`?",
            )
            return ""
        letters = {"the letter you have seen": self.mail, **self.unseen()}
        counts = self.call(answer, *[(mail.trace,) for mail in letters.values()])
        for (which, mail), count in zip(letters.items(), counts, strict=True):
            asked = questions_of(mail.trace, self.host)
            if type(count) is not int or count != asked:
                yield self.miscounted(which, count, asked, mail.trace, counts)
        told = ", ".join(str(count) for count in counts)
        return (
            f"Right, for {len(letters)} letters: {told}. The numbers differ because each sender's domain "
            f"writes its own SPF record, and each `include` is one more question for whoever receives."
        )

    def unseen(self) -> dict[str, Mail]:
        """More letters: with more to ask, forged, and one that this server only sends."""
        dice, others = self.hidden, [domain for domain in COMPANIES if domain != self.domain]
        far, near = dice.choice(people(others[0])), dice.choice(people(others[1]))
        return {
            f"a letter from {far} to {self.user}": letter(Lab(seed=2), far, self.user, 1 + dice.randrange(3), "More"),
            f"a forged letter to {self.user}": Lab(seed=3).send(
                "mallory@gamma.example", self.user, from_=near, client="203.0.113.66", subject="Send money", text="Now"
            ),
            f"a letter that {self.host} only sends, from {self.user} to {near}": letter(
                Lab(seed=4), self.user, near, dice.randrange(3), "Out"
            ),
        }

    def miscounted(self, which: str, count: Any, asked: int, trace: Trace, counts: list[Any]) -> Wrong:
        everybody = trace.only(Ask)
        records = sum(len(step.act.records) for step in trace if isinstance(step.act, Answer))
        other = next((step.number for step in everybody if step.actor != self.host), None)
        if type(count) is not int:
            ask = "Does your function end in `return`?" if count is None else "A number is asked for: `len(...)`?"
        elif len(set(counts)) == 1:
            ask = f"It says {count} for every letter. Does it look at the trace that it is given?"
        elif count == len(everybody):
            ask = f"{count} is what everybody asked together. Who asked the other {count - asked}?"
        elif count == records:
            ask = f"{count} records came back. How many questions was that?"
        else:
            ask = f"Which of the {len(everybody)} questions have {self.host} as their actor, and nobody else?"
        return Wrong(f"For {which} your function says {count!r}; {self.host} asked {asked}.", ask, other, trace)


def questions_of(trace: Trace, host: str) -> int:
    return len([step for step in trace.only(Ask) if step.actor == host])


def letter(lab: Lab, sender: str, recipient: str, includes: int, subject: str) -> Mail:
    """A letter of a sender whose domain's SPF record has so many more includes, none of which matches."""
    domain = sender.rpartition("@")[2]
    names = [f"spf{number}.{domain}" for number in range(1, includes + 1)]
    for number, name in enumerate(names):
        lab.zone.edit(name, TXT=f"v=spf1 ip4:192.0.2.{200 + number} ~all")
    policy = lab.zone.records(domain, "TXT")[0].split()
    lab.zone.edit(domain, TXT=" ".join([policy[0], *(f"include:{name}" for name in names), *policy[1:]]))
    return lab.send(sender, recipient, subject=subject, text="See you soon.")
