"""Writes binder/requirements.txt: what mailedu needs to run, at the lock's versions, as Binder's machine will see it.

It follows the requirements of the packages installed in .venv, so the test dependencies stay out.
"""

from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
PINS = ROOT / "binder" / "requirements.txt"
HEAD = "# Written by tools/binder.py, from requirements.lock: run `make lock` to change it.\n"
BINDER = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.12.0",
    "python_version": "3.12",
    "sys_platform": "linux",
}


def wanted(requirement: Requirement, extra: str = "") -> bool:
    """Does Binder's machine need it, when `extra` was asked for?"""
    return requirement.marker is None or requirement.marker.evaluate({**BINDER, "extra": extra})


def locked() -> dict[str, str]:
    """The lock as Binder's machine reads it: name -> "name==version"."""
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(pin.name): f"{pin.name}{pin.specifier}" for pin in pins if wanted(pin)}


def needed(name: str) -> set[str]:
    """The names of all packages that running `name` takes, itself not counted."""
    seen = {(canonicalize_name(name), "")}  # (name, extra)
    todo = list(seen)
    while todo:
        package, extra = todo.pop()
        for requirement in map(Requirement, requirements_of(package)):
            if wanted(requirement, extra):
                found = {(canonicalize_name(requirement.name), which) for which in ("", *requirement.extras)}
                todo += found - seen
                seen |= found
    return {package for package, _ in seen} - {canonicalize_name(name)}


def requirements_of(package: str) -> list[str]:
    """What an installed package says it needs; nothing for one that only other systems install."""
    try:
        return requires(package) or []
    except PackageNotFoundError:
        return []


def binder_requirements() -> str:
    """The text of binder/requirements.txt."""
    pins = locked()
    return HEAD + "".join(f"{pins[name]}\n" for name in sorted(needed("mailedu")))


if __name__ == "__main__":
    PINS.write_text(binder_requirements(), encoding="utf-8", newline="\n")
