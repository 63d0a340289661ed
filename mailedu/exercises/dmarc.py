"""Exercises of lesson 10: whose name stands in From, who vouches for it, and what a policy costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

from ..acts import Open, Rule
from ..auth import dmarc
from ..auth.report import read
from ..auth.results import without_forged
from ..lab import Lab
from ..lab.letters import plural
from ..lab.rollout import (
    INBOX,
    KEY,
    KINDS,
    NEWS,
    OWNER,
    REFUSED,
    Places,
    Planned,
    Traffic,
    fates,
    plan,
    stage_for_rollout,
)
from ..lab.rollout import record as policy_record
from ..lab.stage import private_key
from ..lab.verdicts import sign_dkim
from ..lab.whatif import unrecorded
from ..message import Message
from ..trace import printable
from ..views.dmarc import evaluations
from ..zone import Zone
from .apart import Offered
from .frame import Exercise, Findings, Wrong
from .source import Source
from .spf import BETA, own_domain

MOST_TOLD = 3  # of what is wrong: more is more than one reads


def not_a_function(id: str, answer: Any, name: str) -> Iterator[Wrong]:
    if not isinstance(answer, Source):
        yield Wrong(
            f"You handed in {printable(repr(answer))[:60]}. The check needs the function itself.",
            f"Did you write `check({id}, {name})`, without brackets behind `{name}`?",
        )


# -- A1 ----------------------------------------------------------------------------------------------------------------

SERVICE = "mailer.example"


class A1(Exercise):
    """Four letters in one name: vouched for by SPF only, by DKIM only, by both, and by nobody although both pass."""

    title = "Who vouches"
    minutes = 12
    hints = (
        "`a1.send(mail_from=…, client=…, sign=[…])` is the whole experiment. SPF speaks of the domain in `mail_from`, "
        "DKIM of the domain in `sign`; each passes or not, and fits `From:` or not.",
        "SPF passes for your domain from `a1.ours`, and for mailer.example from `a1.theirs`. "
        "A signature passes wherever it comes from.",
        "The last one: let mailer.example do everything in its own name. What does each of the two checks say then?",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.lab = Lab(seed=dice.randrange(1, 10_000))
        self.domain = own_domain(dice)
        self.user = f"{dice.choice(['post', 'office', 'hello', 'team'])}@{self.domain}"
        self.ours, self.theirs = f"192.0.2.{dice.randrange(130, 250)}", f"203.0.113.{dice.randrange(130, 250)}"
        self.recipient = dice.choice(BETA)
        zone = self.lab.zone
        for domain, ip, of in ((self.domain, self.ours, "alpha"), (SERVICE, self.theirs, "gamma")):
            zone.edit(domain, TXT=f"v=spf1 ip4:{ip} -all")
            zone.edit(f"lab._domainkey.{domain}", TXT=zone.records(f"lab._domainkey.{of}.example", "TXT"))
        zone.edit(f"_dmarc.{self.domain}", TXT="v=DMARC1; p=none")
        self.before = zone.copy()

    def send(self, mail_from: str = "", client: str = "", sign: Sequence[str] = ()) -> str:
        """One letter in your name: with this MAIL FROM, from this address, signed by these domains."""
        letter: bytes | str = (
            f"From: {self.user}\nTo: {self.recipient}\nSubject: Hello\nDate: {self.lab.clock.stamp()}\n\nHello!\n"
        )
        for domain in sign:
            key = private_key("alpha.example" if domain == self.domain else "gamma.example")
            letter = sign_dkim(letter, domain, selector="lab", key=key, now=self.lab.clock.now).message
        sender = mail_from if "@" in mail_from else f"bounce@{mail_from or self.domain}"
        helo = f"out.{sender.partition('@')[2]}"
        mail = self.lab.send(sender, self.recipient, message=letter, client=client or self.ours, helo=helo, read=False)
        return " ".join(f"{method}={result}" for method, result in mail.verdict.items())

    @property
    def task(self) -> str:
        return (
            f"All letters say `From: {self.user}`. Make four arrive at {self.recipient}:\n\n"
            f"1. DMARC passes **by SPF only**,\n2. **by DKIM only**,\n3. **by both**,\n"
            f"4. by nobody, so it fails, and yet **SPF and DKIM both pass**.\n\n"
            f"`a1.send(mail_from='{self.domain}', client=a1.ours, sign=['{self.domain}'])` sends one. "
            f"`a1.ours` ({self.ours}) may send for your domain, `a1.theirs` ({self.theirs}) for {SERVICE}, a service "
            f"that you have hired; either domain can sign. The order is yours. At the end: `check(a1)`."
        )

    def judge(self, answer: Any) -> Findings:
        if any(changed(self.before, self.lab.zone)):
            yield Wrong("The DNS is not what it was.", "Can you get all four without changing a record?")
        cases = list(self.cases())
        if not cases:
            yield Wrong(f"No letter from {self.user} has come to mx.beta.example.", "What does `a1.send()` do?")
            return ""
        missing = [name for name in WANTED if name not in {case.name for case in cases}]
        if missing:
            yield self.not_all(cases, missing)
        return (
            f"Right: four letters with one From, and four answers to *who vouches*. In the last one two checks passed, "
            f"and neither was about {self.domain}."
        )

    def cases(self) -> Iterator[Vouched]:
        """Every letter in the student's name: who vouched for it, and what the two checks had said."""
        trace = self.lab.trace
        found = [step.act.because for step in trace.only(Rule) if step.act.name == "mta.findings"]  # type: ignore[attr-defined]
        for one, words in zip(evaluations(trace), found, strict=True):
            if one.author == self.domain:
                by = one.facts.get("vouched for by", "")
                methods = frozenset(method for method in ("SPF", "DKIM") if f"{method} " in by)
                yield Vouched(methods, words["spf"], words["dkim"], one.start)

    def not_all(self, cases: Sequence[Vouched], missing: Sequence[str]) -> Wrong:
        seen = ", ".join(dict.fromkeys(case.name or case.told for case in cases))
        observed = f"{plural(len(cases), 'letter')} came: {seen}. Missing: {', '.join(missing)}."
        failed = next((case for case in cases if not case.by and not case.name), None)
        if missing[0] == BY_NOBODY and failed is not None:
            return Wrong(
                f"{observed} One failed with SPF {failed.spf} and DKIM {failed.dkim}.",
                "In the fourth letter both checks pass. For whose domain can they pass, if not for yours?",
                failed.step,
            )
        return Wrong(observed, WANTED[missing[0]], cases[-1].step)


