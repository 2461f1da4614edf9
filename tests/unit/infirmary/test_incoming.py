"""A request is the same in whatever pieces it comes, and is judged as gunicorn's parser judges the whole."""

from itertools import pairwise
from typing import Any

import pytest
from gunicorn.config import Config
from hypothesis import given
from hypothesis import strategies as st

from infirmary.http.incoming import LARGEST_REQUEST_BYTES, Incoming, Refused

CONFIG = Config()
HEAD = b"POST /patients HTTP/1.1\r\nHost: x\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

Seen = list[tuple[str, str, bytes]] | int


def seen(pieces: list[bytes]) -> Seen:
    """Returns the requests that were whole, or the status of the refusal that ended it."""
    incoming, requests = Incoming(CONFIG, ("127.0.0.1", 1)), []
    for piece in pieces:
        incoming.feed(piece)
        try:
            while (whole := incoming.next()) is not None:
                requests.append((whole.request.method, whole.request.uri, whole.body))
        except Refused as refused:
            return refused.status
    return requests


def chunked(pieces: list[bytes], trailers: bytes = b"") -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces if piece) + b"0\r\n" + trailers + b"\r\n"


bodies = st.binary(max_size=300)
messages = st.one_of(
    st.just(b"GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n"),
    bodies.map(lambda body: HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)),
    st.builds(
        lambda pieces, trailers: CHUNKED + chunked(pieces, trailers),
        st.lists(bodies, max_size=4),
        st.sampled_from([b"", b"X-Sum: 1\r\n", b"A: b\r\nC: d\r\n"]),
    ),
    st.builds(lambda body: CHUNKED + body, st.text("0123af;=\r\n xZ", max_size=60).map(str.encode)),
)


def cut(data: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted(each % (len(data) + 1) for each in at), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]


@given(st.lists(messages, min_size=1, max_size=4).map(b"".join), st.lists(st.integers(min_value=0), max_size=12))
def test_pieces_make_the_same_requests_as_the_whole(data: bytes, at: list[int]) -> None:
    whole, in_pieces = seen([data]), seen(cut(data, at))
    byte_by_byte = seen([bytes([each]) for each in data])
    assert in_pieces == whole == byte_by_byte


@given(st.binary(max_size=400), st.lists(st.integers(min_value=0), max_size=5))
def test_no_bytes_make_it_fail(data: bytes, at: list[int]) -> None:
    seen(cut(data, at))
    seen(cut(CHUNKED + data, at))


def test_requests_that_come_together_are_taken_one_by_one() -> None:
    first, second = HEAD + b"Content-Length: 2\r\n\r\nab", CHUNKED + chunked([b"c", b"d"])
    assert seen([first + second + first[:-1]]) == [("POST", "/patients", b"ab"), ("POST", "/patients", b"cd")]


OVER = LARGEST_REQUEST_BYTES + 1


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (HEAD + b"Content-Length: %d\r\n\r\n" % OVER, 413),
        (CHUNKED + b"%x\r\n" % OVER, 413),
        (CHUNKED + chunked([b"a" * 40_000, b"b" * 40_000]), 413),
        (CHUNKED + b"1\r\na\r\n" * 30_000, 413),
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET /" + b"a" * 40_000, 414),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 9000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 40_000, 431),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (HEAD + b"Transfer-Encoding: bogus\r\n\r\n", 501),
        (b"GET / HTTP/3.0\r\n\r\n", 505),
        (HEAD + b"Expect: a-miracle\r\n\r\n", 417),
        *(
            (HEAD + b"Transfer-Encoding: %s\r\n\r\n0\r\n\r\n" % codings, 501)
            for codings in (
                b"gzip, chunked",
                b"deflate,chunked",
                b"identity, chunked",
                b"gzip\r\nTransfer-Encoding: chunked",
            )
        ),
        *(
            (b"GET / HTTP/1.1\r\n" + host + b"\r\n", 400)
            for host in (
                b"",
                b"A: b\r\n",
                b"Host: a b\r\n",
                b"Host: a/b\r\n",
                b"Host: a@b\r\n",
                b"Host: a\r\nHost: a\r\n",
            )
        ),
        (HEAD + b"Idempotency-Key: a\r\nIdempotency-Key: a\r\nContent-Length: 0\r\n\r\n", 400),
        (HEAD + b"Idempotency-Key: a\r\nidempotency-key: b\r\nContent-Length: 0\r\n\r\n", 400),
        (b"GARBAGE\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\n", 400),
        (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        (HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (HEAD + b"Content-Length: -1\r\n\r\n", 400),
        (HEAD + b"Content-Length: +1\r\n\r\na", 400),
        (HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: x\n\n", 400),
        (HEAD + b"Folded: a\r\n b\r\n\r\n", 400),
        *(
            (CHUNKED + bad, 400)
            for bad in (b"0x1\r\na\r\n0\r\n\r\n", b"-1\r\n", b"\r\n", b"g\r\n", b"1_0\r\n", b"+1\r\n")
        ),
        *((CHUNKED + bad, 400) for bad in (b"1\r\nabc\r\n0\r\n\r\n", b"1 \r\na\r\n0\r\n\r\n", b"1;\r\na\r\n0\r\n\r\n")),
    ],
)
def test_what_is_no_request_is_refused_however_it_comes(data: bytes, status: int) -> None:
    assert seen([data]) == status
    assert seen([data[at : at + 1000] for at in range(0, len(data), 1000)]) == status


@pytest.mark.parametrize("host", [b"x", b"a.example:80", b"10.0.0.1:8201", b"[::1]:8201", b"", b"my_service.ns.svc"])
def test_a_host_is_a_name_or_an_address_and_perhaps_a_port(host: bytes) -> None:
    assert seen([b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % host]) == [("GET", "/", b"")]
    assert seen([b"GET / HTTP/1.0\r\n\r\n"]) == [("GET", "/", b"")]


def test_a_body_of_just_the_largest_size_is_taken() -> None:
    body = b"a" * LARGEST_REQUEST_BYTES
    for data in (HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(body), body), CHUNKED + chunked([body[:9], body[9:]])):
        assert seen([data]) == [("POST", "/patients", body)]


def test_who_waits_to_be_told_to_go_on_is_told_so_once() -> None:
    incoming: Any = Incoming(CONFIG, ("127.0.0.1", 1))
    incoming.feed(HEAD + b"Expect: 100-continue\r\nContent-Length: 1\r\n\r\n")
    assert incoming.next() is None
    assert [incoming.asks_to_go_on(), incoming.asks_to_go_on()] == [True, False]
    incoming.feed(b"a")
    assert incoming.next().body == b"a"
