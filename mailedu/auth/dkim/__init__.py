"""DKIM (RFC 6376, with RFC 8301, 8463 and 8616): a domain puts its name to a message, and anybody can check that."""

from .field import spans
from .key import public_record
from .key import spans as key_spans
from .sign import sign
from .verify import Signature, verify

__all__ = ["Signature", "key_spans", "public_record", "sign", "spans", "verify"]
