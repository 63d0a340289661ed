"""The gallery: capsules of common failures, made with the lab, to replay, to teach with, and to test against.

    explain(capsule_of("forwarded"))
    for name, capsule in cases.items(): ...

They lie beside this file in `capsules/`; `staged` makes them, and `tools/cases.py` writes them down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources

from ..acts import LabError
from .capsule import Capsule, read_capsule

FOLDER = resources.files(__package__) / "capsules"


def capsule_of(name: str) -> Capsule:
    """One capsule of the gallery, by its name; LabError says which there are."""
    try:
        return cases[name]
    except KeyError:
        raise LabError(f"The gallery has no case {name!r}: there are {', '.join(cases)}.") from None


class Cases(Mapping[str, Capsule]):
    """Name -> capsule; a capsule is read when it is asked for."""

    def __getitem__(self, name: str) -> Capsule:
        if name not in names():
            raise KeyError(name)
        return read(name)

    def __iter__(self) -> Iterator[str]:
        return iter(names())

    def __len__(self) -> int:
        return len(names())

    def __repr__(self) -> str:
        return "\n".join(f"{name:<20} {capsule.title}" for name, capsule in self.items())


@cache
def names() -> tuple[str, ...]:
    return tuple(sorted(file.name.removesuffix(".json") for file in FOLDER.iterdir() if file.name.endswith(".json")))


@cache
def read(name: str) -> Capsule:
    return read_capsule((FOLDER / f"{name}.json").read_text("utf-8"))


cases = Cases()
