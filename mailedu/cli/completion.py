"""mailedu completion: what a shell wants to know to complete our words."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from .words import examples

SHELLS = ("bash", "zsh", "fish")


@click.command(short_help="Let a shell complete these words.")
@click.argument("shell", type=click.Choice(SHELLS))
@examples(
    "mailedu completion bash >> ~/.bashrc",
    "mailedu completion zsh >> ~/.zshrc",
    "mailedu completion fish > ~/.config/fish/completions/mailedu.fish",
)
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the lines that let SHELL complete mailedu's commands, options and addresses."""
    kind = get_completion_class(shell)
    assert kind
    program = context.find_root().command
    completes = kind(program, {}, "mailedu", "_MAILEDU_COMPLETE")
    click.echo(completes.source_template % completes.source_vars())  # not `source()`: that starts bash to see its age
