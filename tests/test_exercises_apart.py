"""A learner's function in a process of its own: what it gets, what it gives back, and what it cannot do."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from lessons import HOUSE, run_source

from mailedu import LabError, Trace
from mailedu.exercises.apart import Apart, Here, Limits, Offered, Stopped, apart
from mailedu.exercises.guard import is_here
from mailedu.exercises.plain import NotPlain
from mailedu.exercises.source import source_of

LIMITS = Limits(seconds=1.5, memory=600_000_000, output=200_000)


def called(source: str, *args: object, name: str = "f", limits: Limits = LIMITS) -> object:
    """What the function of this notebook returns."""
    names: dict[str, object] = {"__name__": "__main__"}
    run_source(source, names, f"<notebook {hash(source)}>")
    with Apart(source_of(names[name]), limits) as function:
        return function(*args)


def stops(source: str, *args: object, limits: Limits = LIMITS) -> str:
    with pytest.raises(Stopped) as stopped:
        called(source, *args, limits=limits)
    return str(stopped.value)


# -- what comes along --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source, result",
    [
        ("def f(x):\n    return x + 1", 3),
        ("K = {'a': [1, b'z']}\ndef helper(x):\n    return x * K['a'][0]\ndef f(x):\n    return helper(x)", 2),
        ("import re as regular\ndef f(x):\n    return regular.sub('a', 'b', 'aa')", "bb"),
        ("from email.message import EmailMessage\ndef f(x):\n    return EmailMessage().get('To', 'none')", "none"),
        ("def f(x):\n    import json\n    def inner(y):\n        return y * 2\n    return inner(x)", 4),
        ("def f(x):\n    return 1 if x < 1 else x * f(x - 1)", 2),
        ("class C:\n    def g(self):\n        return 9\ndef f(x):\n    return C().g()", 9),
        ("K = 4\nclass C:\n    x = 1\n    def g(self):\n        return self.x * K\ndef f(x):\n    return C().g()", 4),
        ("def make():\n    k = 5\n    def g(x):\n        return x * k\n    return g\nf = make()", 10),
        ("def helper(x):\n    return x\nother = helper\ndef f(x):\n    return other(x)", 2),
        ("from mailedu import Zone\ndef f(x):\n    return len(Zone('a.example. A 192.0.2.1\\n').names())", 1),
        ("def f(x):\n    return (x, {x}, [None, True, 1.5, 'ü'])", (2, {2}, [None, True, 1.5, "ü"])),
    ],
)
def test_a_function_brings_what_it_uses(source, result) -> None:
    assert called(source, 2) == result


def test_a_list_a_dict_and_a_set_come_back_as_the_function_left_them() -> None:
    letters, store, seen = [1], {"a": 1}, {1}
    source = "def f(a, b, c):\n    a.append(2); b[b'k'] = (1,); c.clear()"
    assert called(source, letters, store, seen) is None
    assert (letters, store, seen) == ([1, 2], {"a": 1, b"k": (1,)}, set())


def test_a_trace_goes_as_a_trace() -> None:
    assert called("def f(trace):\n    return len(trace), type(trace).__name__", Trace()) == (0, "Trace")


def test_several_calls_share_one_process() -> None:
    names: dict[str, object] = {"__name__": "__main__"}
    run_source("seen = []\ndef f(x):\n    seen.append(x)\n    return seen", names, "<several>")
    with apart(source_of(names["f"])) as function:
        began = time.perf_counter()
        assert [function(n) for n in range(100)][-1] == list(range(100))
        assert time.perf_counter() - began < 2
    assert names["seen"] == []


class Pop:
    """An object that stays here."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def send(self, line: str) -> str:
        if line == "BAD":
            raise LabError("Type another line.")
        self.lines.append(line)
        return f"+OK {line}"

    def secret(self) -> str:
        return "secret"


def test_an_objects_methods_are_called_where_it_is() -> None:
    pop = Pop()
    assert called("def f(pop):\n    return pop.send('STAT') + pop.send(line='QUIT')", Offered(pop, ("send",))) == (
        "+OK STAT+OK QUIT"
    )
    assert pop.lines == ["STAT", "QUIT"]


def test_an_objects_other_methods_are_out_of_reach() -> None:
    offered = Offered(Pop(), ("send",))
    assert "no attribute 'secret'" in stops("def f(pop):\n    return pop.secret()", offered)
    forged = """
def f(pop):
    import gc
    line = next(o for o in gc.get_objects() if type(o).__name__ == "Line")
    line.write({"ask": [0, "secret", [], {"$map": []}]})
    return line.read()
"""
    assert "not there" in stops(forged, offered)


