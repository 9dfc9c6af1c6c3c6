"""What a developer and a CI owner do with a run: repeat, compare and accept it, reach a target."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from cart_conformance.cli import cli
from cart_conformance.config import SettingsError, read_headers
from cart_conformance.traffic.recorded import read_recording
from click.testing import CliRunner, Result

from tests.conformance.runs import CONTRACT, SECRET
from tests.conformance.servers.reference import Call, Reply, Service, serving

RULE = "type-not-customer"
KEY = "a-key-of-a-gateway"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("CART_CONFORMANCE_CLIENT_ID", "a-store")
    monkeypatch.setenv("CART_CONFORMANCE_CLIENT_SECRET", SECRET)
    # The contract is read once, and not for each command.
    monkeypatch.setattr("cart_conformance.cli.load_contract", lambda: CONTRACT)


def call(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words), catch_exceptions=False)


def check(url: str, *words: str) -> Result:
    return call("run", url, "--layers", "directed", "--settle", "0", *words)


class AnyType(Service):
    """Any type is taken in a DELETE."""

    def refuse(self, call: Call, rule: str, status: int, text: str) -> None:
        if rule == RULE and call.method == "DELETE":
            return
        super().refuse(call, rule, status, text)


class Named(Service):
    """Every answer names its request, and a key of a gateway is needed."""

    def handle(self, call: Call) -> Reply:
        if call.headers.get("x-gateway-key") != KEY:
            return 403, "<html>no</html>"
        return super().handle(call)


@pytest.fixture(scope="module")
def deviating(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reports of a run against a server that breaks one rule; made once."""
    directory = tmp_path_factory.mktemp("deviating")
    with pytest.MonkeyPatch.context() as patch, serving(AnyType()) as url:
        patch.setenv("CART_CONFORMANCE_CLIENT_ID", "a-store")
        patch.setenv("CART_CONFORMANCE_CLIENT_SECRET", SECRET)
        journal = str(directory / "journal")
        words = ["--rules", RULE, "--report-dir", str(directory), "--journal", journal]
        assert check(url, *words).exit_code == 1
    return directory


def report_in(directory: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((directory / "report.json").read_text())
    return report


# --- The story of a deviation ---


def test_deviation_has_every_request_of_its_case_with_time_and_role(deviating: Path) -> None:
    (rule,) = (each for each in report_in(deviating)["rules"] if each["deviations"])
    story = rule["deviations"][0]["story"]
    roles = [step["role"] for step in story]
    assert roles.count("proof") == 1
    assert roles.count("control") == 1
    assert "set-up" in roles
    assert all(step["at"].endswith("Z") for step in story)
    assert any(step["url"].endswith("/v2/carts") for step in story)
    assert rule["deviations"][0]["exchange"]["at"]


def test_summary_for_a_job_page_has_the_deviation_and_its_reason(deviating: Path) -> None:
    text = (deviating / "summary.md").read_text()
    assert text.startswith("### Deviates: ")
    assert f"| `{RULE}` | DELETE" in text
    assert CONTRACT.version in text


# --- Again ---


def test_replay_tries_only_what_deviated_and_prints_its_requests(deviating: Path) -> None:
    report = str(deviating / "report.json")
    with serving(AnyType()) as url:
        again = call("replay", report, RULE, "--target", url, "--settle", "0")
        assert again.exit_code == 1, again.output
        assert f"=== {RULE}/deleteCustomerCartAssociation/" in again.output
        assert "/createCustomerCartAssociation/" not in again.output
        assert "curl -i -X DELETE" in again.output
        assert "[redacted]" in again.output
        assert SECRET not in again.output
    with serving(Service()) as url:
        mended = call("replay", report, "--target", url, "--settle", "0")
        assert mended.exit_code == 0, mended.output
        unknown = call("replay", report, "last-cart")
        assert unknown.exit_code == 2
        assert f"these did: {RULE}" in unknown.output


def test_diff_tells_new_from_gone_and_still(deviating: Path, tmp_path: Path) -> None:
    with serving(Service()) as url:
        assert check(url, "--rules", RULE, "--report-dir", "good").exit_code == 0
    bad, good = str(deviating / "report.json"), str(tmp_path / "good/report.json")
    worse = call("diff", good, bad)
    assert worse.exit_code == 1
    assert f"New    {RULE}, deleteCustomerCartAssociation, not-refused" in worse.output
    assert call("diff", bad, good).output.endswith("0 new, 1 gone, 0 still there.\n")
    same = call("diff", bad, bad)
    assert same.exit_code == 0
    assert same.output.endswith("0 new, 0 gone, 1 still there.\n")
    assert call("diff", bad, "nothing.json").exit_code == 2


# --- A baseline ---


def test_baseline_accepts_what_is_known_until_it_is_stale(deviating: Path, tmp_path: Path) -> None:
    report = str(deviating / "report.json")
    update = ["baseline", "update", "known.json", report, "--reason", "Being mended"]
    assert "1 known deviations, 1 of them new" in call(*update, "--expires", "2999-01-01").output
    with serving(AnyType()) as url:
        known = check(url, "--rules", RULE, "--baseline", "known.json", "--report-dir", "r")
        assert known.exit_code == 0, known.output
        assert "Being mended" in known.output
    deviation = next(e for e in report_in(tmp_path / "r")["rules"] if e["deviations"])
    assert deviation["verdict"] == "advice"
    assert deviation["deviations"][0]["known"]["expires"] == "2999-01-01"
    with serving(Service()) as url:
        stale = check(url, "--rules", RULE, "--baseline", "known.json", "--report-dir", "r")
    assert stale.exit_code == 1
    assert "no longer deviates" in stale.output
    assert "has no stale baseline" in (tmp_path / "r/junit.xml").read_text()
    entries = json.loads((tmp_path / "known.json").read_text())
    entries["deviations"][0]["expires"] = "2001-01-01"
    (tmp_path / "known.json").write_text(json.dumps(entries))
    with serving(AnyType()) as url:
        expired = check(url, "--rules", RULE, "--baseline", "known.json")
    assert expired.exit_code == 1
    assert "expired on 2001-01-01" in expired.output


@pytest.mark.parametrize("content", ["", "{}", '{"format": 2, "deviations": []}'])
def test_file_that_is_no_baseline_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "known.json").write_text(content)
    result = check("http://127.0.0.1:9", "--baseline", "known.json")
    assert result.exit_code == 2
    assert "baseline" in result.output


