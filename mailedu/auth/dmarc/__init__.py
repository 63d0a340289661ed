"""DMARC (RFC 9989): what the domain in From asks for, when nobody that is authenticated vouches for it.

    record      the policy record and its tags                     §4.7, §4.8
    walk        the DNS tree walk, the policy, the organization    §4.10
    evaluate    the finding about a message                        §5.3
    decide      what a receiver does about it                      §5.4, §7.4
    legacy      RFC 7489 with the Public Suffix List, to compare

Section numbers are those of the draft that was approved as RFC 9989 (draft-ietf-dmarc-dmarcbis-41); see
``rules/standards.toml``.
"""

from .decide import decide
from .evaluate import Dmarc, Identifier, evaluate
from .legacy import compare, differences
from .record import Record, parse_record, spans

__all__ = ["Dmarc", "Identifier", "Record", "compare", "decide", "differences", "evaluate", "parse_record", "spans"]
