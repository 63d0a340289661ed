"""Finds and starts a browser for the tests: an installed Chromium or Chrome, else the one that Playwright downloaded.

As a program it says which, and ends with 1 if there is none.
"""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]
PLACES = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Google/Chrome/Application/chrome.exe",
]
ARGUMENTS = [
    "--no-sandbox",  # its sandbox does not start for root, as in a container; the pages are our own
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MISSING = "no Chromium or Chrome here: install one (on Debian and Ubuntu, `apt-get install chromium`)"


def find_browser() -> str | None:
    """The browser's path; None where there is none."""
    for found in (*map(shutil.which, NAMES), *PLACES):
        if found and Path(found).is_file():
            return found
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).is_file() else None


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One headless browser for all tests of a file.

    Not of a run: while Playwright is there, nothing else in this process can use asyncio.
    """
    path = find_browser()
    if path is None:
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, headless=True, args=ARGUMENTS)
        yield started
        started.close()


if __name__ == "__main__":
    found = find_browser()
    print(f"Browser for the tests: {found}" if found else MISSING)
    sys.exit(found is None)
