"""Who calls a port of this machine: on a machine of many users, a lab answers its own user only.

Linux tells it (NETLINK_SOCK_DIAG, exactly one socket asked for); elsewhere nobody is turned away.
"""

from __future__ import annotations

import os
import socket
import struct
import sys

SOCK_DIAG, BY_FAMILY, REQUEST = 4, 20, 1  # linux/netlink.h, linux/sock_diag.h
HEADER = struct.Struct("=IHHII")  # length, type, flags, number, from
QUESTION = struct.Struct("=BBBBI")  # family, protocol, extensions, -, states
ENDS = struct.Struct("!HH4s12x4s12x")  # ports and addresses of both ends; each address has room for IPv6
REST = struct.Struct("=III")  # interface, cookie: any
ANSWER = struct.Struct("=4B48x5I")  # family, state, -, -, ends; expires, queues, uid, inode
ALL, ANY = 0xFFFFFFFF, 0xFFFFFFFF
CAN_TELL = sys.platform == "linux"


def is_ours(call: socket.socket) -> bool:
    """Whether the other end of this call is held by this user, or by root; True where the system does not tell."""
    if not CAN_TELL:
        return True
    try:
        held = holder(call.getpeername(), call.getsockname())
    except OSError:  # it hung up already, or this system has no such thing (a sandbox)
        return True
    return held is None or held[0] == os.getuid() or (held[0] == 0 and held[1] != 0)


def holder(here: tuple[str, int], there: tuple[str, int]) -> tuple[int, int] | None:
    """(user, inode) of the socket of this machine that is at `here` and speaks with `there`; None: there is none."""
    ends = ENDS.pack(here[1], there[1], socket.inet_aton(here[0]), socket.inet_aton(there[0]))
    asked = QUESTION.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, 0, ALL) + ends + REST.pack(0, ANY, ANY)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, SOCK_DIAG) as kernel:
        kernel.settimeout(1)
        kernel.send(HEADER.pack(HEADER.size + len(asked), BY_FAMILY, REQUEST, 1, 0) + asked)
        said = kernel.recv(65_536)
    kind = HEADER.unpack_from(said)[1]
    if kind != BY_FAMILY:
        return None
    *_, user, inode = ANSWER.unpack_from(said, HEADER.size)
    return user, inode