BY_NOBODY = "by nobody, though both pass"
WANTED = {  # what to ask who has not got it
    "by SPF only": "How can SPF pass for your domain while no signature of yours is there?",
    "by DKIM only": "A letter of yours comes from mailer.example, with its MAIL FROM. Who can still vouch for you?",
    "by both": "What does your own host do, if it does everything right?",
    BY_NOBODY: "Whose checks would pass, if mailer.example did everything in its own name?",
}


class Vouched(NamedTuple):
    """Who vouched for a letter."""

    by: frozenset[str]
    spf: str
    dkim: str
    step: int

    @property
    def name(self) -> str:
        """Which of the four it is; "" for none of them."""
        if self.by:
            return "by both" if len(self.by) == 2 else f"by {min(self.by)} only"
        return BY_NOBODY if self.spf == self.dkim == "pass" else ""

    @property
    def told(self) -> str:
        return f"by nobody (SPF {self.spf}, DKIM {self.dkim})"


# -- A2 ----------------------------------------------------------------------------------------------------------------


class Given(NamedTuple):
    """What SPF or a signature is to the evaluator."""

    result: str
    domain: str


class Resolver:
    """A zone, as the learner's function may ask it."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone

    def ask(self, name: str, type: str = "TXT") -> list[str]:
        """The records, as texts; [] for nothing."""
        if not isinstance(name, str) or not isinstance(type, str):
            return []
        return list(self.zone.records(name, type))


OWN = "A record at the author's own domain counts before all others. Which tag is for the domain itself?"
BELOW = "Which tag is for names below the record's domain, and what if it is not there?"
WALKED = "On the way up there may be several records. Which domain is the organizational one (RFC 9989 §4.10.2)?"
ALIGNED = "Relaxed: the same organization. Strict: the same name. Which did the owner choose, for which method?"
RELATED = "Passed for whom? When does another domain belong to the author's?"
VOUCH = "What must a check be, besides aligned?"
NOTHING = "What does DMARC say of a domain for which nobody published a record?"
DISCARDED = "Which texts are no record, and what if there are two records at one name (RFC 9989 §4.10)?"
LETTERS = "Are tags and values written in capitals others? What about blanks around `=`?"

AUTHORS = {  # what is easily got wrong -> names that show it, "" being the domain itself
    OWN: ("", "team", "shop"),
    BELOW: ("x", "a.b.x"),
    WALKED: ("a.team", "b.a.team", "a.low.team", "y.shop", "z.shop"),
    ALIGNED: ("strict", "sstrict", "dstrict"),
    NOTHING: ("*other",),
    DISCARDED: ("twice", "a.twice", "almost", "beside"),
    LETTERS: ("capitals", "blanks"),
}
CASES = 200
Case = tuple[str, str, Given, list[Given]]  # what to ask, author, SPF, signatures


def names_of(d: str) -> dict[str, str | list[str]]:
    """A domain with many records, each with something that is easily got wrong."""
    return {
        d: "v=DMARC1; p=reject; sp=quarantine; rua=mailto:x@" + d,
        f"team.{d}": "v=DMARC1; p=none",
        f"low.team.{d}": "v=DMARC1; p=none; sp=none; x-note=hello",
        f"shop.{d}": "v=DMARC1; p=quarantine; sp=reject",
        f"strict.{d}": "v=DMARC1; p=reject; adkim=s; aspf=s",
        f"sstrict.{d}": "v=DMARC1; p=reject; aspf=s",
        f"dstrict.{d}": "v=DMARC1; p=reject; adkim=s",
        f"twice.{d}": ["v=DMARC1; p=none", "v=DMARC1; p=reject"],
        f"almost.{d}": "v=DMARC10; p=none",
        f"beside.{d}": ["v=spf1 -all", "v=DMARC1; p=none"],
        f"capitals.{d}": "v=DMARC1; P=Quarantine; ADKIM=S",
        f"blanks.{d}": "v=DMARC1 ; p = none ;",
    }


def cases_of(d: str, dice: Random) -> Iterator[Case]:
    """(what to ask, author, SPF, signatures): each author with many vouchers."""
    other, far = f"other{dice.randrange(10, 99)}.example", f"far{dice.randrange(10, 99)}.example"
    made = []
    for ask, names in AUTHORS.items():
        for name in names:
            author = other if name == "*other" else f"{name}.{d}".lstrip(".")
            related = [author, d if author != other else f"x.{other}", f"m.{author}", far, f"team.{d}", f"x.{far}"]
            for _ in range(14):
                by_spf = Given(dice.choice(("pass", "pass", "fail", "softfail", "none")), dice.choice(related))
                signed = [
                    Given(dice.choice(("pass", "pass", "fail")), dice.choice(related))
                    for _ in range(dice.choice((0, 1, 1, 2)))
                ]
                made.append((ask, author, by_spf, signed))
    dice.shuffle(made)
    yield from made[:CASES]


def zone_of(d: str) -> Zone:
    zone = Zone()
    for name, texts in names_of(d).items():
        zone.edit(f"_dmarc.{name}", TXT=texts)
    return zone


class A2(Exercise):
    """DMARC's own step: from what SPF and DKIM found to its result, for two hundred cases."""

    title = "dmarc()"
    minutes = 30
    hints = (
        "Begin with a function that returns the one record at a name, as a dict of its tags, or `None`: of the texts "
        "of `dns.ask('_dmarc.' + name, 'TXT')` those whose first part is exactly `v=DMARC1`; if two are left, none "
        "counts.",
        "The walk: the name itself, then without its first label, and so on. The record with the *fewest* labels is "
        "that of the organizational domain (RFC 9989 §4.10.2); a name without any is its own.",
        "The policy: that of the author's own record (`p`); else that of its organizational domain (`sp`, or `p` where "
        "there is no `sp`). No record at all: `('none', '')`.",
        "A pass: some check has the result `pass`, *and* its domain is aligned: the same name, or, unless the owner "
        "wants `s`, the same organizational domain. `aspf` is for SPF, `adkim` for DKIM.",
    )

    def set_up(self) -> None:
        self.lab = Lab(seed=self.dice.randrange(1, 10_000))
        self.domain = own_domain(self.dice)
        self.user = f"post@{self.domain}"
        for name, texts in names_of(self.domain).items():
            self.lab.zone.edit(f"_dmarc.{name}", TXT=texts)
        self.dns = Resolver(self.lab.zone)

    @property
    def task(self) -> str:
        d = self.domain
        return (
            "Write `dmarc(author, spf, dkim, dns)`, which returns the result and the policy: `('pass', 'reject')`, "
            "`('fail', 'none')`, or `('none', '')` where nobody published a record.\n\n"
            f"`author` is the domain in From: `'x.{d}'`. `spf` is SPF's result for MAIL FROM and the domain it is "
            f"about: `('pass', '{d}')`. `dkim` is a list of the same, one a signature. `dns.ask(name, 'TXT')` returns "
            "a list of texts, `[]` for nothing. The policy is what is published for this author (`p` or `sp`), "
            "whatever the result.\n\n"
            "To make it shorter: every record has a valid `p`, no `np`, `psd` or `t`; the DNS always answers; no name "
            "has more than seven labels. "
            f"Try it: `dmarc('x.{d}', ('pass', '{d}'), [], a2.dns)`. Then hand in the function itself: "
            "`check(a2, dmarc)`. The check runs 200 cases of a domain that you have not seen."
        )

    def judge(self, answer: Any) -> Findings:
        wrong = list(not_a_function("a2", answer, "dmarc"))
        if wrong:
            yield from wrong
            return ""
        d = own_domain(self.hidden)
        zone = zone_of(d)
        cases = list(cases_of(d, self.hidden))
        offered = Offered(Resolver(zone), ("ask",))
        made = self.call(
            answer,
            *[(author, tuple(by_spf), [tuple(one) for one in signed], offered) for _, author, by_spf, signed in cases],
        )
        wrong_by: dict[str, tuple[Case, Any, tuple[str, str]]] = {}
        for case, found in zip(cases, made, strict=True):
            _, author, by_spf, signed = case
            verdict = unrecorded(dmarc.evaluate(author, by_spf, signed), zone)
            wanted = (verdict.result, verdict.policy)
            if not isinstance(found, list | tuple) or tuple(found) != wanted:
                wrong_by.setdefault(what_to_ask(case, found, wanted), (case, found, wanted))
        for ask in [one for one in PLAIN_FIRST if one in wrong_by][:MOST_TOLD]:
            (_, author, by_spf, signed), found, wanted = wrong_by[ask]
            yield Wrong(
                f"From {author}, SPF {tuple(by_spf)}, DKIM {[tuple(one) for one in signed]}: your function says "
                f"{printable(repr(found))[:60]}; it should say {wanted}. {published(zone, author)}",
                ask,
            )
        return (
            f"Right, for {len(cases)} cases of a domain that you had never seen. What is missing to RFC 9989: `np`, "
            f"`psd`, `t`, records without a valid policy, names of more than eight labels, a DNS that does not answer."
        )


