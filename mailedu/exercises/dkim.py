"""Exercises of lesson 09: a domain puts its name to a letter."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from random import Random
from typing import Any, NamedTuple

from ..acts import LabError, Rule
from ..auth.canonical import relaxed_body
from ..auth.dkim import Signature, public_record
from ..auth.dkim.field import read_claim
from ..auth.dkim.hashing import field_hash_input, select
from ..lab import Lab
from ..lab.stage import private_key
from ..lab.verdicts import DkimVerdict
from ..message import Field, Message
from ..opinions import dkimpy
from .frame import Exercise, Findings, Wrong
from .source import Source

ALPHA, BETA = ("alice@alpha.example", "amir@alpha.example"), ("bob@beta.example", "bella@beta.example")
SUBJECTS = ("Lunch on Friday", "The invoice again", "Photos of May", "Tickets for you", "Minutes of Monday")
THINGS = ("chairs", "lamps", "books", "bikes", "clocks")


def letter(dice: Random, body: str = "") -> tuple[str, str, bytes]:
    """(who writes, to whom, an unsigned letter)."""
    sender, recipient = dice.choice(ALPHA), dice.choice(BETA)
    body = body or f"Please send {dice.randrange(2, 90)} {dice.choice(THINGS)}.\n\nThank you"
    text = (
        f"From: {sender}\nTo: {recipient}\nSubject: {dice.choice(SUBJECTS)}\n"
        f"Date: Mon, 23 Nov 2026 09:{dice.randrange(10, 60)}:00 +0000\n"
        f"Message-ID: <{dice.randrange(10**6)}@alpha.example>\n\n{body}\n"
    )
    return sender, recipient, text.replace("\n", "\r\n").encode()


def digest(octets: bytes) -> str:
    return b64encode(sha256(octets).digest()).decode("ascii")


def deciding(verdict: DkimVerdict) -> int:
    """The step that decided."""
    return verdict.trace.only(Rule)[-1].number


def moved(one: Signature) -> str:
    """Which hash does not fit any more: none, body, fields or both."""
    return {(True, True): "none", (False, True): "body", (True, False): "fields", (False, False): "both"}.get(
        (bool(one.body_same), bool(one.fields_good)), "none"
    )


def brief(value: Any, most: int = 60) -> str:
    """What somebody handed in, in a few letters."""
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= most else f"{text[:most]}…"


def not_a_function(answer: Any, name: str, id: str) -> Wrong:
    return Wrong(
        f"You handed in {brief(answer)}. The check needs the function itself, to run it on other letters.",
        f"Did you write `check({id}, {name})`, without brackets behind `{name}`?",
    )


# -- D1 ----------------------------------------------------------------------------------------------------------------

BODIES = (  # what is in it, the body, what to ask whose function makes something else of it
    ("a plain line", b"Hello\r\n", "Should anything change in a body without blanks and empty lines?"),
    ("two blanks inside a line", b"a  b\r\n", "What becomes of several blanks inside a line?"),
    ("tabs", b"a\tb \t c\r\n", "A tab is white space too: what does a tab become, alone or in company?"),
    ("blanks at the end of a line", b"a \t \r\nb\r\n", "What becomes of blanks at the end of a line?"),
    ("a blank at the beginning of a line", b" a\r\n\t b\r\n", "What becomes of blanks at the *beginning* of a line?"),
    ("an empty line in the middle", b"a\r\n\r\n\r\nb\r\n", "Which empty lines go: all of them?"),
    ("empty lines at the end", b"a\r\n\r\n\r\n", "What becomes of empty lines at the end of the body?"),
    ("lines of blanks at the end", b"a\r\n \r\n\t\r\n", "A line of blanks alone: what is it when its blanks are gone?"),
    ("no line end at its end", b"a\r\nb", "How does a body end whose last line had no line end?"),
    ("nothing in it", b"", "What is hashed of an empty body, in the relaxed form?"),
    ("only empty lines", b"\r\n\r\n", "What is left when all empty lines at the end are gone?"),
    (
        "octets beyond ASCII",
        b"gr\xc3\xbc\xc3\x9fe  \xa0 \x0b x\r\n",
        "Blank and tab are white space. Is anything else?",
    ),
)


MOST_TOLD = 3  # of what is wrong: more is more than one reads


class D1(Exercise):
    """A function that makes the relaxed form of a body."""

    title = "The relaxed form"
    minutes = 12
    hints = (
        "Take it line by line: `lines = body.split(b'\\r\\n')`. First lose the blanks at the end of each line: "
        "`line.rstrip(b' \\t')`. Only then shrink: `re.sub(rb'[ \\t]+', b' ', line)`.",
        "Then the empty lines at the end: `while lines and not lines[-1]: lines.pop()`.",
        "Each line that is left ends with CRLF: `b''.join(line + b'\\r\\n' for line in lines)`. "
        "With no line left that is nothing at all, as RFC 6376 §3.4.4 wants it.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.lab = Lab(seed=dice.randrange(1, 10_000))
        body = f"Dear Bob, \n\n  {dice.randrange(2, 90)}  {dice.choice(THINGS)}\tfor you.   \n\n\n"
        self.user, _, plain = letter(dice, body)
        self.letter = self.lab.sign_dkim(plain).message

    @property
    def task(self) -> str:
        return (
            "Write `relaxed(body)`: bytes in, the **relaxed canonical form of a body** out (RFC 6376 §3.4.4). "
            "Use no function of mailedu.\n\n"
            "`d1.letter` was signed with it: your function is on its way when the hash of `relaxed(body)` is what "
            "`bh=` says there. Then `check(d1, relaxed)`, which tries other bodies too."
        )

    def judge(self, answer: Any) -> Findings:
        if not isinstance(answer, Source):
            yield not_a_function(answer, "relaxed", "d1")
            return ""
        cases = [*BODIES, ("what nobody showed you", self.unseen(), "Which of your steps comes first?")]
        made = self.call(answer, *[(body,) for _, body, _ in cases])
        told = 0
        for (what, body, ask), found in zip(cases, made, strict=True):
            wanted = relaxed_body(body)
            told += found != wanted
            if told > MOST_TOLD:
                return ""
            if not isinstance(found, bytes):
                yield Wrong(
                    f"For a body with {what} your function returns {brief(found)}.", "Bytes go in: what comes out?"
                )
            elif found != wanted:
                yield Wrong(
                    f"A body with {what}, {brief(body)}: your function makes {brief(found)}, "
                    f"and {brief(wanted)} is hashed.",
                    ask,
                )
        return (
            f"Right, for {len(cases)} bodies: what your function makes of them has the hash that everybody's bh= holds."
        )

    def unseen(self) -> bytes:
        dice = self.hidden
        pieces = [dice.choice([b"a", b"b", b" ", b"\t", b"  ", b"\r\n"]) for _ in range(300)]
        return b"".join(pieces)


# -- D2 ----------------------------------------------------------------------------------------------------------------


class Signer:
    """Holds a private key, and signs octets with it: SHA-256, then RSA (RFC 6376 §3.3.2)."""

    def __init__(self, domain: str) -> None:
        self.domain = domain
        self.asked: list[bytes] = []

    def sign(self, octets: bytes) -> bytes:
        """The signature of these octets; the hash is taken here."""
        from ..auth.dkim.key import make_signature

        if not isinstance(octets, bytes):
            raise LabError(f"Give the octets to sign as bytes, not as {type(octets).__name__}.")
        self.asked.append(octets)
        return make_signature(private_key(self.domain), sha256(octets).digest())


class D2(Exercise):
    """A function that signs a letter: both hashes and the field by hand, only RSA is done by the key."""

    title = "Sign by hand"
    minutes = 20
    hints = (
        "`Message(letter).body` is the body. `bh=` is the base64 of the SHA-256 of its canonical form.",
        "Write the whole field first, with nothing behind `b=`, and without a line end. What is signed: the fields "
        "that h= names, *in its order*, each in its canonical form; then your own field in its canonical form.",
        "`relaxed_field` puts a CRLF behind every field. Behind your own, the last, there is none: "
        "`.removesuffix(b'\\r\\n')` (RFC 6376 §3.7).",
        "`key.sign(octets)` takes the hash itself. Its result goes behind `b=` as base64, then CRLF, then the letter.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.lab = Lab(seed=dice.randrange(1, 10_000))
        self.domain = dice.choice(["alpha.example", "beta.example", "gamma.example"])
        self.user, _, self.letter = letter(dice, f"Dear Bob, \n\n{dice.randrange(2, 90)}  {dice.choice(THINGS)}.\n\n\n")
        self.key = Signer(self.domain)

    @property
    def task(self) -> str:
        return (
            f"Write `signed(letter, key)`: it returns the letter with a DKIM-Signature in front, for "
            f"`d={self.domain}`, `s=lab`, `c=relaxed/relaxed`, with From, To and Subject in h=. "
            f"`key.sign(octets)` returns the RSA signature of these octets, as bytes; it takes the SHA-256 itself.\n\n"
            f"Try it: `print(d2.lab.verify_dkim(signed(d2.letter, d2.key)))`. Then `check(d2, signed)`: other letters "
            f"are signed by it, and dkimpy, a library that we did not write, has to agree."
        )

    def judge(self, answer: Any) -> Findings:
        from .apart import Offered

        if not isinstance(answer, Source):
            yield not_a_function(answer, "signed", "d2")
            return ""
        letters, signer = [self.letter, *self.unseen()], Signer(self.domain)
        made = self.call(answer, *[(one, Offered(signer, ("sign",))) for one in letters])
        if not signer.asked:
            yield Wrong(
                "Your function did not ask the key for a signature.", "What is b= to be, without `key.sign(...)`?"
            )
            return ""
        asked = signer.asked if len(signer.asked) == len(made) else [signer.asked[-1]] * len(made)
        for one, found, octets in zip(letters, made, asked, strict=True):
            yield from self.look(one, found, octets)
        return (
            f"Right: {len(letters)} letters, each signed with a body hash and a field hash of your own making. "
            f"mailedu says pass, and dkimpy says pass."
        )

    def unseen(self) -> list[bytes]:
        plain = letter(self.hidden)[2]
        folded = plain.replace(b"Subject: ", b"SUBJECT:  a long \r\n\t", 1)
        return [folded, letter(self.hidden, "")[2].replace(b"Thank you", b"\tBye \t\r\n \r\n")]

    def look(self, plain: bytes, found: Any, octets: bytes) -> Iterator[Wrong]:
        if not isinstance(found, bytes) or not found.endswith(plain) or len(found) == len(plain):
            yield Wrong(
                f"Your function returned {brief(found)}, which is not the letter, octet for octet, with a field "
                f"in front.",
                "Does your field end with CRLF, and does the letter follow as it was?",
            )
            return
        verdict = self.lab.verify_dkim(found)
        if not verdict:
            yield Wrong(
                f"There is no DKIM-Signature: what you put in front is {brief(found[: -len(plain)])}.",
                "What is the field called?",
            )
            return
        one, step = verdict[0], deciding(verdict)
        if one.result == "pass" and one.domain != self.domain:
            yield Wrong(
                f"It is signed by {one.domain}.", f"Who was to sign? The task says {self.domain}.", step, verdict.trace
            )
        elif one.result == "pass" and not {"from", "to", "subject"} <= set(one.names):
            yield Wrong(
                f"h= holds {', '.join(one.names)}.", "Which three fields were to be signed?", step, verdict.trace
            )
        elif one.result == "pass":
            if (opinion := dkimpy.verify(found, self.lab.zone, 0, self.lab.clock.unix())) != "pass":
                yield Wrong(
                    f"mailedu says pass, and dkimpy says {opinion}.", "Is every tag of the field as §3.5 has it?"
                )
        elif one.body_same is None:
            yield Wrong(
                f"The field cannot be used: {one.reason}.",
                "Compare it with one that the lab's server made, tag by tag.",
                step,
                verdict.trace,
            )
        elif not one.body_same:
            yield Wrong(
                f"The body hash differs for the body {brief(Message(plain).body)}.",
                "In which form is the body hashed?",
                step,
                verdict.trace,
            )
        else:
            yield Wrong(*self.about_input(found, octets), step, verdict.trace)

    def about_input(self, found: bytes, octets: bytes) -> tuple[str, str]:
        """The body hash fits: what is wrong with the octets that were signed?"""
        message = Message(found)
        signed = message.all("DKIM-Signature")[0]
        claim = read_claim(signed.data)
        wanted = field_hash_input(select(message.fields, claim.names, signed), claim.bare, claim.field_form)
        said = (
            f"The body hash fits, the signature does not. You signed {len(octets)} octets, and a verifier "
            f"hashes {len(wanted)}."
        )
        if octets == sha256(wanted).digest():
            return said, "The key takes the hash itself. What did you give it?"
        if octets == wanted + b"\r\n":
            return said, "Your input ends with a CRLF. Which field is the last, and what is left out of it?"
        if sorted(octets.split(b"\r\n")) == sorted(wanted.split(b"\r\n")):
            return said, "The same lines, in another order: who decides on the order of the fields?"
        return said, "Put the two side by side: the verifier's stands at its step *good* or *bad*. Where do they part?"


# -- D3 ----------------------------------------------------------------------------------------------------------------


class D3(Exercise):
    """A body hash that fits a changed body: does the letter pass then?"""

    title = "One signature"
    minutes = 10
    hints = (
        "`bh=` is no secret: anybody can take the hash of anything. First change the amount in the body.",
        "The hash is over the *canonical* body: `relaxed_body(Message(changed).body)`, then SHA-256, then base64.",
        "Put the new hash where the old one stood: `changed.replace(old.encode(), new.encode(), 1)`. "
        "The letter's own bh= is `d3.bh`. Touch nothing else, b= least of all.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.lab = Lab(seed=dice.randrange(1, 10_000))
        self.amount = "?"
        self.forged = str(dice.randrange(5_000, 9_999))
        self.letter = b""
        while self.letter.count(self.amount.encode()) != 1:  # and nowhere else, not in b= either
            self.amount = str(dice.randrange(100, 500))
            body = f"Hello Bob, \n\nplease pay  {self.amount} euros.  \n\nYours\n\n"
            self.user, _, plain = letter(dice, body)
            self.letter = self.lab.sign_dkim(plain).message
        self.bh = b64encode(read_claim(Message(self.letter).all("DKIM-Signature")[0].data).body_hash).decode("ascii")

    @property
    def task(self) -> str:
        return (
            f"`d3.letter` is signed by alpha.example, and asks for {self.amount} euros. Some people say that DKIM has "
            f"two signatures, one for the header and one for the body. Then somebody who makes the body's one fit "
            f"again "
            f"would get away with it.\n\n"
            f"Try it. Make bytes `forged`: the letter with {self.forged} euros instead of {self.amount}, and "
            f"**with a body "
            f"hash that fits**. Nothing else may change. Then `check(d3, forged)`."
        )

    def judge(self, answer: Any) -> Findings:
        if not isinstance(answer, bytes):
            yield Wrong(
                f"You handed in {brief(answer)}.", "A letter is bytes: `d3.letter.replace(b'…', b'…')` is a start."
            )
            return ""
        wanted = self.letter.replace(self.amount.encode(), self.forged.encode())
        verdict = self.lab.verify_dkim(answer)
        if Message(answer).body != Message(wanted).body:
            yield Wrong(
                f"The body is {brief(Message(answer).body)}.", f"Where are the {self.forged} euros, and only they?"
            )
            return ""
        if not verdict:
            yield Wrong("The letter has no signature any more.", "What was to stay as it was?")
            return ""
        one, step = verdict[0], deciding(verdict)
        bh = digest(relaxed_body(Message(answer).body))
        if self.bh.encode() in answer:
            yield Wrong(
                f"The verifier says: {one.reason}. bh= is still as alpha.example wrote it.",
                "What does bh= hold, and who can compute that?",
                step,
                verdict.trace,
            )
        elif one.body_same is not True:
            yield Wrong(
                f"The verifier says: {one.reason}. Your bh= is the hash of something else.",
                "Which octets are hashed, and in which form?",
                step,
                verdict.trace,
            )
        elif answer != wanted.replace(self.bh.encode(), bh.encode()):
            yield Wrong(
                f"The body hash fits, and the verifier says {one.result}. But more than bh= and the amount has "
                f"changed.",
                "Whose is b= now? Leave it as it was.",
                step,
                verdict.trace,
            )
        return (
            f"Right, and it does not help: the body hash fits, and still the result is {one.result}: {one.reason}. "
            f"bh= stands in the DKIM-Signature field, and that field is signed: one signature holds both."
        )


# -- D4 ----------------------------------------------------------------------------------------------------------------


class Change(NamedTuple):
    """Something that happens to a letter on its way."""

    words: str
    make: Callable[[bytes], bytes]
    ask: str


def swap(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda data: data.replace(old, new, 1)


def in_subject(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def make(data: bytes) -> bytes:
        field = Message(data).all("Subject")[0]
        end = field.start + len(field.data)
        return data[: field.start] + b"Subject: " + field.data[9:].replace(old, new, 1) + data[end:]

    return make


def on_top(field: bytes) -> Callable[[bytes], bytes]:
    return lambda data: field + data


def below(field: bytes) -> Callable[[bytes], bytes]:
    return lambda data: data.replace(b"\r\n\r\n", b"\r\n" + field + b"\r\n", 1)


def in_body(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def make(data: bytes) -> bytes:
        at = Message(data).body_start
        return data[:at] + data[at:].replace(old, new, 1)

    return make


def in_tag(name: bytes) -> Callable[[bytes], bytes]:
    def make(data: bytes) -> bytes:
        found = re.search(rb"[ ;]%b=(.)" % name, data)
        assert found
        at = found.start(1)
        return data[:at] + (b"A" if found[1] != b"A" else b"B") + data[at + 1 :]

    return make


def change_places(data: bytes) -> bytes:
    message = Message(data)
    to, subject = message.all("To")[0].data, message.all("Subject")[0].data
    return data.replace(to + subject, subject + to)


BY_FORM = (
    "c= has two words, one for the fields and one for the body. Which of them is meant here, and what does it forgive?"
)
CHANGES = {  # what becomes of each depends on c= in the first two groups
    "fields": (
        Change("The name `Subject` is written `SUBJECT`.", swap(b"\r\nSubject:", b"\r\nSUBJECT:"), BY_FORM),
        Change("The Subject is folded: before one of its blanks comes a CRLF.", in_subject(b" ", b"\r\n "), BY_FORM),
        Change("One blank inside the Subject becomes two.", in_subject(b" ", b"  "), BY_FORM),
    ),
    "body": (
        Change("One blank inside a line of the body becomes two.", in_body(b" ", b"  "), BY_FORM),
        Change("A blank is added at the end of the body's first line.", in_body(b"\r\n", b" \r\n"), BY_FORM),
    ),
    "either": (
        Change(
            "A blank inside the Subject is taken out.",
            in_subject(b" ", b""),
            "Fewer blanks, or none at all: is that the same?",
        ),
        Change(
            "A Received field is put on top.",
            on_top(b"Received: from a by b\r\n"),
            "Is Received among the fields that h= names?",
        ),
        Change(
            "A field `X-Mailer` is added below all others.",
            below(b"X-Mailer: one\r\n"),
            "Is X-Mailer among the fields that h= names?",
        ),
        Change(
            "A second Subject is put on top of all fields.",
            on_top(b"Subject: Another\r\n"),
            "h= names subject once. Which of two is taken?",
        ),
        Change(
            "A second Subject is added below all fields.",
            below(b"Subject: Another\r\n"),
            "h= names subject once. Which of two is taken, the upper or the lower?",
        ),
        Change(
            "A second From is put on top of all fields.",
            on_top(b"From: m@gamma.example\r\n"),
            "h= names from twice, and there was one. What is hashed for the second?",
        ),
        Change("To and Subject change places.", change_places, "In whose order are the fields hashed?"),
        Change(
            "An empty line is added at the end of the body.",
            lambda data: data + b"\r\n",
            "What do both forms do with empty lines at the end?",
        ),
        Change(
            "An empty line is added before the body's first line.",
            in_body(b"", b"\r\n"),
            "Only empty lines at one place are forgiven. Where?",
        ),
        Change(
            "A blank is added before the first word of the body.",
            in_body(b"", b" "),
            "Several blanks become one. What becomes of none?",
        ),
        Change("One letter of the body is another.", in_body(b"lease", b"lause"), "Which hash holds the body?"),
        Change(
            "One letter of the value of b= is another.",
            in_tag(b"b"),
            "b= is left out of what is hashed. What is compared with it?",
        ),
        Change(
            "One letter of the value of bh= is another.",
            in_tag(b"bh"),
            "bh= is compared with a hash, and it is itself signed. So what moves?",
        ),
    ),
}
WORDS = ("none", "body", "fields", "both")


class D4(Exercise):
    """Ten changes on the way, and which hash each of them moves."""

    title = "Ten verdicts"
    minutes = 12
    hints = (
        "Look at `c=` and at `h=` in `print(d4.letter.decode())` first; only then at the changes.",
        "`simple` forgives nothing in fields, and in a body only empty lines at its end. `relaxed` forgives "
        "capitals in "
        "names, folding, the number of blanks, and blanks at ends (RFC 6376 §3.4).",
        "Fields are hashed in the order of h=, of several with one name the lowest first (§5.4.2).",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.lab = Lab(seed=dice.randrange(1, 10_000))
        self.forms = dice.choice(["relaxed/simple", "simple/relaxed"])
        self.user, _, plain = letter(dice)
        self.letter = self.lab.sign_dkim(plain, canonicalization=self.forms, names="from:to:subject:date:from").message
        chosen = [dice.choice(CHANGES["fields"]), dice.choice(CHANGES["body"]), *dice.sample(CHANGES["either"], 8)]
        dice.shuffle(chosen)
        self.chosen = chosen
        self.changes = [one.words for one in chosen]

    @property
    def task(self) -> str:
        listed = "\n".join(f"{number}. {words}" for number, words in enumerate(self.changes, 1))
        return (
            f"`d4.letter` is signed with c={self.forms}. Ten things may happen to it on its way, **one at a "
            f"time**:\n\n{listed}\n\n"
            f"For each of them predict which hash does not fit any more: `'none'`, `'body'`, `'fields'`, or `'both'`. "
            f"`check(d4, [...])` takes a list of ten words, does the ten things, and verifies."
        )

    def judge(self, answer: Any) -> Findings:
        if not isinstance(answer, list | tuple) or len(answer) != 10 or not all(one in WORDS for one in answer):
            yield Wrong(f"You handed in {brief(answer)}.", f"Ten words are asked for, each one of {', '.join(WORDS)}.")
            return ""
        right = 0
        for number, (said, change) in enumerate(zip(answer, self.chosen, strict=True), 1):
            verdict = self.lab.verify_dkim(change.make(self.letter))
            truth = moved(verdict[0])
            if said == truth:
                right += 1
                continue
            if said == "both":
                ask = (
                    "Both? One hash is over the body, the other over the fields that h= names and the "
                    "signature's own. Which of them holds this?"
                )
            else:
                ask = change.ask
            outcome = verdict[0].result + (f": {verdict[0].reason}" if verdict[0].reason else "")
            yield Wrong(
                f"{number}. {change.words} You said {said}; it was done, and the verifier says {outcome}.",
                ask,
                deciding(verdict),
                verdict.trace,
            )
        return f"Right, all {right}. Each was done to the letter and verified: {', '.join(answer)}."


# -- D5 ----------------------------------------------------------------------------------------------------------------


class D5(Exercise):
    """A second Subject that a signature lets through, and a signature that does not."""

    title = "Oversigned"
    minutes = 12
    hints = (
        "A verifier takes the *lowest* Subject for the first `subject` in h=. Most programs show the highest.",
        "`doubled = b'Subject: …\\r\\n' + d5.letter`",
        "If h= names `subject` once more than there are, the next one up is signed too: as one that is not there. "
        "An added one changes that (RFC 6376 §5.4, §8.15).",
        "Do not sign what every server on the way adds.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.lab = Lab(seed=dice.randrange(1, 10_000))
        self.user, self.reader, self.plain = letter(dice)
        self.wanted = dice.choice(["Your account is closed", "You have won", "Urgent: pay today"])
        self.letter = self.signed("from:to:subject:date")

    def signed(self, names: str) -> bytes:
        return self.lab.sign_dkim(self.plain, names=names).message

    @property
    def task(self) -> str:
        return (
            f"`d5.letter` is signed with `h=from:to:subject:date`.\n\n"
            f"**Break it:** make bytes `doubled`, the letter with one more field: a Subject *{self.wanted}* that a "
            f"reader "
            f"sees first. The signature must still pass.\n\n"
            f"**Repair it:** find a list for h=, as text like `'from:to:subject:date'`, with which alpha.example "
            f"could have "
            f"signed `d5.plain` so that neither a second Subject nor a second From passes, and that survives what "
            f"honest "
            f"servers do. Then `check(d5, (doubled, names))`."
        )

    def judge(self, answer: Any) -> Findings:
        if not isinstance(answer, list | tuple) or len(answer) != 2:
            yield Wrong(f"You handed in {brief(answer)}.", "Two things are asked for: `check(d5, (doubled, names))`.")
            return ""
        doubled, names = answer
        yield from self.broken(doubled)
        yield from self.repaired(names)
        return (
            f"Right. Your forged letter came to {self.reader} with dkim=pass, and *{self.wanted}* on top. "
            f"Signed with h={names} the same trick fails, and a Received field on top does no harm."
        )

    def broken(self, doubled: Any) -> Iterator[Wrong]:
        if not isinstance(doubled, bytes):
            yield Wrong(f"The first thing you handed in is {brief(doubled)}.", "A letter is bytes.")
            return
        verdict, message = self.lab.verify_dkim(doubled), Message(doubled)
        subjects = [field.text for field in message.all("Subject")]
        rest = [field.data for field in message.fields if field.text != self.wanted]
        if len(subjects) != 2 or self.wanted not in subjects:
            yield Wrong(
                f"The forged letter has the Subjects {subjects}.", "Add one, and leave the signed one where it is."
            )
        elif b"".join(rest) + message.separator + message.body != self.letter:
            yield Wrong("More has changed in the forged letter than one added field.", "Begin again with `d5.letter`.")
        elif not verdict or verdict[0].result != "pass":
            reason = verdict[0].reason if verdict else "there is no signature"
            yield Wrong(
                f"The forged letter does not pass: {reason}.",
                "From which end does a verifier count the Subjects?",
                deciding(verdict),
                verdict.trace,
            )
        elif subjects[0] != self.wanted:
            yield Wrong(f"It passes, but on top stands *{subjects[0]}*.", "Which of two does a reader see first?")
        else:
            mail = self.lab.send(
                self.user, self.reader, message=doubled, client="192.0.2.25", helo="mx.alpha.example", read=False
            )
            if mail.verdict.get("dkim") != "pass":
                yield Wrong(
                    f"It was sent to {self.reader}, and the server found {mail.verdict}.",
                    "What did the server see?",
                    0,
                    mail.trace,
                )

    def repaired(self, names: Any) -> Iterator[Wrong]:
        if not isinstance(names, str):
            yield Wrong(
                f"The second thing you handed in is {brief(names)}.", "h= is text: `'from:to:subject:date'` is one."
            )
            return
        try:
            signed = self.signed(names)
        except LabError as no:
            yield Wrong(f"Nobody can sign with that h=: {no}", "Names of fields, with a colon between them?")
            return
        tries: Sequence[tuple[bytes, str, str, str]] = (
            (b"", "pass", "the letter as it was signed", "Is that an h= for this letter?"),
            (
                f"Subject: {self.wanted}\r\n".encode(),
                "fail",
                "with your second Subject on top",
                "How many Subjects does your h= speak of, and how many are there then?",
            ),
            (
                b"From: mallory@gamma.example\r\n",
                "fail",
                "with a second From on top",
                "The same trick works with From. How often does your h= name it?",
            ),
            (
                b"Received: from a by b; Mon, 23 Nov 2026 10:00:00 +0000\r\n",
                "pass",
                "with a Received on top, as every server adds one",
                "What do honest servers add on the way, and must that be signed?",
            ),
        )
        for added, wanted, what, ask in tries:
            verdict = self.lab.verify_dkim(added + signed)
            if verdict[0].result != wanted:
                yield Wrong(
                    f"Signed with h={names}: {what}, the result is {verdict[0].result}.",
                    ask,
                    deciding(verdict),
                    verdict.trace,
                )
                return
        if not {"from", "to", "subject", "date"} <= set(names.lower().replace(" ", "").split(":")):
            yield Wrong(f"h={names} signs less than before.", "Which of from, to, subject and date is missing?")


# -- D6 ----------------------------------------------------------------------------------------------------------------

WORKS = ("publish", "sign", "withdraw")
END = 120  # hours by which all is to be done


class D6(Exercise):
    """Another key, and no letter that fails because of it."""

    title = "A new key"
    minutes = 12
    hints = (
        "Three moments: the new key is published; signing goes over to it; the old key is withdrawn. Which order?",
        "Who verifies, looks the key up *when the letter arrives*. How long may a letter be on its way?",
        "From publishing to signing: until every name server has the record. "
        "From signing to withdrawing: until the last letter with an old signature has arrived.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.lab = Lab(seed=dice.randrange(1, 10_000))
        self.user, _, self.letter = letter(dice)
        self.old, self.new = "lab", dice.choice(["winter", "frost", "snow"]) + "2026"
        self.lag, self.slow = dice.randrange(3, 9), dice.randrange(26, 49)
        self.hours = f"{self.lag} {self.slow}"
        self.key = b64encode(sha256(f"{self.new} {dice.random()}".encode()).digest()).decode("ascii")
        self.record = public_record(self.key)

    @property
    def task(self) -> str:
        return (
            f"alpha.example signs with the selector `{self.old}`, and is to go over to `{self.new}`, with an "
            f"Ed25519 key "
            f"(RFC 8463). It sends a letter every hour, day and night.\n\n"
            f"- A record that is published has reached all of alpha's name servers **{self.lag} hours** later. "
            f"One that is withdrawn is gone at once.\n"
            f"- Most letters arrive within a minute. Some wait in queues, for up to **{self.slow} hours**.\n\n"
            f"Make a plan, in hours from now: `plan = {{'publish': …, 'sign': …, 'withdraw': …}}`. No letter may fail, "
            f"and the old key must be gone within {END} hours. `check(d6, plan)` turns the lab's clock through "
            f"it, signs, "
            f"delivers and verifies every letter."
        )

    def judge(self, answer: Any) -> Findings:
        plan = answer if isinstance(answer, dict) else {}
        hours = [plan.get(name) for name in WORKS]
        if not all(isinstance(hour, int | float) and 0 <= hour <= 10_000 for hour in hours):
            yield Wrong(
                f"You handed in {brief(answer)}.", "A plan has three hours: {'publish': …, 'sign': …, 'withdraw': …}."
            )
            return ""
        publish, sign, withdraw = (float(hour) for hour in hours if hour is not None)
        count = 0
        for hour, letter_hour, verdict in self.played(publish, sign, withdraw):
            count += 1
            if verdict[0].result != "pass":
                yield self.failed(hour, letter_hour, verdict, sign)
                return ""
        if withdraw > END:
            yield Wrong(
                f"No letter failed, but at hour {END} the old key is still published.",
                "A key that is no longer used and still published: whom does it serve?",
            )
        return (
            f"Right: {count} deliveries in {END} hours, each verified when it arrived, and none failed. "
            f"For {withdraw - publish - self.lag:.0f} hours both keys could be had: that is what selectors are for."
        )

    def played(self, publish: float, sign: float, withdraw: float) -> Iterator[tuple[float, float, DkimVerdict]]:
        """(hour of arrival, hour of signing, verdict), as the lab's clock goes."""
        lab, old, new = (
            Lab(seed=self.lab.seed),
            f"{self.old}._domainkey.alpha.example",
            f"{self.new}._domainkey.alpha.example",
        )
        first = self.hidden.random()
        events: list[tuple[float, int, str, float]] = [
            (publish + self.lag, 0, "publish", 0.0),
            (withdraw, 0, "withdraw", 0.0),
        ]
        for number in range(END):
            hour = first * 0.9 + number
            events += [(hour, 1, "sign", hour), (hour + self.slow, 2, "arrive", hour)]
        signed: dict[float, bytes] = {}
        for hour, _, what, letter_hour in sorted(event for event in events if event[0] <= END):
            lab.clock.advance(hours=max(0.0, hour - lab.clock.now / 3600))
            if what == "publish":
                lab.zone.edit(new, TXT=self.record)
            elif what == "withdraw":
                lab.zone.edit(old, TXT=None)
            else:
                if what == "sign":
                    use = {"selector": self.new, "key": self.key} if hour >= sign else {"selector": self.old}
                    signed[hour] = lab.sign_dkim(self.letter, **use).message
                yield hour, letter_hour, lab.verify_dkim(signed[letter_hour])

    def failed(self, hour: float, signed: float, verdict: DkimVerdict, sign: float) -> Wrong:
        one = verdict[0]
        said = (
            f"The letter of hour {signed:.1f} arrived at hour {hour:.1f}, signed with `{one.selector}`: "
            f"{one.result}, {one.reason}."
        )
        if one.selector == self.new:
            ask = f"When had all name servers the record for `{self.new}`, and when did you begin to sign with it?"
        elif hour > signed:
            ask = (
                f"It was on its way for {hour - signed:.0f} hours. What was there for it to be checked with "
                "when it came?"
            )
        else:
            ask = f"It was signed with the old key, and the old key was gone. When do you go over to `{self.new}`?"
        return Wrong(said, ask, deciding(verdict), verdict.trace)


