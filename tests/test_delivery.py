"""What other projects take from this one: the container image, the GitHub action, workflow files.

No test here has a container engine or GitHub. Linters and schemas check the files, and the commands
in them are run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from jsonschema.validators import validator_for

from tests.live import running_mock
from tests.pages import copy_checkout, starts

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
SCHEMAS = {
    "compose.yaml": "compose-spec",
    "compose.shared.yaml": "compose-spec",
    "action.yml": "github-actions",
    **{str(path.relative_to(ROOT)): "github-workflows" for path in WORKFLOWS},
}
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
DEVIATING = "type-not-customer:accepted"


def run(
    *command: str | Path, cwd: Path = ROOT, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


# --- Files that others define ---


@pytest.mark.parametrize("name", SCHEMAS)
def test_file_matches_its_published_schema(name: str) -> None:
    # check-jsonschema brings the schemas, so nothing is fetched.
    schema = files("check_jsonschema.builtin_schemas") / f"vendor/{SCHEMAS[name]}.json"
    document = json.loads(schema.read_text(encoding="utf-8"))
    # YAML 1.1 reads the key `on` as true.
    text = re.sub(r"^on:", '"on":', (ROOT / name).read_text(encoding="utf-8"), flags=re.MULTILINE)
    validator = validator_for(document)(document)
    assert not [error.message for error in validator.iter_errors(yaml.safe_load(text))]


def test_dockerfile_passes_hadolint() -> None:
    linted = run(Path(sys.executable).with_name("hadolint"), "Dockerfile")
    assert linted.returncode == 0, linted.stdout


def test_image_is_not_run_by_root_and_takes_options_as_arguments() -> None:
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 1\d+:1\d+$", final, re.MULTILINE)
    assert re.search(r'^ENTRYPOINT \["\S*/cart-mock"\]$', final, re.MULTILINE)
    assert COMPOSE["services"]["cart-mock"]["read_only"] is True


def test_every_file_that_the_image_copies_is_sent_to_the_engine() -> None:
    copied = [
        name
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for name in line.split()[:-1]
    ]
    variants = [name for name in copied if "${REQUIREMENTS}" in name]
    copied += [
        name.replace("${REQUIREMENTS}", lock) for name in variants for lock in ("mock", "shared")
    ]
    copied = [name for name in copied if name not in variants]
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    sent = {line.removeprefix("!") for line in ignore if line.startswith("!")}
    assert set(copied) == sent
    assert all((ROOT / name).exists() for name in copied)


def test_image_uninstalls_only_what_the_mock_does_not_need() -> None:
    (listed,) = re.findall(r"pip uninstall --quiet --yes \\\n\s+(.+)$", DOCKERFILE, re.MULTILINE)
    lock = (ROOT / "requirements/mock.txt").read_text(encoding="utf-8")
    locked = set(re.findall(r"^([\w.-]+)==", lock, re.MULTILINE))
    assert set(listed.split()) - {"pip"} <= locked
    tools = {"hatchling", "editables", "packaging", "pathspec", "pluggy", "trove-classifiers"}
    assert locked & tools == set(listed.split()) - {"pip"}


@pytest.mark.full  # installs every dependency once more
@pytest.mark.timeout(600)
def test_steps_of_the_image_leave_a_mock_that_becomes_ready(tmp_path: Path) -> None:
    checkout, image = copy_checkout(tmp_path / "checkout"), tmp_path / "image"
    source = image / "source"
    source.mkdir(parents=True)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    build = DOCKERFILE.rpartition("\nFROM ")[0]
    for line in build.replace("\\\n", "").replace("${REQUIREMENTS}", "mock").splitlines():
        step, _, rest = line.partition(" ")
        # The folders of the image are below one of the test, and its Python is that of the test.
        rest = rest.replace("/opt/", f"{image}/opt/").replace("python3.13", PYTHON)
        if step == "RUN":
            made = run("bash", "-euc", rest, cwd=source, PYTHONPATH="", PATH=path)
            assert made.returncode == 0, made.stderr
        elif step == "COPY":
            *names, target = rest.split()
            (source / target).mkdir(exist_ok=True)
            for name in names:
                if (checkout / name).is_dir():
                    shutil.copytree(checkout / name, source / target, dirs_exist_ok=True)
                else:
                    shutil.copy(checkout / name, source / target)
    programs = image / "opt/cart-mock/bin"
    found = {each.name for each in programs.iterdir()}
    assert "cart-mock" in found
    assert not {"pip", "hatchling", "cart-conformance"} & found
    with running_mock(command=[str(programs / "cart-mock")]) as url:
        port = url.rpartition(":")[2]
        healthy = run(programs / "python", "-c", health_check(), CART_MOCK_PORT=port)
        assert healthy.returncode == 0, healthy.stderr


def health_check() -> str:
    (command,) = re.findall(r"^HEALTHCHECK .*\\\n\s+CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    python, flag, code = json.loads(command)
    assert python.endswith("/python")
    assert flag == "-c"
    assert isinstance(code, str)
    return code


def test_health_check_of_the_image_passes_only_while_a_mock_is_ready(mock_url: str) -> None:
    # The first request makes the workbench, and here it may have to wait for other tests.
    assert httpx.get(f"{mock_url}/_mock/ready", timeout=60).status_code == 200
    port = mock_url.rpartition(":")[2]
    healthy = run(sys.executable, "-c", health_check(), CART_MOCK_PORT=port)
    assert healthy.returncode == 0, healthy.stderr
    assert run(sys.executable, "-c", health_check(), CART_MOCK_PORT="1").returncode != 0


# --- The action ---


@cache
def step(name: str) -> dict[str, Any]:
    (found,) = (s for s in ACTION["runs"]["steps"] if s.get("name") == name)
    return dict(found)


def shell(name: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a step of the action as GitHub does; its outputs are in ``outputs`` of the folder."""
    assert set(step(name)["env"]) <= set(variables), "each variable of the step has a value here"
    return run(
        "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step(name)["run"],
        cwd=folder,
        PYTHONPATH=os.pathsep.join(str(ROOT / r) for r in ("openapi", "mockserver", "conformance")),
        GITHUB_OUTPUT=str(folder / "outputs"),
        GITHUB_STEP_SUMMARY=str(folder / "summary.md"),
        RUNNER_TEMP=str(folder),
        **variables,
    )  # fmt: skip


