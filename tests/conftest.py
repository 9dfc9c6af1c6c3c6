"""What every test may use: a live mock, the two lanes, and skips that count as failures in CI."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.live import running_mock

ROOT = Path(__file__).parent.parent
IN_CI = os.environ.get("CI") == "true"
FULL_LANE = (
    "tests/benchmark/test_command.py",  # starts servers and wrk
    "tests/benchmark/test_peers.py",  # starts peers
    "tests/browser",  # needs Chromium and Node.js
    "tests/collections",  # needs Node.js
    "tests/conformance/test_blamed.py",  # runs against planted servers
    "tests/conformance/test_broken_servers.py",  # runs against broken servers
    "tests/conformance/test_cleanup.py",  # runs that are stopped
    "tests/conformance/test_command.py",  # commands in processes of their own
    "tests/conformance/test_commands.py",  # whole runs
    "tests/conformance/test_compare.py",  # whole runs
    "tests/conformance/test_defects.py",  # runs against broken servers
    "tests/conformance/test_docs.py",  # runs what the pages show
    "tests/conformance/test_false_alarms.py",  # whole runs
    "tests/conformance/test_fuzz.py",  # runs of Schemathesis
    "tests/conformance/test_model.py",  # runs of the state machine
    "tests/conformance/test_planted.py",  # runs against planted servers
    "tests/conformance/test_pytest_plugin.py",  # runs in a pytest of their own
    "tests/conformance/test_report_browser.py",  # needs Chromium
    "tests/conformance/test_reports.py",  # every report of hostile answers
    "tests/conformance/test_schemathesis_checks.py",  # runs of Schemathesis
    "tests/conformance/test_schemathesis_docs.py",  # runs what the page shows
    "tests/conformance/test_secrets.py",  # whole runs
    "tests/conformance/test_transport.py",  # waits for time limits
    "tests/conformance/test_unreliable.py",  # runs against unreliable servers
    "tests/conformance/test_variants.py",  # whole runs
    "tests/mock/test_accelerator.py",  # compares both ways byte for byte
    "tests/mock/test_cli.py",  # starts mocks
    "tests/mock/test_sigkill.py",  # kills mocks while they write
    "tests/npm",  # needs Node.js
    "tests/openapi/test_book_browser.py",  # needs Chromium
    "tests/openapi/test_docs.py",  # runs what the pages show
    "tests/openapi/test_export.py",  # every format, whole
    "tests/openapi/test_formats.py",  # commands in processes of their own
    "tests/openapi/test_redaction.py",  # megabytes of hostile text
    "tests/proofs",  # attacks mocks in processes of their own
    "tests/sdk",  # needs Node.js
    "tests/shared",  # needs redis-server, and starts servers and mocks
    "tests/test_breaks.py",  # every break, seen from outside
    "tests/test_delivery.py",  # runs what is delivered
    "tests/test_readme.py",  # runs what the README shows
    "tests/test_site.py",  # builds the site
    "tests/test_wheel.py",  # installs the wheel, with each extra
    "tests/workbench/test_access.py",  # starts mocks
    "tests/workbench/test_docs.py",  # runs what the page shows
    "tests/workbench/test_hostile_text.py",  # megabytes of hostile text
    "tests/workbench/test_operation.py",  # starts mocks
)
"""Folders and files that `scripts/test --fast` leaves out. Single tests have the marker `full`."""

FAST = "not full"
"""The choice of markers with which `scripts/test --fast` runs pytest."""

if not IN_CI:  # there, Hypothesis does this by itself
    settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("busy")

TESTED_RULES = pytest.StashKey[list[str]]()
"""The ids in the rule markers of the tests that were collected."""


@pytest.fixture(scope="session")
def mock_url() -> Iterator[str]:
    """The URL of a mock that runs in a process of its own. Isolate tests by ``client_id``."""
    with running_mock() as url:
        yield url


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--list-rules",
        action="store_true",
        help="at the end, list the ids of the rules that tests are marked with",
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    # Importing the files of the other lane takes longer than many tests. A named file is collected.
    if config.option.markexpr == FAST and collection_path in {ROOT / name for name in FULL_LANE}:
        return True
    return None


@pytest.hookimpl(tryfirst=True)  # before -m chooses by markers
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    slow = [ROOT / name for name in FULL_LANE]
    files = {item.path for item in items}  # thousands of tests are in a hundred files
    full = {file for file in files if any(file.is_relative_to(path) for path in slow)}
    for item in items:
        if item.path in full:
            item.add_marker("full")
    # One worker runs a group from its beginning to its end, so the groups start first.
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)


def pytest_collection_finish(session: pytest.Session) -> None:
    marks = (mark for item in session.items for mark in item.iter_markers("rule"))
    session.config.stash[TESTED_RULES] = sorted({rule for mark in marks for rule in mark.args})


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    # In the summary, so that the rules come after the names of thousands of tests.
    if config.getoption("--list-rules"):
        for rule in config.stash.get(TESTED_RULES, []):
            terminalreporter.write_line(f"tested rule: {rule}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: skipped, which in CI is a failure: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if IN_CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid}: skipped, which in CI is a failure"
    return report
