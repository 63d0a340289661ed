"""Exercises of lesson 07: one mailbox, several clients."""

from __future__ import annotations

import email
import random
import re
from collections.abc import Iterator, Sequence
from typing import Any

from ..acts import Say, Store
from ..lab import Lab
from ..lab.typed import Typed
from ..trace import Trace
from .apart import Offered, Stopped, apart
from .frame import Exercise, Findings, Wrong
from .inbox import ADDRESSED, Command, Letter, Session, append, fill, folder, held, log_in, responses, sessions
from .maildrop import PEOPLE, SUBJECTS, TEXTS, in_place, quoted, some
from .source import Source

# -- I1 ----------------------------------------------------------------------------------------------------------------


def told(call: Typed) -> bytes:
    """All that the server said in a call, octet for octet."""
    return b"".join(step.act.data for step in call.trace if isinstance(step.act, Say))


def no_function(answer: Any, name: str) -> Wrong:
    return Wrong(
        f"You handed in {quoted(repr(answer))}. The check needs the function itself, to call it.",
        f"Did you write the name {name} alone, without brackets behind it?",
    )


class I1(Exercise):
    """Part what a server said into its responses: a literal may hold anything."""

    title = "Responses with literals"
    minutes = 10
    hints = (
        "A response ends with a line end (RFC 9051 §2.2), unless that line ends with `{n}`: then n octets follow that "
        "are no lines at all, and behind them the response goes on (§4.3).",
        r"`end = data.find(b'\r\n', at)` is the end of a line; `re.search(rb'\{(\d+)\}$', data[at:end])` finds a "
        "literal's length there, and only there: braces within a line mean nothing.",
        "Keep two places: where the response began, and where you are. After a literal only the second one jumps; "
        "after a line without one, a response is complete, and both do.",
    )

    def set_up(self) -> None:
        self.user = self.dice.choice(PEOPLE)
        self.lab = Lab(seed=self.dice.randrange(1, 10_000), opinions=False)
        self.write(self.lab, self.dice)

    def write(self, lab: Lab, dice: random.Random) -> None:
        """Letters that are hard to tell from what a server says."""
        subjects = [f"{one} {{{dice.randrange(3, 90)}}}" for one in dice.sample(SUBJECTS, 3)]
        texts = [
            f"{dice.choice(TEXTS)}\nb OK done\n* {dice.randrange(1, 4)} EXPUNGE\nYours",
            f"{dice.choice(TEXTS)}\nThis line ends like a literal: {{{dice.randrange(20, 60)}}}\nYours",
            f"{dice.choice(TEXTS)}\n)\n* BYE\n",
        ]
        fill(lab, dice, self.user, subjects, dice.sample(texts, 3))

    @property
    def heard(self) -> bytes:
        """What the server said in a session like those of the check, to try it on."""
        return self.session(self.lab)

    def session(self, lab: Lab) -> bytes:
        lines = (
            "SELECT INBOX", "FETCH 1:3 (UID BODY.PEEK[])", "FETCH 2 (BODY.PEEK[HEADER] BODY.PEEK[TEXT])",
            "FETCH 1:3 (ENVELOPE)", "LOGOUT",
        )  # fmt: skip
        return told(log_in(lab, self.user, "", *lines))

    @property
    def task(self) -> str:
        return (
            "Write `split(data)`. `data` is what an IMAP server said, as bytes, complete. Return a **list of its "
            r"responses**, each as bytes, **whole, with its literals**, without the `\r\n` that ends it. "
            "Nothing may be lost: `b'\\r\\n'.join(split(data)) + b'\\r\\n'` is `data` again.\n\n"
            "Try it on `i1.heard`. At the end: `check(i1, split)`; it takes other letters."
        )

    def judge(self, answer: Any) -> Findings:
        if not isinstance(answer, Source):
            yield no_function(answer, "split")
            return ""
        lab = Lab(seed=self.hidden.randrange(1, 10_000), tls=False, opinions=False)
        self.write(lab, self.hidden)
        data = self.session(lab)
        (yours,) = self.call(answer, (data,))
        right = responses(data)
        if yours != right:
            yield self.different(yours, right, held(lab.trace))
        literals = sum(one.count(b"}\r\n") for one in right)
        return f"Right. {len(data):,} octets, {len(right)} responses, {literals} literals, and no octet is lost."

    def different(self, yours: Any, right: Sequence[bytes], trace: Trace) -> Wrong:
        if not isinstance(yours, list | tuple) or not all(isinstance(one, bytes) for one in yours):
            return Wrong(f"It returned {quoted(repr(yours))}.", "Is that a list of bytes?", 0, trace)
        at = next((k for k, (one, other) in enumerate(zip(yours, right, strict=False)) if one != other), None)
        brace = "Where does the line end behind which it is over, and is that brace at the end of a line?"
        if at is None and len(yours) < len(right):
            lost = right[len(yours)]
            words = f"Response {len(yours) + 1} of the server is not in your list: {quoted(start_of(lost))}."
            braces = re.search(rb"\{\d+\}(?!\r\n)", lost)
            return Wrong(words, brace if braces else "Where did your loop stop, and why?", 0, trace)
        if at is None:
            count = f"You have {len(yours)} responses, the server said {len(right)}."
            return Wrong(count, "What stands behind the last one?", 0, trace)
        mine, theirs = yours[at], right[at]
        where = f"Response {at + 1} of the server has {len(theirs)} octets, and yours has {len(mine)}:"
        if mine.rstrip(b"\r\n") == theirs.rstrip(b"\r\n"):
            ask = "What ends a response, and does it belong to it?"
            return Wrong(f"{where} the line end is part of it.", ask, 0, trace)
        if theirs.startswith(mine) and mine.endswith(b"}") and b"}\r\n" not in mine:
            words = f"{where} it stops at {quoted(mine[-30:].decode('utf-8', 'replace'))}, and the literal is missing."
            return Wrong(words, "What does a number in braces at the end of a line announce?", 0, trace)
        if theirs.startswith(mine):
            words = f"{where} it stops at {quoted(mine[-30:].decode('utf-8', 'replace'))}, in the midst of it."
            return Wrong(words, "How many octets did the literal have, and how many literals are in it?", 0, trace)
        if mine.startswith(theirs):
            return Wrong(f"{where} it holds what comes after it, too.", brace, 0, trace)
        words = f"{where} it begins with {quoted(start_of(mine))}."
        return Wrong(words, "Which octets are missing at its beginning?", 0, trace)


