"""What a company publishes so that others send to it under TLS only.

An MTA-STS policy on its web server (RFC 8461); or TLSA records for DANE (RFC 7672) in a DNS that it signs (RFC 4035).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ..acts import LabError
from ..mta.dane import Tlsa, association, tlsa_name
from ..mta.house import DAY
from ..mta.sts import MODES, VERSION
from ..net.drive import File, Site
from ..zone import TTL, Zone, escaped_name, written
from .stage import TLS_CHOICES

if TYPE_CHECKING:
    from .history import History

WELL_KNOWN = "/.well-known/mta-sts.txt"
WEEK = 604_800  # seconds


def check_domain(history: History, domain: str) -> str:
    if domain not in history.stage.companies:
        raise LabError(f"No company here is {domain!r}: there are {', '.join(history.stage.companies)}.")
    return domain


def check_policy(history: History, domain: str, mode: str, by: Sequence[str]) -> None:
    """LabError for what could not be published or kept to."""
    check_domain(history, domain)
    if mode not in MODES:
        raise LabError(f"A policy's mode is one of {', '.join(map(repr, MODES))}, not {mode!r}.")
    if isinstance(by, str):
        raise LabError(f"Name who keeps to it in a list, as in by=[{by!r}].")
    for host in by:
        if host not in history.stage.houses:
            raise LabError(f"{host!r} sends no mail to others: {', '.join(history.stage.houses)} do.")


KINDS: dict[str, type | tuple[type, ...]] = {
    "mx": tuple,
    "max_age": int,
    "id": str,
    "record": str,
    "text": (str, bytes),
    "status": int,
    "type": str,
    "certificate": str,
    "by": (tuple, str),
}


def checked_given(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given beside the mode, as plain data; LabError says what there is to give."""
    found = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    if isinstance(found.get("mx"), str):
        found["mx"] = (found["mx"],)
    for name, value in found.items():
        if name not in KINDS:
            raise LabError(f"A policy has no {name!r}: there are {', '.join(KINDS)}.")
        if name == "certificate" and value not in TLS_CHOICES[name]:
            raise LabError(f"{name} is one of {', '.join(map(repr, TLS_CHOICES[name]))}, not {value!r}.")
        if not isinstance(value, KINDS[name]):
            raise LabError(f"{name} cannot be {value!r}: see lab.mta_sts.")
    return found


def publish_policy(
    history: History,
    domain: str,
    mode: str,
    *,
    mx: Sequence[str] = (),
    max_age: int = WEEK,
    id: str = "",
    record: str | None = None,
    text: str | bytes | None = None,
    status: int = 200,
    type: str = "text/plain",
    certificate: str = "good",
    by: Sequence[str] = (),
) -> None:
    """The record, the web server with the policy, and who keeps to it from now on."""
    zone, world = history.zone, history.world
    web, address = f"mta-sts.{domain}", f"{history.stage.companies[domain].network}.80"
    if text is None:
        hosts = mx or [written.split()[1].removesuffix(".") for written in zone.records(domain, "MX")]
        text = policy_text(mode, hosts, max_age)
    body = text if isinstance(text, bytes) else text.encode()
    history.policies += 1
    if record is None:
        record = f"v={VERSION}; id={id or f'{history.clock.date:%Y%m%d%H%M%S}n{history.policies}'};"
    zone.edit(f"_mta-sts.{domain}", TXT=record)
    zone.edit(web, A=address)
    world.hosts[address] = web
    world.sites[web] = Site({WELL_KNOWN: File(body, status, type)}, web_certificate(history, web, certificate))
    for host in by or [host for host in history.stage.houses if host != f"mx.{domain}"]:
        history.stage.configure(host, {"mta_sts": True})


def policy_text(mode: str, hosts: Sequence[str], max_age: int) -> str:
    """A policy file (RFC 8461 §3.2)."""
    lines = [f"version: {VERSION}", f"mode: {mode}", *(f"mx: {host}" for host in hosts), f"max_age: {max_age}"]
    return "".join(f"{line}\r\n" for line in lines)


