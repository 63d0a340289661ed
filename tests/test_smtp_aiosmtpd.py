"""Our machine and aiosmtpd, walked through every state with every command: where they differ, and who is right.

The table in docs/aiosmtpd.md is what this walk finds; ``python tests/test_smtp_aiosmtpd.py`` writes it anew.
"""

from __future__ import annotations

import asyncio
import logging
import pathlib

import aiosmtpd
import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from smtp_stage import BOB, call, stage

from mailedu.sasl import write_plain
from mailedu.smtp.states import COMMANDS, HISTORY

DOCS = pathlib.Path(__file__).parents[1] / "docs" / "aiosmtpd.md"
ALICE = "alice@alpha.example"
MAIL, RCPT = f"MAIL FROM:<{ALICE}>", f"RCPT TO:<{BOB}>"
LOGIN = f"AUTH PLAIN {write_plain(ALICE, 'lab-alice').decode()}"

STATES = {  # state -> how one gets there
    "GREETED": [],
    "READY, by HELO": ["HELO a.example"],
    "READY, by EHLO": ["EHLO a.example"],
    "MAIL": ["EHLO a.example", MAIL],
    "RCPT": ["EHLO a.example", MAIL, RCPT],
}
COMMON = [  # where both say the same, everywhere
    *("EHLO b.example", "EHLO", "HELO b.example", "HELO", MAIL, "MAIL FROM:<>", "RCPT", RCPT, "DATA", "DATA now"),
    *("RCPT TO:<nobody@beta.example>", "RCPT TO:<Postmaster>", "RCPT TO:<@r.example:bob@beta.example>"),
    *("RSET", "RSET now", "NOOP", "NOOP x", "QUIT", "QUIT now", "VRFY bob", "VRFY"),
    *("FROG", "", "XCLIENT A=B", "LHLO a.example", "NOOP " + "x" * 600),
]
DIFFER = {  # command -> (who is right, why)
    "EHLO b c": ("mailedu", "RFC 5321 §4.1.1.1: one name, and nothing after it; aiosmtpd takes any text"),
    "EHLO b_c.example": ("mailedu", "RFC 5321 §4.1.2: no underscore in a name, 501; aiosmtpd takes any text"),
    "MAIL": ("both", "RFC 5321 §4.1.4 wants 503 inside a mail, §4.3.2 allows 501 for bad syntax anywhere"),
    "MAIL FROM: <a@b.example>": ("mailedu", "RFC 5321 §3.3: no space on either side of the colon"),
    "MAIL FROM:a@b.example": ("mailedu", "RFC 5321 §4.1.2: a path stands in angle brackets"),
    "MAIL FROM:<a b@c.example>": ("mailedu", "RFC 5321 §4.1.2: a space in a local-part needs quotes"),
    "MAIL FROM:<a@b.example> SIZE=5": ("mailedu", "RFC 5321 §4.1.1.11: a parameter that was not offered is 555"),
    "MAIL FROM:<a@b.example> SIZE=99999999999": (
        "mailedu",
        "RFC 5321 §4.1.1.11: a parameter that was not offered is 555",
    ),
    "MAIL FROM:<a@b.example> FOO=BAR": ("mailedu", "RFC 5321 §4.1.1.11: a parameter that was not offered is 555"),
    "MAIL FROM:<a@b.example> RET=FULL": ("both", "RFC 3461 is an extension, and aiosmtpd does not offer it"),
    "MAIL FROM:<ä@b.example>": ("mailedu", "RFC 6531 §3.5: 550 where SMTPUTF8 was not said"),
    "RCPT TO:<>": ("mailedu", "RFC 5321 §4.1.1.3: only a sender may be null"),
    "RCPT TO:<bob@beta.example> NOTIFY=NEVER": ("both", "RFC 3461 is an extension, and aiosmtpd does not offer it"),
    "EXPN x": ("both", "RFC 5321 §3.5.2: a server may do without EXPN"),
    "HELP": ("mailedu", "RFC 5321 §4.3.2: HELP is answered by 211 or 214"),
    "HELP MAIL": ("mailedu", "RFC 5321 §4.3.2: HELP is answered by 211 or 214"),
    "HELP FROG": ("mailedu", "RFC 5321 §4.3.2: 504 for an argument that is not implemented"),
    "STARTTLS": ("mailedu", "RFC 3207 §4: 454 is for a server that offers STARTTLS and cannot do it just now"),
    LOGIN: ("mailedu", "RFC 4954 §4: AUTH inside a mail is 503; after HELO it was not offered"),
    "AUTH": ("both", "RFC 4954 §4: AUTH inside a mail is 503, and without an argument it is 501"),
    "AUTH GSSAPI": ("mailedu", "RFC 4954 §4: AUTH inside a mail is 503; after HELO it was not offered"),
    "AUTH PLAIN wrong!": ("mailedu", "RFC 4954 §4: AUTH inside a mail is 503; after HELO it was not offered"),
    "BDAT 0 LAST": ("both", "RFC 3030 is an extension, and aiosmtpd does not offer it"),
    "ETRN x": ("both", "RFC 1985 is an extension, and aiosmtpd does not offer it"),
    "SEND FROM:<a@b>": ("mailedu", "RFC 5321 §4.2.4: 502 for a command that is known and not implemented"),
    "SOML FROM:<a@b>": ("mailedu", "RFC 5321 §4.2.4: 502 for a command that is known and not implemented"),
    "SAML FROM:<a@b>": ("mailedu", "RFC 5321 §4.2.4: 502 for a command that is known and not implemented"),
    "TURN": ("mailedu", "RFC 5321 §4.2.4: 502 for a command that is known and not implemented"),
    "BURL x": ("mailedu", "RFC 5321 §4.2.4: 502 for a command that is known and not implemented"),
    "ATRN x": ("mailedu", "RFC 5321 §4.2.4: 502 for a command that is known and not implemented"),
    "NOOP\nNOOP": ("mailedu", "RFC 5321 §2.3.8: a bare LF ends no line; aiosmtpd sees two commands"),
}


