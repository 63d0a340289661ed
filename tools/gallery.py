"""Builds a gallery of players from real runs: `make gallery`, then open gallery/index.html.

Each run is one function below, marked with @run: a protocol that has something to show adds its own.  A run is anything
with `to_html`.  Where there is a Chromium, each page is looked at too: wide and narrow, light and dark.
"""

import argparse
import html
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from mailedu import Lab  # noqa: E402

ALICE, BOB, MALLORY = "alice@alpha.example", "bob@beta.example", "mallory@gamma.example"
STRANGER = "203.0.113.66"
LOOKS = {"wide": (1200, 720), "narrow": (400, 900)}
THEMES = ("light", "dark")


class Run(NamedTuple):
    name: str  # of its file
    title: str
    says: str
    begin: str  # how the row begins at which the page opens; "" is the first
    opens: str  # the pane that is seen first; "" is the one that fits
    make: Callable[[], Any]


RUNS: list[Run] = []


def run(title: str, says: str, begin: str = "", opens: str = "") -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Put what a function returns into the gallery, under the function's name."""

    def put(make: Callable[[], Any]) -> Callable[[], Any]:
        RUNS.append(Run(make.__name__.replace("_", "-"), title, says, begin, opens, make))
        return make

    return put


# -- the runs


@run("A message travels", "From Alice's composer to Bob's screen: eight protocols, one time line.")
def journey() -> Any:
    return Lab(seed=1).send(ALICE, BOB, subject="Hello", text="Hi Bob")


@run("A forgery is refused", "Mallory writes in Alice's name; DMARC says no, and the rule stands beside it.", "550")
def refusal() -> Any:
    return Lab(seed=1).send(MALLORY, BOB, from_=ALICE, client=STRANGER, subject="Invoice", text="Please pay.")


@run("Three futures of one call", "SMTP typed by hand, and what else might have been said: two branches.", "RCPT")
def branches() -> Any:
    call = Lab(seed=1).smtp("mx.beta.example", client=STRANGER)
    call.send("EHLO mallory.example")
    call.send("MAIL FROM:<mallory@mallory.example>")
    other = call.fork()
    other.send("RCPT TO:<nobody@beta.example>")
    other.send("QUIT")
    early = call.fork(at=1)
    early.send("DATA")
    early.send("QUIT")
    call.send(f"RCPT TO:<{BOB}>")
    call.send("DATA")
    call.send("From: mallory@mallory.example\r\nSubject: Hello\r\n\r\nHi Bob\r\n.")
    call.send("QUIT")
    return call


@run("Reading by POP3", "Bob logs in, lists, reads and deletes; a wrong password first.", "-ERR")
def pop3() -> Any:
    lab = Lab(seed=1)
    lab.send(ALICE, BOB, subject="Hello", text="Hi Bob", read=False)
    lab.send(ALICE, BOB, subject="Again", text="Are you there?", read=False)
    call = lab.pop3(BOB)
    for line in (f"USER {BOB}", "PASS wrong", f"USER {BOB}", f"PASS {lab.password(BOB)}"):
        call.send(line)
    for line in ("STAT", "LIST", "UIDL", "RETR 1", "DELE 1", "DELE 1", "QUIT"):
        call.send(line)
    return call


@run("Reading by IMAP", "The same mailbox with its flags and parts; a message's octets in a literal.", "* 1 FETCH")
def imap() -> Any:
    lab = Lab(seed=1)
    lab.send(ALICE, BOB, subject="Hello", text="Hi Bob", read=False)
    call = lab.imap(BOB)
    lines = f'LOGIN {BOB} {lab.password(BOB)}|LIST "" *|SELECT INBOX|FETCH 1 (FLAGS ENVELOPE)|FETCH 1 BODY[]'
    for number, line in enumerate(f"{lines}|STORE 1 +FLAGS (\\Flagged)|SEARCH FLAGGED|LOGOUT".split("|"), 1):
        call.send(f"a{number} {line}")
    return call


@run("Two clients, one mailbox", "Everybody's own numbers, who was told what, and a server that tells it too early.")
def arena() -> Any:
    lab = Lab(seed=1, settings={"imap.beta.example": {"broken": "expunge-early"}})
    for subject in ("Lunch", "Invoice", "Photos", "Tickets"):
        lab.send(ALICE, BOB, subject=subject, text="See you.", read=False)
    phone, laptop = lab.imap(BOB, name="phone"), lab.imap(BOB, name="laptop")
    for call in (phone, laptop):
        call.send(f"a LOGIN {BOB} {lab.password(BOB)}")
        call.send("b SELECT INBOX")
    phone.send("c STORE 2 +FLAGS.SILENT (\\Deleted)")
    phone.send("d EXPUNGE")
    for line in ("c STORE 2 +FLAGS (\\Deleted)", "d EXPUNGE", "e IDLE"):
        laptop.send(line)
    lab.send(ALICE, BOB, subject="Keys", text="In the drawer.", read=False)
    phone.send("e NOOP")
    laptop.send("DONE")
    return lab.arena(BOB)


@run("The tap", "One call as three see it: the client, an attacker who takes STARTTLS away, the server.", "250")
def tap() -> Any:
    lab = Lab(seed=1)
    lab.attacker.strip_offer("STARTTLS", host="mx.beta.example")
    lab.send(ALICE, BOB, subject="Lunch", text="At noon?", read=False)
    return lab.tap("mx.beta.example")


@run("Under TLS", "The same from the first octet, 16: records by their five octets, beside what they carry.", "+OK")
def sealed() -> Any:
    lab = Lab(seed=1)
    lab.send(ALICE, BOB, subject="Lunch", text="At noon?")
    return lab.tap("pop.beta.example")


