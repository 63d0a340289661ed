"""SMTP, the client's side: a script that says a command, hears the whole reply, and takes no for an answer."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

from ..acts import Acts, Hear, LabError, Refused, Say, Upgrade, call
from ..sasl import write_plain
from ..wire import CRLF, Lines, stuff
from .grammar import is_host, is_mailbox


@dataclass(slots=True)
class Outcome:
    """How a delivery went: the last reply, and what was said to each recipient."""

    reply: str
    recipients: dict[str, str] = field(default_factory=dict)  # address -> reply

    @property
    def refused(self) -> dict[str, str]:
        """Those who will not get it."""
        return {address: reply for address, reply in self.recipients.items() if not reply.startswith("2")}

    def __str__(self) -> str:
        return self.reply


def send_mail(
    host: str,
    port: int,
    helo: str,
    sender: str,
    recipients: list[str],
    message: bytes,
    *,
    tls: str = "",
    user: str = "",
    password: str = "",
    pipelining: bool = False,
) -> Acts[Outcome]:
    """One message over one call.  `tls`: "" none, "may" if it is offered, "must" or nothing is sent, "implicit".

    Refused, when nobody gets it; who does not, is in the outcome.
    """
    if not is_host(helo):
        raise LabError(f"{helo!r} is no name of a host: say it like mx.alpha.example.")
    for address in [*recipients, *([sender] if sender else [])]:
        if not is_mailbox(address) and address != "postmaster":
            raise LabError(f"{address!r} is no address: write it like bob@beta.example.")
    client = Client(host, helo)
    return call(host, port, client.deliver(sender, recipients, message, tls, user, password, pipelining))


class Client:
    """One call, and what the server offers in it."""

    def __init__(self, host: str, helo: str) -> None:
        self.host, self.helo, self.lines = host, helo, Lines()
        self.offers: dict[str, str] = {}  # extension -> its parameters

    def deliver(
        self,
        sender: str,
        recipients: list[str],
        message: bytes,
        tls: str,
        user: str,
        password: str,
        pipelining: bool,
    ) -> Acts[Outcome]:
        if tls == "implicit":
            yield Upgrade(server_name=self.host)
        accepted((yield from self.reply()))
        try:
            yield from self.hello()
            if tls in ("may", "must"):
                yield from self.start_tls(tls)
            if user:
                yield from self.log_in(user, password)
            outcome = yield from self.transact(sender, recipients, message)
        except Refused:
            yield from self.quit()
            raise
        yield from self.quit()
        return outcome

    def hello(self) -> Acts[None]:
        """EHLO, or HELO for who does not know it (§3.2)."""
        reply = yield from self.command(f"EHLO {self.helo}")
        if reply.startswith("5"):
            self.offers = {}
            accepted((yield from self.command(f"HELO {self.helo}")))
            return
        lines = accepted(reply).splitlines()[1:]
        words = [line[4:].partition(" ") for line in lines]
        self.offers = {word.upper(): parameters for word, _, parameters in words}

    def start_tls(self, tls: str) -> Acts[None]:
        if "STARTTLS" not in self.offers:
            if tls == "must":
                raise Refused("smtp.no-starttls", "454 4.7.0 the server offers no STARTTLS")
            return
        reply = yield from self.command("STARTTLS")
        if tls == "may" and not reply.startswith("2"):
            return
        accepted(reply)
        self.lines.forget()
        yield Upgrade(server_name=self.host)
        yield from self.hello()

    def log_in(self, user: str, password: str) -> Acts[None]:
        offered = self.offers.get("AUTH", "").upper().split()
        if "PLAIN" in offered:
            accepted((yield from self.command(f"AUTH PLAIN {write_plain(user, password).decode()}")))
        elif "LOGIN" in offered:
            accepted((yield from self.command("AUTH LOGIN")), "3")
            accepted((yield from self.command(base64.b64encode(user.encode()).decode())), "3")
            accepted((yield from self.command(base64.b64encode(password.encode()).decode())))
        else:
            raise Refused("smtp.no-mechanism", "504 5.5.4 no way to log in that both sides know")

    def transact(self, sender: str, recipients: list[str], message: bytes) -> Acts[Outcome]:
        """MAIL, RCPT for each, DATA."""
        size = f" SIZE={len(message)}" if "SIZE" in self.offers else ""
        accepted((yield from self.command(f"MAIL FROM:<{sender}>{size}")))
        replies = {}
        for recipient in recipients:
            replies[recipient] = last((yield from self.command(f"RCPT TO:<{recipient}>")))
        if not any(reply.startswith("2") for reply in replies.values()):
            raise Refused("smtp.refused", list(replies.values())[-1])
        accepted((yield from self.command("DATA")), "3")
        yield Say(stuff(message))
        reply = accepted((yield from self.reply()))
        return Outcome(last(reply), replies)

    def quit(self) -> Acts[None]:
        yield from self.command("QUIT")

    def command(self, text: str) -> Acts[str]:
        yield Say(text.encode() + CRLF)
        return (yield from self.reply())

    def reply(self) -> Acts[str]:
        """All its lines (§4.2.1)."""
        line = yield from self.lines.line()
        whole = [line]
        while line[3:4] == b"-":
            line = yield from self.lines.line()
            whole.append(line)
        yield Hear(b"".join(whole))
        return b"".join(whole).decode("utf-8", "backslashreplace")


def last(reply: str) -> str:
    return reply.splitlines()[-1]


def accepted(reply: str, digit: str = "2") -> str:
    if not reply.startswith(digit):
        raise Refused("smtp.refused", last(reply))
    return reply
