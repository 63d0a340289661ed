"""A call to type into, with the states of its server drawn from the table that runs: the one it is in is lit."""

from __future__ import annotations

from typing import Any

from ..acts import LabError, Rule
from ..lab import Typed
from ..rules import section, sentence
from ..table import Table
from ..trace import printable
from ..views.svg import state_svg

NO_WORDS = (".", "BDAT LAST")  # commands of a table that nobody types by that name
FIRST = {"SMTP": ("GREETED", "READY", "MAIL", "RCPT", "DATA", "CLOSED")}  # states that are enough to begin with


class Console:
    """Wraps a call: ``console(smtp)``.  `send` and `back` do what they do there."""

    def __init__(self, call: Typed) -> None:
        if not isinstance(call, Typed):
            raise LabError(f"Give a call to type into, as in console(lab.smtp()): this is {type(call).__name__}.")
        self.call = call

    def send(self, line: str) -> str:
        return self.call.send(line)

    def back(self) -> None:
        self.call.back()

    # -- what there is to see

    @property
    def table(self) -> Table:
        """The server's; without the rarer states, as long as nobody is in one of them."""
        machine = self.call.line.machine
        whole: Table = machine.table
        first = FIRST.get(whole.name, ())
        if machine.state not in first:
            return whole
        return Table(whole.name, [row for row in whole if {row.state, row.next} <= set(first)], whole.labels)

    @property
    def state(self) -> str:
        return str(self.call.line.machine.state)

    def look(self) -> dict[str, Any]:
        """What the widget shows."""
        machine, said = self.call.line.machine, []
        commands = [row.command for row in machine.table if row.state == self.state]
        for typed, reply in self.call.exchanges:
            said += [["C", printable(line)] for line in typed.replace("\r\n", "\n").split("\n") if typed]
            said += [["S", printable(line)] for line in reply.split("\n") if reply]
        return {
            "said": said,
            "state": self.call.state,
            "block": self.state == "DATA",
            "may": [word for word in dict.fromkeys(commands) if word not in NO_WORDS],
            "why": self.why(),
            "pictures": [state_svg(self.table, self.state), state_svg(self.table, self.state, dark=True)],
        }

    def why(self) -> str:
        """The rule behind the last answer, if it was a no."""
        number, reply = len(self.call.exchanges) - 1, self.call.exchanges[-1][1]
        if not number or reply[:1] not in ("4", "5"):
            return ""
        trace, ends = self.call.lab.history.trace, self.call.line.ends
        rules = [act for step in trace[ends[number - 1] : ends[number]] if isinstance(act := step.act, Rule)]
        return f"{sentence(rules[-1])} [{section(rules[-1])}]" if rules else ""

    def __repr__(self) -> str:
        seen = self.look()
        lines = [f"{who}: {text}" for who, text in seen["said"]]
        return "\n".join([*lines, *([seen["why"]] if seen["why"] else []), f"-> {seen['state']}"])

    def widget(self) -> Any:
        """The console itself; needs Jupyter."""
        from ..views.console import ConsoleWidget

        return ConsoleWidget(self.send, self.back, self.look)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        """The widget where there are widgets; the picture and the text anyway."""
        still = {"text/plain": repr(self), "image/svg+xml": state_svg(self.table, self.state)}
        try:
            bundle = self.widget()._repr_mimebundle_()
        except ImportError:
            return still
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**(data or {}), **still}, metadata


def console(call: Typed) -> Console:
    """A prompt under a call, and the states of its server, lit while one types: ``console(lab.smtp())``."""
    return Console(call)
