"""pytest --conformance-url gives a test for each rule and method, with the verdicts of a run."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from cart_conformance.supporting import is_supporting

from tests.conformance.streams import CONTRACT
from tests.live import running_mock

ROOT = Path(__file__).parents[2]
CHECKOUT = os.pathsep.join(
    [str(ROOT), *(str(ROOT / room) for room in ("openapi", "mockserver", "conformance"))]
)
ITEMS = sum(
    not is_supporting(CONTRACT, operation)
    for rule in CONTRACT.rules
    for operation in rule.operations
)
MADE_UP_ITEMS = sum(len(rule.operations) for rule in CONTRACT.rules)  # it tried every operation
SECRET = "a-secret-that-must-not-show"

# A run that never takes place: the plugin gets the events of one with every verdict in it.
MADE_UP = """
import cart_conformance.run.engine
from cart_conformance.results import ExitStatus, Verdict
from tests.conformance.streams import DELETE, deviation, run

VERDICTS = {
    "type-not-customer": Verdict.DEVIATES,
    "delete-missing": Verdict.ADVICE,
    "last-cart": Verdict.UNTESTABLE,
    "carts-need-an-owner": Verdict.ERROR,
    "cart-id-taken": Verdict.UNTESTABLE,
    "contact-removal": Verdict.ERROR,
}
DEVIATIONS = (deviation(), deviation("delete-missing", DELETE, expected="204", actual="404"))

def made_up(settings, contract, reporters):
    for event in run(VERDICTS, DEVIATIONS, exit_status=ExitStatus.DEVIATES, reason="no network"):
        for reporter in reporters:
            reporter.handle(event)
    return ExitStatus.DEVIATES

cart_conformance.run.engine.run = made_up
"""


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in ``folder``, with the plugin and credentials."""
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "cart_conformance.pytest_plugin", "-p", "xdist",
         "-p", "no:cacheprovider", "--junitxml", "found.xml", *arguments],
        cwd=folder,
        env=environment
        | {
            "PYTHONPATH": CHECKOUT,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "CART_CONFORMANCE_CLIENT_ID": folder.name,
            "CART_CONFORMANCE_CLIENT_SECRET": SECRET,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )  # fmt: skip


def ends(folder: Path) -> dict[str, str]:
    """How each rule and method ended."""
    return {
        case.get("name", ""): next(
            (child.tag for child in case if child.tag != "properties"), "passed"
        )
        for case in ET.parse(folder / "found.xml").iter("testcase")
        if case.get("classname") == "conformance"
    }


@pytest.fixture
def made_up(tmp_path: Path) -> Path:
    """A folder of tests in which a run is made up."""
    (tmp_path / "conftest.py").write_text(MADE_UP)
    (tmp_path / "test_own.py").write_text("def test_own():\n    pass\n")
    return tmp_path


@pytest.mark.parametrize("workers", ["0", "2"])
def test_verdicts_become_the_ends_of_tests(made_up: Path, workers: str) -> None:
    done = run_pytest(made_up, "--conformance-url", "http://127.0.0.1:9", "-n", workers, "-rx")
    assert done.returncode == 1, done.stdout + done.stderr
    found = ends(made_up)
    assert len(found) == MADE_UP_ITEMS
    others = {
        "type-not-customer[POST-createCustomerCartAssociation]": "failure",
        "delete-missing[DELETE-deleteCustomerCartAssociation]": "skipped",
        "last-cart[DELETE-deleteACart]": "failure",
        "carts-need-an-owner[GET-getCarts]": "failure",
        "cart-id-taken[POST-createACart]": "skipped",
        "contact-removal[PUT-updateACart]": "skipped",
        "cart-expired[GET-getCarts]": "skipped",
        "cart-expired[GET-getACart]": "skipped",
        "judging-order[POST-createCustomerCartAssociation]": "skipped",
        "judging-order[DELETE-deleteCustomerCartAssociation]": "skipped",
        "judging-order[POST-createAccountCartAssociation]": "skipped",
        "judging-order[DELETE-deleteAccountCartAssociation]": "skipped",
    }
    assert {name: end for name, end in found.items() if end != "passed"} == others
    assert "1 xfailed" in done.stdout
    assert "advice: expected 204, came 404" in done.stdout


