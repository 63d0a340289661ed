"""Exercises of lesson 05: what somebody on the way can read, and what stops him."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ..acts import Accept
from ..lab import Lab
from ..lab.typed import Typed
from ..views.tap import Row, conversations, tap
from .apart import Offered, Stopped, apart
from .frame import Exercise, Findings, Wrong
from .maildrop import SUBJECTS, TEXTS, quoted
from .source import Source

NAMES = ("nora", "omar", "petra", "quinn", "rosa", "sven", "tara", "ugo")
ALPHA, BETA = "mx.alpha.example", "mx.beta.example"


def calls_to(lab: Lab, host: str, since: int = 0) -> list[str]:
    """The calls that a host took, from this step on."""
    taken = [step for step in lab.trace.only(Accept) if step.actor == host and step.number >= since]
    return [step.conversation for step in taken if not step.conversation.startswith(f"{host}:25/")]


def could_be_read(rows: Sequence[Row], secret: str) -> Row | None:
    """The first piece in which somebody on the way could read this, in base64 or not."""
    data = secret.encode()
    for row in rows:
        seen = row.read if row.read is not None else None if row.sealed else row.wire
        if secret in row.decoded or (seen and data in seen):
            return row
    return None


# -- T1 ----------------------------------------------------------------------------------------------------------------


class T1(Exercise):
    """Read a password off the wire; then set the server up so that no program shows one again."""

    title = "Read a password, then make it impossible"
    minutes = 8
    hints = (
        "`t1.calls` are the calls to the server, `t1.lab.tap(name)` is what the attacker saw of one. Which of them has "
        "no TLS at the place where somebody logs in?",
        "A server says in its answer to `EHLO` which ways to log in there are, and a program takes one of them. What "
        "if it offered those that show a password only under TLS? `t1.lab.configure(...)` takes the settings.",
        '`plain_needs_tls=True` at `"mx.alpha.example"`. Compare it with `tls_required=True`: at which moment does '
        "each of them say no?",
    )

    def set_up(self) -> None:
        dice = self.dice
        names = dice.sample(NAMES, 3)
        self.people = [f"{name}@alpha.example" for name in names]
        self.user = dice.choice(["bob@beta.example", "bella@beta.example"])
        self.lab = Lab(seed=dice.randrange(1, 10_000), opinions=False, staff={"alpha.example": names})
        programs = ["may", *dice.sample(["must", "verify", "implicit"], 2)]
        dice.shuffle(programs)
        self._programs = dict(zip(self.people, programs, strict=True))
        self._hide(self.lab)
        for person in self.people:
            self._write(self.lab, person, dice.choice(SUBJECTS), dice.choice(TEXTS))
        self._began = len(self.lab.trace)

    def _hide(self, lab: Lab) -> None:
        """The attacker at alpha's server: no TLS is offered, nor a way to log in that hides the password."""
        lab.attacker.strip_offer("STARTTLS", host=ALPHA)
        lab.attacker.strip_auth(host=ALPHA)

    def _write(self, lab: Lab, person: str, subject: str, text: str) -> None:
        """A letter by this person's own program."""
        lab.send(person, self.user, subject=subject, text=text, tls=self._programs[person], read=False)

    @property
    def calls(self) -> list[str]:
        """The names of the calls to alpha's submission server."""
        return calls_to(self.lab, ALPHA)

    @property
    def careless(self) -> str:
        """Whose program goes on without TLS: the check knows it."""
        return next(person for person, how in self._programs.items() if how == "may")

    @property
    def task(self) -> str:
        return (
            f"Three people of alpha.example have written to {self.user}, each with a mail program of their own, and "
            f"the attacker sits on the wire to `{ALPHA}`. **(a)** Whose password could he read? Hand in "
            f"`found = (address, password)`, as read off the wire. **(b)** Set `{ALPHA}` up so that none of the three "
            f"programs shows him a password again, although he stays where he is; and when he is away, all three "
            f"letters must still go. At the end: `check(t1, found)`."
        )

    def judge(self, answer: Any) -> Findings:
        found = list(answer) if isinstance(answer, list | tuple) else []
        wanted = [self.careless, self.lab.password(self.careless)]
        if [str(one) for one in found] != wanted:
            yield self._other(found)
        lab, since = self.lab, len(self.lab.trace)
        went, again = not lab.attacker, False
        lab.attacker.stop()
        self._hide(lab)  # whoever sent him away: he comes back
        for person in self.people:
            before = len(lab.trace)
            self._write(lab, person, "Once more", "Is he still there?")
            for name in calls_to(lab, ALPHA, before):
                row = could_be_read(tap(lab.trace, name), lab.password(person))
                if row and went:
                    yield Wrong(
                        "You have sent the attacker home, and he has come back: he reads a password again.",
                        "Who decides whether he sits there, and what is yours to decide?",
                        row.n,
                    )
                elif row:
                    yield self._still(row, name)
        lab.attacker.stop()
        for person in self.people:
            mail = lab.send(
                person, self.user, subject="Away", text="Does it go?", tls=self._programs[person], read=False
            )
            if not mail.delivered and not again:
                again = True
                yield Wrong(
                    f"The attacker is away, and the letter of {person} does not arrive any more: {quoted(mail.reply)}.",
                    "What has to stay possible for somebody who uses TLS?",
                    next((step.number for step in lab.trace[since:] if step.actor == person), None),
                )
        return (
            f"Right. It was {self.careless}, whose program goes on without TLS. Now the server offers no way to log in "
            f"that shows a password before TLS, so that program finds none, and says nothing; and with the attacker "
            f"away all three letters arrive. (A program that says AUTH PLAIN unasked no server can stop.)"
        )

    def _other(self, found: list[Any]) -> Wrong:
        name = calls_to(self.lab, ALPHA)[self.people.index(self.careless)]
        if found and found[0] in self.people and found[0] != self.careless:
            return Wrong(
                f"You say {quoted(found[0])}, and in that call nothing of a password went over the wire in the clear.",
                "In which of the three calls does somebody log in without TLS?",
                self._step(name),
            )
        if found and found[0] == self.careless:
            return Wrong(
                f"It is {quoted(found[0])}, but the password is not {quoted(found[-1] if found[1:] else '')}.",
                "What does the tap write under the base64, after the sign =?",
                self._step(name),
            )
        return Wrong(
            f"You handed in {quoted(found or 'nothing')}, and what is wanted is (address, password).",
            "What does `t1.lab.tap(t1.calls[0])` show, and the others?",
            self._step(name),
        )

    def _step(self, name: str) -> int:
        return next(step.number for step in self.lab.trace.only(Accept) if step.conversation == name)

    def _still(self, row: Row, name: str) -> Wrong:
        said = next((one for one in tap(self.lab.trace, name) if one.n > row.n and one.sender == "server"), None)
        reply = (said.said or b"").decode("ascii", "replace").strip() if said else ""
        no = reply[:1] in ("4", "5")
        return Wrong(
            f"The attacker reads a password still: {quoted(row.decoded or 'in the clear')}."
            + (f" The server said {quoted(reply)}, and by then it had been shown." if no else ""),
            "Which of the server's settings speaks before the password does?"
            if no
            else "What does the server offer before there is TLS?",
            row.n,
        )


