"""check_host(): whether a host may send mail for a domain (RFC 7208 §4, laid out in its order; RFC 8616 §4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from ...acts import Acts, Ask, DnsTimeout, LabError, NXDomain, Rule, nested
from ...names import a_labels, can_be_asked, labels
from .macros import MacroString, domain_name
from .record import (
    FAIL,
    NEUTRAL,
    NONE,
    PASS,
    PERMERROR,
    SOFTFAIL,
    TEMPERROR,
    Directive,
    Modifier,
    Network,
    Record,
    Stop,
    is_record,
    network,
    parse,
    parse_explanation,
)

LOOKUPS, VOIDS = 10, 2  # 4.6.4: terms that ask the DNS, and look-ups that find nothing
MX_NAMES = PTR_NAMES = 10  # 4.6.4
LONGEST_EXPLANATION = 1000  # characters (6.2: a limit is allowed)

Outcome = bool | str  # of a mechanism: match, no match, or the error it returns (4.6.2)
SHOWN: dict[Outcome, str] = {True: "match", False: "no match", TEMPERROR: TEMPERROR, PERMERROR: PERMERROR}

INCLUDE: dict[str, Outcome] = {  # 5.2
    PASS: True,
    FAIL: False,
    SOFTFAIL: False,
    NEUTRAL: False,
    TEMPERROR: TEMPERROR,
    PERMERROR: PERMERROR,
    NONE: PERMERROR,
}


@dataclass(slots=True)
class SpfResult:
    """What one check_host() comes to; ``str()`` is the result's word."""

    result: str
    domain: str  # the domain whose policy it is
    explanation: str = ""  # of a fail, in the domain owner's words
    lookups: int = 0  # of 10
    voids: int = 0  # of 2
    mechanism: str = ""  # the directive that matched, or "default" (9.1)
    problem: str = ""  # the rule that ended the check, when no mechanism did

    def __str__(self) -> str:
        return self.result


class Budget:
    """4.6.4: what one check may ask of the DNS, all its includes and redirects together."""

    def __init__(self) -> None:
        self.lookups = self.voids = 0

    def spend(self, term: str) -> str:
        """One look-up more, for this term: "3 of 10"; Stop when there are none left."""
        self.lookups += 1
        used = f"{self.lookups} of {LOOKUPS}"
        if self.lookups > LOOKUPS:
            raise Stop("spf.too-many-lookups", PERMERROR, term=term, lookups=used)
        return used

    def void(self, name: str, type: str) -> str:
        """One void look-up more: "1 of 2"; Stop when that is too many.

        (The RFC counts terms in one sentence and look-ups in the next, and in 11.1.  Like others, we count look-ups.)
        """
        self.voids += 1
        used = f"{self.voids} of {VOIDS}"
        if self.voids > VOIDS:
            raise Stop("spf.too-many-voids", PERMERROR, name=name, type=type, voids=used)
        return used


@dataclass(slots=True)
class Mail:
    """What is known of the mail, the same for all of a check (4.1), and what the check has used up."""

    ip: IPv4Address | IPv6Address
    sender_local: str
    sender_domain: str
    helo: str
    receiver: str
    now: int
    version: int = 4
    number: int = 0  # the address as a number
    budget: Budget = field(default_factory=Budget)
    problem: str = ""  # the first rule that stopped it
    decided: bool = False  # only the explanation is still to come: it costs nothing (4.6.4)
    validated: list[str] | None = None  # names of the address (5.5), once somebody asked

    def stopped(self, stop: Stop) -> Rule:
        """What is said of a Stop; the first one is remembered."""
        self.problem = self.problem or stop.rule
        return Rule(stop.rule, stop.result, stop.because)

    @property
    def address_type(self) -> str:
        return "A" if self.version == 4 else "AAAA"  # 5

    @property
    def zone(self) -> str:
        return "in-addr" if self.version == 4 else "ip6"  # 7.2, %{v}

    def dotted(self) -> str:
        """7.3: what %{i} is; the nibbles of an IPv6 address."""
        return str(self.ip) if self.version == 4 else ".".join(f"{self.number:032X}")


