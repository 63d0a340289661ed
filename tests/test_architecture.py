"""The house's order, read from its sources: who may know whom, what nobody may use, and that every rule is explained.

Nearly all of it reads files and imports nothing (`sources.py`), so it also judges a room that does not run yet.
"""

import ast
import dataclasses
import importlib
import os
import re
import string
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from sources import (
    HOUSE,
    MODULES,
    NAMES,
    ROOMS,
    ROOT,
    ForTypesOnly,
    Later,
    Module,
    RoomReader,
    Site,
    outside,
    targets,
    without,
)

import mailedu
from mailedu.acts import ACTS, Act, Say
from mailedu.table import Table
from mailedu.trace import Step

ALICE = "alice@alpha.example"
STANDARDS = "standards.toml"

# -- floors --------------------------------------------------------------------------------------------------------


def floors() -> dict[str, int]:
    """Room -> its floor, 0 at the bottom: as the picture in the documents has it."""
    picture = re.search(r"```floors\n(.*?)```", (ROOT / "docs" / "architecture.md").read_text("utf-8"), re.DOTALL)
    assert picture, "docs/architecture.md has no picture of the floors"
    lines = picture[1].splitlines()[::-1]
    return {room: number for number, line in enumerate(lines) for room in line.split()}


FLOORS = floors()


def test_the_picture_of_the_floors_shows_this_house() -> None:
    assert set(FLOORS) - {"mailedu"} == ROOMS


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_imports_point_down(module: Module) -> None:
    for target in targets(module, module.tree):
        room = target.split(".")[0]
        assert {room, module.room} <= FLOORS.keys(), "a room that the picture in docs/architecture.md does not show"
        assert room == module.room or FLOORS[room] < FLOORS[module.room], f"{module.name} imports {target}"


def test_no_import_goes_round_in_a_circle() -> None:
    below = {m.name: set(targets(m, without(ForTypesOnly, m.tree))) & NAMES - {m.name} for m in MODULES}
    while below:
        free = {name for name, others in below.items() if not others & below.keys()}
        assert free, f"these import each other: {sorted(below)}"
        below = {name: others for name, others in below.items() if name not in free}


@pytest.mark.parametrize("module", [m for m in MODULES if m.room == "views"], ids=lambda module: module.name)
def test_a_view_reads_what_was_written_and_nothing_else(module: Module) -> None:
    rooms = {target.split(".")[0] for target in targets(module, module.tree)}
    assert rooms <= {"acts", "trace", "table", "rules", "views"}, f"{module.name} knows too much"


def test_nobody_imports_all_there_is() -> None:
    stars = [m.name for m in MODULES for n in ast.walk(m.tree) if isinstance(n, ast.alias) and n.name == "*"]
    assert not stars


# -- what nobody may use -------------------------------------------------------------------------------------------

WORLDLY = {"asyncio", "datetime", "random", "secrets", "select", "selectors", "socket", "socketserver", "threading"}
WORLDLY |= {"http", "ssl", "subprocess", "time", "urllib.request", "uuid"}
BELOW_NET = [module for module in MODULES if FLOORS.get(module.room, 0) < FLOORS["net"]]


@pytest.mark.parametrize("module", BELOW_NET, ids=lambda module: module.name)
def test_below_the_net_there_is_no_world(module: Module) -> None:
    allowed = {"clock": {"datetime", "random"}}.get(module.name, set())
    assert not outside(module.tree) & WORLDLY - allowed, "time and chance come from clock.py, all else from the driver"


LAZY = {  # what is imported only where it is used: it is slow, or not there in a browser
    "cryptography": "auth/dkim's functions",
    "matplotlib": "views/figure.py's functions",
    "numpy": "views/figure.py's functions",
}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_what_is_slow_or_not_everywhere_is_imported_in_functions(module: Module) -> None:
    assert not outside(without(Later, module.tree)) & LAZY.keys()


