"""What a company publishes so that others send to it under TLS only: an MTA-STS policy on its web server (RFC 8461)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..acts import LabError
from ..mta.sts import MODES, VERSION
from ..net.drive import File, Site
from .stage import TLS_CHOICES

if TYPE_CHECKING:
    from .history import History

WELL_KNOWN = "/.well-known/mta-sts.txt"
WEEK = 604_800  # seconds


def check_policy(history: History, domain: str, mode: str, by: Sequence[str]) -> None:
    """LabError for what could not be published or kept to."""
    if domain not in history.stage.companies:
        raise LabError(f"No company here is {domain!r}: there are {', '.join(history.stage.companies)}.")
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
