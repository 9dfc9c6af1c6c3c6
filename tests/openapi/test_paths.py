"""Path templates: found by method and path, literals first."""

from __future__ import annotations

import pytest
from cart_spec import load_contract
from cart_spec.paths import PathTemplates, decoded_path

ROUTES = PathTemplates(
    [
        ("GET", "/v2/customers/{id}", "one"),
        ("POST", "/v2/customers/tokens", "token"),
        ("GET", "/v2/customers/tokens", "tokens"),
        ("GET", "/v2/{kind}/{id}", "any"),
        ("PUT", "/v2/customers/{id}", "change"),
        ("POST", "/oauth/access_token", "login"),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "found"),
    [
        ("GET", "/v2/customers/a", ("one", {"id": "a"})),
        ("HEAD", "/v2/customers/a", ("one", {"id": "a"})),
        ("GET", "/v2/customers/tokens", ("tokens", {})),
        ("PUT", "/v2/customers/tokens", ("change", {"id": "tokens"})),
        ("GET", "/v2/carts/a", ("any", {"kind": "carts", "id": "a"})),
        ("GET", "/v2/customers/%2F", ("one", {"id": "%2F"})),
        ("GET", "/v2/customers/a\nb", ("one", {"id": "a\nb"})),
        ("GET", "/v2/customers/", None),
        ("GET", "/v2/customers/a/", None),
        ("GET", "/v2//a", None),
        ("GET", "v2/customers/a", None),
        ("GET", "", None),
        ("get", "/v2/customers/a", None),
        ("PATCH", "/v2/customers/a", None),
    ],
)
def test_find_a_path_returns_value_and_parameters(
    method: str, path: str, found: tuple[str, dict[str, str]] | None
) -> None:
    assert ROUTES.find(method, path) == found


def test_find_every_operation_of_the_contract_returns_it() -> None:
    contract = load_contract()
    routes = PathTemplates((m, path, name) for name, (m, path) in contract.operations.items())
    for name, (method, template) in contract.operations.items():
        found = routes.find(method, template.replace("{", "x").replace("}", "y"))
        assert found is not None
        assert found[0] == name


def test_find_order_of_adding_does_not_matter() -> None:
    routes = [("GET", "/a/{x}", 1), ("GET", "/a/b", 2), ("GET", "/{x}/b", 3)]
    for order in (routes, routes[::-1]):
        assert PathTemplates(order).find("GET", "/a/b") == (2, {})
        assert PathTemplates(order).find("GET", "/a/c") == (1, {"x": "c"})
        assert PathTemplates(order).find("GET", "/c/b") == (3, {"x": "c"})


def test_methods_of_a_path_are_in_order_with_head_and_options() -> None:
    assert ROUTES.methods("/v2/customers/tokens") == ["GET", "HEAD", "OPTIONS", "POST", "PUT"]
    assert ROUTES.methods("/oauth/access_token") == ["OPTIONS", "POST"]
    assert ROUTES.methods("/nothing") == []


@pytest.mark.parametrize(
    ("path", "rest"),
    [
        ("/shop/v2/carts/a", "/v2/carts/a"),
        ("/v2/carts/v2/a", "/v2/carts/v2/a"),
        ("/a/b/oauth/access_token", "/oauth/access_token"),
        ("/v2", "/v2"),
        ("/elsewhere", "/elsewhere"),
    ],
)
def test_without_prefix_starts_at_a_known_segment(path: str, rest: str) -> None:
    assert ROUTES.without_prefix(path) == rest


@pytest.mark.parametrize(
    ("raw", "decoded"),
    [
        (b"/v2/carts/a", "/v2/carts/a"),
        (b"/v2/carts/a%20b", "/v2/carts/a b"),
        (b"/v2/carts/a%2Fb", "/v2/carts/a%2Fb"),
        (b"/v2/carts/a%2fb", "/v2/carts/a%2fb"),
        (b"/v2/carts/a%252Fb", "/v2/carts/a%2Fb"),
        (b"/v2/carts/%C3%A4%", "/v2/carts/ä%"),
    ],
)
def test_decoded_path_keeps_encoded_slashes(raw: bytes, decoded: str) -> None:
    assert decoded_path(raw) == decoded


@pytest.mark.parametrize(
    ("method", "template"), [("GET", "/a/{b}.json"), ("GET", "/a/{b"), ("HEAD", "/a")]
)
def test_add_what_cannot_be_found_raises(method: str, template: str) -> None:
    with pytest.raises(ValueError, match=r"whole parameter|add GET"):
        PathTemplates([(method, template, 1)])


def test_add_the_same_template_again_replaces_the_value() -> None:
    routes = PathTemplates([("GET", "/a", 1), ("GET", "/a", 2)])
    assert routes.find("GET", "/a") == (2, {})
