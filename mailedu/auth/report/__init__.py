"""DMARC's reports: what receivers tell a domain's owner about mail in its name (RFC 9990, RFC 9991).

    aggregate      a day's counts, as XML in a gzip file in a mail      RFC 9990 §3.1
    reading        the same read back, from hands nobody trusts         RFC 9990 §8.1
    destinations   who may be sent such reports                         RFC 9990 §4
    failure        one message that failed, in detail                   RFC 9991

Section numbers are those of the drafts that were approved; see ``rules/standards.toml``.
"""

from .aggregate import Ledger, Published, Report, Row, Signed, Spf, mail, write
from .destinations import destinations
from .failure import failure_report, wanted
from .reading import read

__all__ = [
    "Ledger",
    "Published",
    "Report",
    "Row",
    "Signed",
    "Spf",
    "destinations",
    "failure_report",
    "mail",
    "read",
    "wanted",
    "write",
]
