"""DMARC evaluations, read out of a trace: the walk label by label, who vouches, the finding, and apart what was done.

[found] = evaluations(lab.evaluate_dmarc(...).trace)
found.lines                                     in the order of the steps, each with the steps it tells of
found.facts                                     what two standards can be compared by
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..acts import Answer, Ask, Close, Open, Rule
from ..trace import Step, Trace

MOST = 100  # evaluations that are told of one trace
MOST_LINES = 300  # of one evaluation: strangers write From and the records
LONG = 300  # letters of a text
PREFIX = "_dmarc."
BESIDE = "RFC 9989 beside RFC 7489"
AUTHOR, POLICY, VOUCHERS, FINDING = "author", "policy", "vouchers", "finding"  # the parts of an evaluation
FACTS = ("result", "disposition", "policy", "tag", "policy domain", "organizational domain", "vouched for by")
MOODS = {
    "pass": "good",
    "strict": "good",
    "relaxed": "good",
    "fail": "bad",
    "none": "bad",
    "permerror": "bad",
    "temperror": "later",
    "unknown": "later",
}
ENDS_A_NAME = {
    "dmarc.record": "a record",
    "dmarc.no-record": "no record",
    "dmarc.many-records": "several records: none counts",
    "dmarc.timeout": "no answer",
    "dmarc.name-too-long": "the name would be too long",
}
NOTES = ("dmarc.tag-syntax", "dmarc.tag-removed", "dmarc.tag-unknown", "dmarc.not-a-record", "dmarc.version",
         "dmarc.tag-twice", "dmarc.walk-ends")  # fmt: skip
NO_AUTHOR = ("dmarc.no-from", "dmarc.one-from", "dmarc.no-author", "dmarc.many-authors", "dmarc.bad-domain")
DECIDES = "dmarc.decide-"
ACTIONS = {
    "deliver": "into the inbox",
    "quarantine": "into the Junk folder",
    "reject": "refused",
    "defer": "come again later",
}


@dataclass(slots=True)
class Line:
    """One line: of which part, how deep, what it says; the steps it tells of, and the one that decided it."""

    part: str
    kind: str  # "name", "walk", "voucher", …
    depth: int
    label: str
    start: int
    end: int
    words: str = ""
    mood: str = ""
    start_name: str = ""  # of a name that was asked about: the one that the walk began at
    question: tuple[int, int | None] | None = None  # (step of the question, of its answer)
    decided: int | None = None


@dataclass(slots=True)
class Evaluation:
    """One evaluation by one standard."""

    start: int
    rfc: str
    end: int = 0
    outcome: str = ""
    lines: list[Line] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    action: Line | None = None
    pair: int | None = None  # the step under which two are compared

    @property
    def author(self) -> str:
        return next((line.label for line in self.lines if line.kind == "author"), "")


def evaluations(trace: Trace) -> list[Evaluation]:
    """Every evaluation of a trace, the first MOST of them."""
    begun = [step for step in trace if isinstance(step.act, Open) and is_title(step.act.title)]
    if not begun:
        return []
    children = trace.children()
    return [Reader(trace, children, step).evaluation for step in begun[:MOST]]


def is_title(title: str) -> bool:
    return title == "DMARC" or title.startswith("DMARC, RFC ")


class Reader:
    """Reads one evaluation, step by step."""

    def __init__(self, trace: Trace, children: dict[int | None, list[Step]], step: Step) -> None:
        assert isinstance(step.act, Open)
        self.trace, self.children = trace, children
        self.evaluation = Evaluation(
            step.number, step.act.title.removeprefix("DMARC, RFC ") if "," in step.act.title else "9989"
        )
        self.evaluation.end = step.number
        self.part, self.walks_from = AUTHOR, ""
        self.begun = 0  # the lines before this one are told
        self.named: Line | None = None  # the name that was asked about last
        self.follow(self.children.get(step.number, []), 0)
        self.settle_facts()
        self.look_beyond(step)

    @property
    def lines(self) -> list[Line]:
        return self.evaluation.lines

    def add(self, kind: str, depth: int, label: str, step: Step, words: str = "", mood: str = "", **more: Any) -> Line:
        line = Line(self.part, kind, depth, label[:LONG], step.number, step.number, words[:LONG], mood, **more)
        if len(self.lines) < MOST_LINES:
            self.lines.append(line)
        return line

    def follow(self, steps: Sequence[Step], depth: int) -> None:
        for step in steps:
            self.evaluation.end = max(self.evaluation.end, step.number)
            match step.act:
                case Ask(name, type):
                    self.asked(step, name, type, depth)
                case Rule():
                    self.rule(step, step.act, depth)
                case Open(title):
                    self.group(step, title, depth)
                case Close(verdict):
                    if depth == 0:
                        self.evaluation.outcome = verdict

    def group(self, step: Step, title: str, depth: int) -> None:
        """A tree walk."""
        if self.part == AUTHOR:
            self.part = POLICY
        before, self.walks_from = self.walks_from, title.removeprefix("tree walk from ")
        line = self.add("walk", depth, title, step)
        self.follow(self.children.get(step.number, []), depth + 1)
        closed = [kid for kid in self.children.get(step.number, []) if isinstance(kid.act, Close)]
        line.end = closed[-1].number if closed else step.number
        line.words = closed[-1].act.verdict if closed and isinstance(closed[-1].act, Close) else ""
        self.walks_from = before

    def asked(self, step: Step, name: str, type: str, depth: int) -> None:
        answers = [kid.number for kid in self.children.get(step.number, []) if isinstance(kid.act, Answer)]
        question = (step.number, answers[0] if answers else None)
        if self.part == AUTHOR:
            self.part = POLICY
        if name.startswith(PREFIX):
            domain = name.removeprefix(PREFIX)
            line = self.add(
                "name",
                depth,
                domain,
                step,
                start_name=self.walks_from or self.evaluation.author or domain,
                question=question,
            )
        else:
            line = self.add("exists", depth, name, step, "is there such a name?", question=question)
        line.end = answers[0] if answers else step.number
        self.named = line

    def rule(self, step: Step, rule: Rule, depth: int) -> None:
        name, because, outcome = rule.name, rule.because, rule.outcome
        if name == "dmarc.author":
            self.part = AUTHOR
            self.add("author", depth, outcome, step, decided=step.number)
        elif name in NO_AUTHOR:
            self.add("author", depth, because.get("domains", "") or "From", step, outcome, "bad", decided=step.number)
        elif name in ENDS_A_NAME:
            self.end_of_a_name(step, rule, depth)
        elif name in NOTES and self.named:
            self.named.end = step.number
        elif name == "dmarc.known":
            self.add(
                "name",
                depth,
                because["domain"],
                step,
                f"asked before: {outcome}",
                start_name=self.walks_from,
                decided=step.number,
            )
        elif name == "dmarc.exists" and self.named:
            self.named.end, self.named.words, self.named.decided = step.number, outcome, step.number
        elif name in ("dmarc.organizational", "dmarc.suffix-list"):
            why = because.get("why", "by the list of public suffixes")
            self.add(
                "organization",
                depth,
                because["domain"],
                step,
                f"organizational domain {outcome} ({why})",
                decided=step.number,
            )
            if because["domain"] == self.evaluation.author:
                self.evaluation.facts["organizational domain"] = outcome
        elif name in ("dmarc.policy", "dmarc.invalid-policy", "dmarc.no-policy"):
            self.policy(step, rule, depth)
        elif name in ("dmarc.alignment", "dmarc.not-authenticated"):
            self.voucher(step, rule, depth)
        elif name in ("dmarc.result", "dmarc.test-mode", "dmarc.sampling"):
            self.finding(step, rule, depth)

    def end_of_a_name(self, step: Step, rule: Rule, depth: int) -> None:
        line = self.named
        if rule.name == "dmarc.name-too-long" or line is None:
            line = self.add("name", depth, rule.because.get("domain", ""), step, start_name=self.walks_from)
        line.end, line.decided, line.words = step.number, step.number, ENDS_A_NAME[rule.name]
        if rule.name == "dmarc.record":
            line.words, line.mood = rule.because.get("record", "")[:LONG], "good"
        elif rule.name == "dmarc.timeout":
            line.mood = "later"

    def policy(self, step: Step, rule: Rule, depth: int) -> None:
        self.part, because = POLICY, rule.because
        if rule.name == "dmarc.policy":
            words = f"{rule.outcome}, by {because['tag']}= of {because['domain']}"
            self.evaluation.facts |= {"policy": rule.outcome, "tag": because["tag"], "policy domain": because["domain"]}
        else:
            words = rule.outcome if rule.name == "dmarc.invalid-policy" else "nobody published one"
            if rule.outcome == "as p=none":
                self.evaluation.facts |= {"policy": "none", "tag": "p", "policy domain": because["domain"]}
        self.add("policy", depth, "policy", step, words, decided=step.number)
        self.part, self.begun = VOUCHERS, len(self.lines)

    def voucher(self, step: Step, rule: Rule, depth: int) -> None:
        """The walks that it took stand under it."""
        because, outcome = rule.because, rule.outcome
        self.part = VOUCHERS
        aligned = rule.name == "dmarc.alignment"
        if aligned:
            words = (
                f"{outcome} alignment"
                if outcome in ("strict", "relaxed")
                else "not aligned"
                if outcome == "none"
                else "nobody knows"
            )
        else:
            words = f"{outcome}: vouches for nobody"
        mood = MOODS.get(outcome, "bad") if aligned else "bad"
        under = self.lines[self.begun :]
        line = self.add(
            "voucher", depth, f"{because['method']} {because['domain']}", step, words, mood, decided=step.number
        )
        if under and self.lines[-1] is line:
            line.start = under[0].start
            for one in under:
                one.depth += 1
            self.lines[self.begun :] = [line, *under]
        if aligned and outcome in ("strict", "relaxed"):
            facts = self.evaluation.facts
            mine = f"{because['method']} {because['domain']}"
            facts["vouched for by"] = ", ".join(filter(None, [facts.get("vouched for by", ""), mine]))
        self.begun = len(self.lines)

    def finding(self, step: Step, rule: Rule, depth: int) -> None:
        self.part = FINDING
        if rule.name == "dmarc.result":
            self.evaluation.facts["result"] = rule.outcome
            self.add("result", depth, "DMARC", step, rule.outcome, MOODS.get(rule.outcome, ""), decided=step.number)
        else:
            self.evaluation.facts["asks"] = rule.outcome
            self.add("asks", depth, "asks for", step, rule.outcome, decided=step.number)

    def settle_facts(self) -> None:
        """What is asked in the end; and what nobody had to say."""
        facts, evaluation = self.evaluation.facts, self.evaluation
        facts.setdefault("result", evaluation.outcome.partition(",")[0])
        asks = facts.pop("asks", facts.get("policy", "none"))
        facts["disposition"] = asks if facts["result"] == "fail" else "none"
        if facts["result"] == "fail" and not any(line.kind == "asks" for line in evaluation.lines):
            last = next((line for line in reversed(evaluation.lines) if line.kind == "result"), None)
            if last:
                last.words = f"fail: the owner asks for {asks}"
        if facts.get("policy domain") == evaluation.author and "organizational domain" not in facts:
            facts["organizational domain"] = ""

    def look_beyond(self, step: Step) -> None:
        """The action, which stands beside the finding; and whether two standards stand side by side."""
        beside = self.children.get(step.parent, [])
        for other in beside:
            if other.number < self.evaluation.end or not isinstance(other.act, Rule):
                continue
            if other.act.name.startswith(DECIDES):
                words = ACTIONS.get(other.act.outcome, other.act.outcome)
                line = Line("action", "action", 0, "decision", other.number, other.number, words, decided=other.number)
                line.mood = {"deliver": "good", "quarantine": "later", "defer": "later", "reject": "bad"}.get(
                    other.act.outcome, ""
                )
                self.evaluation.action = line
                return
        above = (
            self.trace.step(step.parent).act if step.parent is not None and step.parent >= self.trace.dropped else None
        )
        if isinstance(above, Open) and above.title == BESIDE:
            self.evaluation.pair = step.parent


def compared(found: Sequence[Evaluation]) -> list[tuple[str, str, str]]:
    """[(what, by RFC 9989, by RFC 7489), …] of two that stand beside each other."""
    new, old = found
    return [(what, new.facts.get(what, ""), old.facts.get(what, "")) for what in FACTS]


def beside(found: Sequence[Evaluation], one: Evaluation) -> list[tuple[str, str, str]]:
    """The comparison that this one is part of; empty where there is none."""
    if one.pair is None:
        return []
    pair = [other for other in found if other.pair == one.pair]
    return compared(pair) if len(pair) == 2 else []


def as_data(found: Sequence[Evaluation]) -> list[dict[str, Any]]:
    """For the player: lines as lists, without what is empty."""
    return [
        {
            "n": one.start,
            "end": one.end,
            "rfc": one.rfc,
            "author": one.author[:LONG],
            "outcome": one.facts["result"],
            "lines": [of_line(line) for line in one.lines],
            **({"action": of_line(one.action)} if one.action else {}),
            **({"beside": [list(row) for row in rows]} if (rows := beside(found, one)) else {}),
        }
        for one in found
    ]


def of_line(line: Line) -> dict[str, Any]:
    told = {
        "part": line.part, "kind": line.kind, "depth": line.depth, "label": line.label, "n": line.start,
        "end": line.end, "words": line.words, "mood": line.mood, "from": line.start_name, "asked": line.question,
        "decided": line.decided,
    }  # fmt: skip
    return {key: value for key, value in told.items() if value not in ("", None)}
