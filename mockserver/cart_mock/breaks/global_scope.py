"""Broken rules for a whole process, also for requests whose tenant is not known yet.

Most breaks are interceptors of every tenant. This module is only for those that interceptors cannot
make: the access token, the form that requests one, and the letter case of header names.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

from cart_mock.api.endpoints import Mock, UnidentifiedRequest
from cart_mock.auth.tokens import GRANTS, Grant
from cart_mock.breaks.caller import bearer, claims_of
from cart_mock.breaks.hooks import Access, Break, Form, Header
from cart_mock.breaks.interceptor import BreakRules
from cart_mock.messages import Answer, Request
from cart_mock.owners import OwnerType
from cart_mock.rules.context import ACCESS_HEADER, Caller, TokenRequestContext
from cart_mock.tenants.tenant import Tenant


class GlobalBreaks:
    """The breaks that apply to requests without a known tenant.

    An access token that is wrongly accepted has the tenant and the grant that it names. If it names
    no tenant, the caller is the administrator of the most recently created one.
    """

    def __init__(self, mock: Mock, breaks: Sequence[Break]) -> None:
        self._mock = mock
        self._rules = BreakRules(breaks)
        self.of_stores = tuple(broken.id for broken in breaks if broken.scope == "store")
        hooks = [hook for broken in breaks for hook in broken.hooks]
        self._access = [hook for hook in hooks if isinstance(hook, Access)]
        self._forms = [hook for hook in hooks if isinstance(hook, Form)]

    def form(self, form: dict[str, str]) -> dict[str, str]:
        """Return the form of a request for an access token after these breaks."""
        for hook in self._forms:
            form = hook.change(form)
        return form

    def caller(self, request: Request, caller: Caller, takes: Collection[OwnerType]) -> Caller:
        """Return the caller that a request without a valid access token is attributed to."""
        if not any(hook.when(request) for hook in self._access):
            return caller
        claims = claims_of(bearer(request)) or {}
        tenant = self._mock.tenants.get(str(claims.get("store"))) or self._last_tenant()
        if tenant is None:
            return caller
        grant: Grant = next((g for g in GRANTS if g == claims.get("grant")), "client_credentials")
        header = ACCESS_HEADER.lower().encode()
        valid = {**request.headers, header: self._authorization(tenant, grant)}
        return self._mock.callers.of(valid, takes)

    def patched(
        self, operation_id: str, ctx: TokenRequestContext | UnidentifiedRequest, answer: Answer
    ) -> Answer:
        """Return the answer after these breaks."""
        return self._rules.patched(operation_id, ctx, answer)

    def _last_tenant(self) -> Tenant | None:
        return next(reversed(list(self._mock.tenants)), None)

    def _authorization(self, tenant: Tenant, grant: Grant) -> bytes:
        token, _ = self._mock.tokens.issue_access(
            tenant.name, grant, tenant.now(), tenant.new_id(), incarnation=tenant.incarnation
        )
        return b"Bearer " + token.encode()


def break_process(mock: Mock, breaks: Sequence[Break]) -> None:
    """Break these rules for every tenant, present and future, and for requests without one."""
    of_tenants = [broken for broken in breaks if broken.scope == "store"]

    def break_tenant(tenant: Tenant) -> None:
        if of_tenants:
            tenant.interceptors.set("breaks", BreakRules(of_tenants))
            tenant.breaks = tuple(broken.id for broken in of_tenants)

    mock.breaks = GlobalBreaks(mock, breaks)
    mock.tenants.on_create.append(break_tenant)
    for tenant in mock.tenants:
        break_tenant(tenant)


def losing_headers(
    protocol: type[asyncio.Protocol], breaks: Sequence[Break]
) -> type[asyncio.Protocol]:
    """Return a uvicorn HTTP protocol that drops headers whose names the breaks reject.

    ASGI only has header names in lower case, so the letter case is only known to the protocol.
    """
    hooks = [hook for broken in breaks for hook in broken.hooks if isinstance(hook, Header)]
    if not hooks:
        return protocol
    base: Any = protocol

    class Losing(base):  # type: ignore[misc]  # the base is chosen at run time
        def on_header(self, name: bytes, value: bytes) -> None:
            if all(hook.accepts(name) for hook in hooks):
                super().on_header(name, value)

    return Losing
