"""THREAD (RFC 5256 §3): who answers whom.  ORDEREDSUBJECT goes by subjects, REFERENCES by Message-IDs first."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from ..acts import Refused
from ..mailbox import Message
from .grammar import Reader, space, word
from .search import Found, Program, first_field
from .sorting import sent, subject_of, with_charset

MESSAGE_ID = re.compile(rb'<(?:"((?:[^"\\]|\\.)*+)"|([^<>@\s"]++))@([^<>@\s]++)>')


class Node:
    """A message in its thread; a dummy has none: somebody referred to it, or it holds those of one subject together."""

    __slots__ = ("at", "children", "message", "number", "parent")

    def __init__(self, number: int = 0, message: Message | None = None) -> None:
        self.number, self.message = number, message
        self.parent: Node | None = None
        self.children: dict[Node, None] = {}  # in order, and quick to leave
        self.at = (sent(message), number) if message else (0, 0)

    def adopt(self, child: Node) -> None:
        if child.parent:
            del child.parent.children[child]
        child.parent = self
        self.children[child] = None

    def is_under(self, other: Node) -> bool:
        """Whether it is the other, or descends from it.  Who has no children has no descendants: no need to climb."""
        node: Node | None = self
        while node is not None and (node is other or other.children):
            if node is other:
                return True
            node = node.parent
        return False

    @property
    def date(self) -> tuple[int, int]:
        """When it was sent, and its number; of a dummy, its first child's."""
        return self.at if self.message else min(child.at for child in self.children)

    @property
    def first(self) -> Message:
        """The message, or a dummy's first child's."""
        found = self if self.message else next(iter(self.children))
        assert found.message  # dummies stand only at the top
        return found.message

    def sort_children(self) -> None:
        self.children = dict.fromkeys(sorted(self.children, key=lambda child: child.at))


# -- REFERENCES --------------------------------------------------------------------------------------------------------


def references(matching: Found) -> list[Node]:
    """The six steps."""
    tops = pruned(linked(matching))  # (1), (2), (3)
    for top in tops:
        if not top.message:
            top.sort_children()
    tops.sort(key=lambda top: top.date)  # (4)
    tops = by_subject(tops)  # (5)
    for top in tops:
        for node in everyone([top]):
            node.sort_children()  # (6)
    return sorted(tops, key=lambda top: top.date)


def linked(matching: Found) -> list[Node]:
    """(1): parents and children by Message-ID."""
    nodes: dict[bytes, Node] = {}  # by Message-ID
    for number, message in matching:
        node = own_node(nodes, number, message)
        parent: Node | None = None
        for name in referred(message):
            ancestor = nodes.setdefault(name, Node())
            if parent and not ancestor.parent and not parent.is_under(ancestor):
                parent.adopt(ancestor)
            parent = ancestor
        if node.parent:  # a truncated References led to it
            del node.parent.children[node]
            node.parent = None
        if parent and not parent.is_under(node):
            parent.adopt(node)
    return list(nodes.values())


def own_node(nodes: dict[bytes, Node], number: int, message: Message) -> Node:
    """The node of this message: the dummy others referred to, or a new one; the second of one ID is nobody's parent."""
    names = message_ids(first_field(message, b"message-id"))
    name = names[0] if names else b""
    node = nodes.get(name)
    if node and not node.message:
        node.number, node.message, node.at = number, message, (sent(message), number)
        return node
    made = Node(number, message)
    nodes[name if names and not node else b"%d" % number] = made  # no Message-ID looks like a number
    return made


def referred(message: Message) -> list[bytes]:
    """All of References, or else the first of In-Reply-To."""
    return message_ids(first_field(message, b"references")) or message_ids(first_field(message, b"in-reply-to"))[:1]


def message_ids(value: bytes) -> list[bytes]:
    """Written in one way: <"a"@b> is <a@b>."""
    return [
        b"<%s@%s>" % (re.sub(rb"\\(.)", rb"\1", quoted) or plain, right)
        for quoted, plain, right in MESSAGE_ID.findall(value)
    ]


