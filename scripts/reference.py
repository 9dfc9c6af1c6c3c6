"""The reference pages of the documentation, made from the commands and the two documents.

``scripts.regenerate`` writes them.
"""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import click
import yaml
from cart_conformance.cli import cli as conformance
from cart_mock.cli import main as mock
from cart_spec import load_contract
from cart_spec.cli import main as spec
from cart_spec.contract import Contract, iter_operations

from scripts import rule_table

DOCS = Path(__file__).parent.parent / "docs"
WORKBENCH = Path(__file__).parent.parent / "mockserver/cart_mock/workbench/workbench.yaml"
BEGIN = "<!-- written by scripts/regenerate.py -->"
END = "<!-- end of what scripts/regenerate.py writes -->"
KEPT = "\b\n"
"""How a paragraph of a help text begins that click does not wrap."""
COMMANDS: dict[str, click.Command] = {
    "cart-mock": mock,
    "cart-conformance": conformance,
    "cart-spec": spec,
}


CAUSES = {
    "request-malformed": "What arrived is not an HTTP request, for example TLS on a plain port.",
    "head-too-large": "The target and headers are larger than `--head-limit`.",
    "storage-full": "The disk of `--data` is full or cannot be written.",
    "body-malformed": "The body is not JSON, or nests too deeply.",
    "request-invalid": "A field without a rule of its own has a value that the schema forbids.",
    "path-unknown": "The contract has no such path. `--forward` and stubs answer others.",
    "method-not-allowed": "The path has no such method; `Allow` lists those that it has.",
    "body-too-large": "The body is larger than `--body-limit`.",
    "media-type-unsupported": "The mock does not read this `Content-Type` or `Content-Encoding`.",
    "grant-secret-wrong": "The store has another secret: the first one that was used with it.",
    "too-many-requests": "A fault of the workbench answered.",
    "service-unavailable": "A fault answered, or `--max-connections` or `--max-stores` is reached.",
    "internal-error": "A fault of the workbench answered, or the mock has a defect: see its log.",
    "customer-filter-invalid": "The list of customers does not have that operator or field.",
    "customer-sort-invalid": "The list of customers does not have that order.",
    "item-invalid": "The item lacks a field, or a field has a value that it cannot have.",
    "product-not-found": "The store has products, and this is not one of them.",
    "promotion-not-found": "The mock has no promotions.",
    "merge-cart-not-found": "The cart to merge from does not exist.",
    "merge-with-itself": "The cart to merge from is the cart to merge into.",
    "price-missing": "The cart has another currency than the product's prices.",
    "item-not-found": "The cart has no such item.",
    "insufficient-stock": "The product's stock is less than the quantity.",
    "cart-limit-exceeded": "The cart would have too many items, or cost too much.",
    "items-cart-not-found": "The cart does not exist.",
    "checkout-customer-required": "The body has neither `customer` nor `contact`.",
    "checkout-email-invalid": "The email of the buyer is not valid.",
    "checkout-customer-not-found": "The store has no customer with that id.",
    "orders-need-an-owner": "The caller is a guest: orders are listed for customers and accounts.",
    "order-not-found": "The order does not exist, or is another's.",
    "order-paid": "The order has a payment.",
    "payment-amount-invalid": "The payment is higher than what is owing.",
    "settings-not-permitted": "The caller is not an administrator.",
    "address-not-permitted": "The address is another customer's.",
    "address-customer-not-found": "The store has no customer with that id.",
    "address-not-found": "The customer has no such address.",
    "address-invalid": "The address lacks a field that it needs.",
    "control-key-invalid": "Other hosts can reach the mock, and the key is missing or wrong.",
    "origin-not-allowed": "A page of another site called the workbench, which has no key.",
    "host-not-allowed": "The mock was called by a name that is not of this machine, without a key.",
    "store-unknown": "Nothing has used this `client_id` yet, or the store was deleted.",
    "store-exists": "A store of that name exists: reset it, or use another name.",
    "store-not-pinned": "`--clients` does not list this `client_id`.",
    "request-unknown": "The request is older than the log, or no mock of this run answered it.",
    "snapshot-unknown": "The store has no snapshot of that name.",
    "snapshots-full": "All snapshots would take more than `--snapshot-memory`.",
    "scenario-unknown": "No scenario has that name; `GET /_mock/scenarios` lists them.",
    "state-invalid": "The state has an unknown field, a repeated id, or an id that leads nowhere.",
    "fault-unknown": "The fault was used up or removed.",
    "fault-invalid": "A field of the fault does not fit its kind.",
    "customer-invalid": "The email is taken, or a field has a value that it cannot have.",
    "person-unknown": "The store has no customer or account with that id.",
    "forward-invalid": "The URL or the credential of the other server cannot be used.",
    "stub-invalid": "The contract has that path, or a placeholder cannot be read.",
    "clock-invalid": "The time is out of range, or the action needs another field.",
    "rule-unknown": "The catalogue has no rule of that id.",
    "break-unknown": "`GET /_mock/breaks` has no such name, or it is for a whole process.",
    "not-ready": "The folder of `--data` cannot be written.",
}
"""The causes of errors that are not a rule's; the documents have only their texts."""
ENDPOINTS = """\
# Endpoints

Each operation of the contract, with the rules that can refuse it, in the order in which they are
checked. A running mock serves the whole document at `/openapi.json`, and a page to try it at
`/ui/`.

## The API"""
WORKBENCH_ENDPOINTS = """
## The workbench

Paths are below `/_mock`. If the mock can be reached from other hosts, send its key in the header
`X-Control-Key`. `/_mock/openapi.json` describes bodies and answers."""
RULES = """\
# Rules

All refusals, effects and conventions of the catalogue. A running mock serves the same as a
[rule book](spec-review.md) at `/book`, with the sentence that each rule comes from and with
recorded requests. [How we know](differences.md) explains the levels.
"""


