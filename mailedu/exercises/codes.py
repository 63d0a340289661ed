"""Exercises of lesson 01 about replies: what a program makes of them."""

from __future__ import annotations

import random
from typing import Any

from ..lab import Lab
from .frame import Exercise, Findings, Wrong
from .source import Source
from .talk import handed_in, new_lab, quoted

# -- what a server offers ----------------------------------------------------------------------------------------------


class S8(Exercise):
    """Read EHLO's reply as a program does."""

    title = "What does it offer?"
    minutes = 8
    hints = (
        "`s8.reply.split('\\n')` are the lines. The first one greets; each of the others is a keyword, perhaps with "
        "words behind it (RFC 5321 §4.1.1.1).",
        "A line begins with three digits and a hyphen, the last one with three digits and a space: `line[4:]` is the "
        "rest of both. `word, *values = line[4:].split()`",
        "Keywords are written in any case: `word.upper()`. And a server that does not know EHLO says 500 or 502: "
        "it offers nothing.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.user = "alice@alpha.example"
        self.lab = new_lab(dice, mx_alpha_example=self.chosen(dice))
        self.smtp = self.lab.smtp("submission")
        self.reply = self.smtp.send(f"EHLO laptop{dice.randrange(10, 99)}.alpha.example")

    @staticmethod
    def chosen(dice: random.Random) -> dict[str, Any]:
        """How a server is set that offers some things and not others."""
        without = dice.sample(["DSN", "CHUNKING", "SMTPUTF8", "ETRN", "EXPN", "HELP", "8BITMIME"], 3)
        return {"size": dice.randrange(10_000, 99_000), "without": without}

    @property
    def task(self) -> str:
        size = next(line[9:] for line in self.reply.split("\n") if "SIZE" in line)
        return (
            f"`s8.reply` is what mx.alpha.example said to EHLO. Write `parse(reply)`, which returns a dict: "
            f"each keyword in capitals, with the list of words behind it, as in "
            f'`{{"SIZE": ["{size}"], "PIPELINING": []}}`. A server that says no offers nothing: `{{}}`.\n\n'
            f"`check(s8, parse)` runs it on the replies of other servers, too."
        )

    def judge(self, answer: Any) -> Findings:
        yield from handed_in(answer, "s8", "parse")
        if not isinstance(answer, Source):
            return ""
        replies = {"mx.alpha.example": self.reply, **self.unseen()}
        found = self.call(answer, *[(reply,) for reply in replies.values()])
        for (host, reply), has in zip(replies.items(), found, strict=True):
            if has != offers(reply):
                yield self.difference(host, reply, has)
                return ""
        return (
            f"Right, for {len(replies)} servers; one writes small letters, and one does not know EHLO. "
            f"What is not in the dict must not be used: that is how an old client and a new server get along."
        )

    def unseen(self) -> dict[str, str]:
        """More servers: beta's in the clear and under TLS, an old one, a lowercase one, and one that says no."""
        dice = self.hidden
        lab = Lab(seed=2, opinions=False, settings={"mx.beta.example": self.chosen(dice)})
        smtp = lab.smtp("mx.beta.example")
        clear = smtp.send("EHLO client.example")
        smtp.send("STARTTLS")
        smtp.starttls()
        size = dice.randrange(10_000, 99_000)
        return {
            "mx.beta.example": clear,
            "mx.beta.example, under TLS": smtp.send("EHLO client.example"),
            "a server with small letters": f"250-mx.small.example at your service\n250-size {size}\n"
            f"250-auth login plain\n250 pipelining",
            "a server called size.example": "250-SIZE.example greets HELP\n250 8BITMIME",
            "an old server": "250 mx.old.example",
            "a server that does not know EHLO": "502-5.5.1 what is\n502 5.5.1 EHLO",
        }

    def difference(self, host: str, reply: str, has: Any) -> Wrong:
        wanted = offers(reply)
        lines = reply.split("\n")
        if not isinstance(has, dict):
            return Wrong(f"For {host} your function returns {quoted(repr(has))}.", "Does it `return` a dict?")
        more, fewer = [key for key in has if key not in wanted], [key for key in wanted if key not in has]
        if not reply.startswith("250") and has:
            return Wrong(
                f"{host} said `{quoted(lines[0])}`, and you read offers in it: {quoted(repr(has))}.",
                "Which digits come before everything else?",
            )
        if fewer and fewer[0].lower() in [str(key).lower() for key in more]:
            return Wrong(
                f"For {host} you have {quoted(repr(more[0]))}, and whoever looks for {fewer[0]} does not find it.",
                "Does case matter in a keyword (RFC 5321 §2.4)?",
            )
        if more:
            where = next((line for line in lines if str(more[0]).upper() in line.upper()), lines[0])
            return Wrong(
                f"For {host} you have an offer {quoted(repr(more[0]))}, which comes from the line `{quoted(where)}`.",
                "Which of the lines only greets?",
            )
        if fewer:
            where = next(line for line in lines[1:] if line[4:].upper().startswith(fewer[0]))
            return Wrong(
                f"For {host} you have lost {fewer[0]}, which stands in the line `{quoted(where)}`.",
                "How does the last line of a reply differ from those before it?",
            )
        key = next(key for key in wanted if has[key] != wanted[key])
        return Wrong(
            f"For {host} and {key} you have {quoted(repr(has[key]))}, and it should be {wanted[key]!r}.",
            "How many words may stand behind a keyword: none, one, several?",
        )


def offers(reply: str) -> dict[str, list[str]]:
    """What EHLO's reply offers: keyword -> its parameters."""
    if not reply.startswith("250"):
        return {}
    found = {}
    for line in reply.split("\n")[1:]:
        keyword, *parameters = line[4:].split()
        found[keyword.upper()] = parameters
    return found


# -- what a reply says -------------------------------------------------------------------------------------------------

WHAT = {"2": "done", "3": "go on", "4": "again", "5": "give up"}  # RFC 5321 §4.2.1
WHERE = ("other", "address", "mailbox", "system", "network", "protocol", "content", "policy")  # RFC 3463 §4
LINES = {  # what the lab's servers are asked, for replies that really came
    "mx.beta.example": ("RCPT TO:<nobody@beta.example>", "RCPT TO:<carol@gamma.example>", "FROG", "VRFY bob", "DATA"),
    "submission": ("MAIL FROM:<alice@alpha.example>", "AUTH PLAIN AGFsaWNlAHdyb25n", "MAIL FROM:<x y@z.example>"),
}


class S10(Exercise):
    """classify(code, enhanced): what to do now, and what it is about."""

    title = "What now?"
    minutes = 10
    hints = (
        "What to do hangs on one digit of the code, and on nothing else (RFC 5321 §4.2): `code[0]`. "
        "That holds for codes that nobody has seen before.",
        "The enhanced code has three numbers between dots, and the one in the middle is the subject (RFC 3463 §2): "
        "`enhanced.split('.')[1]`. Sometimes there is none at all.",
        "`{'2': 'done', '3': 'go on', '4': 'again'}.get(code[:1], 'give up')`: whatever is no reply of SMTP is fatal.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.user = "alice@alpha.example"
        self.lab = Lab(seed=dice.randrange(1, 10_000), opinions=False)
        self.replies: list[str] = []
        for host, lines in LINES.items():
            smtp = self.lab.smtp(host, client=f"192.0.2.{dice.randrange(30, 60)}")
            smtp.send("EHLO laptop.alpha.example")
            if host != "submission":
                smtp.send("MAIL FROM:<alice@alpha.example>")
            self.replies += [smtp.send(line).split("\n")[-1] for line in dice.sample(lines, len(lines))]

    @property
    def task(self) -> str:
        subjects = ", ".join(f"`{word}` ({number})" for number, word in enumerate(WHERE))
        return (
            f"A program goes by codes and never by the words behind them. Write `classify(code, enhanced)`; "
            f'`code` is a text of three digits, `enhanced` is one like `"5.1.1"`, or `""` where a reply has none. '
            f"Return a pair of words:\n\n"
            f'- what to do: `"done"`, `"go on"` (the server waits for the rest), `"again"` (the same, later), '
            f'`"give up"`;\n'
            f"- what it is about, by the enhanced code's subject: {subjects}; "
            f'`""` where there is no enhanced code.\n\n'
            f"`s10.replies` are {len(self.replies)} real replies to try it on; one is `{self.replies[0]}`. "
            f"`check(s10, classify)` has more, and some that you will find in no list of codes."
        )

    def judge(self, answer: Any) -> Findings:
        yield from handed_in(answer, "s10", "classify")
        if not isinstance(answer, Source):
            return ""
        pairs = [*map(pair_of, self.replies), *self.unseen()]
        found = self.call(answer, *pairs)
        for (code, enhanced), has in zip(pairs, found, strict=True):
            wanted = classified(code, enhanced)
            if not isinstance(has, tuple | list) or tuple(has) != wanted:
                yield self.difference(code, enhanced, has, wanted)
                return ""
        return (
            f"Right, for {len(pairs)} replies. All that a queue makes of a code is in its first digit; "
            f"the rest, and the enhanced code, is for whoever reads the log."
        )

    def unseen(self) -> list[tuple[str, str]]:
        """Usual ones; some that no list has; some without an enhanced code; two whose halves contradict each other."""
        dice = self.hidden
        usual = [(f"{digit}50", f"{digit}.{subject}.{dice.randrange(1, 9)}") for digit in "245" for subject in range(8)]
        unheard_of = [(f"4{dice.randrange(60, 100)}", ""), (f"5{dice.randrange(60, 100)}", "5.7.30")]
        odd = [("354", ""), ("250", ""), ("450", "5.7.1"), ("550", "4.2.1"), ("650", ""), ("199", "")]
        dice.shuffle(usual)
        return [*usual, *unheard_of, *odd]

    def difference(self, code: str, enhanced: str, has: Any, wanted: tuple[str, str]) -> Wrong:
        said = f"{code} {enhanced}".strip()
        ours = f"({wanted[0]!r}, {wanted[1]!r})"
        told = f"For `{said}` your function says {quoted(repr(has))}, and it should be {ours}."
        if not isinstance(has, tuple | list) or len(has) != 2:
            return Wrong(told, "Does it `return` two words, with a comma between them?")
        if enhanced and enhanced[0] != code[0]:
            ask = "The two halves contradict each other. Which of them does a program go by (RFC 5321 §4.2)?"
        elif code[0] not in WHAT:
            ask = "No reply of SMTP begins with that digit. Would you go on talking (RFC 5321 §4.2)?"
        elif has[0] != wanted[0]:
            ask = "Is that code in a list of yours? What if a code is in no list (RFC 5321 §4.2)?"
        else:
            ask = "Which of the three numbers is the subject, and what if there are none?"
        return Wrong(told, ask)


def pair_of(reply: str) -> tuple[str, str]:
    """("550", "5.1.1") of a reply."""
    code, enhanced = reply.split(" ")[:2]
    return code, enhanced


def classified(code: str, enhanced: str) -> tuple[str, str]:
    """What to do, and what it is about."""
    return WHAT.get(code[:1], "give up"), WHERE[int(enhanced.split(".")[1])] if enhanced else ""
