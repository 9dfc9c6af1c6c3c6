"""Access tokens and the tokens of owners: signed JWTs that name their tenant."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, Literal, NamedTuple

import jwt
import msgspec

from cart_mock.owners import Owner, OwnerType

TokenKind = Literal["access", "customer", "account"]
_TOKEN_KINDS: tuple[TokenKind, ...] = ("access", "customer", "account")
Grant = Literal["client_credentials", "implicit"]
GRANTS: tuple[Grant, ...] = ("client_credentials", "implicit")

ACCESS_TOKEN_LIFETIME = 3600
"""Lifetime of an access token, in seconds."""
OWNER_TOKEN_LIFETIME = 24 * 3600
"""Lifetime of a customer token and of an account token, in seconds."""

_ALGORITHM = "HS256"
_ACCESS = "access"
_HEADER = jwt.encode({}, b"-" * 32, _ALGORITHM).encode().partition(b".")[0]
"""The first part of every token that is issued here."""
_decode = msgspec.json.Decoder(dict[str, Any]).decode
# Expiry is judged by the store's clock, which the library does not know.
_REQUIRED = {"exp", "aud", "store"}
_OPTIONS: Any = {"require": list(_REQUIRED), "verify_exp": False, "verify_iat": False}


class TokenInvalid(Exception):
    """A token that is malformed, forged or of the wrong kind."""


class AccessToken(NamedTuple):
    """The claims of an access token. ``expires`` is in seconds since the epoch.

    ``incarnation`` is that of the tenant when the token was issued.
    """

    tenant: str
    grant: Grant
    expires: int
    incarnation: str = ""


class OwnerToken(NamedTuple):
    """The claims of a customer token or an account token.

    ``expires`` is in seconds since the epoch. ``member`` is who logged in, of an account token.
    """

    tenant: str
    owner: Owner
    expires: int
    member: str | None = None
    incarnation: str = ""


class Tokens:
    """An issuer and reader of tokens with one signing key.

    It compares signatures in constant time.
    """

    def __init__(self, signing_key: bytes) -> None:
        self._key = signing_key

    def sign_with(self, signing_key: bytes) -> None:
        """Issue and accept only tokens of that key from now on."""
        self._key = signing_key

    def issue_access(
        self, tenant: str, grant: Grant, now: float, token_id: str, *, incarnation: str = ""
    ) -> tuple[str, int]:
        """Return a new access token and when it expires, in seconds since the epoch."""
        expires = int(now) + ACCESS_TOKEN_LIFETIME
        claims = {
            "aud": _ACCESS, "store": tenant, "grant": grant, "exp": expires, "jti": token_id,
            "inc": incarnation,
        }  # fmt: skip
        return jwt.encode(claims, self._key, _ALGORITHM), expires

    def issue_owner(
        self, tenant: str, owner: Owner, now: float, token_id: str, member: str | None = None,
        *, incarnation: str = "",
    ) -> tuple[str, int]:  # fmt: skip
        """Return a new token of an owner and when it expires, in seconds since the epoch."""
        expires = int(now) + OWNER_TOKEN_LIFETIME
        claims: dict[str, Any] = {
            "aud": owner.type, "store": tenant, "sub": owner.id, "exp": expires, "jti": token_id,
            "inc": incarnation,
        }  # fmt: skip
        if member is not None:
            claims["member"] = member
        return jwt.encode(claims, self._key, _ALGORITHM), expires

    def read_access(self, token: str) -> AccessToken:
        """Return the claims of an access token, expired or not. Raises TokenInvalid."""
        claims = self._claims(token, _ACCESS)
        return AccessToken(claims["store"], claims["grant"], claims["exp"], claims.get("inc", ""))

    def read_owner(self, token: str, kind: OwnerType) -> OwnerToken:
        """Return the claims of an owner's token, expired or not. Raises TokenInvalid."""
        claims = self._claims(token, kind)
        owner = Owner(kind, claims["sub"])
        return OwnerToken(
            claims["store"], owner, claims["exp"], claims.get("member"), claims.get("inc", "")
        )

    def kind_of(self, token: str) -> TokenKind | None:
        """Return what kind of token was issued here, or None if it was not."""
        for kind in _TOKEN_KINDS:
            try:
                self._claims(token, kind)
            except TokenInvalid:
                continue
            return kind
        return None

    def _claims(self, token: str, audience: str) -> dict[str, Any]:
        try:
            claims = self._claims_issued_here(token.encode())
            if claims.get("aud") == audience and claims.keys() >= _REQUIRED:
                return claims
            # Only the library refuses, or accepts what is written in another way.
            return jwt.decode(token, self._key, [_ALGORITHM], _OPTIONS, audience=audience)
        except (jwt.InvalidTokenError, ValueError) as error:
            raise TokenInvalid from error

    def _claims_issued_here(self, token: bytes) -> dict[str, Any]:
        """Return the claims of a token that was signed here, byte for byte; of any other, none.

        This takes 7 µs and the library 53, which counts when there are more shoppers than tokens
        that are remembered.
        """
        signed, _, signature = token.rpartition(b".")
        header, _, payload = signed.partition(b".")
        if header != _HEADER:
            return {}
        expected = urlsafe_b64encode(hmac.digest(self._key, signed, "sha256")).rstrip(b"=")
        if not hmac.compare_digest(expected, signature):
            return {}
        try:
            return _decode(urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
        except msgspec.MsgspecError:
            return {}
