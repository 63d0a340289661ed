"""What all roles of a host have in common: the house they work for, and what they tell of who lives in it."""

from __future__ import annotations

from ..acts import Acts, Refused, Rule
from ..smtp.envelope import Envelope
from .house import House

EVERYBODY = "everybody"  # the one list there is, where EXPN tells


class Role:
    """One of the jobs of a mail server (RFC 5321 §2.3.10)."""

    def __init__(self, house: House) -> None:
        self.house = house

    @property
    def host(self) -> str:
        return self.house.host

    def verify(self, envelope: Envelope, name: str) -> Acts[str]:
        """VRFY: nobody is told who lives here, unless the house is set up to disclose it (§3.5.3, §7.3)."""
        if not self.house.setup.discloses:
            yield Rule("mta.not-telling", "VRFY")
            return "252 2.5.2 send some mail, and it will be tried"
        address = name.strip("<>") if "@" in name else f"{name.strip('<>')}@{self.house.domain}"
        box = self.house.mailbox(address) if self.house.is_ours(address) else ""
        if not box:
            raise Refused("mta.relay", f"550 5.7.1 {address} is not one of ours", recipient=address)
        yield Rule("mta.tells", "VRFY", {"name": name})
        return f"250 2.1.5 <{box}>"

    def expand(self, envelope: Envelope, name: str) -> Acts[str]:
        """EXPN, likewise."""
        if not self.house.setup.discloses or name.lower() != EVERYBODY:
            raise Refused("mta.no-lists", "550 5.1.1 there is no such mailing list here", name=name)
        yield Rule("mta.tells", "EXPN", {"name": name})
        return "250 2.1.5 " + "\n".join(f"<{one}>" for one in sorted(self.house.people))
