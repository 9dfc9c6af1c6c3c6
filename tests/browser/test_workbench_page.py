"""The workbench's page, used in a real browser."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from ctypes.util import find_library
from pathlib import Path
from typing import Any

import httpx
import pytest
from cart_mock.testing import CartMock
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    Route,
    expect,
    sync_playwright,
)

from tests.live import running_mock

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "mockserver/cart_mock/workbench/page"
AXE = HERE / "node_modules/axe-core/axe.min.js"
LIT = HERE / "node_modules/lit-html"
CHROMIUM = shutil.which("chromium")
DESKTOP, PHONE = {"width": 1360, "height": 900}, {"width": 360, "height": 740}
VIEWS = ("live", "situation", "coverage")
HOSTILE = "<img src=x onerror=\"window.hacked=1\"> & 'quoted' </text><script>hacked=1</script>"
TYPE_TEXT = "The type does not exist or is not listed as customer"

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.skipif(find_library("atomic") is None, reason="libatomic1 is not installed"),
    pytest.mark.skipif(not AXE.is_file(), reason="axe-core is missing; run scripts/setup test"),
    pytest.mark.xdist_group("browser"),
]

Opened = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture
def mock(mock_url: str) -> Iterator[CartMock]:
    """Yield a mock with a store for this test."""
    with httpx.Client(base_url=mock_url) as client:
        mock = CartMock(client, f"page-{uuid.uuid4()}")
        yield mock
        if mock.client_id in names(client):
            mock.workbench("DELETE", f"/stores/{mock.client_id}")


def names(client: httpx.Client) -> list[str]:
    return [store["client_id"] for store in client.get("/_mock/stores").json()["data"]]


@pytest.fixture
def opened(browser: Browser, mock: CartMock) -> Iterator[Opened]:
    """Yield a function that opens the page; a script error or a foreign request fails the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []
    fetched: list[str] = []

    def open_page(view: str = "live", **options: Any) -> Page:
        context = browser.new_context(**{"viewport": DESKTOP, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.on(
            "request",
            lambda request: fetched.append(request.url),
        )
        page.goto(f"{mock.url}/_mock/?store={mock.client_id}#{view}")
        expect(page.locator("#store-chooser")).to_have_value(mock.client_id)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [url for url in fetched if not url.startswith((mock.url, "blob:"))] == []
    assert [error for error in errors if "Failed to load resource" not in error] == []


def card(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title, exact=True)


def choice(place: Locator, name: str) -> Locator:
    return place.get_by_role("combobox", name=name)


def says(page: Page, text: str) -> None:
    expect(page.locator("#notice")).to_contain_text(text)


def refuse(mock: CartMock, cart: str = "household") -> httpx.Response:
    """Send a request that type-not-customer refuses."""
    return mock.client.post(
        f"/v2/carts/{cart}/relationships/customers",
        headers=mock.headers(),
        json={"data": [{"type": "account", "id": "bob"}]},
    )


# ---- Live requests, explained ------------------------------------------------------------------


def test_requests_appear_as_they_come_and_refusals_are_announced(
    opened: Opened, mock: CartMock
) -> None:
    page = opened()
    expect(card(page, "Who has what")).to_contain_text("This store is empty")
    mock.seed("shared-cart")
    refuse(mock)
    row = page.get_by_role("button", name="type-not-customer")
    expect(row).to_contain_text("/v2/carts/household/relationships/customers")
    expect(page.locator("#announcer")).to_have_text(
        "Refused with 400: POST /v2/carts/household/relationships/customers, by type-not-customer"
    )


def test_a_refusal_is_explained_down_to_a_command_that_passes(
    opened: Opened, mock: CartMock
) -> None:
    mock.seed("shared-cart")
    refuse(mock, "cleos")
    page = opened(permissions=["clipboard-read", "clipboard-write"])
    row = page.get_by_role("button", name="type-not-customer")
    row.click()
    expect(row).to_have_attribute("aria-expanded", "true")
    why = page.locator(".why")
    for text in ("documented", TYPE_TEXT, "vendor's overview page", "/data/0/type", '"account"'):
        expect(why).to_contain_text(text)
    link = why.get_by_role("link", name="type-not-customer")
    expect(link).to_have_attribute("href", "../book#type-not-customer")
    expect(why.locator("blockquote code").first).to_be_visible()
    expect(why.locator("blockquote")).not_to_contain_text("`")
    why.get_by_role("button", name="Copy").click()
    expect(why.get_by_role("button", name="Copied")).to_be_visible()
    command = page.evaluate("navigator.clipboard.readText()")
    done = subprocess.run(
        ["bash", "-c", f"{command} -s -o /dev/null -w '%{{http_code}}'"],
        env={"ACCESS_TOKEN": mock.access_token(), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "200"
    row.click()
    expect(why).to_have_count(0)


def test_what_was_sent_and_answered_is_shown_without_secrets(
    opened: Opened, mock: CartMock
) -> None:
    mock.seed("shared-cart")
    headers = mock.headers("ada@example.com", "ada-password")
    mock.client.get("/v2/carts", headers=headers)
    page = opened()
    rows = page.locator("button.row").filter(has_not_text="no store")
    expect(rows).to_have_count(3)
    for row in rows.all():
        row.click()
    for summary in page.get_by_text("The request and its answer").all():
        summary.click()
    expect(page.locator(".why pre").filter(has_text="household")).to_have_count(1)
    shown = page.content()
    assert "[redacted]" in shown
    assert "ada-password" not in shown
    assert headers["X-Moltin-Customer-Token"] not in shown


def test_a_request_without_a_valid_token_is_shown_as_of_no_store(
    opened: Opened, mock: CartMock
) -> None:
    page = opened()
    path = f"/v2/carts/{uuid.uuid4()}"
    mock.client.get(path, headers={"Authorization": "Bearer nonsense"})
    row = page.get_by_role("button", name=path)
    expect(row).to_contain_text("access-token-invalid")
    expect(row).to_contain_text("no store")


def test_the_list_can_be_paused_narrowed_and_cleared(opened: Opened, mock: CartMock) -> None:
    mock.seed("shared-cart")
    refused = refuse(mock)
    page = opened()
    rows = page.locator("button.row").filter(has_not_text="no store")
    expect(rows).to_have_count(2)
    page.get_by_label("Refusals only").check()
    expect(rows).to_have_count(1)
    page.get_by_label("Refusals only").uncheck()
    for sought in ("createAccessToken", refused.headers["X-Request-Id"]):
        page.get_by_label("Find in requests").fill(sought)
        expect(rows).to_have_count(1)
    page.get_by_label("Find in requests").fill("")
    page.get_by_role("button", name="Pause").click()
    mock.client.get("/v2/carts", headers=mock.headers())
    expect(page.get_by_role("button", name="Paused, 2 more")).to_be_visible()
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="Paused").click()
    expect(rows).to_have_count(4)
    card(page, "Requests").get_by_role("button", name="Clear").click()
    expect(rows).to_have_count(0)
    assert mock.requests() == []


def test_preflights_are_listed_only_if_asked(opened: Opened, mock: CartMock) -> None:
    asks = {"Origin": "http://localhost:5173", "Access-Control-Request-Method": "GET"}
    mock.client.options(f"/v2/carts/{mock.client_id}", headers=asks).raise_for_status()
    page = opened()
    requests = card(page, "Requests")
    requests.get_by_label("Find in requests").fill(mock.client_id)
    expect(requests).to_contain_text("No matching requests.")
    requests.get_by_role("button", name="List preflights").click()
    expect(requests.get_by_role("button", name="OPTIONS")).to_have_count(1)


def test_the_focus_stays_on_a_request_while_others_come(opened: Opened, mock: CartMock) -> None:
    mock.seed("shared-cart")
    refuse(mock)
    page = opened()
    row = page.get_by_role("button", name="type-not-customer")
    row.focus()
    page.keyboard.press("Enter")
    mock.client.get("/v2/carts", headers=mock.headers())
    expect(page.get_by_role("button", name="200 GET /v2/carts")).to_be_visible()
    expect(row).to_be_focused()
    expect(row).to_have_attribute("aria-expanded", "true")


def test_what_a_cart_is_called_is_shown_and_never_run(opened: Opened, mock: CartMock) -> None:
    mock.client.post("/v2/carts", headers=mock.headers(), json={"data": {"name": HOSTILE}})
    refused = {"data": {"name": HOSTILE, "id": HOSTILE}}
    mock.client.post("/v2/carts", headers=mock.headers(), json=refused)
    page = opened()
    page.get_by_role("button", name="new-cart-id-unsafe").click()
    expect(page.locator(".why").get_by_text("What broke it")).to_be_visible()
    page.get_by_text("The same as a list").click()
    expect(card(page, "Who has what").locator("li").filter(has_text=HOSTILE)).to_have_count(1)
    assert page.locator("main img, main script").count() == 0
    assert page.evaluate("window.hacked") is None


# ---- The picture -------------------------------------------------------------------------------


def many(customers: int, carts: int) -> dict[str, Any]:
    """Return a state in which customers have several carts; some are shared, some unowned."""
    held = [n for n in range(carts) if customers and n % 7]
    links = {(f"cart-{n}", f"customer-{(n * step) % customers}") for n in held for step in (1, 3)}
    return {
        "customers": [
            {"id": f"customer-{n}", "name": f"Customer number {n}", "email": f"c{n}@example.com"}
            for n in range(customers)
        ],
        "carts": [{"id": f"cart-{n}", "name": f"A rather long name {n}"} for n in range(carts)],
        "associations": [{"cart": c, "customer": who} for c, who in sorted(links)],
    }


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize(
    "size",
    [(1, 0), (0, 1), (3, 5), (24, 24), (30, 300), (200, 200)],
    ids=str,
)
def test_the_picture_is_readable(
    opened: Opened, mock: CartMock, size: tuple[int, int], viewport: Any
) -> None:
    mock.workbench("PUT", f"/stores/{mock.client_id}/state", many(*size))
    page = opened(viewport=viewport)
    picture = page.locator("svg.picture")
    expect(picture).to_be_visible()
    boxes = picture.evaluate(
        """svg => {
          const frame = svg.getBoundingClientRect();
          const scale = frame.width / svg.viewBox.baseVal.width;
          const texts = kind => [...svg.querySelectorAll(`.${kind} text`)];
          return ["customer", "cart"].map(kind => texts(kind).map(text => {
            const box = text.getBoundingClientRect();
            const font = parseFloat(getComputedStyle(text).fontSize) * scale;
            return [box.left - frame.left, box.right - frame.right, box.top, box.bottom, font];
          }));
        }"""
    )
    assert [bool(column) for column in boxes] == [bool(number) for number in size]
    for column in boxes:
        for left, right, _, _, font in column:
            assert left >= 0
            assert right <= 0
            assert font >= 12
        lines = sorted((top, bottom) for _, _, top, bottom, _ in column)
        overlaps = [above for above, below in itertools.pairwise(lines) if above[1] > below[0] + 2]
        assert overlaps == []


def test_the_picture_shows_accounts_and_the_items_of_carts(opened: Opened, mock: CartMock) -> None:
    mock.seed("account-member")
    picture = opened().locator("svg.picture")
    expect(picture.locator(".account")).to_have_count(2)
    for text in ("Owners", "Acme", "For Acme · 12 items", "Cart · 2 items"):
        expect(picture).to_contain_text(text)


def test_the_picture_says_when_there_is_nothing_or_too_much(opened: Opened, mock: CartMock) -> None:
    page = opened()
    picture = card(page, "Who has what")
    expect(picture).to_contain_text("This store is empty")
    mock.workbench("PUT", f"/stores/{mock.client_id}/state", many(600, 901))
    expect(picture).to_contain_text("600 customers and 901 carts are too many to draw")
    expect(page.locator("svg.picture")).to_have_count(0)


def test_picture_of_500_customers_draws_owners_with_as_many_carts_as_one(
    opened: Opened, mock: CartMock
) -> None:
    state = many(500, 300)
    state["associations"] = [{"cart": f"cart-{n}", "customer": f"customer-{n}"} for n in range(300)]
    state["associations"].append({"cart": "cart-0", "customer": "customer-499"})
    mock.workbench("PUT", f"/stores/{mock.client_id}/state", state)
    page = opened()
    drawn = page.locator("svg.picture .customer")
    expect(drawn).to_have_count(4)
    expect(page.locator("svg.picture")).to_contain_text("299, 1 cart each")
    expect(page.locator("svg.picture")).to_contain_text("199, no cart")
    people = card(page, "Customers and accounts")
    expect(people).to_contain_text("500 in all")
    people.get_by_label("Find customers and accounts").fill("c123@")
    expect(people).to_contain_text("Customer number 123")
    people.get_by_role("button", name="Add a customer").click()
    people.get_by_label("Name", exact=True).press("Escape")
    expect(people.get_by_label("Name", exact=True)).to_have_count(0)


def test_the_picture_follows_what_happens_and_marks_what_is_new(
    opened: Opened, mock: CartMock
) -> None:
    mock.seed("one-shopper")
    page = opened()
    links = page.locator("svg.picture .link")
    expect(links).to_have_count(2)
    cart = next(
        c["id"]
        for c in mock.workbench("GET", f"/stores/{mock.client_id}/state")["carts"]
        if f'"{c["id"]}"' not in json.dumps(owned(mock))
    )
    mock.client.post(
        f"/v2/carts/{cart}/relationships/customers",
        headers=mock.headers(),
        json={"data": [{"type": "customer", "id": "ada"}]},
    ).raise_for_status()
    expect(links).to_have_count(3)
    expect(page.locator("svg.picture .link.fresh")).to_have_count(1)
    page.locator("svg.picture .customer").hover()
    expect(page.locator("svg.picture .link.lit")).to_have_count(3)


def test_what_is_sought_in_a_large_picture_is_brought_into_sight(
    opened: Opened, mock: CartMock
) -> None:
    mock.workbench("PUT", f"/stores/{mock.client_id}/state", many(60, 240))
    page = opened(viewport=PHONE)
    expect(page.locator("svg.picture .customer")).to_have_count(60)
    last = page.locator("svg.picture .customer").last.locator("title").text_content()
    assert last is not None
    page.get_by_label("Find a customer or cart").fill(last.splitlines()[1])
    lit = page.locator("svg.picture .customer.lit")
    expect(lit.first).to_be_in_viewport()
    expect(page.locator("svg.picture .cart.lit").first).to_be_attached()


def owned(mock: CartMock) -> list[Any]:
    found: list[Any] = mock.workbench("GET", f"/stores/{mock.client_id}/state")["associations"]
    return found


def test_the_arrangement_places_each_customer_and_cart_once_and_none_on_another(
    opened: Opened,
) -> None:
    page = opened()
    for size in [(0, 0), (1, 1), (7, 3), (3, 70), (90, 90), (45, 2)]:
        state = many(*size)
        drawn = page.evaluate(
            "async state => (await import('/_mock/page/arrangement.js')).arrange(state)", state
        )
        for side, things in (("left", state["customers"]), ("right", state["carts"])):
            ids = [one for node in drawn[side] for one in node["ids"]]
            assert sorted(ids) == sorted(thing["id"] for thing in things)
            rows = sorted(node["y"] for node in drawn[side])
            assert all(0 <= row <= drawn["rows"] - 1 for row in rows)
            assert all(above + 1 <= below for above, below in itertools.pairwise(rows))
        joined = {
            (customer, cart)
            for link in drawn["links"]
            for customer in link["customer"]["ids"]
            for cart in link["cart"]["ids"]
        }
        assert joined == {(link["customer"], link["cart"]) for link in state["associations"]}


# ---- Situations --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scenario", "counts"),
    [
        ("empty-shop", "0 customers, 0 carts"),
        ("shared-cart", "3 customers, 3 carts"),
        ("account-member", "0 customers, 2 accounts, 3 carts"),
    ],
)
def test_a_scenario_is_seeded_and_undone(
    opened: Opened, mock: CartMock, scenario: str, counts: str
) -> None:
    mock.seed("one-shopper")
    page = opened("situation")
    page.get_by_role("button", name=f"Seed {scenario}").click()
    says(page, f"The store is {scenario} now.")
    expect(card(page, "Carts and customers")).to_contain_text(f"Now: {counts}.")
    page.get_by_role("button", name="Undo").click()
    says(page, "Undone")
    expect(card(page, "Carts and customers")).to_contain_text("Now: 1 customer, 3 carts.")


def test_a_big_shop_of_any_size_is_seeded(opened: Opened, mock: CartMock) -> None:
    page = opened("situation")
    page.get_by_label("How many carts").fill("1234")
    page.get_by_role("button", name="Seed big-shop").click()
    expect(card(page, "Carts and customers")).to_contain_text("1,234 carts")


def test_a_reset_keeps_what_is_ticked(opened: Opened, mock: CartMock) -> None:
    mock.seed("shared-cart")
    mock.clock("freeze")
    mock.fault("latency", seconds=1)
    page = opened("situation")
    page.get_by_label("clock", exact=True).check()
    page.get_by_role("button", name="Reset the store").click()
    says(page, "The store is as new.")
    store = mock.workbench("GET", f"/stores/{mock.client_id}")["data"]
    assert (store["carts"], store["faults"], store["clock"]["frozen"]) == (0, 0, True)


def test_a_snapshot_is_kept_compared_restored_and_deleted(opened: Opened, mock: CartMock) -> None:
    mock.seed("shared-cart")
    page = opened("situation")
    snapshots = card(page, "Snapshots")
    page.get_by_label("Name of the snapshot").fill("before/after")
    page.get_by_role("button", name="Keep the present state").click()
    says(page, "Kept as before/after.")
    expect(snapshots).to_contain_text("3 customers, 3 carts, 4 associations")
    compare = page.get_by_role("button", name="Compare")
    compare.click()
    expect(snapshots).to_contain_text("Nothing differs.")

    mock.client.delete("/v2/carts/adas", headers=mock.headers()).raise_for_status()
    renamed = {"data": {"name": HOSTILE}}
    mock.client.put("/v2/carts/household", headers=mock.headers(), json=renamed).raise_for_status()
    compare.click()
    gone = "gone: cart adas of customer ada"
    for text in ("gone: cart adas Ada's own", "changed: cart household", HOSTILE, gone):
        expect(snapshots.locator(".diff")).to_contain_text(text)

    page.get_by_role("button", name="Restore before/after").click()
    says(page, "The store is as in before/after.")
    assert len(owned(mock)) == 4
    page.get_by_role("button", name="Delete before/after").click()
    says(page, "before/after is forgotten.")


def test_a_comparison_shows_accounts_and_what_they_have(opened: Opened, mock: CartMock) -> None:
    mock.seed("account-member")
    mock.workbench("PUT", f"/stores/{mock.client_id}/snapshots/before")
    mock.client.post(
        "/v2/carts/guest/relationships/accounts",
        headers=mock.headers(),
        json={"data": [{"type": "account", "id": "bolt"}]},
    ).raise_for_status()
    account = {"data": {"type": "account", "name": "Cobalt", "legal_name": "Cobalt Ltd"}}
    mock.client.post("/v2/accounts", headers=mock.headers(), json=account).raise_for_status()
    page = opened("situation")
    snapshots = card(page, "Snapshots")
    expect(snapshots).to_contain_text("0 customers, 2 accounts, 3 carts, 2 associations")
    page.get_by_role("button", name="Compare").click()
    differences = snapshots.locator(".diff")
    expect(differences).to_contain_text("new: cart guest of account bolt")
    expect(differences).to_contain_text(re.compile("new: account .* Cobalt"))


FAULTS: dict[str, tuple[dict[str, str], dict[str, str], dict[str, Any]]] = {
    # kind: (what is chosen, what is filled in, what is then in force)
    "latency": (
        {},
        {"Seconds": "0.25", "For how many requests": "3"},
        {"seconds": 0.25, "times": 3},
    ),
    "error": (
        {"Which error": "too-many-requests", "Operation": "getCarts"},
        {"Retry-After, in seconds": "7"},
        {"rule": "too-many-requests", "operation": "getCarts", "retry_after": 7},
    ),
    "drop": ({}, {"Cart": "household"}, {"cart": "household"}),
    "stall": ({}, {"Customer": "ada"}, {"customer": "ada"}),
    "truncate": (
        {},
        {"Share of them": "0.5", "Repeat with number": "7"},
        {"share": 0.5, "seed": 7},
    ),
    "malform": ({}, {}, {}),
    "lose-reply": ({"Operation": "createACart"}, {}, {"operation": "createACart"}),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_added_and_taken_back(opened: Opened, mock: CartMock, kind: str) -> None:
    chosen, filled, expected = FAULTS[kind]
    page = opened("situation")
    faults = card(page, "Faults")
    choice(faults, "What happens").select_option(kind)
    for label, value in chosen.items():
        choice(faults, label).select_option(value)
    for label, value in filled.items():
        faults.get_by_label(label, exact=True).fill(value)
    page.get_by_role("button", name="Add the fault").click()
    says(page, f"fault-1 is in force: {kind}.")
    (fault,) = mock.workbench("GET", f"/stores/{mock.client_id}/faults")["data"]
    assert {"kind": kind, **expected}.items() <= fault.items()
    expect(page.locator("#strip")).to_contain_text("1 fault in force")
    page.get_by_role("button", name="Take back fault-1").click()
    says(page, "fault-1 is taken back.")
    expect(faults).to_contain_text("none in force")


def test_a_spread_latency_and_a_rules_error_are_added_and_all_taken_back(
    opened: Opened, mock: CartMock
) -> None:
    page = opened("situation")
    faults = card(page, "Faults")
    faults.get_by_label("Spread (lognormal)").check()
    faults.get_by_label("Median, in seconds").fill("0.1")
    page.get_by_role("button", name="Add the fault").click()
    expect(faults).to_contain_text("median 0.1 s, sigma 0.5")
    choice(faults, "What happens").select_option("error")
    choice(faults, "Which error").select_option("cart-not-found")
    page.get_by_role("button", name="Add the fault").click()
    expect(faults).to_contain_text("2 in force")
    page.get_by_role("button", name="Take all back").click()
    expect(faults).to_contain_text("none in force")


def test_a_fault_that_cannot_be_is_refused_in_words(opened: Opened, mock: CartMock) -> None:
    page = opened("situation")
    faults = card(page, "Faults")
    choice(faults, "What happens").select_option("error")
    choice(faults, "Which error").select_option("cart-not-found")
    choice(faults, "Operation").select_option("getCarts")
    page.get_by_role("button", name="Add the fault").click()
    says(page, "getCarts never answers with cart-not-found")
    assert mock.workbench("GET", f"/stores/{mock.client_id}/faults")["data"] == []


def test_a_fault_that_is_used_up_goes_from_the_page(opened: Opened, mock: CartMock) -> None:
    headers = mock.headers()
    mock.fault("error", rule="internal-error", times=1)
    page = opened("situation")
    expect(card(page, "Faults")).to_contain_text("1 in force")
    assert mock.client.get("/v2/carts", headers=headers).status_code == 500
    expect(card(page, "Faults")).to_contain_text("none in force")


def test_the_clock_is_frozen_moved_set_and_let_go(opened: Opened, mock: CartMock) -> None:
    page = opened("situation")
    clock = card(page, "Clock")
    expect(clock).to_contain_text("follows the machine's")
    clock.get_by_role("button", name="Freeze").click()
    says(page, "The clock stands still.")
    expect(page.locator("#strip")).to_contain_text("Clock: frozen")
    clock.get_by_label("Set to").fill("2030-01-31T12:00:00")
    clock.get_by_role("button", name="Set", exact=True).click()
    expect(clock).to_contain_text("2030-01-31 12:00:00 UTC")
    clock.get_by_role("button", name="+ 1 day").click()
    expect(clock).to_contain_text("2030-02-01 12:00:00 UTC")
    clock.get_by_label("Advance by").fill("90")
    clock.get_by_role("button", name="Advance", exact=True).click()
    expect(clock).to_contain_text("2030-02-01 12:01:30 UTC")
    clock.get_by_role("button", name="Resume").click()
    expect(clock).to_contain_text("ahead")
    clock.get_by_role("button", name="Follow the machine's").click()
    expect(clock).to_contain_text("follows the machine's")


def test_a_rule_is_broken_and_healed(opened: Opened, mock: CartMock) -> None:
    page = opened("situation")
    broken = card(page, "Broken rules")
    choice(broken, "Rule").select_option("type-not-customer")
    ways = broken.get_by_role("group").get_by_role("checkbox")
    ways.first.click()
    expect(ways.first).to_be_checked()
    expect(page.locator("#strip")).to_contain_text("1 rule broken on purpose")
    kept = mock.workbench("GET", f"/stores/{mock.client_id}/breaks")["data"]
    assert [name.partition(":")[0] for name in kept] == ["type-not-customer"]
    broken.get_by_role("button", name="Heal type-not-customer").click()
    says(page, "is healed.")
    expect(ways.first).not_to_be_checked()
    ways.first.click()
    broken.get_by_role("button", name="Heal all").click()
    says(page, "Every rule is kept again.")
    assert mock.workbench("GET", f"/stores/{mock.client_id}/breaks")["data"] == []


def test_stubs_and_forwarding_are_set_for_a_store(opened: Opened, mock: CartMock) -> None:
    page = opened("situation")
    paths = card(page, "Other paths")
    paths.get_by_label("Path").fill("/catalog/products/{id}")
    paths.get_by_label("Body").fill('{"id": "{{path.id}}"}')
    paths.get_by_role("button", name="Add the stub").click()
    says(page, "GET /catalog/products/{id} is answered by a stub.")
    answer = mock.client.get("/catalog/products/mug", headers=mock.headers())
    assert answer.json() == {"id": "mug"}
    paths.get_by_label("Path").fill("/v2/carts")
    paths.get_by_role("button", name="Add the stub").click()
    says(page, "the mock itself answers /v2/carts")
    paths.get_by_role("button", name="Remove the stub GET /catalog/products/{id}").click()
    expect(paths).to_contain_text("no stubs")
    paths.get_by_label("URL").fill("http://127.0.0.1:9")
    paths.get_by_role("button", name="Forward", exact=True).click()
    expect(paths).to_contain_text("Requests go to http://127.0.0.1:9. This is set for this store.")
    paths.get_by_role("button", name="Stop forwarding").click()
    expect(paths).to_contain_text("Requests are not forwarded. This is set for this store.")
    paths.get_by_role("button", name="As the mock was started").click()
    expect(paths).to_contain_text("This is what the mock was started with.")


def test_comparison_names_accounts_and_products(opened: Opened, mock: CartMock) -> None:
    mock.seed("account-member")
    mock.workbench("PUT", f"/stores/{mock.client_id}/snapshots/before")
    mock.seed("empty-shop")
    page = opened("situation")
    page.get_by_role("button", name="Compare").click()
    diff = page.locator(".diff")
    expect(diff).to_contain_text("cart acmes of account acme")
    expect(diff).to_contain_text("product mug Mug")
    expect(diff).not_to_contain_text("undefined")


def test_the_state_is_exported_and_imported(opened: Opened, mock: CartMock, tmp_path: Path) -> None:
    mock.seed("shared-cart")
    page = opened("situation")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    file = tmp_path / "state.json"
    download.value.save_as(file)
    state = json.loads(file.read_text())
    assert len(state["carts"]) == 3
    mock.seed("empty-shop")

    file.write_text(json.dumps({**state, "carts": []}))
    page.get_by_label("Import…").set_input_files(file)
    says(page, "The state cannot be imported")
    file.write_text("no JSON")
    page.get_by_label("Import…").set_input_files(file)
    says(page, "state.json is not JSON")
    assert owned(mock) == []

    file.write_text(json.dumps(state))
    page.get_by_label("Import…").set_input_files(file)
    says(page, "state.json is imported.")
    assert len(owned(mock)) == 4


# ---- Coverage ----------------------------------------------------------------------------------


def test_the_coverage_shows_what_was_met(opened: Opened, mock: CartMock, tmp_path: Path) -> None:
    mock.seed("shared-cart")
    refuse(mock)
    page = opened("coverage")
    line = page.get_by_role("row").filter(has_text="type-not-customer")
    expect(line).to_contain_text("✓")
    expect(line).to_contain_text("1 time")
    missing = page.get_by_role("row").filter(has_text="more-than-one-customer")
    expect(missing).to_contain_text("not yet")
    page.get_by_label("Only what is missing").check()
    expect(line).to_have_count(0)
    expect(missing).to_have_count(1)
    page.get_by_label("Only what is missing").uncheck()
    with page.expect_download() as download:
        page.get_by_role("button", name="JUnit").click()
    download.value.save_as(tmp_path / "coverage.xml")
    assert "type-not-customer" in (tmp_path / "coverage.xml").read_text()
    page.get_by_role("button", name="Count from zero").click()
    expect(line).to_contain_text("not yet")


# ---- Stores, and who may see them --------------------------------------------------------------


def test_stores_are_made_chosen_and_deleted(opened: Opened, mock: CartMock) -> None:
    page = opened()
    name = f"made & <on> the/page {uuid.uuid4()}"
    page.get_by_role("button", name="New…").click()
    page.get_by_label("client_id").fill(name)
    page.get_by_role("button", name="Make the store").click()
    expect(page.locator("#store-chooser")).to_have_value(name)
    assert name in names(mock.client)
    page.locator("#store-chooser").select_option(mock.client_id)
    expect(page).to_have_url(re.compile(re.escape(mock.client_id)))
    page.locator("#store-chooser").select_option(name)
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Cancel").click()
    assert name in names(mock.client)
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Delete the store").click()
    says(page, "is deleted.")
    assert name not in names(mock.client)


def test_a_store_that_is_deleted_elsewhere_is_missed(opened: Opened, mock: CartMock) -> None:
    page = opened()
    expect(card(page, "Who has what")).to_contain_text("empty")
    mock.workbench("DELETE", f"/stores/{mock.client_id}")
    says(page, "Store not found")


def test_a_mock_that_cannot_be_reached_is_missed_until_it_is_back(opened: Opened) -> None:
    page = opened()
    expect(card(page, "Who has what")).to_contain_text("empty")
    page.route("**/_mock/stores**", lambda route: route.abort())
    expect(page.locator("#strip")).to_contain_text("cannot be reached")
    page.unroute("**/_mock/stores**")
    expect(page.locator("#strip")).not_to_contain_text("cannot be reached")


@pytest.fixture(scope="module")
def guarded_url() -> Iterator[str]:
    with running_mock("--control-key", "the-key-of-this-test") as url:
        yield url


def test_the_page_asks_for_the_key_and_keeps_it_in_this_tab_only(
    browser: Browser, guarded_url: str
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{guarded_url}/_mock/")
    dialog = page.get_by_role("dialog", name="The workbench needs its key")
    expect(dialog.get_by_label("Control key")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="Locked")).to_be_visible()
    page.get_by_role("button", name="Enter the key").click()
    dialog.get_by_label("Control key").fill("not the key")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("Invalid key.")
    dialog.get_by_label("Control key").fill("the-key-of-this-test")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No store yet")).to_be_visible()
    assert page.evaluate("Object.values(sessionStorage)") == ["the-key-of-this-test"]
    assert page.evaluate("localStorage.length") == 0
    assert context.cookies() == []
    assert "the-key-of-this-test" not in page.url
    page.reload()
    expect(page.get_by_role("heading", name="No store yet")).to_be_visible()
    another = context.new_page()
    another.goto(f"{guarded_url}/_mock/")
    expect(another.get_by_role("dialog")).to_be_visible()
    context.close()


def test_whoever_gave_no_key_is_not_asked_again_by_a_late_answer(
    browser: Browser, guarded_url: str
) -> None:
    page = browser.new_page()
    held: list[Route] = []
    page.route("**/_mock/rules", lambda route: held.append(route))  # noqa: PLW0108
    page.goto(f"{guarded_url}/_mock/")
    expect(page.get_by_label("Control key")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="Locked")).to_be_visible()
    held.pop().continue_()
    # What is fetched after it is also read after it.
    page.evaluate("fetch(document.baseURI).then((answer) => answer.text())")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Enter the key").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.close()


def test_the_first_store_is_made_on_the_page(browser: Browser) -> None:
    with running_mock() as url:
        page = browser.new_page()
        page.goto(f"{url}/_mock/")
        expect(page.locator("main pre")).to_have_text(
            f"curl -X POST {url}/oauth/access_token -d grant_type=implicit -d client_id=my-store"
        )
        page.get_by_role("button", name="Make a store").click()
        page.get_by_label("client_id").fill("first")
        page.keyboard.press("Enter")
        expect(page.locator("#store-chooser")).to_have_value("first")
        page.close()


# ---- For everyone ------------------------------------------------------------------------------


def busy(mock: CartMock) -> None:
    """A store in which everything that the page can show is there."""
    mock.seed("shared-cart")
    refuse(mock)
    mock.client.get("/v2/carts", headers={"Authorization": "Bearer nonsense"})
    mock.workbench("PUT", f"/stores/{mock.client_id}/snapshots/one")
    mock.client.delete("/v2/carts/adas", headers=mock.headers()).raise_for_status()
    mock.fault("latency", seconds=1, times=3)
    stubs = {"stubs": [{"path": "/catalog/products/{id}"}]}
    mock.workbench("PUT", f"/stores/{mock.client_id}/stubs", stubs)
    mock.clock("freeze")
    mock.breaks("type-not-customer:" + next(variants(mock, "type-not-customer")))


def variants(mock: CartMock, rule: str) -> Iterator[str]:
    listed = mock.workbench("GET", "/breaks")["data"]
    return (one["id"].partition(":")[2] for one in listed if one["rule"] == rule)


def unfold(page: Page, view: str) -> None:
    if view == "live":
        page.get_by_role("button", name="type-not-customer").click()
        expect(page.locator(".why blockquote")).to_be_visible()
        page.get_by_text("The same as a list").click()
    elif view == "situation":
        page.get_by_role("button", name="Compare").click()
        expect(page.locator(".diff")).to_be_visible()
    for summary in page.locator("main summary").all():
        if summary.locator("..").get_attribute("open") is None:
            summary.click()


# Colours follow the scheme alone, and places the width alone, so two of the four pairs show all.
@pytest.mark.parametrize(
    ("viewport", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"]
)
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_and_nothing_is_cut_off(
    opened: Opened, mock: CartMock, view: str, viewport: Any, scheme: str
) -> None:
    busy(mock)
    page = opened(view, viewport=viewport, color_scheme=scheme, bypass_csp=True)
    unfold(page, view)
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    page.get_by_role("button", name="Delete…").click()
    assert axe(page) == []


@pytest.mark.parametrize("path", ["/ui/", "/_mock/ui/"])
def test_documentation_to_try_out_fits_a_phone(browser: Browser, mock_url: str, path: str) -> None:
    phone: dict[str, Any] = {"viewport": PHONE, "is_mobile": True}
    context = browser.new_context(**phone)
    page = context.new_page()
    page.goto(f"{mock_url}{path}")
    page.locator(".opblock-summary-control").first.click()
    expect(
        page.get_by_role("button", name="Cancel").or_(page.get_by_role("button", name="Try it out"))
    ).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    context.close()


def axe(page: Page) -> list[str]:
    """What axe-core finds: rule and place."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")
    assert found["passes"]
    return [
        f"{violation['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def test_everything_is_reached_with_the_keyboard(opened: Opened, mock: CartMock) -> None:
    busy(mock)
    page = opened()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Pause")).to_be_focused()
    for view in VIEWS:
        page.evaluate("view => location.hash = view", view)
        expect(page.get_by_role("link", name=view.capitalize())).to_have_attribute(
            "aria-current", "page"
        )
        expect(page.locator(READY[view])).to_be_visible()
        page.evaluate("document.activeElement.blur()")
        for _ in range(3 * page.evaluate(f"{FOCUSABLE}.length")):
            page.keyboard.press("Tab")
            assert page.evaluate(OUTLINED), page.evaluate("document.activeElement.outerHTML")
            page.evaluate("document.activeElement.wasReached = true")
        unreached = f"{FOCUSABLE}.filter((element) => !element.wasReached)"
        assert page.evaluate(f"{unreached}.map((element) => element.outerHTML)") == []


# What is there when everything is.
READY = {"live": "svg.picture", "situation": "text=Take all back", "coverage": ".shares"}
FOCUSABLE = """[...document.querySelectorAll("button, a, input, select, summary")].filter(
  (element) => element.checkVisibility() && !element.disabled)"""
# The file input is invisible; its label has the outline.
OUTLINED = """[document.activeElement, document.activeElement.closest("label")].some((element) =>
  element === document.body || (element && getComputedStyle(element).outlineStyle !== "none"))"""


def test_controls_are_large_enough_for_a_finger(opened: Opened, mock: CartMock) -> None:
    busy(mock)
    for view in VIEWS:
        page = opened(view, viewport=PHONE)
        unfold(page, view)
        small = page.evaluate(
            """[...document.querySelectorAll("button, #views a, select, summary, label.check")]
              .filter((element) => element.checkVisibility())
              .filter((element) => element.getBoundingClientRect().height < 24)
              .map((element) => element.outerHTML)"""
        )
        assert small == []


# ---- The files -----------------------------------------------------------------------------------


def test_the_page_needs_nothing_from_elsewhere(mock_url: str) -> None:
    page = httpx.get(f"{mock_url}/_mock/")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for path in re.findall(r'(?:href|src)="(page/[^"]+)"', page.text):
        file = httpx.get(f"{mock_url}/_mock/{path}")
        assert file.status_code == 200
        assert file.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "page/none.js", 404), ("GET", "page/%2e%2e/app.py", 404), ("POST", "", 405)],
)
def test_what_the_page_does_not_have_is_refused_as_the_workbench_refuses(
    mock_url: str, method: str, path: str, status: int
) -> None:
    answer = httpx.request(method, f"{mock_url}/_mock/{path}")
    assert answer.status_code == status
    assert answer.json()["errors"][0]["status"] == status


@pytest.mark.parametrize("file", sorted(p.name for p in (PAGE / "vendor/lit-html").rglob("*.*")))
def test_the_library_that_ships_is_the_published_one(file: str) -> None:
    (shipped,) = (PAGE / "vendor/lit-html").rglob(file)
    published = LIT / shipped.relative_to(PAGE / "vendor/lit-html")
    assert shipped.read_bytes() == published.read_bytes()
