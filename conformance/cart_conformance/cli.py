"""``cart-conformance``: run the suite against a deployment, plan a run, look rules up, clean up."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click
from cart_spec import load_contract

from cart_conformance.config import (
    TEXTS,
    Settings,
    SettingsError,
    default_rate,
    normal_target,
    read_fixtures,
    read_toml,
)
from cart_conformance.results import ExitStatus, Phase

if TYPE_CHECKING:
    from cart_conformance.cases import Case

CONFIG = "conformance.toml"
ENVIRONMENT = "CART_CONFORMANCE"

_Command = TypeVar("_Command", bound=Callable[..., Any])

_CREDENTIALS = (
    click.option("--client-id", help="The store's key.", metavar="ID"),
    click.option(
        "--client-secret",
        metavar="SECRET",
        help=f"Its secret. Better in {ENVIRONMENT}_CLIENT_SECRET: other users see options.",
    ),
    click.option(
        "--client-secret-file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="A file that holds the secret and nothing else.",
    ),
    click.option("--timeout", type=float, help="Seconds to wait for one answer. [default: 10]"),
    click.option(
        "--rate",
        type=float,
        help="Requests a second; 0 is no limit. [default: 20, none against loopback]",
    ),
    click.option(
        "--config",
        type=click.Path(dir_okay=False, path_type=Path),
        help=f"A TOML file with these options. [default: {CONFIG}, where there is one]",
    ),
)
_CHOICE = (
    click.option("--layers", help="Which layers, by comma: directed, model, fuzz. [default: all]"),
    click.option("--rules", help="Only these rules, by comma. See: cart-conformance rules."),
)
_RUN = (
    click.option("--seed", type=int, help="Repeat the run that printed this seed."),
    click.option(
        "--strict/--no-strict",
        default=None,
        help="Fail on observed and interpreted rules too, not on documented ones alone.",
    ),
    click.option(
        "--texts",
        type=click.Choice(TEXTS),
        help="What a documented text that differs does. [default: fail]",
    ),
    click.option(
        "--max-requests", type=click.IntRange(1), help="Send no more than these. [default: 20000]"
    ),
    click.option("--max-time", type=float, help="Seconds for the whole run. [default: 1800]"),
    click.option(
        "--fixtures",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Customers to use instead of making some: JSON or TOML.",
    ),
    click.option(
        "--report-dir",
        type=click.Path(file_okay=False, path_type=Path),
        help="Write the reports here.",
    ),
    click.option(
        "--journal",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Where to note what is made. [default: in the user's state directory]",
    ),
)


def _with(*groups: tuple[Callable[[Any], Any], ...]) -> Callable[[_Command], _Command]:
    def decorate(command: _Command) -> _Command:
        for group in reversed(groups):
            for option in reversed(group):
                command = option(command)
        return command

    return decorate


def _stop(message: str) -> NoReturn:
    click.echo(f"cart-conformance: {message}", err=True)
    raise SystemExit(ExitStatus.COULD_NOT_RUN)


def settings_of(base_url: str | None, options: dict[str, Any]) -> Settings:
    """The settings of a run: options first, then the environment, then the TOML file.

    ``options`` are those of ``run``; None means not given. Raises SettingsError.
    """
    given = {name: value for name, value in options.items() if value is not None}
    path = given.pop("config", None)
    if path is None and Path(CONFIG).is_file():
        path = Path(CONFIG)
    values = (read_toml(path) if path else {}) | given
    target = base_url or values.pop("target", None)
    values.pop("target", None)
    if not isinstance(target, str):
        raise SettingsError("give the base URL of the deployment, as in http://127.0.0.1:8080")
    target = normal_target(target)
    secret_file = values.pop("client_secret_file", None)
    secret = values.pop("client_secret", None) or (
        _read_secret(Path(secret_file)) if secret_file else None
    )
    if not values.get("client_id") or not secret:
        raise SettingsError(
            "give --client-id and --client-secret, or set"
            f" {ENVIRONMENT}_CLIENT_ID and {ENVIRONMENT}_CLIENT_SECRET"
        )
    fixtures = values.pop("fixtures", None)
    for name in ("report_dir", "journal"):
        if values.get(name) is not None:
            values[name] = Path(values[name])
    values["layers"] = _layers(values.get("layers"))
    values["rules"] = _rules(values.get("rules"))
    values.setdefault("seed", random.SystemRandom().randrange(2**32))
    values.setdefault("rate", default_rate(target))
    _check_numbers(values)
    customers = read_fixtures(Path(fixtures)) if fixtures else None
    return Settings(target=target, client_secret=secret, customers=customers, **values)


def _read_secret(path: Path) -> str:
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: the secret cannot be read: {error}") from None
    if not secret:
        raise SettingsError(f"{path}: holds no secret")
    return secret


def _listed(value: object, what: str) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return [name.strip() for name in value.split(",") if name.strip()]
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return value
    raise SettingsError(f"{what} must be names, by comma or in a list")


def _layers(value: object) -> tuple[Phase, ...]:
    names = _listed(value, "layers")
    unknown = [name for name in names if name not in [layer.value for layer in Phase]]
    if unknown:
        known = ", ".join(layer.value for layer in Phase)
        raise SettingsError(f"no layer {', '.join(unknown)}; the layers are: {known}")
    return tuple(layer for layer in Phase if not names or layer.value in names)


def _rules(value: object) -> tuple[str, ...]:
    names = _listed(value, "rules")
    known = {rule.id for rule in load_contract().rules}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SettingsError(f"no rule {', '.join(unknown)}; see: cart-conformance rules")
    return tuple(names)


def _check_numbers(values: dict[str, Any]) -> None:
    wanted = {"rate": 0, "timeout": 0.05, "max_time": 1, "max_requests": 1}
    for name, least in wanted.items():
        value = values.get(name, least)
        if isinstance(value, bool) or not isinstance(value, int | float) or not value >= least:
            raise SettingsError(f"{name} must be a number of at least {least}")
    if isinstance(values["seed"], bool) or not isinstance(values["seed"], int):
        raise SettingsError("seed must be a whole number")
    if values.get("texts", "fail") not in TEXTS:
        raise SettingsError(f"texts must be one of {', '.join(TEXTS)}")
    if not isinstance(values.get("strict", False), bool):
        raise SettingsError("strict must be true or false")


@click.group(context_settings={"auto_envvar_prefix": ENVIRONMENT, "max_content_width": 100})
@click.version_option(package_name="cart-associations", prog_name="cart-conformance")
def cli() -> None:
    """Check whether a deployment follows the contract for customer-cart associations.

    \b
    Against the mock:
      cart-mock &
      cart-conformance run http://127.0.0.1:8080 --client-id me --client-secret my-secret
    Against a deployment, with the secret out of sight:
      export CART_CONFORMANCE_CLIENT_SECRET=...
      cart-conformance plan https://HOST --client-id ID
      cart-conformance run https://HOST --client-id ID --report-dir reports

    Every option can be set as CART_CONFORMANCE_RUN_OPTION too, or in conformance.toml.
    """


class _Reported(click.Command):
    """A command whose reports are there even when its options could not be understood."""

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
    """The value of ``--report-dir`` among arguments that could not be understood."""
    for argument, after in zip(arguments, [*arguments[1:], ""], strict=True):
        name, equals, value = argument.partition("=")
        if name == "--report-dir" and (value or after):
            return Path(value if equals else after)
    return None


def _refuse(directory: Path, problem: str) -> None:
    """Write the reports of a run that was not made, where they can be written."""
    from cart_conformance.reports import ReportDirError, write_refusal

    with contextlib.suppress(ReportDirError):
        write_refusal(directory, load_contract(), problem)


@cli.command("run", cls=_Reported)
@click.argument("base_url", required=False)
@_with(_CREDENTIALS, _CHOICE, _RUN)
def run_command(base_url: str | None, **options: Any) -> None:
    """Check the deployment at BASE_URL, rule by rule.

    The run makes its own customers and carts, touches nothing else, and removes them at the end,
    after Ctrl-C too.

    \b
    Exit status:
      0  the deployment conforms
      1  it deviates
      2  the run could not be made: usage, no connection, credentials refused
      3  incomplete: a documented rule could not be tried
    """
    from cart_conformance.reports import ReportDirError, reporters
    from cart_conformance.run import engine
    from cart_conformance.target.ledger import JournalError

    contract = load_contract()
    report_dir = options["report_dir"]
    try:
        settings = settings_of(base_url, from_environment(options))
        report_dir = settings.report_dir
        status = engine.run(settings, contract, reporters(settings))
    except ReportDirError as error:
        _stop(str(error))
    except (SettingsError, JournalError) as error:
        if report_dir is not None:
            _refuse(report_dir, str(error))
        _stop(str(error))
    sys.exit(int(status))


@cli.command("compare")
@click.argument("url_a")
@click.argument("url_b")
@_with(_CREDENTIALS, _CHOICE, _RUN)
@click.option("--client-id-b", metavar="ID", help="The key for URL_B. [default: --client-id]")
@click.option(
    "--client-secret-b",
    metavar="SECRET",
    envvar=f"{ENVIRONMENT}_CLIENT_SECRET_B",
    help=f"Its secret. Better in {ENVIRONMENT}_CLIENT_SECRET_B. [default: that for URL_A]",
)
@click.option(
    "--fixtures-b",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Customers to use at URL_B. [default: --fixtures]",
)
def compare_command(url_a: str, url_b: str, **options: Any) -> None:
    """Run against URL_A and URL_B, and show where they differ, rule by rule.

    Both runs have the same seed and options. --report-dir gets comparison.json, and the reports of
    each run in the folders a and b.

    \b
    Exit status:
      0  every rule has the same verdicts, and deviates in the same way
      1  they differ
      2  one of the runs could not be made to its end
    """
    from cart_conformance.reports import ReportDirError
    from cart_conformance.reports.compare import CouldNotCompare, compare
    from cart_conformance.target.ledger import JournalError

    options = from_environment(options)
    for_b = {name: options.pop(f"{name}_b") for name in ("client_id", "client_secret", "fixtures")}
    try:
        if options["journal"] is not None:
            raise SettingsError("two runs have two journals: leave --journal out")
        a = settings_of(url_a, dict(options))
        given = {name: value for name, value in for_b.items() if value is not None}
        b = settings_of(url_b, options | given | {"seed": a.seed})
        outcome = compare(a, b, load_contract())
    except (SettingsError, JournalError, ReportDirError, CouldNotCompare) as error:
        _stop(str(error))
    sys.exit(int(outcome))


def from_environment(options: dict[str, Any]) -> dict[str, Any]:
    """The credentials may stand in the environment without the name of a command."""
    import os

    for name in ("client_id", "client_secret", "client_secret_file"):
        options[name] = options.get(name) or os.environ.get(f"{ENVIRONMENT}_{name.upper()}")
    return options


@cli.command()
@click.argument("base_url", required=False)
@_with(_CREDENTIALS, _CHOICE, _RUN)
@click.option("--cases", "show_cases", is_flag=True, help="List every case.")
def plan(base_url: str | None, show_cases: bool, **options: Any) -> None:
    """Show what a run would try, send and touch. Sends nothing."""
    from cart_conformance.run.plan import planned_cases

    options = from_environment(options)
    # Nothing is sent, so nothing needs to be secret yet.
    options["client_id"] = options["client_id"] or "(not given)"
    options["client_secret"] = options["client_secret"] or "(not given)"
    try:
        settings = settings_of(base_url or "http://127.0.0.1", options)
    except SettingsError as error:
        _stop(str(error))
    cases = planned_cases(load_contract(), settings)
    _show_cases(cases, show_cases)
    whole = sum(case.requests for case in cases)
    click.echo(f"\n{len(cases)} directed cases, about {whole} requests, and clean-up after them.")
    if settings.rate:
        click.echo(f"At {settings.rate:g} requests a second: about {whole / settings.rate:.0f} s.")
    for layer in settings.layers:
        if layer is not Phase.DIRECTED:
            click.echo(f"Phase {layer.value}: its requests follow from what it finds.")
    click.echo(f"At most {settings.max_requests} requests are sent.")
    if settings.customers is None:
        click.echo("Touched: carts and customers that the run makes, and removes again.")
    else:
        click.echo(
            f"Touched: carts that the run makes, and removes again, and associations of the"
            f" {len(settings.customers)} given customers with them. No customer is made."
        )
    click.echo("Nothing was sent.")


def _show_cases(cases: Sequence[Case], each: bool) -> None:
    click.echo(f"{'rule':34}{'level':16}{'cases':>6}{'requests':>10}")
    for rule in load_contract().rules:
        own = [case for case in cases if case.rule == rule.id]
        if rule.beyond_run:
            click.echo(f"{rule.id:34}{rule.level:16}     -         -  {rule.beyond_run}")
        elif own:
            requests = sum(case.requests for case in own)
            click.echo(f"{rule.id:34}{rule.level:16}{len(own):6}{requests:10}")
        for case in own if each else ():
            click.echo(f"    {case.operation}: {case.variant}")


@cli.command()
def rules() -> None:
    """List the rules of the catalogue, with their levels and how many cases try each."""
    from cart_conformance.cases import names_by_rule

    names = names_by_rule()
    click.echo(f"{'rule':34}{'level':16}{'cases':>6}  statement")
    for rule in load_contract().rules:
        count = "-" if rule.beyond_run else str(len(names.get(rule.id, ())))
        click.echo(f"{rule.id:34}{rule.level:16}{count:>6}  {rule.condition}")


@cli.command()
@click.argument("rule_id", metavar="RULE")
def explain(rule_id: str) -> None:
    """Print one RULE: what it says, its source, what is left free, and the cases that try it."""
    from cart_conformance.cases import names_by_rule

    contract = load_contract()
    try:
        rule = contract.rule(rule_id)
    except KeyError as error:
        _stop(str(error.args[0]))
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
    """Remove what is left of a run, from its JOURNAL."""
    from cart_conformance.target.cleanup import clean_up_later
    from cart_conformance.target.ledger import JournalError, Ledger, read_journal
    from cart_conformance.errors import CouldNotRun, Untestable
    from cart_conformance.target.session import Session
    from cart_conformance.target.transport import Interruption, Transport

    try:
        remains = read_journal(journal)
        settings = settings_of(remains.target, from_environment(options))
        transport = Transport(
            rate=settings.rate,
            max_requests=settings.max_requests,
            timeout=settings.timeout,
            max_time=settings.max_time,
            target=settings.target,
        )
        resumed = Ledger(journal, remains.run_id, remains.target, resume=True)
        session = Session(settings, load_contract(), transport, resumed, remains.run_id)
        finished = clean_up_later(session, remains)
    except (SettingsError, JournalError, CouldNotRun, Interruption, Untestable) as error:
        _stop(str(error))
    click.echo(f"{finished.removed} things removed.")
    for problem in finished.problems:
        click.echo(problem, err=True)
    if finished.left:
        click.echo(f"Still there: {', '.join(finished.left)}", err=True)
        sys.exit(int(ExitStatus.DEVIATES))


def main() -> None:
    """The entry point of ``cart-conformance``."""
    cli.main(prog_name="cart-conformance")
