"""Loads the contract document and its rule catalogue as frozen, typed values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal, cast

import yaml

from cart_spec.errors import RefusedInputError

_FILE = "cart-associations.yaml"
_INSTALLED = Path(__file__).with_name(_FILE)
# A wheel has the document inside the package; a checkout has it at the top of ``openapi``.
CONTRACT_PATH = _INSTALLED if _INSTALLED.exists() else Path(__file__).parents[1] / _FILE
"""The contract document that ships with this package."""

CATALOGUE_KEY = "x-rule-catalogue"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

Level = Literal["documented", "observed", "interpretation"]
Group = Literal[
    "caller", "association", "effect", "cart", "page", "customer", "account", "token", "convention"
]
GROUPS: Mapping[str, str] = {
    "caller": "Who is calling",
    "association": "Associating and disassociating",
    "effect": "What an association does",
    "cart": "Carts",
    "page": "Pages of a list",
    "customer": "Customers",
    "account": "Accounts",
    "token": "Tokens",
    "convention": "Conventions",
}
"""The titles of the groups of rules, in their order."""
LEVELS: tuple[Level, ...] = ("documented", "observed", "interpretation")

# libyaml parses the document about twenty times faster; a build of PyYAML without it has only the
# pure loader.
_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ContractError(RefusedInputError):
    """The document is not a contract: unreadable, or its catalogue contradicts itself."""


@dataclass(frozen=True, slots=True)
class Source:
    """The place that a rule comes from; ``document`` is a key of the catalogue's ``documents``.

    ``indirect`` says that the sentence is the nearest one published and does not state the rule.
    ``read`` is the date on which the sentence was read there, such as 2026-11-20, or the latest
    possible date, such as ``by 2026-11-20``.
    """

    document: str
    page: str
    sentence: str
    url: str | None = None
    indirect: bool = False
    read: str | None = None


UNKNOWN_DATE = "unknown"
"""The value of ``read`` if the date was not recorded."""


def dated(read: str) -> str:
    """Return a date to follow the word "read": "on" a date, or "by" the latest possible one."""
    return read if read.startswith("by ") else f"on {read}"


@dataclass(frozen=True)
class OwnerKind:
    """A kind of owner that carts have: customers or accounts, with the words that differ.

    ``article`` is "a" or "an". ``header`` carries the owner's token, and ``login`` is the request
    that issues it. An entry of the catalogue that states a rule for each kind has these words in
    braces: ``{owner}``, ``{Owner}``, ``{owners}``, ``{a}``, ``{A}``, ``{header}`` and ``{login}``.
    """

    name: str
    plural: str
    article: str
    header: str
    login: str

    @property
    def title(self) -> str:
        """The name with a capital letter, as sentences and operationIds begin with it."""
        return self.name.capitalize()

    @cached_property
    def _words(self) -> dict[str, str]:
        return {
            "owner": self.name,
            "Owner": self.title,
            "owners": self.plural,
            "a": self.article,
            "A": self.article.capitalize(),
            "header": self.header,
            "login": self.login,
        }

    def worded(self, text: str) -> str:
        """Return a text with this owner's words in the place of those in braces."""
        return _WORD.sub(lambda word: self._words.get(word[1], word[0]), text)


