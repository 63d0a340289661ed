"""The frame that every exercise stands in: its world, its hints, and the judging of what a learner did in it.

An exercise is a class; its name is its id.  `check` takes what was done to its lab from outside (`lab.inputs`: that is
a lab's whole history) and the answer as plain data, does the same to a fresh world, and judges there.  So nothing that
a notebook patches reaches the judge, and the same work is judged the same wherever that happens.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Generator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from ..acts import LabError
from ..lab import Lab
from ..lab.shown import Shown
from ..trace import Trace, printable
from .apart import Stopped, apart
from .course import LESSONS
from .map import passed
from .plain import NotPlain, pack, unpack
from .source import Source, source_of
from .words import Note, plain

LARGEST = 20_000_000  # octets of JSON that one answer may have
ANSWERS = "MAILEDU_ANSWERS"  # names the file that a graded run writes its answers to
# What can be done to a lab from outside.
DOORS = {"send", "call", "type", "hang_up", "lose", "start_tls", "advance", "switch", "restart", "configure"}
DOORS |= {"mta_sts", "sign", "dane", "attack", "attack_ends", "fault", "throttle", "clear_faults"}
ZONE_DOORS = {"zone.edit", "zone.replace", "zone.fault", "zone.mend"}
SALT = "MAILEDU_SALT"  # changes the hidden inputs; whoever grades may set it


class Wrong(NamedTuple):
    """One thing that was observed and should not be: a sentence, a question that leads on, and the step to look at."""

    observed: str
    ask: str = ""
    step: int | None = None
    trace: Trace | None = None  # if it is not the lab's


Findings = Generator[Wrong, None, str]  # what is wrong, one after the other; returned: what to say if nothing is


class Exercise:
    """One exercise in its world: `lab`, `user`, `password`; `hint()`; and it shows its task."""

    title: ClassVar[str]
    minutes: ClassVar[int]
    hints: ClassVar[Sequence[str]]
    labs: ClassVar[Sequence[str]] = ("lab",)  # the attributes that are labs, if there are more
    lab: Lab
    user: str

    def __init__(self, student: str = "", salt: str = "") -> None:
        self.student = student
        self.id = type(self).__name__
        self.dice = dice(self.id, student)
        self.hidden = dice(self.id, student, salt, "hidden")  # for what only the check sees
        self.hinted = 0
        self.set_up()

    # -- what each exercise says for itself

    def set_up(self) -> None:
        """Make `lab` and `user`, with `dice` for what differs from student to student; by the lab's own doors."""
        raise NotImplementedError

    @property
    def task(self) -> str:
        """What to do, in Markdown."""
        raise NotImplementedError

    def judge(self, answer: Any) -> Findings:
        """What is wrong with the world as it is now, and with the answer; at the end, what to say when nothing is."""
        raise NotImplementedError

    # -- what they have in common

    @property
    def password(self) -> str:
        """The user's lab password."""
        return self.lab.password(self.user)

    def hint(self) -> Note:
        """The next hint; when there is none left, the last again."""
        self.hinted = min(self.hinted + 1, len(self.hints))
        return Note(f"**Hint {self.hinted} of {len(self.hints)}.** {self.hints[self.hinted - 1]}")

    @property
    def shown(self) -> Note:
        """Its title and its task."""
        return Note(f"**{self.id} · {self.title}** ({self.minutes} minutes)\n\n{self.task}")

    def __repr__(self) -> str:
        return str(self.shown)

    def _repr_markdown_(self) -> str:
        return self.shown.markdown

    def call(self, function: Source, *rounds: Sequence[Any]) -> list[Any]:
        """What the learner's function returns for each of these arguments; Stopped where it does not return."""
        with apart(function) as run:
            return [run(*arguments) for arguments in rounds]


def dice(*words: str) -> random.Random:
    """Chance that falls the same for the same words; capitals and blanks around them do not matter."""
    return random.Random(" ".join(word.strip().casefold() for word in words).encode("utf-8", "surrogatepass"))


class Result(Shown):
    """What a check found: falsy when something is wrong.  `said` are its sentences, `steps` where to look."""

    def __init__(self, id: str, passed: bool, said: Sequence[str], wrong: Sequence[Wrong] = (), lab: Lab | None = None):
        self.id, self.passed, self.said = id, passed, tuple(said)
        self.title = f"{id}: where to look"
        places = [one for one in wrong if one.step is not None]
        self.steps = tuple(one.step for one in places)
        self.trace = (places[0].trace if places else None) or (lab.trace if lab else Trace())

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return f"<{self.id}: {'these checks passed' if self.passed else 'not yet'}>"

    def __str__(self) -> str:
        heading = f"{self.id}: these checks passed." if self.passed else f"{self.id}: not yet."
        return "\n".join([heading, *(str(Note(f"  {sentence}")) for sentence in self.said)])

    def player(self, **options: Any) -> Any:
        """The player at the first step to look at."""
        if self.steps:
            options.setdefault("cursor", self.steps[0])
        return super().player(**options)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        if not self.steps:
            return {"text/plain": repr(self)}
        bundle = super()._repr_mimebundle_(include, exclude)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**data, "text/plain": repr(self)}, metadata


# -- beginning ---------------------------------------------------------------------------------------------------------

latest: dict[str, Exercise] = {}  # id -> the one that this kernel began last


