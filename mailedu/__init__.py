"""A whole e-mail Internet inside a notebook, that one can stop, rewind, branch, break and repair.

    from mailedu import Lab
    lab = Lab(seed=1)
    lab.send("alice@alpha.example", "bob@beta.example", subject="Hello", text="Hi Bob")

What stands in `__all__` is loaded when it is first used, so that importing mailedu takes no time.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .acts import DnsTimeout, LabError, NXDomain
    from .catalogue import replies
    from .examine import Capsule, explain
    from .lab import Lab
    from .lab.anatomy import Anatomy
    from .lab.envelopes import Envelopes
    from .lab.verdicts import check_spf, evaluate_dmarc, sign_dkim, verify_dkim
    from .trace import Trace
    from .zone import Zone

__version__ = "0.1.0"

HOMES = {
    "Anatomy": "lab.anatomy",
    "Capsule": "examine",
    "DnsTimeout": "acts",
    "Envelopes": "lab.envelopes",
    "Lab": "lab",
    "LabError": "acts",
    "NXDomain": "acts",
    "Trace": "trace",
    "Zone": "zone",
    "check_spf": "lab.verdicts",
    "evaluate_dmarc": "lab.verdicts",
    "explain": "examine",
    "replies": "catalogue",
    "sign_dkim": "lab.verdicts",
    "verify_dkim": "lab.verdicts",
}

__all__ = [
    "Anatomy",
    "Capsule",
    "DnsTimeout",
    "Envelopes",
    "Lab",
    "LabError",
    "NXDomain",
    "Trace",
    "Zone",
    "check_spf",
    "evaluate_dmarc",
    "explain",
    "replies",
    "sign_dkim",
    "verify_dkim",
]


def __getattr__(name: str) -> object:
    """Load one of the names above from its home."""
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{HOMES[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
