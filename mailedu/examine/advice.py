"""What happened, why, and what to change: in plain words, and as the very record to publish.

No record is proposed untried: with it in the DNS the message is examined again, and the outcome stands beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..acts import Answer, Open, Rule
from ..auth import dkim, dmarc
from ..message import Message, addresses
from ..mta.forwarding import is_rewritten
from ..names import canonical
from ..trace import Trace, printable
from .findings import Findings, duration
from .given import Given
from .hops import Hop, house
from .undone import Undone

Records = Mapping[tuple[str, str], Sequence[str]]
Try = Callable[[Records], Findings]  # some records in the DNS -> what would then be found
ALL = re.compile(r"(?i)[-~?+]?all|redirect=.*")
STRICT = re.compile(r"(?i);\s*(?:aspf|adkim)\s*=\s*s\s*(?=;|\Z)")
CONDITION = "If {ip} is a host that sends mail for {domain}"
MILDER = ("+", "?", "~", "-")  # what stands before "all", from the mildest


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to change.  `record` is (name, type, text) to publish; `then` what the message gets with it."""

    says: str
    record: tuple[str, str, str] | None = None
    then: str = ""

    def __str__(self) -> str:
        if not self.record:
            return self.says
        name, type, text = self.record
        return f'{self.says}\n    {name}. {type} "{text}"\n  With it: {self.then}.'


@dataclass(slots=True)
class Case:
    """All that an explanation is made from."""

    message: Message
    given: Given
    found: Findings
    trace: Trace
    undone: Mapping[int, tuple[Undone, ...]] = field(default_factory=dict)  # a broken signature -> what was changed

    @property
    def author(self) -> str:
        return self.found.dmarc.domain

    @property
    def list_name(self) -> str:
        """The mailing list that sent it on: its List-Id, or ""."""
        found = self.message.first("List-Id") or self.message.first("List-Post")
        return printable(found.text[:80]) if found else ""

    @property
    def sent_on(self) -> bool:
        """Whether it came from a list or a forwarder, who is another host than the author's, and may be."""
        return bool(self.list_name) or self.rewritten or forwarded_by(self) is not None

    @property
    def rewritten(self) -> bool:
        """Whether a forwarder wrote a sender of its own (SRS)."""
        sender = self.given.sender or ""
        return is_rewritten(sender) or sender.upper().startswith("SRS1")

    @property
    def proven(self) -> bool:
        """Whether the author's domain had a part in it: its SPF or its key says so, or the receiver who saw it."""
        spf = self.found.spf
        if spf is not None and self.found.result == "pass" and house(spf.domain) == house(self.author):
            return True
        for at, one in enumerate(self.found.dkim):
            if one in self.ours and (one.fields_good or at in self.undone):
                return True
        return any(method in ("dkim", "dmarc") and then == "pass" for method, then, _ in self.found.differences)

    @property
    def ours(self) -> Sequence[dkim.Signature]:
        """The signatures that bear the author's domain, or one of the same organization."""
        return [one for one in self.found.dkim if self.author and house(one.domain) == house(self.author)]

    def records(self, name: str, type: str = "TXT") -> tuple[str, ...]:
        """What the DNS said of this name."""
        said = (step.act for step in self.trace if isinstance(step.act, Answer))
        return next((tuple(one.records) for one in said if (canonical(one.name), one.type) == (name, type)), ())

    def rules(self, name: str) -> list[Rule]:
        """What was applied under this name, in its order; of SPF, in the check of the sender."""
        trace = self.of_sender if name.startswith("spf.") else self.trace
        return [step.act for step in trace.only(Rule) if isinstance(step.act, Rule) and step.act.name == name]

    @property
    def of_sender(self) -> Trace:
        """SPF's second check: what the first one, of the greeting, met is no news of the sender's record."""
        begins = [step.number for step in self.trace.only(Open) if step.act == Open("SPF, MAIL FROM")]
        return self.trace.part(begins)


# -- what happened -----------------------------------------------------------------------------------------------------


