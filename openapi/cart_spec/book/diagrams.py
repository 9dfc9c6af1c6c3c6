"""Lays out the diagrams of the rule book; the templates draw them as SVG."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from cart_spec.book.recording import Recording
from cart_spec.contract import Contract, Rule

LINE = 16
"""The height of a line of text, in the units of the diagrams."""

_STEP_CHARACTERS = 52


@dataclass(frozen=True, slots=True)
class FlowStep:
    """One rule in the order of judgement: its place, and its condition in lines."""

    rule: Rule
    number: int
    y: int
    height: int
    lines: tuple[str, ...]
    methods: str


@dataclass(frozen=True, slots=True)
class DecisionFlow:
    """The order in which the rules of some operations are judged, first to last."""

    steps: tuple[FlowStep, ...]
    height: int


def decision_flow(contract: Contract, operations: tuple[str, ...]) -> DecisionFlow:
    """Lay out the order in which the refusals of ``operations`` are judged."""
    steps: list[FlowStep] = []
    y = 40
    for rule in contract.rules:
        applicable = [operation for operation in operations if operation in rule.operations]
        if not rule.is_refusal or not applicable:
            continue
        lines = tuple(textwrap.wrap(rule.condition, _STEP_CHARACTERS))
        height = 34 + LINE * len(lines)
        methods = (
            ""
            if len(applicable) == len(operations)
            else f"{contract.operations[applicable[0]][0]} only"
        )
        steps.append(FlowStep(rule, len(steps) + 1, y, height, lines, methods))
        y += height + 14
    return DecisionFlow(tuple(steps), y + 44)


@dataclass(frozen=True, slots=True)
class Cell:
    """The status that one kind of caller got for one attempt."""

    x: int
    status: int

    @property
    def allowed(self) -> bool:
        """Whether the attempt succeeded."""
        return self.status < 400


@dataclass(frozen=True, slots=True)
class Row:
    """One attempt; ``first`` marks the first row of an operation."""

    operation: str
    what: str
    y: int
    first: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """The table of permissions: callers as (x, words in lines), and the rows below them."""

    callers: tuple[tuple[int, tuple[str, ...]], ...]
    rows: tuple[Row, ...]
    width: int
    height: int


_MATRIX_LEFT, _MATRIX_TOP, _COLUMN, _ROW = 272, 64, 116, 26


def matrix(recording: Recording) -> Matrix:
    """Lay out the recorded permissions as a table."""
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
