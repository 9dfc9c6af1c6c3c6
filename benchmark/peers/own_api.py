"""Peers with their own API: each load uses their most similar operation."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from typing import Any

from benchmark.loads import (
    ASSOCIATE,
    GET_CART,
    LIST_CARTS,
    LOGIN,
    REFUSAL,
    REFUSED,
    Load,
    Request,
    alternating,
    json_request,
)
from benchmark.peers.base import APPS, SMALL, Peer, Site
from benchmark.population import CARTS_OF_A_CUSTOMER
from benchmark.server import HOST, Client

PAIRS = 128
"""Number of things that the write loads of these peers create and remove in one lap."""


class Commercetools(Peer):
    """The mock of another commerce API, with carts and customers."""

    name = "commercetools-mock"
    needs = ("node", "npm")
    title = "commercetools-mock"
    npm = ("@labdigital/commercetools-mock@4.4.0",)
    work_done = f"Its own rules and state in memory, {SMALL.carts:,} carts; checks no token."
    first_request = Request("GET", "/benchmark/carts/none")

    def configure(self, site: Site) -> None:
        """Copy the program to the folder of its packages."""
        shutil.copy(APPS / "commercetools.mjs", site.packages)

    def command(self, site: Site) -> list[str]:
        """Node with the program."""
        return ["node", str(site.packages / "commercetools.mjs"), str(site.port), HOST]

    def loads(self, client: Client) -> Mapping[str, Load]:
        """Make customers with 20 carts each."""
        carts: list[str] = []
        customers: list[str] = []
        for number in range(SMALL.carts // CARTS_OF_A_CUSTOMER):
            draft = {"email": f"customer-{number}@example.com", "password": "a"}
            customers.append(self._make(client, "/benchmark/customers", draft)["customer"]["id"])
            for _ in range(CARTS_OF_A_CUSTOMER):
                cart = {"currency": "EUR", "customerId": customers[-1]}
                carts.append(self._make(client, "/benchmark/carts", cart)["id"])
        lists = tuple(
            Request("GET", f"/benchmark/carts?limit=20&where=customerId%3D%22{customer}%22")
            for customer in customers[:10]
        )
        # The server chooses the ids of carts, so a load cannot remove them. They accumulate in a
        # separate project, so that they do not slow down the lists.
        create = json_request("POST", "/benchmark-writes/carts", {"currency": "EUR"}, {})
        refused = json_request("POST", "/benchmark/carts", {"country": "DE"}, {}, REFUSAL)
        login = Request(
            "POST",
            "/oauth/token?grant_type=client_credentials",
            {"Authorization": "Basic dXNlcjpzZWNyZXQ="},
        )
        return {
            GET_CART: Load(GET_CART, tuple(Request("GET", f"/benchmark/carts/{c}") for c in carts)),
            LIST_CARTS: Load(LIST_CARTS, lists, note="query by customer"),
            ASSOCIATE: Load(ASSOCIATE, (create,), note="create cart"),
            REFUSED: Load(REFUSED, (refused,), note="cart without a currency"),
            LOGIN: Load(LOGIN, (login,), note="client credentials, no password hash"),
        }

    @staticmethod
    def _make(client: Client, path: str, draft: object) -> Any:
        return json.loads(client.expect(json_request("POST", path, draft, {})).body)


class Moto(Peer):
    """Moto's server, playing DynamoDB."""

    name = "moto"
    title = "moto server"
    pip = ("moto[server,dynamodb]==5.2.5",)
    work_done = f"DynamoDB's validation and state in memory, {SMALL.carts:,} items; writes a log."
    first_request = Request("GET", "/moto-api/data.json")

    def command(self, site: Site) -> list[str]:
        """Return the command: the server in moto's package."""
        program = str(site.packages / "venv" / "bin" / "moto_server")
        return [program, "-H", HOST, "-p", str(site.port)]

    def loads(self, client: Client) -> Mapping[str, Load]:
        """Make a table of carts with an index by customer, and fill it."""
        client.expect(_dynamo("CreateTable", _TABLE))
        for start in range(0, SMALL.carts, 25):
            items = [{"PutRequest": {"Item": _item(i)}} for i in range(start, start + 25)]
            client.expect(_dynamo("BatchWriteItem", {"RequestItems": {"carts": items}}))
        reads = [
            _dynamo("GetItem", {"TableName": "carts", "Key": {"id": {"S": f"cart-{i}"}}})
            for i in range(0, SMALL.carts, 5)
        ]
        query = {
            "TableName": "carts",
            "IndexName": "customer",
            "KeyConditionExpression": "customer = :c",
            "ExpressionAttributeValues": {":c": {"S": "customer-3"}},
        }
        new = range(SMALL.carts, SMALL.carts + PAIRS)
        puts = [_dynamo("PutItem", {"TableName": "carts", "Item": _item(i)}) for i in new]
        deletes = [
            _dynamo("DeleteItem", {"TableName": "carts", "Key": {"id": {"S": f"cart-{i}"}}})
            for i in new
        ]
        no_key = {"TableName": "carts", "Item": {"customer": {"S": "customer-3"}}}
        return {
            GET_CART: Load(GET_CART, tuple(reads), note="GetItem"),
            LIST_CARTS: Load(LIST_CARTS, (_dynamo("Query", query),), note="Query of an index"),
            ASSOCIATE: alternating(puts, deletes, note="PutItem, DeleteItem"),
            REFUSED: Load(REFUSED, (_dynamo("PutItem", no_key, REFUSAL),), note="PutItem, no key"),
        }


