"""Compares two schemas: where the new one allows more, fewer or other values than the old one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from cart_spec.diff.changes import NAME, Direction, Side
from cart_spec.diff.sameness import same
from cart_spec.diff.shapes import Form, Placed, Shape, key_of, shape_of, without_alternatives
from cart_spec.document import OpenApiDocument
from cart_spec.errors import RefusedInputError

Effect = Literal["wider", "narrower", "different"]

Pair = tuple[str, str]
"""The pointers of a schema in the old and in the new document."""

WORDING_CHANGED = "wording-changed"
"""The kind of a step that changes no value."""

EXTENSION_CHANGED = "extension-changed"
"""The kind of a step that changes what OpenAPI does not define."""

_SIZES: dict[tuple[str, str], Effect] = {
    ("int32", "int64"): "wider",
    ("int64", "int32"): "narrower",
    ("float", "double"): "wider",
    ("double", "float"): "narrower",
}
"""The effects of formats of numbers of which one has the values of the other."""

_MAX_ALTERNATIVES = 25
_MAX_PAIRS = 500_000
_OUTLOOK = 25
"""How many pairs are compared to see which alternative became which."""


class Step(NamedTuple):
    """One difference: its kind for the direction, its side and pointer, and its words.

    ``name`` is how this use calls the value; it takes the place of ``NAME`` in the words.
    """

    kind: str
    side: Side
    pointer: str
    words: str
    name: str = ""


class Inner(NamedTuple):
    """Two schemas inside two others, and what their name is after that of the outer ones."""

    old: Form
    new: Form
    suffix: str


@dataclass
class Node:
    """A pair of schemas: their own differences, and the pairs inside them with their suffixes.

    Once the graph is explored, only those inside that lead to a difference are kept.
    """

    steps: list[Step]
    inner: list[tuple[Pair, str]]


class TooEntangledError(RefusedInputError):
    """The schemas refer to each other in more ways than can be followed."""


@dataclass
class SchemaComparison:
    """A comparison of schemas of two documents that are used in one direction.

    One comparison serves all uses in the documents. It keeps a graph of the pairs of schemas that
    it has met. ``_differing`` are those that differ, or that lead to some that do.
    """

    old: OpenApiDocument
    new: OpenApiDocument
    direction: Direction
    _shapes_by_key: dict[tuple[bool, str], Shape] = field(default_factory=dict)
    _nodes: dict[Pair, Node] = field(default_factory=dict)
    _differing: set[Pair] = field(default_factory=set)
    _outlooks: dict[Pair, set[str]] = field(default_factory=dict)

    def compare(self, old: Form, new: Form, name: str) -> Iterator[Step]:
        """Yield the steps from ``old`` to ``new`` in a use that calls the value ``name``.

        Raises TooEntangledError.
        """
        root = self._explored(old, new)
        # Breadth first: what is met twice gets its shortest name.
        waiting, seen = deque([(root, name)] if root in self._differing else ()), {root}
        while waiting:
            pair, at = waiting.popleft()
            node = self._nodes[pair]
            for step in node.steps:
                yield step._replace(name=at)
            for inner, suffix in node.inner:
                if inner not in seen:
                    seen.add(inner)
                    waiting.append((inner, at + suffix))

    def _explored(self, old: Form, new: Form) -> Pair:
        """Add a pair, and all that it leads to, to the graph."""
        waiting: list[tuple[Form, Form]] = [(old, new)]
        found: list[Pair] = []
        root = self._pair(old, new)
        while waiting:
            pair = self._pair(*waiting[-1])
            before, after = waiting.pop()
            if pair in self._nodes:
                continue
            if len(self._nodes) >= _MAX_PAIRS:
                raise TooEntangledError(
                    f"{self.new.place(after[-1][1])}: the schemas here refer to each other in "
                    "more ways than can be followed; write them out"
                )
            steps: list[Step] = []
            inner: list[tuple[Pair, str]] = []
            for each in self._compared(before, after):
                if isinstance(each, Step):
                    steps.append(each)
                else:
                    inner.append((self._pair(each.old, each.new), each.suffix))
                    waiting.append((each.old, each.new))
            self._nodes[pair] = Node(steps, inner)
            found.append(pair)
        self._mark_differing(found)
        return root

    def _mark_differing(self, found: list[Pair]) -> None:
        """Mark the pairs among the new ones that differ, and those that lead to them."""
        owners: dict[Pair, list[Pair]] = {}
        for pair in found:
            for inner, _ in self._nodes[pair].inner:
                owners.setdefault(inner, []).append(pair)
        waiting = [pair for pair in found if self._nodes[pair].steps]
        waiting += [pair for pair in owners if pair in self._differing]
        while waiting:
            pair = waiting.pop()
            self._differing.add(pair)
            waiting += [each for each in owners.get(pair, ()) if each not in self._differing]
        for pair in found:
            node = self._nodes[pair]
            node.inner = [each for each in node.inner if each[0] in self._differing]

    def _pair(self, old: Form, new: Form) -> Pair:
        return self._shape(self.old, old).key, self._shape(self.new, new).key

    def _shape(self, document: OpenApiDocument, schemas: Form) -> Shape:
        key = (document is self.old, key_of(schemas))
        if key not in self._shapes_by_key:
            self._shapes_by_key[key] = shape_of(document, schemas)
        return self._shapes_by_key[key]

    def _compared(self, old: Form, new: Form) -> Iterator[Step | Inner]:
        """Yield the differences of a pair itself, and the pairs inside it."""
        was, now = self._shape(self.old, old), self._shape(self.new, new)
        if bool(was.alternatives) == bool(now.alternatives):
            yield from self._shapes(was, now)
        if was.alternatives and now.alternatives:
            yield from self._exclusiveness(was, now)
            olds: list[Form] = [(each,) for each in was.alternatives]
            news: list[Form] = [(each,) for each in now.alternatives]
            yield from self._alternatives(now, olds, news)
        elif was.alternatives or now.alternatives:
            # One side is a single form; on the other, each form has what stands next to them.
            olds, news = _forms(self.old, old, was), _forms(self.new, new, now)
            yield from self._alternatives(now, olds, news)

    def _shapes(self, was: Shape, now: Shape) -> Iterator[Step | Inner]:
        yield from self._types(was, now)
        yield from self._enum(was, now)
        yield from self._bounds(was, now)
        yield from self._texts(was, now)
        yield from self._numbers(was, now)
        yield from self._members(was, now)
        yield from self._additional(was, now)
        yield from self._items(was, now)
        yield from self._rest(was, now)

    def _step(
        self, effect: Effect, shape: Shape, words: str, *, maybe: bool = False, side: Side = "new"
    ) -> Step:
        kind = f"{self.direction}-{effect}{'-maybe' if maybe else ''}"
        return Step(kind, side, shape.pointer, words)

    def _types(self, was: Shape, now: Shape) -> Iterator[Step]:
        if was.types == now.types:
            return
        if was.types is None or now.types is None:
            effect: Effect = "narrower" if was.types is None else "wider"
            said = "may be of any type" if now.types is None else f"is {_list(now.types)} only"
            yield self._step(effect, now, f"{NAME} {said}.", maybe=True)
            return
        gained = {each for each in now.types - was.types if not _covers(was.types, each)}
        lost = {each for each in was.types - now.types if not _covers(now.types, each)}
        if gained and lost:
            message = f"{NAME} was {_list(was.types)} and is {_list(now.types)}."
            yield self._step("different", now, message)
        elif gained:
            yield self._step("wider", now, f"{NAME} may also be {_list(gained)}.")
        elif lost:
            yield self._step("narrower", now, f"{NAME} may no longer be {_list(lost)}.")

    def _enum(self, was: Shape, now: Shape) -> Iterator[Step]:
        if was.enum is None or now.enum is None:
            if was.enum is not None:
                yield self._step("wider", now, f"{NAME} is no longer one of a list.", maybe=True)
            elif now.enum is not None:
                yield self._step("narrower", now, f"{NAME} is now one of {_list(now.enum)}.")
            return
        gained, lost = set(now.enum) - set(was.enum), set(was.enum) - set(now.enum)
        if gained:
            maybe = self.direction == "response"
            yield self._step("wider", now, f"{NAME} may also be {_list(gained)}.", maybe=maybe)
        if lost:
            yield self._step("narrower", now, f"{NAME} may no longer be {_list(lost)}.")

    def _bounds(self, was: Shape, now: Shape) -> Iterator[Step]:
        for old, new, sign in ((was.lower, now.lower, 1), (was.upper, now.upper, -1)):
            for bound in sorted({*old, *new}):
                before, after = old.get(bound), new.get(bound)
                if before == after:
                    continue
                if before is None or after is None:
                    effect: Effect = "narrower" if before is None else "wider"
                else:
                    tighter = (sign * after[0], after[1]) > (sign * before[0], before[1])
                    effect = "narrower" if tighter else "wider"
                words = f"{NAME}: {bound} was {_bound(before)} and is {_bound(after)}."
                yield self._step(effect, now, words)

    def _texts(self, was: Shape, now: Shape) -> Iterator[Step]:
        for key, old, new in (
            ("pattern", was.patterns, now.patterns),
            ("format", was.formats, now.formats),
        ):
            if old == new:
                continue
            effect: Effect = "narrower" if old < new else "wider" if new < old else "different"
            if key == "format" and effect == "different":
                effect = _SIZES.get((_list(old), _list(new)), effect)
            words = f"The {key} of {NAME} was {_list(old) or 'free'} and is {_list(new) or 'free'}."
            sure = key == "pattern" and effect == "narrower"
            yield self._step(effect, now, words, maybe=not sure)

    def _numbers(self, was: Shape, now: Shape) -> Iterator[Step]:
        if was.unique != now.unique:
            effect: Effect = "narrower" if now.unique else "wider"
            said = "may no longer" if now.unique else "may"
            yield self._step(effect, now, f"{NAME} {said} hold equal items.")
        if was.multiples != now.multiples:
            effect = (
                "narrower"
                if _divides(was.multiples, now.multiples)
                else "wider"
                if _divides(now.multiples, was.multiples)
                else "different"
            )
            words = f"{NAME}: multipleOf was {_numbers(was)} and is {_numbers(now)}."
            yield self._step(effect, now, words, maybe=effect == "different")

    def _items(self, was: Shape, now: Shape) -> Iterator[Step | Inner]:
        if was.items and now.items:
            yield Inner(was.items, now.items, "[]")
        elif was.items or now.items:
            effect: Effect = "wider" if was.items else "narrower"
            said = "any items" if was.items else "items of one kind only"
            yield self._step(effect, now, f"{NAME} may hold {said}.", maybe=True)

    def _additional(self, was: Shape, now: Shape) -> Iterator[Step | Inner]:
        before, after = was.additional, now.additional
        if isinstance(before, tuple) and isinstance(after, tuple):
            yield Inner(before, after, ".*")
        elif before != after:
            effect: Effect = "wider" if _openness(after) > _openness(before) else "narrower"
            said = {0: "may no longer hold", 1: "may hold some", 2: "may hold any"}
            words = f"{NAME} {said[_openness(after)]} unnamed members."
            yield self._step(effect, now, words, maybe=True)

    def _rest(self, was: Shape, now: Shape) -> Iterator[Step]:
        """Yield a step for each further keyword that differs."""
        for keyword in sorted({*was.others, *now.others}):
            before, after = was.others.get(keyword, []), now.others.get(keyword, [])
            if not self._same(before, after):
                side, pointer = _place(before, after)
                is_extension = keyword.startswith("x-")
                kind = EXTENSION_CHANGED if is_extension else f"{self.direction}-different-maybe"
                yield Step(kind, side, pointer, f"{keyword or 'The schema'} of {NAME} changed.")
        for keyword in sorted({*was.wording, *now.wording}):
            before, after = was.wording.get(keyword, []), now.wording.get(keyword, [])
            if not self._same(before, after):
                side, pointer = _place(before, after)
                yield Step(WORDING_CHANGED, side, pointer, f"The {keyword} of {NAME} changed.")

    def _same(self, before: list[Placed], after: list[Placed]) -> bool:
        values = [value for value, _ in before], [value for value, _ in after]
        return same(self.old, values[0], self.new, values[1])

    def _members(self, was: Shape, now: Shape) -> Iterator[Step | Inner]:
        was = replace(was, required=self._demanded(self.old, was))
        now = replace(now, required=self._demanded(self.new, now))
        for member in sorted({*was.properties, *now.properties}):
            if member not in now.properties:
                yield self._removed(was, now, member)
            elif member not in was.properties:
                yield self._added(now, member)
            else:
                old, new = was.properties[member], now.properties[member]
                yield Inner(old, new, f".{member}")
                yield from self._required(was, now, member)
        for member in sorted((was.required ^ now.required) - {*was.properties, *now.properties}):
            yield from self._required(was, now, member)

    def _demanded(self, document: OpenApiDocument, shape: Shape) -> set[str]:
        """Return the required members, without those that only the other direction has."""
        absent = "readOnly" if self.direction == "request" else "writeOnly"
        return {
            name
            for name in shape.required
            if not any(
                isinstance(value, Mapping) and value.get(absent) is True
                for each in shape.properties.get(name, ())
                for value in (document.resolved(*each)[0],)
            )
        }

    def _required(self, was: Shape, now: Shape, member: str) -> Iterator[Step]:
        if member in now.required - was.required:
            yield self._step("narrower", now, f"{NAME}.{member} became required.")
        elif member in was.required - now.required:
            yield self._step("wider", now, f"{NAME}.{member} became optional.")

    def _removed(self, was: Shape, now: Shape, member: str) -> Step:
        pointer = was.properties[member][-1][1]
        if self.direction == "response":
            maybe = member not in was.required
            kind = "response-wider-maybe" if maybe else "response-wider"
        else:
            kind = "request-narrower-maybe" if now.additional else "request-narrower"
        return Step(kind, "old", pointer, f"{NAME}.{member} is gone.")

    def _added(self, now: Shape, member: str) -> Step:
        pointer, required = now.properties[member][-1][1], member in now.required
        word = "required" if required else "optional"
        if self.direction == "response":
            kind = "response-narrower" if required else "response-property-added"
        else:
            kind = "request-narrower" if required else "request-wider-maybe"
        return Step(kind, "new", pointer, f"{NAME}.{member} is new and {word}.")

    def _alternatives(
        self, now: Shape, olds: list[Form], news: list[Form]
    ) -> Iterator[Step | Inner]:
        """Compare two lists of forms: equal ones are matched first, then similar ones."""
        if max(len(olds), len(news)) > _MAX_ALTERNATIVES:
            values = [[value for form in forms for value, _ in form] for forms in (olds, news)]
            if not same(self.old, values[0], self.new, values[1]):
                yield self._step("different", now, f"The forms of {NAME} changed.", maybe=True)
            return
        lost, gained = list(olds), list(news)
        for matches in (_is_same_component, self._is_equal, self._is_wider, self._is_narrower):
            for branch in list(gained):
                other = next((each for each in lost if matches(each, branch)), None)
                if other is not None:
                    yield Inner(other, branch, "")
                    lost.remove(other)
                    gained.remove(branch)
        if len(lost) == 1 and len(gained) == 1:
            yield Inner(lost[0], gained[0], "")
            return
        if gained:
            yield self._step("wider", now, f"{NAME} has {len(gained)} more form(s).")
        if lost:
            yield self._step("narrower", now, f"{NAME} has {len(lost)} form(s) less.")

    def _exclusiveness(self, was: Shape, now: Shape) -> Iterator[Step]:
        """Yield a step if several forms may fit at once that might not, or the reverse."""
        if was.exclusive == now.exclusive or (
            self._exclude(self.old, was) and self._exclude(self.new, now)
        ):
            return
        effect: Effect = "narrower" if now.exclusive else "wider"
        said = "only one of its forms" if now.exclusive else "several of its forms at once"
        yield self._step(effect, now, f"{NAME} may have {said}.", maybe=True)

    def _exclude(self, document: OpenApiDocument, shape: Shape) -> bool:
        """Return whether the types of the alternatives exclude each other."""
        types = [self._shape(document, (each,)).types for each in shape.alternatives]
        found = [each for one in types for each in one or ()]
        apart = len(found) == len(set(found)) and not {"integer", "number"} <= set(found)
        return None not in types and apart

    def _is_equal(self, old: Form, new: Form) -> bool:
        return all(kind == WORDING_CHANGED for kind in self._outlook(old, new))

    def _is_wider(self, old: Form, new: Form) -> bool:
        return all(f"{self.direction}-wider" in kind for kind in self._outlook(old, new))

    def _is_narrower(self, old: Form, new: Form) -> bool:
        return all(f"{self.direction}-narrower" in kind for kind in self._outlook(old, new))

    def _outlook(self, old: Form, new: Form) -> set[str]:
        """Return the kinds of difference near the top of two forms, to match alternatives."""
        key = key_of(old), key_of(new)
        if key not in self._outlooks:
            self._outlooks[key] = self._kinds_near(old, new)
        return self._outlooks[key]

    def _kinds_near(self, old: Form, new: Form) -> set[str]:
        waiting, seen, kinds = deque([(old, new)]), set[Pair](), set[str]()
        while waiting and len(seen) < _OUTLOOK:
            before, after = waiting.popleft()
            was, now = self._shape(self.old, before), self._shape(self.new, after)
            if (was.key, now.key) in seen:
                continue
            seen.add((was.key, now.key))
            if [each for each, _ in was.alternatives] != [each for each, _ in now.alternatives]:
                kinds.add(f"{self.direction}-different-maybe")
            for each in self._shapes(was, now):
                if isinstance(each, Step):
                    kinds.add(each.kind)
                else:
                    waiting.append((each.old, each.new))
        return kinds


def _forms(document: OpenApiDocument, form: Form, shape: Shape) -> list[Form]:
    """Return the alternatives of a form, each with what stands next to them."""
    if not shape.alternatives:
        return [form]
    resolved = [document.resolved(*each) for each in form]
    base = tuple((without_alternatives(schema), pointer) for schema, pointer in resolved)
    return [(*base, each) for each in shape.alternatives]


def _is_same_component(old: Form, new: Form) -> bool:
    """Return whether both forms are a reference to a component of one name."""
    references = [
        form[-1][0].get("$ref") if isinstance(form[-1][0], Mapping) else None for form in (old, new)
    ]
    return references[0] is not None and references[0] == references[1]


def _place(before: list[Placed], after: list[Placed]) -> tuple[Side, str]:
    return ("new", after[0][1]) if after else ("old", before[0][1])


def _divides(divisors: frozenset[float], numbers: frozenset[float]) -> bool:
    """Return whether each divisor divides one of the numbers."""
    return all(any(each % divisor == 0 for each in numbers) for divisor in divisors if divisor)


def _openness(additional: bool | Form) -> int:
    return 1 if isinstance(additional, tuple) else 2 if additional else 0


def _numbers(shape: Shape) -> str:
    return _list(str(each) for each in shape.multiples) or "free"


def _covers(types: frozenset[str], each: str) -> bool:
    return each == "integer" and "number" in types


def _list(values: Iterable[str]) -> str:
    return " or ".join(sorted(values))


def _bound(bound: tuple[float, bool] | None) -> str:
    if bound is None:
        return "free"
    return f"{bound[0]}{' (excluded)' if bound[1] else ''}"
