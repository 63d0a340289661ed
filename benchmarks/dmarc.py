"""How many DMARC evaluations a second, on given SPF and DKIM results, with every act recorded as a step.

python benchmarks/dmarc.py
"""

import time
from types import SimpleNamespace

from mailedu.acts import Answer, Ask, NXDomain
from mailedu.auth.dmarc import compare, evaluate
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


def perform(acts, trace: Trace):
    """Run it to its end; every act and every answer becomes a step."""
    answer, open_steps = None, [None]
    while True:
        try:
            act = acts.throw(answer) if isinstance(answer, Exception) else acts.send(answer)
        except StopIteration as end:
            return end.value
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


def per_second(make, seconds: float = 2.0) -> tuple[float, int]:
    """(times a second, steps each time)"""
    count, steps, started = 0, 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        for _ in range(50):
            trace = Trace()
            perform(make(), trace)
            count, steps = count + 1, len(trace)
    return count / (time.perf_counter() - started), steps


CASES = {
    "relaxed, three walks (10 questions)": lambda: evaluate(MESSAGE, SPF, SIGNATURES),
    "the record's own domain, no walk": lambda: evaluate("alpha.example", None, SIGNATURES),
    "RFC 7489 with its list of suffixes": lambda: evaluate(MESSAGE, SPF, SIGNATURES, rfc="7489"),
    "both standards, compared": lambda: compare(MESSAGE, SPF, SIGNATURES),
}


def main() -> None:
    for name, make in CASES.items():
        rate, steps = per_second(make)
        print(f"{name:<40} {rate:>8,.0f} evaluations/s, {steps} steps each")


if __name__ == "__main__":
    main()
