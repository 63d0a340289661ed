"""`mailedu explain`: its exit codes, what it prints, what it keeps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailedu import Lab
from mailedu.cli import main

ALICE, BOB = "alice@alpha.example", "bob@beta.example"


@pytest.fixture(scope="module")
def lab() -> Lab:
    lab = Lab(seed=1)
    lab.send(ALICE, BOB, subject="Hello", text="Hi Bob", read=False)
    return lab


@pytest.fixture
def folder(lab: Lab, tmp_path: Path) -> Path:
    """A message, the same with another body, and a zone file."""
    letter = lab.mailbox(BOB)[0]
    (tmp_path / "good.eml").write_bytes(letter)
    (tmp_path / "bad.eml").write_bytes(letter.replace(b"Hi Bob", b"Hi Rob"))
    (tmp_path / "zone").write_text(lab.zone.text())
    (tmp_path / "other").write_text(lab.zone.text().replace("v=spf1 ip4:192.0.2.0/26", "v=spf1 ip4:192.0.2.99"))
    return tmp_path


def run(folder: Path, *arguments: str, stdin: bytes = b"") -> Result:
    words = [str(folder / one) if (folder / one).exists() else one for one in arguments]
    return CliRunner().invoke(main, ["explain", *words], input=stdin)


def test_a_message_that_passes(folder: Path) -> None:
    found = run(folder, "good.eml", "--dns", "zone")
    assert found.exit_code == 0, found.output
    assert "It passes DMARC for alpha.example" in found.output


def test_a_message_that_fails(folder: Path) -> None:
    found = run(folder, "bad.eml", "--dns", "zone", "--ip", "203.0.113.66")
    assert found.exit_code == 1 and "It fails DMARC" in found.output.replace("\n", " ")


def test_without_dns_nothing_can_be_decided(folder: Path) -> None:
    found = run(folder, "good.eml")
    assert found.exit_code == 2 and "--dns system" in found.output


def test_json(folder: Path) -> None:
    found = run(folder, "good.eml", "--dns", "zone", "--json")
    assert json.loads(found.stdout)["verdict"] == "pass"


def test_the_standard_input(folder: Path) -> None:
    assert run(folder, "-", "--dns", "zone", stdin=(folder / "good.eml").read_bytes()).exit_code == 0


def test_a_capsule_is_kept_and_replayed(folder: Path) -> None:
    kept = folder / "case.json"
    first = run(folder, "bad.eml", "--dns", "zone", "--capsule", str(kept), "--html", str(folder / "case.html"))
    again = run(folder, "case.json")
    assert first.exit_code == again.exit_code == 0, "SPF is enough"
    assert again.output.split("SPF ")[1:] == first.output.split("SPF ")[1:]
    assert (folder / "case.html").read_text("utf-8").startswith("<!doctype html>")


def test_redaction(folder: Path) -> None:
    run(folder, "good.eml", "--dns", "zone", "--capsule", str(folder / "case.json"), "--redact", "body")
    assert "Hi Bob" not in (folder / "case.json").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 64, "Missing argument"),
        (("good.eml", "--trust-hops", "0"), 64, "0 is not in the range"),
        (("good.eml", "--ip", "nobody"), 64, "is no IP address"),
        (("good.eml", "--dns", "a name"), 64, "is no name server"),
        (("good.eml", "--number", "2"), 64, "there is no number 2"),
        (("good.eml", "--redact", "everything"), 64, "is not one of"),
        (("nothing.eml",), 3, "cannot be read"),
        (("zone",), 3, "This is no message"),
        (("good.eml", "--dns", "zone", "--capsule", "/nowhere/at/all.json"), 1, "cannot be written"),
    ],
)
def test_what_is_typed_wrongly(folder: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    found = run(folder, *arguments)
    assert (found.exit_code, words in found.output) == (code, True), found.output


def test_ctrl_c_is_clean(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mailedu.examine.explain", stopped)
    found = run(folder, "good.eml")
    assert (found.exit_code, found.output) == (130, "Error: Stopped.\n")