@dataclass(slots=True)
class Finding:
    """A result, and where its explanation is when there is one: `exp` of the record of `domain`."""

    result: str
    exp: Modifier | None = None
    domain: str = ""
    mechanism: str = ""  # what matched


# -- 4.1 ---------------------------------------------------------------------------------------------------------------


def check_host(
    ip: str, domain: str, sender: str, *, helo: str = "", receiver: str = "", now: int = 0
) -> Acts[SpfResult]:
    """Whether `ip` may send mail from `sender`, by the policy of `domain`: pass, fail, softfail, … (2.6).

    `helo`, `receiver` and `now` (seconds since 1970) are for macros.  How long it may all take is the resolver's.
    """
    mail = mail_of(ip, sender, helo or domain, receiver, now)
    return nested(f"check_host({ip}, {domain}, {sender})", checked(domain, mail))


def checked(domain: str, mail: Mail) -> Acts[SpfResult]:
    domain = a_labels(domain).removesuffix(".")  # RFC 8616 §4
    finding = yield from evaluate(domain, mail)
    result, spent = finding.result, mail.budget
    explanation = ""
    if finding.exp is not None:
        explanation = yield from nested(finding.exp.text, explain(finding.exp, finding.domain, mail))
    return SpfResult(result, domain, explanation, spent.lookups, spent.voids, finding.mechanism, mail.problem)


def mail_of(ip: str, sender: str, helo: str, receiver: str, now: int) -> Mail:
    local, at, domain = sender.rpartition("@")
    if local.startswith("@"):
        local = local.partition(":")[2]  # 2.2: a source route is no part of the address
    client = client_address(ip)
    return Mail(
        client,
        (local if at else "") or "postmaster",  # 4.3
        a_labels(domain).removesuffix("."),  # RFC 8616 §4
        a_labels(helo).removesuffix("."),
        receiver or "unknown",
        now,
        client.version,
        int(client),
    )


@lru_cache(maxsize=1024)
def client_address(ip: str) -> IPv4Address | IPv6Address:
    """5: an IPv4 address that came by IPv6 is an IPv4 address."""
    try:
        found = ip_address(ip)
    except ValueError:
        raise LabError(f"{ip!r} is no IP address: write one like 192.0.2.1 or 2001:db8::1.") from None
    if isinstance(found, IPv6Address):
        return found.ipv4_mapped or IPv6Address(int(found))
    return found


# -- 4.3 to 4.7 --------------------------------------------------------------------------------------------------------


def evaluate(domain: str, mail: Mail) -> Acts[Finding]:
    """check_host() as include and redirect call it again: with another domain, and the same mail and budget."""
    try:
        record = yield from find_record(domain)
        return (yield from first_match(record, domain, mail))
    except Stop as stop:
        yield mail.stopped(stop)
        return Finding(stop.result)


def find_record(domain: str) -> Acts[Record]:
    if not is_multi_label(domain):  # 4.3
        raise Stop("spf.malformed-domain", NONE, domain=domain)
    texts = yield from ask(domain, "TXT")  # 4.4
    records = [text for text in texts if is_record(text)]  # 4.5
    if not records:
        raise Stop("spf.no-record", NONE, domain=domain)
    if len(records) > 1:
        raise Stop("spf.many-records", PERMERROR, domain=domain, count=str(len(records)))
    yield Rule("spf.record", "found", {"domain": domain, "record": records[0]})
    return parse(records[0])  # 4.6


@lru_cache(maxsize=4096)
def is_multi_label(domain: str) -> bool:
    """4.3; an address in brackets is no domain (2.3)."""
    return can_be_asked(domain) and len(labels(domain)) > 1 and not domain.startswith("[")