def pruned(nodes: list[Node]) -> list[Node]:
    """(2), (3): those at the top.  A dummy's children take its place; at the top only one that is alone does."""
    for node in backwards(nodes):
        if node.message or not node.parent:
            continue
        above = node.parent
        for child in list(node.children):
            above.adopt(child)
        del above.children[node]
        node.parent = None
        node.children = {}
    tops: dict[Node, None] = {}
    for node in nodes:
        if node.parent or not (node.message or node.children):
            continue
        top = node
        if not node.message and len(node.children) == 1:
            [top] = node.children
            top.parent = None
        tops[top] = None
    return list(tops)


def backwards(nodes: list[Node]) -> Iterator[Node]:
    """Children before their parents."""
    return reversed(list(everyone([node for node in nodes if not node.parent])))


def everyone(tops: Iterable[Node]) -> Iterator[Node]:
    """These and all under them; no thread is too deep."""
    todo = list(tops)
    while todo:
        node = todo.pop()
        yield node
        todo += node.children


def by_subject(tops: list[Node]) -> list[Node]:
    """(5): threads of one subject are one."""
    table: dict[bytes, Node] = {}
    for top in tops:
        base, reply = subject_of(top.first)
        other = table.get(base)
        if not base:
            continue
        if other is None or (other.message and (not top.message or (subject_of(other.message).reply and not reply))):
            table[base] = top
    left: dict[Node, None] = dict.fromkeys(tops)
    for top in tops:
        base, reply = subject_of(top.first)
        other = table.get(base)
        if other is None or other is top:
            continue
        del left[top]
        if not other.message:
            for node in [top] if top.message else list(top.children):
                other.adopt(node)
        elif reply and not subject_of(other.message).reply:
            other.adopt(top)
        else:
            both = Node()
            for node in (other, top):
                both.adopt(node)
            del left[other]
            left[both] = None
            table[base] = both
    return list(left)


# -- ORDEREDSUBJECT ----------------------------------------------------------------------------------------------------


def ordered_subject(matching: Found) -> list[Node]:
    """By subject and date; the second message of a subject and all others are children of the first."""
    threads: dict[bytes, Node] = {}
    for node in sorted((Node(number, message) for number, message in matching), key=lambda node: node.at):
        assert node.message
        base = subject_of(node.message).base
        if base in threads:
            threads[base].adopt(node)
        else:
            threads[base] = node
    return sorted(threads.values(), key=lambda node: node.at)


# -- the command -------------------------------------------------------------------------------------------------------

ALGORITHMS: dict[str, Callable[[Found], list[Node]]] = {
    "ORDEREDSUBJECT": ordered_subject,
    "REFERENCES": references,
}


class Threading(NamedTuple):
    """By which algorithm, and what to search for."""

    algorithm: str
    program: Program


def thread_program(r: Reader) -> Threading:
    """algorithm charset key key …"""
    algorithm = word("algorithm")(r)
    if algorithm not in ALGORITHMS:
        raise Refused("imap.algorithm", "BAD that is no way to thread here", algorithm=algorithm)
    space(r)
    return Threading(algorithm, with_charset(r))


def write_threads(tops: list[Node], uid: bool) -> bytes:
    """``(2)(3 6 (4 23)(44 7 96))`` (§4): children follow their parent, several of them in parentheses."""
    told: list[bytes] = []
    todo: list[Node | bytes] = [item for top in reversed(tops) for item in (b")", top, b"(")]
    while todo:
        item = todo.pop()
        if isinstance(item, bytes):
            told.append(item)
            continue
        children = list(item.children)
        if item.message:
            told.append(b"%d" % (item.message.uid if uid else item.number))
            if children:
                told.append(b" ")
        if len(children) == 1 and item.message:
            todo.append(children[0])
        else:
            todo += [one for child in reversed(children) for one in (b")", child, b"(")]
    return b"".join(told)