@run("A question of SPF", "May this address send for that domain? Each term, each question to the DNS, its budget.")
def spf() -> Any:
    return Lab(seed=1).check_spf(ip=STRANGER, helo="mallory.example", mail_from=ALICE)


@run(
    "DKIM under the microscope",
    "A footer came behind a signed letter: which octets each hash holds, and which moved.",
    opens="dkim",
)
def dkim() -> Any:
    lab = Lab(seed=1)
    letter = lab.send(ALICE, BOB, subject="Lunch", text="At  noon? ", read=False).message
    return lab.verify_dkim(letter + b"-- \r\nSent through a list.\r\n")


@run(
    "Five days of a queue",
    "Three recipients, three ends; a host that is down for three days. Drag the clock.",
    "450",
    "queue",
)
def queue() -> Any:
    lab = Lab(seed=4, tls=False)
    lab.stop("mx.gamma.example")
    lab.send(ALICE, [BOB, "450-twice@beta.example", "nobody@beta.example"], subject="Lunch on Friday", read=False)
    lab.send(ALICE, ["carol@gamma.example", "greylist@beta.example", "450@beta.example"], subject="Minutes", read=False)
    lab.clock.advance(days=3)
    lab.start("mx.gamma.example")
    lab.clock.advance(days=3)
    return lab.everything


@run(
    "DMARC, two standards beside each other",
    "The walk up the name label by label; a policy for names that do not exist.",
)
def dmarc() -> Any:
    lab = Lab(seed=1)
    lab.zone.edit(
        "_dmarc.alpha.example", TXT="v=DMARC1; p=quarantine; np=reject; pct=20; rua=mailto:dmarc@alpha.example"
    )
    letter = "From: pay@accounts.alpha.example\nTo: bob@beta.example\nSubject: An invoice\n\nPay.\n"
    return lab.compare_dmarc(letter, ip=STRANGER, helo="mallory.example", mail_from="mallory@gamma.example", lot=50)


# -- the pages

INDEX = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>mailedu: what the player shows</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 0 auto; padding: 24px;
  background: light-dark(#f6f5f2, #131416); color: light-dark(#1d1c1a, #eceae5) }}
ul {{ list-style: none; padding: 0; display: grid; gap: 24px;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 320px), 1fr)) }}
li {{ border: 1px solid light-dark(#dddbd4, #34373c); border-radius: 8px; overflow: hidden;
  background: light-dark(#fff, #1c1e21) }}
a {{ color: light-dark(#2745c9, #a3b6ff); display: block; padding: 12px 16px; font-weight: 600 }}
p {{ margin: 0; padding: 0 16px 12px }}
img {{ display: block; width: 100%; border-bottom: 1px solid light-dark(#dddbd4, #34373c) }}
</style>
</head>
<body>
<h1>What the player shows</h1>
<p>Each page is one file: a run that really happened in a lab, to be stepped through without kernel and network.</p>
<ul>
{cards}
</ul>
</body>
</html>
"""


def card(one: Run, link: str, seen: bool) -> str:
    picture = (
        f'<picture><source media="(prefers-color-scheme: dark)" srcset="{one.name}-wide-dark.png">'
        f'<img alt="" src="{one.name}-wide-light.png"></picture>'
    )
    title, says = html.escape(one.title), html.escape(one.says)
    return f'<li>{picture if seen else ""}<a href="{link}">{title}</a><p>{says}</p></li>'


def build(folder: Path) -> dict[str, str]:
    """Write a page for each run; name -> its link, at the row at which it opens."""
    from mailedu.views.score import score

    folder.mkdir(parents=True, exist_ok=True)
    links = {}
    for one in RUNS:
        shown = one.make()
        shown.to_html(folder / f"{one.name}.html", **({"opens": one.opens} if one.opens else {}))
        rows = score(shown.trace, {}, {})["rows"]
        at = next((row["n"] for row in rows if row["label"].startswith(one.begin)), 0) if one.begin else 0
        links[one.name] = f"{one.name}.html#step={at}"
        print(f"  {one.name + '.html':16}{len(shown.trace):6,} steps  {one.title}", flush=True)
    return links


def look(folder: Path, links: dict[str, str]) -> bool:
    """Take the pictures; whether there was a browser to do so."""
    from browser import ARGUMENTS, MISSING, find_browser
    from playwright.sync_api import sync_playwright

    path = find_browser()
    if path is None:
        print(f"No pictures: {MISSING}.")
        return False
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=ARGUMENTS)
        for name, link in links.items():
            for look, (width, height) in LOOKS.items():
                for theme in THEMES:
                    size = {"width": width, "height": height}
                    page = browser.new_page(viewport=size, color_scheme=theme)
                    page.goto(f"{folder.resolve().as_uri()}/{link}")
                    page.locator(".mp-bar .pos b").wait_for()
                    page.wait_for_timeout(500)
                    page.screenshot(path=folder / f"{name}-{look}-{theme}.png")
                    page.close()
        browser.close()
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "gallery", help="where to put it (gallery/)")
    parser.add_argument("--no-pictures", action="store_true", help="pages only")
    asked = parser.parse_args()
    links = build(asked.folder)
    seen = not asked.no_pictures and look(asked.folder, links)
    cards = "\n".join(card(one, links[one.name], seen) for one in RUNS)
    (asked.folder / "index.html").write_text(INDEX.format(cards=cards), encoding="utf-8")
    print(f"Open {asked.folder / 'index.html'}")


if __name__ == "__main__":
    main()
