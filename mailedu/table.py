"""State tables: rows that run, and that can be drawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Row(NamedTuple):
    """In this state, this command, with this outcome, leads to the next state."""

    state: str
    command: str
    outcome: str  # a word of the protocol: "ok" and "no"; POP3 "ok", "err"; IMAP "ok", "no", "bad"
    next: str
    section: str  # of the protocol's RFC, or "RFC 3207 §4.2" of another


class Table:
    """The rows of one protocol; `labels` gives a state that is shown under another's name ("PASSWORD" in POP3)."""

    def __init__(self, name: str, rows: Iterable[Row], labels: dict[str, str] | None = None) -> None:
        self.name, self.rows, self.labels = name, tuple(rows), labels or {}
        self._next = {(row.state, row.command, row.outcome): row for row in self.rows}
        if len(self._next) != len(self.rows):
            raise ValueError(f"{name}: two rows for one (state, command, outcome)")
        self._allowed = {(row.state, row.command) for row in self.rows}
        self.commands = frozenset(row.command for row in self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def allows(self, state: str, command: str) -> bool:
        """Whether the command may be given in the state."""
        return (state, command) in self._allowed

    def next(self, state: str, command: str, outcome: str) -> str:
        """Where it leads.  A KeyError is a bug of ours: the table lacks a row."""
        return self._next[state, command, outcome].next

    @property
    def states(self) -> list[str]:
        """All states, the first one first, in the order the rows name them."""
        return list(dict.fromkeys(state for row in self.rows for state in (row.state, row.next)))


def mermaid(table: Table, here: str = "") -> str:
    """The diagram of a table, drawn from its rows, as Mermaid text; the state `here` is lit."""
    edges: dict[tuple[str, str], list[str]] = {}
    for row in table:
        label = row.command if row.outcome == "ok" else f"{row.command} ({row.outcome})"
        edges.setdefault((row.state, row.next), []).append(label)
    lines = ["stateDiagram-v2"]
    lines += [f'    state "{state}" as {identifier(state)}' for state in table.states if state != identifier(state)]
    lines += [f"    [*] --> {identifier(table.rows[0].state)}"]
    lines += [f"    {identifier(a)} --> {identifier(b)}: {', '.join(labels)}" for (a, b), labels in edges.items()]
    if here:
        lines += ["    classDef here fill:#ffd54f", f"    class {identifier(here)} here"]
    return "\n".join(lines)


def identifier(state: str) -> str:
    """``"NOT AUTHENTICATED"`` -> ``"NOT_AUTHENTICATED"``: Mermaid's names have no spaces."""
    return "".join(letter if letter.isalnum() else "_" for letter in state)
