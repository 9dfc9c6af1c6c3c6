"""Reads recorded exchanges: HAR files, and what the mock's request journal gives.

Recordings rarely hold everything. Browsers leave credentials and bodies out, and tools write a mark
in the place of a secret: what is not there must never be taken for what was sent. A value that was
taken out becomes one of its own, which equals no other and of which nothing is known.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from cart_spec.source import UnreadableDocumentError, read_text
from requests.structures import CaseInsensitiveDict

from cart_conformance.oracle import ADMINISTRATOR, SHOPPER, AccessToken, CustomerToken, TargetState
from cart_conformance.target.credentials import CUSTOMER_TOKEN
from cart_conformance.target.transport import Answer, Request

MAX_BYTES = 100 * 1024 * 1024
"""The largest recording that is read, in bytes."""

WITHHELD = "withheld-by-the-recording-"
"""What stands in the place of a value that was taken out, before a number of its own."""

SECRET_FIELDS = frozenset(
    {"access_token", "client_secret", "password", "refresh_token", "secret", "token"}
)
SECRET_HEADERS = frozenset(
    {
        "authorization",
        "cookie",
        "proxy-authorization",
        "set-cookie",
        CUSTOMER_TOKEN.lower(),
    }
)

# Marks that recorders write in the place of a secret, alone or after a scheme.
_MARK = re.compile(
    r"(\w+ )?(\[?(redacted|removed|filtered|hidden|masked)\]?|<(redacted|removed)>|[*x•]{3,})",
    re.IGNORECASE,
)
_FORM_SECRET = re.compile(rf"(?<![^&])({'|'.join(sorted(SECRET_FIELDS))})=([^&]*)")
_LONGEST_KEPT = 60_000
"""Characters of a body in the mock's journal, from which it may have been cut."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One exchange. ``left_out`` says why it cannot be judged; then ``answer`` may be None.

    ``line`` is where it starts in the file, from 1; ``when`` it was sent as the file has it, and
    ``at`` in seconds since the epoch, None where that is not to be relied on.
    """

    pointer: str
    line: int
    method: str
    url: str
    status: int | None
    when: str | None = None
    at: float | None = None
    answer: Answer | None = None
    left_out: str | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """The exchanges of a file in their order, and who the callers in it are known to be."""

    name: str
    kind: str
    exchanges: Sequence[Recorded]
    known: TargetState = field(default_factory=TargetState)


def read_recording(path: Path) -> Recording:
    """The recording in a file.

    Raises UnreadableDocumentError, in one line, for one that is too large, no JSON, neither a HAR
    file nor a journal of the mock, or that has an entry that is none.
    """
    text = read_text(path, MAX_BYTES)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableDocumentError(f"{path}: is not JSON: {error}") from error
    log = document.get("log") if isinstance(document, dict) else None
    reader: type[_Har | _Journal]
    if isinstance(log, dict) and isinstance(log.get("entries"), list):
        reader, entries, base, key = _Har, log["entries"], "/log/entries", "entries"
    else:
        found = document.get("data") if isinstance(document, dict) else document
        if not (isinstance(found, list) and all(map(_is_journalled, found))):
            raise UnreadableDocumentError(
                f"{path}: is neither a HAR file (log.entries) nor what the mock's request journal "
                "gives (GET /_mock/stores/STORE/requests)"
            )
        reader, entries = _Journal, found
        base, key = ("/data", "data") if isinstance(document, dict) else ("", "")
    lines = _lines(text, key, len(entries))
    read = reader(entries)
    exchanges = []
    for number, (entry, line) in enumerate(zip(entries, lines, strict=True)):
        try:
            exchanges.append(read.exchange(entry, f"{base}/{number}", line))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UnreadableDocumentError(
                f"{path}: line {line}: {base}/{number} is no exchange: "
                f"{type(error).__name__}: {_one_line(error)}"
            ) from error
    return Recording(str(path), read.kind, exchanges, read.known)


def is_withheld(value: str | None) -> bool:
    """Whether a value stands for one that the recording does not give."""
    return value is not None and value.startswith(WITHHELD)


class _Reader:
    """Gives each value that was taken out a name of its own."""

    kind = ""

    def __init__(self, _entries: Sequence[Any]) -> None:
        self.known = TargetState()
        self._numbers = count(1)

    def withheld(self) -> str:
        """A value of which nothing is known."""
        return f"{WITHHELD}{next(self._numbers)}"

    def secret(self, value: str) -> str:
        """A value that stands where secrets stand, or a new one if it was taken out."""
        found = _MARK.fullmatch(value.strip())
        return f"{found[1] or ''}{self.withheld()}" if found else value

    def header(self, name: str, value: str) -> str:
        """A header's value. Of a whole ``Authorization`` that was taken out, the scheme is kept."""
        if name.lower() not in SECRET_HEADERS:
            return value
        found = self.secret(value)
        whole = name.lower() == "authorization" and is_withheld(found)
        return f"Bearer {found}" if whole else found

    def restored(self, value: Any) -> Any:
        """A JSON value with a new secret in the place of each that was taken out."""
        if isinstance(value, list):
            return [self.restored(each) for each in value]
        if isinstance(value, dict):
            return {
                key: self.secret(each)
                if isinstance(each, str) and key in SECRET_FIELDS
                else self.restored(each)
                for key, each in value.items()
            }
        return value

    def body(self, text: str) -> bytes:
        """A body as it was sent, as far as it can be told: to the byte where nothing is missing."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            text = _FORM_SECRET.sub(lambda m: f"{m[1]}={self.secret(m[2])}", text)
        else:
            restored = self.restored(value)
            text = text if restored == value else json.dumps(restored)
        return text.encode("utf-8", "surrogatepass")


class _Har(_Reader):
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
        # Browsers leave credentials out of what they export; a file in which nobody ever sent any
        # was exported so.
        self._credentials_left_out = "authorization" not in names

    def exchange(self, entry: Mapping[str, Any], pointer: str, line: int) -> Recorded:
        request, response = entry["request"], entry["response"]
        method, url = str(request["method"]).upper(), str(request["url"])
        status = int(response.get("status") or 0)
        when = _text(entry.get("startedDateTime"))
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
            pointer, line, method, url, status or None, when, _time(when), answer, left_out
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
    """Why an entry cannot be judged, or None."""
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


class _Journal(_Reader):
    """The mock's request journal. Its secrets are taken out, but it says who called."""

    kind = "journal of the mock"

    def __init__(self, entries: Sequence[Any]) -> None:
        super().__init__(entries)
        for grant in (ADMINISTRATOR, SHOPPER):
            self.known.access_tokens[_token(grant)] = AccessToken(grant)

    def exchange(self, entry: Mapping[str, Any], pointer: str, line: int) -> Recorded:
        method, status = str(entry["method"]).upper(), entry.get("status")
        query = f"?{entry['query']}" if entry.get("query") else ""
        url = f"{entry['path']}{query}"
        sent = Request(method, url, self._headers(entry), self._bytes(entry.get("body")))
        shown = entry.get("answer") or {}
        answer = Answer(
            request=sent,
            status=int(status or 0),
            headers=CaseInsensitiveDict(shown.get("headers") or {}),
            body=self._bytes(shown.get("body")) or b"",
            elapsed=0.0,
        )
        # The store's clock may be set, so that the machine's time says nothing of a token's.
        left_out = _journal_left_out(entry)
        return Recorded(
            pointer, line, method, url, status, _text(entry.get("at")), None, answer, left_out
        )

    def _headers(self, entry: Mapping[str, Any]) -> CaseInsensitiveDict[str]:
        headers = CaseInsensitiveDict(
            (str(name), self.header(str(name), str(value)))
            for name, value in (entry.get("headers") or {}).items()
        )
        caller = entry.get("caller") or {}
        grant, customer = caller.get("grant"), caller.get("customer_id")
        if "Authorization" in headers:
            known = isinstance(grant, str) and _token(grant) in self.known.access_tokens
            headers["Authorization"] = f"Bearer {_token(str(grant)) if known else self.withheld()}"
        if CUSTOMER_TOKEN in headers and customer:
            headers[CUSTOMER_TOKEN] = _token(customer)
            self.known.customer_tokens[_token(customer)] = CustomerToken(customer)
        return headers

    def _bytes(self, body: Any) -> bytes | None:
        if body is None:
            return None
        if isinstance(body, str):
            return self.body(body)
        return json.dumps(self.restored(body), ensure_ascii=False).encode("utf-8", "surrogatepass")


