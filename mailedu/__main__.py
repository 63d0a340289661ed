"""`python -m mailedu` is the command `mailedu`."""

from mailedu.cli import main

main(prog_name="mailedu")
