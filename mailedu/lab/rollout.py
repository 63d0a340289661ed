"""Rolling out a policy: thirty days of mail in a company's name, really sent, and what its policy did to each letter.

alpha.example has more senders than it knows of.  Its owner sees only the reports (`reports.py`); `letters` is what
really happened.  Nothing here is decided by chance: which letter comes on which day is, by the seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from ..acts import LabError, Store
from ..auth.dmarc import parse_record
from ..trace import Trace
from .lab import Lab
from .mail import Mail
from .reports import Reports
from .stage import private_key
from .verdicts import sign_dkim

if TYPE_CHECKING:
    from ..views.picture import Picture

OWNER = "dmarc@alpha.example"
DAYS = 30
RECIPIENTS = ("bob@beta.example", "bella@beta.example")
POLICIES = ("none", "quarantine", "reject")
INBOX, JUNK, REFUSED = "inbox", "junk", "refused"
FATES = (INBOX, JUNK, REFUSED)

NEWS = "news.alpha.example"
KEY = f"mailer._domainkey.{NEWS}"  # where the owner would have to publish the newsletter service's key


class Places(NamedTuple):
    """From where the others send: addresses of gamma's network."""

    mailer: str = "203.0.113.140"
    list: str = "203.0.113.150"
    forger: str = "203.0.113.66"

    @property
    def zone(self) -> str:
        """What the DNS says of them, and of alpha's own hosts; the forger's computer has no name."""
        return f"""
{NEWS}. A 192.0.2.30
shop.alpha.example. A 192.0.2.31
shop.alpha.example. TXT "v=spf1 a -all"
31.2.0.192.in-addr.arpa. PTR shop.alpha.example.
mailer.example. TXT "v=spf1 ip4:{self.mailer} -all"
out.mailer.example. A {self.mailer}
{ip_address(self.mailer).reverse_pointer}. PTR out.mailer.example.
list.example. TXT "v=spf1 ip4:{self.list} -all"
out.list.example. A {self.list}
{ip_address(self.list).reverse_pointer}. PTR out.list.example.
"""


USUAL = Places()

# Who sends in alpha's name, and what the owner would call it; the addresses are those that reports name.
KNOWN = {
    "192.0.2.25": "our own server",
    "2001:db8:a::25": "our own server",
    "192.0.2.31": "our shop",
}


class Kind(NamedTuple):
    """A kind of letter: what it is, whether alpha's people or services wrote it, and how many come on a workday."""

    name: str
    real: bool
    a_day: float
    authors: tuple[str, ...]


KINDS = {
    kind.name: kind
    for kind in [
        Kind("own server", True, 2, ("alice@alpha.example", "amir@alpha.example")),
        Kind("shop", True, 0.8, ("orders@shop.alpha.example",)),
        Kind("newsletter", True, 0.8, (f"hello@{NEWS}",)),
        Kind("forwarded", True, 0.6, ("alice@alpha.example",)),
        Kind("mailing list", True, 0.4, ("amir@alpha.example",)),
        Kind("forger", False, 1.6, ("alice@alpha.example", f"pay@{NEWS}", "pay@accounts.alpha.example")),
    ]
}


@dataclass
class Letter:
    """One letter: on which day, of which kind, in whose name; and its fate."""

    day: int
    kind: str
    author: str
    mail: Mail = field(repr=False)
    fate: str = REFUSED

    @property
    def real(self) -> bool:
        return KINDS[self.kind].real


class Planned(NamedTuple):
    """A letter that will be written: `token` makes its Message-ID."""

    kind: str
    author: str
    recipient: str
    token: int


def plan(
    dice: Random, days: int, kinds: Sequence[str] = tuple(KINDS), *, begins: Mapping[str, int] | None = None,
    scale: float = 1.0,
) -> list[list[Planned]]:  # fmt: skip
    """Which letters come on which day: on Saturday and Sunday people write less, and forgers do not.

    `begins` is the first day of a kind that does not write from the beginning; `scale` how many letters of all.
    """
    found = []
    for day in range(1, days + 1):
        today = []
        for kind in map(KINDS.__getitem__, kinds):
            often = kind.a_day * scale * (0.3 if (day - 1) % 7 >= 5 and kind.real else 1.0)  # a lab begins on a Monday
            count = int(often) + (dice.random() < often % 1)
            if day < (begins or {}).get(kind.name, 1):
                continue
            if day == (begins or {}).get(kind.name):
                count = max(count, 1)
            for _ in range(count):
                author, recipient = dice.choice(kind.authors), dice.choice(RECIPIENTS)
                today.append(Planned(kind.name, author, recipient, dice.randrange(10**9)))
        found.append(today)
    return found


