"""What if: the same SPF check before and after an edit of the DNS, side by side; and one record for many addresses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import groupby
from typing import Any, NamedTuple

from ..acts import Act, Acts, Answer, Ask, DnsTimeout, LabError, NXDomain, T, Trouble
from ..auth import spf
from ..names import canonical
from ..trace import Trace, printable, told
from ..views.program import Line, checks, lines_of
from ..zone import Dns, Zone
from .shown import Shown
from .verdicts import SpfVerdict, check_spf, unix

Edits = str | Zone | Mapping[str, Any]  # a zone file's text, a whole zone, or {"alpha.example": {"TXT": "v=spf1 -all"}}
MOST = 4_096  # addresses of a map
WIDTH = 99  # letters of two columns: as many as a cell in a notebook has room for
SAME, OTHER = " │ ", " ≠ "
COUNTED = re.compile(r"  (look-up|void) \d+")


# -- before and after --------------------------------------------------------------------------------------------------


def compare_spf(zone: Zone, edits: Edits, *, ip: str, helo: str, mail_from: str, now: float = 0.0) -> SpfComparison:
    """The check with this zone, and with the edited one; the zone itself stays as it is."""
    question: dict[str, Any] = {"ip": ip, "helo": helo, "mail_from": mail_from, "now": now}
    after = edited(zone, edits)
    return SpfComparison(check_spf(dns=zone.copy(), **question), check_spf(dns=after, **question), after)


def edited(zone: Zone, edits: Edits) -> Zone:
    """A copy with these edits: a zone file's text replaces what it has the names and types of.

    In a mapping each name has its types, or a text that is its TXT record, or a trouble that its questions meet.
    """
    if isinstance(edits, Zone):
        return edits.copy()
    after = zone.copy()
    if isinstance(edits, str):
        after.edit(edits)
        return after
    if not isinstance(edits, Mapping):
        raise LabError('Give edits as a zone file\'s text, or as {"alpha.example": {"TXT": "v=spf1 -all"}}.')
    for name, given in edits.items():
        match given:
            case Trouble():
                after.fault(name, trouble=given)
            case Mapping():
                after.edit(name, **given)
            case _:
                after.edit(name, TXT=given)
    return after


class SpfComparison(Shown):
    """Two checks, of which the second had an edited zone: `before`, `after`, and where they part: `first`.

    `zone` is the edited one: ``lab.zone.replace(comparison.zone.text())`` makes it the lab's.
    """

    def __init__(self, before: SpfVerdict, after: SpfVerdict, zone: Zone) -> None:
        self.before, self.after, self.zone = before, after, zone
        self.trace, self.title = before.trace, "SPF, before and after"
        self.first = first_difference(before.trace, after.trace)  # the number of a step, in both; None: no difference

    @property
    def same(self) -> bool:
        """Whether nobody could tell the two apart."""
        return self.first is None

    def __repr__(self) -> str:
        where = "no difference" if self.first is None else f"first difference at step {self.first}"
        return f"<SPF {self.before.result} -> {self.after.result}, {where}>"

    def __str__(self) -> str:
        return "\n".join(side_by_side(self))

    def branches(self) -> Sequence[Any]:
        """The run after the edit, as a future that parted from the first."""
        from ..views.score import Branch

        if self.first is None:
            return ()
        return (Branch("after", "", max(self.first - 1, 0), "after the edit", self.after.trace),)

    def player(self, **options: Any) -> Any:
        """The player, open where the two runs stand beside each other."""
        return super().player(**{"opens": "" if self.same else "branches", **options})

    def to_html(self, path: Any = None, **options: Any) -> str:
        return super().to_html(path, **{"opens": "" if self.same else "branches", **options})

    def picture(self) -> str:
        from ..views.spf import tree_svg

        return tree_svg(self.after.trace)

    def figure(self, **options: Any) -> Any:
        """The check after the edit, as a tree of terms."""
        return self.after.figure(**options)


def first_difference(before: Trace, after: Trace) -> int | None:
    """The first step at which two runs are not the same."""
    for one, other in zip(before, after, strict=False):
        if one.act != other.act:
            return one.number
    shorter, longer = sorted([before, after], key=len)
    return longer[len(shorter)].number if len(shorter) < len(longer) else None


def side_by_side(found: SpfComparison) -> Iterator[str]:
    """Two columns of terms; above the first pair that differs a line that says what differs."""
    if found.first is None:
        yield f"The two runs are the same, step for step: {found.before.result}."
        return
    column = (WIDTH - len(SAME)) // 2
    yield f"{'before':<{column}}{SAME}after"
    pairs = list(paired(found))
    here = [at for at, pair in enumerate(pairs) if any(line and is_at(line, found.first) for line in pair)]
    for at, (left, right) in enumerate(pairs):
        if at == max(here, default=0):
            yield from difference(found)
        texts = [fitted(brief(line), column) if line else "" for line in (left, right)]
        yield f"{texts[0]:<{column}}{SAME if texts[0] == texts[1] else OTHER}{texts[1]}".rstrip()


def brief(line: Line) -> str:
    """Without what each look-up is counted: that is in the last line."""
    return COUNTED.sub("", str(line).removeprefix("SPF, "))


def paired(found: SpfComparison) -> Iterator[tuple[Line | None, Line | None]]:
    """The lines of each check that differs, equal ones beside each other."""
    for before, after in zip(checks(found.before.trace), checks(found.after.trace), strict=True):
        left, right = list(lines_of(before)), list(lines_of(after))
        texts = [*map(str, left)], [*map(str, right)]
        if texts[0] == texts[1] and not (found.first is not None and before.holds(found.first)):
            continue
        for _, a, b, c, d in SequenceMatcher(None, *texts, autojunk=False).get_opcodes():
            for at in range(max(b - a, d - c)):
                yield (left[a + at] if at < b - a else None), (right[c + at] if at < d - c else None)


def is_at(line: Line, step: int) -> bool:
    return line.start is not None and line.end is not None and line.start <= step <= line.end


def difference(found: SpfComparison) -> Iterator[str]:
    assert found.first is not None
    yield f"-- first difference, step {found.first} " + "-" * 20
    for name, trace in (("before", found.before.trace), ("after", found.after.trace)):
        act = trace.step(found.first).act if found.first < len(trace) else None
        yield fitted(f"   {name + ':':<8} {said(act)}", WIDTH)
    yield "-" * 48


def said(act: Act | None) -> str:
    match act:
        case Answer(name, type, status, records):
            trouble = {"NXDomain": "there is no such name", "DnsTimeout": "no answer"}.get(status, status)
            return f"{name} {type} = {trouble or ' | '.join(records) or '(nothing)'}"
        case None:
            return "(it is over)"
    return told(act)


def fitted(text: str, room: int) -> str:
    text = printable(text)
    return text if len(text) <= room else text[: room - 1] + "…"


# -- many addresses ----------------------------------------------------------------------------------------------------


class Range(NamedTuple):
    """Addresses one after the other that get the same, by the same term."""

    first: str
    last: str
    many: int
    result: str
    by: str


class SpfMap(Mapping[str, str]):
    """What each of many addresses gets: ``map["192.0.2.7"]`` -> "pass"; `ranges`, `counts`, `figure()`."""

    def __init__(self, title: str, results: Mapping[str, str], by: Mapping[str, str]) -> None:
        self.title, self.results, self.by = title, results, by

    def __getitem__(self, address: str) -> str:
        return self.results[address]

    def __iter__(self) -> Iterator[str]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    @property
    def counts(self) -> dict[str, int]:
        """Result -> how many addresses get it."""
        found = list(self.results.values())
        return {result: found.count(result) for result in dict.fromkeys(found)}

    @property
    def ranges(self) -> list[Range]:
        """The same in few words: addresses one after the other with the same result, by the same term."""

        def run(place: tuple[int, str]) -> tuple[int, str, str]:
            index, address = place
            return int(ipaddress.ip_address(address)) - index, self.results[address], self.by[address]

        found = []
        for (_, result, by), group in groupby(enumerate(self.results), run):
            addresses = [address for _, address in group]
            found.append(Range(addresses[0], addresses[-1], len(addresses), result, by))
        return found

    def __str__(self) -> str:
        rows = [
            (f"{one.first} - {one.last}" if one.many > 1 else one.first, f"{one.many:,}", one.result, one.by)
            for one in self.ranges
        ]
        wide = max((len(row[0]) for row in rows), default=0)
        lines = (f"{where:<{wide}}  {count:>5}  {result:<9}  {by}".rstrip() for where, count, result, by in rows)
        return "\n".join([self.title, *map(printable, lines)])

    def __repr__(self) -> str:
        return f"<SPF by address: {', '.join(f'{result} {count:,}' for result, count in self.counts.items())}>"

    def figure(self, **options: Any) -> Any:
        """The map by matplotlib, for papers and slides."""
        from ..views.spf import spf_map

        return spf_map(self.results, **{"title": self.title, **options})

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from ..views.picture import Picture
        from ..views.spf import map_drawing

        picture = Picture(map_drawing(self.results, self.title), str(self))
        return {**picture._repr_mimebundle_(), "image/svg+xml": picture.svg()}


def map_spf(dns: Dns, addresses: str | Iterable[str], *, mail_from: str, helo: str = "", now: float = 0.0) -> SpfMap:
    """What MAIL FROM gets from each of these addresses: single ones, or networks like "192.0.2.0/24"."""
    _, at, domain = mail_from.rpartition("@")
    if not (at and domain):
        raise LabError("Give mail_from= an address, as in mail_from='alice@alpha.example'.")
    results, by = {}, {}
    for ip in each(addresses):
        found = unrecorded(spf.check_host(ip, domain, mail_from, helo=helo, now=unix(now)), dns)
        results[ip], by[ip] = found.result, found.mechanism or found.problem.removeprefix("spf.").replace("-", " ")
    return SpfMap(f"Who may send for {mail_from}", results, by)


def each(addresses: str | Iterable[str]) -> list[str]:
    """Every address, in order; LabError for what is none, and for too many."""
    found: dict[str, None] = {}
    for given in [addresses] if isinstance(addresses, str) else list(addresses):
        try:
            network = ipaddress.ip_network(given, strict=False)
        except ValueError:
            raise LabError(f"{given!r} is neither an address nor a network: write 192.0.2.7 or 192.0.2.0/24.") from None
        if network.num_addresses + len(found) > MOST:
            raise LabError(f"A map has at most {MOST:,} addresses: choose smaller networks, like 192.0.2.0/24.")
        found |= dict.fromkeys(map(str, network))
    if not found:
        raise LabError("Name at least one address, or a network like 192.0.2.0/24.")
    return list(found)


def unrecorded(acts: Acts[T], dns: Dns) -> T:
    """Perform an evaluator's acts, and write nothing down."""
    try:
        act = next(acts)
        while True:
            if not isinstance(act, Ask):
                act = next(acts)
                continue
            try:
                answer = tuple(dns(act.name, act.type))
            except (NXDomain, DnsTimeout) as trouble:
                act = acts.throw(trouble)
            else:
                act = acts.send(answer)
    except StopIteration as end:
        value: T = end.value
        return value