def first_match(record: Record, domain: str, mail: Mail) -> Acts[Finding]:
    """4.6.2: the first mechanism that matches decides; 4.7: when none does, redirect, or neutral."""
    for term in record.directives:
        outcome: Outcome
        if term.mechanism in ASKING:
            outcome = yield from nested(term.text, attempt(term, domain, mail), SHOWN.__getitem__)
        else:
            outcome = term.network is None or term.network.holds(mail.version, mail.number)
            yield ruled(term, outcome)
        if outcome is True:
            exp = record.exp if term.result == FAIL else None  # 6.2
            return Finding(term.result, exp, domain, term.text)
        if outcome is not False:
            return Finding(outcome)
    if record.redirect:
        return (yield from nested(record.redirect.text, redirect(record.redirect, domain, mail), _result))
    yield Rule("spf.default", NEUTRAL)
    return Finding(NEUTRAL, mechanism="default")


def _result(finding: Finding) -> str:
    return finding.result


def attempt(term: Directive, domain: str, mail: Mail) -> Acts[Outcome]:
    """A mechanism that asks the DNS: a look-up of the ten (4.6.4), its target-name (4.8), and the mechanism itself."""
    try:
        used = mail.budget.spend(term.text)
        yield Rule("spf.lookup", used, {"term": term.text, "lookups": used})
        target = domain if term.domain is None else term.domain.plain
        if target is None:
            assert term.domain is not None
            target = yield from target_name(term.domain, domain, mail)
        if target is None:
            return False
        if term.mechanism != "include" and not can_be_asked(target):  # 4.8 leaves this open: no match
            yield Rule("spf.malformed-target", "no match", {"term": term.text, "name": target})
            return False
        return (yield from ASKING[term.mechanism](term, target, mail))
    except Stop as stop:
        yield mail.stopped(stop)
        return stop.result


def target_name(spec: MacroString, domain: str, mail: Mail) -> Acts[str | None]:
    """4.8: the name a domain-spec comes to; None where RFC 8616 §4 lets nothing match."""
    if spec.plain is not None:
        return spec.plain
    if not mail.sender_local.isascii() and not spec.letters.isdisjoint("sl"):
        yield Rule("spf.non-ascii-local-part", "no match", {"name": spec.text})
        return None
    return domain_name(spec.expand((yield from values(spec, domain, mail))))


# -- the DNS (4.4, 5) --------------------------------------------------------------------------------------------------


def ask(name: str, type: str) -> Acts[Sequence[str]]:
    """A name that does not exist has no records; a question without an answer ends the check."""
    try:
        answers: Sequence[str] = yield Ask(name.replace("\\", r"\\"), type)
    except NXDomain:
        return ()
    except DnsTimeout:
        raise Stop("spf.dns-timeout", TEMPERROR, name=name, type=type) from None
    return answers


def look_up(name: str, type: str, mail: Mail) -> Acts[Sequence[str]]:
    """The same for a term; what finds nothing is a void look-up (4.6.4)."""
    answers = yield from ask(name, type)
    if not answers and not mail.decided:
        used = mail.budget.void(name, type)
        yield Rule("spf.void", used, {"name": name, "type": type, "voids": used})
    return answers


def addresses(name: str, mail: Mail) -> Acts[Sequence[str]]:
    """The name's addresses of the client's kind (5)."""
    return look_up(name, mail.address_type, mail)


def holds(found: Sequence[str], mail: Mail, prefixes: tuple[int, int] = (32, 128)) -> bool:
    """Whether the client is one of these, so many bits of the addresses compared (5)."""
    prefix = prefixes[0 if mail.version == 4 else 1]
    return any(network_of(text, prefix).holds(mail.version, mail.number) for text in found)


@lru_cache(maxsize=4096)
def network_of(address: str, prefix: int) -> Network:
    try:
        found = ip_address(address)
    except ValueError:
        raise LabError(f"The DNS answered {address!r} where an address belongs: give one like 192.0.2.1.") from None
    return network(found.version, int(found), prefix)


# -- 5: mechanisms -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def ruled(term: Directive, matched: bool) -> Rule:
    """What is said of a mechanism that asks nobody (5.1, 5.6).  Nobody changes an act, so it can be said again."""
    because = {"term": term.text, "result": term.result}
    match term.mechanism:
        case "all":
            return Rule("spf.all", SHOWN[matched], because)
        case "ip4":
            return Rule("spf.ip4", SHOWN[matched], because)
        case _:
            return Rule("spf.ip6", SHOWN[matched], because)


