"""Seed files: errors name the place of a problem, and a valid file fills every new store."""

from __future__ import annotations

import json
import re
import sys
from codecs import BOM_UTF8
from pathlib import Path
from typing import Any

import pytest
from cart_mock.auth.passwords import hash_password, matches
from cart_mock.owners import owners
from cart_mock.state.clock import Clock
from cart_mock.state.entities import CART_LIFETIME, Cart, Contact, Customer
from cart_mock.state.large_seed import NotSeed, large_seed
from cart_mock.state.seed import SeedError, exported, load_seed, parse_seed, seed_of
from cart_mock.tenants.registry import TenantRegistry

from tests.mock.world import MachineTime

ADA = {"id": "ada", "name": "Ada", "email": "ada@example.com"}
BOB = {"id": "bob", "name": "Bob", "email": "bob@example.com"}
CART = {"id": "c", "name": "Groceries"}
ADA_OWNER, BOB_OWNER = owners("customer", ("ada", "bob"))
LINK = {"cart": "c", "customer": "ada"}


def with_customer(**fields: Any) -> dict[str, Any]:
    return {"customers": [{**ADA, **fields}]}


def with_cart(**fields: Any) -> dict[str, Any]:
    return {"carts": [{**CART, **fields}]}


def without(entry: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != field}


def linked(*links: Any, **more: Any) -> dict[str, Any]:
    return {"customers": [ADA], "carts": [CART], "associations": list(links), **more}


NOT_JSON: list[tuple[bytes, str]] = [
    (b"", "is not JSON"),
    (b"{", "is not JSON"),
    (b"customers: []", "is not JSON"),
    (b'{"customers":[],}', "is not JSON"),
    (b"\xff\xfe{\x00}\x00", "is not JSON"),
    (b'{"customers":[{"name":"\xff"}]}', "is not JSON"),
    (b"[" * 100_000, "is not JSON"),
    (b'{"a":' * 100_000, "is not JSON"),
]
BAD: list[tuple[Any, str]] = [
    ([], "Expected `object`, got `array`"),
    (None, "Expected `object`, got `null`"),
    ("x", "Expected `object`, got `str`"),
    ({"cart": []}, "unknown field `cart`"),
    ({"customers": {}}, "customers: Expected `array`, got `object`"),
    ({"customers": [5]}, "customers[0]: Expected `object`, got `int`"),
    ({"customers": [without(ADA, "id")]}, "customers[0]: Object missing required field `id`"),
    ({"customers": [without(ADA, "name")]}, "customers[0]: Object missing required field `name`"),
    ({"customers": [ADA, without(BOB, "email")]},
     "customers[1]: Object missing required field `email`"),
    (with_customer(id=5), "customers[0].id: Expected `str`, got `int`"),
    (with_customer(id=""), "customers[0]: id and name must not be empty"),
    (with_customer(name=""), "customers[0]: id and name must not be empty"),
    (with_customer(age=5), "customers[0]: Object contains unknown field `age`"),
    (with_customer(password=5), "customers[0].password: Expected `str | null`, got `int`"),
    (with_customer(created_at="today"), "customers[0].created_at: Invalid RFC3339"),
    (with_customer(created_at="2026-01-01T00:00:00"),
     "customers[0].created_at: Expected `datetime`"),
    *((with_customer(email=email), f"customers[0].email: {email!r} is not an email address")
      for email in ("", "ada", "ada@", "@example.com", "a b@example.com", "ada@example")),
    (with_customer(password_hash="x"),
     "customers[0].password_hash: is not an Argon2 hash; send a password instead"),
    (with_customer(password="p", password_hash=hash_password("p")),
     "customers[0]: has both a password and a password_hash; leave one out"),
    ({"customers": [ADA, {**BOB, "id": "ada"}]}, "customers[1]: the id 'ada' stands twice"),
    ({"customers": [ADA, {**BOB, "email": "ADA@Example.com"}]},
     "customers[1]: the email 'ada@example.com' stands twice"),
    ({"carts": [{"name": "x"}]}, "carts[0]: Object missing required field `id`"),
    *((with_cart(id=cart), f"carts[0].id: {cart!r} has more than 0-9, A-Z, a-z, _ and -")
      for cart in ("a.b", "a b", "ü", "a/b")),
    *((with_cart(name=name), "carts[0].name: must have 1 to 255 characters")
      for name in ("", " \t", "x" * 256)),
    (with_cart(name=None), "carts[0].name: Expected `str`, got `null`"),
    (with_cart(contact="x"), "carts[0].contact: Expected `object | null`, got `str`"),
    (with_cart(contact={"name": "x"}), "carts[0].contact: Object missing required field `email`"),
    (with_cart(contact={"email": "x"}), "carts[0].contact.email: 'x' is not an email address"),
    ({"carts": [CART, CART]}, "carts[1]: the id 'c' stands twice"),
    (linked({"cart": "c"}), "associations[0]: needs either a customer or an account"),
    (linked({**LINK, "cart": "d"}), "associations[0].cart: no cart 'd' in this file"),
    (linked({**LINK, "customer": "x"}), "associations[0].customer: no customer 'x' in this file"),
    (linked(LINK, LINK), "associations[1]: the pair 'c and customer ada' stands twice"),
    (linked(LINK, carts=[{**CART, "contact": {"email": "x@example.com"}}]),
     "associations[0].cart: 'c' has a contact email"),
    ({"customers": [{**ADA, "id": ""}, {**BOB, "email": "x"}]}, "must not be empty (and 1 more)"),
]  # fmt: skip