_WORD = re.compile(r"\{([A-Za-z]+)\}")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the catalogue.

    ``level`` says how well the refusal (or the effect) is supported, ``exact`` how well its exact
    status and text are. Each of ``statuses`` conforms; ``status`` is the one that the mock sends,
    or None if the rule does not fix one. ``text`` is the
    error's fixed sentence, None for rules that do not refuse; ``documented_text`` says that the
    sentence is published. ``freedom`` is what a deployment may do instead without deviating.
    ``beyond_run`` says why a run against a live deployment cannot try the rule, if it cannot.
    ``owner`` names the kind of owner if the catalogue states the rule for each kind. ``entry`` is
    the position of its entry in the catalogue.
    """

    id: str
    group: Group
    level: Level
    exact: Level
    operations: tuple[str, ...]
    condition: str
    source: Source
    status: int | None
    statuses: tuple[int, ...]
    text: str | None
    documented_text: bool
    detail: str | None
    example: str | None
    freedom: str | None
    beyond_run: str | None
    owner: str | None = None
    entry: int = field(default=0, compare=False)

    @property
    def is_refusal(self) -> bool:
        """Whether the rule refuses requests; other rules say what a request does."""
        return self.text is not None


@dataclass(frozen=True, slots=True)
class ProtocolError:
    """An error outside of the rules; ``rule`` names the rule it is a variant of.

    Any HTTP service may answer with it; if ``operations`` are listed, only these may. Its status
    is published for them, except for those under ``unpublished``: there it is an interpretation.
    ``detail`` is the beginning of its detail, if that is not ``text``.
    """

    id: str
    status: int
    text: str
    example: str
    rule: str | None = None
    operations: tuple[str, ...] = ()
    unpublished: tuple[str, ...] = ()
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class RetiredRule:
    """A rule that version ``since`` of the contract removed. Its id is not used again."""

    id: str
    since: str
    reason: str


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A contradiction in the published material, and the decision of the contract."""

    id: str
    topic: str
    published: tuple[str, ...]
    decision: str
    rules: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Contract:
    """The contract document and its catalogue. Nothing may change ``document``.

    Contracts compare by identity, so a contract can be the key of a cache.
    """

    document: Mapping[str, Any]
    rules: tuple[Rule, ...]
    protocol_errors: tuple[ProtocolError, ...]
    disagreements: tuple[Disagreement, ...]
    retired: tuple[RetiredRule, ...] = ()
    owners: Mapping[str, OwnerKind] = field(default_factory=dict)

    @cached_property
    def _rules_by_id(self) -> dict[str, Rule]:
        return {rule.id: rule for rule in self.rules}

    @cached_property
    def _protocol_errors_by_id(self) -> dict[str, ProtocolError]:
        return {error.id: error for error in self.protocol_errors}

    @property
    def version(self) -> str:
        """The document's own version, ``info.version``."""
        return cast("str", self.document["info"]["version"])

    @cached_property
    def operations(self) -> dict[str, tuple[str, str]]:
        """``operationId`` to its (METHOD, path template)."""
        return {
            operation["operationId"]: (method.upper(), path)
            for method, path, operation in iter_operations(self.document)
        }

    def rule(self, rule_id: str) -> Rule:
        """Return the rule with that id. Raises KeyError; the message lists the valid ids."""
        try:
            return self._rules_by_id[rule_id]
        except KeyError:
            known = ", ".join(self._rules_by_id)
            raise KeyError(f"no rule {rule_id!r}; the rules are: {known}") from None

    def protocol_error(self, error_id: str) -> ProtocolError:
        """Return the protocol error with that id. Raises KeyError."""
        return self._protocol_errors_by_id[error_id]

    def rules_of(self, operation_id: str) -> tuple[Rule, ...]:
        """Return the rules of one operation, in the order of judgement."""
        return tuple(rule for rule in self.rules if operation_id in rule.operations)

    def example(self, name: str) -> Any:
        """Return the value of a named example under ``components/examples``."""
        return self.document["components"]["examples"][name]["value"]

    def source_title(self, rule: Rule) -> str:
        """Return the title of the document that a rule's source stands in."""
        return cast("str", self.document[CATALOGUE_KEY]["documents"][rule.source.document]["title"])

    def source_read(self, rule: Rule) -> str | None:
        """Return when a rule's source was read, "on" or "by" a date; None if it is not known.

        A quote may have a date of its own; otherwise that of its document counts.
        """
        document = self.document[CATALOGUE_KEY]["documents"][rule.source.document]
        read = rule.source.read or document.get("read", UNKNOWN_DATE)
        return None if read == UNKNOWN_DATE else dated(cast("str", read))


def iter_operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield each operation of an OpenAPI document as (method, path template, operation)."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield method, path, operation


