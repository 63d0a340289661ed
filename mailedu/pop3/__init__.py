"""POP3, both sides: a machine that serves a maildrop, scripts that fetch from one, and the words they use."""

from __future__ import annotations

from .client import fetch_all, fetch_newest
from .grammar import spans
from .server import TABLE, Pop3Server

__all__ = ["TABLE", "Pop3Server", "fetch_all", "fetch_newest", "spans"]