def assert_refused(path: Path, message: str) -> None:
    with pytest.raises(SeedError) as raised:
        load_seed(path)
    text = str(raised.value)
    assert re.match(rf"{re.escape(str(path))}(, line \d+)?: ", text)
    assert message in text
    assert "\n" not in text
    assert len(text) < len(str(path)) + 200


@pytest.mark.parametrize(("content", "message"), NOT_JSON, ids=[str(c[:20]) for c, _ in NOT_JSON])
def test_a_file_that_is_not_json_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "seed.json").write_bytes(content)
    assert_refused(tmp_path / "seed.json", message)


@pytest.mark.parametrize(("value", "message"), BAD)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, value: Any, message: str) -> None:
    (tmp_path / "seed.json").write_text(json.dumps(value))
    assert_refused(tmp_path / "seed.json", message)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert_refused(tmp_path / "none.json", "cannot be read: No such file or directory")
    assert_refused(tmp_path, "cannot be read: Is a directory")


def test_a_password_is_never_in_an_error(tmp_path: Path) -> None:
    value = {"customers": [{**ADA, "password": "correct horse", "email": "x"}]}
    (tmp_path / "seed.json").write_text(json.dumps(value))
    with pytest.raises(SeedError) as raised:
        load_seed(tmp_path / "seed.json")
    assert "correct horse" not in str(raised.value)


GOOD = {
    "customers": [
        {**ADA, "password": "correct horse"},
        {**BOB, "created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T04:04:05+01:00"},
    ],
    "carts": [
        {"id": "unregistered", "contact": {"email": "x@example.com"}},
        {**CART, "description": 'for "Ada\'s" ☕', "kept": {"is_quote": True}},
    ],
    "associations": [LINK, {**LINK, "customer": "bob"}],
}


def test_every_new_store_starts_with_it_and_a_reset_brings_it_back() -> None:
    time = MachineTime()
    tenants = TenantRegistry(seed=seed_of(GOOD, "seed"), new_clock=lambda: Clock(time))
    now = int(time.now)
    expected_carts = [
        Cart("unregistered", "Cart", now, now, contact=Contact("x@example.com")),
        Cart(
            "c",
            "Groceries",
            now,
            now,
            'for "Ada\'s" ☕',
            (ADA_OWNER, BOB_OWNER),
            kept={"is_quote": True},
        ),
    ]
    for name in ("one", "two"):
        store = tenants.use(name).store
        customers, carts = store.everything()
        assert carts == expected_carts
        ada, bob = customers
        assert (ada.name, ada.email, ada.created_at) == ("Ada", "ada@example.com", now)
        assert matches("correct horse", ada.password_hash)
        assert bob == Customer("bob", "Bob", "bob@example.com", 1767323045, 1767323045)
        assert store.carts_of(ADA_OWNER, 0, 9)[0] == store.carts_of(BOB_OWNER, 0, 9)[0] == carts[1:]
        assert store.customer_with_email("ADA@EXAMPLE.COM") == ada
    tenant = tenants.use("one")
    one, two = tenant.store, tenants.use("two").store
    before = two.everything()
    one.delete_customer("ada")
    one.delete_cart("c")
    assert two.everything() == before
    tenants.reset(tenant)
    assert one.everything() == before
    assert [customer.id for customer in one.customers(0, 9)[0]] == ["bob", "ada"]


