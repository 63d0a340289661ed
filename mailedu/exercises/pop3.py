"""Exercises of lesson 06: what leaves the server, and when."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ..acts import Say
from ..lab import Lab
from ..lab.stage import COMPANIES
from ..lab.typed import Typed
from ..pop3.server import in_lines
from ..trace import Trace
from .apart import Offered, Stopped, apart
from .frame import Exercise, Findings, Wrong
from .maildrop import (
    PEOPLE,
    SUBJECTS,
    TEXTS,
    Letter,
    Said,
    Session,
    fill,
    held,
    in_place,
    lines_of,
    log_in,
    pile,
    quoted,
    sessions,
    some,
)
from .source import Source

# -- P1 ----------------------------------------------------------------------------------------------------------------


class P1(Exercise):
    """Fetch every letter as it was written, remove none, say goodbye."""

    title = "Fetch all, leave all"
    minutes = 5
    hints = (
        "`STAT` gives the count: `int(reply.split()[1])`.",
        'The first line of a reply is the server\'s, the last line is the dot: `reply.split("\\n")[1:-1]`. '
        'Put the rest together again with `"\\n".join(lines)`.',
        'A line that begins with a dot has one dot too many: `line[1:] if line.startswith(".") else line`.',
    )

    def set_up(self) -> None:
        dice = self.dice
        self.user = dice.choice(PEOPLE)
        self.lab = Lab(seed=dice.randrange(1, 10_000), opinions=False)
        subjects = dice.sample(SUBJECTS, dice.randrange(4, 7))
        texts = [f"{dice.choice(TEXTS)}\nYours" for _ in subjects]
        dot, hidden = dice.sample(range(len(subjects)), 2)
        texts[dot] = f"{dice.choice(TEXTS)}\n.\nThe line above is a dot."
        texts[hidden] = f"{dice.choice(TEXTS)}\n..hidden\nThe line above begins with two."
        fill(self.lab, dice, self.user, subjects, texts)
        self.before = pile(self.lab, self.user)

    @property
    def task(self) -> str:
        return (
            f"Several letters lie in the maildrop of {self.user}. **Fetch every letter as it was written**, into a "
            f"list `letters` of strings, in the order of their numbers. **Leave everything on the server**, and say "
            f"goodbye properly. `p1.user` and `p1.password` log in. At the end: `check(p1, letters)`."
        )

    def judge(self, answer: Any) -> Findings:
        trace = held(self.lab.trace)
        return in_place(trace, self.findings(answer, sessions(trace)))

    def findings(self, answer: Any, calls: list[Session]) -> Findings:
        fetched = {one.number for call in calls for one in call.all("RETR")}
        missing = [number for number in range(1, len(self.before) + 1) if number not in fetched]
        if missing:
            yield self.not_fetched(missing, calls)
        else:
            yield from self.unlike(answer)
            yield from self.not_over(calls)
        yield from self.marked(calls)
        count = len(self.before)
        number, line = next(
            (n, k) for n, one in enumerate(self.before, 1) for k, it in enumerate(one.lines, 1) if it == "."
        )
        return (
            f"Right. {count} letters fetched, {count} left, no `DELE` on the wire, and line {line} of letter {number} "
            f"really is a single dot."
        )

    def not_fetched(self, missing: list[int], calls: list[Session]) -> Wrong:
        if len(missing) == len(self.before):
            step = calls[-1].step if calls else None
            return Wrong("Nobody has fetched a letter yet.", "Which commands log in, and which one fetches?", step)
        return Wrong(
            f"{len(self.before)} letters lie there, and nobody fetched number {some(missing)}.",
            "How do you know how many there are, and does your loop go that far?",
            calls[-1].step,
        )

    def unlike(self, answer: Any) -> Iterator[Wrong]:
        """What is handed in, beside what lies there."""
        if not isinstance(answer, list | tuple) or not all(isinstance(one, str | bytes) for one in answer):
            yield Wrong(
                f"You handed in {quoted(repr(answer))}, and what is wanted is a list of strings.",
                "Did you write `check(p1, letters)`, and does `letters` hold the text of each letter?",
            )
            return
        if len(answer) != len(self.before):
            yield Wrong(
                f"Your list has {len(answer)} letters; {len(self.before)} lie there.",
                "Was the list empty when you began, and does each turn of the loop add one?",
            )
            return
        for number, (given, letter) in enumerate(zip(answer, self.before, strict=True), 1):
            yours, hers = lines_of(given), letter.lines
            if yours != hers:
                yield different(f"Letter {number} in your list", yours, hers)
                return

    def not_over(self, calls: list[Session]) -> Iterator[Wrong]:
        """Whether the last session said goodbye; if not, what somebody else meets."""
        last = calls[-1]
        if last.state == "TRANSACTION":
            second = log_in(self.lab, self.user)
            reply = second.exchanges[-1][1]
            yield Wrong(
                f"All fetched, and your session is still open: a second log-in was answered {quoted(reply)}.",
                "Who holds the key?",
                last.said[-1].step,
            )
        elif not last.bids_goodbye:
            yield Wrong(
                "All fetched, and your last session did not end with a `QUIT` that was answered.",
                "How does a server learn that you are done?",
                last.said[-1].step if last.said else last.step,
            )

    def marked(self, calls: list[Session]) -> Iterator[Wrong]:
        """A mark, also one that was taken off again; or a letter that is gone by another way."""
        marks = [(call, one) for call in calls for one in call.all("DELE")]
        if marks:
            call, one = marks[0]
            yield Wrong(
                f"There was a {quoted(one.line)} at step {one.place} of session {call.number}. "
                f"*Leave all* means it is never marked.",
                "Which command asks for a letter, and marks nothing?",
                one.step,
            )
        elif lost := [one for one in self.before if one not in pile(self.lab, self.user)]:
            yield Wrong(f"{some(lost)} is no longer there.", "Who removed it, and by which protocol?")


def different(what: str, yours: Sequence[str], hers: Sequence[str]) -> Wrong:
    """A letter that is not as it was written: the frame is still around it, its dots are doubled, or something else."""
    first, last = yours[0], yours[-1]
    if first.startswith("+OK") or last == ".":
        return Wrong(
            f"{what} has {len(yours)} lines, the stored one {len(hers)}. Your first line is "
            f"{quoted(first)}, your last {quoted(last)}.",
            "Did somebody write those, or do they belong to the server's reply?",
        )
    differing = [at for at, (one, other) in enumerate(zip(yours, hers, strict=False)) if one != other]
    at = differing[0] if differing else min(len(yours), len(hers))
    mine, theirs = (lines[at] if at < len(lines) else "(no such line)" for lines in (yours, hers))
    doubled = mine == f".{theirs}"
    return Wrong(
        f"{what}, line {at + 1}: you have {quoted(mine)}, the letter has {quoted(theirs)}.",
        "What does the server do to a line that begins with a dot, and who undoes it?"
        if doubled
        else "What happened to that line between the wire and your list?",
    )


# -- P2 ----------------------------------------------------------------------------------------------------------------

LOOKS = ("UIDL", "LIST", "STAT", "TOP", "RETR")  # what tells something about the pile


class Train(NamedTuple):
    """One of the two worlds, and what was done there."""

    which: str  # "A" or "B"
    lost: str  # "request" or "reply"
    lab: Lab
    trace: Trace  # of its sessions
    calls: list[Session]
    before: list[Letter]
    after: list[Letter]

    @property
    def gone(self) -> list[int]:
        """The old numbers of the letters that are no longer there."""
        return [number for number, one in enumerate(self.before, 1) if one not in self.after]

    @property
    def broke(self) -> Session | None:
        """The session whose goodbye was lost."""
        for call in self.calls:
            if (self.lost == "reply" and call.all("QUIT")) or (call.gone and call.gone.name == "pop3.hung-up"):
                return call
        return None

    @property
    def looked(self) -> bool:
        """Whether, after the break, somebody asked what is there, before marking anything."""
        broke = self.broke
        later = [one for call in self.calls if broke and call.number > broke.number for one in call.said if one.ok]
        until = next((place for place, one in enumerate(later) if one.verb == "DELE"), len(later))
        return any(one.verb in LOOKS for one in later[:until])


class P2(Exercise):
    """Remove one letter, and nothing else, on a line that breaks at the goodbye."""

    title = "Delete only letter 2, on a bad line"
    minutes = 5
    labs = ("lab_a", "lab_b")
    hints = (
        "After silence there are two things that may have happened to your `QUIT`. Which?",
        "How many letters are there now, and how many were there?",
        "Write down the *name* of letter 2 before you mark it (`UIDL 2`). After the break, ask whether that name is "
        "still there, and what its number is now.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.user = dice.choice(PEOPLE)
        host = f"pop.{self.user.partition('@')[2]}"
        seed, subjects = dice.randrange(1, 10_000), dice.sample(SUBJECTS, 5)
        texts = [dice.choice(TEXTS) for _ in subjects]
        sender = dice.choice([one for one in PEOPLE if one != self.user])
        self.lab_a, self.lab_b = (
            Lab(seed=seed, opinions=False, settings={host: {"tells_count": False}}) for _ in self.labs
        )
        self.lost = dict(zip(self.labs, dice.sample(["request", "reply"], 2), strict=True))
        self.before = {}
        for name, lab in (("lab_a", self.lab_a), ("lab_b", self.lab_b)):
            for subject, text in zip(subjects, texts, strict=True):
                lab.send(sender, self.user, subject=subject, text=text, read=False)
            lab.lose("QUIT", self.lost[name], host=host)
            self.before[name] = pile(lab, self.user)
        self.lab = self.lab_a

    @property
    def task(self) -> str:
        subject = self.before["lab_a"][1].subject
        return (
            f"Two trains, `p2.lab_a` and `p2.lab_b`, each with the same five letters for {self.user}. In both, "
            f"**remove letter 2** (*{subject}*) **and nothing else**. In each train the line breaks once, at the worst "
            f'moment: you send the first `QUIT`, and `.send` returns `""`. Then log in again, over a new call, and '
            f"make it right. At the end: `check(p2)`.\n\nNo second break comes, and the break ends the session on the "
            f"server at once."
        )

    def judge(self, answer: Any) -> Findings:
        trains = [self.train("A", "lab_a", self.lab_a), self.train("B", "lab_b", self.lab_b)]
        wrong = sorted((train for train in trains if train.gone != [2]), key=lambda train: not train.gone)
        for train in wrong:
            yield self.not_right(train)
        if not wrong:
            for train in trains:
                if not train.looked:
                    yield Wrong(
                        f"Train {train.which}: the pile is right, and you could not have known that: after the break "
                        f"nobody asked the server what is there.",
                        "Which command tells two silences apart?",
                        train.calls[-1].step if train.calls else None,
                        train.trace,
                    )
        x, y = (next(train.which for train in trains if train.lost == lost) for lost in ("request", "reply"))
        return (
            f"Right, twice. In train {x} the server never got your `QUIT`; in train {y} only the answer was lost. "
            f"Silence looked the same; looking told them apart."
        )

    def train(self, which: str, name: str, lab: Lab) -> Train:
        trace = held(lab.trace)
        return Train(which, self.lost[name], lab, trace, sessions(trace), self.before[name], pile(lab, self.user))

    def not_right(self, train: Train) -> Wrong:
        where, gone = f"Train {train.which}", train.gone
        step = train.calls[-1].step if train.calls else None
        names = {number: train.before[number - 1] for number in gone}
        if not gone and train.lab.history.losses:  # the fault that waits for a QUIT waits still
            cut = any(call.gone for call in train.calls)
            return Wrong(
                f"{where}: all five letters are there, and nobody has said `QUIT`.",
                "Did you give up before you said goodbye?" if cut else "When does a server carry out a mark?",
                step,
                train.trace,
            )
        if not gone:
            return Wrong(
                f"{where}: all five letters are still there. Your marks belonged to the session that broke, and marks "
                f"do not survive it (RFC 1939 §4, §6).",
                "What do you have to do again, and how do you know that you have to?",
                step,
                train.trace,
            )
        if 2 in gone and 3 in gone:
            return Wrong(
                f"{where}: {names[3]} is gone too. Your first `QUIT` had worked.",
                "What was number 2 when you logged in again?",
                step,
                train.trace,
            )
        return Wrong(
            f"{where}: {some(list(names.values()))} is gone; letter 2 was {train.before[1]}.",
            "Whose number did you mark, and in which session?",
            step,
            train.trace,
        )


# -- P3 ----------------------------------------------------------------------------------------------------------------


class Watched:
    """A call that the learner's program speaks over: what it fetched is counted, and it may break."""

    def __init__(self, lab: Lab, user: str, breaks_at: str = "") -> None:
        self.pop = log_in(lab, user)
        self.pile = pile(lab, user)
        self.breaks_at = breaks_at  # the name of the letter in whose middle the line breaks
        self.fetched: list[Letter] = []  # completely
        self.said: list[str] = []
        self.broke = False
        self.step = sessions(held(lab.trace))[-1].step

    def send(self, line: str | bytes) -> str:
        text = line.decode("utf-8", "replace") if isinstance(line, bytes) else line
        self.said.append(text.strip())
        found = re.fullmatch(r"retr (\d{1,9})\s*", text, re.IGNORECASE)
        number = int(found[1]) if found else 0
        letter = self.pile[number - 1] if 0 < number <= len(self.pile) else None
        if letter and letter.name == self.breaks_at and not self.broke:
            self.broke = True
            self.pop.hangup(lose="reply")
        reply = self.pop.send(line)
        if letter and reply.startswith("+OK"):
            self.fetched.append(letter)
        return reply