PLAIN_FIRST = (NOTHING, VOUCH, RELATED, OWN, BELOW, WALKED, ALIGNED, DISCARDED, LETTERS)


def what_to_ask(case: Case, found: Any, wanted: tuple[str, str]) -> str:
    """By what is wrong: the policy, or the result."""
    ask, author, by_spf, signed = case
    if not isinstance(found, list | tuple) or len(found) != 2 or found[1] != wanted[1] or wanted[0] == "none":
        return ask
    passing = [one for one in (by_spf, *signed) if one.result == "pass"]
    home = ".".join(author.split(".")[-2:])
    if wanted[0] == "fail" and not passing:
        return VOUCH
    if wanted[0] == "fail" and not any(one.domain.endswith(home) for one in passing):
        return RELATED
    return ask if ask in (DISCARDED, LETTERS) else ALIGNED


def published(zone: Zone, author: str) -> str:
    """The records that a walk from this name meets."""
    labels = author.split(".")
    names = [".".join(labels[at:]) for at in range(len(labels))]
    found = [f"_dmarc.{name} has `{text}`" for name in names for text in zone.records(f"_dmarc.{name}", "TXT")]
    return ("; ".join(found) or "No record is there") + "."


# -- A3 ----------------------------------------------------------------------------------------------------------------