def kind(id: object) -> type[Exercise]:
    """The exercise of this id; LabError says which there are."""
    for lesson in LESSONS:
        if str(id).upper() in lesson.exercises:
            found: type[Exercise] = getattr(import_module(f".{lesson.home}", __package__), str(id).upper())
            return found
    known = ", ".join(one for lesson in LESSONS for one in lesson.exercises)
    raise LabError(f"There is no exercise {printable(str(id))!r}: there are {known}.")


def exercise(id: str, student: str = "") -> Exercise:
    """Begin an exercise, afresh each time: ``p1 = exercise("P1", student="ada")``.  Another student, another world."""
    begun = kind(id)(str(student))
    latest[begun.id] = begun
    return begun


# -- checking ----------------------------------------------------------------------------------------------------------


class Work(NamedTuple):
    """What a learner did, as plain data: all that judging needs."""

    id: str
    student: str
    done: dict[str, list[Any]]  # lab's name -> all that was done to it, by the exercise itself to begin with; packed
    answer: Any  # packed; or {"function": …}

    def to_json(self) -> str:
        return json.dumps(self._asdict())

    @classmethod
    def from_json(cls, text: str) -> Work:
        given = json.loads(text)
        return cls(str(given["id"]), str(given["student"]), dict(given["done"]), given["answer"])


def check(begun: Exercise | str, answer: Any = None) -> Result:
    """Judge an exercise, print what was observed, and return a Result that is falsy when something is wrong.

    Takes what `exercise` gave, or an id for the one that was begun last.
    """
    try:
        work = handed_in(begun, answer)
        result = handed_over(work) if os.environ.get(ANSWERS) else judged(work)
    except LabError as no:
        result = Result(called(begun), False, [plain(str(no))])
    if result and not os.environ.get(ANSWERS):
        passed(result.id)
    print(result)
    return result


def called(begun: object) -> str:
    return printable(begun)[:20] if isinstance(begun, str) else begun.id if isinstance(begun, Exercise) else "check"


def handed_in(begun: Exercise | str, answer: Any) -> Work:
    """The work as it is now; LabError for what cannot be judged at all."""
    if isinstance(begun, str):
        id = kind(begun).__name__
        if id not in latest:
            raise LabError(f'Begin it first: {id.lower()} = exercise("{id}", student="your name").')
        begun = latest[id]
    if not isinstance(begun, Exercise):
        raise LabError(f"Give what exercise(...) gave, or its id: this is a {type(begun).__name__}.")
    labs = {name: getattr(begun, name, None) for name in begun.labs}
    if not all(isinstance(lab, Lab) for lab in labs.values()):
        raise LabError(f"The exercise has lost its lab: begin it afresh with exercise({begun.id!r}, ...).")
    try:
        packed = {"function": source_of(answer)._asdict()} if callable(answer) else pack(answer)
        done = {name: history(lab) for name, lab in labs.items() if isinstance(lab, Lab)}
        work = Work(begun.id, begun.student, done, packed)
        if len(work.to_json()) > LARGEST:
            raise NotPlain(f"has more than {LARGEST:,} octets")
    except NotPlain as thing:
        raise LabError(f"What you hand in cannot be judged, because it {thing}.") from None
    return work


def judged(work: Work, salt: str = "") -> Result:
    """Do what was done to a fresh world, and judge there."""
    fresh = kind(work.id)(work.student, salt or os.environ.get(SALT, ""))
    labs: dict[str, Lab] = {name: getattr(fresh, name) for name in fresh.labs}
    begun = {name: history(lab) for name, lab in labs.items()}
    if any(work.done.get(name, [])[: len(past)] != past for name, past in begun.items()):
        raise LabError(
            f"This is not the world that the exercise began with: begin afresh with exercise({work.id!r}, ...)."
        )
    wrong: list[Wrong] = []
    try:
        for name, lab in labs.items():
            for past in work.done[name][len(begun[name]) :]:
                do_again(lab, past)
        given = work.answer
        is_function = isinstance(given, dict) and "function" in given
        findings = fresh.judge(Source(**given["function"]) if is_function else unpack(given))
        said = yield_all(findings, wrong)
    except Stopped as why:
        wrong.append(Wrong(f"Your function was called. {why}"))
    if not wrong:
        return Result(work.id, True, [plain(said)], lab=fresh.lab)
    asked = next((one.ask for one in wrong if one.ask), "")
    return Result(
        work.id, False, [*(plain(one.observed) for one in wrong), *([plain(asked)] if asked else [])], wrong, fresh.lab
    )


def yield_all(findings: Findings, into: list[Wrong]) -> str:
    while True:
        try:
            into.append(next(findings))
        except StopIteration as end:
            return str(end.value)


def history(lab: Lab) -> list[Any]:
    """What was done to it, packed."""
    return [[past.name, pack(list(past.args)), pack(dict(past.kwargs))] for past in lab.inputs]


def do_again(lab: Lab, past: Sequence[Any]) -> None:
    """The same to another lab."""
    name, args, kwargs = str(past[0]), unpack(past[1]), unpack(past[2])
    if name in ZONE_DOORS:
        getattr(lab.zone, name.removeprefix("zone."))(*args, **kwargs)
    elif name in DOORS:
        lab.history.do(name, *args, **kwargs)
    else:
        raise LabError(f"Nothing can be done to a lab by {name!r}.")


def handed_over(work: Work) -> Result:
    """In a graded run the work is written down, and judged by a process that this one cannot reach (`grading.py`)."""
    with Path(os.environ[ANSWERS]).open("a", encoding="utf-8") as file:
        file.write(work.to_json() + "\n")
    return Result(work.id, True, ["Handed in; it is judged apart."])
