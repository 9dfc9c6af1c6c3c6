"""Each break changes the scene of its own rule, and of another rule only if that is unavoidable."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from cart_mock.app import create_app
from cart_mock.breaks import (
    BREAKS,
    Break,
    BreakError,
    interceptor_of,
    listing,
    losing_headers,
    parse_break,
)
from cart_mock.breaks.registry import ALL_BREAKS
from cart_mock.cli import main
from cart_mock.tenants.registry import TenantRegistry
from cart_mock.testing import CartMock, in_process
from click.testing import CliRunner

from tests.breaks.scenes import SCENES
from tests.breaks.world import DELETE, Mock, World, envelope, plain_passwords
from tests.live import running_mock
from tests.probes import CONTRACT

IN_SCENES = [one for one in BREAKS.values() if one.rule in SCENES]
FIRST = {parse_break(rule).id for rule in SCENES}
"""The first break of each rule: those of the fast lane."""
OF_HEADERS = [one for one in BREAKS.values() if one.rule == "header-names"]

_READ_FROM_ERRORS = {
    "access-token-invalid",
    "customer-token-required",
    "payload-not-array",
    "entry-not-object",
    "customer-missing",
    "more-than-one-customer",
    "type-not-customer",
    "customer-not-permitted",
    "cart-has-contact-email",
    "last-cart",
    "filter-invalid",
    "credentials-wrong",
    "account-credentials-wrong",
    "account-missing",
    "account-not-permitted",
    "account-token-required",
    "account-unknown",
    "cart-has-contact-email-account",
    "more-than-one-account",
    "type-not-account",
}
_OF_FIRST_ENTRY = {"customer-missing", "type-not-customer", "account-missing", "type-not-account"}
CONSEQUENCES: dict[str, set[str]] = {
    "customer-token-invalid:ignored": {"customer-deleted"},
    "account-token-invalid:ignored": {"account-deleted"},
    "more-than-one-customer:accepted": {"judging-order"},
    "more-than-one-customer:accepted-on-post": {"judging-order"},
    "more-than-one-customer:accepted-on-delete": {"judging-order"},
    "more-than-one-customer:first-taken": {"judging-order"},
    "more-than-one-customer:last-taken": {"judging-order"},
    "more-than-one-customer:two-accepted": {"judging-order"},
    "more-than-one-customer:accepted-for-administrator": {"judging-order"},
    "association-visible:not-stored": {"many-carts", "shared-cart", "administrator-unrestricted"},
    "association-visible:not-in-list": {"many-carts", "shared-cart"},
    "association-visible:not-in-cart": {"shared-cart"},
    "association-visible:not-in-list-by-administrator": {"many-carts", "shared-cart"},
    "association-visible:not-in-cart-by-administrator": {"shared-cart"},
    # A customer who associates itself with the cart of another is the cart's second customer.
    "shared-cart:second-refused": {"cart-id-is-access"},
    "association-deleted:not-deleted": {"administrator-unrestricted"},
    "association-deleted:not-deleted-by-administrator": {"administrator-unrestricted"},
    "association-deleted:refused": {
        "administrator-unrestricted",
        "success-answer",
        "body-bare-array",
    },
    "administrator-unrestricted:refused": {
        "association-visible",
        "many-carts",
        "shared-cart",
        "association-repeat",
        "association-deleted",
        "delete-missing",
        "success-answer",
        "empty-customer-token",
        "empty-account-token",
        "body-bare-array",
    },
    "administrator-unrestricted:refused-on-post": {
        "association-visible",
        "many-carts",
        "shared-cart",
        "association-repeat",
        "success-answer",
        "empty-customer-token",
        "empty-account-token",
        "body-bare-array",
    },
    "administrator-unrestricted:refused-on-delete": {
        "association-deleted",
        "delete-missing",
        "success-answer",
        "body-bare-array",
    },
    "administrator-unrestricted:ignored": {
        "association-visible",
        "many-carts",
        "shared-cart",
        "association-deleted",
        "success-answer",
    },
    "empty-customer-token:server-error": {"customer-token-required"},
    "empty-customer-token:refused": {"customer-token-required"},
    "body-bare-array:server-error": _OF_FIRST_ENTRY,
    "body-bare-array:refused": _OF_FIRST_ENTRY,
    "body-bare-array:refused-on-delete": _OF_FIRST_ENTRY,
    "any-symbol:non-ascii-refused": {"cart-name-missing"},
    "any-symbol:normalised": {"cart-name-missing"},
    "error-envelope:empty": _READ_FROM_ERRORS,
    "error-envelope:no-entry": _READ_FROM_ERRORS,
    "error-envelope:title-missing": {
        "cart-has-contact-email",
        "cart-has-contact-email-account",
        "filter-invalid",
        "last-cart",
    },
    "success-answer:cart-relationships": {
        "association-visible",
        "shared-cart",
        "association-repeat",
        "delete-missing",
    },
    "association-keeps-clock:moves-on-read": {"association-repeat", "delete-missing"},
    "success-answer:list-bare": {"association-visible", "many-carts", "shared-cart"},
}
"""Other rules that a break breaks, because they depend on its own rule."""


@pytest.fixture(autouse=True, scope="module")
def _cheap_passwords() -> Iterator[None]:
    with plain_passwords():
        yield


def play(mock: Mock, rule: str) -> list[Any]:
    """What is seen in a rule's scene."""
    return list(SCENES[rule](World(mock, rule)))