# -- D7 ----------------------------------------------------------------------------------------------------------------


class Fault(NamedTuple):
    """A letter that fails, what is to blame for it, and what to ask."""

    letter: bytes
    culprit: str
    ask: str


class D7(Exercise):
    """Six letters that fail, for six reasons."""

    title = "Six that fail"
    minutes = 15
    hints = (
        "`for one in d7.letters: print(d7.lab.verify_dkim(one)[0].reason)` is where to begin. It names the hash "
        "or the tag; "
        "not yet what is to blame.",
        "If the signature is for other fields: z= has copies of the fields as they were signed. Which of them is "
        "different now?",
        "If no key can be had, or another one: `print(d7.lab.zone.records('…._domainkey.alpha.example', 'TXT'))`.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.lab = Lab(seed=dice.randrange(1, 10_000))
        self.user = dice.choice(ALPHA)
        self.gone, self.other = dice.sample(["march", "april", "may", "june", "july"], 2)
        self.changed_field = dice.choice(["subject", "to", "date"])
        self.lab.zone.edit(f"{self.other}._domainkey.alpha.example", TXT=self.other_record(dice))
        makers = [self.body, self.field, self.cut, self.expired, self.missing, self.misfit]
        dice.shuffle(makers)
        self.faults = [make(letter(dice)[2]) for make in makers]
        self.lab.clock.advance(days=3)
        self.letters = [fault.letter for fault in self.faults]

    def other_record(self, dice: Random) -> str:
        return dice.choice([public_record(private_key("beta.example")), "v=DKIM1; k=rsa; p="])

    def body(self, plain: bytes) -> Fault:
        return Fault(
            self.sign(plain) + b"-- \r\nScanned by a gateway\r\n",
            "body",
            "The body hash differs. What of the letter does that hash hold?",
        )

    def field(self, plain: bytes) -> Fault:
        signed = self.sign(plain, copy=("from", "to", "subject", "date"))
        field = next(one for one in Message(signed).fields if one.name.lower() == self.changed_field)
        return Fault(
            self.rewritten(signed, field),
            self.changed_field,
            "b= is as it was made: it is for other fields. Compare z= with the letter.",
        )

    def rewritten(self, signed: bytes, field: Field) -> bytes:
        new = {
            "subject": b"Subject: [list] " + field.data[9:],
            "to": b"To: list@gamma.example\r\n",
            "date": field.data.replace(b"+0000", b"+0100"),
        }
        return signed[: field.start] + new[self.changed_field] + signed[field.start + len(field.data) :]

    def cut(self, plain: bytes) -> Fault:
        signed = self.sign(plain)
        field = Message(signed).all("DKIM-Signature")[0]
        lines = field.data.splitlines(keepends=True)
        return Fault(
            b"".join(lines[:-1]) + signed[len(field.data) :],
            "b=",
            "How many characters has b=, and how many has that of another letter?",
        )

    def expired(self, plain: bytes) -> Fault:
        return Fault(
            self.sign(plain, valid=86_400), "x=", "A tag of the signature says until when it is to be believed."
        )

    def missing(self, plain: bytes) -> Fault:
        name = f"{self.gone}._domainkey.alpha.example"
        return Fault(
            self.sign(plain, selector=self.gone),
            name,
            "The selector is what alpha.example wrote. Under which *name in the DNS* is nothing?",
        )

    def misfit(self, plain: bytes) -> Fault:
        name = f"{self.other}._domainkey.alpha.example"
        return Fault(
            self.sign(plain, selector=self.other),
            name,
            "The letter is as it was. Look at the record under the name that was asked for: whose key is it?",
        )

    def sign(self, plain: bytes, **how: Any) -> bytes:
        return self.lab.sign_dkim(plain, **how).message

    @property
    def task(self) -> str:
        return (
            "`d7.letters` are six letters from alpha.example. None of them passes: "
            "`d7.lab.verify_dkim(d7.letters[0])` shows one. "
            "Find out **what is to blame** for each, and make a list of six:\n\n"
            "- `'body'`, if the body is not what was signed;\n"
            "- the name of a field, as in `'from'`, if that field is not what was signed;\n"
            "- a tag with its `=`, as in `'d='`, if the signature itself is damaged or no longer to be believed;\n"
            "- a name in the DNS, as in `'lab._domainkey.alpha.example'`, if what is there, or not there, is to "
            "blame.\n\n"
            "Then `check(d7, [...])`."
        )

    def judge(self, answer: Any) -> Findings:
        if (
            not isinstance(answer, list | tuple)
            or len(answer) != len(self.faults)
            or not all(isinstance(one, str) for one in answer)
        ):
            yield Wrong(f"You handed in {brief(answer)}.", "Six words are asked for, one for each letter.")
            return ""
        for number, (said, fault) in enumerate(zip(answer, self.faults, strict=True)):
            if said.strip().lower().removesuffix(".") != fault.culprit:
                verdict = self.lab.verify_dkim(fault.letter)
                yield Wrong(
                    f"Letter {number}: you said {said}. The verifier says {verdict[0].result}: {verdict[0].reason}.",
                    fault.ask,
                    deciding(verdict),
                    verdict.trace,
                )
        return f"Right, all six: {', '.join(answer)}. Two of them are nobody's forgery, but alpha's own DNS."
