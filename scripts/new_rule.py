"""Writes the stubs of a new refusal: ``python -m scripts.new_rule ID --operations …``.

Each stub fails until a person has written it. ``tests/test_architecture.py`` lists the stubs that
are left; then ``python -m scripts.regenerate`` writes what is derived.
"""

from __future__ import annotations

import re
from pathlib import Path

import click
from cart_spec import load_contract
from cart_spec.contract import CATALOGUE_KEY, CONTRACT_PATH, LEVELS
from cart_spec.document import load
from cart_spec.source import pointer_of

ROOT = Path(__file__).parent.parent
RULES = ROOT / "mockserver/cart_mock/rules"
CASES = ROOT / "conformance/cart_conformance/cases"
CONDITIONS = ROOT / "conformance/cart_conformance/oracle/rule_conditions.py"
PROBES = ROOT / "tests/probes"
CATALOGUE = CONTRACT_PATH
MODULES = {
    "caller": ("caller", "callers"),
    "association": ("association", "payload"),
    "cart": ("carts", "carts"),
    "page": ("pages", "pages"),
    "customer": ("customers", "customers"),
    "account": ("accounts", "accounts"),
    "token": ("tokens", "customers"),
}
"""For each group of rules, its module of predicates and its module of directed cases."""


@click.command()
@click.argument("rule_id", metavar="ID")
@click.option("--operations", required=True, help="The operationIds, separated by commas.")
@click.option("--status", default=400, show_default=True, help="The status of the refusal.")
@click.option("--text", help="The text of the refusal; by default the id in words.")
@click.option("--level", type=click.Choice(sorted(LEVELS)), default="interpretation",
              show_default=True, help="How sure the rule is.")  # fmt: skip
@click.option("--group", type=click.Choice(list(MODULES)), help="By default that of its operation.")
def main(
    rule_id: str, operations: str, status: int, text: str | None, level: str, group: str | None
) -> None:
    """Write the stubs of the refusal ID, for a person to complete."""
    names = [name.strip() for name in operations.split(",")]
    group = _group_of(rule_id, names, group)
    text = text or rule_id.replace("-", " ").capitalize()
    function = rule_id.replace("-", "_")
    predicates, cases = MODULES[group]
    _catalogue(rule_id, names, status, text, level, group)
    _append(
        RULES / f"{predicates}.py",
        f"@predicate\ndef {function}(ctx: RequestContext) -> Violation | None:\n"
        "    raise NotImplementedError\n",
    )
    _append(
        CONDITIONS,
        f'@_violates("{rule_id}")\ndef {function}(view: RequestView) -> bool | None:\n'
        "    raise NotImplementedError\n",
    )
    _import_case(CASES / f"{cases}.py")
    _append(
        CASES / f"{cases}.py",
        "".join(f'@case("{rule_id}", "{name}", "the rule is violated")\n' for name in names)
        + f"def {function}(ctx: CaseContext) -> None:\n    raise NotImplementedError\n",
    )
    rows = "".join(f'    yield probe("{name}", body=NotImplemented)\n' for name in names)
    _append(PROBES / f"{group}.py", f"@probes\ndef {function}() -> Iterator[Probe]:\n{rows}")
    click.echo("Write the stubs, until this passes: pytest tests/test_architecture.py")
    click.echo("Then run: python -m scripts.regenerate")


def _group_of(rule_id: str, operations: list[str], group: str | None) -> str:
    """Return the group, by default that of the last refusal of the first operation.

    Raises click.UsageError for a bad id, a rule that exists and an unknown operation.
    """
    if not re.fullmatch(r"[a-z][a-z0-9-]*", rule_id):
        raise click.UsageError(
            f"The id {rule_id} is not lower-case words with hyphens, such as last-cart."
        )
    contract = load_contract()
    if any(rule.id == rule_id for rule in contract.rules):
        raise click.UsageError(f"The rule {rule_id} exists.")
    for name in operations:
        if name not in contract.operations:
            known = ", ".join(contract.operations)
            raise click.UsageError(f"Unknown operation {name}. The operations are: {known}.")
    refusals = [rule for rule in contract.rules_of(operations[0]) if rule.is_refusal]
    return group or refusals[-1].group


def _append(path: Path, code: str) -> None:
    path.write_text(f"{path.read_text(encoding='utf-8').rstrip()}\n\n\n{code}", encoding="utf-8")
    click.echo(f"{path.relative_to(ROOT)}: a stub to write")


def _import_case(path: Path) -> None:
    """Let a module of cases import the decorator that the stub needs."""
    source = path.read_text(encoding="utf-8")
    changed = re.sub(r"(cases\.registry import Case), cases", r"\1, case, cases", source)
    path.write_text(changed, encoding="utf-8")


def _catalogue(
    rule_id: str, operations: list[str], status: int, text: str, level: str, group: str
) -> None:
    """Add the rule after the last refusal of its group, and its example after that one's."""
    before = [r for r in load_contract().rules if r.group == group and r.is_refusal][-1]
    # Not found by its id: an entry that states a rule for each kind of owner has several.
    line = load(CATALOGUE).line(pointer_of(CATALOGUE_KEY, "rules", before.entry))
    document = "interpretation" if level == "interpretation" else "published"
    entry = f"""\
    - id: {rule_id}
      group: {group}
      level: {level}
      operations: [{", ".join(operations)}]
      condition: A sentence that says when the rule refuses.
      status: {status}
      text: {text}
      example: {rule_id}
      source:
        document: {document}
        page: The page that says so
        sentence: The sentence that says so.
"""
    example = f"""\
    {rule_id}:
      summary: {text}
      value:
        errors:
          - status: {status}
            title: {text}
            detail: {text}
"""
    source = CATALOGUE.read_text(encoding="utf-8")
    source = _after_entry(source, line, entry)
    source = _after(source, rf"    {before.example}:\n(?:      .*\n)+", example)
    CATALOGUE.write_text(source, encoding="utf-8")
    click.echo(f"{CATALOGUE.relative_to(ROOT)}: an entry to complete")


def _after_entry(text: str, line: int, added: str) -> str:
    """Return the text with something added after the list entry that begins on a line, from 1."""
    lines = text.splitlines(keepends=True)
    end = next(at for at in range(line, len(lines)) if not lines[at].startswith("      "))
    return "".join([*lines[:end], added, *lines[end:]])


def _after(text: str, pattern: str, added: str) -> str:
    """Return the text with something added after the only place that matches."""
    (found,) = re.finditer(rf"^{pattern}", text, re.MULTILINE)
    return text[: found.end()] + added + text[found.end() :]


if __name__ == "__main__":
    main()
