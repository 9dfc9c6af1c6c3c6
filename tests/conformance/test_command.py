"""The command: its options, their places, and its messages about invalid input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cart_conformance.cases import all_cases
from cart_conformance.cli import cli
from cart_conformance.config import SettingsError, normal_target, read_fixtures
from cart_conformance.results import Verdict
from cart_conformance.supporting import is_supporting
from cart_spec import load_contract
from cart_spec.contract import Rule
from click.testing import CliRunner, Result

from tests.conformance.runs import SECRET, run
from tests.conformance.servers.reference import Service, serving

CONTRACT = load_contract()


def call(*words: str, **environment: str) -> Result:
    return CliRunner().invoke(cli, list(words), env=environment)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run"], "base URL"),
        (["run", "ftp://host"], "base URL"),
        (["run", "http://host"], "client-id"),
        (
            ["run", "http://user:word@host", "--client-id", "i", "--client-secret", "s"],
            "credentials",
        ),
        (
            ["run", "http://h", "--client-id", "i", "--client-secret", "s", "--rules", "x"],
            "no rule",
        ),
        (
            ["run", "http://h", "--client-id", "i", "--client-secret", "s", "--layers", "x"],
            "no layer",
        ),
        (["run", "http://h", "--client-id", "i", "--client-secret", "s", "--rate", "-1"], "rate"),
        (["run", "http://h", "--client-id", "i", "--client-secret", "s", "--config", "x"], "x"),
        (["run", "http://h", "--client-id", "i", "--client-secret", "s", "--fixtures", "x"], "x"),
        (["run", "http://h", "--client-id", "i", "--client-secret-file", "x"], "x"),
        (["explain", "no-such-rule"], "no rule"),
    ],
)
def test_bad_input_gets_a_sentence_and_exit_status_2(words: list[str], said: str) -> None:
    result = call(*words)
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("words", [("run", "http://h"), ("compare", "http://h", "http://i")])
def test_command_takes_its_options_from_the_variables_that_help_names(words: tuple[str]) -> None:
    environment = {
        "CART_CONFORMANCE_CLIENT_ID": "i",
        "CART_CONFORMANCE_CLIENT_SECRET": SECRET,
        f"CART_CONFORMANCE_{words[0].upper()}_RULES": "no-such-rule",
    }
    result = call(*words, **environment)
    assert "no rule" in result.output  # the credentials are judged before
    assert "no-such-rule" in result.output


def test_a_run_takes_everything_from_a_file_and_the_environment(tmp_path: Path) -> None:
    with serving(Service()) as url:
        (tmp_path / "conformance.toml").write_text(
            f'[conformance]\ntarget = "{url}"\nclient_id = "i"\nrules = ["last-cart"]\n'
            'layers = ["directed"]\nseed = 7\nreport-dir = "reports"\n'
        )
        result = call("run", CART_CONFORMANCE_CLIENT_SECRET=SECRET)
    assert result.exit_code == 0, result.output
    assert "seed 7" in result.output
    report = json.loads((tmp_path / "reports" / "report.json").read_text())
    assert [rule["id"] for rule in report["rules"]] == [rule.id for rule in CONTRACT.rules]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("client_secret = 'x'", "client_secret"),
        ("colour = 'x'", "colour"),
        ("not toml", "cannot be read"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "conformance.toml").write_text(content)
    result = call("run", "http://127.0.0.1:9")
    assert result.exit_code == 2
    assert said in result.output


def test_plan_sends_nothing_and_names_every_rule() -> None:
    # No process listens on that port.
    result = call("plan", "http://127.0.0.1:9", "--cases")
    assert result.exit_code == 0
    assert "Nothing was sent." in result.output
    for rule in CONTRACT.rules:
        assert rule.id in result.output
    for case in all_cases():
        assert case.variant in result.output


def test_the_plan_foretells_the_requests(tmp_path: Path) -> None:
    rules = ("type-not-customer", "association-visible", "page-out-of-range", "any-symbol")
    cases = [case for case in all_cases() if case.rule in rules and case.kind == "customer"]
    planned = sum(case.requests for case in cases)
    with serving(Service()) as url:  # it has no accounts
        made = run(url, tmp_path, rules=rules)
    sent = sum(result.requests for result in made.results)
    assert 0.6 * sent <= planned <= 1.6 * sent


LOADS = """
import sys
from click.testing import CliRunner
from cart_conformance.cli import cli
import cart_conformance.target.cleanup
for words in (["--help"], ["plan"], ["rules"], ["explain", "last-cart"], ["cleanup", "no-file"]):
    CliRunner().invoke(cli, words)
