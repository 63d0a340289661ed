"""A whole e-mail Internet inside a notebook, that one can stop, rewind, branch, break and repair.

from mailedu import Lab
lab = Lab(seed=1)
lab.send("alice@alpha.example", "bob@beta.example", subject="Hello", text="Hi Bob")
"""

from .acts import DnsTimeout, LabError, NXDomain
from .lab import Lab
from .lab.verdicts import check_spf, evaluate_dmarc, verify_dkim
from .trace import Trace
from .zone import Zone

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """`replies`, the catalogue of reply codes, is read when it is first asked for."""
    if name == "replies":
        from .replies import replies

        return replies
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "DnsTimeout",
    "Lab",
    "LabError",
    "NXDomain",
    "Trace",
    "Zone",
    "check_spf",
    "evaluate_dmarc",
    "replies",
    "verify_dkim",
]