@pytest.mark.parametrize("times", [{}, {"created_at": "2026-01-02T03:04:05Z"}])
def test_seed_a_store_made_later_has_its_own_times(times: dict[str, str]) -> None:
    time = MachineTime()
    seed = seed_of({"customers": [ADA], "carts": [{**CART, **times}], "associations": [LINK]}, "s")
    tenants = TenantRegistry(seed=seed, new_clock=lambda: Clock(time))
    for _ in range(2):
        now = int(time.now)
        tenant = tenants.use(f"at {now}")
        [cart] = tenant.store.carts_of(ADA_OWNER, 0, 9)[0]
        created = 1767323045 if times else now
        assert (cart.created_at, cart.updated_at) == (created, now)
        assert [c.created_at for c in tenant.store.customers_named("Ada")] == [now]
        tenant.clock.advance(CART_LIFETIME - 1)
        tenant.now()
        assert tenant.store.cart("c") is not None
        tenant.clock.advance(1)
        tenant.now()
        assert tenant.store.everything() == ([Customer("ada", "Ada", ADA["email"], now, now)], [])
        time.now += 3 * CART_LIFETIME


def test_a_store_that_is_kept_is_not_seeded_again(tmp_path: Path) -> None:
    tenants = TenantRegistry(data=tmp_path, seed=seed_of(GOOD, "seed"))
    tenants.use("shop").store.delete_cart("c")
    tenants.close()
    tenants = TenantRegistry(data=tmp_path, seed=seed_of(GOOD, "seed"))
    assert tenants.use("shop").store.cart("c") is None
    tenants.close()


@pytest.mark.parametrize("value", [{}, {"customers": [], "carts": [], "associations": []}])
def test_an_empty_seed_is_an_empty_store(value: Any) -> None:
    store = TenantRegistry(seed=seed_of(value, "seed")).use("shop").store
    assert store.everything() == ([], [])


def test_what_a_store_holds_can_be_exported_and_taken_as_a_seed_again() -> None:
    store = TenantRegistry(seed=seed_of(GOOD, "seed")).use("shop").store
    export = exported(*store.everything(), times=True)
    again = TenantRegistry(seed=seed_of(json.loads(json.dumps(export)), "export")).use("shop").store
    assert again.everything() == store.everything()


TEXT = """{
  "customers": [
	{"id": "a", "name": "A", "email": "a@example.com"}
  ],
  "carts": [{"id": "c"},
            {"id": "d", "contact": {"email": "c@example.com"}}]
}
"""


@pytest.mark.parametrize(
    ("found", "instead", "says"),
    [
        ('"name"', '"nme"', "line 3: customers[0]: Object contains unknown field `nme`; the"),
        ("a@example", "a@", "line 3: customers[0].email: "),
        ('"id": "d"', '"id": 4', "line 6: carts[1].id: Expected `str`"),
        ('"c@example.com"', '"c"', "line 6: carts[1].contact.email: "),
        ('"email": "c', '"mail": "c', "line 6: carts[1].contact: "),
        ('"carts"', '"crts"', "unknown field `crts`; the fields are: customers, carts"),
        ("],", "]", "is not JSON: expecting ',' delimiter, line 5 column 3"),
    ],
)  # fmt: skip
def test_mistake_in_a_file_is_found_by_its_line(
    tmp_path: Path, found: str, instead: str, says: str
) -> None:
    path = tmp_path / "shop.json"
    path.write_text(TEXT.replace(found, instead, 1))
    with pytest.raises(SeedError) as raised:
        load_seed(path)
    assert says in str(raised.value)


def test_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "shop.json"
    path.write_text(TEXT, encoding="utf-8-sig")
    assert len(load_seed(path).carts) == 2


LARGE = {
    "customers": [{**ADA, "id": f"{n}", "email": f"{n}@example.com"} for n in range(257)],
    "carts": [{"id": f"c{number}", "name": 'a "]" \u2615'} for number in range(512)],
    "associations": [],
    "settings": {"cart_expiry_days": 3},
}


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("content", [{}, LARGE])
def test_a_large_seed_is_read_in_slices_as_any_other(
    content: dict[str, Any], indent: int | None
) -> None:
    text = json.dumps(content, indent=indent).encode()
    assert large_seed(text, "seed") == parse_seed(text, "seed")
    assert large_seed(BOM_UTF8 + text, "seed") == parse_seed(text, "seed")