ROLLOUT = ("own server", "shop", "newsletter", "forwarded", "forger")
CALM = 5  # days at the end in which no forged letter may come through


class A3(Exercise):
    """Thirty days with a policy that the owner changes: to p=reject, and no real letter lost on the way."""

    title = "To reject, in thirty days"
    minutes = 25
    hints = (
        "Begin with `a3.days(14)` under `p=none`, and read: `a3.reports`. Who sends in your name and does not pass? "
        "What vouches for them?",
        f"The shop is yours: what does `a3.lab.zone.records('shop.alpha.example', 'TXT')` say? Its host is 192.0.2.31. "
        f"And for the newsletter, mailer.example has told you what to publish: at `{KEY}` the same text that stands at "
        f"`mailer._domainkey.mailer.example`.",
        "A policy that asks for too much can be taken back, but a letter that is lost stays lost. "
        "Repair, wait for a day's report, and only then ask for more.",
    )

    def set_up(self) -> None:
        dice = self.dice
        places = Places(f"203.0.113.{dice.randrange(130, 170)}", forger=f"203.0.113.{dice.randrange(200, 250)}")
        self.lab = stage_for_rollout(dice.randrange(1, 10_000), places=places, reporters=("beta",))
        self.user = OWNER
        self.lab.zone.edit("shop.alpha.example", TXT=None)
        self.lab.zone.edit("_dmarc.alpha.example", TXT=policy_record("none"))
        begins = {"newsletter": dice.randrange(8, 12), "shop": dice.randrange(4, 8)}
        letters = plan(dice, 30, ROLLOUT, begins=begins, scale=0.8)
        letters[-2] += [Planned("forger", author, dice.choice(BETA), 0) for author in KINDS["forger"].authors]
        self.traffic = Traffic(self.lab, letters, places)
        self.before = self.lab.zone.copy()

    def day(self) -> int:
        """One day goes by; its number."""
        self.traffic.day()
        return self.traffic.days

    def days(self, many: int) -> int:
        """So many days go by."""
        for _ in range(many):
            self.day()
        return self.traffic.days

    @property
    def reports(self) -> Any:
        """The reports that you have got so far."""
        return self.lab.reports(OWNER, {"192.0.2.25": "our own server", "192.0.2.31": "our shop"})

    @property
    def task(self) -> str:
        return (
            "alpha.example is yours, and somebody forges letters in its name. You have **thirty days**: `a3.day()` "
            "lets one go by, `a3.days(7)` seven. Every night a report comes; `a3.reports` shows all of them. The "
            f"policy is `p=none` now. At the end it is to be **reject**, for alpha.example and all names below it, "
            f"**no real letter may have been lost** on the way (refused, or in Junk), and in the last {CALM} days no "
            f"forged one may have come through.\n\n"
            f"`a3.lab.zone.edit('_dmarc.alpha.example', TXT='v=DMARC1; p=…; rua=mailto:{OWNER}')` changes the policy. "
            f"You may edit alpha.example and all names below it. Not all senders write every day. A year ago somebody "
            f"at alpha hired **mailer.example** for a newsletter from {NEWS}; their letter said: publish our key at "
            f"`{KEY}`. It is not known whether anybody did. At the end: `check(a3)`."
        )

    def judge(self, answer: Any) -> Findings:
        letters = self.written()
        days = sum(past.name == "advance" for past in self.lab.inputs)
        if len(letters) != sum(map(len, self.traffic.plan)) or days < len(self.traffic.plan):
            yield Wrong(f"{plural(days, 'day')} of thirty are over.", "What does `a3.days(7)` do?")
            return ""
        foreign = [name for name in changed(self.before, self.lab.zone) if not f".{name}".endswith(".alpha.example")]
        if foreign:
            yield Wrong(
                f"The records of {foreign[0]} are others now, and it is not yours.", "What is below alpha.example?"
            )
        lost = [one for one in letters if KINDS[one.kind].real and one.fate != INBOX]
        through = [one for one in letters if not KINDS[one.kind].real and one.fate != REFUSED]
        late = [one for one in through if one.day > len(self.traffic.plan) - CALM]
        if lost:
            yield self.is_lost(lost)
        elif late:
            yield self.came_through(late)
        real = sum(KINDS[one.kind].real for one in letters)
        forged = len(letters) - real
        return (
            f"Right: {real} real letters, and every one is in somebody's inbox; {forged - len(through)} of {forged} "
            f"forged ones were refused, and all of them in the last {CALM} days. "
            f"No policy of yours hit a sender that was still to be repaired. One thing is left to do: "
            f"the shop still relies on SPF alone, and who asks for reject has to sign (RFC 9989 §7.4)."
        )

    def written(self) -> list[Written]:
        """The letters of the plan that were sent, in their order, each with its fate."""
        planned = [(day, one) for day, today in enumerate(self.traffic.plan, 1) for one in today]
        roots = [
            step for step in self.lab.trace
            if step.parent is None and isinstance(step.act, Open) and " writes to " in step.act.title
        ]  # fmt: skip
        where = fates(self.lab.trace)
        return [
            Written(day, one.kind, one.author, where.get(root.number, REFUSED), root.number)
            for (day, one), root in zip(planned, roots, strict=False)
        ]

    def is_lost(self, lost: Sequence[Written]) -> Wrong:
        first = lost[0]
        place = "refused" if first.fate == REFUSED else "put into Junk"
        kinds = ", ".join(dict.fromkeys(one.kind for one in lost))
        ask = {
            "newsletter": "Had a report shown its letters before you asked for more, and what vouched for them?",
            "shop": "What does the DNS say about the shop's host, and which name does it use in MAIL FROM?",
        }.get(first.kind, "What vouched for that letter before, and what has changed?")
        return Wrong(
            f"{plural(len(lost), 'real letter')} lost ({kinds}). The first, from {first.author} on day {first.day}, "
            f"was {place}.",
            ask,
            first.step,
        )

    def came_through(self, late: Sequence[Written]) -> Wrong:
        text = "; ".join(self.lab.zone.records("_dmarc.alpha.example", "TXT")) or "no record"
        one = late[0]
        return Wrong(
            f"No real letter was lost. But on day {one.day} a forged letter from {one.author} came through, into "
            f"{'the inbox' if one.fate == INBOX else 'Junk'}. The record is now `{text}`.",
            "What does that record ask for, for that very name?"
            if "p=reject" in text
            else "What would have to stand there by then, and what keeps you from it?",
            one.step,
        )


