"""Peers that serve the contract, from its document or from stubs."""

from __future__ import annotations

import copy
import json
import shutil
import uuid
from pathlib import Path
from typing import Any

from cart_spec import load_contract

from benchmark.peers.base import APPS, ContractPeer, Site
from benchmark.population import CARTS_OF_A_CUSTOMER
from benchmark.server import HOST

ASSOCIATIONS = "/v2/carts/{cartID}/relationships/customers"


class Prism(ContractPeer):
    """Stoplight Prism on the document."""

    name = "prism"
    needs = ("node", "npm")
    title = "Prism"
    npm = ("@stoplight/prism-cli@5.16.0",)
    work_done = "Validates against the document, answers its examples; no state, no rules."

    def configure(self, site: Site) -> None:
        """Write the document."""
        _write_document(site.work)

    def command(self, site: Site) -> list[str]:
        """Return the command: Prism, silent, in one process."""
        return [
            site.node_bin("prism"), "mock", str(site.work / "openapi.json"),
            "--host", HOST, "--port", str(site.port), "--verboseLevel", "silent",
        ]  # fmt: skip


class Scalar(ContractPeer):
    """Scalar's mock server on the document."""

    name = "scalar"
    needs = ("node", "npm")
    title = "Scalar mock-server"
    npm = ("@scalar/mock-server@0.14.4", "@hono/node-server@1.19.19")
    work_done = "Validates against the document, answers its examples; no state, no rules."

    def configure(self, site: Site) -> None:
        """Write the document, and copy the program to the folder of its packages."""
        _write_document(site.work)
        shutil.copy(APPS / "scalar.mjs", site.packages)

    def command(self, site: Site) -> list[str]:
        """Return the command: Node with the program."""
        script, document = site.packages / "scalar.mjs", site.work / "openapi.json"
        return ["node", str(script), str(site.port), HOST, str(document)]


class Specmatic(ContractPeer):
    """Specmatic on the document."""

    name = "specmatic"
    needs = ("java", "npm")
    title = "Specmatic"
    npm = ("specmatic@2.55.1",)
    warm_up = 25.0
    work_done = "Validates against the document, answers from it; no state, no rules. Warm."

    def configure(self, site: Site) -> None:
        """Write the document."""
        _write_document(site.work)

    def command(self, site: Site) -> list[str]:
        """Return the command: the jar of the npm package, without its console log."""
        jar = site.packages / "node_modules" / "specmatic" / "specmatic.jar"
        return [
            "java", "-jar", str(jar), "mock", str(site.work / "openapi.json"),
            "--host", HOST, "--port", str(site.port), "--noConsoleLog",
        ]  # fmt: skip


class Mockoon(ContractPeer):
    """Mockoon with routes made from the contract."""

    name = "mockoon"
    needs = ("node", "npm")
    title = "Mockoon"
    npm = ("@mockoon/cli@9.9.0",)
    work_done = "Three rules on the body's members, fixed bodies; no state, no rules."

    def configure(self, site: Site) -> None:
        """Write an environment with a route for each load."""
        (site.work / "mockoon.json").write_text(json.dumps(mockoon_environment()), "utf-8")

    def command(self, site: Site) -> list[str]:
        """Return the command: the runner without a log; ``--repair`` adds Mockoon's defaults."""
        return [
            site.node_bin("mockoon-cli"), "start", "--data", str(site.work / "mockoon.json"),
            "--hostname", HOST, "--port", str(site.port),
            "--repair", "--disable-log-to-file", "--disable-admin-api",
        ]  # fmt: skip


class WireMock(ContractPeer):
    """WireMock with stubs made from the contract."""

    name = "wiremock"
    needs = ("java", "npm")
    title = "WireMock"
    npm = ("wiremock@3.13.2",)
    warm_up = 25.0
    work_done = (
        "Matches path and token header, the body by JSONPath; fixed bodies; no state, no rules. "
        "Warm, its request journal off."
    )

    def configure(self, site: Site) -> None:
        """Write a stub mapping for each load."""
        folder = site.work / "mappings"
        folder.mkdir()
        (folder / "stubs.json").write_text(json.dumps({"mappings": wiremock_stubs()}), "utf-8")

    def command(self, site: Site) -> list[str]:
        """Return the command: the standalone jar of the npm package."""
        build = site.packages / "node_modules" / "wiremock" / "build"
        jar = next(build.glob("wiremock-standalone-*.jar"))
        return [
            "java", "-jar", str(jar), "--port", str(site.port), "--bind-address", HOST,
            "--root-dir", str(site.work), "--no-request-journal", "--disable-request-logging",
            "--disable-banner",
        ]  # fmt: skip