def include(term: Directive, target: str, mail: Mail) -> Acts[Outcome]:
    """5.2"""
    finding = yield from evaluate(target, mail)
    outcome = INCLUDE[finding.result]
    yield Rule("spf.include", SHOWN[outcome], {"term": term.text, "domain": target, "verdict": finding.result})
    return outcome


def a(term: Directive, target: str, mail: Mail) -> Acts[Outcome]:
    """5.3"""
    matched = holds((yield from addresses(target, mail)), mail, term.prefixes)
    yield Rule("spf.a", SHOWN[matched], {"term": term.text, "name": target, "result": term.result})
    return matched


def mx(term: Directive, target: str, mail: Mail) -> Acts[Outcome]:
    """5.4: no MX records, no match: the domain's own address is not asked for."""
    exchanges = yield from look_up(target, "MX", mail)
    if len(exchanges) > MX_NAMES:  # 4.6.4; at once, so that the answers' order decides nothing
        raise Stop("spf.too-many-mx", PERMERROR, term=term.text, name=target, count=str(len(exchanges)))
    matched = False
    for exchange in map(exchange_of, sorted(exchanges, key=preference)):
        matched = bool(exchange) and holds((yield from addresses(exchange, mail)), mail, term.prefixes)
        if matched:
            break
    yield Rule("spf.mx", SHOWN[matched], {"term": term.text, "name": target, "result": term.result})
    return matched


def preference(record: str) -> int:
    found = record.partition(" ")[0]
    return int(found) if found.isdecimal() else 0


def exchange_of(record: str) -> str:
    """``"10 mx.example."`` -> ``"mx.example"``; of a null MX, ""."""
    return record.rpartition(" ")[2].removesuffix(".")


def ptr(term: Directive, target: str, mail: Mail) -> Acts[Outcome]:
    """5.5.  (Its second list says "target-name is a subdomain of" where the text above it, and the example, have it the
    other way round: the validated name ends in the target.)"""
    names = yield from validated_names(mail)
    matched = any(is_within(name, target) for name in names)
    yield Rule("spf.ptr", SHOWN[matched], {"term": term.text, "name": target, "names": " ".join(names)})
    return matched


def exists(term: Directive, target: str, mail: Mail) -> Acts[Outcome]:
    """5.7: any A record will do, however the client came."""
    matched = bool((yield from look_up(target, "A", mail)))
    yield Rule("spf.exists", SHOWN[matched], {"term": term.text, "name": target, "result": term.result})
    return matched


ASKING: dict[str, Callable[[Directive, str, Mail], Acts[Outcome]]] = {
    "include": include,
    "a": a,
    "mx": mx,
    "ptr": ptr,
    "exists": exists,
}


# -- 5.5 and %{p} ------------------------------------------------------------------------------------------------------


def validated_names(mail: Mail) -> Acts[list[str]]:
    """The client's names that lead back to its address.  One check finds them once."""
    if mail.validated is None:
        mail.validated = []
        reverse = ".".join(reversed(mail.dotted().split(".")))
        names = yield from look_up_or_skip(f"{reverse}.{mail.zone}.arpa", "PTR", mail)
        for name in names[:PTR_NAMES]:  # 4.6.4: the rest is ignored
            name = name.removesuffix(".")
            if can_be_asked(name) and holds((yield from look_up_or_skip(name, mail.address_type, mail)), mail):
                mail.validated.append(name)
    return mail.validated


def look_up_or_skip(name: str, type: str, mail: Mail) -> Acts[Sequence[str]]:
    """A look-up whose error only means that nothing was found (5.5)."""
    try:
        return (yield from look_up(name, type, mail))
    except Stop as stop:
        if stop.result != TEMPERROR:
            raise
        yield Rule("spf.ptr-error", "skipped", stop.because)
        return ()


def is_within(name: str, domain: str) -> bool:
    """Whether a name is the domain or below it."""
    name, domain = name.lower(), domain.lower()
    return name == domain or name.endswith(f".{domain}")