def what_happened(case: Case) -> Iterator[str]:
    """A sentence each: the verdict, then SPF, then each signature, then what else is worth knowing."""
    yield verdict(case)
    yield about_spf(case)
    if not case.found.dkim:
        yield "It bears no DKIM signature."
    for at, signature in enumerate(case.found.dkim):
        yield about_signature(signature, case.undone.get(at, ()))
    yield from about_the_way(case)
    yield from about_names(case)
    if case.found.differences:
        told = ", ".join(f"{method}={theirs} (now {ours})" for method, theirs, ours in case.found.differences)
        yield f"When it came its receiver found {told}: records, keys or the message have changed since then."


def verdict(case: Case) -> str:
    found = case.found.dmarc
    match found.result:
        case "pass":
            return f"It passes DMARC for {found.domain}, by {found.vouchers}."
        case "fail":
            asked = {"none": "asks for nothing to be done", "": "asks for nothing to be done"}
            wants = asked.get(found.disposition, f"asks receivers to {found.disposition} it")
            why = {
                "sp": f", for subdomains that have none of their own, as {found.domain}",
                "np": f", for names that are not in the DNS, as {found.domain}",
            }.get(found.tag, "")
            return (
                f"It fails DMARC: no SPF and no signature that counts for {found.domain} passes, and the policy "
                f"({found.tag}={found.policy} at _dmarc.{found.policy_domain}{why}) {wants}."
            )
        case "none":
            return f"{why_no_policy(case)}, so nothing binds its From field to SPF or DKIM."
        case "temperror":
            return f"Whether it passes DMARC for {found.domain} cannot be said now: the DNS did not answer."
    because = {
        "dmarc.no-from": "it has no From field",
        "dmarc.one-from": "it has several From fields",
        "dmarc.no-author": "its From field names no address",
        "dmarc.many-authors": "its From field names authors of several domains",
        "dmarc.bad-domain": "its From field names what is no domain",
    }
    return f"DMARC cannot judge it: {because.get(found.reason, 'its author cannot be read')} (RFC 5322 §3.6)."


def why_no_policy(case: Case) -> str:
    """No record, several, or one that is none."""
    for rule in case.rules("dmarc.many-records"):
        return f"{rule.because.get('domain')} has several DMARC records, and then none of them counts"
    for rule in case.rules("dmarc.invalid-policy"):
        return f"The DMARC record of {rule.because.get('domain')} has no valid policy (p=), and does not count"
    if wrong := wrong_policy(case):
        return f"What {case.author} has at _dmarc.{case.author} is no DMARC record (“{printable(wrong[:60])}”)"
    return f"{case.author} has no DMARC policy"


def wrong_policy(case: Case) -> str:
    """What stands at the author's name and was meant to be a policy."""
    if case.rules("dmarc.record"):
        return ""
    return next((one for one in case.records(f"_dmarc.{case.author}") if "dmarc" in one.lower()), "")


def about_spf(case: Case) -> str:
    spf, given = case.found.spf, case.given
    if spf is None:
        missing = "from which address it came" if not given.ip else "the sender of its envelope"
        return f"SPF could not be asked: nobody told {missing}."
    whose = (
        spf.domain if given.sender else f"{spf.domain} (a message without a sender is judged by the greeting's name)"
    )
    match str(spf.result):
        case "pass":
            aligned = any(one.method == "spf" and one.aligned for one in case.found.dmarc.identifiers)
            told = f"SPF passes: {spf.domain} lets {given.ip} send."
            if aligned or not case.author or not case.found.dmarc.identifiers:
                return told
            return f"{told} {not_counted(case, spf.domain, 'aspf')}"
        case "none":
            return f"SPF finds no policy of {whose}."
        case "permerror":
            return f"SPF of {whose} ends in permerror: {stopped(case)}."
        case "temperror":
            return f"SPF of {whose} ends in temperror: the DNS did not answer."
        case result:
            return f"SPF says {result}: the policy of {whose} does not name {given.ip}."


def not_counted(case: Case, domain: str, tag: str) -> str:
    """Why what passes for a domain does not count for the author's."""
    if case.rewritten and tag == "aspf":
        return f"That is the forwarder, who wrote a sender of his own (SRS): for {case.author} it does not count."
    if case.list_name and tag == "aspf":
        return f"That is the mailing list's server: for {case.author} it does not count."
    if house(domain) == house(case.author):
        return f"But the policy asks for the very domain ({tag}=s), which is {case.author}, so DMARC does not count it."
    return f"But that is another organisation than {case.author}, so DMARC does not count it."


