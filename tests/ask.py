"""Performs an evaluator: the DNS is any callable, and every act is kept."""

from __future__ import annotations

from mailedu.acts import Act, Answer, Ask, DnsTimeout, NXDomain
from mailedu.trace import Trace


def perform(acts, dns):
    """(what it returns, its acts)"""
    value, trace = perform_traced(acts, dns)
    return value, [step.act for step in trace if not isinstance(step.act, Answer)]


def perform_traced(acts, dns):
    """(what it returns, a trace of it)"""
    trace, open_steps, answer = Trace(), [], None
    try:
        while True:
            act: Act = acts.throw(answer) if isinstance(answer, Exception) else acts.send(answer)
            answer = None
            if act.nests < 0:
                parent = open_steps[-1]
                open_steps.pop()
            else:
                parent = open_steps[-1] if open_steps else None
            step = trace.record("mx.beta.example", "", parent, act)
            if act.nests > 0:
                open_steps.append(step.number)
            if isinstance(act, Ask):
                status, records = "", ()
                try:
                    answer = records = tuple(dns(act.name, act.type))
                except (NXDomain, DnsTimeout) as trouble:
                    answer, status = trouble, type(trouble).__name__
                trace.record("dns", "", step.number, Answer(act.name, act.type, status, records))
    except StopIteration as end:
        assert not open_steps, "something stayed open"
        return end.value, trace


class Answers(dict):
    """(name, type) -> records, as they are; a name that has none does not exist."""

    def __call__(self, name, type):
        name = name.lower().removesuffix(".")
        found = self.get((name, type), self.get((name, "ANY"), ()))
        if isinstance(found, Exception):
            raise found
        if not found and not any(owner == name for owner, _ in self):
            raise NXDomain(name)
        return found
