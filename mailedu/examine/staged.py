"""The gallery's cases, staged: each a common failure of real life, sent through a lab's servers, and explained.

    made = {name: case.make().capsule(case.title) for name, case in STAGED.items()}

What comes out is kept in `capsules/`, where `cases` reads it; `tools/cases.py` writes it there.
"""

from __future__ import annotations

import hashlib
import quopri
from base64 import b64encode
from collections.abc import Callable
from typing import Any, NamedTuple

from ..auth import arc
from ..auth.canonical import simple_body
from ..auth.dkim.hashing import field_hash_input, select
from ..lab import Lab
from ..lab.stage import private_key
from ..lab.verdicts import no_answers, perform, sign_dkim
from ..message import Message, compose
from .explanation import Explanation, explain

ALICE, BOB, CAROL, MALLORY = "alice@alpha.example", "bob@beta.example", "carol@gamma.example", "mallory@gamma.example"
ALPHA, GAMMA, WEB, ESP, STRANGER = "192.0.2.25", "203.0.113.25", "192.0.2.80", "203.0.113.130", "203.0.113.66"
HOUR = 3600
SHA1 = bytes.fromhex("3021300906052b0e03021a05000414")  # DigestInfo, up to the digest (RFC 8017 §9.2)


class Staged(NamedTuple):
    """A case: what its reader sees, what is to be learned from it, and how it is made."""

    title: str
    learned: str
    make: Callable[[], Explanation]


STAGED: dict[str, Staged] = {}


def case(title: str, learned: str) -> Callable[[Callable[[], Explanation]], Callable[[], Explanation]]:
    """What follows is a case of the gallery: two_records() is "two-records"."""

    def keep(make: Callable[[], Explanation]) -> Callable[[], Explanation]:
        STAGED[make.__name__.replace("_", "-")] = Staged(title, learned, make)
        return make

    return keep


# -- what several of them need -----------------------------------------------------------------------------------------


def lab(*trusted: str, staff: dict[str, list[str]] | None = None) -> Lab:
    """A lab in which beta's server delivers what these hosts bring even if a policy asks to reject it."""
    made = Lab(seed=1, opinions=False, staff=staff)
    if trusted:
        made.configure("mx.beta.example", trusts=list(trusted))
    return made


def letter(there: Lab, subject: str, text: str, *, sender: str = ALICE, to: str = BOB, **more: Any) -> bytes:
    """A message as its author's program writes it, without a signature."""
    identity = f"<{hashlib.sha256(subject.encode()).hexdigest()[:12]}@{sender.rpartition('@')[2]}>"
    return compose(sender, to, subject, text, date=there.clock.stamp(), message_id=identity, **more)


def signed(
    there: Lab, data: bytes, domain: str = "alpha.example", *, key: str = "", late: int = 0, **how: Any
) -> bytes:
    """The same with a signature; `key` names the company whose key makes it, `late` is how much the clock is wrong."""
    named = {"selector": "lab", **how}
    return sign_dkim(data, domain, key=private_key(key or domain), now=there.clock.now + late, **named).message


def brought(there: Lab, data: bytes, client: str, helo: str, *, sender: str = ALICE, to: str = BOB) -> Explanation:
    """What Bob has when a host brings this to his server, or to the one that forwards to it; explained."""
    there.send(sender, to, message=data, client=client, helo=helo, read=False)
    return of_bob(there)


def of_bob(there: Lab) -> Explanation:
    """What lies in his mailbox, or in his Junk folder; explained by the lab's DNS as it is now."""
    [message] = [*there.mailbox(BOB), *there.mailbox(BOB, "Junk")]
    return explain(message, dns=there.zone)


def change(there: Lab, name: str, text: str | list[str] | None) -> None:
    there.zone.edit(name, TXT=text)


def key_of(there: Lab, domain: str) -> str:
    return there.zone(f"lab._domainkey.{domain}", "TXT")[0]


# -- forwarding --------------------------------------------------------------------------------------------------------


@case(
    "Forwarded: SPF fails, and the signature saves it",
    "A forwarder is another host, so SPF fails; a DKIM signature that nobody touched still vouches for the author.",
)
def forwarded() -> Explanation:
    there = lab()
    there.forward(CAROL, BOB)
    there.send(ALICE, CAROL, subject="Minutes of Monday", text="See you on Thursday.", read=False)
    return of_bob(there)


