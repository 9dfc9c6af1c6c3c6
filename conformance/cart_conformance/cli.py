"""``cart-conformance``: run the suite against a deployment, plan a run, look rules up, clean up."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from cart_spec import load_contract
from cart_spec.cli_errors import InputError, OneLineGroup

from cart_conformance.config import (
    CONFIG,
    ENVIRONMENT,
    PROFILES,
    TEXTS,
    SettingsError,
    from_environment,
    settings_of,
)
from cart_conformance.results import ExitStatus, Phase

if TYPE_CHECKING:
    from cart_conformance.cases import Case

_Command = TypeVar("_Command", bound=Callable[..., Any])

_CREDENTIALS = (
    click.option("--client-id", help="The store's key.", metavar="ID"),
    click.option(
        "--client-secret",
        metavar="SECRET",
        help=f"The key's secret. Safer in {ENVIRONMENT}_CLIENT_SECRET: other users see options.",
    ),
    click.option(
        "--client-secret-file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="A file that contains only the secret.",
    ),
    click.option(
        "--token-url", metavar="URL", help="Where access tokens come from, if not from BASE_URL."
    ),
    click.option(
        "--header",
        multiple=True,
        metavar="'NAME: VALUE'",
        help="Send this header with every request; repeatable. No report contains its value.",
    ),
    click.option(
        "--cacert",
        type=click.Path(dir_okay=False, path_type=Path),
        help="A PEM file of certificates to trust. SSL_CERT_FILE does the same.",
    ),
    click.option(
        "--insecure/--secure",
        default=None,
        help="Trust any certificate of the target. Others may then read and change the traffic.",
    ),
    click.option(
        "--cert",
        type=click.Path(dir_okay=False, path_type=Path),
        help="A PEM file with a client certificate, and with its key unless --key names it.",
    ),
    click.option(
        "--key",
        type=click.Path(dir_okay=False, path_type=Path),
        help="A PEM file with the key of the client certificate.",
    ),
    click.option("--timeout", type=float, help="Seconds to wait for one answer. [default: 10]"),
    click.option(
        "--rate",
        type=float,
        help="Requests a second; 0 means no limit. [default: 20; no limit on loopback]",
    ),
    click.option(
        "--config",
        type=click.Path(dir_okay=False, path_type=Path),
        help=f"A TOML file with these options. [default: {CONFIG}, if it exists]",
    ),
)
_CHOICE = (
    click.option("--layers", help="Comma-separated layers: directed, model, fuzz. [default: all]"),
    click.option("--rules", help="Only these rules, comma-separated. See: cart-conformance rules."),
    click.option(
        "--owners",
        help="Comma-separated owners of carts to try: customers, accounts. [default: both; accounts"
        " only if the deployment has them]",
    ),
    click.option(
        "--case",
        "cases",
        multiple=True,
        metavar="CASE",
        help="Only this directed case, or all whose names begin with NAME*; repeatable.",
    ),
    click.option(
        "--exclude",
        multiple=True,
        metavar="CASE",
        help="Leave out this rule or directed case, or all that begin with NAME*; repeatable.",
    ),
    click.option(
        "--profile",
        type=click.Choice(PROFILES),
        help="pr: one case for each rule, method and caller. nightly: many more generated requests."
        " [default: default]",
    ),
)
_RUN = (
    click.option("--seed", type=int, help="Repeat the run that printed this seed."),
    click.option(
        "--strict/--no-strict",
        default=None,
        help="Also fail on observed rules and interpretations, not only on documented rules.",
    ),
    click.option(
        "--texts",
        type=click.Choice(TEXTS),
        help="The effect of a text that differs from the documented one. [default: fail]",
    ),
    click.option(
        "--max-requests",
        type=click.IntRange(1),
        help="Maximum number of requests. [default: 50000]",
    ),
    click.option("--max-time", type=float, help="Maximum seconds for the run. [default: 3600]"),
    click.option(
        "--wait",
        type=float,
        metavar="SECONDS",
        help="How long to wait for the target to be up. [default: 0]",
    ),
    click.option(
        "--settle",
        type=float,
        metavar="SECONDS",
        help="How long a change may take until lists and carts show it. [default: 5]",
    ),
    click.option(
        "--email-domain",
        metavar="DOMAIN",
        help="The domain of the emails of new customers. [default: example.com, or .org, .net]",
    ),
    click.option(
        "--baseline",
        type=click.Path(dir_okay=False, path_type=Path),
        help="A file of known deviations: fail on others, and on stale entries.",
    ),
    click.option(
        "--har",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write all exchanges to this HAR file, without secrets.",
    ),
    click.option(
        "--fixtures",
        type=click.Path(dir_okay=False, path_type=Path),
        help="A JSON or TOML file with customers to use instead of new ones.",
    ),
    click.option(
        "--report-dir",
        type=click.Path(file_okay=False, path_type=Path),
        help="Write the reports here.",
    ),
    click.option(
        "--journal",
        type=click.Path(dir_okay=False, path_type=Path),
        help="The file that lists what the run creates. [default: in the user's state directory]",
    ),
)


def _with(*groups: tuple[Callable[[Any], Any], ...]) -> Callable[[_Command], _Command]:
    def decorate(command: _Command) -> _Command:
        for group in reversed(groups):
            for option in reversed(group):
                command = option(command)
        return command

    return decorate


@click.group(
    "cart-conformance",
    cls=OneLineGroup,
    context_settings={"auto_envvar_prefix": ENVIRONMENT, "max_content_width": 100},
)
@click.version_option(package_name="cart-associations", prog_name="cart-conformance")
def cli() -> None:
    """Check whether a deployment follows the contract for customer-cart associations.

    \b
    Against the mock:
      cart-mock &
      cart-conformance run http://127.0.0.1:8080 --client-id me --client-secret my-secret
    Against a deployment, with the secret in the environment:
      export CART_CONFORMANCE_CLIENT_SECRET=...
      cart-conformance plan https://HOST --client-id ID
      cart-conformance run https://HOST --client-id ID --report-dir reports

    CART_CONFORMANCE_CLIENT_ID and CART_CONFORMANCE_CLIENT_SECRET hold for every command. Other
    options are CART_CONFORMANCE_COMMAND_OPTION, as in CART_CONFORMANCE_RUN_SEED. The file
    conformance.toml can set all but the secret.
    """


class _Reported(click.Command):
    """A command that also writes reports if its options cannot be parsed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.UsageError:
            directory = _report_dir(given)
            if directory is not None:
                _refuse(directory, "The options are wrong; standard error says which.")
            raise


