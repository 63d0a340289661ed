"""The rulebooks: every entry is whole, every sentence can be filled, and nothing a stranger wrote is obeyed."""

import re
import string
import tomllib
from pathlib import Path

import pytest

import mailedu
import mailedu.rules
from mailedu.acts import Rule
from mailedu.rules import STANDARDS, rules, section, sentence

FOLDER = Path(mailedu.rules.__file__).parent
BOOKS = sorted(path for path in FOLDER.glob("*.toml") if path.name != STANDARDS)
ENTRIES = [(book.stem, name, entry) for book in BOOKS for name, entry in tomllib.loads(book.read_text("utf-8")).items()]

a_rule = pytest.mark.parametrize("book, name, entry", ENTRIES, ids=[name for _, name, _ in ENTRIES])


def test_no_rule_stands_in_two_books():
    assert len({name for _, name, _ in ENTRIES}) == len(ENTRIES) == len(rules())
    assert {name: (e.get("rfc", ""), e["says"]) for _, name, e in ENTRIES} == rules()


@a_rule
def test_a_rule_has_a_name_a_section_and_a_sentence(book, name, entry):
    assert re.fullmatch(r"[a-z0-9]+(\.[a-z0-9]+(-[a-z0-9]+)*)+", name), "room.what-it-says"
    assert set(entry) <= {"rfc", "says"} and "says" in entry
    assert re.fullmatch(r"(\d{3,4}( §[A-Z\d]+(\.\d+)*)?)?", entry.get("rfc", "")), "as in 7208 §5.2"


@a_rule
def test_a_sentence_is_one(book, name, entry):
    says = entry["says"]
    assert says == says.strip() and says.endswith((".", "…", "}")) and "\n" not in says
    assert says.isprintable() and len(says) <= 240


@a_rule
def test_braces_hold_plain_names(book, name, entry):
    for _, field, spec, conversion in string.Formatter().parse(entry["says"]):
        assert field is None or (re.fullmatch(r"[a-z_]+", field) and not spec and not conversion), entry["says"]


def test_a_sentence_is_filled_from_the_reasons():
    rule = Rule("pop3.wrong-state", "refused", {"command": "STAT", "state": "AUTHORIZATION", "more": "unused"})
    assert sentence(rule).startswith("STAT is not a command of the AUTHORIZATION state")
    assert section(rule) == "RFC 1939 §3"


def test_what_is_not_known_is_left_open():
    assert sentence(Rule("pop3.wrong-state")).startswith("… is not a command of the … state")


def test_a_strangers_words_are_never_a_template():
    rule = Rule("pop3.unknown", "refused", {"command": "{command.__class__} {0} {"})
    assert sentence(rule).startswith("{command.__class__} {0} { is not a command")


def test_a_rule_of_another_edition_says_nothing():
    assert (sentence(Rule("pop4.unknown")), section(Rule("pop4.unknown"))) == ("", "")


def test_a_rule_of_the_labs_own_has_no_section():
    for _, name, entry in ENTRIES:
        assert section(Rule(name)) == (f"RFC {entry['rfc']}" if entry.get("rfc") else "")


# -- what is said of real runs: nothing is left open


def runs():
    """A mail that arrives, one that is forged, two that cannot be delivered; and what one types."""
    lab = mailedu.Lab(seed=1)
    bob = "bob@beta.example"
    lab.send("alice@alpha.example", bob)
    lab.send("alice@alpha.example", bob, client="203.0.113.66")
    lab.send("alice@alpha.example", "nobody@beta.example")
    lab.send("alice@alpha.example", "x@nowhere.example")
    for call in (lab.pop3(bob), lab.imap(bob), lab.smtp("mx.beta.example", client="203.0.113.66")):
        for line in ("HELP", "a NONSENSE", "USER nobody", "PASS wrong", "b LOGIN x y", "MAIL FROM:<x", "QUIT"):
            call.send(line)
    lab.clock.advance(days=6)
    yield from (step.act for step in lab.trace.only(Rule))
    forged = lab.check_spf(ip="203.0.113.66", helo="x.example", mail_from="alice@alpha.example")
    yield from (step.act for step in forged.trace.only(Rule))


def test_every_sentence_of_a_run_is_filled():
    said = list(runs())
    assert len({rule.name for rule in said}) > 25, "there was something to look at"
    for rule in said:
        wanted = {field for _, field, _, _ in string.Formatter().parse(rules()[rule.name].says) if field}
        assert wanted <= rule.because.keys(), f"{rule.name} does not say {wanted - rule.because.keys()}"
