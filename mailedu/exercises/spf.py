"""Exercises of lesson 08: which hosts may send for a domain."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from ..acts import Rule
from ..auth.spf import check_host
from ..lab import Lab
from ..lab.letters import plural
from ..lab.verdicts import check_spf
from ..lab.whatif import unrecorded
from ..trace import printable
from ..views.program import Check, checks
from ..zone import Zone
from .apart import Offered
from .frame import Exercise, Findings, Wrong
from .source import Source

DOMAINS = ("harbour", "meadow", "orchard", "lantern", "quarry", "pantry", "timber", "window")
BETA = ("bob@beta.example", "bella@beta.example")
LOOKUPS = 10  # RFC 7208 §4.6.4


def own_domain(dice: Random) -> str:
    """A company of the student's own, beside those of the lab."""
    return f"{dice.choice(DOMAINS)}{dice.randrange(10, 99)}.example"


def result_of(zone: Zone, ip: str, sender: str) -> str:
    """What MAIL FROM gets."""
    return unrecorded(check_host(ip, sender.rpartition("@")[2], sender), zone).result


def changed_elsewhere(was: Zone, now: Zone, domain: str) -> Iterator[str]:
    """The names outside of this domain whose records are not what they were."""
    names = dict.fromkeys([*was.names(), *now.names()])
    for name in names:
        if name != domain and not name.endswith(f".{domain}"):
            types = {*was.types(name), *now.types(name)}
            if any(was.records(name, type) != now.records(name, type) for type in types):
                yield name


def not_yours(was: Zone, now: Zone, domain: str) -> Iterator[Wrong]:
    for name in changed_elsewhere(was, now, domain):
        yield Wrong(f"The records of {name} are others now, and {name} is not yours.", f"What is below {domain}?")
        return


def within(network: str) -> list[str]:
    return [str(one) for one in ipaddress.ip_network(network)]


# -- F1 ----------------------------------------------------------------------------------------------------------------

RESULTS = ("pass", "fail", "softfail", "neutral", "none", "temperror", "permerror")
MISSING = {  # what to ask who has not seen a result
    "pass": "Which term matches this very host, and what sign stands before it?",
    "fail": "What stands at the end of a record that names all its hosts?",
    "softfail": "Which qualifier says: probably not?",
    "neutral": "Which qualifier says: I do not say? And what comes out when no term matches at all?",
    "none": "What can SPF say of a domain that has no record?",
    "temperror": "What can a question to the DNS meet besides yes and no? See `f1.lab.zone.fault`.",
    "permerror": "When can a record not be followed: how is it written then, or what does it cost?",
}