@cache
def workbench() -> Mapping[str, Any]:
    """Return the document of the workbench."""
    document: dict[str, Any] = yaml.safe_load(WORKBENCH.read_text(encoding="utf-8"))
    return document


def between_markers(text: str, lines: Iterator[str]) -> str:
    """Return a page with new lines between its markers. Raises ValueError without the markers."""
    if BEGIN not in text or END not in text:
        raise ValueError(f"the page needs the lines {BEGIN!r} and {END!r}")
    before, _, rest = text.partition(BEGIN)
    return "\n".join((before + BEGIN, "", *lines, "", END + rest.partition(END)[2]))


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _head(*cells: str) -> Iterator[str]:
    yield _row(*cells)
    yield _row(*("---" for _ in cells))


# --- Options ---


def options_page(_current: str = "") -> str:
    """Return the page with every option of the three commands."""
    lines = [
        "# Options",
        "",
        "Every command and option, from the commands' own help. `COMMAND --help` prints the same.",
    ]
    for name, command in COMMANDS.items():
        lines += ["", *_command(name, command, _context(name, command))]
    return "\n".join(lines) + "\n"


def _command(name: str, command: click.Command, context: click.Context) -> Iterator[str]:
    depth = "#" * (1 + len(name.split()))
    yield f"{depth} {name}"
    yield ""
    yield _text(command.help or "")
    rows = [_option(parameter, context) for parameter in command.params]
    rows = [row for row in rows if row]
    if rows:
        yield ""
        yield from _head("option", "meaning", "default", "environment")
        yield from rows
    if isinstance(command, click.Group):
        for sub in command.list_commands(context):
            child = command.get_command(context, sub)
            if child is not None and not child.hidden:
                yield ""
                yield from _command(f"{name} {sub}", child, _context(sub, child, context))


def _option(parameter: click.Parameter, context: click.Context) -> str:
    if isinstance(parameter, click.Argument):
        meaning = "Required." if parameter.required else "Can be left out."
        return _row(f"`{parameter.human_readable_name.upper()}`", meaning, "", "")
    if not isinstance(parameter, click.Option) or parameter.hidden:
        return ""
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    extra = parameter.get_help_extra(context)
    variables = extra.get("envvars") or ()
    default = extra.get("default") or ""
    return _row(
        names,
        parameter.help or "",
        f"`{default}`" if default else "",
        ", ".join(f"`{variable}`" for variable in variables),
    )


def _context(
    name: str, command: click.Command, parent: click.Context | None = None
) -> click.Context:
    settings = {k: v for k, v in command.context_settings.items() if k != "max_content_width"}
    return click.Context(command, info_name=name, parent=parent, **settings)


def _text(help_text: str) -> str:
    """Return a help text as Markdown; what click leaves as it is becomes a block."""
    paragraphs = inspect.cleandoc(help_text.partition("\f")[0]).split("\n\n")
    return "\n\n".join(
        f"```text\n{paragraph.removeprefix(KEPT)}\n```" if paragraph.startswith(KEPT) else paragraph
        for paragraph in paragraphs
    )


# --- Endpoints ---


