"""Exercises of lesson 02: what a message is made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from ..acts import Rule
from ..clock import Clock
from ..imap.entity import Entity, parsed
from ..lab import Lab, Mail
from ..lab.anatomy import content_of, file_name
from ..lab.stage import COMPANIES
from ..message import ENCODED_WORD, Message, as_text, compose, decoded
from ..trace import Trace, printable
from ..wire import stuff
from .frame import Exercise, Findings, Wrong
from .source import Source

PEOPLE = [one for company in COMPANIES.values() for one in company.addresses if not one.startswith("mallory")]
OURS = ("From", "To", "Subject", "Date", "Message-ID")
ALLOWED = {name.lower() for name in (*OURS, "MIME-Version")} | {"content-type", "content-transfer-encoding"}
ADDED = {"return-path", "received", "authentication-results"}  # on the way
LONGEST = 76  # letters in a line of base64 or quoted-printable (RFC 2045 §6.7, §6.8), or with encoded words (2047 §2)
WORD = 75  # letters in an encoded word (RFC 2047 §2)


# -- what a mail program shows -----------------------------------------------------------------------------------------


@dataclass
class Screen:
    """A message as a person sees it: fields unfolded and decoded, the text, the files."""

    fields: dict[str, str]
    text: str
    files: list[tuple[str, bytes]]
    tree: Entity

    @property
    def shape(self) -> str:
        """``"multipart/mixed (text/plain, image/png)"``"""
        return shape(self.tree)


def screen(data: bytes) -> Screen:
    """Where a line of the header is none, the body begins right there, as most mail programs have it."""
    message = Message(data)
    tree = parsed(data if message.separator else message.header + b"\r\n" + message.body)
    leaves = [one for one in tree.walk() if not one.parts]
    texts = [one for one in leaves if one.type == (b"text", b"plain") and not file_name(one)]
    files = [(file_name(one), content_of(one)) for one in leaves if file_name(one)]
    return Screen({f.name.lower(): f.text for f in message.fields}, text_of(texts[0]) if texts else "", files, tree)


def text_of(part: Entity) -> str:
    """A text, decoded; its lines end with a newline, and it has none at its end."""
    charset = part.parameters.get(b"charset", b"utf-8").decode("ascii", "replace")
    return as_text(content_of(part), charset).replace("\r\n", "\n").rstrip("\n")


def shape(tree: Entity) -> str:
    kind = "/".join(word.decode("ascii", "replace") for word in tree.type)
    return printable(kind) + (f" ({', '.join(map(shape, tree.parts))})" if tree.parts else "")


def quoted(words: object, most: int = 60) -> str:
    """A piece of what somebody wrote, fit to stand between backticks in a sentence."""
    said = printable(str(words).replace("`", "'").replace("\n", "⏎"))
    return said if len(said) <= most else said[: most - 1] + "…"


def first_difference(found: str, wanted: str) -> str:
    """How the first line that differs begins: "line 2 is `…`, and should be `…`"."""
    ours, theirs = found.split("\n"), wanted.split("\n")
    for number in range(max(len(ours), len(theirs))):
        here = ours[number] if number < len(ours) else None
        there = theirs[number] if number < len(theirs) else None
        if here != there:
            said = "is missing" if here is None else f"is `{quoted(here)}`"
            return f"line {number + 1} of the text {said}" + (
                f", and should be `{quoted(there)}`" if there is not None else ", and should not be there"
            )
    return "the text is the same"


@dataclass
class Delivery:
    """A message that was really handed over, as it was: the last reply, and what then lay in the mailbox."""

    reply: str
    message: bytes | None
    step: int | None  # where it was refused
    trace: Trace


def deliver(lab: Lab, sender: str, recipient: str, data: bytes) -> Delivery:
    """From the sender's server to the recipient's, octet by octet: nobody on the way puts anything right."""
    home = COMPANIES[sender.rpartition("@")[2]]
    before = len(lab.mailbox(recipient))
    call = lab.smtp(f"mx.{recipient.rpartition('@')[2]}", client=f"{home.network}.25")
    for line in (f"EHLO mx.{home.domain}", f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>", "DATA"):
        call.send(line)
    reply = call.send(stuff(data))
    call.send("QUIT")
    arrived = lab.mailbox(recipient)[before:]
    no = [s.number for s in call.trace.only(Rule) if isinstance(s.act, Rule) and s.act.outcome == "refused"]
    return Delivery(reply, arrived[-1] if arrived else None, no[-1] if no else None, call.trace)


# -- M1 ----------------------------------------------------------------------------------------------------------------


@dataclass
class Fault:
    """A letter as it was meant and as it is, with a question that leads to what is wrong with it."""

    meant: bytes
    broken: bytes
    ask: str


TOPICS = ("Lunch", "The keys", "Minutes", "The roof", "Tickets", "The garden", "The choir", "Boxes", "The ladder")
SIGNS = ("Reminder", "Note", "Please", "Agenda", "PS", "Question")
LONG = (
    "What we said on the telephone about {topic}, and what is still open, with the answers of everybody who was there",
    "Once more about {topic}, because my last letter did not arrive, and the one before it arrived without any text",
    "A question about {topic} that nobody could answer on Monday, so that I put it to all of you in writing this time",
)
FOREIGN = ("Grüße aus München", "À bientôt, François", "Smörgåsbord på fredag", "Viele Grüße, Jürgen", "¡Hasta mañana!")


class M1(Exercise):
    """Six letters, each with one fault: two are refused, four arrive and look wrong."""

    title = "Six letters for the repair shop"
    minutes = 15
    hints = (
        "Look at each letter with `print(m1.letters['A'].decode())`, and octet by octet with "
        "`Anatomy(m1.letters['A'])`. `check(m1, fixed)` tells what a server or a mail program makes of each.",
        "The six faults, in no order: no empty line; a fold without its blank; bare line feeds; a line of more than "
        "998 letters; a boundary that is not the one in `Content-Type`; an encoding that is not the one in "
        "`Content-Transfer-Encoding`.",
        "Nearly all of them are one `.replace(old, new, 1)`: `b'\\n'` → `b'\\r\\n'`; `b'7bit'` → "
        "`b'quoted-printable'`; in a list of addresses one `b', '` → `b',\\r\\n '`. The boundary that the parts use "
        "stands in the letter's last line, between `--` and `--`.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.lab = Lab(seed=dice.randrange(1, 10_000))
        self.sender = dice.choice([one for one in PEOPLE if one.endswith("@alpha.example")])
        self.user = dice.choice([one for one in PEOPLE if not one.endswith("@alpha.example")])
        self.topics = dice.sample(TOPICS, 6)
        made = [self.run_on(), self.unfolded(), self.line_feeds(), self.too_long(), self.boundary(), self.label()]
        dice.shuffle(made)
        self.faults = dict(zip("ABCDEF", made, strict=True))
        self.letters = {name: fault.broken for name, fault in self.faults.items()}

    def letter(self, number: int, text: str, **more: Any) -> bytes:
        """A letter in order."""
        unique = f"<{self.dice.randrange(10**6)}.{number}@alpha.example>"
        subject = more.pop("subject", self.topics[number])
        return compose(self.sender, self.user, subject, text, date=Clock(1).stamp(), message_id=unique, **more)

    def run_on(self) -> Fault:
        text = f"{self.dice.choice(SIGNS)}: the door is locked after {self.dice.randrange(6, 11)}.\nRing the bell.\n"
        meant = self.letter(0, text)
        ask = "Where does a header end, and what marks the place?"
        return Fault(meant, meant.replace(b"\r\n\r\n", b"\r\n", 1), ask)

    def unfolded(self) -> Fault:
        subject = self.dice.choice(LONG).format(topic=self.topics[1].lower())
        meant = self.letter(1, "All in the subject this time.\n", subject=subject)
        ask = "How does a reader know that a line of the header goes on with the line before it?"
        return Fault(meant, meant.replace(b"\r\n ", b"\r\n", 1), ask)

    def line_feeds(self) -> Fault:
        meant = self.letter(2, f"Bring {self.dice.randrange(3, 9)} boxes, please.\nThe small ones.\n")
        return Fault(meant, meant.replace(b"\r\n", b"\n"), "Which two octets end a line on the wire of mail?")

    def too_long(self) -> Fault:
        guests = [f"{name}{number}" for name in ("guest", "singer", "reader") for number in range(10, 60)]
        names = self.dice.sample(guests, 48)
        everybody = ", ".join(f"{name}@gamma.example" for name in names)
        meant = self.letter(3, "Dear all, see you on Friday, at eight.\n", headers={"To": everybody})
        folded = Message(meant).first("To")
        assert folded
        broken = meant.replace(folded.data, b"To: " + everybody.encode() + b"\r\n")
        return Fault(meant, broken, "Which line has more than 998 letters, and where may such a field be folded?")

    def boundary(self) -> Fault:
        content = self.dice.randbytes(90)
        meant = self.letter(4, "The plan is attached.\n", attachments=[("plan.bin", content)])
        whole = parsed(meant)
        word = whole.parameters[b"boundary"]
        other = word[:4] + b"x" + word[5:]
        broken = meant.replace(b'boundary="' + word, b'boundary="' + other)
        return Fault(meant, broken, "By which line does a mail program find the parts, and who tells it that line?")

    def label(self) -> Fault:
        text = f"{self.dice.choice(FOREIGN)}\n{self.topics[5]} = {self.dice.randrange(2, 9)} €\n"
        meant = self.letter(5, text)
        broken = meant.replace(b"Content-Transfer-Encoding: quoted-printable", b"Content-Transfer-Encoding: 7bit")
        return Fault(meant, broken, "Who tells a mail program that `=C3=BC` is to be read as `ü`?")

    @property
    def task(self) -> str:
        rows = "".join(
            f"\n| {name} | {meant.fields['subject']} | {meant.text.splitlines()[0]} | {files(meant)} |"
            for name, meant in ((name, screen(fault.meant)) for name, fault in self.faults.items())
        )
        return (
            f"`m1.letters` holds six letters from {self.sender} to {self.user}, as octets, under the names A to F. "
            f"Each has **one** fault. This is what was meant:\n\n"
            f"| | subject | the text begins | attached |\n|---|---|---|---|{rows}\n\n"
            f"**Repair them**: make a dict `fixed` with the six letters under the same names. Change what is wrong "
            f"and nothing else. At the end: `check(m1, fixed)` sends each of yours, and looks at what arrives."
        )

    def judge(self, answer: Any) -> Findings:
        if not isinstance(answer, dict):
            yield Wrong(
                f"You handed in {kind_of(answer)}.", "Did you write `check(m1, fixed)`, with a dict of six letters?"
            )
            return ""
        refused = 0
        for name, fault in self.faults.items():
            given = answer.get(name)
            if not isinstance(given, bytes):
                missing = name not in answer
                yield Wrong(
                    f"Letter {name} is missing." if missing else f"Letter {name} is {kind_of(given)}, and no bytes.",
                    "A letter as octets is `bytes`: `b'...'`.",
                )
                continue
            yield from self.wrong_in(name, fault, given)
            refused += deliver(self.lab, self.sender, self.user, fault.broken).message is None
        return (
            f"Right, all six. Of the broken ones a server refuses {refused}, because lines are its business; "
            f"the other {6 - refused} it carries as they are, and the reader has the trouble."
        )

    def wrong_in(self, name: str, fault: Fault, given: bytes) -> Iterator[Wrong]:
        """What is not as it was meant, once this letter has been sent; the first thing only."""
        mail = deliver(self.lab, self.sender, self.user, given)
        if mail.message is None:
            yield Wrong(f"Letter {name} was refused: `{quoted(mail.reply)}`", fault.ask, mail.step, mail.trace)
            return
        found, meant = screen(mail.message), screen(fault.meant)
        for field in OURS:
            here, there = found.fields.get(field.lower()), meant.fields[field.lower()]
            if here != there:
                said = "missing" if here is None else f"`{quoted(here, 140)}`"
                found_it = f"Letter {name}: the field {field} is {said}, and was meant to be `{quoted(there, 140)}`."
                yield Wrong(found_it, fault.ask)
                return
        if found.text != meant.text:
            yield Wrong(f"Letter {name}: {first_difference(found.text, meant.text)}.", fault.ask)
        elif found.files != meant.files:
            yield Wrong(f"Letter {name}: attached is {files(found)}, and was meant: {files(meant)}.", fault.ask)
        elif new := set(found.fields) - ALLOWED - ADDED:
            yield Wrong(f"Letter {name} has a field that nobody meant: {quoted(min(new))}.", fault.ask)


def files(shown: Screen) -> str:
    """``"plan.bin, 90 octets"``"""
    return "; ".join(f"{quoted(name)}, {len(content)} octets" for name, content in shown.files) or "nothing"


def kind_of(thing: Any) -> str:
    """``"nothing"``, ``"a str"``"""
    return "nothing" if thing is None else f"a {type(thing).__name__}"


# -- M2 ----------------------------------------------------------------------------------------------------------------

HABITS = ("tear-here", "scissors", "perforation", "next-page")
FILES = ("labels.bin", "stamps.dat", "scan.raw", "drawing.bin")


class M2(Exercise):
    """A message of two parts, from nothing but octets."""

    title = "Two parts, by hand"
    minutes = 12
    hints = (
        "The frame: the header with two more fields, an empty line, and for each part a line `--` and your boundary, "
        "the part's own header, an empty line, the part. After the last part: `--`, the boundary, `--`.",
        "The file is no text, so it goes as base64: `base64.encodebytes(m2.content)` makes lines of 76 letters, with "
        "`\\n` at their ends. The line end before a boundary belongs to the boundary: put one there.",
        "The file's part begins `Content-Type: application/octet-stream`, `Content-Disposition: attachment; "
        'filename="..."`, `Content-Transfer-Encoding: base64`. And look at the lines of the text before you choose '
        "a boundary.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.lab = Lab(seed=dice.randrange(1, 10_000))
        self.sender = dice.choice([one for one in PEOPLE if one.endswith("@alpha.example")])
        self.user = dice.choice([one for one in PEOPLE if not one.endswith("@alpha.example")])
        self.habit, self.file_name = dice.choice(HABITS), dice.choice(FILES)
        self.content = dice.randbytes(150) + b"\r\n.\r\n\0\xff\n\xff\r" + dice.randbytes(dice.randrange(20, 60))
        first = f"{dice.choice(TOPICS)}: print this page, and cut it here:"
        self.text = "\r\n".join([first, f"--{self.habit}", "Name:", ".", "Thank you!", ""]).encode()
        self.header = (
            f"From: {self.sender}\r\nTo: {self.user}\r\nSubject: {dice.choice(TOPICS)}\r\n"
            f"Date: {Clock(1).stamp()}\r\nMessage-ID: <{dice.randrange(10**6)}@alpha.example>\r\n"
        ).encode()

    @property
    def task(self) -> str:
        return (
            f"Make a message of two parts, and let no library do it: put octets together. `m2.header` is the header "
            f"so far. The first part is a text, `m2.text`; the second is a file, `m2.content`, with the name "
            f"`m2.file_name`, which is {self.file_name}. As a boundary {self.sender} has always used "
            f"`{self.habit}`.\n\n"
            f"Your `message` (bytes) is sent to {self.user}; what arrives must have both, octet by octet: "
            f"`check(m2, message)`."
        )

    def judge(self, answer: Any) -> Findings:
        if not isinstance(answer, bytes):
            yield Wrong(f"You handed in {kind_of(answer)}.", "A message as octets is `bytes`: `b'...'`.")
            return ""
        mail = deliver(self.lab, self.sender, self.user, answer)
        if mail.message is None:
            ask = "Which octets could the server not stand? A file is no text: which encoding makes letters of it?"
            yield Wrong(f"It was refused: `{quoted(mail.reply)}`", ask, mail.step, mail.trace)
            return ""
        found = screen(mail.message)
        yield from self.wrong_frame(found)
        wrong = next(self.wrong_parts(found), None)
        if wrong:
            yield wrong
        weight = len(found.tree.parts[-1].text) if found.tree.parts else 0
        return (
            f"Right: {found.shape}, and both parts came through octet by octet. The file has {len(self.content)} "
            f"octets, and took {weight} on the wire."
        )

    def wrong_frame(self, found: Screen) -> Iterator[Wrong]:
        """What holds the parts together."""
        tree = found.tree
        if tree.type[0] != b"multipart" or not tree.parameters.get(b"boundary"):
            declared = found.fields.get("content-type", "")
            said = f"says `{quoted(declared)}`" if declared else "is missing"
            yield Wrong(f"The field Content-Type {said}.", "Which type has parts, and which parameter has it besides?")
            return
        if "mime-version" not in found.fields:
            yield Wrong("There is no field MIME-Version.", "By what does a program know that this is MIME at all?")
        word = tree.parameters[b"boundary"]
        if not re.search(rb"(?m)^--" + re.escape(word) + rb"--[ \t]*\r?$", tree.text):
            yield Wrong(
                f"No line `--{quoted(as_text(word))}--` closes the last part.",
                "How does a program know that there are no more parts, and that nothing was cut off?",
            )

    def wrong_parts(self, found: Screen) -> Iterator[Wrong]:
        tree, types = found.tree, [part.type for part in found.tree.parts]
        if len(types) != 2:
            ask = "Is there a line in your parts that begins with `--` and your boundary?"
            yield Wrong(f"A mail program finds {len(types)} parts: {found.shape}.", ask)
            return
        for part in tree.parts:
            lines = part.text.split(b"\r\n")
            coded = part.encoding in (b"base64", b"quoted-printable")
            if coded and max(map(len, lines)) > LONGEST:
                yield Wrong(
                    f"A line of {part.encoding.decode()} has {max(map(len, lines))} letters.",
                    "How many may it have at most (RFC 2045 §6.8)? Does `base64.encodebytes` do that for you?",
                )
        if found.text != self.text.decode().replace("\r\n", "\n").rstrip("\n"):
            said = first_difference(found.text, self.text.decode().replace("\r\n", "\n").rstrip("\n"))
            yield Wrong(f"The text came out otherwise: {said}.", "What parts a part's header from its text?")
        if [name for name, _ in found.files] != [self.file_name]:
            names = ", ".join(quoted(name) for name, _ in found.files) or "none"
            yield Wrong(f"A mail program finds these file names: {names}.", "Which field of a part names its file?")
        elif found.files[0][1] != self.content:
            came = found.files[0][1]
            yield Wrong(
                f"The file has {len(came)} octets and begins `{quoted(came[:12].hex(' '))}`; it was "
                f"{len(self.content)} octets, `{self.content[:12].hex(' ')}`.",
                "Which field tells a program that the letters in this part are base64?",
            )


# -- M3 ----------------------------------------------------------------------------------------------------------------

HEADLINES = (
    ("Frühstück", "für Käthe"), ("Müll", "übermorgen"), ("Zähne", "natürlich"), ("Öffnung", "für Gäste"),
)  # fmt: skip
BODIES = (
    "Der Schlüssel hängt über der Tür: links = blau, rechts = grün, und den dritten hat niemand gesehen.",
    "Café à côté: 3 × 4 = 12 places, réservées jusqu'à midi, et l'entrée est par le jardin derrière la gare.",
    "Smörgåsbord på fredag, 12 kr = 1 €, och alla får äta så mycket de vill, så länge det räcker åt alla.",
)
REPLIES = (
    "Grüße aus dem Süden: die Bücher für die Schüler, die Tücher für die Bühne, und die Stühle für die Gäste",
    "Über die Brücke, über die Dächer, über die Hügel: wie früher die Züge führen wir nächstes Jahr die Gäste",
    "Für Jürgen, für Käthe, für Björn: drei Päckchen mit Nüssen, Äpfeln und Brötchen, dazu drei süße Grüße",
)


class M3(Exercise):
    """Encoded words, quoted-printable and base64: read three, write two."""

    title = "Seven bits"
    minutes = 12
    hints = (
        "`base64.b64decode`, `quopri.decodestring`, and `.decode(charset)` do the work; `quopri.decodestring(..., "
        "header=True)` knows the underscore of the Q encoding. The charset stands in the encoded word.",
        "Blanks and line ends between two encoded words do not count. Blanks inside one are written `_` or `=20`.",
        "For the reply cut the subject into pieces of about 30 letters (letters, not octets), make each an encoded "
        "word of its own, and put `'\\r\\n '` between them. `quopri.encodestring(text.encode())` keeps lines short.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.lab = Lab(seed=dice.randrange(1, 10_000))
        self.sender = dice.choice([one for one in PEOPLE if one.endswith("@alpha.example")])
        self.user = dice.choice([one for one in PEOPLE if not one.endswith("@alpha.example")])
        first, second = dice.choice(HEADLINES)
        hour = dice.randrange(7, 12)
        self.said = {"subject": f"{first} um {hour} Uhr {second}", "text": f"{dice.choice(BODIES)}\nNr. {hour}\n"}
        rows = [f"{dice.randrange(100, 999)};{name}\n" for name in ("Schlüssel", "Tür", "Garten")]
        self.contents = "".join(rows).encode()
        self.subject = "\r\n ".join([q_word(f"{first} um {hour} ", "iso-8859-1"), b_word(f"Uhr {second}", "utf-8")])
        self.text = encoded(self.said["text"].encode(), "quoted-printable")
        self.file = encoded(self.contents, "base64")
        self.reply_subject, self.reply_text = dice.choice(REPLIES), f"{dice.choice(BODIES)}\n.\nNr. {hour} = {hour}\n"

    @property
    def task(self) -> str:
        return (
            "A letter brought a subject, a text and a file, and this is what stood on the wire: `m3.subject`, "
            "`m3.text` (quoted-printable, charset utf-8) and `m3.file` (base64). **Read them.** Then **write** the "
            "reply's subject, `m3.reply_subject`, as encoded words, and its text, `m3.reply_text`, as "
            "quoted-printable in utf-8: ASCII only, and no line too long.\n\n"
            "`answers` is a dict with five entries: `subject` (str), `text` (str), `file` (bytes), `reply_subject` "
            "(str: what stands after `Subject: `, folded) and `reply_text` (bytes). At the end: `check(m3, answers)`. "
            "The reply is really sent."
        )

    def judge(self, answer: Any) -> Findings:
        if not isinstance(answer, dict):
            yield Wrong(f"You handed in {kind_of(answer)}.", "Did you write `check(m3, answers)`, with a dict?")
            return ""
        yield from self.misread(answer)
        subject, text = plain_lines(answer.get("reply_subject")), plain_lines(answer.get("reply_text"))
        wrong = [*self.miswritten_subject(subject), *self.miswritten_text(text)]
        yield from wrong[:1]
        if not wrong:
            yield from self.not_arrived(subject, text)
        words = len(ENCODED_WORD.findall(subject))
        return (
            f"Right. {len(self.reply_subject)} letters of subject are {len(self.reply_subject.encode())} octets of "
            f"UTF-8 and took {len(subject)} on the wire, in {words} words; the server saw nothing but ASCII."
        )

    def misread(self, answer: Mapping[str, Any]) -> Iterator[Wrong]:
        found, said = answer.get("subject"), self.said["subject"]
        if found != said:
            yield Wrong(f"As the subject you read `{quoted(found)}`.", ask_about_subject(found, said))
        found, said = answer.get("text"), self.said["text"]
        if not isinstance(found, str) or found.replace("\r\n", "\n").rstrip("\n") != said.rstrip("\n"):
            yield Wrong(f"As the text you read `{quoted(found, 140)}`.", ask_about_text(found, said))
        found = answer.get("file")
        if not isinstance(found, bytes) or found != self.contents:
            ask = "A file is octets: `bytes`. What does `base64.b64decode` return?"
            yield Wrong(f"As the file you read `{quoted(found)}`.", ask)

    def miswritten_subject(self, value: str) -> Iterator[Wrong]:
        if not value:
            yield Wrong("There is no `reply_subject`, or it is no text.", "Which letters may stand in a field at all?")
            return
        if not value.isascii():
            letter = next(one for one in value if not one.isascii())
            yield Wrong(f"Your subject has `{letter}` in it.", "How is that written with ASCII letters only?")
            return
        for number, line in enumerate(f"Subject: {value}".split("\r\n")):
            if number and not line.startswith((" ", "\t")):
                yield Wrong(f"The line `{quoted(line)}` begins without a blank.", "How does a folded field go on?")
            elif len(line) > LONGEST:
                ask = f"A line with encoded words has at most {LONGEST} letters, and a word {WORD}. Where can you cut?"
                yield Wrong(f"A line of your subject has {len(line)} letters.", ask)
        for word in ENCODED_WORD.finditer(value):
            if "\ufffd" in as_unicode(word[0]):
                ask = "Is that a whole number of letters? `ü` has two octets in UTF-8: which word has them both?"
                yield Wrong(f"The word `{quoted(word[0])}` is no text by itself.", ask)
                return
        if decoded(unfolded(value)) != self.reply_subject:
            ask = "Compare it with what you meant to say. What becomes of the blanks between two words?"
            yield Wrong(f"A mail program shows your subject as `{quoted(decoded(unfolded(value)), 120)}`.", ask)

    def miswritten_text(self, value: str) -> Iterator[Wrong]:
        if not value:
            yield Wrong("There is no `reply_text`, or it is no bytes.", "What does `quopri.encodestring` return?")
        elif not value.isascii():
            ask = "How does quoted-printable write an octet above 127?"
            yield Wrong("Your text has octets beyond ASCII.", ask)
        elif (longest := max(value.split("\r\n"), key=len)) and len(longest) > LONGEST:
            ask = f"A line of quoted-printable has at most {LONGEST} letters. How does one break it without a line end?"
            yield Wrong(f"The line `{quoted(longest)}` has {len(longest)} letters.", ask)

    def not_arrived(self, subject: str, text: str) -> Iterator[Wrong]:
        """The reply, really sent."""
        data = (
            f"From: {self.user}\r\nTo: {self.sender}\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n"
            f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{text}"
        ).encode("ascii")
        mail = deliver(self.lab, self.user, self.sender, data)
        if mail.message is None:
            ask = "Which line of it could the server not stand?"
            yield Wrong(f"The reply was refused: `{quoted(mail.reply)}`", ask, mail.step, mail.trace)
            return
        found = screen(mail.message).text
        if found != self.reply_text.rstrip("\n"):
            ask = "What does quoted-printable make of `=` itself, and of a line end that you did not mean?"
            yield Wrong(f"The reply arrived, and {first_difference(found, self.reply_text.rstrip(chr(10)))}.", ask)


def ask_about_subject(found: object, said: str) -> str:
    if not isinstance(found, str):
        return "A subject is text: a `str`."
    if "=?" in found:
        return "`=?charset?encoding?text?=`: which of the two encodings is it, and which charset?"
    if "_" in found:
        return "What stands for a blank in the Q encoding?"
    if found.split() == said.split() or "".join(found.split()) == "".join(said.split()):
        return "Count the blanks. Which of them stand inside an encoded word, and which only between two?"
    return "Each encoded word names its own charset. Which one did you use for which?"


def ask_about_text(found: object, said: str) -> str:
    if not isinstance(found, str):
        return "A text is a `str`: which charset turns these octets into letters?"
    if "=\n" in found.replace("\r\n", "\n") or "=3D" in found:
        return "What does `=` at the end of a line say, and what is `=3D`?"
    if "".join(found.split()) == "".join(said.split()):
        return "Some line ends are the writer's, and some are only there because a line may not be longer. Which?"
    return "The octets are right once the `=` are gone; which charset are they?"


def plain_lines(value: Any) -> str:
    """Text or ASCII octets with CRLF line ends; "" for anything else."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if not isinstance(value, str) or value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") != value:
        return ""
    return value.replace("\r\n", "\n").replace("\n", "\r\n")