PROBE = """
import importlib.abc, sys

class Away(importlib.abc.MetaPathFinder):
    '''None of these can be had: as in a browser, or on a server without a screen.'''
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in AWAY: raise ModuleNotFoundError(f"No module named {name}", name=name)

AWAY = set(sys.argv[1:])
sys.meta_path.insert(0, Away())
import mailedu
print(*sorted({name.split(".")[0] for name in sys.modules}))
"""


def loaded_by_mailedu(*away: str) -> set[str]:
    """The packages that `import mailedu` loads in a fresh Python in which these cannot be had."""
    run = subprocess.run(
        [sys.executable, "-c", PROBE, *away],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


HEAVY = {"matplotlib", "numpy", "anywidget", "ipywidgets", "IPython", "jupyterlab", "traitlets", "aiosmtpd", "trustme"}


def test_mailedu_loads_nothing_heavy() -> None:
    assert not loaded_by_mailedu() & HEAVY


def test_mailedu_can_be_imported_where_there_is_next_to_nothing() -> None:
    assert "mailedu" in loaded_by_mailedu("ssl", "_ssl", "cryptography", "spf", "dkim", "rich", "click", *HEAVY)


# -- what is written down stays as it was ----------------------------------------------------------------------------


def test_nobody_changes_an_act_or_a_step() -> None:
    """They are not frozen, because that costs as much as recording them; this is what freezes them."""
    fields = {field.name for kind in [*ACTS.values(), Step] for field in dataclasses.fields(kind)}
    for module in MODULES:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load) and node.attr in fields:
                owner = ast.unparse(node.value).split(".")[-1]
                assert not re.search(r"(^|_)(act|step)$", owner), f"{module.name}:{node.lineno}: {ast.unparse(node)}"


def test_nor_does_a_whole_journey(monkeypatch: pytest.MonkeyPatch) -> None:
    """What reading cannot find, running does: a field is set once."""

    def once(self: object, name: str, value: object) -> None:
        assert not hasattr(self, name), f"{type(self).__name__}.{name} was set before"
        object.__setattr__(self, name, value)

    monkeypatch.setattr(Act, "__setattr__", once)
    monkeypatch.setattr(Step, "__setattr__", once)
    with pytest.raises(AssertionError, match=r"Say\.data was set before"):
        Say(b"").data = b"x"
    mail = mailedu.Lab(seed=1).send(ALICE, "bob@beta.example", subject="Hello", text="Hi Bob")
    assert mail.delivered and len(mail.trace) > 100


def test_only_the_table_moves_a_state() -> None:
    for module in MODULES:
        for function in ast.walk(module.tree):
            if isinstance(function, ast.FunctionDef) and function.name not in ("__init__", "enter"):
                for node in ast.walk(function):
                    moved = isinstance(node, ast.Attribute) and ast.unparse(node) == "self.state"
                    assert not moved or isinstance(node.ctx, ast.Load), f"{module.name}.{function.name}"


# -- rules: in the code and in the books -----------------------------------------------------------------------------


@cache
def all_sites() -> tuple[list[Site], dict[str, set[str]]]:
    """Every place that names a rule; room -> the keys it adds to the rules of refusals it passes on."""
    sites, passed_on = [], {}
    for room in ROOMS - {"acts", "trace", "rules", "views"}:
        reader = RoomReader([module for module in MODULES if module.room == room])
        sites += reader.sites()
        passed_on[room] = reader.passed_on
    return sites, passed_on


def books() -> dict[str, str]:
    """Rule -> its sentence."""
    found = {}
    for book in (HOUSE / "rules").glob("*.toml"):
        if book.name != STANDARDS:
            found |= {name: entry["says"] for name, entry in tomllib.loads(book.read_text("utf-8")).items()}
    return found


BOOKS = books()


def test_every_rule_in_the_code_is_explained() -> None:
    unexplained = sorted({f"{site.rule} ({site.where})" for site in all_sites()[0] if site.rule not in BOOKS})
    assert not unexplained


def test_every_explanation_is_of_a_rule_in_the_code() -> None:
    assert not sorted(BOOKS.keys() - {site.rule for site in all_sites()[0]})


def test_there_are_rules_to_look_at() -> None:
    found = [site.rule for site in all_sites()[0]]
    assert {"pop3.login", "imap.syntax", "imap.read-only"} <= set(found) and len(found) > 60


