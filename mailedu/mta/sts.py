"""MTA-STS, the sender's side (RFC 8461): a domain says, over HTTPS, that its mail goes under TLS and to which hosts.

A TXT record says that there is a policy, and its id; the policy is a small file at a web address that anybody can work
out.  It is kept for as long as it says, so that who blocks the DNS or the web later changes nothing.  Its weak moment
is the first one: who has never seen it does not miss it (§10.2).

Reports of failures (TLS-RPT, RFC 8460) are not sent.  A policy is fetched again when its id changes or its time is
over, not once a day beforehand (§3.3 only suggests that).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ..acts import Acts, Ask, Fetch, NXDomain, Page, Refused, Rule, Trouble, nested
from ..names import canonical
from .house import House

VERSION = "STSv1"
MODES = ("enforce", "testing", "none")
LONGEST = 31_557_600  # seconds that a policy may be kept (§3.2): a year
LARGEST = 65_536  # octets of a policy (§3.3)
PATIENCE = 300.0  # seconds before a policy that could not be had is asked for again (§3.3)

RECORD_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")  # §3.1, §3.2: of a field, in the record and in the policy
RECORD_VALUE = re.compile(r"[\x21-\x3a\x3c\x3e-\x7e]+")  # §3.1
ID = re.compile(r"[A-Za-z0-9]{1,32}")  # §3.1
EXTENSION = re.compile(r"[^\x00-\x20\x7f]+(?: +[^\x00-\x20\x7f]+)*")  # §3.2: UTF-8 may be in it
PATTERN = re.compile(
    r"(?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
)
FIELDS = ("version", "mode", "mx", "max_age")
AGE = re.compile(r"[0-9]{1,10}")


class Policy(NamedTuple):
    """What a domain asks of who sends it mail."""

    mode: str  # one of MODES
    mx: tuple[str, ...]
    max_age: int  # seconds

    def __str__(self) -> str:
        return f"{self.mode} {' '.join(self.mx)}".rstrip()

    def lists(self, host: str) -> str:
        """The pattern that this host matches; "" if none does."""
        return next((pattern for pattern in self.mx if matches(pattern, host)), "")


@dataclass(frozen=True)
class Kept:
    """A policy as it was fetched: its id then, and when that was on the lab's clock."""

    id: str
    policy: Policy
    at: float

    def lasts(self, now: float) -> float:
        """Seconds for which it still counts; 0 or less: none."""
        return self.at + self.policy.max_age - now


# -- grammar: the record, and the policy -------------------------------------------------------------------------------


def read_record(texts: tuple[str, ...]) -> str:
    """The id in the one record that is a policy's (§3.1); Refused names what is wrong."""
    ours = [text for text in texts if text.startswith(f"v={VERSION};")]
    if not ours:
        raise Refused("sts.no-record", "no policy is announced", found=str(len(texts)))
    if len(ours) > 1:
        raise Refused("sts.two-records", "more than one policy is announced", count=str(len(ours)))
    fields: dict[str, str] = {}
    for field in re.split(r"[ \t]*;[ \t]*", ours[0].rstrip(" \t").removesuffix(";").rstrip(" \t"))[1:]:
        name, equals, value = field.partition("=")
        if not (equals and RECORD_NAME.fullmatch(name) and RECORD_VALUE.fullmatch(value)):
            raise Refused("sts.bad-field", "a field of the record cannot be read", field=field)
        fields.setdefault(name, value)  # of two the first counts (§3.2)
    if "id" not in fields:
        raise Refused("sts.no-id", "the record has no id")
    if not ID.fullmatch(fields["id"]):
        raise Refused("sts.bad-id", "the record's id is none", id=fields["id"])
    return fields["id"]


def read_policy(body: bytes) -> Policy:
    """A policy file (§3.2); Refused names what is wrong.  The unknown is left aside, of two fields the first counts.

    ``b"version: STSv1\\nmode: enforce\\nmx: *.beta.example\\nmax_age: 86400\\n"``
    """
    fields: dict[str, list[str]] = {}
    for name, value in lines_of(body):
        fields.setdefault(name, []).append(value)
    version, mode, age = (fields.get(name, [""])[0] for name in ("version", "mode", "max_age"))
    if version != VERSION:
        raise Refused("sts.bad-version", "the policy is of no known version", version=version or "nothing")
    if mode not in MODES:
        raise Refused("sts.bad-mode", "the policy has no known mode", mode=mode or "nothing")
    if not AGE.fullmatch(age) or int(age) > LONGEST:
        raise Refused("sts.bad-age", "the policy does not say how long it lasts", age=age or "nothing")
    patterns = fields.get("mx", [])
    for pattern in patterns:
        if not PATTERN.fullmatch(pattern):
            raise Refused("sts.bad-mx", "the policy names a host that is none", mx=pattern)
    if not patterns and mode != "none":
        raise Refused("sts.no-mx", "the policy names no host", mode=mode)
    return Policy(mode, tuple(map(canonical, patterns)), int(age))


