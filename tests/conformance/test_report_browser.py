"""In a real browser, the report runs no script of a server, fits a phone, and prints completely."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cart_conformance.reports.page import render
from cart_conformance.results import ExitStatus, Verdict
from cart_conformance.run.events import Event
from playwright.sync_api import Browser, Page, sync_playwright

from tests.conformance.streams import CONTRACT, DELETE, POST, deviation, run
from tests.conformance.test_reports import HOSTILE, hostile_run, report_of

CHROMIUM = shutil.which("chromium")
AXE = Path(__file__).parents[1] / "browser/node_modules/axe-core/axe.min.js"
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.skipif(not AXE.is_file(), reason="axe-core is missing; run scripts/setup test"),
    pytest.mark.xdist_group("browser"),
]

MANY = run(
    {
        "type-not-customer": Verdict.DEVIATES,
        "association-visible": Verdict.DEVIATES,
        "delete-missing": Verdict.ADVICE,
        "last-cart": Verdict.UNTESTABLE,
        "email-taken": Verdict.ERROR,
    },
    (
        *(deviation(case=f"type-not-customer/{POST}/{i}") for i in range(9)),
        deviation("association-visible", steps=("make cart 1", "read cart 1")),
        deviation("delete-missing", DELETE, expected="204", actual="404"),
    ),
    exit_status=ExitStatus.DEVIATES,
    reason="the control failed: 503",
)
RUNS = {"conforming": run(), "with many deviations": MANY}

Opened = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opened]:
    """Opens the report of a run; it must fetch nothing else, and complain of nothing."""
    trouble: list[str] = []
    fetched: list[str] = []
    pages: list[Page] = []
    path = tmp_path / "report.html"

    def open_page(events: list[Event], **options: Any) -> Page:
        path.write_bytes(render(report_of(events)))
        page = browser.new_page(**options)
        pages.append(page)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda message: trouble.append(message.text))
        page.on("dialog", lambda dialog: trouble.append(dialog.message))
        page.on("request", lambda request: fetched.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_page
    for page in pages:
        page.close()
    assert trouble == []
    assert {url.partition("#")[0] for url in fetched} == {path.as_uri()}


# Colours follow the scheme alone, and places the width alone, so two of the four pairs show all.
@pytest.mark.parametrize(
    ("viewport", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"]
)
@pytest.mark.parametrize("name", RUNS)
def test_axe_finds_nothing_and_nothing_is_cut_off(
    opened: Opened, name: str, viewport: Any, scheme: str
) -> None:
    page = opened(RUNS[name], viewport=viewport, color_scheme=scheme, bypass_csp=True)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")
    assert found["passes"]
    assert [
        f"{violation['id']}: {node['html'][:200]} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ] == []


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_server_sent_does_nothing(opened: Opened, name: str) -> None:
    page = opened(hostile_run(HOSTILE[name]), viewport=PHONE)
    assert page.locator("tr[id]").count() == len(CONTRACT.rules)
    assert page.locator("script").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_failure_can_be_read_without_a_click_and_advice_with_one(opened: Opened) -> None:
    page = opened(MANY, viewport=DESKTOP)
    failure = page.locator("#deviations-type-not-customer")
    assert failure.get_by_text("The type does not exist").first.is_visible()
    assert failure.get_by_text("curl -i").first.is_visible()
    advice = page.locator("#deviations-delete-missing")
    assert not advice.is_visible()
    page.locator("tr#rule-delete-missing a").click()
    assert advice.is_visible()


def test_print_unfolds_everything(opened: Opened) -> None:
    page = opened(MANY, viewport=DESKTOP)
    page.emulate_media(media="print")
    # One call for hundreds of elements.
    shown = "elements => elements.map(element => element.checkVisibility())"
    folded = page.locator("details pre").evaluate_all(shown)
    assert folded
    assert all(folded)