@pytest.mark.parametrize("rule", sorted(BOOKS))
def test_a_rules_sentence_can_be_filled_wherever_it_is_applied(rule: str) -> None:
    wanted = {field for _, field, _, _ in string.Formatter().parse(BOOKS[rule]) if field}
    sites, passed_on = all_sites()
    for site in sites:
        if site.rule == rule and not site.open:
            lacks = wanted - site.keys - passed_on[site.room]
            assert not lacks, f"{site.where}: `because` lacks {', '.join(sorted(lacks))}: {BOOKS[rule]}"


# The reader above is itself worth a test: what it cannot read, it has to say.


def read_room(source: str) -> list[tuple[str, set[str], bool]]:
    tree = ast.parse(source)
    reader = RoomReader([Module("room", (), tree)])
    return [(site.rule, set(site.keys), site.open) for site in reader.sites()]


@pytest.mark.parametrize(
    "source, found",
    [
        ("yield_ = Rule('a.b')", [("a.b", set(), False)]),
        ("Rule('a.b', 'x', {'k': v, **more})", [("a.b", {"k"}, True)]),
        ("Rule('a.b', because={'k': v} | {'l': w})", [("a.b", {"k", "l"}, False)]),
        ("acts.Refused('a.b', f'{x}', k=v)", [("a.b", {"k"}, False)]),
        ("def f():\n because = {'k': 1}\n return Rule('a.b', '', because)", [("a.b", {"k"}, False)]),
        ("def f(because):\n return Rule('a.b', '', because)", [("a.b", set(), True)]),
        ("Rule('a.b' if x else 'a.c')", [("a.b", set(), False), ("a.c", set(), False)]),
        ("class Stop(Trouble): pass\nclass Far(Stop): pass\nFar('a.b', k=1)", [("a.b", {"k"}, False)]),
        ("class No(Refused):\n def __init__(self, x):\n  super().__init__('a.b', x, k=1)\nNo(2)",
         [("a.b", {"k"}, False)]),
        ("def no(rule, t):\n return Refused(rule, t, k=1)\nno('a.b', 1)\nno(t=1, rule='a.c')",
         [("a.b", {"k"}, False), ("a.c", {"k"}, False)]),
        ("Rule(no.rule, 'refused', no.because)", []),
    ],
)  # fmt: skip
def test_the_reader_of_rules_reads(source: str, found: list) -> None:
    assert read_room(source) == found


@pytest.mark.parametrize(
    "source",
    ["Rule(f'a.{b}')", "Rule(names[x])", "Rule(name)", "def no(rule):\n return Refused(rule, '')\nno(names[0])"],
)
def test_the_reader_of_rules_does_not_guess(source: str) -> None:
    with pytest.raises(AssertionError, match="literal"):
        read_room(source)


# -- tables and handlers ---------------------------------------------------------------------------------------------


def machines() -> list[type]:
    """Every class that has a state table of its own."""
    found = []
    for module in MODULES:
        for node in module.tree.body:
            if isinstance(node, ast.ClassDef) and any(
                isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "table" for line in node.body
            ):
                found.append(getattr(importlib.import_module(f"mailedu.{module.name}"), node.name))
    return found


MACHINES = machines()
a_machine = pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.__name__)


def test_there_are_machines_to_look_at() -> None:
    assert {"Pop3Server", "ImapServer", "SmtpServer"} <= {machine.__name__ for machine in MACHINES}


def verb(command: str) -> str:
    """``"UID FETCH"`` -> ``"FETCH"``, ``"BDAT LAST"`` -> ``"BDAT"``; "" for what is no word (SMTP's dot)."""
    word = command.removeprefix("UID ").split(" ")[0]
    return word if word.isalnum() else ""


@a_machine
def test_every_row_has_a_handler_and_every_handler_a_row(machine: type) -> None:
    handlers = {name.removeprefix("do_") for name in dir(machine) if name.startswith("do_")}
    assert handlers == {verb(command) for command in machine.table.commands} - {""}


