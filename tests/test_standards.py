"""Every standard that is cited is known, with its status; what one says of another, the other says too."""

import datetime
import re
from pathlib import Path

import pytest

import mailedu
from mailedu.rules import rules, standards

PACKAGE = Path(mailedu.__file__).parent
HOUSE = PACKAGE.parent
KNOWN = {number: entry for number, entry in standards().items() if number != "as_of"}
STATUSES = {
    "Internet Standard": 3,
    "Draft Standard": 2,
    "Proposed Standard": 1,
    "Best Current Practice": 0,
    "Informational": 0,
    "Experimental": 0,
    "Historic": 0,
    "Unknown": 0,  # what the index says of some that are older than its categories
}
CITED = re.compile(r"\bRFCs? ?(\d{3,5})\b")

a_standard = pytest.mark.parametrize("number, entry", KNOWN.items(), ids=KNOWN)


def cited_in(path: Path) -> set[str]:
    return set(CITED.findall(path.read_text("utf-8")))


def texts() -> list[Path]:
    found = [HOUSE / "README.md", *PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.js"), *PACKAGE.rglob("*.toml")]
    return found + [path for folder in ("docs", "notebooks", "benchmarks") for path in (HOUSE / folder).rglob("*.*")
                    if path.suffix in (".md", ".ipynb", ".py") and ".ipynb_checkpoints" not in path.parts]  # fmt: skip


def test_every_rule_rests_on_a_standard_we_know():
    cited = {entry.rfc.split()[0] for entry in rules().values() if entry.rfc}
    assert cited and cited <= set(KNOWN), sorted(cited - set(KNOWN), key=int)


def test_every_standard_that_code_and_course_cite_is_known():
    unknown = {str(path.relative_to(HOUSE)): sorted(cited_in(path) - set(KNOWN)) for path in texts() if path.exists()}
    assert not {path: numbers for path, numbers in unknown.items() if numbers}


def test_the_day_it_was_looked_up_is_told():
    assert isinstance(standards()["as_of"], datetime.date)


@a_standard
def test_an_entry_is_whole(number, entry):
    lists = {"obsoletes", "obsoleted_by", "updates", "updated_by"}
    assert set(entry) <= {"title", "status", "date", "std", "bcp", "doubt", *lists}
    assert entry["title"] and entry["title"] == entry["title"].strip() and entry["status"] in STATUSES
    assert "1969-04" <= entry["date"] <= standards()["as_of"].isoformat()[:7]
    assert re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", entry["date"])
    assert ("std" in entry) == (entry["status"] == "Internet Standard")
    assert ("bcp" in entry) == (entry["status"] == "Best Current Practice")
    for name in lists & set(entry):
        assert entry[name] == sorted(set(entry[name]), key=int) and all(re.fullmatch(r"\d+", n) for n in entry[name])
    assert entry.get("doubt", ".").endswith(".")


@a_standard
def test_what_one_says_of_another_the_other_says_too(number, entry):
    for name, back in [("obsoletes", "obsoleted_by"), ("updates", "updated_by")]:
        for one, other in [(name, back), (back, name)]:
            for mentioned in entry.get(one, []):
                assert mentioned not in KNOWN or number in KNOWN[mentioned].get(other, []), (mentioned, other)
                assert (int(mentioned) < int(number)) == (one == name), "the later speaks of the earlier"


def test_dmarc_says_what_nobody_could_verify():
    assert all("draft" in KNOWN[number]["doubt"] for number in ("9989", "9990", "9991"))
    assert KNOWN["7489"]["obsoleted_by"] == ["9989", "9990", "9991"]