def stopped(case: Case) -> str:
    """What is wrong with an SPF record."""
    for rule in broken_includes(case):
        return f"it includes {rule.because.get('domain')}, which has no SPF record"
    return next((words for name, words in STOPS.items() if case.rules(name)), "its record is wrong")


def broken_includes(case: Case) -> list[Rule]:
    return [one for one in case.rules("spf.include") if one.because.get("verdict") == "none"]


STOPS = {
    "spf.too-many-lookups": "its record needs more than ten look-ups",
    "spf.too-many-voids": "its record asks for names that are not there, more than twice",
    "spf.many-records": "there are several SPF records at that name",
    "spf.unknown-mechanism": "its record has a mechanism that is none",
    "spf.syntax": "its record does not follow the grammar",
    "spf.redirect": "it redirects to a domain without a record",
}


BODY = {
    True: "The body is still the one that was signed.",
    False: "The body is another than was signed.",
    None: "",
}


def about_signature(signature: dkim.Signature, undone: Sequence[Undone] = ()) -> str:
    whose = f"The signature of {signature.domain or 'nobody'}"
    name = f"{signature.selector}._domainkey.{signature.domain}"
    if undone:
        return f"{whose} is broken: {' and '.join(one.says for one in undone)}. Without that it is good."
    match signature.rule:
        case "dkim.pass" if signature.unsigned_octets:
            return (
                f"{whose} is good for the beginning of the body only (l=): the last {signature.unsigned_octets} octets "
                f"are signed by nobody, and anybody may have put them there."
            )
        case "dkim.pass":
            return f"{whose} is good: it signed these fields and this body."
        case "dkim.body-differs" if signature.fields_good:
            return (
                f"{whose} is good for the fields, and the body is another than was signed: somebody changed it on its "
                f"way (a footer, a scanner, another encoding)."
            )
        case "dkim.body-differs":
            return f"{whose} fits neither the body nor the fields: both were changed, or it was never made for this."
        case "dkim.signature-differs":
            return f"{whose} does not fit: the body is as signed, and a field was changed, or another key made it."
        case "dkim.no-key" | "dkim.revoked" | "dkim.key-unavailable":
            gone = {"dkim.revoked": "was taken back (p= is empty)", "dkim.key-unavailable": "could not be had"}
            why = f"its key at {name} {gone.get(signature.rule, 'is not there')}"
            return f"{whose} cannot be checked: {why}. {BODY[signature.body_same]}".rstrip()
        case "dkim.expired":
            return f"{whose} had expired when the message came."
        case "dkim.future":
            return f"{whose} is dated after the message came: the clock of one of the two is wrong."
    return f"{whose} does not count: {signature.reason}."


def about_the_way(case: Case) -> Iterator[str]:
    if case.list_name:
        yield f"It came through a mailing list, as its fields say: {case.list_name}."
    elif before := forwarded_by(case):
        yield f"It looks forwarded: {before.by or 'the host that brought it'} had taken it from {before.ip} before."
    if case.found.arc is not None:
        chain = case.found.arc
        broken = f", and breaks at instance {chain.instance}" if chain.instance else ""
        sealers = ", ".join(dict.fromkeys(one.domain for one in chain.sets)) or "nobody"
        yield (
            f"It has an ARC chain of {len(chain.sets)}, sealed by {sealers}: {chain.result}{broken}. It tells what "
            f"they say they found; DMARC does not count it, and a receiver who trusts them may."
        )


def forwarded_by(case: Case) -> Hop | None:
    """The claimed hop in which the host at the border took it from another house, without anybody logging in."""
    at = case.given.border
    if at is None or at + 1 >= len(case.given.hops):
        return None
    here, before = case.given.hops[at], case.given.hops[at + 1]
    if here.recipient and here.recipient.lower() == before.recipient.lower():
        return None  # it was for the same mailbox before: a host that sends by order, and no forwarder
    if before.inside or before.authenticated or house(before.client) == house(here.client):
        return None
    return before


