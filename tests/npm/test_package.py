"""The npm package: packed, installed from its tarball, and used with a mock of this checkout."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from cart_mock.state.scenarios import SCENARIOS
from cart_mock.tenants.faults import KINDS

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
PACKAGE = ROOT / "packages/cart-mock"
PAGE = (ROOT / "docs/workbench-page.md").read_text(encoding="utf-8")
WORKBENCH = ROOT / "mockserver/cart_mock/workbench/workbench.yaml"
NODE, NPM = shutil.which("node"), shutil.which("npm")

pytestmark = [
    pytest.mark.skipif(
        NODE is None
        or NPM is None
        or not (PACKAGE / "node_modules").is_dir()
        or not (ROOT / "tests/sdk/node_modules").is_dir(),
        reason="the packages of packages/cart-mock are not installed; run scripts/setup test",
    ),
    pytest.mark.xdist_group("npm"),
]


def run(*command: str | Path | None, cwd: Path, **variables: str) -> str:
    """Return what a command prints. Fails if the command fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the package in its ``node_modules``, from the tarball."""
    folder = tmp_path_factory.mktemp("project")
    # The copy is packed, so that two checkouts that are tested at once do not share a dist folder.
    source = folder / "source"
    ignored = shutil.ignore_patterns("node_modules", "dist")
    shutil.copytree(PACKAGE, source, ignore=ignored)
    (source / "node_modules").symlink_to(PACKAGE / "node_modules")
    run(NPM, "pack", "--pack-destination", folder, cwd=source)
    (folder / "package.json").write_text('{"private": true}')
    (tarball,) = folder.glob("*.tgz")
    offline = ("--offline", "--no-audit", "--no-fund", "--omit=optional")
    run(NPM, "install", *offline, tarball, cwd=folder)
    stand_in = folder / "node_modules/testcontainers"
    stand_in.mkdir()
    shutil.copy(HERE / "testcontainers.cjs", stand_in / "index.js")
    for name in ("package.test.mjs", "package.test.cjs", "consumer.ts"):
        shutil.copy(HERE / name, folder)
    return folder


def test_package_installs_without_dependencies_and_with_the_version_of_the_project(
    project: Path,
) -> None:
    package = json.loads((project / "node_modules/cart-mock/package.json").read_text())
    assert not package.get("dependencies")
    assert f'version = "{package["version"]}"' in (ROOT / "pyproject.toml").read_text()
    (tarball,) = project.glob("*.tgz")
    with tarfile.open(tarball) as packed:
        names = {name.removeprefix("package/") for name in packed.getnames()}
    assert {"README.md", "LICENSE"} <= names
    for entry in package["exports"].values():
        for file in entry.values() if isinstance(entry, dict) else [entry]:
            assert file.removeprefix("./") in names
            if file.endswith(".js"):
                assert file.removeprefix("./").replace(".js", ".d.ts") in names


def operation_ids(calls: list[str]) -> set[str]:
    """Return the operations of the workbench that the calls reached."""
    document: dict[str, Any] = yaml.safe_load(WORKBENCH.read_text(encoding="utf-8"))
    found = set()
    for path, item in document["paths"].items():
        pattern = "/_mock" + re.sub(r"\{\w+\}", "[^/]+", path)
        for method, operation in item.items():
            if any(re.fullmatch(f"{method.upper()} {pattern}", call) for call in calls):
                found.add(operation["operationId"])
    return found


def test_package_works_with_esm_and_commonjs_and_has_every_operation_of_the_workbench(
    project: Path,
) -> None:
    rooms = os.pathsep.join(str(ROOT / room) for room in ("openapi", "mockserver", "conformance"))
    printed = run(NODE, "package.test.mjs", cwd=project, PYTHON=sys.executable, PYTHONPATH=rooms)
    result = json.loads(printed.splitlines()[-1])
    document = yaml.safe_load(WORKBENCH.read_text(encoding="utf-8"))
    every = {
        operation["operationId"]
        for item in document["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict) and "operationId" in operation
    }
    assert operation_ids(result["calls"]) == every
    assert f'version = "{result["version"]}"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("module", ["nodenext", "commonjs"])
def test_types_are_found_by_a_project_in_typescript(project: Path, module: str) -> None:
    resolution = "nodenext" if module == "nodenext" else "bundler"
    options = ("--noEmit", "--strict", "--target", "es2022", "--types", "node")
    modules = ("--module", module, "--moduleResolution", resolution)
    types = ("--typeRoots", PACKAGE / "node_modules/@types")
    compiler = PACKAGE / "node_modules/typescript/bin/tsc"
    run(NODE, compiler, *options, *modules, *types, "consumer.ts", cwd=project)


def test_command_of_the_package_runs_the_mock_and_ends_with_it(project: Path) -> None:
    rooms = os.pathsep.join(str(ROOT / room) for room in ("openapi", "mockserver", "conformance"))
    variables = {"CART_MOCK_COMMAND": f"{sys.executable} -m cart_mock", "PYTHONPATH": rooms}
    process = subprocess.Popen(
        [project / "node_modules/.bin/cart-mock", "--port", "0", "--journal=5"],
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Listening on http://127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()


def test_command_without_a_way_to_run_the_mock_says_what_to_install(project: Path) -> None:
    done = subprocess.run(
        [str(NODE), "node_modules/cart-mock/dist/esm/bin.js"],
        cwd=project,
        env={"PATH": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Install uv, or set CART_MOCK_COMMAND" in done.stderr


# What a reader's application might do: fail to log in, then log in, and associate a cart.
APPLICATION = """
const call = (path, headers, body) => fetch(cartMock.url + path, { method: "POST", headers, body });
const form = new URLSearchParams({ grant_type: "implicit", client_id: cartMock.clientId });
const { access_token: access } = await (await call("/oauth/access_token", {}, form)).json();
const headers = { Authorization: `Bearer ${access}`, "Content-Type": "application/json" };
const login = JSON.stringify({ data: { type: "token", authentication_mechanism: "password",
  email: "ada@example.com", password: "ada-password" } });
