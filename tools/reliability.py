"""Run what judges mailedu, and write docs/reliability.md: who judged, how often, and what was found.

make reliability                        # a quarter of an hour
make reliability ARGS=--long            # with the tests that take minutes each
"""

from __future__ import annotations

import argparse
import platform
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from datetime import date
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reliability.md"
# What is judged, by whom, in which files of tests/ (patterns)
GROUPS = {
    "SPF: the suite of RFC 7208, pyspf, spfquery": "test_spf_*.py",
    "DKIM: the RFCs' vectors, dkimpy, Mail::DKIM, OpenDKIM": "test_dkim*.py",
    "DMARC and ARC: checkdmarc, dmarc, organizational domains": "test_dmarc*.py test_arc.py test_results.py",
    "SMTP and POP3: swaks, curl, msmtp, fetchmail, smtplib, poplib": "test_clients_smtp.py test_clients_pop3.py",
    "IMAP: imaplib, imapclient, mbsync, beside Dovecot": "test_clients_imap.py test_imap_imaplib.py",
    "DNS: dig, host, dnspython": "test_clients_dns.py",
    "a server that we did not write: aiosmtpd": "test_smtp_aiosmtpd.py",
    "load: many clients at once": "test_clients_load.py test_loopback.py",
    "faults: falls, lost lines, broken clocks, the queue's promise": "test_faults.py test_queue*.py",
    "bytes cut at every place, and random ones": "test_wire.py test_acts.py test_*_grammar.py test_message.py",
    "bad submissions, a class, mischief": "test_classroom.py test_exercises_grading.py test_exercises_apart.py",
    "every exercise: right and wrong answers": "test_exercises_solutions.py",
    "every lesson: twice, and in another order": "test_lessons.py",
    "the player in a browser": "test_player*.py test_gallery.py",
    "JupyterLab and Notebook 7, really clicked": "test_in_jupyter.py test_lesson*_in_jupyter.py",
    "nothing leaves the machine; who may call a lab": "test_stays_here.py test_callers.py",
    "the house's order: floors, rules and books, standards": "test_architecture.py test_rules.py test_standards.py",
}


class Score(NamedTuple):
    """What pytest counted."""

    passed: int
    failed: int
    skipped: int
    seconds: float
    findings: list[str]  # the tests that failed


def judged(patterns: str, long: bool) -> Score:
    """Run these tests."""
    files = sorted({str(path) for pattern in patterns.split() for path in (ROOT / "tests").glob(pattern)})
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        marks = [] if long else ["-m", "not long"]
        command = [sys.executable, "-m", "pytest", "-q", "-n", "2", *marks, f"--junitxml={report}", *files]
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
        return read(report)


def read(report: Path) -> Score:
    suite = ElementTree.parse(report).getroot().find("testsuite")
    assert suite is not None
    failed = [
        case.get("name", "") for case in suite.iter("testcase") if {"failure", "error"} & {one.tag for one in case}
    ]
    skipped = int(suite.get("skipped", 0))
    count = int(suite.get("tests", 0))
    return Score(count - len(failed) - skipped, len(failed), skipped, float(suite.get("time", 0)), failed)


def before(text: str) -> dict[str, Score]:
    """The rows of the page as it is."""
    found = {}
    rows = r"^\| (.+?) \| ([\d,]+) \| (\d*) \| (\d*) \| ([\d,]+) s \|$"
    for name, *cells, seconds in re.findall(rows, text, re.MULTILINE):
        passed, failed, skipped = (int(cell.replace(",", "") or 0) for cell in cells)
        tests = re.findall(rf"^- {re.escape(name)}: `(.+)`$", text, re.MULTILINE)
        found[name] = Score(passed, failed, skipped, float(seconds.replace(",", "")), tests)
    return found


def row(name: str, score: Score) -> str:
    return f"| {name} | {score.passed:,} | {score.failed or ''} | {score.skipped or ''} | {score.seconds:,.0f} s |"


def page(scores: dict[str, Score], long: bool) -> str:
    """The document."""
    where = f"{date.today()}, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    left = [name for name in GROUPS if name not in scores]
    found = [f"- {name}: `{test}`" for name, score in scores.items() for test in score.findings]
    return "\n".join(
        [
            "# How far it can be relied on",
            "",
            f"Written by `make reliability{' ARGS=--long' if long else ''}`; {where}. "
            "Each row is a group of tests that ran, and judged by what the row names. "
            "A test skips where the program that it wants is not installed.",
            "",
            "| who judges what | passed | failed | skipped | took |",
            "|---|---:|---:|---:|---:|",
            *(row(name, score) for name, score in scores.items()),
            "",
            "What failed:" if found else "Nothing failed.",
            *([""] if found else []),
            *found,
            *(["", f"Stopped before: {'; '.join(left)}."] if left else []),
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--long", action="store_true", help="with the tests that take minutes")
    parser.add_argument("--only", default="", help="the groups with this word")
    asked = parser.parse_args()
    scores = before(PAGE.read_text("utf-8")) if asked.only and PAGE.exists() else {}
    for name, patterns in GROUPS.items():
        if asked.only in name:
            scores[name] = judged(patterns, asked.long)
            print(row(name, scores[name]), flush=True)  # written after each: a run that is stopped leaves what it has
            PAGE.write_text(page({one: scores[one] for one in GROUPS if one in scores}, asked.long), encoding="utf-8")
    sys.exit(1 if any(score.failed for score in scores.values()) else 0)


if __name__ == "__main__":
    main()
