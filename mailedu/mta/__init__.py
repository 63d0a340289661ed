"""What a mail server decides: whom it takes mail for, what it checks, where a message goes next (RFC 5321 §2.3.10).

A mail server has four jobs, and a host may do any of them:

    submission   takes mail from its own people, completes and signs it              submission.py, RFC 6409
    relay        takes mail for others, and passes it on                             mx.py, RFC 5321 §3.6
    MX           takes mail for its own people, and looks at who sends it            mx.py
    delivery     puts it into their mailboxes                                        mx.py, RFC 5321 §4.4

A mailbox may also be one of those whose letters go on to another address (forwarding.py, RFC 5321 §3.9.1).

What is not delivered at once goes into the host's queue (queue.py), which finds the way (routing.py), calls
(attempt.py), and in the end tells the sender (notices.py).  A vendor's "SMTP relay" is the first job, not the second: a
submission service for companies; `via` in a house's setup names one.

A server (`smtp/server.py`, or aiosmtpd) asks; the answers are generators of acts, so a trace shows every reason.
"""

from __future__ import annotations

from .house import House, Setup, domain_of
from .mx import Mx, Opinion
from .queue import relay, schedule
from .routing import next_hops
from .submission import Submission

__all__ = ["House", "Mx", "Opinion", "Setup", "Submission", "domain_of", "next_hops", "relay", "schedule"]
