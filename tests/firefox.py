"""Firefox, driven by the protocol that it brings along: Marionette, JSON over a socket of this machine.

No driver program stands between, and nothing is downloaded: Debian's firefox-esr, or any Firefox that is installed.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ["firefox-esr", "firefox"]
PLACES = ["/Applications/Firefox.app/Contents/MacOS/firefox", "C:/Program Files/Mozilla Firefox/firefox.exe"]
MISSING = "firefox is not installed (Debian: firefox-esr)"

# A fresh profile that asks nobody anything: no updates, no reports, no lists, and no way out but to this machine.
SETTINGS = {
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.aboutConfig.showWarning": False,
    "browser.newtabpage.enabled": False,
    "browser.region.network.url": "",
    "browser.safebrowsing.downloads.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.search.update": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.disable_open_during_load": False,
    "extensions.update.enabled": False,
    "marionette.port": 0,  # a free one, written into the profile
    "media.gmp-manager.updateEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.no_proxies_on": "127.0.0.1",
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "network.proxy.type": 1,
    "services.settings.server": "data:,",
    "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.server": "data:,",
}
KEYS = {  # Playwright's names -> WebDriver's characters
    "ArrowDown": "\ue015",
    "ArrowLeft": "\ue012",
    "ArrowRight": "\ue014",
    "ArrowUp": "\ue013",
    "Control": "\ue009",
    "End": "\ue010",
    "Enter": "\ue007",
    "Escape": "\ue00c",
    "Home": "\ue011",
    "Shift": "\ue008",
    "Space": " ",
    "Tab": "\ue004",
}
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # WebDriver's name for a reference to an element
# What pages complained about: errors of their scripts, broken policies, failed fetches.  Not the browser's own.
SAID = """
    const own = entry => !entry.sourceName || /^(file|data|blob|http):/.test(entry.sourceName);
    return Services.console.getMessageArray().filter(entry => entry instanceof Ci.nsIScriptError && own(entry))
        .filter(entry => !(entry.flags & entry.warningFlag)).map(entry => entry.errorMessage);