@case(
    "Forwarded without a signature: nothing is left to vouch for it",
    "Mail that relies on SPF alone does not survive forwarding; only a signature does.",
)
def forwarded_unsigned() -> Explanation:
    there = lab(GAMMA)
    there.forward(CAROL, BOB)
    data = letter(there, "Your booking", "Thank you for your booking.", to=CAROL)
    return brought(there, data, ALPHA, "mx.alpha.example", to=CAROL)


@case(
    "Forwarded with a rewritten sender: SPF passes, and DMARC fails all the same",
    "SRS lets SPF pass for the forwarder's domain; that is not the author's, so DMARC does not count it.",
)
def forwarded_srs() -> Explanation:
    there = lab(GAMMA)
    there.forward(CAROL, BOB, srs=True)
    data = letter(there, "Your invoice", "The invoice is on our site.", to=CAROL)
    return brought(there, data, ALPHA, "mx.alpha.example", to=CAROL)


@case(
    "A relay wrote the body in another encoding",
    "Turning 8-bit text into quoted-printable changes what was signed, though a reader sees the same words.",
)
def recoded() -> Explanation:
    there = lab(GAMMA)
    data = letter(there, "Lunch", "Café Zürich, at noon?", to=CAROL, encoding="8bit")
    there.send(ALICE, CAROL, message=data, read=False)
    before = without_return_path(there.mailbox(CAROL)[0])
    message = Message(before)
    body = quopri.encodestring(message.body.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    header = before[: message.body_start].replace(b"Encoding: 8bit", b"Encoding: quoted-printable")
    return brought(there, header + body, GAMMA, "mx.gamma.example")


# -- mailing lists -----------------------------------------------------------------------------------------------------


def posted(there: Lab, subject: str = "Tomatoes") -> bytes:
    """What a list's server has when Alice has written to it."""
    there.send(ALICE, "garden@gamma.example", subject=subject, text="When do you sow them?", read=False)
    return without_return_path(there.mailbox("garden@gamma.example")[0])


def without_return_path(data: bytes) -> bytes:
    return data.partition(b"\r\n")[2] if data.startswith(b"Return-Path:") else data


def by_the_list(there: Lab, data: bytes) -> Explanation:
    """The list's server sends it to Bob, under its own address, with the fields of RFC 2369 and RFC 2919."""
    fields = b"List-Id: Gardeners <garden.gamma.example>\r\nList-Post: <mailto:garden@gamma.example>\r\n"
    return brought(there, fields + data, GAMMA, "mx.gamma.example", sender="garden-bounces@gamma.example")


def with_footer(data: bytes) -> bytes:
    return data + b"-- \r\nGardeners' list: to leave it, write to garden-leave@gamma.example\r\n"


def list_lab() -> Lab:
    return lab(GAMMA, staff={"gamma.example": ["garden"]})


@case(
    "A mailing list put a footer under it",
    "Whatever a list adds to the body breaks the author's signature, and SPF speaks only for the list.",
)
def list_footer() -> Explanation:
    there = list_lab()
    return by_the_list(there, with_footer(posted(there)))


@case(
    "A mailing list put its name into the subject",
    "The subject is a signed field: a tag in front of it breaks the signature as surely as a footer.",
)
def list_subject() -> Explanation:
    there = list_lab()
    return by_the_list(there, posted(there).replace(b"Subject: ", b"Subject: [Garden] "))


@case(
    "A mailing list changed it, and sealed what it had found",
    "An ARC chain tells what the list saw when the signature was good; DMARC does not say whether to believe it.",
)
def list_arc() -> Explanation:
    there = list_lab()
    data = posted(there)
    results = Message(data).all("Authentication-Results")[0].data
    fields = b"List-Id: Gardeners <garden.gamma.example>\r\n"
    whole, key = fields + with_footer(data), private_key("gamma.example")
    sealing = arc.seal(whole, "gamma.example", "lab", key, there.clock.unix(), results=results, chain=arc.Chain("none"))
    made, _ = perform(sealing, no_answers, "sealer")
    return brought(there, made, GAMMA, "mx.gamma.example", sender="garden-bounces@gamma.example")


# -- somebody sends on another's behalf --------------------------------------------------------------------------------


@case(
    "The newsletter service passes SPF and DKIM, for itself",
    "DMARC counts only what passes for the domain in From; the service has to sign as its customer.",
)
def service_unaligned() -> Explanation:
    there = lab(ESP)
    change(there, "letters.example", "v=spf1 ip4:203.0.113.128/25 -all")
    change(there, "lab._domainkey.letters.example", key_of(there, "gamma.example"))
    data = letter(there, "Our news", "What is new this month.", from_="Alpha <news@alpha.example>")
    data = signed(there, data, "letters.example", key="gamma.example")
    return brought(there, data, ESP, "out1.letters.example", sender="bounce-7@letters.example")


@case(
    "The newsletter of a subdomain meets sp=reject",
    "Where a subdomain has no policy of its own, the sp= of the domain above it counts, which may be stricter than p=.",
)
def subdomain_policy() -> Explanation:
    there = lab(WEB)
    change(there, "_dmarc.alpha.example", "v=DMARC1; p=none; sp=reject; rua=mailto:dmarc@alpha.example")
    there.zone.edit("news.alpha.example", A="192.0.2.81", TXT="v=spf1 ip4:192.0.2.81 -all")
    data = letter(there, "News", "What is new this week.", sender="news@news.alpha.example")
    return brought(there, data, WEB, "web.alpha.example", sender="news@news.alpha.example")


@case(
    "A sender at a subdomain that does not exist",
    "np= says what to do with names that nobody ever made; a forger may invent as many as he likes.",
)
def no_such_subdomain() -> Explanation:
    there = lab(STRANGER)
    change(there, "_dmarc.alpha.example", "v=DMARC1; p=none; np=reject; rua=mailto:dmarc@alpha.example")
    data = letter(there, "Overdue", "Please pay today.", sender="billing@invoices-2026.alpha.example")
    return brought(there, data, STRANGER, "mail.invoices-2026.alpha.example", sender=MALLORY)


@case(
    "Strict alignment: the envelope and the signature are of a subdomain",
    "With aspf=s and adkim=s the very domain in From must vouch; a subdomain of it is not enough.",
)
def strict_alignment() -> Explanation:
    there = lab(ALPHA)
    change(there, "_dmarc.alpha.example", "v=DMARC1; p=reject; aspf=s; adkim=s; rua=mailto:dmarc@alpha.example")
    change(there, "mail.alpha.example", "v=spf1 ip4:192.0.2.25 -all")
    change(there, "lab._domainkey.mail.alpha.example", key_of(there, "alpha.example"))
    data = signed(there, letter(there, "Welcome", "Your account is ready."), "mail.alpha.example", key="alpha.example")
    return brought(there, data, ALPHA, "mx.alpha.example", sender="bounces@mail.alpha.example")


@case(
    "A host that the SPF record forgot, under ~all and p=none",
    "softfail and p=none let it through: nobody notices until the policy gets stricter. The reports tell of it before.",
)
def forgotten_host() -> Explanation:
    there = lab()
    data = letter(there, "Your order", "It is on its way.", sender=CAROL)
    return brought(there, data, "198.51.100.77", "shop.gamma.example", sender=CAROL)


@case(
    "Two DMARC records: it has no policy at all",
    "With several records nobody knows which one is meant, so none counts, and the domain is unprotected.",
)
def two_policies() -> Explanation:
    there = lab()
    change(there, "_dmarc.alpha.example", ["v=DMARC1; p=reject; rua=mailto:dmarc@alpha.example", "v=DMARC1; p=none"])
    return brought(there, letter(there, "Urgent", "Send me the passwords."), STRANGER, "mallory.example")


# -- SPF records -------------------------------------------------------------------------------------------------------


def by_alphas_web_server(there: Lab) -> Explanation:
    """Mail that nobody signs, from a host that the record of alpha.example was meant to name."""
    data = letter(there, "Your ticket", "It was printed today.")
    return brought(there, data, WEB, "web.alpha.example")


@case(
    "An SPF record that needs eleven look-ups",
    "The eleventh is an error for every message, whoever sends it; some servers pass before they come so far.",
)
def too_many_lookups() -> Explanation:
    there = lab(WEB)
    for number in range(1, 11):
        change(there, f"s{number}.services.example", f"v=spf1 ip4:198.51.100.{100 + number} -all")
    included = " ".join(f"include:s{number}.services.example" for number in range(1, 11))
    change(there, "alpha.example", f"v=spf1 {included} a:web.alpha.example -all")
    there.zone.edit("web.alpha.example", A=WEB)
    return by_alphas_web_server(there)


@case(
    "Two SPF records at one name",
    "Who adds a service by publishing a second record breaks both: there may be one only.",
)
def two_records() -> Explanation:
    there = lab(WEB)
    change(there, "alpha.example", ["v=spf1 ip4:192.0.2.0/24 -all", "v=spf1 include:spf.letters.example ~all"])
    change(there, "spf.letters.example", "v=spf1 ip4:203.0.113.128/25 -all")
    return by_alphas_web_server(there)


@case(
    "An SPF record includes a domain that has none any more",
    "An include of a domain without a record is an error, not a miss: a service that closes takes its customers along.",
)
def broken_include() -> Explanation:
    there = lab(WEB)
    change(there, "alpha.example", "v=spf1 include:spf.closed.example ip4:192.0.2.0/24 -all")
    return by_alphas_web_server(there)


@case(
    "A bounce whose server greets with a name that has no record",
    "A bounce has no sender, so SPF asks about the name in the greeting: that needs a record of its own.",
)
def bounce() -> Explanation:
    there = lab(ALPHA)
    sender = "mailer-daemon@alpha.example"
    text = "Your message to nobody@alpha.example could not be delivered: there is no such mailbox."
    data = letter(there, "Undelivered mail", text, sender=sender, from_=f"Mail system <{sender}>")
    return brought(there, data, ALPHA, "out3.alpha.example", sender="")


# -- keys and signatures -----------------------------------------------------------------------------------------------


def with_broken_key(record: str | None) -> Explanation:
    """Signed as ever, from a host that no record names: all rests on the key."""
    there = lab("198.51.100.80")
    data = signed(there, letter(there, "Contract", "Attached is the contract."))
    change(there, "lab._domainkey.alpha.example", record)
    return brought(there, data, "198.51.100.80", "relay.hosting.example", sender="bounce@hosting.example")


@case(
    "The key in the DNS was cut off at 255 characters",
    "A long TXT record is several strings; a form that keeps the first one only publishes half a key.",
)
def key_cut() -> Explanation:
    return with_broken_key(key_of(lab(), "alpha.example")[:255])


@case(
    "The key was revoked, and the signer still uses it",
    "An empty p= takes a key back; the signer has to change to the new selector before that.",
)
def key_revoked() -> Explanation:
    return with_broken_key("v=DKIM1; k=rsa; p=")


@case(
    "The key was rotated away: today nobody can check this any more",
    "What a receiver found when it came counts; a later look at an old message may miss its key.",
)
def key_rotated() -> Explanation:
    there = lab()
    there.forward(CAROL, BOB)
    there.send(ALICE, CAROL, subject="Offer", text="Our offer stands until March.", read=False)
    change(there, "lab2._domainkey.alpha.example", key_of(there, "alpha.example"))
    change(there, "lab._domainkey.alpha.example", None)
    return of_bob(there)


@case(
    "The signer's clock is ahead by an hour",
    "A signature from the future does not count. Here SPF still vouches; the first forwarder will end that.",
)
def clock_ahead() -> Explanation:
    there = lab()
    return brought(there, signed(there, letter(there, "Agenda", "Three items."), late=HOUR), ALPHA, "mx.alpha.example")


@case(
    "The signature expired in a forwarder's queue",
    "Queues try for days; a signature that lasts an hour does not live through the first outage.",
)
def expired() -> Explanation:
    there = lab(GAMMA)
    there.forward(CAROL, BOB)
    data = signed(there, letter(there, "Reminder", "Tomorrow at ten.", to=CAROL), valid=HOUR)
    there.stop("mx.beta.example")
    there.send(ALICE, CAROL, message=data, client=ALPHA, helo="mx.alpha.example", read=False)
    there.clock.advance(hours=5)
    there.start("mx.beta.example")
    there.clock.advance(hours=8)
    return of_bob(there)


@case(
    "Signed with rsa-sha1, as in 2008",
    "Receivers must not take rsa-sha1 any more (RFC 8301 §3.1); to them the message is as good as unsigned.",
)
def old_algorithm() -> Explanation:
    there = lab("198.51.100.80")
    data = letter(there, "Statistics", "The printer printed 12 pages.")
    data = with_sha1(data, "alpha.example")
    return brought(there, data, "198.51.100.80", "printer.hosting.example", sender="bounce@hosting.example")


def with_sha1(data: bytes, domain: str) -> bytes:
    """A signature as it was made before RFC 8301: `dkim.sign` would not, and `cryptography` may not."""
    message, names = Message(data), ["from", "to", "subject", "date", "message-id"]
    digest = b64encode(hashlib.sha1(simple_body(message.body)).digest()).decode()
    bare = (
        f"DKIM-Signature: v=1; a=rsa-sha1; c=simple/simple; d={domain}; s=lab;\r\n"
        f" h={':'.join(names)};\r\n bh={digest};\r\n b="
    ).encode()
    hashed = hashlib.sha1(field_hash_input(select(message.fields, names), bare, "simple")).digest()
    numbers = private_key(domain).private_numbers()
    modulus, exponent = numbers.public_numbers.n, numbers.d
    length = (modulus.bit_length() + 7) // 8
    block = b"\0\1" + b"\xff" * (length - len(SHA1) - len(hashed) - 3) + b"\0" + SHA1 + hashed
    value = pow(int.from_bytes(block, "big"), exponent, modulus).to_bytes(length, "big")
    return bare + b64encode(value) + b"\r\n" + data


@case(
    "Everything passes, and somebody has written more underneath",
    "A signature with l= covers the beginning of the body; anybody may put more behind it, and DKIM still passes.",
)
def appended() -> Explanation:
    there = lab()
    data = signed(there, letter(there, "Payment", "Please pay to our usual account."), length=True)
    data += b"\r\nOur bank has changed: from now on pay to XX00 0000 0000.\r\n"
    return brought(there, data, STRANGER, "mallory.example", sender=MALLORY)


# -- who wrote it ------------------------------------------------------------------------------------------------------


@case(
    "A plain forgery, of a domain that asks to reject it",
    "Nothing vouches for it, and nothing is to be mended: this is what the policy is for.",
)
def forged() -> Explanation:
    there = lab(STRANGER)
    return brought(there, letter(there, "Urgent", "Send me the passwords."), STRANGER, "mallory.example")


@case(
    "A name that looks the same, and passes everything",
    "DMARC says which domain is responsible; that it is another one, in letters that look alike, a reader must see.",
)
def look_alike() -> Explanation:
    there = lab()
    domain = "\u0430lpha.example".encode("idna").decode()  # its first letter is Cyrillic
    change(there, domain, "v=spf1 ip4:203.0.113.66 -all")
    change(there, f"_dmarc.{domain}", "v=DMARC1; p=reject")
    change(there, f"lab._domainkey.{domain}", key_of(there, "gamma.example"))
    data = letter(
        there, "Invoice", "Please pay to our new account.", sender=f"alice@{domain}", from_=f"Alice <alice@{domain}>"
    )
    data = signed(there, data, domain, key="gamma.example")
    return brought(there, data, STRANGER, f"mail.{domain}", sender=f"alice@{domain}")


@case(
    "Another's address where the name is shown",
    "Many programs show the name and not the address; DMARC looks at the address only.",
)
def display_name() -> Explanation:
    there = lab()
    there.send(
        MALLORY, BOB, from_=f'"{ALICE}" <{MALLORY}>', subject="A favour", text="Are you at your desk?", read=False
    )
    return of_bob(there)


@case(
    "Two authors in From",
    "With authors of two domains DMARC cannot say whose policy counts; receivers are free to distrust it.",
)
def two_authors() -> Explanation:
    there = lab()
    data = letter(there, "Joint statement", "We agree.", from_=f"{ALICE}, {CAROL}")
    return brought(there, signed(there, data), ALPHA, "mx.alpha.example")


@case(
    "No From field at all",
    "A message must have one; without it there is no author to judge, and many servers refuse it.",
)
def no_from() -> Explanation:
    there = lab()
    data = letter(there, "Backup finished", "0 errors.", headers={"From": None})
    return brought(there, data, WEB, "backup.alpha.example", sender="backup@alpha.example")


@case(
    "The sender's name servers do not answer",
    "A temporary error says nothing about the message: ask again before anything is decided.",
)
def dns_silent() -> Explanation:
    there = lab()
    for name in ("alpha.example", "_dmarc.alpha.example", "lab._domainkey.alpha.example", "mx.alpha.example"):
        there.faults.dns(name, how="servfail")
    there.send(ALICE, BOB, subject="Hello", text="Can you read this?", read=False)
    return of_bob(there)