class F1(Exercise):
    """One host, one sender, seven results: only the DNS changes."""

    title = "Seven results"
    minutes = 12
    hints = (
        "`f1.lab.zone.edit(f1.domain, TXT='v=spf1 …')` and `f1.send()`, over and over. Four of the seven come from "
        "one record with four different signs before `all`.",
        "A domain without a record: `TXT=None`. A record that nobody can read: misspell a term.",
        "`f1.lab.zone.fault(f1.domain, 'TXT')`: from now on this question gets no answer, "
        "until `f1.lab.zone.mend(f1.domain, 'TXT')`.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.lab = Lab(seed=dice.randrange(1, 10_000))
        self.domain = own_domain(dice)
        self.user = f"{dice.choice(['post', 'office', 'hello', 'team'])}@{self.domain}"
        self.client = f"{dice.choice(['192.0.2', '198.51.100', '203.0.113'])}.{dice.randrange(130, 250)}"
        self.recipient = dice.choice(BETA)

    def send(self) -> str:
        """One letter from this host and this sender; what the receiving server found."""
        mail = self.lab.send(self.user, self.recipient, client=self.client, helo=f"out.{self.domain}", read=False)
        return f"spf: {mail.verdict.get('spf', 'not looked at')}"

    @property
    def task(self) -> str:
        return (
            f"{self.domain} is yours. One host, {self.client}, sends letters to {self.recipient}, and always says "
            f"`MAIL FROM:<{self.user}>`. Make mx.beta.example find **each of the seven results** for it at least once: "
            f"{', '.join(RESULTS)}. The host and the sender stay; **only the DNS changes**.\n\n"
            f"`f1.send()` sends one such letter and says what was found. The order is yours. At the end: `check(f1)`."
        )

    def judge(self, answer: Any) -> Findings:
        every = [check for check in checks(self.lab.trace) if check.title == "SPF, MAIL FROM"]
        mine = [check for check in every if (check.ip, check.sender) == (self.client, self.user)]
        found = {check.outcome for check in mine}
        missing = [result for result in RESULTS if result not in found]
        if not mine:
            yield Wrong(
                f"No letter from {self.client} as {self.user} has come to mx.beta.example.", "What does `f1.send()` do?"
            )
        elif missing:
            yield self.not_all(mine, [check for check in every if check not in mine], found, missing)
        agreed = [
            step for step in self.lab.trace.only(Rule)
            if step.act.name == "mta.second-opinion" and step.act.outcome == "agrees"  # type: ignore[attr-defined]
        ]  # fmt: skip
        return (
            f"Right. {len(mine)} letters from one host and one sender, and all seven results: it was the owner of "
            f"{self.domain} who spoke each time. pyspf was asked beside ours, and agreed {len(agreed)} times."
        )

    def not_all(self, mine: Sequence[Check], others: Sequence[Check], found: set[str], missing: list[str]) -> Wrong:
        seen = ", ".join(result for result in RESULTS if result in found)
        observed = f"{plural(len(mine), 'letter')} came, and found was: {seen}. Missing: {', '.join(missing)}."
        ask = MISSING[missing[0]]
        elsewhere = next((check for check in others if check.outcome in missing), None)
        if elsewhere is not None:
            observed += f" ({elsewhere.outcome} was found for {elsewhere.sender} from {elsewhere.ip}.)"
            ask = f"Could {self.user} from {self.client} get {elsewhere.outcome} too?"
        elif "temperror" in missing and any(
            past.name == "zone.fault" and "NXDomain" in repr(past.args) for past in self.lab.inputs
        ):
            observed += " You had the DNS answer NXDomain once."
            ask = "NXDomain is an answer: there is no such name. What is it when there is no answer at all?"
        return Wrong(observed, ask, mine[-1].start)


# -- F2 ----------------------------------------------------------------------------------------------------------------


def cost(zone: Zone, domain: str, depth: int = 0) -> int:
    """The look-ups of a check in which nothing matches before the end (§4.6.4)."""
    record = next((text for text in zone.records(domain, "TXT") if text.lower().startswith("v=spf1")), "")
    total = 0
    for term in record.lower().split()[1:]:
        name = term.lstrip("+-~?").replace("=", ":", 1).split("/")[0]
        kind, _, target = name.partition(":")
        if kind in ("a", "mx", "ptr", "exists", "include", "redirect"):
            total += 1
        if kind in ("include", "redirect") and target and depth < 12:
            total += cost(zone, target, depth + 1)
    return total


class F2(Exercise):
    """A record of 14 look-ups becomes one of at most 10, and forty addresses get what they should."""

    title = "From fourteen to ten"
    minutes = 15
    hints = (
        "`print(f2.lab.zone.text())` shows all records. `f2.lab.check_spf(ip='192.0.2.1', mail_from=f2.user)` counts: "
        "step through it in the player, and see which term costs what.",
        "`ip4` costs nothing. Which of the names that are looked into are your own, and hold nothing but `ip4`?",
        "What belongs to mailer.example and desk.example may change tomorrow, without a word to you: keep their "
        "`include`. A name that does not exist any more can go.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.lab = Lab(seed=dice.randrange(1, 10_000))
        d = self.domain = own_domain(dice)
        self.user = f"office@{d}"
        us, them = "198.51.100", "203.0.113"
        self.office = f"{us}.{16 * dice.randrange(4)}/28"
        self.north, self.south = f"{us}.{64 + 8 * dice.randrange(4)}/29", f"{us}.{96 + 8 * dice.randrange(4)}/29"
        self.trial = f"{us}.{128 + 4 * dice.randrange(4)}/30"
        self.www, self.mx, self.shop = (f"{us}.{start + dice.randrange(12)}" for start in (144, 160, 176))
        self.first, self.second = f"{them}.{32 * dice.randrange(2)}/27", f"{them}.{64 + 32 * dice.randrange(2)}/27"
        self.desk = f"192.0.2.{dice.randrange(40, 250)}"
        self.lab.zone.edit(f"""
{d}. MX 10 mx.{d}.
{d}. TXT "v=spf1 mx a:www.{d} include:_office.{d} include:_branches.{d} include:_spf.mailer.example " "include:_spf.desk.example a:old.{d} include:_shop.{d} ?ip4:{self.trial} -all"
mx.{d}. A {self.mx}
www.{d}. A {self.www}
_office.{d}. TXT "v=spf1 ip4:{self.office} ~all"
_branches.{d}. TXT "v=spf1 include:_north.{d} include:_south.{d} ~all"
_north.{d}. TXT "v=spf1 ip4:{self.north} ~all"
_south.{d}. TXT "v=spf1 ip4:{self.south} ~all"
_shop.{d}. TXT "v=spf1 mx:shop.{d} ~all"
shop.{d}. MX 10 out.shop.{d}.
out.shop.{d}. A {self.shop}
_spf.mailer.example. TXT "v=spf1 include:_a.mailer.example include:_b.mailer.example ~all"
_a.mailer.example. TXT "v=spf1 ip4:{self.first} ~all"
_b.mailer.example. TXT "v=spf1 ip4:{self.second} ~all"
_spf.desk.example. TXT "v=spf1 a:out.desk.example ~all"
out.desk.example. A {self.desk}
""")  # noqa: E501
        self.before = self.lab.zone.copy()
        self.cases = dict(self.forty(dice))

    def forty(self, dice: Random) -> Iterator[tuple[str, str]]:
        """Address -> what it should get."""
        allowed = [self.office, self.north, self.south, self.first, self.second]
        single = [self.www, self.mx, self.shop, self.desk]
        for network in allowed:
            yield from ((ip, "pass") for ip in dice.sample(within(network), 4))
        yield from ((ip, "pass") for ip in single)
        yield from ((ip, "neutral") for ip in dice.sample(within(self.trial), 2))
        inside = {ip for network in (*allowed, self.trial) for ip in within(network)} | set(single)
        strangers = [ip for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24") for ip in within(net)]
        yield from ((ip, "fail") for ip in dice.sample([ip for ip in strangers if ip not in inside], 14))

    @property
    def task(self) -> str:
        return (
            f"The record of {self.domain} has grown: a check that gets to its end costs **14 look-ups**, so it ends in "
            f"permerror. Make it cost **at most 10**, and let each of the forty addresses in `f2.cases` get what "
            f"stands there. You own {self.domain} and all names below it; mailer.example and desk.example are "
            f"companies that send for you, and their records are theirs.\n\n"
            f"Use `f2.lab.zone.edit(...)`. `f2.different()` says which of the forty get something else, and what. "
            f"At the end: `check(f2)`."
        )

    def different(self) -> dict[str, str]:
        """The addresses that do not get what they should: what they get."""
        found = {ip: result_of(self.lab.zone, ip, self.user) for ip in self.cases}
        return {ip: result for ip, result in found.items() if result != self.cases[ip]}

    def judge(self, answer: Any) -> Findings:
        zone = self.lab.zone
        yield from not_yours(self.before, zone, self.domain)
        spent = cost(zone, self.domain)
        if spent > LOOKUPS:
            found = self.lab.check_spf(ip="192.0.2.1", mail_from=self.user)
            over = [step.number for step in found.trace.only(Rule) if step.act.name == "spf.too-many-lookups"]  # type: ignore[attr-defined]
            yield Wrong(
                f"A check that gets to the end of your record costs {spent} look-ups: the eleventh makes it permerror.",
                "Which terms ask the DNS for something that you know already?",
                over[0] if over else 0,
                found.trace,
            )
            return ""
        if got := self.different():
            yield self.other_verdict(got)
            return ""
        yield from self.later()
        return (
            f"Right: {spent} look-ups instead of 14, and all forty addresses get what they should. mailer.example "
            f"moved to other addresses afterwards, and your record followed: you had left that to them."
        )

    def other_verdict(self, got: Mapping[str, str]) -> Wrong:
        ip = next((one for one in got if self.cases[one] == "pass"), next(iter(got)))
        found = self.lab.check_spf(ip=ip, mail_from=self.user)
        wanted = self.cases[ip]
        if got[ip] == "pass":
            ask = f"Nobody ever meant {ip}. Which of your terms lets it in?"
        elif wanted == "pass":
            ask = "Which term of the old record matched that address, and where is it now?"
        else:
            ask = f"Whoever is not named should get {wanted}. Which term says so?"
        return Wrong(
            f"{len(got)} of the forty get something else: {ip} gets {got[ip]} and should get {wanted}.",
            ask,
            0,
            found.trace,
        )

    def later(self) -> Iterator[Wrong]:
        """mailer.example moves, as such companies do."""
        moved = f"203.0.113.{128 + 32 * self.hidden.randrange(4)}/27"
        zone = self.lab.zone
        zone.edit("_a.mailer.example", TXT=f"v=spf1 ip4:{moved} ~all")
        new, old = within(moved)[7], within(self.first)[7]
        found = {ip: result_of(zone, ip, self.user) for ip in (new, old)}
        if found != {new: "pass", old: "fail"}:
            yield Wrong(
                f"All forty are right today. Then mailer.example moved from {self.first} to {moved}: "
                f"{new} gets {found[new]}, and {old}, which is somebody else's now, gets {found[old]}.",
                "Whose business is it to know the addresses of mailer.example?",
                0,
                self.lab.check_spf(ip=new, mail_from=self.user).trace,
            )


# -- F3 ----------------------------------------------------------------------------------------------------------------


class F3(Exercise):
    """Three services, and each may send as what it is and as nothing else."""

    title = "Least privilege"
    minutes = 15
    hints = (
        "A record stands for one name only: that of the company says nothing about names below it (RFC 7208 §4.4). "
        "So: five names, five records.",
        "Each record names the hosts that may use *this* name, and ends with `-all`. One host: `ip4:…`, no slash.",
        "The newsletter's hosts are mailer.example's to know: `include:_spf.mailer.example`. "
        "A name that never sends: `v=spf1 -all`. A host that greets by its own name: `v=spf1 a -all` (§10.1.2).",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.lab = Lab(seed=dice.randrange(1, 10_000))
        d = self.domain = own_domain(dice)
        self.user = f"office@{d}"
        self.office = f"198.51.100.{dice.randrange(130, 250)}"
        self.shop = f"203.0.113.{dice.randrange(130, 250)}"
        self.shop6 = f"2001:db8:{dice.randrange(0x100, 0xFFF):x}::{dice.randrange(2, 99)}"
        self.mailer = f"192.0.2.{128 + 16 * dice.randrange(8)}/28"
        everything = "v=spf1 mx ip4:203.0.113.0/24 ip6:2001:db8::/32 include:_spf.mailer.example ?all"
        self.lab.zone.edit(f"""
{d}. MX 10 mx.{d}.
{d}. TXT "{everything}"
news.{d}. TXT "{everything}"
shop.{d}. TXT "{everything}"
www.{d}. A {self.office}
mx.{d}. A {self.office}
_spf.mailer.example. TXT "v=spf1 ip4:{self.mailer} ~all"
""")
        self.before = self.lab.zone.copy()

    @property
    def task(self) -> str:
        d = self.domain
        return (
            f"Three services send for {d}, and today each may send as anybody. Give each what it needs, **and nothing "
            f"more**:\n\n"
            f"| who | from where | may say `MAIL FROM` |\n|---|---|---|\n"
            f"| the office server, which greets as mx.{d} | {self.office}, the MX of {d} | `@{d}` |\n"
            f"| the newsletter, by the company mailer.example | what `_spf.mailer.example` lists | `@news.{d}` |\n"
            f"| the shop, on one rented host | {self.shop} and {self.shop6} | `@shop.{d}` |\n\n"
            f"Nobody ever sends as `@www.{d}`. The name mx.{d} is for the greeting: the office server may use it. "
            f"Whatever is not allowed is to get **fail**, and nothing softer.\n\n"
            f"Use `f3.lab.zone.edit(...)`, on names of {d} only. At the end: `check(f3)`."
        )

    def hosts(self, mailer: str) -> dict[str, str]:
        """Address -> whose it is."""
        shop, shop6 = ipaddress.ip_address(self.shop), ipaddress.ip_address(self.shop6)
        return {
            self.office: "the office server",
            within(mailer)[self.hidden.randrange(16)]: "the newsletter",
            self.shop: "the shop",
            self.shop6: "the shop, by IPv6",
            str(shop + 1): "somebody else, whose host stands beside the shop's",
            str(shop6 + 1): "somebody else, beside the shop's IPv6 address",
            f"203.0.113.{self.hidden.randrange(100, 120)}": "a stranger",
        }

    def allowed(self, who: str) -> tuple[str, ...]:
        """The names that this service may use."""
        d = self.domain
        return {
            "the office server": (d, f"mx.{d}"),
            "the newsletter": (f"news.{d}",),
            "the shop": (f"shop.{d}",),
            "the shop, by IPv6": (f"shop.{d}",),
        }.get(who, ())

    def judge(self, answer: Any) -> Findings:
        yield from not_yours(self.before, self.lab.zone, self.domain)
        wrong = list(self.compared(self.mailer))
        if not wrong:
            moved = f"192.0.2.{16 * self.hidden.randrange(8)}/28"
            self.lab.zone.edit("_spf.mailer.example", TXT=f"v=spf1 ip4:{moved} ~all")
            wrong = [
                one._replace(
                    observed=f"Then mailer.example moved to {moved}. {one.observed}",
                    ask="Whose business is it to know where the newsletter comes from?",
                )
                for one in self.compared(moved)
            ]
        yield from wrong[:2]
        names = 5
        return (
            f"Right: {len(self.hosts(self.mailer))} hosts times {names} names, and each may do what it needs and "
            f"nothing more. Whoever breaks into the shop can now write as the shop, and not as the office."
        )

    def compared(self, mailer: str) -> Iterator[Wrong]:
        """Each host with each name: what it gets, against what it should get; the gravest first."""
        d = self.domain
        found = []
        for ip, who in self.hosts(mailer).items():
            for name in (d, f"news.{d}", f"shop.{d}", f"www.{d}", f"mx.{d}"):
                wanted = "pass" if name in self.allowed(who) else "fail"
                got = result_of(self.lab.zone, ip, f"post@{name}")
                if got != wanted:
                    found.append((wanted == "fail" and got != "pass", ip, who, name, got, wanted))
        for _, ip, who, name, got, wanted in sorted(found, key=lambda one: one[0]):
            trace = self.lab.check_spf(ip=ip, mail_from=f"post@{name}").trace
            yield Wrong(
                f"{who.capitalize()} ({ip}) says MAIL FROM:<post@{name}> and gets {got}; it should be {wanted}.",
                self.asked(who, name, got, wanted),
                0,
                trace,
            )

    def asked(self, who: str, name: str, got: str, wanted: str) -> str:
        if got == "pass":
            return (
                "How many addresses does that term stand for?"
                if "beside" in who or "stranger" in who
                else f"Which services ever write as {name}?"
            )
        if wanted == "pass":
            return f"Which term of the record of {name} stands for that host?"
        return {
            "none": f"Has {name} a record of its own? That of {self.domain} does not count for it.",
            "permerror": "What can nobody read in that record?",
        }.get(got, "How does a record end that has named all its hosts, and is sure of it?")


# -- F4 ----------------------------------------------------------------------------------------------------------------


class Resolver:
    """Asks a zone: ``ask("beta.example", "MX")`` -> ["10 mx.beta.example."]; an empty list where there is nothing."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone

    def ask(self, name: str, type: str) -> list[str]:
        """The records, as texts."""
        from ..acts import DnsTimeout, NXDomain

        try:
            return list(self.zone(str(name), str(type)))
        except (NXDomain, DnsTimeout):
            return []


class F4(Exercise):
    """check_host() for ip4, a, mx, include and all."""

    title = "check_host"
    minutes = 30
    hints = (
        "First the record: of the texts of `dns.ask(domain, 'TXT')` those that are `v=spf1`, or begin with `v=spf1 `, "
        "in any case. None: none. Two: permerror (RFC 7208 §4.5).",
        "Read *all* terms before you run the first: an unknown mechanism makes the whole record permerror (§4.6). "
        "A term with `=` in it, and no colon before that, is a modifier: here, ignore it.",
        "`include` calls `check_host` again, and its result is only a match or not: pass → match; fail, softfail, "
        "neutral → no match; none, permerror → permerror (§5.2).",
        "Count `a`, `mx` and `include` in a list that you hand down: `spent.append(term)`, and permerror when there "
        "are more than ten (§4.6.4). That also ends records that include each other.",
        "`ipaddress.ip_address(ip) in ipaddress.ip_network(f'{address}/{bits}', strict=False)`",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.lab = Lab(seed=dice.randrange(1, 10_000))
        self.domain = own_domain(dice)
        self.user = f"post@{self.domain}"
        for name, types in company(self.domain, dice)[0].items():
            self.lab.zone.edit(name, **types)
        self.dns = Resolver(self.lab.zone)

    @property
    def task(self) -> str:
        return (
            "Write `check_host(ip, domain, dns)`: pass, fail, softfail, neutral, none or permerror, as RFC 7208 §4 has "
            "it, for records made of **ip4, a, mx, include and all**. Addresses are IPv4; there are no macros, no "
            "redirect, and the DNS always answers. More than ten of a, mx and include, all records together, is a "
            "permerror. `dns.ask(name, type)` returns a list of texts: `['10 mx.beta.example.']`, `[]` for nothing.\n\n"
            f"Try it: `check_host('192.0.2.25', '{self.domain}', f4.dns)`, and beside it "
            f"`f4.lab.check_spf(ip='192.0.2.25', mail_from=f4.user)`. Then hand in the function itself: "
            "`check(f4, check_host)`. The check runs it on domains that you have not seen."
        )

    def judge(self, answer: Any) -> Findings:
        if not isinstance(answer, Source):
            yield Wrong(
                f"You handed in {printable(repr(answer))[:60]}. The check needs the function itself.",
                "Did you write `check(f4, check_host)`, without brackets behind `check_host`?",
            )
            return ""
        domain = own_domain(self.hidden)
        records, cases = company(domain, self.hidden)
        zone = Zone()
        for name, types in records.items():
            zone.edit(name, **types)
        offered = Offered(Resolver(zone), ("ask",))
        made = self.call(answer, *[(ip, name, offered) for ip, name, _ in cases])
        asked: list[str] = []
        for (ip, name, ask), found in zip(cases, made, strict=True):
            wanted = result_of(zone, ip, f"post@{name}")
            if found != wanted and ask not in asked and len(asked) < MOST_TOLD:
                asked.append(ask)
                record = " and ".join(f"`{text}`" for text in zone.records(name, "TXT")) or "no TXT record"
                yield Wrong(
                    f"{name} has {record}. For {ip} your function says {printable(repr(found))[:40]}; "
                    f"it should say {wanted!r}.",
                    ask,
                    0,
                    check_spf(ip=ip, helo="", mail_from=f"post@{name}", dns=zone).trace,
                )
        return (
            f"Right, for {len(cases)} checks of domains that you had never seen. Yours is a real check_host; what is "
            f"missing to RFC 7208 is redirect, exists, ptr, IPv6, macros, time-outs and the limit of void look-ups."
        )


MOST_TOLD = 3  # of what is wrong: more is more than one reads

ORDER = "Two terms match that host. Which of them decides?"
SIGN = "What does the sign before a term say, and what does no sign say?"
NO_MATCH = "No term matches that host. What is the result then?"
RECORD = "Which of a name's TXT records is the one for SPF, and what if there is none, or two?"
CAPITALS = "Does it matter whether a record is written in capitals?"
UNREADABLE = "When is a term noticed that nobody knows: only when it is reached?"
MODIFIER = "That is no mechanism, but a modifier. What becomes of one that nobody knows?"
BITS = "How many bits of two addresses are compared, and how?"
HOSTS = "Whose addresses does `a` stand for: with a name, and without one?"
EXCHANGERS = "Whose addresses does `mx` stand for, and what if there is no MX record?"
INCLUDED = "What the included record came to is not the result. When does include match, and what comes after it?"
ERRORS = "What if the included domain has no record, or one that nobody can read?"
BUDGET = "How many terms may ask the DNS, all records of one check together?"


def company(d: str, dice: Random) -> tuple[dict[str, dict[str, Any]], list[tuple[str, str, str]]]:
    """A domain with many names, each with something that is easily got wrong; and (address, name, what to ask)."""
    net = 16 * dice.randrange(2, 14)
    ip = [f"192.0.2.{net + number}" for number in range(17)]
    single = dice.randrange(2, 20)
    many = " ".join(f"a:h{number}.{d}" for number in range(9))
    mx, mx2, mx3, host = "198.51.100.25", "198.51.100.26", "198.51.100.27", "203.0.113.7"
    named: dict[str, str | list[str]] = {
        d: f"v=spf1 ip4:{ip[0]}/28 mx include:_p.{d} ~all",
        f"mx2.{d}": "v=spf1 a -all",
        f"_p.{d}": "v=spf1 ip4:203.0.113.64/26 -all",
        f"order.{d}": f"v=spf1 -ip4:{ip[3]} ip4:{ip[0]}/28 -all",
        f"signs.{d}": f"v=spf1 +ip4:{ip[0]} ?ip4:{ip[1]} ~ip4:{ip[2]} -all",
        f"open.{d}": f"v=spf1 ip4:{ip[0]}",
        f"one.{d}": f"v=spf1 ip4:198.51.100.{single} -all",
        f"wide.{d}": f"v=spf1 ip4:{ip[5]}/28 -all",
        f"all.{d}": f"v=spf1 all -ip4:{ip[0]}",
        f"other.{d}": ["hello", "v=spf10 -all", "spf1 -all"],
        f"twice.{d}": ["v=spf1 -all", "v=spf1 +all"],
        f"beside.{d}": ["some-other-service=x", f"v=spf1 ip4:{ip[0]} -all"],
        f"case.{d}": f"V=SPF1 IP4:{ip[0]} A:MX.{d.upper()} -ALL",
        f"bad.{d}": f"v=spf1 ip4:{ip[0]} ipv4:{ip[1]} -all",
        f"note.{d}": f"v=spf1 x-note=hello ip4:{ip[0]} -all",
        f"hosts.{d}": f"v=spf1 a:mx.{d}/28 a -all",
        f"mxs.{d}": f"v=spf1 mx:{d} -all",
        f"mxnet.{d}": f"v=spf1 mx:{d}/29 -all",
        f"nomx.{d}": "v=spf1 mx ?all",
        f"inc.{d}": f"v=spf1 include:_p.{d} ip4:{ip[0]} ?all",
        f"incnot.{d}": f"v=spf1 -include:_p.{d} +all",
        f"incsoft.{d}": f"v=spf1 include:signs.{d} ip4:{ip[2]} -all",
        f"incnone.{d}": f"v=spf1 include:other.{d} +all",
        f"incbad.{d}": f"v=spf1 include:bad.{d} +all",
        f"loop.{d}": f"v=spf1 include:loop2.{d} -all",
        f"loop2.{d}": f"v=spf1 include:loop.{d} -all",
        f"ten.{d}": f"v=spf1 {many} mx:{d} ~all",
        f"eleven.{d}": f"v=spf1 {many} mx:{d} include:_p.{d} ~all",
        f"deep.{d}": f"v=spf1 {many} include:inc.{d} ~all",
    }
    records: dict[str, dict[str, Any]] = {name: {"TXT": text} for name, text in named.items()}
    records[d]["MX"] = [f"20 mx2.{d}.", f"10 mx.{d}."]
    hosts = {"mx": mx, "mx2": [mx2, mx3], "hosts": host, "nomx": "203.0.113.9"}
    for number in range(9):
        hosts[f"h{number}"] = f"198.51.100.{100 + number}"
    for name, addresses in hosts.items():
        records.setdefault(f"{name}.{d}", {})["A"] = addresses
    stranger = f"203.0.113.{dice.randrange(130, 250)}"
    cases = [
        (f"198.51.100.{single}", "one", BITS), (f"198.51.100.{single * 10}", "one", BITS),
        (ip[15], "wide", BITS), (ip[0], "wide", BITS), (ip[16], "wide", BITS),
        (ip[2], "order", ORDER), (ip[3], "order", ORDER), (ip[0], "all", ORDER),
        *((ip[number], "signs", SIGN) for number in range(4)),
        (ip[1], "open", NO_MATCH), (stranger, "nomx", EXCHANGERS),
        (ip[0], "other", RECORD), (ip[0], "twice", RECORD), (ip[0], "gone", RECORD), (ip[0], "beside", RECORD),
        (stranger, "beside", RECORD), (ip[0], "case", CAPITALS), (mx, "case", CAPITALS), (stranger, "case", CAPITALS),
        (ip[0], "bad", UNREADABLE), (ip[0], "note", MODIFIER), (stranger, "note", MODIFIER),
        ("198.51.100.20", "hosts", HOSTS), (host, "hosts", HOSTS), ("203.0.113.8", "hosts", HOSTS), (mx3, "mx2", HOSTS),
        (mx, "", EXCHANGERS), (mx3, "", EXCHANGERS), (mx2, "mxs", EXCHANGERS), ("198.51.100.30", "mxnet", EXCHANGERS),
        ("198.51.100.33", "mxnet", EXCHANGERS), ("203.0.113.9", "nomx", EXCHANGERS),
        (ip[0], "inc", INCLUDED), ("203.0.113.70", "inc", INCLUDED), (stranger, "inc", INCLUDED),
        ("203.0.113.70", "incnot", INCLUDED), (stranger, "incnot", INCLUDED), (ip[2], "incsoft", INCLUDED),
        (ip[0], "incsoft", INCLUDED), (ip[1], "incsoft", INCLUDED), (stranger, "", INCLUDED),
        (ip[0], "incnone", ERRORS), (ip[0], "incbad", ERRORS),
        (stranger, "ten", BUDGET), (stranger, "eleven", BUDGET), ("198.51.100.103", "eleven", BUDGET),
        (stranger, "deep", BUDGET), (stranger, "loop", BUDGET),
    ]  # fmt: skip
    return records, [(address, f"{name}.{d}".lstrip("."), ask) for address, name, ask in cases]


# -- F5 ----------------------------------------------------------------------------------------------------------------

FORWARDER, OLD, NEW = "gamma.example", "carol@gamma.example", "bob@beta.example"
LONGEST_LOCAL = 64  # octets (RFC 5321 §4.5.3.1.1)


class F5(Exercise):
    """A function that gives a forwarded letter a sender that passes, leads back, and cannot be made up."""

    title = "Forward with SRS"
    minutes = 25
    hints = (
        "Put what you need for the way back into the local part: `SRS0=…=alpha.example=alice@gamma.example`. "
        "`local.split('=', 4)` takes it apart again; a local part may hold `=` itself, so let it be the last.",
        "Whoever can make up such an address can have anything sent on by you. So: a keyed hash over the rest, "
        "`hmac.new(f5.secret, rest.encode(), 'sha256').hexdigest()[:8]`, and compare it on the way back.",
        "Put the day into it too, under the hash, and refuse what is older than 21 days. "
        "A null sender stays null: reports are answered by nobody (RFC 5321 §4.5.5).",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.lab = Lab(seed=dice.randrange(1, 10_000))
        self.user = OLD
        self.secret = f"{dice.randrange(16**12):012x}".encode()
        self.today = self.lab.clock.unix() // 86_400
        self.sender = dice.choice(["alice@alpha.example", "amir@alpha.example"])

    @property
    def task(self) -> str:
        return (
            f"{OLD} has moved to {NEW}, and mx.{FORWARDER}, which is yours, forwards her letters. Write "
            f"`rewritten(address, day)`, for both ways:\n\n"
            f"- given a sender like `{self.sender}`, it returns the address to say in `MAIL FROM` instead: one at "
            f"{FORWARDER}, so that SPF passes at mx.beta.example;\n"
            f"- given an address that it made itself, it returns the sender again, so that a report can be sent on; "
            f"but `None` for one that it never made, or that is **more than 21 days** old;\n"
            f"- the null sender `''` stays `''`.\n\n"
            f"`day` is a whole number, `f5.today` today's. `f5.secret` is a secret of yours, as bytes. A local part "
            f"has at most 64 characters. Then hand in the function itself: `check(f5, rewritten)`. "
            f"The check forwards letters with it."
        )

    def judge(self, answer: Any) -> Findings:
        if not isinstance(answer, Source):
            yield Wrong(
                f"You handed in {printable(repr(answer))[:60]}. The check needs the function itself.",
                "Did you write `check(f5, rewritten)`, without brackets behind `rewritten`?",
            )
            return ""
        senders = self.senders()
        made = self.call(answer, *[(sender, self.today) for sender in (*senders, "")])
        given = dict(zip(senders, made, strict=False))
        if wrong := self.unsayable(given) or self.forwarded(given):
            yield wrong
            return ""
        if made[-1] != "":
            yield Wrong(
                f"A report has the null sender, and your function makes `{printable(str(made[-1]))}` of it.",
                "Who would be told if that report could not be delivered, and what if that cannot be delivered either?",
            )
        yield from self.back(answer, given)
        return (
            f"Right. {len(given)} letters were forwarded, and SPF passed for {FORWARDER}, which is who called; a "
            f"report found its way back to {senders[0]}, and none did to {len(self.forgeries(given))} addresses that "
            f"somebody made up. What SRS does not repair: {FORWARDER} does not fit From:, so DMARC needs the signature."
        )

    def senders(self) -> list[str]:
        dice = self.hidden
        return [
            self.sender,
            f"{dice.choice(['sales', 'club', 'list'])}+{dice.randrange(10, 99)}=x@alpha.example",
            f"{dice.choice(['Info', 'News', 'Press'])}.{dice.randrange(10, 99)}@{own_domain(dice)}",
        ]

    def unsayable(self, given: Mapping[str, Any]) -> Wrong | None:
        """What cannot be said in MAIL FROM at all."""
        for sender, made in given.items():
            if not isinstance(made, str):
                return Wrong(f"For {sender} your function returns {printable(repr(made))[:60]}.", "Should it be text?")
            if len(made.rpartition("@")[0]) > LONGEST_LOCAL or not made.isascii() or " " in made:
                return Wrong(
                    f"`{printable(made)[:120]}` cannot be said in MAIL FROM: its local part has "
                    f"{len(made.rpartition('@')[0])} characters.",
                    "How short may a hash be so that nobody guesses it? Eight hexadecimal digits are 32 bits.",
                )
        return None

    def forwarded(self, given: Mapping[str, str]) -> Wrong | None:
        """Letters really come, and really go on with these senders."""
        for sender, made in given.items():
            came = self.lab.send(
                sender, OLD, client="192.0.2.25", helo="mx.alpha.example", subject="To Carol", read=False
            )
            on = self.lab.send(
                made, NEW, message=came.message, client="203.0.113.25", helo=f"mx.{FORWARDER}", read=False
            )
            if on.verdict.get("spf") != "pass":
                return Wrong(
                    f"A letter of {sender} was forwarded with MAIL FROM:<{printable(made)}>; mx.beta.example found "
                    f"spf={on.verdict.get('spf', 'nothing')}.",
                    "Whose server is it that calls mx.beta.example, and for which domain may it send?",
                    0,
                    on.trace,
                )
        return None

    def back(self, answer: Source, given: Mapping[str, str]) -> Iterator[Wrong]:
        """Reports find their way back; and what nobody made does not."""
        forged = self.forgeries(given)
        rounds = [(made, self.today + later) for made in given.values() for later in (0, 20)]
        old = [(made, self.today + 40) for made in given.values()]
        found = self.call(answer, *rounds, *old, *[(one, self.today) for one in forged])
        for (made, day), sender in zip(rounds, [one for one in given for _ in range(2)], strict=True):
            returned = found[rounds.index((made, day))]
            if str(returned).lower() != sender.lower():
                yield Wrong(
                    f"A report to `{printable(made)}` came {day - self.today} days later, and your function sends it "
                    f"on to {printable(repr(returned))[:60]}.",
                    f"What does that address have to hold so that it leads back to {sender}?",
                )
                return
        for (made, _), returned in zip(old, found[len(rounds) :], strict=False):
            if returned:
                yield Wrong(
                    f"`{printable(made)}` was 40 days old, and your function still sent a report on.",
                    "How can your function know how old an address is, so that nobody can change it?",
                )
                break
        for one, returned in zip(forged, found[len(rounds) + len(old) :], strict=True):
            if returned and str(returned).lower() not in [sender.lower() for sender in given]:
                yield Wrong(
                    f"Nobody ever forwarded a letter as `{printable(one)}`. Your function sends on what comes to it, "
                    f"to {printable(str(returned))[:60]}.",
                    "What is in that address that only you can make?",
                )
                return
        report = self.lab.send("", next(iter(given)), client="203.0.113.25", helo=f"mx.{FORWARDER}", read=False)
        assert report.delivered, report.reply

    def forgeries(self, given: Mapping[str, str]) -> list[str]:
        """Addresses that somebody made up from those that he saw."""
        made = list(given.values())
        found = []
        for one in made:
            local, _, domain = one.rpartition("@")
            for old, new in [
                ("alice", "bella"),
                ("amir", "bella"),
                ("alpha.example", "beta.example"),
                ("alpha", "gamma"),
            ]:
                if old in local:
                    found.append(f"{local.replace(old, new)}@{domain}")
            for at in range(5, len(local)):
                if local[at].isalnum():
                    other = str((int(local[at]) + 1) % 10) if local[at].isdecimal() else "bc"[local[at] == "b"]
                    found.append(f"{local[:at]}{other}{local[at + 1 :]}@{domain}")
        return [one for one in dict.fromkeys(found) if one not in made]
