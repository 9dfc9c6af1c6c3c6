"""The documentation site has no dead link, and what its pages show works."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from jsonschema.validators import validator_for
from mkdocs.commands.build import build
from mkdocs.config import load_config

from tests.pages import DOCS, ROOT, blocks
from tests.shared.servers import free_port

SHOWN_URL = "http://127.0.0.1:8080"
SHOWN_CATALOGUE = "http://127.0.0.1:3000"
SHOWN_PORTS = ("8090", "8081", "8082", "6379")
SESSIONS = tuple(
    f"docs/{name}.md"
    for name in (
        "assistants", "end-to-end-ci", "sharing", "start-python", "troubleshooting", "watch",
        "whole-shop",
    )
)  # fmt: skip
"""Pages whose commands are run here; tests/test_pages.py says what runs those of the others."""
SOURCES = ("mockserver/cart_mock", "openapi/cart_spec", "packages/cart-mock/src", "scripts/setup")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    # `strict` in mkdocs.yml: a link that leads nowhere, or to no heading, ends the build.
    build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder)))
    return folder


@pytest.mark.full
def test_site_has_every_page_and_is_complete_without_a_network(site: Path) -> None:
    written = {path.parent.name for path in site.glob("*/index.html")}
    assert {path.stem for path in DOCS.glob("*.md")} - {"index"} <= written
    assert {"changelog", "contract-changelog"} <= written
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r'<(?:script|img)[^>]* src="([^"]+)"', text)
        loaded += re.findall(r'<link[^>]* rel="(?:stylesheet|icon)"[^>]* href="([^"]+)"', text)
        assert loaded
        assert not [address for address in loaded if "//" in address], page


# --- Commands ---


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the other server of the page about a whole shop: a folder of files."""
    folder = tmp_path_factory.mktemp("catalogue")
    (folder / "catalog").mkdir()
    product = {"type": "product", "attributes": {"name": "A mug of the catalogue"}}
    (folder / "catalog/products.json").write_text(json.dumps({"data": [product]}))
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the commands, which a checkout has only as modules."""
    folder = tmp_path_factory.mktemp("bin")
    command = folder / "cart-mock"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m cart_mock "$@"\n')
    command.chmod(0o755)
    return folder


def shown_commands() -> Iterator[tuple[str, str, str]]:
    """Yield each command block of the pages with the output that follows it."""
    for page in SESSIONS:
        found = blocks(page)
        for block, after in zip(found, [*found[1:], None], strict=True):
            output = after.text if after is not None and after.language == "output" else ""
            if block.language == "bash":
                yield page, block.text, output
            elif block.language == "python" and output:
                yield page, f"{sys.executable} - <<'END'\n{block.text}END\n", output


def printed_by(script: str, output: str, folder: Path, **variables: str) -> None:
    """Run a script until it has printed these lines; then end what it started.

    A script that ends by itself must succeed.
    """
    process = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    expected, printed = output.splitlines(), ""
    try:
        for line in process.stdout:
            printed += line
            at = 0
            while expected and expected[0] in line[at:]:
                at = line.index(expected[0], at) + len(expected[0])
                del expected[0]
            if not expected:
                break
        assert not expected, printed
        if not re.search(r"&\n|^cart-mock --", script, re.MULTILINE):  # nothing goes on by itself
            process.communicate(timeout=500)
            assert process.returncode == 0, printed
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.full
@pytest.mark.parametrize(("page", "script", "output"), list(shown_commands()))
def test_commands_print_what_the_page_shows(
    page: str,
    script: str,
    output: str,
    mock_url: str,
    catalogue: str,
    commands: Path,
    tmp_path: Path,
) -> None:
    assert output, "an output block follows each command block"
    if "redis-server" in script and shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    script = script.replace(SHOWN_URL, mock_url)
    output = output.replace(SHOWN_CATALOGUE, catalogue)
    script = script.replace(SHOWN_CATALOGUE, catalogue)
    for port in SHOWN_PORTS:
        script = script.replace(port, str(free_port()))
    path = f"{commands}:{os.environ['PATH']}"
    printed_by(script, output, tmp_path, PATH=path, CART_MOCK_PORT=str(free_port()))


@pytest.mark.full
def test_step_of_a_job_starts_the_mock_and_waits_for_it(commands: Path, tmp_path: Path) -> None:
    (step,) = (
        step["run"]
        for text in WORKFLOWS
        for job in yaml.safe_load(text).get("jobs", {}).values()
        for step in job["steps"]
        if step.get("name") == "Start the mock"
    )
    port = str(free_port())
    printed_by(
        step,
        '"status"',
        tmp_path,
        PATH=f"{commands}:{os.environ['PATH']}",
        CART_MOCK_PORT=port,
        CART_MOCK_URL=f"http://127.0.0.1:{port}",
    )


@pytest.mark.timeout(600)
def test_command_of_the_page_about_breaks_shows_their_verdicts() -> None:
    (script,) = (block.text for block in blocks("docs/breaks.md") if block.language == "sh")
    python = Path(sys.executable).parent
    printed_by(script, "more-than-one-customer:", ROOT, PATH=f"{python}:{os.environ['PATH']}")


@pytest.mark.full
def test_tests_of_the_quick_start_pass_with_warnings_as_errors(tmp_path: Path) -> None:
    page = blocks("docs/start-python.md")
    shown = [block.text for block in page if block.language == "python"]
    (tmp_path / "test_shown.py").write_text("\n".join(shown))
    plugin = ("-p", "cart_mock.pytest_plugin", "-p", "no:cacheprovider")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", *plugin, str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


WORKFLOWS = [
    block.text
    for page in ("docs/ci.md", "docs/end-to-end-ci.md")
    for block in blocks(page)
    if block.language == "yaml" and not block.text.startswith("steps:")
]


@pytest.mark.parametrize("text", WORKFLOWS)
def test_workflow_of_a_page_matches_the_published_schema(text: str) -> None:
    # YAML 1.1 reads the key `on` as true.
    document = yaml.safe_load(re.sub(r"^on:", '"on":', text, flags=re.MULTILINE))
    name = "github-workflows" if "jobs" in document else "gitlab-ci"
    schema = files("check_jsonschema.builtin_schemas") / f"vendor/{name}.json"
    published = json.loads(schema.read_text(encoding="utf-8"))
    validator = validator_for(published)(published)
    assert not [error.message for error in validator.iter_errors(document)]


# --- Error texts ---


def test_every_error_text_that_is_explained_is_one_that_the_tools_print() -> None:
    listing = ["git", "ls-files", "--", *SOURCES]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    code = [ROOT / name for name in names.split() if name.endswith((".py", ".ts", "setup"))]
    printed = "\n".join(path.read_text(encoding="utf-8") for path in code)
    page = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    tables = page.partition("## The vendor's SDK")[0]
    cells = re.findall(r"^\| (`[^|]+) \|", tables, re.MULTILINE)
    texts = [text for cell in cells for text in re.findall(r"`([^`]+)`", cell)]
    assert len(texts) > 10
    assert not [text for text in texts if text not in printed]
