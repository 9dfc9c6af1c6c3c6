"""The ``cart-spec`` command: the contract as something people can read, question and compare."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import Any, TypeVar

import click
from jinja2 import TemplateError

from cart_spec.book.observation import read_observation
from cart_spec.book.render import BookFormat, render
from cart_spec.catalogue import checked_contract
from cart_spec.contract import CONTRACT_PATH, ContractError, load_contract
from cart_spec.diff import TooEntangledError, compare
from cart_spec.diff.report import review_of
from cart_spec.document import Document, UnreadableDocumentError, read
from cart_spec.extras import missing_library, require_extra
from cart_spec.findings import FORMATS, Review
from cart_spec.implementations import EvidenceError, installed_evidence
from cart_spec.lint import CHECKS, check_document
from cart_spec.validation import openapi_errors

COMMANDS_GROUP = "cart_spec.commands"
"""Entry points of this group add commands; the suite adds those that need its judgement."""

_Command = TypeVar("_Command", bound=Callable[..., Any])

_FORMATS = click.Choice(["text", "json", "sarif", "github"])


class RefusedInputError(click.ClickException):
    """Input that cannot be worked with: one line on standard error, exit status 2."""

    exit_code = 2


class _Commands(click.Group):
    """The commands here, and those that other installed packages announce by entry point."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        announced = {
            entry.name
            for entry in entry_points(group=COMMANDS_GROUP)
            if not missing_library(entry.value)
        }
        return sorted({*super().list_commands(ctx), *announced})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        for entry in entry_points(group=COMMANDS_GROUP, name=cmd_name):
            require_extra(entry.value, f"cart-spec {cmd_name}")
            loaded: click.Command = entry.load()
            return loaded
        return None


def _version() -> str:
    try:
        return version("cart-associations")
    except PackageNotFoundError:
        return "not installed"


@contextmanager
def _refusals(documents: list[Document]) -> Iterator[None]:
    """Turn what cannot be worked with into one line; ``documents`` are those read so far."""
    try:
        yield
    except (UnreadableDocumentError, ContractError, EvidenceError, TooEntangledError) as error:
        raise RefusedInputError(str(error)) from error
    except (AttributeError, LookupError, TypeError, ValueError, TemplateError):
        # A list where OpenAPI has a mapping, or the like. With a valid document it is our fault.
        for document in documents:
            for pointer, message in openapi_errors(document):
                where = f"{document.name}: line {document.line(pointer)}"
                raise RefusedInputError(
                    f"{where}: is not valid OpenAPI: {message}; see `cart-spec check`"
                ) from None
        raise


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with `cart-spec check`, then `cart-spec book -o rules.html` and open the page.",
)
@click.version_option(_version(), prog_name="cart-spec")
def main() -> None:
    """Review the contract of the cart-association endpoints.

    FILE is an OpenAPI 3.0 or 3.1 document, YAML or JSON, all in one file; by default the contract
    that ships with this tool. Nothing is ever fetched from the network.

    Exit status: 0 all is well, 1 something was found, 2 the input could not be worked with.
    """


