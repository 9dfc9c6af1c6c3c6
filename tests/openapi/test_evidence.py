"""The mock and the suite announce themselves, and together they play and check every rule."""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from cart_conformance.cases import names_by_rule
from cart_conformance.oracle.rule_conditions import CONDITIONS
from cart_mock.rules import PREDICATES
from cart_spec.cli import COMMANDS_GROUP
from cart_spec.implementations import GROUP, Evidence, EvidenceError, installed_evidence
from cart_spec.lint import check_document

from tests.openapi.documents import contract_document

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]


def announced(group: str) -> dict[str, str]:
    found: dict[str, str] = PROJECT["entry-points"][group]
    return found


class EntryPoint:
    """An entry point as the installed metadata would give it."""

    def __init__(self, value: str) -> None:
        self.value = value

    def load(self) -> Any:
        module, _, name = self.value.partition(":")
        return getattr(import_module(module), name)


def test_every_rule_is_played_and_checked() -> None:
    evidence = Evidence(frozenset(PREDICATES), names_by_rule(), frozenset(CONDITIONS))
    assert check_document(contract_document(), evidence) == []


def test_what_is_announced_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "cart_spec.implementations.entry_points",
        lambda *, group, name: [EntryPoint(v) for k, v in announced(group).items() if k == name],
    )
    evidence = installed_evidence()
    assert evidence.predicates == frozenset(PREDICATES)
    assert evidence.conditions == frozenset(CONDITIONS)
    assert evidence.probes is None
    assert evidence.cases_of("last-cart") == tuple(names_by_rule()["last-cart"])


def test_commands_that_are_announced_are_commands() -> None:
    for name, value in announced(COMMANDS_GROUP).items():
        assert EntryPoint(value).load().name == name


def test_a_room_that_cannot_be_loaded_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "cart_spec.implementations.entry_points",
        lambda **_: [EntryPoint("cart_mock.rules:NO_SUCH")],
    )
    with pytest.raises(EvidenceError, match=r"cart_mock\.rules:NO_SUCH announces predicates"):
        installed_evidence()


def test_the_group_is_the_one_in_the_project() -> None:
    assert set(announced(GROUP)) == {"predicates", "conditions", "cases"}