@pytest.fixture(scope="module")
def intact(_cheap_passwords: None) -> dict[str, list[Any]]:
    """What is seen in each scene of an intact mock."""
    mock = Mock(CONTRACT)
    return {rule: play(mock, rule) for rule in SCENES}


# ---- Each break ---------------------------------------------------------------------------------


def test_a_scene_of_the_intact_mock_is_the_same_each_time(intact: dict[str, list[Any]]) -> None:
    mock = Mock(CONTRACT)
    assert {rule: play(mock, rule) for rule in SCENES} == intact


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(one, id=one.id, marks=[] if one.id in FIRST else [pytest.mark.full])
        for one in IN_SCENES
    ],
)
def test_a_break_shows(broken: Break, intact: dict[str, list[Any]]) -> None:
    assert play(Mock(CONTRACT, [broken]), broken.rule) != intact[broken.rule]


_ANSWERS = ("wrong-status", "wrong-text", "cut-text", "server-error")
_METHODS = ("-on-post", "-on-delete", "-on-put", "-on-get")


def _alike(broken: Break) -> tuple[str, str]:
    """Return what breaks have in common that do the same to other rules.

    Whatever a rule answers instead, for whichever method, another rule meets a refusal or none. The
    rules that the catalogue states for each kind of owner are one here.
    """
    variant = broken.variant
    for method in _METHODS:
        variant = variant.removesuffix(method)
    rule = CONTRACT.rule(broken.rule)
    return str(rule.entry if rule.owner else rule.id), "" if variant in _ANSWERS else variant


def _one_of_each() -> Iterator[Break]:
    found: set[tuple[str, str]] = set()
    for one in BREAKS.values():
        if _alike(one) not in found or one.id in CONSEQUENCES:
            found.add(_alike(one))
            yield one


ALONE = [one for one in _one_of_each() if one.id in CONSEQUENCES]
TOGETHER = [one for one in _one_of_each() if one.id not in CONSEQUENCES]
BATCHES = [TOGETHER[start::35] for start in range(35)]
"""Breaks of different rules, which leave all other rules as they are."""


def _changed(
    broken: list[Break], rules: set[str], intact: dict[str, list[Any]]
) -> dict[str, set[str]]:
    """Return which of these rules have not the scene of an intact mock, by the breaks."""
    mock = Mock(CONTRACT, broken)
    changed = {rule for rule in SCENES if rule in rules and play(mock, rule) != intact[rule]}
    return {", ".join(one.id for one in broken): changed} if changed else {}


@pytest.mark.full
@pytest.mark.parametrize("broken", ALONE, ids=[one.id for one in ALONE])
def test_a_break_breaks_other_rules_only_if_it_must(
    broken: Break, intact: dict[str, list[Any]]
) -> None:
    changed = _changed([broken], SCENES.keys() - {broken.rule}, intact)
    assert changed == {broken.id: CONSEQUENCES[broken.id]}


@pytest.mark.full
@pytest.mark.parametrize("batch", BATCHES, ids=range(len(BATCHES)))
def test_a_break_breaks_no_other_rule(batch: list[Break], intact: dict[str, list[Any]]) -> None:
    # Nearly all scenes are those of rules that no break of the batch is of, so one mock plays them.
    rules = {one.rule for one in batch}
    assert len(rules) == len(batch)
    assert _changed(batch, SCENES.keys() - rules, intact) == {}
    for one in batch:
        assert _changed([one], rules - {one.rule}, intact) == {}


def test_breaks_with_consequences_exist() -> None:
    assert CONSEQUENCES.keys() <= BREAKS.keys()


class Recording(asyncio.Protocol):
    """An HTTP protocol that notes the names of headers."""

    def __init__(self) -> None:
        self.names: list[bytes] = []

    def on_header(self, name: bytes, _value: bytes) -> None:
        self.names.append(name)


SENT = (
    b"X-Moltin-Customer-Token",
    b"X-MOLTIN-CUSTOMER-TOKEN",
    b"x-moltin-customer-token",
    b"Authorization",
    b"AUTHORIZATION",
    b"authorization",
    b"Content-Type",
)


