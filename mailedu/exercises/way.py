"""Exercises of lesson 04: which way a letter takes, what a queue does, and who is told."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from random import Random
from typing import Any

from ..acts import Connect, Rule
from ..lab import Lab
from ..lab.letters import plural
from ..trace import printable
from ..zone import Zone
from .apart import Apart, Offered, apart
from .frame import Exercise, Findings, Wrong
from .source import Source
from .spf import Resolver, own_domain

ALICE = "alice@alpha.example"
STRANGER = "203.0.113.66"
MINUTE, HOUR, DAY = 60, 3_600, 86_400
SUBJECTS = ("Lunch", "The keys", "Minutes", "The roof", "Tickets", "The garden", "The choir", "The ladder")


def not_a_function(answer: Any, how: str) -> Iterator[Wrong]:
    if not isinstance(answer, Source):
        name = how.partition(", ")[2].rstrip(")")
        yield Wrong(
            f"You handed in {printable(repr(answer))[:60]}. The check needs the function itself.",
            f"Did you write `{how}`, without brackets behind `{name}`?",
        )


def short(said: object, most: int = 70) -> str:
    """Something that a function returned, fit to stand in a sentence."""
    told = printable(repr(said)).replace("`", "'")
    return told if len(told) <= most else told[: most - 1] + "…"


# -- R1 ----------------------------------------------------------------------------------------------------------------

NUMBERS = "Preferences are numbers: which is smaller, 5 or 10, and how do their texts compare?"
LOWEST = "Which preference is called first: the lowest or the highest?"
IMPLICIT = "There is no MX record at all, but the name has an address. Who takes its mail (RFC 5321 §5.1)?"
NOBODY = "Who could be called there, and what should a server do with the letter?"
NULL = "One record, and its host is a lone dot. What does the domain say by it (RFC 7505 §3)?"
NAMES = "`20 mx.example.` is a preference, a blank, and a name with the dot that ends it. Which part do you call?"
MX_ONLY = "There are MX records. May a server then use the address of the name itself (RFC 5321 §5.1)?"


class R1(Exercise):
    """The hosts that take mail for a domain, best first."""

    title = "Whom to call"
    minutes = 12
    hints = (
        "`dns.ask(domain, 'MX')` is a list like `['20 mx2.example.', '5 mx1.example.']`. "
        "`record.split()` has two parts; the first is a number as text.",
        "Sort by the number, the lowest first: `sorted(records, key=lambda record: int(record.split()[0]))`.",
        "No MX record: is there an address, `dns.ask(domain, 'A')`? Then the domain itself is the host. "
        "One MX record `0 .`: nobody.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.lab = Lab(seed=dice.randrange(1, 10_000))
        self.domain = own_domain(dice)
        self.user = f"post@{self.domain}"
        for name, types in domains(self.domain, dice)[0].items():
            self.lab.zone.edit(name, **types)
        self.dns = Resolver(self.lab.zone)

    @property
    def task(self) -> str:
        d = self.domain
        return (
            "Write `next_hops(domain, dns)`: a list of the hosts that take mail for a domain, in the order in which a "
            "server calls them (RFC 5321 §5.1, RFC 7505 §3), without the dot at the end. Hosts that are equally good "
            "may stand in any order. Nobody takes mail there: an empty list. `dns.ask(name, type)` returns a list of "
            "texts, and `[]` where there is nothing.\n\n"
            f"Try it on `{d}`, `two.{d}`, `far.{d}`, `plain.{d}`, `none.{d}` and `null.{d}`, with `r1.dns`. Then hand "
            "in the function: `check(r1, next_hops)`. The check runs it on domains that you have not seen."
        )

    def judge(self, answer: Any) -> Findings:
        yield from (wrong := list(not_a_function(answer, "check(r1, next_hops)")))
        if wrong:
            return ""
        records, cases = domains(own_domain(self.hidden), self.hidden)
        zone = Zone()
        for name, types in records.items():
            zone.edit(name, **types)
        made = self.call(answer, *[(name, Offered(Resolver(zone), ("ask",))) for name, _, _ in cases])
        count = 0
        for (name, wanted, ask), found in zip(cases, made, strict=True):
            if not fits(found, wanted) and (count := count + 1) < 3:
                told = ", ".join(f"`{text}`" for text in zone.records(name, "MX")) or "no MX record"
                best = [" or ".join(sorted(group)) for group in wanted]
                yield Wrong(
                    f"For {name}, which has {told}, your function says {short(found)}; it should say "
                    f"{', then '.join(best) or 'nobody: an empty list'}.",
                    ask,
                )
        return (
            f"Right, for {len(cases)} domains that you had never seen. What is missing to a real server: it asks "
            f"anew at each attempt, stops after some hosts, and leaves out itself and all that are no better."
        )


def domains(d: str, dice: Random) -> tuple[dict[str, dict[str, Any]], list[tuple[str, list[set[str]], str]]]:
    """Names with their records; and (name, hosts that are equally good in the order of these groups, what to ask)."""
    a = f"192.0.2.{dice.randrange(30, 250)}"
    low, high = dice.randrange(2, 9), dice.randrange(20, 90)
    equal = dice.randrange(10, 50)
    named: dict[str, tuple[list[str], list[set[str]], str]] = {
        d: ([f"{high} mx.{d}."], [{f"mx.{d}"}], NAMES),
        f"two.{d}": ([f"{high} mx2.{d}.", f"{low + 10} mx1.{d}."], [{f"mx1.{d}"}, {f"mx2.{d}"}], LOWEST),
        f"far.{d}": (
            [f"100 c.{d}.", f"{low} a.{d}.", f"{high} b.{d}.", f"65535 d.{d}."],
            [{f"a.{d}"}, {f"b.{d}"}, {f"c.{d}"}, {f"d.{d}"}],
            NUMBERS,
        ),
        f"equal.{d}": (
            [f"{equal} x.{d}.", f"{equal + 7} z.{d}.", f"{equal} y.{d}."],
            [{f"x.{d}", f"y.{d}"}, {f"z.{d}"}],
            LOWEST,
        ),
        f"zero.{d}": ([f"{low} mx2.{d}.", f"0 mx1.{d}."], [{f"mx1.{d}"}, {f"mx2.{d}"}], NUMBERS),
        f"elsewhere.{d}": ([f"{low} mx.mailer.example."], [{"mx.mailer.example"}], MX_ONLY),
        f"plain.{d}": ([], [{f"plain.{d}"}], IMPLICIT),
        f"null.{d}": (["0 ."], [], NULL),
        f"none.{d}": ([], [], NOBODY),
    }
    records: dict[str, dict[str, Any]] = {name: {"MX": mx} for name, (mx, _, _) in named.items() if mx}
    records[f"plain.{d}"] = {"A": a}
    records[f"none.{d}"] = {"TXT": "no mail, no web"}
    for name in (f"elsewhere.{d}", f"null.{d}"):
        records[name]["A"] = a
    return records, [(name, wanted, ask) for name, (_, wanted, ask) in named.items()]


def fits(found: Any, wanted: Sequence[set[str]]) -> bool:
    """Whether a list has these hosts in this order; those of one group in any."""
    if not isinstance(found, list | tuple) or not all(isinstance(one, str) for one in found):
        return False
    left = [one.lower() for one in found]
    for group in wanted:
        if set(left[: len(group)]) != group:
            return False
        left = left[len(group) :]
    return not left


# -- R2 ----------------------------------------------------------------------------------------------------------------


READERS = {
    "alpha": ("alice@alpha.example", "amir@alpha.example"),
    "beta": ("bob@beta.example", "bella@beta.example"),
    "gamma": ("carol@gamma.example",),
}


class R2(Exercise):
    """A backup MX: it takes the mail while the other is down, and brings it back."""

    title = "There, and back"
    minutes = 12
    hints = (
        "Two things have to be said: to the world, in the DNS, and to the second server, who would refuse otherwise. "
        "`r2.lab.zone.edit(...)` and `r2.lab.configure(...)`.",
        "`r2.lab.zone.edit(r2.domain, MX=['10 first.', '20 second.'])`: the lower number is called first.",
        "`r2.lab.configure(r2.backup, backup_for=[...])`. Try it: `stop` the first, `send`, look into both queues.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.lab = Lab(seed=dice.randrange(1, 10_000), opinions=False)
        first, second, third = dice.sample(list(READERS), 3)
        self.domain, self.main, self.backup = f"{first}.example", f"mx.{first}.example", f"mx.{second}.example"
        self.user, self.sender = dice.choice(READERS[first]), dice.choice(READERS[third])
        self.third = f"mx.{third}.example"

    @property
    def task(self) -> str:
        return (
            f"{self.domain} has one mail server, {self.main}, and it is going to be switched off for repairs. "
            f"Make **{self.backup} its backup**: while {self.main} is there, letters go straight to it, as before; "
            f"while it is not, {self.backup} takes them, keeps them, and brings them when {self.main} is back. For "
            f"nobody else may {self.backup} take more than it did.\n\n"
            f"`r2.lab.zone` and `r2.lab.configure(...)` are yours; try it with letters from {self.sender} to "
            f"{self.user}, and with `r2.lab.stop`, `r2.lab.queue` and `r2.lab.clock.advance`. At the end: `check(r2)`. "
            f"The check switches {self.main} off "
            f"and on by itself."
        )

    def judge(self, answer: Any) -> Findings:
        lab = self.lab
        lab.start(self.main)
        lab.start(self.backup)
        found = list(self.while_it_is_there()) or list(self.while_it_is_down()) or list(self.for_others())
        yield from found
        return (
            f"Right. {self.main} was off for a day: {self.backup} took the letter, kept it, and brought it 250 by 250; "
            f"and it still refuses to pass on the mail of strangers to anybody else."
        )

    def send(self) -> Any:
        subject = self.hidden.choice(SUBJECTS)
        return self.lab.send(self.sender, self.user, subject=subject, text="See you.", read=False)

    def while_it_is_there(self) -> Iterator[Wrong]:
        mail = self.send()
        called = [step.act.host for step in mail.trace.only(Connect) if step.actor == f"queue {self.third}"]
        step = next((one.number for one in mail.trace.only(Connect) if one.actor.startswith("queue")), 0)
        if called[:1] not in ([self.main], []):
            yield Wrong(
                f"With both servers there, a letter to {self.user} was brought to {called[0]} first.",
                "Which number means: call this one first?",
                step,
                mail.trace,
            )
        elif not mail.delivered:
            yield Wrong(
                f"With both servers there, a letter to {self.user} did not arrive.",
                "What does the DNS say about who takes its mail?",
                step,
                mail.trace,
            )

    def while_it_is_down(self) -> Iterator[Wrong]:
        lab, before = self.lab, len(self.lab.mailbox(self.user))
        lab.stop(self.main)
        mail = self.send()
        refused = [one for one in mail.trace.only(Rule) if one.act.name in ("mta.relay", "mta.unknown-user")]
        if refused or mail.reports:
            yield Wrong(
                f"{self.main} was off, and {self.backup} refused the letter to {self.user}.",
                f"The DNS tells the world. Who tells {self.backup}?",
                refused[0].number if refused else 0,
                mail.trace,
            )
            return
        if not lab.queue(self.backup):
            yield Wrong(
                f"{self.main} was off, and the letter waits at {self.third}: nobody called {self.backup}.",
                "Where do servers read whom to call?",
                0,
                mail.trace,
            )
            return
        lab.clock.advance(hours=self.hidden.randrange(20, 28))
        lab.start(self.main)
        lab.clock.advance(hours=9)
        if len(lab.mailbox(self.user)) != before + 1:
            yield Wrong(
                f"{self.main} was back for nine hours, and the letter had not arrived.",
                f"What does {self.backup} do with it?",
                0,
                mail.trace,
            )

    def for_others(self) -> Iterator[Wrong]:
        for client in (STRANGER, "192.0.2.200"):
            call = self.lab.smtp(self.backup, client=client)
            for line in ("EHLO stranger.example", "MAIL FROM:<eve@stranger.example>"):
                call.send(line)
            reply = call.send(f"RCPT TO:<{self.sender}>")
            if reply.startswith("250"):
                yield Wrong(
                    f"A stranger asked {self.backup} to pass a letter on to {self.sender}, and it said `{reply}`.",
                    "A backup takes mail for some domains, an open relay for all. Which did you ask for?",
                    self.lab.trace[-1].number,
                )
                return


# -- R3 ----------------------------------------------------------------------------------------------------------------


class R3(Exercise):
    """When to try again, and when to give up."""

    title = "When to try again"
    minutes = 15
    hints = (
        "As long again as it is here already is a good rule: `max(least, age)`. Then what keeps it from "
        "growing for ever?",
        "`min(max(least, age), longest)`, all in seconds, with the longest pause that the task allows.",
        "Give up only when the days are over: `if age >= days * 86400: return None`, before anything else. And do not "
        "count attempts in a variable: a host that falls over forgets it, and the age stays.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.lab = Lab(seed=dice.randrange(1, 10_000))
        self.user = ALICE
        self.days = dice.choice([4, 5])
        self.longest = dice.choice([2, 2.5, 3])
        self.least = dice.choice([30, 35, 40, 45])
        self.most = int(self.days * 24 / self.longest) + 8

    @property
    def task(self) -> str:
        return (
            "Write `pause(age)`. A letter has been in the queue for `age` seconds, and nobody has just taken it once "
            "more. Return how many seconds to wait before the next attempt, or `None` to give up and tell its sender. "
            "The wishes are those of RFC 5321 §4.5.4.1, with numbers:\n\n"
            f"1. never less than **{self.least} minutes** between two attempts;\n"
            "2. the first attempt is made at once, a second one within **the first hour**;\n"
            f"3. a pause is never longer than **{self.longest:g} hours**, and after the first day never shorter than "
            f"**2 hours**;\n"
            f"4. nobody gives up before **{self.days} days** are over; the first failure after that is the last;\n"
            f"5. at most **{self.most} attempts** in all.\n\n"
            "The host may fall over at any time and begin again: then `pause` is asked about an age that is none of "
            "your plan. `check(r3, pause)` runs it against a host that never comes back, and against others that do."
        )

    def judge(self, answer: Any) -> Findings:
        yield from (wrong := list(not_a_function(answer, "check(r3, pause)")))
        if wrong:
            return ""
        with apart(answer) as pause:
            tries, found = self.run(pause)
        found = found or list(self.after_a_fall(answer))
        yield from found[:2]
        back = self.hidden.randrange(20, 70) * HOUR + self.hidden.randrange(3_600)
        late = next((at for at in tries if at >= back), 0) - back
        return (
            f"Right: {len(tries)} attempts in {self.days} days. A host that was down for {back // HOUR} hours got its "
            f"letter {late // MINUTE:.0f} minutes after it was back. That is the price of not knocking all the time."
        )

    def run(self, pause: Apart) -> tuple[list[float], list[Wrong]]:
        """The attempts for a host that never comes back; and what is wrong with them."""
        age, tries = 0.0, [0.0]
        while len(tries) <= 1_000:
            wait = pause(int(age))
            if wait is None:
                break
            if not isinstance(wait, int | float) or isinstance(wait, bool) or not 0 < wait < 1e9:
                return tries, [
                    Wrong(f"After {told(age)} `pause` says {short(wait)}.", "Seconds to wait, or None: which is it?")
                ]
            age += wait
            tries.append(age)
            if age > 40 * DAY:
                break
        else:
            return tries, [
                Wrong(f"After {len(tries):,} attempts only {told(age)} had passed.", "Who pays for all those calls?")
            ]
        return tries, list(self.of_plan(tries))

    def of_plan(self, tries: Sequence[float]) -> Iterator[Wrong]:
        pairs = list(pairwise(tries))
        first = next((later - before for before, later in pairs if later - before < self.least * MINUTE - 1), None)
        long = next(((a, b - a) for a, b in pairs if b - a > self.longest * HOUR + 1), None)
        short_ = next(((a, b - a) for a, b in pairs if a >= DAY and b - a < 2 * HOUR - 1), None)
        last, end = tries[-1], self.days * DAY
        if first is not None:
            yield Wrong(
                f"Two attempts were only {told(first)} apart.",
                "Who pays for a knock that comes too soon, and how often?",
            )
        if long is not None:
            yield Wrong(
                f"After {told(long[0])} `pause` waited for {told(long[1])}.",
                "A pause that doubles for ever: how late may a letter be when the host is back?",
            )
        if len(tries) < 2 or tries[1] > HOUR:
            when = f"the second attempt was after {told(tries[1])}" if len(tries) > 1 else "there was no second attempt"
            yield Wrong(f"A letter came, and {when}.", "Most troubles are over within minutes. When do you look again?")
        if last < end:
            yield Wrong(
                f"`pause` gave up after {told(last)}, with {plural(len(tries), 'attempt')}.",
                f"What if a host is repaired on day {self.days}? Is it the next attempt that counts, or this one?",
            )
        elif last > end + self.longest * HOUR + 1:
            yield Wrong(
                f"The last attempt was after {told(last)}, and the sender still knew nothing.",
                f"When are {self.days} days over, and what do you return then?",
            )
        if short_ is not None:
            yield Wrong(
                f"After {told(short_[0])} the pause was {told(short_[1])}.",
                "A host has been down for a whole day. How likely is it that so short a pause makes a difference?",
            )
        if len(tries) > self.most and not short_:
            yield Wrong(f"There were {len(tries)} attempts.", "How often is often enough, after the first day?")

    def after_a_fall(self, answer: Source) -> Iterator[Wrong]:
        """Ages that no plan has; the function begins each time with what it has in its text, as a host does."""
        end = self.days * DAY
        late, others = self.hidden.randrange(DAY, end), [self.hidden.randrange(end) for _ in range(9)]
        with apart(answer) as pause:
            for age in [late, *others, 0, end, end + DAY]:
                if said := self.wrong_at(age, pause(age)):
                    yield Wrong(
                        f"The host fell over and began again: asked about an age of {told(age)}, `pause` {said}.",
                        "What does your function go by: the age it is told, or something that it remembers?",
                    )
                    return

    def wrong_at(self, age: float, wait: Any) -> str:
        """What is wrong with this pause at this age; "" if nothing is."""
        if (wait is None) != (age >= self.days * DAY):
            return "gives up" if wait is None else f"would wait for {short(wait)} seconds more"
        least = 2 * HOUR if age >= DAY else self.least * MINUTE
        if wait is not None and not least - 1 <= wait <= self.longest * HOUR + 1:
            return f"would wait for {told(wait)}"
        return ""


def told(seconds: float) -> str:
    """``45 minutes``, ``2.5 hours``, ``4.9 days``."""
    for unit, size in (("days", DAY), ("hours", HOUR), ("minutes", MINUTE)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{seconds:.0f} seconds"


# -- R4 ----------------------------------------------------------------------------------------------------------------

LETTER = """Return-Path: <{sender}>
From: {author}
To: {recipient}
Subject: {subject}
Message-ID: <{id}@alpha.example>