def _report_dir(arguments: Sequence[str]) -> Path | None:
    """Return the value of ``--report-dir`` in arguments that could not be parsed."""
    for argument, after in zip(arguments, [*arguments[1:], ""], strict=True):
        name, equals, value = argument.partition("=")
        if name == "--report-dir" and (value or after):
            return Path(value if equals else after)
    return None


def _refuse(directory: Path, problem: str) -> None:
    """Write reports for a run that could not start, if the directory is writable."""
    from cart_conformance.reports import ReportDirError, write_refusal

    with contextlib.suppress(ReportDirError):
        write_refusal(directory, load_contract(), problem)


@cli.command("run", cls=_Reported)
@click.argument("base_url", required=False)
@_with(_CREDENTIALS, _CHOICE, _RUN)
def run_command(base_url: str | None, **options: Any) -> None:
    """Check the deployment at BASE_URL, rule by rule.

    The run creates its own customers and carts, changes nothing else, and removes them at the end,
    also after Ctrl-C.

    \b
    Exit status:
      0  the deployment conforms
      1  it deviates
      2  the run could not start: usage, no connection, credentials refused
      3  incomplete: a documented rule could not be tried, or the run was cut short
      4  the deployment conforms, but something that the run made could not be removed
    """
    from cart_conformance.reports import ReportDirError, reporters
    from cart_conformance.run import engine
    from cart_conformance.target.ledger import JournalError

    contract = load_contract()
    report_dir = options["report_dir"]
    try:
        settings = settings_of(base_url, from_environment(options), contract)
        report_dir = settings.report_dir
        status = engine.run(
            settings, contract, reporters(settings, contract), exchanges=settings.har is not None
        )
    except ReportDirError as error:
        raise InputError(str(error)) from None
    except (SettingsError, JournalError) as error:
        if report_dir is not None:
            _refuse(report_dir, str(error))
        raise InputError(str(error)) from None
    sys.exit(int(status))