const first = await call("/v2/customers/tokens", headers, login);
if (first.status !== 401) throw new Error(`the first login answered with ${first.status}`);
const second = await (await call("/v2/customers/tokens", headers, login)).json();
await call("/v2/carts/cleos/relationships/customers", headers, "{}");
const shopper = { ...headers, "X-Moltin-Customer-Token": second.data.token };
const identifiers = JSON.stringify({ data: [{ type: "customer", id: "ada" }] });
await call("/v2/carts/household/relationships/customers", shopper, identifiers);
"""


def test_code_of_the_documentation_runs(project: Path, mock_url: str) -> None:
    (code,) = re.findall(r"^```js\n(.+?)^```", PAGE, re.DOTALL | re.MULTILINE)
    application = re.search(r"^// … .+$", code, re.MULTILINE)
    assert application is not None
    script = project / "documented.mjs"
    code = code.replace("http://127.0.0.1:8080", mock_url)
    script.write_text(code.replace(application[0], APPLICATION) + "await cartMock.delete();\n")
    run(NODE, script, cwd=project)
    # If the application sends nothing, the last line of the code says so.
    script.write_text(code)
    silent = subprocess.run(
        [str(NODE), script], cwd=project, capture_output=True, text=True, check=False, timeout=60
    )
    assert "expected exactly 1" in silent.stderr


def test_code_of_the_quick_start_prints_what_is_shown(project: Path, mock_url: str) -> None:
    page = (ROOT / "docs/start-javascript.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```js\n(import .+?)^```", page, re.DOTALL | re.MULTILINE)
    (shown,) = re.findall(r"^```output\n(.+?)^```", page, re.DOTALL | re.MULTILINE)
    vendor = project / "node_modules/@elasticpath"
    vendor.symlink_to(ROOT / "tests/sdk/node_modules/@elasticpath")
    script = project / "quick-start.mjs"
    script.write_text(code)
    printed = run(NODE, script, cwd=project, CART_MOCK_URL=mock_url)
    lines = [line for line in printed.splitlines() if not line.startswith("Token status")]
    assert lines == shown.splitlines()


def strings_of(name: str) -> set[str]:
    """The strings of a union type of the package."""
    types = (PACKAGE / "src/types.ts").read_text(encoding="utf-8")
    (union,) = re.findall(rf"export type {name} =([^;]+);", types)
    return set(re.findall(r'"([^"]+)"', union))


def test_types_have_the_scenarios_and_faults_of_the_mock() -> None:
    assert set(SCENARIOS) == strings_of("Scenario")
    assert set(KINDS) == strings_of("FaultKind")