def best_name(names: Sequence[str], domain: str) -> str:
    """7.3: which of them %{p} is: the domain itself, or one below it, or any."""
    ranked = sorted(names, key=lambda name: (name.lower() != domain.lower(), not is_within(name, domain)))
    return ranked[0] if ranked else "unknown"


# -- 6: modifiers ------------------------------------------------------------------------------------------------------


def redirect(modifier: Modifier, domain: str, mail: Mail) -> Acts[Finding]:
    """6.1"""
    try:
        used = mail.budget.spend(modifier.text)
        yield Rule("spf.lookup", used, {"term": modifier.text, "lookups": used})
        target = yield from target_name(modifier.value, domain, mail)
        finding = Finding(NONE) if target is None else (yield from evaluate(target, mail))
        if finding.result == NONE:
            raise Stop("spf.redirect", PERMERROR, term=modifier.text, domain=target or modifier.value.text)
        return finding
    except Stop as stop:
        yield mail.stopped(stop)
        return Finding(stop.result)


def explain(modifier: Modifier, domain: str, mail: Mail) -> Acts[str]:
    """6.2: the domain owner's explanation; "" when anything is wrong with it, which changes no result."""
    mail.decided = True
    try:
        name = yield from target_name(modifier.value, domain, mail)
        texts = (yield from ask(name, "TXT")) if name and can_be_asked(name) else ()
        if len(texts) != 1:
            raise Stop("spf.no-explanation", NONE, name=name or modifier.value.text, count=str(len(texts)))
        text = parse_explanation(texts[0])
        explanation = text.expand((yield from values(text, domain, mail)))
        if not explanation.isascii() or not explanation.isprintable():
            raise Stop("spf.explanation-syntax", NONE, found=explanation[:40])
    except Stop as stop:
        yield Rule(stop.rule, "ignored", stop.because)
        return ""
    yield Rule("spf.explanation", "found", {"domain": domain, "name": name or ""})
    return explanation[:LONGEST_EXPLANATION]


# -- 7: macros ---------------------------------------------------------------------------------------------------------


def values(text: MacroString, domain: str, mail: Mail) -> Acts[Mapping[str, str]]:
    """7.2: what each letter stands for; the DNS is asked for %{p} only where the text has it."""
    return {
        "s": f"{mail.sender_local}@{mail.sender_domain}",
        "l": mail.sender_local,
        "o": mail.sender_domain,
        "d": domain,
        "i": mail.dotted(),
        "p": best_name((yield from validated_names(mail)), domain) if "p" in text.letters else "unknown",
        "v": mail.zone,
        "h": mail.helo,
        "c": str(mail.ip),
        "r": mail.receiver,
        "t": str(mail.now),
    }


# -- 2.3 and 2.4: both identities --------------------------------------------------------------------------------------


@dataclass(slots=True)
class Spf:
    """Two checks: of MAIL FROM, which is what DMARC and most policies ask, and of HELO."""

    result: str  # MAIL FROM's
    helo: str  # HELO's
    domain: str  # MAIL FROM's domain, or HELO's if the sender is null
    explanation: str = ""
    lookups: int = 0
    voids: int = 0

    def __str__(self) -> str:
        return self.result


def check(ip: str, helo: str, mail_from: str, *, receiver: str = "", now: int = 0) -> Acts[Spf]:
    """Check HELO, then MAIL FROM; a null sender's MAIL FROM is postmaster at the HELO name (2.4)."""
    greeting = yield from nested("SPF, HELO", check_host(ip, helo, helo, helo=helo, receiver=receiver, now=now))
    sender = mail_from or f"postmaster@{helo}"
    if not mail_from:
        yield Rule("spf.null-sender", sender, {"helo": helo})
    domain = sender.rpartition("@")[2]
    found = yield from nested("SPF, MAIL FROM", check_host(ip, domain, sender, helo=helo, receiver=receiver, now=now))
    return Spf(found.result, greeting.result, found.domain, found.explanation, found.lookups, found.voids)


REPLIES = {FAIL: "550 5.7.23", TEMPERROR: "451 4.7.24", PERMERROR: "550 5.7.24"}  # 8.4, 8.6, 8.7; RFC 7372 §3.2
