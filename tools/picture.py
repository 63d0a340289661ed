"""Takes the README's picture: the player on a real run, in Chromium, light and dark.  `make picture`."""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from browser import ARGUMENTS, find_browser  # noqa: E402

from mailedu import Lab  # noqa: E402

WHERE = ROOT / "docs" / "images"
SIZE = {"width": 1200, "height": 580}


def main() -> None:
    forged = Lab(seed=1).send(
        "mallory@gamma.example",
        "bob@beta.example",
        from_="alice@alpha.example",
        client="203.0.113.66",
        subject="Invoice",
    )
    refused = max(step.number for step in forged.trace if getattr(step.act, "name", "") == "mta.dmarc-reject")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = Path(folder) / "forged.html"
        forged.to_html(page_file)
        browser = playwright.chromium.launch(executable_path=find_browser(), args=ARGUMENTS)
        for scheme in "light", "dark":
            page = browser.new_page(viewport=SIZE, color_scheme=scheme, device_scale_factor=1.5)
            page.goto(f"{page_file.as_uri()}#step={refused}")
            page.wait_for_timeout(1000)
            page.screenshot(path=WHERE / f"player-{scheme}.png")
        browser.close()


if __name__ == "__main__":
    main()
