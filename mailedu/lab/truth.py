"""DMARC's truth table, computed: SPF passes or not, is aligned or not; DKIM likewise.  Sixteen letters, really checked.

Alice's domain is alpha.example.  What is aligned is alpha's own, what is not is gamma's: gamma's sender, gamma's
signature.  SPF fails because the letter comes from a host that neither of them names, DKIM because of a word that was
changed after signing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

from .lab import Lab
from .verdicts import DmarcVerdict

if TYPE_CHECKING:
    from ..views.picture import Picture

HOSTS = {"alpha.example": "192.0.2.25", "gamma.example": "203.0.113.25"}  # what each of them allows
NEITHER = "198.51.100.200"
TEXT = (
    "From: alice@alpha.example\nTo: bob@beta.example\nSubject: Lunch\nDate: Mon, 23 Nov 2026 09:00:00 +0000\n\nNoon?\n"
)


class Case(NamedTuple):
    """One row: what was so, and what came out."""

    spf: str  # "pass" or "fail"
    spf_aligned: bool
    dkim: str
    dkim_aligned: bool
    dmarc: str
    vouchers: str  # "SPF alpha.example, DKIM alpha.example"
    verdict: DmarcVerdict

    def __str__(self) -> str:
        words = [self.spf, yes(self.spf_aligned), self.dkim, yes(self.dkim_aligned), self.dmarc]
        return "  ".join(f"{word:<{width}}" for word, width in zip(words, WIDTHS, strict=False)) + f"  {self.vouchers}"


HEADS = ("SPF", "aligned", "DKIM", "aligned", "DMARC")
WIDTHS = (5, 7, 5, 7, 5)


def yes(so: bool) -> str:
    return "yes" if so else "no"


class TruthTable(Sequence[Case]):
    """The sixteen cases; prints as a table, and shows itself as a picture of four by four."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self.cases = tuple(cases)

    def __getitem__(self, place: Any) -> Any:
        return self.cases[place]

    def __len__(self) -> int:
        return len(self.cases)

    @property
    def passes(self) -> int:
        """How many of them pass."""
        return sum(case.dmarc == "pass" for case in self)

    def __repr__(self) -> str:
        return f"<{len(self)} cases, {self.passes} of which pass>"

    def __str__(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines())

    def lines(self) -> Iterator[str]:
        yield "  ".join(f"{head:<{width}}" for head, width in zip(HEADS, WIDTHS, strict=True)) + "  vouched for by"
        yield from map(str, self)
        yield f"{self.passes} of {len(self)} pass"

    @property
    def picture(self) -> Picture:
        from ..views.picture import Picture
        from ..views.reports import truth_drawing

        return Picture(truth_drawing([case[:6] for case in self]), str(self))

    def figure(self, **options: Any) -> Any:
        """The same by matplotlib."""
        from ..views.figure import figure

        return figure(self.picture.drawing, **options)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self.picture._repr_mimebundle_(include, exclude)


def truth_table(seed: int = 10) -> TruthTable:
    """Sixteen letters from Alice, each evaluated with its own SPF and DKIM."""
    lab = Lab(seed, tls=False, opinions=False)
    lab.zone.edit("gamma.example", TXT="v=spf1 mx -all")
    rows = product(("pass", "fail"), (True, False), ("pass", "fail"), (True, False))
    return TruthTable([case(lab, *row) for row in rows])


def case(lab: Lab, spf: str, spf_aligned: bool, dkim: str, dkim_aligned: bool) -> Case:
    sender = "alpha.example" if spf_aligned else "gamma.example"
    letter = lab.sign_dkim(TEXT, "alpha.example" if dkim_aligned else "gamma.example").message
    if dkim == "fail":
        letter = letter.replace(b"Noon?", b"Nine?")
    ip = HOSTS[sender] if spf == "pass" else NEITHER
    found = lab.evaluate_dmarc(letter, ip=ip, helo=f"mx.{sender}", mail_from=f"someone@{sender}")
    assert (found.spf, found.dkim) == (spf, (dkim,)), "each row is what it says"
    return Case(spf, spf_aligned, dkim, dkim_aligned, found.result, found.finding.vouchers, found)
