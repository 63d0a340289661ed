"""What the commands have in common: how they show things, and how they say that something is wrong."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for a program.")


def examples(*lines: str) -> Callable[[F], F]:
    """Put these lines below a command's help; goes right above its function."""

    def put(function: F) -> F:
        shown = "\n".join(f"  {line}" for line in lines)
        function.__doc__ = f"{inspect.cleandoc(function.__doc__ or '')}\n\n\b\nExamples:\n{shown}\n"
        return function

    return put


def given(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were typed or have a default."""
    return {name: value for name, value in options.items() if value is not None}


@contextmanager
def plain_errors() -> Iterator[None]:
    """A mistake of the person at the keyboard becomes one sentence and exit code 2."""
    from mailedu import LabError

    try:
        yield
    except LabError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)


@contextmanager
def writing(what: object) -> Iterator[None]:
    """What cannot be written becomes one sentence and exit code 1."""
    try:
        yield
    except OSError as error:
        raise click.ClickException(f"{what} cannot be written: {error.strerror or error}.") from None


def print_json(told: Any) -> None:
    """One object, readable by people too."""
    click.echo(json.dumps(told, indent=2, ensure_ascii=False))


def show(transcript: str) -> None:
    """Print it; in colour, where a person reads it."""
    if not sys.stdout.isatty():
        click.echo(transcript)
        return
    from rich.console import Console
    from rich.text import Text

    text = Text(transcript)
    text.highlight_regex(r"(?m)\bC[:+] .*$", "cyan")
    text.highlight_regex(r"(?m)\bS[:+] .*$", "green")
    text.highlight_regex(r"\b(pass|ok)\b", "bold green")
    text.highlight_regex(r"\b(fail|softfail|temperror|permerror|refused)\b", "bold red")
    text.highlight_regex(r"(?:RFC )?\d{4} §[\d.]+", "dim")
    Console(soft_wrap=True).print(text)