def web_certificate(history: History, web: str, kind: str) -> Any:
    """What the web server shows; None where there is no TLS."""
    if not history.world.contexts:
        return None
    from ..net.tls import server_context  # here, because Pyodide has no ssl

    return server_context(web, certificate=kind)


# -- DNSSEC and DANE ---------------------------------------------------------------------------------------------------

LASTING = 14.0  # days for which signatures are good
ED25519 = 15
KEY_FLAGS = 257  # a zone's key that is an entry point (RFC 4034 §2.1.1)
MADE = ("RRSIG", "NSEC", "DNSKEY")  # types that signing makes


def sign_zone(history: History, domain: str, days: float = LASTING) -> None:
    """Sign all that the DNS has of a company, and let the other companies' servers know its key."""
    try:
        import dns.dnssec
        import dns.rdtypes.ANY.DNSKEY
        import dns.zone
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError:
        raise LabError("Signing needs the library cryptography, and it cannot be had here.") from None
    zone, now = history.zone, history.clock.unix()
    for name in names_under(zone, domain):
        zone.edit(name, **dict.fromkeys(MADE))
    if not zone.records(domain, "SOA"):
        zone.edit(domain, SOA=f"mx.{domain}. postmaster.{domain}. 1 3600 900 604800 300")
    private = Ed25519PrivateKey.from_private_bytes(sha256(f"the lab's key of {domain}".encode()).digest())
    key = dns.dnssec.make_dnskey(private.public_key(), ED25519, flags=KEY_FLAGS)
    signed = dns.zone.from_text(text_under(zone, domain), domain, relativize=False, check_origin=False)
    began = now - 3600  # clocks differ
    dns.dnssec.sign_zone(signed, keys=[(private, key)], inception=began, expiration=now + round(days * DAY))
    made = [
        f"{name} {TTL} IN {data.rdtype.name} {data.to_text()}"
        for name, _, data in signed.iterate_rdatas()
        if data.rdtype.name in MADE
    ]
    zone.edit("\n".join(made) + "\n")
    anchor = f"{domain} {dns.dnssec.make_ds(dns.name.from_text(domain), key, 'SHA256').to_text()}"
    for host, house in history.stage.houses.items():
        if host != f"mx.{domain}":
            others = [one for one in house.setup.anchors if not one.startswith(f"{domain} ")]
            history.stage.configure(host, {"anchors": [*others, anchor]})


def names_under(zone: Zone, domain: str) -> list[str]:
    return [name for name in zone.names() if f".{name}".endswith(f".{domain}")]


def text_under(zone: Zone, domain: str) -> str:
    """The zone file of one company: what signing made is not in it."""
    return "".join(
        f"{escaped_name(name)}. {TTL} IN {type} {written(type, record)}\n"
        for name in names_under(zone, domain)
        for type in zone.types(name)
        for record in zone.records(name, type)
    )


def publish_tlsa(history: History, host: str, usage: int, selector: int, matching: int) -> None:
    """A TLSA record of what a host shows now, and its company's DNS signed."""
    from ..net.tls import certificates  # here, because Pyodide has no ssl

    history.stage.check_host(host)
    if not history.world.contexts:
        raise LabError("This lab has no TLS, so its hosts have no certificates.")
    if usage not in range(4) or selector not in (0, 1) or matching not in (0, 1, 2):
        raise LabError("A TLSA record has usage 0 to 3, selector 0 or 1, and matching 0 to 2, as in usage=3.")
    context = history.world.server_contexts.get(host, history.world.contexts["server"])
    shown = certificates(context)
    certificate = shown[0] if usage in (1, 3) else shown[-1]
    data = association(certificate, Tlsa(usage, selector, matching, b""))
    history.zone.edit(tlsa_name(host), TLSA=f"{usage} {selector} {matching} {data.hex()}")
    sign_zone(history, host.partition(".")[2])