def start_of(response: bytes) -> str:
    return response[:40].decode("utf-8", "replace")


# -- I2 ----------------------------------------------------------------------------------------------------------------

FOLDERS = ("Archive", "Done", "Kept", "Family")


class I2(Exercise):
    """Bring two folders into a given state, by UIDs, beside another device."""

    title = "A given state, by UIDs"
    minutes = 8
    hints = (
        "`UID SEARCH SUBJECT Lunch` tells the UID of a letter. `CREATE` makes a folder.",
        "`UID MOVE 3,8 Done` moves (RFC 9051 §6.4.8), `UID STORE 5 +FLAGS.SILENT (\\Flagged)` flags (§6.4.6).",
        "To remove is to mark and to expunge. `EXPUNGE` removes whatever anybody has marked; "
        "`UID EXPUNGE 4` removes that one alone (§6.4.9).",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.user = dice.choice(PEOPLE)
        self.lab = Lab(seed=dice.randrange(1, 10_000), opinions=False)
        subjects = dice.sample(SUBJECTS, 8)
        fill(self.lab, dice, self.user, subjects, [dice.choice(TEXTS) for _ in subjects])
        self.target = dice.choice(FOLDERS)
        gone, *rest = [dice.choice([1, 2]), *dice.sample(range(3, 9), 5)]
        removes = ("SELECT INBOX", f"STORE {gone} +FLAGS.SILENT (\\Deleted)", "EXPUNGE")
        phone = log_in(self.lab, self.user, "phone", *removes)
        phone.send(f"x UID STORE {rest[0]} +FLAGS.SILENT (\\Deleted)")
        phone.send("y LOGOUT")
        self.before = folder(self.lab, self.user)
        by_uid = {one.uid: one for one in self.before}
        self.marked, self.move_1, self.move_2, self.flag, self.drop = (by_uid[uid] for uid in rest)
        self.begun = len(sessions(held(self.lab.trace)))

    @property
    def task(self) -> str:
        return (
            f"In the INBOX of {self.user}: make a folder **{self.target}**, and **move** {self.move_1} and "
            f"{self.move_2} into it. **Flag** {self.flag} (`\\Flagged`). **Remove** {self.drop} for good. All other "
            f"letters stay as they are, and none is marked as read.\n\nTwo rules. Name letters **by their UIDs** only. "
            f"And the phone has marked {self.marked} for deletion, and may think better of it: that is not yours to "
            f"remove. `i2.user` and `i2.password` log in. At the end: `check(i2)`."
        )

    def judge(self, answer: Any) -> Findings:
        trace = held(self.lab.trace)
        return in_place(trace, self.findings(sessions(trace)[self.begun :]))

    def findings(self, calls: list[Session]) -> Findings:
        by_number = [one for call in calls for one in call.all(*ADDRESSED)]
        here, there = folder(self.lab, self.user), folder(self.lab, self.user, self.target)
        step = calls[-1].commands[-1].step if calls and calls[-1].commands else None
        if self.marked.uid not in {one.uid for one in here}:
            killers = [one for call in calls for one in call.all("EXPUNGE", "CLOSE")]
            yield Wrong(
                f"{self.marked} is gone. The phone had marked it, and you removed all that was marked.",
                "Which command expunges one letter, and no other?",
                killers[0].step if killers else step,
            )
        if by_number:
            yield Wrong(
                f"You said {quoted(by_number[0].line)}: that is a number, and no UID.",
                "Which word in front makes it a UID?",
                by_number[0].step,
            )
        yield from self.not_there(here, there, step)
        yield from self.touched(here, there, step)
        return (
            f"Right. {self.target} has {self.move_1} and {self.move_2}, {self.drop} is gone, and {self.marked} still "
            f"waits for the phone to think better of it."
        )

    def not_there(self, here: Sequence[Letter], there: Sequence[Letter], step: int | None) -> Iterator[Wrong]:
        """What was to be moved and removed."""
        names, moved = {one.subject for one in here}, {one.subject for one in there}
        wanted = {self.move_1.subject, self.move_2.subject}
        if missing := wanted - moved:
            first = f"{self.target} has {some(sorted(moved)) if moved else 'no letter'}"
            belong = f"{some([f'*{one}*' for one in sorted(missing)])} {'belongs' if len(missing) == 1 else 'belong'}"
            yield Wrong(f"{first}, and {belong} there.", "Is there such a folder, and did MOVE say OK?", step)
        elif wanted & names:
            yield Wrong(
                f"{some([f'*{one}*' for one in sorted(wanted & names)])} is in {self.target}, and still in INBOX.",
                "What does COPY leave behind, and what does MOVE?",
                step,
            )
        if extra := moved - wanted:
            yield Wrong(f"{self.target} has *{min(extra)}*, too.", "Whose UID was that?", step)
        if self.drop.subject in names:
            marked = any(one.subject == self.drop.subject and "\\Deleted" in one.flags for one in here)
            if marked:
                yield Wrong(f"{self.drop} is marked, and still there.", "What carries a mark out?", step)
            else:
                yield Wrong(f"{self.drop} is still there.", "Which flag says that a letter is to go?", step)
        kept = {one.subject for one in self.before} - wanted - {self.drop.subject, self.marked.subject}
        if lost := kept - names:
            yield Wrong(f"*{min(lost)}* is gone from INBOX.", "Whose number or UID did you name?", step)

    def touched(self, here: Sequence[Letter], there: Sequence[Letter], step: int | None) -> Iterator[Wrong]:
        """Flags that are missing, and flags that nobody wanted."""
        was = {one.subject: one.flags for one in self.before}
        now = {one.subject: one.flags for one in [*there, *here]}
        if read := [one for one, flags in now.items() if "\\Seen" in flags]:
            ask = "Which FETCH marks a letter as read, and which one peeks?"
            yield Wrong(f"{some([f'*{one}*' for one in read])} is marked as read.", ask, step)
        elif self.flag.subject in now and "\\Flagged" not in now[self.flag.subject]:
            yield Wrong(f"{self.flag} has no `\\Flagged`.", "What does STORE answer, and for which letter?", step)
        for subject, flags in now.items():
            expected = was.get(subject, frozenset()) | ({"\\Flagged"} if subject == self.flag.subject else set())
            if more := flags - expected - {"\\Seen", "\\Deleted"}:
                yield Wrong(f"*{subject}* has {min(more)}.", "Whose UID was that?", step)
                return


# -- I3 ----------------------------------------------------------------------------------------------------------------


class I3(Exercise):
    """Keep a client's numbers right while another client removes letters."""

    title = "Numbers that move"
    minutes = 10
    hints = (
        "Number n is `uids[n - 1]`. `* n EXPUNGE` takes that one out, and all behind it move up **at once**: the next "
        "line already counts anew (RFC 9051 §7.5.1).",
        "`* n EXISTS`: there are n letters now. While the list is shorter, `uids.append(None)`: a letter has come "
        "whose UID nobody has told yet.",
        "`* n FETCH (UID u …)` tells the UID of number n: `uids[n - 1] = u`. Not every FETCH has one.",
    )

    def set_up(self) -> None:
        self.user = self.dice.choice(PEOPLE)
        self.lab, self.uids, self.lines, _ = self.play(self.dice)

    def play(self, dice: random.Random) -> tuple[Lab, list[int], list[str], list[list[int | None]]]:
        """A morning with two devices: the UIDs at the beginning, what the laptop is told, its numbers after each."""
        lab = Lab(seed=dice.randrange(1, 10_000), tls=False, opinions=False)
        subjects = dice.sample(SUBJECTS, 7)
        fill(lab, dice, self.user, subjects[:5], [dice.choice(TEXTS) for _ in range(5)])
        removes = ("SELECT INBOX", f"STORE {dice.randrange(1, 6)} +FLAGS.SILENT (\\Deleted)", "EXPUNGE")
        phone = log_in(lab, self.user, "phone", *removes)
        laptop = log_in(lab, self.user, "laptop", "SELECT INBOX")
        begin = [one.uid for one in folder(lab, self.user)]
        low = dice.randrange(1, 3)
        lines = self.removed(phone, laptop, f"{low}:{low + 1}")
        fill(lab, dice, self.user, subjects[5:6], [dice.choice(TEXTS)])
        lines += untagged(laptop.send("n NOOP"))
        lines += untagged(laptop.send("f FETCH 3 (UID)"))
        phone.send("n NOOP")
        lines += self.removed(phone, laptop, "1")
        phone.send("m STORE 1 +FLAGS.SILENT (\\Flagged)")
        fill(lab, dice, self.user, subjects[6:], [dice.choice(TEXTS)])
        lines += untagged(laptop.send("n NOOP"))
        return lab, begin, lines, self.numbers(begin, lines)

    def removed(self, phone: Typed, laptop: Typed, numbers: str) -> list[str]:
        """The phone removes letters, and the laptop is told."""
        phone.send(f"d STORE {numbers} +FLAGS.SILENT (\\Deleted)")
        phone.send("e EXPUNGE")
        return untagged(laptop.send("n NOOP"))

    def numbers(self, begin: Sequence[int], lines: Sequence[str]) -> list[list[int | None]]:
        """The laptop's numbers after each line."""
        now: list[int | None] = list(begin)
        after = []
        for line in lines:
            number = int(line.split()[1])
            if line.endswith(" EXPUNGE"):
                del now[number - 1]
            elif line.endswith(" EXISTS"):
                now += [None] * (number - len(now))
            elif found := re.search(r" FETCH \(.*?\bUID (\d+)", line):
                now[number - 1] = int(found[1])
            after.append(list(now))
        return after

    @property
    def task(self) -> str:
        return (
            "Write `follow(uids, lines)`. `uids` is what a laptop knows when it has opened the mailbox: number n is "
            "the letter with the UID `uids[n - 1]`. `lines` is what it is told from then on, while a phone removes "
            "letters and new ones come in: lines like `* 2 EXPUNGE`, `* 5 EXISTS`, `* 1 RECENT`, "
            "`* 5 FETCH (UID 9)`. Return the list as the laptop knows it **after all of them**, with `None` for a "
            "letter whose UID it was not told.\n\nTry it on `i3.uids` and `i3.lines`; `i3.lab.arena(i3.user)` shows "
            "that morning. At the end: `check(i3, follow)`; it plays other mornings."
        )

    def judge(self, answer: Any) -> Findings:
        if not isinstance(answer, Source):
            yield no_function(answer, "follow")
            return ""
        mornings = [self.play(self.hidden) for _ in range(3)]
        for lab, begin, lines, after in mornings:
            rounds = [(list(begin), lines[: count + 1]) for count in range(len(lines))]
            for place, (yours, right) in enumerate(zip(self.call(answer, *rounds), after, strict=True)):
                if yours != right:
                    yield self.different(yours, right, after[place - 1] if place else begin, lines[place], lab)
                    return ""
        lines = mornings[0][2]
        gone = sum(line.endswith("EXPUNGE") for line in lines)
        return f"Right, on {len(mornings)} mornings. On the first, {gone} of {len(lines)} lines moved numbers."

    def different(
        self, yours: Any, right: Sequence[int | None], before: Sequence[int | None], line: str, lab: Lab
    ) -> Wrong:
        said = f"The laptop knew {written(before)}. It was told {quoted(line)}, and knows {written(right)}; you have "
        said += written(yours) if isinstance(yours, list | tuple) else quoted(repr(yours))
        if not isinstance(yours, list | tuple):
            ask = "Does your function return the list?"
        elif line.endswith("EXPUNGE"):
            ask = "Which letter had that number at that moment, after the lines before it?"
        elif line.endswith("EXISTS"):
            ask = "How many are there now, and how many did it know of?"
        elif line.endswith("RECENT"):
            ask = "Does that line say anything about numbers?"
        else:
            ask = "Whose UID does that line tell?"
        return Wrong(said + ".", ask, 0, held(lab.trace))


def untagged(reply: str) -> list[str]:
    return [line for line in reply.split("\n") if re.match(r"\* \d", line)]


def written(uids: Sequence[object]) -> str:
    return "[" + ", ".join(map(str, uids[:12])) + "]"


# -- I4 ----------------------------------------------------------------------------------------------------------------

FILES = ("minutes.pdf", "plan.png", "budget.xlsx", "photos.zip", "song.mp3")


class I4(Exercise):
    """The name and the size of an attachment, without fetching it, and without a trace on the letter."""

    title = "What is in it, without fetching it"
    minutes = 6
    hints = (
        "`FETCH n (BODYSTRUCTURE)` describes the parts of a letter, and sends none of them (RFC 9051 §7.5.2).",
        "Each part that is no multipart is a list: type, subtype, parameters, id, description, encoding, **size**, … "
        'The name stands behind `"filename"`.',
        "Which letter has it? `FETCH 1:* (ENVELOPE)`, or `SEARCH LARGER 50000`, tells it and reads nothing.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.user = dice.choice(PEOPLE)
        self.lab = Lab(seed=dice.randrange(1, 10_000), opinions=False)
        subjects = dice.sample(SUBJECTS, 4)
        sender = dice.choice([one for one in PEOPLE if one != self.user])
        self._name = f"{dice.choice('abcdefgh')}{dice.randrange(10, 99)}-{dice.choice(FILES)}"
        self._content = bytes(dice.randrange(256) for _ in range(997)) * dice.randrange(120, 200)
        self.subject = dice.choice(subjects)
        for subject in subjects:
            files = [(self._name, self._content)] if subject == self.subject else []
            self.lab.send(sender, self.user, subject=subject, text=dice.choice(TEXTS), attachments=files, read=False)
        [self.letter] = [one for one in folder(self.lab, self.user) if one.subject == self.subject]
        self._whole = self.lab.world.boxes[self.user].messages[self.letter.uid].data
        self._size = encoded_size(self._whole, self._name)

    @property
    def task(self) -> str:
        return (
            f"One of the letters of {self.user} has a file with it: **{self.letter.subject}**. {self.user} is on a "
            f"train, and every octet costs money. Find out the file's **name** and its **size** in octets, as it "
            f"travels, **without fetching the file**, and **without marking any letter as read**. "
            f'`i4.user` and `i4.password` log in. At the end: `check(i4, ("its name", size))`.'
        )

    def judge(self, answer: Any) -> Findings:
        trace = held(self.lab.trace)
        return in_place(trace, self.findings(answer, sessions(trace)))

    def findings(self, answer: Any, calls: list[Session]) -> Findings:
        commands = [one for call in calls for one in call.commands]
        seen = [one for one in commands if any("\\Seen" in flag.flags for flag in one.flags)]
        heard = sum(one.size for one in commands)
        if not any("FETCH" in one.name for one in commands):
            yield Wrong("Nobody has asked about a letter yet.", "Which command asks for a letter, or for its shape?")
            return ""
        if heard > len(self._whole) // 10:
            most = max(commands, key=lambda one: one.size)
            yield Wrong(
                f"The server sent {heard:,} octets; the whole letter has {len(self._whole):,}. {quoted(most.line)} "
                f"took {most.size:,} of them.",
                "Does peeking at a body send less of it? What describes a body, and sends none of it?",
                most.step,
            )
        if seen:
            yield Wrong(
                f"{quoted(seen[0].line)} marked a letter as read.",
                "Which items of FETCH leave a letter as it was?",
                seen[0].step,
            )
        yield from self.unlike(answer)
        return (
            f"Right: {self._name}, {self._size:,} octets, for the price of {heard:,}. {self.user} may decide now, "
            f"and no letter is marked as read."
        )

    def unlike(self, answer: Any) -> Iterator[Wrong]:
        match answer:
            case (str(name), int(size)):
                if name != self._name:
                    yield Wrong(f"The file is not called {quoted(name)}.", 'What stands behind "filename"?')
                elif abs(size - len(self._content)) < 4:
                    yield Wrong(f"{size:,} octets is what it has when it is decoded.", "How big is it as it travels?")
                elif size == len(self._whole):
                    yield Wrong(f"{size:,} octets is the whole letter.", "Which number belongs to that part alone?")
                elif size != self._size:
                    yield Wrong(f"The part has not {size:,} octets.", "Which number follows the encoding?")
            case _:
                words = f"You handed in {quoted(repr(answer))}, and what is wanted is a name and a number."
                yield Wrong(words, 'Did you write `check(i4, ("name", size))`?')


def encoded_size(message: bytes, name: str) -> int:
    """The octets of an attachment as it travels, by Python's own parser."""
    [part] = [one for one in email.message_from_bytes(message).walk() if one.get_filename() == name]
    return len(str(part.get_payload()))


# -- I5 ----------------------------------------------------------------------------------------------------------------

ASKS = ("FETCH", "UID FETCH", "STORE", "UID STORE", "SEARCH", "UID SEARCH")


class I5(Exercise):
    """What one client does, another is told, without asking for it."""

    title = "Let the laptop know"
    minutes = 4
    hints = (
        "Both have to have the mailbox open before the flag is set: who opens it later finds the flag there, and is "
        "told nothing new.",
        "A server tells news at the end of any command (RFC 9051 §5.2). Which command does nothing else?",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.user = dice.choice(PEOPLE)
        self.lab = Lab(seed=dice.randrange(1, 10_000), opinions=False)
        subjects = dice.sample(SUBJECTS, dice.randrange(4, 6))
        fill(self.lab, dice, self.user, subjects, [dice.choice(TEXTS) for _ in subjects])
        self.letter = dice.choice(folder(self.lab, self.user))

    @property
    def task(self) -> str:
        return (
            f"`phone` and `laptop` are two calls of {self.user}'s, not logged in yet. Let the **phone** set "
            f"`\\Flagged` on {self.letter}, and the **laptop** be **told** of it, in its open session, **without "
            f"asking**: once the flag is set, it says no `FETCH`, no `STORE`, no `SEARCH`. At the end: `check(i5)`."
        )

    def judge(self, answer: Any) -> Findings:
        trace = held(self.lab.trace)
        return in_place(trace, self.findings(sessions(trace)))

    def findings(self, calls: list[Session]) -> Findings:
        set_by = [
            (call, one)
            for call in calls
            for one in call.commands
            for flag in one.flags
            if self.letter.uid in flag.uids and "\\Flagged" in flag.flags and flag.how != "-"
        ]
        others = [one for one in folder(self.lab, self.user) if "\\Flagged" in one.flags and one.uid != self.letter.uid]
        laptops = [call for call in calls if call.name == "laptop"]
        if others:
            yield Wrong(f"{others[0]} has `\\Flagged`, and it was to be {self.letter}.", "Whose number is that?")
        if not set_by:
            if not others:
                yield Wrong(f"{self.letter} has no `\\Flagged`.", "Which command sets a flag?")
            return ""
        call, flagged = set_by[0]
        if call.name != "phone":
            yield Wrong("The laptop set the flag itself.", "Who was to do that?", flagged.step)
            return ""
        yield from self.not_told(laptops, flagged)
        return (
            f"Right. The phone said {quoted(flagged.line)}, and the laptop was told, though it had asked for nothing."
        )

    def not_told(self, laptops: Sequence[Session], flagged: Command) -> Iterator[Wrong]:
        """Whether a laptop that was there already has heard of it."""
        for laptop in laptops:
            since = [one for one in laptop.commands if any(step > flagged.step for step, _, _ in one.told)]
            if asked := [one for one in since if one.name in ASKS and one.step > flagged.step]:
                words = f"The laptop said {quoted(asked[0].line)}."
                yield Wrong(words, "That is asking. When does a server tell news by itself?", asked[0].step)
                return
            was_open = any(0 < step < flagged.step and box for step, box in laptop.ever)
            pattern = rf"(?m)^\* \d+ FETCH \(UID {self.letter.uid} FLAGS \([^)]*\\Flagged"
            if was_open and any(re.search(pattern, one.reply) for one in since):
                return
        late = [step for laptop in laptops for step, box in laptop.ever if box and step > flagged.step]
        if late:
            yield Wrong(
                "The laptop opened the mailbox after the flag was set: it found it, and was told no news.",
                "What has to be true before the phone says STORE?",
                late[0],
            )
        elif not any(box for laptop in laptops for _, box in laptop.ever):
            yield Wrong("The laptop has no mailbox open.", "Which command opens one?", flagged.step)
        else:
            yield Wrong(
                "The flag is set, and the laptop was not told: it has said nothing since.",
                "When may a server speak to a client that says nothing?",
                flagged.step,
            )


# -- I6 ----------------------------------------------------------------------------------------------------------------

NIGHT = 180  # minutes
PROMPT = 1.0  # seconds in which news is news
POLLS = ("NOOP", "CHECK", "STATUS", "SELECT", "EXAMINE", "SEARCH", "UID SEARCH", "FETCH", "UID FETCH")


class I6(Exercise):
    """Hear of each letter the moment it comes, without polling, through a whole night."""

    title = "A night without polling"
    minutes = 8
    hints = (
        "`IDLE` asks to be told at once; it is answered `+`, and ends when you send `DONE` alone (RFC 9051 §6.3.13).",
        "A server may give up on a client that has said nothing for 30 minutes (§5.4), in `IDLE`, too. Ours does.",
        "So: IDLE, wait 29 minutes, DONE; and again. `imap.send('DONE')` returns all that was pushed meanwhile.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.user = dice.choice(PEOPLE)
        self.lab = Lab(seed=dice.randrange(1, 10_000), opinions=False)
        subjects = dice.sample(SUBJECTS, 4)
        fill(self.lab, dice, self.user, subjects[:1], [dice.choice(TEXTS)])
        times = [dice.randrange(36, 57), dice.randrange(92, 113), dice.randrange(148, 171)]
        self.arrivals = list(zip(times, subjects[1:], strict=True))
        self.subjects = subjects[1:]
        self.begun, self.waited = self.lab.clock(), 0.0

    def wait(self, minutes: float) -> None:
        """Time passes, and letters come when they come."""
        if not 0 < minutes <= 1_000:
            minutes = 1.0
        until = self.waited + minutes
        while self.arrivals and self.arrivals[0][0] <= until:
            at, subject = self.arrivals.pop(0)
            self.lab.clock.advance(minutes=at - self.waited)
            self.waited = at
            self.lab.send("alice@alpha.example", self.user, subject=subject, text="Are you awake?", read=False)
        if until > self.waited:
            self.lab.clock.advance(minutes=until - self.waited)
        self.waited = until

    @property
    def task(self) -> str:
        return (
            f"A night of {NIGHT // 60} hours. Three letters for {self.user} come, nobody knows when. **Hear of each "
            f"the moment it comes**, in a session that lasts, **without polling**: after `SELECT` no command that asks "
            f"for news. `i6.wait(5)` lets five minutes pass. `i6.user` and `i6.password` log in. At the end of the "
            f"night: `check(i6)`."
        )

    def judge(self, answer: Any) -> Findings:
        trace = held(self.lab.trace)
        came = [step.at for step in self.lab.trace.only(Store) if self.is_ours(step.act)]
        return in_place(trace, self.findings(sessions(trace), came))

    def is_ours(self, act: Any) -> bool:
        return act.box == self.user and any(f"Subject: {one}\r\n".encode() in act.message for one in self.subjects)

    def findings(self, calls: list[Session], came: Sequence[float]) -> Findings:
        passed = (self.lab.clock() - self.begun) / 60
        opened = [call for call in calls if any(box == self.user for _, box in call.ever)]
        if not opened:
            yield Wrong(f"Nobody has opened the mailbox of {self.user}.", "Which commands log in, and open it?")
            return ""
        polls = [one for call in opened for one in call.all(*POLLS) if one.step > call.ever[0][0]]
        silent = [call.silent for call in opened if call.silent is not None]
        if polls:
            yield Wrong(
                f"You asked {len(polls)} times; the first time by {quoted(polls[0].line)}.",
                "Which command lets the server speak first?",
                polls[0].step,
            )
        if silent:
            yield Wrong(
                "The server hung up on you in the night, after 30 minutes without a word (RFC 9051 §5.4).",
                "How often does an IDLE have to be said anew?",
                silent[0],
            )
        if passed < NIGHT - 0.5 or len(came) < len(self.subjects):
            yield Wrong(
                f"{passed:.0f} of {NIGHT} minutes have passed, and {len(came)} of {len(self.subjects)} letters came.",
                "Does your loop go through the night?",
                opened[-1].commands[-1].step,
            )
        late = [at for at in came if not self.was_told(opened, at)]
        if late and passed >= NIGHT - 0.5 and not polls and not silent:
            yield Wrong(
                f"{len(late)} of {len(came)} letters came, and you heard of it later.",
                "Were you in IDLE at that moment?",
                opened[-1].commands[-1].step,
            )
        idles = sum(len(call.all("IDLE")) for call in opened)
        return (
            f"Right. {len(came)} letters, each heard of the moment it came; and in three hours you said IDLE {idles} "
            f"times."
        )

    def was_told(self, calls: Sequence[Session], at: float) -> bool:
        return any(
            at <= when <= at + PROMPT and " EXISTS" in said
            for call in calls
            for one in call.all("IDLE")
            for _, when, said in one.told
        )


# -- I7 ----------------------------------------------------------------------------------------------------------------

WORK = "Work"


class Watched:
    """A call over which the learner's program speaks, logged in; what it said and heard is kept."""

    def __init__(self, lab: Lab, user: str) -> None:
        self.call = log_in(lab, user)
        self.heard = ""
        self.letters = {one.uid: one.subject for one in folder(lab, user, WORK)}

    def send(self, line: str | bytes) -> str:
        reply = self.call.send(line)
        self.heard += reply
        return reply


class I7(Exercise):
    """A client with a cache: three visits, and before the third the folder is another one of the same name."""

    title = "The same UIDs, other letters"
    minutes = 12
    hints = (
        "SELECT answers with `UIDVALIDITY`: `re.search(r'UIDVALIDITY (\\d+)', reply)[1]`. Keep it in `cache`, too.",
        "When it is another one than last time, nothing that you remember of UIDs is true any more: forget the letters "
        "(RFC 9051 §2.3.1.1).",
        "`UID SEARCH ALL` is answered `* SEARCH 1 2 5`. Forget the letters that are not there any more; for each new "
        "one `UID FETCH 5 (BODY.PEEK[HEADER.FIELDS (SUBJECT)])`, and keep the reply.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.user = dice.choice(PEOPLE)
        self.lab = Lab(seed=dice.randrange(1, 10_000), opinions=False)
        phone = log_in(self.lab, self.user, "phone", f"CREATE {WORK}")
        for subject in dice.sample(SUBJECTS, 3):
            append(phone, WORK, subject, dice.choice(TEXTS))
        phone.send("z LOGOUT")

    def connect(self) -> Typed:
        """A new call in your own world, logged in."""
        return log_in(self.lab, self.user)

    @property
    def task(self) -> str:
        return (
            f"Write `sync(imap, cache)`. `imap` is a call of {self.user}'s that is logged in; of it there is "
            f"`imap.send`. `cache` is a dict that is kept between visits. After each visit `cache['letters']` is to be "
            f"a dict **UID (an int) → a text that has the letter's subject in it**, for exactly those letters that lie "
            f"in the folder **{WORK}** now. What the cache knows already is **not fetched again**. The check calls it "
            f"three times; between the visits letters come and go, and before the third somebody deletes the whole "
            f"folder, makes it anew, and puts other letters in.\n\nTry it: `sync(i7.connect(), {{}})`. At the end: "
            f"`check(i7, sync)`."
        )

    def judge(self, answer: Any) -> Findings:
        if not isinstance(answer, Source):
            yield no_function(answer, "sync")
            return ""
        lab, cache = Lab(seed=self.hidden.randrange(1, 10_000), tls=False, opinions=False), dict[Any, Any]()
        subjects = self.hidden.sample(SUBJECTS, 8)
        phone = log_in(lab, self.user, "phone")
        known: dict[int, str] = {}
        with apart(answer) as sync:
            for visit in (1, 2, 3):
                self.meanwhile(phone, visit, subjects)
                watched = Watched(lab, self.user)
                try:
                    sync(Offered(watched, ("send",)), cache)
                except Stopped as why:
                    step = sessions(held(lab.trace))[-1].step
                    yield Wrong(f"On visit {visit} your function was called. {why}", "", step, held(lab.trace))
                    return ""
                if wrong := self.wrong(visit, cache.get("letters"), watched, known, lab):
                    yield wrong
                    return ""
                known = watched.letters
        return (
            f"Right. Three visits, {len(subjects)} letters, each fetched once; and when UIDVALIDITY was another one, "
            f"everything you knew of {WORK} was forgotten."
        )

    def meanwhile(self, phone: Typed, visit: int, subjects: Sequence[str]) -> None:
        """What happens before each visit."""
        match visit:
            case 1:
                phone.send(f"a CREATE {WORK}")
                new = subjects[:3]
            case 2:
                phone.send(f"b SELECT {WORK}")
                phone.send("c STORE 1 +FLAGS.SILENT (\\Deleted)")
                phone.send("d EXPUNGE")
                phone.send("e UNSELECT")
                new = subjects[3:4]
            case _:
                phone.send(f"f DELETE {WORK}")
                phone.send(f"g CREATE {WORK}")
                new = subjects[4:]
        for subject in new:
            append(phone, WORK, subject, "See you.")

    def wrong(self, visit: int, letters: Any, watched: Watched, known: dict[int, str], lab: Lab) -> Wrong | None:
        """The first thing that is wrong after a visit."""
        trace = held(lab.trace)
        step = sessions(trace)[-1].step
        there = watched.letters
        if not isinstance(letters, dict):
            words = f"After visit {visit}, `cache['letters']` is {quoted(repr(letters))}."
            return Wrong(words, "Which dict is to hold what you know?", step, trace)
        for uid, subject in there.items():
            kept = letters.get(uid)
            if kept is None:
                words = f"After visit {visit}, *{subject}* (UID {uid}) is not in your cache; it has "
                return Wrong(
                    words + f"{written(list(letters))}.", "Are your keys UIDs, and is each one an int?", step, trace
                )
            if subject not in str(kept):
                words = f"After visit {visit}, UID {uid} is *{subject}*, and your cache has {quoted(kept)} for it."
                ask = "Which number in the answer to SELECT says that these are other UIDs?"
                return Wrong(words, ask if visit == 3 else "Which UID belongs to which letter?", step, trace)
        if gone := [uid for uid in letters if uid not in there]:
            words = f"After visit {visit}, your cache has UID {gone[0]}, and nobody has that any more."
            return Wrong(words, "How do you learn what is there now, and what do you forget?", step, trace)
        again = [one for uid, one in known.items() if there.get(uid) == one and one in watched.heard]
        if again:
            words = f"On visit {visit} you fetched *{again[0]}* again, and your cache had it."
            return Wrong(words, "Which UIDs does the cache lack?", step, trace)
        return None
