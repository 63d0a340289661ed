"""The frame of every page that is written to a file: it calls nobody, and is light or dark as its reader is."""

from __future__ import annotations

import html

SHEET = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
{style}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def sheet(title: str, style: str, body: str) -> str:
    """A whole page; `body` is HTML, `title` is text."""
    return SHEET.format(title=html.escape(title), style=style, body=body)
