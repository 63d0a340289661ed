"""Build site/: every lesson, run, as a page with its players working; no kernel, no content network.

make site                               # site/index.html, to put on any web server, or to open from the disk
make site ARGS="--folder /tmp/site 00 08"
"""

from __future__ import annotations

import argparse
import html
import re
import shutil
import sys
from pathlib import Path

from mailedu import LabError
from mailedu.exercises.course import LESSONS, Lesson, released
from mailedu.exercises.grading import read
from mailedu.exercises.page import executed, framed, page

ROOT = Path(__file__).resolve().parent.parent
FOOTER = (
    "<footer><p>Every byte on these pages was exchanged, every verdict computed, when the page was made. "
    "A player steps through the run without Jupyter. To type, break and repair, run the lesson yourself: "
    "<code>mailedu open</code>. Lessons: CC BY 4.0.</p></footer>\n"
)


def file_of(lesson: Lesson) -> str:
    return lesson.notebook.replace(".ipynb", ".html")


def navigation(lessons: list[Lesson], here: int) -> str:
    """All lessons, the one before, and the next."""
    links = ['<a href="index.html">All lessons</a>']
    if here > 0:
        links.append(f'<a href="{file_of(lessons[here - 1])}">← {html.escape(lessons[here - 1].title)}</a>')
    if here + 1 < len(lessons):
        links.append(f'<a href="{file_of(lessons[here + 1])}">{html.escape(lessons[here + 1].title)} →</a>')
    return f"<nav class=site>{''.join(links)}</nav>\n"


def index(lessons: list[Lesson]) -> str:
    """The first page."""
    pictures = (
        '<picture><source media="(prefers-color-scheme: dark)" srcset="player-dark.png">'
        '<img alt="The player: who speaks to whom, what was said, and why a forged message is refused" '
        'src="player-light.png"></picture>'
    )
    rows = "".join(
        f'<tr><td><a href="{file_of(lesson)}">{lesson.number}</a></td>'
        f'<td><a href="{file_of(lesson)}">{html.escape(lesson.title)}</a></td></tr>'
        for lesson in lessons
    )
    body = (
        f"{pictures}<h1>mailedu</h1><p><b>A whole e-mail Internet inside a notebook, that you can stop, rewind, "
        f"branch, break and repair.</b></p><table>{rows}</table>"
    )
    return framed("mailedu: the lessons", body, below=FOOTER)


def build(folder: Path, lessons: list[Lesson]) -> None:
    """Run each lesson and write its page."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {lesson.notebook: file_of(lesson) for lesson in lessons}
    for place, lesson in enumerate(lessons):
        text = page(
            executed(read(released(lesson))),
            f"{lesson.number} · {lesson.title}",
            above=navigation(lessons, place),
            below=FOOTER,
            link=lambda name: names.get(name, "index.html"),
        )
        (folder / file_of(lesson)).write_text(text, encoding="utf-8")
        print(f"  {file_of(lesson):32}{len(text.encode()):12,} octets", flush=True)
    for theme in ("light", "dark"):
        shutil.copy(ROOT / "docs" / "images" / f"player-{theme}.png", folder)
    (folder / "index.html").write_text(index(lessons), encoding="utf-8")


def broken_links(folder: Path) -> list[str]:
    """What points to nothing: other pages, and places within a page."""
    pages = {path.name: path.read_text("utf-8") for path in folder.glob("*.html")}
    bare = {name: re.sub(r' srcdoc="[^"]*"', "", text) for name, text in pages.items()}
    places = {name: set(re.findall(r'\bid="?([^"\s>]+)', text)) for name, text in bare.items()}
    wrong = []
    for name, text in bare.items():
        for link in re.findall(r'(?:href|src|srcset)="([^"]+)"', text):
            target, _, place = html.unescape(link).partition("#")
            if re.match(r"(https?|mailto|data):", link):
                continue
            no_file = target and not (folder / target).is_file()
            if no_file or (place and target in ("", *pages) and place not in places[target or name]):
                wrong.append(f"{name}: {link}")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "site", help="where to put it (site/)")
    parser.add_argument("numbers", nargs="*", help="some lessons only: 00 08")
    asked = parser.parse_args()
    try:
        build(asked.folder, [one for one in LESSONS if not asked.numbers or one.number in asked.numbers])
    except LabError as why:
        sys.exit(str(why))
    if wrong := broken_links(asked.folder):
        sys.exit("These links lead nowhere:\n" + "\n".join(f"  {one}" for one in wrong))
    print(f"Open {asked.folder / 'index.html'}")


if __name__ == "__main__":
    main()
