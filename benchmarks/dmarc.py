"""DMARC: evaluations a second on given SPF and DKIM results, every act recorded as a step; rows of reports read."""

from __future__ import annotations

import time
from dataclasses import replace
from types import SimpleNamespace

from benchmarks.measure import rates
from mailedu.acts import Acts, Answer, Ask, NXDomain
from mailedu.auth.dmarc import compare, evaluate
from mailedu.auth.report import Published, Report, Row, Signed, Spf, read
from mailedu.auth.report.aggregate import compressed
from mailedu.trace import Trace

ZONE = {
    "_dmarc.alpha.example": ("v=DMARC1; p=reject; sp=quarantine; rua=mailto:dmarc@alpha.example",),
    "_dmarc.example": (),
}
MESSAGE = b"From: Alice <alice@news.alpha.example>\r\nTo: bob@beta.example\r\nSubject: Lunch\r\n\r\nNoon?\r\n"
SPF = SimpleNamespace(result="pass", domain="bounces.gamma.example")
SIGNATURES = [
    SimpleNamespace(result="pass", domain="alpha.example", selector="lab"),
    SimpleNamespace(result="fail", domain="list.example", selector="1"),
]
CASES = {
    "relaxed alignment, three walks, 5 questions": lambda: evaluate(MESSAGE, SPF, SIGNATURES),
    "the record's own domain, no walk": lambda: evaluate("alpha.example", None, SIGNATURES),
    "RFC 7489 with its list of suffixes": lambda: evaluate(MESSAGE, SPF, SIGNATURES, rfc="7489"),
    "both standards, compared": lambda: compare(MESSAGE, SPF, SIGNATURES),
}
ROWS = 100_000


def record(acts: Acts) -> Trace:
    """Run an evaluator to its end and write down each act and each answer, as a world does."""
    trace, answer, open_steps = Trace(), None, [None]
    while True:
        try:
            act = acts.throw(answer) if isinstance(answer, Exception) else acts.send(answer)
        except StopIteration:
            return trace
        parent = open_steps[-1]
        if act.nests < 0:
            open_steps.pop()
        step = trace.record("mx.beta.example", "", parent, act)
        if act.nests > 0:
            open_steps.append(step.number)
        answer = None
        if isinstance(act, Ask):
            records = ZONE.get(act.name)
            answer = NXDomain(act.name) if records is None else records
            trace.record(
                "dns", "", step.number, Answer(act.name, act.type, "" if records else "NXDomain", records or ())
            )


def report() -> bytes:
    """A report of many rows, from as many addresses."""
    row = Row(
        "192.0.2.1", 1, "pass", "pass", "fail", "alpha.example", "gamma.example", "",
        (Signed("alpha.example", "lab", "pass"),), Spf("gamma.example", "pass"),
    )  # fmt: skip
    rows = tuple(replace(row, source_ip=f"2001:db8::{n >> 16:x}:{n & 0xFFFF:x}", count=n) for n in range(ROWS))
    published = Published("alpha.example", "reject")
    return compressed(Report("beta.example", "p@beta.example", "1@beta.example", 0, 86399, published, rows))


def main() -> None:
    found = rates(*(lambda make=make: record(make()) for make in CASES.values()))
    print("DMARC                                           evaluations/s   steps")
    for (name, make), rate in zip(CASES.items(), found, strict=True):
        print(f"  {name:45} {rate:12,.0f} {len(record(make())):7}")
    data = report()
    started = time.perf_counter()
    read(data)
    seconds = time.perf_counter() - started
    print(f"  {ROWS:,} rows of an aggregate report read in {seconds:.1f} s, {ROWS / seconds:,.0f} rows/s")


if __name__ == "__main__":
    main()