def lines_of(body: bytes) -> Iterator[tuple[str, str]]:
    """(name, value) of each line; a line ends with LF or CRLF, the last one with nothing too."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Refused("sts.not-text", "the policy is no text") from None
    lines = re.split(r"\r?\n", text)
    for number, line in enumerate(lines[:-1] if len(lines) > 1 and not lines[-1] else lines, 1):
        name, colon, value = line.rstrip(" \t").partition(":")
        value = value.lstrip(" \t")
        readable = EXTENSION.fullmatch(value) or (not value and name in FIELDS)  # an empty one is named by its field
        if not (colon and RECORD_NAME.fullmatch(name) and readable):
            raise Refused("sts.bad-line", "a line of the policy cannot be read", number=str(number), line=line)
        yield name, value


def matches(pattern: str, host: str) -> bool:
    """§4.1: ``*.beta.example`` is a host with one label more, and no other."""
    pattern, host = canonical(pattern), canonical(host)
    if pattern.startswith("*."):
        return host.partition(".")[2] == pattern[2:] and not host.startswith(".")
    return host == pattern


# -- discovery: the record, then the file, or what is remembered -------------------------------------------------------


def find_policy(house: House, domain: str) -> Acts[Policy | None]:
    """The policy that counts for a domain now; None where there is none (§3.3, §5.1)."""
    if not house.setup.mta_sts:
        return None
    return (yield from nested(f"MTA-STS policy of {domain}", discover(house, domain), told))


def told(policy: Policy | None) -> str:
    return str(policy) if policy else "none"


def discover(house: House, domain: str) -> Acts[Policy | None]:
    """A new id is a new policy; and what was learnt before counts until its time is over, whoever hides it now."""
    now, kept = house.clock.now, house.policies.get(domain)
    if kept and kept.lasts(now) <= 0:
        yield Rule("sts.expired", "forgotten", {"domain": domain, "seconds": str(kept.policy.max_age)})
        del house.policies[domain]
        kept = None
    try:
        id = yield from announced(domain)
        if kept and kept.id == id:
            yield Rule("sts.same-id", str(kept.policy), {"domain": domain, "id": id, "left": f"{kept.lasts(now):.0f}"})
            return kept.policy
        policy = yield from fetch(house, domain, id)
    except Refused as no:
        yield Rule(no.rule, "no policy", no.because)
        if kept is None:
            return None
        yield Rule("sts.remembered", str(kept.policy), {"domain": domain, "left": f"{kept.lasts(now):.0f}"})
        return kept.policy
    house.policies[domain] = Kept(id, policy, now)
    changed = f"its id was {kept.id}" if kept else "it was not known before"
    because = {"domain": domain, "id": id, "mode": policy.mode, "mx": " ".join(policy.mx), "changed": changed}
    yield Rule("sts.policy", policy.mode, because | {"seconds": str(policy.max_age)})
    return policy


def announced(domain: str) -> Acts[str]:
    """The id that the domain's record has (§3.1)."""
    try:
        texts = yield Ask(f"_mta-sts.{domain}", "TXT")
    except NXDomain:
        texts = ()
    except Trouble as trouble:
        raise Refused("sts.dns", "the DNS does not answer", domain=domain, why=said(trouble)) from None
    return read_record(texts)


def fetch(house: House, domain: str, id: str) -> Acts[Policy]:
    """The policy from its web address (§3.3): HTTPS with a valid certificate, a 200, plain text, and no way around."""
    now, failed = house.clock.now, house.missed.get(domain)
    if failed and failed[0] == id and now < failed[1] + PATIENCE:
        raise Refused("sts.not-again", "it could not be had a moment ago", domain=domain, id=id)
    try:
        try:
            page = yield Fetch(f"https://mta-sts.{domain}/.well-known/mta-sts.txt")
        except Trouble as trouble:
            raise Refused("sts.no-page", "the policy cannot be fetched", domain=domain, why=said(trouble)) from None
        policy = read_policy(checked(page))
    except Refused:
        house.missed[domain] = id, now
        raise
    house.missed.pop(domain, None)
    return policy


def checked(page: Page) -> bytes:
    """What the web server sent, if it may be a policy."""
    kind = page.type.partition(";")[0].strip().lower()
    if 300 <= page.status < 400:
        raise Refused("sts.redirect", "the policy is said to be elsewhere", status=str(page.status))
    if page.status != 200:
        raise Refused("sts.status", "the web server has no policy", status=str(page.status))
    if kind != "text/plain":
        raise Refused("sts.media-type", "the policy is no plain text", type=page.type or "nothing")
    if len(page.body) > LARGEST:
        raise Refused("sts.too-large", "the policy is too large", octets=str(len(page.body)))
    return page.body


def said(trouble: Trouble) -> str:
    return str(trouble) or type(trouble).__name__


# -- application -------------------------------------------------------------------------------------------------------


def check_host(policy: Policy, domain: str, host: str) -> Acts[None]:
    """§4.1: whether the policy lists this mail exchanger; Refused where it does not and must."""
    pattern = policy.lists(host)
    because = {"host": host, "domain": domain, "mx": " ".join(policy.mx)}
    if pattern:
        yield Rule("sts.listed", pattern, because)
    elif policy.mode == "enforce":
        text = f"450 4.7.0 {host} is not in the MTA-STS policy of {domain}"
        raise Refused("sts.not-listed", text, **because)
    else:
        yield Rule("sts.not-listed", "testing", because)


def not_secure(policy: Policy, domain: str, host: str, why: str) -> Refused:
    """§5: an attempt that is not as the policy wants it; it is made again later, when the policy may be another."""
    because = {"host": host, "domain": domain, "why": why, "mode": policy.mode}
    return Refused(
        "sts.not-secure", f"450 4.7.10 the MTA-STS policy of {domain} wants TLS with {host}: {why}", **because
    )