class Written(NamedTuple):
    """A letter of the plan, and what became of it."""

    day: int
    kind: str
    author: str
    fate: str
    step: int


def changed(was: Zone, now: Zone) -> Iterator[str]:
    for name in dict.fromkeys([*was.names(), *now.names()]):
        if any(was.records(name, type) != now.records(name, type) for type in {*was.types(name), *now.types(name)}):
            yield name


# -- A4 ----------------------------------------------------------------------------------------------------------------


class A4(Exercise):
    """One report, read: how many letters, how many pass, and who is who."""

    title = "Read a report"
    minutes = 15
    hints = (
        "The mail has a part `application/gzip`. `email.message_from_bytes(a4.report)`, its second part, "
        "`.get_payload(decode=True)`, `gzip.decompress(…)`: XML. Or `from mailedu.auth.report import read`.",
        "A `record` is not a letter: `count` says how many it stands for.",
        "DMARC's verdict is in `policy_evaluated`: pass when `dkim` *or* `spf` there is pass. What stands in "
        "`auth_results` is what SPF and DKIM found, aligned or not.",
    )

    def set_up(self) -> None:
        dice = self.dice
        last = dice.sample(range(130, 250), 3)
        places = Places(*(f"203.0.113.{number}" for number in last))
        self.lab = stage_for_rollout(dice.randrange(1, 10_000), places=places, reporters=("beta",))
        self.user = OWNER
        self.lab.zone.edit("_dmarc.alpha.example", TXT=policy_record("quarantine", sp="none"))
        Traffic(self.lab, plan(dice, 1, scale=4.2), places).day()
        self.report = self.lab.mailbox(OWNER)[0]

    @property
    def task(self) -> str:
        return (
            "`a4.report` is a mail that alpha.example got last night: an aggregate report of beta.example. Read it, "
            "and hand in a dict:\n\n"
            "| | |\n|---|---|\n"
            "| `messages` | how many letters it is about |\n"
            "| `passed` | how many of them passed DMARC |\n"
            "| `in_junk` | how many were put into quarantine |\n"
            "| `forwarder` | the address whose letters pass by DKIM alone |\n"
            "| `service` | the address of a service whose signature passes, but whose letters fail |\n\n"
            "Numbers as numbers, addresses as texts. `check(a4, {'messages': …})`"
        )

    def judge(self, answer: Any) -> Findings:
        if not isinstance(answer, Mapping):
            yield Wrong(f"You handed in {printable(repr(answer))[:60]}.", "Did you hand in a dict, with five entries?")
            return ""
        rows = read(self.report).rows
        wanted = {
            "messages": sum(row.count for row in rows),
            "passed": sum(row.count for row in rows if "pass" in (row.dkim, row.spf)),
            "in_junk": sum(row.count for row in rows if row.disposition == "quarantine"),
            "forwarder": next(row.source_ip for row in rows if (row.dkim, row.spf) == ("pass", "fail")),
            "service": next(
                row.source_ip for row in rows
                if (row.dkim, row.spf) == ("fail", "fail") and any(one.result == "pass" for one in row.signatures)
            ),
        }  # fmt: skip
        given = {name: answer.get(name) for name in wanted}
        wrong = [name for name in wanted if given[name] != wanted[name]]
        for name in wrong[:MOST_TOLD]:
            yield Wrong(f"`{name}` is {printable(repr(given[name]))[:60]}.", self.what_to_ask(name, given[name], rows))
        return (
            f"Right: {wanted['messages']} letters in {len(rows)} rows, {wanted['passed']} of which pass. "
            f"{wanted['service']} is the one to talk to: it does its work well, only not in your name."
        )

    def what_to_ask(self, name: str, given: Any, rows: Sequence[Any]) -> str:
        if name == "messages":
            if given == len(rows):
                return "You counted the rows. How many letters does each of them stand for?"
            return "Which number in a row says how many letters it stands for?"
        if name == "passed":
            checks = sum(row.count for row in rows if any_check_passed(row))
            if given == checks:
                return (
                    "You counted letters for which SPF or DKIM passed. Passed for whom? Where is DMARC's own verdict?"
                )
            return "Which two values of a row, in policy_evaluated, say that DMARC passed?"
        if name == "in_junk":
            return "Which of the three dispositions means Junk?"
        if name == "forwarder":
            return "A forwarder breaks SPF and leaves the signature as it is. Which row looks like that?"
        return "In which row does a signature pass, in auth_results, while policy_evaluated says fail twice?"


