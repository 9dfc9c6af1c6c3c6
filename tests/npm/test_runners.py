"""The settings of the quick start, in projects with Playwright, Vitest and Jest."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages import ROOT, blocks, copy_checkout

RUNNERS = ("@playwright/test@1.65.1", "jest@30.5.2", "vitest@5.1.2")
PACKAGE = ROOT / "packages/cart-mock"

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(shutil.which("npm") is None, reason="Node.js is not installed"),
    pytest.mark.xdist_group("npm"),
]


def shell(script: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a script as a reader does, with the command of this checkout on the PATH."""
    rooms = os.pathsep.join(str(ROOT / room) for room in ("openapi", "mockserver"))
    return subprocess.run(
        ["bash", "-euc", script],
        cwd=cwd,
        env={
            **os.environ,
            "CART_MOCK_COMMAND": "cart-mock",
            "PATH": f"{cwd.parent / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": rooms,
            "npm_config_prefer_offline": "true",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package, the runners, and a command for the mock."""
    folder = tmp_path_factory.mktemp("runners")
    (folder / "bin").mkdir()
    command = folder / "bin/cart-mock"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m cart_mock "$@"\n')
    command.chmod(0o755)
    checkout = copy_checkout(folder / "checkout")
    pack = "npm ci --silent --prefix packages/cart-mock && npm pack --silent ./packages/cart-mock"
    packed = shell(pack, checkout)
    assert packed.returncode == 0, packed.stderr
    (tarball,) = checkout.glob("*.tgz")
    (folder / "package.json").write_text('{"private": true}')
    options = "--no-audit --no-fund"
    names = " ".join((str(tarball), *RUNNERS))
    installed = shell(f"npm install --silent {options} {names}", folder)
    assert installed.returncode == 0, installed.stderr
    return folder


def project(modules: Path, name: str, tests: str, **package: str) -> Path:
    """Make a project with the blocks that the quick start shows below a heading."""
    folder = modules / name.lower()
    folder.mkdir()
    (folder / "package.json").write_text(json.dumps({"private": True, **package}))
    for block in blocks("docs/start-javascript.md"):
        if block.section == name:
            first, _, _ = block.text.partition("\n")
            (folder / first.removeprefix("// ")).write_text(block.text)
    ending = "spec.ts" if name == "Playwright" else "test.js"
    (folder / f"shop.{ending}").write_text(tests)
    return folder


LIST = """
async function cartsOf(mock, email) {
  const send = async (path, headers, body) =>
    (await fetch(mock.url + path, { method: body ? "POST" : "GET", headers, body })).json();
  const form = new URLSearchParams({ grant_type: "implicit", client_id: mock.clientId });
  const { access_token: access } = await send("/oauth/access_token", {}, form);
  const headers = { Authorization: `Bearer ${access}`, "Content-Type": "application/json" };
  const login = { type: "token", email, password: email.replace("@example.com", "-password") };
  const { data } = await send("/v2/customers/tokens", headers, JSON.stringify({ data: login }));
  const list = await send("/v2/carts", { ...headers, "X-Moltin-Customer-Token": data.token });
  return list.data.map((cart) => cart.name);
}
"""
SPEC = (
    """
// @ts-nocheck
import { expect } from "@playwright/test";
import { test } from "./fixtures";
"""
    + LIST
    + """
for (const number of [1, 2, 3, 4]) {
  test(`others are not seen, ${number}`, async ({ cartMock }) => {
    await cartMock.seed("shared-cart");
    expect(await cartsOf(cartMock, "bob@example.com")).toEqual(["Household"]);
  });
}
"""
)
BODY = (
    LIST
    + """
test("others are not seen", async () => {
  const mock = await startCartMock();
  expect(mock.url).toBe(process.env.CART_MOCK_URL);
  const store = await mock.store().create();
  await store.seed("shared-cart");
  expect(await cartsOf(store, "bob@example.com")).toEqual(["Household"]);
});
"""
)


def test_playwright_runs_as_the_quick_start_says(modules: Path) -> None:
    folder = project(modules, "Playwright", SPEC)
    passed = shell("npx playwright test --workers 4", folder)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "4 passed" in passed.stdout
    (broken,) = (b.text for b in blocks("docs/end-to-end-ci.md") if b.language == "sh")
    failed = shell(broken, folder)
    assert "4 failed" in failed.stdout, failed.stdout + failed.stderr


def test_vitest_runs_as_the_quick_start_says(modules: Path) -> None:
    imports = 'import { expect, test } from "vitest";\nimport { startCartMock } from "cart-mock";\n'
    folder = project(modules, "Vitest", imports + BODY, type="module")
    passed = shell("npx vitest run", folder)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "1 passed" in passed.stdout


def test_jest_runs_as_the_quick_start_says(modules: Path) -> None:
    imports = 'const { startCartMock } = require("cart-mock");\n'
    folder = project(modules, "Jest", imports + BODY)
    passed = shell("npx jest", folder)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "1 passed" in passed.stderr
