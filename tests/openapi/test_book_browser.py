"""In a real browser the book answers questions, fits a phone, and unfolds for print."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cart_spec.book.observation import Observation, Seen
from cart_spec.book.render import Since, render
from cart_spec.contract import load_contract
from cart_spec.implementations import installed_evidence
from playwright.sync_api import Browser, Page, sync_playwright

AXE = Path(__file__).parents[1] / "browser/node_modules/axe-core/axe.min.js"
CHROMIUM = shutil.which("chromium")

CONTRACT = load_contract()
CASES = installed_evidence()

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
    "two accounts in one request": "more-than-one-account",
    "customer and account token together": "two-owner-tokens",
    "the product is out of stock": "insufficient-stock",
    "the coupon is unknown": "promotion-not-found",
    "I use PATCH": "method-not-allowed",
    "my friend added me to her cart, is my own cart gone": "shared-cart many-carts",
    "can I use a bearer token from yesterday": "access-token-invalid customer-token-invalid",
    "I sent a JSON object and got 403": "payload-not-array",
    "does the server keep my cart if I never come back": "cart-expired",
    "what if I put 3 ids in the data array": "more-than-one-customer",
    "kick someone out of a shared cart": "association-deleted shared-cart",
    "is there a limit on list size": "page-out-of-range",
    "how do I page through more than 100 carts": "page-out-of-range many-carts",
    "can a cart be called ☕": "any-symbol",
    "umlauts in the title of the cart": "any-symbol",
    "two shoppers choose the same cart id": "cart-id-taken",
    "does reading a cart keep it alive": "association-keeps-clock",
    "I mistyped the customer's id": "customer-not-found customer-not-permitted customer-unknown",
    "account token in the customer header": "customer-token-invalid two-owner-tokens",
    "the API says 401": "access-token-invalid",
    "is a 404 possible when I associate": "cart-not-found customer-not-found",
    "empty cart name": "cart-name-missing cart-name-blank",
    "a very long name": "cart-name-missing",
    "Content-Type text/plain": "media-type-unsupported",
    "can I change the email to one somebody already has": "email-taken",
    "forgot my password": "credentials-wrong",
    "anonymous user wants a list of carts": "carts-need-an-owner",
    "is the password in the answer": "password-never-returned",
    "bulk associate ten customers": "more-than-one-customer",
    "undo an association twice": "delete-missing",
    "checkout without an email": "checkout-customer-required checkout-email-invalid",
    "pay an order twice": "order-paid",
    "quantity is negative": "item-invalid",
    "product that we do not sell": "product-not-found",
    "merging my guest cart after login": "merge-cart-not-found merge-with-itself",
    "who can see the settings": "settings-not-permitted",
    "cart with 101 different products": "cart-limit-exceeded",
    "the zip code of the address is missing": "address-invalid",
    "does DELETE need a body": "payload-not-array",
    "will my basket still be there next month": "cart-expired",
    "five customers at the same time": "more-than-one-customer",
    "is the cart's owner notified when a stranger opens it": "cart-id-is-access",
    "can I give a cart a Japanese name": "any-symbol",
    "my request has no Authorization header": "access-token-invalid",
    "what if the type is written with a capital letter": "type-not-customer type-not-account",
    "we want both spouses on one cart": "shared-cart",
    "remove a customer that is not on the cart": "delete-missing",
    "the same request sent twice": "association-repeat",
    "does the list show carts of other people": "others-cannot-see",
    "cart id contains a dot": "cart-id-unsafe new-cart-id-unsafe",
    "the id of the new cart exists": "cart-id-taken",
    "how many carts per page": "page-out-of-range",
    "negative offset": "page-out-of-range page-not-a-number",
    "search carts by name": "filter-invalid",
    "the e-mail address is not valid": "customer-invalid checkout-email-invalid",
    "is my password stored in plain text and sent back": "password-never-returned",
    "can an administrator see everything": "administrator-unrestricted",
    "delete a customer who has carts": "customer-deleted",
    "I read a cart that does not exist": "new-cart-by-get cart-not-found cart-unknown",
    "rename a cart": "updated-at-moves cart-name-missing",
    "500 error": "internal-error",
    "413": "body-too-large",
    "the body is XML": "media-type-unsupported body-malformed",
    "sold out product": "insufficient-stock",
    "voucher code is wrong": "promotion-not-found",
    "order of another customer": "order-not-found",
    "street is missing in the address": "address-invalid",
    "bare list without data": "body-bare-array",
    "username already exists": "username-taken",
    "wrong account password": "account-credentials-wrong credentials-wrong",
    "last cart of a customer cannot be deleted why": "last-cart",
    "the cart has a mail, now link a customer": "cart-has-contact-email",
    "which error wins if two things are wrong": "judging-order",
    "503": "service-unavailable",
    "lower case header": "header-names",
    "an empty account token": "empty-account-token",
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
    path.write_text(render(CONTRACT, CASES), encoding="utf-8")
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


ASK = """questions => Object.fromEntries(questions.map(question => {
  const input = document.querySelector('input[name=words]');
  input.value = question;
  input.dispatchEvent(new Event('input', {bubbles: true}));
  const links = [...document.querySelectorAll('.hits a')].slice(0, 3);
  return [question, links.map(link => link.hash.replace(/^#(protocol-)?/, ''))];
}))"""


def test_nine_of_ten_questions_find_their_rule_among_the_first_three(page: Page) -> None:
    assert len(QUESTIONS) >= 60
    answers: dict[str, list[str]] = page.evaluate(ASK, list(QUESTIONS))
    missed = {
        question: found
        for question, found in answers.items()
        if not set(QUESTIONS[question].split()) & set(found)
    }
    assert len(missed) <= len(QUESTIONS) // 10, missed


def test_filters_leave_what_fits_all_of_them(page: Page) -> None:
    page.select_option("select[name=operation]", "deleteACart")
    page.select_option("select[name=status]", "400")
    shown = page.locator("article.rule:not(.hidden)").all()
    assert [article.get_attribute("id") for article in shown] == [
        "two-owner-tokens",
        "last-cart",
    ]


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
    page.fill("input[name=words]", "more than one customer")
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


@pytest.mark.skipif(not AXE.is_file(), reason="axe is not installed; run scripts/setup test")
@pytest.mark.parametrize(
    ("width", "scheme", "rules"),
    [(1280, "light", {}), (390, "dark", {"runOnly": ["color-contrast", "target-size"]})],
)
def test_axe_finds_nothing(
    width: int, scheme: str, rules: dict[str, list[str]], browser: Browser, tmp_path: Path
) -> None:
    # All rules look alike, and axe takes its time for each: a few of them will do.
    few = replace(CONTRACT, rules=CONTRACT.rules[::12], disagreements=CONTRACT.disagreements[:2])
    seen = Observation("shop.example.com", "2026-11-23", {few.rules[0].id: Seen("advice", (), "x")})
    path = tmp_path / "book.html"
    path.write_text(render(few, CASES, "html", [seen], Since("1.0.0", [])), encoding="utf-8")
    page = browser.new_page(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page.goto(path.as_uri())
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("options => axe.run(options)", rules)["violations"]
    page.close()
    assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found] == []


NARROW = """() => [...document.querySelectorAll('main *')]
  .filter(each => !each.closest('svg, thead') && each.textContent.trim().length > 12
    && [...each.childNodes].some(node => node.nodeType === 3 && node.data.trim().length > 12))
  .map(each => [each.getBoundingClientRect(), each.textContent.trim().slice(0, 60)])
  .filter(([box]) => box.width > 0 && box.width < 80 && box.height > 4 * 22)
  .map(([, text]) => text)"""


@pytest.mark.parametrize("width", [320, 390])
def test_no_text_is_a_column_of_letters_on_a_phone(width: int, page: Page) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert page.evaluate(NARROW) == []


def test_no_rule_is_cut_when_it_is_printed(page: Page) -> None:
    """A4 with its margins leaves 182 by 265 mm; a millimetre has 3.78 pixels."""
    page.set_viewport_size({"width": 688, "height": 1001})
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    rules = page.evaluate(
        """() => [...document.querySelectorAll('article.rule')].map(each =>
          [each.id, each.offsetHeight, getComputedStyle(each).breakInside,
           [...each.querySelectorAll('.exchange, .cases p')].map(part => part.offsetHeight)])"""
    )
    assert len(rules) > 60
    assert {how for _, _, how, _ in rules} == {"avoid"}
    # A rule that is longer than a page is cut between its examples, or between lists of cases.
    assert [name for name, height, _, parts in rules if height - sum(parts[1:]) > 1001] == []
    assert [name for name, _, _, parts in rules if max(parts, default=0) > 1001] == []
    cases = page.locator("#payload-not-array .cases p").first
    assert cases.is_visible()


def test_pages_are_numbered_when_it_is_printed(page: Page) -> None:
    rules = page.evaluate(
        """() => [...document.styleSheets].flatMap(sheet => [...sheet.cssRules])
          .filter(rule => rule instanceof CSSPageRule)
          .flatMap(rule => [...rule.cssRules]).map(rule => rule.cssText)"""
    )
    assert any("counter(page)" in rule and "counter(pages)" in rule for rule in rules)
    assert any("Customer-cart associations" in rule for rule in rules)
