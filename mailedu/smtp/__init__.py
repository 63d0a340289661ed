"""SMTP, both sides: a machine that takes mail, a script that hands it over, and the words they use."""

from __future__ import annotations

from .client import Outcome, send_mail
from .envelope import Envelope, Mta
from .grammar import spans
from .server import SmtpServer
from .states import TABLE

__all__ = ["TABLE", "Envelope", "Mta", "Outcome", "SmtpServer", "send_mail", "spans"]