class Wire(asyncio.Transport):
    """What aiosmtpd takes for a connection."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.25", 1025)})
        self.said, self.closed = b"", False

    def write(self, data: bytes) -> None:
        self.said += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


class Hooks:
    """The same decisions as our stage's mta takes."""

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody"):
            return f"550 5.1.1 no {address}"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 recipient ok"

    async def handle_DATA(self, server, session, envelope):
        return "250 2.0.0 taken"


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (ALICE.encode(), b"lab-alice"))


async def theirs(lines: list[str]) -> str:
    """What aiosmtpd says to the last of these lines."""
    server = SMTP(
        Hooks(), hostname="mx.beta.example", enable_SMTPUTF8=True, data_size_limit=10_240_000,
        auth_require_tls=False, authenticator=authenticate, loop=asyncio.get_running_loop(),
    )  # fmt: skip
    wire = Wire()
    server.connection_made(wire)
    await settle()
    for line in lines:
        wire.said = b""
        server.data_received(line.encode() + b"\r\n")
        await settle()
    server.connection_lost(None)
    await settle()
    return wire.said.decode()


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


def ours(lines: list[str]) -> str:
    smtp = call(stage(), tls=False)
    smtp.heard()
    return [smtp.send(line) for line in lines][-1]


def codes(reply: str) -> str:
    """The codes of all replies, as they came: "250", or "250 250" for two."""
    return " ".join(line[:3] for line in reply.splitlines() if line[3:4] != "-")


async def walk() -> dict[str, dict[str, tuple[str, str]]]:
    """command -> state -> (our code, theirs), where they differ."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for command in [*COMMON, *DIFFER]:
        for state, way in STATES.items():
            pair = codes(ours([*way, command])), codes(await theirs([*way, command]))
            if pair[0] != pair[1]:
                found.setdefault(command, {})[state] = pair
    return found


def table(found: dict[str, dict[str, tuple[str, str]]]) -> str:
    rows, lines = [], len(COMMON) + len(DIFFER)
    for command, states in found.items():
        who, why = DIFFER[command]
        shown = command.replace("\n", "␊").replace(write_plain(ALICE, "lab-alice").decode(), "…")
        for pair in dict.fromkeys(states.values()):
            where = "any" if len(set(states.values())) == 1 and len(states) == len(STATES) else ""
            where = where or "; ".join(state for state, other in states.items() if other == pair)
            rows.append(f"| `{shown}` | {where} | {pair[0]} | {pair[1]} | {who} | {why} |")
    return "\n".join(
        [
            "# Our SMTP server beside aiosmtpd",
            "",
            f"Each of {lines} lines was said to both servers in each of {len(STATES)} states; here is",
            f"where the replies differ, and who is right by the RFC. aiosmtpd is version {aiosmtpd.__version__}.",
            "This file is written by `python tests/test_smtp_aiosmtpd.py`, and a test holds it to what both say.",
            "",
            "| command | in state | we say | aiosmtpd says | right | why |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


@pytest.fixture(scope="module")
def found():
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    return asyncio.run(walk())


def test_every_difference_has_a_verdict(found):
    assert set(found) <= set(DIFFER), "a difference that nobody has judged"
    assert set(DIFFER) <= set(found), "a verdict on a difference that is none"


def test_the_table_in_the_docs_is_what_was_found(found):
    version = DOCS.read_text("utf-8").partition("aiosmtpd is version ")[2].partition(".\n")[0]
    if version != aiosmtpd.__version__:
        pytest.skip(f"the docs are about aiosmtpd {version}")
    assert DOCS.read_text("utf-8") == table(found)


def test_every_command_is_walked():
    assert COMMANDS | set(HISTORY) == {line.split()[0] for line in [*COMMON, *DIFFER] if line} - {"FROG"}


if __name__ == "__main__":
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    text = table(asyncio.run(walk()))
    DOCS.write_text(text, "utf-8")