class P3(Exercise):
    """A program that fetches what it lacks: three runs, between which letters come and go, and a line that breaks."""

    title = "A sync program for three runs"
    minutes = 10
    hints = (
        "Begin with `sync_by_name` of section 7.",
        '`store[name] = …` only after you have seen the closing dot: `reply.endswith("\\n.")`. '
        "What belongs to the reply and not to the letter you know from P1.",
        "An empty reply means that the line is gone: `return`, and let the next run do the rest. Names hold even then "
        "(RFC 1939 §7).",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.user = dice.choice(PEOPLE)
        self.lab = Lab(seed=dice.randrange(1, 10_000), opinions=False)
        fill(self.lab, dice, self.user, dice.sample(SUBJECTS, 3))

    def connect(self) -> Typed:
        """A new call in your own world, logged in."""
        return log_in(self.lab, self.user)

    @property
    def task(self) -> str:
        return (
            f"Write `sync(pop, store)`. `pop` is a call that is logged in, for {self.user}; of it there is `pop.send`. "
            f"`store` is a dict, name → letter, that is kept between runs. **Fetch** what `store` lacks, **delete "
            f"nothing, end the session.** The check calls it three times; between the calls letters come and go, and "
            f'once the line breaks in the middle of a letter: then `.send` returns `""`, for good. '
            "Every letter is to be "
            f"fetched **once**, and to be in `store` as it was written.\n\nTry it: `sync(p3.connect(), {{}})`. Then "
            f"hand in the function: `check(p3, sync)`."
        )

    def judge(self, answer: Any) -> Findings:
        if not isinstance(answer, Source):
            yield Wrong(
                f"You handed in {quoted(repr(answer))}. The check needs the function itself, to call it three times.",
                "Did you write `check(p3, sync)`, without brackets behind `sync`?",
            )
            return ""
        lab, store = Lab(seed=self.hidden.randrange(1, 10_000), tls=False, opinions=False), dict[Any, Any]()
        subjects = self.hidden.sample(SUBJECTS, 6)
        runs: list[Watched] = []
        with apart(answer) as sync:
            for number in (1, 2, 3):
                self.meanwhile(lab, number, subjects)
                last = pile(lab, self.user)[-1].name
                runs.append(Watched(lab, self.user, last if number == 2 else ""))
                try:
                    sync(Offered(runs[-1], ("send",)), store)
                except Stopped as why:
                    ask = "What does `.send` return when the line is gone?" if runs[-1].broke else ""
                    yield Wrong(f"In run {number} your function was called. {why}", ask, runs[-1].step, held(lab.trace))
                    return ""
                if number < 3 and runs[-1].pop.state == "TRANSACTION":
                    runs[-1].pop.hangup()  # or nobody else could get in
        yield from self.findings(held(lab.trace), runs, store)
        count = len(subjects)
        return (
            f"Right. {count} letters, {count} complete `RETR`s in three runs, and the one that broke off in run 2 came "
            f"in run 3."
        )

    def meanwhile(self, lab: Lab, number: int, subjects: Sequence[str]) -> None:
        """What lies there before each run; before the second one another machine has removed a letter."""
        texts = [f"{self.hidden.choice(TEXTS)}\n.\n..\nYours" for _ in subjects]
        match number:
            case 1:
                fill(lab, self.hidden, self.user, subjects[:3], texts)
            case 2:
                phone = log_in(lab, self.user)
                phone.send(f"DELE {self.hidden.randrange(1, 4)}")
                phone.send("QUIT")
                fill(lab, self.hidden, self.user, subjects[3:5], texts)
            case 3:
                fill(lab, self.hidden, self.user, subjects[5:], texts)

    def findings(self, trace: Trace, runs: Sequence[Watched], store: dict[Any, Any]) -> Iterator[Wrong]:
        for number, run in enumerate(runs, 1):
            if marks := [line for line in run.said if line.upper().startswith("DELE")]:
                yield Wrong(
                    f"Run {number} said {quoted(marks[0])}.",
                    "Who else wants to read what lies there?",
                    run.step,
                    trace,
                )
                break
        there = {one.name: one for run in (runs[0], runs[2]) for one in run.pile}
        times = {name: sum(one.name == name for run in runs for one in run.fetched) for name in there}
        several = [name for name, count in times.items() if count > 1]
        never = [name for name, count in times.items() if not count]
        if several:
            yield Wrong(
                f"{there[several[0]]} was fetched {times[several[0]]} times"
                + (f", and {len(several) - 1} more of {len(there)} more than once." if several[1:] else "."),
                "What do you know about a letter before you ask for it?",
                runs[1].step,
                trace,
            )
        if never:
            yield self.never_fetched(there[never[0]], runs, store, trace)
        elif not several:
            yield from self.not_kept(list(there.values()), runs, store, trace)
        if runs[2].pop.state == "TRANSACTION":
            yield Wrong(
                "Run 3 ended without a `QUIT`, and its session is still open.",
                "Who can log in now?",
                runs[2].step,
                trace,
            )

    def never_fetched(self, letter: Letter, runs: Sequence[Watched], store: dict[Any, Any], trace: Trace) -> Wrong:
        run = next(run for run in runs if letter in run.pile)
        which, number = runs.index(run) + 1, run.pile.index(letter) + 1
        if letter.name in store:
            return Wrong(
                f"{letter} broke off in run 2 and never came: your store had its name already. Note a name when the "
                f"letter is safe, not before."
                if run.broke and letter.name == run.breaks_at
                else f"{letter} was never fetched, and your store has its name.",
                "What did you know of the letter when you wrote its name down?",
                run.step,
                trace,
            )
        if store and all(str(key).isdecimal() for key in store):
            return Wrong(
                f"In run {which} you had number {number} and skipped it, but it was {letter}.",
                f"Whose number was {number} in run 1?" if which > 1 else "What is a number good for?",
                run.step,
                trace,
            )
        return Wrong(
            f"{letter} lay there in run {which} as number {number}, and no run fetched it.",
            "Which command tells you all there is, and what in its answer stays the same in the next session?",
            run.step,
            trace,
        )

    def not_kept(
        self, there: Sequence[Letter], runs: Sequence[Watched], store: dict[Any, Any], trace: Trace
    ) -> Iterator[Wrong]:
        """A letter that was fetched and is not in the store, or not as it was written."""
        kept = {lines_of(value) for value in store.values() if isinstance(value, str | bytes)}
        for letter in there:
            if letter.lines in kept:
                continue
            value = store.get(letter.name)
            if isinstance(value, str | bytes):
                wrong = different(f"{letter} in your store", lines_of(value), letter.lines)
                yield wrong._replace(step=runs[0].step, trace=trace)
            else:
                yield Wrong(
                    f"{letter} was fetched, and your store does not have it.",
                    "Under which name do you keep a letter, and what do you keep of it?",
                    runs[0].step,
                    trace,
                )
            return


# -- P4 ----------------------------------------------------------------------------------------------------------------

LOGS_IN = ("PASS", "APOP", "AUTH")
IN_USE = "-ERR [IN-USE]"


class P4(Exercise):
    """Be refused because the maildrop is in use, and let in later on the same connection."""

    title = "Meet the lock"
    minutes = 3
    hints = (
        "The lock begins with TRANSACTION, so with a `PASS` that is answered `+OK`.",
        "After `-ERR` say `USER` and `PASS` again, on the same connection.",
        "The first session ends by `QUIT`, or by ten minutes of its silence. The clock counts for the second one too, "
        "so let that one speak half-way: `p4.lab.clock.advance(minutes=6)`, a `CAPA` from it, six minutes more.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.user = dice.choice(PEOPLE)
        self.lab = Lab(seed=dice.randrange(1, 10_000), opinions=False)
        fill(self.lab, dice, self.user, dice.sample(SUBJECTS, dice.choice([2, 3])))
        self.before = pile(self.lab, self.user)

    @property
    def task(self) -> str:
        return (
            f"`first` and `second` are two connections of {self.user}. **Have the second one refused because the "
            f"maildrop is in use**, with the right password. Then **let the same second connection in, and have it "
            f"fetch letter 1**. Nothing may be removed. At the end: `check(p4)`."
        )

    def judge(self, answer: Any) -> Findings:
        trace = held(self.lab.trace)
        return in_place(trace, self.findings(sessions(trace)))

    def findings(self, calls: list[Session]) -> Findings:
        refused = [(call, one) for call in calls for one in call.said if one.reply.startswith(IN_USE)]
        let_in = [(call, one) for call, one in refused if call.opened and call.opened.step > one.step]
        done = [(call, one) for call, one in let_in if any(it.number == 1 for it in call.all("RETR"))]
        if not refused:
            yield self.never_refused(calls)
        elif not let_in:
            yield self.never_let_in(calls, *refused[-1])
        elif not done:
            call, _ = let_in[0]
            yield Wrong(
                f"Session {call.number} was refused and then let in, and it has not fetched letter 1.",
                "What was it that the second machine wanted?",
                call.said[-1].step,
            )
        if lost := [one for one in self.before if one not in pile(self.lab, self.user)]:
            yield Wrong(f"{some(lost)} is no longer there.", "Which command removes, and who said it?")
        if not done:
            return ""
        call, one = done[0]
        holder = holding(calls, one)
        assert holder.opened and call.opened
        how = "ten minutes of its silence" if holder.gone and holder.gone.name == "pop3.silent" else (
            "its `QUIT`" if holder.bids_goodbye else "its line broke"
        )  # fmt: skip
        return (
            f"Right. Session {call.number} was refused at its step {one.place}, because session {holder.number} had "
            f"been in TRANSACTION since its step {holder.opened.place}; it was let in at step {call.opened.place}, "
            f"after {how}."
        )

    def never_refused(self, calls: Sequence[Session]) -> Wrong:
        if len(calls) < 2:
            return Wrong(
                f"There {'was one connection' if calls else 'was no connection'}, and two are wanted.",
                "What is the lock between, if not between two sessions?",
                calls[0].step if calls else None,
            )
        for call in calls:
            for one in call.said:
                inside = call.opened and call.opened.step < one.step  # refused for its state
                if one.verb in LOGS_IN and one.reply.startswith("-ERR") and not inside:
                    return Wrong(
                        f"Session {call.number} was refused at its step {one.place}, but with "
                        f"{quoted(one.reply.strip())}: that is not about the lock.",
                        "Use the right password, at the wrong time. When is that?",
                        one.step,
                    )
        first, second = calls[0], calls[1]
        until = second.opened.step if second.opened else None
        past = [one for one in first.said if until is None or one.step < until]
        state = past[-1].state if past else ""
        return Wrong(
            f"Both connections were open and nobody was refused. Session 1 was in "
            f"{'AUTHORIZATION' if state in ('', 'PASSWORD') else state} then.",
            "Which step takes the lock: connecting, `USER`, or `PASS`?",
            second.step,
        )

    def never_let_in(self, calls: Sequence[Session], call: Session, refusal: Said) -> Wrong:
        holder = holding(calls, refusal)
        if call.gone and call.gone.name == "pop3.silent":
            return Wrong(
                f"Session {call.number} was refused, and then silent for ten minutes itself: the server hung up.",
                "What does any word from the second one do to its own ten minutes?",
                refusal.step,
            )
        if others := [other for other in calls if other.opened and other.opened.step > refusal.step]:
            return Wrong(
                f"Session {call.number} was refused at its step {refusal.place}; let in was session "
                f"{others[0].number}, another connection.",
                "What may a client still say on a connection on which it was refused (RFC 1939 §4)?",
                refusal.step,
            )
        if holder.state == "TRANSACTION":
            return Wrong(
                f"Session {holder.number} still holds the maildrop.", "Name two ways for it to end.", refusal.step
            )
        return Wrong(
            f"Nobody holds the maildrop any more, and session {call.number} has not logged in again.",
            "What did it say before it was refused?",
            refusal.step,
        )


def holding(calls: Sequence[Session], refusal: Said) -> Session:
    """The session that had the maildrop when another one was refused: the last one to open it before that."""
    return [call for call in calls if call.opened and call.opened.step < refusal.step][-1]


# -- P5 ----------------------------------------------------------------------------------------------------------------

LETTERS = 50
BODIES = 650_000  # octets of all bodies together
MOST = 10  # percent
WORDS = (
    "after before bread bridge call clock corner each every first for garden half hour house into late letter light "
    "little long meeting minutes new next of old once our over paper plan read right roof room second small some still "
    "station summer table than that the then there third this those through time to train tree under until very wait "
    "walk week when where which white window winter with word work year yes"
)


class P5(Exercise):
    """The subjects of fifty letters, for less than a tenth of their octets."""

    title = "Fifty subjects on a slow line"
    minutes = 7
    hints = (
        "Section 8.",
        "`TOP n 0`.",
        '`email.message_from_string("\\n".join(lines))["Subject"]` unfolds nearly for you: replace the line break by '
        "nothing.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.user = dice.choice(PEOPLE)
        self.lab = Lab(seed=dice.randrange(1, 10_000), tls=False, opinions=False)
        self.folded, self.trapped = sorted(dice.sample(range(LETTERS), 3)), dice.sample(range(LETTERS), 2)
        self.subjects = [
            subject(dice, 12 if number in self.folded else dice.randrange(2, 6)) for number in range(LETTERS)
        ]
        weights = [dice.uniform(0.1, 3) for _ in range(LETTERS)]
        for number in range(LETTERS):
            sender = dice.choice([one for one in PEOPLE if one != self.user])
            size = max(2_000, int(BODIES * weights[number] / sum(weights)))
            company = COMPANIES[sender.partition("@")[2]]
            self.lab.send(
                sender,
                self.user,
                message=self.write(number, sender, size),
                client=f"{company.network}.25",
                helo=f"mx.{company.domain}",
                read=False,
            )

    def write(self, number: int, sender: str, size: int) -> bytes:
        """A letter with a long header and a long body; some subjects are folded, some bodies speak of subjects."""
        dice, told = self.dice, self.subjects[number]
        if number in self.folded:
            words = told.split(" ")
            told = f"{' '.join(words[:6])}\r\n {' '.join(words[6:])}"
        answers = [
            f"<{dice.randrange(10**9)}.{dice.randrange(10**6)}@{dice.choice(list(COMPANIES))}>" for _ in range(5)
        ]
        lines = [
            f"From: {sender}",
            f"To: {self.user}",
            f"Subject: {told}",
            f"Date: {self.lab.clock.stamp()}",
            f"Message-ID: <{number}.{dice.randrange(10**9)}@{sender.partition('@')[2]}>",
            "References: " + "\r\n ".join(answers),
            "MIME-Version: 1.0",
            'Content-Type: text/plain; charset="us-ascii"',
            "",
            *(["Subject: was the first word of the letter that I answer."] if number in self.trapped else []),
            *prose(dice, size),
            "",
        ]
        return "\r\n".join(lines).encode("ascii")

    @property
    def task(self) -> str:
        return (
            f"{LETTERS} letters lie in the maildrop of {self.user}, and the line is slow. Make a list `subjects` of "
            f"the subjects of all of them, in order, with **less than {MOST} %** of the octets that fetching them all "
            f"would send. Three subjects are folded over two lines; a blank where a fold was is one blank. At the end: "
            f"`check(p5, subjects)`."
        )

    def judge(self, answer: Any) -> Findings:
        trace = held(self.lab.trace)
        return in_place(trace, self.findings(answer, trace))

    def findings(self, answer: Any, trace: Trace) -> Findings:
        calls = sessions(trace)
        box = self.lab.world.boxes[self.user]
        total = sum(len(in_lines(message.data)) for message in box.messages.values())
        sent = sum(
            len(step.act.data)
            for step in trace.only(Say)
            if isinstance(step.act, Say) and step.actor.startswith("pop.")
        )
        asked = {one.number for call in calls for one in call.all("TOP", "RETR")}
        missing = [number for number in range(1, LETTERS + 1) if number not in asked]
        percent = f"{100 * sent / total:.1f}"
        if missing:
            yield Wrong(
                f"Nobody asked the server for anything of letter {some(missing)}.",
                "The subjects are to come over the line. Which commands send a header?",
                calls[-1].step if calls else None,
            )
            return ""
        wrong = self.unlike(answer)
        if wrong:
            yield wrong
        if sent * 100 >= total * MOST:
            yield self.too_many(calls, percent, "" if wrong else "The subjects are right and cost")
        return f"Right: {sent:,} octets instead of {total:,}, {percent} %."

    def unlike(self, answer: Any) -> Wrong | None:
        """The first subject that is not right."""
        if not isinstance(answer, list | tuple) or not all(isinstance(one, str) for one in answer):
            return Wrong(
                f"You handed in {quoted(repr(answer))}, and what is wanted is a list of strings.",
                "Did you write `check(p5, subjects)`, and is each of its items the text of one subject?",
            )
        if len(answer) != LETTERS:
            return Wrong(
                f"Your list has {len(answer)} subjects; there are {LETTERS} letters.",
                "Was the list empty when you began, and does each turn of the loop add one?",
            )
        for number, (yours, right) in enumerate(zip(answer, self.subjects, strict=True), 1):
            mine = " ".join(yours.split())
            if mine == right:
                continue
            if right.startswith(mine) and mine:
                return Wrong(
                    f"Subject {number} is {quoted(mine, 90)}; it goes on: {quoted(right[len(mine) :].strip(), 90)}.",
                    "To which line does a line belong that begins with a blank?",
                )
            return Wrong(
                f"Subject {number} is not {quoted(mine, 90)}.",
                "Where does the header end, and what is a line worth that comes after that?",
            )
        return None

    def too_many(self, calls: Sequence[Session], percent: str, begins: str) -> Wrong:
        first = next(one for call in calls for one in call.all("TOP", "RETR"))
        words = first.line.split()
        lines = int(words[2]) if first.verb == "TOP" and words[2:] else 0
        cost = f"{begins} {percent} %." if begins else f"That cost {percent} %."
        fetches = [one for call in calls for one in call.all("RETR")]
        if fetches:
            return Wrong(
                f"{cost} `RETR` sends the body too; you wanted only what stands above the blank line.",
                "Which command of section 8 looks before it fetches?",
                fetches[0].step,
            )
        if lines:
            return Wrong(
                f"{cost} You asked for {lines} body lines {LETTERS} times.", "How many did you need?", first.step
            )
        return Wrong(
            f"{cost} You asked for some letters more than once.", "How often do you need a header?", first.step
        )


def subject(dice: random.Random, words: int) -> str:
    return " ".join(dice.choices(WORDS.split(), k=words)).capitalize()


def prose(dice: random.Random, size: int) -> Iterator[str]:
    """Lines of 70 letters and more, of so many octets together."""
    words = WORDS.split()
    while size > 0:
        line = " ".join(dice.choices(words, k=18))
        yield line[: 70 + dice.randrange(8)].rstrip()
        size -= 76