# -- T2 ----------------------------------------------------------------------------------------------------------------


class Watched:
    """A call that the learner's program speaks over: its lines go to the server, and nothing else is possible."""

    def __init__(self, call: Typed) -> None:
        self.call = call

    def send(self, line: str) -> str:
        return self.call.send(str(line)) if "\n" not in str(line) else ""

    def starttls(self) -> str:
        return self.call.starttls()


class Place(NamedTuple):
    """A world in which the learner's program is to log in."""

    what: str
    lab: Lab
    safe: bool  # there is TLS to be had


class T2(Exercise):
    """A program that logs in under TLS or not at all."""

    title = "Refuse the stripped session"
    minutes = 10
    hints = (
        "Is there a line `250-STARTTLS` or `250 STARTTLS` in the answer to `EHLO`? If there is none, say `QUIT` and "
        "return False.",
        "The answer to `STARTTLS` has to begin with `220`. And `.starttls()` returns what went wrong, or an empty "
        "string.",
        "After the handshake the server has forgotten all (RFC 3207 §4.2): say `EHLO` again, then `AUTH PLAIN`.",
    )

    worlds = (
        "STARTTLS is stripped",
        "STARTTLS was the last line, and is stripped",
        "The server says 454 to STARTTLS",
        "The certificate is another",
        "Nobody is on the wire",
    )

    def set_up(self) -> None:
        dice = self.dice
        name = f"{dice.choice(NAMES)}.{dice.choice(NAMES)}"
        self._staff = {"alpha.example": [name]}
        self.user = f"{name}@alpha.example"
        self.lab = Lab(seed=dice.randrange(1, 10_000), opinions=False, staff=self._staff)

    @property
    def token(self) -> str:
        """The user's name and password as AUTH PLAIN wants them (RFC 4616 §2)."""
        return base64.b64encode(f"\0{self.user}\0{self.password}".encode()).decode()

    @property
    def task(self) -> str:
        return (
            "The program below logs in wherever it can, and so its password can be had by whoever strips STARTTLS. "
            "**Change `log_in(smtp, token)` so that it logs in under TLS or not at all**: it returns True when the "
            "server has said `235`, and otherwise says `QUIT` and returns False, without a word of `AUTH`. `smtp.send` "
            "says a line and returns the reply; `smtp.starttls()` does the handshake, which verifies the server's "
            "certificate, and returns an empty string, or what went wrong. `token` is what stands behind `AUTH PLAIN`. "
            "At the end: `check(t2, log_in)`."
        )

    def judge(self, answer: Any) -> Findings:
        if not isinstance(answer, Source):
            yield Wrong(
                f"You handed in {quoted(answer)}, and what is wanted is the function.",
                "Is it `check(t2, log_in)`, without brackets behind `log_in`?",
            )
            return ""
        found: dict[str, list[Wrong]] = {}
        with apart(answer) as log_in:
            for place in self._places():
                call = place.lab.smtp("submission", client="192.0.2.10")
                try:
                    said = log_in(Offered(Watched(call), ("send", "starttls")), self.token)
                except Stopped as why:
                    yield Wrong(f"{place.what}: your function was called. {why}", "", 0, place.lab.trace)
                    return ""
                found[place.what] = list(self._findings(place, said))
        for what in self.worlds:  # the plainest first, and one is enough
            if found[what]:
                yield found[what][0]
                return ""
        return (
            f"Right, in {len(found)} worlds. Where TLS was to be had your program logged in under it; everywhere "
            f"else the attacker saw `EHLO`, `QUIT`, and no password. It sends less mail, and loses nothing."
        )

    def _places(self) -> Iterator[Place]:
        """Worlds with and without somebody on the wire, in an order that the check chooses."""
        dice = self.hidden
        made = []
        for what in self.worlds:
            lab = Lab(seed=dice.randrange(1, 10_000), opinions=False, staff=self._staff)
            if "stripped" in what:
                lab.attacker.strip_offer("STARTTLS")
            if "last line" in what:
                lab.attacker.strip_offer("AUTH", "LIMITS", "EXPN", "HELP", "ETRN")
            if "454" in what:
                lab.faults.error(ALPHA, "STARTTLS", "454 4.7.0 TLS is not available now")
            if "certificate" in what:
                lab.attacker.swap_certificate(dice.choice(["wrong name", "self-signed", "unknown CA", "expired"]))
            made.append(Place(what, lab, what.startswith("Nobody")))
        dice.shuffle(made)
        return iter(made)

    def _findings(self, place: Place, said: Any) -> Iterator[Wrong]:
        rows = tap(place.lab.trace)
        clear = [row for row in rows if row.sender == "client" and not row.sealed and row.wire]
        shown = could_be_read(rows, self.password)
        logged_in = [
            row for row in rows if row.sender == "server" and row.sealed and (row.said or b"").startswith(b"235")
        ]
        if shown:
            yield Wrong(
                f"{place.what}: your program said {quoted((shown.wire or b'').decode('ascii', 'replace').strip())} in "
                f"the clear, and anybody on the way reads {quoted(shown.decoded or self.password)}.",
                "What did it know at that moment about TLS?",
                shown.n,
                place.lab.trace,
            )
        elif word := next((row for row in clear if row.wire and row.wire.upper().startswith(b"AUTH")), None):
            yield Wrong(
                f"{place.what}: your program began to log in, in the clear.",
                "What did it know at that moment about TLS?",
                word.n,
                place.lab.trace,
            )
        elif place.safe and not logged_in:
            last = next((row for row in reversed(rows) if row.sender == "server" and row.said), rows[0])
            yield Wrong(
                f"{place.what}, and your program has not logged in; the server's last words were "
                f"{quoted((last.said or b'').decode('ascii', 'replace').strip().splitlines()[-1])}.",
                "What has the server forgotten at the handshake?"
                if any(row.sealed for row in rows)
                else "Does it do the handshake, where STARTTLS is offered?",
                last.n,
                place.lab.trace,
            )
        elif bool(said) is not place.safe or not isinstance(said, bool):
            yield Wrong(
                f"{place.what}: your function returned {quoted(repr(said))}.",
                "What does whoever calls it want to know?",
                rows[-1].n,
                place.lab.trace,
            )
        elif not place.safe and not any(row.sealed for row in rows) and clear[-1].wire != b"QUIT\r\n":
            yield Wrong(
                f"{place.what}: nothing was shown, and your program left without a `QUIT`.",
                "How does a server learn that you are done?",
                clear[-1].n,
                place.lab.trace,
            )