def test_a_deviation_is_told_as_a_report_tells_it(made_up: Path) -> None:
    done = run_pytest(made_up, "--conformance-url", "http://127.0.0.1:9")
    assert CONTRACT.rule("type-not-customer").source.sentence in done.stdout
    assert "  expected  400 The type does not exist or is not listed as customer\n" in done.stdout
    assert "  sent      curl -i https://shop.example/" in done.stdout
    assert "untestable: no network" in done.stdout
    assert "Traceback" not in done.stdout
    assert "pytest_plugin.py" not in done.stdout
    assert "http://shop.example" not in done.stdout
    assert "deviates, seed 4711" in done.stdout


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (("-m", "conformance"), ITEMS),
        (("-m", "not conformance"), 1),
        (("-k", "last-cart"), 1),
        (("-k", "interpretation and PUT and cart-unknown"), 1),
        (("-k", "association and DELETE and type-not-customer"), 1),
        (("--deselect", "conformance::last-cart[DELETE-deleteACart]"), ITEMS),
    ],
)
def test_rules_are_chosen_like_any_test(
    made_up: Path, choice: tuple[str, str], expected: int
) -> None:
    done = run_pytest(made_up, "--conformance-url", "http://h.invalid", "--collect-only", *choice)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{expected}/{ITEMS + 1} tests collected" in done.stdout


def test_without_the_option_there_is_nothing(made_up: Path) -> None:
    done = run_pytest(made_up)
    assert done.returncode == 0
    assert "1 passed" in done.stdout


def test_collecting_alone_sends_nothing(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, "--conformance-url", "http://h.invalid", "--collect-only")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{ITEMS} tests collected" in done.stdout


@pytest.mark.parametrize(
    ("options", "status", "problem"),
    [
        (("--conformance-url", "ftp://host"), 4, "'ftp://host' is not a base URL"),
        (("--conformance-url", "http://h", "--conformance-rules", "nope"), 4, "no rule nope"),
        (("--conformance-url", "http://127.0.0.1:9"), 2, "could not be reached"),
    ],
)
def test_a_run_that_cannot_be_made_ends_pytest_with_one_sentence(
    tmp_path: Path, options: tuple[str, ...], status: int, problem: str
) -> None:
    done = run_pytest(tmp_path, *options)
    assert done.returncode == status, done.stdout + done.stderr
    assert problem in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


FEW = """
layers = "directed"
rules = ["type-not-customer", "last-cart"]
settle = 0.0
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_deployment_is_checked_in_one_run(tmp_path: Path, mock_url: str, workers: str) -> None:
    (tmp_path / "conformance.toml").write_text(FEW)
    done = run_pytest(
        tmp_path, "--conformance-url", mock_url, "-n", workers,
        "--conformance-report-dir", "reports", "--conformance-seed", "5",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("customers were made") == 1
    assert "conforms, seed 5" in done.stdout
    passed = {name.partition("[")[0] for name, end in ends(tmp_path).items() if end == "passed"}
    assert {"type-not-customer", "last-cart"} <= passed
    assert (tmp_path / "reports" / "report.json").is_file()
    written = b"".join(path.read_bytes() for path in (tmp_path / "reports").iterdir())
    assert SECRET not in done.stdout + done.stderr
    assert SECRET.encode() not in written


def test_a_deployment_that_deviates_fails_that_rule_and_method(tmp_path: Path) -> None:
    (tmp_path / "conformance.toml").write_text(FEW)
    with running_mock("--break", "type-not-customer:accepted-on-delete") as url:
        done = run_pytest(tmp_path, "--conformance-url", url)
    assert done.returncode == 1, done.stdout + done.stderr
    failed = {name for name, end in ends(tmp_path).items() if end == "failure"}
    assert failed == {"type-not-customer[DELETE-deleteCustomerCartAssociation]"}
