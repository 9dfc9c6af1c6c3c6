"""The ``cart-spec`` command: shows, checks, compares and exports the contract.

A command imports what only it needs when it runs, so that ``cart-spec --help`` starts fast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from cart_spec.cli_errors import InputError, OneLineGroup, write_report
from cart_spec.contract import CONTRACT_PATH, load_contract
from cart_spec.errors import RefusedInputError
from cart_spec.extras import missing_library, require_extra
from cart_spec.findings import FORMATS, Review

if TYPE_CHECKING:
    from cart_spec.document import OpenApiDocument
    from cart_spec.settings import Settings

_Function = TypeVar("_Function", bound="Callable[..., Any]")

COMMANDS_GROUP = "cart_spec.commands"
"""Entry points of this group add commands. The suite adds those that need its oracle."""

ANNOUNCED = {"traffic": "Judge recorded traffic (HAR) by the contract."}
"""What the list of commands says about those that are not loaded for it."""

_FORMATS = click.Choice(["text", "json", "sarif", "github", "markdown"])
_EXPORTS = click.Choice(["openapi-3.1", "json-schema", "typescript", "postman", "bruno", "arazzo"])


class _Commands(OneLineGroup):
    """The commands of this module, and those that other packages announce by entry point."""

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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands. An announced one is not loaded for its text: that takes 0.8 s."""
        rows = []
        for name in self.list_commands(ctx):
            own = super().get_command(ctx, name)
            text = own.get_short_help_str(limit=120) if own else _announcement(name)
            rows.append((name, text))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _announcement(name: str) -> str:
    return ANNOUNCED.get(name, f"See cart-spec {name} --help.")


def _version() -> str:
    try:
        return version("cart-associations")
    except PackageNotFoundError:
        return "not installed"


@contextmanager
def _refusals(documents: list[OpenApiDocument]) -> Iterator[None]:
    """Report refused input in one line; ``documents`` are those read so far.

    Raises InputError.
    """
    try:
        yield
    except RefusedInputError as error:
        raise InputError(str(error)) from error
    except (AttributeError, LookupError, TypeError, ValueError):
        # A list in the place of a mapping, or the like. In a valid document it is our fault.
        from cart_spec.validation import openapi_errors

        for document in documents:
            for pointer, message in openapi_errors(document):
                where = document.place(pointer)
                raise InputError(
                    f"{where}: is not valid OpenAPI: {message}; see `cart-spec check`"
                ) from None
        raise


@click.group(
    "cart-spec",
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with `cart-spec check`, then `cart-spec book -o rules.html` and open the page.",
)
@click.version_option(_version(), prog_name="cart-spec")
def main() -> None:
    """Review the contract of the cart-association endpoints.

    FILE is an OpenAPI document (3.0 to 3.2) in YAML or JSON, with the files below its folder that
    it refers to. The default is the contract that ships with this tool. The network is never used.

    Exit status: 0 nothing was found, 1 something was found, 2 the input was refused.
    """


_FILE = click.argument(
    "file", type=click.Path(path_type=Path), default=CONTRACT_PATH, metavar="[FILE]"
)
_OUTPUT = click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write to this file."
)
_REPORT_FORMAT = click.option(
    "--format", "form", type=_FORMATS, default="text", show_default=True,
    help="sarif is for code-scanning services, github for annotations in a workflow, markdown for "
    "a comment on a pull request.",
)  # fmt: skip
_SETTINGS = click.option(
    "--settings", "settings_file", type=click.Path(path_type=Path), metavar="FILE",
    help="Severities and accepted findings, in YAML. An acceptance has a reason and an expiry.",
)  # fmt: skip
_SEVERITY = click.option(
    "--severity", "severities", multiple=True, metavar="ID=LEVEL",
    help="Report the findings of an id as error, warning or note, or switch them off. Repeatable.",
)  # fmt: skip
_BOOK_FORMAT = click.option(
    "--format", "form", type=click.Choice(["html", "markdown"]), default="html", show_default=True
)