def unfolded(value: str) -> str:
    return re.sub(r"\r\n(?=[ \t])", "", value).strip()


def as_unicode(word: str) -> str:
    """One encoded word; U+FFFD for octets that are no letters of their charset."""
    found = ENCODED_WORD.fullmatch(word)
    assert found
    charset = found[1].partition("*")[0].lower()
    octets = decoded(word.replace(found[1], "iso-8859-1", 1)).encode("latin-1", "replace")
    return octets.decode("utf-8", "replace") if charset in ("utf-8", "utf8") else decoded(word)


def q_word(text: str, charset: str) -> str:
    """``=?iso-8859-1?Q?M=FCll_?=``"""
    return f"=?{charset}?Q?{''.join(q_letter(one, charset) for one in text)}?="


def q_letter(letter: str, charset: str) -> str:
    if letter.isascii() and letter.isalnum():
        return letter
    return "_" if letter == " " else "".join(f"={octet:02X}" for octet in letter.encode(charset))


def b_word(text: str, charset: str) -> str:
    return f"=?{charset}?B?{encoded(text.encode(charset), 'base64').decode().strip()}?="


def encoded(octets: bytes, encoding: str) -> bytes:
    """As a body: lines with CRLF."""
    part = EmailMessage(policy=SMTP)
    if encoding == "base64":
        part.set_content(octets, "application", "octet-stream", cte="base64")
    else:
        part.set_content(octets.decode(), cte=encoding)
    return bytes(part).partition(b"\r\n\r\n")[2]


