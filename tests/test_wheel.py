"""The wheel works outside of the source tree, with each extra alone and with all of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path

import httpx
import pytest

from tests.live import running_mock

ROOT = Path(__file__).parent.parent
PACKAGES = ("cart_spec", "cart_mock", "cart_conformance")
COMMANDS = {"cart-spec": "review", "cart-mock": "mock", "cart-conformance": "conformance"}
LIBRARIES = {
    "mock": {"connexion", "tinydb"},
    "conformance": {"schemathesis", "rich"},
    "review": {"openapi-spec-validator"},
}
"""Libraries of each extra that no other extra may install."""

pytestmark = [
    pytest.mark.timeout(400),  # on a new machine every dependency is fetched
    pytest.mark.xdist_group("wheel"),
]

Environment = Callable[[str], Path]


def execute(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command that cannot see the source tree."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def run(*command: str | Path, cwd: Path) -> str:
    """Return what a command prints. Fails if the command fails."""
    done = execute(*command, cwd=cwd)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def uv(*arguments: str | Path, cwd: Path) -> str:
    return run(sys.executable, "-m", "uv", *arguments, cwd=cwd)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("wheel")
    uv("build", "--wheel", "--quiet", "--out-dir", built, ROOT, cwd=built)
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Return the bin folder of an environment with the wheel and one extra, or none."""
    made: dict[str, Path] = {}

    def of(extra: str) -> Path:
        if extra not in made:
            folder = tmp_path_factory.mktemp(extra or "bare")
            uv("venv", "--quiet", "--python", sys.executable, "venv", cwd=folder)
            target = f"{wheel}[{extra}]" if extra else str(wheel)
            # A front-end team has its own pytest, and the mock does not bring one.
            others = ["pytest"] if extra == "mock" else []
            lock = ROOT / "requirements/test.txt"
            install = ("pip", "install", "--quiet", "--python", "venv", "--constraint", lock)
            uv(*install, target, *others, cwd=folder)
            made[extra] = folder / "venv/bin"
        return made[extra]

    return of


def installed(programs: Path) -> set[str]:
    listed = uv("pip", "list", "--format", "json", "--python", programs.parent, cwd=programs)
    return {package["name"] for package in json.loads(listed)}


