"""``pytest --conformance-url URL``: a test for each rule and method, with the verdicts of a run.

The run is made once, before the tests, in the process that the user started. So Ctrl-C cleans
up, and the workers of pytest-xdist share one run. Only its redacted report reaches the workers.

Outcome of a test, by verdict: *conforms* passes, *deviates* fails, *advice* is an expected
failure, *skipped* is skipped. A documented rule that could not be tried fails, because the run is
incomplete; any other is skipped. So the tests pass if ``cart-conformance run`` exits with 0.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

REPORT = pytest.StashKey[dict[str, Any]]()
_WORKER_INPUT = "conformance_report"


class Deviates(Exception):
    """A deviation of the deployment from the rule. The message describes it."""


class Untried(Exception):
    """A documented rule that could not be tried completely. The message says why."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that a test run needs. conformance.toml takes all of them."""
    group = parser.getgroup("conformance", "conformance of customer-cart associations")
    group.addoption(
        "--conformance-url",
        metavar="URL",
        help="Check the deployment at this base URL: one test for each rule and method.",
    )
    group.addoption("--conformance-client-id", metavar="ID", help="The store's key.")
    group.addoption(
        "--conformance-client-secret",
        metavar="SECRET",
        help="The key's secret. Safer in CART_CONFORMANCE_CLIENT_SECRET: other users see options.",
    )
    group.addoption(
        "--conformance-config",
        metavar="FILE",
        type=Path,
        help="The TOML file with all other options. [default: conformance.toml, if there is one]",
    )
    group.addoption("--conformance-seed", metavar="SEED", type=int, help="Repeat a run.")
    group.addoption(
        "--conformance-layers", metavar="LAYERS", help="By comma: directed, model, fuzz."
    )
    group.addoption("--conformance-rules", metavar="RULES", help="Only these, by comma.")
    group.addoption(
        "--conformance-strict",
        action="store_const",
        const=True,
        help="Also fail on observed rules and interpretations.",
    )
    group.addoption(
        "--conformance-report-dir", metavar="DIR", type=Path, help="Write the reports here."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker. In a worker of pytest-xdist, take the report from the controller."""
    config.addinivalue_line("markers", "conformance: a rule of the contract, tried on a deployment")
    report = getattr(config, "workerinput", {}).get(_WORKER_INPUT)
    if report is not None:
        config.stash[REPORT] = json.loads(report)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give the report to a worker of pytest-xdist."""
    if REPORT in node.config.stash:
        node.workerinput[_WORKER_INPUT] = json.dumps(node.config.stash[REPORT])


def pytest_sessionstart(session: pytest.Session) -> None:
    """Make the run. Raises pytest.UsageError if the settings are invalid."""
    config = session.config
    asked = config.getoption("conformance_url") and not config.getoption("collectonly")
    if asked and not hasattr(config, "workerinput"):
        config.stash[REPORT] = _made(config)


def _made(config: pytest.Config) -> dict[str, Any]:
    """Make the run and return its report. Ends pytest if it could not be made or finished."""
    from cart_spec import load_contract

    from cart_conformance.config import SettingsError, from_environment, settings_of
    from cart_conformance.reports import DocumentReport, FileReports, ProgressReport, ReportDirError
    from cart_conformance.run import engine
    from cart_conformance.target.ledger import JournalError

    names = [
        "client_id",
        "client_secret",
        "config",
        "seed",
        "layers",
        "rules",
        "strict",
        "report_dir",
    ]
    options = {name: config.getoption(f"conformance_{name}") for name in names}
    contract = load_contract()
    kept = DocumentReport(contract)
    try:
        settings = settings_of(
            config.getoption("conformance_url"), from_environment(options), contract
        )
        reporters: list[engine.Reporter] = [kept]
        if settings.report_dir is not None:
            reporters.append(FileReports(settings.report_dir, contract))
        if config.get_verbosity() >= 0:
            reporters.append(ProgressReport(sys.stdout))
        engine.run(settings, contract, reporters)
    except (SettingsError, JournalError, ReportDirError) as error:
        raise pytest.UsageError(f"conformance: {error}") from None
    report = kept.document
    assert report is not None, "the last event of a run always comes"
    if report["problem"]:
        pytest.exit(f"conformance: {report['problem']}", returncode=2)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Add the rules to what the session collects."""
    report = yield
    if isinstance(collector, pytest.Session) and collector.config.getoption("conformance_url"):
        rules = ConformanceRun.from_parent(collector, name="conformance", nodeid="conformance")
        report.result = [*report.result, rules]
    return report


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the outcome of the run, and the seed that repeats it."""
    report = config.stash.get(REPORT, None)
    if report is None or hasattr(config, "workerinput"):
        return
    from cart_conformance.reports.prose import outcome_sentence

    terminalreporter.section("conformance")
    terminalreporter.write_line(f"{report['target']}: {report['outcome']}, seed {report['seed']}")
    terminalreporter.write_line(outcome_sentence(report))


class ConformanceRun(pytest.Collector):
    """The rules of the contract, as tests."""

    def collect(self) -> Iterator[ConformanceItem]:
        """Yield an item for each rule and operation, the same in every process."""
        from cart_spec import load_contract

        from cart_conformance.supporting import is_supporting

        contract = load_contract()
        report = self.config.stash.get(REPORT, None)
        judged = {rule["id"]: rule for rule in report["rules"]} if report else {}
        for rule in contract.rules:
            found = judged.get(rule.id)
            seen = [each["operation"] for each in found["operations"]] if found else []
            due = [each for each in rule.operations if not is_supporting(contract, each)]
            for operation in dict.fromkeys((*due, *seen)):
                method, _ = contract.operations[operation]
                name = f"{rule.id}[{method}-{operation}]"
                item = ConformanceItem.from_parent(self, name=name)
                item.judge(operation, found)
                item.extra_keyword_matches.update((rule.level, rule.group, method))
                yield item


class ConformanceItem(pytest.Item):
    """A test for one rule and method. It reads the report of the run and sends nothing."""

    _operation: str
    _rule: dict[str, Any] | None

    def judge(self, operation: str, rule: dict[str, Any] | None) -> None:
        """Keep the rule's entry in the report; None if no run was made."""
        self._operation = operation
        self._rule = rule
        self.add_marker("conformance")

    def runtest(self) -> None:
        """Pass, fail or skip according to the verdict. Raises Deviates and Untried."""
        from cart_conformance.reports.prose import described
        from cart_conformance.results import Verdict
        from cart_conformance.run.verdicts import leaves_incomplete

        rule = self._rule
        assert rule is not None, "tests run only after a run"
        mine = next(each for each in rule["operations"] if each["operation"] == self._operation)
        verdict = mine["verdict"]
        self.user_properties += [("level", rule["level"]), ("verdict", verdict)]
        reason = f"{verdict}: {mine['reason'] or rule['reason'] or rule['statement']}"
        if verdict == "deviates":
            raise Deviates(described(rule, self._own(rule, fails=True)))
        if verdict == "advice":
            pytest.xfail(f"advice: {self._summary(rule)}")
        if leaves_incomplete(rule["level"], Verdict(verdict)):
            raise Untried(reason)
        if verdict != "conforms":
            pytest.skip(reason)

    def _own(self, rule: dict[str, Any], *, fails: bool) -> list[dict[str, Any]]:
        return [
            each
            for each in rule["deviations"]
            if each["operation"] == self._operation and each["fails"] is fails
        ]

    def _summary(self, rule: dict[str, Any]) -> str:
        from cart_conformance.reports.text import one_line

        own = self._own(rule, fails=False)
        return "; ".join(
            one_line(f"expected {each['expected']}, came {each['actual']}") for each in own[:3]
        )

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the text of a verdict without a traceback of this plugin."""
        if isinstance(excinfo.value, Deviates | Untried):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return a location without a line, because a rule is not in a file."""
        return self.path, None, f"conformance::{self.name}"
