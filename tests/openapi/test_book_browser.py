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
    "I forgot the square brackets": "payload-not-array",
    "the body is empty": "payload-not-array",
    "empty list in the body": "customer-missing",
    "broken JSON": "payload-not-array body-malformed",
    "an entry of the list is a string": "entry-not-object",
    "misspelled type": "type-not-customer",
    "type is customers": "type-not-customer",
    "no id in the body": "customer-id-missing",
    "a shopper without a customer token": "customer-token-required",
    "can a visitor who is not logged in associate a cart": "customer-token-required",
    "guest wants to see his carts": "carts-need-an-owner",
    "can guests register": "implicit-registration",
    "the token is expired": "access-token-invalid",
    "my login stopped working after a day": "customer-token-invalid",
    "session expired": "customer-token-invalid access-token-invalid",
    "the customer header is empty": "empty-customer-token",
    "assign a cart to another customer": "customer-not-permitted",
    "the customer was never registered": "customer-not-found",
    "cart id with a slash": "cart-id-unsafe",
    "which characters are allowed in a cart id": "cart-id-unsafe new-cart-id-unsafe",
    "cart id already in use": "cart-id-taken",
    "the association already exists": "association-repeat",
    "link the same customer again": "association-repeat",
    "I delete an association that isn't there": "delete-missing",
    "unlink a customer who was never linked": "delete-missing",
    "remove the association": "association-deleted",
    "a cart that is associated with others": "cart-id-is-access",
    "can a stranger delete my cart": "cart-id-is-access",
    "is a cart private": "cart-id-is-access",
    "who sees my cart": "others-cannot-see cart-id-is-access",
    "can two people share one basket": "shared-cart",
    "cart on phone and laptop": "any-device",
    "how many carts can a customer have": "many-carts",
    "how long does a cart live": "cart-expired",
    "a cart is not used for a week": "cart-expired",
    "does associating extend the expiry": "association-keeps-clock",
    "does a new name reset the expiry": "updated-at-moves",
    "does a failed request change anything": "refusal-changes-nothing",
    "what may an admin do": "administrator-unrestricted",
    "I delete the last cart": "last-cart",
    "update a cart that was deleted": "cart-unknown",
    "cart without a name": "cart-name-missing",
    "name of only spaces": "cart-name-blank",
    "emoji in the name": "any-symbol",
    "Chinese characters in a description": "any-symbol",
    "the cart has an email": "cart-has-contact-email",
    "guest email on a registered cart": "contact-on-registered-cart",
    "remove the contact email": "contact-removal",
    "page limit 500": "page-out-of-range",
    "page[limit]=abc": "page-not-a-number",
    "bad filter": "filter-invalid",
    "sign up with an email that is taken": "email-taken",
    "another customer has that email": "email-taken",
    "register without an email address": "customer-invalid",
    "can I read another customer's profile": "customer-record-not-permitted",
    "what happens to the carts of a deleted customer": "customer-deleted",
    "the password is wrong": "credentials-wrong",
    "the secret of the key is wrong": "grant-invalid",
    "which check comes first": "judging-order",
    "uppercase header names": "header-names",
    "what does an error look like": "error-envelope",
    "rate limit": "too-many-requests",
    "429": "too-many-requests",
    "409": "cart-id-taken email-taken",
    "422": "cart-has-contact-email contact-on-registered-cart customer-invalid",
    "why do I get a 415": "media-type-unsupported",
    "the server is down": "service-unavailable",
    "my request is too big": "body-too-large head-too-large",
    "a wrong URL": "path-unknown",
    "I use PATCH": "method-not-allowed",
}
"""Questions in a person's words, each with the ids of the rules that answer it."""


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


def test_nine_of_ten_questions_find_their_rule_among_the_first_three(page: Page) -> None:
    assert len(QUESTIONS) >= 60
    missed = {}
    for question, rules in QUESTIONS.items():
        page.fill("input[name=words]", question)
        found = [hit.removeprefix("protocol-") for hit in hits(page)[:3]]
        if not set(rules.split()) & set(found):
            missed[question] = found
    assert len(missed) <= len(QUESTIONS) // 10, missed


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