# -- in the page -------------------------------------------------------------------------------------------------------


class SpfEditor:
    """The records that a check asked for, to edit and run again: `text`, and `run(text)`, which compares.

    In Jupyter it shows itself as a box to type into, with the two runs side by side below it.
    """

    def __init__(self, zone: Zone, *, ip: str, helo: str, mail_from: str, now: float = 0.0) -> None:
        self.zone = zone.copy()
        self.question: dict[str, Any] = {"ip": ip, "helo": helo, "mail_from": mail_from, "now": now}
        first = check_spf(dns=self.zone, **self.question)
        self.names = names_asked(first.trace, self.zone)
        shown = Zone()
        for name, type in self.names:
            shown.edit(name, **{type: self.zone.records(name, type)})
        self.text = shown.text()

    def run(self, text: str | None = None) -> SpfComparison:
        """The check as it was, and with this text in the place of the records that were shown."""
        text = self.text if text is None else text
        given = Zone(text)  # LabError with line and column, if anything is wrong
        after = self.zone.copy()
        for name, type in self.names:
            after.edit(name, **{type: None})
        if given.names():
            after.edit(given.text())
        return compare_spf(self.zone, after, **self.question)

    def __repr__(self) -> str:
        return f"{self.text}\nEdit this text, and give it to .run(text)."

    def widget(self) -> Any:
        """The box, a button, what is wrong, and the player of the two runs; needs Jupyter."""
        from ipywidgets import Button, HBox, Label, Layout, Textarea, VBox

        high = f"{min(self.text.count(chr(10)) + 1, 14) * 1.6:.0f}em"
        box = Textarea(value=self.text, layout=Layout(width="calc(100% - 4px)", height=high))
        again, undo, said = Button(description="Run again"), Button(description="As it was"), Label()
        again.button_style = "primary"
        whole = VBox()

        def show(_: Any = None) -> None:
            try:
                found = self.run(box.value)
            except LabError as wrong:
                said.value = str(wrong)
                return
            said.value = f"{found.before.result} before, {found.after.result} now." + (
                " No step differs." if found.same else f" First difference: step {found.first}."
            )
            older = whole.children[2:]
            whole.children = (box, HBox([again, undo, said]), found.player())
            for player in older:
                player.close()

        def back(_: Any = None) -> None:
            box.value = self.text
            show()

        again.on_click(show)
        undo.on_click(back)
        show()
        return whole

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        """The editor where there are widgets; the text anyway."""
        plain = {"text/plain": repr(self)}
        try:
            bundle = self.widget()._repr_mimebundle_()
        except ImportError:
            return plain
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**(data or {}), **plain}, metadata


def names_asked(trace: Trace, zone: Zone) -> list[tuple[str, str]]:
    """(name, type) of what was asked and is there, in the order of the questions."""
    asked = [(canonical(act.name), act.type) for step in trace if isinstance(act := step.act, Ask)]
    keys = dict.fromkeys((name, type) for name, first in asked for type in (first, "CNAME"))
    return [(name, type) for name, type in keys if zone.records(name, type)]