def peer_document() -> dict[str, Any]:
    """Return the contract for peers: without the catalogue, and with 20 carts on a page."""
    document: dict[str, Any] = copy.deepcopy(dict(load_contract().document))
    del document["x-rule-catalogue"]
    page = document["components"]["examples"]["cart-page"]["value"]
    page["data"] = page["data"] * CARTS_OF_A_CUSTOMER
    return document


def _write_document(folder: Path) -> None:
    (folder / "openapi.json").write_text(json.dumps(peer_document()), "utf-8")


def _example(name: str) -> Any:
    return peer_document()["components"]["examples"][name]["value"]


def wiremock_stubs() -> list[dict[str, Any]]:
    """Return a stub for each load. The refusal answers requests whose body does not match."""
    cart_path = "/v2/carts/[0-9A-Za-z_-]+"
    association = {"urlPathPattern": f"{cart_path}/relationships/customers"}
    customer = {"matchesJsonPath": "$.data[?(@.type == 'customer')]"}
    return [
        _stub("GET", {"urlPathPattern": cart_path}, 200, _example("cart-registered")),
        _stub("GET", {"urlPath": "/v2/carts"}, 200, _example("cart-page")),
        _stub("POST", association, 200, _example("association"), bodyPatterns=[customer]),
        _stub("DELETE", association, 204, None, bodyPatterns=[customer]),
        _stub("POST", association, 400, _example("type-not-customer"), priority=10),
        _stub("POST", {"urlPath": "/v2/customers/tokens"}, 200, _example("customer-token")),
    ]


def _stub(
    method: str,
    path: dict[str, str],
    status: int,
    body: Any,
    priority: int = 5,
    **more: Any,
) -> dict[str, Any]:
    token = {"Authorization": {"matches": "Bearer .+"}}
    response: dict[str, Any] = {"status": status}
    if body is not None:
        response["body"] = json.dumps(body)
        response["headers"] = {"Content-Type": "application/json"}
    request = {"method": method, **path, "headers": token, **more}
    return {"priority": priority, "request": request, "response": response}


def mockoon_environment() -> dict[str, Any]:
    """Return a Mockoon environment with a route for each load, and rules for the body."""
    valid = [
        _mockoon_rule("data.0.type", "equals", "customer"),
        _mockoon_rule("data.0.id", "regex", ".+"),
        _mockoon_rule("data.1", "null", ""),
    ]
    refusal = _mockoon_response(400, _example("type-not-customer"))
    association = "v2/carts/:cart/relationships/customers"
    success = _mockoon_response(200, _example("association"), valid)
    routes = [
        _mockoon_route(
            "get", "v2/carts/:cart", _mockoon_response(200, _example("cart-registered"))
        ),
        _mockoon_route("get", "v2/carts", _mockoon_response(200, _example("cart-page"))),
        _mockoon_route("post", association, success, refusal),
        _mockoon_route("delete", association, _mockoon_response(204, None, valid), refusal),
        _mockoon_route(
            "post", "v2/customers/tokens", _mockoon_response(200, _example("customer-token"))
        ),
    ]
    return {
        "uuid": str(uuid.uuid4()),
        "lastMigration": 33,
        "name": "contract",
        "port": 3000,
        "routes": routes,
        "rootChildren": [{"type": "route", "uuid": route["uuid"]} for route in routes],
    }


def _mockoon_route(method: str, path: str, *responses: dict[str, Any]) -> dict[str, Any]:
    last = {**responses[-1], "default": True}
    return {
        "uuid": str(uuid.uuid4()),
        "type": "http",
        "documentation": "",
        "method": method,
        "endpoint": path,
        "responses": [*responses[:-1], last],
    }


def _mockoon_rule(member: str, operator: str, value: str) -> dict[str, Any]:
    return {
        "target": "body",
        "modifier": member,
        "operator": operator,
        "value": value,
        "invert": False,
    }


def _mockoon_response(
    status: int, body: Any, rules: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    return {
        "uuid": str(uuid.uuid4()),
        "statusCode": status,
        "body": "" if body is None else json.dumps(body),
        "headers": [{"key": "Content-Type", "value": "application/json"}],
        "rules": rules or [],
        "rulesOperator": "AND",
        "disableTemplating": True,
    }
