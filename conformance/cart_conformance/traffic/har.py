"""Reads HAR 1.2, as browsers and proxies export it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from requests.structures import CaseInsensitiveDict

from cart_conformance.exchange import Answer, Request
from cart_conformance.traffic.recording import Recorded, RecordingReader, seconds_of, text_or_none


class HarReader(RecordingReader):
    """HAR 1.2, as browsers and proxies export it."""

    kind = "HAR"

    def __init__(self, entries: Sequence[Any]) -> None:
        super().__init__(entries)
        names = {
            str(header.get("name", "")).lower()
            for entry in entries
            if isinstance(entry, Mapping) and isinstance(entry.get("request"), Mapping)
            for header in entry["request"].get("headers", ())
        }
        # Browsers omit credentials from their exports. So a file without any credentials is read as
        # # an export of a browser.
        self._credentials_left_out = "authorization" not in names

    def exchange(self, entry: Mapping[str, Any], pointer: str, line: int) -> Recorded:
        """Return one entry. Raises AttributeError, KeyError, TypeError or ValueError."""
        request, response = entry["request"], entry["response"]
        method, url = str(request["method"]).upper(), str(request["url"])
        status = int(response.get("status") or 0)
        when = text_or_none(entry.get("startedDateTime"))
        headers = self._headers(request)
        if self._credentials_left_out:
            headers["Authorization"] = f"Bearer {self.withheld()}"
        sent = Request(method, url, headers, self._sent(request))
        left_out = _har_left_out(request, response, status)
        received = self._headers(response)
        if (response.get("content") or {}).get("mimeType"):
            received.setdefault("Content-Type", str(response["content"]["mimeType"]))
        answer = Answer(
            request=sent,
            status=status,
            headers=received,
            body=self._received(response.get("content") or {}),
            elapsed=float(entry.get("time") or 0) / 1000,
        )
        return Recorded(
            pointer, line, method, url, status or None, when, seconds_of(when), answer, left_out
        )

    def _headers(self, owner: Mapping[str, Any]) -> CaseInsensitiveDict[str]:
        return CaseInsensitiveDict(
            (str(header["name"]), self.header(str(header["name"]), str(header.get("value", ""))))
            for header in owner.get("headers", ())
            if not str(header["name"]).startswith(":")  # HTTP/2's own
        )

    def _sent(self, request: Mapping[str, Any]) -> bytes | None:
        posted = request.get("postData") or {}
        if posted.get("text"):
            return self.body(str(posted["text"]))
        if posted.get("params"):
            pairs = [(each["name"], str(each.get("value", ""))) for each in posted["params"]]
            return self.body(urlencode(pairs))
        return None

    def _received(self, content: Mapping[str, Any]) -> bytes:
        text = str(content.get("text") or "")
        if content.get("encoding") == "base64":
            try:
                return base64.b64decode(text, validate=True)
            except binascii.Error as error:
                raise ValueError("response.content.text is not base64") from error
        return self.body(text)


def _har_left_out(
    request: Mapping[str, Any], response: Mapping[str, Any], status: int
) -> str | None:
    """Return why an entry cannot be judged, or None."""
    posted = request.get("postData") or {}
    content = response.get("content") or {}
    if status == 0:
        return "no answer came"
    if 300 <= status < 400:
        return f"{status} is an answer of a cache or of the way there"
    if (request.get("bodySize") or 0) > 0 and not (posted.get("text") or posted.get("params")):
        return "what was sent was not recorded"
    if not content.get("text") and ((content.get("size") or 0) > 0 or "size" not in content):
        return None if status == 204 else "the answer's body was not recorded"
    return None
