"""The wheel, installed into an empty environment elsewhere, works as the source tree does."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from tests.live import running_mock

ROOT = Path(__file__).parent.parent
COMMANDS = ("cart-spec", "cart-mock", "cart-conformance")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),  # on a new machine every dependency is fetched
    pytest.mark.xdist_group("wheel"),
]


def run(*command: str | Path, cwd: Path) -> str:
    """What a command prints, run away from the source tree. Fails with it when it fails."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("wheel")
    uv(("build", "--wheel", "--quiet", "--out-dir", str(built), str(ROOT)), built)
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose `venv` holds the wheel and what it depends on, nothing else."""
    folder = tmp_path_factory.mktemp("elsewhere")
    uv(("venv", "--quiet", "--python", sys.executable, "venv"), folder)
    python = folder / "venv/bin/python"
    pinned = ("--constraint", str(ROOT / "constraints.txt"))
    uv(("pip", "install", "--quiet", "--python", str(python), *pinned, str(wheel)), folder)
    return folder


def uv(arguments: Sequence[str], cwd: Path) -> None:
    run(sys.executable, "-m", "uv", *arguments, cwd=cwd)


def test_every_file_of_the_packages_ships(wheel: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--", "openapi", "mockserver", "conformance"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    shipped = set(zipfile.ZipFile(wheel).namelist())
    assert "cart_spec/cart-associations.yaml" in shipped
    # Each room is a folder with its package in it; the wheel has the package alone.
    packaged = {file.partition("/")[2] for file in listed.stdout.splitlines()}
    missing = packaged - {"cart-associations.yaml"} - shipped
    assert not missing


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_starts_from_the_wheel(elsewhere: Path, command: str) -> None:
    program = elsewhere / "venv/bin" / command
    assert run(program, "--version", cwd=elsewhere).startswith(command)
    assert "Usage:" in run(program, "--help", cwd=elsewhere)


def test_the_packages_come_from_the_wheel(elsewhere: Path) -> None:
    where = (
        "import cart_spec, cart_mock, cart_conformance as c; print(cart_spec.__file__, c.__file__)"
    )
    printed = run(elsewhere / "venv/bin/python", "-c", where, cwd=elsewhere)
    assert str(ROOT) not in printed


def test_the_mock_answers_from_the_wheel(elsewhere: Path) -> None:
    with (
        running_mock(command=[str(elsewhere / "venv/bin/cart-mock")]) as url,
        httpx.Client(base_url=url) as client,
    ):
        form = {"grant_type": "implicit", "client_id": "from-the-wheel"}
        token = client.post("/oauth/access_token", data=form).json()["access_token"]
        cart = client.get("/v2/carts/wheel", headers={"Authorization": f"Bearer {token}"})
        assert cart.json()["data"]["id"] == "wheel"
        assert client.get("/ui/").status_code == 200


def test_the_contract_is_checked_from_the_wheel(elsewhere: Path) -> None:
    run(elsewhere / "venv/bin/cart-spec", "check", cwd=elsewhere)