def about_names(case: Case) -> Iterator[str]:
    """What a reader sees and takes for the sender."""
    for name in foreign_names(case):
        yield f"The name shown in From, {name!r}, is an address that the message is not from."
    letters = in_letters(case.author)
    if like := looks_like(letters):
        yield f"{case.author}, which some programs show as “{letters}”, looks like {like}, and is another domain."
    elif letters != case.author:
        yield f"{case.author} is “{letters}”, as the DNS has it."
    if case.found.dmarc.result == "pass":
        yield f"All this says who is responsible, {case.author}, and not that he is honest or is whom you know."


def foreign_names(case: Case) -> list[str]:
    """Addresses where From shows a name, of domains that it is not from."""
    field = case.message.first("From")
    shown = field.text.rpartition("<")[0] if field else ""
    named = [word.strip("\"'()<>,;") for word in shown.split() if "@" in word]
    real = {domain_in(one) for one in addresses(field)} if field else set()
    return [name for name in named if domain_in(name) not in real]


def in_letters(domain: str) -> str:
    """A name of the DNS as people read it (RFC 5890 §2.3.2.1)."""
    try:
        return printable(domain.encode("ascii").decode("idna"))
    except UnicodeError:
        return domain


# Letters of other alphabets that look like ours (Unicode's list of confusables has many more).
TWINS = str.maketrans("асеорхуіјѕһԁԛԝӏοανı", "aceopxyijshdqwloavi")


def looks_like(name: str) -> str:
    """The name in plain letters that this one could be taken for, or ""."""
    plain = name.translate(TWINS)
    return plain if plain != name and plain.isascii() else ""


def domain_in(address: str) -> str:
    return address.rpartition("@")[2].lower()


# -- what to change ----------------------------------------------------------------------------------------------------


def what_to_change(case: Case, tried: Try) -> Iterator[Advice]:
    """The shortest way first; nothing where nothing is wrong."""
    dmarc_result = case.found.dmarc.result
    if dmarc_result == "temperror" or "temperror" in (case.found.result, *(one.result for one in case.found.dkim)):
        yield Advice("Ask again later, or where the DNS can be reached: a temporary error says nothing of the message.")
    if dmarc_result == "permerror":
        yield better_from(case)
    if dmarc_result == "none" and case.author:
        yield better_policy(case, tried)
    if dmarc_result in ("fail", "none"):
        if is_strange(case):
            yield if_forged(case)
        yield from better_spf(case, tried)
        yield from better_dkim(case)
        yield from better_alignment(case, tried)
        if case.sent_on:
            yield from better_way(case)
    if dmarc_result == "pass":
        yield from weak_points(case, tried)


def better_from(case: Case) -> Advice:
    if case.found.dmarc.reason == "dmarc.no-from":
        return Advice("Whoever makes these messages must write a From field: every message has one.")
    return Advice("Whoever makes these messages must write one From field, with the address of one author.")


def better_policy(case: Case, tried: Try) -> Advice:
    name = f"_dmarc.{case.author}"
    for rule in case.rules("dmarc.many-records"):
        domain = rule.because.get("domain", "")
        kept = next((one for one in case.records(f"_dmarc.{domain}") if one.startswith("v=DMARC1")), "")
        return proposal(f"Let one DMARC record stand at _dmarc.{domain}, such as:", f"_dmarc.{domain}", kept, tried)[0]
    if case.rules("dmarc.invalid-policy") or wrong_policy(case):
        says = f"Write the record at {name} anew; begin with p=none, and read the reports before asking for more:"
        return proposal(says, name, f"v=DMARC1; p=none; rua=mailto:dmarc@{case.author}", tried)[0]
    text = f"v=DMARC1; p=none; rua=mailto:dmarc@{case.author}"
    says = f"Publish a policy for {case.author}; begin with p=none, and read the reports before asking for more:"
    return proposal(says, name, text, tried)[0]


def proposal(says: str, name: str, text: str, tried: Try) -> tuple[Advice, Findings]:
    """The record, and what the message gets when it is published."""
    found = tried({(name, "TXT"): [text]})
    return Advice(says, (name, "TXT", text), f"SPF {found.result}, DMARC {found.dmarc.result}"), found


def passing(says: str, name: str, text: str, tried: Try, what: str = "spf") -> Iterator[Advice]:
    """The same, if with the record SPF (or DMARC) passes: a record that mends nothing is no advice."""
    advice, found = proposal(says, name, text, tried)
    if (found.result if what == "spf" else found.dmarc.result) == "pass":
        yield advice


