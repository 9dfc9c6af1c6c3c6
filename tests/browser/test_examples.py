"""The examples for JavaScript tests: they type-check, and Playwright runs them against the mock."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from cart_mock.state.scenarios import SCENARIOS
from cart_mock.tenants.faults import KINDS

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples"
SPEC = (EXAMPLES / "playwright/storefront.spec.ts").read_text(encoding="utf-8")
TYPES = (EXAMPLES / "playwright/cart-mock.d.mts").read_text(encoding="utf-8")
HELPER = (EXAMPLES / "playwright/cart-mock.mjs").read_text(encoding="utf-8")
PAGE = (ROOT / "docs/workbench-page.md").read_text(encoding="utf-8")
NODE, CHROMIUM = shutil.which("node"), shutil.which("chromium")

needs_packages = pytest.mark.skipif(
    NODE is None or not (EXAMPLES / "node_modules").is_dir(),
    reason="the examples' packages are not installed; run scripts/setup test",
)


def node(program: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the examples' packages."""
    assert NODE is not None
    return subprocess.run(
        [NODE, EXAMPLES / "node_modules" / program, *arguments],
        cwd=EXAMPLES,
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )


def free_port() -> str:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return str(listening.getsockname()[1])


@needs_packages
def test_the_examples_have_the_types_that_the_helper_declares() -> None:
    checked = node("typescript/bin/tsc", "--noEmit")
    assert checked.returncode == 0, checked.stdout + checked.stderr


@needs_packages
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.xdist_group("browser")
def test_playwright_passes_on_the_storefront_with_the_vendors_sdk(tmp_path: Path) -> None:
    ran = node(
        "@playwright/test/cli.js",
        "test",
        CART_MOCK_PORT=free_port(),
        STOREFRONT_PORT=free_port(),
        PYTHON=sys.executable,
        PYTHONPATH=str(ROOT),
        CHROMIUM=CHROMIUM or "",
        PLAYWRIGHT_OUTPUT=str(tmp_path),
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    written = len(re.findall(r"^test\(", SPEC, re.MULTILINE))
    assert f"{written} passed" in ran.stdout


def test_the_helper_declares_the_methods_that_it_has() -> None:
    written = set(re.findall(r"^  (?:async )?([a-z]\w*)\([^;]*\) \{$", HELPER, re.MULTILINE))
    declared = set(re.findall(r"^  ([a-z]\w*)\(", TYPES, re.MULTILINE))
    assert written == declared
    assert {"constructor", "seed", "verify", "workbench"} <= written


def test_the_helper_declares_the_scenarios_and_faults_that_there_are() -> None:
    assert set(SCENARIOS) == strings_of("Scenario")
    assert set(KINDS) == strings_of("FaultKind")


@pytest.mark.skipif(NODE is None, reason="Node.js is not installed")
def test_the_code_of_the_documentation_runs(mock_url: str, tmp_path: Path) -> None:
    (code,) = re.findall(r"^```js\n(.+?)^```", PAGE, re.DOTALL | re.MULTILINE)
    application = re.search(r"^// … .+$", code, re.MULTILINE)
    assert application is not None
    script = tmp_path / "documented.mjs"
    helper = (EXAMPLES / "playwright/cart-mock.mjs").as_uri()
    code = code.replace("http://127.0.0.1:8080", mock_url).replace(application[0], APPLICATION)
    script.write_text(f'import {{ CartMock }} from "{helper}";\n{code}\nawait cartMock.delete();')
    assert NODE is not None
    ran = subprocess.run([NODE, script], capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    silent = script.read_text().replace(APPLICATION, "")
    script.write_text(silent)
    ran = subprocess.run([NODE, script], capture_output=True, text=True, check=False, timeout=60)
    assert "expected exactly 1" in ran.stderr


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


def test_the_documentation_names_the_bounds_that_the_page_has() -> None:
    page = ROOT / "mockserver/cart_mock/workbench/page"
    model = (page / "model.js").read_text(encoding="utf-8")
    arrangement = (page / "arrangement.js").read_text(encoding="utf-8")
    (drawn,) = re.findall(r"MOST_DRAWN = (\d+);", model)
    (folded,) = re.findall(r"FOLD_ABOVE = (\d+);", arrangement)
    (undo,) = re.findall(r'UNDO = "(.+)";', model)
    text = " ".join(PAGE.split())
    assert f"With more than {folded} carts" in text
    assert f"With more than {drawn} customers and carts" in text
    assert f"`{undo}`" in text


def strings_of(name: str) -> set[str]:
    """The strings of a union type of the helper."""
    (union,) = re.findall(rf"export type {name} =([^;]+);", TYPES)
    return set(re.findall(r'"([^"]+)"', union))