class Traffic:
    """Who writes in alpha's name in one lab; `day()` is one day of it, and its night."""

    def __init__(self, lab: Lab, plan: Sequence[Sequence[Planned]], places: Places = USUAL) -> None:
        self.lab, self.plan, self.places = lab, plan, places
        self.letters: list[Letter] = []
        self.days = 0

    def day(self) -> None:
        if self.days >= len(self.plan):
            raise LabError(f"All {len(self.plan)} days are over: begin afresh for another {len(self.plan)}.")
        for planned in self.plan[self.days]:
            mail = WRITERS[planned.kind](self, planned)
            self.letters.append(Letter(self.days + 1, planned.kind, planned.author, mail))
        self.days += 1
        self.lab.clock.advance(days=1)

    # -- how each of them writes

    def own(self, planned: Planned) -> Mail:
        return self.lab.send(planned.author, planned.recipient, subject="About the order", text="See you.", read=False)

    def forwarded(self, planned: Planned) -> Mail:
        """To Carol, whose mail goes on to Bob."""
        return self.lab.send(planned.author, "carol@gamma.example", subject="Lunch", text="On Friday?", read=False)

    def shop(self, planned: Planned) -> Mail:
        more = {"from_": planned.author, "subject": "Your order"}
        return self.straight(planned, planned.author, "192.0.2.31", "shop.alpha.example", **more)

    def newsletter(self, planned: Planned) -> Mail:
        """The service signs, as itself and as alpha's subdomain; but alpha never published the key for that."""
        text: bytes | str = self.text(planned, "Our news")
        key, now = private_key("gamma.example"), self.lab.clock.now
        for domain in ("mailer.example", NEWS):
            text = sign_dkim(text, domain, selector="mailer", key=key, now=now).message
        return self.straight(planned, "bounce@mailer.example", self.places.mailer, "out.mailer.example", message=text)

    def by_list(self, planned: Planned) -> Mail:
        """Signed by alpha, and then changed: a list puts its name into the subject."""
        signed = self.lab.sign_dkim(self.text(planned, "Seeds"), "alpha.example").message
        changed = signed.replace(b"Subject: Seeds", b"Subject: [garden] Seeds")
        return self.straight(
            planned, "garden-bounces@list.example", self.places.list, "out.list.example", message=changed
        )

    def forged(self, planned: Planned) -> Mail:
        more = {"from_": planned.author, "subject": "An invoice"}
        return self.straight(planned, "mallory@gamma.example", self.places.forger, "mallory.example", **more)

    def straight(self, planned: Planned, sender: str, client: str, helo: str, **more: Any) -> Mail:
        return self.lab.send(sender, planned.recipient, client=client, helo=helo, read=False, **more)

    def text(self, planned: Planned, subject: str) -> str:
        stamp = f"<{planned.token:09d}@{planned.author.partition('@')[2]}>"
        return (
            f"From: {planned.author}\nTo: {planned.recipient}\nSubject: {subject}\nDate: {self.lab.clock.stamp()}\n"
            f"Message-ID: {stamp}\n\nHello!\n"
        )

    # -- what became of them

    def fates(self) -> list[Letter]:
        """All letters, each with its fate by now, read from the trace in one go."""
        found = fates(self.lab.trace)
        for letter in self.letters:
            letter.fate = found.get(letter.mail.sent.root, REFUSED)
        return self.letters


def fates(trace: Trace) -> dict[int, str]:
    """The first step of a letter's journey -> where it lies in the end; who is not in here was refused."""
    found, roots = dict[int, str](), dict[int, int]()
    for step in trace:
        root = roots[step.number] = step.number if step.parent is None else roots.get(step.parent, step.parent)
        if isinstance(step.act, Store) and "@" in step.act.box:
            found[root] = JUNK if step.act.box.endswith("/Junk") else INBOX
    return found


WRITERS = {
    "own server": Traffic.own,
    "shop": Traffic.shop,
    "newsletter": Traffic.newsletter,
    "forwarded": Traffic.forwarded,
    "mailing list": Traffic.by_list,
    "forger": Traffic.forged,
}


def stage_for_rollout(
    seed: int, *, places: Places = USUAL, reporters: Sequence[str] = ("beta", "gamma"), policy_alone: bool = False
) -> Lab:
    """A lab in which alpha's mail comes from many places, and the reporters' servers report."""
    settings = {
        f"mx.{one}.example": {"reports": one in reporters, "policy_alone": policy_alone} for one in ("beta", "gamma")
    }
    lab = Lab(seed, tls=False, opinions=False, staff={"alpha.example": ["dmarc"]}, settings=settings)
    lab.zone.edit(places.zone)
    lab.zone.edit("mailer._domainkey.mailer.example", TXT=lab.zone.records("lab._domainkey.gamma.example", "TXT"))
    lab.forward("carol@gamma.example", "bob@beta.example")
    return lab


