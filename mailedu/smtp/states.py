"""SMTP's states and commands as data: the rows that run are the rows that are drawn (RFC 5321 §4.1.4)."""

from __future__ import annotations

from collections.abc import Callable

from ..acts import Refused
from ..table import Row, Table

GREETED = "GREETED"  # nobody has said hello
READY = "READY"  # hello was said; no mail is under way
MAIL = "MAIL"  # a mail has a sender
RCPT = "RCPT"  # and a recipient
DATA = "DATA"  # all that comes is the message
BDAT = "BDAT"  # some of its chunks are here
FAILED = "FAILED"  # a chunk was refused: nothing but RSET leads on (RFC 3030 §2)
NO_SERVICE = "NO SERVICE"  # the greeting was 554: nothing but QUIT is of use (§3.1)
CLOSED = "CLOSED"
OPEN = (GREETED, READY, MAIL, RCPT, BDAT, FAILED)  # where commands are read


def everywhere(command: str, section: str, after: dict[str, str], welcome: tuple[str, ...] = OPEN) -> list[Row]:
    """A command for any state: `after` says where it leads; refused, it leaves the state as it is (§4.1.4)."""
    rows = [Row(state, command, "ok", after.get(state, state), section) for state in welcome]
    return [*rows, *(Row(state, command, "err", state, section) for state in OPEN)]


TABLE = Table(
    "SMTP",
    [
        # state, command, outcome, next state, section of RFC 5321
        Row(GREETED, "EHLO", "ok", READY, "4.1.1.1"),
        Row(GREETED, "HELO", "ok", READY, "4.1.1.1"),
        Row(READY, "MAIL", "ok", MAIL, "4.1.1.2"),
        Row(READY, "MAIL", "err", READY, "4.1.1.2"),
        Row(MAIL, "RCPT", "ok", RCPT, "4.1.1.3"),
        Row(MAIL, "RCPT", "err", MAIL, "4.1.1.3"),
        Row(RCPT, "RCPT", "ok", RCPT, "4.1.1.3"),
        Row(RCPT, "RCPT", "err", RCPT, "4.1.1.3"),
        Row(RCPT, "DATA", "ok", DATA, "4.1.1.4"),
        Row(RCPT, "DATA", "err", RCPT, "4.1.1.4"),
        Row(DATA, ".", "ok", READY, "4.1.1.4"),
        Row(DATA, ".", "err", READY, "4.1.1.4"),
        *(
            Row(state, command, outcome, after, "RFC 3030 §2")
            for state in (RCPT, BDAT)
            for command, outcome, after in [
                ("BDAT", "ok", BDAT),
                ("BDAT", "err", FAILED),
                ("BDAT LAST", "ok", READY),
                ("BDAT LAST", "err", READY),
            ]
        ),
        Row(READY, "STARTTLS", "ok", GREETED, "RFC 3207 §4.2"),
        Row(READY, "STARTTLS", "err", READY, "RFC 3207 §4"),
        Row(READY, "STARTTLS", "tls-failed", CLOSED, "RFC 3207 §4.1"),
        Row(READY, "AUTH", "ok", READY, "RFC 4954 §4"),
        Row(READY, "AUTH", "err", READY, "RFC 4954 §4"),
        Row(READY, "ETRN", "ok", READY, "RFC 1985 §5"),
        Row(READY, "ETRN", "err", READY, "RFC 1985 §5"),
        *everywhere("EHLO", "4.1.4", dict.fromkeys(OPEN, READY), OPEN[1:]),
        *everywhere("HELO", "4.1.4", dict.fromkeys(OPEN, READY), OPEN[1:]),
        *everywhere("RSET", "4.1.1.5", dict.fromkeys(OPEN[1:], READY)),
        *everywhere("NOOP", "4.1.1.9", {}),
        *everywhere("VRFY", "4.1.1.6", {}),
        *everywhere("EXPN", "4.1.1.7", {}),
        *everywhere("HELP", "4.1.1.8", {}),
        *everywhere("QUIT", "4.1.1.10", dict.fromkeys(OPEN, CLOSED)),
        Row(NO_SERVICE, "QUIT", "ok", CLOSED, "3.1"),
        Row(NO_SERVICE, "QUIT", "err", NO_SERVICE, "3.1"),
    ],
)
COMMANDS = TABLE.commands - {".", "BDAT LAST"}  # these two are no words of their own

BEFORE_LOGIN = {"AUTH", "EHLO", "HELO", "NOOP", "RSET", "QUIT", "HELP", "STARTTLS"}  # RFC 4954 §6, at 530
BEFORE_TLS = {"STARTTLS", "EHLO", "HELO", "NOOP", "RSET", "QUIT", "HELP"}  # RFC 3207 §4, at 530

EXTENSIONS = (  # in the order EHLO lists them; so are the commands that a server need not know (§4.1.1.1)
    "SIZE",
    "8BITMIME",
    "PIPELINING",
    "ENHANCEDSTATUSCODES",
    "DSN",
    "CHUNKING",
    "SMTPUTF8",
    "STARTTLS",
    "AUTH",
    "REQUIRETLS",
    "LIMITS",
    "EXPN",
    "HELP",
    "ETRN",
)

HELP = {  # what may be said, as §4.1.1 and the extensions write it
    "EHLO": "EHLO your-host-name",
    "HELO": "HELO your-host-name",
    "MAIL": "MAIL FROM:<sender> [SIZE= BODY= SMTPUTF8 REQUIRETLS RET= ENVID= AUTH=]",
    "RCPT": "RCPT TO:<recipient> [NOTIFY= ORCPT=]",
    "DATA": "DATA, then the message, then a line with a dot alone",
    "BDAT": "BDAT octets [LAST], then so many octets",
    "RSET": "RSET",
    "NOOP": "NOOP [anything]",
    "QUIT": "QUIT",
    "VRFY": "VRFY name [SMTPUTF8]",
    "EXPN": "EXPN list [SMTPUTF8]",
    "HELP": "HELP [command]",
    "STARTTLS": "STARTTLS",
    "AUTH": "AUTH mechanism [initial-response]",
    "ETRN": "ETRN host-name",
}

# Known, and not for us: what the RFC has us answer, and a rule that tells why.
HISTORY: dict[str, Callable[[], Refused]] = {
    "SEND": lambda: Refused("smtp.send", "502 5.5.1 SEND is history", command="SEND"),
    "SOML": lambda: Refused("smtp.send", "502 5.5.1 SOML is history", command="SOML"),
    "SAML": lambda: Refused("smtp.send", "502 5.5.1 SAML is history", command="SAML"),
    "TURN": lambda: Refused("smtp.turn", "502 5.5.1 TURN is history"),
    "ATRN": lambda: Refused("smtp.atrn", "502 5.5.1 no on-demand relay here"),
    "BURL": lambda: Refused("smtp.burl", "502 5.5.1 no BURL here"),
    "XCLIENT": lambda: Refused("smtp.xclient", "500 5.5.1 no private commands here"),
    "LHLO": lambda: Refused("smtp.lhlo", "500 5.5.1 this is SMTP, not LMTP: say EHLO"),
}
