"""What a queue knows of a message beside its octets: the envelope, as a note that is stored with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..smtp.envelope import Envelope
from .house import House, domain_of


@dataclass(frozen=True, slots=True)
class Entry:
    """From whom, to whom, and what they asked for.  All recipients are of one domain, so one call serves them."""

    sender: str  # "" for <>: nobody is told
    recipients: tuple[str, ...]
    arrived: float  # seconds on the lab's clock
    source: str = ""  # "mx.alpha.example ([192.0.2.25])": from whom it came, if it came by a call
    ret: str = ""  # RFC 3461 §4.3, and so on: see Envelope
    envid: str = ""
    notify: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    orcpt: Mapping[str, str] = field(default_factory=dict)
    requiretls: bool = False
    smtputf8: bool = False

    @property
    def domain(self) -> str:
        return domain_of(self.recipients[0])

    def note(self) -> dict[str, str]:
        """As text: what is not there is left out; what belongs to a recipient stands in the line of the same number."""
        lines = {
            "sender": self.sender,
            "recipients": "\n".join(self.recipients),
            "arrived": repr(self.arrived),
            "from": self.source,
            "ret": self.ret,
            "envid": self.envid,
            "notify": "\n".join(",".join(self.notify.get(one, ())) for one in self.recipients).rstrip("\n"),
            "orcpt": "\n".join(self.orcpt.get(one, "") for one in self.recipients).rstrip("\n"),
            "requiretls": "yes" if self.requiretls else "",
            "smtputf8": "yes" if self.smtputf8 else "",
        }
        return {name: text for name, text in lines.items() if text or name == "sender"}

    @classmethod
    def read(cls, note: Mapping[str, str]) -> Entry:
        """What `note` wrote."""
        recipients = tuple(note["recipients"].split("\n"))
        return cls(
            note["sender"],
            recipients,
            float(note.get("arrived", "0")),
            note.get("from", ""),
            note.get("ret", ""),
            note.get("envid", ""),
            {one: tuple(words.split(",")) for one, words in beside(recipients, note.get("notify", ""))},
            dict(beside(recipients, note.get("orcpt", ""))),
            "requiretls" in note,
            "smtputf8" in note,
        )

    def wants(self, recipient: str, word: str) -> bool:
        """Whether the sender wants to know: "SUCCESS", "FAILURE" or "DELAY".

        RFC 3461 §4.1: who says nothing may be taken to have said FAILURE, or FAILURE and DELAY; here it is the first.
        """
        return word in (self.notify.get(recipient) or ("FAILURE",))


def beside(recipients: Sequence[str], lines: str) -> Iterator[tuple[str, str]]:
    """Each recipient with its line, where there is something in it."""
    return ((one, line) for one, line in zip(recipients, lines.split("\n"), strict=False) if line)


def entries(house: House, envelope: Envelope, recipients: Sequence[str]) -> Iterator[Entry]:
    """What goes into the queue: one entry for each domain."""
    by_domain: dict[str, list[str]] = {}
    for recipient in recipients:
        by_domain.setdefault(domain_of(house.complete(recipient)), []).append(recipient)
    for several in by_domain.values():
        yield entry_of(house, envelope, several)


def entry_of(house: House, envelope: Envelope, recipients: Sequence[str]) -> Entry:
    """One entry, for some of an envelope's recipients."""
    full = {house.complete(one): one for one in recipients}
    return Entry(
        envelope.sender,
        tuple(full),
        house.clock.now,
        f"{envelope.helo or 'unknown'} ({envelope.client})",
        envelope.ret,
        envelope.envid,
        {one: envelope.notify[given] for one, given in full.items() if given in envelope.notify},
        {one: envelope.orcpt[given] for one, given in full.items() if given in envelope.orcpt},
        envelope.requiretls,
        envelope.smtputf8,
    )
