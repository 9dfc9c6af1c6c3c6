"""Who may use the workbench: everyone on loopback, elsewhere who has the key."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from connexion.lifecycle import ConnexionRequest

CONTROL_KEY = "cart-mock.control-key"
"""Where a request's ASGI state holds the key that is needed."""

_LOOPBACK_HOSTS = {"localhost", "127.0.0.1", "::1"}


def check_key(key: str, request: ConnexionRequest) -> Mapping[str, Any] | None:
    """Connexion's check of a key that was sent: who sent it, or None if it does not hold."""
    expected: str = request.scope[CONTROL_KEY]
    return {"sub": "control"} if hmac.compare_digest(key.encode(), expected.encode()) else None


def is_loopback_origin(origin: str) -> bool:
    """Whether a browser page with that origin was served from this machine."""
    host = _host_of(origin)
    return host in _LOOPBACK_HOSTS or host.endswith(".localhost")


def is_local_host(header: str) -> bool:
    """Whether a ``Host`` header can only mean this machine or a bare address.

    Another name could be a public one that was made to lead here, or a proxy's for others.
    """
    host = _host_of(f"//{header}")
    if "." not in host or host.endswith(".localhost"):
        return True
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return "not-a-host."