assert "schemathesis" not in sys.modules
assert "hypothesis" not in sys.modules
"""


def test_commands_that_make_no_run_do_not_load_schemathesis() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADS], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--client-secret", "abc"], "the client secret has fewer than 4 characters"),
        (["--client-secret", "abcdef", "--timeout", "0"], "timeout must be a number of at least"),
        (["--client-secret", "abcdef", "--texts", "x"], "Invalid value for '--texts'"),
    ],
)
def test_usage_error_is_one_line_that_names_the_setting(words: list[str], said: str) -> None:
    result = call("run", "http://127.0.0.1:9", "--client-id", "i", *words)
    assert result.exit_code == 2
    assert result.output.startswith("cart-conformance: ")
    assert said in result.output
    assert result.output.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("rate = 'fast'", "rate must be a number of at least 0"),
        ("seed = 1.5", "seed must be a whole number"),
        ("strict = 'yes'", "strict must be true or false"),
        ("texts = 'loudly'", "texts must be one of fail, advise, ignore"),
        ("report_dir = 1", "report_dir must be a path"),
        ("max_requests = 0", "max_requests must be a whole number of at least 1"),
        ("rules = 1", "rules must be names"),
    ],
)
def test_toml_value_of_another_type_is_refused_with_what_it_takes(
    line: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "conformance.toml").write_text(f"client_id = 'i'\n{line}\n")
    result = call("run", "http://127.0.0.1:9", "--client-secret", "abcdef")
    assert result.exit_code == 2
    assert said in result.output


def test_every_rule_that_a_run_can_try_has_a_case_for_each_operation() -> None:
    have = {(case.rule, case.operation) for case in all_cases()}
    want = {
        (rule.id, operation)
        for rule in CONTRACT.rules
        if not rule.beyond_run
        for operation in rule.operations
        if not is_supporting(CONTRACT, operation)
    }
    assert sorted(want - have) == []
    assert sorted({rule for rule, _ in have} - {rule.id for rule in CONTRACT.rules}) == []


@pytest.mark.parametrize("rule", CONTRACT.rules, ids=lambda rule: rule.id)
def test_every_rule_can_be_explained(rule: Rule) -> None:
    result = call("explain", rule.id)
    assert result.exit_code == 0
    assert rule.condition in result.output
    assert rule.source.sentence.split("\n")[0] in result.output


def test_rules_lists_the_catalogue() -> None:
    result = call("rules")
    assert result.exit_code == 0
    assert all(rule.id in result.output for rule in CONTRACT.rules)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://h/", "http://h"),
        ("https://h:8/base/", "https://h:8/base"),
        ("http://[::1]:1", "http://[::1]:1"),
    ],
)
def test_a_base_url_loses_its_closing_slash(url: str, target: str) -> None:
    assert normal_target(url) == target


@pytest.mark.parametrize("url", ["host", "http://", "http://h:x", "http://h?q", "file:///x"])
def test_what_is_no_base_url_is_refused(url: str) -> None:
    with pytest.raises(SettingsError):
        normal_target(url)


def test_given_customers_are_used_and_stay(tmp_path: Path) -> None:
    service = Service()
    people = []
    for name in ("a", "b", "c"):
        customer = {
            "id": f"customer-{name}",
            "name": name,
            "email": f"{name}@example.com",
            "password": f"the-password-of-{name}",
        }
        service.customers[f"customer-{name}"] = customer
        people.append({key: customer[key] for key in ("id", "email", "password")})
    path = tmp_path / "fixtures.json"
    path.write_text(json.dumps({"customers": people}))
    rules = ("association-visible", "type-not-customer", "last-cart", "email-taken")
    with serving(service) as url:
        made = run(url, tmp_path, rules=rules, customers=read_fixtures(path))
    assert made.with_verdict(Verdict.CONFORMS)[:2] == ["type-not-customer", "association-visible"]
    assert "last-cart" in made.with_verdict(Verdict.CONFORMS)
    assert made.with_verdict(Verdict.UNTESTABLE) == []
    assert "email-taken" in made.with_verdict(Verdict.SKIPPED)
    assert made.status == 0
    assert sorted(service.customers) == ["customer-a", "customer-b", "customer-c"]
    assert service.carts == {}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}", "customers"),
        ('{"customers": [{"id": "a", "token": "t"}]}', "two"),
        ('{"customers": [{"id": "a"}, {"id": "b", "token": "t"}]}', "token"),
        ('{"customers": [{"token": "t"}, {"id": "b", "token": "t"}]}', "id"),
        ('{"customers": [{"id": 1, "token": "t"}, {"id": "b", "token": "t"}]}', "string"),
        ('{"customers": [{"id": "a", "x": "t"}, {"id": "b", "token": "t"}]}', "unknown"),
        ("text", "read"),
    ],
)
def test_fixtures_that_make_no_sense_are_refused(content: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "fixtures.json"
    path.write_text(content)
    with pytest.raises(SettingsError, match=said):
        read_fixtures(path)
