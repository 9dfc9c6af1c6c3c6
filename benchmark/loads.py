"""The loads: requests that are sent repeatedly, and the Lua script with which wrk sends them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from benchmark.population import PASSWORD, Population

GET_CART = "GET cart"
LIST_CARTS = "GET carts of a customer"
ASSOCIATE = "POST association"
REFUSED = "refused POST"
LOGIN = "login"
LOAD_NAMES = (GET_CART, LIST_CARTS, ASSOCIATE, REFUSED, LOGIN)

Requests = Literal["new", "repeated", "browser"]
"""``new`` gives each request a unique header; ``browser`` also adds the headers of a browser, with
its cookies."""
REQUESTS: tuple[Requests, ...] = get_args(Requests)

SUCCESS = frozenset(range(200, 300))
CREATED = frozenset({200})
"""The status of a new association; the status of an existing one is 204."""
REFUSAL = frozenset(range(400, 500))


@dataclass(frozen=True)
class Request:
    """One request, and its expected statuses."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    expected: frozenset[int] = SUCCESS


@dataclass(frozen=True)
class Load:
    """Requests that are sent in this order, repeatedly.

    ``settle`` is sent once before each measurement, to restore the state that the first request
    expects; its answers are ignored. ``note`` describes the load on a peer without that operation.
    """

    name: str
    requests: tuple[Request, ...]
    settle: tuple[Request, ...] = ()
    note: str = ""

    @property
    def refused(self) -> bool:
        """Whether every expected answer is an error."""
        return all(min(request.expected) >= 400 for request in self.requests)


@dataclass(frozen=True)
class Tokens:
    """The tokens of the requests: the shop's, the readers' and the writer's."""

    access: str
    customers: Mapping[str, str]

    def headers(self, customer: str) -> dict[str, str]:
        """Return the headers of a customer's request."""
        return {
            "Authorization": f"Bearer {self.access}",
            "X-Moltin-Customer-Token": self.customers[customer],
        }


def login_request(population: Population, customer: str, access_token: str) -> Request:
    """Return the request by which a customer gets a customer token."""
    attributes = {
        "type": "token",
        "email": population.email(customer),
        "password": PASSWORD,
        "authentication_mechanism": "password",
    }
    return json_request("POST", "/v2/customers/tokens", {"data": attributes}, _bearer(access_token))


def contract_loads(population: Population, tokens: Tokens) -> dict[str, Load]:
    """Return the loads for servers of the contract: a shopper's requests with both tokens."""
    writer = tokens.headers(population.writer)
    return {
        load.name: load
        for load in (
            Load(
                GET_CART,
                tuple(
                    Request("GET", f"/v2/carts/{cart}", tokens.headers(reader))
                    for reader, cart in population.carts_of_readers
                ),
            ),
            Load(
                LIST_CARTS,
                tuple(
                    Request("GET", "/v2/carts", tokens.headers(reader))
                    for reader in population.readers
                ),
            ),
            alternating(
                [
                    _association("POST", cart, "customer", population.writer, writer, CREATED)
                    for cart in population.writable
                ],
                [
                    _association("DELETE", cart, "customer", population.writer, writer)
                    for cart in population.writable
                ],
            ),
            Load(
                REFUSED,
                tuple(
                    _association("POST", cart, "customers", population.writer, writer, REFUSAL)
                    for cart in population.writable
                ),
            ),
            Load(LOGIN, (login_request(population, population.writer, tokens.access),)),
        )
    }


def alternating(makes: Sequence[Request], unmakes: Sequence[Request], note: str = "") -> Load:
    """Return the write load: request ``i`` of ``unmakes`` removes what that of ``makes`` created.

    The two alternate. Between creating and removing a thing there is half a lap, which is more than
    the connections have in flight, so every request finds the state that it changes. At the start
    of a lap, the second half of the things exists.
    """
    half = len(makes) // 2
    requests: list[Request] = []
    for i, make in enumerate(makes):
        requests += [make, unmakes[i - half]]
    return Load(ASSOCIATE, tuple(requests), settle=(*unmakes, *makes[half:]), note=note)