# -- is it the author's at all?


def is_strange(case: Case) -> bool:
    """Whether nothing proves that the author's domain had a part in it, and no error of its own explains that."""
    return bool(case.author) and not case.proven and case.found.result not in ("permerror", "temperror")


def if_forged(case: Case) -> Advice:
    """No program can know whether a host is one's own.  Who publishes a forger's address has lost."""
    spf = case.found.spf
    vouching = [spf.domain] if spf is not None and case.found.result == "pass" else []
    vouching += [one.domain for one in case.found.dkim if one.result == "pass"]
    if case.sent_on:
        return Advice(
            f"First find out whether it is yours: only fields that anybody can write say that it was sent on, and "
            f"nothing proves that {case.author} had a part in it."
        )
    known = [case.given.ip, *dict.fromkeys(domain for domain in vouching if house(domain) != house(case.author))]
    whom = " or ".join(filter(None, known)) or "where it came from"
    nobody = " There is no such name in the DNS." if case.found.dmarc.tag == "np" else ""
    fails = case.found.dmarc.result == "fail"
    then = "is forged, and fails as it should: then change nothing" if fails else "is forged: then the policy is enough"
    return Advice(
        f"First find out whether it is yours: nothing in it proves that {case.author} had a part in it.{nobody} If "
        f"nobody there knows {whom}, it {then}."
    )


# -- SPF


def better_spf(case: Case, tried: Try) -> Iterator[Advice]:
    spf, ip = case.found.spf, case.given.ip
    if spf is None or not spf.domain or case.sent_on:
        return
    domain, result = spf.domain, case.found.result
    ours = house(domain) == house(case.author)
    record = record_of(case, domain)
    if not ours and case.found.dmarc.result != "none":
        return  # DMARC would not count it
    if case.rules("spf.many-records"):
        yield from one_record(case, tried)
    elif case.rules("spf.too-many-lookups"):
        asking = [*case.rules("spf.lookup"), *case.rules("spf.too-many-lookups")]
        costly = ", ".join(rule.because["term"] for rule in asking if is_of(case, rule, domain))
        yield Advice(
            f"Let the record of {domain} ask ten times at most, with all that it includes. These terms ask: {costly}. "
            f"Take out services that are not used any more, and write addresses (ip4:, ip6:) for a and mx."
        )
    elif broken_includes(case):
        yield from without_include(case, record, domain, tried)
    elif result in ("fail", "softfail", "neutral", "none") and not is_near(case):
        yield Advice(
            f"If {house(case.given.helo) or ip} sends for {domain} by order, put into its SPF record what that service "
            f"tells its customers to (often an include:), and not the address {ip} alone."
        )
    elif result in ("fail", "softfail", "neutral") and ours and record:
        says = f"{CONDITION.format(ip=ip, domain=domain)}, its record must name it:"
        yield from passing(says, domain, with_host(record, ip), tried)
    elif result == "none" and ours:
        says = f"{CONDITION.format(ip=ip, domain=domain)}, publish who may send for it:"
        yield from passing(says, domain, with_host("v=spf1 -all", ip), tried)


def is_near(case: Case) -> bool:
    """Whether the host greeted with a name of the author's organization: its claim, and a reason to look it up."""
    return house(case.given.helo) in ("", house(case.author)) or case.proven


def record_of(case: Case, domain: str) -> str:
    """The SPF record that was found at this very name, or ""."""
    found = [one.because.get("record", "") for one in case.rules("spf.record") if one.because.get("domain") == domain]
    return found[-1] if found else ""


def is_of(case: Case, rule: Rule, domain: str) -> bool:
    """Whether a look-up was one of MAIL FROM's check, and not of the greeting's."""
    return bool(rule.because.get("term")) and rule.because["term"] in record_of(case, domain).split()


