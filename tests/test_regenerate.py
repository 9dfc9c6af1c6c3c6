"""What is derived from the catalogue is current, and a new rule gets all of its stubs."""

from __future__ import annotations

import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cart_spec import load_contract
from cart_spec.book.recording import RECORDING_PATH
from click.testing import CliRunner

from scripts import contract_examples, new_rule, regenerate

DOCUMENT = contract_examples.PATH.read_text(encoding="utf-8")


def test_contract_examples_of_refusals_are_what_the_mock_answers() -> None:
    exchanges = json.loads(RECORDING_PATH.read_text(encoding="utf-8"))["exchanges"]
    made = contract_examples.with_examples(DOCUMENT, contract_examples.answers(exchanges))
    assert made == DOCUMENT, "run python -m scripts.regenerate"


def test_contract_answers_name_the_example_of_each_of_their_refusals() -> None:
    assert contract_examples.with_references(DOCUMENT) == DOCUMENT


def test_contract_answer_without_an_example_gets_it_back() -> None:
    line = "                cart-id-taken: {$ref: '#/components/examples/cart-id-taken'}\n"
    other = "                another: {$ref: '#/components/examples/cart-id-taken'}\n"
    assert line in DOCUMENT
    made = contract_examples.with_references(DOCUMENT.replace(line, other))
    assert made == DOCUMENT.replace(line, other + line)


@pytest.mark.parametrize("path", [regenerate.BREAKS_PAGE, regenerate.BREAK_NAMES])
def test_derived_file_is_current(path: Path) -> None:
    current = path.read_text(encoding="utf-8")
    assert regenerate.DERIVED[path](current) == current, "run python -m scripts.regenerate"


def test_regenerate_check_of_current_files_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    current = tmp_path / "names.txt"
    current.write_text("as made\n")
    monkeypatch.setattr(regenerate, "ROOT", tmp_path)
    monkeypatch.setattr(regenerate, "DERIVED", {current: lambda _: "as made\n"})
    result = CliRunner().invoke(regenerate.main, ["--check"])
    assert (result.exit_code, result.output) == (0, "The derived files are current.\n")
    current.write_text("by hand\n")
    result = CliRunner().invoke(regenerate.main, ["--check"])
    assert result.exit_code == 1
    assert result.output.startswith("names.txt is not current")


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the files that new_rule writes to; it writes to the copy."""
    contract = tmp_path / "contract.yaml"
    shutil.copy(new_rule.CATALOGUE, contract)
    monkeypatch.setattr(new_rule, "CATALOGUE", contract)
    monkeypatch.setattr(new_rule, "ROOT", tmp_path)
    for name in ("RULES", "CASES", "PROBES"):
        shutil.copytree(getattr(new_rule, name), tmp_path / name)
        monkeypatch.setattr(new_rule, name, tmp_path / name)
    conditions = tmp_path / "conditions.py"
    shutil.copy(new_rule.CONDITIONS, conditions)
    monkeypatch.setattr(new_rule, "CONDITIONS", conditions)
    return tmp_path


def test_new_rule_writes_a_stub_of_each_part(copied: Path) -> None:
    arguments = ["cart-name-rude", "--operations", "createACart, updateACart", "--status", "422"]
    result = CliRunner().invoke(new_rule.main, arguments)
    assert result.exit_code == 0, result.output
    added = load_contract(copied / "contract.yaml").rule("cart-name-rude")
    assert (added.group, added.status, added.text) == ("cart", 422, "Cart name rude")
    assert added.operations == ("createACart", "updateACart")
    for path in ("RULES/carts.py", "conditions.py", "CASES/carts.py", "PROBES/cart.py"):
        source = (copied / path).read_text(encoding="utf-8")
        assert source.count("def cart_name_rude(") == 1, path


def test_new_rule_condition_registers_itself_in_its_module(copied: Path) -> None:
    arguments = ["cart-name-rude", "--operations", "createACart"]
    result = CliRunner().invoke(new_rule.main, arguments)
    assert result.exit_code == 0, result.output
    conditions = runpy.run_path(str(copied / "conditions.py"))
    assert conditions["CONDITIONS"]["cart-name-rude"] is conditions["cart_name_rude"]


@pytest.mark.parametrize("group", new_rule.MODULES)
def test_new_rule_stubs_use_only_names_that_their_modules_have(copied: Path, group: str) -> None:
    arguments = ["a-new-rule", "--operations", "createACart", "--group", group]
    result = CliRunner().invoke(new_rule.main, arguments)
    assert result.exit_code == 0, result.output
    names = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--select=F821"]
    linted = subprocess.run(
        [*names, str(copied)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["last-cart", "--operations", "getCarts"], "The rule last-cart exists."),
        (["FOO_bar", "--operations", "getCarts"], "The id FOO_bar is not lower-case words"),
        (["a-rule", "--operations", "getcarts"], "Unknown operation getcarts."),
    ],
)
@pytest.mark.usefixtures("copied")
def test_new_rule_refuses_what_it_cannot_add(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(new_rule.main, arguments)
    assert result.exit_code == 2
    assert said in result.output
