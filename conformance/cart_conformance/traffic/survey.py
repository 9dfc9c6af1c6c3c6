"""Looks through a recording once: which entries are of the contract, and what is secret in it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from cart_spec.redaction import Redactor, is_secret_name, may_name_secrets

from cart_conformance.exchange import Request
from cart_conformance.oracle import Oracle, TargetState
from cart_conformance.traffic.recording import (
    BrokenEntryError,
    Outline,
    Recording,
    is_marker,
)

_WITH_URL = frozenset({"referer", "location", "content-location", "link"})
"""Names of headers, in lower case, whose value is a URL or has one in it."""

_SHORTEST_COOKIE = 8
"""Characters of a cookie that is kept secret: shorter ones are languages, themes and counters."""


@dataclass(frozen=True, slots=True)
class Broken:
    """An entry that cannot be read, with what is wrong with it."""

    pointer: str
    line: int
    reason: str


class SecretsOfRecording(Redactor):
    """A redactor that takes placeholders of withheld values for what they are."""

    def __init__(self) -> None:
        """Start without any secret."""
        super().__init__()
        # Most entries repeat the headers of the one before.
        self._latest: dict[str, str] = {}

    def add(self, *secrets: str | None) -> None:
        """Redact these values from now on, unless the recording withholds them."""
        super().add(*(each for each in secrets if each and not is_marker(each)))

    def learn_url(self, url: str) -> None:
        """Add the credentials of a URL, and the secret parameters of its query and fragment."""
        if not any(mark in url for mark in "@?#"):
            return
        try:
            parts = urlsplit(url)
        except ValueError:
            return
        for each in (parts.username, parts.password):
            self.add(each, unquote(each or ""))
        self.learn_form(parts.query)
        self.learn_form(parts.fragment)

    def learn_body(self, body: bytes) -> None:
        """Add what stands in secret fields, also of JSON that was cut."""
        text = body.decode("utf-8", "replace")
        if not may_name_secrets(text):
            return
        super().learn_body(body)
        try:
            json.loads(body)
        except (ValueError, RecursionError):
            self.learn_text(text)

    def learn_pair(self, name: str, value: str) -> None:
        """Add the value of a cookie, of a parameter, or the secrets of a URL."""
        if name == "cookie":
            self.add(*_cookies([value]))
        elif name == "url":
            self.learn_url(value)
        elif is_secret_name(name):
            self.add(value)

    def learn_headers_of(self, headers: Iterable[tuple[str, str]]) -> None:
        """Add the secrets of headers."""
        for written, value in headers:
            name = written.lower()
            if not (name in _WITH_URL or is_secret_name(name)) or self._latest.get(name) == value:
                continue
            self._latest[name] = value
            if name == "cookie":
                self.add(*_cookies(each.partition("=")[2] for each in value.split(";")))
            elif name == "set-cookie":
                # A recorder may join several by line breaks.
                lines = value.splitlines()
                self.add(*_cookies(each.split(";")[0].partition("=")[2] for each in lines))
            elif name in _WITH_URL:
                self.learn_url(value)
            else:
                self.learn_headers([(name, value)])


def _cookies(values: Iterable[str]) -> Iterator[str]:
    yield from (each.strip() for each in values if len(each.strip()) >= _SHORTEST_COOKIE)


@dataclass
class Survey:
    """The entries of the contract's operations in the order of their times, and the secrets."""

    exchanges: list[tuple[int, str, Outline]] = field(default_factory=list)
    others: int = 0
    broken: list[Broken] = field(default_factory=list)
    redactor: SecretsOfRecording = field(default_factory=SecretsOfRecording)


def surveyed(recording: Recording, oracle: Oracle) -> Survey:
    """Return what a look through a recording shows. No entry ends it, however broken it is."""
    survey = Survey()
    nothing = TargetState()
    order: list[float] = []
    latest = float("-inf")
    for index in range(len(recording)):
        try:
            entry = recording.entry(index)
            recording.reader.survey(entry)
            outline = recording.reader.outline(entry)
        except BrokenEntryError as error:
            survey.others += 1
            broken = Broken(recording.pointer(index), recording.lines[index], str(error))
            survey.broken.append(broken)
            continue
        request = Request(outline.method, outline.url, {})
        operation = oracle.read(request, nothing).operation
        survey.redactor.learn_url(outline.url)
        for name, value in recording.reader.secrets(entry):
            survey.redactor.learn_pair(name, value)
        for headers in recording.reader.headers(entry):
            survey.redactor.learn_headers_of(headers)
        if operation is None:
            # Bodies of other exchanges may be large, and are never shown.
            survey.others += 1
            continue
        for body in recording.reader.bodies(entry):
            survey.redactor.learn_body(body)
        # An entry without a time stays next to the one before it.
        latest = outline.at if outline.at is not None else latest
        order.append(latest)
        survey.exchanges.append((index, operation, outline))
    ranks = sorted(range(len(order)), key=order.__getitem__)
    survey.exchanges = [survey.exchanges[rank] for rank in ranks]
    return survey


def without_credentials(url: str) -> str:
    """Return a URL without its user and password."""
    try:
        parts = urlsplit(url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    except ValueError:
        return "(a URL that cannot be read)"
