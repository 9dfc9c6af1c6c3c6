"""What every test may use: a live mock, and skips that count as failures in CI."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence

import pytest

from tests.live import running_mock

IN_CI = os.environ.get("CI") == "true"


@pytest.fixture(scope="session")
def mock_url() -> Iterator[str]:
    """The URL of a mock that runs in a process of its own. Isolate tests by ``client_id``."""
    with running_mock() as url:
        yield url


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--list-rules",
        action="store_true",
        help="after collecting, list the ids of the rules that tests are marked with",
    )


def pytest_report_collectionfinish(
    config: pytest.Config, items: Sequence[pytest.Item]
) -> list[str]:
    if not config.getoption("--list-rules"):
        return []
    ids = {rule for item in items for mark in item.iter_markers("rule") for rule in mark.args}
    return [f"tested rule: {rule}" for rule in sorted(ids)]


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
