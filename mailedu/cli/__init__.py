"""The command `mailedu`: one file a command.

Exit codes: 0 all well, 1 a no (a message was refused, an exercise is not right yet, something is missing), 2 the
command was not understood.
"""

from __future__ import annotations

import io
import sys

import click

from mailedu import __version__

from .check import check
from .completion import completion
from .defences import defences
from .dmarc import dmarc
from .doctor import doctor
from .explain import explain
from .export import export
from .grade import grade
from .lessons import lessons
from .open import open_lessons
from .send import send
from .serve import serve
from .words import examples

EPILOG = "Exit codes: 0 all well; 1 a no: refused, not right yet, something missing; 2 the command was not understood."


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=EPILOG)
@click.version_option(__version__)
@examples(
    "mailedu open                                               # the lessons, in JupyterLab",
    "mailedu send alice@alpha.example bob@beta.example          # one message's whole journey",
    "mailedu serve                                              # real ports, for any mail program",
    "mailedu doctor                                             # what is missing on this machine",
)
def main() -> None:
    """A whole e-mail Internet on this machine, to step through. Nothing leaves it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a console that lacks a character still gets the rest


for command in (open_lessons, lessons, send, serve, dmarc, defences, check, grade, export, doctor, completion, explain):
    main.add_command(command)
