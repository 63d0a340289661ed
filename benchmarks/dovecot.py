"""Debian's Dovecot on ports of its own, out of a temporary folder: what our IMAP and POP3 are measured against."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

USER, PASSWORD = "bob", "lab-bob"
NAME = "dovecot"
HERE = "127.0.0.1"

SETTINGS = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap pop3
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_failure_delay = 0
default_internal_user = {internal}
default_login_user = {login}
default_internal_group = {internal_group}
mail_location = maildir:{folder}/mail
mail_uid = {owner}
mail_gid = {group}
first_valid_uid = 1
first_valid_gid = 1
mail_max_userip_connections = 1000
pop3_uidl_format = %08Xu%08Xv
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={owner} gid={group} home={folder}/home
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
"""


class Dovecot(NamedTuple):
    """One that runs.  Whoever logs in with PASSWORD has the one mailbox."""

    imap: int
    pop3: int
    process: int  # its number

    def seconds(self) -> float:
        """Of processor time that its processes have taken, those that are there now."""
        children: dict[int, list[int]] = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):  # it has just ended
                parent = int(path.read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(path.parent.name))
        family = [self.process]
        for one in family:
            family += children.get(one, [])
        taken = 0
        for one in family:
            with suppress(OSError):
                taken += int(Path(f"/proc/{one}/schedstat").read_text().split()[0])
        return taken / 1e9


def where() -> str | None:
    """The program; None where there is none."""
    both = all(Path("/usr/lib/dovecot", part).exists() for part in ("imap", "pop3"))
    return shutil.which(NAME, path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])) if both else None


@contextmanager
def serving(messages: Sequence[bytes] = ()) -> Iterator[Dovecot]:
    """Start it with these messages in the mailbox, and stop it in the end."""
    program = where()
    assert program is not None
    with TemporaryDirectory(prefix="dovecot") as name, ports() as (imap, pop3):
        folder = Path(name)
        folder.chmod(0o755)
        fill(folder, messages)
        settings = folder / "dovecot.conf"
        settings.write_text(SETTINGS.format(folder=folder, imap=imap, pop3=pop3, password=PASSWORD, **users()))
        quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        process = subprocess.Popen([program, "-F", "-c", settings], **quiet)
        try:
            wait_for(imap, folder)
            wait_for(pop3, folder)
            yield Dovecot(imap, pop3, process.pid)
        finally:
            process.terminate()
            process.wait(30)


def users() -> dict[str, str]:
    """Who its processes are: for root it gives up its rights, for anybody else all is his."""
    if os.getuid() == 0:
        return dict(owner="nobody", group="nogroup", login="dovenull", internal="dovecot", internal_group="dovecot")
    me = pwd.getpwuid(os.getuid())
    group = grp.getgrgid(me.pw_gid).gr_name
    return dict(owner=me.pw_name, group=group, login=me.pw_name, internal=me.pw_name, internal_group=group)


def fill(folder: Path, messages: Sequence[bytes]) -> None:
    """A maildir; its file names say the order and, as a delivery agent's do, the sizes."""
    new = folder / "mail" / "new"
    for one in "cur", "new", "tmp":
        (folder / "mail" / one).mkdir(parents=True)
    for number, message in enumerate(messages):
        stored = message.replace(b"\r\n", b"\n")
        name = f"1700000000.M{number:06d}P1.lab,S={len(stored)},W={len(message)}"
        (new / name).write_bytes(stored)
    if os.getuid() == 0:
        owner = pwd.getpwnam("nobody")
        for path in [folder / "mail", *(folder / "mail").rglob("*")]:
            os.chown(path, owner.pw_uid, owner.pw_gid)


@contextmanager
def ports() -> Iterator[tuple[int, int]]:
    """Two ports that nobody has just now."""
    with socket.create_server((HERE, 0)) as one, socket.create_server((HERE, 0)) as other:
        found = one.getsockname()[1], other.getsockname()[1]
    yield found


def wait_for(port: int, folder: Path) -> None:
    for _ in range(200):
        try:
            socket.create_connection((HERE, port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    log = folder / "log"
    raise RuntimeError(f"Dovecot does not start: {log.read_text() if log.exists() else 'it says nothing'}")