BEGINNINGS = {"SmtpServer": {"NO SERVICE"}}  # where a session may begin too (RFC 5321 §3.1: a greeting of 554)


@a_machine
def test_every_state_can_be_reached_and_all_but_the_last_can_be_left(machine: type) -> None:
    table: Table = machine.table
    reached = {table.rows[0].state} | BEGINNINGS.get(machine.__name__, set())
    while more := {row.next for row in table if row.state in reached} - reached:
        reached |= more
    assert reached == set(table.states)
    left = {row.state for row in table if row.next != row.state}
    assert len(set(table.states) - left) == 1, "one state, in which nothing can be said, is the end"


@a_machine
def test_every_row_names_its_section(machine: type) -> None:
    for row in machine.table:
        assert re.fullmatch(r"(RFC \d{3,4} §)?[A-Z\d]+(\.\d+)*", row.section), row
    assert set(machine.table.labels) <= set(machine.table.states)


# -- what no file may say ----------------------------------------------------------------------------------------------

SKIPPED = {".git", ".venv", "__pycache__", "node_modules", "build", "dist", ".hypothesis", ".ipynb_checkpoints"}
SKIPPED |= {"mailedu-lessons", "site", "test-results", ".pytest_cache", ".mypy_cache", ".ruff_cache"}
HOSTS = {"creativecommons.org", "dmarc.org", "mybinder.org", "www.iana.org", "www.rfc-editor.org", "www.w3.org"}
LAB = re.compile(r"(.+\.)?(example|test|invalid|localhost)(\.(com|net|org))?|127(\.0\.0\.1)?|\d+\.\d+\.\d+\.\d+")
URL = re.compile(r"\b(?:https?|wss?|ftp)://(?:[^/\s@\"'`<>]*@)?([A-Za-z0-9.-]*[A-Za-z0-9])")
ELSEWHERE = re.compile(r"pypi\.(org|io)|pythonhosted|registry\.npmjs|unpkg|jsdelivr|cdnjs|crates\.io|/work/")


def texts() -> Iterator[tuple[Path, str]]:
    """Every file of the project that is text."""
    for path in sorted(ROOT.rglob("*")):
        inside = path.relative_to(ROOT).parts
        if path.is_file() and not SKIPPED & set(inside):
            try:
                yield path, path.read_text("utf-8")
            except UnicodeDecodeError:
                continue


def test_nothing_points_outside_but_to_the_standards() -> None:
    """No package registry, no content network, no machine of ours: a clone works, and a lesson stays where it is."""
    for path, text in texts():
        for host in map(str.lower, URL.findall(text)):
            assert host in HOSTS or LAB.fullmatch(host) or "." not in host, f"{path} points to {host}"
        found = ELSEWHERE.search(text)
        assert not found or path == Path(__file__).resolve(), f"{path} mentions {found}"


# -- the page that says all this ---------------------------------------------------------------------------------------

PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")


def first_cells(heading: str) -> set[str]:
    """The `names` in the first column of the table that begins with this heading."""
    table = re.search(rf"^\| {heading} \|.*\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert table, heading
    return {name for line in table[1].splitlines() for name in re.findall(r"`(\w+)`", line.split("|")[1])}


def test_the_page_names_every_act_every_room_and_every_view() -> None:
    assert first_cells("act") == set(ACTS)
    assert first_cells("room") == ROOMS
    assert first_cells("file") == {path.stem for path in (HOUSE / "views").glob("*.py")} - {"__init__"}


def test_its_examples_run() -> None:
    examples = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(examples) >= 3
    names: dict[str, object] = {}
    for example in examples:
        exec(compile(example, "docs/architecture.md", "exec"), names)


def test_it_points_only_to_files_that_there_are() -> None:
    for name in re.findall(r"`((?:[\w-]+/)*[\w-]+\.(?:py|toml|md))`", PAGE):
        assert any((folder / name).exists() for folder in (ROOT, HOUSE)) or name in ROOM_FILES, name


ROOM_FILES = {"grammar.py", "server.py", "client.py", "rules/room.toml"}  # what a room of one's own would have
