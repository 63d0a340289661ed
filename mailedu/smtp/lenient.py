"""How SMTP servers came to be smuggled through: a reader that takes a bare LF for the end of a line.

RFC 5321 §4.1.1.4 forbids it "even in the name of improved robustness", and yet it was common until December 2023, when
it was shown that a message which holds ``LF . CR LF`` is one message for a strict server, and two for such a one.
Nothing here is used unless a lesson says ``lenient=``, and each time it makes a difference a rule in the trace says so.
"""

from __future__ import annotations

from ..acts import Acts, TooLong
from ..wire import CRLF, Lines

KEEPS = "keeps"  # refuses no bare CR or LF, and so passes them on: the half that lets a smuggler out
ENDS = "ends"  # takes a bare LF for the end of a line: the half that lets him in


class LenientLines(Lines):
    """Lines that end with LF, with a CR before it or not."""

    def line(self, limit: int = 65_536) -> Acts[bytes]:
        found = yield from self._until(b"\n", limit, news=False)
        assert isinstance(found, bytes)
        return found

    def block(self, limit: int) -> Acts[bytes]:
        """All lines up to one with a dot alone, whatever ends them."""
        lines: list[bytes] = []
        size, line = 0, b""
        while line not in (b".\n", b".\r\n"):
            try:
                line = yield from self.line(limit)
            except TooLong as long:
                line = long.start
                size += limit
            size += len(line)
            if size <= limit:
                lines.append(line)
        if size > limit:
            raise TooLong(b"".join(lines)[:200], limit)
        return b"".join(lines)


def with_crlf(data: bytes) -> bytes:
    """What such a server makes of it: every LF is a line's end."""
    return data.replace(CRLF, b"\n").replace(b"\n", CRLF)


def ends_properly(block: bytes) -> bool:
    return block == b".\r\n" or block.endswith(b"\r\n.\r\n")
