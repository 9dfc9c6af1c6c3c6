"""Access to the control API: open on loopback, by control key elsewhere."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping
from ipaddress import ip_address
from typing import Any, Final

from connexion.lifecycle import ConnexionRequest

from cart_mock.http.origins import host_of, is_loopback_origin
from cart_mock.workbench.errors import Refusal

CONTROL_KEY: Final = "cart-mock.control-key"
"""The name in the ASGI scope under which the required key is stored."""


def check_key(key: str, request: ConnexionRequest) -> Mapping[str, Any] | None:
    """Return the identity of a client that sent this key, or None if the key is wrong.

    Connexion calls it for each security scheme of ``workbench.yaml``.
    """
    expected: str = request.scope[CONTROL_KEY]
    return {"sub": "control"} if hmac.compare_digest(key.encode(), expected.encode()) else None


def has_key(headers: Mapping[bytes, bytes], key: str | None) -> bool:
    """Return whether a request has the key in one of its places, or none is required."""
    if key is None:
        return True
    sent = headers.get(b"x-control-key"), headers.get(b"authorization", b"")[len("Bearer ") :]
    return any(
        hmac.compare_digest(each.decode("latin-1").encode(), key.encode())
        for each in sent
        if each is not None
    )


def check_is_local(headers: Mapping[bytes, bytes], hosts: Collection[str] = ()) -> None:
    """Raise Refusal if a request came from a page, or through a host name, of another machine.

    ``hosts`` are further names of this machine, in lower case.
    """
    origin = headers.get(b"origin", b"").decode("latin-1")
    host = headers.get(b"host", b"").decode("latin-1")
    hint = (
        "Call from this machine, by its address, or start cart-mock with --control-key, "
        "or with --allow-host NAME if the name is yours."
    )
    if not is_local_host(host) and host_of(f"//{host}") not in hosts:
        raise Refusal("host-not-allowed", f"it is {host[:200]}", hint, "Host")
    is_own_page = bool(host) and origin.partition("://")[2] == host
    if origin and not (is_own_page or is_loopback_origin(origin) or host_of(origin) in hosts):
        raise Refusal("origin-not-allowed", f"it is {origin[:200]}", hint, "Origin")


def is_local_host(header: str) -> bool:
    """Return whether a ``Host`` header is a name of this machine or an IP address.

    Any other name could be a public name that an attacker resolves to this machine, or the name of
    a proxy for other clients.
    """
    host = host_of(f"//{header}")
    if "." not in host or host.endswith(".localhost"):
        return True
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
