"""POP3, both sides: a machine that serves a maildrop, a script that fetches from one, and the words they use."""

from __future__ import annotations

from .client import fetch_all
from .grammar import spans
from .server import TABLE, Pop3Server

__all__ = ["TABLE", "Pop3Server", "fetch_all", "spans"]