def test_wheel_has_every_file_of_the_packages_and_nothing_else(wheel: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--", "openapi", "mockserver", "conformance"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    shipped = set(zipfile.ZipFile(wheel).namelist())
    assert "cart_spec/cart-associations.yaml" in shipped
    assert {f"{package}/py.typed" for package in PACKAGES} <= shipped
    # Each room is a folder with its package in it; the wheel has the package and the contract.
    packaged = {file.partition("/")[2] for file in listed.stdout.splitlines()}
    missing = packaged - {"cart-associations.yaml", "CHANGELOG.md"} - shipped
    assert not missing
    top = {name.partition("/")[0] for name in shipped}
    assert {name for name in top if not name.endswith(".dist-info")} == set(PACKAGES)


@pytest.mark.parametrize("extra", LIBRARIES)
def test_extra_alone_installs_no_library_of_the_others(
    environment: Environment, extra: str
) -> None:
    found = installed(environment(extra))
    assert found >= LIBRARIES[extra]
    foreign = set().union(*(LIBRARIES[other] for other in LIBRARIES if other != extra))
    assert not found & foreign


def test_mock_alone_stays_small(environment: Environment) -> None:
    # A JavaScript team downloads it in each job. Connexion alone brings 24 other packages.
    (folder,) = environment("mock").parent.glob("lib/python*/site-packages")
    of_pytest = {"pytest", "iniconfig", "packaging", "pluggy", "pygments"}
    found = [d for d in distributions(path=[str(folder)]) if d.name.lower() not in of_pytest]
    files = [Path(str(file.locate())) for d in found for file in d.files or ()]
    assert len(found) <= 41
    assert sum(file.stat().st_size for file in files if file.is_file()) < 40e6


@pytest.mark.parametrize(("command", "extra"), COMMANDS.items())
def test_command_without_its_extra_names_it_in_one_line(
    environment: Environment, command: str, extra: str
) -> None:
    for other in ("", *LIBRARIES):
        if other != extra:
            programs = environment(other)
            done = execute(programs / command, "--help", cwd=programs)
            assert done.returncode == 2, (other, done)
            assert len(done.stderr.splitlines()) == 1, (other, done.stderr)
            assert f"pip install 'cart-associations[{extra}]'" in done.stderr


@pytest.mark.parametrize(("command", "extra"), COMMANDS.items())
def test_command_with_its_extra_starts_by_name_and_as_a_module(
    environment: Environment, command: str, extra: str
) -> None:
    module = command.replace("-", "_")
    programs = environment(extra)
    assert run(programs / command, "--version", cwd=programs).startswith(command)
    printed = run(programs / "python", "-m", module, "--help", cwd=programs)
    assert printed.startswith(f"Usage: {command} ")


@pytest.mark.parametrize("module", PACKAGES)
def test_module_of_a_checkout_starts(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, "--version"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith(module.replace("_", "-")), done.stderr


def test_packages_are_imported_from_the_wheel(environment: Environment) -> None:
    programs = environment("all")
    where = f"import {', '.join(PACKAGES)}; print({', '.join(f'{p}.__file__' for p in PACKAGES)})"
    assert str(ROOT) not in run(programs / "python", "-c", where, cwd=programs)


def test_wheel_without_extras_loads_the_contract(environment: Environment) -> None:
    programs = environment("")
    code = "from cart_spec import load_contract; print(len(load_contract().rules) > 10)"
    assert run(programs / "python", "-c", code, cwd=programs) == "True\n"


@pytest.mark.parametrize("extra", ["mock", "all"])
def test_mock_of_the_wheel_answers(environment: Environment, extra: str) -> None:
    with (
        running_mock(command=[str(environment(extra) / "cart-mock")]) as url,
        httpx.Client(base_url=url) as client,
    ):
        form = {"grant_type": "implicit", "client_id": "from-the-wheel"}
        token = client.post("/oauth/access_token", data=form).json()["access_token"]
        cart = client.get("/v2/carts/wheel", headers={"Authorization": f"Bearer {token}"})
        assert cart.json()["data"]["id"] == "wheel"
        assert client.get("/ui/").status_code == 200
        assert client.get("/_mock/").status_code == 200


def test_fixtures_of_the_mock_work_without_the_suite(
    environment: Environment, tmp_path: Path
) -> None:
    test = "def test_it(cart_mock):\n    assert cart_mock.client_id\n"
    (tmp_path / "test_shop.py").write_text(test)
    programs = environment("mock")
    assert "1 passed" in run(programs / "pytest", "-q", "-W", "error", tmp_path, cwd=tmp_path)


def test_suite_of_the_wheel_judges_a_deployment_without_the_mock(
    environment: Environment, mock_url: str, tmp_path: Path
) -> None:
    credentials = ("--client-id", "from-the-wheel", "--client-secret", "only-here")
    rule = ("--rules", "type-not-customer", "--layers", "directed")
    program = environment("conformance") / "cart-conformance"
    printed = run(program, "run", mock_url, *credentials, *rule, cwd=tmp_path)
    assert "Conforms (exit status 0)" in printed


@pytest.mark.parametrize("extra", ["review", "all"])
def test_contract_of_the_wheel_is_checked(environment: Environment, extra: str) -> None:
    programs = environment(extra)
    run(programs / "cart-spec", "check", cwd=programs)


def test_command_of_another_extra_is_listed_only_with_it(environment: Environment) -> None:
    assert "traffic" in run(environment("all") / "cart-spec", "--help", cwd=ROOT)
    program = environment("review") / "cart-spec"
    assert "traffic" not in run(program, "--help", cwd=ROOT)
    done = execute(program, "traffic", "--help", cwd=ROOT)
    assert done.returncode == 2
    assert "cart-associations[conformance]" in done.stderr