def lua_script(load: Load, requests: Requests = "new", wait_ms: int = 0) -> str:
    """Return the wrk script that sends the load and ends with its figures as one line of JSON.

    With ``wait_ms`` each connection waits before each request, for that time on average.
    """
    made = [_lua_request(request) for request in load.requests]
    parts = [",\n    ".join(made[at : at + _PART]) for at in range(0, len(made), _PART)]
    text = ",\n  ".join(f"function() return {{\n    {part}\n  }} end" for part in parts)
    extra = _BROWSER if requests == "browser" else ""
    numbered = str(requests != "repeated").lower()
    script = _SCRIPT.replace("NUMBERED", numbered).replace("EXTRA", _lua_string(extra))
    script = script.replace("PARTS", text)
    return f"{script}{_WAIT % (2 * wait_ms)}" if wait_ms else script


_WAIT = """
function delay()
  return math.random(0, %d)
end
"""


_BROWSER = (
    "Origin: https://shop.example\r\n"
    "Referer: https://shop.example/cart\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36\r\n"
    "Accept: application/json, text/plain, */*\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-GB,en;q=0.9\r\n"
    "Cookie: visit=8c1f5a2e; consent=all; currency=EUR\r\n"
    "Sec-Fetch-Mode: cors\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: empty\r\n"
)


_PART = 1_000
"""How many requests a function of the script makes; LuaJIT limits the texts in a function."""
_SCRIPT = """\
local parts = {
  PARTS
}
local requests
local rests = {}
local last
local count = 0
local numbered = NUMBERED
local extra = EXTRA

function init(_)
  requests = {}
  for _, part in ipairs(parts) do
    for _, request in ipairs(part()) do
      requests[#requests + 1] = request
    end
  end
  if numbered then
    for i, request in ipairs(requests) do
      local at = request:find("\\r\\n", 1, true) + 1
      requests[i], rests[i] = request:sub(1, at), extra .. request:sub(at + 1)
    end
  end
  -- Before it starts, wrk asks for one request only to look at it; the next is the first of all.
  last = #requests - 1
end

function request()
  last = last % #requests + 1
  if not numbered then
    return requests[last]
  end
  count = count + 1
  return requests[last] .. "X-Number: " .. count .. "\\r\\n" .. rests[last]
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '\\n{"requests":%d,"seconds":%.6f,"p50_ms":%.4f,"p99_ms":%.4f,'
      .. '"p999_ms":%.4f,"max_ms":%.4f,"refused":%d,"socket_errors":%d}\\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    latency:percentile(99.9) / 1e3, latency.max / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
"""


def _lua_request(request: Request) -> str:
    headers = ", ".join(
        f"[{_lua_string(k)}] = {_lua_string(v)}" for k, v in request.headers.items()
    )
    body = "nil" if request.body is None else _lua_string(request.body)
    method, path = _lua_string(request.method), _lua_string(request.path)
    return f"wrk.format({method}, {path}, {{{headers}}}, {body})"


def _lua_string(text: str) -> str:
    """Return a Lua string literal of the text's UTF-8 bytes."""
    return '"' + "".join(_lua_byte(byte) for byte in text.encode()) + '"'


def _lua_byte(byte: int) -> str:
    plain = 0x20 <= byte < 0x7F and chr(byte) not in '"\\'
    return chr(byte) if plain else f"\\{byte:03d}"


def _association(
    method: str,
    cart: str,
    kind: str,
    customer: str,
    headers: Mapping[str, str],
    expected: frozenset[int] = SUCCESS,
) -> Request:
    # Clients write the same body in different ways: in another order, with spaces.
    number = int(cart.rpartition("-")[2])
    entry = {"type": kind, "id": customer} if number % 2 else {"id": customer, "type": kind}
    path = f"/v2/carts/{cart}/relationships/customers"
    request = json_request(method, path, {"data": [entry]}, headers, expected)
    return replace(request, body=json.dumps({"data": [entry]})) if number % 3 else request


def json_request(
    method: str,
    path: str,
    body: object,
    headers: Mapping[str, str],
    expected: frozenset[int] = SUCCESS,
) -> Request:
    """Return a request with a JSON body."""
    with_type = {"Content-Type": "application/json", **headers}
    return Request(method, path, with_type, json.dumps(body, separators=(",", ":")), expected)


def _bearer(access_token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {access_token}"}
