"""SPF (RFC 7208, with RFC 7372 and 8616): which hosts may send mail for a domain."""

from __future__ import annotations

from .check import REPLIES, Spf, SpfResult, check, check_host
from .received import received_spf
from .record import Record, Stop, parse, spans

__all__ = [
    "REPLIES",
    "Record",
    "Spf",
    "SpfResult",
    "Stop",
    "check",
    "check_host",
    "parse",
    "received_spf",
    "spans",
]
