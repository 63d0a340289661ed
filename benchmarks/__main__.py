"""python -m benchmarks [--write] [name …]: each module of this folder that has a main(), or the named ones.

With --write, what they print is put into docs/performance.md too, with the day and the machine.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import pkgutil
import platform
import re
import sys
from datetime import date
from pathlib import Path

import benchmarks

HELPERS = {"__main__", "dovecot", "measure"}
NAMES = sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name not in HELPERS)
PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
PICTURES = PAGE.parent / "images"
SECTION = re.compile(r"^## (\w+)\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def main(words: list[str]) -> None:
    write, wanted = "--write" in words, [word for word in words if word != "--write"]
    unknown = set(wanted) - set(NAMES)
    if unknown:
        sys.exit(f"There is no benchmark {', '.join(sorted(unknown))}: choose from {', '.join(NAMES)}.")
    for name in wanted or NAMES:
        said = io.StringIO()
        with contextlib.redirect_stdout(Both(said) if write else sys.stdout):
            importlib.import_module(f"benchmarks.{name}").main()
        if write:
            PAGE.write_text(told(PAGE.read_text(encoding="utf-8"), name, said.getvalue()), encoding="utf-8")


class Both(io.TextIOBase):
    """Shown, and kept."""

    def __init__(self, kept: io.StringIO) -> None:
        self.kept, self.shown = kept, sys.stdout

    def write(self, text: str) -> int:
        self.kept.write(text)
        self.shown.write(text)
        self.shown.flush()
        return len(text)


def told(page: str, name: str, said: str) -> str:
    """The page with this benchmark's section written anew; the sections stand in the order of their names."""
    where = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    section = f'## {name}\n\n{date.today()}, {where}; again by `make bench ARGS="--write {name}"`.\n\n'
    sections = {found[1]: found[0].rstrip() + "\n" for found in SECTION.finditer(page)}
    picture = f"\n![{name}: what was measured](images/{name}.svg)\n" if (PICTURES / f"{name}.svg").is_file() else ""
    sections[name] = f"{section}```text\n{said.rstrip()}\n```\n{picture}"
    first = SECTION.search(page)
    head = page[: first.start()] if first else page.rstrip() + "\n\n"
    return head + "\n".join(sections[one] for one in sorted(sections))


if __name__ == "__main__":
    main(sys.argv[1:])
