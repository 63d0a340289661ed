"""The reports that a domain's owner has got, read back and counted: who sends in his name, and what passes.

Reports.of(lab.mailbox("dmarc@alpha.example"))          all that lies there and is a report
reports.sources()                                       who sends, how much of it passes
reports.days()                                          the same by day
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from ..acts import Refused
from ..auth.report import Report, Row, read
from ..trace import printable

if TYPE_CHECKING:
    from ..views.picture import Picture

UNKNOWN = "unknown"


class Source(NamedTuple):
    """All that came from one address in one name."""

    ip: str
    name: str  # what the owner calls it; "unknown"
    author: str  # the domain in From
    messages: int
    passed: int
    dispositions: Mapping[str, int]
    vouched: tuple[str, ...]  # the domains that SPF or DKIM passed for, aligned or not


class Day(NamedTuple):
    """One day of all reporters together."""

    day: str  # "2026-11-23"
    messages: int
    passed: int
    dispositions: Mapping[str, int]


class Reports(Sequence[Report]):
    """Aggregate reports; `strange` are the letters there that are none, each with the name of what is wrong."""

    def __init__(self, reports: Iterable[Report], known: Mapping[str, str] | None = None,
                 strange: Sequence[str] = ()) -> None:  # fmt: skip
        self.reports = sorted(reports, key=lambda report: (report.begin, report.organization))
        self.known, self.strange = known or {}, strange

    @classmethod
    def of(cls, letters: Iterable[bytes], known: Mapping[str, str] | None = None) -> Reports:
        """Those among these letters; the same report twice counts once (RFC 9990 §3.5.2).

        `known` says what the owner calls an address: {"192.0.2.25": "our own server"}.
        """
        found: dict[tuple[str, str], Report] = {}
        strange = []
        for letter in letters:
            try:
                report = read(letter)
            except Refused as no:
                strange.append(no.rule)
            else:
                found.setdefault((report.organization, report.report_id), report)
        return cls(found.values(), known, strange)

    def __getitem__(self, place: Any) -> Any:
        return self.reports[place]

    def __len__(self) -> int:
        return len(self.reports)

    @property
    def rows(self) -> list[Row]:
        return [row for report in self.reports for row in report.rows]

    @property
    def messages(self) -> int:
        """How many messages."""
        return sum(row.count for row in self.rows)

    @property
    def passed(self) -> int:
        return sum(row.count for row in self.rows if passes(row))

    def sources(self) -> list[Source]:
        """The busiest first."""
        groups: dict[tuple[str, str], list[Row]] = {}
        for row in self.rows:
            groups.setdefault((row.source_ip, row.header_from), []).append(row)
        found = [
            Source(
                ip, self.known.get(ip, UNKNOWN), author, total(rows), total(filter(passes, rows)), done(rows),
                tuple(dict.fromkeys(domain for row in rows for domain in vouched(row))),
            )
            for (ip, author), rows in groups.items()
        ]  # fmt: skip
        return sorted(found, key=lambda source: -source.messages)

    def unknown(self) -> list[Source]:
        """The senders that the owner has no name for."""
        return [source for source in self.sources() if source.name == UNKNOWN]

    def days(self) -> list[Day]:
        groups: dict[str, list[Row]] = {}
        for report in self.reports:
            day = datetime.fromtimestamp(report.begin, UTC).date().isoformat()
            groups.setdefault(day, []).extend(report.rows)
        return [Day(day, total(rows), total(filter(passes, rows)), done(rows)) for day, rows in groups.items()]

    def __repr__(self) -> str:
        return f"<{len(self)} reports: {self.messages} messages, {self.passed} of which pass>"

    def __str__(self) -> str:
        return "\n".join(map(printable, self.lines()))

    def lines(self) -> Iterator[str]:
        yield f"{len(self)} reports, {self.messages} messages, {self.passed} of which pass"
        yield f"{'address':16} {'known as':16} {'From':26} {'count':>5} {'pass':>5}  vouched for by SPF or DKIM"
        for source in self.sources():
            yield (
                f"{source.ip:16} {source.name:16} {source.author:26} {source.messages:5} {source.passed:5}  "
                f"{', '.join(source.vouched) or 'nobody'}"
            )

    @property
    def picture(self) -> Picture:
        """Senders, what passed on each day, and what was done: three pictures in one."""
        from ..views.picture import Picture
        from ..views.reports import reports_drawing

        return Picture(reports_drawing(self.sources(), self.days()), str(self))

    def figure(self, **options: Any) -> Any:
        """The same by matplotlib, for papers and slides."""
        from ..views.figure import figure

        return figure(self.picture.drawing, **options)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self.picture._repr_mimebundle_(include, exclude)


def passes(row: Row) -> bool:
    return "pass" in (row.dkim, row.spf)


def total(rows: Iterable[Row]) -> int:
    return sum(row.count for row in rows)


def done(rows: Iterable[Row]) -> dict[str, int]:
    """Disposition -> how many messages; what passed was let through ("pass" and "none" are both that)."""
    found: dict[str, int] = {"none": 0, "quarantine": 0, "reject": 0}
    for row in rows:
        found["none" if row.disposition == "pass" else row.disposition] += row.count
    return found


def vouched(row: Row) -> Iterator[str]:
    if row.checked and row.checked.result == "pass":
        yield f"SPF {row.checked.domain}"
    yield from (f"DKIM {signed.domain}" for signed in row.signatures if signed.result == "pass")
