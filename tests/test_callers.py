"""Two students' labs on one machine never meet: ports, files, secrets, and who may call."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from lessons import environment

from mailedu import Lab
from mailedu.net import callers

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems do not tell who calls")
NOBODY = 65534
CALL = f"""
import encodings.idna, os, socket, sys
os.setgroups([])
os.setgid({NOBODY})
os.setuid({NOBODY})
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10) as call:
    print(call.recv(99))
"""


def greeting(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as call:
        call.settimeout(10)
        try:
            return call.recv(99)
        except ConnectionResetError:
            return b""


@linux_only
def test_the_system_says_who_holds_the_other_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as mine:
        theirs, _ = server.accept()
        with theirs:
            found = callers.holder(theirs.getpeername(), theirs.getsockname())
            assert found == (os.getuid(), os.fstat(mine.fileno()).st_ino)
            assert callers.holder(("127.0.0.1", 1), ("127.0.0.1", 2)) is None
            assert callers.is_ours(theirs)


@linux_only
@pytest.mark.parametrize("name", ["smtp", "pop3", "imap", "mx.gamma.example:25"])
def test_a_stranger_on_the_same_machine_is_not_answered(name, monkeypatch) -> None:
    """Where these tests may become somebody else they do; else the lab takes itself for somebody else."""
    with Lab(seed=1) as lab:
        net = lab.serve()
        assert greeting(net.ports[name])[:3] in (b"220", b"+OK", b"* O")
        if os.getuid() == 0:
            command = [sys.executable, "-c", CALL, str(net.ports[name])]
            done = subprocess.run(command, capture_output=True, text=True)
            assert done.stdout.strip() == "b''" or "ConnectionResetError" in done.stderr, done
        else:
            monkeypatch.setattr(callers.os, "getuid", lambda: NOBODY)
            assert greeting(net.ports[name]) == b""
            monkeypatch.undo()
        assert greeting(net.ports[name])


@linux_only
def test_who_has_hung_up_already_is_no_friend(monkeypatch) -> None:
    """A socket that nobody holds any more belongs to nobody, so it could be anybody's."""
    monkeypatch.setattr(callers, "holder", lambda *_: (0, 0))
    monkeypatch.setattr(callers.os, "getuid", lambda: 1000)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        theirs, _ = server.accept()
        with theirs:
            assert not callers.is_ours(theirs)
            monkeypatch.setattr(callers, "holder", lambda *_: (1000, 7))
            assert callers.is_ours(theirs)
            monkeypatch.setattr(callers, "CAN_TELL", False)
            monkeypatch.setattr(callers, "holder", lambda *_: (1001, 7))
            assert callers.is_ours(theirs)


ONE_LAB = """
import sys
from mailedu import Lab
from mailedu.net.tls import authority
with Lab(seed=1) as lab, lab.serve() as net:
    print(sorted(set(net.ports.values())), flush=True)
    print(authority().cert_pem.bytes().hex(), flush=True)
    sys.stdin.readline()
    lab.send("alice@alpha.example", "bob@beta.example")
    print(len(lab.mailbox("bob@beta.example")), flush=True)
"""


def test_ten_labs_at_once_share_nothing(tmp_path) -> None:
    """No port and no certificate authority twice; a letter in one is in no other."""
    labs = [
        subprocess.Popen(
            [sys.executable, "-c", ONE_LAB], env=environment(tmp_path), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(10)
    ]  # fmt: skip
    try:
        ports = [set(eval(lab.stdout.readline())) for lab in labs]
        authorities = [lab.stdout.readline() for lab in labs]
        assert sum(map(len, ports)) == len(set.union(*ports)) > 100
        assert len(set(authorities)) == 10
        said = [lab.communicate("\n", timeout=60)[0].strip() for lab in labs]
        assert said == ["1"] * 10
    finally:
        for lab in labs:
            lab.kill()
            lab.wait()


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_a_temporary_folder_is_ones_own() -> None:
    with tempfile.TemporaryDirectory(prefix="mailedu-") as folder:
        assert Path(folder).stat().st_mode & 0o077 == 0
