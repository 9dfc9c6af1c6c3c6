"""What a run made is removed: after success, failure, Ctrl-C and SIGTERM, or later."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import ClassVar

import pytest
from cart_conformance.results import CleanupFinished, ExitStatus, Verdict
from cart_conformance.target.cleanup import PAUSES
from cart_conformance.target.ledger import JournalError, Ledger, read_journal

from tests.conformance.runs import SECRET, run
from tests.conformance.servers.accounts import AccountService
from tests.conformance.servers.reference import Call, Reply, Service, serving

ENVIRONMENT = {
    **{k: v for k, v in os.environ.items() if not k.startswith("CART_CONFORMANCE")},
    "CART_CONFORMANCE_CLIENT_ID": "a-store",
    "CART_CONFORMANCE_CLIENT_SECRET": SECRET,
}


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "cart_conformance", *words]


def wait_for(service: Service, carts: int) -> None:
    until = time.monotonic() + 60
    while len(service.carts) < carts and time.monotonic() < until:
        time.sleep(0.02)
    assert len(service.carts) >= carts


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_cleans_up_and_reports(stop: int, tmp_path: Path) -> None:
    service = Service()
    reports = tmp_path / "reports"
    with serving(service) as url:
        words = ["run", url, "--layers", "directed", "--report-dir", str(reports)]
        process = subprocess.Popen(
            command(*words, "--journal", str(tmp_path / "journal")),
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # A job in the background of a shell ignores SIGINT, and its children do.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # short
        )
        wait_for(service, 3)
        process.send_signal(stop)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 3, output.decode()
    assert service.carts == {}
    assert service.customers == {}
    assert not (tmp_path / "journal").exists()
    report = json.loads((reports / "report.json").read_text())
    assert report["rules"]


def test_a_run_that_is_killed_is_cleaned_up_later(tmp_path: Path) -> None:
    service = Service()
    journal = tmp_path / "journal"
    with serving(service) as url:
        process = subprocess.Popen(
            command("run", url, "--layers", "directed", "--journal", str(journal)),
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
        )
        wait_for(service, 3)
        process.kill()
        process.wait(30)
        assert service.carts
        bystander = service.make_cart("somebody-elses", "Not ours")
        done = subprocess.run(
            command("cleanup", str(journal)),
            env=ENVIRONMENT,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
    assert list(service.carts.values()) == [bystander]
    assert service.customers == {}
    assert not journal.exists()


def test_only_what_the_run_made_is_touched(tmp_path: Path) -> None:
    service = Service()
    bystander = service.make_cart("somebody-elses", "Not ours")
    service.customers["x"] = {"id": "x", "name": "X", "email": "x@x.example", "password": None}
    before = dict(bystander)
    with serving(service) as url:
        run(url, tmp_path, rules=("last-cart", "association-visible", "customer-deleted"))
    assert service.carts == {"somebody-elses": before}
    assert list(service.customers) == ["x"]


class _NoDeletes(Service):
    """Nothing can be deleted."""

    def deleteACart(self, _: Call) -> Reply:  # noqa: N802 - an operation
        return 403, {"errors": [{"status": 403, "title": "No"}]}

    def deleteCustomer(self, _: Call) -> Reply:  # noqa: N802 - an operation
        return 403, {"errors": [{"status": 400, "title": "No"}]}


def test_what_cannot_be_removed_changes_the_exit_status_and_no_verdict(tmp_path: Path) -> None:
    with serving(_NoDeletes()) as url:
        made = run(url, tmp_path, rules=("association-visible",))
    assert made.status == ExitStatus.LEFT_BEHIND
    assert made.with_verdict(Verdict.DEVIATES) == []
    (cleaned,) = made.of(CleanupFinished)
    assert any(left.startswith("cart ") for left in cleaned.left)
    assert any("error-envelope" in problem for problem in cleaned.problems)
    assert (tmp_path / "journal.jsonl").exists()


def test_a_journal_says_what_is_left(tmp_path: Path) -> None:
    journal = Ledger(tmp_path / "journal", "run", "http://127.0.0.1")
    journal.intend("customer", "a@example.com")
    journal.intend("customer", "b@example.com")
    journal.made("customer", "a@example.com", "id-a")
    journal.intend("cart", "one")
    journal.intend("cart", "two")
    journal.made("cart", "two", "two")
    journal.given("id-given")
    journal.gone("cart", "one")
    journal.close()
    with (tmp_path / "journal").open("a") as file:
        file.write('{"intend": "ca')
    remains = read_journal(tmp_path / "journal")
    assert remains.carts == ["two"]
    assert remains.customers == ["id-a"]
    assert remains.emails == ["b@example.com"]
    assert remains.given == ["id-given"]


class _MakesAndFails(AccountService):
    """The first customer and the first account are made, and the answer is a failure."""

    failed: ClassVar[set[str]] = set()

    def handle(self, call: Call) -> Reply:
        reply = super().handle(call)
        is_new = call.operation in ("createCustomer", "createAccountToken")
        if is_new and reply[0] == 201 and call.operation not in self.failed:
            self.failed.add(call.operation)
            return 500, {"errors": [{"status": 500, "title": "Failed"}]}
        return reply


def test_what_was_made_by_a_request_that_failed_is_removed(tmp_path: Path) -> None:
    service = _MakesAndFails()
    kept = service._make({"name": "Somebody else's"})
    with serving(service) as url:
        made = run(url, tmp_path, rules=("type-not-account",))
    assert service.failed == {"createCustomer", "createAccountToken"}
    assert "type-not-account" in made.with_verdict(Verdict.CONFORMS), made.told()
    assert service.customers == {}
    assert service.accounts == {kept["id"]: kept}


class _KeepsCarts(Service):
    """No cart can be deleted, because each attempt fails."""

    attempts = 0

    def handle(self, call: Call) -> Reply:
        if call.method == "DELETE" and re.fullmatch("/v2/carts/[^/]+", call.path):
            self.attempts += 1
            return 500, {"errors": [{"status": 500, "title": "Failed"}]}
        return super().handle(call)


def test_carts_that_cannot_be_deleted_get_one_attempt_after_the_first(tmp_path: Path) -> None:
    service = _KeepsCarts()
    with serving(service) as url:
        made = run(url, tmp_path, rules=("type-not-customer",))
    carts = len(service.carts)
    assert carts > 5
    # Each cart is tried before and after its owners are disassociated.
    assert service.attempts == 2 * carts + len(PAUSES) - 1
    assert made.status == ExitStatus.LEFT_BEHIND, made.told()


class _MakesLate(Service):
    """The first cart is there only after its deletion was tried, and its creation failed."""

    late: Call | None = None
    made_late: ClassVar[list[str]] = []

    def handle(self, call: Call) -> Reply:
        if self.late is None and call.method == "POST" and call.path == "/v2/carts":
            self.late = call
            return 500, {"errors": [{"status": 500, "title": "Failed"}]}
        reply = super().handle(call)
        if self.late is not None and call.method == "DELETE" and reply[0] == 404:
            super().handle(self.late)
            self.made_late.extend(self.carts)
        return reply


def test_what_a_failed_request_makes_during_clean_up_is_removed(tmp_path: Path) -> None:
    service = _MakesLate()
    with serving(service) as url:
        made = run(url, tmp_path, rules=("cart-name-missing",))
    assert service.made_late != []
    assert service.carts == {}, made.told()


def test_accounts_of_a_killed_run_are_found_by_the_name_of_the_run(tmp_path: Path) -> None:
    journal = Ledger(tmp_path / "journal", "run", "http://127.0.0.1")
    journal.intend("account", "Conformance run 1")
    journal.made("account", "", "id-a")
    journal.intend("account", "Conformance run 1")
    journal.close()
    remains = read_journal(tmp_path / "journal")
    assert (remains.accounts, remains.names) == (["id-a"], ["Conformance run 1"])


NO_FIRST_LINE = ": not the journal of a run: its first line has no JSON object with the run and "


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", NO_FIRST_LINE),
        ("text", NO_FIRST_LINE),
        ("[]", NO_FIRST_LINE),
        ("{}", NO_FIRST_LINE),
        ('{"run": "r", "target": "t"}\n{}x\n{}', ", line 2: this line does not say what a run "),
        ('{"run": "r", "target": "t"}\n{"made": "cart"}\n{}', ", line 2: this line does not say "),
    ],
)
def test_what_is_no_journal_is_refused_in_a_sentence(
    content: str, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "journal"
    path.write_text(content)
    with pytest.raises(JournalError) as refused:
        read_journal(path)
    assert str(refused.value).startswith(f"{path}{reason}")


def test_a_journal_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("precious")
    with pytest.raises(JournalError):
        Ledger(tmp_path / "journal", "run", "http://127.0.0.1")
    assert (tmp_path / "journal").read_text() == "precious"