@main.command()
@_FILE
@_SETTINGS
@_SEVERITY
@_REPORT_FORMAT
@_OUTPUT
@click.pass_context
def check(
    ctx: click.Context,
    *,
    file: Path,
    settings_file: Path | None,
    severities: tuple[str, ...],
    form: str,
    output: Path | None,
) -> None:
    """Lint the contract: is it valid and complete, implemented and checked?

    First come the findings of openapi-spec-validator, then those of our own lint. Every documented
    error has an operation, a valid named example and a rule. Every rule has a source, a level, an
    operation, a predicate in the mock, and a condition and a case in the suite. Names, descriptions
    and tags are complete.

    \b
    Examples:
      cart-spec check
      cart-spec check mine.yaml --format sarif -o findings.sarif
    """
    from cart_spec.document import load
    from cart_spec.implementations import installed_evidence
    from cart_spec.lint import CHECKS, check_document

    titles = {check_id: checked.title for check_id, checked in CHECKS.items()}
    with _refusals([]):
        settings = _settings(settings_file, severities, titles)
        document = load(_relative(file))
        findings = check_document(document, installed_evidence())
    review = settings.applied(Review("cart-spec check", findings, titles, ""), _today())
    errors = review.count("error")
    verdict = "nothing to correct" if not errors else f"{errors} to correct"
    summary = f"{document.name}: {len(titles)} checks, {verdict}."
    write_report(FORMATS[form](replace(review, summary=summary)), output)
    ctx.exit(1 if errors else 0)


@main.command()
@click.argument("copies", nargs=-1, required=True, metavar="SOURCE=FILE...")
@click.option(
    "--contract", "file", type=click.Path(path_type=Path), default=CONTRACT_PATH, metavar="FILE",
    help="The contract, by default the one that ships with this tool.",
)  # fmt: skip
@_REPORT_FORMAT
@_OUTPUT
@click.pass_context
def quotes(
    ctx: click.Context, *, copies: tuple[str, ...], file: Path, form: str, output: Path | None
) -> None:
    """Compare the sentences that rules quote with saved copies of their sources.

    SOURCE is a source in the catalogue, such as overview. FILE is a page that you saved: HTML,
    Markdown, YAML, JSON or text. One source may have several files. White space, markup,
    quotation marks and letter case do not count. Exit status 1: a quoted sentence is not there.

    \b
    Example:
      cart-spec quotes overview=overview.html published=carts.yaml published=errors.html
    """
    from cart_spec.catalogue import checked_contract
    from cart_spec.contract import CATALOGUE_KEY
    from cart_spec.document import load
    from cart_spec.quotes import TITLES, copies_of, quote_findings

    documents: list[OpenApiDocument] = []
    with _refusals(documents):
        documents.append(load(_relative(file)))
        contract = checked_contract(documents[0])
        sources = list(documents[0].data[CATALOGUE_KEY]["documents"])
        findings = quote_findings(documents[0], contract, copies_of(copies, sources))
    missing = sum(finding.severity == "error" for finding in findings)
    summary = f"{documents[0].name}: {missing} of {len(contract.rules)} quotes are missing."
    write_report(FORMATS[form](Review("cart-spec quotes", findings, TITLES, summary)), output)
    ctx.exit(1 if missing else 0)


def _settings(file: Path | None, severities: tuple[str, ...], known: Iterable[str]) -> Settings:
    from cart_spec.settings import Settings, read_settings

    known = tuple(known)
    settings = Settings() if file is None else read_settings(_relative(file), known)
    return settings.with_severities(severities, known)


def _today() -> date:
    return datetime.now(UTC).date()


def _versions(audience: str, what_for: str) -> Callable[[_Function], _Function]:
    """Return a decorator with the arguments of two versions, and whose changes count."""

    def decorate(function: _Function) -> _Function:
        chosen = click.option(
            "--for",
            "audience",
            type=click.Choice(["both", "clients", "servers"]),
            default=audience,
            show_default=True,
            help=what_for,
        )
        new = click.argument("new", type=click.Path(path_type=Path), metavar="NEW")
        old = click.argument("old", type=click.Path(path_type=Path), metavar="OLD")
        return old(new(chosen(function)))

    return decorate


