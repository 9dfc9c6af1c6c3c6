"""Access tokens and customer tokens: signed JWTs that name their tenant."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import jwt

Grant = Literal["client_credentials", "implicit"]
GRANTS: tuple[Grant, ...] = ("client_credentials", "implicit")

ACCESS_TOKEN_LIFETIME = 3600
"""Lifetime of an access token, in seconds."""
CUSTOMER_TOKEN_LIFETIME = 24 * 3600
"""Lifetime of a customer token, in seconds."""

_ALGORITHM = "HS256"
_ACCESS, _CUSTOMER = "access", "customer"
# The rules check the expiry by the store's clock, which the library does not know.
_OPTIONS: Any = {"require": ["exp", "aud", "store"], "verify_exp": False, "verify_iat": False}


class TokenInvalid(Exception):
    """A token that is malformed, forged or of the wrong kind."""


class AccessToken(NamedTuple):
    """The claims of an access token. ``expires`` is in seconds since the epoch."""

    tenant: str
    grant: Grant
    expires: int


class CustomerToken(NamedTuple):
    """The claims of a customer token. ``expires`` is in seconds since the epoch."""

    tenant: str
    customer: str
    expires: int


class Tokens:
    """An issuer and reader of tokens with one signing key.

    It compares signatures in constant time.
    """

    def __init__(self, signing_key: bytes) -> None:
        self._key = signing_key

    def issue_access(self, tenant: str, grant: Grant, now: float, token_id: str) -> tuple[str, int]:
        """Return a new access token and when it expires, in seconds since the epoch."""
        expires = int(now) + ACCESS_TOKEN_LIFETIME
        claims = {"aud": _ACCESS, "store": tenant, "grant": grant, "exp": expires, "jti": token_id}
        return jwt.encode(claims, self._key, _ALGORITHM), expires

    def issue_customer(
        self, tenant: str, customer: str, now: float, token_id: str
    ) -> tuple[str, int]:
        """Return a new customer token and when it expires, in seconds since the epoch."""
        expires = int(now) + CUSTOMER_TOKEN_LIFETIME
        claims = {
            "aud": _CUSTOMER, "store": tenant, "sub": customer, "exp": expires, "jti": token_id,
        }  # fmt: skip
        return jwt.encode(claims, self._key, _ALGORITHM), expires

    def read_access(self, token: str) -> AccessToken:
        """Return the claims of an access token, expired or not. Raises TokenInvalid."""
        claims = self._claims(token, _ACCESS)
        return AccessToken(claims["store"], claims["grant"], claims["exp"])

    def read_customer(self, token: str) -> CustomerToken:
        """Return the claims of a customer token, expired or not. Raises TokenInvalid."""
        claims = self._claims(token, _CUSTOMER)
        return CustomerToken(claims["store"], claims["sub"], claims["exp"])

    def _claims(self, token: str, audience: str) -> dict[str, Any]:
        try:
            return jwt.decode(token, self._key, [_ALGORITHM], _OPTIONS, audience=audience)
        except (jwt.InvalidTokenError, ValueError) as error:
            raise TokenInvalid from error
