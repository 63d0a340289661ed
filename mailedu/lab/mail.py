"""One message that was sent: what became of it, and the trace of its whole journey."""

from __future__ import annotations

from ..acts import LabError, Open, Rule, Store
from ..trace import Trace
from .again import Branching, branching_of_sent
from .history import History, Sent
from .shown import Shown


class Mail(Shown):
    """`delivered`, `verdict`, `reply`, `message`, `trace`: read from the trace, as it is by now."""

    def __init__(self, history: History, sent: Sent) -> None:
        self.history, self.sent = history, sent
        self.title, self.recipients = sent.title, sent.recipients
        self.reply = sent.reply  # what the first server said in the end: "250 2.0.0 queued", "550 5.7.26 …"

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
        found = [step.act for step in self.trace.only(Rule) if step.act.name == "mta.findings"]  # type: ignore[attr-defined]
        return dict(found[-1].because) if found else {}  # type: ignore[attr-defined]

    @property
    def stored(self) -> list[Store]:
        """How it came into its recipients' mailboxes."""
        wanted = {recipient.lower() for recipient in self.recipients}
        stores = [step.act for step in self.trace.only(Store)]
        return [act for act in stores if isinstance(act, Store) and act.box.partition("/")[0] in wanted]

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