def one_record(case: Case, tried: Try) -> Iterator[Advice]:
    """Several SPF records become one: all their terms, and the milder end."""
    name = next(one.because.get("domain", "") for one in case.rules("spf.many-records"))
    if house(name) != house(case.author):
        yield Advice(f"Tell whoever publishes {name} that it has several SPF records, which is an error.")
        return
    records = [one for one in case.records(name) if one.lower().split(" ")[0] == "v=spf1"]
    terms = [term for one in records for term in one.split()[1:]]
    ends = [term for term in terms if ALL.fullmatch(term)]
    if any("=" in end for end in ends) or len(records) < 2:
        yield Advice(f"Publish one SPF record at {name}, with the terms of all of them: several are an error.")
        return
    end = min(ends, key=lambda one: MILDER.index(one[0]) if one[0] in MILDER else 0, default="~all")
    kept = dict.fromkeys(term for term in terms if term not in ends)
    says = (
        f"Publish one SPF record at {name}, with the terms of all of them (several are an error), and the milder end:"
    )
    yield proposal(says, name, " ".join(["v=spf1", *kept, end]), tried)[0]


def without_include(case: Case, record: str, domain: str, tried: Try) -> Iterator[Advice]:
    """An include of a domain without a record goes; where it stands in somebody else's record, he has to do it."""
    term, gone = next((one.because["term"], one.because["domain"]) for one in broken_includes(case))
    if term not in record.split():
        yield Advice(f"Tell whoever publishes what {domain} includes: his record has {term}, and {gone} has no record.")
        return
    says = f"Take {term} out of the record of {domain}, or let {gone} have a record again:"
    yield proposal(says, domain, " ".join(one for one in record.split() if one != term), tried)[0]


def with_host(record: str, ip: str) -> str:
    """The record with the address named, before what catches all."""
    term = f"ip6:{ip}" if ":" in ip else f"ip4:{ip}"
    terms = record.split()
    at = next((at for at, one in enumerate(terms) if ALL.fullmatch(one)), len(terms))
    return " ".join([*terms[:at], term, *terms[at:]])


# -- DKIM


def better_dkim(case: Case) -> Iterator[Advice]:
    if case.author and not case.ours:
        if case.sent_on:
            return
        others = [one.domain for one in case.found.dkim if one.result == "pass"]
        other = f" The signature of {others[0]} does not count for it." if others else ""
        condition = "Let" if case.proven else "If it is yours, let"
        yield Advice(f"{condition} whoever sends it sign it with d={case.author}.{other}")
    for at, signature in enumerate(case.found.dkim):
        if signature in case.ours and (says := mended(case, signature, case.undone.get(at, ()))):
            yield Advice(says)


def mended(case: Case, signature: dkim.Signature, undone: Sequence[Undone]) -> str:
    """What to do about one signature; "" where nothing is wrong, or better_way() says it."""
    name = f"{signature.selector}._domainkey.{signature.domain}"
    if signature.rule in ("dkim.body-differs", "dkim.signature-differs") and case.list_name:
        return ""
    if undone:
        told = " and ".join(one.says for one in undone)
        tail = " Sign behind whoever does that, or let it not be done."
        return f"Find who changed it behind the signer: {told}.{RECODED if undone[0].kind == 'encoding' else tail}"
    if signature.rule == "dkim.no-key" and any(d[0] == "dkim" and d[1] == "pass" for d in case.found.differences):
        return (
            f"Nothing is wrong with the message: it passed when it came, and its key at {name} has gone since. Only "
            f"whoever removed it too early has to change that: keep an old key for as long as mail may be on its way."
        )
    cut = " It has 255 characters, as many as one string of a TXT record holds: the rest is missing."
    is_cut = [len(one) for one in case.records(name)] == [255]
    return {
        "dkim.no-key": f"Publish the public key at {name}, or sign with a selector that has one; keep old keys for "
        f"as long as mail with their signatures may be on its way.",
        "dkim.revoked": f"Sign with another selector: the key at {name} was taken back.",
        "dkim.key-base64": f"Publish the key at {name} again, whole: its p= is no base64.{cut if is_cut else STRINGS}",
        "dkim.key-form": f"Publish the key at {name} again, whole: p= is cut off.{cut if is_cut else STRINGS}",
        "dkim.key-syntax": f"Publish the key at {name} again: the record does not follow the grammar.",
        "dkim.signature-length": "b= is not as long as the key makes it: publish the key that signs, or find who "
        "cuts the field off.",
        "dkim.body-differs": "Find who changes the body behind the signer (a footer, a scanner, another encoding), and "
        "let that be done before the message is signed.",
        "dkim.signature-differs": "Find who changes a signed field behind the signer (often Subject or To), or "
        f"whether {name} has the key of another signer.",
        "dkim.expired": f"Give the signature more time: {expiry(case)}queues try for days. Or leave x= out.",
        "dkim.future": f"Set the signer's clock, by NTP{ahead(case)}.",
        "dkim.weak-key": "Sign with an RSA key of 2048 bits, or with Ed25519 beside it.",
        "dkim.historic-algorithm": "Sign with a=rsa-sha256: receivers must not take rsa-sha1 any more.",
    }.get(signature.rule, "")


