"""What a client gets of an answer that is whole when it is made."""

from typing import Any

import pytest
from flask import Flask, Response

from infirmary.http.json_answer import JsonAnswer


def got(answer: Response, method: str = "GET") -> Any:
    app = Flask("answers")
    app.add_url_rule("/", "answer", lambda: answer)
    return app.test_client().open("/", method=method)


def test_it_says_how_long_it_is_and_what() -> None:
    answer = got(JsonAnswer('{"name":"Zoë"}'.encode(), 201, "/patients/7"))
    assert (answer.status_code, answer.json) == (201, {"name": "Zoë"})
    assert dict(answer.headers) == {
        "Content-Type": "application/json",
        "Content-Length": "15",
        "Location": "/patients/7",
    }


def test_a_head_has_the_same_length_and_no_body() -> None:
    answer = got(JsonAnswer(b'{"a":1}', 200), "HEAD")
    assert (answer.headers["Content-Length"], answer.data) == ("7", b"")


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/wards/a b", "/wards/a%20b"),
        ("/wards/Zoë", "/wards/Zo%C3%AB"),
        ("/wards/1\r\nX: y", "/wards/1%0D%0AX:%20y"),
        ("/wards/50%25?a=1&b=[2]#c", "/wards/50%25?a=1&b=[2]#c"),
    ],
)
def test_a_place_is_written_as_a_url_has_it(path: str, location: str) -> None:
    assert got(JsonAnswer(b"{}", 201, path)).headers["Location"] == location
