"""Finds the end of a chunked body while it comes."""

import re
from typing import Final

_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(;|$)")
_LONGEST_SIZE_LINE = 8190


class ChunkScanner:
    """Follows the sizes of the chunks; looks at each byte once, however few come at a time.

    It does not judge: what it cannot follow it calls the end, and the parser that reads the whole then refuses it.

    Attributes:
        body_bytes: What the chunks so far hold together, the one on its way included.
    """

    def __init__(self) -> None:
        self.body_bytes = 0
        self._at = 0
        self._searched = 0
        self._last = False

    def at_end(self, raw: bytearray) -> bool:
        """Says whether the body is whole.

        Args:
            raw: All of it that has come; it only grows.
        """
        while not self._last:
            end = raw.find(b"\r\n", max(self._at, self._searched - 1))
            if end < 0:
                self._searched = len(raw)
                return self._searched - self._at > _LONGEST_SIZE_LINE
            size = _SIZE.match(bytes(raw[self._at : end]))
            if size is None:
                return True
            length = int(size[1], 16)
            self.body_bytes += length
            self._last = length == 0
            self._at = self._searched = end + 2 + (0 if self._last else length + 2)
        return self._trailers_end(raw)

    def _trailers_end(self, raw: bytearray) -> bool:
        if raw[self._at : self._at + 2] == b"\r\n":
            return True
        found = raw.find(b"\r\n\r\n", max(self._at, self._searched - 3)) >= 0
        self._searched = max(self._searched, len(raw))
        return found