def read_document(path: Path) -> dict[str, Any]:
    """Read an OpenAPI document from a YAML or JSON file. Raises ContractError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ContractError(f"{path}: cannot be read: {error}") from error
    try:
        document = yaml.load(text, _Loader)  # noqa: S506 - a safe loader, in either build
    except yaml.YAMLError as error:
        raise ContractError(f"{path}: is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict):
        raise ContractError(f"{path}: is not an OpenAPI document: its top level is not a mapping")
    return document


def load_contract(path: Path | None = None) -> Contract:
    """Load the contract, by default the one that ships with this package.

    A process reads the shipped one once, and again only if its file changes. Raises ContractError,
    naming the id, for a duplicate id, a missing field, or an unknown operation, example, level,
    document or rule.
    """
    if path is None:
        return _shipped(CONTRACT_PATH, CONTRACT_PATH.stat().st_mtime_ns)
    return contract_of(read_document(path), str(path))


@lru_cache(maxsize=1)
def _shipped(path: Path, _changed: int) -> Contract:
    return load_contract(path)


def contract_of(document: Mapping[str, Any], name: str = "the document") -> Contract:
    """Return the contract in a parsed document; errors call it ``name``. Raises ContractError."""
    catalogue = document.get(CATALOGUE_KEY)
    if not isinstance(catalogue, Mapping):
        raise ContractError(f"{name}: has no {CATALOGUE_KEY}")
    try:
        owners = owners_of(catalogue)
        contract = Contract(
            document=document,
            owners=owners,
            rules=tuple(_rules(catalogue, owners)),
            protocol_errors=tuple(_protocol_error(e) for e in catalogue["protocol_errors"]),
            disagreements=tuple(
                Disagreement(
                    id=entry["id"],
                    topic=entry["topic"],
                    published=tuple(entry["published"]),
                    decision=entry["decision"],
                    rules=tuple(entry["rules"]),
                )
                for entry in catalogue["disagreements"]
            ),
            retired=tuple(RetiredRule(**entry) for entry in catalogue.get("retired", ())),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ContractError(f"{name}: the catalogue is malformed: {error}") from error
    problems = list(_problems(contract))
    if problems:
        raise ContractError(f"{name}: " + "; ".join(problems))
    return contract


def _protocol_error(entry: Mapping[str, Any]) -> ProtocolError:
    lists = {key: tuple(entry.get(key, ())) for key in ("operations", "unpublished")}
    return ProtocolError(**{**entry, **lists})


_RULE_FIELDS = {
    "id", "group", "level", "exact", "operations", "condition", "source", "status", "statuses",
    "text", "documented_text", "detail", "example", "freedom", "beyond_run",
}  # fmt: skip


def owners_of(catalogue: Mapping[str, Any]) -> dict[str, OwnerKind]:
    """Return the kinds of owner that a catalogue has, by name. Raises TypeError."""
    return {name: OwnerKind(name, **words) for name, words in catalogue.get("owners", {}).items()}


def rule_ids(entry: Mapping[str, Any], owners: Mapping[str, OwnerKind]) -> tuple[str, ...]:
    """Return the ids of the rules that an entry of the catalogue states."""
    return tuple(expanded["id"] for _, expanded in _expanded(entry, owners))


def _rules(catalogue: Mapping[str, Any], owners: Mapping[str, OwnerKind]) -> Iterator[Rule]:
    for at, entry in enumerate(catalogue["rules"]):
        for owner, expanded in _expanded(entry, owners):
            yield replace(_rule(expanded, catalogue), owner=owner, entry=at)


def _expanded(
    entry: Mapping[str, Any], owners: Mapping[str, OwnerKind]
) -> Iterator[tuple[str | None, Mapping[str, Any]]]:
    """Yield an entry as it is, or, if its id differs by kind of owner, once for each kind."""
    rule_id = entry.get("id", "(no id)")
    if isinstance(rule_id, str) and not _WORD.search(rule_id):
        yield None, entry
        return
    for name, owner in owners.items():
        yield name, {key: _for_owner(value, owner, owners) for key, value in entry.items()}


def _for_owner(value: Any, owner: OwnerKind, owners: Mapping[str, OwnerKind]) -> Any:
    """Return a value of an entry for one kind of owner; a mapping of all kinds has one for each."""
    if isinstance(value, Mapping):
        if value.keys() == owners.keys():
            return _for_owner(value[owner.name], owner, owners)
        return {key: _for_owner(each, owner, owners) for key, each in value.items()}
    if isinstance(value, list):
        return [_for_owner(each, owner, owners) for each in value]
    return owner.worded(value) if isinstance(value, str) else value


def _rule(entry: Mapping[str, Any], catalogue: Mapping[str, Any]) -> Rule:
    rule_id = entry.get("id", "(no id)")
    unknown = set(entry) - _RULE_FIELDS
    if unknown:
        raise ContractError(f"rule {rule_id}: unknown field {', '.join(sorted(unknown))}")
    missing = {"id", "group", "level", "operations", "condition", "source"} - set(entry)
    if missing:
        raise ContractError(f"rule {rule_id}: {', '.join(sorted(missing))} missing")
    source = Source(**entry["source"])
    if source.document not in catalogue["documents"]:
        raise ContractError(f"rule {rule_id}: unknown source document {source.document!r}")
    for level in (entry["level"], entry.get("exact", entry["level"])):
        if level not in LEVELS:
            raise ContractError(f"rule {rule_id}: unknown level {level!r}")
    status = entry.get("status")
    return Rule(
        id=rule_id,
        group=entry["group"],
        level=entry["level"],
        exact=entry.get("exact", entry["level"]),
        operations=tuple(entry["operations"]),
        condition=entry["condition"],
        source=source,
        status=status,
        statuses=tuple(entry.get("statuses", () if status is None else (status,))),
        text=entry.get("text"),
        documented_text=entry.get("documented_text", False),
        detail=entry.get("detail"),
        example=entry.get("example"),
        freedom=entry.get("freedom"),
        beyond_run=entry.get("beyond_run"),
    )


def _problems(contract: Contract) -> Iterator[str]:
    for method, path, operation in iter_operations(contract.document):
        if "operationId" not in operation:
            yield f"{method.upper()} {path}: has no operationId"
            return
    yield from _duplicates("rule", (rule.id for rule in contract.rules))
    yield from _duplicates("protocol error", (error.id for error in contract.protocol_errors))
    yield from _duplicates("retired rule", (rule.id for rule in contract.retired))
    retired = {rule.id: rule for rule in contract.retired}
    for rule in contract.rules:
        if rule.id in retired:
            yield f"rule {rule.id}: the id was retired in {retired[rule.id].since}"
    yield from _duplicates("disagreement", (entry.id for entry in contract.disagreements))
    yield from _dangling_examples(contract)
    yield from _dangling_ids(contract)


def _dangling_examples(contract: Contract) -> Iterator[str]:
    examples = contract.document.get("components", {}).get("examples", {})
    named = [(rule.id, rule.example) for rule in contract.rules]
    named += [(error.id, error.example) for error in contract.protocol_errors]
    for owner, example in named:
        if example is not None and example not in examples:
            yield f"{owner}: unknown example {example!r}"
    for rule in contract.rules:
        if rule.is_refusal and rule.example is None:
            yield f"rule {rule.id}: a refusal without an example"


def _dangling_ids(contract: Contract) -> Iterator[str]:
    known = {rule.id for rule in contract.rules}
    for error in contract.protocol_errors:
        if error.rule is not None and error.rule not in known:
            yield f"protocol error {error.id}: unknown rule {error.rule!r}"
    yield from _dangling_operations(contract)
    for disagreement in contract.disagreements:
        for rule_id in disagreement.rules:
            if rule_id not in known:
                yield f"disagreement {disagreement.id}: unknown rule {rule_id!r}"


def _dangling_operations(contract: Contract) -> Iterator[str]:
    owners = [(f"rule {rule.id}", rule.operations) for rule in contract.rules]
    owners += [(f"protocol error {each.id}", each.operations) for each in contract.protocol_errors]
    for error in contract.protocol_errors:
        for operation in set(error.unpublished) - set(error.operations):
            yield f"protocol error {error.id}: {operation!r} is not one of its operations"
    for owner, operations in owners:
        for operation in operations:
            if operation not in contract.operations:
                yield f"{owner}: unknown operation {operation!r}"


def _duplicates(kind: str, ids: Iterable[str]) -> Iterator[str]:
    for value, count in Counter(ids).items():
        if count > 1:
            yield f"{kind} {value}: is listed {count} times"
