"""One run as one HTML file: the player itself, with the trace in it, no kernel, no network, from ``file://`` too."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..table import Table
from ..trace import Trace, printable
from . import bundle
from .score import Branch, Meaning, Predict, Reader, pack, record, score, travels

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main id="player"></main>
<noscript>This page plays back a recorded run of mail protocols, and needs JavaScript for it.</noscript>
<script type="application/octet-stream" id="packed">{packed}</script>
<script type="application/octet-stream" id="recorded">{recorded}</script>
<script type="application/json" id="branches">{branches}</script>
<script type="module">{script}</script>
</body>
</html>
"""


def page(
    trace: Trace,
    readers: Mapping[str, Reader],
    tables: Mapping[str, Table],
    title: str = "",
    *,
    branches: Sequence[Branch] = (),
    predict: Predict | None = None,
    meanings: Mapping[str, Meaning] | None = None,
    opens: str = "",
    microscopes: Sequence[Mapping[str, Any]] = (),
    arena: str = "",
) -> str:
    """The player for this trace, with the futures that parted from it, as the text of an HTML file."""
    told = score(trace, readers, tables, title, predict, meanings, opens, microscopes, arena)
    grown = [travels(score(one.trace, readers, tables, one.title, None, meanings), one) for one in branches]
    return of_packed(pack(told), told["title"], grown, record(trace))


def of_packed(packed: bytes, title: str, branches: Sequence[Mapping[str, Any]] = (), recorded: bytes = b"") -> str:
    """The same, for a score that is packed already, and branches that travel."""
    script = bundle.script("page")
    style = bundle.read("page.css") + bundle.style()
    grown = [{name: as_text(value) for name, value in branch.items()} for branch in branches]
    return PAGE.format(
        policy=f"default-src 'none'; script-src {digest(script)}; style-src {digest(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'",
        title=html.escape(printable(title)),
        style=style,
        packed=as_text(packed),
        recorded=as_text(recorded),
        branches=json.dumps(grown).replace("<", "\\u003c"),
        script=script,
    )


def as_text(value: Any) -> Any:
    """Octets in base64; all else as it is."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def digest(text: str) -> str:
    """The one script and the one style that may run are named by their hashes; nothing that a message holds can."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