def any_check_passed(row: Any) -> bool:
    return bool(row.checked and row.checked.result == "pass") or any(one.result == "pass" for one in row.signatures)


# -- A6 ----------------------------------------------------------------------------------------------------------------

US = "mx.beta.example"
NAME = (
    "Whose name stands in that field, as a mail program would read it? Capitals do not matter there, nor do comments."
)
OTHERS = "That field bears another server's name, so it claims nothing of ours. May you touch it (RFC 8601 §5)?"
FOLDED = "A field may go on in the next lines, those that begin with a blank. Did all of it go?"
BODY = "That stands in the body. Where does a header end?"
REST = "Is everything else as it came, octet for octet? A signature would notice."

FORGED = {  # a field -> what to ask when it was treated wrongly
    "Authentication-Results: {us}; dmarc=pass header.from=bank.example": NAME,
    "authentication-results: {US}; spf=pass smtp.mailfrom=bank.example": NAME,
    "Authentication-Results: (checked) {us} 1; dmarc=pass": NAME,
    'Authentication-Results: "{us}"; dmarc=pass header.from=bank.example': NAME,
    "Authentication-Results:{us};dkim=pass header.d=bank.example": NAME,
    "Authentication-Results: {us};\r\n spf=pass smtp.mailfrom=bank.example;\r\n\tdmarc=pass": FOLDED,
    "Authentication-Results:\r\n {us}; none": FOLDED,
    "Authentication-Results: mx.gamma.example; spf=fail smtp.mailfrom=bank.example": OTHERS,
    "Authentication-Results: {us}.evil.example; dmarc=pass": OTHERS,
    "Authentication-Results: mx.gamma.example; x=pass ({us})": OTHERS,
    "X-Authentication-Results: {us}; dmarc=pass": OTHERS,
    "Subject: Authentication-Results: {us}; dmarc=pass": OTHERS,
}


