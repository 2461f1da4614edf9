"""A good answer, whole when it is made: nothing about it is left to find out when it is sent."""

from typing import Final
from urllib.parse import quote

from flask import Response
from werkzeug.datastructures import Headers

JSON: Final = "application/json"
_KEPT: Final = "%/?#[]:;@!$&'()*+,=~"


class JsonAnswer(Response):
    """An answer in JSON. Its length and its place are said when it is made, and are not worked out anew."""

    def __init__(self, body: bytes, status: int, location: str | None = None, media_type: str = JSON) -> None:
        """Takes the answer.

        Args:
            body: The document.
            status: That of a good answer with a body.
            location: The path of what was created.
            media_type: What kind of JSON it is.
        """
        headers = [("Content-Type", media_type), ("Content-Length", str(len(body)))]
        if location is not None:
            headers.append(("Location", quote(location, _KEPT)))
        super().__init__(body, status, headers)

    def get_wsgi_headers(self, environ: object) -> Headers:  # noqa: ARG002 - werkzeug's signature
        """Returns the headers as they are."""
        return self.headers