@main.command()
@_versions("both", "Whose breaking changes decide the exit status and come first.")
@_SETTINGS
@_SEVERITY
@_REPORT_FORMAT
@_OUTPUT
@click.pass_context
def diff(
    ctx: click.Context,
    *,
    old: Path,
    new: Path,
    audience: str,
    settings_file: Path | None,
    severities: tuple[str, ...],
    form: str,
    output: Path | None,
) -> None:
    """Compare two versions of a contract, and say which changes break clients or servers.

    Each change is classed twice, as breaking, look (a person has to decide) or safe: for clients,
    which send requests and read answers, and for servers, which take requests and answer.

    A document without a rule catalogue, such as one that a vendor publishes, is compared in the
    operations that both documents have, matched by method and path. Exit status 1: something
    breaks that no acceptance in the settings covers.

    OLD and NEW are files, or files in a git revision, such as HEAD~1:openapi/x.yaml.

    \b
    Examples:
      cart-spec diff released.yaml openapi/cart-associations.yaml
      cart-spec diff main:openapi/x.yaml openapi/x.yaml --format markdown
      cart-spec diff vendor.json openapi/cart-associations.yaml --for clients
    """
    from cart_spec.diff import KINDS, compare
    from cart_spec.diff.report import review_of
    from cart_spec.document import load

    documents: list[OpenApiDocument] = []
    with _refusals(documents):
        settings = _settings(settings_file, severities, KINDS)
        documents += [load(_relative(old)), load(_relative(new))]
        review = review_of(compare(*documents), *documents, audience=audience)
    review = settings.applied(review, _today())
    write_report(FORMATS[form](review), output)
    ctx.exit(1 if review.count("error") else 0)


@main.command()
@_versions("clients", "Whose breaking changes ask for a major version.")
@click.option(
    "--check-version",
    is_flag=True,
    help="Exit with status 1 if the version of NEW is lower than the changes ask for.",
)
@_OUTPUT
@click.pass_context
def changelog(
    ctx: click.Context,
    *,
    old: Path,
    new: Path,
    audience: str,
    check_version: bool,
    output: Path | None,
) -> None:
    """Write what changed between two versions as Markdown, and which version that asks for.

    OLD and NEW are as for `cart-spec diff`. The heading is the version of NEW if it is high enough,
    else the one that the changes ask for: a major one for what breaks, a patch for wordings and
    sources, and a minor one for everything else. Standard error says which.

    \b
    Examples:
      cart-spec changelog released.yaml openapi/cart-associations.yaml
      cart-spec changelog v1.0.0:openapi/x.yaml openapi/x.yaml --check-version
    """
    from cart_spec.diff import compare
    from cart_spec.diff.versions import bump_of, is_enough, raised, version_of, version_sentence
    from cart_spec.diff.versions import changelog as changelog_of
    from cart_spec.document import load

    documents: list[OpenApiDocument] = []
    with _refusals(documents):
        documents += [load(_relative(old)), load(_relative(new))]
        before, after = documents
        changes = compare(before, after).changes
    write_report(changelog_of(changes, before, after, audience), output)
    click.echo(version_sentence(changes, before, after, audience), err=True)
    asked = raised(version_of(before), bump_of(changes, audience))
    enough = asked is not None and is_enough(version_of(after), asked)
    ctx.exit(1 if check_version and not enough else 0)


