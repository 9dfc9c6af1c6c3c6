"""In a real browser the book answers questions, fits a phone, and unfolds for print."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cart_spec.book.render import render
from cart_spec.contract import load_contract
from cart_spec.implementations import Evidence
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium")

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.xdist_group("browser"),
]

QUESTIONS = {
    "two customers in one request": "more-than-one-customer",
    "the same customer twice": "more-than-one-customer",
    "the cart does not exist": "cart-not-found",
    "I send an object instead of an array": "payload-not-array",
    "the body is empty": "payload-not-array",
    "a shopper without a customer token": "customer-token-required",
    "I delete the last cart": "last-cart",
    "the token is expired": "access-token-invalid",
    "a cart that is associated with others": "cart-id-is-access",
    "the association already exists": "association-repeat",
    "I delete an association that isn't there": "delete-missing",
    "type is customers": "type-not-customer",
    "the cart has an email": "cart-has-contact-email",
    "a cart is not used for a week": "cart-expired",
    "the password is wrong": "credentials-wrong",
    "emoji in the name": "any-symbol",
    "page limit 500": "page-out-of-range",
    "another customer has that email": "email-taken",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("book") / "book.html"
    path.write_text(render(load_contract(), Evidence()), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    errors: list[str] = []
    fetched: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(address)
    yield page
    page.close()
    assert errors == []
    assert {url.partition("#")[0] for url in fetched} == {address}


def hits(page: Page) -> list[str]:
    links = page.locator(".hits a").all()
    return [str(link.get_attribute("href")).removeprefix("#") for link in links]


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_answer_is_among_the_first_three(question: str, page: Page) -> None:
    page.fill("input[name=words]", f"What happens if {question}?")
    assert QUESTIONS[question] in hits(page)[:3]


def test_filters_leave_what_fits_all_of_them(page: Page) -> None:
    page.select_option("select[name=operation]", "deleteACart")
    page.select_option("select[name=status]", "400")
    shown = page.locator("article.rule:not(.hidden)").all()
    assert [article.get_attribute("id") for article in shown] == ["last-cart"]


def test_nothing_found_is_said(page: Page) -> None:
    page.fill("input[name=words]", "zebra quagga")
    assert page.locator("output").inner_text() == "Nothing found. Try fewer or other words."


def test_the_slash_key_goes_to_the_question_and_escape_shows_all_again(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("emoji")
    assert hits(page)
    page.keyboard.press("Escape")
    assert page.locator("article.rule.hidden").count() == 0


def test_a_hit_leads_to_its_rule(page: Page) -> None:
    page.fill("input[name=words]", "two customers")
    page.locator(".hits a").first.click()
    assert page.locator("#more-than-one-customer").is_visible()
    assert page.url.endswith("#more-than-one-customer")


def test_a_link_into_what_is_hidden_shows_it(page: Page) -> None:
    page.fill("input[name=words]", "two customers")
    page.evaluate("location.hash = '#cart-expired'")
    page.locator("#cart-expired").wait_for(state="visible")


def test_examples_unfold_for_print(page: Page) -> None:
    assert page.locator("details[open]").count() == 0
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".rule > details:not([open])").count() == 0


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_it_never_scrolls_sideways(width: int, page: Page) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(
    ("phone", "hint"), [(False, "What happens if … (press /)"), (True, "What happens if …")]
)
def test_search_offers_a_key_only_to_those_who_have_keys(
    browser: Browser, address: str, hint: str, *, phone: bool
) -> None:
    context = browser.new_context(has_touch=phone, is_mobile=phone)
    page = context.new_page()
    page.goto(address)
    assert page.get_attribute("input[name=words]", "placeholder") == hint
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(scheme: str, browser: Browser, address: str) -> None:
    """At least 4.5 to 1, the contrast that WCAG asks for, for each colour that text has."""
    page = browser.new_page(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(address)
    ratios = page.evaluate(
        """() => {
          const style = getComputedStyle(document.documentElement);
          const light = name => {
            const written = style.getPropertyValue(name).trim();
            const hex = written.replace(/^#(.)(.)(.)$/, '#$1$1$2$2$3$3');
            const parts = [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16) / 255)
              .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
            return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
          };
          const pairs = [['--ink', '--page'], ['--soft', '--card'], ['--accent', '--card'],
                         ['--good', '--good-tint'], ['--bad', '--bad-tint'], ['--ink', '--tint']];
          return pairs.map(pair => {
            const [low, high] = pair.map(light).sort((a, b) => a - b);
            return [pair.join(' on '), (high + 0.05) / (low + 0.05)];
          });
        }"""
    )
    page.close()
    assert [pair for pair, ratio in ratios if ratio < 4.5] == []
