"""Servers that do not implement the API: the suite must exit soon, with the right status."""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler
from typing import Any


class _Any(BaseHTTPRequestHandler):
    """A handler that answers every method in the same way."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        raise NotImplementedError

    def handle_one(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.answer()

    do_GET = do_POST = do_PUT = do_DELETE = handle_one

    def send(self, status: int, body: bytes, media_type: str, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as in the base class
        """Say nothing."""


class Always200(_Any):
    """200 and an empty object."""

    def answer(self) -> None:
        self.send(200, b"{}", "application/json")


class AlwaysToken(_Any):
    """Answers every request with 200 and the fields of a successful login."""

    def answer(self) -> None:
        body = {
            "access_token": "a-token",
            "token_type": "Bearer",
            "expires_in": 3600,
            "data": {"id": "an-id", "type": "token", "token": "another-token"},
        }
        self.send(200, json.dumps(body).encode(), "application/json")


class Always500(_Any):
    """500 in the envelope."""

    def answer(self) -> None:
        body = {"errors": [{"status": 500, "title": "Internal server error"}]}
        self.send(500, json.dumps(body).encode(), "application/json")


class Html(_Any):
    """A page for everything."""

    def answer(self) -> None:
        self.send(200, b"<html><h1>Welcome</h1></html>", "text/html")


class HtmlErrors(_Any):
    """404 and a page."""

    def answer(self) -> None:
        self.send(404, b"<html><h1>Not found</h1></html>", "text/html")


class Hangs(_Any):
    """Never answers."""

    def answer(self) -> None:
        time.sleep(30)


class Trickles(_Any):
    """Sends its headers a character at a time, for ever."""

    def answer(self) -> None:
        for _ in range(300):
            self.wfile.write(b"H")
            self.wfile.flush()
            time.sleep(0.1)


class Closes(_Any):
    """Closes the connection without an answer."""

    def answer(self) -> None:
        self.close_connection = True


class CutsOff(_Any):
    """Closes it in the middle of the body."""

    def answer(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b'{"access_token": ')
        self.close_connection = True


class Redirects(_Any):
    """Redirects in a circle."""

    def answer(self) -> None:
        self.send(302, b"", "text/plain", Location=self.path)


class NotHttp(_Any):
    """Speaks another protocol."""

    def answer(self) -> None:
        self.wfile.write(b"220 mail.example.com ESMTP\r\n")
        self.close_connection = True


class AnotherApi(_Any):
    """A different service with its own token endpoint."""

    def answer(self) -> None:
        if self.path == "/oauth/access_token":
            body: dict[str, Any] = {"token": "abc", "user": {"id": 1}}
            self.send(200, json.dumps(body).encode(), "application/json")
        else:
            self.send(404, b'{"message": "no such route"}', "application/json")


class UnsendableToken(_Any):
    """Returns an access token that is invalid in a header, and an invalid lifetime."""

    def answer(self) -> None:
        body = {"access_token": "\u65e5\u672c\ud800", "expires_in": 10**400}
        self.send(200, json.dumps(body).encode(), "application/json")


class Refuses(_Any):
    """Accepts no credentials."""

    def answer(self) -> None:
        body = {"errors": [{"status": 401, "title": "Unable to validate"}]}
        self.send(401, json.dumps(body).encode(), "application/json")


class TooMany(_Any):
    """429 to everything."""

    def answer(self) -> None:
        self.send(429, b"", "text/plain", **{"Retry-After": "0"})