"""
THEME = "Services.prefs.setIntPref('layout.css.prefers-color-scheme.content-override', arguments[0] === 'dark' ? 0 : 1)"


class Firefox:
    """One window; what a page is asked is asked by `run`, as the body of a function with `arguments`."""

    def __init__(self, port: int) -> None:
        self.line = socket.create_connection(("127.0.0.1", port), timeout=120)
        self.left = b""
        self.numbers = itertools.count(1)
        self.hear()  # its greeting
        self.ask("WebDriver:NewSession", strictFileInteractability=True)

    # -- the protocol: a length, a colon, JSON: [0, number, command, parameters], then [1, number, error, result]

    def ask(self, command: str, **parameters: object) -> Any:
        number = next(self.numbers)
        text = json.dumps([0, number, command, parameters]).encode()
        self.line.sendall(b"%d:%s" % (len(text), text))
        _, answered, error, result = self.hear()
        assert answered == number
        if error:
            raise AssertionError(f"{command}: {error['error']}: {error['message']}")
        return result["value"] if isinstance(result, dict) and "value" in result else result

    def hear(self) -> Any:
        size, text = b"", self.left
        while b":" not in text:
            text += self.more()
        size, text = text.split(b":", 1)
        while len(text) < int(size):
            text += self.more()
        self.left = text[int(size) :]
        return json.loads(text[: int(size)])

    def more(self) -> bytes:
        came = self.line.recv(65_536)
        if not came:
            raise AssertionError("Firefox went away")
        return came

    # -- pages

    def go(self, url: str) -> None:
        self.ask("WebDriver:Navigate", url=url)

    def reload(self) -> None:
        self.ask("WebDriver:Refresh")

    def size(self, width: int, height: int) -> None:
        """The page's own size: a window is larger by its frame."""
        frame = self.run("return [outerWidth - innerWidth, outerHeight - innerHeight]")
        self.ask("WebDriver:SetWindowRect", width=width + frame[0], height=height + frame[1])

    def run(self, script: str, *arguments: object) -> Any:
        return self.ask("WebDriver:ExecuteScript", script=script, args=list(arguments), sandbox=None)

    def wait(self, script: str, *arguments: object) -> Any:
        """A script that calls its last argument when it is done."""
        return self.ask("WebDriver:ExecuteAsyncScript", script=script, args=list(arguments), sandbox=None)

    def until(self, condition: str, *arguments: object, seconds: float = 20) -> Any:
        """Until the expression is true of the page: its value."""
        end = time.monotonic() + seconds
        while not (found := self.run(f"return ({condition})", *arguments)):
            if time.monotonic() > end:
                raise AssertionError(f"it never came to be: {condition}")
            time.sleep(0.05)
        return found

    def there(self, selector: str, nth: int) -> None:
        """Wait until there are so many."""
        self.until("document.querySelectorAll(arguments[0]).length > arguments[1]", selector, nth)

    def text(self, selector: str, nth: int = 0) -> str:
        self.there(selector, nth)
        return str(self.run("return document.querySelectorAll(arguments[0])[arguments[1]].innerText", selector, nth))

    def click(self, selector: str, nth: int = 0) -> None:
        self.there(selector, nth)
        found = self.ask("WebDriver:FindElements", using="css selector", value=selector)
        self.ask("WebDriver:ElementClick", id=found[nth][ELEMENT])

    def focus(self, selector: str, nth: int = 0) -> None:
        self.there(selector, nth)
        self.run("document.querySelectorAll(arguments[0])[arguments[1]].focus()", selector, nth)

    def press(self, *keys: str) -> None:
        """Real key events, one key after the other; "Shift+ArrowDown" holds Shift."""
        actions = []
        for key in keys:
            parts = [KEYS.get(part, part) for part in (key.split("+") if len(key) > 1 else [key])]
            actions += [{"type": "keyDown", "value": part} for part in parts]
            actions += [{"type": "keyUp", "value": part} for part in reversed(parts)]
        self.ask("WebDriver:PerformActions", actions=[{"type": "key", "id": "keys", "actions": actions}])

    def type(self, text: str) -> None:
        self.press(*text)

    def theme(self, name: str) -> None:
        """What pages take the system's theme to be: "light" or "dark"."""
        self.inside(THEME, name)

    def said(self) -> list[str]:
        """What pages complained about so far."""
        return list(self.inside(SAID))

    def inside(self, script: str, *arguments: object) -> Any:
        """Run a script in the browser itself, not in its page."""
        self.ask("Marionette:SetContext", value="chrome")
        try:
            return self.run(script, *arguments)
        finally:
            self.ask("Marionette:SetContext", value="content")

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.ask("WebDriver:TakeScreenshot", full=False)))


def find_firefox() -> str | None:
    for found in (*map(shutil.which, NAMES), *PLACES):
        if found and Path(found).is_file():
            return found
    return None


@contextmanager
def firefox(folder: Path, **settings: object) -> Iterator[Firefox]:
    """A headless one, with an empty profile in the folder; the test skips where there is none."""
    path = find_firefox()
    if path is None:
        pytest.skip(MISSING)
    profile = folder / "profile"
    profile.mkdir()
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in (SETTINGS | settings).items()]
    (profile / "user.js").write_text("".join(lines), encoding="utf-8")
    command = [path, "--headless", "--marionette", "--remote-allow-system-access", "--no-remote", "--new-instance"]
    own = {"HOME": str(folder), "MOZ_CRASHREPORTER_DISABLE": "1"}
    log = folder / "log"
    with log.open("wb") as said:
        started = subprocess.Popen(
            [*command, "--profile", str(profile)],
            env={**os.environ, **own},
            stdout=said,
            stderr=said,
            stdin=subprocess.DEVNULL,
        )
    try:
        yield Firefox(port_of(profile, started, log))
    finally:
        started.terminate()
        try:
            started.wait(timeout=20)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait(timeout=20)


def port_of(profile: Path, started: subprocess.Popen[bytes], log: Path, seconds: float = 120) -> int:
    """The port it listens on, once it does."""
    file = profile / "MarionetteActivePort"
    end = time.monotonic() + seconds
    while time.monotonic() < end and started.poll() is None:
        if file.is_file() and (text := file.read_text(encoding="ascii").strip()):
            return int(text)
        time.sleep(0.1)
    raise AssertionError(f"Firefox never listened:\n{log.read_text(encoding='utf-8', errors='replace')[-3000:]}")
