"""Requests as an attacker sends them: right ones of every operation, and what is wrong in one."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cart_mock.workbench.app import DOCUMENT_PATH
from cart_spec.contract import iter_operations, load_contract, read_document

STORES = ("shop", "other", "a%2Fb", "%E2%80%AE")
IDS = ("c", "ada", "gone", "1", "x-y", "%2e%2e", "a%2Fb", "%00", "%ff", "%F0%9F%8D%92", "n" * 300)
VALUES: tuple[str, ...] = (
    "null", "true", "[]", "{}", '""', "0", "-1", "1e999", "-1e999", "NaN", "Infinity", "1.5", "5.0",
    "9" * 4301, "-" + "9" * 20, "1" + "0" * 400, '"\\ud800"', '"\\udfff\\ud800"', '"\\u0000"',
    '"\\u202e\\u0085"', '"' + "x" * 5000 + '"', "[" * 2000, '"0001-01-01T00:00:00+14:00"',
    '"9999-12-31T23:59:59-12:00"', '"9999-12-31T23:59:60Z"', '"0000-01-01T00:00:00Z"',
    '"2020-02-30T00:00:00Z"', '"2020-01-01T00:00:00.999999999Z"', "253402300799", "-62135596800",
    "1e18", "-1e18", '"custom_item"', '"cart_item"', '"ada@example.com"', '"shop"', '"c"', '"ada"',
    '["a","a"]', '[null]', '{"":""}', '{"id":{"id":{}}}', '"{{path.id}}"', '"http://127.0.0.1:9"',
)  # fmt: skip
"""JSON that stands where another value was expected. Some of it is not JSON."""
MEDIA = (
    b"application/json", b"application/json; charset=utf-16", b"application/json; charset=nix",
    b"application/vnd.api+json", b"application/x-www-form-urlencoded", b"multipart/form-data",
    b"multipart/form-data; boundary=", b"multipart/form-data; boundary=x", b"text/plain", b"", b";",
    b"\xff/\xfe", b"application/json;" + b"a=b;" * 500, b"*/*", b"Application/JSON", b";x",
    b"application/json;x",
)  # fmt: skip
HEADERS = (
    b"Content-Encoding: gzip", b"Content-Encoding: br", b"Content-Encoding: \xff",
    b"Content-Encoding: gzip, gzip, gzip, gzip", b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: identity", b"Content-Length: 5",
    b"Content-Length: -1", b"Content-Length: 99999999999999999999", b"Content-Length: 0x5",
    b"Expect: 100-continue", b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings",
    b"Upgrade: websocket\r\nConnection: Upgrade", b"Connection: close", b"Connection: \xff",
    b"Host: evil.example", b"Host: [::1", b"Host: \xff", b"Host:", b"Host: mock:99999999",
    b"Origin: null", b"Origin: http://[", b"Origin: https://shop.example", b"Origin: \xff\xfe",
    b"Authorization: Bearer", b"Authorization: Bearer a.b.c", b"Authorization: Bearer eyJ.eyJ.\xff",
    b"Authorization: Basic \xff", b"X-Moltin-Customer-Token: a.b.c", b"X-Control-Key: \xff",
    b"X-Moltin-Customer-Token: \xff", b"EP-Account-Management-Authentication-Token: x",
    b"EP-Account-Management-Authentication-Token: a.b.c", b"Cookie: " + b"a=b;" * 200,
    b"Access-Control-Request-Method: GET\r\nOrigin: https://shop.example", b"Accept: \xff",
    b"Accept: text/html", b"Accept-Encoding: \xff", b"Forwarded: for=\xff", b"X: " + b"x" * 9000,
    b"traceparent: 00-" + b"z" * 32 + b"-0-0", b": x", b"X", b" X: y", b"X : y", b"X:\ty\x00z",
)  # fmt: skip
QUERIES = (
    "page[limit]=-1", "page[limit]=" + "9" * 4301, "page[offset]=1e9", "page[limit]=1&page[limit]=",
    "page%5Blimit%5D=%00", "filter=eq(id,x)", "filter=" + "(" * 500, "filter=in(id,%ff)", "filter=",
    "filter=eq(account_id," + "x," * 500 + ")", "include=items,items,\x7f", "wait=0", "wait=NaN",
    "wait=-1", "since=%F0", "times=maybe", "limit=" + "9" * 400, "from=%ff", "%ff=%fe", "a" * 3000,
    "&&&=", "=", "search=%ED%A0%80", "status=" + "9" * 4301, "from=x&to=y", "before=x", "?",
)  # fmt: skip
METHODS = (
    "GET",
    "HEAD",
    "OPTIONS",
    "PATCH",
    "TRACE",
    "CONNECT",
    "M-SEARCH",
    "get",
    "PRI",
    "G\xe9T",
)


class Operation(NamedTuple):
    """An operation of the API or of the control API; ``body`` is a schema, None without one."""

    method: str
    path: str
    query: tuple[str, ...]
    body: Mapping[str, Any] | None
    document: Mapping[str, Any]
    is_form: bool


def operations() -> list[Operation]:
    """Return all operations of both documents."""
    found = []
    for document, base in (
        (load_contract().document, ""),
        (read_document(DOCUMENT_PATH), "/_mock"),
    ):
        for method, path, operation in iter_operations(document):
            shared = document["paths"][path].get("parameters", [])
            parameters = [
                _resolved(p, document) for p in (*shared, *operation.get("parameters", []))
            ]
            query = tuple(p["name"] for p in parameters if p["in"] == "query")
            body = _resolved(operation.get("requestBody", {}), document).get("content", {})
            media = next(iter(body), "")
            schema = body[media].get("schema", {}) if media else None
            is_form = "form" in media
            found.append(Operation(method.upper(), base + path, query, schema, document, is_form))
    return found


def _resolved(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        found: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step.replace("~1", "/").replace("~0", "~")]
        schema = found
    return schema


def _merged(parts: list[Mapping[str, Any]], document: Mapping[str, Any]) -> Mapping[str, Any]:
    merged: dict[str, Any] = {"type": "object", "properties": {}, "required": []}
    for each in parts:
        part = _resolved(each, document)
        merged["properties"].update(part.get("properties", {}))
        merged["required"] += part.get("required", [])
    return merged


POOL = 500
"""How many requests are kept to be sent again in another order: a new one takes ten times as long
to make as an answer takes to read."""


class Attacker:
    """Makes requests from a seed: the same ones for the same seed.

    ``tokens`` are header lines that are right, for administrators, shoppers and owners.
    """

    def __init__(self, seed: int, tokens: list[bytes]) -> None:
        self._random = random.Random(seed)
        self._tokens = tokens
        self._operations = operations()
        self._pool: list[bytes] = []

    def connection(self) -> Iterator[bytes]:
        """Yield what one connection sends, piece by piece."""
        rng = self._random
        parts = [self._new_or_old() for _ in range(rng.choice((1, 2, 8, 30, 60)))]
        if rng.random() < 0.5:
            # What follows is read in another way from there on, or not at all.
            at = rng.randrange(len(parts))
            parts[at] = self._damaged(parts[at])
        sent = b"".join(parts)
        while sent:
            cut = len(sent) if rng.random() < 0.8 else rng.randrange(1, 2000)
            yield sent[:cut]
            sent = sent[cut:]

    def _new_or_old(self) -> bytes:
        """Return a request: a new one, or one of those that were made lately."""
        rng, pool = self._random, self._pool
        if len(pool) < POOL:
            pool.append(self.request())
            return pool[-1]
        at = rng.randrange(POOL)
        if rng.random() < 0.2:
            pool[at] = self.request()
        return pool[at]

    def request(self) -> bytes:
        """Return one request, as bytes that may be no HTTP."""
        rng = self._random
        operation = rng.choice(self._operations)
        method = rng.choice(METHODS) if rng.random() < 0.05 else operation.method
        head = [f"{method} {self._target(operation)} HTTP/1.1".encode("latin-1", "replace")]
        if rng.random() < 0.98:
            head.append(b"Host: localhost")
        if rng.random() < 0.9:
            head.append(rng.choice(self._tokens))
        body = b""
        if operation.body is not None or rng.random() < 0.03:
            body = self._body(operation)
            form = MEDIA[4]
            media = form if operation.is_form else b"application/json"
            if rng.random() < 0.1:
                media = rng.choice(MEDIA)
            if rng.random() < 0.98:
                head.append(b"Content-Type: " + media)
        while rng.random() < 0.15:
            head.append(rng.choice(HEADERS))
        if body and rng.random() < 0.15:
            head.append(b"Transfer-Encoding: chunked")
            body = self._chunked(body)
        elif body or operation.method in ("POST", "PUT"):
            length = len(body) if rng.random() < 0.97 else rng.choice((0, 1, len(body) + 3))
            head.append(b"Content-Length: %d" % length)
        rng.shuffle(head[1:])
        return b"\r\n".join(head) + b"\r\n\r\n" + body

    def _target(self, operation: Operation) -> str:
        rng = self._random
        path = operation.path
        while "{" in path:
            before, _, after = path.partition("{")
            name, _, after = after.partition("}")
            values: tuple[str, ...] = STORES if name == "store" else IDS
            if operation.method == "DELETE" and operation.path.endswith("{store}"):
                values = STORES[1:]  # the first has the tokens
            path = before + rng.choice(values[:3] if rng.random() < 0.8 else values) + after
        values = ("1", "x", "true", "0", "-1", "%ff", "9" * 30)
        named = (name for name in operation.query if rng.random() < 0.3)
        query = [f"{name}={rng.choice(values)}" for name in named]
        while rng.random() < 0.1:
            query.append(rng.choice(QUERIES))
        if rng.random() < 0.01:
            path = rng.choice(
                ("", "*", "//", "http://evil.example/", "/" + "x" * 70_000, "/%", "/\xff")
            )
        return path + ("?" + "&".join(query) if query else "")

    def _body(self, operation: Operation) -> bytes:
        rng = self._random
        if operation.is_form:
            fields = {
                "grant_type": rng.choice(("implicit", "client_credentials", "x")),
                "client_id": rng.choice(("shop", "other", "a/b", "%ff", "x" * 256, "")),
                "client_secret": "x",
            }
            text = "&".join(f"{name}={value}" for name, value in fields.items())
        else:
            text = self._json(operation.body or {}, operation.document, 0)
            if rng.random() < 0.5:
                text = self.replaced(text)
        content = text.encode("utf-8", "surrogatepass")
        if rng.random() < 0.01:
            content = text.encode("utf-16")
        return content

    def replaced(self, text: str) -> str:
        """Return JSON with a hostile value in the place of one of its values."""
        rng = self._random
        places = [at for at, sign in enumerate(text) if sign in ":["]
        if not places:
            return rng.choice(VALUES)
        at = rng.choice(places) + 1
        end = at
        while end < len(text) and text[end] not in ",}]":
            end += 1
        return text[:at] + rng.choice(VALUES) + text[end:]

    def _json(self, schema: Mapping[str, Any], document: Mapping[str, Any], depth: int) -> str:
        """Return JSON that fits a schema, more or less."""
        rng = self._random
        schema = _resolved(schema, document)
        if depth > 8:
            return "null"
        if rng.random() < 0.02:
            return rng.choice(VALUES)
        for several in ("oneOf", "anyOf"):
            if several in schema:
                return self._json(rng.choice(schema[several]), document, depth + 1)
        if "allOf" in schema:
            schema = _merged(schema["allOf"], document)
        if "enum" in schema:
            return json.dumps(rng.choice(schema["enum"]))
        kind = schema.get("type") or ("object" if "properties" in schema else "string")
        if kind == "object":
            return self._object(schema, document, depth)
        if kind == "array":
            items = (schema.get("items", {}) for _ in range(rng.choice((0, 1, 1, 2))))
            return "[" + ",".join(self._json(item, document, depth + 1) for item in items) + "]"
        return self._scalar(kind, schema)

    def _object(self, schema: Mapping[str, Any], document: Mapping[str, Any], depth: int) -> str:
        rng = self._random
        required = schema.get("required", [])
        fields = [
            f"{json.dumps(name)}:{self._json(value, document, depth + 1)}"
            for name, value in schema.get("properties", {}).items()
            if name in required or rng.random() < 0.4
        ]
        if rng.random() < 0.1:
            fields.append(f'"{rng.choice(("id", "more", "type", "a.b"))}":{rng.choice(VALUES)}')
        return "{" + ",".join(fields) + "}"

    def _scalar(self, kind: str, schema: Mapping[str, Any]) -> str:
        rng = self._random
        if kind in ("integer", "number"):
            low, high = schema.get("minimum", 0), schema.get("maximum", 1000)
            return str(rng.choice((0, 1, 2, low, high, 400, 60)))
        if kind == "boolean":
            return rng.choice(("true", "false"))
        if schema.get("format") == "date-time":
            return rng.choice(('"2020-01-01T00:00:00Z"', *VALUES[22:28]))
        words = ("c", "ada", "shop", "x", "correct horse", "ada@example.com", "http://127.0.0.1:9",
                 "/v2/x/{id}", "USD", schema.get("example", "y"))  # fmt: skip
        return json.dumps(rng.choice(words))

    def _chunked(self, body: bytes) -> bytes:
        rng = self._random
        cut = rng.randrange(len(body) + 1)
        parts = [part for part in (body[:cut], body[cut:]) if part]
        chunks = b"".join(
            b"%x%b\r\n%b\r\n" % (len(p), rng.choice((b"", b";a=b")), p) for p in parts
        )
        trailer = rng.choice(
            (b"", b"", b"X: y\r\n", b"Authorization: x\r\n", b"Content-Length: 9\r\n")
        )
        return (
            chunks
            + rng.choice((b"0", b"0", b"000", b"", b"-1", b"f" * 20))
            + b"\r\n"
            + trailer
            + b"\r\n"
        )

    def _damaged(self, sent: bytes) -> bytes:
        rng = self._random
        for _ in range(rng.choice((1, 1, 3))):
            at = rng.randrange(len(sent) + 1)
            how = rng.randrange(5)
            if how == 0:
                sent = sent[:at] + bytes([rng.randrange(256)]) + sent[at + 1 :]
            elif how == 1:
                sent = sent[:at] + sent[at + rng.randrange(30) :]
            elif how == 2:
                sent = sent[:at] + sent[max(0, at - 40) : at] + sent[at:]
            elif how == 3:
                sent = (
                    sent[:at]
                    + rng.choice((b"\r\n", b"\n", b"\x00", b"\r\n\r\n", b"\xff"))
                    + sent[at:]
                )
            else:
                sent = sent[:at]
        return sent
