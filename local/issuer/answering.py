"""Answers over HTTP what services and browsers ask their provider of identities."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from local.issuer.login import Answer, Login, answered
from local.issuer.signing import Signer
from local.ports import LOOPBACK

_KEYS: Final = "/keys"
_AUTHORIZE: Final = "/authorize"
_TOKEN: Final = "/token"  # noqa: S105 a path
_LARGEST_FORM_BYTES: Final = 16_384
_HERE: Final = ("localhost", LOOPBACK)


def documents_of(signer: Signer) -> Mapping[str, Mapping[str, Any]]:
    """Returns what is answered, by path."""
    return {
        "/.well-known/openid-configuration": {
            "issuer": signer.issuer,
            "jwks_uri": signer.issuer + _KEYS,
            "authorization_endpoint": signer.issuer + _AUTHORIZE,
            "token_endpoint": signer.issuer + _TOKEN,
            "token_endpoint_auth_methods_supported": ["none"],
            "grant_types_supported": ["authorization_code"],
            "code_challenge_methods_supported": ["S256"],
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [],
        },
        _KEYS: signer.key_set(),
        "/readyz": {"status": "ready"},
    }


def server_of(port: int, documents: Mapping[str, Mapping[str, Any]], login: Login | None = None) -> ThreadingHTTPServer:
    """Returns a server, which listens and does not answer yet.

    Args:
        port: Where, on the loopback interface.
        documents: What it answers, by path.
        login: Logs pages in; None does not.
    """
    bodies = {path: json.dumps(document).encode() for path, document in documents.items()}

    class Answering(BaseHTTPRequestHandler):
        """One request."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Answers with a document, or with the page on which a role is chosen."""
            at = urlsplit(self.path)
            if at.path == _AUTHORIZE and login is not None and self._is_asked_by_name():
                self._send(login.page(dict(parse_qsl(at.query, keep_blank_values=True))))
            else:
                body = bodies.get(self.path)
                self._send(answered(HTTPStatus.NOT_FOUND if body is None else HTTPStatus.OK, body or b""))

        def do_POST(self) -> None:
            """Gives a token for a code."""
            length = self.headers.get("Content-Length", "")
            is_form = length.isascii() and length.isdigit() and int(length) <= _LARGEST_FORM_BYTES
            body = self.rfile.read(int(length)) if is_form else b""
            self.close_connection = self.close_connection or not is_form
            if self.path == _TOKEN and login is not None and self._is_asked_by_name():
                self._send(login.token(dict(parse_qsl(body.decode("latin-1"))), self.headers.get("Origin")))
            else:
                self._send(answered(HTTPStatus.NOT_FOUND))

        def do_OPTIONS(self) -> None:
            """Lets a page of this machine ask for a token."""
            self._send(answered(HTTPStatus.NOT_FOUND) if login is None else login.preflight(self.headers.get("Origin")))

        def _is_asked_by_name(self) -> bool:
            """Says whether the browser knows where it is: another name may be one that leads here for a moment only."""
            return (self.headers.get("Host") or "").rpartition(":")[0] in _HERE

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

    return ThreadingHTTPServer((LOOPBACK, port), Answering)
