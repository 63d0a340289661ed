"""Exercises of lesson 01: SMTP by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from .codes import S8, S10
from .frame import Exercise, Findings, Wrong
from .states import S11
from .talk import ALPHA, Letter, Said, Talk, letters, new_lab, not_by_hand, nothing_came, quoted, some_names, talks

__all__ = ["S1", "S2", "S3", "S4", "S5", "S8", "S9", "S10", "S11"]

SUBJECTS = ("Keys", "Lunch", "Minutes", "Invoice", "Tickets", "Photos", "Roof", "Piano")
TEXTS = (
    "The key lies under the third stone.",
    "The roof leaks again, above the piano.",
    "Half past seven, and bring the umbrella.",
    "Four hundred and twelve euros, all in coins.",
    "The cat has been fed. Twice, it seems.",
)


def names_of(recipients: Sequence[str]) -> str:
    """ "a, b and c"."""
    return ", ".join(recipients[:-1]) + f" and {recipients[-1]}"


# -- a letter ----------------------------------------------------------------------------------------------------------


class S1(Exercise):
    """Hand a letter over, with nothing but typed lines."""

    title = "A letter by raw lines"
    minutes = 8
    hints = (
        "Section 2 has every line you need. The server answers each of them: `print(smtp.send(...))`, and look at "
        "`smtp.state` in between.",
        "The letter itself is fields, an empty line, and the text: "
        "`'From: ...\\r\\nTo: ...\\r\\nSubject: ...\\r\\n\\r\\nthe text\\r\\n.'`",
        "`EHLO mx.alpha.example`, `MAIL FROM:<...>`, `RCPT TO:<...>`, `DATA`, the letter with its dot, `QUIT`.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.user = self.sender = dice.choice(["alice@alpha.example", "amir@alpha.example"])
        [self.recipient] = some_names(dice, 1)
        self.subject, self.text, self.client = dice.choice(SUBJECTS), dice.choice(TEXTS), ALPHA
        self.lab = new_lab(dice, [self.recipient])
        self.before = len(self.lab.inputs)

    @property
    def task(self) -> str:
        return (
            f"You are alpha's mail server and call beta's: "
            f'`smtp = s1.lab.smtp("mx.beta.example", client=s1.client)`. '
            f"Hand over one letter from {self.sender} to {self.recipient}, subject *{self.subject}*, "
            f"with this line as its text: *{self.text}*\n\n"
            f"Its header has `From`, `To` and `Subject`. Use **raw lines only**: `smtp.send(...)`, "
            f"and end the call as one should. Then `check(s1)`."
        )

    def judge(self, answer: Any) -> Findings:
        yield from not_by_hand(self.lab, self.before)
        calls = talks(self.lab)
        found = [letter for letter in letters(calls) if letter.box.startswith(self.recipient)]
        if not found:
            yield nothing_came(calls, self.recipient)
            return ""
        letter = found[-1]
        yield from self.look_at_envelope(letter)
        yield from self.look_at_letter(letter)
        if not letter.talk.is_over:
            yield Wrong(
                "The letter is there, and the call is still open: the server did not hear `QUIT`.",
                "Which command ends a session, and what is the answer to it?",
                letter.talk.said[-1].step,
            )
        took = letter.said
        return (
            f"Right. {len(letter.talk.said) - 1} times you spoke, and as often the server answered. "
            f"With `{quoted(took.reply)}`, the answer to step {took.step}, it took the letter over: "
            f"{self.recipient} had it before you said `QUIT`."
        )

    def look_at_envelope(self, letter: Letter) -> Iterator[Wrong]:
        if letter.box != self.recipient:
            yield Wrong(
                f"The letter lies in {letter.box}: beta's server did not believe that it is from alpha.example.",
                "From which address did you call, and in whose name?",
                letter.step,
            )
        if letter.sender.lower() != self.sender:
            yield Wrong(
                f"The envelope says that it comes from `{quoted(letter.sender) or '<>'}`, not from {self.sender}.",
                "Which command tells the server who sends?",
                letter.step,
            )

    def look_at_letter(self, letter: Letter) -> Iterator[Wrong]:
        if not letter.message.separator:
            yield Wrong(
                f"The letter has no empty line: `{quoted(self.text)}` stands right below the fields, "
                f"and nobody can tell where its header ends.",
                "What stands between the header and the text (RFC 5322 §2.1)?",
                letter.step,
            )
        else:
            for name, wanted in [("From", self.sender), ("To", self.recipient), ("Subject", self.subject)]:
                has = letter.field(name)
                if wanted.lower() not in has.lower():
                    yield Wrong(
                        f"Its `{name}` field says `{quoted(has)}`, and should say {wanted}."
                        if has
                        else f"It has no `{name}` field.",
                        "What does a field look like: name, colon, value?",
                        letter.step,
                    )
            if self.text not in letter.lines:
                yield Wrong(
                    f"Its text is `{quoted(' / '.join(letter.lines))}`.",
                    "What did the task want it to say?",
                    letter.step,
                )


# -- twelve answers ----------------------------------------------------------------------------------------------------

WANTED = {  # code -> the question that leads to it
    "250": "Which command is answered 250 at any time?",
    "354": "After which command does a server wait for a letter?",
    "421": "How long does a server wait for a silent client? `s2.lab.clock.advance(minutes=...)` turns the clock; "
    "then look at the player.",
    "450": "Whose mailbox is busy? What does mx.beta.example say of each of the four?",
    "452": "What does `LIMITS` promise after EHLO on the submission port, and what about one recipient more?",
    "500": "What does a server say to a word that is no command?",
    "501": "What if the command is one, and its argument is nonsense?",
    "503": "What if everything about a command is right, but for the moment?",
    "530": "Which port wants you to log in first, and what if you do not?",
    "535": "What does the submission port say to a wrong password? `AUTH PLAIN` and section 8 show how one is said.",
    "550": "What does mx.beta.example say of somebody who is not there?",
    "552": "How large may a message be, according to EHLO, and how does `MAIL` announce a larger one?",
}


class S2(Exercise):
    """Be given each of twelve reply codes."""

    title = "Twelve answers"
    minutes = 15
    hints = (
        'Three doors: `s2.lab.smtp("mx.beta.example")` is port 25, `s2.lab.smtp("submission")` wants a log-in, and '
        "`mailedu.replies['452']` says what a code is for.",
        "`503` and `530` differ: the one is about the order of commands, the other about who you are. "
        "`450` and `550` too: busy, or not there.",
        "For `452` write a loop: `for n in range(101): smtp.send(f'RCPT TO:<n{n}@gamma.example>')`. "
        "For `421` be silent for six minutes.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.user = "alice@alpha.example"
        self.people = some_names(dice, 4)
        self.busy = dice.choice(self.people)
        size = dice.randrange(5_000, 50_000)
        self.lab = new_lab(
            dice,
            self.people,
            mx_beta_example={"busy": [self.busy]},
            mx_alpha_example={"most_recipients": 100, "size": size},
        )

    @property
    def task(self) -> str:
        return (
            f"Be given each of these replies at least once, in calls that you type into: {', '.join(WANTED)}. "
            f"As many calls as you like, to mx.beta.example and to mx.alpha.example's submission port; "
            f"{self.user} has a password there, `s2.password`. Of {names_of(self.people)} one has a mailbox that is "
            f"busy today, and the two servers do not take just anything. Then `check(s2)`."
        )

    def judge(self, answer: Any) -> Findings:
        calls = talks(self.lab)
        seen: dict[str, Said] = {}
        for said in (said for call in calls for said in call.said):
            seen.setdefault(said.code, said)
        missing = [code for code in WANTED if code not in seen]
        if missing:
            others = ", ".join(sorted(seen.keys() - WANTED.keys() - {"220", "221"}))
            yield Wrong(
                f"{len(WANTED) - len(missing)} of {len(WANTED)} so far; still to come: {', '.join(missing)}."
                + (f" You have also seen {others}." if others else ""),
                WANTED[missing[0]],
            )
            return ""
        return (
            f"Right, all twelve, in {len(calls)} calls. A program goes by the first digit: 421, 450 and 452 are worth "
            f"another try later, just as they are. The second digit says what it is about: 0 the language, 5 the mail, "
            f"3 (in 530 and 535) who you are. And the busy mailbox is {self.busy}'s, step {seen['450'].step}."
        )


# -- dots --------------------------------------------------------------------------------------------------------------


class S3(Exercise):
    """A body with lines that begin with dots arrives as it was written."""

    title = "Dots"
    minutes = 8
    hints = (
        "Send it as it is, and look what came: `print(s3.lab.mailbox(s3.recipient)[-1].decode())`. What did the server "
        "say to the lines after that?",
        "A line with a dot alone ends the letter. So the client puts one more dot before every line that begins with "
        "one, and the server takes it off again (RFC 5321 §4.5.2).",
        "`line = '.' + line if line.startswith('.') else line`, for each line of `s3.text.split('\\n')`.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.user = self.sender = dice.choice(["alice@alpha.example", "amir@alpha.example"])
        [self.recipient] = some_names(dice, 1)
        self.client = ALPHA
        word, price = dice.choice(["hidden", "config", "profile", "cache"]), dice.randrange(101, 990) / 10
        middle = [".", f"..{word}", f".{word}", "", f"It costs {price:.2f}, I think.", dice.choice(TEXTS)]
        dice.shuffle(middle)
        self.text = "\n".join(["Do these lines arrive?", *middle, "That was all."])
        self.lab = new_lab(dice, [self.recipient])
        self.before = len(self.lab.inputs)

    @property
    def task(self) -> str:
        return (
            f"`s3.text` is the text of a letter, in lines that end with `\\n`; some of them begin with dots. "
            f"Hand it to mx.beta.example for {self.recipient}, by lines that you send yourself "
            f"(a loop is fine, `lab.send` is not), with a header and an empty line before it. "
            f"In the mailbox its lines must be **exactly** those of `s3.text`. Then `check(s3)`."
        )

    def judge(self, answer: Any) -> Findings:
        yield from not_by_hand(self.lab, self.before)
        calls = talks(self.lab)
        found = [letter for letter in letters(calls) if letter.box.startswith(self.recipient)]
        if not found:
            yield nothing_came(calls, self.recipient)
            return ""
        letter = found[-1]
        wanted = self.text.split("\n")
        if letter.lines != wanted:
            yield self.first_difference(letter, wanted)
        dots = sum(line.startswith(".") for line in wanted)
        return (
            f"Right, all {len(wanted)} lines. On the wire the letter had {len(letter.said.heard)} octets, with its "
            f"header and the line that ends it; {dots} of them were dots that you added and the server took off again."
        )

    def first_difference(self, letter: Letter, wanted: Sequence[str]) -> Wrong:
        has = letter.lines
        place = next((n for n, (a, b) in enumerate(zip(has, wanted, strict=False)) if a != b), len(wanted))
        if len(has) < len(wanted):
            place = len(has)
            what = {".": "a single dot", "": "empty"}.get(wanted[place], f"`{quoted(wanted[place])}`")
            told = ""
            if after := [said for said in letter.talk.said if said.step > letter.step and said.refused]:
                no = after[0]
                told = f" What came then was taken for commands: `{no.line}` was answered `{quoted(no.reply)}`."
            return Wrong(
                f"Line {place + 1} of the text is {what}, and there the letter ends.{told}",
                "What did the line look like that you sent for it?",
                letter.step,
            )
        if place == len(wanted):
            return Wrong(
                f"After the {len(wanted)} lines of the text comes another one: `{quoted(has[place])}`.",
                "What ends a letter, and what of it belongs to the letter?",
                letter.step,
            )
        how = "differs"
        if has[place] == wanted[place][1:]:
            how = "has lost a dot"
        elif has[place].replace(".", "") == wanted[place].replace(".", ""):
            how = "has a dot too many"
        return Wrong(
            f"Line {place + 1} of the text {how}: it was `{quoted(wanted[place])}`, and is `{quoted(has[place])}`.",
            "Which lines need one more dot, and where?",
            letter.step,
        )


# -- recipients and transactions ---------------------------------------------------------------------------------------


class S4(Exercise):
    """Three recipients of one letter, of whom one is not there."""

    title = "One of three is not there"
    minutes = 6
    hints = (
        "A transaction has one `MAIL` and as many `RCPT` as you like; each `RCPT` has its own answer.",
        "A refused `RCPT` leaves the state as it is: those before it are still in the envelope, and more may follow.",
        "`MAIL`, `RCPT`, `RCPT`, `RCPT`, `DATA`, the letter. Which address was answered 5xx?",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.user = self.sender = dice.choice(["alice@alpha.example", "amir@alpha.example"])
        there = some_names(dice, 3)
        self.nobody = there.pop()
        self.there = tuple(there)
        self.recipients = list(there)
        self.recipients.insert(dice.randrange(2), self.nobody)
        self.client = ALPHA
        self.lab = new_lab(dice, there)
        self.before = len(self.lab.inputs)

    @property
    def task(self) -> str:
        return (
            f"One letter from {self.sender} is for {names_of(self.recipients)}; `s4.recipients` is the list. "
            f"Hand it to mx.beta.example **in one transaction**, with one `DATA`, asking for all three in this order. "
            f"One of them is not there, and the other two must get it, once each. "
            f"Then say which one is not there: `check(s4, nobody)`."
        )

    def judge(self, answer: Any) -> Findings:
        yield from not_by_hand(self.lab, self.before)
        calls = talks(self.lab)
        came = letters(calls)
        taken = [said for call in calls for said in call.said if said.code == "354"]
        asked = [said for call in calls for said in call.said if said.verb == "RCPT"]
        unasked = [one for one in self.recipients if not any(one in said.line.lower() for said in asked)]
        if not came:
            no = next((said for said in asked if said.refused), None)
            yield (
                Wrong(
                    f"Nobody got the letter. `{no.line}` was answered `{quoted(no.reply)}`, and you gave up.",
                    "In which state was the server after that answer? Did it forget the others?",
                    no.step,
                )
                if no
                else nothing_came(calls, names_of(self.there))
            )
            return ""
        if len(taken) > 1:
            yield Wrong(
                f"The server said `354` {len(taken)} times: that was {len(taken)} letters.",
                "How many recipients may one transaction have?",
                taken[1].step,
            )
        if unasked:
            yield Wrong(f"You never asked for {unasked[0]}.", "Is there a way to know without asking?", asked[-1].step)
        for one in self.there:
            count = sum(letter.box == one for letter in came)
            if count != 1 and one not in unasked:
                yield Wrong(f"{one} got the letter {count} times.", "What do two transactions do with one recipient?")
        if answer != self.nobody:
            no = next((said for said in asked if said.refused), asked[0])
            yield Wrong(
                f"You say that {quoted(str(answer))} is not there. `{no.line}` was answered `{quoted(no.reply)}`",
                "Which command does an answer belong to? `check(s4, nobody)` wants the address, as text.",
                no.step,
            )
        size = len(came[0].data)
        return (
            f"Right. The letter crossed the wire once, and {len(came)} copies of {size} octets were stored. "
            f"The `550` touched nobody but {self.nobody}; who tells {self.sender} of it is the client, that is: you."
        )


class S5(Exercise):
    """Two letters in one call, and a transaction in between that is taken back."""

    title = "Taken back"
    minutes = 8
    hints = (
        "After a letter's `250` the server is READY again, and the next `MAIL` may come in the same call.",
        "A transaction that has begun does not go away because you say `MAIL` again: that is `503`, and it stays as it "
        "was. Which commands of section 4 end one?",
        "`MAIL`, `RCPT`, `DATA`, letter; `MAIL`, `RCPT`, `RSET`; `MAIL`, `RCPT`, `DATA`, letter; `QUIT`.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.user = self.sender = dice.choice(["alice@alpha.example", "amir@alpha.example"])
        self.first, self.mistaken, self.second = some_names(dice, 3)
        self.one, self.two = dice.sample(SUBJECTS, 2)
        self.client = ALPHA
        self.lab = new_lab(dice, [self.first, self.mistaken, self.second])
        self.before = len(self.lab.inputs)

    @property
    def task(self) -> str:
        return (
            f"In **one call** to mx.beta.example: hand over a letter from {self.sender} to {self.first}, "
            f"subject *{self.one}*. Then begin another to {self.mistaken}, so far that the server has taken sender and "
            f"recipient, and **take it back**. Then, in the same call, the letter that you meant: to {self.second}, "
            f"subject *{self.two}*. {self.mistaken} must get nothing at all. End the call. `check(s5)`."
        )

    def judge(self, answer: Any) -> Findings:
        yield from not_by_hand(self.lab, self.before)
        calls = talks(self.lab)
        came = letters(calls)
        if not came:
            yield nothing_came(calls, self.first)
            return ""
        for letter in (letter for letter in came if letter.box.startswith(self.mistaken)):
            yield self.went_astray(letter)
        for recipient, subject in [(self.first, self.one), (self.second, self.two)]:
            yield from self.look_at(recipient, subject, came)
        if len({letter.talk.conversation for letter in came}) > 1:
            yield Wrong("The letters came in two calls.", "Must one hang up after a letter?", came[-1].step)
        call = came[-1].talk
        back = self.taken_back(call)
        if back is None and not any(letter.box.startswith(self.mistaken) for letter in came):
            yield Wrong(
                f"In that call no transaction for {self.mistaken} was begun and taken back.",
                "How far must it get before there is something to take back?",
                call.said[-1].step,
            )
        if not call.is_over:
            yield Wrong("The call is still open.", "What does one say at the end?", call.said[-1].step)
        return (
            f"Right. `{back.line if back else ''}` took it back, and the server was READY again, its envelope empty: "
            f"three times `MAIL` in one call, and two letters."
        )

    def went_astray(self, letter: Letter) -> Wrong:
        no = next((said for said in letter.talk.said if said.verb == "MAIL" and said.refused), None)
        subject = letter.field("Subject")
        if no and no.step < letter.step:
            return Wrong(
                f"{self.mistaken} got *{quoted(subject)}*, too. Your second `MAIL` was answered `{quoted(no.reply)}`",
                "Which transaction did the `RCPT` after it belong to?",
                no.step,
            )
        return Wrong(
            f"{self.mistaken} got {'*' + quoted(subject) + '*' if subject else 'an empty letter'}.",
            "With which command was it too late?",
            letter.step,
        )

    def look_at(self, recipient: str, subject: str, came: Sequence[Letter]) -> Iterator[Wrong]:
        theirs = [letter for letter in came if letter.box == recipient]
        if len(theirs) != 1:
            yield Wrong(f"{recipient} got {len(theirs)} letters instead of one.", "In which state was the server then?")
        elif theirs[0].field("Subject") != subject:
            yield Wrong(
                f"The letter for {recipient} has the subject `{quoted(theirs[0].field('Subject'))}`, not *{subject}*.",
                "Where in the letter does its subject stand?",
                theirs[0].step,
            )

    def taken_back(self, call: Talk) -> Said | None:
        """The command that ended a transaction for the mistaken one; None if there was none."""
        asked = False
        for said in call.said:
            if said.verb == "RCPT" and self.mistaken in said.line.lower() and said.code == "250":
                asked = True
            elif asked and said.verb in ("RSET", "EHLO", "HELO") and said.code == "250":
                return said
            elif asked and said.verb == "DATA" and said.state == "READY":
                asked = False
        return None


# -- round trips -------------------------------------------------------------------------------------------------------

LAST = ("EHLO", "HELO", "DATA", "VRFY", "EXPN", "HELP", "QUIT", "NOOP", "STARTTLS", "AUTH", "ETRN")  # RFC 2920 §3.1
MOST = 3  # round trips
FAR = 0.3  # seconds there and back, from one end of the world to the other


class S9(Exercise):
    """Ten recipients, two of whom are not there, in three round trips."""

    title = "Three round trips"
    minutes = 10
    hints = (
        "One `send` is one go: `smtp.send('MAIL FROM:<...>\\r\\nRCPT TO:<...>')` says two commands, and brings two "
        "replies, in that order.",
        "EHLO goes alone, because you must first hear whether PIPELINING is offered; DATA is the last of its group, "
        "because what comes after it depends on the answer (RFC 2920 §3.1).",
        "EHLO; `'\\r\\n'.join([MAIL, *RCPTs, 'DATA'])`; the letter with its dot and QUIT. The replies to the second: "
        "`zip(s9.recipients, reply.split('\\n')[1:])`.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.user = self.sender = dice.choice(["alice@alpha.example", "amir@alpha.example"])
        self.recipients = some_names(dice, 10)
        self.absent = frozenset(dice.sample(self.recipients, 2))
        self.there = [one for one in self.recipients if one not in self.absent]
        self.subject = dice.choice(SUBJECTS)
        self.client = ALPHA
        self.lab = new_lab(dice, self.there)
        self.before = len(self.lab.inputs)

    @property
    def task(self) -> str:
        return (
            f"`s9.recipients` are ten addresses at beta.example; two of them are not there. Hand mx.beta.example "
            f"one letter from {self.sender} for all ten, subject *{self.subject}*, with **at most {MOST} round trips** "
            f"from EHLO to QUIT: that is how often you may send something and wait (the greeting does not count). "
            f"Each that is there gets it once. Then name the two that are not, as a list: `check(s9, refused)`."
        )

    def judge(self, answer: Any) -> Findings:
        yield from not_by_hand(self.lab, self.before)
        calls = talks(self.lab)
        came = letters(calls)
        if not came:
            yield nothing_came(calls, self.there[0])
            return ""
        call = came[-1].talk
        trips = len(call.flights)
        if trips > MOST:
            yield Wrong(
                f"You sent something and waited {trips} times.",
                "Which commands can be said without having heard the answer to the one before?",
                call.flights[1][0].step,
            )
        yield from self.look_at_groups(call)
        for one in self.recipients:
            count = sum(letter.box == one for letter in came)
            if count != (one in self.there):
                yield Wrong(f"{one} got the letter {count} times.", "Who was asked for, and how often?", came[0].step)
        if not call.is_over:
            yield Wrong("The call is still open.", "Which group can QUIT go along with?", call.said[-1].step)
        if came[-1].field("Subject") != self.subject:
            has = quoted(came[-1].field("Subject"))
            yield Wrong(f"The letter's subject is `{has}`, not *{self.subject}*.", "What does a field look like?")
        yield from self.look_at_answer(answer, call)
        slow = len(self.recipients) + 5
        return (
            f"Right: {trips} round trips instead of {slow}. Between two ends of the world, {FAR} seconds there and "
            f"back, that is {trips * FAR:.1f} seconds instead of {slow * FAR:.1f}. And you told whose the two refusals "
            f"were, though all replies came in one go."
        )

    def look_at_groups(self, call: Talk) -> Iterator[Wrong]:
        """RFC 2920 §3.1: what changes the state so that one has to know the answer stands last in its group."""
        for flight in call.flights:
            for said, following in pairwise(flight):
                if said.verb in LAST and not self.is_letter(said, call):
                    yield Wrong(
                        f"In one go you sent {said.verb}, and then `{following.line}`, before you had heard the answer "
                        f"to {said.verb}: `{quoted(said.reply)}`",
                        "What would have become of the rest, if that answer had been a no?",
                        said.step,
                    )
                    return

    def is_letter(self, said: Said, call: Talk) -> bool:
        """Whether it is what came after 354, and no command."""
        before = call.said[call.said.index(said) - 1]
        return before.code == "354"

    def look_at_answer(self, answer: Any, call: Talk) -> Iterator[Wrong]:
        given = {str(one) for one in answer} if isinstance(answer, list | tuple | set) else {quoted(str(answer))}
        if given != self.absent:
            no = next((said for said in call.said if said.verb == "RCPT" and said.refused), call.said[-1])
            named = quoted(", ".join(sorted(given)) or "nobody", 100)
            yield Wrong(
                f"Not there, you say: {named}. The first refusal was `{quoted(no.reply)}`",
                "Which reply belongs to which command? They come in the order in which the commands went.",
                no.step,
            )
