"""Compares two schemas: where the new one allows more, fewer or other values than the old one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from cart_spec.diff.changes import NAME, Direction, Side
from cart_spec.diff.sameness import same
from cart_spec.diff.shapes import Form, Placed, Shape, shape_of, without_alternatives
from cart_spec.document import OpenApiDocument
from cart_spec.errors import RefusedInputError

Effect = Literal["wider", "narrower", "different"]

Pair = tuple[str, str]
"""The pointers of a schema in the old and in the new document."""

WORDING_CHANGED = "wording-changed"
"""The kind of a step that changes no value."""

EXTENSION_CHANGED = "extension-changed"
"""The kind of a step that changes what OpenAPI does not define."""

_MAX_ALTERNATIVES = 25
_MAX_PAIRS = 100_000


class Step(NamedTuple):
    """One difference: its kind for the direction, its side and pointer, and its words.

    ``name`` is how this use calls the value; it takes the place of ``NAME`` in the words.
    """

    kind: str
    side: Side
    pointer: str
    words: str
    name: str = ""


class TooEntangledError(RefusedInputError):
    """The schemas refer to each other in more ways than can be followed."""


@dataclass
class SchemaComparison:
    """A comparison of schemas of two documents that are used in one direction.

    One comparison serves all uses in the documents. It remembers the shapes, and the pairs that
    have no difference in all that they refer to.
    """

    old: OpenApiDocument
    new: OpenApiDocument
    direction: Direction
    pairs: int = 0
    _shapes_by_key: dict[tuple[bool, str], Shape] = field(default_factory=dict)
    _equal: set[Pair] = field(default_factory=set)

    def compare(self, old: Form, new: Form, name: str) -> Iterator[Step]:
        """Yield the steps from ``old`` to ``new`` in a use that calls the value ``name``.

        Raises TooEntangledError.
        """
        self.pairs = 0
        seen: set[Pair] = set()
        steps = list(self._compare(old, new, name, seen))
        if not steps:
            self._equal |= seen
        yield from steps

    def _compare(self, old: Form, new: Form, name: str, seen: set[Pair]) -> Iterator[Step]:
        """Yield the steps with their names.

        ``seen`` are the pairs of pointers that have been compared: a schema may contain itself.
        """
        was, now = self._shape(self.old, old), self._shape(self.new, new)
        pair = (was.key, now.key)
        if pair in seen or pair in self._equal:
            return
        seen.add(pair)
        self.pairs += 1
        if self.pairs > _MAX_PAIRS:
            raise TooEntangledError(
                f"{self.new.place(now.pointer)}: the alternatives here refer "
                "to each other in more ways than can be followed; write them out"
            )
        for step in self._steps((old, was), (new, now), name, seen):
            yield step if step.name else step._replace(name=name)

    def _steps(
        self, before: tuple[Form, Shape], after: tuple[Form, Shape], name: str, seen: set[Pair]
    ) -> Iterator[Step]:
        (old, was), (new, now) = before, after
        if bool(was.alternatives) == bool(now.alternatives):
            yield from self._shapes(was, now, name, seen)
        if was.alternatives and now.alternatives:
            olds: list[Form] = [(each,) for each in was.alternatives]
            news: list[Form] = [(each,) for each in now.alternatives]
            yield from self._alternatives(now, olds, news, name, seen)
        elif was.alternatives or now.alternatives:
            # One side is a single form; on the other, each form has what stands next to them.
            olds, news = _forms(self.old, old, was), _forms(self.new, new, now)
            yield from self._alternatives(now, olds, news, name, seen)

    def _shape(self, document: OpenApiDocument, schemas: Form) -> Shape:
        key = (document is self.old, " ".join(pointer for _, pointer in schemas))
        if key not in self._shapes_by_key:
            self._shapes_by_key[key] = shape_of(document, schemas)
        return self._shapes_by_key[key]

    def _shapes(self, was: Shape, now: Shape, name: str, seen: set[Pair]) -> Iterator[Step]:
        yield from self._types(was, now)
        yield from self._enum(was, now)
        yield from self._bounds(was, now)
        yield from self._texts(was, now)
        yield from self._numbers(was, now)
        yield from self._members(was, now, name, seen)
        yield from self._additional(was, now, name, seen)
        yield from self._items(was, now, name, seen)
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
                if was.multiples < now.multiples
                else "wider"
                if now.multiples < was.multiples
                else "different"
            )
            words = f"{NAME}: multipleOf was {_numbers(was)} and is {_numbers(now)}."
            yield self._step(effect, now, words, maybe=effect == "different")

    def _items(self, was: Shape, now: Shape, name: str, seen: set[Pair]) -> Iterator[Step]:
        if was.items and now.items:
            yield from self._compare(was.items, now.items, f"{name}[]", seen)
        elif was.items or now.items:
            effect: Effect = "wider" if was.items else "narrower"
            said = "any items" if was.items else "items of one kind only"
            yield self._step(effect, now, f"{NAME} may hold {said}.", maybe=True)

    def _additional(self, was: Shape, now: Shape, name: str, seen: set[Pair]) -> Iterator[Step]:
        before, after = was.additional, now.additional
        if isinstance(before, tuple) and isinstance(after, tuple):
            yield from self._compare(before, after, f"{name}.*", seen)
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

    def _members(self, was: Shape, now: Shape, name: str, seen: set[Pair]) -> Iterator[Step]:
        for member in sorted({*was.properties, *now.properties}):
            if member not in now.properties:
                yield self._removed(was, now, member)
            elif member not in was.properties:
                yield self._added(now, member)
            else:
                old, new = was.properties[member], now.properties[member]
                yield from self._compare(old, new, f"{name}.{member}", seen)
                yield from self._required(was, now, member)
        for member in sorted((was.required ^ now.required) - {*was.properties, *now.properties}):
            yield from self._required(was, now, member)

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
        self, now: Shape, olds: list[Form], news: list[Form], name: str, seen: set[Pair]
    ) -> Iterator[Step]:
        """Compare two lists of forms: equal ones are matched first, then similar ones."""
        if max(len(olds), len(news)) > _MAX_ALTERNATIVES:
            values = [[value for form in forms for value, _ in form] for forms in (olds, news)]
            if not same(self.old, values[0], self.new, values[1]):
                yield self._step("different", now, f"The forms of {NAME} changed.", maybe=True)
            return
        lost, gained = list(olds), list(news)
        for matches in (_is_wording, self._is_wider, self._is_narrower):
            for branch in list(gained):
                for other in lost:
                    steps = self._between(other, branch, name, {*seen})
                    if matches(steps):
                        yield from steps
                        lost.remove(other)
                        gained.remove(branch)
                        break
        if len(lost) == 1 and len(gained) == 1:
            yield from self._between(lost[0], gained[0], name, seen)
            return
        if gained:
            yield self._step("wider", now, f"{NAME} has {len(gained)} more form(s).")
        if lost:
            yield self._step("narrower", now, f"{NAME} has {len(lost)} form(s) less.")

    def _between(self, old: Form, new: Form, name: str, seen: set[Pair]) -> list[Step]:
        if len(old) == len(new) == 1:
            return list(self._compare(old, new, name, seen))
        was, now = shape_of(self.old, old), shape_of(self.new, new)
        steps = list(self._shapes(was, now, name, seen))
        inner = [
            shape_of(self.old, old[-1:]).alternatives,
            shape_of(self.new, new[-1:]).alternatives,
        ]
        if any(inner) and not self._same(*inner):
            # Alternatives of an alternative, compared with a schema without alternatives.
            steps.append(self._step("different", now, f"The forms of {NAME} changed.", maybe=True))
        return steps

    def _is_wider(self, steps: list[Step]) -> bool:
        return all(f"{self.direction}-wider" in each.kind for each in steps)

    def _is_narrower(self, steps: list[Step]) -> bool:
        return all(f"{self.direction}-narrower" in each.kind for each in steps)


def _forms(document: OpenApiDocument, form: Form, shape: Shape) -> list[Form]:
    """Return the alternatives of a form, each with what stands next to them."""
    if not shape.alternatives:
        return [form]
    resolved = [document.resolved(*each) for each in form]
    base = tuple((without_alternatives(schema), pointer) for schema, pointer in resolved)
    return [(*base, each) for each in shape.alternatives]


def _is_wording(steps: list[Step]) -> bool:
    return all(step.kind == WORDING_CHANGED for step in steps)


def _place(before: list[Placed], after: list[Placed]) -> tuple[Side, str]:
    return ("new", after[0][1]) if after else ("old", before[0][1])


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
