"""Pieces of bytes in, whole lines out.  A machine asks for a line; a driver never sees one."""

from __future__ import annotations

import re
from typing import cast

from .acts import NEWS, Acts, Hungup, Listen, News, TooLong

CRLF = b"\r\n"
END_OF_DATA = b"\r\n.\r\n"
START = 200  # octets of something too long that TooLong shows, the same ones however it was cut


class Lines:
    """What was heard and not yet read.  `seconds`: how long each wait for more may last before it is Quiet."""

    def __init__(self, seconds: float = 300.0) -> None:
        self.rest, self.at, self.seconds = b"", 0, seconds  # read as far as `at`

    def forget(self) -> None:
        """Drop what is unread: nothing said in the clear counts after TLS (RFC 3207 §4.2)."""
        self.rest, self.at = b"", 0

    def line(self, limit: int = 65_536) -> Acts[bytes]:
        """One line with its CRLF, at most `limit` octets; TooLong, once a longer one has been read to its end."""
        return cast("Acts[bytes]", self._until(CRLF, limit, news=False))

    def line_or_news(self, limit: int = 65_536) -> Acts[bytes | News]:
        """The same, or NEWS, if the watched box changes before there is a line."""
        return self._until(CRLF, limit, news=True)

    def block(self, limit: int) -> Acts[bytes]:
        """A dot-stuffed block with its end, as it stood on the wire (RFC 5321 §4.5.2, RFC 1939 §3)."""
        # The CRLF before the block counts: a lone dot ends an empty one.  After a line it is there still.
        if self.rest.endswith(CRLF, 0, self.at):
            self.at -= len(CRLF)
        else:
            self.rest, self.at = CRLF + self.rest[self.at :], 0
        try:
            found = yield from self._until(END_OF_DATA, limit + len(CRLF), news=False)
        except TooLong as too_long:
            raise TooLong(too_long.start[len(CRLF) :], limit) from None
        assert isinstance(found, bytes)
        return found[len(CRLF) :]

    def octets(self, count: int) -> Acts[bytes]:
        """Exactly so many: a literal."""
        have = len(self.rest) - self.at
        if have >= count:
            return self._taken(self.at + count)
        pieces = [self.rest[self.at :]]
        while have < count:
            more = yield from self._more(news=False)
            assert isinstance(more, bytes)
            pieces.append(more)
            have += len(more)
        self.rest, self.at = b"".join(pieces), 0
        return self._taken(count)

    def skip(self, count: int) -> Acts[None]:
        """Read so many octets and keep none: a literal that is too big."""
        have = len(self.rest) - self.at
        if have >= count:
            self._taken(self.at + count)
            return
        self.forget()
        while have < count:
            more = yield from self._more(news=False)
            assert isinstance(more, bytes)
            have += len(more)
            if have >= count:
                self.rest = more[len(more) - (have - count) :]

    def _until(self, mark: bytes, limit: int, news: bool) -> Acts[bytes | News]:
        """The bytes up to and with `mark`, listening as long as it takes.

        What came is searched once, and joined only when the mark is there: a block of 25 MB costs linear time however
        it is cut.
        """
        end = self.rest.find(mark, self.at)
        if end >= 0 and end + len(mark) - self.at <= limit:
            return self._taken(end + len(mark))
        tail = self.rest[self.at :]
        pieces, have = [tail] if tail else [], len(tail)
        end = end - self.at if end >= 0 else -1  # from here on counted from the first piece's first octet
        while end < 0:
            if have > limit:
                begun = b"".join(pieces)
                yield from self._drop_until(mark, begun[-len(mark) :])
                raise TooLong(begun[: min(limit, START)], limit)
            more = yield from self._more(news, pieces)
            if not isinstance(more, bytes):
                return NEWS
            tail = tail[-(len(mark) - 1) :] + more
            pieces.append(more)
            have += len(more)
            if (found := tail.find(mark)) >= 0:
                end = have - len(tail) + found
        self.rest, self.at = b"".join(pieces), 0
        taken = self._taken(end + len(mark))
        if len(taken) > limit:
            raise TooLong(taken[: min(limit, START)], limit)
        return taken

    def _drop_until(self, mark: bytes, tail: bytes) -> Acts[None]:
        """Read to the end of something too long, keeping nothing of it but the last few octets."""
        while mark not in tail:
            more = yield from self._more(news=False)
            assert isinstance(more, bytes)
            tail = tail[-(len(mark) - 1) :] + more
        self.rest, self.at = tail[tail.find(mark) + len(mark) :], 0

    def _more(self, news: bool, pieces: list[bytes] | None = None) -> Acts[bytes | News]:
        """What comes next; what was gathered so far is put back first when it is not bytes that come."""
        more = yield Listen(self.seconds, news)
        if isinstance(more, bytes) and more:
            return more
        if pieces is not None:
            self.rest, self.at = b"".join(pieces), 0
        if isinstance(more, News):
            return more
        raise Hungup

    def _taken(self, end: int) -> bytes:
        found, self.at = self.rest[self.at : end], end  # only `at` moves: many lines in one piece cost no copies
        return found


def stuff(message: bytes) -> bytes:
    """Message -> block: ``b".x\\r\\n"`` -> ``b"..x\\r\\n.\\r\\n"`` (RFC 5321 §4.5.2).

    A last line without CRLF gets one.
    """
    if message and not message.endswith(CRLF):
        message += CRLF
    if b"\r\n." in message:  # looking is far cheaper than replacing
        message = message.replace(b"\r\n.", b"\r\n..")
    return (b"." if message.startswith(b".") else b"") + message + b".\r\n"


def unstuff(block: bytes) -> bytes:
    """Block -> message: what `stuff` did, undone."""
    message = block[:-3]
    if b"\r\n." in message:
        message = message.replace(b"\r\n.", b"\r\n")
    return message[1:] if message.startswith(b".") else message


LONE = re.compile(rb"\r(?!\n)|(?<!\r)\n")


def has_lone_cr_or_lf(data: bytes, pairs: int | None = None) -> bool:
    """Whether a CR or an LF stands without the other (RFC 5321 §2.3.8 forbids it).

    `pairs`: how many times they stand together, from who has counted that.
    """
    if pairs is None:
        pairs = data.count(CRLF)  # counting is far cheaper than searching
    return data.count(b"\r") != pairs or data.count(b"\n") != pairs
