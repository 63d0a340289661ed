"""SPF checks, read out of a trace: each record as the program that ran, term by term, and what each term cost.

    [check] = checks(lab.check_spf(...).trace)      (one more for HELO)
    check.record.terms                              in their order; those that were never reached too

A term that looks into another record (include, redirect) has that record's terms under it.  Every part knows its steps,
so that a view can say which of them one stands on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..acts import Answer, Ask, Close, Open, Rule
from ..trace import Step, Trace, printable

LOOKUPS, VOIDS = 10, 2  # that one check may have (RFC 7208 §4.6.4)
MOST_CHECKS = 200  # that are told of one trace
MOST_TERMS = 120  # that are told of one record: strangers write them
MEANS = {"-": "fail", "~": "softfail", "?": "neutral"}  # §4.6.2; anything else means pass
ERRORS = ("temperror", "permerror")

LOOKS_IN = re.compile(r"[-+?~]?include:|redirect=", re.IGNORECASE)  # terms with another record under them
ALONE = ("spf.all", "spf.ip4", "spf.ip6")  # terms that ask nobody leave one step
READING = (  # why a record could not be read
    "spf.syntax", "spf.unknown-mechanism", "spf.not-ascii", "spf.prefix-length", "spf.domain-spec", "spf.macro",
    "spf.modifier-twice",
)  # fmt: skip


@dataclass(slots=True)
class Question:
    """What the DNS was asked, and what it said; ``void``: that there is nothing."""

    step: int
    name: str
    type: str
    answered: int | None = None
    status: str = ""
    records: tuple[str, ...] = ()

    @property
    def void(self) -> bool:
        return self.answered is not None and not self.records and self.status != "DnsTimeout"

    @property
    def told(self) -> str:
        """The answer in a few words."""
        if self.answered is None:
            return "not answered yet"
        trouble = {"NXDomain": "no such name", "DnsTimeout": "no answer"}.get(self.status, self.status)
        return trouble or "; ".join(self.records) or "no such record"


@dataclass(slots=True)
class Part:
    """What a check and a term have in common: their steps, their questions, and a record that they look into."""

    start: int | None = None  # its first step; None: it was not reached
    end: int | None = None
    outcome: str = (
        ""  # "match", "no match", "permerror" …; of a check or a redirect its result; "" as long as there is none
    )
    decided: int | None = None  # the step of the rule that decided it
    rule: str = ""  # that rule's name
    questions: list[Question] = field(default_factory=list)
    record: Record | None = None

    def holds(self, step: int) -> bool:
        return self.start is not None and self.start <= step and (self.end is None or step <= self.end)


@dataclass(slots=True)
class Term(Part):
    """One term of a record."""

    text: str = ""  # as the record has it: "~include:esp.example"
    lookup: int = 0  # which of the ten look-ups it is; 0: none
    voids: list[tuple[int, int]] = field(default_factory=list)  # (which of the two, at which step)

    @property
    def means(self) -> str:
        """The result that its match has; "" for a modifier."""
        head = self.text.split(":")[0]
        return "" if "=" in head else MEANS.get(self.text[:1], "pass")


@dataclass(slots=True)
class Record:
    """A domain's record: its terms, and what they came to."""

    domain: str
    step: int  # at which it was found
    terms: list[Term]
    result: str = ""
    default: int | None = None  # the step that said: no term matched (§4.7)
    waiting: dict[str, list[Term]] = field(default_factory=dict)  # text -> the terms that were not reached yet

    def __post_init__(self) -> None:
        for term in reversed(self.terms):
            self.waiting.setdefault(term.text, []).append(term)

    def take(self, text: str) -> Term | None:
        """The next term of this text; it is reached now."""
        waiting = self.waiting.get(text)
        return waiting.pop() if waiting else None


@dataclass(slots=True)
class Check(Part):
    """One check_host() (§4)."""

    title: str = ""  # "SPF, MAIL FROM"
    ip: str = ""
    domain: str = ""
    sender: str = ""
    explanation: str = ""

    def records(self) -> Iterator[Record]:
        """Its record, and all that were looked into."""
        yield from records_of(self)

    def terms(self) -> Iterator[tuple[int, Term]]:
        """(depth, term), in the order in which they stand."""
        yield from terms_of(self)

    @property
    def lookups(self) -> int:
        return max((term.lookup for _, term in self.terms()), default=0)

    @property
    def voids(self) -> int:
        return max((void for _, term in self.terms() for void, _ in term.voids), default=0)


def records_of(part: Part) -> Iterator[Record]:
    if part.record is not None:
        yield part.record
        for term in part.record.terms:
            yield from records_of(term)