def _journal_left_out(entry: Mapping[str, Any]) -> str | None:
    bodies = (entry.get("body"), (entry.get("answer") or {}).get("body"))
    if entry.get("fault"):
        return "a fault was injected into it"
    if not entry.get("status"):
        return "no answer was sent"
    if any(isinstance(body, str) and len(body) >= _LONGEST_KEPT for body in bodies):
        return "a body in it was cut"
    return None


def _token(owner: str) -> str:
    return f"token-of-{owner}-in-the-journal"


def _is_journalled(entry: Any) -> bool:
    return isinstance(entry, dict) and {"method", "path", "status", "operation"} <= entry.keys()


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _time(written: str | None) -> float | None:
    try:
        return datetime.fromisoformat(written or "").timestamp()
    except ValueError:
        return None


def _lines(text: str, key: str, number: int) -> Iterator[int]:
    """The line that each of the ``number`` entries starts on; 1 where that cannot be told."""
    starts = list(_starts(text, key, number))
    if len(starts) != number:
        starts = [0] * number
    line, before = 1, 0
    for start in starts:
        line += text.count("\n", before, start)
        before = start
        yield line


def _starts(text: str, key: str, number: int) -> Iterator[int]:
    opening = re.search(rf'"{key}"\s*:\s*\[' if key else r"\[", text)
    decoder, at = json.JSONDecoder(), opening.end() if opening else len(text)
    blank = re.compile(r"[\s,]*")
    for _ in range(number):
        start = blank.match(text, at)
        assert start is not None, "it matches nothing at all, too"
        try:
            _, at = decoder.raw_decode(text, start.end())
        except ValueError:
            return
        yield start.end()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
