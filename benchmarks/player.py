"""The player in headless Chromium: first paint, one step, a jump, another level, at 400 to 100,000 steps of real mail.

What is wanted: at 10,000 steps at most 16 ms a step and 500 ms to the first paint; 100,000 steps stay usable.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from mailedu.trace import Trace
from mailedu.views import html
from mailedu.views.score import pack, record, score

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from browser import ARGUMENTS, MISSING, find_browser

SIZES = (400, 10_000, 100_000)
STEP, PAINT = 16, 500  # ms that are allowed at 10,000 steps

# Script and layout of one action; the frame's own wait is not part of it.
MEASURE = """async ([what, count]) => {
    const { app } = document.querySelector('.mp').player, times = [];
    const frame = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
    let random = 7;
    const some = () => (random = (random * 1103515245 + 12345) % 2 ** 31) % app.story.size;
    const actions = {
        step: () => app.move('next'), jump: () => app.go(some(), { reveal: true, jump: true }),
        level: k => app.level(k % 2 ? 2 : 4),
    };
    for (let k = 0; k < count; k++) {
        const start = performance.now();
        actions[what](k);
        document.body.offsetHeight;
        times.push(performance.now() - start);
        await frame();
    }
    return times;
}"""
BEGIN = (
    "(level) => { const { app } = document.querySelector('.mp').player; app.level(level); app.go(0, { jump: true }); }"
)
FIRST = """() => Math.max(document.querySelector('.mp').player.ms.shown,
    performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0)"""
SHOWN = "() => { const { ms } = document.querySelector('.mp').player; return [ms.unpack, ms.render]; }"
ROWS = "document.querySelectorAll('.mp-row').length"


def main() -> None:
    path = find_browser()
    if path is None:
        print(f"player: {MISSING}")
        return
    print("The player in Chromium, milliseconds (median / 95th of 100)")
    print(
        f"  {'steps':>8}  {'page kB':>8}  {'painted':>8}  {'unpack':>7}  {'render':>7}  {'a step':>13}  "
        f"{'a jump':>13}  {'a level':>13}  {'rows':>5}"
    )
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=ARGUMENTS)
        for size in SIZES:
            file = Path(folder, f"{size}.html")
            trace, readers, tables = mail(size)
            start = time.perf_counter()
            packed = pack(score(trace, readers, tables))
            making = time.perf_counter() - start
            file.write_text(html.of_packed(packed, "Many mails", (), record(trace)), encoding="utf-8")
            page = browser.new_page(viewport={"width": 1000, "height": 760})
            print(measured(page, file, len(trace)) + f"  (made in {making * 1e3:,.0f} ms)")
            page.close()
        browser.close()


def measured(page: Page, file: Path, steps: int) -> str:
    page.goto(file.as_uri())
    page.locator(".mp").wait_for(timeout=60_000)
    painted = page.evaluate(FIRST)
    unpack, render = page.evaluate(SHOWN)
    page.evaluate(BEGIN, 3)
    stepping, jumping = page.evaluate(MEASURE, ["step", 100]), page.evaluate(MEASURE, ["jump", 100])
    levels = page.evaluate(MEASURE, ["level", 10])
    rows = page.evaluate(ROWS)
    late = " TOO SLOW" if steps <= 11_000 and (spread(stepping)[0] > STEP or painted > PAINT) else ""
    return (
        f"  {steps:8,}  {file.stat().st_size / 1e3:8,.0f}  {painted:8.0f}  {unpack:7.0f}  {render:7.0f}  "
        f"{told(stepping):>13}  {told(jumping):>13}  {told(levels):>13}  {rows:5}{late}"
    )


def spread(times: list[float]) -> tuple[float, float]:
    return statistics.median(times), statistics.quantiles(times, n=20)[-1]


def told(times: list[float]) -> str:
    return "{:.1f} / {:.1f}".format(*spread(times))


def mail(steps: int) -> tuple[Trace, dict, dict]:
    """So many steps, of mails that a lab really carried."""
    from mailedu import Lab
    from mailedu.lab.shown import READERS, TABLES

    lab = Lab(seed=1)
    number = 0
    while len(lab.trace) < steps:
        number += 1
        to = "bob@beta.example" if number % 5 else "nobody@beta.example"
        lab.send("alice@alpha.example", to, subject=f"Mail {number}", text=f"This is number {number}.\n" * 5)
    return lab.trace, READERS, TABLES


if __name__ == "__main__":
    main()