@pytest.mark.rule("header-names")
@pytest.mark.parametrize(
    ("variant", "lost"),
    [
        ("customer-token-as-written", {SENT[1], SENT[2]}),
        ("authorization-as-written", {SENT[4]}),
        ("capitals-lost", {SENT[1]}),
        ("lower-case-lost", {SENT[2]}),
    ],
)
def test_a_break_of_header_names_loses_these(variant: str, lost: set[bytes]) -> None:
    broken = parse_break(f"header-names:{variant}")
    protocol: Any = losing_headers(Recording, [broken])()
    for name in SENT:
        protocol.on_header(name, b"")
    assert set(SENT) - set(protocol.names) == lost


def test_each_break_of_header_names_is_tested() -> None:
    assert len(OF_HEADERS) == 4


def test_without_a_break_of_header_names_the_protocol_is_as_it_is() -> None:
    assert losing_headers(Recording, [parse_break("many-carts")]) is Recording


# ---- The tables ---------------------------------------------------------------------------------


KNOWN = (Path(__file__).parent / "breaks/names.txt").read_text(encoding="utf-8").split()


RETIRED = [
    line.split("  ", 2)
    for line in (Path(__file__).parent / "breaks/retired.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


def test_every_break_that_was_ever_published_still_exists() -> None:
    """Users refer to these names in their own tests. Add the names of new breaks to the file."""
    assert [name for name in KNOWN if name not in BREAKS] == []


def test_every_break_is_in_the_file_of_published_names() -> None:
    assert [name for name in BREAKS if name not in KNOWN] == []


def test_retired_break_names_are_documented_and_never_used_again() -> None:
    for name, since, reason in RETIRED:
        assert name not in BREAKS
        assert name not in KNOWN
        assert re.fullmatch(r"\d+\.\d+\.\d+", since), name
        assert reason.endswith("."), name


def test_every_break_has_a_name_of_its_own() -> None:
    assert len(BREAKS) == len(ALL_BREAKS)


def test_every_break_is_of_a_rule_of_the_catalogue_and_every_rule_has_one() -> None:
    assert {one.rule for one in BREAKS.values()} == {rule.id for rule in CONTRACT.rules}


@pytest.mark.parametrize("group", ["caller", "association", "effect"])
def test_a_rule_of_the_association_endpoints_has_three_breaks_or_more(group: str) -> None:
    few = [
        rule.id
        for rule in CONTRACT.rules
        if rule.group == group
        and sum(one.rule == rule.id and not one.free for one in BREAKS.values())
        # A deployment may accept an unknown owner, and the rule has one operation.
        < (1 if rule.id in ("customer-not-found", "account-not-found") else 3)
    ]
    assert few == []


def test_a_rule_that_a_run_can_try_has_a_break_that_it_must_find() -> None:
    found = {one.rule for one in BREAKS.values() if not one.free and not one.beyond_run}
    missing = {rule.id for rule in CONTRACT.rules if rule.beyond_run is None} - found
    assert missing == set()


def test_a_break_is_free_only_where_the_contract_leaves_freedom() -> None:
    free = {one.rule for one in BREAKS.values() if one.free}
    assert {rule for rule in free if not CONTRACT.rule(rule).freedom} == set()


def test_every_sentence_is_one_and_is_listed() -> None:
    lines = "\n".join(listing())
    for one in BREAKS.values():
        assert one.sentence.endswith(".")
        assert f"  {one.id}\n      {one.sentence}" in lines


# ---- Names --------------------------------------------------------------------------------------


def test_a_rule_alone_names_its_first_variant() -> None:
    assert parse_break("shared-cart").id == "shared-cart:second-replaces-first"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("more-than-one", "did you mean more-than-one-"),
        ("", "The rules are: access-token-invalid, "),
        ("many-carts:none", "its variants are: second-replaces-first, third-replaces-first"),
    ],
)
def test_a_name_that_there_is_not_is_answered_with_those_there_are(text: str, said: str) -> None:
    with pytest.raises(BreakError) as raised:
        parse_break(text)
    assert said in str(raised.value)


def test_parse_break_with_a_near_name_lists_no_others() -> None:
    with pytest.raises(BreakError) as raised:
        parse_break("more-than-one")
    assert "last-cart" not in str(raised.value)


def test_a_store_cannot_break_what_is_judged_before_stores_are_known() -> None:
    with pytest.raises(BreakError, match="--break access-token-invalid:wrong-text"):
        interceptor_of(["many-carts", "access-token-invalid:wrong-text"])


# ---- Their scope --------------------------------------------------------------------------------


def _deletes_two(world: World) -> bool:
    cart = world.cart("ada", "bob")
    return world.send(DELETE, cart=cart, body=envelope("ada", "bob")).status == 204