BAD_SEEDS = [(json.dumps(bad).encode(), says) for bad, says in BAD if isinstance(bad, dict)]


# By number: a name made of the text differs in each process, or is very long.
@pytest.mark.parametrize(("content", "says"), BAD_SEEDS, ids=range(len(BAD_SEEDS)))
def test_problem_of_a_large_seed_is_told_as_any_other(content: bytes, says: str) -> None:
    with pytest.raises(SeedError) as told:
        parse_seed(content, "seed")
    with pytest.raises(SeedError) as found:
        large_seed(content, "seed")
    assert says in str(found.value)
    assert (found.value.reason, found.value.path) == (told.value.reason, told.value.path)


def test_problem_far_into_a_large_seed_is_told_with_its_place() -> None:
    content = {**LARGE, "carts": [*LARGE["carts"], {"id": "c"}, {"id": "d", "name": 5}]}
    with pytest.raises(SeedError, match=r"seed: carts\[513\]\.name: Expected `str`, got `int`"):
        large_seed(json.dumps(content).encode(), "seed")


NO_SEEDS = [
    *((content, "") for content, _ in NOT_JSON),
    *[
        (b'{"carts":[{"id":"a"} {"id":"b"}]}', "expecting ',' delimiter: line 1 column 22"),
        (b'{"carts":[{"id":"a"},]}', "expecting value: line 1 column 22"),
        (b'{"carts":[,]}', "expecting value: line 1 column 11"),
        (b'{"carts":[]"customers":[]}', "expecting ',' delimiter: line 1 column 12"),
        (b'{"carts":[],"carts":[]}', "the field 'carts' stands twice"),
        (b'{"carts":[]} {}', "extra data: line 1 column 14"),
        (b'{"carts":[{"id":"a","kept":{"a":NaN}}]}', "invalid character"),
        (b'{"carts":[{"id":"\\ud800"}]}', "a string has a lone surrogate"),
        *((json.dumps(bad).encode(), "'{'") for bad, _ in BAD if not isinstance(bad, dict)),
        (b'{"carts":[', "expecting value: line 1 column 11"),
        (b'{"carts":[{"id":"a"}', "expecting ',' delimiter: line 1 column 21"),
        (b'{"carts":[]', "expecting ',' delimiter: line 1 column 12"),
        (b'{"carts', "unterminated string"),
        (b'{"carts"', "expecting ':' delimiter: line 1 column 9"),
        (b"{5:6}", "expecting property name: line 1 column 2"),
        (b"[]", "expecting '{' delimiter: line 1 column 1"),
        (b"", "expecting '{' delimiter: line 1 column 1"),
        (b'{"carts":"\xff"}', "it is not UTF-8"),
        (b'{"settings":' + b'{"a":' * 100_000, "it is nested too deeply"),
    ],
]


@pytest.mark.parametrize(("text", "says"), NO_SEEDS, ids=range(len(NO_SEEDS)))
def test_large_text_that_is_not_a_seed_is_refused(text: bytes, says: str) -> None:
    with pytest.raises((NotSeed, SeedError)) as refused:
        large_seed(text, "seed")
    assert says in str(refused.value)


def test_seed_of_stores_on_disk_is_dated_at_each_store_s_start(tmp_path: Path) -> None:
    time = MachineTime()
    content = {"customers": [ADA], "carts": [CART], "associations": [LINK]}
    made = {}
    for _ in range(2):  # the second one reads the files
        tenants = TenantRegistry(
            seed=seed_of(content, "seed"), data=tmp_path, new_clock=lambda: Clock(time)
        )
        for name in ("early", "late"):
            if name not in made:
                time.now += 60
                made[name] = int(time.now)
            store = tenants.use(name).store
            [cart], total = store.carts_of(ADA_OWNER, 0, 9)
            assert (cart.created_at, cart.updated_at, total) == (made[name], made[name], 1)
            assert [c.created_at for c in store.customers_named(ADA["name"])] == [made[name]]
        tenants.close()


def test_seed_that_stores_share_is_not_kept() -> None:
    seed = seed_of({"customers": [ADA], "carts": [CART], "associations": [LINK]}, "seed")
    references = sys.getrefcount(seed)
    tenants = TenantRegistry(seed=seed)
    assert sys.getrefcount(seed) == references
    assert tenants.use("one").store.cart_count_of(ADA_OWNER) == 1