def terms_of(part: Part, depth: int = 0) -> Iterator[tuple[int, Term]]:
    for term in part.record.terms if part.record else ():
        yield depth, term
        yield from terms_of(term, depth + 1)


# -- reading -----------------------------------------------------------------------------------------------------------


def checks(trace: Trace) -> list[Check]:
    """Every SPF check of a trace, the first MOST_CHECKS of them."""
    begun = [step for step in trace if isinstance(step.act, Open) and step.act.title.startswith("check_host(")]
    if not begun:
        return []
    reader = Reader(trace)
    return [check for step in begun[:MOST_CHECKS] if (check := reader.check(step)) is not None]


class Reader:
    """Reads the checks of one trace."""

    def __init__(self, trace: Trace) -> None:
        self.trace, self.children = trace, trace.children()

    def check(self, step: Step) -> Check | None:
        """The check that this step begins; None for what only looks like one."""
        assert isinstance(step.act, Open)
        words = step.act.title.removeprefix("check_host(").removesuffix(")").split(", ", 2)
        kids = self.kids(step)
        if len(words) < 3 or not any(isinstance(kid.act, Rule) and kid.act.name.startswith("spf.") for kid in kids):
            return None
        check = Check(start=step.number, title=self.title(step), ip=words[0], domain=words[1], sender=words[2])
        self.follow(kids, check)
        if check.record:
            check.record.result = check.outcome
        return check

    def title(self, step: Step) -> str:
        above = (
            self.trace.step(step.parent).act if step.parent is not None and step.parent >= self.trace.dropped else None
        )
        return above.title if isinstance(above, Open) and above.title.startswith("SPF, ") else "SPF"

    def kids(self, step: Step) -> list[Step]:
        return self.children.get(step.number, [])

    def follow(self, steps: Sequence[Step], part: Part) -> None:
        """What happened in a check or in a term, step by step."""
        for step in steps:
            part.end = step.number
            match step.act:
                case Ask(name, type):
                    part.questions.append(self.question(step, name, type))
                    part.end = part.questions[-1].answered or step.number
                case Rule():
                    self.rule(step, step.act, part)
                case Open(title):
                    self.group(step, title, part)
                case Close(verdict):
                    part.outcome = verdict

    def question(self, step: Step, name: str, type: str) -> Question:
        asked = Question(step.number, name, type)
        for kid in self.kids(step):
            if isinstance(kid.act, Answer):
                asked.answered, asked.status, asked.records = kid.number, kid.act.status, kid.act.records
        return asked

    def rule(self, step: Step, rule: Rule, part: Part) -> None:
        """A rule that was applied: to the part itself, or to a term of the record it looks into."""
        because, record = rule.because, part.record
        match rule.name:
            case "spf.record":
                terms = [term_of(text) for text in because.get("record", "").split(" ")[1:] if text]
                part.record = Record(because.get("domain", ""), step.number, terms)
                return
            case "spf.lookup" if isinstance(part, Term):
                part.lookup = first_number(rule.outcome)
                return
            case "spf.void" if isinstance(part, Term):
                part.voids.append((first_number(rule.outcome), step.number))
                return
            case "spf.default" if record:
                record.default, record.result = step.number, rule.outcome
                return
            case "spf.too-many-lookups" if isinstance(part, Term):
                part.lookup = LOOKUPS + 1
            case "spf.too-many-voids" if isinstance(part, Term):
                part.voids.append((VOIDS + 1, step.number))
            case "spf.include" if record:
                record.result = because.get("verdict", "")
        term = record.take(because.get("term", "")) if record and rule.name in (*ALONE, *READING) else None
        if term is None:
            part.decided, part.rule = step.number, rule.name
            if record and rule.name in READING:
                record.result = rule.outcome
            return
        term.start = term.end = term.decided = step.number
        term.rule, term.outcome = rule.name, rule.outcome
        assert record is not None
        if rule.outcome == "match":
            record.result = term.means
        elif rule.outcome in ERRORS:
            record.result = rule.outcome

    def group(self, step: Step, title: str, part: Part) -> None:
        """A term that asks the DNS, or the explanation of a fail."""
        term = next((found for record in reversed([*records_of(part)]) if (found := record.take(title))), None)
        if term is None:
            return
        term.start = step.number
        self.follow(self.kids(step), term)
        part.end = term.end
        if term.record and not term.record.result:
            term.record.result = term.outcome
        if title.lower().startswith("exp=") and isinstance(part, Check):
            part.explanation = term.outcome
        elif part.record and (term.outcome in ERRORS or not term.means):
            part.record.result = term.outcome
        elif part.record and term.outcome == "match":
            part.record.result = term.means