RECODED = " Let the signer write quoted-printable or base64 itself, which no relay has to change (RFC 6376 §5.3)."
STRINGS = " In a zone file a long record is several strings, which are joined without a blank."


def ahead(case: Case) -> str:
    """By how much a signature is from the future."""
    because = next((one.because for one in case.rules("dkim.future")), {})
    return f": it is ahead by {duration(int(because['t']) - int(because['now']))}" if because else ""


def expiry(case: Case) -> str:
    because = next((one.because for one in case.rules("dkim.expired")), {})
    return f"it came {duration(int(because['now']) - int(because['x']))} too late, and " if because else ""


def weak_points(case: Case, tried: Try) -> Iterator[Advice]:
    """What is wrong though it passes: the next forwarder, or the next forger, will find it."""
    if case.found.result == "permerror":
        yield from better_spf(case, tried)
    if not case.found.dmarc.aligned("dkim"):
        for at, signature in enumerate(case.found.dkim):
            if signature in case.ours and (says := mended(case, signature, case.undone.get(at, ()))):
                yield Advice(f"It passes by SPF alone, which ends with the first forwarder. {says}")
    if foreign_names(case) or looks_like(in_letters(case.author)):
        yield Advice(
            f"No record stops this, for it is what it says, from {case.author}. Do not answer before you have asked by "
            f"another way; let your server mark mail from outside, and your program show addresses beside names."
        )
    if any(one.unsigned_octets for one in case.ours if one.result == "pass"):
        yield Advice("Do not trust the end of the body. Whoever signs: leave l= out, so that all of it is signed.")


# -- alignment


def better_alignment(case: Case, tried: Try) -> Iterator[Advice]:
    found: dmarc.Dmarc = case.found.dmarc
    aside = [
        one for one in found.identifiers if one.result == "pass" and not one.aligned and one.alignment != "unknown"
    ]
    near = [one for one in aside if house(one.domain) == house(found.domain)]
    if near and found.record is not None:
        tags = " and ".join("aspf=s" if one.method == "spf" else "adkim=s" for one in near)
        says = (
            f"{near[0].domain} is of the same organisation, but with {tags} only {found.domain} itself counts: write "
            f"From with {near[0].domain}, or let relatives count too:"
        )
        yield from passing(says, f"_dmarc.{found.policy_domain}", STRICT.sub("", found.record.text), tried, "dmarc")
    far = [one for one in aside if one not in near and one.method == "spf"]
    if far and not case.sent_on and case.found.dkim and found.tag != "np":
        yield Advice(
            f"Or let the envelope's sender be at a name under {found.domain} whose SPF record names {case.given.ip}, "
            f"and not at {far[0].domain}."
        )


# -- lists and forwarders


def better_way(case: Case) -> Iterator[Advice]:
    """What whoever sent it on can do, and what no record can."""
    if case.list_name:
        chain = case.found.arc
        yield Advice(
            "The author has nothing to mend. A list that leaves subject and body as they are keeps the signature "
            "whole; one that changes them can write its own address into From, and the author's into Reply-To."
        )
        if chain is not None and chain.result == "pass":
            told = ", ".join(dict.fromkeys(one.domain for one in chain.sets))
            yield Advice(f"A receiver who trusts {told} may believe what its ARC seal says was found, and deliver it.")
        return
    if not case.ours:
        passes = "SPF of the forwarder's own domain does not count" if case.rewritten else "another host brings it"
        yield Advice(
            f"No SPF record helps mail that is forwarded: {passes}. If it is yours, sign it with d={case.author}: a "
            f"signature survives a forwarder that changes nothing (RFC 7960 tells what breaks on the way)."
        )
