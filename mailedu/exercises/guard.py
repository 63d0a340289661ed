"""What a process forbids itself before it runs a learner's code, and can take back no more.

Files are written in one folder only; no program is started; nobody outside of this machine is called; memory and
processor time are limited where the system can.  This stops accidents and mischief.  It is no prison: whoever
grades the work of strangers runs the grader in a container as well (``docs/writing-lessons.md``).
"""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Callable
from typing import Any

FORBIDDEN = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty",
             "os.startfile", "os.kill", "os.killpg", "pty.spawn", "ctypes.dlopen", "ctypes.dlsym")  # fmt: skip
CHANGING = {  # event -> (a file among its arguments, the open folder that it is relative to), …
    "os.remove": ((0, 1),), "os.rmdir": ((0, 1),), "os.mkdir": ((0, 2),), "os.rename": ((0, 2), (1, 3)),
    "os.link": ((0, 2), (1, 3)), "os.symlink": ((1, 2),), "os.chmod": ((0, 2),), "os.chown": ((0, 3),),
    "os.utime": ((0, 3),), "os.truncate": ((0, None),), "os.setxattr": ((0, None),), "sqlite3.connect": ((0, None),),
}  # fmt: skip
CALLING = ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg")
ASKING = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC


def guard(
    folder: str,
    *,
    memory: int | None = None,
    seconds: int | None = None,
    octets: int | None = None,
    programs: bool = False,
) -> None:
    """Limit this process for the rest of its life: octets of memory, seconds of processor time, octets of a file.

    With `programs` it may start others, and these are not limited.
    """
    limit(memory, seconds, octets)
    inside = within(os.path.realpath(folder))

    def look(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = args
            by_name = isinstance(mode, str)
            writes = any(letter in mode for letter in "wax+") if by_name else bool((flags or 0) & WRITING)
            if (writes or (not by_name and is_folder(path))) and not inside(path, None):
                raise PermissionError(f"{path!r} is outside of the folder that this code may write in")
        elif event in CHANGING:
            for file, base in CHANGING[event]:
                if not inside(args[file], None if base is None else args[base]):
                    raise PermissionError(f"{args[file]!r} is outside of the folder that this code may change")
        elif (event in FORBIDDEN and not programs) or event.startswith("winreg."):
            raise PermissionError(f"this code may not do that: {event}")
        elif event in CALLING and not is_here(args[1]):
            raise PermissionError(f"this code may call nobody outside of this machine: {args[1]!r}")
        elif event in ASKING and args[0] is not None and not is_here((args[0],)):
            raise PermissionError(f"this code may ask nobody outside of this machine: {args[0]!r}")

    sys.addaudithook(look)


def within(home: str) -> Callable[[Any, int | None], bool]:
    """Whether a path is in this folder; a relative one from an open folder, if there is one (not -1)."""
    realpath, fsdecode, join, isabs, nothing = (
        os.path.realpath, os.fsdecode, os.path.join, os.path.isabs, os.devnull,
    )  # fmt: skip
    start = join(home, "")

    def inside(path: Any, base: int | None) -> bool:
        if isinstance(path, int):
            return True  # it is open already
        name = fsdecode(path)
        if name in (nothing, ":memory:", ""):
            return True
        if base is not None and base >= 0 and not isabs(name):
            name = join(f"/proc/self/fd/{base}", name)  # nowhere where there is no /proc: then it is refused
        return join(realpath(name), "").startswith(start)

    return inside


def is_folder(path: Any, isdir: Callable[[Any], bool] = os.path.isdir) -> bool:
    return not isinstance(path, int) and isdir(path)


def is_here(address: Any) -> bool:
    """Whether a socket's address is on this machine: loopback, or a file."""
    if not isinstance(address, tuple):
        return True
    host = address[0]
    if isinstance(host, tuple):  # getnameinfo's
        host = host[0]
    host = host.decode("latin-1") if isinstance(host, bytes) else str(host)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def limit(memory: int | None, seconds: int | None, octets: int | None) -> None:
    """The system's own limits, where it has them."""
    try:
        import resource
    except ImportError:
        return  # Windows
    for name, most in [("RLIMIT_AS", memory), ("RLIMIT_CPU", seconds), ("RLIMIT_FSIZE", octets)]:
        if most is not None and hasattr(resource, name):
            kind = getattr(resource, name)
            _, hard = resource.getrlimit(kind)
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            try:
                resource.setrlimit(kind, (most, most))
            except (ValueError, OSError):
                continue  # macOS refuses some of them