{text}
"""


class R4(Exercise):
    """A report that a program can read; and none about a report."""

    title = "What the sender is told"
    minutes = 20
    hints = (
        "To whom: the address of the envelope, `sender`. In whose name: nobody's, `''`, so that no report can answer "
        "yours. And if `sender` is `''` itself: return `None` (RFC 5321 §6.1).",
        "The fields are two groups with an empty line between them (RFC 3464 §2.1): first what is about the message, "
        "`Reporting-MTA: dns; …`; then what is about the recipient: `Final-Recipient: rfc822; …`, `Action: failed`, "
        "`Status: …`, `Diagnostic-Code: smtp; …`.",
        "The status is the reply's second word, `5.1.1`; a reply without such a word says only what its first digit "
        "says: `5.0.0`.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.lab = Lab(seed=dice.randrange(1, 10_000))
        self.user = ALICE
        self.host = "mx.alpha.example"
        self.example = letter(ALICE, ALICE, "nobody@beta.example", dice)

    @property
    def task(self) -> str:
        return (
            f"{self.host} has taken a letter, and the next server refused a recipient. Write "
            "`report(sender, recipient, reply, letter)`: what is sent, as `(mail_from, rcpt_to, text)`, or `None` if "
            f"nobody may be told (RFC 5321 §6.1). `sender` is what the letter's envelope said, `reply` what the other "
            f"server said, `letter` the letter as text (`r4.example` is one).\n\n"
            "`text` is a `multipart/report` of three parts (RFC 6522 §3), and `three_parts` below puts it together: "
            "words for people; **fields for programs** (RFC 3464 §2.2, §2.3): `Reporting-MTA`, `Final-Recipient`, "
            "`Action`, `Status`, `Diagnostic-Code`; and the **header** of the letter, so that its Message-ID comes "
            "back. Then: `check(r4, report)`. The check reads your report with Python's own `email` package."
        )

    def judge(self, answer: Any) -> Findings:
        yield from (wrong := list(not_a_function(answer, "check(r4, report)")))
        if wrong:
            return ""
        cases = self.cases()
        made = self.call(answer, *[tuple(case) for case in cases])
        count = 0
        for case, found in zip(cases, made, strict=True):
            for one in self.about(case, found):
                if (count := count + 1) <= 2:
                    yield one
        return (
            f"Right: {len(cases) - 1} reports that Python's `email` can read, each to the address of the envelope, "
            f"from nobody; and about a letter that came from nobody you told nobody."
        )

    def cases(self) -> list[tuple[str, str, str, str]]:
        """(sender, recipient, reply, letter)"""
        dice = self.hidden
        word = dice.choice(["heron", "lark", "swift", "wren"])
        list_ = f"bounces-{dice.randrange(100, 999)}@lists.alpha.example"
        whole = [
            (ALICE, ALICE, f"{word}@beta.example", f"550 5.1.1 there is no mailbox {word} here"),
            (list_, ALICE, "carol@gamma.example", "552 5.2.2 this mailbox is full"),
            ("amir@alpha.example", "amir@alpha.example", "bob@beta.example", "554 we do not want this"),
            ("", "Mail Delivery System <postmaster@beta.example>", ALICE, "550 5.1.1 nobody here"),
        ]
        return [(sender, to, reply, letter(sender, author, to, dice)) for sender, author, to, reply in whole]

    def about(self, case: tuple[str, str, str, str], found: Any) -> Iterator[Wrong]:
        sender, recipient, reply, _ = case
        here = f"A letter with `MAIL FROM:<{sender}>` to {recipient}, and the reply `{reply}`"
        if not sender:
            if found is not None:
                yield Wrong(
                    f"{here}: you send a report.",
                    "If that one cannot be delivered either, who is told of it, and where does it end?",
                )
            return
        if not (isinstance(found, list | tuple) and len(found) == 3 and all(isinstance(one, str) for one in found)):
            yield Wrong(f"{here}: you return {short(found, 40)}.", "Is it `(mail_from, rcpt_to, text)`, three texts?")
            return
        mail_from, rcpt_to, text = found
        if mail_from.strip("<>"):
            yield Wrong(
                f"{here}: your report says `MAIL FROM:<{printable(mail_from.strip('<>'))[:60]}>`.",
                "Who is told if your report cannot be delivered?",
            )
        if rcpt_to.strip("<>") != sender:
            yield Wrong(
                f"{here}: your report goes to {short(rcpt_to)}.",
                "Who sent the letter, by its envelope? The header says who wrote it.",
            )
        yield from self.about_text(here, case, email.message_from_string(text, policy=email.policy.default))

    def about_text(self, here: str, case: tuple[str, str, str, str], read: Any) -> Iterator[Wrong]:
        _, recipient, reply, original = case
        parts = read.get_payload()
        kinds = [part.get_content_type() for part in parts] if isinstance(parts, list) else []
        if (read.get_content_type(), read.get_param("report-type"), kinds[1:2]) != (
            "multipart/report", "delivery-status", ["message/delivery-status"],
        ):  # fmt: skip
            yield Wrong(
                f"{here}: Python's `email` sees a {read.get_content_type()} of {', '.join(kinds) or 'no parts'}.",
                "Did `three_parts` put it together?",
            )
            return
        groups = parts[1].get_payload()
        groups = groups if isinstance(groups, list) else []
        if len(groups) < 2:
            yield Wrong(
                f"{here}: the fields are {plural(len(groups), 'group')}, and what is about the message does not stand "
                f"apart from what is about the recipient.",
                "What stands between two groups of fields (RFC 3464 §2.1)?",
            )
            return
        words = reply.split()
        status = words[1] if words[1].count(".") == 2 else f"{reply[0]}.0.0"
        wanted = [
            (0, "Reporting-MTA", f"dns; {self.host}", "Which host is it that reports, and by what kind of name?"),
            (1, "Final-Recipient", f"rfc822; {recipient}", "Who was not reached, and by what kind of address?"),
            (1, "Action", "failed", "What happened: failed, delayed, delivered, relayed or expanded?"),
            (1, "Status", status, "Which part of the reply is the status, and what if the reply has none?"),
            (1, "Diagnostic-Code", f"smtp; {reply}", "What did the other server say, word for word?"),
        ]
        for group, name, value, ask in wanted:
            said = " ".join(str(groups[group].get(name, "")).split())
            if said.replace("; ", ";").lower() != value.replace("; ", ";").lower():
                yield Wrong(f"{here}: {name} is {short(said) if said else 'not there'}.", ask)
                return
        id = next(line for line in original.splitlines() if line.startswith("Message-ID: ")).partition(" ")[2]
        back = str(parts[2].get_payload()) + str(parts[2]) if len(parts) > 2 else ""
        if id not in back:
            yield Wrong(f"{here}: {id} does not come back.", "How will a program know which letter you mean?")


def letter(sender: str, author: str, recipient: str, dice: Random) -> str:
    return LETTER.format(
        sender=sender, author=author, recipient=recipient, subject=dice.choice(SUBJECTS),
        id=f"{dice.randrange(10**6):06d}", text="See you on Friday.",
    )  # fmt: skip


# -- R5 ----------------------------------------------------------------------------------------------------------------

RING = ("carol@gamma.example", "bella@beta.example", "amir@alpha.example")


class R5(Exercise):
    """Three mailboxes that forward to each other in a ring."""

    title = "Round in circles"
    minutes = 12
    hints = (
        "`r5.lab.mailbox(r5.user)`: a report has come back. What did the last server say, and how many `Received` "
        "fields had it counted?",
        "`r5.send(address)` writes to one of the three, and says where the letter got to. Who of the three is at home, "
        "and should keep what comes?",
        "`r5.lab.configure(host, forwards=[...])` sets what a server forwards; `[]` is nothing.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.hops = dice.randrange(25, 50)  # fewer than RFC 5321 §6.3 asks for, so that it is quickly over
        settings = {f"mx.{name}.example": {"most_hops": self.hops} for name in ("alpha", "beta", "gamma")}
        self.lab = Lab(seed=dice.randrange(1, 10_000), tls=False, opinions=False, settings=settings)
        self.user = "bob@beta.example"
        ring = list(RING)
        dice.shuffle(ring)
        self.ring = tuple(ring)
        self.reader = ring[-1]
        for old, new in zip(ring, [*ring[1:], ring[0]], strict=True):
            self.lab.forward(old, new)
        self.lab.send(self.user, ring[0], subject=dice.choice(SUBJECTS), text="Are you all well?", read=False)

    def send(self, address: str) -> str:
        """Bob writes to this address; where the letter got to."""
        mail = self.lab.send(self.user, address, subject="Hello", text="Are you there?", read=False)
        return ", ".join(mail.delivered) or "no mailbox"

    @property
    def task(self) -> str:
        first, second, third = (one.partition("@")[0].capitalize() for one in self.ring)
        return (
            f"{first} had all letters forwarded to {second}, {second} to {third}: {third} reads the mail of all three. "
            f"Yesterday {third} set up a forwarding as well, to {first}, and forgot it. Now a letter of Bob's has come "
            f"back. (Servers in this network lose patience earlier than the hundred fields of RFC 5321 §6.3.)\n\n"
            f"**Open the report** in `r5.lab.mailbox(r5.user)`: how many `Received` fields had the server counted that "
            f"stopped the letter? Then **break the ring**, so that letters to {first}, {second} and {third} all lie in "
            f"{third}'s mailbox ({self.reader}) again. `r5.lab.configure(host, forwards=[...])` sets what a server "
            f"forwards, and `r5.send(address)` tries it. At the end: `check(r5, number)`."
        )

    def judge(self, answer: Any) -> Findings:
        counted = self.hops + 1
        if type(answer) is not int:
            yield Wrong(
                f"You handed in {short(answer, 40)}; the check wants the number that the report names.",
                "What does its Diagnostic-Code say?",
            )
        elif answer != counted:
            yield Wrong(
                f"You say that {answer} were counted.",
                "The report quotes the server that stopped the letter: what does its Diagnostic-Code say?",
            )
        for address in self.ring:
            before = len(self.lab.mailbox(self.reader))
            went = self.send(address)
            if went != self.reader or len(self.lab.mailbox(self.reader)) != before + 1:
                looped = any(step.act.name == "mta.loop" for step in self.lab.trace.only(Rule))  # type: ignore[attr-defined]
                ask = "Whose forwarding is one too many, and whose are still wanted?"
                if went == "no mailbox" and looped:
                    ask = "A letter that is stopped earlier is stopped all the same. Which of the three is to keep it?"
                yield Wrong(f"A letter to {address} got to {went}, and not to {self.reader}.", ask)
                return ""
        return (
            f"Right. {counted} Received fields were one more than that server puts up with, and so the letter came "
            f"back instead of going round for ever. Now all three letters lie with {self.reader}."
        )


# -- S12 ---------------------------------------------------------------------------------------------------------------

KINDS: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "backup": {"backup_for": ["gamma.example"]},
    "forwards": {"forwards": ["bob@beta.example -> carol@gamma.example"]},
    "discloses": {"discloses": True},
    "open": {"open_relay": True, "greylist": 300.0},
}
HOST = "mx.beta.example"


class S12(Exercise):
    """One server among five passes on anybody's mail."""

    title = "The open relay"
    minutes = 15
    labs = ("lab", "lab_2", "lab_3", "lab_4", "lab_5")
    hints = (
        "An open relay takes mail *from* a stranger *for* a stranger. So ask each of the five, in three lines: EHLO, "
        "`MAIL FROM:<eve@stranger.example>`, `RCPT TO:<amir@alpha.example>`. Neither address is one of beta.example's.",
        "A backup takes mail for a domain that asked it to, and that is no crime. Ask about more than one domain.",
        "550 is a no. 451 is none: it says *come again*. Somebody who looks only once takes it for one.",
    )

    def set_up(self) -> None:
        dice = self.dice
        kinds = list(KINDS)
        dice.shuffle(kinds)
        self.kinds = tuple(kinds)
        self.user = ALICE
        for name, kind in zip(self.labs, kinds, strict=True):
            settings = {HOST: dict(KINDS[kind])}
            setattr(self, name, Lab(seed=dice.randrange(1, 10_000), tls=False, opinions=False, settings=settings))
        self.networks: dict[int, Lab] = {number: getattr(self, name) for number, name in enumerate(self.labs, 1)}

    @property
    def number(self) -> int:
        """Which it is."""
        return self.kinds.index("open") + 1

    @property
    def task(self) -> str:
        return (
            f"Five customers, each with a network of his own: `s12.networks[1]` to `s12.networks[5]`, and each with a "
            f"server {HOST}. One of the five has been reported: it is an **open relay** (RFC 5321 §7.9). **Find it** "
            f"by calls from a stranger's address: `s12.networks[1].smtp('{HOST}', client='{STRANGER}')`. Hear it "
            f"take a recipient who is not at beta.example, as proof. Then **close it**, and leave the other four as "
            f"they are: `s12.networks[n].configure('{HOST}', ...)`. At the end: `check(s12, n)`."
        )

    def judge(self, answer: Any) -> Findings:
        found = list(self.found(answer)) or list(self.closed())
        yield from found
        return (
            f"Right: network {self.number}. It said 451 at first, which is not 550, and took mail from anybody for "
            f"anybody when asked again. Now it says 550, and the other four do what they did."
        )

    def found(self, answer: Any) -> Iterator[Wrong]:
        if answer != self.number:
            kind = self.kinds[answer - 1] if type(answer) is int and 1 <= answer <= 5 else ""
            ask = {
                "backup": "For whom does it take mail: for everybody, or for one domain that asked for it?",
                "forwards": "Letters to Bob go on to Carol. Does it also pass on what is not for Bob?",
                "discloses": "It talks too much. But does it pass on anything?",
                "plain": "What did it say to a stranger's `RCPT TO:<amir@alpha.example>`?",
            }.get(kind, "Which of the networks 1 to 5 is it?")
            yield Wrong(f"You say {short(answer, 30)}.", ask)
        elif not any(step.act.name == "mta.open-relay" for step in self.networks[self.number].trace.only(Rule)):  # type: ignore[attr-defined]
            yield Wrong(
                f"Network {self.number} it is, but no letter of a stranger's has gone through it.",
                "How do you know? What did it answer, and would it have answered the same five minutes later?",
            )

    def closed(self) -> Iterator[Wrong]:
        for number, lab in self.networks.items():
            kind = self.kinds[number - 1]
            reply = asked(lab, "eve@stranger.example", "amir@alpha.example")
            if not reply.startswith("550"):
                yield Wrong(
                    f"A stranger asked network {number} to pass a letter on to amir@alpha.example, came again after "
                    f"ten minutes, and heard `{reply}`.",
                    "What does a server say that relays for nobody? See `open_relay`.",
                    lab.trace[-1].number,
                    lab.trace,
                )
            ours = asked(lab, "eve@stranger.example", "bob@beta.example")
            if not ours.startswith("250"):
                yield Wrong(
                    f"A letter from outside to bob@beta.example is refused in network {number}: `{ours}`.",
                    "A server that takes nothing is no open relay. But whose mail should it take?",
                    lab.trace[-1].number,
                    lab.trace,
                )
            backup = asked(lab, "eve@stranger.example", "carol@gamma.example")
            if kind == "backup" and not backup.startswith("250"):
                yield Wrong(
                    f"Network {number} is the backup of gamma.example, and now refuses its mail: `{backup}`.",
                    "Which one was reported, and which did you change?",
                )
            mail = lab.send(ALICE, "bob@beta.example", read=False)
            lab.clock.advance(hours=1)
            if kind == "forwards" and mail.delivered != ("carol@gamma.example",):
                yield Wrong(
                    f"In network {number} Bob's letters no longer go on to Carol.",
                    "Forwarding one's own letters is no open relay. Which one was reported?",
                )


def asked(lab: Lab, sender: str, recipient: str) -> str:
    """What a stranger hears to RCPT, the second time, ten minutes later."""
    reply = ""
    for _ in range(2):
        call = lab.smtp(HOST, client="198.51.100.200")
        for line in ("EHLO stranger.example", f"MAIL FROM:<{sender}>"):
            call.send(line)
        reply = call.send(f"RCPT TO:<{recipient}>")
        call.send("QUIT")
        lab.clock.advance(minutes=10)
    return reply