@cli.command("compare", short_help="Run against URL_A and URL_B, and list their differences.")
@click.argument("url_a")
@click.argument("url_b")
@_with(_CREDENTIALS, _CHOICE, _RUN)
@click.option("--client-id-b", metavar="ID", help="The key for URL_B. [default: --client-id]")
@click.option(
    "--client-secret-b",
    metavar="SECRET",
    envvar=f"{ENVIRONMENT}_CLIENT_SECRET_B",
    help=f"Its secret. Safer in {ENVIRONMENT}_CLIENT_SECRET_B. [default: that for URL_A]",
)
@click.option(
    "--fixtures-b",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Customers to use at URL_B. [default: --fixtures]",
)
def compare_command(url_a: str, url_b: str, **options: Any) -> None:
    """Run against URL_A and URL_B, and list their differences, rule by rule.

    Both runs use the same seed and options. --report-dir gets comparison.json, and the reports of
    each run in the folders a and b.

    \b
    Exit status:
      0  every rule has the same verdicts, and deviates in the same way
      1  they differ
      2  one of the runs could not be finished
    """
    from cart_conformance.reports import ReportDirError
    from cart_conformance.reports.compare import CouldNotCompare, compare
    from cart_conformance.target.ledger import JournalError

    contract = load_contract()
    options = from_environment(options)
    for_b = {name: options.pop(f"{name}_b") for name in ("client_id", "client_secret", "fixtures")}
    try:
        if options["journal"] is not None:
            raise SettingsError("two runs have two journals: leave --journal out")
        a = settings_of(url_a, options, contract)
        given = {name: value for name, value in for_b.items() if value is not None}
        b = settings_of(url_b, options | given | {"seed": a.seed}, contract)
        outcome = compare(a, b, contract)
    except (SettingsError, JournalError, ReportDirError, CouldNotCompare) as error:
        raise InputError(str(error)) from None
    sys.exit(int(outcome))