def _report_options(command: _Command) -> _Command:
    for option in (
        click.option(
            "-o", "--output", type=click.Path(path_type=Path), help="Write to this file."
        ),
        click.option(
            "--format", "form", type=_FORMATS, default="text", show_default=True,
            help="sarif is for code-scanning services, github for annotations in a workflow.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


@main.command()
@click.argument("file", type=click.Path(path_type=Path), default=CONTRACT_PATH, metavar="[FILE]")
@_report_options
@click.pass_context
def check(ctx: click.Context, file: Path, form: str, output: Path | None) -> None:
    """Lint the contract: is it valid, complete, and played and checked throughout?

    First openapi-spec-validator, then our own lint: every documented error has an operation, a
    valid named example and a rule; every rule a source, a level, an operation, a predicate in the
    mock and a case in the suite; names, descriptions and tags are complete.

    \b
    Examples:
      cart-spec check
      cart-spec check mine.yaml --format sarif -o findings.sarif
    """
    with _refusals([]):
        document = read(_shown(file))
        findings = check_document(document, installed_evidence())
    titles = {check_id: checked.title for check_id, checked in CHECKS.items()}
    errors = sum(finding.severity == "error" for finding in findings)
    verdict = "nothing to correct" if not errors else f"{errors} to correct"
    summary = f"{document.name}: {len(titles)} checks, {verdict}."
    write(FORMATS[form](Review("cart-spec check", findings, titles, summary)), output)
    ctx.exit(1 if errors else 0)


@main.command()
@click.argument("old", type=click.Path(path_type=Path), metavar="OLD")
@click.argument("new", type=click.Path(path_type=Path), metavar="NEW")
@click.option(
    "--for",
    "audience",
    type=click.Choice(["both", "clients", "servers"]),
    default="both",
    show_default=True,
    help="Whose breaking changes decide the exit status and come first.",
)
@_report_options
@click.pass_context
def diff(
    ctx: click.Context, *, old: Path, new: Path, audience: str, form: str, output: Path | None
) -> None:
    """Compare two versions of a contract, and say what breaks whom.

    Each change is classed twice, breaking, look (someone has to decide) or safe: for clients, which
    send requests and read answers, and for servers, which take requests and answer.

    A document without a rule catalogue, such as one that a vendor publishes, is compared as far as
    its operations overlap by method and path. Exit status 1: something breaks.

    \b
    Examples:
      cart-spec diff released.yaml openapi/cart-associations.yaml
      cart-spec diff vendor.json openapi/cart-associations.yaml --for clients
    """
    documents: list[Document] = []
    with _refusals(documents):
        documents += [read(_shown(old)), read(_shown(new))]
        review = review_of(compare(*documents), *documents, audience=audience)
    write(FORMATS[form](review), output)
    ctx.exit(1 if review.count("error") else 0)


_BOOK_FORMAT = click.option(
    "--format", "form", type=click.Choice(["html", "markdown"]), default="html", show_default=True
)
_OUTPUT = click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write to this file."
)


@main.command()
@click.argument("file", type=click.Path(path_type=Path), default=CONTRACT_PATH, metavar="[FILE]")
@_BOOK_FORMAT
@_OUTPUT
def book(file: Path, form: BookFormat, output: Path | None) -> None:
    """Make the rule book: what happens if ..., as one page to read, search and print.

    Endpoints; each rule with its condition, answer, source, example and cases; who may do what; the
    order of judgement; the life of an association; where the published material disagrees.

    \b
    Examples:
      cart-spec book -o rules.html
      cart-spec book --format markdown -o rules.md
    """
    documents: list[Document] = []
    with _refusals(documents):
        documents.append(read(_shown(file)))
        text = render(checked_contract(documents[0]), installed_evidence(), form)
    write(text, output)


@main.command()
@click.argument("reports", type=click.Path(path_type=Path), nargs=-1, required=True)
@_BOOK_FORMAT
@_OUTPUT
def observe(reports: tuple[Path, ...], form: BookFormat, output: Path | None) -> None:
    """Make the rule book with what runs saw on deployments, rule by rule.

    REPORTS are the report.json files that `cart-conformance run --report-dir` writes; each becomes
    a column "seen on this deployment, on this date", and interpretations become observations.

    \b
    Example:
      cart-spec observe reports/report.json -o rules.html
    """
    with _refusals([]):
        contract = load_contract()
        observations = [read_observation(report, contract) for report in reports]
        text = render(contract, installed_evidence(), form, observations)
    write(text, output)


def _shown(path: Path) -> Path:
    """``path`` relative to the working directory where it is below it: reports are shared."""
    try:
        return path.resolve().relative_to(Path.cwd())
    except ValueError:
        return path


def write(text: str, output: Path | None) -> None:
    """Write a report to a file, or to standard output, coloured only on a terminal.

    Raises RefusedInputError where the file cannot be written.
    """
    if output is None:
        click.echo(text)
        return
    try:
        output.write_text(click.unstyle(text).rstrip("\n") + "\n", encoding="utf-8")
    except OSError as error:
        raise RefusedInputError(f"{output}: cannot be written: {error.strerror}") from error