# -- M4 ----------------------------------------------------------------------------------------------------------------


class M4(Exercise):
    """How many octets a file takes on the wire."""

    title = "What a file weighs"
    minutes = 8
    hints = (
        "Three octets of the file become four letters; what is left over at the end is filled up to four as well.",
        "A line of base64 has 76 letters, the last one fewer; each ends with CRLF, two octets more.",
        "Rounding up without floats: `-(-n // 3)` is a third of `n`, rounded up. So many letters: `4 * -(-n // 3)`; "
        "so many lines: that by 76, rounded up.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.lab = Lab(seed=dice.randrange(1, 10_000), opinions=False)
        self.user = dice.choice([one for one in PEOPLE if not one.endswith("@alpha.example")])
        self.sender = "alice@alpha.example"
        self.size = dice.randrange(2_000, 9_000)
        self.mail = self.attach(self.size)

    def attach(self, octets: int) -> Mail:
        """A letter with a file of so many octets, really sent."""
        content = bytes(n * 7 % 256 for n in range(octets))
        attached = [("file.bin", content)]
        return self.lab.send(self.sender, self.user, subject="A file", text="Here.", attachments=attached, read=False)

    @property
    def task(self) -> str:
        return (
            f"`m4.mail` is a letter with a file of {self.size:,} octets; `print(Anatomy(m4.mail.message))` tells what "
            f"it weighs in the letter. Write a function `wire_size(octets)` that returns how many octets of base64 a "
            f"file of so many octets takes on the wire, line ends included: **exactly**, before anything is sent.\n\n"
            f"Hand in the function itself: `check(m4, wire_size)` sends files of other sizes, and counts."
        )

    def judge(self, answer: Any) -> Findings:
        if not isinstance(answer, Source):
            yield Wrong(
                f"You handed in {kind_of(answer)}.", "Did you write `check(m4, wire_size)`, without brackets behind it?"
            )
            return ""
        sizes = [self.size, *self.sizes()]
        told = self.call(answer, *[(size,) for size in sizes])
        weighed = [weight(self.mail), *(weight(self.attach(size)) for size in sizes[1:])]
        for size, said, real in zip(sizes, told, weighed, strict=True):
            if type(said) is not int or said != real:
                yield Wrong(miscounted(size, said, real), why(sizes, told))
                break
        share = 100 * weighed[-1] / sizes[-1] - 100
        return (
            f"Right, for {len(sizes)} files from {min(sizes)} to {max(sizes):,} octets. The largest grew by "
            f"{share:.1f} %: a third for the encoding, and two octets more for each line of 76."
        )

    def sizes(self) -> list[int]:
        """Those where roundings show, and a big one; small steps first, so that the first failure is easy to see."""
        dice = self.hidden
        lines = dice.randrange(2, 40)
        return [57, 58, 56, 1, 57 * lines, 57 * lines + 1, dice.randrange(20_000, 40_000)]


def miscounted(size: int, said: Any, real: int) -> str:
    return f"For a file of {size:,} octets your function says {quoted(said)}; {real:,} went over the wire."


def letters(size: int) -> int:
    """Of base64, for a file of so many octets."""
    return 4 * -(-size // 3)


BELIEFS: Sequence[tuple[Callable[[int], float], str]] = (  # what somebody might count, and what to ask him then
    (letters, "So many letters of base64 it is: and how many lines are that, each with its line end?"),
    (lambda size: letters(size) + -(-letters(size) // 76), "How many octets is a line end on the wire?"),
    (lambda size: letters(size) + 2 * (letters(size) // 76), "The last line is a line too, if anything is in it."),
)


def why(sizes: Sequence[int], told: Sequence[Any]) -> str:
    """What to ask somebody whose function says this for these sizes."""
    if all(said is None for said in told):
        return "Does your function end in `return`?"
    if any(isinstance(said, float) for said in told):
        return "Octets come in whole numbers. Where does your division leave a fraction?"
    for belief, ask in BELIEFS:
        if list(told) == [belief(size) for size in sizes]:
            return ask
    full = [
        said == letters(size) + 2 * -(-letters(size) // 76)
        for size, said in zip(sizes, told, strict=True)
        if not size % 3
    ]
    if all(full):
        return "What becomes of one or two octets that are left over at the end of the file?"
    return "Into how many letters does base64 turn three octets, and how many letters has a line?"


def weight(mail: Mail) -> int:
    """The octets of the attached file in the letter."""
    [part] = [one for one in parsed(mail.message).walk() if file_name(one)]
    return len(part.text)