class A6(Exercise):
    """A letter that brings its own good verdict: what a server must take out before it writes its own."""

    title = "Forged verdicts"
    minutes = 20
    hints = (
        "Work on octets. The header ends at the first empty line: "
        "`head, separator, body = message.partition(b'\\r\\n\\r\\n')`.",
        "A field begins in a line that does not begin with a blank or a tab, and takes the lines after it that do. "
        "`re.split(rb'\\r\\n(?![ \\t])', head)` gives the fields.",
        "The server's name comes first in the value, up to the semicolon: without comments in brackets, without "
        "quotes, perhaps with a version number behind it, and in any case of letters.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.lab = Lab(seed=dice.randrange(1, 10_000))
        self.user = dice.choice(BETA)
        self.bank = own_domain(dice)
        mail = self.lab.send(
            "mallory@gamma.example", self.user, client=f"203.0.113.{dice.randrange(70, 120)}", helo="mallory.example",
            from_=f"service@{self.bank}", subject="Your card", read=False,
            headers={"Authentication-Results": f"{US}; dmarc=pass header.from={self.bank}"},
        )  # fmt: skip
        self.message = mail.sent.message

    @property
    def task(self) -> str:
        return (
            f"`a6.message` is a letter as Mallory sent it: it brings a field along that says `{US}; dmarc=pass`, as if "
            f"{US} had written it. Mail programs believe such a field, so a server takes out what bears **its own "
            f"name** before it writes its own (RFC 8601 §5).\n\n"
            f"Write `cleaned(message, host)`: the octets of the message, without the `Authentication-Results` fields "
            f"that bear the name `host`, and otherwise **octet for octet** as it came. Fields that bear another name "
            f"stay. Then hand in the function itself: `check(a6, cleaned)`. The check tries it on letters that you "
            f"have not seen."
        )

    def judge(self, answer: Any) -> Findings:
        wrong = list(not_a_function("a6", answer, "cleaned"))
        if wrong:
            yield from wrong
            return ""
        cases = list(self.cases())
        made = self.call(answer, *[(message, US) for message, _ in cases])
        asked: list[str] = []
        for (message, ask), found in zip(cases, made, strict=True):
            wanted = unrecorded(without_forged(message, [US]), Zone())
            if found == wanted:
                continue
            ask = what_differs(ask, found, wanted, message)
            if ask not in asked and len(asked) < MOST_TOLD:
                asked.append(ask)
                field = next((one.data for one in Message(message).fields if b"esults" in one.data), b"")
                has = f"with `{printable(field.decode('latin-1').strip())}`" if field else "without such a field"
                yield Wrong(
                    f"A letter {has}: yours came out {told_of(found, wanted)}.",
                    ask,
                )
        return (
            f"Right, for {len(cases)} letters. {US} does the same to whatever comes in: what it writes itself it "
            f"writes afterwards, on top, so a reader can tell."
        )

    def cases(self) -> Iterator[tuple[bytes, str]]:
        """Letters, each with one such field or two, at different places."""
        words = {"us": US, "US": US.upper()}
        plain = [f"From: service@{self.bank}", "To: bob@beta.example", "X-Note: one\r\n two", "Date: today"]
        for text, ask in FORGED.items():
            fields = [*plain]
            fields.insert(self.hidden.randrange(len(fields) + 1), text.format(**words))
            yield "\r\n".join([*fields, "", "Hello!", ""]).encode(), ask
        forged, other = (text.format(**words) for text in (next(iter(FORGED)), list(FORGED)[7]))
        yield "\r\n".join([forged, *plain, other, forged, "", "Hello!", ""]).encode(), NAME
        yield "\r\n".join([*plain, "", "Hello!", forged, ""]).encode(), BODY
        yield "\r\n".join([forged, *plain, "", "", forged, "", "Bye", ""]).encode(), BODY
        yield "\r\n".join([*plain, "", "caf\xe9", ""]).encode("latin-1"), REST
        yield "\r\n".join([*plain, forged, "", ""]).encode(), REST


def what_differs(ask: str, found: Any, wanted: bytes, message: bytes) -> str:
    """The question for this answer: by what is left over, or by what is missing too much."""
    if not isinstance(found, bytes):
        return "A message is octets, and so is what comes back: `bytes`."
    if ask == NAME and found == message:
        return NAME
    if found.partition(b"\r\n\r\n")[2] != wanted.partition(b"\r\n\r\n")[2] and ask == BODY:
        return BODY
    return ask


def told_of(found: Any, wanted: bytes) -> str:
    if not isinstance(found, bytes):
        return f"as {printable(repr(found))[:40]}"
    more = len(found) - len(wanted)
    if not more:
        return "of the right length, but not the same"
    return f"{plural(abs(more), 'octet')} too {'long' if more > 0 else 'short'}"