def endpoints_page(_current: str = "") -> str:
    """Return the page with every operation of the API and of the workbench."""
    contract = load_contract()
    lines = [ENDPOINTS]
    for method, path, operation in iter_operations(contract.document):
        operation_id = operation["operationId"]
        refusals = [f"`{r.id}`" for r in contract.rules_of(operation_id) if r.is_refusal]
        statuses = [status for status in operation["responses"] if status < "3"]
        lines += [
            "",
            f"### `{method.upper()} {path}`",
            "",
            f"{operation['summary'].rstrip('.')}. `operationId`: `{operation_id}`.",
            "",
            f"- Answers {' or '.join(statuses)} if nothing is wrong.",
            *([f"- Refused by {', '.join(refusals)}."] if refusals else []),
        ]
    lines.append(WORKBENCH_ENDPOINTS)
    tags = {tag["name"]: tag["description"] for tag in workbench()["tags"]}
    by_tag: dict[str, list[str]] = defaultdict(list)
    for method, path, operation in iter_operations(workbench()):
        row = _row(f"`{method.upper()} {path}`", operation["summary"])
        by_tag[operation["tags"][0]].append(row)
    for tag, rows in by_tag.items():
        head = _head("request", "what it does")
        lines += ["", f"### {tag.capitalize()}", "", tags[tag], "", *head, *rows]
    return "\n".join(lines) + "\n"


def rules_page(_current: str = "") -> str:
    """Return the page with every rule of the catalogue."""
    return RULES + rule_table.table() + "\n"


# --- Error texts ---


def errors(current: str) -> str:
    """Return the page about troubleshooting with a table of each error text and its cause."""
    return between_markers(current, _errors())


def _errors() -> Iterator[str]:
    contract = load_contract()
    yield "### Of the API"
    yield ""
    yield from _head("text", "status", "cause", "rule")
    for rule in sorted(contract.rules, key=lambda rule: rule.text or ""):
        if rule.text:
            statuses = " or ".join(map(str, rule.statuses))
            yield _row(f"`{rule.text}`", statuses, rule.condition, f"`{rule.id}`")
    yield ""
    yield "### Of the API, without a rule"
    yield ""
    yield from _head("text", "status", "cause", "id")
    for error in sorted(contract.protocol_errors, key=lambda error: error.status):
        cause = CAUSES.get(error.id, "")
        yield _row(f"`{error.text}`", str(error.status), cause, f"`{error.id}`")
    yield ""
    yield "### Of the workbench"
    yield ""
    yield from _head("text", "status", "cause", "id")
    for entry in workbench()["x-errors"]:
        cause = CAUSES.get(entry["id"], "")
        yield _row(f"`{entry['text']}`", str(entry["status"]), cause, f"`{entry['id']}`")


# --- Differences ---


def differences(current: str) -> str:
    """Return the page about the real service with the published disagreements."""
    return between_markers(current, _differences())


def _unpublished_statuses(contract: Contract) -> Iterator[str]:
    """Yield a table of the statuses that no source states: each is an interpretation."""
    yield "### Statuses that are not published"
    yield ""
    yield (
        "A rule's level says whether the refusal is published. The statuses here are not: each "
        "is an interpretation."
    )
    yield ""
    yield from _head("status", "cause", "id", "operations")
    rows = [
        (rule.status, rule.condition, rule.id, rule.operations)
        for rule in contract.rules
        if rule.is_refusal and rule.exact == "interpretation"
    ]
    rows += [
        (error.status, CAUSES.get(error.id, error.text), error.id, error.unpublished)
        for error in contract.protocol_errors
        if error.unpublished
    ]
    for status, cause, name, operations in rows:
        shown = ", ".join(f"`{each}`" for each in operations[:6])
        more = f" and {len(operations) - 6} more" if len(operations) > 6 else ""
        yield _row(str(status), cause, f"`{name}`", shown + more)


def _differences() -> Iterator[str]:
    contract = load_contract()
    levels = [rule.level for rule in contract.rules]
    counts = ", ".join(f"{levels.count(name)} {name}" for name in dict.fromkeys(levels))
    yield f"Of {len(levels)} rules: {counts}."
    yield ""
    yield from _unpublished_statuses(contract)
    for one in contract.disagreements:
        yield ""
        yield f"### {one.topic}"
        yield ""
        for sentence in one.published:
            yield f"- {' '.join(sentence.split())}"
        yield ""
        yield f"The contract's decision: {' '.join(one.decision.split())}"
        if one.rules:
            yield ""
            yield f"Rules: {', '.join(f'`{rule}`' for rule in one.rules)}."
