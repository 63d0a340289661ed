"""Which defence stops which attack: the table, and that each cell is a run."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from mailedu import Lab, LabError
from mailedu.cli import main
from mailedu.lab.defences import NOT_SENT, READ, SAFE, between_servers, submission

SIGNS = {"!": READ, "+": SAFE, "-": NOT_SENT}


def rows(table) -> dict[str, str]:
    signs = {word: sign for sign, word in SIGNS.items()}
    return {attack: "".join(signs[one] for one in table.row(attack)) for attack in table.attacks}


def test_from_a_mail_program_to_its_server() -> None:
    assert rows(submission()) == {  # if offered, TLS required, name verified, implicit TLS
        "only listens": "++++",
        "strips STARTTLS": "!--+",
        "swaps the certificate": "!!--",
        "injects, server forgets": "++++",
        "injects, server has the bug": "!!!+",
    }


def test_from_server_to_server() -> None:
    table = between_servers()
    found = rows(table)
    assert table.defences[3:] == ("MTA-STS testing", "MTA-STS enforce", "DANE")
    assert found == {
        "only listens": "++++++",
        "strips STARTTLS": "!--!--",
        "swaps the certificate": "!!-!--",
    }


def test_each_cell_is_a_run_that_can_be_looked_at() -> None:
    cell = submission().cell("swaps the certificate", "TLS required")
    assert cell.outcome == READ and any("lab-alice" in word for word in cell.lab.tap("mx.alpha.example:587").passwords)
    assert submission().cell("only listens", "implicit TLS").lab.tap("mx.alpha.example:465").rows[0].sender == ""


def test_the_command_prints_both() -> None:
    done = CliRunner().invoke(main, ["defences"])
    assert done.exit_code == 0 and done.output.count("the attacker …") == 2 and "! reads it" in done.output


def test_the_table_in_a_notebook_has_a_sign_beside_each_word() -> None:
    html = between_servers()._repr_html_()
    assert html.count("<tr>") == 4 and "! reads it" in html and "- not sent" in html


@pytest.mark.parametrize("tls", ["may", "must", "verify", "implicit"])
def test_every_program_sends_where_nobody_is_on_the_wire(tls) -> None:
    mail = Lab(seed=5, opinions=False).send("alice@alpha.example", "bob@beta.example", text="x", tls=tls)
    assert mail.delivered


def test_no_such_program() -> None:
    lab = Lab(seed=5, opinions=False)
    with pytest.raises(LabError, match="tls is how careful the program is"):
        lab.send("alice@alpha.example", "bob@beta.example", tls="always")
    assert lab.inputs == []