def test_an_error_of_an_object_is_the_functions_to_catch() -> None:
    caught = (
        "def f(pop):\n    try:\n        return pop.send('BAD')\n    except Exception as no:\n        return str(no)"
    )
    assert called(caught, Offered(Pop(), ("send",))) == "Type another line."
    assert "Type another line." in stops("def f(pop):\n    return pop.send('BAD')", Offered(Pop(), ("send",)))


@pytest.mark.parametrize("thing", [len, int, lambda x: x, Pop().send, Pop, 7])
def test_what_has_no_def_is_no_answer(thing) -> None:
    with pytest.raises(NotPlain):
        source_of(thing)


def test_a_function_whose_text_is_lost_is_no_answer() -> None:
    names: dict[str, object] = {}
    exec("def f():\n    pass", names)
    with pytest.raises(NotPlain, match="does not know"):
        source_of(names["f"])


# -- what goes wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body, says",
    [
        ("return [][5]", "IndexError: list index out of range, at: return [][5]"),
        ("return unknown", "NameError: name 'unknown' is not defined, at: return unknown"),
        ("raise SystemExit(0)", "ended without a result"),
        ("import os; os._exit(0)", "ended without a result"),
        ("yield 1", "Its result should be plain data"),
        ("return object()", "is of type object"),
        ("return f(x)", "RecursionError"),
        ("while True: pass", "did not return within 1.5 seconds"),
        ("import time; time.sleep(60)", "did not return within 1.5 seconds"),
        ("while True: print('x' * 1000)", "printed more than 200,000 octets"),
        ("import sys\n    while True: sys.stderr.write('x' * 1000)", "printed more than 200,000 octets"),
        ("import os\n    while True: os.write(1, b'x' * 1000)", "printed more than 200,000 octets"),
        ("import signal\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    while True: pass", "did not return"),
        ("print('\\x1b[2J'); raise ValueError('\\x1b[31m')", "ValueError: \\x1b[31m"),
    ],
)
def test_a_function_that_does_not_end_well_is_told_so(body, says) -> None:
    began = time.monotonic()
    said = stops(f"def f(x):\n    {body}", 2)
    assert says in said and "\x1b" not in said
    assert time.monotonic() - began < 20


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits memory")
@pytest.mark.parametrize("body", ["return len(bytearray(4 << 30))", "x = []\n    while True: x.append(bytes(1 << 20))"])
def test_memory_is_limited(body) -> None:
    assert "more memory" in stops(f"def f(y):\n    {body}", 2, limits=Limits(seconds=20, memory=600_000_000))


def test_after_a_stop_the_next_call_starts_anew() -> None:
    names: dict[str, object] = {"__name__": "__main__"}
    run_source("def f(x):\n    return 1 // x", names, "<anew>")
    with Apart(source_of(names["f"])) as function:
        with pytest.raises(Stopped, match="ZeroDivisionError"):
            function(0)
        assert function(1) == 1


def test_nothing_is_left_running_and_no_folder_is_left() -> None:
    names: dict[str, object] = {"__name__": "__main__"}
    run_source("def f(x):\n    open('note', 'w').write('mine')\n    return x", names, "<left>")
    with Apart(source_of(names["f"])) as function:
        function(1)
        process, folder, threads = function.process, function.folder.name, function.threads
        assert os.listdir(folder) == ["note"]
    assert process.poll() is not None and not os.path.exists(folder)
    assert not any(thread.is_alive() for thread in threads)


