"""The commands on the pages about conformance and CI run as printed.

There are two differences: the suite comes from this checkout instead of an installed package, and a
run is limited to a few directed cases. Steps that need the CI service, such as uploads, are left
out.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import click
import httpx
import pytest
import yaml
from cart_conformance.cli import cli
from cart_conformance.config import TOML_KEYS, read_toml
from cart_conformance.reports.files import RENDERERS

from tests.live import running_mock

ROOT = Path(__file__).parents[2]
CHECKOUT = os.pathsep.join(
    [str(ROOT), *(str(ROOT / room) for room in ("openapi", "mockserver", "conformance"))]
)
GUIDE = (ROOT / "docs/conformance.md").read_text(encoding="utf-8")
CI = (ROOT / "docs/ci.md").read_text(encoding="utf-8")
SHOWN_URL = "http://127.0.0.1:8080"
SHOWN_DEPLOYMENT = "https://shop.example.com"
FEW = {
    "CART_CONFORMANCE_RUN_LAYERS": "directed",
    "CART_CONFORMANCE_RUN_RULES": "type-not-customer",
    "CART_CONFORMANCE_RUN_SETTLE": "0",
}
ONE_RULE = 'layers = "directed"\nrules = "type-not-customer"\nsettle = 0.0\n'
DEVIATING = "type-not-customer:accepted"


@pytest.fixture
def shell_environment(tmp_path: Path) -> dict[str, str]:
    """The commands of this checkout on the PATH, and runs that are limited to a few cases."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, module in (
        ("cart-conformance", "cart_conformance"),
        ("cart-mock", "cart_mock"),
        ("pytest", "pytest -p cart_conformance.pytest_plugin -p xdist"),
    ):
        command = commands / name
        command.write_text(f'#!/bin/sh\nexec {sys.executable} -m {module} "$@"\n')
        command.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if name != "CI"}
    return kept | FEW | {
        "PATH": f"{commands}:{os.environ['PATH']}",
        "PYTHONPATH": CHECKOUT,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }  # fmt: skip