_TABLE = {
    "TableName": "carts",
    "AttributeDefinitions": [
        {"AttributeName": "id", "AttributeType": "S"},
        {"AttributeName": "customer", "AttributeType": "S"},
    ],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "customer",
            "KeySchema": [{"AttributeName": "customer", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
    "BillingMode": "PAY_PER_REQUEST",
}


def _item(number: int) -> dict[str, dict[str, str]]:
    return {
        "id": {"S": f"cart-{number}"},
        "customer": {"S": f"customer-{number // CARTS_OF_A_CUSTOMER}"},
        "name": {"S": f"Cart {number}"},
    }


def _dynamo(operation: str, body: object, expected: frozenset[int] = frozenset({200})) -> Request:
    credential = "benchmark/20260101/us-east-1/dynamodb/aws4_request"
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"DynamoDB_20120810.{operation}",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, "
        "Signature=none",
    }
    return json_request("POST", "/", body, headers, expected)


class LocalStripe(Peer):
    """localstripe: customers and coupons of a payment API."""

    name = "localstripe"
    title = "localstripe"
    pip = ("localstripe==1.15.10",)
    work_done = "Its own checks; state in memory, all of it pickled to disk at each write."
    first_request = Request("GET", "/v1/customers/none")

    def configure(self, site: Site) -> None:
        """Copy the program to the folder of the peer's packages."""
        shutil.copy(APPS / "localstripe_app.py", site.packages)

    def command(self, site: Site) -> list[str]:
        """Return the command: a program that binds to loopback and writes no access log."""
        return [site.python, str(site.packages / "localstripe_app.py"), str(site.port), HOST]

    def loads(self, client: Client) -> Mapping[str, Load]:
        """Make 20 customers.

        The write load creates and removes coupons, whose ids the client chooses.
        """
        customers = [
            json.loads(
                client.expect(
                    json_request("POST", "/v1/customers", {"name": f"Ada {number}"}, _STRIPE)
                ).body
            )["id"]
            for number in range(CARTS_OF_A_CUSTOMER)
        ]
        gets = tuple(Request("GET", f"/v1/customers/{c}", _STRIPE) for c in customers)
        makes = [
            json_request(
                "POST",
                "/v1/coupons",
                {"id": f"c{i}", "percent_off": 5, "duration": "once"},
                _STRIPE,
            )
            for i in range(PAIRS)
        ]
        unmakes = [Request("DELETE", f"/v1/coupons/c{i}", _STRIPE) for i in range(PAIRS)]
        refused = json_request("POST", "/v1/coupons", {"duration": "never"}, _STRIPE, REFUSAL)
        return {
            GET_CART: Load(GET_CART, gets, note="GET a customer"),
            LIST_CARTS: Load(
                LIST_CARTS,
                (Request("GET", "/v1/customers?limit=20", _STRIPE),),
                note="GET 20 customers",
            ),
            ASSOCIATE: alternating(makes, unmakes, note="POST, DELETE a coupon"),
            REFUSED: Load(REFUSED, (refused,), note="a coupon without its amount"),
        }


_STRIPE = {"Authorization": "Bearer sk_test_12345"}


class JsonServer(Peer):
    """json-server on a file of carts and associations."""

    name = "json-server"
    needs = ("node", "npm")
    title = "json-server"
    npm = ("json-server@0.17.4",)
    work_done = f"State without rules, {SMALL.carts:,} carts; the whole file rewritten at a write."
    first_request = Request("GET", "/carts/none")

    def configure(self, site: Site) -> None:
        """Write the file that it serves."""
        carts = [
            {"id": f"cart-{i}", "name": f"Cart {i}", "customer": f"c{i // CARTS_OF_A_CUSTOMER}"}
            for i in range(SMALL.carts)
        ]
        (site.work / "db.json").write_text(json.dumps({"carts": carts, "associations": []}))

    def command(self, site: Site) -> list[str]:
        """Return the command: json-server without a log."""
        return [
            site.node_bin("json-server"), str(site.work / "db.json"),
            "--host", HOST, "--port", str(site.port), "--quiet",
        ]  # fmt: skip

    def loads(self, client: Client) -> Mapping[str, Load]:  # noqa: ARG002 - needs no preparation
        """Return reads of carts, and writes that create and remove records of associations."""
        gets = tuple(Request("GET", f"/carts/cart-{i}") for i in range(0, SMALL.carts, 5))
        query = Request("GET", "/carts?customer=c3&_limit=20")
        makes = [
            json_request("POST", "/associations", {"id": f"a{i}", "customer": "c3"}, {})
            for i in range(PAIRS)
        ]
        unmakes = [Request("DELETE", f"/associations/a{i}") for i in range(PAIRS)]
        malformed = Request(
            "POST", "/associations", {"Content-Type": "application/json"}, "{", REFUSAL
        )
        return {
            GET_CART: Load(GET_CART, gets),
            LIST_CARTS: Load(LIST_CARTS, (query,), note="filter by customer"),
            ASSOCIATE: alternating(makes, unmakes, note="POST, DELETE a record"),
            REFUSED: Load(REFUSED, (malformed,), note="malformed JSON, its only refusal"),
        }