@pytest.fixture
def victim(tmp_path):
    """Somebody's files."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "a").write_text("mine")
    (tmp_path / "sub" / "b").write_text("mine")
    return tmp_path


MISCHIEF = {
    "remove": "import os; os.remove(f'{x}/a')",
    "unlink": "import pathlib; pathlib.Path(x, 'a').unlink()",
    "rmtree": "import shutil; shutil.rmtree(x)",
    "rename": "import os; os.rename(f'{x}/a', 'mine')",
    "replace": "import os; open('n', 'w').close(); os.replace('n', f'{x}/a')",
    "write": "open(f'{x}/a', 'w')",
    "append": "open(f'{x}/a', 'ab')",
    "low": "import os; os.open(f'{x}/a', os.O_WRONLY | os.O_TRUNC)",
    "new": "open(f'{x}/new', 'x')",
    "truncate": "import os; os.truncate(f'{x}/a', 0)",
    "chdir": "import os; os.chdir(x); os.remove('a')",
    "dots": "import os; os.remove(os.path.relpath(f'{x}/a'))",
    "folder": "import os; fd = os.open(x, os.O_RDONLY); os.unlink('a', dir_fd=fd)",
    "link": "import os; os.symlink(f'{x}/a', 'link'); open('link', 'w')",
    "mkdir": "import os; os.mkdir(f'{x}/new')",
    "chmod": "import os; os.chmod(f'{x}/a', 0)",
    "sqlite": "import sqlite3; sqlite3.connect(f'{x}/a')",
    "program": "import subprocess; subprocess.run(['true'])",
    "system": "import os; os.system(f'rm {x}/a')",
    "fork": "import os; os.fork()",
    "kill": "import os; os.kill(os.getppid(), 9)",
    "call": "import socket; socket.create_connection(('192.0.2.1', 25))",
    "datagram": "import socket; socket.socket(2, 2).sendto(b'x', ('192.0.2.53', 53))",
    "look-up": "import socket; socket.getaddrinfo('mx.beta.example', 25)",
    "web": "import urllib.request; urllib.request.urlopen('http://192.0.2.1/')",
    "c": "import ctypes; ctypes.CDLL(None).system(b'true')",
}
needs_fork = {"fork", "folder", "link"}


@pytest.mark.parametrize("name", MISCHIEF)
def test_mischief_is_refused(name, victim) -> None:
    if name in needs_fork and os.name != "posix":
        pytest.skip("not on this system")
    said = stops(f"def f(x):\n    {MISCHIEF[name]}", str(victim))
    assert "PermissionError" in said or "URLError" in said or "OSError" in said
    files = sorted(path.relative_to(victim).as_posix() for path in victim.rglob("*"))
    assert files == ["a", "sub", "sub/b"]
    assert (victim / "a").read_text() == (victim / "sub" / "b").read_text() == "mine"
    assert (victim / "a").stat().st_mode & 0o400


def test_what_is_harmless_is_allowed(victim) -> None:
    source = """
def f(x):
    import os, shutil, socket, tempfile
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/x", "w") as file:
            file.write(open(x + "/a").read())
        names = os.listdir(folder)
    os.mkdir("d"); shutil.rmtree("d")
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        return names
"""
    assert called(source, str(victim)) == ["x"]


def test_patching_what_judges_patches_only_its_own_process() -> None:
    source = """
def f(x):
    import builtins, json, mailedu.exercises.frame as frame, mailedu.exercises.plain as plain
    frame.check = frame.judged = lambda *_: True
    frame.Result.__bool__ = lambda self: True
    plain.unpack = lambda packed: 42
    builtins.AssertionError = StopIteration
    return 7
"""
    assert called(source, 2) == 7
    from mailedu.exercises import frame

    assert not frame.Result("J1", False, [])


def test_a_childs_secrets_are_none() -> None:
    """What a grader's environment knows does not reach the learner's process."""
    os.environ["MAILEDU_SALT"] = "pepper"
    try:
        assert (
            called("def f(x):\n    import os\n    return [name for name in os.environ if 'MAILEDU' in name]", 2) == []
        )
    finally:
        del os.environ["MAILEDU_SALT"]


@pytest.mark.parametrize(
    "address, here",
    [
        (("127.0.0.1", 25), True), (("127.9.9.9", 1), True), (("::1", 25, 0, 0), True), (("localhost", 1), True),
        ("/tmp/socket", True), (("192.0.2.1", 25), False), (("0.0.0.0", 0), False), (("", 0), False),
        (("mx.beta.example", 25), False), (("localhost.evil.example", 1), False), (("fe80::1%lo", 1, 0, 0), False),
        ((b"127.0.0.1", 1), True),
    ],
)  # fmt: skip
def test_who_is_on_this_machine(address, here) -> None:
    assert is_here(address) is here


# -- where there are no processes --------------------------------------------------------------------------------------


def test_in_a_browser_the_same_runs_in_place(monkeypatch) -> None:
    monkeypatch.setattr("mailedu.exercises.apart.sys.platform", "emscripten")
    names: dict[str, object] = {"__name__": "__main__"}
    source = "K = 3\ndef f(x):\n    return x * K\ndef g(pop):\n    return pop.send('hi')\ndef h(x):\n    return [][x]"
    run_source(source + "\ndef i(x):\n    return object()", names, "<browser>")
    with apart(source_of(names["f"])) as function:
        assert isinstance(function, Here) and function(2) == 6
    with apart(source_of(names["g"])) as function:
        assert function(Offered(Pop(), ("send",))) == "+OK hi"
    with apart(source_of(names["h"])) as function, pytest.raises(Stopped, match="IndexError"):
        function(5)
    with apart(source_of(names["i"])) as function, pytest.raises(Stopped, match="of type object"):
        function(5)


def test_the_child_starts_quickly() -> None:
    program = "import mailedu.exercises.child, sys; print(sorted(name for name in sys.modules if 'mailedu' in name))"
    environment = {**os.environ, "PYTHONPATH": str(HOUSE)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert "mailedu.lab" not in done.stdout and "mailedu.net" not in done.stdout
