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

from tests.pages import blocks, copy_checkout, starts

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
def packed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The tarball that the README's line for npx leaves in a checkout, and what it printed."""
    checkout = copy_checkout(tmp_path_factory.mktemp("checkout"))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    npm = {"npm_config_prefer_offline": "true", "npm_config_audit": "false"}
    line = f"{starts()['npx']} --version"
    printed = run("bash", "-euc", line, cwd=checkout, PATH=path, PYTHONPATH="", **npm)
    (tarball,) = checkout.glob("*.tgz")
    return tarball, printed


@pytest.fixture(scope="module")
def project(packed: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the package in its ``node_modules``, from the tarball."""
    folder = tmp_path_factory.mktemp("project")
    (install,) = (b.text for b in blocks("docs/install.md") if b.language == "bash")
    pack, install, _ = install.split("\n")
    assert starts()["npx"].startswith(f"{pack} && ")
    shutil.copy(packed[0], folder)
    (folder / "package.json").write_text('{"private": true}')
    npm = {"npm_config_offline": "true", "npm_config_audit": "false", "npm_config_omit": "optional"}
    run("bash", "-euc", install, cwd=folder, **npm)
    stand_in = folder / "node_modules/testcontainers"
    stand_in.mkdir()
    shutil.copy(HERE / "testcontainers.cjs", stand_in / "index.js")
    shutil.copy(PACKAGE / "shims/testcontainers.d.ts", stand_in / "index.d.ts")
    for name in ("package.test.mjs", "package.test.cjs", "consumer.ts"):
        shutil.copy(HERE / name, folder)
    return folder


def test_line_of_the_readme_for_npx_runs_the_mock_of_the_checkout(
    packed: tuple[Path, str],
) -> None:
    assert "cart-mock, version " in packed[1]


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
    # The blocks of the quick start are files of such a project.
    written = ["consumer.ts"]
    for number, block in enumerate(QUICK_START):
        if block.language == "ts":
            named = re.match(r"// (\S+)\n", block.text)
            imports, _, rest = block.text.partition("\n\n")
            # CommonJS has no await outside of a function.
            inside = f"{imports}\nexport async function shown() {{\n{rest}}}\n"
            written.append(named[1] if named else f"block-{number}.ts")
            (project / written[-1]).write_text(block.text if named else inside)
    playwright = project / "node_modules/@playwright"
    if not playwright.exists():
        playwright.symlink_to(ROOT / "examples/node_modules/@playwright")
    options = ("--noEmit", "--strict", "--target", "es2022", "--types", "node")
    modules = ("--module", module, "--moduleResolution", resolution)
    types = ("--typeRoots", PACKAGE / "node_modules/@types")
    compiler = PACKAGE / "node_modules/typescript/bin/tsc"
    run(NODE, compiler, *options, *modules, *types, *written, cwd=project)


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


@pytest.mark.parametrize("is_installed", [False, True])
def test_command_of_the_package_never_runs_itself(
    project: Path, tmp_path: Path, is_installed: bool
) -> None:
    # As in a script of npm, which puts the package's own command first.
    own = project / "node_modules/.bin"
    if is_installed:
        (tmp_path / "cart-mock").write_text('#!/bin/sh\necho "of Python, with $*"\n')
        (tmp_path / "cart-mock").chmod(0o755)
    assert NODE is not None
    done = subprocess.run(
        [own / "cart-mock", "--port", "0"],
        env={
            "PATH": f"{own}:{tmp_path}:{Path(NODE).parent}:/bin",
            "CART_MOCK_COMMAND": "cart-mock --seed one-shopper",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if is_installed:
        assert done.stdout == "of Python, with --seed one-shopper --port 0\n"
    else:
        assert done.returncode == 2
        assert "only the npm package's own is on the PATH" in done.stderr


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


QUICK_START = blocks("docs/start-javascript.md")
BETWEEN = """
await store.seed("account-member");
const account = await store.logIn("acme", "account");
const token = account.headers["EP-Account-Management-Authentication-Token"];
console.log((await (%s)).data.length);
"""
"""What the end of the quick start's code has in front of it here: another block, for an account."""


def test_code_of_the_quick_start_prints_what_is_shown(project: Path, mock_url: str) -> None:
    first, code, pages, *_ = [b.text for b in QUICK_START if b.language == "js"]
    (shown,) = [b.text for b in QUICK_START if b.language == "output"]
    vendor = project / "node_modules/@elasticpath"
    vendor.symlink_to(ROOT / "tests/sdk/node_modules/@elasticpath")
    script = project / "quick-start.mjs"
    end = "await store.delete"
    between = BETWEEN % pages.strip().removesuffix(";")
    script.write_text(code.replace(end, f"{first}{between}{end}"))
    printed = run(NODE, script, cwd=project, CART_MOCK_URL=mock_url)
    lines = [line for line in printed.splitlines() if not line.startswith("Token status")]
    assert lines == [*shown.splitlines(), "1"]


def strings_of(name: str) -> set[str]:
    """The strings of a union type of the package."""
    types = (PACKAGE / "src/types.ts").read_text(encoding="utf-8")
    (union,) = re.findall(rf"export type {name} =([^;]+);", types)
    return set(re.findall(r'"([^"]+)"', union))


def test_types_have_the_scenarios_and_faults_of_the_mock() -> None:
    assert set(SCENARIOS) == strings_of("Scenario")
    assert set(KINDS) == strings_of("FaultKind")