@main.command()
@_FILE
@click.option(
    "--since", type=click.Path(path_type=Path), help="Also list what changed since this document."
)
@_BOOK_FORMAT
@_OUTPUT
def book(
    file: Path, since: Path | None, form: Literal["html", "markdown"], output: Path | None
) -> None:
    """Write the rule book: what happens if …, as one page to read, search and print.

    It shows the endpoints; each rule with its condition, answer, source, example and cases; who may
    do what; the order in which rules are judged; the life of an association; and the places where
    the published material disagrees.

    \b
    Examples:
      cart-spec book -o rules.html
      cart-spec book --since released.yaml -o rules.html
      cart-spec book --format markdown -o rules.md
    """
    from cart_spec.book.render import Since, render
    from cart_spec.catalogue import checked_contract
    from cart_spec.document import load
    from cart_spec.implementations import installed_evidence

    documents: list[OpenApiDocument] = []
    with _refusals(documents):
        documents.append(load(_relative(file)))
        contract = checked_contract(documents[0])
        changed = None
        if since is not None:
            from cart_spec.diff import compare
            from cart_spec.diff.report import review_of

            documents.append(load(_relative(since)))
            new, old = documents
            changes = review_of(compare(old, new), old, new, audience="both").findings
            changed = Since(f"{old.data['info']['version']} ({old.name})", changes)
        text = render(contract, installed_evidence(), form, since=changed)
    write_report(text, output)


@main.command()
@click.argument("reports", type=click.Path(path_type=Path), nargs=-1, required=True)
@_BOOK_FORMAT
@_OUTPUT
def observe(
    reports: tuple[Path, ...], form: Literal["html", "markdown"], output: Path | None
) -> None:
    """Write the rule book with what runs observed on deployments, rule by rule.

    REPORTS are the report.json files that `cart-conformance run --report-dir` writes. Each becomes
    a column "seen on this deployment, on this date": interpretations become observations. A report
    of a run that never started is left out, with a note on standard error.

    \b
    Example:
      cart-spec observe reports/report.json -o rules.html
    """
    from cart_spec.book.observation import NothingObservedError, read_observation
    from cart_spec.book.render import render
    from cart_spec.implementations import installed_evidence

    with _refusals([]):
        contract = load_contract()
        observations, problems = [], []
        for report in reports:
            try:
                observations.append(read_observation(report, contract))
            except NothingObservedError as nothing:
                problems.append(str(nothing))
        if not observations:
            raise InputError("; ".join(problems))
        for problem in problems:
            click.echo(f"cart-spec: {problem}", err=True)
        text = render(contract, installed_evidence(), form, observations)
    write_report(text, output)


@main.command()
@click.argument("form", type=_EXPORTS, metavar="FORMAT")
@_FILE
@_OUTPUT
def export(form: str, file: Path, output: Path | None) -> None:
    """Export the contract in a format that other tools read.

    \b
    FORMAT is one of:
      openapi-3.1  the document as OpenAPI 3.1, in YAML
      json-schema  a JSON Schema of every body of a request or an answer
      typescript   TypeScript types of bodies, operations and rules
      postman      a Postman collection with tests
      bruno        a Bruno collection with tests; -o names its folder
      arazzo       an Arazzo workflow of a cart on two devices

    Both collections send every operation once, then play a cart on two devices. They run against a
    fresh mock as they are; set baseUrl, clientID and clientSecret for another deployment.

    \b
    Examples:
      cart-spec export postman -o carts.postman_collection.json
      cart-spec export bruno -o carts-bruno
      cart-spec export typescript > carts.d.ts
    """
    from cart_spec.document import load
    from cart_spec.export.formats import FORMATS as EXPORTS

    documents: list[OpenApiDocument] = []
    with _refusals(documents):
        documents.append(load(_relative(file)))
        written = EXPORTS[form].write(documents[0])
    if isinstance(written, str):
        write_report(written, output)
    elif output is None:
        raise InputError(f"{form} has many files; name a folder for them with -o")
    else:
        _write_folder(written, output)


def _write_folder(files: Mapping[str, str], folder: Path) -> None:
    """Write files into a folder, which is made if needed. Other files in it stay.

    Raises InputError if one cannot be written.
    """
    for name, text in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror}") from error


def _relative(path: Path) -> Path:
    """Return ``path`` relative to the working directory if it is below it: reports are shared."""
    try:
        return path.resolve().relative_to(Path.cwd())
    except ValueError:
        return path
