"""Make the gallery of capsules anew: the capsules, what explain() says of each, and the page that lists them.

    python tools/cases.py            (or: make cases)

The same sources give the same files, octet for octet.  Who changes the words of `explain` runs this, reads what has
changed in tests/transcripts/explain-*.txt as somebody would whose mail it is, and commits it.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from mailedu.examine import explain  # noqa: E402
from mailedu.examine.report import prose  # noqa: E402
from mailedu.examine.staged import STAGED  # noqa: E402

CAPSULES = ROOT / "mailedu" / "examine" / "capsules"
TOLD = ROOT / "tests" / "transcripts"
PAGE = ROOT / "docs" / "cases.md"

ABOVE = """# Cases: what goes wrong with mail, ready to replay

Each case is a message that went through the lab's servers, in a capsule: the message, every DNS answer that its verdict
rests on, and the date. All are common in real life. Nothing is asked outside.

```python
from mailedu import explain
from mailedu.examine import capsule_of, cases

found = explain(capsule_of("forwarded"))     # as a cell's last line it is the player
print(found.paragraph)
assert found.verdicts() == {"spf": "fail", "dkim": "pass", "dmarc": "pass"}
assert "forged" in cases
```

What is said of your own messages in the same way is on [its own page](explain.md). `tools/cases.py` writes this page
and the capsules; the texts that `explain` has for each of them are in `tests/transcripts/explain-*.txt`.

| case | what happened | SPF | DKIM | DMARC | what is to be learned |
|---|---|---|---|---|---|
"""


def files():
    """(path, text) of all there is to write."""
    rows = []
    for name, (title, learned, make) in STAGED.items():
        capsule = make().capsule(title)
        verdicts = " | ".join(capsule.verdicts.values())
        rows.append(f"| `{name}` | {title} | {verdicts} | {learned} |\n")
        yield CAPSULES / f"{name}.json", capsule.to_json() + "\n"
        yield TOLD / f"explain-{name}.txt", told(explain(capsule))
    yield PAGE, ABOVE + "".join(rows)


def told(found):
    """The verdicts, the paragraph, the advice: what is to be read again when its words have changed."""
    verdicts = ", ".join(f"{method} {word}" for method, word in found.verdicts().items())
    return "\n".join([found.title, f"{found.verdict}: {verdicts}", "", *prose(found)]) + "\n"


def main():
    made = dict(files())
    CAPSULES.mkdir(exist_ok=True)
    for old in {*CAPSULES.glob("*.json"), *TOLD.glob("explain-*.txt")} - made.keys():
        old.unlink()
    for path, text in made.items():
        path.write_text(text, encoding="utf-8", newline="\n")
    print(f"{len(STAGED)} cases: see {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
