"""Compares two schemas: where the new one allows more, fewer or other values than the old one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from cart_spec.diff.changes import Direction, Side
from cart_spec.diff.shapes import Placed, Shape, shape_of
from cart_spec.document import OpenApiDocument
from cart_spec.errors import RefusedInputError

Effect = Literal["wider", "narrower", "different"]

Pair = tuple[str, str]
"""The pointers of a schema in the old and in the new document."""

_MAX_ALTERNATIVES = 25
_MAX_PAIRS = 100_000


class Step(NamedTuple):
    """One difference: its kind for the direction, its side and pointer, and a message."""

    kind: str
    side: Side
    pointer: str
    message: str


class TooEntangledError(RefusedInputError):
    """The schemas refer to each other in more ways than can be followed."""


@dataclass
class SchemaComparison:
    """A comparison of schemas of two documents that are used in one direction."""

    old: OpenApiDocument
    new: OpenApiDocument
    direction: Direction
    pairs: int = 0

    def compare(
        self,
        old: Placed,
        new: Placed,
        name: str,
        seen: set[Pair] | None = None,
    ) -> Iterator[Step]:
        """Yield the steps from ``old`` to ``new``; messages call the value ``name``.

        ``seen`` are the pairs of pointers that have been compared: a schema may contain itself.
        Raises TooEntangledError.
        """
        seen = set() if seen is None else seen
        was, now = shape_of(self.old, old), shape_of(self.new, new)
        pair = (was.pointer, now.pointer)
        if pair in seen:
            return
        seen.add(pair)
        self.pairs += 1
        if self.pairs > _MAX_PAIRS:
            raise TooEntangledError(
                f"{self.new.name}: line {self.new.line(now.pointer)}: the alternatives here refer "
                "to each other in more ways than can be followed; write them out"
            )
        if was.alternatives or now.alternatives:
            olds, news = (was.alternatives or [old]), (now.alternatives or [new])
            yield from self._alternatives(now, olds, news, name, seen)
            return
        yield from self._types(was, now, name)
        yield from self._enum(was, now, name)
        yield from self._bounds(was, now, name)
        yield from self._texts(was, now, name)
        yield from self._members(was, now, name, seen)
        if was.items and now.items:
            yield from self.compare(was.items, now.items, f"{name}[]", seen)

    def _step(
        self, effect: Effect, shape: Shape, message: str, *, maybe: bool = False, side: Side = "new"
    ) -> Step:
        kind = f"{self.direction}-{effect}{'-maybe' if maybe else ''}"
        return Step(kind, side, shape.pointer, message)

    def _types(self, was: Shape, now: Shape, name: str) -> Iterator[Step]:
        if was.types == now.types:
            return
        if was.types is None or now.types is None:
            effect: Effect = "narrower" if was.types is None else "wider"
            said = "may be of any type" if now.types is None else f"is {_list(now.types)} only"
            yield self._step(effect, now, f"{name} {said}.", maybe=True)
            return
        gained = {each for each in now.types - was.types if not _covers(was.types, each)}
        lost = {each for each in was.types - now.types if not _covers(now.types, each)}
        if gained and lost:
            message = f"{name} was {_list(was.types)} and is {_list(now.types)}."
            yield self._step("different", now, message)
        elif gained:
            yield self._step("wider", now, f"{name} may also be {_list(gained)}.")
        elif lost:
            yield self._step("narrower", now, f"{name} may no longer be {_list(lost)}.")

    def _enum(self, was: Shape, now: Shape, name: str) -> Iterator[Step]:
        if was.enum is None or now.enum is None:
            if was.enum is not None:
                yield self._step("wider", now, f"{name} is no longer one of a list.", maybe=True)
            elif now.enum is not None:
                yield self._step("narrower", now, f"{name} is now one of {_list(now.enum)}.")
            return
        gained, lost = set(now.enum) - set(was.enum), set(was.enum) - set(now.enum)
        if gained:
            maybe = self.direction == "response"
            yield self._step("wider", now, f"{name} may also be {_list(gained)}.", maybe=maybe)
        if lost:
            yield self._step("narrower", now, f"{name} may no longer be {_list(lost)}.")

    def _bounds(self, was: Shape, now: Shape, name: str) -> Iterator[Step]:
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
                words = f"{name}: {bound} was {_bound(before)} and is {_bound(after)}."
                yield self._step(effect, now, words)

    def _texts(self, was: Shape, now: Shape, name: str) -> Iterator[Step]:
        for key, old, new in (
            ("pattern", was.pattern, now.pattern),
            ("format", was.format, now.format),
        ):
            if old == new:
                continue
            effect: Effect = "different"
            if old is None or new is None:
                effect = "narrower" if old is None else "wider"
            words = f"The {key} of {name} was {old or 'free'} and is {new or 'free'}."
            sure = key == "pattern" and effect == "narrower"
            yield self._step(effect, now, words, maybe=not sure)

    def _members(self, was: Shape, now: Shape, name: str, seen: set[Pair]) -> Iterator[Step]:
        for member in sorted({*was.properties, *now.properties}):
            path = f"{name}.{member}"
            if member not in now.properties:
                yield self._removed(was, now, member, path)
            elif member not in was.properties:
                yield self._added(now, member, path)
            else:
                old, new = was.properties[member], now.properties[member]
                yield from self.compare(old, new, path, seen)
                yield from self._required(was, now, member, path)
        if was.additional != now.additional:
            effect: Effect = "wider" if now.additional else "narrower"
            said = "may" if now.additional else "may no longer"
            yield self._step(effect, now, f"{name} {said} hold unnamed members.", maybe=True)

    def _required(self, was: Shape, now: Shape, member: str, path: str) -> Iterator[Step]:
        if member in now.required - was.required:
            yield self._step("narrower", now, f"{path} became required.")
        elif member in was.required - now.required:
            yield self._step("wider", now, f"{path} became optional.")

    def _removed(self, was: Shape, now: Shape, member: str, path: str) -> Step:
        pointer = was.properties[member][1]
        if self.direction == "response":
            maybe = member not in was.required
            kind = "response-wider-maybe" if maybe else "response-wider"
        else:
            kind = "request-narrower-maybe" if now.additional else "request-narrower"
        return Step(kind, "old", pointer, f"{path} is gone.")

    def _added(self, now: Shape, member: str, path: str) -> Step:
        pointer, required = now.properties[member][1], member in now.required
        word = "required" if required else "optional"
        if self.direction == "response":
            kind = "response-narrower" if required else "response-property-added"
        else:
            kind = "request-narrower" if required else "request-wider-maybe"
        return Step(kind, "new", pointer, f"{path} is new and {word}.")

    def _alternatives(
        self, now: Shape, olds: list[Placed], news: list[Placed], name: str, seen: set[Pair]
    ) -> Iterator[Step]:
        """Match equal alternatives first; a schema without alternatives is the only one."""
        lost = olds[:_MAX_ALTERNATIVES]
        gained: list[Placed] = []
        for branch in news[:_MAX_ALTERNATIVES]:
            same = next((o for o in lost if not any(self.compare(o, branch, name, {*seen}))), None)
            if same is None:
                gained.append(branch)
            else:
                lost.remove(same)
        if len(lost) == 1 and len(gained) == 1:
            yield from self.compare(lost[0], gained[0], name, seen)
            return
        if gained:
            yield self._step("wider", now, f"{name} has {len(gained)} more form(s).")
        if lost:
            yield self._step("narrower", now, f"{name} has {len(lost)} form(s) less.")


def _covers(types: frozenset[str], each: str) -> bool:
    return each == "integer" and "number" in types


def _list(values: Iterable[str]) -> str:
    return " or ".join(sorted(values))


def _bound(bound: tuple[float, bool] | None) -> str:
    if bound is None:
        return "free"
    return f"{bound[0]}{' (excluded)' if bound[1] else ''}"
