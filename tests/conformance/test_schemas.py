"""Success bodies and schemas: the fast validator accepts nothing that the exact one rejects."""

from __future__ import annotations

import copy
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from cart_conformance.oracle.schemas import Schemas
from cart_spec import load_contract

from tests.shared.sizes import size

CONTRACT = load_contract()
SCHEMAS = Schemas(CONTRACT)
WRONG: tuple[Any, ...] = (None, True, 1.5, "", "\n", "no date", "no email", [], [None], {})


def published() -> Iterator[Any]:
    """Each example of a success: operation, status and body."""
    for operation, (method, path) in CONTRACT.operations.items():
        responses = CONTRACT.document["paths"][path][method.lower()]["responses"]
        for status, response in responses.items():
            content = response.get("content", {}).get("application/json", {})
            for name, example in content.get("examples", {}).items():
                if status.startswith("2"):
                    example = _resolved(example)  # noqa: PLW2901 - the same example, found
                    yield pytest.param(operation, int(status), example, id=f"{operation}-{name}")


def _resolved(example: dict[str, Any]) -> Any:
    if "$ref" in example:
        name = example["$ref"].rpartition("/")[2]
        example = CONTRACT.document["components"]["examples"][name]
    return example["value"]


def variations(body: Any) -> Iterator[Any]:
    """The body with one part removed or replaced, for each part."""
    for place in _places(body):
        for wrong in WRONG:
            yield _with(body, place, lambda parent, key, w=wrong: parent.__setitem__(key, w))
        yield _with(body, place, lambda parent, key: parent.__delitem__(key))


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in children:
        yield (*path, key)
        if isinstance(child, dict | list):
            yield from _places(child, (*path, key))


def _with(body: Any, place: tuple[Any, ...], change: Any) -> Any:
    changed = copy.deepcopy(body)
    parent = changed
    for key in place[:-1]:
        parent = parent[key]
    change(parent, place[-1])
    return changed


@pytest.mark.parametrize(("operation", "status", "body"), list(published()))
def test_a_published_example_has_no_problem(operation: str, status: int, body: Any) -> None:
    assert SCHEMAS.problem(operation, status, body) is None


@pytest.mark.parametrize(("operation", "status", "body"), list(published()))
def test_the_quick_look_passes_nothing_that_a_thorough_one_would_not(
    operation: str, status: int, body: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_of_them = list(variations(body))
    varied = all_of_them[:: 1 + len(all_of_them) // size(100, 10**6)]
    problems = [SCHEMAS.problem(operation, status, each) for each in varied]
    assert None in problems
    assert any(problems)
    thorough = Schemas(CONTRACT)

    class Never:
        """A fast validator that accepts nothing."""

        def is_valid(self, _: object) -> bool:
            return False

    validators = thorough._validators(operation, status)
    assert validators is not None
    slow = validators._replace(quick=Never())  # type: ignore[arg-type]  # stands in for it
    monkeypatch.setattr(thorough, "_validators", lambda *_: slow)
    assert problems == [thorough.problem(operation, status, each) for each in varied]


def test_answer_with_many_problems_takes_little_memory() -> None:
    body: dict[str, Any] = {"data": [{} for _ in range(20_000)]}
    tracemalloc.start()
    try:
        assert SCHEMAS.problem("getCarts", 200, body)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()