# --- What a run tries ---


def test_case_and_exclude_choose_directed_cases() -> None:
    every = call("plan", "--rules", RULE, "--layers", "directed").output
    prefix = f"{RULE}/createCustomerCartAssociation/*"
    some = call("plan", "--case", prefix, "--layers", "directed").output
    fewer = call("plan", "--case", prefix, "--exclude", f"{RULE}/*", "--layers", "directed").output
    counts = [int(text.split("\n\n")[-1].split()[0]) for text in (every, some, fewer)]
    assert counts[0] > counts[1] > 0
    assert counts[2] == 0
    wrong = call("plan", "--case", "no-such-case")
    assert wrong.exit_code == 2
    assert "plan --cases" in wrong.output


def test_plan_counts_every_layer_and_says_how_long_it_takes() -> None:
    told = call("plan", "https://shop.example").output
    for word in ("directed", "model", "fuzz", "clean-up", "At 300 ms an answer: about"):
        assert word in told
    assert "directed " in call("plan", "--profile", "pr").output
    assert "model" not in call("plan", "--profile", "pr").output.split("About")[1].split(".")[0]


def test_plan_of_pull_requests_prefers_cases_that_a_shop_without_accounts_can_try() -> None:
    listed = call("plan", "--cases", "--profile", "pr").output
    shared = [line for line in listed.splitlines() if "createCustomerCartAssociation" in line]
    assert any(line.endswith("a second customer joins") for line in shared)
    assert not any(line.endswith("customer next to the other kind") for line in shared)


# --- Reaching a target ---


