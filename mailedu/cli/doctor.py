"""mailedu doctor: what is here, what is missing, and how to get it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import NamedTuple

import click

from .words import AS_JSON, examples, print_json

OLDEST = (3, 11)
OURS = "mailedu"
# program -> (what it is for, Debian's package, Homebrew's)
PROGRAMS = {
    "swaks": ("sends mail to `mailedu serve`", "swaks", "swaks"),
    "curl": ("sends and reads mail from a command line", "curl", "curl"),
    "openssl": ("talks to a server under TLS, and shows its certificate", "openssl", "openssl"),
    "dig": ("asks the lab's DNS", "bind9-dnsutils", "bind"),
    "tshark": ("reads packets that the lab exports", "tshark", "wireshark"),
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "firefox", "firefox-esr", "msedge", "safari")


class Finding(NamedTuple):
    """One thing that was looked for."""

    what: str
    ok: bool
    needed: bool  # without it mailedu does not work; else something is less comfortable
    says: str
    get: str = ""  # how to get it


@click.command(short_help="What is missing on this machine.")
@AS_JSON
@examples("mailedu doctor", "mailedu doctor --json | jq '.[] | select(.ok | not)'")
def doctor(as_json: bool) -> None:
    """Say what is missing on this machine, and how to get it. Exit code 1: something that is needed is missing."""
    found = list(findings())
    if as_json:
        print_json([one._asdict() for one in found])
    else:
        width = max(len(one.what) for one in found)
        for one in found:
            mark = "ok" if one.ok else "MISSING" if one.needed else "-"
            click.echo(f"{mark:8} {one.what:{width}}  {one.says}")
            if one.get and not one.ok:
                click.echo(f"{'':8} {'':{width}}  {one.get}")
        click.echo(closing(found))
    sys.exit(0 if all(one.ok for one in found if one.needed) else 1)


def closing(found: list[Finding]) -> str:
    if any(one.needed and not one.ok for one in found):
        return "Something that mailedu needs is missing: see above."
    return "All that mailedu needs is here. What is marked - is for some lessons only, and nothing fails without it."


def findings() -> Iterator[Finding]:
    yield python()
    yield from packages()
    yield kernel()
    yield sockets()
    yield progress_file()
    yield browser()
    yield nbgrader()
    yield from programs()


def python() -> Finding:
    version = platform.python_version()
    oldest = ".".join(map(str, OLDEST))
    return Finding(
        "Python", sys.version_info >= OLDEST, True, f"{version}, {sys.executable}", f"Install {oldest} or newer."
    )


def packages() -> Iterator[Finding]:
    """What mailedu's own metadata asks for."""
    from packaging.requirements import Requirement

    try:
        wanted = metadata.requires(OURS) or []
    except metadata.PackageNotFoundError:
        yield Finding(OURS, False, False, "runs from a folder and is not installed", "pip install --editable .")
        return
    for text in wanted:
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        get = f"{sys.executable} -m pip install '{requirement.name}{requirement.specifier}'"
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            yield Finding(requirement.name, False, True, f"is not installed ({requirement.specifier} is wanted)", get)
            continue
        fits = requirement.specifier.contains(version, prereleases=True)
        says = version if fits else f"{version}, and {requirement.specifier} is wanted"
        yield Finding(requirement.name, fits, True, says, get)


def kernel() -> Finding:
    """What runs a notebook."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    get = f"{sys.executable} -m pip install ipykernel"
    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        return Finding("kernel", False, True, "Jupyter has no kernel python3", get)
    program = str(spec.argv[0])
    theirs = sys.executable if re.fullmatch(r"python[\d.]*", program) else program  # so Jupyter starts a bare "python"
    same = os.path.realpath(theirs) == os.path.realpath(sys.executable)
    says = f"python3, {theirs}" + ("" if same else ", which is another Python than this one")
    return Finding("kernel", same, True, says, f"{get} && {sys.executable} -m ipykernel install --sys-prefix")


def sockets() -> Finding:
    """`lab.serve()` wants a port of its own machine."""
    import socket

    try:
        with (
            socket.create_server(("127.0.0.1", 0)) as server,
            socket.create_connection(server.getsockname(), timeout=5),
        ):
            return Finding("127.0.0.1", True, False, "a program can be served here")
    except OSError as why:
        says = f"no port can be opened ({why.strerror or why}); the lab works in memory only"
        return Finding("127.0.0.1", False, False, says, "Ask who runs this machine: a sandbox or firewall forbids it.")


def progress_file() -> Finding:
    from mailedu.exercises.map import PLACE, place

    file = place()
    if file is None:
        return Finding("progress", False, False, "is not kept", f"Let {PLACE} name a file.")
    folder = next(parent for parent in file.parents if parent.exists())
    ok = os.access(file if file.exists() else folder, os.W_OK)
    return Finding(
        "progress", ok, False, f"{file}" if ok else f"{file} cannot be written", f"Let {PLACE} name another file."
    )


def browser() -> Finding:
    found = next((name for name in BROWSERS if shutil.which(name)), "")
    usual = sys.platform in ("win32", "darwin")
    says = found or ("the system's own" if usual else "none was found; JupyterLab prints its address")
    return Finding("browser", bool(found or usual), False, says, "apt install chromium; or open the address elsewhere.")


def nbgrader() -> Finding:
    get = f"{sys.executable} -m pip install 'mailedu[class]'"
    try:
        return Finding("nbgrader", True, False, f"{metadata.version('nbgrader')}, for a teacher")
    except metadata.PackageNotFoundError:
        return Finding(
            "nbgrader", False, False, "for a teacher who keeps grades in it; `mailedu grade` does without", get
        )


def programs() -> Iterator[Finding]:
    for name, (use, debian, brew) in PROGRAMS.items():
        get = f"brew install {brew}" if sys.platform == "darwin" else f"apt install {debian}"
        path = shutil.which(name)
        yield Finding(name, path is not None, False, path or use, get)