# -- T3 ----------------------------------------------------------------------------------------------------------------

Pieces = list[tuple[str, bytes]]  # (who, octets), in the order in which they passed the middle
KINDS = ("implicit", "starttls", "clear")
UPGRADES = {25: "STARTTLS", 587: "STARTTLS", 2525: "STARTTLS", 110: "STLS", 143: "a STARTTLS"}
HELLO = {110: "CAPA", 995: "CAPA", 143: "a0 CAPABILITY", 993: "a0 CAPABILITY"}  # SMTP's is EHLO
IMPLICIT = {"submissions": 465, "pop3s": 995, "imaps": 993}


class T3(Exercise):
    """Tell three kinds of calls apart by what passes first, and not by the port."""

    title = "Implicit, STARTTLS, or none? By the first octets"
    minutes = 8
    hints = (
        "Who speaks first in SMTP, POP3 and IMAP when there is no TLS? And who speaks first in TLS?",
        "A TLS handshake begins with a record of type 22, which is the octet 0x16: `data[0] == 0x16`.",
        "That STARTTLS is offered, or even said, does not mean that TLS comes. And a letter may contain any octet at "
        "all; what does a *server* never begin with, as long as it talks in lines of text?",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.user = "bob@beta.example"
        self.lab = Lab(seed=dice.randrange(1, 10_000), opinions=False)
        among = [
            ("implicit", [465, 995, 993]),
            ("starttls", [587, 25]),
            ("starttls", [110, 143]),
            ("clear", [587, 2525]),
        ]
        made = [self._call(self.lab, kind, dice.choice(ports)) for kind, ports in among]
        dice.shuffle(made)
        self.calls = {letter: self._pieces(self.lab, call) for letter, call in zip("ABCD", made, strict=True)}

    def _call(self, lab: Lab, kind: str, port: int) -> Typed:
        """A call of this kind, up to where its client has said a little."""
        reader = {110: lab.pop3, 995: lab.pop3, 143: lab.imap, 993: lab.imap}.get(port)
        name = next((name for name, number in IMPLICIT.items() if number == port), "")
        call = reader(name or self.user) if reader else lab.smtp(name or f"{ALPHA}:{port}")
        hello = HELLO.get(port, "EHLO laptop.alpha.example")
        call.send(hello)
        if kind == "starttls":
            call.send(UPGRADES[port])
            call.starttls()
            call.send(hello)
        return call

    def _pieces(self, lab: Lab, call: Typed) -> Pieces:
        """What passed the middle, in order: lines of text, or TLS records."""
        return lab.tap(call.line.part.conversation if call.line.part else "").pieces

    @property
    def task(self) -> str:
        return (
            "`t3.calls` has four calls as somebody on the way saw them, each a list of `(who, octets)` in the order in "
            'which they passed; who is `"client"` or `"server"`. Nobody says on which port. **Write `kind(pieces)`**: '
            'it returns `"implicit"` when TLS is there from the start, `"starttls"` when the talk begins in the clear '
            'and goes under TLS later, and `"clear"` when it never does. At the end: `check(t3, kind)`. (The check has '
            "more calls, and they are not all as simple.)"
        )

    def judge(self, answer: Any) -> Findings:
        if not isinstance(answer, Source):
            yield Wrong(
                f"You handed in {quoted(answer)}, and what is wanted is the function.",
                "Is it `check(t3, kind)`, without brackets behind `kind`?",
            )
            return ""
        lab = Lab(seed=self.hidden.randrange(1, 10_000), opinions=False)
        lab.faults.error(BETA, "STARTTLS", "454 4.7.0 TLS is not available now")
        wanted = [("implicit", port, "implicit") for port in (465, 995, 993)]
        wanted += [("starttls", port, "starttls") for port in (587, 2525, 110, 143)]
        wanted += [("clear", 587, "clear"), ("clear", 110, "clear"), ("clear", 143, "clear")]
        self.hidden.shuffle(wanted)
        cases = [(kind, right, self._call(lab, kind, port)) for kind, port, right in wanted]
        cases.append(("refused", "clear", self._refused(lab)))
        cases.append(("letter", "clear", self._letter(lab)))
        said = self.call(answer, *([self._pieces(lab, call)] for *_, call in cases))
        for (kind, right, call), yours in zip(cases, said, strict=True):
            if yours != right:
                yield self._unlike(kind, right, yours, lab, call)
                return ""
        return (
            f"Right, {len(cases)} calls on eight ports. TLS shows itself in one octet, 0x16: as the very first one "
            f"where it is implicit, and as the server's where it began later. The port was not needed."
        )

    def _refused(self, lab: Lab) -> Typed:
        call = lab.smtp(BETA)
        call.send("EHLO laptop.alpha.example")
        call.send("STARTTLS")
        call.send("MAIL FROM:<amir@alpha.example>")
        return call

    def _letter(self, lab: Lab) -> Typed:
        call = lab.smtp(BETA)
        call.send("EHLO laptop.alpha.example")
        for line in ["MAIL FROM:<amir@alpha.example>", "RCPT TO:<bob@beta.example>", "DATA"]:
            call.send(line)
        call.send(b"\x16\x03\x01 is how a TLS handshake begins, and STARTTLS asks for it.\r\n.\r\n")
        return call

    def _unlike(self, kind: str, right: str, yours: Any, lab: Lab, call: Typed) -> Wrong:
        pieces = self._pieces(lab, call)
        who, first = pieces[0]
        what, ask = {
            "refused": (
                "the client said `STARTTLS`, and the server answered 454",
                "Is it the word that makes TLS, or what comes behind it?",
            ),
            "letter": (
                "a letter in it begins with the octets 16 03 01, and has the word STARTTLS in it",
                "Who has sent those octets, and what has the other side answered?",
            ),
            "clear": (
                "it never goes under TLS, though the server may offer it",
                "Is an offer of STARTTLS the same as TLS?",
            ),
            "starttls": (
                f"the server speaks first, {quoted(first[:20].decode('ascii', 'replace'))}, and TLS comes later",
                "Which octet shows that a handshake begins, and where do you look for it?",
            ),
            "implicit": (
                f"its first octets are the {who}'s {first[:3].hex(' ')}",
                "Who speaks first, in TLS and without?",
            ),
        }[kind]
        step = next(one.number for one in lab.trace.only(Accept) if one.conversation == call.line.part.conversation)  # type: ignore[union-attr]
        return Wrong(
            f'In one call {what}: that is "{right}", and your function returned {quoted(repr(yours))}.',
            ask,
            step,
            lab.trace,
        )


# -- T4 ----------------------------------------------------------------------------------------------------------------

MODES = ("none", "testing", "enforce")
OUTCOMES = ("TLS", "clear", "waits")


class T4(Exercise):
    """Nine letters: three situations at the recipient's server, three policies, and what becomes of each."""

    title = "Certificates and MTA-STS: a table of nine"
    minutes = 10
    hints = (
        "Without a policy a sending server takes TLS where it is offered, and any certificate: what is encrypted to "
        "somebody unknown is still better than what everybody reads (RFC 7435).",
        "`testing` changes nothing about the letter: what is wrong is reported (RFC 8461 §5). `enforce` delivers to a "
        "host that fails to be secure not at all, and tries again later.",
        'You need not guess: build a situation in a lab of your own, `lab.mta_sts("beta.example", "enforce")`, send, '
        'and look at `mail.delivered`, `lab.queue("mx.alpha.example")` and `lab.tap("mx.beta.example")`.',
    )

    def set_up(self) -> None:
        dice = self.dice
        self.user = "bob@beta.example"
        self.lab = Lab(seed=dice.randrange(1, 10_000), opinions=False)
        self._bad = dice.choice(["wrong name", "expired", "self-signed", "unknown CA"])
        self.situations = [
            "its own certificate",
            f"a certificate that is no good ({self._bad})",
            "STARTTLS stripped on the way",
        ]
        dice.shuffle(self.situations)

    @property
    def task(self) -> str:
        rows = "; ".join(f"({number}) {one}" for number, one in enumerate(self.situations, 1))
        return (
            "alpha's queue has a letter for beta.example, and keeps to MTA-STS policies. beta's domain publishes a "
            f"policy whose mode is `none`, `testing` or `enforce`. At beta's server there is: {rows}. "
            '**What becomes of the letter?** `"TLS"` it arrives, under TLS; `"clear"` it arrives, readable on the way; '
            '`"waits"` it stays in '
            "the queue. Hand in a dict that has for each mode a list of three words, in the order of "
            "`t4.situations`. At the end: `check(t4, table)`."
        )

    def judge(self, answer: Any) -> Findings:
        if not isinstance(answer, dict) or sorted(map(str, answer)) != sorted(MODES):
            yield Wrong(
                f"You handed in {quoted(answer)}, and what is wanted is a dict with "
                f"{', '.join(quoted(mode) for mode in MODES)}.",
                "Which word stands before each of the three lists?",
            )
            return ""
        for mode in MODES:
            yours = answer[mode]
            if not isinstance(yours, list | tuple) or len(yours) != 3 or not set(map(str, yours)) <= set(OUTCOMES):
                yield Wrong(
                    f'For "{mode}" you handed in {quoted(yours)}: three words are wanted, '
                    'each "TLS", "clear" or "waits".',
                    "What can become of a letter?",
                )
                return ""
        for mode in MODES:
            for situation, guess in zip(self.situations, answer[mode], strict=True):
                lab, truth = self._run(mode, situation)
                if guess != truth:
                    yield self._unlike(mode, situation, str(guess), truth, lab)
                    return ""
        return (
            "Right, all nine, each really sent. Only `enforce` ever keeps a letter back, and it does so for both: "
            "a certificate that is no good, and no TLS at all. `testing` costs nothing, and tells the domain what "
            "`enforce` would cost."
        )

    def _run(self, mode: str, situation: str) -> tuple[Lab, str]:
        """One of the nine, as it really goes."""
        lab = Lab(seed=self.hidden.randrange(1, 10_000), opinions=False)
        lab.mta_sts("beta.example", mode)
        if "stripped" in situation:
            lab.attacker.strip_offer("STARTTLS", host=BETA)
        if self._bad in situation:
            lab.configure(BETA, certificate=self._bad)
        mail = lab.send("alice@alpha.example", self.user, subject="Nine", text="One of nine.", read=False)
        if not mail.delivered:
            return lab, "waits"
        calls = [name for name in conversations(lab.trace) if name.startswith(f"{BETA}:25/")]
        sealed = any(row.sealed and (row.heard or b"").startswith(b"MAIL ") for row in tap(lab.trace, calls[-1]))
        return lab, "TLS" if sealed else "clear"

    def _unlike(self, mode: str, situation: str, guess: str, truth: str, lab: Lab) -> Wrong:
        happened = {
            "TLS": "the letter arrives, under TLS",
            "clear": "the letter arrives, and can be read on the way",
            "waits": "the letter waits in alpha's queue",
        }
        ask = {
            ("none", "TLS"): "What does a sender that has no policy do with a certificate that it cannot verify?",
            ("none", "clear"): "How would alpha know that TLS was ever offered?",
            ("testing", "TLS"): "What does `testing` do to a letter, and what to a report (RFC 8461 §5)?",
            ("testing", "clear"): "What does `testing` do to a letter, and what to a report (RFC 8461 §5)?",
            ("enforce", "waits"): "What may a sender under `enforce` do with a host that fails (RFC 8461 §5)?",
            ("enforce", "TLS"): "What is wrong with that server, so that a letter should wait?",
        }[mode, truth]
        calls = [step for step in lab.trace.only(Accept) if step.actor == BETA]
        return Wrong(
            f'Mode `{mode}`, {situation}: you say "{guess}", and {happened[truth]}.',
            ask,
            calls[-1].number if calls else None,
            lab.trace,
        )