def test_header_goes_with_every_request_and_into_no_report(tmp_path: Path) -> None:
    header = ["--header", f"X-Gateway-Key: {KEY}"]
    with serving(Named()) as url:
        without = check(url, "--rules", "carts-need-an-owner")
        assert without.exit_code == 2
        assert "--header" in without.output
        words = ["--rules", "carts-need-an-owner", "--report-dir", "r", "--har", "r/a.har"]
        made = check(url, *words, *header)
    assert made.exit_code == 0, made.output
    for path in (tmp_path / "r").iterdir():
        assert KEY not in path.read_text(), path
    assert KEY not in made.output


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("no colon", "Name: value"),
        ("Authorization: Bearer x", "sends its own Authorization"),
        ("A b: c", "Name: value"),
        ("X-A: é", "printable ASCII"),
    ],
)
def test_header_that_cannot_be_sent_is_refused(line: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        read_headers([line])


def test_har_has_every_exchange_without_secrets_and_can_be_judged(tmp_path: Path) -> None:
    with serving(Service()) as url:
        made = check(url, "--rules", "carts-need-an-owner", "--har", "a.har")
    assert made.exit_code == 0, made.output
    text = (tmp_path / "a.har").read_text()
    assert SECRET not in text
    recorded = read_recording(tmp_path / "a.har")
    assert len(recorded) >= 15
    assert recorded.kind == "HAR"
    left_out = [recorded.exchange(index).left_out for index in range(len(recorded))]
    assert set(left_out) == {None}


def test_token_url_may_be_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens, shop = Service(), Service()
    tokens.key = shop.key
    monkeypatch.setattr(shop, "createAccessToken", lambda _: (404, {"errors": []}))
    with serving(tokens) as there, serving(shop) as url:
        words = ["--rules", "carts-need-an-owner", "--token-url", f"{there}/oauth/access_token"]
        assert check(url, *words).exit_code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--key", "x"], "give --cert too"),
        (["--cacert", "no-such-file"], "the file no-such-file does not exist"),
        (["--email-domain", "not a domain"], "must be a domain"),
        (["--header", "X: y"], "fewer than 4 characters"),
    ],
)
def test_option_that_cannot_work_is_refused(words: list[str], said: str) -> None:
    result = check("http://127.0.0.1:9", *words)
    assert result.exit_code == 2
    assert said in result.output


# --- Nothing in silence ---


def test_cut_run_says_so_in_every_report(tmp_path: Path) -> None:
    with serving(Service()) as url:
        made = check(url, "--rules", RULE, "--max-requests", "40", "--report-dir", "r")
    assert made.exit_code == 3
    said = "of the layer directed were not tried: the budget of 40 requests is spent"
    assert said in made.output.rpartition("Incomplete")[2].replace("\n", " ")
    assert said in str(report_in(tmp_path / "r")["cut"])
    suites = ET.parse(tmp_path / "r/junit.xml").getroot()
    errors = {
        case.get("name") for case in suites.iter("testcase") if case.find("error") is not None
    }
    assert "left nothing out" in errors
    assert said in (tmp_path / "r/summary.md").read_text()


class Keeps(Service):
    """Nothing can be deleted, and the error has control characters in it."""

    is_mended = False

    def deleteACart(self, call: Call) -> Reply:  # noqa: N802 - an operation
        if self.is_mended:
            return super().deleteACart(call)
        return 403, {"errors": [{"status": 403, "title": "No\x1b[2J"}]}


def test_cleanup_says_what_is_left_and_is_quiet_the_second_time(tmp_path: Path) -> None:
    service = Keeps()
    with serving(service) as url:
        words = ["--rules", "any-symbol", "--journal", "journal", "--report-dir", "r"]
        made = check(url, *words)
        assert made.exit_code == 4, made.output
        assert "\x1b" not in made.output
        assert "is cleaned up" in (tmp_path / "r/junit.xml").read_text()
        still = call("cleanup", "journal")
        assert still.exit_code == 4
        assert "\x1b" not in still.output
        service.is_mended = True
        gone = call("cleanup", "journal")
        assert gone.exit_code == 0, gone.output
    assert service.carts == {}
    twice = call("cleanup", "journal")
    assert twice.exit_code == 0
    assert "no run has left anything" in twice.output


def test_run_that_could_not_start_is_one_error_in_junit(tmp_path: Path) -> None:
    made = check("http://127.0.0.1:9", "--report-dir", "r")
    assert made.exit_code == 2
    assert "--wait" in made.output
    suites = ET.parse(tmp_path / "r/junit.xml").getroot()
    assert len([*suites.iter("error")]) == 1


def test_wait_gives_the_target_time_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service()
    handle, count = service.handle, iter(range(100))

    def starting(call: Call) -> Reply:
        return (503, "<html>starting</html>") if next(count) < 8 else handle(call)

    service.handle = starting  # type: ignore[method-assign]  # not up yet
    monkeypatch.setattr("cart_conformance.target.factory.READY_AGAIN_AFTER", 0.01)
    with serving(service) as url:
        assert check(url, "--rules", "carts-need-an-owner", "--wait", "20").exit_code == 0