def record(policy: str, sp: str = "", np: str = "", t: str = "n") -> str:
    """``record("reject", sp="none")`` -> ``"v=DMARC1; p=reject; sp=none; rua=mailto:dmarc@alpha.example"``."""
    for name, value, known in (
        ("policy", policy, POLICIES),
        ("sp", sp, ("", *POLICIES)),
        ("np", np, ("", *POLICIES)),
        ("t", t, ("n", "y")),
    ):
        if value not in known:
            raise LabError(f"{name} is one of {', '.join(repr(one) for one in known)}, not {value!r}.")
    tags = {"p": policy, "sp": sp, "np": np, "t": "y" if t == "y" else ""}
    text = "; ".join(["v=DMARC1", *(f"{tag}={value}" for tag, value in tags.items() if value), f"rua=mailto:{OWNER}"])
    parse_record(text)
    return text


def rollout(
    policy: str = "none",
    sp: str = "",
    np: str = "",
    t: str = "n",
    *,
    repaired: bool = False,
    policy_alone: bool = False,
    days: int = DAYS,
    seed: int = 10,
) -> Rollout:
    """`days` days under this policy.  `repaired`: the newsletter service's key is published, so its letters pass.

    `policy_alone`: the receivers refuse on p=reject alone, as many do though RFC 9989 §7.4 forbids it.
    """
    if not 1 <= days <= 60:
        raise LabError("A rollout has 1 to 60 days.")
    text = record(policy, sp, np, t)
    lab = stage_for_rollout(seed, policy_alone=policy_alone)
    lab.zone.edit("_dmarc.alpha.example", TXT=text)
    if repaired:
        lab.zone.edit(KEY, TXT=lab.zone.records("mailer._domainkey.mailer.example", "TXT"))
    traffic = Traffic(lab, plan(Random(seed), days))
    for _ in range(days):
        traffic.day()
    return Rollout(text, lab, traffic.fates(), days)


class Rollout:
    """What a policy did: `letters`, each with its fate; `reports`, which is all that the owner sees."""

    def __init__(self, record: str, lab: Lab, letters: Sequence[Letter], days: int) -> None:
        self.record, self.lab, self.letters, self.days = record, lab, letters, days
        self.reports = Reports.of(lab.mailbox(OWNER), known=KNOWN)

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """Kind -> fate -> how many."""
        return {
            name: {fate: sum(letter.kind == name and letter.fate == fate for letter in self.letters) for fate in FATES}
            for name in KINDS
        }

    def share(self, real: bool, *fates: str) -> tuple[int, int]:
        """(so many of the real letters, or of the forged ones, had one of these fates; of so many)."""
        mine = [letter for letter in self.letters if letter.real == real]
        return sum(letter.fate in fates for letter in mine), len(mine)

    @property
    def lost(self) -> int:
        """Real letters that were refused or lie in Junk."""
        return self.share(True, JUNK, REFUSED)[0]

    @property
    def stopped(self) -> int:
        """Forged letters that were refused or lie in Junk."""
        return self.share(False, JUNK, REFUSED)[0]

    def __repr__(self) -> str:
        real, forged = self.share(True)[1], self.share(False)[1]
        return (
            f"<{self.record}: {self.lost} of {real} real letters lost, {self.stopped} of {forged} forged ones stopped>"
        )

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> Iterator[str]:
        yield f"{self.days} days of {self.record}"
        yield f"  {'':14}{'inbox':>8}{'Junk':>8}{'refused':>9}"
        for name, fates in self.counts().items():
            mark = " " if KINDS[name].real else "!"
            yield f"{mark} {name:14}" + f"{fates[INBOX]:8}{fates[JUNK]:8}{fates[REFUSED]:9}"
        real, forged = self.share(True)[1], self.share(False)[1]
        yield f"{self.lost} of {real} real letters lost, {self.stopped} of {forged} forged ones stopped (!)"

    @property
    def picture(self) -> Picture:
        """What became of each kind of letter, as a picture."""
        from ..views.picture import Picture
        from ..views.reports import fates_drawing

        return Picture(fates_drawing(self.counts(), {name: kind.real for name, kind in KINDS.items()}, self.record),
                       str(self))  # fmt: skip

    def figure(self, **options: Any) -> Any:
        """The same by matplotlib."""
        from ..views.figure import figure

        return figure(self.picture.drawing, **options)

    def widget(self) -> Any:
        """The picture beside controls; needs Jupyter."""
        from ipywidgets import HTML

        return HTML(self.picture._repr_mimebundle_()["text/html"])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self.picture._repr_mimebundle_(include, exclude)
