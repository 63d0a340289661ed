"""A real JupyterLab or Notebook 7 on 127.0.0.1, with a folder of notebooks, and a page of a real browser in it.

Nothing may leave this machine: every request is written down, and so is every error in the console.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

LESSONS = Path(__file__).resolve().parent.parent / "notebooks"

# Lab's "idle" sign shows before the session exists; run-all would then ask for a kernel, and wait for ever.
READY = """async () => {
  const app = window.jupyterapp;
  const soon = () => new Promise((done) => setTimeout(done, 50));
  await app.restored;
  let panel;
  for (let n = 0; n < 1200 && !(panel = app.shell.currentWidget)?.sessionContext; n++) await soon();
  await panel.context.ready;
  await panel.sessionContext.ready;
  for (let n = 0; n < 1200; n++) {
    const kernel = panel.sessionContext.session?.kernel;
    if (kernel && kernel.connectionStatus === "connected" && kernel.status === "idle") return;
    await soon();
  }
  throw "the kernel is not idle";
}"""
NOTEBOOK = "window.jupyterapp.shell.currentWidget.content"
# What Notebook 7 says by itself, without any widget.
NOT_OURS = ("[yjs#509]", "reading 'schema'", 'property "schema"', "Menu entry duplicated", "Failed to load resource")
NOT_OURS += ("WebSocket",)


class Jupyter:
    """The server; `open` gives a page."""

    def __init__(self, app: str, address: str, browser: Browser | None) -> None:
        self.app, self.address, self.browser = app, address, browser
        self.outside: list[str] = []  # requests that left this machine
        self.errors: list[str] = []  # what the console said

    def url(self, name: str) -> str:
        """Where a notebook is."""
        return f"{self.address}/" + (f"lab/tree/{name}?reset" if self.app == "lab" else f"notebooks/{name}")

    def open(self, name: str, width: int = 1280, height: int = 1000) -> Page:
        """The notebook in a page, its kernel ready."""
        assert self.browser
        page = self.browser.new_page(viewport={"width": width, "height": height})
        page.on("request", lambda request: self._asked(request.url))
        page.on("console", lambda said: self._said(said.type, said.text))
        page.on("pageerror", lambda error: self._said("error", str(error)))
        page.goto(self.url(name))
        page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=240_000)
        page.evaluate(READY)
        return page

    def _asked(self, url: str) -> None:
        if not url.startswith((self.address, "data:", "blob:")):
            self.outside.append(url)

    def _said(self, kind: str, text: str) -> None:
        if kind == "error" and not any(known in text for known in NOT_OURS):
            self.errors.append(text)


ALL_DONE = f"""() => {{
  const book = {NOTEBOOK};
  const cells = book.widgets.filter((cell) => cell.model.type === "code" && cell.model.sharedModel.source);
  const kernel = book.parent.sessionContext.session.kernel;
  return cells.every((cell) => cell.model.executionCount) && kernel.status === "idle";
}}"""


def run_all(page: Page, seconds: float = 120) -> None:
    """Run every cell, and wait until the last one is done."""
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function(ALL_DONE, timeout=seconds * 1000)


def scroll_to(page: Page, cell: int) -> None:
    """Bring a cell into view: those far away are not drawn."""
    page.evaluate(f"async () => {{ await {NOTEBOOK}.scrollToItem({cell}, 'center').catch(() => 0) }}")
    page.wait_for_timeout(300)


def place(page: Page, id: str) -> int:
    """Where the cell with this id stands."""
    return int(page.evaluate(f"(id) => {NOTEBOOK}.widgets.findIndex((cell) => cell.model.id === id)", id))


def cell(page: Page, id: str) -> Locator:
    """A cell, brought into view."""
    at = place(page, id)
    scroll_to(page, at)
    found = page.locator(f".jp-Cell[data-windowed-list-index='{at}']")
    found.wait_for(timeout=30_000)
    return found


def failed(page: Page) -> list[str]:
    """The ids of the cells that ended in an error."""
    return list(
        page.evaluate(
            f"""{NOTEBOOK}.widgets.filter((cell) => cell.model.type === "code" &&
              cell.model.sharedModel.outputs.some((output) => output.output_type === "error"))
              .map((cell) => cell.model.id)"""
        )
    )


def theme(page: Page, name: str) -> None:
    """Light or Dark."""
    page.evaluate(
        "(name) => window.jupyterapp.commands.execute('apputils:change-theme', { theme: name })", f"JupyterLab {name}"
    )
    page.wait_for_function(f"document.body.dataset.jpThemeLight === '{'true' if name == 'Light' else 'false'}'")
    page.wait_for_timeout(300)


@contextmanager
def jupyter(app: str, folder: Path, browser: Browser | None, home: Path) -> Iterator[Jupyter]:
    """`app` is "lab" or "notebook"; `browser` opens its pages; `home` is an empty folder for settings."""
    settings = home / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False}
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet), encoding="utf-8")
    own = {"JUPYTER_CONFIG_DIR": "config", "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "spaces"}
    own |= {"JUPYTER_RUNTIME_DIR": "runtime", "IPYTHONDIR": "ipython", "MAILEDU_PROGRESS": "progress.json"}
    environment = dict(os.environ, NO_PROXY="127.0.0.1", no_proxy="127.0.0.1", ANYWIDGET_HMR="0")
    environment |= {name: str(home / place) for name, place in own.items()}
    expose = "LabApp" if app == "lab" else "JupyterNotebookApp"
    command = [
        sys.executable,
        "-m",
        "jupyterlab" if app == "lab" else "notebook",
        "--no-browser",
        "--ip=127.0.0.1",
        "--ServerApp.port=0",  # it says itself which one it got: one that we had chosen, somebody else may take
        "--allow-root",
        "--IdentityProvider.token=",
        f"--ServerApp.root_dir={folder}",
        "--LabApp.extension_manager=readonly",
        f"--{expose}.expose_app_in_browser=True",
    ]
    log = home / "log"
    with log.open("wb") as said:
        server = subprocess.Popen(command, env=environment, stdout=said, stderr=said, stdin=subprocess.DEVNULL)
    try:
        yield Jupyter(app, address_of(server, home / "runtime", log), browser)
    finally:
        server.terminate()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()


@contextmanager
def jupyterlab_with(lesson: str, browser: Browser, folders: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """JupyterLab in a folder of its own that has a copy of this lesson."""
    folder = folders.mktemp("lessons")
    shutil.copy(LESSONS / lesson, folder / lesson)
    with jupyter("lab", folder, browser, folders.mktemp("home")) as server:
        yield server


def address_of(server: subprocess.Popen[bytes], runtime: Path, log: Path, seconds: float = 240) -> str:
    """Where it listens, once it does: it writes that into a file when it has a port, and answers a moment later."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        try:
            said = json.loads((runtime / f"jpserver-{server.pid}.json").read_text(encoding="utf-8"))
            address = f"http://127.0.0.1:{said['port']}"
            direct.open(f"{address}/api", timeout=5).close()
        except (OSError, ValueError):  # no file yet, half a file, or nobody there
            time.sleep(0.1)
        else:
            return address
    raise AssertionError(f"the server never answered:\n{log.read_text(encoding='utf-8', errors='replace')}")
