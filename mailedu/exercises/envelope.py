"""Exercises of lesson 03: envelope and header."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..acts import Hear, Rule, Store
from ..lab import Lab, Mail
from ..lab.stage import COMPANIES
from ..message import Message, addresses
from ..trace import Step, printable
from .frame import Exercise, Findings, Wrong

PEOPLE = [one for company in COMPANIES.values() for one in company.addresses if not one.startswith("mallory")]
SUBJECTS = ("Lunch", "The keys", "Minutes", "The roof", "Tickets", "The garden", "The choir", "The ladder")
SERVERS = {f"mx.{company.domain}": f"{company.network}.25" for company in COMPANIES.values()}
MALLORY, HER_COMPUTER = "mallory@gamma.example", "203.0.113.66"


def domain_of(address: str) -> str:
    return address.rpartition("@")[2]


def quoted(words: object, most: int = 70) -> str:
    """A piece of what somebody wrote, fit to stand between backticks in a sentence."""
    said = printable(str(words).replace("`", "'").replace("\n", "⏎"))
    return said if len(said) <= most else said[: most - 1] + "…"


def field(message: bytes, name: str) -> str:
    """The text of a field; "" where there is none."""
    found = Message(message).first(name)
    return found.text if found else ""


def said_in(message: bytes, name: str) -> list[str]:
    """The addresses in all fields of this name, in small letters."""
    return [address.lower() for one in Message(message).all(name) for address in addresses(one)]


# -- S6 ----------------------------------------------------------------------------------------------------------------


class S6(Exercise):
    """A blind copy: on the envelope, and nowhere else."""

    title = "A copy that nobody sees"
    minutes = 8
    hints = (
        "Who gets a letter, and what stands in it, are said in two places. Which of them does `lab.send` take from "
        "its second argument, and which can you change by `headers={...}`?",
        "`s6.lab.send(s6.user, [all three], headers={'To': ..., 'Cc': ...})`. What `lab.send` writes into To, if you "
        "do not say, are all recipients.",
        "After sending, look with the others' eyes: `print(s6.lab.mailbox(s6.to)[-1].decode())`, and at the whole way "
        "with `Envelopes(s6.mail)`, if you call your mail `s6.mail`.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.lab = Lab(seed=dice.randrange(1, 10_000))
        self.user = dice.choice([one for one in PEOPLE if domain_of(one) == "alpha.example"])
        self.to, self.cc, self.bcc = dice.sample([one for one in PEOPLE if one != self.user], 3)
        self.subject = dice.choice(SUBJECTS)

    @property
    def task(self) -> str:
        return (
            f"{self.user} writes **one** letter, *{self.subject}*: to {self.to}, with a copy to {self.cc}, and a blind "
            f"copy to {self.bcc}. **Send it** (`s6.lab.send`, or line by line), so that all three have it, the letter "
            f"says what To and Cc should say, and neither {self.to} nor {self.cc} can find {self.bcc} anywhere in "
            f"theirs. At the end: `check(s6)`."
        )

    def judge(self, answer: Any) -> Findings:
        copies = {address: self.copy_of(address) for address in (self.to, self.cc, self.bcc)}
        missing = [address for address, copy in copies.items() if copy is None]
        if missing:
            yield self.not_there(missing)
            return ""
        for address in (self.to, self.cc):
            yield from self.given_away(address, copies[address] or b"")
        wrong = [*self.otherwise(copies)]
        yield from wrong[:1]
        said = [step for step in self.lab.trace.only(Hear) if self.is_rcpt(step)]
        return (
            f"Right. {self.bcc} was named in {len(said)} command{'s' * (len(said) != 1)} RCPT, and in nobody else's "
            f"letter. What did {self.bcc} get? The same letter, in which {self.bcc} does not stand: whoever then "
            f"answers to all has told."
        )

    def copy_of(self, address: str) -> bytes | None:
        """The last letter with this subject in somebody's mailbox."""
        found = [mail for mail in self.lab.mailbox(address) if field(mail, "Subject").strip() == self.subject]
        return found[-1] if found else None

    def is_rcpt(self, step: Step) -> bool:
        data = getattr(step.act, "data", b"")
        return data[:4].upper() == b"RCPT" and self.bcc.encode() in data.lower()

    def not_there(self, missing: list[str]) -> Wrong:
        if len(missing) == 3:
            return Wrong(
                f"Nobody has a letter *{self.subject}*.", f"Which call sends it: `s6.lab.send({self.user!r}, …)`?"
            )
        told = any(b"\nbcc:" in getattr(step.act, "data", b"").lower() for step in self.lab.trace.only(Hear))
        names = " and ".join(missing)
        if missing == [self.bcc] and told:
            return Wrong(
                f"{self.bcc} has no letter, though there was a field Bcc.",
                "Which server has read that field, and what do servers go by?",
            )
        return Wrong(f"{names} got no letter *{self.subject}*.", "Whom did the envelope name? One RCPT for each.")

    def given_away(self, address: str, copy: bytes) -> Iterator[Wrong]:
        """Where the hidden address stands in somebody's copy."""
        for number, line in enumerate(copy.split(b"\r\n"), 1):
            if self.bcc.encode() in line.lower():
                shown = quoted(line.decode("utf-8", "replace"))
                stored = [s for s in self.lab.trace.only(Store) if getattr(s.act, "message", b"") == copy]
                ask = "Who could have taken that line out, and who did not look?"
                if line.lower().startswith((b"to:", b"cc:", b" ")):
                    ask = "Which fields does everybody see, and who wrote this one?"
                yield Wrong(
                    f"In the letter of {address}, line {number} is `{shown}`.",
                    ask,
                    stored[-1].number if stored else None,
                )
                return

    def otherwise(self, copies: dict[str, bytes | None]) -> Iterator[Wrong]:
        """The fields, and whether it is one letter."""
        for address, copy in copies.items():
            assert copy is not None
            for name, wanted in (("To", self.to), ("Cc", self.cc)):
                if said_in(copy, name) != [wanted]:
                    there = ", ".join(said_in(copy, name)) or "nobody"
                    yield Wrong(
                        f"In the letter of {address}, {name} names {quoted(there)}, and should name {wanted}.",
                        "One letter, three readers: does each of them read the same?",
                    )
            if said_in(copy, "From") != [self.user]:
                yield Wrong(f"From is `{quoted(field(copy, 'From'))}`.", f"Who writes? It is {self.user}.")
        ids = {field(copy or b"", "Message-ID") for copy in copies.values()}
        if len(ids) != 1:
            yield Wrong(
                f"The three have {len(ids)} letters with different Message-IDs.",
                "A copy is the same letter. How does one letter get three addresses?",
            )