def outputs(folder: Path) -> dict[str, str]:
    lines = (folder / "outputs").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines)


@pytest.fixture(scope="module")
def deviating_url() -> Iterator[str]:
    with running_mock("--break", DEVIATING) as url:
        yield url


@pytest.mark.full
def test_action_annotates_a_deviation_summarises_the_run_and_fails(
    deviating_url: str, tmp_path: Path
) -> None:
    secret = "a-secret-of-the-project"
    checked = shell(
        "Check the deployment",
        tmp_path,
        PYTHON=sys.executable,
        TARGET=deviating_url,
        REPORTS="reports",
        ARGUMENTS="--layers directed\n--rules type-not-customer\n--settle 0",
        CART_CONFORMANCE_CLIENT_ID="action",
        CART_CONFORMANCE_CLIENT_SECRET=secret,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert outputs(tmp_path) == {"status": "1", "outcome": "deviates"}
    told = shell("Summary and annotations", tmp_path, REPORTS="reports")
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines()
    for line in told.stdout.splitlines():
        assert line.startswith("::error title=type-not-customer::")
        assert " /v2/carts/{cartID}/relationships/customers " in line
        assert "expected a refusal: 400" in line
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert summary.startswith("## Cart associations: deviates\n")
    assert "\n- `type-not-customer` deviates: " in summary
    assert secret not in summary + told.stdout + checked.stdout
    assert shell("Result", tmp_path, STATUS="1", INCOMPLETE="fail").returncode == 1


@pytest.mark.full
def test_action_that_could_not_run_says_why(tmp_path: Path) -> None:
    checked = shell(
        "Check the deployment",
        tmp_path,
        PYTHON=sys.executable,
        TARGET="http://127.0.0.1:1",
        REPORTS="reports",
        ARGUMENTS="",
        CART_CONFORMANCE_CLIENT_ID="action",
        CART_CONFORMANCE_CLIENT_SECRET="a-secret-of-the-project",
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert outputs(tmp_path) == {"status": "2", "outcome": "could-not-run"}
    told = shell("Summary and annotations", tmp_path, REPORTS="reports")
    assert told.stdout.startswith("::error title=Cart associations::")
    assert "## Cart associations: could-not-run" in (tmp_path / "summary.md").read_text()


@pytest.mark.parametrize(
    ("status", "incomplete", "result"),
    [("0", "fail", 0), ("2", "warn", 2), ("3", "fail", 3), ("3", "warn", 0)],
)
def test_action_ends_with_the_status_of_the_run(
    tmp_path: Path, status: str, incomplete: str, result: int
) -> None:
    done = shell("Result", tmp_path, STATUS=status, INCOMPLETE=incomplete)
    assert done.returncode == result
    assert ("::warning" in done.stdout) == (status == "3" and result == 0)


def test_action_installs_itself_into_an_environment_of_its_own(tmp_path: Path) -> None:
    # A Python that makes an environment with a Python that only notes what it is asked to do.
    fake = tmp_path / "python"
    fake.write_text(
        '#!/bin/sh\nmkdir -p "$3/bin"\n'
        'printf \'#!/bin/sh\\necho "$*" > "$RUNNER_TEMP/asked"\\n\' > "$3/bin/python"\n'
        'chmod +x "$3/bin/python"\n'
    )
    fake.chmod(0o755)
    assert step("Install")["env"]["PACKAGE"] == "${{ github.action_path }}[conformance]"
    done = shell("Install", tmp_path, PYTHON=str(fake), PACKAGE=f"{ROOT}[conformance]")
    assert done.returncode == 0, done.stderr
    asked = (tmp_path / "asked").read_text()
    assert asked.startswith("-m pip install ")
    assert asked.endswith(f" {ROOT}[conformance]\n")
    assert outputs(tmp_path)["python"].startswith(str(tmp_path))


def test_every_input_of_the_action_is_used_and_every_expression_is_safe() -> None:
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    used = set(re.findall(r"inputs\.([\w-]+)", text))
    assert used == set(ACTION["inputs"])
    # An expression inside a script would run what an input says.
    assert not [s["name"] for s in ACTION["runs"]["steps"] if "${{" in s.get("run", "")]


def test_page_about_ci_names_every_input_and_output_of_the_action() -> None:
    page = (ROOT / "docs/ci.md").read_text(encoding="utf-8")
    section = page.partition("## With the action\n")[2].partition("\n## ")[0]
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert set(yaml.safe_load(example)["steps"][0]["with"]) <= set(ACTION["inputs"])
    rows = "".join(re.findall(r"^\| (`.*?) \|", section, re.MULTILINE))
    assert set(re.findall(r"`([a-z-]+)`", rows)) == set(ACTION["inputs"])
    outputs_line = section.partition("Its outputs are ")[2]
    assert set(re.findall(r"`([a-z-]+)`", outputs_line)) == set(ACTION["outputs"])


# --- The README's lines ---

START = starts()


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with pipx, which uv installs; uvx and python3 are next to this Python."""
    folder = tmp_path / "tools"
    folder.mkdir()
    (folder / "pipx").write_text(f'#!/bin/sh\nexec {sys.executable} -m uv tool run pipx "$@"\n')
    (folder / "pipx").chmod(0o755)
    return folder


@pytest.mark.full  # the line for npx runs uvx, and the others install everything once more
@pytest.mark.timeout(400)
@pytest.mark.parametrize("tool", ["uvx", "pip", "pipx"])
def test_line_of_the_readme_starts_the_command(tool: str, tools: Path, tmp_path: Path) -> None:
    checkout = ROOT if tool == "uvx" else copy_checkout(tmp_path / "checkout")
    done = run(
        "bash", "-euc", f"{START[tool]} --version",
        cwd=checkout,
        PATH=f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        PIPX_HOME=str(tmp_path / "pipx"),
        PYTHONPATH="",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "cart-mock, version " in done.stdout


def test_line_of_the_readme_for_docker_builds_and_runs_one_image_on_loopback() -> None:
    build, run = START["Docker"].split(" && ")
    assert build == "docker build --tag cart-mock ."
    assert run.endswith(" cart-mock")
    assert "--publish 127.0.0.1:8080:8080" in run
    assert COMPOSE["services"]["cart-mock"]["image"] == "cart-mock"
