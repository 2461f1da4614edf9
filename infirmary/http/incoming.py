"""A client's requests as they come in: judged by gunicorn's parser, and handed on when they are whole."""

from dataclasses import dataclass
from typing import Any, Final

from gunicorn.http import errors
from gunicorn.http.body import ChunkedReader
from gunicorn.http.message import Request
from gunicorn.http.unreader import Unreader

from infirmary.http.chunks import ChunkScanner
from infirmary.http.gunicorn_internals import takes_expectation
from infirmary.http.head import why_refused

LARGEST_REQUEST_BYTES = 64 * 1024
"""Of a body, however it comes."""

LARGEST_HEAD_BYTES = 32 * 1024
_LARGEST_FRAMED_BYTES = 2 * LARGEST_REQUEST_BYTES
"""Of a chunked body with its sizes and trailers."""

_STATUSES: Final[tuple[tuple[type[Exception], int], ...]] = (
    (errors.LimitRequestLine, 414),
    (errors.LimitRequestHeaders, 431),
    (errors.UnsupportedTransferCoding, 501),
    (errors.InvalidHTTPVersion, 505),
    (errors.ExpectationFailed, 417),
)


class Refused(Exception):
    """What came is no request that could be answered; the connection is of no use any more."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


@dataclass(frozen=True, slots=True)
class Whole:
    """A request of which everything is there."""

    request: Any
    body: bytes


class _NotYet(Exception):
    """The parser wants more than has come."""


class _Come(Unreader):  # type: ignore[misc]  # gunicorn has no types
    """Lends the parser what has come, and nothing else: it must not wait for a client."""

    def chunk(self, size_hint: int | None = None) -> bytes:  # noqa: ARG002 - gunicorn's signature
        raise _NotYet


class Incoming:
    """What one connection's client has sent and nobody has taken yet."""

    def __init__(self, config: Any, client: Any) -> None:
        """Prepares for a connection.

        Args:
            config: gunicorn's, with its limits of lines and headers.
            client: The address of the other end.
        """
        self._config, self._client = config, client
        self._raw = bytearray()
        self._new_line = False
        self._head: Any = None
        self._chunks: ChunkScanner | None = None
        self._number = 0

    def __len__(self) -> int:
        return len(self._raw)

    @property
    def begun(self) -> bool:
        """Whether a part of a request is here."""
        return bool(self._raw) or self._head is not None

    def feed(self, data: bytes) -> None:
        """Adds what has come."""
        self._raw += data
        self._new_line = self._new_line or b"\n" in data

    def next(self) -> Whole | None:
        """Returns the next request, if it is whole.

        Raises:
            Refused: It can never be.
        """
        try:
            if self._head is None and not self._read_head():
                return None
            return self._read_body()
        except errors.ParseException as error:
            status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 400)
            raise Refused(status, str(error)[:200]) from None

    def asks_to_go_on(self) -> bool:
        """Says, once, whether the client waits for `100 Continue` before it sends the body."""
        return self._head is not None and takes_expectation(self._head)

    def _read_head(self) -> bool:
        if not self._new_line and len(self._raw) <= LARGEST_HEAD_BYTES:
            return False  # each line is looked at once, however slowly it comes
        self._new_line = False
        come = _Come()
        come.unread(bytes(self._raw))
        try:
            head = Request(self._config, come, self._client, self._number + 1)
        except _NotYet:
            if len(self._raw) > LARGEST_HEAD_BYTES:
                raise Refused(431, f"the headers are longer than {LARGEST_HEAD_BYTES} bytes") from None
            return False
        if (reason := why_refused(head.version, head.headers)) is not None:
            raise Refused(*reason)
        self._number += 1
        self._raw = bytearray(come.take_buffered())
        self._head = head
        self._chunks = ChunkScanner() if isinstance(head.body.reader, ChunkedReader) else None
        return True

    def _read_body(self) -> Whole | None:
        if self._chunks is not None:
            return self._read_chunks(self._chunks)
        length: int = self._head.body.reader.length
        _limit(length)
        if len(self._raw) < length:
            return None
        body = bytes(self._raw[:length])
        del self._raw[:length]
        return self._whole(body)

    def _read_chunks(self, chunks: ChunkScanner) -> Whole | None:
        at_end = chunks.at_end(self._raw)
        _limit(chunks.body_bytes)
        if not at_end:
            if len(self._raw) > _LARGEST_FRAMED_BYTES:
                raise Refused(
                    413, f"the body takes more than {_LARGEST_FRAMED_BYTES} bytes with the sizes of its chunks"
                )
            return None
        come = self._head.unreader
        come.unread(bytes(self._raw))
        try:
            body = self._head.body.read()
        except (_NotYet, errors.NoMoreData):
            raise Refused(400, "the chunks of the body are not as they should be") from None
        self._raw = bytearray(come.take_buffered())
        return self._whole(body)

    def _whole(self, body: bytes) -> Whole:
        head, self._head, self._chunks = self._head, None, None
        takes_expectation(head)
        self._new_line = b"\n" in self._raw
        return Whole(head, body)


def _limit(length: int) -> None:
    if length > LARGEST_REQUEST_BYTES:
        raise Refused(413, f"the body is longer than {LARGEST_REQUEST_BYTES} bytes")