def shell(
    script: str, cwd: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run ``script`` as the CI services do: bash, ended by the first command that fails."""
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )


# --- The guide ---

COMMANDS = {
    section.partition("\n")[0]: "".join(
        re.findall(r"^```bash\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    )
    for section in re.split(r"^## ", GUIDE, flags=re.MULTILINE)[1:]
    if "```bash" in section
}


@pytest.mark.parametrize("section", COMMANDS)
def test_the_commands_of_the_guide_work(
    section: str, tmp_path: Path, mock_url: str, shell_environment: dict[str, str]
) -> None:
    (tmp_path / "conformance.toml").write_text(ONE_RULE)
    credentials = {
        "CART_CONFORMANCE_CLIENT_ID": tmp_path.name,
        "CART_CONFORMANCE_CLIENT_SECRET": "a-secret-of-the-reader",
    }
    script = COMMANDS[section].replace(SHOWN_URL, mock_url)
    done = shell(script, tmp_path, shell_environment | credentials)
    assert done.returncode == 0, done.stdout + done.stderr
    for directory in re.findall(r"--report-dir (\S+)", script):
        assert list((tmp_path / directory).iterdir())
    if section == "Reports":
        assert {path.name for path in (tmp_path / "reports").iterdir()} == set(RENDERERS)
        assert "skipped  cart-expired" in done.stdout


def customers_at(url: str, store: str, secret: str) -> list[dict[str, str]]:
    """Return three new customers of a store, as the guide lists those that exist."""
    form = {"grant_type": "client_credentials", "client_id": store, "client_secret": secret}
    token = httpx.post(f"{url}/oauth/access_token", data=form).json()["access_token"]
    made = []
    for name in ("first", "second", "third"):
        login = {"email": f"{name}@example.com", "password": f"{name}-password"}
        data = {"type": "customer", "name": name, **login}
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx.post(f"{url}/v2/customers", headers=headers, json={"data": data})
        made.append({"id": answer.json()["data"]["id"], **login})
    return made


@pytest.mark.timeout(600)
def test_commands_about_a_deviation_end_as_the_guide_says(
    tmp_path: Path, broken_url: str, shell_environment: dict[str, str]
) -> None:
    store, secret = tmp_path.name, "a-secret-of-the-reader"
    environment = shell_environment | {
        "CART_CONFORMANCE_CLIENT_ID": store,
        "CART_CONFORMANCE_CLIENT_SECRET": secret,
        "CART_CONFORMANCE_RUN_PROFILE": "pr",
    }
    (tmp_path / "conformance.toml").write_text(ONE_RULE)
    customers = customers_at(broken_url, store, secret)
    (tmp_path / "customers.json").write_text(json.dumps({"customers": customers}))
    run_first = f"cart-conformance run {broken_url} --report-dir reports --journal JOURNAL"
    assert shell(run_first, tmp_path, environment).returncode == 1
    shutil.copytree(tmp_path / "reports", tmp_path / "old")
    ends = {
        "cleanup JOURNAL": 0,
        "run https://shop.example.com --fixtures customers.json": 1,
        "replay reports/report.json": 1,
        "replay reports/report.json type-not-customer": 1,
        "diff old/report.json reports/report.json": 0,
        'baseline update known.json reports/report.json --reason "Release 7"': 0,
        "run https://shop.example.com --baseline known.json": 0,
    }
    shown = "".join(re.findall(r"^```sh\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL))
    expires = datetime.now(UTC).date() + timedelta(days=30)
    for line, (command, status) in zip(shown.splitlines(), ends.items(), strict=True):
        assert line.startswith(f"cart-conformance {command}")
        script = re.sub(r"--expires \S+", f"--expires {expires}", line)
        done = shell(script.replace(SHOWN_DEPLOYMENT, broken_url), tmp_path, environment)
        assert done.returncode == status, line + done.stdout + done.stderr


def test_the_guide_names_every_command_and_every_option() -> None:
    shown = {shlex.split(line)[1] for line in GUIDE.splitlines() if line.startswith("cart-conf")}
    assert shown == set(cli.commands)
    options = set(re.findall(r"(?<![\w|-])--[a-z][a-z-]+", GUIDE))
    commands = [*cli.commands.values()]
    for group in [each for each in commands if isinstance(each, click.Group)]:
        commands += group.commands.values()
    known = {name for command in commands for p in command.params for name in p.opts}
    plugin = (ROOT / "conformance/cart_conformance/pytest_plugin.py").read_text(encoding="utf-8")
    known |= set(re.findall(r'"(--conformance-[a-z-]+)"', plugin)) | {"--help"}
    known.add("--data-raw")  # of curl
    assert options - known == set()


def test_the_example_settings_have_every_key(tmp_path: Path) -> None:
    text = (ROOT / "docs/conformance.toml").read_text(encoding="utf-8")
    everything = tmp_path / "conformance.toml"
    everything.write_text(re.sub(r"^# (\w+ = )", r"\1", text, flags=re.MULTILINE))
    assert set(read_toml(everything)) == TOML_KEYS


def test_the_example_settings_make_a_run(
    tmp_path: Path, mock_url: str, shell_environment: dict[str, str]
) -> None:
    text = (ROOT / "docs/conformance.toml").read_text(encoding="utf-8")
    (tmp_path / "conformance.toml").write_text(
        text.replace(SHOWN_URL, mock_url)
        .replace('"my-store"', '"settings"')
        .replace("rate = 20", "")
    )
    environment = {k: v for k, v in shell_environment.items() if k not in FEW} | {
        "CART_CONFORMANCE_CLIENT_SECRET": "a-secret-of-the-page"
    }
    done = shell("cart-conformance run", tmp_path, environment)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "reports/report.json").read_text())
    assert report["seed"] == 4711
    assert report["options"]["texts"] == "advise"
    tried = {rule["id"] for rule in report["rules"] if rule["cases"]}
    assert {"type-not-customer", "more-than-one-customer", "last-cart"} <= tried
    assert "a-secret-of-the-page" not in done.stdout + json.dumps(report)


# --- CI ---


class Step(NamedTuple):
    """What one step of a job runs; ``always`` that it runs after a failure too."""

    script: str
    always: bool = False


class Job(NamedTuple):
    """A job of the page: the commands that can be run here, and its variables."""

    title: str
    steps: tuple[Step, ...]
    variables: dict[str, str]
    kept: tuple[str, ...]


def jobs() -> Iterator[Job]:
    """Every job of the page."""
    for section in re.split(r"^## ", CI, flags=re.MULTILINE)[1:]:
        title = section.partition("\n")[0]
        for text in re.findall(r"^```yaml\n(.*?)^```$", section, re.MULTILINE | re.DOTALL):
            document = yaml.safe_load(text)
            if "steps" in document:
                continue  # a part of a job that uses the action, which tests/test_delivery.py runs
            job = (document.get("jobs") or document)["conformance"]
            yield _github(title, job) if "steps" in job else _gitlab(title, job)


def _github(title: str, job: dict[str, Any]) -> Job:
    steps = [Step(s["run"], s.get("if") == "always()") for s in job["steps"] if "run" in s]
    kept = [
        step["with"]["path"]
        for step in job["steps"]
        if step.get("uses", "").startswith("actions/upload-artifact") and step["if"] == "always()"
    ]
    return Job(title, tuple(steps), job["env"], tuple(kept))


def _gitlab(title: str, job: dict[str, Any]) -> Job:
    assert job["artifacts"]["when"] == "always"
    kept = (*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"])
    # Each line is a command of one and the same shell.
    return Job(title, (*map(Step, job["script"]),), job["variables"], kept)


JOBS = {job.title: job for job in jobs()}
INSTALL = re.compile(r'python -m pip install "\$PACKAGE"( pytest-xdist)?\n?')


def run_job(job: Job, url: str, folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run a job but for its installation. Gives the first status that is not 0, and the output."""
    variables = {
        name: value for name, value in job.variables.items() if "$" not in value
    } | {
        "TARGET": url,
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        "CART_CONFORMANCE_CLIENT_ID": folder.name,
        "CART_CONFORMANCE_CLIENT_SECRET": "a-secret-of-the-project",
    }  # fmt: skip
    status, output = 0, ""
    for step in job.steps:
        if INSTALL.fullmatch(step.script) or (status and not step.always):
            continue
        # The page shows the port that people use; here it must be a free one.
        script = step.script.replace(SHOWN_URL, url).replace("cart-mock --port 8080 &\n", "")
        done = shell(script, folder, {**environment, **variables})
        status = status or done.returncode
        output += done.stdout + done.stderr
    return status, output


def test_the_page_has_jobs_for_both_services() -> None:
    assert list(JOBS) == ["GitHub Actions", "A service that the job starts", "GitLab", "As tests"]
    for job in JOBS.values():
        assert sum(bool(INSTALL.fullmatch(step.script)) for step in job.steps) == 1


@pytest.fixture(scope="module")
def broken_url() -> Iterator[str]:
    """A deployment that takes any type."""
    with running_mock("--break", DEVIATING) as url:
        yield url


@pytest.mark.parametrize("title", JOBS)
def test_a_job_fails_on_a_deployment_that_deviates_and_keeps_the_reports(
    title: str, tmp_path: Path, broken_url: str, shell_environment: dict[str, str]
) -> None:
    (tmp_path / "conformance.toml").write_text(ONE_RULE)
    status, output = run_job(JOBS[title], broken_url, tmp_path, shell_environment)
    assert status == 1, output
    assert all((tmp_path / kept).exists() for kept in JOBS[title].kept)
    assert json.loads((tmp_path / "reports/report.json").read_text())["outcome"] == "deviates"
    if title == "GitHub Actions":
        summary = (tmp_path / "summary.md").read_text()
        assert summary.startswith("### Deviates: ")
        assert "| `type-not-customer` |" in summary


def test_the_service_that_a_job_starts_is_the_one_it_checks() -> None:
    (script,) = (
        step.script
        for step in JOBS["A service that the job starts"].steps
        if "cart-mock" in step.script
    )
    start, check = script.splitlines()
    assert start == f"cart-mock --port {SHOWN_URL.rpartition(':')[2]} &"
    assert check.startswith(f"cart-conformance run {SHOWN_URL} --wait ")
    assert check.endswith(" --report-dir reports")