def term_of(text: str) -> Term:
    """A term before it ran; modifiers that nobody knows are ignored (§6)."""
    modifier = text.split(":")[0].partition("=")
    ignored = bool(modifier[1]) and modifier[0].lower() not in ("redirect", "exp")
    return Term(text=text, outcome="ignored" if ignored else "")


def first_number(said: str) -> int:
    """``"3 of 10"`` -> 3."""
    word = said.split(" ")[0]
    return int(word) if word.isdecimal() else 0


# -- as plain data, for the player -------------------------------------------------------------------------------------


def as_data(check: Check) -> dict[str, Any]:
    """A check as the player has it: steps by number, nothing that says nothing."""
    told = {"title": check.title, "ip": check.ip, "domain": check.domain, "sender": check.sender}
    spent = {"explanation": check.explanation, "lookups": check.lookups, "voids": check.voids}
    return told | of_part(check) | filled(spent)


def of_part(part: Part) -> dict[str, Any]:
    return filled(
        {
            "n": part.start,
            "end": part.end,
            "outcome": part.outcome,
            "decided": part.decided,
            "asked": [[asked.step, asked.answered, int(asked.void)] for asked in part.questions],
            "record": part.record and of_record(part.record),
        }
    )


def of_record(record: Record) -> dict[str, Any]:
    kept = most_telling(record.terms)
    terms = [
        filled(
            {
                "text": term.text[:2_000],
                "means": term.means,
                "lookup": term.lookup,
                "voids": [*map(list, term.voids)],
                **of_part(term),
            }
        )
        for term in kept
    ]
    left_out = len(record.terms) - len(kept)
    told = {"domain": record.domain, "n": record.step, "result": record.result, "default": record.default}
    return filled(told | {"left_out": left_out}) | {"terms": terms}


def most_telling(terms: Sequence[Term]) -> list[Term]:
    """All of them; of very many those that asked or decided something, and the first of the rest."""
    if len(terms) <= MOST_TERMS:
        return list(terms)
    telling = [term for term in terms if term.questions or term.outcome not in ("", "no match")][:MOST_TERMS]
    rest = [term for term in terms if not any(term is one for one in telling)][: MOST_TERMS - len(telling)]
    chosen = {id(term) for term in (*telling, *rest)}
    return [term for term in terms if id(term) in chosen]


def filled(told: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in told.items() if value not in (None, "", 0, [])}


# -- as lines of text --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Line:
    """One line of an outline; it tells of the steps from `start` to `end`."""

    depth: int
    said: str
    start: int | None = None
    end: int | None = None

    def __str__(self) -> str:
        return printable("  " * self.depth + self.said)


def outline(trace: Trace) -> list[Line]:
    """Every check as its record's terms with what became of them, and the result in the end."""
    return [line for check in checks(trace) for line in lines_of(check)]


def lines_of(check: Check) -> Iterator[Line]:
    yield Line(0, f"{check.title}: {check.sender} from {check.ip}", check.start, check.start)
    yield from lines_of_record(check, 1, check.domain)
    spent = f", {check.lookups} of {LOOKUPS} look-ups, {check.voids} of {VOIDS} void" if check.lookups else ""
    said = f" ({check.explanation})" if check.explanation else ""
    yield Line(0, f"= {check.outcome}{said}{spent}", check.end, check.end)


def lines_of_record(part: Part, depth: int, domain: str) -> Iterator[Line]:
    """The record's domain, then its terms one level deeper."""
    record = part.record
    if record is None:
        why = part.questions[-1].told if part.questions else "not asked"
        return (yield Line(depth, f"{domain}: {why}", part.start, part.end))
    yield Line(depth, record.domain, part.questions[-1].step if part.questions else record.step, record.step)
    for term in record.terms:
        yield Line(depth + 1, told(term), term.start, term.end)
        if term.record or (term.questions and LOOKS_IN.match(term.text)):
            yield from lines_of_record(term, depth + 2, term.questions[-1].name)
    if record.default is not None:
        yield Line(depth + 1, "(no term matched) -> neutral", record.default, record.default)


def told(term: Term) -> str:
    """``"~include:esp.example  match -> softfail  look-up 3"``"""
    if term.start is None:
        return f"{term.text}  {term.outcome or 'not reached'}"
    parts = [term.text, f"{term.outcome} -> {term.means}" if term.outcome == "match" else term.outcome]
    parts += [f"look-up {term.lookup}"] if term.lookup else []
    parts += [f"void {void}" for void, _ in term.voids]
    return "  ".join(parts)
