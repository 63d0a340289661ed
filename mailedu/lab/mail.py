"""One message that was sent: what became of it, and the trace of its whole journey."""

from __future__ import annotations

from typing import TypeGuard

from ..acts import Act, LabError, Open, Rule, Store
from ..trace import Step, Trace
from .again import Branching, branching_of_sent
from .history import History, Sent
from .shown import Shown

FORWARDED = "mta.forwarded"  # the rule that names another recipient


class Mail(Shown):
    """`delivered`, `verdict`, `reply`, `message`, `trace`: read from the trace, as it is by now."""

    def __init__(self, history: History, sent: Sent) -> None:
        self.history, self.sent = history, sent
        self.title, self.recipients = sent.title, sent.recipients

    @property
    def reply(self) -> str:
        """What the first server said in the end: "250 2.0.0 queued", "550 5.7.26 …"; "" as long as it waits."""
        return self.sent.reply

    @property
    def trace(self) -> Trace:  # type: ignore[override]
        """All that this message set off, so far."""
        whole, root = self.history.trace, self.sent.root
        step = whole.step(root)
        if not isinstance(step.act, Open) or step.act.title != self.title:
            raise LabError("This mail was sent in a past that back() took back: send it again.")
        return whole.part([root])

    @property
    def verdict(self) -> dict[str, str]:
        """{"spf": "pass", "dkim": "pass", "dmarc": "pass"}; empty when nobody looked at it."""
        found = [step.act for step in self.own if isinstance(step.act, Rule) and step.act.name == "mta.findings"]
        return dict(found[-1].because) if found else {}

    @property
    def own(self) -> list[Step]:
        """The steps of this message, without those of the reports about it."""
        trace, apart = self.trace, set[int]()
        for step in trace:
            if step.parent in apart or is_report(step.act, trace):
                apart.add(step.number)
        return [step for step in trace if step.number not in apart]

    @property
    def reports(self) -> list[bytes]:
        """What its sender has been told of it by mail: the reports that are in the sender's mailbox by now."""
        trace = self.trace
        acts = [step.act for step in trace]
        return [act.message for act in acts if is_report(act, trace) and act.box == trace[0].actor.lower()]

    @property
    def stored(self) -> list[Store]:
        """How it came into its recipients' mailboxes."""
        acts = [step.act for step in self.own]
        wanted = {recipient.lower() for recipient in self.recipients}
        wanted |= {act.because["address"].lower() for act in acts if isinstance(act, Rule) and act.name == FORWARDED}
        stores = [act for act in acts if isinstance(act, Store)]
        return [act for act in stores if act.box.partition("/")[0] in wanted]

    @property
    def delivered(self) -> tuple[str, ...]:
        """The mailboxes it is in by now: ("bob@beta.example",); "bob@beta.example/Junk" is one too."""
        return tuple(dict.fromkeys(act.box for act in self.stored))

    @property
    def message(self) -> bytes:
        """As it lies in the mailbox; as it was sent, where it lies in none."""
        stored = self.stored
        return stored[0].message if stored else self.sent.message

    @property
    def refused(self) -> str:
        """The reply that refused it, or ""."""
        return self.reply if self.reply[:1] in ("4", "5") else ""

    def on_branch(self) -> Branching:
        return branching_of_sent(self.history, self.sent)

    def __repr__(self) -> str:
        where = f"in {', '.join(self.delivered)}" if self.delivered else self.reply
        verdict = " ".join(f"{method}={result}" for method, result in self.verdict.items())
        return f"<Mail: {self.title}: {where}{'; ' + verdict if verdict else ''}>"


def is_report(act: Act, trace: Trace) -> TypeGuard[Store]:
    """Whether a report about the message of this trace goes into a box here: from nobody, as the message was not."""
    return isinstance(act, Store) and act.note.get("sender") == "" and trace[0].actor != "nobody"