# -- S7 ----------------------------------------------------------------------------------------------------------------


class S7(Exercise):
    """A forged letter gets through where a record lets it; then the record is repaired."""

    title = "Mallory writes as somebody else"
    minutes = 10
    hints = (
        "`s7.lab.send(MAIL FROM, s7.user, from_=..., client=s7.client, ...)` calls the MX straight from her "
        "computer. The reply tells who was refused, and by whose policy. Try all of them.",
        "`print(s7.lab.zone.text())`: which company's `_dmarc` record asks for nothing? Write in the name of one of "
        "its people.",
        "Then the same record, made strict: `s7.lab.zone.edit('_dmarc.some.example', TXT='v=DMARC1; p=reject')`. "
        "Nothing else has to change.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.lab = Lab(seed=dice.randrange(1, 10_000))
        self.client = HER_COMPUTER
        self.weak = dice.choice(["alpha.example", "beta.example"])
        self.subject = f"{dice.choice(SUBJECTS)} {dice.randrange(100, 1000)}"
        for domain in ("alpha.example", "beta.example"):
            self.lab.zone.edit(f"_dmarc.{domain}", TXT=f"v=DMARC1; p={'none' if domain == self.weak else 'reject'}")
        self.user = dice.choice([one for one in PEOPLE if domain_of(one) != self.weak])
        self.authors = dice.sample([one for one in PEOPLE if domain_of(one) in ("alpha.example", "beta.example")], 4)
        self.authors = [one for one in self.authors if one != self.user]

    @property
    def task(self) -> str:
        return (
            f"This stays in the lab; outside it may be a crime. You are {MALLORY}, at {self.client}.\n\n"
            f"1. **Get a letter** with the subject *{self.subject}* into the inbox of {self.user} (not into Junk), "
            f"whose From: is one of these: {', '.join(self.authors)}. "
            f"You call from your own computer (`client=s7.client`), and change no record in the DNS for it.\n"
            f"2. Then change sides, and **close the gap**: change one record, so that the same letter does not get in "
            f"again, and honest letters still do.\n\n"
            f"At the end: `check(s7)`."
        )

    def judge(self, answer: Any) -> Findings:
        forged = [mail for mail in self.lab.mailbox(self.user) if field(mail, "Subject").strip() == self.subject]
        spoofs = [mail for mail in forged if self.is_spoof(mail)]
        if not spoofs:
            yield self.no_spoof(forged)
            return ""
        if wrong := self.not_from_her(spoofs[-1]):
            yield wrong
            return ""
        if not self.was_in_before():
            yield Wrong(
                "A record was changed before your letter got in.",
                "Which company's gap was there already? Begin afresh, and leave the DNS alone until the letter is in.",
            )
            return ""
        author = next(one for one in said_in(spoofs[-1], "From") if one in self.authors)
        again = self.again(author)
        if again.delivered == (self.user,):
            records = self.lab.zone.records(f"_dmarc.{domain_of(author)}", "TXT")
            yield Wrong(
                f"The letter is in. The same letter, sent once more just now, got in again: the record at "
                f"`_dmarc.{domain_of(author)}` is `{quoted(', '.join(records) or 'not there')}`.",
                "Whose record says what happens to letters that cannot prove whose they are?",
                last_rule(again),
                again.trace,
            )
            return ""
        yield from self.honest()
        where = f"refused: `{quoted(again.refused)}`" if again.refused else f"put into {', '.join(again.delivered)}"
        path = quoted(field(spoofs[-1], "Return-Path"))
        return (
            f"Right. Your letter got in as {author}, with Return-Path `{path}`; the same one is now {where}. Nobody "
            f"changed SMTP: it takes any From:. The owner of a domain asks, and the receiver looks."
        )

    def again(self, author: str) -> Mail:
        return self.lab.send(
            MALLORY, self.user, from_=author, client=self.client, subject=self.subject, text="Again.", read=False
        )

    def no_spoof(self, forged: list[bytes]) -> Wrong:
        if forged:
            return Wrong(
                f"The letter is in, and its From: is `{quoted(field(forged[-1], 'From'))}`.",
                "Whom does the reader take for its author? In which argument does `lab.send` take what From: says?",
            )
        refusals = [s for s in self.lab.trace.only(Rule) if getattr(s.act, "name", "") == "mta.dmarc-reject"]
        if refusals:
            domain = getattr(refusals[-1].act, "because", {}).get("domain", "")
            return Wrong(
                f"No such letter is in the inbox of {self.user}. One was refused, as the policy of {domain} asks.",
                "Do all companies ask for that? Look for the record that asks for nothing.",
                refusals[-1].number,
            )
        if any(field(mail, "Subject").strip() == self.subject for mail in self.lab.mailbox(self.user, "Junk")):
            return Wrong(f"The letter is in the Junk folder of {self.user}.", "Whose policy asked for that?")
        return Wrong(
            f"No letter *{self.subject}* is in the inbox of {self.user}.",
            "Which server takes letters for that address from anybody, and whom does it want named on the envelope?",
        )

    def not_from_her(self, spoof: bytes) -> Wrong | None:
        """Who called: the topmost Received says it, and the server wrote that itself."""
        [top, *_] = [one.text for one in Message(spoof).all("Received")]
        if f"[{self.client}]" in top:
            return None
        return Wrong(
            f"The letter is in, and it came `{quoted(top.partition(';')[0], 90)}`.",
            f"Mallory sits at {self.client}, and nowhere else. Which argument says from where you call?",
        )

    def was_in_before(self) -> bool:
        """Whether such a letter had got in before the first record was changed (two changes made this world)."""
        done = self.lab.inputs
        edit = next((n for n, past in enumerate(done) if n > 1 and past.name.startswith("zone.")), len(done))
        then = self.lab.beside(self.lab.history.again(done[:edit]))
        return any(self.is_spoof(mail) for mail in then.mailbox(self.user))

    def is_spoof(self, mail: bytes) -> bool:
        return field(mail, "Subject").strip() == self.subject and bool(set(said_in(mail, "From")) & set(self.authors))

    def honest(self) -> Iterator[Wrong]:
        """Letters of those who write as themselves still arrive."""
        for sender in self.authors:
            mail = self.lab.send(sender, self.user, subject="Really me", text="Hello.", read=False)
            if mail.delivered != (self.user,):
                became = mail.refused or f"put into {', '.join(mail.delivered) or 'no mailbox'}"
                yield Wrong(
                    f"The gap is closed, and a letter that {sender} really wrote did not get into the inbox: "
                    f"{quoted(became)}.",
                    "Which record had nothing to do with the gap, and is now missing?",
                    last_rule(mail),
                    mail.trace,
                )
                return


def last_rule(mail: Mail) -> int | None:
    rules = mail.trace.only(Rule)
    return rules[-1].number if rules else None


# -- M5 ----------------------------------------------------------------------------------------------------------------


class M5(Exercise):
    """Where did it come from?  Received fields, some of them written by whoever sent it."""

    title = "Which of these lines can you believe?"
    minutes = 12
    hints = (
        "Begin at the top: that line was written by the server that put the letter into the mailbox. Which address "
        "did it write down, the one in brackets?",
        "If that address is one of the three servers, the next line was written by it, and counts too: it must say "
        "`by` that server. If not, the caller could have written anything, and everything below is his.",
        "So go down as long as the address in brackets is that of a server that you trust. The last line that you "
        "could believe has the answer; count those below it.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.lab = Lab(seed=dice.randrange(1, 10_000))
        self.user = dice.choice(["bob@beta.example", "bella@beta.example"])
        nobodies = [f"203.0.113.{n}" for n in range(70, 120)] + [f"198.51.100.{n}" for n in range(120, 200)]
        strangers = dice.sample(nobodies, 3)
        alpha, gamma = SERVERS["mx.alpha.example"], SERVERS["mx.gamma.example"]
        made = [  # (letter, the address it really came from, how many Received fields are forged)
            self.honest(dice.choice(["alice@alpha.example", "amir@alpha.example", "carol@gamma.example"]), 0),
            self.straight(strangers[0], "mx.alpha.example", self.chain("alpha", alpha, 2)),
            self.straight(strangers[1], f"host{dice.randrange(9)}.isp.example", self.chain("gamma", gamma, 1)),
            self.straight(strangers[2], "mx.beta.example", self.chain("alpha", alpha, 3)),
            self.honest(MALLORY, dice.choice([1, 2])),
        ]
        dice.shuffle(made)
        named = dict(zip("ABCDE", made, strict=True))
        self.letters = {name: mail.message for name, (mail, _, _) in named.items()}
        self.truth = {name: (address, forged) for name, (_, address, forged) in named.items()}

    def chain(self, company: str, address: str, count: int) -> list[str]:
        """Received fields as the forger writes them: with the servers' own words."""
        host, laptop, network = f"mx.{company}.example", f"laptop.{company}.example", address.rpartition(".")[0]
        end, number = f"\r\n for <{self.user}>; {self.lab.clock.stamp()}", self.dice.randrange(1, 30)
        whole = [
            f"from {host} ([{address}])\r\n by mx.beta.example with ESMTPS id L{number:04d}{end}",
            f"from {laptop} ([{network}.10])\r\n by {host} with ESMTPSA id L{number + 3:04d}{end}",
            f"from printer.{company}.example ([{network}.30])\r\n by {laptop} with SMTP id L{number:04d}{end}",
        ]
        return [f"Received: {one}\r\n" for one in (whole[1:2] if count == 1 else whole[:count])]

    def written(self, author: str, forged: list[str]) -> bytes:
        lines = [
            *forged,
            f"From: {author}\r\nTo: {self.user}\r\nSubject: {self.dice.choice(SUBJECTS)}\r\n",
            f"Date: {self.lab.clock.stamp()}\r\nMessage-ID: <{self.dice.randrange(10**6)}@{domain_of(author)}>\r\n",
            "\r\nPlease answer soon.\r\n",
        ]
        return "".join(lines).encode()

    def honest(self, sender: str, count: int) -> tuple[Mail, str, int]:
        """By the sender's own server; what stands below its line is the sender's word."""
        company = COMPANIES[domain_of(sender)]
        network = company.network
        forged = self.chain("alpha", "192.0.2.25", count) if count else []
        mail = self.lab.send(sender, self.user, message=self.written(sender, forged), read=False)
        return mail, f"{network}.{company.people[sender.partition('@')[0]]}", count

    def straight(self, client: str, helo: str, forged: list[str]) -> tuple[Mail, str, int]:
        """To the MX, from anywhere, with any name."""
        data = self.written("carol@gamma.example", forged)
        sent = dict(message=data, client=client, helo=helo, read=False)
        return self.lab.send("carol@gamma.example", self.user, **sent), client, len(forged)  # type: ignore[arg-type]

    @property
    def task(self) -> str:
        servers = ", ".join(f"{host} at {address}" for host, address in SERVERS.items())
        return (
            f"`m5.letters` holds five letters, A to E, as {self.user} got them. You trust three servers to write the "
            f"truth: {servers}. You trust nobody else.\n\n"
            f"For each letter find two things in its Received fields: the **address of the computer it came from**, as "
            f"far back as you can believe, and **how many** Received fields you cannot believe. Make a dict `answers`, "
            f"as in `{{'A': ('192.0.2.10', 0), ...}}`. At the end: `check(m5, answers)`."
        )

    def judge(self, answer: Any) -> Findings:
        if not isinstance(answer, dict):
            yield Wrong(f"You handed in a {type(answer).__name__}.", "Did you write `check(m5, answers)`, with a dict?")
            return ""
        for name, (address, forged) in self.truth.items():
            given = answer.get(name)
            if not isinstance(given, list | tuple) or len(given) != 2:
                shown = quoted(given) if name in answer else "nothing"
                yield Wrong(f"For letter {name} you said {shown}.", "A pair is asked for: an address, and a number.")
                continue
            yield from self.wrong_about(name, str(given[0]).strip("[] "), given[1], address, forged)
        total = sum(forged for _, forged in self.truth.values())
        return (
            f"Right, all five. {total} of the Received fields were written by whoever sent the letter, in the very "
            f"words of the servers. The topmost one is your own server's; from there you go down as far as you trust."
        )

    def wrong_about(self, name: str, said: str, count: Any, address: str, forged: int) -> Iterator[Wrong]:
        received = [one.text for one in Message(self.letters[name]).all("Received")]
        holding = [n for n, line in enumerate(received, 1) if f"[{said}]" in line]
        if said != address:
            where = (
                f"line {holding[0]} of the Received fields, from the top" if holding else "none of its Received fields"
            )
            if not holding:
                ask = "The address stands in brackets behind the name that the caller gave for himself."
            elif holding[0] > len(received) - forged:
                ask = "Who wrote that line: a server that you trust, or somebody who called it?"
            else:
                ask = "That is one of the servers. Who handed it the letter, and does it say so itself?"
            yield Wrong(f"Letter {name}: {quoted(said, 30)} stands in {where}.", ask)
        elif count != forged:
            ask = "The caller at that address is no server of yours: what of all that stands below?"
            if isinstance(count, int) and count > forged:
                ask = "A line that one of the three servers wrote is true. Which of them did?"
            told = f"Of {len(received)} Received fields you do not believe {quoted(count)}."
            yield Wrong(f"Letter {name}: the address is right. {told}", ask)
