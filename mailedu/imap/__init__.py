"""IMAP, both sides: a machine that serves mailboxes, a script that reads one, and the words they use."""

from __future__ import annotations

from .client import read_mail
from .commands import COMMANDS, TABLE
from .server import ImapServer
from .spans import spans

__all__ = ["COMMANDS", "TABLE", "ImapServer", "read_mail", "spans"]