@cli.command(short_help="Try what deviated in REPORT again, and print every request.")
@click.argument("report", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("what", metavar="[RULE|CASE]", required=False)
@click.option("--target", metavar="URL", help="Another base URL than that of the report.")
@_with(_CREDENTIALS, _RUN)
def replay(report: Path, what: str | None, target: str | None, **options: Any) -> None:
    """Try what deviated in a run again: all of it, or one RULE or CASE.

    REPORT is a report.json. The run makes new customers and carts, tries only the directed cases
    that deviated, and the layers in which something else deviated, with the seed of the report. It
    prints every request as a curl line, without secrets, and its answer.

    The exit status is that of run.
    """
    from cart_conformance.reports import TerminalReport
    from cart_conformance.reports.diff import read_report
    from cart_conformance.reports.exchanges import ExchangesReport
    from cart_conformance.reports.terminal import tolerant
    from cart_conformance.run import engine
    from cart_conformance.target.ledger import JournalError

    contract = load_contract()
    try:
        document = read_report(report)
        chosen = _to_replay(document, what)
        options["seed"] = document["seed"] if options["seed"] is None else options["seed"]
        url = target or str(document["target"])
        settings = settings_of(url, from_environment(options) | chosen, contract)
        stream = tolerant(sys.stdout)
        reporters: list[engine.Reporter] = [
            ExchangesReport(stream),
            TerminalReport(stream, contract, settings.report_dir),
        ]
        status = engine.run(settings, contract, reporters, exchanges=True)
    except (SettingsError, JournalError) as error:
        raise InputError(str(error)) from None
    sys.exit(int(status))


def _to_replay(document: dict[str, Any], what: str | None) -> dict[str, Any]:
    """Return the settings that choose what to try again. Raises SettingsError."""
    found = [
        each
        for rule in document["rules"]
        for each in rule["deviations"]
        if what is None or what in (rule["id"], each["case"], each["about"])
    ]
    if not found:
        known = sorted({rule["id"] for rule in document["rules"] if rule["deviations"]})
        told = f"these did: {', '.join(known)}" if known else "nothing did"
        raise SettingsError(f"{what or 'nothing'} deviated in that run; {told}")
    layers = [layer.value for layer in Phase if layer.value in {each["layer"] for each in found}]
    cases = [each["case"] for each in found if each["layer"] == Phase.DIRECTED.value]
    return {"layers": layers, "cases": tuple(dict.fromkeys(cases))}


@cli.command(short_help="Compare two reports: which deviations are new, gone, still there.")
@click.argument("old", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("new", type=click.Path(dir_okay=False, path_type=Path))
def diff(old: Path, new: Path) -> None:
    """Compare two files report.json of the same deployment.

    \b
    Exit status:
      0  no deviation is new
      1  a deviation is new
    """
    from cart_conformance.reports.diff import changes, read_report, told

    try:
        found = changes(read_report(old), read_report(new))
    except SettingsError as error:
        raise InputError(str(error)) from None
    _print([*told(found)])
    sys.exit(int(any(each["fails"] for each in found.new.values())))


@cli.group()
def baseline() -> None:
    """Keep a list of known deviations, with which run --baseline passes."""


@baseline.command("update")
@click.argument("baseline_file", metavar="BASELINE", type=click.Path(path_type=Path))
@click.argument("report", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--reason", required=True, help="Why the new entries are accepted for now.")
@click.option("--link", help="Where their repair is tracked.")
@click.option(
    "--expires",
    type=click.DateTime(formats=["%Y-%m-%d"]),
    required=True,
    help="The last day on which the new entries count, as in 2026-12-31.",
)
def baseline_update(
    baseline_file: Path, report: Path, reason: str, link: str | None, expires: datetime
) -> None:
    """Write the deviations of a REPORT (report.json) to the file BASELINE.

    Entries that still deviate stay as they are. Entries that no longer deviate are removed.
    """
    from cart_conformance.reports.diff import read_report
    from cart_conformance.reports.files import ReportDirError, write_whole
    from cart_conformance.results import KnownDeviation
    from cart_conformance.run.baseline import read_baseline, updated, written

    template = KnownDeviation("", "", "", reason, link, expires.date().isoformat())
    try:
        old = read_baseline(baseline_file).entries if baseline_file.exists() else ()
        entries = updated(old, read_report(report), template)
        write_whole(baseline_file, written(entries))
    except (SettingsError, ReportDirError) as error:
        raise InputError(str(error)) from None
    kept = len({each.key for each in old} & {each.key for each in entries})
    click.echo(
        f"{baseline_file}: {len(entries)} known deviations, {len(entries) - kept} of them new,"
        f" {len(old) - kept} removed."
    )


@cli.command()
@click.argument("base_url", required=False)
@_with(_CREDENTIALS, _CHOICE, _RUN)
@click.option("--cases", "show_cases", is_flag=True, help="List every case.")
def plan(base_url: str | None, show_cases: bool, **options: Any) -> None:
    """List what a run would try, send and create. Sends nothing."""
    from cart_conformance.run.plan import planned_cases, requests_of_layers

    contract = load_contract()
    options = from_environment(options)
    # Nothing is sent, so the secret is not needed yet.
    options["client_id"] = options["client_id"] or "(not given)"
    options["client_secret"] = options["client_secret"] or "(not given)"
    try:
        settings = settings_of(base_url or "http://127.0.0.1", options, contract)
        cases = planned_cases(contract, settings)
    except SettingsError as error:
        raise InputError(str(error)) from None
    _show_cases(cases, show_cases)
    parts = requests_of_layers(cases, settings)
    whole = sum(parts.values())
    told = ", ".join(f"{name} {count}" for name, count in parts.items())
    click.echo(f"\n{len(cases)} directed cases. About {whole} requests: {told}.")
    if Phase.MODEL in settings.layers or Phase.FUZZ in settings.layers:
        click.echo("If the deployment deviates, the layers model and fuzz send more.")
    for seconds in (0.01, 0.1, 0.3):
        each = max(seconds, 1 / settings.rate if settings.rate else 0.0)
        click.echo(
            f"At {1000 * seconds:g} ms an answer: about {_minutes(each * whole)}"
            + (f", at most {settings.rate:g} requests a second." if settings.rate else ".")
        )
    click.echo(
        f"At most {settings.max_requests} requests and {_minutes(settings.max_time)}."
        " What does not fit is left out, and the run is incomplete."
    )
    if settings.customers is None:
        click.echo("Touched: carts and customers that the run makes, and removes again.")
    else:
        click.echo(
            f"Touched: carts that the run makes, and removes again, and associations of the"
            f" {len(settings.customers)} given customers with them. No customer is made."
        )
    click.echo("Nothing was sent.")


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _show_cases(cases: Sequence[Case], each: bool) -> None:
    from cart_conformance.reports.tables import table_lines

    rows: list[tuple[str | int, ...]] = []
    for rule in load_contract().rules:
        own = [case for case in cases if case.rule == rule.id]
        if rule.beyond_run:
            rows.append((rule.id, rule.level, "-", "-", rule.beyond_run))
        elif own:
            requests = sum(case.requests for case in own)
            rows.append((rule.id, rule.level, len(own), requests, ""))
    _print(table_lines(("rule", "level", "cases", "requests", "why not"), rows))
    if each:
        click.echo()
        named = ((case.rule, case.operation, case.variant) for case in cases)
        _print(table_lines(("rule", "operation", "case"), named))


def _print(lines: Sequence[str]) -> None:
    for line in lines:
        click.echo(line)


@cli.command(short_help="List the rules, each with its level and its number of cases.")
def rules() -> None:
    """List the rules of the catalogue, each with its level and its number of cases."""
    from cart_conformance.cases import names_by_rule
    from cart_conformance.reports.tables import table_lines

    names = names_by_rule()
    rows = (
        (
            rule.id,
            rule.level,
            "-" if rule.beyond_run else len(names.get(rule.id, ())),
            rule.condition,
        )
        for rule in load_contract().rules
    )
    _print(table_lines(("rule", "level", "cases", "statement"), rows))


@cli.command(short_help="Print one RULE: its statement, its source and its cases.")
@click.argument("rule_id", metavar="RULE")
def explain(rule_id: str) -> None:
    """Print one RULE: its statement, its source, what it leaves open, and the cases that try it."""
    from cart_conformance.cases import names_by_rule

    contract = load_contract()
    try:
        rule = contract.rule(rule_id)
    except KeyError as error:
        raise InputError(str(error.args[0])) from None
    click.secho(rule.id, bold=True)
    click.echo(f"  {rule.condition}\n")
    if rule.is_refusal:
        statuses = " or ".join(map(str, rule.statuses)) or "4xx"
        text = f" {rule.text!r}" if rule.documented_text else ""
        click.echo(f"  Answer     {statuses}{text}")
    click.echo(f"  Level      {rule.level}; exact status and text: {rule.exact}")
    click.echo(f"  Source     {contract.source_title(rule)}, {rule.source.page}")
    click.echo(f"             {rule.source.sentence}")
    if rule.source.url:
        click.echo(f"             {rule.source.url}")
    if rule.freedom:
        click.echo(f"  Freedom    {rule.freedom}")
    if rule.beyond_run:
        click.echo(f"  Not tried  {rule.beyond_run}")
    for operation in rule.operations:
        method, path = contract.operations[operation]
        click.echo(f"\n  {method} {path}")
        prefix = f"{rule.id}/{operation}/"
        for name in names_by_rule().get(rule.id, ()):
            if name.startswith(prefix):
                click.echo(f"    {name.removeprefix(prefix)}")


@cli.command()
@click.argument("journal", type=click.Path(dir_okay=False, path_type=Path))
@_with(_CREDENTIALS)
def cleanup(journal: Path, **options: Any) -> None:
    """Remove what a run left on a deployment, as listed in its JOURNAL.

    A run that left nothing has removed its journal: then there is nothing to do.

    \b
    Exit status:
      0  nothing is left
      2  usage, no connection, credentials refused
      4  something could not be removed
    """
    from cart_conformance.errors import CouldNotRun, Untestable
    from cart_conformance.reports.text import one_line
    from cart_conformance.target.cleanup import clean_up_later
    from cart_conformance.target.ledger import JournalError, Ledger, read_journal
    from cart_conformance.target.session import Session
    from cart_conformance.target.transport import Interruption, Transport

    if not journal.exists():
        click.echo(f"{journal}: no such journal, so no run has left anything there.")
        return
    contract = load_contract()
    try:
        remains = read_journal(journal)
        settings = settings_of(remains.target, from_environment(options), contract)
        transport = Transport.of(settings)
        resumed = Ledger(journal, remains.run_id, remains.target, resume=True)
        session = Session(settings, contract, transport, resumed, remains.run_id)
        finished = clean_up_later(session, remains)
    except (SettingsError, JournalError, CouldNotRun, Interruption, Untestable) as error:
        raise InputError(str(error)) from None
    click.echo(f"{finished.removed} things removed.")
    for problem in finished.problems:
        click.echo(one_line(problem, 500), err=True)
    if finished.left:
        click.echo(f"Still there: {', '.join(map(one_line, finished.left))}", err=True)
        sys.exit(int(ExitStatus.LEFT_BEHIND))


def main() -> None:
    """Run the command line."""
    cli.main(prog_name="cart-conformance")
