"""Compares the sentences that the catalogue quotes with saved copies of their sources."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from cart_spec.contract import CATALOGUE_KEY, UNKNOWN_DATE, Contract, Rule, dated
from cart_spec.document import OpenApiDocument
from cart_spec.findings import Finding, in_order
from cart_spec.source import MAX_BYTES, UnreadableDocumentError, pointer_of, read_text

MISSING = "quote-missing"
UNCHECKED = "quote-unchecked"
TITLES = {
    MISSING: "Every quoted sentence stands in the saved copy of its source",
    UNCHECKED: "Every source has a saved copy",
}

_NOT_SHOWN = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_MARKUP = re.compile(r"[`*_\"'\u2018-\u201f\u00ab\u00bb\\]+")
_DASHES = re.compile(r"[\u2010-\u2015]")
_SENTENCE = re.compile(r"[^.!?\n]{10,400}[.!?\n]?")
_ALIKE = 0.6


@dataclass(frozen=True)
class Copy:
    """A saved copy of a source: its lines, and its text as it is compared."""

    path: str
    text: str
    sentences: Sequence[str]


def read_copy(path: Path) -> Copy:
    """Return a saved page: HTML, Markdown, YAML, JSON or plain text.

    Raises UnreadableDocumentError.
    """
    raw = read_text(path, MAX_BYTES)
    shown = html.unescape(_TAG.sub(" ", _NOT_SHOWN.sub(" ", raw)))
    # YAML and JSON fold long texts and escape line breaks.
    shown = shown.replace("\\n", " ").replace("\\u0027", "'")
    return Copy(str(path), plain(shown), [plain(each) for each in _SENTENCE.findall(shown)])


def plain(text: str) -> str:
    """Return a text without letter case, markup, quotation marks and repeated white space."""
    text = _DASHES.sub("-", html.unescape(text)).replace("\u00a0", " ")
    return " ".join(_MARKUP.sub("", text).casefold().split()).rstrip(".")


def copies_of(written: Sequence[str], known: Sequence[str]) -> dict[str, list[Copy]]:
    """Return saved copies by the name of their source, from arguments such as ``overview=a.html``.

    Raises UnreadableDocumentError if one has no name, or a name that the catalogue has not.
    """
    found: dict[str, list[Copy]] = {}
    for each in written:
        name, equals, path = each.partition("=")
        if not equals or name not in known:
            raise UnreadableDocumentError(
                f"{each}: write SOURCE=FILE; the sources are {', '.join(known)}"
            )
        found.setdefault(name, []).append(read_copy(Path(path)))
    return found


def quote_findings(
    document: OpenApiDocument, contract: Contract, copies: Mapping[str, Sequence[Copy]]
) -> list[Finding]:
    """Return what is quoted and not in the copies of its source, in the order of the lines."""
    return in_order(_findings(document, contract, copies))


def _findings(
    document: OpenApiDocument, contract: Contract, copies: Mapping[str, Sequence[Copy]]
) -> Iterator[Finding]:
    documents = document.data[CATALOGUE_KEY]["documents"]
    unchecked: dict[str, int] = {}
    for rule in contract.rules:
        source = rule.source
        if source.document not in copies:
            if documents[source.document]["level"] == "interpretation":
                continue  # which is quoted from nowhere
            unchecked[source.document] = unchecked.get(source.document, 0) + 1
        elif not any(plain(source.sentence) in copy.text for copy in copies[source.document]):
            place = document.place(pointer_of(CATALOGUE_KEY, "rules", rule.entry, "source"))
            yield Finding(
                MISSING,
                "error",
                place.name,
                place.pointer,
                place.line,
                f'{rule.id} quotes "{source.sentence}", which is not in '
                f"{', '.join(copy.path for copy in copies[source.document])}. "
                f"The source was {_read(documents[source.document], source.read)}.",
                _advice(rule, copies[source.document]),
            )
    for name, number in unchecked.items():
        place = document.place(pointer_of(CATALOGUE_KEY, "documents", name))
        yield Finding(
            UNCHECKED,
            "note",
            place.name,
            place.pointer,
            place.line,
            f"{number} quotes are of {name}, {_read(documents[name])}. No copy of it was given.",
            f"Save it and give {name}=FILE.",
        )


def _read(document: Mapping[str, Any], own_date: str | None = None) -> str:
    """Say when a source was read, and in which edition."""
    read = own_date or document.get("read", UNKNOWN_DATE)
    told = "read on a day that was not noted" if read == UNKNOWN_DATE else f"read {dated(read)}"
    return f"{told}, in the edition {document['edition']}" if "edition" in document else told


def _advice(rule: Rule, copies: Sequence[Copy]) -> str:
    """Return the nearest sentence, if one is similar."""
    quoted = plain(rule.source.sentence)
    matcher = SequenceMatcher(b=quoted, autojunk=False)
    best, nearest = _ALIKE, ""
    for sentence in (each for copy in copies for each in copy.sentences):
        matcher.set_seq1(sentence)
        if matcher.real_quick_ratio() > best and matcher.quick_ratio() > best:
            ratio = matcher.ratio()
            if ratio > best:
                best, nearest = ratio, sentence
    if nearest:
        return f'The nearest sentence there is "{nearest}". Quote that one, or change the rule.'
    return "Look for what the source says now, and quote that."