def test_a_tenant_is_broken_alone_and_until_its_interceptor_is_taken_out() -> None:
    mock = Mock(CONTRACT)
    broken, other = World(mock, "broken"), World(mock, "other")
    broken.tenant.interceptors.set(
        "breaks", interceptor_of(["more-than-one-customer:accepted-on-delete"])
    )
    assert _deletes_two(broken)
    assert not _deletes_two(other)
    broken.tenant.interceptors.set("breaks", None)
    assert not _deletes_two(broken)


def test_several_rules_can_be_broken_at_once() -> None:
    names = ["more-than-one-customer:first-taken", "type-not-customer:plural-accepted"]
    world = World(Mock(CONTRACT, [parse_break(name) for name in names]), "store")
    body = {"data": [{"type": "customers", "id": "ada"}] * 2}
    assert world.send("createCustomerCartAssociation", cart=world.cart(), body=body).status == 200


def test_stores_that_were_kept_are_broken_too(tmp_path: Path) -> None:
    first = TenantRegistry(data=tmp_path)
    first.use("kept")
    first.close()
    tenants = TenantRegistry(data=tmp_path)
    mock = Mock(CONTRACT, [parse_break("more-than-one-customer:accepted")], tenants)
    assert _deletes_two(World(mock, "kept"))
    tenants.close()


def test_control_api_reset_brings_a_store_back_to_what_the_process_breaks() -> None:
    names = ["access-token-invalid:wrong-text", "many-carts:second-refused"]
    app = create_app(contract=CONTRACT, breaks=[parse_break(name) for name in names])
    with in_process(app) as client:
        mock = CartMock(client)
        of_store = f"/stores/{mock.client_id}/breaks"
        assert mock.workbench("GET", of_store)["data"] == ["many-carts:second-refused"]
        mock.breaks()
        assert mock.workbench("GET", of_store)["data"] == []
        mock.reset()
        assert mock.workbench("GET", of_store)["data"] == ["many-carts:second-refused"]


# ---- The command --------------------------------------------------------------------------------


def test_the_command_lists_them() -> None:
    result = CliRunner().invoke(main, ["--list-breaks"])
    assert result.exit_code == 0
    assert result.output.splitlines() == list(listing())


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [(["--break", "many-carts:x"], {}), ([], {"CART_MOCK_BREAK": "shared-cart many-carts:x"})],
)
def test_the_command_refuses_a_name_that_there_is_not(
    arguments: list[str], environment: dict[str, str]
) -> None:
    result = CliRunner().invoke(main, arguments, env=environment)
    assert result.exit_code == 2
    assert "many-carts cannot be broken as 'x'; its variants are: second-repl" in result.output


def test_the_command_breaks_rules_for_stores_and_for_nobody() -> None:
    breaks = ["access-token-invalid:wrong-status", "header-names:capitals-lost"]
    with running_mock(*(f"--break={name}" for name in breaks)) as url:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        assert _status(connection, {}) == 403
        connection.request("POST", "/oauth/access_token", "grant_type=implicit&client_id=store")
        token = json.loads(connection.getresponse().read())["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        assert _status(connection, {**bearer, "x-moltin-customer-token": "x"}) == 403
        assert _status(connection, {**bearer, "X-MOLTIN-CUSTOMER-TOKEN": "x"}) == 200
        connection.close()


def _status(connection: http.client.HTTPConnection, headers: dict[str, str]) -> int:
    connection.request("GET", "/v2/carts/c", headers=headers)
    response = connection.getresponse()
    response.read()
    return response.status


# ---- The documentation --------------------------------------------------------------------------

PAGE = (Path(__file__).parent.parent / "docs/breaks.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_page_names_breaks_that_there_are() -> None:
    rules = {rule.id for rule in CONTRACT.rules}
    named = [n for n in re.findall(r"\b[a-z-]+:[a-z-]+\b", PAGE) if n.partition(":")[0] in rules]
    assert named
    assert {name for name in named if name not in BREAKS} == set()


def test_the_pages_commands_work(tmp_path: Path) -> None:
    listed, start, curl = [text for language, text in BLOCKS if language == "bash"]
    (shown,) = [text for language, text in BLOCKS if language == "text"]
    assert shown in CliRunner().invoke(main, shlex.split(listed)[1:]).output
    with running_mock(*shlex.split(start)[1:]) as url:
        httpx.post(f"{url}/_mock/stores", json={"client_id": "my-store"}).raise_for_status()
        command = curl.replace("http://127.0.0.1:8080", url)
        done = subprocess.run(
            ["bash", "-c", command], capture_output=True, text=True, check=True, cwd=tmp_path
        )
        assert json.loads(done.stdout) == {"data": ["many-carts:second-replaces-first"]}
