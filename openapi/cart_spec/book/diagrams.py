"""The pictures of the rule book: where their boxes and lines go. Templates draw them as SVG."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from cart_spec.book.recording import Recording
from cart_spec.contract import Contract, Rule

LINE = 16
"""The height of a line of text, in the pictures' units."""

_LADDER_CHARACTERS = 52


@dataclass(frozen=True, slots=True)
class FlowStep:
    """One rule on the ladder of judgement: its place, and its condition in lines."""

    rule: Rule
    number: int
    y: int
    height: int
    lines: tuple[str, ...]
    methods: str


@dataclass(frozen=True, slots=True)
class DecisionFlow:
    """The rules of the association endpoints, from the one that is judged first."""

    rungs: tuple[FlowStep, ...]
    height: int


def ladder(contract: Contract, operations: tuple[str, ...]) -> DecisionFlow:
    """The order in which the refusals of ``operations`` are judged."""
    rungs: list[FlowStep] = []
    y = 40
    for rule in contract.rules:
        held = [operation for operation in operations if operation in rule.operations]
        if not rule.is_refusal or not held:
            continue
        lines = tuple(textwrap.wrap(rule.condition, _LADDER_CHARACTERS))
        height = 34 + LINE * len(lines)
        methods = "" if len(held) == len(operations) else f"{contract.operations[held[0]][0]} only"
        rungs.append(FlowStep(rule, len(rungs) + 1, y, height, lines, methods))
        y += height + 14
    return DecisionFlow(tuple(rungs), y + 44)


@dataclass(frozen=True, slots=True)
class Cell:
    """What one kind of caller got for one attempt."""

    x: int
    status: int

    @property
    def allowed(self) -> bool:
        """Whether it was done."""
        return self.status < 400


@dataclass(frozen=True, slots=True)
class Row:
    """One attempt; ``first`` says that the row starts another operation."""

    operation: str
    what: str
    y: int
    first: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Who may do what: the callers as (x, words in lines), and the rows below them."""

    callers: tuple[tuple[int, tuple[str, ...]], ...]
    rows: tuple[Row, ...]
    width: int
    height: int


_MATRIX_LEFT, _MATRIX_TOP, _COLUMN, _ROW = 272, 64, 116, 26


def matrix(recording: Recording) -> Matrix:
    """The recorded permissions as a grid."""
    xs = [_MATRIX_LEFT + _COLUMN * number for number in range(len(recording.callers))]
    rows: list[Row] = []
    y, operation = _MATRIX_TOP, None
    for permission in recording.permissions:
        first = permission.operation != operation
        operation = permission.operation
        y += 6 if first else 0
        cells = tuple(
            Cell(x, permission.statuses[caller])
            for x, caller in zip(xs, recording.callers, strict=True)
        )
        rows.append(Row(operation, permission.what, y, first, cells))
        y += _ROW
    callers = tuple(
        (x, tuple(textwrap.wrap(caller, 14)))
        for x, caller in zip(xs, recording.callers, strict=True)
    )
    return Matrix(callers, tuple(rows), _MATRIX_LEFT + _COLUMN * len(xs), y + 8)
