"""The kinds of change, each classed for clients and for servers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

Impact = Literal["breaking", "look", "safe"]
Direction = Literal["request", "response"]
Side = Literal["old", "new"]

IMPACTS: tuple[Impact, ...] = ("breaking", "look", "safe")
"""The impacts, the worst first."""


class Kind(NamedTuple):
    """A kind of change: its title, its class for clients and for servers, and what to do."""

    title: str
    clients: Impact
    servers: Impact
    advice: str


_TELL_CLIENTS = "Keep the old form until clients have moved."
_DO_IN_SERVERS = "Servers have to change before they conform."
_NOTHING = "Nothing to do."
_ASK = "Decide whether clients rely on the old form."

KINDS: dict[str, Kind] = {
    # Operations.
    "operation-removed": Kind("An operation is gone", "breaking", "safe", _TELL_CLIENTS),
    "operation-added": Kind("There is a new operation", "safe", "breaking", _DO_IN_SERVERS),
    "operation-renamed": Kind(
        "An operationId changed", "look", "safe", "Generated clients get a new method name."
    ),
    "operation-deprecated": Kind(
        "An operation is deprecated", "look", "safe", "Move to what replaces it."
    ),
    "security-added": Kind("Credentials are required", "breaking", "look", _TELL_CLIENTS),
    "security-narrower": Kind(
        "Credentials that were accepted are refused", "breaking", "safe", _TELL_CLIENTS
    ),
    "security-changed": Kind("Other credentials are accepted", "look", "look", _ASK),
    "wording-changed": Kind("A text or an example changed", "safe", "safe", _NOTHING),
    "extension-changed": Kind("An extension changed", "look", "look", _ASK),
    "server-changed": Kind("The servers changed", "look", "look", _ASK),
    "other-changed": Kind("Something else changed", "look", "look", _ASK),
    # Requests.
    "parameter-added-required": Kind(
        "A new parameter is required", "breaking", "look", "Make it optional, or give a default."
    ),
    "parameter-added": Kind("There is a new optional parameter", "safe", "look", _DO_IN_SERVERS),
    "parameter-removed": Kind("A parameter is gone", "look", "safe", _ASK),
    "parameter-required": Kind("A parameter became required", "breaking", "safe", _TELL_CLIENTS),
    "parameter-optional": Kind("A parameter became optional", "safe", "breaking", _DO_IN_SERVERS),
    "body-added": Kind("A request has a body", "look", "look", _ASK),
    "body-removed": Kind("A request no longer has a body", "look", "safe", _ASK),
    "body-required": Kind("A request body became required", "breaking", "safe", _TELL_CLIENTS),
    "body-optional": Kind("A request body became optional", "safe", "breaking", _DO_IN_SERVERS),
    "request-wider": Kind("A request may hold more", "safe", "breaking", _DO_IN_SERVERS),
    "request-wider-maybe": Kind("A request may hold more", "safe", "look", _DO_IN_SERVERS),
    "request-narrower": Kind("A request may hold less", "breaking", "safe", _TELL_CLIENTS),
    "request-narrower-maybe": Kind("A request may hold less", "look", "safe", _ASK),
    "request-different": Kind(
        "A request holds something else", "breaking", "breaking", _TELL_CLIENTS
    ),
    "request-different-maybe": Kind("A request holds something else", "look", "look", _ASK),
    # Answers.
    "success-added": Kind("There is a new success answer", "look", "safe", _ASK),
    "success-removed": Kind("A success answer is gone", "breaking", "breaking", _TELL_CLIENTS),
    "success-narrower": Kind(
        "A range of success answers lists fewer", "safe", "look", _DO_IN_SERVERS
    ),
    "success-wider": Kind("A success answer is now a range", "look", "safe", _ASK),
    "error-added": Kind(
        "There is a new error answer", "look", "safe", "Check that clients handle an unknown error."
    ),
    "error-removed": Kind("An error answer is gone", "safe", "look", _DO_IN_SERVERS),
    "answer-body-added": Kind("An answer has a body", "safe", "breaking", _DO_IN_SERVERS),
    "answer-body-removed": Kind("An answer has no body now", "breaking", "safe", _TELL_CLIENTS),
    "header-added": Kind("An answer has a new header", "safe", "look", _DO_IN_SERVERS),
    "header-removed": Kind("An answer has one header less", "look", "safe", _ASK),
    "response-wider": Kind("An answer may hold more", "breaking", "safe", _TELL_CLIENTS),
    "response-wider-maybe": Kind("An answer may hold more", "look", "safe", _ASK),
    "response-narrower": Kind("An answer promises more", "safe", "breaking", _DO_IN_SERVERS),
    "response-narrower-maybe": Kind("An answer promises more", "safe", "look", _DO_IN_SERVERS),
    "response-different": Kind(
        "An answer holds something else", "breaking", "breaking", _TELL_CLIENTS
    ),
    "response-different-maybe": Kind("An answer holds something else", "look", "look", _ASK),
    "response-property-added": Kind("An answer may hold a new member", "safe", "safe", _NOTHING),
    # Rules.
    "rule-added": Kind("There is a new documented refusal", "breaking", "breaking", _TELL_CLIENTS),
    "rule-added-effect": Kind(
        "There is a new documented effect", "safe", "breaking", _DO_IN_SERVERS
    ),
    "rule-added-advice": Kind("There is a new rule that is not documented", "look", "look", _ASK),
    "rule-removed": Kind("A refusal is gone", "safe", "look", _ASK),
    "rule-removed-effect": Kind("An effect is not promised now", "breaking", "safe", _TELL_CLIENTS),
    "rule-status-changed": Kind("A rule's status changed", "breaking", "breaking", _TELL_CLIENTS),
    "rule-statuses-wider": Kind("A rule allows more statuses", "look", "safe", _ASK),
    "rule-statuses-narrower": Kind(
        "A rule allows fewer statuses", "safe", "breaking", _DO_IN_SERVERS
    ),
    "rule-text-changed": Kind(
        "A refusal's published text changed", "breaking", "breaking",
        "Clients match on the exact text: announce the change.",
    ),
    "rule-text-changed-advice": Kind("A refusal's text changed", "look", "look", _ASK),
    "rule-level-raised": Kind(
        "A rule is more certain", "safe", "breaking", "A run may now fail on it."
    ),
    "rule-level-lowered": Kind("A rule is less certain", "look", "safe", _ASK),
    "rule-operation-added": Kind("A rule applies to another operation", "look", "breaking", _ASK),
    "rule-operation-removed": Kind("A rule applies to one operation less", "look", "safe", _ASK),
    "rule-condition-changed": Kind(
        "A rule's condition has a new wording", "look", "look", "Decide whether it means the same."
    ),
    "rule-freedom-changed": Kind("A rule's freedom has a new wording", "look", "look", _ASK),
    "rule-other-changed": Kind("Another field of a rule changed", "look", "look", _ASK),
    "rule-source-changed": Kind("A rule's source changed", "safe", "safe", _NOTHING),
    "rule-order-changed": Kind(
        "The order of judgement changed", "look", "look",
        "A request that breaks several rules may get another answer.",
    ),
    "protocol-error-changed": Kind("A protocol error changed", "look", "look", _ASK),
    "disagreement-changed": Kind("A decision about a disagreement changed", "look", "look", _ASK),
}  # fmt: skip


NAME = "\0"
"""Stands in the words of a change for the name of the value, which differs from use to use."""


class Use(NamedTuple):
    """A use of what changed: the operation (or the one rule), and the name of the value there."""

    about: str
    name: str = ""

    def __str__(self) -> str:
        """Return the use as reports write it."""
        return f"{self.about}: {self.name}" if self.name else self.about


@dataclass(frozen=True, slots=True)
class Change:
    """One change: its kinds, its uses, its place in the old or the new document, and its words.

    ``kinds`` are several if the uses are of several directions; the worst comes first. ``words``
    hold ``NAME`` in the place of the value's name.
    """

    kinds: tuple[str, ...]
    uses: tuple[Use, ...]
    side: Side
    pointer: str
    words: str

    @classmethod
    def of(cls, kind: str, use: Use, side: Side, pointer: str, words: str) -> Change:
        """Return a change of one kind in one use."""
        return cls((kind,), (use,), side, pointer, words)

    @property
    def kind(self) -> str:
        """The kind; if there are several, the worst."""
        return self.kinds[0]

    @property
    def about(self) -> tuple[str, ...]:
        """The operations, or the one rule, that the change affects."""
        return tuple(dict.fromkeys(use.about for use in self.uses))

    @property
    def message(self) -> str:
        """The words with the name of the value in the first use."""
        message = self.words.replace(NAME, self.uses[0].name)
        return message[:1].upper() + message[1:]

    @property
    def clients(self) -> Impact:
        """The impact on clients, which send requests and read answers."""
        return worst(KINDS[kind].clients for kind in self.kinds)

    @property
    def servers(self) -> Impact:
        """The impact on servers, which take requests and answer."""
        return worst(KINDS[kind].servers for kind in self.kinds)

    @property
    def advice(self) -> str:
        """What to do about the change."""
        return KINDS[self.kind].advice


def worst(impacts: Iterable[Impact]) -> Impact:
    """Return the worst of some impacts."""
    return min(impacts, key=IMPACTS.index)


def merged(changes: Iterable[Change]) -> list[Change]:
    """Merge changes that are one fact in several uses, because components are shared."""
    found: dict[tuple[Side, str, str], list[Change]] = {}
    for change in changes:
        found.setdefault((change.side, change.pointer, change.words), []).append(change)
    return [_merged(alike) for alike in found.values()]


def _merged(alike: list[Change]) -> Change:
    uses = tuple(dict.fromkeys(use for change in alike for use in change.uses))
    kinds = {kind for change in alike for kind in change.kinds}
    return replace(alike[0], uses=uses, kinds=tuple(sorted(kinds, key=_badness)))


def _badness(kind: str) -> tuple[int, int, str]:
    impacts = sorted(IMPACTS.index(each) for each in (KINDS[kind].clients, KINDS[kind].servers))
    return impacts[0], impacts[1], kind
