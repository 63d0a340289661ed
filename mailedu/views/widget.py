"""The player as a widget (anywidget): in JupyterLab and Notebook 7, and wherever else anywidget runs.

A trace goes to the page once, packed; from then on the page steps by itself.  Traits: `packed` (gzip of the score),
`recorded` (gzip of the trace's own JSON, for saving it), `cursor` (the number of the step; both sides may set it),
`branches` (futures that grew from it), `branching`.
Messages: the page sends {"type": "branch", "branch": id or "", "at": step, "text": line}; the answer is a longer
`branches`, or {"type": "refused", "why": sentence}.  {"type": "tamper", "scope": n, "at": place, "octet": number} is
answered by {"type": "tampered", "scope": n, "variant": data}, or with "why" in the place of "variant".
"""

from __future__ import annotations

import html
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from ..acts import LabError
from ..table import Table
from ..trace import Trace
from . import bundle
from .html import of_packed
from .score import Branch, Meaning, Predict, Reader, pack, record, score, travels

Branching = Callable[[int, str], Any]  # (after this step, another line) -> a Trace, or (Trace, Branching for that one)

MOST = 10_000  # letters of what is typed
LARGEST_PAGE = 1_000_000  # octets of a packed score that go into a notebook a second time, as a page without kernel


class Player(anywidget.AnyWidget):
    """Steps through one trace.

    `on_branch(at_step, line)` does it all again in a world of its own up to that step, says this line instead of what
    the client said next, and returns that world's trace (or the trace and its own `on_branch`); it may raise LabError.
    Without it no branching is offered.  `grown` are futures that there are already.
    `predict` covers a step until a guess was made: {28: ("What comes back?", {"250": "No, because …", "550": True})};
    a step by its number, or by how its row begins.  `meanings` tell what a reply means.
    `opens` names the pane that is seen first.
    """

    _esm = bundle.script("widget")
    _css = bundle.style()
    packed = traitlets.Bytes().tag(sync=True)
    recorded = traitlets.Bytes().tag(sync=True)
    cursor = traitlets.Int(0).tag(sync=True, echo_update=False)
    branches: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    branching = traitlets.Bool(False).tag(sync=True)
    tampering = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        trace: Trace,
        readers: Mapping[str, Reader],
        tables: Mapping[str, Table],
        *,
        title: str = "",
        on_branch: Branching | None = None,
        grown: Sequence[Branch] = (),
        predict: Predict | None = None,
        meanings: Mapping[str, Meaning] | None = None,
        opens: str = "",
        microscopes: Sequence[Mapping[str, Any]] = (),
        arena: str = "",
        **traits: Any,
    ) -> None:
        self.readers, self.tables, self.meanings, self.scopes = readers, tables, meanings, list(microscopes)
        told = score(trace, readers, tables, title, predict, meanings, opens, microscopes, arena)
        self.title, self.steps = told["title"], len(trace)
        self.futures: dict[str, tuple[set[int], Branching | None]] = {"": (numbers(told), on_branch)}
        there = [self.grow(branch) for branch in grown]
        super().__init__(
            packed=pack(told),
            recorded=record(trace),
            branches=there,
            branching=on_branch is not None,
            tampering=any(hasattr(scope, "tamper") for scope in self.scopes),
            **traits,
        )
        self.on_msg(self.hear)
        retire_older(self)

    def grow(self, branch: Branch) -> dict[str, Any]:
        """Remember a future, to branch from; as it travels to the page."""
        told = score(branch.trace, self.readers, self.tables, branch.title, None, self.meanings)
        self.futures[branch.id] = numbers(told), branch.on_branch
        return travels(told, branch)

    def hear(self, _: object, message: Any, buffers: object) -> None:
        """A line typed into the player: said in a world of its own, or refused with a sentence; or an octet changed."""
        if isinstance(message, dict) and message.get("type") == "tamper":
            self.send(self.tampered(message.get("scope"), message.get("at"), message.get("octet")))
        if not isinstance(message, dict) or message.get("type") != "branch":
            return
        try:
            self.branch(message.get("at"), message.get("text"), message.get("branch", ""))
        except LabError as no:
            self.send({"type": "refused", "why": str(no)})

    def tampered(self, scope: Any, at: Any, octet: Any) -> dict[str, Any]:
        """What becomes of a signed message with another octet in it."""
        answer = {"type": "tampered", "scope": scope}
        if not all(type(one) is int for one in (scope, at, octet)) or not 0 <= scope < len(self.scopes):
            return {**answer, "why": "There is no such octet here."}
        try:
            return {**answer, "variant": self.scopes[scope].tamper(at, octet)}
        except LabError as no:
            return {**answer, "why": str(no)}

    def branch(self, at: Any, text: Any, parent: Any = "") -> None:
        """Grow a branch from step `at` of a future (`parent`; "" is what happened)."""
        steps, on_branch = self.futures.get(parent, (set(), None)) if isinstance(parent, str) else (set(), None)
        if on_branch is None:
            raise LabError("Nothing can be branched here: this trace came without the lab that made it.")
        if type(at) is not int or at not in steps:
            raise LabError(f"There is no step {at} here to branch from.")
        if not isinstance(text, str) or not 0 < len(text) <= MOST:
            raise LabError(f"Type a line, or several, of at most {MOST} letters.")
        said = "\r\n".join(text.splitlines())
        grown = on_branch(at, said)
        trace, again = grown if isinstance(grown, tuple) else (grown, None)
        name = f"b{len(self.branches) + 1}"
        self.branches = [*self.branches, self.grow(Branch(name, parent, at, said, trace, again))]

    def page(self) -> str:
        """This player as one HTML file, with the branches it has."""
        return of_packed(self.packed, self.title, self.branches, self.recorded)

    def to_html(self, path: str | Path) -> None:
        """Write that file."""
        Path(path).write_text(self.page(), encoding="utf-8")

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The live widget; for whoever has none, a page in a frame, and a line of text."""
        bundle_ = super()._repr_mimebundle_(**options)
        if bundle_ is None:
            return None
        data, metadata = bundle_ if isinstance(bundle_, tuple) else (bundle_, {})
        data = {**data, "text/plain": f"Player: {self.title}, {self.steps} steps"}
        if len(self.packed) <= LARGEST_PAGE:
            data["text/html"] = framed(self.page())
        return data, metadata


def numbers(told: Mapping[str, Any]) -> set[int]:
    """The steps of a score at which one may branch: its rows'."""
    return {row["n"] for row in told["rows"]}


def framed(page: str) -> str:
    """A page inside a page: it may run its own script, and reach nothing around it."""
    return (
        '<iframe sandbox="allow-scripts allow-downloads allow-popups" width="100%" height="640" '
        f'style="border:0" title="Player" srcdoc="{html.escape(page)}"></iframe>'
    )


# -- a cell that is run again ------------------------------------------------------------------------------------------

made: dict[str, tuple[str, list[anywidget.AnyWidget]]] = {}  # cell -> (the run of it, the players that run made)


def retire_older(player: anywidget.AnyWidget) -> None:
    """Close the players that an earlier run of this cell made: the kernel would keep each of them for ever."""
    cell, run = running()
    if not cell:
        return
    last, players = made.get(cell, ("", []))
    if last != run:
        for old in players:
            old.close()
        players = []
    made[cell] = run, [*players, player]


def running() -> tuple[str, str]:
    """(the cell, this run of it), as JupyterLab and Notebook 7 say in each request; ("", "") elsewhere."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return "", ""
    request = kernel.get_parent() if hasattr(kernel, "get_parent") else {}
    metadata, header = request.get("metadata") or {}, request.get("header") or {}
    return str(metadata.get("cellId", "")), str(header.get("msg_id", ""))
