"""IMAP, both sides: a machine that serves mailboxes, scripts that read them, and the words they use."""

from __future__ import annotations

from .client import read_mail, read_newest
from .commands import COMMANDS, TABLE
from .server import ImapServer
from .spans import spans

__all__ = ["COMMANDS", "TABLE", "ImapServer", "read_mail", "read_newest", "spans"]
